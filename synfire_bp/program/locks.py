"""Locks on files, and temporary folders that belong to whoever has locked them.

A lock is held for as long as its holder lives, whatever becomes of it, and other processes can see
it from any container and, where the file system is shared, from other machines.  The number of a
process says nothing there.
"""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import shutil
import tempfile
import time
import weakref
from contextlib import suppress
from pathlib import Path

from synfire_bp.files import LOCK

__all__ = ["Lock", "OwnedFolder", "remove_abandoned", "take"]

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
"""What file systems without locks say."""

_NEW = "synfire-new-"
"""Begin of a folder's name until its owner has locked it."""
_DAY = 24 * 3600.0
_LONGEST_TO_LOCK = _DAY
_LONGEST_ELSEWHERE = 30 * _DAY
"""Some file systems do not tell of locks of other machines: what those made stays long."""


class Lock:
    """A lock that was taken; given up by `close`, or with the process."""

    def __init__(self, descriptor: int):
        self._file = os.fstat(descriptor)
        self.close = weakref.finalize(self, os.close, descriptor)

    def is_on(self, file: Path) -> bool:
        """Whether it is held, and on the file that has this name now."""
        return self.close.alive and _same(self._file, file)


def take(file: Path, *, shared: bool = False, wait: bool = True, make: bool = True) -> Lock | None:
    """Lock a file; None: its file system knows no locks.

    Parameters
    ----------
    file : Path
        What is locked.
    shared : bool
        With others who share it.
    wait : bool
        For others to give it up.
    make : bool
        The file, if there is none.

    Raises
    ------
    BlockingIOError
        If another has it, and it is not to be waited for.
    OSError
        If the file cannot be opened.
    """
    access = os.O_RDONLY if shared else os.O_RDWR
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
    flags = access | os.O_NOFOLLOW | os.O_NONBLOCK | (os.O_CREAT if make else 0)
    while True:
        descriptor = os.open(file, flags, 0o666)
        try:
            fcntl.flock(descriptor, how)
            if _same(os.fstat(descriptor), file):
                return Lock(descriptor)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _NO_LOCKS:
                return None
            raise
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # removed while it was waited for: lock what is there now


def _same(status: os.stat_result, file: Path) -> bool:
    try:
        return os.path.samestat(status, os.lstat(file))
    except FileNotFoundError:
        return False


class OwnedFolder:
    """A temporary folder; removed by `close`, or by others once its owner is no more.

    Parameters
    ----------
    prefix : str
        Begin of its name.
    parent : Path
        Where it is made; what owners that were killed have left there is removed.

    Raises
    ------
    OSError
        If it cannot be made.
    """

    def __init__(self, prefix: str, parent: Path):
        remove_abandoned(parent, prefix)
        new = Path(tempfile.mkdtemp(prefix=_NEW, dir=parent))
        try:
            (new / LOCK).write_text(_machine(), encoding="utf-8")
            self._lock = take(new / LOCK)
            # only now has it a name that others look at
            self.path = new.rename(parent / f"{prefix}{new.name.removeprefix(_NEW)}")
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise

    def close(self) -> None:
        """Remove it."""
        with suppress(OSError):
            _remove(self.path)
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> OwnedFolder:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove it."""
        self.close()


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Remove the temporary folders of this name whose owners are no more; nobody else's."""
    for folder in (*parent.glob(f"{prefix}*"), *parent.glob(f"{_NEW}*")):
        with suppress(OSError):  # in use, or gone meanwhile
            _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    status = folder.lstat()
    if status.st_uid != os.geteuid():
        return
    if folder.name.startswith(_NEW):
        if time.time() - status.st_mtime > _LONGEST_TO_LOCK:
            shutil.rmtree(folder)
        return
    try:
        lock = take(folder / LOCK, wait=False, make=False)
    except FileNotFoundError:
        folder.rmdir()  # whoever removed it was killed before this
        return
    if lock is None:
        return
    try:
        here = (folder / LOCK).read_text(encoding="utf-8") == _machine()
        if here or time.time() - status.st_mtime > _LONGEST_ELSEWHERE:
            _remove(folder)
    finally:
        lock.close()


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last: if this is killed, the next can tell who owned the rest."""
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink():
            shutil.rmtree(one)
        elif one.name != LOCK:
            os.unlink(one)
    with suppress(FileNotFoundError):
        os.unlink(folder / LOCK)
    os.rmdir(folder)


def _machine() -> str:
    """Return what the containers on this machine have in common, and other machines have not."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return platform.node()
