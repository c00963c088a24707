"""All figures and tables by name.

A new one is a module with an `Entry` (`analysis.shared.entry`), and a line in the `entries` of its
package; from elsewhere, a call of `register`.
"""

from __future__ import annotations

from synfire_bp.errors import SynfireError

from . import bench, digits
from .chip import entries as chip
from .chip.study import FOLDER as CHIP
from .paper import entries as paper
from .paper.protocol import PAPER
from .shared.entry import Entry
from .variants import depth_table
from .variants import entries as variants

__all__ = ["ALWAYS", "IF_THERE", "RESERVED", "entries", "groups", "register", "report_entries"]

ALWAYS = (digits.DIGITS,)
"""Groups that are drawn if nothing is named."""
IF_THERE = (bench.FOLDER, CHIP)
"""Groups that are drawn likewise, if the runs have a folder of this name."""
RESERVED = ("report", "sensitivity")
"""Words of the command line that are no entries."""

_ENTRIES: dict[str, Entry] = {}


def register(*new: Entry) -> None:
    """Add figures or tables.

    Raises
    ------
    SynfireError
        If the name of one, or of its group, is taken.
    """
    for entry in new:
        _refuse_taken(entry)
        _ENTRIES[entry.name] = entry


def _refuse_taken(entry: Entry) -> None:
    if entry.name in {*_ENTRIES, *RESERVED, *groups()} - {entry.group} or entry.name in _ENTRIES:
        raise SynfireError(f"the name '{entry.name}' of a figure is taken; choose another")
    namesake = _ENTRIES.get(entry.group, entry)
    if entry.group in RESERVED or namesake.group != entry.group:
        raise SynfireError(f"the name '{entry.group}' of a group is taken; choose another")


def entries(group: str | None = None) -> dict[str, Entry]:
    """Return all figures and tables by name, or those of a group, in the order of registration."""
    return {n: entry for n, entry in _ENTRIES.items() if group in (None, entry.group)}


def groups() -> list[str]:
    """Return the names of all groups."""
    return list(dict.fromkeys(entry.group for entry in _ENTRIES.values()))


def report_entries() -> dict[str, Entry]:
    """Return what the report shows: the paper's figures and tables, and what depth takes."""
    return {**entries(PAPER), depth_table.ENTRY.name: depth_table.ENTRY}


for _package in (digits, bench, chip, variants, paper):
    register(*_package.ENTRIES)
