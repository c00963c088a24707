"""Images in tables: one column per pixel, named p0_0 … by row and column."""

from __future__ import annotations

import re

import pandas as pd
from numpy.typing import NDArray

__all__ = ["images_of", "pixel_columns"]

_NAME = re.compile(r"p(\d+)_(\d+)")


def pixel_columns(values: NDArray, shape: tuple[int, ...]) -> pd.DataFrame:
    """Return images of shape (n, pixels) as a table; flat images are one row of pixels."""
    rows, columns = shape if len(shape) == 2 else (1, shape[0])
    names = [f"p{row}_{column}" for row in range(rows) for column in range(columns)]
    return pd.DataFrame(values, columns=names)


def images_of(table: pd.DataFrame) -> NDArray:
    """Return the images of a table, (n, rows, columns)."""
    found = [place for name in table if (place := _NAME.fullmatch(str(name)))]
    rows, columns = map(int, found[-1].groups())
    pixels = table[[place.string for place in found]]
    return pixels.to_numpy().reshape(len(table), rows + 1, columns + 1)
