"""The images that rivals learn from: those of the circuit, in the circuit's order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.data.datasets import Dataset, Split, load_dataset
from synfire_bp.errors import DatasetError
from synfire_bp.model.sections import DatasetSection
from synfire_bp.rivals.base import PositiveInt, Rival
from synfire_bp.section import LARGEST, Section
from synfire_bp.training.schedule import drawn_order

__all__ = ["ImageRival", "Training"]

Units = Annotated[int, Field(ge=1, le=100_000)]


class Training(Section):
    """How long, and how often it is tested."""

    epochs: int = Field(ge=1, le=10_000, description="Passes through the training samples.")
    samples: PositiveInt | None = Field(
        default=None, description="Only the first so many training samples. null: all."
    )
    test_every: PositiveInt = Field(default=1, description="Epochs between two tests.")
    held_back: int = Field(
        default=0,
        ge=0,
        le=LARGEST,
        description="So many training samples, the last ones, are not learnt from, and stand for "
        "the test samples: to choose constants by. 0: the test samples.",
    )


class ImageRival(Rival):
    """A rival that learns to tell images apart."""

    dataset: DatasetSection
    training: Training

    def images(self) -> Dataset:
        """Return the data set, cut to `training.samples`.

        Raises
        ------
        DatasetError
            If it is missing, or has fewer samples.
        """
        section = self.dataset
        data = load_dataset(section.name, path=section.path, preprocessing=section.preprocessing())
        data = self._held_back(data)
        wanted = self.training.samples
        if wanted is None:
            return data
        if wanted > len(data.train):
            raise DatasetError(
                f"{self.name}: training.samples is {wanted:,}, but {data.name} has "
                f"{len(data.train):,} training samples"
            )
        return data.first(wanted)

    def _held_back(self, data: Dataset) -> Dataset:
        n = self.training.held_back
        if not n:
            return data
        if n >= len(data.train):
            raise DatasetError(
                f"{self.name}: training.held_back is {n:,}, but {data.name} has "
                f"{len(data.train):,} training samples"
            )
        last = Split(data.train.inputs[-n:], data.train.labels[-n:])
        return replace(data.first(len(data.train) - n), test=last)

    def orders(self, data: Dataset) -> Iterator[NDArray[np.int64]]:
        """Yield what each epoch shows: numbers of samples in `data.learnt`, as the circuit's."""
        for epoch in range(self.training.epochs):
            yield drawn_order(self.seed, epoch, len(data.train), self.dataset.shift)

    def tested_after(self, epoch: int) -> bool:
        """Whether there is a test after this epoch, counted from 1; after the last there is."""
        return epoch % self.training.test_every == 0 or epoch == self.training.epochs


def refuse_other_sizes(rival: Rival, sizes: tuple[int, ...], data: Dataset) -> None:
    """Refuse a network whose outer layers are not as large as the data are.

    Raises
    ------
    DatasetError
        Naming both.
    """
    if (sizes[0], sizes[-1]) != (data.n_in, data.n_classes):
        raise DatasetError(
            f"{rival.name}: network.sizes is {list(sizes)}, but {data.name} has {data.n_in} "
            f"inputs and {data.n_classes} classes"
        )


def share_correct(answers: NDArray[np.integer], split: Split) -> float:
    """Return the percentage of right answers."""
    return round(100 * float(np.mean(answers == split.labels)), 4)
