"""Gzipped IDX files, as MNIST and Fashion-MNIST are published: reading, and checking what was read.

An IDX file of bytes opens with a magic number (0, 0, 8, number of axes) and the length of every
axis (big-endian, 32 bits); the values follow, and nothing else (source: Y. LeCun,
yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import DatasetError
from synfire_bp.files import read_whole, reason

__all__ = ["RemoteFile", "read_verified"]


@dataclass(frozen=True)
class RemoteFile:
    """One published file and what is known of it; None where nothing is."""

    name: str
    shape: tuple[int, ...]
    content_md5: str | None = None
    gzip_md5: str | None = None
    gzip_sha256: str | None = None

    @property
    def pooch_hash(self) -> str | None:
        """What pooch is to check while it downloads: the best known of the gzip file."""
        if self.gzip_sha256:
            return f"sha256:{self.gzip_sha256}"
        return f"md5:{self.gzip_md5}" if self.gzip_md5 else None


def read_verified(
    path: Path, remote: RemoteFile, *, called: str | None = None
) -> tuple[NDArray[np.uint8], Mapping[str, str]]:
    """Read one gzipped IDX file and check all that is known of it.

    Parameters
    ----------
    path : Path
        File to read.
    remote : RemoteFile
        What it has to be.
    called : str, optional
        How messages call the file; its path by default.

    Returns
    -------
    values : array of uint8, shape `remote.shape`
        Read-only view of the content.
    checksums : mapping of str to str
        File name to "md5:...": with its `.gz` if the gzip file was judged, without if its content.

    Raises
    ------
    DatasetError
        Unreadable, no gzip file, truncated, wrong magic number, size or shape, altered.
    """
    where = called or str(path)
    try:
        raw = read_whole(path)
    except OSError as error:
        raise DatasetError(f"{where}: cannot be read: {reason(error)}") from None
    try:
        with gzip.open(io.BytesIO(raw)) as unzipped:
            # no further than it may go: it could be endless
            content = unzipped.read(4 + 4 * len(remote.shape) + math.prod(remote.shape) + 1)
    except EOFError:
        raise DatasetError(
            f"{where}: truncated: the gzip stream is not complete after {len(raw)} bytes"
        ) from None
    except (OSError, zlib.error) as error:
        raise DatasetError(f"{where}: not an intact gzip file: {error}") from None

    values = _parse(content, remote.shape, where)
    checksums = {}
    if remote.content_md5:
        _compare("MD5 of the uncompressed content", content, remote.content_md5, where)
        checksums[remote.name.removesuffix(".gz")] = f"md5:{remote.content_md5}"
    if remote.gzip_md5:
        _compare(
            "MD5 of the gzip file (that of the content is not known)", raw, remote.gzip_md5, where
        )
        checksums[remote.name] = f"md5:{remote.gzip_md5}"
    return values, MappingProxyType(checksums)


def _parse(content: bytes, shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    magic = bytes((0, 0, 8, len(shape)))
    header = 4 + 4 * len(shape)
    if content[:4] != magic:
        raise DatasetError(
            f"{where}: magic number {content[:4].hex() or 'missing'}, expected {magic.hex()} "
            f"(bytes along {len(shape)} {'axis' if len(shape) == 1 else 'axes'})"
        )
    if len(content) < header:
        raise DatasetError(
            f"{where}: header of {len(content)} bytes, expected {header}: the file is truncated"
        )
    found = tuple(int(n) for n in np.frombuffer(content, ">u4", len(shape), offset=4))
    if len(content) - header != math.prod(found):
        raise DatasetError(
            f"{where}: {len(content) - header} values, "
            f"expected {_times(found)} = {math.prod(found)} as its header says"
        )
    if found != shape:
        raise DatasetError(f"{where}: holds {_times(found)} values, expected {_times(shape)}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _compare(what: str, data: bytes, expected: str, where: str) -> None:
    found = hashlib.md5(data, usedforsecurity=False).hexdigest()
    if found != expected:
        raise DatasetError(f"{where}: altered: {what} is {found}, expected {expected}")
