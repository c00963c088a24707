"""Results of two studies as Markdown: ``python -m analysis.sweeps.table [--into FILE]``.

Collapses with half the initial spread, and Sobol indices of seven parameters.  The tables are
made from the committed ones in `figures/sweeps/`, and printed, or put into a Markdown file between
the two comments `BEGIN` and `END`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synfire_bp.errors import RunDirectoryError, at_a_shell

from ..shared.markdown import markdown, print_or_insert
from ..shared.output import found_table
from ..shared.statistics import COLLAPSE, NOT_DISTINGUISHABLE
from .tables import OUTCOMES, short

__all__ = ["BEGIN", "END", "main", "tables"]

BEGIN = "<!-- begin of the tables: python -m analysis.sweeps.table --into docs/sweeps.md -->"
END = "<!-- end of the tables of sweeps -->"

_SPREAD, _SOBOL = "half_spread", "sobol"
_FOLDER = "sweeps"
_COUNTED = {
    "collapsed": "collapsed",
    "never_fired": "an output unit never fires",
    "silent_outputs": "an output unit cannot learn",
}
_MINUS = str.maketrans("-", "\N{MINUS SIGN}")


def tables(figures: Path) -> str:
    """Return the tables as Markdown; for a study that was not run, a sentence says so.

    Parameters
    ----------
    figures : Path
        The folder of all figures.

    Raises
    ------
    RunDirectoryError
        If neither study was run, or some tables of one are missing; the message names the
        commands that make them.
    """
    parts = {_SPREAD: _of_spread, _SOBOL: _of_sobol}
    there = [
        study for study in parts if (figures / _FOLDER / study / f"{_MADE[study]}.csv").exists()
    ]
    if not there:
        raise _missing(figures, _SPREAD, _MADE[_SPREAD])
    blocks = [
        block
        for study, of_study in parts.items()
        for block in (of_study(figures) if study in there else [f"`{study}`: not run yet."])
    ]
    return "\n\n".join(blocks) + "\n"


_MADE = {_SPREAD: "cost", _SOBOL: "order"}
"""A table that the figures of each study leave, and those of older sweeps do not."""


def _of_spread(figures: Path) -> list[str]:
    cost = _needed(figures, _SPREAD, "cost")
    name = short(str(cost["parameter"].iloc[0]))
    return [
        f"**Collapses against {name}** (`{_SPREAD}`): number of runs with each outcome in "
        f"the last test, and rate with its 95 % interval (Wilson). Collapsed: {COLLAPSE}. p: "
        "McNemar's exact test of the pairs in which only one run collapsed.",
        _rates(cost, name),
        f"**What another {name} costs**: difference from {cost['reference'].iloc[0]:g}, in "
        "percentage points in the last test, mean over pairs of runs with the same seed, with its "
        "95 % interval (bootstrap, BCa).",
        _costs(cost, name),
    ]


def _of_sobol(figures: Path) -> list[str]:
    sobol, order, pairs = (_needed(figures, _SOBOL, name) for name in ("sobol", "order", "pairs"))
    return [
        f"**Sobol indices** (`{_SOBOL}`): share of the variance of the test accuracy, from "
        f"{sobol['base_points'].min():,} base points, with 95 % intervals (SALib, bootstrap). "
        "Larger than: parameters with a smaller total index, where the interval of the "
        "difference does not contain 0; for all others the order is not known.",
        *(_indices(sobol, order, outcome) for outcome in OUTCOMES),
        _of_pairs(pairs),
    ]


def _needed(figures: Path, sweep: str, name: str) -> pd.DataFrame:
    folder = figures / _FOLDER / sweep
    found = found_table(folder, name)
    if found is None:
        raise _missing(figures, sweep, name)
    return found


def _missing(figures: Path, sweep: str, name: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"{figures / _FOLDER / sweep / name}: no such table; make it with: synfire-bp sweep "
        f"{sweep}, and python -m analysis sensitivity runs/sweeps/{sweep} --out {figures}"
    )


def _rates(cost: pd.DataFrame, name: str) -> str:
    rows = []
    for value, group in cost.groupby("value", sort=False):
        found = group.set_index("what")
        cells = [
            f"{found['hits'][what]:.0f} of {found['runs'][what]} = {found['estimate'][what]:.1f} % "
            f"({found['low'][what]:.1f} … {found['high'][what]:.1f})"
            for what in _COUNTED
            if what in found.index
        ]
        itself = value == group["reference"].iloc[0]
        p = "the reference" if itself else f"{found['p']['collapsed']:.2g}"
        rows.append([f"{value:g}", *cells, p])
    heads = [text for what, text in _COUNTED.items() if what in set(cost["what"])]
    return markdown([name, *heads, "p (collapsed)"], rows)


def _costs(cost: pd.DataFrame, name: str) -> str:
    rows = []
    for outcome, text in OUTCOMES.items():
        of_outcome = cost[cost["outcome"] == outcome]
        for value, group in of_outcome.groupby("value", sort=False):
            found = group.set_index("what")
            rows_of = ("difference", "difference_kept")
            cells = [_difference(found.loc[[what]].iloc[0]) for what in rows_of]
            rows.append([f"{text}, {name} {value:g}", *cells])
    return markdown(["accuracy", "all pairs", "without collapsed runs"], rows)


def _difference(row: pd.Series) -> str:
    said = f", {row['verdict']}" if row["verdict"] in (NOT_DISTINGUISHABLE, "not known") else ""
    text = f"{row['estimate']:+.3f} ({row['low']:+.3f} … {row['high']:+.3f})".translate(_MINUS)
    return f"{text}{said}; {row['runs']} pairs"


def _indices(sobol: pd.DataFrame, order: pd.DataFrame, outcome: str) -> str:
    found = sobol[sobol["outcome"] == outcome].set_index(["parameter", "kind"])
    by_total = found.xs("total", level="kind")["index"].sort_values(ascending=False)
    above = order[(order["outcome"] == outcome) & (order["kind"] == "total")]
    above = above[above["verdict"] == "higher"]
    rows = []
    for name in by_total.index:
        below = above.loc[above["parameter"] == name, "other"]
        rows.append(
            [short(name), *(_index(found.loc[(name, kind)]) for kind in ("first", "total")),
             ", ".join(map(short, below)) or "–"]
        )  # fmt: skip
    return markdown([f"accuracy {OUTCOMES[outcome]}", "first order", "total", "larger than"], rows)


def _index(row: pd.Series) -> str:
    text = f"{row['index']:.3f} ({row['low']:.3f} … {row['high']:.3f})".translate(_MINUS)
    return text if row["established"] else f"{text}, {NOT_DISTINGUISHABLE} from 0"


def _of_pairs(pairs: pd.DataFrame) -> str:
    parts = []
    for outcome, text in OUTCOMES.items():
        of_outcome = pairs[pairs["outcome"] == outcome]
        told = of_outcome[of_outcome["established"]].sort_values("index", ascending=False)
        listed = ", ".join(
            f"{short(str(row.parameter))} with {short(str(row.other))} "
            f"{row.index:.3f} ({row.low:.3f} … {row.high:.3f})".translate(_MINUS)
            for row in told.itertuples(index=False)
        )
        parts.append(f"{text} {len(told)} of {len(of_outcome)}{': ' if listed else ''}{listed}")
    return (
        f"Second-order indices whose interval does not contain 0: {'; '.join(parts)}. About one "
        "interval in twenty misses the true value by chance."
    )


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables or write them into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.table", description="What two sweeps establish."
    )
    parser.add_argument(
        "--figures", type=Path, default=Path("figures"), help="folder of the figures (figures)"
    )
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    return print_or_insert(lambda: tables(options.figures.expanduser()), options.into, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
