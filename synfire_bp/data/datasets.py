"""Images as the circuit sees them: one binary input per pixel, one label per image.

    digits         8x8, bundled with scikit-learn; every fifth image is kept for testing
    mnist          28x28, cropped to 20x20 as in the paper
    fashion-mnist  28x28
    npz            anyone's own: x_train, y_train, x_test, y_test in one file

Whatever is wrong with a file is said before anything is built from it, and with it which file, what
was found, and what would be right.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.digits import DIGITS_THRESHOLD, Digits
from synfire_bp.data.images import (
    GREY_SCALE,
    Images,
    Preprocessing,
    natural_scale,
    shifted_on,
    shifts,
    switched_on,
)
from synfire_bp.data.npz import NpzFile
from synfire_bp.data.published import Published
from synfire_bp.data.source import DatasetStatus, FileCheck, Source
from synfire_bp.errors import DatasetError
from synfire_bp.registry import Registry
from synfire_bp.summary import Summarised, Summary, percent

__all__ = [
    "DATASETS",
    "DEFAULT_PREPROCESSING",
    "Dataset",
    "SOURCES",
    "Split",
    "available",
    "binary",
    "check",
    "check_fits",
    "fetch",
    "load_dataset",
    "read_images",
]

SOURCES: Registry[Source] = Registry("data set")
"""Every data set by its name in model files.  Preprocessing of MNIST and Fashion-MNIST: paper."""

for _source in (
    Digits("digits", Preprocessing(crop=0, scale=1 / 16, threshold=DIGITS_THRESHOLD)),
    Published("mnist", Preprocessing(crop=4, scale=GREY_SCALE, threshold=0.5)),
    Published("fashion-mnist", Preprocessing(crop=0, scale=GREY_SCALE, threshold=0.5)),
    NpzFile("npz", Preprocessing(crop=0, scale=None, threshold=0.5)),
):
    SOURCES.register(_source.name, _source)


class _Names(Sequence[str]):
    """The names of all data sets that are registered now."""

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return tuple(SOURCES)[index]

    def __len__(self) -> int:
        return len(SOURCES)

    def __repr__(self) -> str:
        return repr(tuple(SOURCES))


class _Preprocessings(Mapping[str, Preprocessing]):
    """How the images of each data set become binary, of those that are registered now."""

    def __getitem__(self, name: str) -> Preprocessing:
        return SOURCES[name].preprocessing

    def __iter__(self) -> Iterator[str]:
        return iter(SOURCES)

    def __len__(self) -> int:
        return len(SOURCES)


DATASETS: Sequence[str] = _Names()
"""Every name that `load_dataset` knows."""

DEFAULT_PREPROCESSING: Mapping[str, Preprocessing] = _Preprocessings()
"""Per data set; `dataclasses.replace` changes single fields."""


@dataclass(frozen=True, eq=False, repr=False)
class Split(Summarised):
    """Images and their labels, in file order.

    Parameters
    ----------
    inputs : array of uint8, shape (n, n_in)
        0 or 1, C-contiguous; pixels row by row.
    labels : array of int64, shape (n,)
        Class of each image, from 0.

    Raises
    ------
    DatasetError
        If they are something else.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> split = sb.Split(np.eye(4, dtype=np.uint8), np.array([0, 1, 0, 1]))
    >>> len(split), split
    (4, <Split of 4 samples: 4 binary inputs each, 25.00 % of them on>)
    """

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check what is given; sequences become arrays."""
        inputs, labels = np.asarray(self.inputs), np.asarray(self.labels)
        if inputs.ndim != 2 or labels.shape != inputs.shape[:1]:
            raise DatasetError(
                f"a split has inputs of shape {inputs.shape} and labels of shape {labels.shape}; "
                "give (n, n_in) and (n,)"
            )
        if not _is_binary(inputs):
            raise DatasetError("inputs of a split must be 0 or 1")
        if labels.size and labels.dtype.kind not in "iu":
            raise DatasetError(f"labels of a split are of type {labels.dtype}; give whole numbers")
        object.__setattr__(self, "inputs", np.ascontiguousarray(inputs, dtype=np.uint8))
        object.__setattr__(self, "labels", labels.astype(np.int64, copy=False))

    def __len__(self) -> int:
        return len(self.labels)

    def _summary(self) -> Summary:
        n, on = len(self), float(self.inputs.mean()) if self.inputs.size else 0.0
        said = f"{self.inputs.shape[-1]:,} binary inputs each, {percent(on)} of them on"
        return Summary(f"Split of {n:,} samples", (said,), (("inputs", said),))


def _is_binary(inputs: NDArray[Any]) -> bool:
    if inputs.dtype.kind in "bu":  # of many images, without a copy
        return not inputs.size or bool(inputs.max() <= 1)
    return bool(((inputs == 0) | (inputs == 1)).all())


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Summarised):
    """A data set as the circuit sees it.

    Parameters
    ----------
    name : str
        One of `DATASETS`.
    train, test : Split
        Images to learn from, and to be judged by.
    image_shape : tuple of int
        Rows and columns after cropping; a single number if the images came flat.
    n_classes : int
        Labels are 0 ... n_classes - 1.
    preprocessing : Preprocessing
        What was done to the images; its scale is a number.
    checksums : mapping of str to str
        File name to "md5:..." or "sha256:..." of what was read.  A name without `.gz` stands for
        the uncompressed content.
    originals : array of numbers, shape (n, rows, columns), optional
        Grey training images before cropping, if they are shifted where they are learnt from.

    Raises
    ------
    DatasetError
        By `load_dataset`, which makes it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> data = sb.load_dataset("digits")
    >>> data
    <Dataset digits: 1,438 training and 359 test samples; 8 × 8 binary inputs, 10 classes>
    >>> data.train.inputs.shape, data.train.inputs.dtype, data.n_in
    ((1438, 64), dtype('uint8'), 64)
    """

    name: str
    train: Split
    test: Split
    image_shape: tuple[int, ...]
    n_classes: int
    preprocessing: Preprocessing
    checksums: Mapping[str, str]
    originals: NDArray[Any] | None = None

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return math.prod(self.image_shape)

    @cached_property
    def learnt(self) -> Split:
        """What is learnt from: `train`, or where images are shifted, a block of n for each shift.

        Sample i by shift k of `synfire_bp.data.images.shifts` is number i + n * k; the first n are
        those of `train`.  Made when it is asked for, and kept: n_in bytes each.
        """
        if self.originals is None:
            return self.train
        copies = len(shifts(self.preprocessing.shift))
        on = shifted_on(self.originals, self.preprocessing, self.name)
        return Split(on, np.tile(self.train.labels, copies))

    def first(self, n: int) -> Dataset:
        """Return the same with the first `n` training samples alone."""
        train = Split(self.train.inputs[:n], self.train.labels[:n])
        originals = None if self.originals is None else self.originals[:n]
        return replace(self, train=train, originals=originals)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle it, for other processes: checksums are a view that pickle does not take."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return _unpickled, (type(self), values | {"checksums": dict(self.checksums)})

    def _summary(self) -> Summary:
        shape = " × ".join(map(str, self.image_shape))
        return Summary(
            f"Dataset {self.name}",
            (
                f"{len(self.train):,} training and {len(self.test):,} test samples",
                f"{shape} binary inputs, {self.n_classes} classes",
            ),
            (
                ("training samples", f"{len(self.train):,}"),
                ("test samples", f"{len(self.test):,}"),
                ("inputs", f"{shape}, 0 or 1"),
                ("classes", f"{self.n_classes}"),
                ("preprocessing", str(self.preprocessing)),
            ),
        )


def _unpickled(kind: type[Dataset], values: dict[str, Any]) -> Dataset:
    return kind(**values | {"checksums": MappingProxyType(values["checksums"])})


def load_dataset(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    preprocessing: Preprocessing | None = None,
    quiet: bool = True,
) -> Dataset:
    """Read a data set, check it, crop it and make it binary.

    Parameters
    ----------
    name : str
        "digits", "mnist", "fashion-mnist", "npz", or one of a plug-in.
    data_dir : path, optional
        Folder with `mnist/` and `fashion-mnist/`.  Without it the one that SYNFIRE_BP_DATA names;
        without that pooch's cache, into which is downloaded what is missing.
    path : path, optional
        The file, for "npz" only: `x_train`, `x_test` (n, rows, columns) or (n, inputs),
        `y_train`, `y_test` (n,).
    preprocessing : Preprocessing, optional
        Instead of `DEFAULT_PREPROCESSING[name]`.
    quiet : bool
        No progress bar while downloading.

    Returns
    -------
    dataset : Dataset
        Both splits.

    Raises
    ------
    DatasetError
        Unknown name; a file that is missing, damaged or altered; images that cannot be cropped
        so; numbers that are no grey levels or no labels; no network.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> data = sb.load_dataset("digits")
    >>> data.train.inputs.shape, data.train.labels[:5]
    ((1438, 64), array([0, 1, 2, 3, 5]))
    """
    return binary(read_images(name, data_dir, path=path, quiet=quiet), preprocessing)


def read_images(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    quiet: bool = True,
) -> Images:
    """Read and check the grey images of a data set, as `load_dataset` does.

    Returns
    -------
    Images
        For `binary`, which makes a data set of them, as often as one likes.

    Raises
    ------
    DatasetError
        As of `load_dataset`.
    """
    source = _known(name)
    if source.takes_path and path is None:
        raise DatasetError(f"data set {name!r} needs the path of a .npz file")
    if not source.takes_path and path is not None:
        raise DatasetError(f"data set {name!r} takes no path (got {path}); only 'npz' does")
    return source.read(data_dir, path, quiet)


def binary(raw: Images, preprocessing: Preprocessing | None = None) -> Dataset:
    """Crop grey images and make them binary.

    Parameters
    ----------
    raw : Images
        From `read_images`.
    preprocessing : Preprocessing, optional
        Instead of `DEFAULT_PREPROCESSING[raw.name]`.

    Returns
    -------
    Dataset
        Both splits.

    Raises
    ------
    DatasetError
        Images that cannot be cropped so, or of which no pixel would be on.
    """
    default = SOURCES[raw.name].preprocessing
    wanted = preprocessing or default
    if wanted.scale is None:
        wanted = replace(wanted, scale=default.scale)
    if wanted.scale is None:
        wanted = replace(wanted, scale=natural_scale(raw))

    return Dataset(
        name=raw.name,
        train=Split(switched_on(raw, "train", raw.train_images, wanted), raw.train_labels),
        test=Split(switched_on(raw, "test", raw.test_images, wanted), raw.test_labels),
        image_shape=tuple(
            (n - 2 * wanted.crop) // wanted.shrink for n in raw.train_images.shape[1:]
        ),
        n_classes=raw.n_classes,
        preprocessing=wanted,
        checksums=raw.checksums,
        originals=raw.train_images if wanted.shift else None,
    )


def check_fits(dataset: Dataset, n_in: int, n_out: int) -> None:
    """Check that a model of `n_in` inputs and `n_out` outputs can learn a data set.

    Raises
    ------
    DatasetError
        Another number of inputs, or a label outside 0 ... n_out - 1.
    """
    if dataset.n_in != n_in:
        shape, used = " x ".join(map(str, dataset.image_shape)), dataset.preprocessing
        shrunk = f" and shrinking {used.shrink} x {used.shrink}" if used.shrink > 1 else ""
        raise DatasetError(
            f"data set {dataset.name!r}: its images have {shape} = {dataset.n_in} inputs after "
            f"cropping {used.crop} on each side{shrunk}, but the model has {n_in}: "
            "change the model's first size or the crop"
        )
    for split, labels in (("train", dataset.train.labels), ("test", dataset.test.labels)):
        outside = np.flatnonzero((labels < 0) | (labels >= n_out))
        if outside.size:
            first = int(outside[0])
            raise DatasetError(
                f"data set {dataset.name!r}, {split} label {first} is {labels[first]}: "
                f"a model of {n_out} outputs needs 0 ... {n_out - 1}; labels count from 0"
            )


def available(data_dir: str | os.PathLike[str] | None = None) -> list[DatasetStatus]:
    """Look which data sets `load_dataset(name, data_dir)` would find without a download."""
    found = (source.status(data_dir) for source in SOURCES.values())
    return [status for status in found if status is not None]


def fetch(
    name: str,
    data_dir: str | os.PathLike[str] | None = None,
    quiet: bool = False,
    *,
    base_url: str | None = None,
) -> list[Path]:
    """Download the files of a data set that are missing or not as published.

    Parameters
    ----------
    name : str
        "mnist" or "fashion-mnist"; nothing is done for "digits".
    data_dir : path, optional
        Files go into its subfolder `name`.  Default: pooch's cache, whatever SYNFIRE_BP_DATA says,
        since that folder may be shared.
    quiet : bool
        No progress bar.
    base_url : str, optional
        Download from a mirror.

    Returns
    -------
    paths : list of Path
        All files of the data set.

    Raises
    ------
    DatasetError
        Unknown name, "npz", no network, a file that is not the published one, no room.  Files
        that came in whole stay, and nothing else.
    """
    return _known(name).fetch(data_dir, quiet, base_url)


def check(name: str, data_dir: str | os.PathLike[str] | None = None) -> list[FileCheck]:
    """Verify each file of a data set where `load_dataset(name, data_dir)` looks for it.

    Returns
    -------
    checks : list of FileCheck
        One per file; one that is missing is not ok.

    Raises
    ------
    DatasetError
        Unknown name, or "npz", which is checked whenever it is loaded.
    """
    return _known(name).check(data_dir)


def _known(name: str) -> Source:
    if name in SOURCES:
        return SOURCES[name]
    near = get_close_matches(str(name).lower(), SOURCES, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DatasetError(f"unknown data set {name!r}: {hint}known are {', '.join(SOURCES)}")
