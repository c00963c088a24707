"""Learning curve: accuracy and mean squared error over epochs (paper: Fig. 3).

Accuracy is read from the spikes of the output layer and from its membrane potential, the error
from the spikes.  Test: all test samples, with the weights of that moment.  Training: every sample
since the last evaluation, as it was shown, before its own update.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.runs import METRICS, Run

from . import style
from .panels import Given, in_grid

__all__ = ["draw", "numbers"]

_ACCURACIES = {
    "accuracy_potential": "accuracy by potential",
    "accuracy_spikes": "accuracy by spikes",
}
_ERROR = {"mse": "squared error"}
_SPLITS: dict[str, tuple[float, tuple[float, ...]]] = {
    "test": (0, ()),
    "train": (0, (2.2, 1.2)),
}
"""Dashes of the line, by split."""
_HEIGHT = 65.0  # mm
_ROOM_FOR_MARKERS = 25


def numbers(run: Run) -> pd.DataFrame:
    """Return the curves: one row per evaluation and split.

    Returns
    -------
    DataFrame
        `epoch`, `split` ("train" or "test"), `accuracy_spikes` and `accuracy_potential` in percent,
        `mse` (mean of (o - t)**2 over samples and output neurons).

    Raises
    ------
    RunDirectoryError
        If the run's table lacks a column or a split.
    """
    columns = ["epoch", "split", *_ACCURACIES, *_ERROR]
    table, file = run.metrics, run.path / METRICS
    missing = [name for name in columns if name not in table]
    if missing:
        raise RunDirectoryError(f"{file}: has no column {', '.join(missing)}")
    values = [name for name in columns if name != "split"]
    for name in values:
        if not pd.api.types.is_numeric_dtype(table[name]) or not np.isfinite(table[name]).all():
            raise RunDirectoryError(f"{file}: the column {name} holds something else than numbers")
    absent = set(_SPLITS) - set(table["split"])
    if absent:
        raise RunDirectoryError(f"{file}: has no row of the split {', '.join(sorted(absent))}")
    drawn = table.loc[table["split"].isin(_SPLITS), columns].reset_index(drop=True)
    return drawn.assign(**{name: 100 * drawn[name] for name in _ACCURACIES})


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the curves, 89 mm wide: accuracy on the left axis, squared error on the right one.

    Raises
    ------
    SynfireError
        If the table is `Run.metrics`, whose accuracies are fractions, instead of `numbers`.
    """
    if "seconds" in numbers:
        raise SynfireError(
            "the table has a column 'seconds', as Run.metrics has, whose accuracies are fractions; "
            "draw what learning_curve.numbers(run) returns, in percent"
        )
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, _HEIGHT)
    left = panels[0]
    right = left.twinx()
    left.set_zorder(right.get_zorder() + 1)
    left.patch.set_visible(False)
    for side, names in ((right, _ERROR), (left, _ACCURACIES)):
        for name in names:
            for split, dashes in _SPLITS.items():
                curve = numbers[numbers["split"] == split]
                side.plot(
                    curve["epoch"], curve[name],
                    color=style.READOUT_COLOURS[name], linestyle=dashes,
                    linewidth=1.2 if split == "test" else 0.9,
                    marker="o" if len(curve) <= _ROOM_FOR_MARKERS else "", clip_on=False,
                    label=f"{name} {split}",
                )  # fmt: skip
    left.set(xlabel="epoch", ylabel="accuracy (%)", xlim=(0, numbers["epoch"].max()),
             ylim=(0, 100))  # fmt: skip
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set(ylabel="mean squared error", ylim=(0, 1.1 * numbers["mse"].max() or 1))
    right.spines["left"].set_visible(False)
    left.spines["right"].set_visible(False)
    panels.legend(_key(), ncols=3, columnspacing=1.4)
    return panels.figure


def _key() -> list[Line2D]:
    """Return the legend, in columns of two: colour says what is read out, the line from what."""
    colours = [
        Line2D([], [], color=style.READOUT_COLOURS[name], linewidth=1.6, label=text)
        for name, text in (_ACCURACIES | _ERROR).items()
    ]
    lines = [
        Line2D([], [], color="0.35", linestyle=dashes, label=text)
        for dashes, text in zip(_SPLITS.values(), ("test", "training"), strict=True)
    ]
    return [*colours, Line2D([], [], linestyle="", label=" "), *lines]
