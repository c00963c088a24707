"""The figures of the study of the chip's weights."""

from __future__ import annotations

from ..shared.entry import Entry
from . import limits, weight_bits

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = (weight_bits.ENTRY, limits.ENTRY)
