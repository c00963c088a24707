"""Accuracy of the circuit against each disturbance, turned up in steps, on the digits."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..shared import style
from ..shared.entry import Entry
from .study import FOLDER, disturbance_courses

__all__ = ["ENTRY", "draw", "numbers"]

_COLUMNS = 4
_READOUTS = {"accuracy_potential": "by potential", "accuracy_spikes": "by spikes"}
_ROW_HEIGHT = 42.0  # mm


def numbers(runs: Path) -> pd.DataFrame:
    """Return the last test of every training: `key`, `what`, `level`, `seed` and what was measured.

    As `study.disturbance_courses`; `stray_spikes` are those of the whole training.
    """
    courses = disturbance_courses(runs)
    of_training = ["key", "level", "seed"]
    strays = courses.groupby(of_training)["stray_spikes"].transform("sum")
    last = courses["epoch"] == courses.groupby(of_training)["epoch"].transform("max")
    return courses.assign(stray_spikes=strays)[last].reset_index(drop=True)


@style.applied()
def draw(numbers: pd.DataFrame) -> Figure:
    """Draw one panel per disturbance, 183 mm wide: medians, and the range over the seeds."""
    keys = list(dict.fromkeys(numbers["key"]))
    rows = -(-len(keys) // _COLUMNS)
    figure = style.new_figure(style.DOUBLE_COLUMN, _ROW_HEIGHT * rows + 8, layout="constrained")
    panels = figure.subplots(rows, _COLUMNS, sharey=True, squeeze=False)
    for axes, key in zip(panels.flat, keys, strict=False):
        _draw_panel(axes, numbers[numbers["key"] == key])
    for axes in panels.flat[len(keys) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("test accuracy (%)")
    handles = panels[0, 0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=2)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw accuracy against the levels, evenly spaced, since most grow by factors."""
    levels = list(dict.fromkeys(rows["level"]))
    places = range(len(levels))
    for column, label in _READOUTS.items():
        by_level = rows.groupby("level", sort=False)[column]
        colour = style.READOUT_COLOURS[column]
        axes.fill_between(places, by_level.min(), by_level.max(), color=colour, alpha=0.15, lw=0)
        axes.plot(places, by_level.median(), "o-", color=colour, label=label)
    axes.set_xticks(places, [f"{level:g}" for level in levels])
    axes.set(xlabel=rows["what"].iloc[0], ylim=(0, 100))
    axes.axhline(10, color="#8c8c8c", linewidth=0.6, linestyle=":")
    axes.spines["right"].set_visible(False)


ENTRY = Entry(
    name="disturbances",
    group=FOLDER,
    title="Disturbances",
    caption="Test accuracy on the digits against each disturbance of the circuit; median and range "
    "over five seeds; dotted: chance.",
    numbers=numbers,
    draw=draw,
)
