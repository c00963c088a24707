"""Backpropagation in floating point: what a network of the same size can reach at all.

One hidden layer of rectified units, softmax, cross entropy, Adam with a step that falls in a line
to nothing.  The same binary images in the same order as the circuit, in small batches.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.data.datasets import Split
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, PositiveInt, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.images import ImageRival, Units, refuse_other_sizes, share_correct
from synfire_bp.section import Section

__all__ = ["Backprop", "gradients"]

Floats = NDArray[np.float32]
_BETAS, _EPSILON = (0.9, 0.999), 1e-8


class FloatNetwork(Section):
    """Size of the network."""

    sizes: tuple[Units, Units, Units] = Field(
        strict=False, description="Units of the input, hidden and output layer."
    )


class FloatLearning(Section):
    """How weights move."""

    batch: PositiveInt = Field(default=50, description="Images of a step.")
    step: float = Field(default=1e-3, gt=0, le=1, description="Adam's step at the beginning.")


@rival("backprop")
class Backprop(ImageRival):
    """Floating-point backpropagation."""

    summary = "Floating-point backpropagation of the same size, as the ceiling."

    network: FloatNetwork
    learning: FloatLearning = FloatLearning()

    def run(self, progress: WorkProgress) -> Outcome:
        """Train and test."""
        data = self.images()
        refuse_other_sizes(self, self.network.sizes, data)
        parameters = _drawn(self.network.sizes, self.seed)
        adam = _Adam(parameters, self.learning.step)
        curve: list[Mapping[str, Any]] = []
        shown, n_steps = 0, self.training.epochs * -(-len(data.train) // self.learning.batch)
        progress.begin(f"{self.name}: backpropagation", self.training.epochs * len(data.train))
        for epoch, order in enumerate(self.orders(data), 1):
            for start in range(0, len(order), self.learning.batch):
                batch = order[start : start + self.learning.batch]
                found = gradients(parameters, data.learnt.inputs[batch], data.learnt.labels[batch])
                adam.step(found, 1 - adam.count / n_steps)
                shown += len(batch)
                progress.reached(shown)
            if self.tested_after(epoch):
                answers = _outputs(parameters, data.test.inputs)[1].argmax(axis=1)
                curve.append({"epoch": epoch, "percent": share_correct(answers, data.test)})
        arrays = dict(zip(("w1", "b1", "w2", "b2"), parameters, strict=True))
        return Outcome(tuple(curve), shown, _counted(parameters, data.train), arrays)


def gradients(
    parameters: tuple[Floats, ...], inputs: NDArray[np.uint8], labels: NDArray[np.int64]
) -> tuple[Floats, ...]:
    """Return the gradients of the mean cross entropy of a batch.

    Parameters
    ----------
    parameters : tuple of arrays
        w1 (n_in, n_hid), b1 (n_hid,), w2 (n_hid, n_out), b2 (n_out,).
    inputs : array of uint8, shape (n, n_in)
        0 or 1.
    labels : array of int64, shape (n,)
        Classes.
    """
    x = inputs.astype(parameters[0].dtype)
    hidden, outputs = _outputs(parameters, x)
    error = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[np.arange(len(labels)), labels] -= 1
    error /= len(labels)
    back = (error @ parameters[2].T) * (hidden > 0)
    return x.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)


def _outputs(parameters: tuple[Floats, ...], inputs: NDArray[Any]) -> tuple[Floats, Floats]:
    w1, b1, w2, b2 = parameters
    hidden = np.maximum(inputs.astype(w1.dtype, copy=False) @ w1 + b1, 0)
    return hidden, hidden @ w2 + b2


def _drawn(sizes: tuple[int, ...], seed: int) -> tuple[Floats, ...]:
    """Return weights as He et al. (2015) draw them, and biases of 0."""
    rng = np.random.default_rng((seed, 0))
    drawn: list[Floats] = []
    for n_pre, n_post in itertools.pairwise(sizes):
        weights = rng.normal(0, np.sqrt(2 / n_pre), (n_pre, n_post))
        drawn += [weights.astype(np.float32), np.zeros(n_post, np.float32)]
    return tuple(drawn)


class _Adam:
    """Adam (Kingma and Ba 2015), in place."""

    def __init__(self, parameters: tuple[Floats, ...], step: float) -> None:
        self.count = 0
        self._parameters, self._step = parameters, step
        self._first = [np.zeros_like(one) for one in parameters]
        self._second = [np.zeros_like(one) for one in parameters]

    def step(self, found: tuple[Floats, ...], share: float) -> None:
        """Move all parameters by this share of the step."""
        self.count += 1
        one, two = (1 - beta**self.count for beta in _BETAS)
        size = np.float32(self._step * share * np.sqrt(two) / one)
        states = zip(self._parameters, found, self._first, self._second, strict=True)
        for parameter, gradient, first, second in states:
            first += np.float32(1 - _BETAS[0]) * (gradient - first)
            second += np.float32(1 - _BETAS[1]) * (gradient * gradient - second)
            parameter -= size * first / (np.sqrt(second) + np.float32(_EPSILON))


def _counted(parameters: tuple[Floats, ...], split: Split) -> Operations:
    """Count what is not 0 in a pass over some images, as if units sent only that."""
    n_hid, n_out = parameters[2].shape
    some = split.inputs[:10_000]
    x = float(some.sum(axis=1).mean())
    h = float((_outputs(parameters, some)[0] > 0).sum(axis=1).mean())
    forward, backward = x * n_hid + h * n_out, n_out * n_hid
    return Operations(
        spikes=x + h + n_out,
        synaptic=forward + backward,
        learning=x * n_hid + h * n_out,
        neurons=2 * (n_hid + n_out),
        all_learning=split.inputs.shape[1] * n_hid + n_hid * n_out,
    )
