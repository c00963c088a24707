"""How all figures look: one style sheet, two widths, one colour per family of populations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import matplotlib.style
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from synfire_bp.errors import CircuitError

__all__ = [
    "CONTENDER_COLOURS",
    "DOUBLE_COLUMN",
    "LEARNING_SHADES",
    "MM",
    "READOUT_COLOURS",
    "SINGLE_COLUMN",
    "applied",
    "colour",
    "new_figure",
    "panel_label",
]

SINGLE_COLUMN = 89.0
"""Width of a figure in one column, mm."""
DOUBLE_COLUMN = 183.0
"""Width of a figure across the page, mm."""
MM = 1 / 25.4
"""A millimetre in inches."""

_SHEET = Path(__file__).with_name("synfire.mplstyle")
_PALETTE = tuple(sns.color_palette("colorblind").as_hex())
_BLUE, _ORANGE, _GREEN, _RED, _PINK, _BROWN, _, _GREY, _, _SKY = _PALETTE
_INK = "#202020"

_FAMILIES = {
    _BLUE: ("input", "x", "m_x", "r_x"),
    _GREEN: ("h", "h<", "h>", "m_h", "c"),
    _RED: ("o", "o<", "o>"),
    _ORANGE: ("target", "t", "r_t"),
    _PINK: ("d+", "d-"),
    _BROWN: ("hT", "oT"),
}
_COLOURS = {population: shade for shade, names in _FAMILIES.items() for population in names}

READOUT_COLOURS = {
    "accuracy_spikes": _COLOURS["o"],
    "accuracy_argmax": _COLOURS["o"],
    "accuracy_potential": _INK,
    "mse": _SKY,
}
"""Colour of what is read from the output layer, by column of a run's metrics."""

CONTENDER_COLOURS = {
    "circuit": _RED,
    "stock": _ORANGE,
    "numpy": _BLUE,
    "oracle": _INK,
    "bound": _GREY,
    "chip": _GREEN,
}
"""Colour of what a benchmark compares, and of the bounds beside it."""

LEARNING_SHADES = {"potentiation": "#d9ecf8", "depression": "#fdebcd", "uptake": "#e8e8e8"}
"""Background of the phases in which plastic synapses learn, by `Phase.learning`."""


@contextmanager
def applied() -> Iterator[None]:
    """Draw and save in the style of the project, whatever is set outside; also a decorator."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.style.use(_SHEET)
        yield


def colour(population: str) -> str:
    """Return the colour of a population, the same in all figures.

    Raises
    ------
    CircuitError
        If the population belongs to no family that has a colour.
    """
    if population in _COLOURS:
        return _COLOURS[population]
    if population[:1] == "g" and population[1:].isdigit():
        return _GREY
    raise CircuitError(
        f"population '{population}' has no colour; add it to a family in {Path(__file__).name}"
    )


def new_figure(width: float, height: float, **options: str) -> Figure:
    """Return an empty figure of a size in mm."""
    return Figure(figsize=(width * MM, height * MM), **options)  # type: ignore[arg-type]


def panel_label(axes: Axes, label: str, *, left: float = 0.0) -> None:
    """Write a panel's letter at the top left of its axes, `left` mm outside of them."""
    outside = ScaledTranslation(-left * MM, 0, axes.figure.dpi_scale_trans)
    axes.text(0, 1, label, transform=axes.transAxes + outside,
              fontsize=9, fontweight="bold", ha="left", va="top")  # fmt: skip
