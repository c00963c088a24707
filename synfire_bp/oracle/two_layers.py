"""The algorithm that the circuit computes, in integers (numba).

For one sample with binary input x and one-hot target t, with theta = 1024::

    a1 = x @ W1        h = a1 > theta/2        b1 = 0 < a1 <= theta
    a2 = h @ W2        o = a2 > theta/2
    d+ = t and not o and a2 > 0                (box derivative at the output)
    d- = o and not t and not a2 > theta
    e  = W2 @ (d+ - d-)                        d1 = sign(e) * b1
    W2 += 2 * outer(h, d+ - d-)                W1 += 2 * outer(x, d1)

and both are clipped.  Two semantics: in ``"circuit"`` (default) e is computed with W2 as it was
before this sample, because a spike is delivered with the weight as it stood before learning in
that step, and the upper box edges are ``a > 1024``.  In ``"numpy"``, the authors' shortcut, e is
computed with W2 after its update, and the edges are ``a > 1023``.

Where errors do not come back through W2, a `Deviation` says how they do: ``e = B @ (d+ - d-)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.decay import WHOLE, shrunk
from synfire_bp.circuit.numbers import FULL, HALF, WEIGHT_LIMIT
from synfire_bp.data.scores import Score
from synfire_bp.dice import likelihood
from synfire_bp.errors import SynfireError

__all__ = [
    "SEMANTICS",
    "Changes",
    "Deviation",
    "EpochResult",
    "Outputs",
    "Samples",
    "forward",
    "forward_samples",
    "train_epoch",
    "train_samples",
]

SEMANTICS = ("circuit", "numpy")


@dataclass(frozen=True, eq=False)
class Changes:
    """How weights change, where they do not just add and clip.

    As the circuit's copies do if they share their dice (`synfire_bp.variants.synapses`).

    Attributes
    ----------
    lowest, highest : tuple of int16 arrays
        Bounds of each weight, a matrix (n_pre, n_post) per weight layer.
    soft : bool
        A step is proportional to the distance from the bound, and rounded at random to even.
    probability : float
        That a weight moves at all.
    step : int
        Distance between two levels of a weight, a power of two; what is between is rounded at
        random.
    dice : tuple of int
        First moments of the dice of `soft`, `probability` and `step`.
    n_phases : int
        Phases of a sample.
    """

    lowest: tuple[NDArray[np.int16], ...]
    highest: tuple[NDArray[np.int16], ...]
    soft: bool = False
    probability: float = 1.0
    step: int = 2
    dice: tuple[int, int, int] = (0, 0, 0)
    n_phases: int = 12

    def prepared(self, dtype: type[np.signedinteger]) -> tuple:
        """Return what the compiled loops want; W2 is transposed there."""
        (low1, low2), (high1, high2) = self.lowest, self.highest
        return (
            *(np.ascontiguousarray(m, dtype=dtype) for m in (low1, high1, low2.T, high2.T)),
            self.soft, likelihood(self.probability), self.step, self.dice, self.n_phases,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Deviation:
    """What is done otherwise than in the paper.

    Attributes
    ----------
    back : integer array, shape (n_hid, n_out), optional
        The matrix B that errors come back through; **changed in place** if it learns.  None: W2.
    back_learns : bool
        B learns by the same rule as W2.
    direct : bool
        Errors come from the output directly to every hidden layer (`synfire_bp.oracle.deep`).
    hidden_learns : bool
        W1 learns.
    every : int
        After so many samples each, W2 and B decay; 0: never.
    keep : int
        What is left of them then, in parts of `synfire_bp.circuit.decay.WHOLE`.
    shown : int
        Samples shown before, from which `every` is counted on.
    """

    back: NDArray[np.integer] | None = None
    back_learns: bool = True
    direct: bool = False
    hidden_learns: bool = True
    every: int = 0
    keep: int = WHOLE
    shown: int = 0

    def pieces(self, order: NDArray) -> list[NDArray]:
        """Split an order of samples where the weights decay."""
        if not self.every or len(order) == 0:
            return [order]
        cuts = np.arange(self.every - self.shown % self.every, len(order), self.every)
        return np.split(order, cuts)

    def decays_after(self, n: int) -> bool:
        """Return whether weights decay after the first `n` samples."""
        return self.every > 0 and n > 0 and (self.shown + n) % self.every == 0


PAPER = Deviation()


@dataclass(frozen=True)
class EpochResult:
    """What training on some samples did.

    Attributes
    ----------
    w1, w2 : integer arrays
        The weights afterwards: the very arrays that were passed in, changed in place.
    score : Score
        Of each sample as it was shown, before its own update.
    hidden_active, output_active : float
        Mean fraction of hidden and output neurons that spiked on the way forward (sparsity).
    samples_with_error : int
        Samples for which any d+ or d- fired.
    weight_changes : tuple of int
        How often a weight of W1 and of W2 changed its value.
    """

    w1: NDArray[np.integer]
    w2: NDArray[np.integer]
    score: Score
    hidden_active: float
    output_active: float
    samples_with_error: int
    weight_changes: tuple[int, int]

    @property
    def loss(self) -> float:
        """Mean squared error of o - t."""
        return self.score.row()["mse"]


@dataclass(frozen=True)
class Outputs:
    """What the network answers: `spikes` bool and `potentials` (a2) int64, both (n, n_out)."""

    spikes: NDArray[np.bool_]
    potentials: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Samples:
    """Binary patterns and labels, checked and made ready to be shown many times.

    Attributes
    ----------
    active : uint16 or uint32 array
        Indices of the inputs that are 1, one sample after the other.
    starts : int64 array, shape (n + 1,)
        Where in `active` each sample begins, and where the last one ends.
    labels : int64 array, shape (n,)
        0 … n_out-1.
    n_in, n_out : int
        Inputs of a pattern, and classes.
    """

    active: NDArray[np.unsignedinteger]
    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    n_in: int
    n_out: int

    @classmethod
    def of(cls, inputs: NDArray[np.integer], labels: NDArray[np.integer], n_out: int) -> Samples:
        """Prepare patterns of shape (n, n_in) and labels of shape (n,).

        Raises
        ------
        SynfireError
            If shapes or types do not fit, inputs are not binary, or a label is out of range.
        """
        return cls._listed(*_checked(inputs, labels, n_out), n_out)

    @classmethod
    def _listed(cls, inputs: Any, labels: Any, n_out: int) -> Samples:
        from synfire_bp.oracle import kernels  # numba: a quarter of a second

        n, n_in = inputs.shape
        starts = np.zeros(n + 1, dtype=np.int64)
        kind: type[np.unsignedinteger] = np.uint16 if n_in < 2**16 else np.uint32
        active = np.empty(np.count_nonzero(inputs) + 1, dtype=kind)  # the kernel wants one more
        kernels.list_active(inputs, active, starts)
        return cls(active, starts, labels, n_in, n_out)

    def __len__(self) -> int:
        return len(self.labels)


def train_epoch(
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    w1: NDArray[np.integer],
    w2: NDArray[np.integer],
    order: NDArray[np.integer],
    semantics: str = "circuit",
    *,
    potentiation: int = 2,
    depression: int = -2,
    limit: int = WEIGHT_LIMIT,
) -> EpochResult:
    """Train on the samples named by `order`, one after the other.

    Parameters
    ----------
    inputs : integer array, shape (n, n_in)
        Binary patterns, 0 or 1.
    labels : integer array, shape (n,)
        0 … n_out-1.
    w1, w2 : integer arrays, shapes (n_in, n_hid) and (n_hid, n_out)
        The weights; **changed in place** (and returned).
    order : integer array
        Which samples are shown, in this order; any length.
    semantics : {"circuit", "numpy"}
        See above.
    potentiation, depression : int
        Added to a weight whose error is positive and negative.
    limit : int
        Weights are clipped to plus or minus this.

    Raises
    ------
    SynfireError
        If shapes or types do not fit, a label or an order entry is out of range, inputs are not
        binary, weights are read-only, or the semantics is unknown.
    """
    _check_weights(np.shape(inputs), w1, w2)
    n_out = w2.shape[1]
    inputs, labels = _checked(inputs, labels, n_out)
    order = _checked_order(order, len(inputs))
    if len(order) < len(inputs):  # what is not shown need not be prepared
        inputs, labels, order = inputs[order], labels[order], np.arange(len(order))
    return train_samples(
        Samples._listed(inputs, labels, n_out), w1, w2, order, semantics,
        potentiation=potentiation, depression=depression, limit=limit,
    )  # fmt: skip


def train_samples(
    samples: Samples,
    w1: NDArray[np.integer],
    w2: NDArray[np.integer],
    order: NDArray[np.integer],
    semantics: str = "circuit",
    *,
    potentiation: int = 2,
    depression: int = -2,
    limit: int = WEIGHT_LIMIT,
    deviation: Deviation = PAPER,
    changes: Changes | None = None,
    showings: int = 1,
) -> EpochResult:
    """Do what `train_epoch` does, with samples prepared once for many calls.

    With `changes`, weights move as these say, within bounds of their own instead of `limit`.
    Each sample of `order` is shown `showings` times in a row, and counts as it was shown first.

    Raises
    ------
    SynfireError
        As `train_epoch`; also if the matrix of a deviation does not have the shape of W2.
    """
    from synfire_bp.oracle import kernels

    if semantics not in SEMANTICS:
        raise SynfireError(f"semantics '{semantics}' is unknown; use one of {', '.join(SEMANTICS)}")
    _check_weights((len(samples), samples.n_in), w1, w2, samples.n_out)
    for name, weights in (("w1", w1), ("w2", w2)):
        if not weights.flags.writeable:
            raise SynfireError(
                f"{name} is read-only, but training changes it in place; pass a copy"
            )
    back = deviation.back
    if back is not None:
        _check_back(back, w2)
    order = np.repeat(_checked_order(order, len(samples)), showings)
    largest = max(abs(potentiation), abs(depression), 0 if changes is None else changes.step)
    work = kernels.WorkingWeights.of(w1, w2, limit, largest, back)
    counts = np.zeros(len(kernels.COUNTS), dtype=np.int64)
    narrow, done = work.w1.dtype.type, 0
    for piece in deviation.pieces(order):
        kernels.learn(
            samples.active, samples.starts, samples.labels, piece, showings,
            work.w1, work.w2t, work.backt, work.at_once, work.wide,
            FULL if semantics == "circuit" else FULL - 1,
            semantics == "numpy",
            deviation.hidden_learns, back is not None and deviation.back_learns,
            narrow(potentiation), narrow(depression), narrow(limit), counts,
            None if changes is None else changes.prepared(narrow), done,
        )  # fmt: skip
        done += len(piece)
        if deviation.decays_after(done):
            work.w2t[...] = shrunk(work.w2t, deviation.keep)
            if back is not None and deviation.back_learns:
                work.backt[...] = shrunk(work.backt, deviation.keep)
    w1[...], w2[...] = work.w1, work.w2t.T
    if back is not None and deviation.back_learns:
        back[...] = work.backt.T
    count = dict(zip(kernels.COUNTS, (int(value) for value in counts), strict=True))
    n, n_hid, n_out = len(order) // showings, w1.shape[1], w2.shape[1]
    score = Score(samples=n, n_out=n_out, **{name: count[name] for name in kernels.COUNTS[:4]})
    return EpochResult(
        w1,
        w2,
        score,
        hidden_active=count["hidden_active"] / max(n * n_hid, 1),
        output_active=count["output_active"] / max(n * n_out, 1),
        samples_with_error=count["samples_with_error"],
        weight_changes=(count["changes_w1"], count["changes_w2"]),
    )


def forward(
    inputs: NDArray[np.integer], w1: NDArray[np.integer], w2: NDArray[np.integer]
) -> Outputs:
    """Return the network's answer to every input, without learning.

    Raises
    ------
    SynfireError
        If shapes or types do not fit or inputs are not binary.
    """
    _check_weights(np.shape(inputs), w1, w2)
    no_labels = np.zeros(len(inputs), dtype=np.int64)
    return forward_samples(Samples.of(inputs, no_labels, w2.shape[1]), w1, w2)


def forward_samples(samples: Samples, w1: NDArray[np.integer], w2: NDArray[np.integer]) -> Outputs:
    """Do what `forward` does, with samples prepared once for many calls."""
    from synfire_bp.oracle import kernels

    _check_weights((len(samples), samples.n_in), w1, w2, samples.n_out)
    work = kernels.WorkingWeights.of(w1, w2)
    potentials = np.zeros((len(samples), samples.n_out), dtype=np.int64)
    kernels.answer(
        samples.active, samples.starts, work.w1, work.w2t, work.at_once, work.wide, potentials
    )
    return Outputs(potentials > HALF, potentials)


def _check_weights(shape: tuple[int, ...], w1: Any, w2: Any, n_out: int | None = None) -> None:
    """Check the weights' types, and that their shapes fit inputs of `shape` and each other."""
    for name, weights in (("w1", w1), ("w2", w2)):
        if not isinstance(weights, np.ndarray) or weights.dtype.kind != "i" or weights.ndim != 2:
            raise SynfireError(f"{name} must be a two-dimensional array of signed integers")
        if weights.dtype.itemsize < 2:
            raise SynfireError(f"{name} is of type {weights.dtype}; weights up to 254 need int16")
    if len(shape) != 2 or shape[1] != w1.shape[0] or w1.shape[1] != w2.shape[0]:
        raise SynfireError(
            f"shapes do not fit: inputs {shape}, w1 {w1.shape}, w2 {w2.shape}; expected "
            "(n, n_in), (n_in, n_hid), (n_hid, n_out)"
        )
    if n_out is not None and n_out != w2.shape[1]:
        raise SynfireError(f"w2 is {w2.shape}, but the samples were prepared for {n_out} outputs")


def _check_back(back: Any, w2: NDArray) -> None:
    """Check that a feedback matrix is like W2, of which it takes the place."""
    if not isinstance(back, np.ndarray) or back.dtype.kind != "i" or back.dtype.itemsize < 2:
        raise SynfireError("the feedback matrix must be an array of signed integers, 16 bits each")
    if back.shape != w2.shape:
        raise SynfireError(f"the feedback matrix is {back.shape}; W2 is {w2.shape}")
    if not back.flags.writeable:
        raise SynfireError("the feedback matrix is read-only, but training changes it in place")


def _integers(name: str, values: Any) -> NDArray:
    values = np.asarray(values)
    if values.size and values.dtype.kind not in "bui":
        raise SynfireError(f"{name} must be integers, not {values.dtype}")
    return values


def _check_range(name: str, values: NDArray, end: int) -> None:
    if values.size and (values.min() < 0 or values.max() >= end):
        outside = values[(values < 0) | (values >= end)][0]
        raise SynfireError(f"{name} {outside} is outside 0 … {end - 1}")


def _checked(inputs: Any, labels: Any, n_out: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    inputs, labels = _integers("inputs", inputs), _integers("labels", labels)
    if inputs.ndim != 2:
        raise SynfireError(f"inputs have shape {inputs.shape}; expected (n, n_in)")
    if labels.shape != inputs.shape[:1]:
        raise SynfireError(f"labels have shape {labels.shape}; expected {inputs.shape[:1]}")
    _check_range("label", labels, n_out)
    if inputs.size and (inputs.min() < 0 or inputs.max() > 1):
        raise SynfireError("inputs must be 0 or 1")
    return np.ascontiguousarray(inputs, dtype=np.uint8), np.array(labels, dtype=np.int64)


def _checked_order(order: Any, n: int) -> NDArray[np.int64]:
    order = _integers("order", order)
    if order.ndim != 1:
        raise SynfireError(f"order has shape {order.shape}; expected one dimension")
    _check_range("order entry", order, n)
    return np.array(order, dtype=np.int64)
