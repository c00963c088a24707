"""From the paper's circuit to the fine models, step by step, and each switch alone and left out.

``python -m analysis steps --runs runs`` writes `figures/learning/steps`: a row per training; the
picture; and `steps_effects.csv`, the paired differences with their intervals.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..learning import numbers as last_tests
from ..shared import style
from ..shared.entry import Entry
from ..shared.output import table_file
from ..shared.panels import Given, in_grid
from ..shared.statistics import mean_difference
from .study import (
    ALL,
    BASE,
    GRADED,
    ORDER,
    PAPER,
    SEEDS,
    SWITCHES,
    Case,
    alone,
    finished,
    steps,
    without,
)

__all__ = ["ENTRY", "GROUP", "draw", "effects", "numbers"]

GROUP = "learning"
_READOUTS = ("spikes", "potential")

_STEP_NAMES = {
    PAPER.name: "paper's circuit",
    BASE.name: "weights start half as large",
    "accumulator": "+ fractions of a step",
    "accumulator+margin": "+ margin",
    "accumulator+margin+box": "+ wider box",
    ALL.name: "+ shifted images",
    GRADED.name: "graded errors",
}
_SWITCH_NAMES = {
    "accumulator": "fractions of a step",
    "margin": "margin",
    "box": "wider box",
    "shift": "shifted images",
}
_FLOOR = 94.0
"""Percent: where the upper panel begins; what lies below is a triangle at its edge."""


def numbers(runs: Path) -> pd.DataFrame:
    """Return one row per training: `case`, `seed`, and in percent what its last test found."""
    found = []
    for case in steps():
        of_case = finished((case.task(seed) for seed in SEEDS), runs)
        found.append(last_tests(of_case).assign(case=case.name))
    table = pd.concat(found, ignore_index=True)
    return table[
        [
            "case",
            "seed",
            "epoch",
            *(f"{name}_percent" for name in ("spikes", "argmax", "potential")),
        ]
    ]


def effects(table: pd.DataFrame) -> pd.DataFrame:
    """Return what each switch does, alone and left out of `mnist_fine`, by runs of the same seed.

    Parameters
    ----------
    table : DataFrame
        As `numbers` returns it.

    Returns
    -------
    DataFrame
        `switch`, `how` ("alone", "with the others"), `readout`, `pairs`, and in points
        `difference` with its 95 % interval `low` and `high`, and what that says, `verdict`.
    """
    rows = []
    for switch in SWITCHES:
        for how, (with_it, other) in {
            "alone": (alone(switch), BASE),
            "with the others": (ALL, without(switch)),
        }.items():
            for readout in _READOUTS:
                found = mean_difference(
                    _by_seed(table, with_it, readout) - _by_seed(table, other, readout)
                )
                rows.append(
                    {
                        "switch": switch, "how": how, "readout": readout, "pairs": found.n,
                        "difference": round(found.value, 3), "low": round(found.low, 3),
                        "high": round(found.high, 3), "verdict": found.verdict,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def _by_seed(table: pd.DataFrame, case: Case, readout: str) -> pd.Series:
    return table[table["case"] == case.name].set_index("seed")[f"{readout}_percent"]


@style.applied()
def draw(table: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the steps, and below them what each switch does; 89 mm wide."""
    panels = in_grid(axes, 2, 1, style.SINGLE_COLUMN, 135, height_ratios=[7, 6])
    upper, lower = panels
    _draw_steps(upper, table)
    _draw_effects(lower, effects(table))
    panels.letters(left=30)
    panels.legend(_handles(table["seed"].nunique()), at="upper left", ncols=2)
    return panels.figure


def _draw_steps(axes: Axes, table: pd.DataFrame) -> None:
    for place, case in enumerate(ORDER):
        for readout, shift in zip(_READOUTS, (-0.14, 0.14), strict=True):
            colour = style.READOUT_COLOURS[f"accuracy_{readout}"]
            values = _by_seed(table, case, readout)
            low = values < _FLOOR
            y = place + shift
            axes.plot(
                values[~low], [y] * int((~low).sum()), "o", ms=2.5, mfc="none", mec=colour, mew=0.6
            )
            if below := int(low.sum()):  # no empty line: it would count at the figure's corner
                axes.plot([_FLOOR] * below, [y] * below, "<", ms=3, color=colour, clip_on=False)
            axes.plot([values.median()] * 2, [y - 0.13, y + 0.13], color=colour, lw=1.4)
    axes.set_yticks(range(len(ORDER)), [_STEP_NAMES[case.name] for case in ORDER])
    axes.invert_yaxis()
    axes.set(xlabel="test accuracy (%)", xlim=(_FLOOR, 99))


_MARKERS: dict[str, dict[str, Any]] = {
    "alone": {"marker": "s", "mfc": "white"},
    "with the others": {"marker": "D"},
}


def _draw_effects(axes: Axes, found: pd.DataFrame) -> None:
    at = {
        (how, readout): -0.27 + 0.18 * place
        for place, (how, readout) in enumerate(itertools.product(_MARKERS, _READOUTS))
    }
    for row in found.to_dict("records"):
        y = list(SWITCHES).index(row["switch"]) + at[row["how"], row["readout"]]
        colour = style.READOUT_COLOURS[f"accuracy_{row['readout']}"]
        axes.plot([row["low"], row["high"]], [y, y], color=colour, lw=0.8)
        axes.plot(
            [row["difference"]], [y], ms=3, color=colour, lw=0, mew=0.7, **_MARKERS[row["how"]]
        )
    axes.axvline(0, color="0.6", lw=0.6)
    axes.set_yticks(range(len(SWITCHES)), [_SWITCH_NAMES[name] for name in SWITCHES])
    axes.invert_yaxis()
    axes.set_xlabel("difference (percentage points, 95 % interval)")


def _handles(seeds: int) -> list[Line2D]:
    """Return what the legend of both panels explains."""
    handles = [
        Line2D([], [], color=style.READOUT_COLOURS[f"accuracy_{readout}"], marker="o", mfc="none",
               ms=3, lw=0, mew=0.7, label=f"a, b: by {readout}")
        for readout in _READOUTS
    ]  # fmt: skip
    grey: dict[str, Any] = {"color": "0.3", "ms": 3, "mew": 0.7}
    handles += [
        Line2D([], [], lw=0, marker="|", label=f"a: median of {seeds} seeds",
               **grey | {"ms": 6, "mew": 1.4}),
        Line2D([], [], lw=0, marker="<", label=f"a: a seed below {_FLOOR:g} %", **grey),
    ]  # fmt: skip
    words = ("b: added to the paper's circuit", "b: added to the other three")
    return handles + [
        Line2D([], [], lw=0.8, label=label, **grey | _MARKERS[how])
        for how, label in zip(_MARKERS, words, strict=True)
    ]


def _effects_file(table: pd.DataFrame) -> dict[str, bytes]:
    name, content = table_file(effects(table), "steps_effects")
    return {name: content}


ENTRY = Entry(
    name="steps",
    group=GROUP,
    title="From the paper's circuit to graded errors",
    caption="MNIST, 400-400-10, 60 epochs, by the algorithm in integers, ten seeds. a: one change "
    "after the other. b: what each of the four switches adds to the paper's circuit (weights that "
    "start half as large) and to the other three together; mean of the differences between runs "
    "of the same seed.",
    numbers=numbers,
    draw=draw,
    extra=_effects_file,
)
