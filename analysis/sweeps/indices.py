"""Sensitivity indices of a sweep: Sobol's, first order, total and of pairs, and Morris's.

Sobol: the share of the outcome's variance that goes back to a parameter alone (first order), to it
and everything that it takes part in (total), or to two together (second order).  Morris: mean
absolute effect of a step of a parameter (mu*), and how much that hangs on the others (sigma).
Confidence intervals are SALib's, bootstrapped over the base points, 95 %; those of the difference
of two indices are from the same resamples.  An index is established if its interval does not
contain 0, and so is the order of two if that of their difference does not.
"""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from synfire_bp.sweep import salib_problem

from ..shared import style
from ..shared.panels import Given, in_grid
from ..shared.statistics import verdict
from .tables import OUTCOMES, SweepTables, short

__all__ = ["draw_morris", "draw_pairs", "draw_sobol", "morris_numbers", "order_numbers",
           "pair_numbers", "sobol_numbers"]  # fmt: skip

_RESAMPLES = 1000
_SEED = 1  # SALib takes 0 for none, and the intervals would differ from time to time
_Z = 1.959964
"""Half widths of a 95 % interval in standard deviations, as SALib has it."""
_KINDS = {"first": "first order", "total": "total"}
_KEYS = {"first": "S1", "total": "ST"}
"""What SALib calls them."""


def sobol_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return first-order and total indices.

    Returns
    -------
    DataFrame or None
        `outcome`, `parameter`, `kind` ("first" or "total"), `index`, `confidence` (half width of
        the 95 % interval), `low`, `high`, `established` (whether the interval is above 0),
        `base_points` that could be used.  None if the design is another, or no base point is
        complete.
    """
    rows = []
    for outcome in OUTCOMES:
        found = _sobol(tables, outcome)
        if found is None:
            return None
        indices, used = found
        for kind, key in _KEYS.items():
            for name, index, confidence in zip(
                tables.parameters, indices[key], indices[f"{key}_conf"], strict=True
            ):
                rows.append((outcome, name, kind, *_with_interval(index, confidence), used))
    columns = ["outcome", "parameter", "kind", *_INDEX, "base_points"]
    return pd.DataFrame(rows, columns=columns)


_INDEX = ("index", "confidence", "low", "high", "established")


def _with_interval(index: float, confidence: float) -> tuple[float, float, float, float, bool]:
    low, high = float(index - confidence), float(index + confidence)
    return float(index), float(confidence), low, high, low > 0


def order_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return which of two parameters has the larger index, and whether that is established.

    Returns
    -------
    DataFrame or None
        `outcome`, `kind`, `parameter` and `other`, which has the smaller index or as large a one;
        `difference` of the two, `low`, `high` (95 % interval), and `verdict`: "higher" or "not
        distinguishable".  None as of `sobol_numbers`.
    """
    rows = []
    for outcome in OUTCOMES:
        found = _sobol(tables, outcome)
        if found is None:
            return None
        indices, _ = found
        for kind, key in _KEYS.items():
            falling = np.argsort(-np.asarray(indices[key]), kind="stable")
            for i, j in itertools.combinations(falling, 2):
                difference = float(indices[key][i] - indices[key][j])
                resampled = indices[f"{key}_conf_all"][:, i] - indices[f"{key}_conf_all"][:, j]
                half = _Z * float(resampled.std(ddof=1))
                low, high = difference - half, difference + half
                names = tables.parameters[i], tables.parameters[j]
                said = verdict(difference, low, high)
                rows.append((outcome, kind, *names, difference, low, high, said))
    columns = ["outcome", "kind", "parameter", "other", "difference", "low", "high", "verdict"]
    return pd.DataFrame(rows, columns=columns)


def pair_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return second-order indices: `outcome`, `parameter`, `other`, and as `sobol_numbers`.

    `established`: whether the interval does not contain 0; the estimate of an index can be below.
    """
    if tables.sweep.design.kind != "saltelli" or not tables.sweep.design.second_order:
        return None
    rows = []
    for outcome in OUTCOMES:
        found = _sobol(tables, outcome)
        if found is None:
            return None
        names = tables.parameters
        for i, first in enumerate(names):
            for j in range(i + 1, len(names)):
                index, half = found[0]["S2"][i, j], found[0]["S2_conf"][i, j]
                *numbers, above = _with_interval(index, half)
                rows.append((outcome, first, names[j], *numbers, above or index + half < 0))
    columns = ["outcome", "parameter", "other", *_INDEX]
    return pd.DataFrame(rows, columns=columns)


def morris_numbers(tables: SweepTables) -> pd.DataFrame | None:
    """Return elementary effects: `outcome`, `parameter`, `mu`, `mu_star`, `confidence`, `sigma`.

    Effects are in points of accuracy over the whole range of the parameter.
    """
    if tables.sweep.design.kind != "morris":
        return None
    from SALib.analyze import morris

    names = tables.parameters
    rows = []
    for outcome in OUTCOMES:
        blocks = _blocks(_by_point(tables, outcome), len(names) + 1)
        whole = np.isfinite(blocks).all(axis=1)
        if whole.sum() < 2:
            return None
        units = np.array(tables.design.drop_duplicates("point")["unit"].tolist())
        units = units.reshape(len(blocks), len(names) + 1, len(names))[whole]
        found = morris.analyze(
            salib_problem(names), units.reshape(-1, len(names)), blocks[whole].ravel(),
            num_resamples=_RESAMPLES, num_levels=tables.sweep.design.num_levels, seed=_SEED,
        )  # fmt: skip
        for n, name in enumerate(names):
            keys = ("mu", "mu_star", "mu_star_conf", "sigma")
            rows.append((outcome, name, *(float(found[key][n]) for key in keys)))
    columns = ["outcome", "parameter", "mu", "mu_star", "confidence", "sigma"]
    return pd.DataFrame(rows, columns=columns)


@style.applied()
def draw_sobol(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the indices, 183 mm wide: a panel for each readout, most influential first."""
    order = _by_influence(numbers[numbers["kind"] == "total"], "index")
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 22 + 8 * len(order),
                     sharex=True, sharey=True)  # fmt: skip
    shades = {"first": "0.35", "total": style.READOUT_COLOURS["mse"]}
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        for kind, aside in (("total", 0.17), ("first", -0.17)):
            rows = numbers[(numbers["outcome"] == outcome) & (numbers["kind"] == kind)]
            rows = rows.set_index("parameter").loc[order]
            bars = axes.barh(np.arange(len(order)) + aside, rows["index"], height=0.32,
                             xerr=rows["confidence"], color=shades[kind], label=_KINDS[kind],
                             error_kw={"elinewidth": 0.7, "ecolor": "0.15"})  # fmt: skip
            for bar, established in zip(bars, rows["established"], strict=True):
                bar.set_alpha(1.0 if established else _FAINT)
        axes.set_yticks(range(len(order)), [short(name) for name in order])
        axes.set(xlabel="share of the variance", title=f"accuracy {title}")
        axes.axvline(0, color="0.3", linewidth=0.5)
        axes.spines["right"].set_visible(False)
        axes.tick_params(axis="y", length=0)
    panels[0].invert_yaxis()
    handles = panels[0].get_legend_handles_labels()[0][::-1]
    faint = Patch(color=shades["first"], alpha=_FAINT, label="not distinguishable from 0")
    bar = Line2D([], [], color="0.15", linewidth=0.7, label="95 % interval")
    panels.legend([*handles, faint, bar], ncols=4)
    return panels.figure


_FAINT = 0.35


@style.applied()
def draw_pairs(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw second-order indices, 183 mm wide: a triangle for each readout; bold: established."""
    names = list(dict.fromkeys([*numbers["parameter"], *numbers["other"]]))
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 22 + 9 * len(names),
                     sharey=True)  # fmt: skip
    top = max(float(numbers["index"].abs().max()), 0.01)
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        grid = np.full((len(names), len(names)), np.nan)
        for row in numbers[numbers["outcome"] == outcome].itertuples():
            at = names.index(row.other), names.index(row.parameter)
            grid[at] = row[4]
            axes.text(at[1], at[0], f"{row[4]:.2f}", ha="center", va="center", fontsize=6,
                      fontweight="bold" if row.established else "normal")  # fmt: skip
        image = axes.imshow(grid, cmap="RdBu_r", vmin=-top, vmax=top, aspect="auto", alpha=0.8)
        ticks = range(len(names))
        axes.set_xticks(ticks, [short(name) for name in names], rotation=35, ha="right")
        axes.set_yticks(ticks, [short(name) for name in names])
        axes.set(title=f"accuracy {title}", xlim=(-0.5, len(names) - 1.5),
                 ylim=(len(names) - 0.5, 0.5))  # fmt: skip
        axes.spines["right"].set_visible(False)
        axes.tick_params(length=0)
    panels.figure.colorbar(image, ax=list(panels), shrink=0.8,
                           label="second-order index (bold: not 0)")  # fmt: skip
    return panels.figure


@style.applied()
def draw_morris(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw mean effect against its spread, 183 mm wide: a panel for each readout."""
    panels = in_grid(axes, 1, len(OUTCOMES), style.DOUBLE_COLUMN, 70, sharex=True, sharey=True)
    for axes, (outcome, title) in zip(panels, OUTCOMES.items(), strict=True):
        rows = numbers[numbers["outcome"] == outcome]
        axes.errorbar(rows["mu_star"], rows["sigma"], xerr=rows["confidence"], fmt="o",
                      color=style.READOUT_COLOURS[outcome], elinewidth=0.7,
                      markersize=3)  # fmt: skip
        for row in rows.itertuples():
            axes.annotate(short(str(row.parameter)), (row.mu_star, row.sigma), xytext=(4, 4),
                          textcoords="offset points", fontsize=6)  # fmt: skip
        axes.set(xlabel="mean absolute effect (points)", title=f"accuracy {title}")
        axes.spines["right"].set_visible(False)
    top = 1.15 * max(float(numbers["sigma"].max()), float(numbers["mu_star"].max()))
    panels[0].set(ylabel="spread of the effect (points)", xlim=(0, top), ylim=(0, top))
    for axes in panels:
        axes.plot([0, top], [0, top], color="0.8", linewidth=0.6, zorder=0)
    look: dict[str, Any] = {"color": "0.35", "linestyle": ""}
    panels.legend([
        Line2D([], [], marker="o", markersize=3, label="a parameter", **look),
        Line2D([], [], marker="_", markersize=7, label="95 % interval", **look),
        Line2D([], [], color="0.8", linewidth=0.6, label="spread as large as the effect"),
    ], ncols=3)  # fmt: skip
    return panels.figure


def _by_influence(numbers: pd.DataFrame, column: str) -> list[str]:
    means = numbers.groupby("parameter", sort=False)[column].mean()
    return [str(name) for name in means.sort_values(ascending=False).index]


def _by_point(tables: SweepTables, outcome: str) -> NDArray[np.float64]:
    """Return the outcome of every point, the mean of its seeds; NaN where one is missing."""
    found = tables.design[["run", "point"]].merge(
        tables.runs[["run", outcome]], on="run", how="left"
    )
    means = found.groupby("point")[outcome].agg(lambda seeds: seeds.mean(skipna=False))
    return np.asarray(means, dtype=np.float64)


def _blocks(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    return values.reshape(-1, size)


def _sobol(tables: SweepTables, outcome: str) -> tuple[dict[str, Any], int] | None:
    """Return SALib's indices, and of how many base points: those of which no run is missing."""
    design = tables.sweep.design
    if design.kind != "saltelli":
        return None
    from SALib.analyze import sobol

    names = tables.parameters
    size = (2 if design.second_order else 1) * len(names) + 2
    blocks = _blocks(_by_point(tables, outcome), size)
    whole = blocks[np.isfinite(blocks).all(axis=1)]
    if len(whole) < 2 or np.ptp(whole) == 0:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of indices below 0, which the intervals tell better
        found = sobol.analyze(
            salib_problem(names), whole.ravel(), calc_second_order=design.second_order,
            num_resamples=_RESAMPLES, keep_resamples=True, seed=_SEED,
        )  # fmt: skip
    return found, len(whole)
