"""What hangs on the seed: the spread of the outcomes, the fan of the courses, and the collapse."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..shared import style
from ..shared.panels import Given, in_grid
from .tables import OUTCOMES, SweepTables, short

__all__ = ["collapse_numbers", "draw_collapse", "draw_fan", "draw_spread", "fan_numbers",
           "spread_numbers"]  # fmt: skip

_SHARES = {"p5": 5, "p25": 25, "median": 50, "p75": 75, "p95": 95}
_MOST_POINTS = 40
_FEWEST = 5
SILENT = 1.0
"""Fraction of its class's test samples from which a silent unit cannot learn: all."""


def spread_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return every run's outcome: `point`, `label`, `seed`, `outcome`, `accuracy` (%), `silent`.

    None if points have one seed each, or there are more than can be drawn.
    """
    n_points = tables.design["point"].nunique()
    if n_points == len(tables.design) or n_points > _MOST_POINTS:
        return None
    labels = tables.runs.apply(
        lambda row: ", ".join(
            f"{short(name)} {row[name]:g}" if not isinstance(row[name], str) else str(row[name])
            for name in tables.parameters
        ),
        axis=1,
    )
    silent = tables.runs["silent_outputs"]
    long = [
        pd.DataFrame({"point": tables.runs["point"], "label": labels, "seed": tables.runs["seed"],
                      "outcome": outcome, "accuracy": tables.runs[outcome], "silent": silent})
        for outcome in OUTCOMES
    ]  # fmt: skip
    return pd.concat(long, ignore_index=True)


def fan_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return percentiles of the test accuracies over runs.

    Columns `epoch`, `outcome`, `runs`, `p5`, `p25`, `median`, `p75`, `p95`.  None if there are
    fewer than five runs, or fewer than three tests.
    """
    epochs = tables.epochs["epoch"].nunique()
    if len(tables.runs) < _FEWEST or epochs < 3:
        return None
    rows = []
    for outcome in OUTCOMES:
        for epoch, found in tables.epochs.groupby("epoch")[outcome]:
            shares = np.percentile(found, list(_SHARES.values()))
            rows.append((epoch, outcome, len(found), *shares))
    return pd.DataFrame(rows, columns=["epoch", "outcome", "runs", *_SHARES])


def collapse_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return the course of every output unit that was silent at any test.

    Returns
    -------
    DataFrame or None
        `run`, `seed`, `unit`, `epoch`, `shut` (fraction of its class's test samples from which it
        cannot learn), `silent` (whether of all), `ends_silent` and, of the run in the end,
        `accuracy_spikes` and `accuracy_potential`.  A run without such a unit has one row with
        `unit` -1.  None if silent_outputs was not recorded, or there is one test only.
    """
    if "shut" not in tables.epochs or tables.epochs["shut"].isna().all():
        return None
    if tables.epochs["epoch"].nunique() < 2:
        return None
    ends = tables.runs.set_index("run")[["seed", *OUTCOMES]]
    rows = []
    for run, tests in tables.epochs.sort_values("epoch").groupby("run"):
        shut = np.array(tests["shut"].tolist(), dtype=float)
        units = np.flatnonzero((shut >= SILENT).any(axis=0))
        seed, *outcomes = (ends.at[run, name] for name in ("seed", *OUTCOMES))
        for unit in units:
            over = bool(shut[-1, unit] >= SILENT)
            for epoch, share in zip(tests["epoch"], shut[:, unit], strict=True):
                silent = bool(share >= SILENT)
                rows.append((run, int(str(seed)), unit, epoch, share, silent, over, *outcomes))
        if not len(units):
            rows.append((run, int(str(seed)), -1, np.nan, np.nan, False, False, *outcomes))
    columns = ["run", "seed", "unit", "epoch", "shut", "silent", "ends_silent", *OUTCOMES]
    return pd.DataFrame(rows, columns=columns)


@style.applied()
def draw_spread(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the outcome of every seed, 183 mm wide; runs with a silent unit are crosses."""
    numbers = numbers.fillna({"label": ""})  # of seeds alone, as a file of the table has it
    labels = list(dict.fromkeys(numbers.sort_values("point")["label"]))
    if len(labels) == 1:
        return _histogram(numbers, axes)
    texts = max(len(label) for label in labels)
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 18 + 4 * len(labels),
                     sharey=True)  # fmt: skip
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        found = numbers[numbers["outcome"] == outcome]
        place = found["label"].map({label: n for n, label in enumerate(labels)})
        colour = style.READOUT_COLOURS[outcome]
        good = ~(found["silent"] > 0)
        axes.plot(found["accuracy"][good], place[good], "o", color=colour, fillstyle="none",
                  markeredgewidth=0.6)  # fmt: skip
        axes.plot(found["accuracy"][~good], place[~good], "x", color=style.READOUT_COLOURS["mse"],
                  markersize=3.5)  # fmt: skip
        medians = found.groupby(place)["accuracy"].median()
        axes.plot(medians, medians.index, "|", color=colour, markersize=8, markeredgewidth=1.4)
        axes.set(xlabel=f"test accuracy {title} (%)")
        axes.grid(axis="x", color="0.92", linewidth=0.5)
        axes.spines["right"].set_visible(False)
    panels[0].set_yticks(range(len(labels)), labels, fontsize=6 if texts > 24 else 6.5)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    key = [
        Line2D([], [], color="0.3", marker="o", fillstyle="none", linestyle="", label="a seed"),
        Line2D([], [], color="0.3", marker="|", markersize=7, markeredgewidth=1.4, linestyle="",
               label="median"),
        Line2D([], [], color=style.READOUT_COLOURS["mse"], marker="x", markersize=3.5,
               linestyle="", label="a seed with an output unit silent in the end"),
    ]  # fmt: skip
    panels.legend(key, ncols=3)
    return panels.figure


def _histogram(numbers: pd.DataFrame, axes: Given) -> Figure:
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 60, sharey=True)
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        found = numbers[numbers["outcome"] == outcome]
        silent = np.where(found["silent"] > 0, "an output unit silent", "none silent")
        colours = {"none silent": style.READOUT_COLOURS[outcome],
                   "an output unit silent": style.READOUT_COLOURS["mse"]}  # fmt: skip
        sns.histplot(x=found["accuracy"], hue=silent, hue_order=list(colours), palette=colours,
                     multiple="stack", ax=axes, bins=40, linewidth=0.3, alpha=0.9,
                     legend=True)  # fmt: skip
        median = found["accuracy"].median()
        axes.axvline(median, color="0.3", linewidth=0.8, linestyle=":")
        axes.set(xlabel=f"test accuracy {title} (%), median {median:.2f}", ylabel="seeds")
        axes.spines["right"].set_visible(False)
        if (legend := axes.get_legend()) is not None:
            legend.set_title("")
            legend.set_loc("upper left")
    line = Line2D([], [], color="0.3", linewidth=0.8, linestyle=":", label="median of the seeds")
    panels.legend([line])
    return panels.figure


@style.applied()
def draw_fan(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw median, quartiles and the middle 90 % of the runs over epochs, 183 mm wide."""
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 62, sharey=True)
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        found = numbers[numbers["outcome"] == outcome]
        colour = style.READOUT_COLOURS[outcome]
        for low, high, alpha, label in (("p5", "p95", 0.15, "5 … 95 %"),
                                        ("p25", "p75", 0.3, "25 … 75 %")):  # fmt: skip
            axes.fill_between(found["epoch"], found[low], found[high], color=colour, alpha=alpha,
                              linewidth=0, label=label)  # fmt: skip
        axes.plot(found["epoch"], found["median"], color=colour, label="median")
        axes.set(xlabel="epoch", title=f"accuracy {title}", xlim=(0, numbers["epoch"].max()))
        axes.legend(loc="lower right")
        axes.spines["right"].set_visible(False)
        axes.grid(axis="y", color="0.92", linewidth=0.5)
    panels[0].set_ylabel(f"test accuracy (%), {numbers['runs'].max()} runs")
    return panels.figure


@style.applied()
def draw_collapse(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw accuracy against silent units in the end, and the courses of units, 183 mm wide."""
    panels = in_grid(axes, 1, 2, style.DOUBLE_COLUMN, 68, width_ratios=[1, 1.5])
    left, right = panels
    ends = numbers.groupby("run").agg(
        silent=("ends_silent", lambda over: numbers.loc[over.index][over]["unit"].nunique()),
        **{name: (name, "first") for name in OUTCOMES},
    )
    rng = np.random.default_rng(0)
    for outcome, aside in (("accuracy_spikes", -0.12), ("accuracy_potential", 0.12)):
        x = ends["silent"] + aside + rng.uniform(-0.07, 0.07, len(ends))
        left.plot(x, ends[outcome], "o", color=style.READOUT_COLOURS[outcome], fillstyle="none",
                  markeredgewidth=0.6, label=OUTCOMES[outcome])  # fmt: skip
    left.set(xlabel="silent output units in the end", ylabel="test accuracy (%)")
    left.set_xticks(range(int(ends["silent"].max()) + 1))
    left.set_xlim(-0.5, ends["silent"].max() + 0.5)
    left.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    ever = numbers[numbers["unit"] >= 0]
    for over, colour, label in (
        (False, style.READOUT_COLOURS["mse"], "was silent, came back"),
        (True, style.READOUT_COLOURS["accuracy_spikes"], "silent in the end"),
    ):
        units = ever[ever["ends_silent"] == over].groupby(["run", "unit"])
        for n, (_, course) in enumerate(units):
            right.plot(course["epoch"], 100 * course["shut"], color=colour, linewidth=0.7,
                       alpha=0.8, label=f"{label} ({len(units)})" if n == 0 else None)  # fmt: skip
    right.set(xlabel="epoch", ylabel="own test samples without learning (%)", ylim=(-3, 103))
    if len(ever):
        right.set_xlim(0, ever["epoch"].max())
        right.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    else:
        right.text(0.5, 0.5, "no output unit was ever silent", transform=right.transAxes,
                   ha="center")  # fmt: skip
    for axes in panels:
        axes.spines["right"].set_visible(False)
    panels.letters(left=9)
    return panels.figure
