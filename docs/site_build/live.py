"""The page to watch, of a network that is trained when the site is built."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import synfire_bp as sb

__all__ = ["FILE", "copy", "make"]

FILE = "watch_digits.html"
"""Name of the page, in docs/generated and on the site."""


def make(folder: Path, made_from: float) -> None:
    """Write the page into a folder, unless it is there and newer than what it is made from.

    Parameters
    ----------
    folder : Path
        docs/generated.
    made_from : float
        When the newest source was changed, in seconds since 1970.
    """
    file = folder / FILE
    if file.exists() and file.stat().st_mtime >= made_from:
        return
    with tempfile.TemporaryDirectory() as scratch:
        experiment = sb.Experiment.from_file("digits")
        run = sb.train(experiment, engine="oracle", out=Path(scratch) / "digits", quiet=True)
        sb.watch_run(run, file, quiet=True)


def copy(app: Any, problem: Exception | None) -> None:
    """Lay the page beside the others (an event of Sphinx: the build is finished)."""
    if problem is None and app.builder.format == "html":
        shutil.copy(Path(app.srcdir) / "generated" / FILE, Path(app.outdir) / FILE)
