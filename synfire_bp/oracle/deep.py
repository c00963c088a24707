"""The algorithm that the circuit of any depth computes, in integers (numba).

For one sample with binary input h_0 = x and one-hot target t, with theta = 1024 and L weight
layers::

    a_l = h_(l-1) @ W_l      h_l = a_l > theta/2      b_l = 0 < a_l <= theta      l = 1 … L
    d_L = d+ - d-            as in `synfire_bp.oracle`: error with the box derivative
    e_l = W_(l+1) @ d_(l+1)  d_l = sign(e_l) * b_l                                l = L-1 … 1
    W_l += 2 * outer(h_(l-1), d_l), clipped

every W on the right as it was before the sample.  With two weight layers that is
`synfire_bp.oracle` in the circuit's semantics, weight by weight.

The error may come back through other matrices (`feedback`): B_l in the place of W_l, of the same
shape, or, for direct feedback alignment, from the output at once, e_l = B_(l+1) @ d_L.  They stay
as they are, or learn as W_l does.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import HALF, WEIGHT_LIMIT
from synfire_bp.data.scores import Score
from synfire_bp.errors import SynfireError
from synfire_bp.oracle.two_layers import Outputs, Samples

__all__ = ["DeepResult", "forward_samples", "train_samples"]

Matrices = Sequence[NDArray[np.integer]]


@dataclass(frozen=True)
class DeepResult:
    """What training on some samples did.

    Attributes
    ----------
    score : Score
        Of each sample as it was shown, before its own update.
    hidden_spikes, output_spikes : int
        Spikes on the way forward, of all hidden layers and of the output.
    samples_with_error : int
        Samples for which any d+ or d- of the output fired.
    weight_changes : tuple of int
        How often a weight of W1, W2, … changed its value.
    """

    score: Score
    hidden_spikes: int
    output_spikes: int
    samples_with_error: int
    weight_changes: tuple[int, ...]


def train_samples(
    samples: Samples,
    weights: Matrices,
    order: NDArray[np.integer],
    *,
    feedback: Matrices | None = None,
    direct: bool = False,
    learn_feedback: bool = False,
    potentiation: int = 2,
    depression: int = -2,
    limit: int = WEIGHT_LIMIT,
) -> DeepResult:
    """Train on the samples named by `order`, one after the other.

    Parameters
    ----------
    samples : Samples
        Binary patterns and labels (`synfire_bp.oracle.Samples`).
    weights : sequence of integer arrays
        W_1 … W_L, shapes (n_(l-1), n_l); **changed in place**.
    order : integer array
        Which samples are shown, in this order; any length.
    feedback : sequence of integer arrays, optional
        B_2 … B_L through which errors come back, in the orientation of the weights: each
        (n_(l-1), n_l), or each (n_(l-1), n_L) if `direct`.  None: the weights themselves.
    direct : bool
        Feedback leads from the output directly to every hidden layer.
    learn_feedback : bool
        Feedback matrices learn as the weights do (Kolen and Pollack), and are changed in place.
        Not those from the output directly.
    potentiation, depression : int
        Added to a weight whose error is positive and negative.
    limit : int
        Weights are clipped to plus or minus this.

    Raises
    ------
    SynfireError
        If shapes or types do not fit, an order entry is out of range, or what is to be changed is
        read-only.
    """
    from synfire_bp.oracle import deep_kernels as kernels

    sizes = _checked_weights(samples, weights)
    if feedback is None and (direct or learn_feedback):
        raise SynfireError("direct and learn_feedback need feedback matrices")
    if direct and learn_feedback:
        raise SynfireError("feedback directly from the output does not learn: no rule fits it")
    if feedback is not None:
        _check_feedback(feedback, sizes, direct)
    changed = [*weights, *(feedback or () if learn_feedback else ())]
    if not all(matrix.flags.writeable for matrix in changed):
        raise SynfireError("a weight matrix is read-only, but is changed in place; pass a copy")
    order = np.asarray(order)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise SynfireError(f"order must be whole numbers in one dimension, not {order.dtype}")
    if order.size and (order.min() < 0 or order.max() >= len(samples)):
        raise SynfireError(f"order names samples outside of 0 … {len(samples) - 1}")

    step = max(abs(potentiation), abs(depression))
    everything = [*weights, *(feedback or ())]
    work = kernels.FlatWeights.of(everything, limit, step)
    counts = np.zeros(len(kernels.COUNTS) + len(weights), dtype=np.int64)
    first_back = 1 if feedback is None else len(weights)
    narrow = work.flat.dtype.type
    kernels.learn(
        samples.active, samples.starts, samples.labels, order.astype(np.int64),
        work.flat, work.starts, np.array(sizes), first_back, direct, learn_feedback,
        work.at_once, work.wide, narrow(potentiation), narrow(depression), narrow(limit), counts,
    )  # fmt: skip
    for matrix, learnt in zip(changed, work.matrices(), strict=False):
        matrix[...] = learnt
    n_counts = len(kernels.COUNTS)
    count = dict(zip(kernels.COUNTS, counts[:n_counts].tolist(), strict=True))
    score = Score(
        samples=len(order), n_out=sizes[-1], **{name: count[name] for name in kernels.COUNTS[:4]}
    )
    return DeepResult(
        score,
        count["hidden_spikes"],
        count["output_spikes"],
        count["samples_with_error"],
        tuple(counts[n_counts:].tolist()),
    )


def forward_samples(samples: Samples, weights: Matrices) -> Outputs:
    """Return the network's answer to every sample, without learning.

    Raises
    ------
    SynfireError
        If shapes or types do not fit.
    """
    from synfire_bp.oracle import deep_kernels as kernels

    sizes = _checked_weights(samples, weights)
    work = kernels.FlatWeights.of(weights)
    potentials = np.zeros((len(samples), sizes[-1]), dtype=np.int64)
    kernels.answer(
        samples.active, samples.starts, work.flat, work.starts, np.array(sizes),
        work.at_once, work.wide, potentials,
    )  # fmt: skip
    return Outputs(potentials > HALF, potentials)


def _checked_weights(samples: Samples, weights: Matrices) -> tuple[int, ...]:
    """Return the sizes of the layers."""
    _check_types("w", weights, 1)
    fit = (
        len(weights) >= 2
        and all(a.shape[1] == b.shape[0] for a, b in itertools.pairwise(weights))
        and (samples.n_in, samples.n_out) == (weights[0].shape[0], weights[-1].shape[1])
    )
    if not fit:
        raise SynfireError(
            f"shapes do not fit: weights {_shapes(weights)}, samples of {samples.n_in} inputs and "
            f"{samples.n_out} classes; expected two or more matrices, (n_in, n_1), (n_1, n_2), …"
        )
    return (*(matrix.shape[0] for matrix in weights), samples.n_out)


def _check_feedback(feedback: Matrices, sizes: Sequence[int], direct: bool) -> None:
    _check_types("b", feedback, 2)
    right = list(itertools.pairwise(sizes[1:]))
    if direct:
        right = [(size, sizes[-1]) for size in sizes[1:-1]]
    if [matrix.shape for matrix in feedback] != right:
        raise SynfireError(
            f"feedback matrices are {_shapes(feedback)}; must be "
            f"{', '.join(map(str, right))}{' if direct' if direct else ''}"
        )


def _check_types(name: str, matrices: Matrices, first: int) -> None:
    for number, matrix in enumerate(matrices, first):
        kind: Any = getattr(matrix, "dtype", None)
        if kind is None or kind.kind != "i" or kind.itemsize < 2 or matrix.ndim != 2:
            raise SynfireError(
                f"{name}{number} must be a two-dimensional array of signed integers of 16 bits "
                "or more"
            )


def _shapes(matrices: Matrices) -> str:
    return ", ".join(str(matrix.shape) for matrix in matrices)
