"""The table of docs/reliability.md: results of killed trainings, flipped bits and mutated files.

Made from `figures/reliability/stress.csv`, which `python tests/stress` writes.
"""

from __future__ import annotations

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "FILE", "table"]

BEGIN = "<!-- begin of the table: figures/reliability/stress.csv -->"
END = "<!-- end of the table of stress -->"

FILE = "reliability/stress.csv"


def table(rows: pd.DataFrame) -> str:
    """Return the rows as Markdown."""
    return markdown(tuple(rows.columns), [tuple(map(str, row)) for row in rows.to_numpy()])
