"""Tables as Markdown, printed or put into a page between two comments."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.files import reason
from synfire_bp.runs import write_atomically

__all__ = ["inserted", "markdown", "print_or_insert"]


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as Markdown; the first column is text, the others are numbers."""
    lines = [heads, ["---"] + ["---:"] * (len(heads) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def inserted(text: str, new: str, file: str, begin: str, end: str) -> str:
    """Return a Markdown text with what stands between its two comments replaced.

    Raises
    ------
    RunDirectoryError
        If it has not one of each, in this order.
    """
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended or begin in rest or end in before + after:
        raise RunDirectoryError(f"{file}: must hold, once each and in this order: {begin} {end}")
    return f"{before}{begin}\n\n{new}\n{end}{after}"


def print_or_insert(tables: Callable[[], str], into: Path | None, begin: str, end: str) -> int:
    """Print what `tables` returns, or put it into a page; return the exit code of a command."""
    try:
        text = tables()
        if into is None:
            print(text, end="")
            return 0
        file = into.expanduser()
        try:
            before = file.read_text(encoding="utf-8")
        except OSError as error:
            raise RunDirectoryError(f"{file}: cannot be read: {reason(error)}") from None
        write_atomically(file, inserted(before, text, str(file), begin, end).encode())
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    print(file)
    return 0
