"""The table of docs/performance.md: time of a sample or a command before and after a change.

Made from `figures/bench/before_after.csv`, which `python -m analysis.speed` writes.
"""

from __future__ import annotations

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "FILE", "table"]

BEGIN = "<!-- begin of the table: figures/bench/before_after.csv -->"
END = "<!-- end of the table of before and after -->"

FILE = "bench/before_after.csv"

_HEADS = ("what", "before, ms", "after, ms", "after / before", "rounds", "weights")


def table(rows: pd.DataFrame) -> str:
    """Return medians and their ratio, round by round, as Markdown."""
    lines = []
    for what, one in rows.groupby("what", sort=False):
        before, after = (
            one[one.which == which].set_index("round") for which in ("before", "after")
        )
        ratio = after.ms / before.ms
        digests = set(one.weights.dropna())
        ends = "" if not digests else "the same" if len(digests) == 1 else "different"
        lines.append(
            (str(what), _ms(before.ms.median()), _ms(after.ms.median()),
             f"{ratio.median():.2f} ({ratio.min():.2f} … {ratio.max():.2f})",
             str(len(ratio)), ends)
        )  # fmt: skip
    return markdown(_HEADS, lines)


def _ms(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
