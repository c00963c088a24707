"""Where model files are: those that ship with synfire_bp, and those that a path leads to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from synfire_bp.errors import ExperimentError
from synfire_bp.model.yaml_text import nearest

__all__ = ["absolute", "find_model", "list_models", "read_text", "shipped_models"]


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


def find_model(path: str | Path, folder: str | Path = "") -> Path:
    """Return the file of a model.

    Parameters
    ----------
    path : str or Path
        The name of a shipped model, or a path.
    folder : str or Path
        What a relative path is relative to; the current folder if not given.

    Raises
    ------
    ExperimentError
        If there is no such file.
    """
    shipped, name = shipped_models(), str(path)
    if name in shipped:
        return shipped[name]
    file = Path(folder, os.path.expanduser(path))
    if os.path.isdir(file):
        hint = (
            f"; the model in it is {inside}"
            if (inside := file / "experiment.yaml").is_file()
            else ""
        )
        raise ExperimentError(f"{file}: is a folder, not a model file{hint}")
    if os.path.exists(file):
        return file
    whole = f"{file}.yaml"
    hint = f"; did you mean {whole}?" if os.path.isfile(whole) else nearest(file.stem, shipped)
    raise ExperimentError(
        f"{file}: no such model file{hint}; models that ship with "
        f"synfire_bp: {', '.join(sorted(shipped)) or 'none found'}"
    )


def read_text(file: Path) -> str:
    """Return the text of a model file.

    Raises
    ------
    ExperimentError
        If it cannot be read, or is no text.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{file}: is not a text file in UTF-8 ({error.reason})") from None
    except OSError as error:
        raise ExperimentError(f"{file}: cannot be read: {error.strerror or error}") from None


def absolute(path: Any, folder: str | Path) -> Any:
    """Return a path that holds in every folder, where it was relative to this one."""
    if not isinstance(path, str) or not path:
        return path  # absent, or of a wrong type and reported as such
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
