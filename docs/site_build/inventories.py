"""Where other projects document their names, without a download.

Sphinx reads an inventory from each project that is linked to.  Ours are made from text files,
docs/inventories/PROJECT.txt: the address of the project's pages, then a line for each name that is
used, with its role and its page, as Sphinx writes them (`$` stands for the name).
"""

from __future__ import annotations

import zlib
from pathlib import Path

__all__ = ["mapping", "packed"]


def mapping(texts: Path, into: Path) -> dict[str, tuple[str, str]]:
    """Write the inventories; return what `intersphinx_mapping` of Sphinx takes.

    Parameters
    ----------
    texts : Path
        The folder with the text files.
    into : Path
        The folder in which the inventories are written, as PROJECT.inv.
    """
    into.mkdir(parents=True, exist_ok=True)
    found = {}
    for file in sorted(texts.glob("*.txt")):
        address, *entries = _lines(file)
        inventory = into / f"{file.stem}.inv"
        packed_now = packed(file.stem, entries)
        if not inventory.exists() or inventory.read_bytes() != packed_now:
            inventory.write_bytes(packed_now)
        found[file.stem] = (address, str(inventory))
    return found


def packed(project: str, entries: list[str]) -> bytes:
    """Return an inventory in the second version of Sphinx's format.

    Parameters
    ----------
    project : str
        Its name.
    entries : list of str
        "name domain:role page", one for each name.
    """
    head = (
        "# Sphinx inventory version 2\n"
        f"# Project: {project}\n"
        "# Version: \n"
        "# The remainder of this file is compressed using zlib.\n"
    )
    rows = (_row(*entry.split()) for entry in entries)
    return head.encode() + zlib.compress("".join(rows).encode(), 9)


def _row(name: str, role: str, page: str) -> str:
    """Return a row: name, role, priority in searches, page, text that is shown (- for the name)."""
    return f"{name} {role} 1 {page} -\n"


def _lines(file: Path) -> list[str]:
    lines = (line.partition("#!")[0].strip() for line in file.read_text().splitlines())
    return [line for line in lines if line]
