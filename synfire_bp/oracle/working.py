"""Data of the oracle's compiled loops: copies of the weights, and numbers, in tuples.

All matrices lie one below the other in one array, as wide as the widest hidden layer, so that one
compiled loop serves every number of layers.  It has the narrowest type that holds them, 16 bits as
a rule, and what leads to the output or comes from it is transposed: then every inner loop runs
along a row, without branches, and the processor works on 16 or 32 weights at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.accumulator import PARTS
from synfire_bp.circuit.decay import shrunk
from synfire_bp.circuit.grades import ONE, ErrorGrades
from synfire_bp.circuit.layout import weight_numbers
from synfire_bp.circuit.numbers import FULL
from synfire_bp.dice import likelihood, moments
from synfire_bp.oracle.algorithm import SOFT_STEPS, Algorithm, Decay
from synfire_bp.oracle.samples import Samples

__all__ = ["Chance", "Changing", "Net", "Rule", "Scratch", "Shown", "Working"]

Narrow = NDArray[np.signedinteger]

_LINE = 64
"""Bytes of a line of the cache."""


class Shown(NamedTuple):
    """Samples: `active`, `starts` and `labels` of `synfire_bp.oracle.Samples`."""

    active: NDArray[np.unsignedinteger]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]


class Net(NamedTuple):
    """Weights as the loops want them; of L weight layers, counted from 0.

    Attributes
    ----------
    sizes : int64 array, shape (L + 1,)
        Units of each layer.
    rows : int16 or int64 array, shape (rows of all matrices, widest hidden layer or more)
        All matrices.
    begins : int64 array, shape (2, L)
        The first row of each forward matrix, and of what errors come back through in its place:
        itself, or a matrix of its own.
    at_once : int
        Number of rows that can be summed in this type.
    """

    sizes: NDArray[np.int64]
    rows: Narrow
    begins: NDArray[np.int64]
    at_once: int


class Rule(NamedTuple):
    """What weights do; `up`, `down` and `limit` have the type of the weights.

    Attributes
    ----------
    upper : int
        Upper edge of the boxes of hidden layers.
    output_lower, output_upper : int
        Edges of the box of the output.
    margin : int
        How far from the threshold an output still is wrong.
    graded : bool
        Errors have a size: steps of 2^`output_shift` at the output, `output_most` at the most.
    hidden_shifts, hidden_most : int64 arrays, shape (L - 1,)
        The same of the units of each hidden layer.
    hidden_thresholds : int64 array, shape (L - 1,)
        Threshold for the magnitude of e in each hidden layer.
    after : bool
        Errors come back through weights after their update.
    direct : bool
        Errors come back from the output to every layer.
    lowest_layer : int
        Nothing below this weight layer learns.
    learns, back_learns : bool arrays, shape (L,)
        Of the forward matrices, and of feedback matrices in their places.
    showings : int
        Of a sample, of which only the first one counts.
    remains : bool
        Weights take whole steps of what tags collect as they come; else all of it (`taking`).
    """

    up: np.signedinteger
    down: np.signedinteger
    limit: np.signedinteger
    upper: int
    output_lower: int
    output_upper: int
    margin: int
    graded: bool
    output_shift: int
    output_most: int
    hidden_shifts: NDArray[np.int64]
    hidden_most: NDArray[np.int64]
    hidden_thresholds: NDArray[np.int64]
    after: bool
    direct: bool
    lowest_layer: int
    learns: NDArray[np.bool_]
    back_learns: NDArray[np.bool_]
    showings: int
    remains: bool


class Scratch(NamedTuple):
    """Arrays that the loops fill anew for every sample.

    Attributes
    ----------
    part : array of the weights' type
        A sum of some rows.
    sums : int32 or int64 array, shape (L - 1, widest layer)
        a_l of the hidden layers.
    units, n_units : index arrays
        Which hidden units fire, and how many of a layer; not of the last hidden layer.
    h : array of the weights' type, shape (n_(L-1),)
        1 for each unit of the last hidden layer that fires.
    output, d_output : arrays as `sums`, shape (n_L,)
        a_L and d_L.
    e, d, change : arrays
        e_l, d_l and by how much weights into each unit are to change.
    """

    part: Narrow
    sums: Narrow
    units: NDArray[np.unsignedinteger]
    n_units: NDArray[np.int64]
    h: Narrow
    output: Narrow
    d_output: Narrow
    e: Narrow
    d: Narrow
    change: Narrow


class Chance(NamedTuple):
    """What is drawn for each change of a weight, and with which dice (first moments).

    `soft`: 0 for hard bounds, else 1, 2, … for each of `synfire_bp.oracle.algorithm.SOFT_STEPS`.
    """

    soft: int
    likelihood: int
    step: int
    soft_dice: int
    update_dice: int
    level_dice: int
    n_phases: int


class Changing(NamedTuple):
    """`Changes` as the loops want them.

    Attributes
    ----------
    chance : Chance
        What is drawn.
    lowest, highest : arrays as `Net.rows`
        Bounds of the forward weights.
    numbers : int64 array
        What the weights of each layer are counted from.
    seen : int
        Samples of the call before.
    """

    chance: Chance
    lowest: Narrow
    highest: Narrow
    numbers: NDArray[np.int64]
    seen: int = 0


@dataclass(frozen=True, eq=False)
class Working:
    """Copies of the weights of an algorithm, and what it takes to change them.

    Attributes
    ----------
    algorithm : Algorithm
        What is done.
    net : Net
        The copies.
    scratch : Scratch
        Room for one sample.
    """

    algorithm: Algorithm
    net: Net
    scratch: Scratch

    @classmethod
    def of(
        cls, weights: Sequence[NDArray], algorithm: Algorithm, *, learning: bool = True
    ) -> Working:
        """Copy weights, into a type that also holds what they become if they learn."""
        small, greatest = _is_small(weights, algorithm, learning)
        narrow, wide = (np.int16, np.int32) if small else (np.int64, np.int64)
        rows, n = _stacked(weights, algorithm, narrow), algorithm.n_layers
        starts = [begin for begin, _, _ in _places(algorithm)]
        begins = np.array([starts[:n], starts[:n]])
        begins[1, list(algorithm.feedback)] = starts[n:]
        at_once = int(np.iinfo(narrow).max // greatest)
        net = Net(np.array(algorithm.sizes, dtype=np.int64), rows, begins, at_once)
        return cls(algorithm, net, _scratch(algorithm.sizes, narrow, wide))

    @property
    def blocks(self) -> NDArray[np.int64]:
        """Where the rows of each forward matrix begin and end, and how wide they are: (L, 3)."""
        n, shapes = self.algorithm.n_layers, self.algorithm.shapes
        places = list(_places(self.algorithm))[:n]
        return np.array(
            [
                (begin, end, shape[0] if transposed else shape[1])
                for (begin, end, transposed), shape in zip(places, shapes[:n], strict=True)
            ]
        )

    def shown(self, samples: Samples) -> Shown:
        """Return samples whose indices have the type of those of hidden units."""
        active = samples.active.astype(self.scratch.units.dtype, copy=False)
        return Shown(active, samples.starts, samples.labels)

    def rule(self, epoch: int = 0) -> Rule:
        """Return what weights do, or tags that collect it, in an epoch."""
        algorithm, narrow = self.algorithm, self.net.rows.dtype.type
        up, down = algorithm.potentiation, algorithm.depression
        if algorithm.fine is not None:
            up, down = (algorithm.fine.gain(epoch, change) for change in (up, down))
        n, learning = algorithm.n_layers, algorithm.learning
        learns, back_learns = np.array(learning[:n]), np.zeros(n, dtype=np.bool_)
        back_learns[list(algorithm.feedback)] = learning[n:]
        at_all = np.flatnonzero(learns | back_learns)
        grades = _grades(algorithm)
        lower = 0 if algorithm.semantics == "circuit" else 1  # how much lower upper edges are
        return Rule(
            narrow(up),
            narrow(down),
            narrow(algorithm.limit),
            upper=FULL - lower,
            output_lower=algorithm.box[0],
            output_upper=algorithm.box[1] - lower,
            margin=algorithm.margin,
            graded=algorithm.grades is not None,
            output_shift=grades.output.shift,
            output_most=grades.output.most,
            hidden_shifts=np.array([grade.shift for grade in grades.hidden]),
            hidden_most=np.array([grade.most for grade in grades.hidden]),
            hidden_thresholds=np.array(algorithm.hidden_thresholds or (n - 1) * (0,)),
            after=algorithm.semantics == "numpy",
            direct=algorithm.direct,
            lowest_layer=int(at_all[0]) if at_all.size else n,
            learns=learns,
            back_learns=back_learns,
            showings=algorithm.showings,
            remains=algorithm.fine is None or algorithm.fine.every is None,
        )

    def changing(self, moment: int) -> Changing | None:
        """Return how weights change, if `moment` is the first one of the call; None: as they do."""
        algorithm, changes = self.algorithm, self.algorithm.changes
        if changes is None:
            return None
        chance = Chance(
            1 + SOFT_STEPS.index(changes.soft_steps) if changes.soft else 0,
            likelihood(changes.probability),
            changes.step,
            moments(moment, "soft bounds"),
            moments(moment, "update"),
            moments(moment, "levels"),
            algorithm.n_phases,
        )
        narrow = self.net.rows.dtype.type
        lowest = _stacked(changes.lowest, algorithm, narrow)
        highest = _stacked(changes.highest, algorithm, narrow)
        numbers = np.cumsum([0, *(matrix.size for matrix in changes.lowest)]).astype(np.int64)
        return Changing(chance, lowest, highest, numbers)

    def returning(self) -> Narrow | None:
        """Return through which weights errors come back, beside `Net.rows`; None: all."""
        algorithm = self.algorithm
        if algorithm.returning is None:
            return None
        return _stacked(algorithm.returning, algorithm, self.net.rows.dtype.type)

    def collected(self, tags: Sequence[NDArray]) -> Narrow | None:
        """Return what tags hold, beside `Net.rows`; None: there are none."""
        if self.algorithm.fine is None:
            return None
        return _stacked(tags or self.algorithm.no_tags(), self.algorithm, self.net.rows.dtype.type)

    def taking(self) -> Narrow | None:
        """Return the numbers by which weights that take what tags hold throw dice; None: none do.

        A number lies where its weight does in `Net.rows`.
        """
        fine = self.algorithm.fine
        if fine is None or fine.every is None:
            return None
        return _stacked(weight_numbers(self.algorithm.shapes), self.algorithm, np.int32)

    def take_up(
        self, collected: Narrow, numbers: Narrow, moment: int, counts: NDArray[np.int64]
    ) -> None:
        """Let weights take what tags hold; count those of each layer that moved at the end."""
        from synfire_bp.oracle import kernels

        for number, (begin, end, _) in enumerate(_places(self.algorithm)):
            held = (matrix[begin:end] for matrix in (self.net.rows, collected, numbers))
            moved = kernels.take_up(*held, moment, self.algorithm.limit)
            if number < self.algorithm.n_layers:
                counts[number - self.algorithm.n_layers] += moved

    def write_tags(self, collected: Narrow | None, tags: Sequence[NDArray]) -> None:
        """Write what tags hold into the matrices that were given, if any were."""
        if collected is not None and tags:
            for matrix, copy in zip(tags, _blocks(collected, self.algorithm), strict=True):
                matrix[...] = copy

    def shrink(self, decay: Decay) -> None:
        """Let the matrices decay that do."""
        for copy, decays in zip(self._copies(), self.algorithm.decaying, strict=True):
            if decays:
                copy[...] = shrunk(copy, decay.keep)

    def write_back(self, weights: Sequence[NDArray]) -> None:
        """Write the copies into the matrices that may have changed."""
        algorithm = self.algorithm
        changed = zip(weights, self._copies(), algorithm.learning, algorithm.decaying, strict=True)
        for matrix, copy, learns, decays in changed:
            if learns or decays:
                matrix[...] = copy

    def _copies(self) -> Iterator[NDArray]:
        """Return views of the copies, in the order and the orientation of the weights."""
        return _blocks(self.net.rows, self.algorithm)


def _grades(algorithm: Algorithm) -> ErrorGrades:
    """Return how errors are graded; those that are not count as one step."""
    return algorithm.grades or ErrorGrades(ONE, (algorithm.n_layers - 1) * (ONE,))


def _is_small(weights: Sequence[NDArray], algorithm: Algorithm, learning: bool) -> tuple[bool, int]:
    """Return whether 16 bits hold everything, and the greatest weight that there may be."""
    changes = algorithm.changes
    bounds = () if changes is None else (*changes.lowest, *changes.highest)
    extremes = [int(end(initial=0)) for w in (*weights, *bounds) for end in (w.min, w.max)]
    greatest, collected = max(*map(abs, extremes), 1), 0
    if learning:
        level = 0 if changes is None else changes.step
        step = max(abs(algorithm.potentiation), abs(algorithm.depression)) * _grades(algorithm).most
        greatest = max(greatest, algorithm.limit) + max(step, level)
        collected = step * PARTS if algorithm.fine is not None else 0
    return max(greatest, collected, *algorithm.sizes) < 2**15, greatest


def _places(algorithm: Algorithm) -> Iterator[tuple[int, int, bool]]:
    """Yield where each matrix begins and ends, and whether it is transposed.

    Transposed is what leads to the output, or comes from it.
    """
    n, begin = algorithm.n_layers, 0
    layers = (*range(n), *algorithm.feedback)
    for number, (layer, shape) in enumerate(zip(layers, algorithm.shapes, strict=True)):
        transposed = layer == n - 1 or (number >= n and algorithm.direct)
        end = begin + (shape[1] if transposed else shape[0])
        yield begin, end, transposed
        begin = end


def _blocks(rows: NDArray, algorithm: Algorithm) -> Iterator[NDArray]:
    """Yield the part of `rows` of each matrix, in the orientation of the weights."""
    for (begin, end, transposed), shape in zip(_places(algorithm), algorithm.shapes, strict=True):
        n_pre, n_post = shape
        yield rows[begin:end, :n_pre].T if transposed else rows[begin:end, :n_post]


def _stacked(
    matrices: Sequence[NDArray], algorithm: Algorithm, dtype: type[np.signedinteger]
) -> Narrow:
    """Return matrices one below the other."""
    height = [end for _, end, _ in _places(algorithm)][len(matrices) - 1]
    rows = _lined_up((height, max(algorithm.sizes[1:-1])), dtype)
    for block, matrix in zip(_blocks(rows, algorithm), matrices, strict=False):
        block[...] = matrix
    return rows


def _lined_up(shape: tuple[int, int], dtype: type[np.signedinteger]) -> Narrow:
    """Return room whose rows begin with a line of the cache, and so cross as few as they can."""
    size = np.dtype(dtype).itemsize
    height, width = shape[0], -(-shape[1] * size // _LINE) * _LINE // size
    room = np.empty(height * width + _LINE // size, dtype)
    begin = -room.ctypes.data % _LINE // size
    return room[begin : begin + height * width].reshape(height, width)


def _scratch(
    sizes: Sequence[int], narrow: type[np.signedinteger], wide: type[np.signedinteger]
) -> Scratch:
    widest, n_hidden, n_out = max(sizes), len(sizes) - 2, sizes[-1]
    part, h, d, change = _lined_up((4, widest), narrow)
    sums = _lined_up((n_hidden + 1, widest), wide)
    return Scratch(
        part=part,
        sums=sums[:-1],
        units=np.zeros((n_hidden, widest), np.uint16 if widest < 2**16 else np.uint32),
        n_units=np.zeros(n_hidden, np.int64),
        h=h[: sizes[-2]],
        output=np.zeros(n_out, wide),
        d_output=np.zeros(n_out, wide),
        e=sums[-1],
        d=d,
        change=change,
    )
