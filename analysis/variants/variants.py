"""All variants of the circuit beside the paper's: error, course, and the angle of the feedback.

Panels a and b: test error of every variant in the end, one mark a seed, beside the paper's circuit
after as many epochs, and whether the two can be told apart.  Panel c: the course of what brings
errors back in other ways, thin lines single seeds.  Panel d: the angle between the feedback weights
and W2, which the paper's circuit keeps at 0.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from ..shared.statistics import COLLAPSE, NOT_DISTINGUISHABLE
from .courses import VARIANTS, variant_courses
from .outcomes import ends, summary
from .study import DATASETS, FOLDER, REFERENCE

__all__ = ["ENTRY", "draw"]

_WAYS_BACK = (
    REFERENCE, "feedback_alignment", "sign_symmetric", "kolen_pollack", "kolen_pollack_decay",
    "weight_drift", "output_only",
)  # fmt: skip
"""Variants that bring errors back in other ways, whose courses are drawn."""

_TITLES = {"mnist": "MNIST", "digits": "digits"}
_ERROR_TICKS = (2, 3, 5, 10, 20, 50, 90)
_ROW = 4.2  # mm
_DASHES = ("-", (0, (4, 1.2)), (0, (1.2, 0.8)))
"""Of medians, in turn: no two lines are told apart by their colours alone."""
_INK, _GREY = "#202020", "#8c8c8c"
_SIGNS = {
    "=": "equal to the paper's circuit with every seed",
    "\N{ALMOST EQUAL TO}": f"{NOT_DISTINGUISHABLE} from the paper's circuit",
    "(\N{ALMOST EQUAL TO})": "the same only with, or only without, collapsed runs",
}
"""What stands beside the name of a variant that cannot be told from the paper's circuit."""
_MARKS: dict[str, dict] = {
    "run": {"marker": "o", "markersize": 2.2, "markerfacecolor": "none", "markeredgewidth": 0.5,
            "color": style.colour("h")},
    "collapse": {"marker": "x", "markersize": 3.2, "markeredgewidth": 0.8,
                 "color": style.colour("o")},
    "median": {"marker": "|", "markersize": 8, "markeredgewidth": 1.6, "color": _INK},
    "reference": {"marker": "D", "markersize": 2.6, "color": _GREY, "zorder": 0},
}  # fmt: skip


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the four panels, 183 mm wide."""
    table, runs = summary(numbers), ends(numbers)
    longest = max(int((table["dataset"] == name).sum()) for name in DATASETS)
    upper, lower = 14 + _ROW * longest, 52.0
    panels = in_grid(axes, 2, 2, style.DOUBLE_COLUMN, upper + lower + 12,
                     height_ratios=[upper, lower])  # fmt: skip
    for axes, dataset in zip(panels.axes[:2], DATASETS, strict=True):
        _draw_ends(axes, runs[runs["dataset"] == dataset],
                   table[table["dataset"] == dataset], _TITLES[dataset])  # fmt: skip
    present = set(numbers["variant"])
    kinds = [kind for kind in _WAYS_BACK if kind in present]
    colours = dict(zip(kinds, [_INK, *sns.color_palette("colorblind", len(kinds))], strict=False))
    mnist = numbers[numbers["dataset"] == DATASETS[0]]
    errors, angles = panels.axes[2:]
    _draw_courses(errors, mnist, colours, "accuracy_potential")
    _draw_courses(angles, mnist, colours, "angle_degrees")
    errors.set(xlabel="epoch", title="MNIST: other ways of the error back",
               ylabel="test error by potential (%)")  # fmt: skip
    angles.set(xlabel="epoch", title="MNIST: angle of the feedback", ylim=(-3, 95),
               ylabel="angle of feedback and W2 (°)")  # fmt: skip
    angles.axhline(90, color=_GREY, linewidth=0.6, linestyle=":")
    present = {_sign(row) for _, row in table.iterrows()}
    for place, axes in enumerate(panels):
        axes.spines["right"].set_visible(False)
        panels.titled(place, axes.get_title())
        axes.set_title("")
    panels.legend(_key(present), ncols=3)
    panels.legend(_key_of_courses(errors), at="lower center", over=2, ncols=4,
                  title="panels c and d" if panels.own else None)  # fmt: skip
    return panels.figure


def _key_of_courses(axes: Axes) -> list[Line2D]:
    """Return the legend of panels c and d: the medians as drawn, and what else there is."""
    medians = cast(list[Line2D], axes.get_legend_handles_labels()[0])
    return [
        *medians,
        Line2D([], [], color="0.35", label="median of the seeds"),
        Line2D([], [], color="0.35", linewidth=0.4, label="a run (one seed)"),
        Line2D([], [], color=_GREY, linewidth=0.6, linestyle=":", label="90°: nothing in common"),
    ]


def _draw_ends(axes: Axes, runs: pd.DataFrame, table: pd.DataFrame, title: str) -> None:
    """Draw the error of each seed in the end, the median, and the reference at that epoch."""
    first = table["variant"] == REFERENCE
    table = pd.concat([table[first], table[~first].sort_values("potential", ascending=False)])
    names = []
    for place, (_, row) in enumerate(table.iterrows()):
        of_variant = runs[runs["variant"] == row["variant"]]
        for which, mark in ((~of_variant["collapsed"], "run"),
                            (of_variant["collapsed"], "collapse")):  # fmt: skip
            errors = 100 - of_variant.loc[which, "accuracy_potential"]
            axes.plot(errors, [place] * len(errors), linestyle="", **_MARKS[mark])
        for column, mark in (("potential", "median"), ("reference", "reference")):
            axes.plot([100 - row[column]], [place], linestyle="", **_MARKS[mark])
        name = str(row["variant"]).replace("_", " ")
        names.append(f"{name} ({row['epochs']:g}) {_sign(row)}".rstrip())
    axes.set_yticks(range(len(table)), names)
    axes.set(ylim=(len(table) - 0.4, -0.6), title=f"{title}: variant (epochs)",
             xlabel="test error by potential (%)")  # fmt: skip
    axes.grid(axis="x", linewidth=0.4, color="#e0e0e0")
    axes.tick_params(axis="y", length=0)
    _error_axis(axes, "x")


def _sign(row: pd.Series) -> str:
    """Return the sign beside the name of a variant; see `_SIGNS`."""
    if row["variant"] == REFERENCE:
        return ""
    if row["verdict"] == "equal":
        return "="
    alike = [row[name] == NOT_DISTINGUISHABLE for name in ("verdict", "verdict_kept")]
    same = "\N{ALMOST EQUAL TO}"
    return same if all(alike) else f"({same})" if any(alike) else ""


def _key(signs: Collection[str]) -> list[Line2D]:
    """Return the legend of panels a and b: what each mark is."""
    what = {
        "run": "a run (one seed)",
        "collapse": "a run that collapsed",
        "median": "median of the seeds",
        "reference": "median of the paper's circuit after as many epochs",
    }
    marks = [Line2D([], [], linestyle="", label=what[name], **_MARKS[name]) for name in what]
    return marks + [
        Line2D([], [], linestyle="", marker=f"${sign}$", markersize=4 + 2 * len(sign),
               color=_INK, markeredgewidth=0.2, label=text)
        for sign, text in _SIGNS.items()
        if sign in signs
    ]  # fmt: skip


def _draw_courses(axes: Axes, courses: pd.DataFrame, colours: dict, column: str) -> None:
    for place, (variant, colour) in enumerate(colours.items()):
        rows = courses[courses["variant"] == variant].dropna(subset=[column])
        if rows.empty:
            continue
        values = 100 - rows[column] if column.startswith("acc") else rows[column]
        for _, course in values.groupby(rows["seed"]):
            axes.plot(rows.loc[course.index, "epoch"], course, color=colour, lw=0.4, alpha=0.5)
        median = values.groupby(rows["epoch"]).median()
        axes.plot(median.index, median, color=colour, linestyle=_DASHES[place % len(_DASHES)],
                  label=variant.replace("_", " "))  # fmt: skip
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
    name=VARIANTS,
    group=FOLDER,
    title="Variants of the circuit",
    caption="Test error of every variant: a ring for each seed, a cross for one that collapsed "
    f"({COLLAPSE}), a bar for the median, a diamond for the median of the paper's circuit after as "
    "many epochs.  ≈: not distinguishable from the paper's circuit (the bootstrapped 95 % "
    "interval of the mean difference between runs with the same seed contains 0, with the "
    "collapsed runs and without them; in brackets: in one of the two ways).  Below: learning "
    "curves of the variants that propagate errors back in other ways, and the angle of their "
    "feedback weights to W2.",
    numbers=variant_courses,
    draw=draw,
    extra=lambda numbers: {
        "table_variants.csv": summary(numbers).to_csv(index=False, lineterminator="\n").encode()
    },
)
