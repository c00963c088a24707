"""The cache of compiled programs: where it is, what it holds, and how it is emptied.

Each program has a folder of its own, named after the hash of all that was generated for it, of the
compiler and of the processor.  `known/` maps what was asked for (a circuit's structure, the sources
of this package and of plug-ins, the versions of what generates the code) to such a name, so that a
program which is there is found without generating its code again.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from synfire_bp.errors import BuildError
from synfire_bp.files import reason
from synfire_bp.program.program import MANIFEST

__all__ = ["ABOUT", "BUILDING", "KNOWN", "USED", "CacheEntry", "cache_folder", "clear", "entries"]

ABOUT = "about.json"
BUILDING = "building-"
KNOWN = "known"
USED = "used"
"""An empty file; the time of its change is when the program was last asked for."""


@dataclass(frozen=True)
class CacheEntry:
    """A compiled program: what it is, its size in bytes and when it was last used."""

    folder: Path
    about: dict[str, Any]
    size: int
    used: datetime

    @property
    def key(self) -> str:
        """Name of the program in the cache."""
        return self.folder.name


def cache_folder() -> Path:
    """Return the folder of the compiled programs: SYNFIRE_BP_CACHE, or one of the user's own."""
    if chosen := os.environ.get("SYNFIRE_BP_CACHE"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "synfire_bp", "programs")


def entries() -> list[CacheEntry]:
    """Return what the cache holds, last used first."""
    found = []
    for manifest in cache_folder().glob(f"*/{MANIFEST}"):
        folder = manifest.parent
        if folder.name.startswith(BUILDING):
            continue
        try:
            about = json.loads((folder / ABOUT).read_bytes())
        except (OSError, ValueError):
            about = {}
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        last = folder / USED if (folder / USED).exists() else manifest
        used = datetime.fromtimestamp(last.stat().st_mtime).astimezone()
        found.append(CacheEntry(folder, about, size, used))
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def clear() -> int:
    """Empty the cache and return how many programs were in it.

    A program that runs ends well, and a build under way stays; what is asked for next is compiled
    anew.

    Raises
    ------
    BuildError
        If something cannot be removed.
    """
    removed = entries()
    folder = cache_folder()
    doomed = [entry.folder for entry in removed] + [folder / KNOWN]
    doomed += [left for left in folder.glob(f"{BUILDING}*") if not _under_way(left)]
    for path in doomed:
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise BuildError(f"{path}: cannot be removed: {reason(error)}") from None
    return len(removed)


def _under_way(building: Path) -> bool:
    """Whether the process that builds there, and put its number into the name, is alive."""
    process = building.name.removeprefix(BUILDING).partition("-")[0]
    return process.isdigit() and Path("/proc", process).exists()
