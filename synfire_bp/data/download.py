"""Downloading one published file: checked before it gets its name, and nothing left if it fails."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from synfire_bp.data.idx import RemoteFile, read_verified
from synfire_bp.errors import DatasetError
from synfire_bp.files import reason
from synfire_bp.progress import DownloadProgress

__all__ = ["cache_folder", "download"]


def cache_folder() -> Path:
    """Folder in which pooch keeps what it downloads for this project.

    Raises
    ------
    DatasetError
        If the user has none.
    """
    import pooch  # slow to import, and needed only without a data folder

    with suppress(RuntimeError):
        if (folder := Path(pooch.os_cache("synfire_bp"))).is_absolute():
            return folder
    raise DatasetError(
        "there is no folder for downloaded data, since this user has no home folder; set "
        "SYNFIRE_BP_DATA to the folder of the data (or XDG_CACHE_HOME, or HOME)"
    )


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
    url = f"{base_url.rstrip('/')}/{remote.name}"
    target = folder / remote.name
    with (
        _naming_failures(url, target),
        _made(folder),
        tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as part,
    ):
        arrived = _retrieve(url, remote, part, quiet)
        read_verified(arrived, remote, called=url)
        arrived.chmod(0o644)  # pooch leaves it readable for its owner only
        arrived.replace(target)
    return target


def _retrieve(url: str, remote: RemoteFile, folder: str, quiet: bool) -> Path:
    import pooch

    with DownloadProgress(remote.name, quiet) as bar, _silent(pooch.get_logger()):
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=30)
        return Path(
            pooch.retrieve(
                url,
                known_hash=remote.pooch_hash,
                fname=remote.name,
                path=folder,
                downloader=downloader,
            )
        )


@contextmanager
def _naming_failures(url: str, target: Path) -> Iterator[None]:
    """Turn what goes wrong with a download into a message of what, where, and a way out."""
    from requests.exceptions import RequestException  # what pooch downloads with

    try:
        yield
    except RequestException as error:  # is an OSError and sometimes a ValueError too: goes first
        raise DatasetError(
            f"{url}: download failed: {error}. Check the network and try again, or put the file "
            f"into DIR/{target.parent.name}/ by hand and set SYNFIRE_BP_DATA=DIR"
        ) from None
    except OSError as error:
        raise DatasetError(
            f"{target}: cannot be written: {reason(error)}. "
            "Make room, or choose a folder in which you may write"
        ) from None
    except ValueError as error:  # pooch: the checksum is another
        raise DatasetError(f"{url}: not the published file: {error}") from None


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
