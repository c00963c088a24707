"""Anyone's own images: x_train, y_train, x_test, y_test in one .npz file."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.images import Images
from synfire_bp.data.source import FileCheck, Source
from synfire_bp.errors import DatasetError
from synfire_bp.files import reason

__all__ = ["NpzFile"]

_KEYS = ("x_train", "y_train", "x_test", "y_test")


class NpzFile(Source):
    """A file that the user names; it is checked whenever it is loaded."""

    takes_path = True

    def read(
        self,
        data_dir: str | os.PathLike[str] | None,
        path: str | os.PathLike[str] | None,
        quiet: bool,
    ) -> Images:
        """Return the four arrays, once they are a data set."""
        assert path is not None
        path = Path(path).expanduser()
        arrays, digest = _npz_arrays(path)
        for split in ("train", "test"):
            _check_images(path, f"x_{split}", arrays[f"x_{split}"])
            _check_labels(path, f"y_{split}", arrays[f"y_{split}"], len(arrays[f"x_{split}"]))
        x_train, x_test = arrays["x_train"], arrays["x_test"]
        if x_train.shape[1:] != x_test.shape[1:]:
            raise DatasetError(
                f"{path}: the images of x_train have shape {x_train.shape[1:]}, "
                f"of x_test {x_test.shape[1:]}: they must be equal"
            )
        y_train, y_test = arrays["y_train"].astype(np.int64), arrays["y_test"].astype(np.int64)
        return Images(
            name=self.name,
            source=str(path),
            train_images=x_train,
            train_labels=y_train,
            test_images=x_test,
            test_labels=y_test,
            n_classes=int(max(y_train.max(), y_test.max())) + 1,
            checksums=MappingProxyType({path.name: f"sha256:{digest}"}),
        )

    def fetch(
        self, data_dir: str | os.PathLike[str] | None, quiet: bool, base_url: str | None
    ) -> list[Path]:
        """Refuse."""
        raise DatasetError(
            f"data set {self.name!r} is a file of your own: there is nothing to fetch"
        )

    def check(self, data_dir: str | os.PathLike[str] | None) -> list[FileCheck]:
        """Refuse."""
        raise DatasetError(
            f"data set {self.name!r} is a file of your own, checked whenever it is loaded"
        )


def _npz_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    wanted = f"a .npz file of arrays {', '.join(_KEYS)}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {reason(error)}; expected {wanted}") from None
    key = None
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DatasetError(f"{path}: holds a single array; expected {wanted}")
        with archive:
            missing = [key for key in _KEYS if key not in archive.files]
            if missing:
                raise DatasetError(
                    f"{path}: without {', '.join(missing)}; "
                    f"it holds {', '.join(archive.files) or 'nothing'}; expected {wanted}"
                )
            arrays = {}
            for key in _KEYS:
                arrays[key] = archive[key]
    except DatasetError:
        raise
    except Exception as error:  # numpy, zipfile and zlib have a dozen types for a damaged file
        where = f"{path}, {key}" if key else str(path)
        raise DatasetError(
            f"{where}: damaged, or not numbers ({type(error).__name__}: {error}); expected {wanted}"
        ) from None
    return arrays, hashlib.sha256(data).hexdigest()


def _check_images(path: Path, key: str, images: NDArray[Any]) -> None:
    if images.dtype.kind not in "buif":
        raise DatasetError(f"{path}: {key} is of type {images.dtype}, expected real numbers")
    if images.ndim not in (2, 3) or 0 in images.shape:
        raise DatasetError(
            f"{path}: {key} has shape {images.shape}, expected (n, rows, columns) or (n, inputs), "
            "none of them 0"
        )
    if images.dtype.kind == "f":
        strange = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
        if strange.size:
            raise DatasetError(
                f"{path}: {key} has NaN or infinite pixels, first in image {strange[0]}; "
                "expected finite numbers"
            )


def _check_labels(path: Path, key: str, labels: NDArray[Any], n_images: int) -> None:
    if labels.ndim != 1:
        raise DatasetError(
            f"{path}: {key} has shape {labels.shape}, expected ({n_images},): "
            "one class number per image"
        )
    if len(labels) != n_images:
        raise DatasetError(
            f"{path}: {key} has {len(labels)} labels, expected {n_images}, one per image"
        )
    if labels.dtype.kind not in "ui":
        raise DatasetError(f"{path}: {key} is of type {labels.dtype}, expected integers")
    negative = np.flatnonzero(labels.astype(np.int64) < 0)  # also unsigned ones too large for it
    if negative.size:
        raise DatasetError(
            f"{path}: {key}, label {negative[0]} is {labels[negative[0]]}, expected 0, 1, 2 ..."
        )
