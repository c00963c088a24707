"""Accuracy of the circuit against each disturbance, turned up in steps, on the digits."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from ..shared.statistics import NOT_DISTINGUISHABLE
from .courses import DISTURBANCES, disturbance_courses
from .outcomes import disturbance_summary
from .study import FOLDER

__all__ = ["ENTRY", "draw"]

_COLUMNS = 4
_READOUTS = {
    "accuracy_potential": "by potential, median", "accuracy_spikes": "by spikes, median",
}  # fmt: skip
_ROW_HEIGHT = 42.0  # mm


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw one panel per disturbance, 183 mm wide: medians, and the range over the seeds.

    A level whose paired difference to the undisturbed circuit can be told from 0 is a filled mark.
    """
    verdicts = disturbance_summary(numbers).set_index(["key", "level"])["verdict"]
    keys = list(dict.fromkeys(numbers["key"]))
    rows = -(-len(keys) // _COLUMNS)
    panels = in_grid(axes, rows, _COLUMNS, style.DOUBLE_COLUMN, _ROW_HEIGHT * rows + 12,
                     n=len(keys), sharey=True)  # fmt: skip
    for place, (axes, key) in enumerate(zip(panels, keys, strict=True)):
        _draw_panel(axes, numbers[numbers["key"] == key], verdicts[key])
        if place % _COLUMNS == 0:
            axes.set_ylabel("test accuracy (%)")
    handles = panels[0].get_legend_handles_labels()[0]
    panels.legend([*handles, *_key()], ncols=3)
    return panels.figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, verdicts: pd.Series) -> None:
    """Draw accuracy against the levels, evenly spaced, since most grow by factors."""
    levels = list(dict.fromkeys(rows["level"]))
    places = range(len(levels))
    for column, label in _READOUTS.items():
        by_level = rows.groupby("level", sort=False)[column]
        colour = style.READOUT_COLOURS[column]
        axes.fill_between(places, by_level.min(), by_level.max(), color=colour, alpha=0.15, lw=0)
        axes.plot(places, by_level.median(), "o-", color=colour, label=label)
    apart = [verdicts[level] in ("higher", "lower") for level in levels]
    medians = rows.groupby("level", sort=False)["accuracy_potential"].median()
    hollow = [n for n in places[1:] if not apart[n]]
    axes.plot(hollow, medians.iloc[hollow], **_HOLLOW)
    axes.set_xticks(places, [f"{level:g}" for level in levels])
    axes.set(xlabel=rows["what"].iloc[0], ylim=(0, 100))
    axes.axhline(10, color="#8c8c8c", linewidth=0.6, linestyle=":")
    axes.spines["right"].set_visible(False)


def _key() -> list[Artist]:
    return [
        Patch(color="0.5", alpha=0.3, linewidth=0, label="range over the seeds"),
        Line2D([], [], label=f"{NOT_DISTINGUISHABLE} from the first level", **_HOLLOW),
        Line2D([], [], color="#8c8c8c", linewidth=0.6, linestyle=":", label="chance"),
    ]


_HOLLOW: dict = {
    "linestyle": "", "marker": "o", "markerfacecolor": "white",
    "color": style.READOUT_COLOURS["accuracy_potential"],
}  # fmt: skip

ENTRY = Entry(
    name=DISTURBANCES,
    group=FOLDER,
    title="Disturbances",
    caption="Test accuracy on the digits against each disturbance of the circuit: median and range "
    "over the seeds; dotted: chance.  Hollow: by potential not distinguishable from the first "
    "level, the undisturbed circuit (the bootstrapped 95 % interval of the mean difference between "
    "runs with the same seed contains 0).",
    numbers=disturbance_courses,
    draw=draw,
)
