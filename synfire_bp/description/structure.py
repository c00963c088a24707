"""Structure of a description: parts, each with a few tables and sentences.

Text, HTML and JSON show the same parts; none has more content than the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from synfire_bp.description.rendering import as_html, as_text
from synfire_bp.loihi.printed import Table

__all__ = ["Block", "Description", "Part", "facts"]

Block = Table | str
"""A table, or a sentence."""


@dataclass(frozen=True)
class Part:
    """Tables and sentences about one side of a model.

    Attributes
    ----------
    title : str
        Subject of the part.
    blocks : tuple of Table or str
        In the order to be read.
    """

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, repr=False)
class Description:
    """Description of a model, part by part.

    Attributes
    ----------
    name : str
        Short name of the model.
    about : str
        The description of its model file, in a sentence.
    parts : tuple of Part
        In the order to be read.

    Raises
    ------
    SynfireError
        By `describe`, which makes it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> said = sb.describe("digits")
    >>> [part.title for part in said.parts][:3]
    ['Task and training', 'Network', 'Learning']
    >>> said.row("samples are shown for")
    ('12 phases',)
    >>> "<table>" in said.html(), '"parts"' in said.json()
    (True, True)
    """

    name: str
    about: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return as_text(self)

    def __repr__(self) -> str:
        return f"<Description {self.name}: {', '.join(part.title for part in self.parts)}>"

    def _repr_html_(self) -> str:
        return as_html(self)

    def html(self) -> str:
        """Return a whole page, to be opened in a browser."""
        return as_html(self, page=True)

    def json(self) -> str:
        """Return the same for machines."""
        return json_of(self)

    @property
    def tables(self) -> Iterator[Table]:
        """All tables, part by part."""
        for part in self.parts:
            for block in part.blocks:
                if not isinstance(block, str):
                    yield block

    def row(self, label: str) -> tuple[str, ...]:
        """Return what follows a label in the first table that has it; empty if none has."""
        rows = (row for table in self.tables for row in table.rows if row[0] == label)
        return tuple(next(rows, ("",))[1:])

    def as_dict(self) -> dict[str, Any]:
        """Return plain lists and dicts of text."""
        return {
            "name": self.name,
            "about": self.about,
            "parts": [
                {"title": part.title, "blocks": [_plain(block) for block in part.blocks]}
                for part in self.parts
            ],
        }


def facts(rows: Iterable[Sequence[str]], title: str = "") -> tuple[Block, ...]:
    """Return a table of labels and texts; nothing if there are none."""
    said = [tuple(row) for row in rows if row[1]]
    return (Table(title, ("", ""), said, left=2),) if said else ()


def _plain(block: Block) -> Any:
    if isinstance(block, str):
        return block
    rows = [list(map(str, row)) for row in block.rows]
    return {"title": block.title, "columns": list(block.heads), "rows": rows}


def json_of(description: Description) -> str:
    """Return a description as JSON."""
    import json

    return json.dumps(description.as_dict(), indent=1, ensure_ascii=False)
