"""The cache of compiled programs: where it is, what it holds, and how it is emptied.

Each program has a folder of its own, named after the hash of all that was generated for it, of the
compiler and of the processor.  `known/` maps what was asked for (a circuit's structure, the sources
of this package and of plug-ins, the versions of what generates the code) to such a name, so that a
program which is there is found without generating its code again.  Whoever uses a program shares a
lock in its folder, and it is not removed meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from synfire_bp.errors import BuildError
from synfire_bp.files import LOCK, reason
from synfire_bp.program.digests import about
from synfire_bp.program.locks import remove_abandoned, take

__all__ = [
    "BUILDING",
    "KNOWN",
    "NAME",
    "USED",
    "CacheEntry",
    "Cleared",
    "cache_folder",
    "clear",
    "entries",
]

BUILDING = "building-"
KNOWN = "known"
NAME = "[0-9a-f]{24}"
"""What programs are called."""
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


class Cleared(NamedTuple):
    """How many programs were removed, and how many were not, since they are in use."""

    removed: int
    in_use: int


def cache_folder() -> Path:
    """Return the folder of the compiled programs: SYNFIRE_BP_CACHE, or one of the user's own.

    Raises
    ------
    BuildError
        If nobody says where that is.
    """
    try:
        if chosen := os.environ.get("SYNFIRE_BP_CACHE"):
            return Path(chosen).expanduser().absolute()
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError:
        raise BuildError(
            "there is no folder for compiled programs, since this user has no home folder; set "
            "SYNFIRE_BP_CACHE to a folder for them (or XDG_CACHE_HOME, or HOME)"
        ) from None
    return Path(base, "synfire_bp", "programs").absolute()


def entries() -> list[CacheEntry]:
    """Return what the cache holds, last used first.

    Raises
    ------
    BuildError
        If its folder cannot be read.
    """
    found = []
    for folder in _programs():
        with suppress(FileNotFoundError):  # it is being removed
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            last = folder / USED if (folder / USED).exists() else folder
            used = datetime.fromtimestamp(last.stat().st_mtime).astimezone()
            found.append(CacheEntry(folder, about(folder), size, used))
    return sorted(found, key=lambda entry: entry.used, reverse=True)


def clear() -> Cleared:
    """Empty the cache, but for the programs that are in use and those being built.

    What is asked for next is compiled anew.

    Raises
    ------
    BuildError
        If something cannot be removed.
    """
    done = [_removed(program) for program in _programs()]
    remove_abandoned(cache_folder(), BUILDING)
    for index in (cache_folder() / KNOWN).glob("*"):
        with suppress(OSError):
            _forget(index)
    with suppress(OSError):  # what is in use stays known
        (cache_folder() / KNOWN).rmdir()
    return Cleared(done.count(True), done.count(False))


def _programs() -> Iterator[Path]:
    folder = cache_folder()
    try:
        yield from sorted(one for one in folder.iterdir() if re.fullmatch(NAME, one.name))
    except FileNotFoundError:
        return
    except OSError as error:
        raise BuildError(
            f"cannot read the folder of compiled programs, {folder}: {reason(error)}; set "
            "SYNFIRE_BP_CACHE to another one"
        ) from None


def _removed(program: Path) -> bool | None:
    """Remove a program; return False if it is in use, None if it is gone already."""
    try:
        lock = take(program / LOCK, wait=False)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _immovable(program, error) from None
    try:
        shutil.rmtree(program)
    except OSError as error:
        raise _immovable(program, error) from None
    finally:
        if lock is not None:
            lock.close()
    return True


def _forget(index: Path) -> None:
    """Remove what says where a program is that was removed, and locks that nobody holds."""
    if index.suffix == ".lock":
        if lock := take(index, wait=False, make=False):
            index.unlink()
            lock.close()
    elif not (cache_folder() / index.read_text(encoding="utf-8", errors="replace")).is_dir():
        index.unlink()


def _immovable(program: Path, error: OSError) -> BuildError:
    return BuildError(f"{program}: cannot be removed: {reason(error)}")
