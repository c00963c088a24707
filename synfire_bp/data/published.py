"""MNIST and Fashion-MNIST: four published files each, in a folder of the user's or pooch's cache.

What counts is what is inside.  MNIST is judged by the MD5 of the uncompressed content, so that a
file which somebody compressed anew is as good as the one first published.  Of Fashion-MNIST only
the MD5 of the gzip files is known here, and so these must be the published ones to the byte.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from synfire_bp.data.download import cache_folder, download
from synfire_bp.data.idx import RemoteFile, read_verified
from synfire_bp.data.images import Images
from synfire_bp.data.source import DatasetStatus, FileCheck, Source
from synfire_bp.errors import DatasetError, to_caller
from synfire_bp.files import expanded

__all__ = ["COLLECTIONS", "Collection", "DATA_VARIABLE", "Published"]

DATA_VARIABLE = "SYNFIRE_BP_DATA"
"""Environment variable naming a folder with `mnist/` and `fashion-mnist/`."""


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


class Published(Source):
    """The collection of the same name in `COLLECTIONS`."""

    def read(
        self,
        data_dir: str | os.PathLike[str] | None,
        path: str | os.PathLike[str] | None,
        quiet: bool,
    ) -> Images:
        """Return the images; what is missing is downloaded, if no folder was named."""
        files = self._collection.files
        given = _given_folder(data_dir)
        folder = self._folder(data_dir)
        missing = [folder / file.name for file in files if not _is_there(folder / file.name)]
        if given:
            mend = (
                f"Put the published file there, or unset {given[1]} (now {given[0]}) "
                f"and download with `{self._fetching}`"
            )
        else:
            mend = f"`{self._fetching}` downloads it again"
        if missing and given:
            raise DatasetError(f"{missing[0]}: no such file. {mend}")
        if missing:
            self.fetch(None, quiet, None)

        checksums: dict[str, str] = {}
        values = []
        for file in files:
            try:
                array, found = read_verified(folder / file.name, file)
            except DatasetError as error:
                raise DatasetError(f"{error}. {mend}") from None
            values.append(array)
            checksums.update(found)
        return Images(
            name=self.name,
            source=str(folder),
            train_images=values[0],
            train_labels=values[1].astype(np.int64),
            test_images=values[2],
            test_labels=values[3].astype(np.int64),
            n_classes=10,
            checksums=MappingProxyType(checksums),
        )

    def status(self, data_dir: str | os.PathLike[str] | None) -> DatasetStatus:
        """Return how many of the four files are there."""
        files, folder = self._collection.files, self._folder(data_dir)
        missing = [file.name for file in files if not _is_there(folder / file.name)]
        if not missing:
            size = sum((folder / file.name).stat().st_size for file in files)
            detail = f"4 files, {size / 1e6:.1f} MB"
            return DatasetStatus(self.name, str(folder), "present", detail)
        if len(missing) < len(files):
            detail = f"missing: {', '.join(missing)}"
            return DatasetStatus(self.name, str(folder), "incomplete", detail)
        detail = f"`{self._fetching}` downloads it"
        return DatasetStatus(self.name, str(folder), "absent", detail)

    def fetch(
        self, data_dir: str | os.PathLike[str] | None, quiet: bool, base_url: str | None
    ) -> list[Path]:
        """Download the files that are missing or not as published."""
        collection = self._collection
        parent = expanded(data_dir) if data_dir is not None else cache_folder()
        folder = parent / self.name
        paths = []
        for file in collection.files:
            path = folder / file.name
            try:
                read_verified(path, file)
            except DatasetError:
                path = download(file, base_url or collection.url, folder, quiet=quiet)
            paths.append(path)
        return paths

    def check(self, data_dir: str | os.PathLike[str] | None) -> list[FileCheck]:
        """Verify each file where it is read."""
        folder = self._folder(data_dir)
        checks = []
        for file in self._collection.files:
            path = folder / file.name
            try:
                _, found = read_verified(path, file)
                checks.append(FileCheck(str(path), True, ", ".join(found.values())))
            except DatasetError as error:
                detail = str(error).removeprefix(f"{path}: ") if _is_there(path) else "missing"
                checks.append(FileCheck(str(path), False, detail))
        return checks

    @property
    def _collection(self) -> Collection:
        return COLLECTIONS[self.name]

    @property
    def _fetching(self) -> str:
        """What downloads it."""
        return to_caller(
            f"synfire-bp data fetch {self.name}", f"synfire_bp.data.fetch('{self.name}')"
        )

    def _folder(self, data_dir: str | os.PathLike[str] | None) -> Path:
        given = _given_folder(data_dir)
        return (given[0] if given else cache_folder()) / self.name


def _given_folder(data_dir: str | os.PathLike[str] | None) -> tuple[Path, str] | None:
    """Folder that the user named, and how; None if pooch's cache is to be used."""
    if data_dir is not None:
        return expanded(data_dir), "data_dir"
    if os.environ.get(DATA_VARIABLE):
        return expanded(os.environ[DATA_VARIABLE]), DATA_VARIABLE
    return None


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)  # whatever it is: who reads it says what is wrong with it
