"""Pages that are written when the site is built: reStructuredText, line by line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

__all__ = ["escaped", "heading", "indented", "table", "write"]

_MARKS = re.compile(r"([\\*`|_])")


def write(file: Path, lines: Iterable[str]) -> None:
    """Write a page, but only if it differs: what has not changed is not built again."""
    text = "\n".join(lines) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def escaped(text: str) -> str:
    """Return text that is shown as it is: nothing in it is markup."""
    return _MARKS.sub(r"\\\1", text)


def heading(text: str, level: int = 0) -> list[str]:
    """Return the lines of a heading; level 0 is the title of the page."""
    return [text, "=-~^"[level] * len(text), ""]


def indented(lines: Iterable[str], by: int = 3) -> Iterator[str]:
    """Yield lines further to the right; empty ones stay empty."""
    for line in lines:
        yield " " * by + line if line else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], widths: str = "auto") -> list[str]:
    """Return the lines of a table; cells are markup of one line each."""
    lines = [".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", ""]
    for row in (head, *rows):
        for place, cell in enumerate(row):
            lines.append(f"   {'* -' if place == 0 else '  -'} {cell}".rstrip())
    return [*lines, ""]
