"""The tables that pages hold between two comments, each made from a committed table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..shared.markdown import inserted
from ..variants import depth_table, explained_tables
from .marks import line_of

__all__ = ["BLOCKS", "Block"]


@dataclass(frozen=True)
class Block:
    """What stands in a page between two comments, and how it is made.

    Attributes
    ----------
    page : str
        Name of the page.
    begin, end : str
        The comments.
    source : str
        The committed table, below figures/.
    make : callable
        Folder of the tables -> Markdown.
    """

    page: str
    begin: str
    end: str
    source: str
    make: Callable[[Path], str]

    def filled(self, text: str, figures: Path) -> str:
        """Return the page with the table made anew."""
        return inserted(text, self.make(figures), f"docs/{self.page}.md", self.begin, self.end)

    def line(self, text: str) -> int:
        """Return the line of the first comment."""
        return line_of(text, text.index(self.begin))


def _depths(figures: Path) -> str:
    whole = {"cores": "Int64", "inference_cores": "Int64"}
    return depth_table.table(pd.read_csv(figures / "variants" / "table_depth.csv", dtype=whole))


BLOCKS = (
    Block("variants", depth_table.BEGIN, depth_table.END, "variants/table_depth.csv", _depths),
    *(
        Block("variants", table.begin, table.end, table.source, table.made)
        for table in explained_tables.TABLES
    ),
)
