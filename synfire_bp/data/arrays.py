"""Four arrays become the images of a data set, once they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.images import Images
from synfire_bp.errors import DatasetError

__all__ = ["KEYS", "checked_images"]

KEYS = ("x_train", "y_train", "x_test", "y_test")
"""What the arrays are called."""


def checked_images(
    name: str, source: str, arrays: Mapping[str, NDArray[Any]], checksums: Mapping[str, str]
) -> Images:
    """Return the images of four arrays.

    Parameters
    ----------
    name : str
        Of the data set.
    source : str
        Where the arrays come from, for messages.
    arrays : mapping
        `x_train`, `x_test` (n, rows, columns) or (n, inputs), `y_train`, `y_test` (n,).
    checksums : mapping
        What was read, to its checksum.

    Raises
    ------
    DatasetError
        If they are no images, or no labels, or do not fit each other.
    """
    for split in ("train", "test"):
        _check_images(source, f"x_{split}", arrays[f"x_{split}"])
        _check_labels(source, f"y_{split}", arrays[f"y_{split}"], len(arrays[f"x_{split}"]))
    x_train, x_test = arrays["x_train"], arrays["x_test"]
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DatasetError(
            f"{source}: the images of x_train have shape {x_train.shape[1:]}, "
            f"of x_test {x_test.shape[1:]}: they must be equal"
        )
    y_train, y_test = arrays["y_train"].astype(np.int64), arrays["y_test"].astype(np.int64)
    return Images(
        name=name,
        source=source,
        train_images=x_train,
        train_labels=y_train,
        test_images=x_test,
        test_labels=y_test,
        n_classes=int(max(y_train.max(), y_test.max())) + 1,
        checksums=MappingProxyType(dict(checksums)),
    )


def _check_images(source: str, key: str, images: NDArray[Any]) -> None:
    if images.dtype.kind not in "buif":
        raise DatasetError(f"{source}: {key} is of type {images.dtype}, expected real numbers")
    if images.ndim not in (2, 3) or 0 in images.shape:
        raise DatasetError(
            f"{source}: {key} has shape {images.shape}, expected (n, rows, columns) or "
            "(n, inputs), none of them 0"
        )
    if images.dtype.kind == "f":
        strange = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
        if strange.size:
            raise DatasetError(
                f"{source}: {key} has NaN or infinite pixels, first in image {strange[0]}; "
                "expected finite numbers"
            )


def _check_labels(source: str, key: str, labels: NDArray[Any], n_images: int) -> None:
    if labels.ndim != 1:
        raise DatasetError(
            f"{source}: {key} has shape {labels.shape}, expected ({n_images},): "
            "one class number per image"
        )
    if len(labels) != n_images:
        raise DatasetError(
            f"{source}: {key} has {len(labels)} labels, expected {n_images}, one per image"
        )
    if labels.dtype.kind not in "ui":
        raise DatasetError(f"{source}: {key} is of type {labels.dtype}, expected integers")
    negative = np.flatnonzero(labels.astype(np.int64) < 0)  # also unsigned ones too large for it
    if negative.size:
        raise DatasetError(
            f"{source}: {key}, label {negative[0]} is {labels[negative[0]]}, expected 0, 1, 2 ..."
        )
