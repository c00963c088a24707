"""The tables that pages hold between two comments, each made from a committed table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from synfire_bp.errors import SynfireError
from synfire_bp.files import reason

from ..chip import conformance
from ..chip import table as chip_table
from ..shared.markdown import inserted
from ..variants import depth_table, exactness, explained_tables, physical_table
from ..variants import table as variants_table
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
        """Return the page with the table made anew.

        Raises
        ------
        SynfireError
            If the committed table cannot be read, or the page has not both comments.
        """
        try:
            table = self.make(figures)
        except OSError as error:
            raise SynfireError(
                f"{figures / self.source}: cannot be read: {reason(error)}"
            ) from None
        return inserted(text, table, f"docs/{self.page}.md", self.begin, self.end)

    def line(self, text: str) -> int:
        """Return the line of the first comment."""
        return line_of(text, text.index(self.begin))


def _depths(figures: Path) -> str:
    whole = {"cores": "Int64", "inference_cores": "Int64"}
    return depth_table.table(pd.read_csv(figures / "variants" / "table_depth.csv", dtype=whole))


def _exactness(figures: Path) -> str:
    return exactness.table(pd.read_csv(figures / "variants" / "table_exactness.csv"))


def _disturbances(figures: Path) -> str:
    return physical_table.table(pd.read_csv(figures / "variants" / "disturbances.csv"))


def _chip(figures: Path) -> str:
    bits, limits = (pd.read_csv(figures / "chip" / f"{name}.csv") for name in _CHIP)
    return chip_table.of_numbers(bits, limits)


def _conformance(figures: Path) -> str:
    return conformance.table(conformance.read(figures / conformance.FILE))


_CHIP = ("weight_bits", "chip_limits")

BLOCKS = (
    Block("chip", chip_table.BEGIN, chip_table.END, "chip/weight_bits.csv", _chip),
    Block("chip", conformance.BEGIN, conformance.END, conformance.FILE, _conformance),
    Block("physical", exactness.BEGIN, exactness.END, "variants/table_exactness.csv", _exactness),
    Block(
        "physical",
        physical_table.BEGIN,
        physical_table.END,
        "variants/disturbances.csv",
        _disturbances,
    ),
    Block("variants", depth_table.BEGIN, depth_table.END, "variants/table_depth.csv", _depths),
    Block("variants", variants_table.BEGIN, variants_table.END,
          "variants/variants.parquet or variants/disturbances", variants_table.tables),
    *(
        Block("variants", table.begin, table.end, table.source, table.made)
        for table in explained_tables.TABLES
    ),
)  # fmt: skip
