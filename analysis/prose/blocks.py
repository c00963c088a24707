"""The tables that pages hold between two comments, each made from a committed table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from synfire_bp.errors import SynfireError
from synfire_bp.files import reason

from ..chip import conformance, renewal
from ..chip import table as chip_table
from ..paper import cost_fit
from ..shared.markdown import inserted
from ..sweeps import table as sweep_table
from ..variants import depth_table, exactness, explained_tables, physical_table
from ..variants import table as variants_table
from ..variants.courses import disturbance_courses
from . import before_after, gallery, peers, stress, variant_costs
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
        """Return the page with the table made anew; one that has no place for it is left alone.

        Raises
        ------
        SynfireError
            If the committed table cannot be read or is another one, or a comment is missing.
        """
        if self.begin not in text:
            return text
        try:
            table = self.make(figures)
        except OSError as error:
            raise SynfireError(
                f"{figures / self.source}: cannot be read: {reason(error)}"
            ) from None
        except (LookupError, TypeError, ValueError) as error:  # of another version of the code
            said = f"{type(error).__name__}: {error}"
            raise SynfireError(f"{figures / self.source}: no table comes of it ({said})") from None
        return inserted(text, table, f"docs/{self.page}.md", self.begin, self.end)

    def line(self, text: str) -> int:
        """Return the line of the first comment."""
        return line_of(text, text.index(self.begin))


def _csv(folder: Path, *names: str) -> list[pd.DataFrame]:
    return [pd.read_csv(folder / f"{name}.csv") for name in names]


def _chip(figures: Path) -> str:
    return chip_table.of_numbers(*_csv(figures / "chip", "weight_bits", "chip_limits"))


def _renewal(figures: Path) -> str:
    return renewal.text(*_csv(figures / "chip", "renewed_copies"))


def _fit(figures: Path) -> str:
    return cost_fit.text(*_csv(figures / "paper", "table_cost_fit", "table_cost_parameters"))


def _exactness(figures: Path) -> str:
    return exactness.table(*_csv(figures / "variants", "table_exactness"))


def _disturbances(figures: Path) -> str:
    return physical_table.table(disturbance_courses(figures))


def _depths(figures: Path) -> str:
    whole = {"cores": "Int64", "inference_cores": "Int64"}  # missing where no chip holds it
    return depth_table.table(pd.read_csv(figures / "variants" / "table_depth.csv", dtype=whole))


def _conformance(figures: Path) -> str:
    return conformance.table(conformance.read(figures / conformance.FILE))


def _before_after(figures: Path) -> str:
    return before_after.table(pd.read_csv(figures / before_after.FILE))


def _variant_costs(figures: Path) -> str:
    return variant_costs.table(pd.read_csv(figures / variant_costs.FILE))


def _peers(figures: Path) -> str:
    return peers.text(pd.read_csv(figures / peers.FILE))


def _stress(figures: Path) -> str:
    return stress.table(pd.read_csv(figures / stress.FILE))


BLOCKS = (
    Block("figures", gallery.BEGIN, gallery.END, "", gallery.text),
    Block(
        "performance", before_after.BEGIN, before_after.END, before_after.FILE, _before_after
    ),
    Block(
        "performance", variant_costs.BEGIN, variant_costs.END, variant_costs.FILE, _variant_costs
    ),
    Block("performance", peers.BEGIN, peers.END, peers.FILE, _peers),
    Block("reliability", stress.BEGIN, stress.END, stress.FILE, _stress),
    Block("chip", cost_fit.BEGIN, cost_fit.END, "paper/table_cost_fit.csv", _fit),
    Block("chip", renewal.BEGIN, renewal.END, "chip/renewed_copies.csv", _renewal),
    Block("chip", chip_table.BEGIN, chip_table.END, "chip/weight_bits.csv", _chip),
    Block("chip", conformance.BEGIN, conformance.END, conformance.FILE, _conformance),
    Block("physical", exactness.BEGIN, exactness.END, "variants/table_exactness.csv", _exactness),
    Block(
        "physical", physical_table.BEGIN, physical_table.END, "variants/disturbances.parquet",
        _disturbances,
    ),
    Block("sweeps", sweep_table.BEGIN, sweep_table.END, "sweeps", sweep_table.tables),
    *(
        Block("variants", table.begin, table.end, table.source, table.made)
        for table in explained_tables.TABLES
    ),
    Block("variants", depth_table.BEGIN, depth_table.END, "variants/table_depth.csv", _depths),
    Block(
        "variants", variants_table.BEGIN, variants_table.END, "variants/variants.parquet",
        variants_table.tables,
    ),
)  # fmt: skip
"""A page need not hold all of its own."""
