"""All variants of the circuit beside the paper's: error, course, and the angle of the feedback.

Panels a and b: test error of every variant in the end, one dot a seed, beside the paper's circuit
after as many epochs.  Panel c: the course of what brings errors back in other ways, thin lines
single seeds.  Panel d: the angle between the feedback weights and W2, which the paper's circuit
keeps at 0.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..shared import style
from ..shared.entry import Entry
from .study import DATASETS, FOLDER, REFERENCE, variant_courses

__all__ = ["ENTRY", "draw", "numbers", "summary"]

_WAYS_BACK = (
    REFERENCE, "feedback_alignment", "sign_symmetric", "kolen_pollack", "kolen_pollack_decay",
    "weight_drift", "output_only",
)  # fmt: skip
"""Variants that bring errors back in other ways, whose courses are drawn."""

_TITLES = {"mnist": "MNIST", "digits": "digits"}
_ERROR_TICKS = (2, 3, 5, 10, 20, 50, 90)
_ROW = 4.2  # mm
_INK, _GREY = "#202020", "#8c8c8c"


def numbers(runs: Path) -> pd.DataFrame:
    """Return the courses of all variants; see `analysis.variants.study.variant_courses`."""
    return variant_courses(runs)


def summary(courses: pd.DataFrame) -> pd.DataFrame:
    """Return one row per data set and variant: its seeds in the end, beside the paper's circuit.

    Returns
    -------
    DataFrame
        `dataset`, `variant`, `engine`, `seeds`, `epochs`; `spikes`, `spikes_lowest`,
        `spikes_highest`, `potential`, … (median and range over the seeds, percent, last epoch);
        `reference`: median by potential of the paper's circuit after as many epochs (NaN if it
        was not tested then), and `difference` to it in points; `angle_degrees` in the end (median);
        `stray_spikes` in the whole training and `unequal_weights` in the end (medians);
        `ms_per_sample` (median).
    """
    rows = []
    references = courses[courses["variant"] == REFERENCE]
    for (dataset, variant), table in courses.groupby(["dataset", "variant"], sort=False):
        epochs = table["epoch"].max()
        last = table[table["epoch"] == epochs]
        same = references[(references["dataset"] == dataset) & (references["epoch"] == epochs)]
        row: dict[str, object] = {
            "dataset": dataset, "variant": variant, "engine": last["engine"].iloc[0],
            "seeds": len(last), "epochs": epochs,
        }  # fmt: skip
        for readout in ("spikes", "potential"):
            values = last[f"accuracy_{readout}"]
            row |= {
                readout: round(values.median(), 4),
                f"{readout}_lowest": round(values.min(), 4),
                f"{readout}_highest": round(values.max(), 4),
            }
        reference = same["accuracy_potential"].median()
        strays = table.groupby("seed")["stray_spikes"].sum()
        row |= {
            "reference": round(reference, 4),
            "difference": round(last["accuracy_potential"].median() - reference, 4),
            "angle_degrees": round(last["angle_degrees"].median(), 2),
            "stray_spikes": strays.median(),
            "unequal_weights": last["unequal_weights"].median(),
            "ms_per_sample": round(table["ms_per_sample"].median(), 4),
        }
        rows.append(row)
    return pd.DataFrame(rows)


@style.applied()
def draw(numbers: pd.DataFrame) -> Figure:
    """Draw the four panels, 183 mm wide."""
    table = summary(numbers)
    longest = max(int((table["dataset"] == name).sum()) for name in DATASETS)
    upper, lower = 14 + _ROW * longest, 52.0
    figure = style.new_figure(style.DOUBLE_COLUMN, upper + lower, layout="constrained")
    panels = figure.subplots(2, 2, height_ratios=[upper, lower])
    for axes, dataset in zip(panels[0], DATASETS, strict=True):
        _draw_ends(axes, numbers[numbers["dataset"] == dataset],
                   table[table["dataset"] == dataset], _TITLES[dataset])  # fmt: skip
    present = set(numbers["variant"])
    kinds = [kind for kind in _WAYS_BACK if kind in present]
    colours = dict(zip(kinds, [_INK, *sns.color_palette("colorblind", len(kinds))], strict=False))
    mnist = numbers[numbers["dataset"] == DATASETS[0]]
    _draw_courses(panels[1, 0], mnist, colours, "accuracy_potential")
    _draw_courses(panels[1, 1], mnist, colours, "angle_degrees")
    panels[1, 0].set_ylabel("test error by potential (%)")
    panels[1, 1].set_ylabel("angle of feedback and W2 (°)")
    for axes in panels[1]:
        axes.set(xlabel="epoch", title="MNIST: ways back")
    panels[1, 1].set_ylim(-3, 95)
    panels[1, 1].axhline(90, color=_GREY, linewidth=0.6, linestyle=":")
    figure.legend(
        handles=panels[1, 0].get_legend_handles_labels()[0], loc="outside lower center", ncols=4
    )
    for axes, letter in zip(panels.flat, "abcd", strict=True):
        axes.spines["right"].set_visible(False)
        axes.set_title(f"{letter}  {axes.get_title()}", loc="left")
        axes.set_title("")
    return figure


def _draw_ends(axes: Axes, courses: pd.DataFrame, table: pd.DataFrame, title: str) -> None:
    """Draw the error of each seed in the end, the median, and the reference at that epoch."""
    first = table["variant"] == REFERENCE
    table = pd.concat([table[first], table[~first].sort_values("potential", ascending=False)])
    for place, (_, row) in enumerate(table.iterrows()):
        of_variant = courses[courses["variant"] == row["variant"]]
        last = of_variant[of_variant["epoch"] == row["epochs"]]
        axes.plot(100 - last["accuracy_potential"], [place] * len(last), "o", markersize=2.2,
                  markerfacecolor="none", markeredgewidth=0.5, color=style.colour("h"))  # fmt: skip
        axes.plot(100 - row["potential"], place, "|", markersize=8, markeredgewidth=1.6,
                  color=_INK)  # fmt: skip
        axes.plot(100 - row["reference"], place, "D", markersize=2.6, color=_GREY, zorder=0)
    names = [
        f"{row['variant'].replace('_', ' ')} ({row['epochs']:g})" for _, row in table.iterrows()
    ]
    axes.set_yticks(range(len(table)), names)
    axes.set(ylim=(len(table) - 0.4, -0.6), title=f"{title}: variant (epochs)",
             xlabel="test error by potential (%)")  # fmt: skip
    axes.grid(axis="x", linewidth=0.4, color="#e0e0e0")
    axes.tick_params(axis="y", length=0)
    _error_axis(axes, "x")


def _draw_courses(axes: Axes, courses: pd.DataFrame, colours: dict, column: str) -> None:
    for variant, colour in colours.items():
        rows = courses[courses["variant"] == variant].dropna(subset=[column])
        if rows.empty:
            continue
        values = 100 - rows[column] if column.startswith("acc") else rows[column]
        for _, course in values.groupby(rows["seed"]):
            axes.plot(rows.loc[course.index, "epoch"], course, color=colour, lw=0.4, alpha=0.5)
        median = values.groupby(rows["epoch"]).median()
        axes.plot(median.index, median, color=colour, label=variant.replace("_", " "))
    axes.set_xlim(0, None)
    if column.startswith("acc"):
        _error_axis(axes, "y")


def _error_axis(axes: Axes, which: str) -> None:
    """Show errors on a logarithmic axis, with ticks that are percents."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    axis.set_ticks([tick for tick in _ERROR_TICKS if low <= tick <= high])
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


ENTRY = Entry(
    name="variants",
    group=FOLDER,
    title="Variants of the circuit",
    caption="Test error of every variant beside the paper's circuit (diamonds), one ring a seed, "
    "bars medians; the course of the variants that bring errors back in other ways, and the angle "
    "of their feedback weights to W2.",
    numbers=numbers,
    draw=draw,
    extra=lambda numbers: {
        "table_variants.csv": summary(numbers).to_csv(index=False, lineterminator="\n").encode()
    },
)
