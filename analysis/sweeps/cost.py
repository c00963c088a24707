"""What one value of a parameter changes against another: rate of collapse, and cost in the end.

For grids in which a single parameter is varied and every value has the same seeds.  Two runs with
the same seed are a pair.  The value that the model has by itself is what the others are held
against; if it is not among them, the first one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..shared import style
from ..shared.panels import Given, in_grid
from ..shared.statistics import Estimate, collapsed, mean_difference, rate
from .tables import OUTCOMES, SweepTables, short

__all__ = ["cost_numbers", "draw_cost"]

_RATES = {
    "collapsed": "collapsed",
    "never_fired": "an output unit never fires",
    "silent_outputs": "an output unit cannot learn",
}
"""What is counted in runs, by column of their table."""
_FEWEST_SEEDS = 5


def cost_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return rates of each value and differences between values, each with a 95 % interval.

    Returns
    -------
    DataFrame or None
        `parameter`, `value`, `reference`; `what`: "collapsed" (see
        `analysis.shared.statistics.COLLAPSE`), "never_fired" (an output unit never fires in the
        last test) or "silent_outputs" (one cannot learn from its class) with the number of `runs`,
        `hits`, and the rate as `estimate`, `low`, `high` (Wilson, percent); or "difference" and
        "difference_kept" (without pairs of which a run collapsed) of an `outcome`, with the number
        of pairs as `runs`, and the mean as `estimate`, `low`, `high` (bootstrap, BCa, points).
        `only_value`, `only_reference`: pairs of which one run alone is a hit, and `p` that they
        are so unequal by chance (McNemar's exact test).  `verdict` of a difference.  None for
        other designs, or fewer than five seeds.
    """
    varied = [name for name in tables.parameters if tables.design[name].nunique() > 1]
    seeds = tables.design.groupby("point").size().min()
    grid = tables.sweep.design.kind == "grid" and len(tables.parameters) == 1
    if not grid or len(varied) != 1 or seeds < _FEWEST_SEEDS:
        return None
    name, runs = varied[0], _judged(tables, varied[0])
    reference = _reference(tables, name)
    partners = runs[runs[name] == reference].set_index("seed")
    rows = []
    for value, group in runs.groupby(name, sort=False):
        about = {"parameter": name, "value": value, "reference": reference}
        own = group.set_index("seed")
        pairs = own.index.intersection(partners.index)
        rows += [about | row for row in _rates(own, partners, pairs)]
        if value != reference:
            rows += [about | row for row in _differences(own.loc[pairs], partners.loc[pairs])]
    return pd.DataFrame(rows)


def _judged(tables: SweepTables, name: str) -> pd.DataFrame:
    """Return the runs with whether each collapsed, by the other seeds of its value."""
    runs = tables.runs
    never = runs.get("never_fired", pd.Series(np.nan, runs.index))
    parts = [
        collapsed(group["accuracy_potential"], never[group.index])
        for _, group in runs.groupby(name, sort=False)
    ]
    return runs.assign(collapsed=pd.concat(parts), never_fired=never)


def _reference(tables: SweepTables, name: str) -> Any:
    """Return the value that the model has by itself, or the first one."""
    values = list(dict.fromkeys(tables.design[name]))
    at: Any = tables.sweep.base.model_dump(mode="json")
    for key in name.split("."):
        at = at.get(key) if isinstance(at, dict) else None
    return at if at in values else values[0]


def _rates(
    own: pd.DataFrame, partners: pd.DataFrame, pairs: pd.Index
) -> Iterator[dict[str, object]]:
    from scipy.stats import binomtest

    for what in _RATES:
        if own[what].isna().any():  # not recorded
            continue
        hits, others = (table[what].astype(float) > 0 for table in (own, partners))
        mine = int((hits[pairs] & ~others[pairs]).sum())
        theirs = int((others[pairs] & ~hits[pairs]).sum())
        yield {
            "what": what, "outcome": None, "runs": len(own), "hits": int(hits.sum()),
            **_estimate(rate(int(hits.sum()), len(own))),
            "only_value": mine, "only_reference": theirs,
            "p": binomtest(mine, mine + theirs).pvalue if mine + theirs else 1.0, "verdict": None,
        }  # fmt: skip


def _differences(own: pd.DataFrame, partners: pd.DataFrame) -> Iterator[dict[str, object]]:
    either = own["collapsed"] | partners["collapsed"]
    for outcome in OUTCOMES:
        difference = own[outcome] - partners[outcome]
        for what, pairs in (("difference", difference), ("difference_kept", difference[~either])):
            found = mean_difference(pairs)
            yield {
                "what": what, "outcome": outcome, "runs": found.n, **_estimate(found),
                "verdict": found.verdict,
            }  # fmt: skip


def _estimate(found: Estimate) -> dict[str, object]:
    ends = {"estimate": found.value, "low": found.low, "high": found.high}
    return {name: round(end, 4) for name, end in ends.items()}


@style.applied()
def draw_cost(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw rates on the left and differences on the right, with their intervals, 183 mm wide."""
    panels = in_grid(axes, 1, 2, style.DOUBLE_COLUMN, 58)
    left, right = panels
    name = short(str(numbers["parameter"].iloc[0]))
    reference = numbers["reference"].iloc[0]
    values = list(dict.fromkeys(numbers["value"]))
    shades = (style.READOUT_COLOURS["accuracy_spikes"], style.READOUT_COLOURS["mse"], "0.35")
    for n, (what, label) in enumerate(_RATES.items()):
        rows = numbers[numbers["what"] == what].set_index("value")
        _with_intervals(left, rows.loc[[v for v in values if v in rows.index]], values,
                        0.18 * (n - 1), shades[n], label, "s")  # fmt: skip
    others = [value for value in values if value != reference]
    for n, (outcome, title) in enumerate(OUTCOMES.items()):
        for m, (what, which) in enumerate(
            (("difference", "all pairs"), ("difference_kept", "without collapses"))
        ):
            rows = numbers[(numbers["what"] == what) & (numbers["outcome"] == outcome)]
            _with_intervals(right, rows.set_index("value").loc[others], others,
                            0.16 * (2 * n + m - 1.5), style.READOUT_COLOURS[outcome],
                            f"{title}, {which}", "os"[m])  # fmt: skip
    right.axhline(0, color="0.3", linewidth=0.6)
    left.set(ylabel="runs (%)", ylim=(0, None), xlabel=name)
    right.set(ylabel=f"difference to {reference:g} (points)" if not isinstance(reference, str)
              else f"difference to {reference} (points)", xlabel=name)  # fmt: skip
    for axes, ticks in ((left, values), (right, others)):
        axes.set_xticks(range(len(ticks)), [str(tick) for tick in ticks])
        axes.set_xlim(-0.6, len(ticks) - 0.4)
        axes.spines["right"].set_visible(False)
        bar = Line2D([], [], color="0.35", marker="|", markersize=6, linestyle="",
                     label="95 % interval")  # fmt: skip
        axes.legend(handles=[*axes.get_legend_handles_labels()[0], bar],
                    loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)  # fmt: skip
    panels.letters(left=9)
    return panels.figure


def _with_intervals(
    axes: Axes, rows: pd.DataFrame, places: list, aside: float, colour: str, label: str, marker: str
) -> None:
    """Draw estimates with their intervals beside the places of their values."""
    if rows.empty:
        return
    x = np.array([places.index(value) for value in rows.index]) + aside
    ends = np.array([rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]])
    axes.errorbar(x, rows["estimate"], yerr=ends, fmt=marker, color=colour, markersize=3,
                  elinewidth=0.8, capsize=1.5, label=label)  # fmt: skip
