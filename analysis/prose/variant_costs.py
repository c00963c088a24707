"""The table of docs/performance.md: time of a sample in each variant, relative to the plain model.

Made from `figures/bench/variants.csv`, which `python -m analysis.variant_costs` writes.
"""

from __future__ import annotations

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "FILE", "table"]

BEGIN = "<!-- begin of the table: figures/bench/variants.csv -->"
END = "<!-- end of the table of variants -->"

FILE = "bench/variants.csv"

_HEADS = ("variant", "times the plain model", "fastest … slowest round")


def table(rows: pd.DataFrame) -> str:
    """Return the median ratio and its spread, cheapest first, as Markdown."""
    plain = rows.plain.iloc[0]
    medians = rows.groupby("model").median(numeric_only=True)
    lines = []
    for model in medians.sort_values("times_plain").index:
        ratios = rows.times_plain[rows.model == model].dropna()
        if model == plain:
            lines.append((f"{model} (plain)", "1", ""))
        elif ratios.empty:
            lines.append((str(model), "not clear", ""))
        else:
            spread = f"{ratios.min():.1f} … {ratios.max():.1f}"
            lines.append((str(model), f"{ratios.median():.1f}", spread))
    return markdown(_HEADS, lines)
