"""Tables on the terminal, and lists in their cells."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from synfire_bp.errors import visible

__all__ = ["listed", "print_table"]


def listed(values: Iterable[int]) -> str:
    """Return numbers in one cell; "never" if there are none."""
    return ", ".join(map(str, values)) or "never"


def print_table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int, more: int = 99
) -> None:
    """Print a table; text in the first `left` columns and those from `more` on, else numbers."""
    table = Table(box=None, pad_edge=False, show_header=any(heads))
    for n, head in enumerate(heads):
        table.add_column(head, justify="left" if n < left or n >= more else "right")
    for row in rows:
        table.add_row(*(visible(str(value)) for value in row))
    # a pipe has no width: nothing is folded there
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 999)
    if title:
        console.print(visible(title), style="bold")
    console.print(table)
