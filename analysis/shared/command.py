"""The `main` of a module that is run as a command: a mistake gives a line and exit code 1."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import wraps

from synfire_bp.errors import SynfireError, at_a_shell, visible

__all__ = ["command"]

Main = Callable[[Sequence[str] | None], None]


def command(name: str) -> Callable[[Main], Callable[..., int]]:
    """Make a command of a function that reads arguments and does the work.

    Parameters
    ----------
    name : str
        What a message begins with.

    Returns
    -------
    decorator
        It turns the function into one that returns the exit code.
    """

    def decorated(main: Main) -> Callable[..., int]:
        @wraps(main)
        @at_a_shell()
        def run(arguments: Sequence[str] | None = None) -> int:
            try:
                main(arguments)
            except SynfireError as error:
                print(f"{name}: {visible(str(error))}", file=sys.stderr)
                return 1
            return 0

        return run

    return decorated
