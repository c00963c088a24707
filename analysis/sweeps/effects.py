"""What parameters do: main effects, interactions of two, and the map of a grid of two."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..shared import style
from ..shared.panels import Given, in_grid
from ..shared.statistics import rate
from .tables import OUTCOMES, SweepTables, interval, short

__all__ = ["draw_effects", "draw_interactions", "draw_map", "draw_silence", "effect_numbers",
           "interaction_numbers", "map_numbers", "silence_numbers"]  # fmt: skip

_COLUMNS = 4
_SHOWN_PAIRS = 3
_MOST_LEVELS = 40


def effect_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return the mean outcome at each value of each parameter, over all else.

    Returns
    -------
    DataFrame or None
        `outcome`, `parameter`, `value` (of a range: the middle of an eighth of it), `order`,
        `runs`, `mean`, `low`, `high` (bootstrapped 95 % interval of the mean), percent.  None if
        nothing but seeds is varied.
    """
    rows = []
    for name in tables.parameters:
        groups = tables.grouped(name)
        if groups.nunique() < 2 or groups.nunique() > _MOST_LEVELS:
            continue
        for outcome in OUTCOMES:
            of_value = tables.runs.groupby(groups, sort=False)[outcome]
            for value, runs in sorted(of_value, key=lambda pair: _place(tables, name, pair[0])):
                low, high = interval(runs)
                place = _place(tables, name, value)
                rows.append((outcome, name, value, place, len(runs), runs.mean(), low, high))
    columns = ["outcome", "parameter", "value", "order", "runs", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns) if rows else None


def silence_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return how many runs end with a silent output unit, at each value of each parameter.

    Returns
    -------
    DataFrame or None
        `parameter`, `value`, `order`, `runs`, `silent_runs`, `share` and its 95 % interval, `low`
        and `high` (Wilson), percent.  None if no run has one, or nothing but seeds is varied.
    """
    if not (tables.runs["silent_outputs"] > 0).any():
        return None
    rows = []
    for name in tables.parameters:
        groups = tables.grouped(name)
        if groups.nunique() < 2 or groups.nunique() > _MOST_LEVELS:
            continue
        of_value = (tables.runs["silent_outputs"] > 0).groupby(groups, sort=False)
        for value, silent in sorted(of_value, key=lambda pair: _place(tables, name, pair[0])):
            share = rate(int(silent.sum()), len(silent))
            place = _place(tables, name, value)
            rows.append((name, value, place, len(silent), int(silent.sum()), share.value,
                         share.low, share.high))  # fmt: skip
    columns = ["parameter", "value", "order", "runs", "silent_runs", "share", "low", "high"]
    return pd.DataFrame(rows, columns=columns) if rows else None


def interaction_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return mean accuracies by potential against a parameter, at two parts of another.

    Of the pairs of the three parameters with the largest main effects.

    Returns
    -------
    DataFrame or None
        `parameter`, `value`, `other`, `part` ("low" or "high" half of the other), `runs`, `mean`,
        `low`, `high`, percent.
    """
    effects = effect_numbers(tables)
    if effects is None or effects["parameter"].nunique() < 2:
        return None
    of_potential = effects[effects["outcome"] == "accuracy_potential"]
    spread = of_potential.groupby("parameter", sort=False)["mean"].agg(np.ptp)
    strongest = [str(name) for name in spread.sort_values(ascending=False).index[:3]]
    rows = []
    for name, other in itertools.combinations(strongest, 2):
        groups = tables.grouped(name)
        others = tables.runs[other]
        places = others.map(lambda value, other=other: _place(tables, other, value))
        middle = np.median(np.unique(places))
        for part, inside in (("low", places <= middle), ("high", places > middle)):
            of_value = tables.runs[inside].groupby(groups[inside], sort=False)["accuracy_potential"]
            for value, runs in sorted(of_value, key=lambda pair: _place(tables, name, pair[0])):
                low, high = interval(runs)
                rows.append((name, value, other, part, len(runs), runs.mean(), low, high))
    columns = ["parameter", "value", "other", "part", "runs", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns) if rows else None


def map_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return the outcomes of a grid of two parameters.

    Returns
    -------
    DataFrame or None
        Both parameters (`x_name`, `x`, `y_name`, `y`), `outcome`, `runs`, `mean`, `median`,
        `lowest`, `highest` over seeds, percent.  None if the design is no grid of two.
    """
    varying = [name for name in tables.parameters if tables.runs[name].nunique() > 1]
    if tables.sweep.design.kind != "grid" or len(varying) != 2:
        return None
    x, y = varying
    rows = [
        (x, at_x, y, at_y, outcome, len(runs), runs.mean(), runs.median(), runs.min(), runs.max())
        for outcome in OUTCOMES
        for (at_x, at_y), runs in tables.runs.groupby([x, y], sort=False)[outcome]
    ]
    columns = ["x_name", "x", "y_name", "y", "outcome", "runs", "mean", "median", "lowest",
               "highest"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@style.applied()
def draw_effects(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw main effects, 183 mm wide: a panel for each parameter, a line for each readout."""
    names = list(dict.fromkeys(numbers["parameter"]))
    texts = max((len(str(v)) for v in numbers["value"] if isinstance(v, str)), default=0)
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    height = 12 + rows * (44 + 1.1 * texts)
    panels = in_grid(axes, rows, columns, style.DOUBLE_COLUMN, height, n=len(names), sharey=True)
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        for outcome, title in OUTCOMES.items():
            found = numbers[(numbers["parameter"] == name) & (numbers["outcome"] == outcome)]
            _curve(axes, found, "mean", style.READOUT_COLOURS[outcome], title)
        axes.set_xlabel(short(name))
        axes.spines["right"].set_visible(False)
        if place % columns == 0:
            axes.set_ylabel("mean test accuracy (%)")
    panels.legend([*panels[0].get_legend_handles_labels()[0], *_intervals(numbers)], ncols=4)
    return panels.figure


@style.applied()
def draw_silence(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the share of runs that end with a silent output unit, 183 mm wide."""
    names = list(dict.fromkeys(numbers["parameter"]))
    columns = min(_COLUMNS, len(names))
    rows = -(-len(names) // columns)
    panels = in_grid(axes, rows, columns, style.DOUBLE_COLUMN, 10 + 46 * rows, n=len(names),
                     sharey=True)  # fmt: skip
    colour = style.READOUT_COLOURS["accuracy_spikes"]
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        found = numbers[numbers["parameter"] == name]
        _curve(axes, found, "share", colour, "share of the runs")
        axes.set(xlabel=short(name), ylim=(0, 1.05 * max(numbers["high"])))
        axes.spines["right"].set_visible(False)
        if place % columns == 0:
            axes.set_ylabel("runs with a silent\noutput unit (%)")
    panels.legend([*panels[0].get_legend_handles_labels()[0], *_intervals(numbers)], ncols=3)
    return panels.figure


@style.applied()
def draw_interactions(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw interactions, 183 mm wide: lines that are not parallel are one."""
    pairs = list(dict.fromkeys(zip(numbers["parameter"], numbers["other"], strict=True)))
    panels = in_grid(axes, 1, max(len(pairs), 2), style.DOUBLE_COLUMN, 64, n=len(pairs),
                     sharey=True)  # fmt: skip
    shades = {"low": style.READOUT_COLOURS["mse"], "high": style.READOUT_COLOURS["accuracy_spikes"]}
    for axes, (name, other) in zip(panels, pairs, strict=True):
        found = numbers[(numbers["parameter"] == name) & (numbers["other"] == other)]
        order = {value: n for n, value in enumerate(dict.fromkeys(found["value"]))}
        for part, rows in found.groupby("part", sort=False):
            rows = rows.assign(order=rows["value"].map(order))
            _curve(axes, rows, "mean", shades[str(part)], f"{short(other)} {part}")
        axes.set_xlabel(short(name))
        axes.legend(loc="best")
        axes.spines["right"].set_visible(False)
    panels[0].set_ylabel("mean accuracy by potential (%)")
    ends = Line2D([], [], color="0.35", marker="o", label="mean over all else")
    panels.legend([ends, *_intervals(numbers)], ncols=3)
    return panels.figure


@style.applied()
def draw_map(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw a heat map for each readout, 183 mm wide, with the numbers in it."""
    xs, ys = (list(dict.fromkeys(numbers[axis])) for axis in "xy")
    height = 24 + max(8 * len(ys), 20)
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, height, sharey=True)
    # half of the cells decide the colours: a few collapses must not make all others look alike
    low, high = np.percentile(numbers["mean"], [10, 100])
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        found = numbers[numbers["outcome"] == outcome].pivot(index="y", columns="x", values="mean")
        grid = found.loc[ys, xs].to_numpy()
        image = axes.imshow(grid, cmap="viridis", vmin=low, vmax=high, aspect="auto",
                            origin="lower")  # fmt: skip
        for (row, column), value in np.ndenumerate(grid):
            dark = value < (low + high) / 2
            axes.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=6,
                      color="white" if dark else "black")  # fmt: skip
        axes.set_xticks(range(len(xs)), [_label(x) for x in xs])
        axes.set_yticks(range(len(ys)), [_label(y) for y in ys])
        axes.set(xlabel=short(numbers["x_name"].iloc[0]), title=f"accuracy {title}")
        axes.tick_params(length=0)
        axes.spines["right"].set_visible(False)
    panels[0].set_ylabel(short(numbers["y_name"].iloc[0]))
    panels.figure.colorbar(image, ax=list(panels), label="mean test accuracy (%)", extend="min")
    return panels.figure


def _place(tables: SweepTables, name: str, value: object) -> float:
    """Return where a value stands among those of its parameter: numbers by size, else as listed."""
    if isinstance(value, (int, float, np.number)):
        return float(value)
    parameter = tables.sweep.parameters.get(name)
    choices = list(parameter.choices or []) if parameter is not None else []
    listed = [str(choice) for choice in choices] or list(dict.fromkeys(tables.design[name]))
    return float(listed.index(str(value)))


def _curve(
    axes: Axes, rows: pd.DataFrame, column: str, colour: str, label: str | None = None
) -> None:
    """Draw a column with its interval: a line and a band over numbers, else points and bars."""
    x = _axis(axes, rows["value"], rows["order"])
    axes.plot(x, rows[column], "o" if _is_text(rows["value"]) else "o-", color=colour, label=label)
    if _is_text(rows["value"]):
        axes.vlines(x, rows["low"], rows["high"], color=colour, linewidth=0.7)
    else:
        axes.fill_between(x, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)


def _intervals(numbers: pd.DataFrame) -> list[Artist]:
    """Return the legend of the intervals: a band over numbers, bars at words."""
    words = [_is_text(rows["value"]) for _, rows in numbers.groupby("parameter", sort=False)]
    band = Patch(color="0.5", alpha=0.3, linewidth=0, label="95 % interval")
    bar = Line2D([], [], color="0.35", marker="|", markersize=6, markeredgewidth=0.7, linestyle="",
                 label="95 % interval")  # fmt: skip
    return [*([band] if not all(words) else []), *([bar] if any(words) else [])]


def _is_text(values: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(values) and any(isinstance(v, str) for v in values)


def _axis(axes: Axes, values: pd.Series, order: pd.Series) -> np.ndarray:
    """Return places on the x axis: numbers as they are, of other values their order."""
    if not _is_text(values):
        x = values.to_numpy(dtype=float)
        if x.min() > 0 and x.max() / x.min() > 10:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        return x
    places = order.to_numpy(dtype=float)
    axes.set_xticks(places, [str(v) for v in values], rotation=60, ha="right",
                    rotation_mode="anchor")  # fmt: skip
    return places


def _label(value: object) -> str:
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else str(value)
