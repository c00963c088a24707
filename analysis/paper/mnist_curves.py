"""Learning curves of MNIST (paper: Fig. 3)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from ..shared.curves import curves, draw_curves
from ..shared.entry import Entry
from ..shared.panels import Given
from .protocol import MNIST, PAPER, finished_seeds

__all__ = ["ENTRY", "draw", "numbers"]

_REPORTED = {"accuracy_argmax": 95.7, "accuracy_potential": 97.5}
"""Test accuracy in percent: mean of the runs at the last epoch (text); 97.5 in a footnote."""


def numbers(runs: Path) -> pd.DataFrame:
    """Return the curves of all finished seeds; columns as in `shared.curves.curves`.

    Raises
    ------
    RunDirectoryError
        If no seed is finished, or the runs differ in more than their seeds.
    """
    return curves(finished_seeds(runs, MNIST), _REPORTED)


def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the curves, 183 mm wide."""
    return draw_curves(numbers, "paper", axes=axes)


ENTRY = Entry(
    name="mnist_curves",
    group=PAPER,
    title="Learning curves of MNIST",
    caption="Accuracy and mean squared error over the epochs of training, on test and training "
    "images, evaluated each half epoch: the mean of the finished runs of the spiking circuit, and "
    "single runs as dots. By argmax: the first output unit that spikes, silence counts as class "
    "0, as the authors counted; by potential: the output unit with the greatest summed input. "
    "Dashed: the paper's mean of three runs after 60 epochs, 95.7 %, and its 97.5 %, which we "
    "take to be the accuracy by potential; whether it is a mean or the best of three is not "
    "known.",
    element="Fig. 3",
    numbers=numbers,
    draw=draw,
)
