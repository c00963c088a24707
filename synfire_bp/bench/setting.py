"""What benchmarks of any kind begin with: numbers that make sense, a folder, samples, the load."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import ExperimentError
from synfire_bp.files import expanded, make_folder
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model
from synfire_bp.training.schedule import shown_order

__all__ = ["first_samples", "load_average", "refuse_too_few", "result_folder", "untimed"]


def refuse_too_few(samples: int, repeats: int) -> None:
    """Refuse numbers that are too small."""
    for name, value in (("samples", samples), ("repeats", repeats)):
        if value < 1:
            raise ExperimentError(f"{name} is {value}; must be 1 or more")


def result_folder(out: str | Path) -> Path:
    """Return the folder of a result, made if it is not there."""
    folder = expanded(out)
    make_folder(folder, "cannot be used as the folder of the benchmark")
    return folder


def untimed(samples: int) -> int:
    """Return how many samples are shown before those that are timed."""
    return max(1, samples // 5)


def first_samples(model: Model | Experiment, size: int, n: int) -> NDArray[np.int64]:
    """Return the first `n` samples that a training shows, of `size`: as many epochs as it takes."""
    epochs = range(-(-n // size))
    return np.concatenate([shown_order(model, epoch, size) for epoch in epochs])[:n]


def load_average() -> float | None:
    """Return how many processes ran in the last minute; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
