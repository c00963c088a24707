"""The four IDX files of MNIST and of Fashion-MNIST: what is known of them, reading, fetching.

An IDX file of bytes opens with a magic number (0, 0, 8, number of axes) and the length of every
axis (big-endian, 32 bits); the values follow, and nothing else (source: Y. LeCun,
yann.lecun.com/exdb/mnist).

What counts is what is inside.  MNIST is judged by the MD5 of the uncompressed content, so that a
file which somebody compressed anew is as good as the one first published.  Of Fashion-MNIST only
the MD5 of the gzip files is known here, and so these must be the published ones to the byte.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import math
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from synfire_bp.errors import DatasetError

__all__ = ["COLLECTIONS", "Collection", "RemoteFile", "cache_folder", "download", "read_verified"]


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


@dataclass(frozen=True)
class Collection:
    """The four files of a data set, and the folder on the web that holds them."""

    url: str
    train_images: RemoteFile
    train_labels: RemoteFile
    test_images: RemoteFile
    test_labels: RemoteFile

    @property
    def files(self) -> tuple[RemoteFile, RemoteFile, RemoteFile, RemoteFile]:
        """All four, in the order of the fields."""
        return self.train_images, self.train_labels, self.test_images, self.test_labels


COLLECTIONS: dict[str, Collection] = {
    "mnist": Collection(
        url="https://ossci-datasets.s3.amazonaws.com/mnist/",
        train_images=RemoteFile(
            # The SHA-256 of this gzip file is not confirmed; its content is checked all the same.
            name="train-images-idx3-ubyte.gz",
            shape=(60_000, 28, 28),
            content_md5="6bbc9ace898e44ae57da46a324031adb",
        ),
        train_labels=RemoteFile(
            name="train-labels-idx1-ubyte.gz",
            shape=(60_000,),
            content_md5="a25bea736e30d166cdddb491f175f624",
            gzip_sha256="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        test_images=RemoteFile(
            name="t10k-images-idx3-ubyte.gz",
            shape=(10_000, 28, 28),
            content_md5="2646ac647ad5339dbf082846283269ea",
            gzip_sha256="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        test_labels=RemoteFile(
            name="t10k-labels-idx1-ubyte.gz",
            shape=(10_000,),
            content_md5="27ae3e4e09519cfbb04c329615203637",
            gzip_sha256="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    ),
    "fashion-mnist": Collection(
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        train_images=RemoteFile(
            name="train-images-idx3-ubyte.gz",
            shape=(60_000, 28, 28),
            gzip_md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        train_labels=RemoteFile(
            name="train-labels-idx1-ubyte.gz",
            shape=(60_000,),
            gzip_md5="25c81989df183df01b3e8a0aad5dffbe",
        ),
        test_images=RemoteFile(
            name="t10k-images-idx3-ubyte.gz",
            shape=(10_000, 28, 28),
            gzip_md5="bef4ecab320f06d8554ea6380940ec79",
        ),
        test_labels=RemoteFile(
            name="t10k-labels-idx1-ubyte.gz",
            shape=(10_000,),
            gzip_md5="bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
}
"""The collections that `fetch` knows, by data set name."""


def cache_folder() -> Path:
    """Folder in which pooch keeps what it downloads for this project."""
    import pooch  # slow to import, and needed only without a data folder

    return Path(pooch.os_cache("synfire_bp"))


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
        raw = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{where}: cannot be read: {error.strerror or error}") from None
    try:
        content = gzip.decompress(raw)
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
        _compare("MD5 of the gzip file (of the content none is known)", raw, remote.gzip_md5, where)
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


def download(remote: RemoteFile, base_url: str, folder: Path, *, quiet: bool = False) -> Path:
    """Download one file, check it, and only then give it its name.

    Parameters
    ----------
    remote : RemoteFile
        What to download.
    base_url : str
        Folder on the web that holds it.
    folder : Path
        Where to put it; made if need be.  A file of this name is replaced.
    quiet : bool
        No progress bar.  There is none either if stderr is no terminal.

    Returns
    -------
    path : Path
        The file.

    Raises
    ------
    DatasetError
        No network, no such file, not what was expected, or no room.  Nothing is left behind.
    """
    import pooch
    from requests.exceptions import RequestException  # what pooch downloads with

    url = f"{base_url.rstrip('/')}/{remote.name}"
    target = folder / remote.name
    try:
        with (
            _made(folder),
            tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as part,
            _progress(remote.name, quiet) as bar,
            _silent(pooch.get_logger()),
        ):
            arrived = Path(
                pooch.retrieve(
                    url,
                    known_hash=remote.pooch_hash,
                    fname=remote.name,
                    path=part,
                    downloader=pooch.HTTPDownloader(
                        progressbar=bar or False, chunk_size=1 << 16, timeout=30
                    ),
                )
            )
            read_verified(arrived, remote, called=url)
            arrived.chmod(0o644)  # pooch leaves it readable for its owner only
            arrived.replace(target)
    except RequestException as error:  # is an OSError and sometimes a ValueError too: goes first
        raise DatasetError(
            f"{url}: download failed: {error}. Check the network and try again, or put the file "
            f"into DIR/{folder.name}/ by hand and set SYNFIRE_BP_DATA=DIR"
        ) from None
    except OSError as error:
        raise DatasetError(
            f"{target}: cannot be written: {error.strerror or error}. "
            "Make room, or choose a folder in which you may write"
        ) from None
    except ValueError as error:  # pooch: the checksum is another
        raise DatasetError(f"{url}: not the published file: {error}") from None
    return target


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder; if the block fails, take away what was made for it and is empty."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.rmdir()
        raise


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch from reporting each download, and the hash of it, on stderr."""
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)


class _Bar:
    """What pooch asks of a progress bar, drawn by rich as all progress of this project is.

    pooch's own bar would need tqdm, a second look for the same thing.
    """

    def __init__(self, progress: Progress, label: str) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=None)

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._progress.update(self._task, total=n_bytes or None)

    def update(self, n_bytes: int) -> None:
        self._progress.advance(self._task, n_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task)

    def close(self) -> None:
        """Do nothing: `_progress` closes it, also if the download fails."""


@contextmanager
def _progress(label: str, quiet: bool) -> Iterator[_Bar | None]:
    if quiet or not sys.stderr.isatty():
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, label)
