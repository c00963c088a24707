"""Where model files are: those that ship with synfire_bp, and those that a path leads to."""

from __future__ import annotations

import difflib
import os
from pathlib import Path, PurePosixPath
from typing import Any

from synfire_bp.errors import ExperimentError, to_caller
from synfire_bp.files import reason
from synfire_bp.model.yaml_text import LARGEST_FILE

__all__ = [
    "absolute",
    "find_model",
    "list_models",
    "nearest_model",
    "read_text",
    "shipped_models",
    "shipped_rivals",
    "shipped_sweeps",
]

_VARIANTS = "variants"


def list_models() -> tuple[str, ...]:
    """Return the names of the models that ship with synfire_bp, in alphabetical order.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> "variants/mnist_deep" in sb.list_models()
    True
    """
    return tuple(sorted(shipped_models()))


def shipped_models() -> dict[str, Path]:
    """Return name to file of every shipped model.

    A model that drops an assumption of the circuit lies in a folder of its own, which is part of
    its name: "variants/mnist_deep".
    """
    folder = _folder()
    files = (*folder.glob("*.yaml"), *folder.glob(f"{_VARIANTS}/*.yaml"))
    return {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}


def shipped_rivals() -> dict[str, Path]:
    """Return name to file of every shipped rival (`synfire_bp.rivals`), in alphabetical order."""
    return {file.stem: file for file in sorted(_folder().glob("rivals/*.yaml"))}


def shipped_sweeps() -> dict[str, Path]:
    """Return name to file of every shipped sweep (`synfire_bp.sweep`), in alphabetical order."""
    return {file.stem: file for file in sorted(_folder().glob("sweeps/*.yaml"))}


def _folder() -> Path:
    """Return the folder of the shipped models: in the package, else in the checkout."""
    package = Path(__file__).parents[1]
    inside, beside = package / "models", package.parent / "models"
    return inside if any(inside.glob("*.yaml")) else beside


def _shipped(name: str) -> Path | None:
    """Return the file of one shipped model, without a look at all the others."""
    pure = PurePosixPath(name)
    if str(pure) != name or str(pure.parent) not in (".", _VARIANTS):
        return None
    file = _folder() / f"{name}.yaml"
    return file if os.path.isfile(file) else None


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
    if file := _shipped(str(path)):
        return file
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
    hint = f"; did you mean {whole}?" if os.path.isfile(whole) else _something_else(str(path))
    hint = hint or nearest_model(file.stem)
    listed = to_caller("synfire-bp models", "sb.list_models()")
    raise ExperimentError(
        f"{file}: no such model file{hint}; {listed} lists those that ship with synfire_bp"
    )


def _something_else(name: str) -> str:
    """Return what a name stands for if not for a model; nothing if for nothing."""
    for what, shipped in (("rival", shipped_rivals()), ("sweep", shipped_sweeps())):
        if name in shipped:
            return f"; it is the name of a {what}: synfire-bp {what} {name}"
    return ""


def nearest_model(name: str) -> str:
    """Return the question after the shipped model of the nearest name; nothing if none is near."""
    by_stem = {model.rpartition("/")[2]: model for model in list_models()}
    found = difflib.get_close_matches(name.rpartition("/")[2].lower(), by_stem, n=1, cutoff=0.5)
    return f"; did you mean {by_stem[found[0]]}?" if found else ""


def read_text(file: Path) -> str:
    """Return the text of a model file.

    Raises
    ------
    ExperimentError
        If it cannot be read, is no text, or is too large.
    """
    try:
        with open(file, encoding="utf-8-sig") as lines:
            text = lines.read(LARGEST_FILE + 1)
    except UnicodeDecodeError as error:
        raise ExperimentError(f"{file}: is not a text file in UTF-8 ({error.reason})") from None
    except OSError as error:
        raise ExperimentError(f"{file}: cannot be read: {reason(error)}") from None
    if len(text) > LARGEST_FILE:
        raise ExperimentError(
            f"{file}: has more than {LARGEST_FILE:,} characters, so it is not a model file"
        )
    return text


def absolute(path: Any, folder: str | Path) -> Any:
    """Return a path that holds in every folder, where it was relative to this one."""
    if not isinstance(path, str) or not path:
        return path  # absent, or of a wrong type and reported as such
    return os.path.abspath(os.path.join(folder, os.path.expanduser(path)))
