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
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synfire_bp.circuit import FULL, HALF, WEIGHT_LIMIT
from synfire_bp.errors import SynfireError
from synfire_bp.scores import Score

__all__ = ["SEMANTICS", "EpochResult", "Outputs", "forward", "train_epoch"]

SEMANTICS = ("circuit", "numpy")

# where each count lies in the array that the kernel fills
_COUNTS = (
    "correct_spikes",
    "correct_potential",
    "exact",
    "squared_errors",
    "hidden_active",
    "output_active",
    "samples_with_error",
    "changes_w1",
    "changes_w2",
)
(_SPIKES, _POTENTIAL, _EXACT, _SQUARED, _HIDDEN, _OUTPUT, _ERROR, _CHANGES_1, _CHANGES_2) = range(
    len(_COUNTS)
)


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
    if semantics not in SEMANTICS:
        raise SynfireError(f"semantics '{semantics}' is unknown; use one of {', '.join(SEMANTICS)}")
    inputs, labels, order = _checked(inputs, labels, w1, w2, order)
    for name, weights in (("w1", w1), ("w2", w2)):
        if not weights.flags.writeable:
            raise SynfireError(
                f"{name} is read-only, but training changes it in place; pass a copy"
            )
    counts = np.zeros(len(_COUNTS), dtype=np.int64)
    _train(
        inputs, labels, w1, w2, order,
        FULL if semantics == "circuit" else FULL - 1,
        semantics == "numpy",
        potentiation, depression, limit, counts,
    )  # fmt: skip
    count = dict(zip(_COUNTS, (int(value) for value in counts), strict=True))
    n, n_hid, n_out = len(order), w1.shape[1], w2.shape[1]
    score = Score(samples=n, n_out=n_out, **{name: count[name] for name in _COUNTS[:4]})
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
    labels = np.zeros(len(inputs), dtype=np.int64)
    inputs, _, _ = _checked(inputs, labels, w1, w2, np.arange(len(inputs)))
    potentials = np.zeros((len(inputs), w2.shape[1]), dtype=np.int64)
    _forward(inputs, w1, w2, potentials)
    return Outputs(potentials > HALF, potentials)


def _checked(inputs: Any, labels: Any, w1: Any, w2: Any, order: Any) -> tuple[Any, Any, Any]:
    inputs, labels, order = np.asarray(inputs), np.asarray(labels), np.asarray(order)
    for name, weights in (("w1", w1), ("w2", w2)):
        if not isinstance(weights, np.ndarray) or weights.dtype.kind != "i" or weights.ndim != 2:
            raise SynfireError(f"{name} must be a two-dimensional array of signed integers")
        if weights.dtype.itemsize < 2:
            raise SynfireError(f"{name} is of type {weights.dtype}; weights up to 254 need int16")
    for name, values in (("inputs", inputs), ("labels", labels), ("order", order)):
        if values.size and values.dtype.kind not in "bui":
            raise SynfireError(f"{name} must be integers, not {values.dtype}")
    if inputs.ndim != 2 or inputs.shape[1] != w1.shape[0] or w1.shape[1] != w2.shape[0]:
        raise SynfireError(
            f"shapes do not fit: inputs {inputs.shape}, w1 {w1.shape}, w2 {w2.shape}; expected "
            "(n, n_in), (n_in, n_hid), (n_hid, n_out)"
        )
    if labels.shape != inputs.shape[:1]:
        raise SynfireError(f"labels have shape {labels.shape}; expected {inputs.shape[:1]}")
    if order.ndim != 1:
        raise SynfireError(f"order has shape {order.shape}; expected one dimension")
    for name, values, end in (("label", labels, w2.shape[1]), ("order entry", order, len(inputs))):
        if values.size and (values.min() < 0 or values.max() >= end):
            outside = values[(values < 0) | (values >= end)][0]
            raise SynfireError(f"{name} {outside} is outside 0 … {end - 1}")
    if inputs.size and (inputs.min() < 0 or inputs.max() > 1):
        raise SynfireError("inputs must be 0 or 1")
    return (
        np.ascontiguousarray(inputs, dtype=np.uint8),
        np.ascontiguousarray(labels, dtype=np.int64),
        np.ascontiguousarray(order, dtype=np.int64),
    )


@njit(cache=True, nogil=True)
def _sum_rows(active, n_active, weights, total):  # type: ignore[no-untyped-def]
    total[:] = 0
    for k in range(n_active):
        i = active[k]
        for j in range(total.size):
            total[j] += weights[i, j]


@njit(cache=True, nogil=True)
def _which(flags, active):  # type: ignore[no-untyped-def]
    n_active = 0
    for i in range(flags.size):
        if flags[i]:
            active[n_active] = i
            n_active += 1
    return n_active


@njit(cache=True, nogil=True)
def _forward(inputs, w1, w2, potentials):  # type: ignore[no-untyped-def]
    a1 = np.empty(w1.shape[1], dtype=np.int32)
    a2 = np.empty(w2.shape[1], dtype=np.int32)
    on = np.empty(w1.shape[0], dtype=np.int64)
    fired = np.empty(w1.shape[1], dtype=np.int64)
    for k in range(inputs.shape[0]):
        _sum_rows(on, _which(inputs[k], on), w1, a1)
        _sum_rows(fired, _which(a1 > HALF, fired), w2, a2)
        potentials[k, :] = a2


@njit(cache=True, nogil=True)
def _train(  # type: ignore[no-untyped-def]
    inputs, labels, w1, w2, order, upper, after, potentiation, depression, limit, counts
):
    n_in, n_hid = w1.shape
    n_out = w2.shape[1]
    a1 = np.empty(n_hid, dtype=np.int32)
    a2 = np.empty(n_out, dtype=np.int32)
    on = np.empty(n_in, dtype=np.int64)
    fired = np.empty(n_hid, dtype=np.int64)
    wrong = np.empty(n_out, dtype=np.int64)
    change2 = np.empty(n_out, dtype=np.int32)
    change1 = np.empty(n_hid, dtype=np.int32)
    sign = np.empty(n_out, dtype=np.int32)

    for k in range(order.size):
        label = labels[order[k]]
        n_on = _which(inputs[order[k]], on)
        _sum_rows(on, n_on, w1, a1)
        n_fired = _which(a1 > HALF, fired)
        _sum_rows(fired, n_fired, w2, a2)

        # read out, and the error with the box derivative at the output
        first, greatest, n_spikes, mistakes, n_wrong = 0, 0, 0, 0, 0
        for j in range(n_out):
            o, t = a2[j] > HALF, j == label
            if o and n_spikes == 0:
                first = j
            n_spikes += o
            if a2[j] > a2[greatest]:
                greatest = j
            mistakes += o != t
            if t and not o and a2[j] > 0:
                wrong[n_wrong], sign[n_wrong], change2[n_wrong] = j, 1, potentiation
                n_wrong += 1
            elif o and not t and not a2[j] > upper:
                wrong[n_wrong], sign[n_wrong], change2[n_wrong] = j, -1, depression
                n_wrong += 1
        counts[_SPIKES] += first == label
        counts[_POTENTIAL] += greatest == label
        counts[_EXACT] += mistakes == 0
        counts[_SQUARED] += mistakes
        counts[_HIDDEN] += n_fired
        counts[_OUTPUT] += n_spikes
        if n_wrong == 0:
            continue
        counts[_ERROR] += 1

        if after:
            counts[_CHANGES_2] += _update_w2(w2, fired, n_fired, wrong, n_wrong, change2, limit)
        n_d1 = 0
        for i in range(n_hid):
            change1[i] = 0
            if a1[i] > 0 and not a1[i] > upper:
                e = 0
                for m in range(n_wrong):
                    e += sign[m] * w2[i, wrong[m]]
                if e != 0:
                    change1[i] = potentiation if e > 0 else depression
                    n_d1 += 1
        if not after:
            counts[_CHANGES_2] += _update_w2(w2, fired, n_fired, wrong, n_wrong, change2, limit)
        if n_d1:
            for m in range(n_on):
                row, changed = on[m], 0
                for i in range(n_hid):
                    old = w1[row, i]
                    new = min(max(old + change1[i], -limit), limit)
                    w1[row, i] = new
                    changed += new != old
                counts[_CHANGES_1] += changed


@njit(cache=True, nogil=True)
def _update_w2(w2, fired, n_fired, wrong, n_wrong, change, limit):  # type: ignore[no-untyped-def]
    changed = 0
    for k in range(n_fired):
        i = fired[k]
        for m in range(n_wrong):
            old = w2[i, wrong[m]]
            new = min(max(old + change[m], -limit), limit)
            w2[i, wrong[m]] = new
            changed += new != old
    return changed
