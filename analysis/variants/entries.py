"""The figures of the variants, and the table of deeper circuits."""

from __future__ import annotations

from ..shared.entry import Entry
from . import chain_reliability, depth_table, disturbances, exactness, time_step, variants

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = (
    variants.ENTRY,
    disturbances.ENTRY,
    chain_reliability.ENTRY,
    depth_table.ENTRY,
    exactness.ENTRY,
    time_step.ENTRY,
)
