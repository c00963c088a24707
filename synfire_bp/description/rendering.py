"""A description as text for a terminal and as HTML for a notebook or a browser.

Text comes from anybody's model file: control characters are written out, and markup is escaped.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as RichTable

from synfire_bp.errors import visible
from synfire_bp.loihi.printed import Table

if TYPE_CHECKING:
    from synfire_bp.description.structure import Description, Part

__all__ = ["as_html", "as_text", "print_blocks", "print_description"]

_NO_WIDTH = 999
"""Columns of what has none, such as a pipe: nothing is folded there."""

_OPEN = 4
"""Parts that a notebook shows unfolded."""


# ---------------------------------------------------------------- text


def as_text(description: Description) -> str:
    """Return what a terminal without an end on its right would show."""
    page = io.StringIO()
    _print(description, Console(file=page, highlight=False, markup=False, width=_NO_WIDTH))
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())


def print_description(description: Description) -> None:
    """Print a description, folded to the terminal."""
    _print(description, _console())


def print_blocks(blocks: Iterable[Table | str]) -> None:
    """Print tables and sentences."""
    console = _console()
    for block in blocks:
        _print_block(block, console)


def _console() -> Console:
    width = None if sys.stdout.isatty() else _NO_WIDTH
    return Console(highlight=False, markup=False, width=width)


def _print(description: Description, console: Console) -> None:
    about = f": {description.about}" if description.about else ""
    console.print(visible(f"{description.name}{about}"), soft_wrap=True)
    for part in description.parts:
        console.print(f"\n{visible(part.title)}", style="bold")
        for block in part.blocks:
            _print_block(block, console)


def _print_block(block: Table | str, console: Console) -> None:
    if isinstance(block, str):
        console.print(visible(block), soft_wrap=True)
        return
    if block.title:
        console.print(visible(block.title), style="bold")
    table = RichTable(box=None, pad_edge=False, show_header=any(block.heads))
    for n, head in enumerate(block.heads):
        table.add_column(head, justify="left" if _is_text(block, n) else "right", overflow="fold")
    for row in block.rows:
        table.add_row(*(visible(str(value)) for value in row))
    console.print(table)


def _is_text(table: Table, column: int) -> bool:
    return column < table.left or column >= table.more


# ---------------------------------------------------------------- HTML

_CSS = """
body { font: 16px/1.45 system-ui, sans-serif; margin: 1rem auto; max-width: 75rem; padding: 0 1rem;
       color: #222; background: #fff }
.described summary { font-size: 1.15rem; font-weight: 600; cursor: pointer; margin: .8rem 0 .3rem }
"""

_STYLE = """
.described .wide { overflow-x: auto }
.described table { border-collapse: collapse; margin: .2rem 0 .8rem }
.described caption { text-align: left; font-weight: 600; padding: .2rem 0 }
.described td, .described th { padding: .1rem .9rem .1rem 0; text-align: left;
                               vertical-align: top; white-space: pre-line }
.described .number { text-align: right; font-variant-numeric: tabular-nums }
.described thead th { border-bottom: 1px solid #888 }
"""


def as_html(description: Description, *, page: bool = False) -> str:
    """Return a description as HTML: a piece for a notebook, or a whole page."""
    parts = "\n".join(_part(part, n < _OPEN) for n, part in enumerate(description.parts))
    about = _escaped(description.about)
    name, style = _escaped(description.name), _STYLE
    if not page:
        return (
            f'<div class="described"><style>{style}</style>\n'
            f"<strong>{name}</strong> {about}\n{parts}\n</div>"
        )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{_CSS}{style}</style></head>\n"
        f'<body class="described"><h1>{name}</h1><p>{about}</p>\n{parts}\n</body></html>\n'
    )


def _part(part: Part, opened: bool) -> str:
    blocks = "\n".join(
        f"<p>{_escaped(block)}</p>" if isinstance(block, str) else _html_table(block)
        for block in part.blocks
    )
    shown = " open" if opened else ""
    return f"<details{shown}><summary>{_escaped(part.title)}</summary>\n{blocks}</details>"


def _html_table(table: Table) -> str:
    def cells(kind: str, row: Iterable[object]) -> str:
        classes = ("" if _is_text(table, n) else ' class="number"' for n in range(len(table.heads)))
        return "".join(
            f"<{kind}{which}>{_escaped(value)}</{kind}>"
            for which, value in zip(classes, row, strict=True)
        )

    caption = f"<caption>{_escaped(table.title)}</caption>" if table.title else ""
    heads = f"<thead><tr>{cells('th', table.heads)}</tr></thead>" if any(table.heads) else ""
    rows = "\n".join(f"<tr>{cells('td', row)}</tr>" for row in table.rows)
    return f'<div class="wide"><table>{caption}{heads}<tbody>\n{rows}\n</tbody></table></div>'


def _escaped(value: object) -> str:
    return escape(visible(str(value)))
