"""How well outputs match labels: the four readouts of the paper, as counts that can be added."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Score", "shut_samples"]


@dataclass(frozen=True)
class Score:
    """Counts over samples; the accuracies are fractions, 0 … 1.

    Attributes
    ----------
    samples : int
        Samples seen.
    correct_spikes : int
        Label equals the first output neuron that spiked; silence reads as 0.
    correct_potential : int
        Label equals the output neuron with the greatest summed input (the first of equals).
    exact : int
        The output spikes equal the one-hot target.
    squared_errors : int
        Sum of (o - t)**2 over output neurons and samples.
    n_out : int
        Output neurons.
    """

    samples: int
    correct_spikes: int
    correct_potential: int
    exact: int
    squared_errors: int
    n_out: int

    @classmethod
    def none(cls, n_out: int) -> Score:
        """Return the score of no sample."""
        return cls(0, 0, 0, 0, 0, n_out)

    @classmethod
    def of(
        cls, spikes: NDArray[np.bool_], potentials: NDArray[np.integer], labels: NDArray[np.integer]
    ) -> Score:
        """Score outputs of shape (samples, n_out) against labels of shape (samples,)."""
        targets = np.arange(spikes.shape[1]) == np.asarray(labels)[:, None]
        wrong = spikes != targets
        return cls(
            samples=len(labels),
            correct_spikes=int(np.sum(spikes.argmax(axis=1) == labels)),
            correct_potential=int(np.sum(potentials.argmax(axis=1) == labels)),
            exact=int(np.sum(~wrong.any(axis=1))),
            squared_errors=int(wrong.sum()),
            n_out=spikes.shape[1],
        )

    def __add__(self, other: Score) -> Score:
        """Return the score of both sets of samples."""
        sums = {name: count + vars(other)[name] for name, count in vars(self).items()}
        return Score(**(sums | {"n_out": self.n_out}))

    def row(self) -> dict[str, float]:
        """Return samples, the accuracies and the mean squared error by their column names."""
        n = max(self.samples, 1)
        return {
            "samples": self.samples,
            "accuracy_spikes": self.correct_spikes / n,
            "accuracy_potential": self.correct_potential / n,
            "exact": self.exact / n,
            "mse": self.squared_errors / (n * self.n_out),
        }


def shut_samples(
    potentials: NDArray[np.integer], labels: NDArray[np.integer]
) -> NDArray[np.float64]:
    """Return the fraction of each class's samples whose own output unit is shut.

    Shut means a2 <= 0: the box derivative is 0, and the unit learns nothing from such a sample,
    its target.  A unit that is shut for all of them can be moved only by what the layer below
    learns of others.

    Parameters
    ----------
    potentials : integer array, shape (samples, n_out)
        Summed input a2 of the output units.
    labels : integer array, shape (samples,)
        Classes.

    Returns
    -------
    float64 array, shape (n_out,)
        0 ... 1; NaN for a class without samples.
    """
    n_out = potentials.shape[1]
    shut = potentials[np.arange(len(labels)), labels] <= 0
    counts = np.bincount(labels, minlength=n_out)
    found = np.bincount(labels, weights=shut, minlength=n_out)
    return np.where(counts > 0, found / np.maximum(counts, 1), np.nan)
