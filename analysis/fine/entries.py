"""The figures and tables of the fine models."""

from __future__ import annotations

from ..shared.entry import Entry
from . import outcomes, steps

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = (steps.ENTRY, *outcomes.ENTRIES)
