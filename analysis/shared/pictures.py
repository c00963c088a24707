"""Pictures as files: PNG through a palette, SVG with short paths; the same figure, the same bytes.

A figure has few colours, and thousands of shades between them at the edges of its lines and
letters.  The palette holds the colours of all large areas, of smaller ones such that a bar of
colours stays smooth, and as many shades as bring the pixels of edges near to their own, if 256
colours are enough for that: a third of the bytes, and no difference to be seen.
"""

from __future__ import annotations

import io
import re

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from . import style

__all__ = ["png", "small_png", "svg"]

_LARGE, _EVEN, _EDGE = 0.1, 4.0, 16.0
"""How far a colour may be moved in a large area (not at all), in a small one, and at an edge:
levels of 255, red, green and blue as a distance."""
_LARGE_AREA, _SMALL_AREA = 0.001, 24
"""Pixels of even areas that have a colour: share of the picture, and number."""
_MOST = 256
"""Colours of a palette."""


@style.applied()
def png(figure: Figure, dpi: float | None = None) -> bytes:
    """Render a figure as PNG, with the resolution of the style or another one."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None}, dpi=dpi)
    with Image.open(buffer) as image:
        return small_png(image)


@style.applied()
def svg(figure: Figure) -> bytes:
    """Render a figure as SVG; its paths, rounded to a hundredth of a point, take half the room."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    number = re.compile(rb"(\.\d\d)\d+")
    return re.sub(rb' d="[^"]*"', lambda path: number.sub(rb"\1", path.group()), buffer.getvalue())


def small_png(image: Image.Image) -> bytes:
    """Return a picture, on white if it is not opaque, as PNG with a palette."""
    opaque = Image.new("RGBA", image.size, "white")
    opaque.alpha_composite(image.convert("RGBA"))
    pixels = np.asarray(opaque.convert("RGB")).astype(np.int64)
    codes = (pixels[..., 0] << 16) | (pixels[..., 1] << 8) | pixels[..., 2]
    values, place = np.unique(codes, return_inverse=True)
    place = place.reshape(codes.shape)
    area = np.bincount(place[_even(codes)], minlength=len(values))
    allowed = np.where(area >= _SMALL_AREA, _EVEN, _EDGE)
    allowed[area > _LARGE_AREA * codes.size] = _LARGE
    colours = np.stack([values >> 16, (values >> 8) & 255, values & 255], axis=1)
    palette, nearest = _palette(colours, allowed)
    small = Image.fromarray(nearest[place], "P")
    small.putpalette(palette.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    resolution = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    small.save(buffer, format="png", optimize=True, **resolution)
    return buffer.getvalue()


def _even(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pixels are as those to both sides of them, or above and below."""
    even = np.zeros(codes.shape, dtype=bool)
    beside, below = codes[:, 1:] == codes[:, :-1], codes[1:] == codes[:-1]
    even[:, 1:-1] |= beside[:, 1:] & beside[:, :-1]
    even[1:-1] |= below[1:] & below[:-1]
    return even


def _palette(
    colours: NDArray[np.int64], allowed: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Choose the colours of a palette.

    One by one, the colour that is furthest from all that are chosen, measured by what it is
    allowed to be, until all are as near as that, or the palette is full.

    Parameters
    ----------
    colours : int array, shape (n, 3)
        All colours of a picture.
    allowed : array, shape (n,)
        How far each may be from the palette.

    Returns
    -------
    int array, shape (m, 3), and uint8 array, shape (n,)
        The palette, and for each colour the one of the palette that is nearest to it.
    """
    chosen: list[int] = []
    nearest = np.zeros(len(colours), dtype=np.uint8)
    squares = np.full(len(colours), np.inf)  # of the distances to the palette
    furthest = 0
    while len(chosen) < _MOST and (squares > allowed**2).any():
        apart = ((colours - colours[furthest]) ** 2).sum(axis=1)
        closer = apart < squares
        nearest[closer], squares[closer] = len(chosen), apart[closer]
        chosen.append(furthest)
        furthest = int((squares / allowed**2).argmax())
    return colours[chosen], nearest
