"""The table of docs/performance.md: what a sample costs in other simulators.

Made from `figures/bench/peers.csv`, which `python -m analysis.peers` writes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "FILE", "text"]

BEGIN = "<!-- begin of the table: figures/bench/peers.csv -->"
END = "<!-- end of the table of peers -->"

FILE = "bench/peers.csv"

_HEADS = ("", "times synfire_bp", "ms per sample", "result")
_TASKS = {"static": "Fixed weights", "learning": "The first weights learn"}


def text(rows: pd.DataFrame) -> str:
    """Return a table for each task, ratios first, then the machine and the versions."""
    return "\n\n".join([*_tables(rows), *_sentences(rows)]) + "\n"


def _tables(rows: pd.DataFrame) -> Iterator[str]:
    for task, of_task in rows.groupby("task", sort=False):
        lines = [
            (str(name), _spread(one.times_ours), _spread(one.ms), str(one.outcome.iloc[0]))
            for name, one in of_task.groupby("contender", sort=False)
        ]
        yield f"{_TASKS[str(task)]}:\n\n{markdown(_HEADS, lines)}"


def _sentences(rows: pd.DataFrame) -> Iterator[str]:
    first, rounds = rows.iloc[0], rows["round"].nunique()
    yield (
        f"Medians (fastest … slowest) of {rounds} rounds; {first.cpu}; NumPy's BLAS here: "
        f"{first.blas}."
    )
    ran = rows.dropna(subset="versions").drop_duplicates("contender")
    yield "Versions: " + "; ".join(f"{one.contender}: {one.versions}" for one in ran.itertuples())


def _spread(values: pd.Series) -> str:
    found = values.dropna()
    if found.empty:
        return ""
    return f"{_short(found.median())} ({_short(found.min())} … {_short(found.max())})"


def _short(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"
