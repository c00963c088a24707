"""Learning curves of Fashion-MNIST: of the whole data set, or of the part of it that is at hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ..shared.curves import curves, draw_curves
from ..shared.entry import Entry
from ..shared.panels import Given
from .protocol import FASHION, FASHION_PART, PAPER, finished_seeds

__all__ = ["ENTRY", "draw", "numbers"]

_REPORTED = {"accuracy_argmax": 76.9, "accuracy_potential": 79.9}
"""Test accuracy in percent, 60,000 images, pixel threshold 0.5 (comments in the authors' code)."""


def numbers(runs: Path) -> pd.DataFrame:
    """Return the curves of all finished seeds; columns as in `shared.curves.curves`, and `data`.

    `data` is "whole" or "partial".  A part is taken only if there is no run of the whole.

    Raises
    ------
    RunDirectoryError
        If no seed is finished, or the runs differ in more than their seeds.
    """
    folder = runs / PAPER
    partial = not any(folder.glob(f"{FASHION}-seed*")) and any(folder.glob(f"{FASHION_PART}-seed*"))
    found = finished_seeds(runs, FASHION_PART if partial else FASHION)
    return curves(found, _REPORTED).assign(data="partial" if partial else "whole")


def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the curves, 183 mm wide; those of a part say so."""
    if numbers["data"].iloc[0] == "whole":
        return draw_curves(numbers, "authors' code", axes=axes)
    train, test = (
        numbers.loc[numbers["split"] == split, "images"].iloc[0] for split in ("train", "test")
    )
    return draw_curves(
        numbers,
        "authors' code, whole set",
        f"partial: {train:,} training, {test:,} test images",
        axes=axes,
    )


ENTRY = Entry(
    name="fashion_curves",
    group=PAPER,
    title="Learning curves of Fashion-MNIST",
    caption="Accuracy and mean squared error over the epochs of training, 784-400-10, evaluated "
    "each half epoch: the mean of the finished runs of the spiking circuit, and single runs as "
    "dots. Dashed: test accuracies noted in the authors' code (NumPy shortcut, 15 epochs of the "
    "whole data set, pixel threshold 0.5). A run on part of the data is marked as partial and is "
    "not comparable with them.",
    element="Fig. 3",
    numbers=numbers,
    draw=draw,
    svg=True,
)
