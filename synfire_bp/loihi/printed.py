"""The parts of a report about a circuit on the chip, independent of how they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Table"]


class Table(NamedTuple):
    """A table to print: text in its first `left` columns, and in those from `more` on."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    more: int = 99
