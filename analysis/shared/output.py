"""Write a figure: PNG, SVG, and the numbers drawn as CSV."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import write_atomically

from . import style

__all__ = ["make_folder", "save"]


def save(figure: Figure, numbers: pd.DataFrame, folder: Path, name: str) -> tuple[Path, ...]:
    """Write `name`.png, .svg and .csv into a folder, which is made if it is not there.

    All three are rendered before the first is written, and each is moved to its place when it is
    whole.  The same figure gives the same bytes.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    RunDirectoryError
        If the folder or a file cannot be written.
    """
    contents = {
        "png": _rendered(figure, "png", {"Software": None}),
        "svg": _short_paths(_rendered(figure, "svg", {"Date": None})),
        "csv": numbers.to_csv(index=False, lineterminator="\n").encode(),
    }
    make_folder(folder)
    files = {folder / f"{name}.{kind}": content for kind, content in contents.items()}
    for path, content in files.items():
        write_atomically(path, content)
    return tuple(files)


def make_folder(folder: Path) -> None:
    """Make the folder of the figures if it is not there.

    Raises
    ------
    RunDirectoryError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: cannot be used as the folder of the figures: {error.strerror or error}; "
            "choose another --out"
        ) from None


@style.applied()
def _rendered(figure: Figure, kind: str, metadata: dict[str, None]) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def _short_paths(svg: bytes) -> bytes:
    """Round the paths of an SVG to a hundredth of a point, which halves a dense one."""
    return re.sub(rb' d="[^"]*"', lambda path: re.sub(rb"(\.\d\d)\d+", rb"\1", path.group()), svg)
