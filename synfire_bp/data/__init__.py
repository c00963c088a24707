"""Data sets, and scores of outputs against labels."""

from synfire_bp.data.datasets import (
    DATASETS,
    DEFAULT_PREPROCESSING,
    SOURCES,
    Dataset,
    Split,
    available,
    binary,
    check,
    check_fits,
    fetch,
    load_dataset,
    read_images,
)
from synfire_bp.data.digits import DIGITS_THRESHOLD
from synfire_bp.data.images import GREY_SCALE, Images, Preprocessing, binarise
from synfire_bp.data.published import DATA_VARIABLE
from synfire_bp.data.scores import Score, shut_samples
from synfire_bp.data.source import DatasetStatus, FileCheck, Source

__all__ = [
    "DATASETS",
    "DATA_VARIABLE",
    "DEFAULT_PREPROCESSING",
    "DIGITS_THRESHOLD",
    "Dataset",
    "DatasetStatus",
    "FileCheck",
    "GREY_SCALE",
    "Images",
    "Preprocessing",
    "SOURCES",
    "Score",
    "Source",
    "Split",
    "available",
    "binarise",
    "binary",
    "check",
    "check_fits",
    "fetch",
    "load_dataset",
    "read_images",
    "shut_samples",
]
