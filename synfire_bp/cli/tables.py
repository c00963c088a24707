"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from synfire_bp.description.rendering import print_blocks
from synfire_bp.loihi.printed import Table

__all__ = ["print_table"]


def print_table(
    title: str, heads: Sequence[str], rows: Iterable[Sequence[Any]], *, left: int, more: int = 99
) -> None:
    """Print a table; text in the first `left` columns and those from `more` on, else numbers."""
    print_blocks([Table(title, heads, list(rows), left, more)])
