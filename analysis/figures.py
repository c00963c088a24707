"""All figures and tables by name.

A new one is a module with an `Entry` (`analysis.shared.entry`), and a line in the `entries` of its
package; from elsewhere, `synfire_bp.figure` in a plug-in, or a call of `register`.
"""

from __future__ import annotations

from synfire_bp.errors import SynfireError
from synfire_bp.registry import Registry
from synfire_bp.runs.figure import FIGURES as OF_PLUGINS

from . import bench, depth, digits
from .chip import entries as chip
from .chip.study import FOLDER as CHIP
from .dense import speed as dense
from .dense.runs import FOLDER as DENSE
from .fine import entries as fine
from .paper import entries as paper
from .paper.protocol import PAPER
from .shared.entry import Entry
from .variants import depth_table
from .variants import entries as variants

__all__ = [
    "ALWAYS",
    "FIGURES",
    "IF_THERE",
    "OF_PLUGINS",
    "RESERVED",
    "groups",
    "members",
    "register",
    "report_entries",
    "take_in_plugins",
]

ALWAYS = (digits.DIGITS,)
"""Groups that are drawn if nothing is named."""
IF_THERE = (bench.FOLDER, CHIP, DENSE)
"""Groups that are drawn likewise, if the runs have a folder of this name."""
RESERVED = ("report", "sensitivity")
"""Words of the command line that are neither figures nor groups."""

FIGURES: Registry[Entry] = Registry("figure")
"""All figures and tables by name, in the order of registration."""


_TAKEN_IN: set[str] = set()
"""Figures of plug-ins that are in `FIGURES`."""


def register(*new: Entry) -> None:
    """Add figures or tables.

    Raises
    ------
    SynfireError
        If the name of one, or of its group, is taken.
    """
    for entry in new:
        figures = {name for name, other in FIGURES.items() if other.group != name}
        for kind, name, taken in (
            ("figure", entry.name, {*groups()} - {entry.group}),
            ("group", entry.group, figures),
        ):
            if name in taken or name in RESERVED:
                raise SynfireError(f"the name '{name}' of a {kind} is taken; choose another")
        FIGURES.register(entry.name, entry)


def take_in_plugins() -> None:
    """Add the figures of the plug-ins that are loaded now.

    Raises
    ------
    SynfireError
        If one has a name that is taken; it says of which plug-in.
    """
    for name, own in OF_PLUGINS.items():
        entry = Entry(
            name=name, group=own.group, title=own.title, caption=own.caption,
            numbers=own.numbers, draw=own.draw, svg=own.svg,
        )  # fmt: skip
        if name not in FIGURES:
            try:
                register(entry)
            except SynfireError as error:
                raise SynfireError(f"{OF_PLUGINS.plugin(name)}: {error}") from None
            _TAKEN_IN.add(name)
        elif FIGURES[name].draw is not own.draw and name in _TAKEN_IN:  # defined again
            FIGURES.replace(name, entry)
        elif FIGURES[name].draw is not own.draw:
            raise SynfireError(
                f"{OF_PLUGINS.plugin(name)}: the name '{name}' of a figure is taken; choose another"
            )


def members(group: str) -> dict[str, Entry]:
    """Return the figures and tables of a group by name; none if there is no such group."""
    return {name: entry for name, entry in FIGURES.items() if entry.group == group}


def groups() -> list[str]:
    """Return the names of all groups."""
    return list(dict.fromkeys(entry.group for entry in FIGURES.values()))


def report_entries() -> dict[str, Entry]:
    """Return what the report shows: the paper's figures and tables, and what depth takes."""
    return {**members(PAPER), depth_table.ENTRY.name: depth_table.ENTRY}


for _package in (digits, bench, dense, chip, variants, fine, paper):
    register(*_package.ENTRIES)
register(depth.ENTRY)
