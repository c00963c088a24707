"""Images as the circuit sees them: one binary input per pixel, one label per image.

    digits         8x8, bundled with scikit-learn; every fifth image is kept for testing
    mnist          28x28, cropped to 20x20 as in the paper
    fashion-mnist  28x28
    npz            anyone's own: x_train, y_train, x_test, y_test in one file

A pixel p is on if round(p * scale, 2) > threshold.  Whatever is wrong with a file is said before
anything is built from it, and with it which file, what was found, and what would be right.
"""

from __future__ import annotations

import hashlib
import io
import math
import operator
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.idx import COLLECTIONS, cache_folder, download, read_verified
from synfire_bp.errors import DatasetError

__all__ = [
    "DATASETS",
    "DATA_VARIABLE",
    "DEFAULT_PREPROCESSING",
    "DIGITS_THRESHOLD",
    "GREY_SCALE",
    "Dataset",
    "DatasetStatus",
    "FileCheck",
    "Images",
    "Preprocessing",
    "Split",
    "available",
    "binarise",
    "binary",
    "check",
    "check_fits",
    "fetch",
    "load_dataset",
    "read_images",
]

DATA_VARIABLE = "SYNFIRE_BP_DATA"
"""Environment variable naming a folder with `mnist/` and `fashion-mnist/`."""

DATASETS = ("digits", "mnist", "fashion-mnist", "npz")
"""Every name that `load_dataset` knows."""

GREY_SCALE = 256 / 255 / 255
"""Scale of 8-bit grey levels.  The paper's: 256 / 255, not 1, is what it makes of 255."""

DIGITS_THRESHOLD = 0.5
"""Threshold of `digits`, whose pixels are 0...16."""

DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"
"""Of scikit-learn's 1,797 images and then their labels, one byte a value (scikit-learn 1.9.1)."""

_DIGITS_FILE = "digits (scikit-learn)"
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")


@dataclass(frozen=True)
class Preprocessing:
    """How grey images become binary ones.

    Parameters
    ----------
    crop : int
        Pixels cut off on each of the four sides.
    scale : float, optional
        Factor on every pixel before rounding to two digits.  None: the data set's own; of an
        `npz`, GREY_SCALE for integer images and 1 for floating ones.
    threshold : float
        A pixel is on if it is greater than this, after scaling and rounding.

    Raises
    ------
    DatasetError
        A negative or fractional crop, a scale that is not positive, a number that is not finite.
    """

    crop: int = 0
    scale: float | None = None
    threshold: float = 0.5

    def __post_init__(self) -> None:
        try:
            crop = operator.index(self.crop)
        except TypeError:
            crop = -1
        if crop < 0:
            raise DatasetError(f"crop = {self.crop!r}: must be a whole number of pixels, 0 or more")
        if self.scale is not None and not (_finite(self.scale) and self.scale > 0):
            raise DatasetError(f"scale = {self.scale!r}: must be a finite number above 0")
        if not _finite(self.threshold):
            raise DatasetError(f"threshold = {self.threshold!r}: must be a finite number")


def _finite(value: object) -> bool:
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except TypeError:
        return False


DEFAULT_PREPROCESSING: Mapping[str, Preprocessing] = MappingProxyType(
    {
        "digits": Preprocessing(crop=0, scale=1 / 16, threshold=DIGITS_THRESHOLD),
        "mnist": Preprocessing(crop=4, scale=GREY_SCALE, threshold=0.5),
        "fashion-mnist": Preprocessing(crop=0, scale=GREY_SCALE, threshold=0.5),
        "npz": Preprocessing(crop=0, scale=None, threshold=0.5),
    }
)
"""Per data set; `dataclasses.replace` changes single fields.  Of MNIST and Fashion-MNIST: paper."""


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their labels, in file order.

    Parameters
    ----------
    inputs : array of uint8, shape (n, n_in)
        0 or 1, C-contiguous; pixels row by row.
    labels : array of int64, shape (n,)
        Class of each image, from 0.
    """

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
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
    """

    name: str
    train: Split
    test: Split
    image_shape: tuple[int, ...]
    n_classes: int
    preprocessing: Preprocessing
    checksums: Mapping[str, str]

    @property
    def n_in(self) -> int:
        """Number of inputs."""
        return math.prod(self.image_shape)


@dataclass(frozen=True, eq=False)
class Images:
    """What was in the files, before cropping and binarising."""

    name: str
    source: str
    train_images: NDArray[Any]
    train_labels: NDArray[np.int64]
    test_images: NDArray[Any]
    test_labels: NDArray[np.int64]
    n_classes: int
    checksums: Mapping[str, str]


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
        "digits", "mnist", "fashion-mnist" or "npz".
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
    _require_known(name)
    if name == "npz" and path is None:
        raise DatasetError("data set 'npz' needs the path of a .npz file")
    if name != "npz" and path is not None:
        raise DatasetError(f"data set {name!r} takes no path (got {path}); only 'npz' does")
    if name == "digits":
        return _read_digits()
    if name == "npz":
        assert path is not None
        return _read_npz(Path(path).expanduser())
    return _read_collection(name, data_dir, quiet)


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
    default = DEFAULT_PREPROCESSING[raw.name]
    wanted = preprocessing or default
    if wanted.scale is None:
        wanted = replace(wanted, scale=default.scale)
    if wanted.scale is None:
        wanted = replace(wanted, scale=_natural_scale(raw))

    return Dataset(
        name=raw.name,
        train=Split(_inputs(raw, "train", raw.train_images, wanted), raw.train_labels),
        test=Split(_inputs(raw, "test", raw.test_images, wanted), raw.test_labels),
        image_shape=tuple(n - 2 * wanted.crop for n in raw.train_images.shape[1:]),
        n_classes=raw.n_classes,
        preprocessing=wanted,
        checksums=raw.checksums,
    )


def check_fits(dataset: Dataset, n_in: int, n_out: int) -> None:
    """Check that a model of `n_in` inputs and `n_out` outputs can learn a data set.

    Raises
    ------
    DatasetError
        Another number of inputs, or a label outside 0 ... n_out - 1.
    """
    if dataset.n_in != n_in:
        shape = " x ".join(map(str, dataset.image_shape))
        raise DatasetError(
            f"data set {dataset.name!r}: its images have {shape} = {dataset.n_in} inputs after "
            f"cropping {dataset.preprocessing.crop} on each side, but the model has {n_in}: "
            "change the model's first size or the crop"
        )
    for split, labels in (("train", dataset.train.labels), ("test", dataset.test.labels)):
        outside = np.flatnonzero((labels < 0) | (labels >= n_out))
        if outside.size:
            first = int(outside[0])
            raise DatasetError(
                f"data set {dataset.name!r}, {split} label {first} is {labels[first]}: "
                f"a model of {n_out} outputs needs 0 ... {n_out - 1}"
            )


# ---------------------------------------------------------------- images become binary


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
        return np.ascontiguousarray(answers.astype(np.uint8)[images])
    on = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 4096):  # float64 copies of a few images, not of all
        part = slice(start, start + 4096)
        on[part] = np.round(images[part].astype(np.float64) * scale, 2) > threshold
    return on


def _inputs(
    raw: Images, split: str, images: NDArray[Any], wanted: Preprocessing
) -> NDArray[np.uint8]:
    crop, sides = wanted.crop, images.shape[1:]
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
    if crop:
        images = images[:, crop:-crop, crop:-crop]
    assert wanted.scale is not None
    on = binarise(images, wanted.scale, wanted.threshold).reshape(len(images), -1)
    if not on.any():
        raise DatasetError(
            f"{raw.source}: no pixel of any {split} image is on with scale {wanted.scale:.6g} and "
            f"threshold {wanted.threshold:.6g}: the largest value is {images.max()}, "
            f"{images.max() * wanted.scale:.2f} when scaled; it must exceed the threshold"
        )
    return on


def _natural_scale(raw: Images) -> float:
    """Scale of an `npz`'s images by their type, if they are what such a type leads to expect."""
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


# ---------------------------------------------------------------- reading


def _require_known(name: str) -> None:
    if name in DATASETS:
        return
    near = get_close_matches(str(name).lower(), DATASETS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise DatasetError(f"unknown data set {name!r}: {hint}known are {', '.join(DATASETS)}")


def _digits() -> tuple[NDArray[np.uint8], NDArray[np.int64], str]:
    from sklearn.datasets import load_digits  # takes a second to import

    bunch = load_digits()
    images = bunch.images.astype(np.uint8)  # whole numbers 0...16
    labels = bunch.target.astype(np.int64)
    digest = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    return images, labels, digest


def _read_digits() -> Images:
    images, labels, digest = _digits()
    # Every fifth, so that both splits are spread over the whole file, whatever its order means.
    is_test = np.arange(len(labels)) % 5 == 4
    return Images(
        name="digits",
        source="digits",
        train_images=images[~is_test],
        train_labels=labels[~is_test],
        test_images=images[is_test],
        test_labels=labels[is_test],
        n_classes=10,
        checksums=MappingProxyType({_DIGITS_FILE: f"sha256:{digest}"}),
    )


def _given_folder(data_dir: str | os.PathLike[str] | None) -> tuple[Path, str] | None:
    """Folder that the user named, and how; None if pooch's cache is to be used."""
    if data_dir is not None:
        return Path(data_dir).expanduser(), "data_dir"
    if os.environ.get(DATA_VARIABLE):
        return Path(os.environ[DATA_VARIABLE]).expanduser(), DATA_VARIABLE
    return None


def _folder(name: str, data_dir: str | os.PathLike[str] | None) -> Path:
    given = _given_folder(data_dir)
    return (given[0] if given else cache_folder()) / name


def _read_collection(name: str, data_dir: str | os.PathLike[str] | None, quiet: bool) -> Images:
    collection = COLLECTIONS[name]
    given = _given_folder(data_dir)
    folder = _folder(name, data_dir)
    missing = [folder / file.name for file in collection.files if not _is_file(folder / file.name)]
    if given:
        mend = (
            f"Put the published file there, or do without {given[1]} (now {given[0]}) "
            f"and download with `synfire-bp data fetch {name}`"
        )
    else:
        mend = f"`synfire-bp data fetch {name}` downloads it anew"
    if missing and given:
        raise DatasetError(f"{missing[0]}: no such file. {mend}")
    if missing:
        fetch(name, quiet=quiet)

    checksums: dict[str, str] = {}
    values = []
    for file in collection.files:
        try:
            array, found = read_verified(folder / file.name, file)
        except DatasetError as error:
            raise DatasetError(f"{error}. {mend}") from None
        values.append(array)
        checksums.update(found)
    return Images(
        name=name,
        source=str(folder),
        train_images=values[0],
        train_labels=values[1].astype(np.int64),
        test_images=values[2],
        test_labels=values[3].astype(np.int64),
        n_classes=10,
        checksums=MappingProxyType(checksums),
    )


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # unlike Path.is_file, no error in a folder one may not enter


def _read_npz(path: Path) -> Images:
    arrays, digest = _npz_arrays(path)
    for split in ("train", "test"):
        _check_images(path, f"x_{split}", arrays[f"x_{split}"])
        _check_labels(path, f"y_{split}", arrays[f"y_{split}"], len(arrays[f"x_{split}"]))
    x_train, x_test = arrays["x_train"], arrays["x_test"]
    if x_train.shape[1:] != x_test.shape[1:]:
        raise DatasetError(
            f"{path}: the images of x_train have shape {x_train.shape[1:]}, "
            f"of x_test {x_test.shape[1:]}: they must be equal"
        )
    y_train, y_test = arrays["y_train"].astype(np.int64), arrays["y_test"].astype(np.int64)
    return Images(
        name="npz",
        source=str(path),
        train_images=x_train,
        train_labels=y_train,
        test_images=x_test,
        test_labels=y_test,
        n_classes=int(max(y_train.max(), y_test.max())) + 1,
        checksums=MappingProxyType({path.name: f"sha256:{digest}"}),
    )


def _npz_arrays(path: Path) -> tuple[dict[str, NDArray[Any]], str]:
    wanted = f"a .npz file of arrays {', '.join(_NPZ_KEYS)}"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path}: cannot be read: {error.strerror or error}; expected {wanted}"
        ) from None
    key = None
    try:
        archive = np.load(io.BytesIO(data), allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DatasetError(f"{path}: holds a single array; expected {wanted}")
        with archive:
            missing = [key for key in _NPZ_KEYS if key not in archive.files]
            if missing:
                raise DatasetError(
                    f"{path}: without {', '.join(missing)}; "
                    f"it holds {', '.join(archive.files) or 'nothing'}; expected {wanted}"
                )
            arrays = {}
            for key in _NPZ_KEYS:
                arrays[key] = archive[key]
    except DatasetError:
        raise
    except Exception as error:  # numpy, zipfile and zlib have a dozen types for a damaged file
        where = f"{path}, {key}" if key else str(path)
        raise DatasetError(
            f"{where}: damaged, or not numbers ({type(error).__name__}: {error}); expected {wanted}"
        ) from None
    return arrays, hashlib.sha256(data).hexdigest()


def _check_images(path: Path, key: str, images: NDArray[Any]) -> None:
    if images.dtype.kind not in "buif":
        raise DatasetError(f"{path}: {key} is of type {images.dtype}, expected real numbers")
    if images.ndim not in (2, 3) or 0 in images.shape:
        raise DatasetError(
            f"{path}: {key} has shape {images.shape}, expected (n, rows, columns) or (n, inputs), "
            "none of them 0"
        )
    if images.dtype.kind == "f":
        strange = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
        if strange.size:
            raise DatasetError(
                f"{path}: {key} has NaN or infinite pixels, first in image {strange[0]}; "
                "expected finite numbers"
            )


def _check_labels(path: Path, key: str, labels: NDArray[Any], n_images: int) -> None:
    if labels.ndim != 1:
        raise DatasetError(
            f"{path}: {key} has shape {labels.shape}, expected ({n_images},): "
            "one class number per image"
        )
    if len(labels) != n_images:
        raise DatasetError(
            f"{path}: {key} has {len(labels)} labels, expected {n_images}, one per image"
        )
    if labels.dtype.kind not in "ui":
        raise DatasetError(f"{path}: {key} is of type {labels.dtype}, expected integers")
    negative = np.flatnonzero(labels.astype(np.int64) < 0)  # also unsigned ones too large for it
    if negative.size:
        raise DatasetError(
            f"{path}: {key}, label {negative[0]} is {labels[negative[0]]}, expected 0, 1, 2 ..."
        )


# ---------------------------------------------------------------- for the command line


@dataclass(frozen=True)
class DatasetStatus:
    """Whether a data set is at hand, and where.  Files are not opened for this."""

    name: str
    where: str
    state: Literal["bundled", "present", "incomplete", "absent"]
    detail: str


@dataclass(frozen=True)
class FileCheck:
    """Whether one file is what it has to be; `detail` is its checksum or what is wrong."""

    file: str
    ok: bool
    detail: str


def available(data_dir: str | os.PathLike[str] | None = None) -> list[DatasetStatus]:
    """Look which data sets `load_dataset(name, data_dir)` would find without a download."""
    found = [DatasetStatus("digits", "scikit-learn", "bundled", "needs no file")]
    for name, collection in COLLECTIONS.items():
        folder = _folder(name, data_dir)
        missing = [file.name for file in collection.files if not _is_file(folder / file.name)]
        if not missing:
            size = sum((folder / file.name).stat().st_size for file in collection.files)
            status = DatasetStatus(name, str(folder), "present", f"4 files, {size / 1e6:.1f} MB")
        elif len(missing) < len(collection.files):
            detail = f"missing: {', '.join(missing)}"
            status = DatasetStatus(name, str(folder), "incomplete", detail)
        else:
            detail = f"`synfire-bp data fetch {name}` downloads it"
            status = DatasetStatus(name, str(folder), "absent", detail)
        found.append(status)
    return found


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
    _require_known(name)
    if name == "digits":
        return []
    if name == "npz":
        raise DatasetError("data set 'npz' is a file of your own: there is nothing to fetch")
    collection = COLLECTIONS[name]
    parent = Path(data_dir).expanduser() if data_dir is not None else cache_folder()
    folder = parent / name
    paths = []
    for file in collection.files:
        path = folder / file.name
        try:
            read_verified(path, file)
        except DatasetError:
            path = download(file, base_url or collection.url, folder, quiet=quiet)
        paths.append(path)
    return paths


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
    _require_known(name)
    if name == "npz":
        raise DatasetError("data set 'npz' is a file of your own, checked whenever it is loaded")
    if name == "digits":
        *_, digest = _digits()
        if digest == DIGITS_SHA256:
            return [FileCheck(_DIGITS_FILE, True, f"sha256:{digest}")]
        detail = f"other images than before: SHA-256 {digest}, expected {DIGITS_SHA256}"
        return [FileCheck(_DIGITS_FILE, False, detail)]
    folder = _folder(name, data_dir)
    checks = []
    for file in COLLECTIONS[name].files:
        path = folder / file.name
        try:
            _, found = read_verified(path, file)
            checks.append(FileCheck(str(path), True, ", ".join(found.values())))
        except DatasetError as error:
            detail = str(error).removeprefix(f"{path}: ") if _is_file(path) else "missing"
            checks.append(FileCheck(str(path), False, detail))
    return checks
