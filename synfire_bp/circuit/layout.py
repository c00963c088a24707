"""Order of a circuit's synapses in memory, and the numbers that a network starts from.

All fixed projections share one array of synapses, all plastic ones another, sorted by presynaptic
and then by postsynaptic cell.  No brian2 here: a compiled program reads these arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.weights import as_copy, checked_weights
from synfire_bp.errors import CircuitError

__all__ = [
    "Copies",
    "PlasticLayout",
    "apart",
    "cell_grades",
    "fixed_synapses",
    "weight_numbers",
    "with_tags",
]

Copies = Mapping[str, NDArray[np.int16]]
"""Name of a plastic projection to its matrix, turned into the layer's orientation and sign.

With accumulators, also the contents of their tags, by `TAG` and the name of the matrix.
"""

TAG = "tag of "


def with_tags(copies: Copies | None, tags: Mapping[str, NDArray[np.int16]]) -> Copies | None:
    """Return copies together with tags by the names of their matrices; None if there is neither."""
    return {**(copies or {}), **{TAG + name: tag for name, tag in tags.items()}} or None


def apart(copies: Copies | None) -> tuple[Copies | None, dict[str, NDArray[np.int16]]]:
    """Return the copies alone (None if there are none) and the tags (none without accumulators)."""
    given = copies or {}
    alone = {name: matrix for name, matrix in given.items() if not name.startswith(TAG)}
    tags = {name.removeprefix(TAG): given[name] for name in given if name.startswith(TAG)}
    return alone or None, tags


@dataclass(frozen=True)
class PlasticLayout:
    """Order of the synapses of all plastic projections in one array.

    Sorted by presynaptic, then by postsynaptic cell, so that the targets of one spike are runs.

    Parameters
    ----------
    circuit : Circuit
        The circuit of the synapses.

    Raises
    ------
    CircuitError
        By `pack`, if weights do not fit the circuit; by `between`, for a projection that does not
        exist.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> layout = sb.PlasticLayout(sb.backprop_circuit((4, 3, 2)))
    >>> layout.pre.shape, layout.pack(sb.initial_weights((4, 3, 2), seed=0)).shape
    ((66,), (66,))
    """

    circuit: Circuit

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[NDArray[np.intp], ...]]:
        cells = np.arange(self.circuit.n_cells, dtype=np.int32)
        grids = [
            np.meshgrid(cells[slices[row.pre]], cells[slices[row.post]], indexing="ij")
            for slices in [self.circuit.slices]
            for row in self.circuit.plastic
        ]
        pre = np.concatenate([grid[0].ravel() for grid in grids])
        post = np.concatenate([grid[1].ravel() for grid in grids])
        order = np.lexsort((post, pre))
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        ends = np.cumsum([grid[0].size for grid in grids])[:-1]
        places = tuple(
            part.reshape(grid[0].shape)
            for part, grid in zip(np.split(place, ends), grids, strict=True)
        )
        return pre[order], post[order], places

    @property
    def pre(self) -> NDArray[np.int32]:
        """Presynaptic cell of every synapse."""
        return self._sorted[0]

    @property
    def post(self) -> NDArray[np.int32]:
        """Postsynaptic cell of every synapse."""
        return self._sorted[1]

    @cached_property
    def _shapes(self) -> dict[int, tuple[int, int]]:
        """Shape of the matrix of each layer that a projection has, feedback of its own included."""
        shapes = {}
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            n_pre, n_post = places.shape
            shapes[row.layer] = (n_post, n_pre) if row.transposed else (n_pre, n_post)
        return dict(sorted(shapes.items()))

    def pack(
        self, weights: Sequence[NDArray[np.integer]], copies: Copies | None = None
    ) -> NDArray[np.int16]:
        """Return the weight of every synapse, given one matrix per weight layer.

        Where copies of a matrix differ, `copies` holds each, in the layer's orientation and sign.
        """
        if not copies:
            weights = checked_weights(weights, self._shapes)
        packed = np.empty(self.pre.size, dtype=np.int16)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            matrix = as_copy(row, weights if not copies else {row.layer: copies[row.name]})
            if matrix.shape != places.shape:
                raise CircuitError(
                    f"weights of layer {row.layer} have shape {weights[row.layer].shape}, which "
                    f"does not fit the circuit's sizes {self.circuit.sizes}"
                )
            packed[places] = matrix
        return packed

    def spread(self, matrices: Sequence[NDArray]) -> NDArray:
        """Return the value of every synapse, given one matrix per weight layer: no copy's sign."""
        spread = np.empty(self.pre.size, dtype=matrices[0].dtype)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            matrix = matrices[row.layer]
            spread[places] = matrix.T if row.transposed else matrix
        return spread

    def unpack(self, packed: NDArray[np.integer]) -> dict[PlasticProjection, NDArray[np.int16]]:
        """Return the matrix (its pre, its post) of every plastic projection."""
        packed = np.asarray(packed)
        return {
            row: packed[places].astype(np.int16)
            for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True)
        }

    def between(self, pre: str, post: str) -> NDArray[np.intp]:
        """Return the indices of the synapses from one population to another, shape (n_pre, n_post).

        Raises
        ------
        CircuitError
            If no learning synapses lead from the one to the other.
        """
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            if (row.pre, row.post) == (pre, post):
                return places.copy()
        known = ", ".join(row.name for row in self.circuit.plastic) or "none"
        raise CircuitError(f"no learning synapses lead from '{pre}' to '{post}'; known are {known}")

    def per_row(self, value: Callable[[PlasticProjection], int]) -> NDArray[np.int32]:
        """Return a number for every synapse that is the same throughout its projection."""
        spread = np.empty(self.pre.size, dtype=np.int32)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            spread[places] = value(row)
        return spread


def weight_numbers(shapes: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int32], ...]:
    """Return a number for every weight, one matrix (n_pre, n_post) for each shape."""
    numbered, first = [], 0
    for n_pre, n_post in shapes:
        last = first + n_pre * n_post
        numbered.append(np.arange(first, last, dtype=np.int32).reshape(n_pre, n_post))
        first = last
    return tuple(numbered)


def cell_grades(circuit: Circuit) -> dict[str, NDArray[np.int32]]:
    """Return the payloads of every cell's spikes: `step`, `most`, `signed_step`, `signed_most`.

    As `synfire_bp.circuit.grades.carried` takes them.
    """
    names = ("step", "most", "signed_step", "signed_most")
    numbers = {name: np.ones(circuit.n_cells, dtype=np.int32) for name in names}
    for population, (plain, signed) in circuit.grades.items():
        each = (plain.step, plain.most, signed.step, signed.most)
        for name, value in zip(names, each, strict=True):
            numbers[name][circuit.slices[population]] = value
    return numbers


def fixed_synapses(circuit: Circuit) -> dict[str, NDArray[np.int32]]:
    """Return the fixed synapses, sorted by pre and then by post, with repeated ones at the end.

    Columns `pre`, `post`, `weight`, `delay` (extra steps), and `projection`: which of the
    circuit's.
    """
    names = ("pre", "post", "weight", "delay", "projection")
    columns: dict[str, list[NDArray]] = {name: [] for name in names}
    for number, row in enumerate(circuit.projections):
        pre, post = circuit.pairs(row)
        columns["pre"].append(circuit.slices[row.pre].start + pre)
        columns["post"].append(circuit.slices[row.post].start + post)
        columns["weight"].append(np.full(post.shape, row.weight.value))
        columns["delay"].append(np.full(post.shape, row.extra_delay))
        columns["projection"].append(np.full(post.shape, number))
    table = {name: np.concatenate(parts).astype(np.int32) for name, parts in columns.items()}
    order = np.lexsort((table["post"], _repetition(table), table["pre"]))
    return {name: values[order] for name, values in table.items()}


def _repetition(table: Mapping[str, NDArray[np.int32]]) -> NDArray[np.intp]:
    """Return how many synapses before each one have its pre, its post and its delay.

    A gate that reaches a population by two projections has all synapses of the first one before
    those of the second, so that both are runs.
    """
    order = np.lexsort((table["delay"], table["post"], table["pre"]))
    pre, post, delay = (table[name][order] for name in ("pre", "post", "delay"))
    first = np.ones(order.size, dtype=bool)
    first[1:] = (np.diff(pre) != 0) | (np.diff(post) != 0) | (np.diff(delay) != 0)
    places = np.arange(order.size)
    repetition = np.empty(order.size, dtype=np.intp)
    repetition[order] = places - np.maximum.accumulate(np.where(first, places, 0))
    return repetition
