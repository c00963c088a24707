"""The figures and tables of the chip: its weights, and copies that are set anew."""

from __future__ import annotations

from ..shared.entry import Entry
from . import limits, renewal, weight_bits

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = (weight_bits.ENTRY, limits.ENTRY, renewal.ENTRY)
