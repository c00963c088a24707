"""The paper's network in one call: training and inference of two layers from plain arrays."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import WEIGHT_LIMIT
from synfire_bp.data.scores import Score
from synfire_bp.errors import SynfireError
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.oracle.samples import Outputs, Samples, checked_order, checked_samples
from synfire_bp.oracle.training import Learnt, answer, check_types, learn

__all__ = ["EpochResult", "forward", "train_epoch"]


@dataclass(frozen=True)
class EpochResult:
    """Result of training on some samples.

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
    weight_changes: tuple[int, ...]

    @classmethod
    def of(cls, learnt: Learnt, w1: NDArray[np.integer], w2: NDArray[np.integer]) -> EpochResult:
        """Return what was learnt, with spikes as fractions."""
        n, n_hid, n_out = learnt.score.samples, *w2.shape
        return cls(
            w1,
            w2,
            learnt.score,
            hidden_active=learnt.hidden_spikes / max(n * n_hid, 1),
            output_active=learnt.output_spikes / max(n * n_out, 1),
            samples_with_error=learnt.samples_with_error,
            weight_changes=learnt.weight_changes,
        )

    @property
    def loss(self) -> float:
        """Mean squared error of o - t."""
        return self.score.row()["mse"]


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

    For more layers, for samples that are prepared once for many calls, and for variants, use
    `learn`.

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
        See `synfire_bp.oracle.algorithm`.
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
    algorithm = Algorithm(
        (*w1.shape, w2.shape[1]), semantics=semantics,
        potentiation=potentiation, depression=depression, limit=limit,
    )  # fmt: skip
    inputs, labels = checked_samples(inputs, labels, w2.shape[1])
    order = checked_order(order, len(inputs))
    if len(order) < len(inputs):  # what is not shown need not be prepared
        inputs, labels, order = inputs[order], labels[order], np.arange(len(order))
    samples = Samples.listed(inputs, labels, w2.shape[1])
    return EpochResult.of(learn(samples, (w1, w2), order, algorithm), w1, w2)


def forward(
    inputs: NDArray[np.integer],
    w1: NDArray[np.integer],
    w2: NDArray[np.integer],
    *deeper: NDArray[np.integer],
) -> Outputs:
    """Return the network's answer to every input, without learning.

    Parameters
    ----------
    inputs : integer array, shape (n, n_in)
        Binary patterns, 0 or 1.
    w1, w2, *deeper : integer arrays
        The weights of two layers or more, shapes (n_in, n_1), (n_1, n_2), …

    Raises
    ------
    SynfireError
        If shapes or types do not fit or inputs are not binary.
    """
    weights = (w1, w2, *deeper)
    _check_weights(np.shape(inputs), *weights)
    no_labels = np.zeros(len(inputs), dtype=np.int64)
    return answer(Samples.of(inputs, no_labels, weights[-1].shape[1]), weights)


def _check_weights(shape: tuple[int, ...], *weights: Any) -> None:
    """Check the weights' types, and that their shapes fit inputs of `shape` and each other."""
    names = [f"w{number}" for number in range(1, len(weights) + 1)]
    check_types(weights, names)
    sizes = [*shape[1:2], *(matrix.shape[1] for matrix in weights)]
    if len(shape) != 2 or [matrix.shape[0] for matrix in weights] != sizes[:-1]:
        given = ", ".join(f"{name} {w.shape}" for name, w in zip(names, weights, strict=True))
        layers = ["n_in", *(f"n_{k}" for k in range(1, len(weights))), "n_out"]
        if len(weights) == 2:
            layers[1] = "n_hid"
        expected = ", ".join(f"({pre}, {post})" for pre, post in itertools.pairwise(layers))
        raise SynfireError(
            f"shapes do not fit: inputs {shape}, {given}; expected (n, n_in), {expected}"
        )
