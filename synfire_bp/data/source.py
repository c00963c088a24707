"""Where the images of a data set come from: what every data set answers for itself.

To add one: a class that reads its images, or a function that returns them, registered with
`synfire_bp.data.own.dataset`.  One that has files on the web also says how to fetch and check them.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from synfire_bp.data.images import Images, Preprocessing

__all__ = ["DatasetStatus", "FileCheck", "Source"]


@dataclass(frozen=True)
class DatasetStatus:
    """Whether a data set is at hand, and where.  Files are not opened for this.

    Attributes
    ----------
    name : str
        Of the data set.
    where : str
        Folder or file.
    state : {"bundled", "present", "incomplete", "absent"}
        Whether it can be loaded without a download.
    detail : str
        Its size, or what is missing.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> status = sb.data.available()[0]
    >>> status.name, status.state
    ('digits', 'bundled')
    """

    name: str
    where: str
    state: Literal["bundled", "present", "incomplete", "absent"]
    detail: str


@dataclass(frozen=True)
class FileCheck:
    """Whether one file is what it has to be; `detail` is its checksum or what is wrong.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> [check.ok for check in sb.data.check("digits")]
    [True]
    """

    file: str
    ok: bool
    detail: str


class Source(ABC):
    """One data set by name: reads its images, fetches and checks its files.

    Parameters
    ----------
    name : str
        Its name in model files.
    preprocessing : Preprocessing
        How its images become binary unless a model says otherwise.

    Raises
    ------
    DatasetError
        By `read`: if a file is missing, damaged or altered.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> @sb.dataset("corners")
    ... class Corners(sb.Source):
    ...     def read(self, data_dir, path, quiet):
    ...         images, labels = 255 * np.eye(4).reshape(4, 2, 2), np.arange(4)
    ...         return sb.Images("corners", "nowhere", images, labels, images, labels, 4, {})
    >>> sb.load_dataset("corners", preprocessing=sb.Preprocessing(scale=1 / 255)).train.inputs[0]
    array([1, 0, 0, 0], dtype=uint8)
    """

    takes_path = False
    """Whether the user names the file."""

    def __init__(self, name: str, preprocessing: Preprocessing):
        self.name = name
        self.preprocessing = preprocessing

    @abstractmethod
    def read(
        self,
        data_dir: str | os.PathLike[str] | None,
        path: str | os.PathLike[str] | None,
        quiet: bool,
    ) -> Images:
        """Return the images, checked; see `synfire_bp.data.datasets.read_images`."""

    def status(self, data_dir: str | os.PathLike[str] | None) -> DatasetStatus | None:
        """Return whether it is at hand, without opening a file; None: it is not listed."""
        return None

    def fetch(
        self, data_dir: str | os.PathLike[str] | None, quiet: bool, base_url: str | None
    ) -> list[Path]:
        """Download what is missing or altered; see `synfire_bp.data.datasets.fetch`."""
        return []

    def check(self, data_dir: str | os.PathLike[str] | None) -> list[FileCheck]:
        """Verify its files; see `synfire_bp.data.datasets.check`."""
        return []
