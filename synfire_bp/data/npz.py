"""Anyone's own images: x_train, y_train, x_test, y_test in one .npz file."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.arrays import KEYS, checked_images
from synfire_bp.data.images import Images
from synfire_bp.data.source import FileCheck, Source
from synfire_bp.errors import DatasetError
from synfire_bp.files import expanded, read_whole, reason

__all__ = ["NpzFile"]


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
        path = expanded(path)
        arrays, digest = _npz_arrays(path)
        checksums = {path.name: f"sha256:{digest}"}
        return checked_images(self.name, str(path), arrays, checksums)

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
    wanted = f"a .npz file of arrays {', '.join(KEYS)}"
    try:
        data = read_whole(path)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {reason(error)}; expected {wanted}") from None
    key = None
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DatasetError(f"{path}: holds a single array; expected {wanted}")
        with archive:
            missing = [key for key in KEYS if key not in archive.files]
            if missing:
                raise DatasetError(
                    f"{path}: lacks {', '.join(missing)}; it holds "
                    f"{', '.join(archive.files) or 'nothing'}; expected {wanted}"
                )
            arrays = {}
            for key in KEYS:
                arrays[key] = archive[key]
    except DatasetError:
        raise
    except MemoryError as error:
        raise DatasetError(
            f"{path}: is too large for the memory of this machine: {error}"
        ) from None
    except Exception as error:  # numpy, zipfile and zlib have a dozen types for a damaged file
        where = f"{path}, {key}" if key else str(path)
        raise DatasetError(
            f"{where}: damaged, or not numbers ({type(error).__name__}: {error}); expected {wanted}"
        ) from None
    return arrays, hashlib.sha256(data).hexdigest()
