"""Figures of a benchmark: what a training sample costs, and how that grows with the network.

``bench_cost``: each contender's time of a sample, all rounds and their median, beside the time that
the chip is reported to take and the least time that memory allows.

``bench_scaling``: the time of a sample against the plastic synapses that it touches in the circuit,
for hidden and input layers of several sizes, with the power law fitted to each.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from synfire_bp.bench import Bench, Point, read
from synfire_bp.errors import RunDirectoryError

from .shared import style
from .shared.entry import Entry
from .shared.panels import Given, in_grid

__all__ = [
    "ENTRIES",
    "cost_numbers",
    "draw_cost",
    "draw_scaling",
    "needed_bench",
    "scaling_numbers",
]

FOLDER = "bench"
"""Folder of the benchmark among the runs, and of its figures."""

_LABELS = {
    "chip": "the chip, as reported",
    "stock": "circuit, Brian2 alone",
    "numpy": "algorithm, plain NumPy",
    "circuit": "circuit, synfire_bp",
    "bound": "circuit, memory alone",
    "oracle": "algorithm, integers",
}
_SERIES = {"hidden": "hidden units", "input": "inputs"}
_LINES = {
    "circuit": ("o", "circuit"),
    "oracle": ("s", "algorithm, integers"),
    "bound": ("", "circuit, memory alone"),
}
_DASHES = (0, (2.2, 1.2))
_COST_HEIGHT, _SCALING_HEIGHT = 47.0, 70.0  # mm


def needed_bench(runs: Path) -> Bench:
    """Return the benchmark among the runs.

    Raises
    ------
    RunDirectoryError
        If there is none, or it cannot be read; the message names the command that makes it.
    """
    return read(runs / FOLDER)


def cost_numbers(bench: Bench) -> pd.DataFrame:
    """Return the times of a sample, slowest first: one row per contender and round.

    Returns
    -------
    DataFrame
        `what`, `kind` ("measured", "reported" or "bound"), `round` (from 0; none for what was not
        measured), `ms` of this round, `median_ms` of all.  `model`, `sizes` and `cpu` say what was
        measured on what.
    """
    rows: list[tuple] = [
        (name, "measured", k, ms, cost.ms.median)
        for name, cost in bench.costs.items()
        for k, ms in enumerate(cost.ms.rounds)
    ]
    alone = [(name, "reported", there.ms) for name, there in bench.reported.items()]
    alone += [("bound", "bound", bench.bound.ms)]
    rows += [(name, kind, pd.NA, ms, ms) for name, kind, ms in alone]
    table = pd.DataFrame(rows, columns=["what", "kind", "round", "ms", "median_ms"])
    table = table.sort_values(
        ["median_ms", "what", "round"], ascending=[False, True, True], ignore_index=True
    )
    sizes = "-".join(map(str, bench.sizes))
    return table.assign(model=bench.model, sizes=sizes, cpu=bench.machine.cpu).astype(
        {"round": "Int64"}
    )


@style.applied()
def draw_cost(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the times of a sample, 89 mm wide; measured: full dots, with a ring for each round."""
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, _COST_HEIGHT)
    axes = panels[0]
    names = list(dict.fromkeys(numbers["what"]))
    for y, name in enumerate(names):
        rows = numbers[numbers["what"] == name]
        median, measured = rows["median_ms"].iloc[0], rows["kind"].iloc[0] == "measured"
        colour = style.CONTENDER_COLOURS[name]
        if median <= 0:  # below the noise
            continue
        if measured:
            seen = rows["ms"][rows["ms"] > 0]
            axes.plot(seen, np.full(len(seen), y), "o", color=colour, fillstyle="none",
                      markersize=4.5, markeredgewidth=0.5, alpha=0.6)  # fmt: skip
        axes.plot(
            median, y, "o" if measured else "D", color=colour, markersize=4.5,
            fillstyle="full" if measured else "none", label=name,
        )  # fmt: skip
        axes.annotate(
            f"{median:.3g} ms", (max(median, rows["ms"].max()), y), xytext=(6, 0),
            textcoords="offset points", va="center", fontsize=6.5,
        )  # fmt: skip
    axes.set_yticks(range(len(names)), [_LABELS[name] for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set(xscale="log", ylim=(len(names) - 0.4, -0.6), xlabel="time of a training sample (ms)")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["right", "left"]].set_visible(False)
    shown = numbers["ms"][(numbers["ms"] > 0) & (numbers["median_ms"] > 0)]
    axes.set_xlim(shown.min() / 1.8, shown.max() * 5)  # room for the last number
    about = numbers.iloc[0]
    axes.set_title(f"{about['model']}, {about['sizes']}, one core of {about['cpu']}", loc="left")
    panels.legend(_cost_key(set(numbers["kind"])), ncols=3, columnspacing=1.2)
    return panels.figure


def _cost_key(kinds: Collection[str]) -> list[Line2D]:
    look: dict[str, Any] = {"color": "0.3", "linestyle": "", "markersize": 4.5}
    ring = Line2D(
        [], [], marker="o", fillstyle="none", markeredgewidth=0.5, label="a round", **look
    )
    dot = Line2D([], [], marker="o", label="median of the rounds", **look)
    diamond = Line2D([], [], marker="D", fillstyle="none", label="not measured here", **look)
    return [*([ring, dot] if "measured" in kinds else []),
            *([diamond] if set(kinds) - {"measured"} else [])]  # fmt: skip


def scaling_numbers(bench: Bench) -> pd.DataFrame:
    """Return the times at all sizes: one row per series, size, and engine or bound.

    Returns
    -------
    DataFrame
        `series` ("hidden" or "input": which layer's size changes), `units` (that size), `sizes`,
        `inputs` ("data" or "synthetic"), `closing`, `strays`, `what` ("circuit", "oracle" or
        "bound"), `touched` (plastic synapses that a sample touches in the circuit), `ms` (median),
        `fastest` and `slowest` (of the rounds), `exponent`, `exponent_low` and `exponent_high` (of
        the fitted power law, and its 95 % interval).  Times that do not stand out from the noise
        are left empty.

    Raises
    ------
    RunDirectoryError
        If the scaling was not measured.
    """
    if bench.scaling is None:
        raise RunDirectoryError(
            "the scaling was not measured; make it with: synfire-bp bench --scaling"
        )
    rows: list[dict] = []
    for series, measured in bench.scaling.items():
        layer = list(_SERIES).index(series)
        for point in measured.points:
            about = {
                "series": series,
                "units": point.sizes[1 - layer],
                "sizes": "-".join(map(str, point.sizes)),
                "inputs": "synthetic" if point.synthetic else "data",
                "closing": point.closing,
                "strays": point.strays,
                "touched": point.touched,
            }
            for engine, exponent in measured.exponents.items():
                fitted = (exponent.exponent, exponent.low, exponent.high) if exponent else ()
                law = dict(zip(("exponent", "exponent_low", "exponent_high"), fitted, strict=False))
                rows.append(about | {"what": engine} | _times(point, engine) | law)
            rows.append(about | {"what": "bound", "ms": point.bound.ms})
    columns = ["series", "units", "sizes", "inputs", "closing", "strays", "what", "touched", "ms",
               "fastest", "slowest", "exponent", "exponent_low", "exponent_high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def _times(point: Point, engine: str) -> dict[str, float]:
    ms = point.times[engine].ms
    if not ms.resolved:
        return {}
    return {"ms": ms.median, "fastest": min(ms.rounds), "slowest": max(ms.rounds)}


@style.applied()
def draw_scaling(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the times against the synapses touched, 89 mm wide, a panel per series.

    Marks: medians, with a line from the fastest to the slowest round, hollow where the inputs are
    synthetic; thin lines: the fitted power laws, with their exponents; a cross: stray spikes.
    """
    panels = in_grid(axes, 1, len(_SERIES), style.SINGLE_COLUMN, _SCALING_HEIGHT, sharey=True)
    for place, (axes, (series, text)) in enumerate(zip(panels, _SERIES.items(), strict=True)):
        table = numbers[numbers["series"] == series].sort_values("touched")
        for what in _LINES:
            _draw_contender(axes, table[table["what"] == what], what)
        axes.set(xscale="log", yscale="log")
        units = f"{table['units'].min():,} to {table['units'].max():,} {text}"
        panels.titled(place, units)
        axes.margins(x=0.12)
        axes.spines["right"].set_visible(False)
        _write_exponents(axes, table)
    shown = numbers["ms"][numbers["ms"] > 0]
    panels[0].set_ylim(shown.min() / 1.6, shown.max() * 6)  # room for the exponents
    panels[0].set_ylabel("time of a training sample (ms)")
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels.xlabel("plastic synapses that a sample touches")
    panels.legend(_key(numbers), ncols=2, columnspacing=1.4)
    return panels.figure


def _draw_contender(axes: Axes, rows: pd.DataFrame, what: str) -> None:
    colour, (marker, _) = style.CONTENDER_COLOURS[what], _LINES[what]
    rows = rows.dropna(subset=["ms"])
    if what == "bound":
        axes.plot(rows["touched"], rows["ms"], linestyle=_DASHES, color=colour, label=what)
        return
    axes.vlines(rows["touched"], rows["fastest"].clip(lower=1e-9), rows["slowest"], color=colour,
                linewidth=0.7)  # fmt: skip
    for inputs, fill in (("data", colour), ("synthetic", "white")):
        some = rows[rows["inputs"] == inputs]
        axes.plot(some["touched"], some["ms"], marker, color=colour, markerfacecolor=fill,
                  markersize=3.5, markeredgewidth=0.8, label=f"{what} {inputs}")  # fmt: skip
    stray = rows[rows["strays"] > 0]
    axes.plot(stray["touched"], stray["ms"], "x", color="black", markersize=6, label="strays")
    if len(rows) and np.isfinite(rows["exponent"].iloc[0]):
        x = rows["touched"].to_numpy(dtype=float)
        middle, height = np.log(x).mean(), np.log(rows["ms"].to_numpy(dtype=float)).mean()
        line = np.exp(height + rows["exponent"].iloc[0] * (np.log(x) - middle))
        axes.plot(x, line, color=colour, linewidth=0.6, zorder=1, label=f"{what} law")


def _write_exponents(axes: Axes, table: pd.DataFrame) -> None:
    """Write the exponents of the power laws at the top of a panel."""
    for k, engine in enumerate(("circuit", "oracle")):
        laws = table[table["what"] == engine].dropna(subset=["exponent"])
        if laws.empty:
            continue
        law = laws.iloc[0]
        interval = (
            f" ({law['exponent_low']:.2f} … {law['exponent_high']:.2f})"
            if np.isfinite(law["exponent_low"])
            else ""
        )
        axes.annotate(
            f"exponent {law['exponent']:.2f}{interval}", (0, 1), xycoords="axes fraction",
            xytext=(3, -3 - 8.5 * k), textcoords="offset points", va="top", fontsize=6,
            color=style.CONTENDER_COLOURS[engine],
        )  # fmt: skip


def _key(numbers: pd.DataFrame) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.CONTENDER_COLOURS[what], marker=marker, markersize=3.5,
               linestyle=_DASHES if what == "bound" else "", label=text)
        for what, (marker, text) in _LINES.items()
    ]  # fmt: skip
    handles.append(Line2D([], [], color="0.3", linewidth=0.6, label="fitted power law"))
    handles.append(
        Line2D([], [], color="0.3", marker="|", markersize=6, markeredgewidth=0.7, linestyle="",
               label="fastest … slowest round")
    )  # fmt: skip
    if (numbers["inputs"] == "synthetic").any():
        handles.append(
            Line2D([], [], color="0.3", marker="o", markersize=3.5, markerfacecolor="white",
                   linestyle="", label="hollow: synthetic inputs")
        )  # fmt: skip
    if (numbers["strays"] > 0).any():
        handles.append(
            Line2D([], [], color="black", marker="x", linestyle="", label="with stray spikes")
        )
    return handles


ENTRIES: tuple[Entry, ...] = (
    Entry(
        name="bench_cost",
        group=FOLDER,
        title="Time of a training sample",
        caption="CPU time of a training sample in each program, on one core: rings are rounds, "
        "dots their medians; open diamonds: the time reported for the chip, and the shortest time "
        "that memory bandwidth allows.",
        numbers=lambda runs: cost_numbers(needed_bench(runs)),
        draw=draw_cost,
    ),
    Entry(
        name="bench_scaling",
        group=FOLDER,
        title="Time of a training sample against the size of the network",
        caption="Median times against the number of plastic synapses that the spikes of a sample "
        "reach, for hidden and input layers of several sizes, with the power law fitted to each; "
        "dashed: the shortest time that memory bandwidth allows.",
        numbers=lambda runs: scaling_numbers(needed_bench(runs)),
        draw=draw_scaling,
    ),
)
