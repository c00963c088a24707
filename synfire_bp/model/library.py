"""The models that ship with synfire_bp, by name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from synfire_bp.errors import ExperimentError
from synfire_bp.model.yaml_text import nearest

__all__ = ["absolute", "find_model", "list_models", "shipped_models"]


def list_models() -> tuple[str, ...]:
    """Return the names of the models that ship with synfire_bp, in alphabetical order."""
    return tuple(sorted(shipped_models()))


def shipped_models() -> dict[str, Path]:
    """Return name to file of every shipped model: from the package, else from the checkout.

    A model that drops an assumption of the circuit lies in a folder of its own, which is part of
    its name: "variants/mnist_deep".
    """
    package = Path(__file__).parents[1]
    for folder in (package / "models", package.parent / "models"):
        files = (*folder.glob("*.yaml"), *folder.glob("variants/*.yaml"))
        if found := {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}:
            return found
    return {}


def find_model(path: str | Path) -> Path:
    """Return the file of a shipped model, by its name, or of any other, by its path.

    Raises
    ------
    ExperimentError
        If there is none.
    """
    shipped, name = shipped_models(), str(path)
    if name in shipped:
        return shipped[name]
    file = Path(path).expanduser()
    if file.is_dir():
        hint = (
            f"; the model in it is {inside}"
            if (inside := file / "experiment.yaml").is_file()
            else ""
        )
        raise ExperimentError(f"{file}: is a folder, not a model file{hint}")
    if file.exists():
        return file
    raise ExperimentError(
        f"{file}: no such model file{nearest(file.stem, shipped)}; models that ship with "
        f"synfire_bp: {', '.join(sorted(shipped)) or 'none found'}"
    )


def absolute(path: Any, folder: str | Path) -> Any:
    """Return a path that is relative to a folder as a whole one."""
    if not isinstance(path, str) or not path:
        return path  # absent, or of a wrong type and reported as such
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
