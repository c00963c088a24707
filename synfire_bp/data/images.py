"""Grey images become binary ones: cropped, shrunk, scaled, rounded, compared with a threshold.

A pixel p is on if round(p * scale, 2) > threshold.  Shifted images are cropped at another place:
what moves in comes from the border that is otherwise cut off.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import DatasetError

__all__ = [
    "GREY_SCALE",
    "Images",
    "Preprocessing",
    "binarise",
    "natural_scale",
    "shifted_on",
    "shifts",
    "switched_on",
]

GREY_SCALE = 256 / 255 / 255
"""Scale of 8-bit grey levels.  The paper's: 256 / 255, not 1, is what it makes of 255."""


@dataclass(frozen=True)
class Preprocessing:
    """How grey images become binary ones.

    Parameters
    ----------
    crop : int
        Pixels cut off on each of the four sides.
    shrink : int
        Side of the squares of pixels, after cropping, each of which becomes one: their mean.
    scale : float, optional
        Factor on every pixel before rounding to two digits.  None: the data set's own; of an
        `npz`, GREY_SCALE for integer images and 1 for floating ones.
    threshold : float
        A pixel is on if it is greater than this, after scaling and rounding.
    shift : int
        Furthest that a training image is moved where it is learnt from, along rows and columns, in
        pixels before shrinking; at most `crop`, since the border that this cuts off moves in.

    Raises
    ------
    DatasetError
        A negative or fractional crop, a shrink below 1, a scale that is not positive, a number that
        is not finite, a shift that is larger than the crop.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> inner = sb.Preprocessing(crop=1, scale=1 / 16, threshold=0.25)
    >>> sb.load_dataset("digits", preprocessing=inner).image_shape
    (6, 6)
    """

    crop: int = 0
    scale: float | None = None
    threshold: float = 0.5
    shrink: int = 1
    shift: int = 0

    def __post_init__(self) -> None:
        for name, least in (("crop", 0), ("shrink", 1), ("shift", 0)):
            value = getattr(self, name)
            if not _whole(value) or value < least:
                raise DatasetError(
                    f"{name} = {value!r}: must be a whole number of pixels, {least} or more"
                )
        if self.scale is not None and not (_finite(self.scale) and self.scale > 0):
            raise DatasetError(f"scale = {self.scale!r}: must be a finite number above 0")
        if not _finite(self.threshold):
            raise DatasetError(f"threshold = {self.threshold!r}: must be a finite number")
        if self.shift > self.crop:
            raise DatasetError(
                f"shift = {self.shift} is more than crop = {self.crop}: a shift moves the cropped "
                f"border into the image, so it can be at most {self.crop}"
            )


def _whole(value: Any) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _finite(value: object) -> bool:
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except TypeError:
        return False


@dataclass(frozen=True, eq=False)
class Images:
    """What was in the files, before cropping and binarising.

    Attributes
    ----------
    name, source : str
        Of the data set; where it was found.
    train_images, test_images : arrays of numbers, shape (n, rows, columns) or (n, inputs)
        Grey levels.
    train_labels, test_labels : int64 arrays, shape (n,)
        Class of each image, from 0.
    n_classes : int
        Labels are 0 ... n_classes - 1.
    checksums : mapping of str to str
        File name to "md5:..." or "sha256:...".

    Examples
    --------
    >>> import synfire_bp as sb
    >>> images = sb.data.read_images("digits")
    >>> images.train_images.shape, int(images.train_images.max())
    ((1438, 8, 8), 16)
    """

    name: str
    source: str
    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    n_classes: int
    checksums: Mapping[str, str]


def binarise(images: NDArray[Any], scale: float, threshold: float) -> NDArray[np.uint8]:
    """Switch on every pixel p with round(p * scale, 2) > threshold.

    Parameters
    ----------
    images : array of numbers, any shape
        Grey levels.
    scale, threshold : float
        As in `Preprocessing`.

    Returns
    -------
    on : array of uint8, same shape, C-contiguous
        0 or 1.
    """
    if images.dtype == np.uint8:  # only 256 different answers
        answers = np.round(np.arange(256) * scale, 2) > threshold
        off = 256 - int(answers.sum())
        if answers[off:].all():  # on from some level upwards: a comparison beats a look-up
            return np.ascontiguousarray(images >= off).view(np.uint8)
        return np.ascontiguousarray(answers.astype(np.uint8)[images])
    on = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 4096):  # float64 copies of a few images, not of all
        part = slice(start, start + 4096)
        on[part] = np.round(images[part].astype(np.float64) * scale, 2) > threshold
    return on


def switched_on(
    raw: Images, split: str, images: NDArray[Any], wanted: Preprocessing
) -> NDArray[np.uint8]:
    """Crop and shrink the images of one split and make them binary.

    Parameters
    ----------
    raw : Images
        The data set that they belong to, for messages.
    split : str
        "train" or "test", for messages.
    images : array, shape (n, rows, columns) or (n, inputs)
        Grey levels.
    wanted : Preprocessing
        Its scale is a number.

    Returns
    -------
    on : array of uint8, shape (n, n_in), C-contiguous
        0 or 1; pixels row by row.

    Raises
    ------
    DatasetError
        Images that cannot be cropped or shrunk so, or of which no pixel would be on.
    """
    _refuse_flat(raw, images, wanted.shift)
    images = _shrunk(raw.source, _cropped(raw, images, wanted.crop), wanted.shrink)
    assert wanted.scale is not None
    on = binarise(images, wanted.scale, wanted.threshold).reshape(len(images), -1)
    if not on.any():
        binary = "; for pixels of 0 and 1, set dataset.scale to 1" if images.max() == 1 else ""
        raise DatasetError(
            f"{raw.source}: no pixel of any {split} image is on with scale {wanted.scale:.6g} and "
            f"threshold {wanted.threshold:.6g}: the largest value is {images.max()}, "
            f"{images.max() * wanted.scale:.2f} when scaled; it must exceed the threshold{binary}"
        )
    return on


def shifts(furthest: int) -> NDArray[np.int64]:
    """Return every shift by at most `furthest` pixels: rows down, columns to the right.

    Returns
    -------
    array of int64, shape ((2 * furthest + 1)**2, 2)
        The first one is (0, 0), which moves nothing.

    Examples
    --------
    >>> shifts(1)[:3].tolist(), len(shifts(2))
    ([[0, 0], [-1, -1], [-1, 0]], 25)
    """
    steps = range(-furthest, furthest + 1)
    moved = [(down, right) for down in steps for right in steps if (down, right) != (0, 0)]
    return np.array([(0, 0), *moved], dtype=np.int64)


def shifted_on(
    images: NDArray[Any], wanted: Preprocessing, source: str = "images"
) -> NDArray[np.uint8]:
    """Move images by every one of `shifts(wanted.shift)`, then make them binary.

    Parameters
    ----------
    images : array, shape (n, rows, columns)
        Grey levels, not cropped.
    wanted : Preprocessing
        Its scale is a number.
    source : str
        Where they were found, for messages.

    Returns
    -------
    on : array of uint8, shape (n_shifts * n, n_in), C-contiguous
        0 or 1: all images by the first shift, then all by the second, ...

    Examples
    --------
    >>> dot = np.zeros((1, 3, 3))
    >>> dot[0, 0, 0] = 1.0  # down and to the right, it comes into the inner pixel
    >>> moved = shifted_on(dot, Preprocessing(crop=1, scale=1.0, shift=1))
    >>> shifts(1)[moved[:, 0] == 1].tolist()
    [[1, 1]]
    """
    assert wanted.scale is not None
    moves, crop = shifts(wanted.shift), wanted.crop
    rows, columns = (side - 2 * crop for side in images.shape[1:])
    n_in = (rows // wanted.shrink) * (columns // wanted.shrink)
    on = np.empty((len(moves), len(images), n_in), np.uint8)
    for block, (down, right) in zip(on, moves, strict=True):
        top, left = crop - down, crop - right
        window = images[:, top : top + rows, left : left + columns]
        small = _shrunk(source, window, wanted.shrink)
        block[:] = binarise(small, wanted.scale, wanted.threshold).reshape(len(images), -1)
    return on.reshape(-1, n_in)


def _refuse_flat(raw: Images, images: NDArray[Any], shift: int) -> None:
    """Refuse to shift images of which nobody knows the rows."""
    if shift and images.ndim != 3:
        raise DatasetError(
            f"{raw.source}: dataset.augment.shift is {shift}, but the images are flat "
            f"({images.shape[1]} values each), which can be shifted by 0 pixels at most: store "
            "them as (n, rows, columns), or set dataset.augment to null"
        )


def _cropped(raw: Images, images: NDArray[Any], crop: int) -> NDArray[Any]:
    sides = images.shape[1:]
    if crop and len(sides) != 2:
        raise DatasetError(
            f"{raw.source}: crop = {crop}, but the images are flat ({sides[0]} values each): "
            "crop must be 0, or the images stored as (n, rows, columns)"
        )
    if crop and 2 * crop >= min(sides):
        raise DatasetError(
            f"{raw.source}: crop = {crop} on each side leaves nothing of an image of "
            f"{sides[0]} x {sides[1]} pixels: at most {(min(sides) - 1) // 2}"
        )
    return images[:, crop:-crop, crop:-crop] if crop else images


def _shrunk(source: str, images: NDArray[Any], shrink: int) -> NDArray[Any]:
    """Return the mean of every square of `shrink` by `shrink` pixels."""
    if shrink == 1:
        return images
    sides = images.shape[1:]
    if len(sides) != 2 or any(side % shrink for side in sides):
        raise DatasetError(
            f"{source}: shrink = {shrink}, but the images are "
            f"{' x '.join(map(str, sides))} after cropping: rows and columns must be multiples "
            f"of {shrink}"
        )
    rows, columns = (side // shrink for side in sides)
    return images.reshape(len(images), rows, shrink, columns, shrink).mean(axis=(2, 4))


def natural_scale(raw: Images) -> float:
    """Return the scale of an `npz`'s images by their type.

    Raises
    ------
    DatasetError
        If their values are not what such a type leads to expect.
    """
    is_floating = raw.train_images.dtype.kind in "fb"
    if (raw.test_images.dtype.kind in "fb") != is_floating:
        raise DatasetError(
            f"{raw.source}: x_train is {raw.train_images.dtype}, x_test {raw.test_images.dtype}: "
            "store both alike, or give a scale"
        )
    top = 1 if is_floating else 255
    for key, images in (("x_train", raw.train_images), ("x_test", raw.test_images)):
        low, high = images.min(), images.max()
        if low < 0 or high > top:
            raise DatasetError(
                f"{raw.source}: {key} ({images.dtype}) has values from {low} to {high}, "
                f"expected 0 to {top}; or give a scale"
            )
    return 1.0 if is_floating else GREY_SCALE
