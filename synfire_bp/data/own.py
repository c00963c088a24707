"""A data set of somebody's own, by name: a function that returns four arrays, or a `Source`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from synfire_bp.data.arrays import KEYS, checked_images
from synfire_bp.data.datasets import SOURCES
from synfire_bp.data.images import Images, Preprocessing
from synfire_bp.data.source import DatasetStatus, Source
from synfire_bp.errors import DatasetError, SynfireError

__all__ = ["FunctionSource", "dataset"]

D = TypeVar("D", bound=Callable[..., Any])


class FunctionSource(Source):
    """A data set whose images a function returns.

    Parameters
    ----------
    name : str
        Its name in model files.
    preprocessing : Preprocessing
        How its images become binary unless a model says otherwise.
    function : callable
        Takes nothing and returns x_train, y_train, x_test, y_test, or a mapping of these names:
        images (n, rows, columns) or (n, inputs), and labels (n,) from 0 on.  Equal arrays in
        every call: their checksum is noted by each run.
    """

    def __init__(self, name: str, preprocessing: Preprocessing, function: Callable[[], Any]):
        super().__init__(name, preprocessing)
        self.function = self.__wrapped__ = function
        self.__module__ = function.__module__

    def __repr__(self) -> str:
        return f"{self.__module__}.{getattr(self.function, '__name__', self.function)}"

    def read(
        self,
        data_dir: str | os.PathLike[str] | None,
        path: str | os.PathLike[str] | None,
        quiet: bool,
    ) -> Images:
        """Return what the function returns, once it is a data set."""
        where = f"data set '{self.name}' ({self!r})"
        try:
            found = self.function()
        except SynfireError:
            raise
        except Exception as error:  # whatever somebody's code raises
            raise DatasetError(
                f"{where}: its function raises {type(error).__name__}: {error}"
            ) from error
        if not isinstance(found, Mapping):
            if not isinstance(found, (tuple, list)) or len(found) != len(KEYS):
                raise DatasetError(
                    f"{where}: its function returns {type(found).__name__}; must be four arrays, "
                    f"{', '.join(KEYS)}"
                )
            found = dict(zip(KEYS, found, strict=True))
        if missing := [key for key in KEYS if key not in found]:
            raise DatasetError(
                f"{where}: the value that its function returns lacks {', '.join(missing)}"
            )
        arrays = {key: np.asarray(found[key]) for key in KEYS}
        digest = hashlib.sha256()
        for key, array in arrays.items():
            digest.update(f"{key} {array.dtype} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return checked_images(self.name, where, arrays, {self.name: f"sha256:{digest.hexdigest()}"})

    def status(self, data_dir: str | os.PathLike[str] | None) -> DatasetStatus:
        """Return that it is at hand."""
        about = (self.function.__doc__ or "").strip().partition("\n")[0]
        return DatasetStatus(self.name, repr(self), "bundled", about or "made by a function")


def dataset(
    name: str, *, crop: int = 0, scale: float | None = None, threshold: float = 0.5
) -> Callable[[D], D]:
    """Register a data set under the name that model files use.

    Parameters
    ----------
    name : str
        For `dataset.name`.
    crop, scale, threshold
        How its images become binary unless a model file says otherwise (`Preprocessing`).

    Returns
    -------
    callable
        Decorates a function that takes nothing and returns x_train, y_train, x_test, y_test:
        images (n, rows, columns) or (n, inputs), labels (n,) from 0 on; or a class derived from
        `Source`.

    Raises
    ------
    SynfireError
        If the name is taken, or what is decorated is neither.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> @sb.dataset("corners", threshold=0.5)
    ... def corners():
    ...     x, y = np.eye(4).reshape(4, 2, 2), np.arange(4)
    ...     return x, y, x, y
    >>> sb.load_dataset("corners").train.inputs.tolist()[0]
    [1, 0, 0, 0]
    """
    preprocessing = Preprocessing(crop=crop, scale=scale, threshold=threshold)

    def register(made: D) -> D:
        if isinstance(made, type):
            if not issubclass(made, Source):
                raise SynfireError(
                    f"data set '{name}' is the class {made.__name__}; derive it from sb.Source, "
                    "or decorate a function that returns x_train, y_train, x_test, y_test"
                )
            source = made(name, preprocessing)
            source.__wrapped__ = made  # type: ignore[attr-defined]
            SOURCES.register(name, source)
        elif callable(made):
            SOURCES.register(name, FunctionSource(name, preprocessing, made))
        else:
            raise SynfireError(f"data set '{name}' is {made!r}; decorate a function or a class")
        return made

    return register
