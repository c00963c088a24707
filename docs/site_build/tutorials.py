"""Each tutorial starts as in a process of its own, in a folder without runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import brian2
import numpy as np

__all__ = ["fresh"]

_TARGET = brian2.prefs.codegen.target


def fresh(settings: dict[str, Any], script: str) -> None:
    """Forget what the tutorial before has set and written.

    Parameters
    ----------
    settings : dict
        Of the gallery.
    script : str
        File name of the tutorial that runs next.
    """
    shutil.rmtree(Path(settings["src_dir"]) / "tutorials" / "runs", ignore_errors=True)
    brian2.prefs.codegen.target = _TARGET
    np.random.seed(0)
