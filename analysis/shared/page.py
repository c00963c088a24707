"""Figures, tables and numbers as the page of the report shows them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from . import style
from .pictures import png

__all__ = ["DASH", "Column", "Picture", "Table", "picture", "rounded", "table", "text"]

_DPI = 220  # of pictures: sharp at twice the width of the page
_UNITS = {
    "_percent": "%", "_points": "points", "_mj": "mJ", "_nj": "nJ", "_ms": "ms", "_us": "µs",
    "_uj_s": "µJ\u00a0s",
}  # fmt: skip
"""Units by how the name of a column ends."""
DASH = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_WORD = 27  # characters of a cell that stays on one line
_MANY_COLUMNS, _TOO_MANY_COLUMNS = 8, 12
"""A table with more is wider than the text of the page, and than a laptop's window."""


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it; width and height in pixels of the page."""

    source: str
    width: int
    height: int
    narrowest: int


def picture(figure: Figure) -> Picture:
    """Render a figure into the text of the page."""
    content = png(figure, _DPI)
    with Image.open(io.BytesIO(content)) as image:
        size = image.size
    width = size[0] / _DPI / style.MM  # mm
    return Picture(
        "data:image/png;base64," + base64.b64encode(content).decode(),
        width=round(5 * width),
        height=round(5 * width * size[1] / size[0]),
        narrowest=round(4 * width),
    )


# ----------------------------------------------------------------------------------------------
# Tables
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """Head of a column, and what its cells hold: "number", "word" or "text" (which may wrap)."""

    head: str
    kind: str


@dataclass(frozen=True)
class Table:
    """Cells as text, row by row."""

    columns: list[Column]
    rows: list[list[str]]

    @property
    def wide(self) -> bool:
        """Whether it is wider than the text of the page."""
        return len(self.columns) > _MANY_COLUMNS

    @property
    def widest(self) -> bool:
        """Whether it is wider than a laptop's window."""
        return len(self.columns) > _TOO_MANY_COLUMNS


def table(numbers: pd.DataFrame) -> Table:
    """Return a data frame as the page shows it."""
    rows = [[text(value) for value in row] for row in numbers.itertuples(index=False, name=None)]
    columns = []
    for place, name in enumerate(numbers):
        kind = "word" if max((len(row[place]) for row in rows), default=0) <= _WORD else "text"
        numeric = pd.api.types.is_numeric_dtype(numbers[name])
        columns.append(Column(_head(str(name)), "number" if numeric else kind))
    return Table(columns, rows)


def _head(name: str) -> str:
    """Return the head of a column: words, and the unit in brackets."""
    for ending, unit in sorted(_UNITS.items(), key=lambda item: -len(item[0])):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})"
    return name.replace("_", " ")


def text(value: Any) -> str:
    """Return a cell: numbers with four digits, or whole ones with all."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return DASH
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return _signed(f"{value:,}")
    if isinstance(value, (float, np.floating)):
        if abs(float(value)) >= 1000:
            return _signed(f"{value:,.0f}")
        rounded = float(f"{value:.4g}")
        if 0 < abs(rounded) < 1e-5:
            digits, _, exponent = f"{rounded:.3e}".partition("e")
            power = str(int(exponent)).translate(_SUPERSCRIPTS)
            return f"{_signed(digits.rstrip('0').rstrip('.'))}·10{power}"
        return _signed(np.format_float_positional(rounded, trim="-"))
    return str(value)


def _signed(number: str) -> str:
    return number.replace("-", "−")


def rounded(value: float, digits: int) -> float:
    """Return a number with so many digits."""
    return float(f"{value:.{digits}g}")
