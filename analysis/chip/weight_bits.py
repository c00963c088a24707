"""Accuracy against weight bits: 2 … 8 on the emulated chip, and real weights in the algorithm.

Test set, at the end of the training.  The same seed has the same order of samples and, but for
rounding, the same initial weights whatever the bits.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from .study import FOLDER, StudyRuns, last_test, needed_study

__all__ = ["ENTRY", "FLOAT_WEIGHTS", "draw", "numbers"]

FLOAT_WEIGHTS = "float"
"""What the table calls real weights, where the chip's have their number of bits."""

_READOUT_COLUMNS = ["accuracy_argmax", "accuracy_potential"]
_READOUTS = {"accuracy_potential": "by potential", "accuracy_argmax": "by argmax"}
_ASIDE = {"accuracy_potential": -0.09, "accuracy_argmax": 0.09}  # apart where they are equal
_TICKS = (0, 30, 50, 60, 70, 80, 85, 90, 93, 95, 97, 98, 99, 100)  # %
_HEIGHT = 62.0  # mm


def numbers(study: StudyRuns) -> pd.DataFrame:
    """Return the accuracies: one row per kind of weights and seed.

    Returns
    -------
    DataFrame
        `weights` ("2" … "8", or "float"), `seed`, `accuracy_argmax` and `accuracy_potential` in
        percent, `median_spikes` and `median_potential` of the seeds.  `model`, `sizes`, `epochs`
        and `samples` (in an epoch) say what was trained.

    Raises
    ------
    RunDirectoryError
        If a run was not tested at its end.
    """
    rows = [
        (str(training.bits), training.seed, *last_test(run))
        for training, run in study.runs.items()
        if not training.symmetric
    ]
    own = pd.DataFrame(sorted(rows), columns=["weights", "seed", *_READOUT_COLUMNS])
    table = study.float_weights
    real = table[table["epoch"] == study.study.epochs].sort_values("seed")
    real = real.assign(weights=FLOAT_WEIGHTS, **{k: 100 * real[k] for k in _READOUT_COLUMNS})
    drawn = pd.concat([own, real[list(own)]], ignore_index=True)
    groups = drawn.groupby("weights", sort=False)
    for readout in ("argmax", "potential"):
        drawn[f"median_{readout}"] = groups[f"accuracy_{readout}"].transform("median")
    return drawn.assign(**study.about)


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the accuracies, 89 mm wide: a ring for each seed, a full dot for their median."""
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, _HEIGHT)
    axes = panels[0]
    kinds = list(dict.fromkeys(numbers["weights"]))
    bits = [int(kind) for kind in kinds if kind != FLOAT_WEIGHTS]
    places = {str(b): float(b) for b in bits} | {FLOAT_WEIGHTS: max(bits) + 1.4}
    x = numbers["weights"].map(places)
    for name in _READOUTS:
        colour = style.READOUT_COLOURS[name]
        medians = numbers.assign(x=x + _ASIDE[name]).drop_duplicates("weights")
        own = medians[medians["weights"] != FLOAT_WEIGHTS]
        median = f"median_{name.removeprefix('accuracy_')}"
        axes.plot(x + _ASIDE[name], numbers[name], "o", color=colour, fillstyle="none",
                  markersize=4.2, markeredgewidth=0.5, alpha=0.6, label=name)  # fmt: skip
        axes.plot(own["x"], own[median], color=colour, linewidth=0.8, label=f"{median} line")
        axes.plot(medians["x"], medians[median], "o", color=colour, markersize=3, label=median)
    axes.axvline(max(bits) + 0.7, color="0.75", linewidth=0.5)
    axes.set_xticks(list(places.values()), list(places))
    axes.set_xlabel("weight bits")
    axes.set_ylabel("accuracy (%), log scale of errors")
    _scale_by_errors(axes, numbers[list(_READOUTS)].to_numpy())
    axes.grid(axis="y", color="0.92", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines["right"].set_visible(False)
    about = numbers.iloc[0]
    axes.set_title(
        f"{about['model']}, {about['sizes']}, {about['epochs']} × {about['samples']:,} samples",
        loc="left",
    )
    panels.legend(_key(), ncols=4, columnspacing=1.2)
    return panels.figure


def _scale_by_errors(axes: Axes, accuracies: np.ndarray) -> None:
    """Scale an axis of accuracies (%) by the logarithm of the errors; 100 % has a place, too."""
    lowest, highest = accuracies.min(), accuracies.max()
    inside = [tick for tick in _TICKS if lowest < tick <= highest]
    below = max(tick for tick in _TICKS if tick <= lowest)
    above = min(tick for tick in _TICKS if tick >= highest)
    axes.set_yscale("function", functions=(_height, _accuracy))
    axes.set_yticks(sorted({below, *inside, above}))
    axes.set_ylim(float(_accuracy(_height(below) - 0.02)), float(_accuracy(_height(above) + 0.02)))


def _height(accuracy: ArrayLike) -> np.ndarray:
    return -np.log10(1 + 100 - np.asarray(accuracy, dtype=float))


def _accuracy(height: ArrayLike) -> np.ndarray:
    return 101 - 10 ** -np.asarray(height, dtype=float)


def _key() -> list[Line2D]:
    readouts = [
        Line2D([], [], color=style.READOUT_COLOURS[name], marker="o", markersize=3, label=text)
        for name, text in _READOUTS.items()
    ]
    ring = Line2D([], [], color="0.4", marker="o", fillstyle="none", markersize=4.2,
                  markeredgewidth=0.5, linestyle="", label="a seed")  # fmt: skip
    dot = Line2D([], [], color="0.4", marker="o", markersize=3, linestyle="", label="median")
    return [*readouts, ring, dot]


ENTRY = Entry(
    name="weight_bits",
    group=FOLDER,
    title="Accuracy against weight bits",
    caption="Test accuracy after the last epoch, on the emulated chip with 2 … 8 weight bits and "
    "for the algorithm with real-valued weights; a ring for each seed, a filled dot for their "
    "median.",
    numbers=lambda runs: numbers(needed_study(runs)),
    draw=draw,
)
