"""Which images of Fashion-MNIST there are: all of them, or a part in the data folder."""

from __future__ import annotations

import os
from pathlib import Path

from synfire_bp.data import DATA_VARIABLE, available

__all__ = ["fashion_part", "whole_fashion"]

_PART = "fashion-mnist-part.npz"


def whole_fashion() -> bool:
    """Return whether the files of the whole data set are there."""
    return any(data.name == "fashion-mnist" and data.state == "present" for data in available())


def fashion_part() -> Path | None:
    """Return the file of a part of it in the data folder; None if there is none."""
    part = Path(os.environ.get(DATA_VARIABLE, "")) / _PART
    return part.resolve() if part.is_file() else None
