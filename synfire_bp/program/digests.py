"""Whether a compiled program is what was compiled: the digests of its files, written last."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from synfire_bp.files import reason

__all__ = [
    "ABOUT",
    "MAIN",
    "MANIFEST",
    "MISSING",
    "UNSEALED",
    "about",
    "damage",
    "seal",
    "unseal",
]

MAIN, MANIFEST, ABOUT = "main", "program.json", "about.json"
"""In a program's folder: what runs, what it leaves where, and what a person wants to know of it."""

MISSING, UNSEALED = "it is not there", "it has no digests"
"""Damages that are none: it was removed; it is of an older version."""

_DIGESTS = "digests.json"
_ARRAYS = "static_arrays"

_Signature = tuple[tuple[int, ...], ...]
_FOUND_WHOLE: dict[Path, _Signature] = {}
"""Programs whose digests were compared in this process, and what their files looked like."""


def seal(folder: Path) -> None:
    """Write down the digests of what a program consists of: of all files that it reads, too."""
    arrays = [path for path in (folder / _ARRAYS).glob("*") if path.is_file()]
    files = [folder / MAIN, folder / MANIFEST, folder / ABOUT, *sorted(arrays)]
    digests = {str(file.relative_to(folder)): _digest(file) for file in files}
    (folder / _DIGESTS).write_text(json.dumps(digests, indent=1), encoding="utf-8")


def damage(folder: Path) -> str | None:
    """Return what is wrong with a program; None if it is whole.

    The files are read once by a process, and again when they have changed.
    """
    try:
        digests = _sealed(folder)
        if isinstance(digests, str):
            return digests
        files = [folder / name for name in digests]
        if not (folder / MAIN).stat().st_mode & stat.S_IXUSR:
            return f"{MAIN} is not executable"
        signature = tuple(map(_looks, [folder / _DIGESTS, *files]))
        if _FOUND_WHOLE.get(folder) == signature:
            return None
        for name, digest in digests.items():
            if _digest(folder / name) != digest:
                return f"{name} was changed"
    except OSError as error:
        return f"{Path(error.filename or folder).name}: {reason(error)}"
    except ValueError:  # no file can have such a name
        return f"{_DIGESTS} was changed"
    _FOUND_WHOLE[folder] = signature
    return None


def about(folder: Path) -> dict[str, Any]:
    """Return what a person wants to know of a program; nothing if that is damaged."""
    try:
        digests, content = _sealed(folder), (folder / ABOUT).read_bytes()
    except OSError:
        return {}
    if isinstance(digests, str) or digests[ABOUT] != hashlib.sha256(content).hexdigest():
        return {}
    return dict(json.loads(content))


def _sealed(folder: Path) -> dict[str, str] | str:
    """Return the digests that a program has; or why there are none."""
    try:
        digests = json.loads((folder / _DIGESTS).read_bytes())
    except FileNotFoundError:
        return UNSEALED if folder.exists() else MISSING
    except ValueError:
        digests = None
    if not isinstance(digests, dict) or not {MAIN, MANIFEST, ABOUT} <= digests.keys():
        return f"{_DIGESTS} was changed"
    return digests


def _looks(file: Path) -> tuple[int, ...]:
    status = os.stat(file)
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def unseal(folder: Path) -> None:
    """Let a program be compiled anew when it is asked for next."""
    with suppress(OSError):
        (folder / _DIGESTS).unlink()
