"""The 8x8 digits that scikit-learn brings along; every fifth image is kept for testing."""

from __future__ import annotations

import hashlib
import os
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.images import Images
from synfire_bp.data.source import DatasetStatus, FileCheck, Source

__all__ = ["DIGITS_SHA256", "DIGITS_THRESHOLD", "Digits"]

DIGITS_THRESHOLD = 0.5
"""Threshold of `digits`, whose pixels are 0...16."""

DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of scikit-learn's 1,797 images and then their labels, one byte a value (scikit-learn 1.9.1)."""

_FILE = "digits (scikit-learn)"


class Digits(Source):
    """Needs no file."""

    def read(
        self,
        data_dir: str | os.PathLike[str] | None,
        path: str | os.PathLike[str] | None,
        quiet: bool,
    ) -> Images:
        """Return every fifth image for testing, the others for training."""
        images, labels, digest = _digits()
        # Every fifth, so that both splits are spread over the whole file, whatever its order means.
        is_test = np.arange(len(labels)) % 5 == 4
        return Images(
            name=self.name,
            source=self.name,
            train_images=images[~is_test],
            train_labels=labels[~is_test],
            test_images=images[is_test],
            test_labels=labels[is_test],
            n_classes=10,
            checksums=MappingProxyType({_FILE: f"sha256:{digest}"}),
        )

    def status(self, data_dir: str | os.PathLike[str] | None) -> DatasetStatus:
        """Return that it is bundled."""
        return DatasetStatus(self.name, "scikit-learn", "bundled", "needs no file")

    def check(self, data_dir: str | os.PathLike[str] | None) -> list[FileCheck]:
        """Compare the images with those that were known when this was written."""
        *_, digest = _digits()
        if digest == DIGITS_SHA256:
            return [FileCheck(_FILE, True, f"sha256:{digest}")]
        detail = f"the images have changed: SHA-256 {digest}, expected {DIGITS_SHA256}"
        return [FileCheck(_FILE, False, detail)]


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64], str]:
    from sklearn.datasets import load_digits  # takes a second to import

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)  # whole numbers 0...16
    labels = bunch.target.astype(np.int64)
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    return images, labels, digest
