"""``dense_speed``: how much faster DenseSynapses are than Brian2's Synapses, model by model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from synfire_bp.errors import RunDirectoryError

from ..shared import style
from ..shared.entry import Entry
from ..shared.output import needed_table
from ..shared.panels import Given, in_grid
from .models import MODELS
from .runs import FOLDER, TABLE

__all__ = ["ENTRIES", "draw", "numbers"]

_MARKS = {
    1000: ("o", style.CONTENDER_COLOURS["numpy"]),
    5000: ("s", style.CONTENDER_COLOURS["circuit"]),
}
_ROW = 4.6  # mm


def numbers(runs: Path) -> pd.DataFrame:
    """Return the comparison: one row per model and number of neurons.

    Returns
    -------
    DataFrame
        `model`, `what` (in words), `neurons` (on each side), `repeats`, `stock_ms` and `rows_ms`
        (milliseconds of a time step, medians), `speed_up` (their ratio), `slowest` and `fastest`
        (ratios of single pairs of runs), `by_rows` of so many `pathways`, `arrays` compared byte by
        byte and `different` ones.

    Raises
    ------
    RunDirectoryError
        If there is no table, or it holds a model that is not known.
    """
    make = "python -m analysis.dense.runs"
    table = needed_table(runs / FOLDER / TABLE, make)
    if unknown := set(table["model"]) - MODELS.keys():
        raise RunDirectoryError(
            f"{runs / FOLDER / TABLE}: model '{min(unknown)}' is not known; make it anew: {make}"
        )
    table.insert(1, "what", [MODELS[name].what for name in table["model"]])
    return table.sort_values(["neurons", "model"], ignore_index=True)


@style.applied()
def draw(table: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the speed-up of every model, 89 mm wide; hollow: no pathway is by rows."""
    order = table.groupby("what")["speed_up"].max().sort_values(ascending=False)
    places = {what: y for y, what in enumerate(order.index)}
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, 20 + _ROW * len(places))
    axes = panels[0]
    axes.axvline(1, color="0.6", linewidth=0.8)
    for neurons, rows in table.groupby("neurons"):
        mark, colour = _MARKS.get(int(str(neurons)), ("D", "0.3"))
        apart = 0.14 * (1 if mark == "s" else -1)
        for fast in (True, False):
            part = rows[(rows["by_rows"] > 0) == fast]
            if part.empty:
                continue
            y = np.array([places[what] for what in part["what"]]) + apart
            label = f"{neurons:,} × {neurons:,}" if fast else None
            axes.hlines(y, part["slowest"], part["fastest"], color=colour, linewidth=0.8)
            axes.plot(part["speed_up"], y, mark, color=colour, markersize=4, label=label,
                      fillstyle="full" if fast else "none", linestyle="")  # fmt: skip
    axes.plot([], [], "o", color="0.3", markersize=4, fillstyle="none", linestyle="",
              label="Brian2's own code")  # fmt: skip
    axes.plot([], [], "-", color="0.3", linewidth=0.8, label="slowest … fastest pair of runs")
    axes.set_yticks(range(len(places)), list(places))
    axes.set(xscale="log", ylim=(len(places) - 0.4, -0.6),
             xlabel="times as fast as Brian2's Synapses")  # fmt: skip
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xticks([1, 2, 3, 5, 10, 20, 30])
    axes.set_xlim(min(0.7, table["slowest"].min() / 1.1), table["fastest"].max() * 1.15)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["right", "left", "top"]].set_visible(False)
    panels.legend(axes.get_legend_handles_labels()[0], at="lower center", ncols=2)
    return panels.figure


ENTRIES = (
    Entry(
        name="dense_speed",
        group=FOLDER,
        title="DenseSynapses compared with Brian2's Synapses",
        caption=(
            "Time of a step of Brian2's Synapses, divided by that of DenseSynapses, for models of "
            "projections between two populations; compiled programs, medians of alternating runs. "
            "All arrays that the two programs write are equal byte by byte."
        ),
        numbers=numbers,
        draw=draw,
    ),
)
