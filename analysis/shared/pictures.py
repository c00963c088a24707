"""Pictures as files: PNG through a palette, SVG with short paths; the same figure, the same bytes.

A figure has few colours and thousands of shades between them, at the edges of its lines and
letters.  The palette holds the colours of all larger areas as they are, and as many shades as bring
every pixel to within a few levels of its own (if 256 colours are enough for that): a third of the
bytes, and no difference to be seen.
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

_NEAR = 10.0
"""How far a pixel may be from its colour: levels of 255, red, green and blue as a distance."""
_AREA = 0.001
"""A colour of more than this share of the pixels stays as it is."""
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
    values, place, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([values >> 16, (values >> 8) & 255, values & 255], axis=1)
    palette, nearest = _palette(colours, counts)
    small = Image.fromarray(nearest[place].reshape(codes.shape), "P")
    small.putpalette(palette.astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    resolution = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    small.save(buffer, format="png", optimize=True, **resolution)
    return buffer.getvalue()


def _palette(
    colours: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Choose the colours of a palette.

    First those of larger areas, then, one by one, the colour that is furthest from all that
    are chosen, until none is far or the palette is full.

    Parameters
    ----------
    colours : int array, shape (n, 3)
        All colours of a picture.
    counts : int array, shape (n,)
        In how many pixels each is.

    Returns
    -------
    int array, shape (m, 3), and uint8 array, shape (n,)
        The palette, and for each colour the one of the palette that is nearest to it.
    """
    chosen: list[int] = []
    nearest = np.zeros(len(colours), dtype=np.uint8)
    squares = np.full(len(colours), np.iinfo(np.int64).max)  # of the distances to the nearest

    def choose(colour: int) -> None:
        apart = ((colours - colours[colour]) ** 2).sum(axis=1)
        closer = apart < squares
        nearest[closer], squares[closer] = len(chosen), apart[closer]
        chosen.append(colour)

    for colour in np.flatnonzero(counts > _AREA * counts.sum()):
        choose(int(colour))
    while len(chosen) < _MOST and squares.max() > _NEAR**2:
        choose(int(squares.argmax()))
    return colours[chosen], nearest
