"""Files that are never half written, and folders that only one process writes to.

A file is written under another name and then moved to its place, so that it holds either its old
content or all of the new, whatever happens.  A lock keeps a second process out of a folder.  What
the operating system refuses becomes a message that names the file, the reason and a remedy.  Arrays
become the bytes of an npz file, rows those of a CSV table, the rest JSON.

NumPy and pydantic are imported when they are needed: the command line starts without.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import os
import platform
import shlex
import stat
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from synfire_bp.errors import RunDirectoryError, another_out, to_caller, writable_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LOCK",
    "csv_bytes",
    "expanded",
    "is_temporary",
    "json_bytes",
    "make_folder",
    "naming_os_errors",
    "npz_bytes",
    "page_place",
    "quoted",
    "read_json",
    "read_whole",
    "reason",
    "remedy",
    "remove_unfinished",
    "take_lock",
    "write_atomically",
]

T = TypeVar("T")

LOCK = ".lock"
"""Name of the file that is locked in a folder."""

_PAGE = b"<!doctype html"
"""How a page of HTML begins."""


def write_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file so that it holds either its old content or all of the new.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        What it will hold.
    durable : bool
        Return only when the disk has it, so that it outlives a power cut.

    Raises
    ------
    RunDirectoryError
        If it cannot be written (disk full, read-only, …); the old file is then untouched.
    """
    if not path.name or path.is_block_device() or path.is_char_device():
        raise RunDirectoryError(
            f"{path}: is no file that can be replaced, but a folder or a device; {writable_out()}"
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "wb") as file:
                file.write(content)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
            if durable:
                _sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise RunDirectoryError(
            f"{path}: cannot be written: {reason(error)}. What was there before is untouched; "
            f"{remedy(error)}"
        ) from None


def is_temporary(name: str) -> bool:
    """Return whether a file has the name of what `write_atomically` leaves if it is killed."""
    return name.startswith(".") and name.endswith(".tmp")


def remove_unfinished(folder: Path) -> None:
    """Remove what `write_atomically` left in a folder when it was killed."""
    for stale in folder.glob(".*.tmp"):
        with suppress(OSError):
            stale.unlink()


def _sync_folder(folder: Path) -> None:
    """Let the disk have the names in a folder, where its file system can do that."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


def page_place(path: str | os.PathLike[str], name: str) -> Path:
    """Return where a page of HTML goes, if it can be written there and replaces nothing but a page.

    Parameters
    ----------
    path : str or path
        The file that is asked for.
    name : str
        Of the option or argument that asks for it, for messages.

    Raises
    ------
    RunDirectoryError
        If there is something else, or no folder that can be written.
    """
    file = expanded(path)
    if file.is_dir():
        raise RunDirectoryError(f"{file}: is a folder; {name} must name a file, such as page.html")
    folder = file.parent
    if not folder.is_dir():
        raise RunDirectoryError(f"{file}: there is no folder {folder}; make it, or change {name}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise RunDirectoryError(f"{file}: the folder {folder} cannot be written; change {name}")
    if file.exists() and not _is_page(file):
        raise RunDirectoryError(
            f"{file}: is there, and is no page of HTML; {name} must name a new file, or a page to "
            "be replaced"
        )
    return file


def _is_page(file: Path) -> bool:
    """Return whether a file holds a page of HTML, or nothing."""
    try:
        return read_whole(file)[: len(_PAGE)].lower() in (_PAGE, b"")
    except OSError:
        return False


def read_whole(file: Path) -> bytes:
    """Return the content of a file; of a pipe or a device there is no end to wait for.

    Raises
    ------
    OSError
        If it cannot be read, or is no regular file.
    """
    with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe or a device, not a file", str(file))
        return opened.read()


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with the home folder in the place of its ``~``.

    Raises
    ------
    RunDirectoryError
        If nobody says where that is.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise RunDirectoryError(
            f"{path}: begins with '~', and this machine knows no home folder for that; write the "
            "folder out"
        ) from None


# ---------------------------------------------------------------- what the system refuses


def reason(error: OSError) -> str:
    """Return what the operating system says, without number and path."""
    return error.strerror or str(error)


def remedy(error: OSError) -> str:
    """Return what a user can do about a file that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        go_on = to_caller("--resume", "resume=True")
        return f"make room and go on with {go_on}, or {another_out()}"
    return writable_out()


def quoted(path: str | Path) -> str:
    """Return a path as it has to be typed in a shell."""
    return shlex.quote(str(path))


def make_folder(folder: Path, otherwise: str = "cannot be made") -> None:
    """Make a folder if it is not there; `otherwise` is what is said of it if that is refused.

    Raises
    ------
    RunDirectoryError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: {otherwise}: {reason(error)}; {another_out()}"
        ) from None


@contextmanager
def naming_os_errors(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a message about the run directory."""
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"{path}: cannot be used as a run directory: {reason(error)}; {remedy(error)}"
        ) from None


def take_lock(path: Path) -> int:
    """Lock a folder until the file descriptor is closed or the process dies.

    Returns
    -------
    int
        The file descriptor.

    Raises
    ------
    RunDirectoryError
        If another process has the lock, or the folder cannot be written.
    """
    with naming_os_errors(path):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            lock = os.open(path / LOCK, flags, 0o666)
            regular = stat.S_ISREG(os.fstat(lock).st_mode)
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise
            regular = False
        if not regular:
            raise RunDirectoryError(
                f"{path / LOCK}: is a link, a folder or a device, where the lock of {path} must "
                "be; remove it"
            )
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode(errors="replace").strip()
            os.close(lock)
            raise RunDirectoryError(
                f"{path}: another process is training into it ({holder or 'unknown'}); "
                f"wait for it, or {another_out()}"
            ) from None
        except OSError as error:
            # some file systems of clusters have no locks; better no lock than no training
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                os.close(lock)
                raise
    with suppress(OSError):  # only for the message above
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {platform.node()}\n".encode())
    return lock


# ---------------------------------------------------------------- the content of a file


def read_json(kind: type[T], file: Path, *, missing: str, whole: str, anew: str) -> T:
    """Return what a JSON file holds, checked.

    Parameters
    ----------
    kind : type
        A dataclass, whose fields the file has as keys.
    file : Path
        Where it is.
    missing, whole, anew : str
        For messages: what is said if there is no file; what it should be, such as "a study"; how to
        make it.

    Raises
    ------
    RunDirectoryError
        If it is not there, cannot be read, or holds something else.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(kind).validate_json(read_whole(file))
    except FileNotFoundError:
        raise RunDirectoryError(f"{file}: {missing}") from None
    except OSError as error:
        raise RunDirectoryError(f"{file}: cannot be read: {reason(error)}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunDirectoryError(
            f"{file}: is not {whole} ({where}: {first['msg']}); {anew}"
        ) from None


def npz_bytes(arrays: Mapping[str, NDArray]) -> bytes:
    """Return an npz file of arrays by name; equal arrays give equal bytes."""
    import numpy as np

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():  # np.savez would take some names for its own options
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), compresslevel=1)
    return buffer.getvalue()


def csv_bytes(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """Return a CSV file with a header and one line per row; what a row lacks is left empty."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({k: _plain_number(v) for k, v in row.items()} for row in rows)
    return text.getvalue().encode()


def json_bytes(value: Any, indent: int | None = None) -> bytes:
    """Return a JSON file that ends with a line break; NumPy's numbers become Python's."""
    # indent costs Python's fast encoder, which the tables of a long training need
    return (json.dumps(value, indent=indent, default=_json_default) + "\n").encode()


def _json_default(value: Any) -> Any:
    if not hasattr(value, "item"):
        raise TypeError(f"{value!r} ({type(value).__name__}) is not a number, text, list or dict")
    return value.item()


def _plain_number(value: Any) -> Any:
    """Return a NumPy number as Python's, so that a stored row equals one never stored."""
    return value.item() if hasattr(value, "item") else value
