"""Unsupervised STDP with a readout, after Diehl and Cook (2015), Front. Comput. Neurosci. 9:99.

Leaky integrate-and-fire neurons compete for images: each inhibits all others, a threshold rises
with every spike of its neuron, so that all of them take part, and the weights onto a neuron always
have the same sum.  No label is seen while they learn.  Afterwards each neuron gets the label of the
training images that it fires most for, and the label whose neurons fire most is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.datasets import Dataset
from synfire_bp.errors import DatasetError
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, rival
from synfire_bp.rivals.images import ImageRival, share_correct
from synfire_bp.rivals.stdp.sections import CompetingCells, CompetingLearning
from synfire_bp.rivals.stdp.showing import Lesson, Showing

__all__ = ["UnsupervisedStdp", "assigned", "told"]


@rival("stdp")
class UnsupervisedStdp(ImageRival):
    """Unsupervised STDP with a readout."""

    summary = "Competing neurons that learn by STDP, labelled afterwards (Diehl & Cook 2015)."

    showing: Showing
    cells: CompetingCells = CompetingCells()
    learning: CompetingLearning = CompetingLearning()

    def run(self, progress: WorkProgress) -> Outcome:
        """Train, label and test, in one simulation."""
        from synfire_bp.rivals.simulated import simulated
        from synfire_bp.rivals.stdp.unsupervised_network import Setup, task

        data = self.images()
        order = np.concatenate(list(self.orders(data)))
        n, asked = len(order), self._asked(data)
        lesson = Lesson(
            np.concatenate([data.learnt.inputs[order], asked.inputs, data.test.inputs]),
            np.concatenate([data.learnt.labels[order], asked.labels, data.test.labels]),
            np.arange(n + len(asked) + len(data.test)) < n,
        )
        progress.begin(f"{self.name}: images", len(lesson))
        rng = np.random.default_rng((self.seed, 7))
        weights = 0.3 * self.learning.weight_limit * rng.random((data.n_in, self.cells.count))
        setup = Setup(self.showing, self.cells, self.learning, lesson, weights)
        found = simulated(task(self.showing.dt), setup, seed=self.seed)
        progress.reached(len(lesson))
        shown, tested = found.counts[n : n + len(asked)], found.counts[n + len(asked) :]
        labels = assigned(shown, asked.labels, data.n_classes)
        percent = share_correct(told(tested, labels, data.n_classes), data.test)
        curve: list[Mapping[str, Any]] = [
            {"samples": n, "split": "test", "percent": percent, "mean_threshold_mv":
             round(float(found.thresholds.mean()), 4)},
        ]  # fmt: skip
        last = slice(max(0, n - 10_000), n)
        x, z = found.input_spikes[last].mean(), found.counts[last].sum(axis=1).mean()
        counted = self.showing.operations(  # only spikes of cells make learning visit synapses
            (data.n_in, self.cells.count), float(x), float(z),
            inhibits=self.cells.count - 1, visited=float(z) * data.n_in,
        )  # fmt: skip
        arrays = {"w": found.weights, "thresholds": found.thresholds, "labels": labels}
        return Outcome(tuple(curve), n, counted, arrays)

    def _asked(self, data: Dataset) -> Any:
        wanted = self.learning.labelling
        if wanted > len(data.train):
            raise DatasetError(
                f"{self.name}: learning.labelling is {wanted:,}, but there are {len(data.train):,} "
                "training samples"
            )
        return data.first(wanted).train


def assigned(
    counts: NDArray[np.floating], labels: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return the class that each neuron fires most for, on average.

    Parameters
    ----------
    counts : array, shape (n, n_cells)
        Spikes of each neuron for each image.
    labels : int array, shape (n,)
        Of the images.
    classes : int
        How many there are.

    Returns
    -------
    int array, shape (n_cells,)
        -1: it was silent.
    """
    shown = np.bincount(labels, minlength=classes)
    sums = np.zeros((classes, counts.shape[1]))
    np.add.at(sums, labels, counts)
    means = sums / np.maximum(shown, 1)[:, np.newaxis]
    return np.where(counts.any(axis=0), means.argmax(axis=0), -1)


def told(
    counts: NDArray[np.floating], labels: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return the answer to each image: the class whose neurons fire most, on average.

    Parameters
    ----------
    counts : array, shape (n, n_cells)
        Spikes of each neuron for each image.
    labels : int array, shape (n_cells,)
        From `assigned`.
    classes : int
        How many there are.

    Returns
    -------
    int array, shape (n,)
        -1: all neurons were silent.
    """
    means = np.zeros((len(counts), classes))
    for one in range(classes):
        if (labels == one).any():
            means[:, one] = counts[:, labels == one].mean(axis=1)
    return np.where(means.any(axis=1), means.argmax(axis=1), -1)
