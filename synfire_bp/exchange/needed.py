"""Packages that come with an extra, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from synfire_bp.errors import SynfireError

__all__ = ["needed"]


def needed(package: str, doing: str) -> Any:
    """Return a package whose extra has its name.

    Parameters
    ----------
    package : str
        Such as "neo"; the extra ``synfire_bp[neo]`` installs it.
    doing : str
        What needs it, such as "run.to_neo()".

    Raises
    ------
    SynfireError
        If it, or a package that it imports, is not installed; it names the extra.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise SynfireError(
            f"{doing} needs the package '{error.name}', which is not installed; install it with: "
            f"pip install 'synfire_bp[{package}]'"
        ) from None
