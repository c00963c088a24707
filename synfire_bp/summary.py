"""What an object says of itself where it is looked at: a line in a terminal, a table in a notebook.

A class derives from `Summarised` and returns a `Summary`, made from what the object holds whenever
it is asked for.  Text may come from anybody's model file: it is shortened for the line, and escaped
for the table.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Summarised", "Summary", "percent", "shortened"]

_LONGEST = 200  # characters of a text from outside
_MOST_ROWS = 20


def shortened(text: str, most: int = _LONGEST) -> str:
    """Return a text as one line of printable characters, cut where it is long.

    Examples
    --------
    >>> shortened("a text that is longer than it may be", most=24)
    'a text that is longer t…'
    """
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    line = " ".join(line.split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1]}…"


def percent(share: float) -> str:
    """Return a share, 0 … 1, as messages and tables have it."""
    return f"{100 * share:.2f} %"


@dataclass(frozen=True)
class Summary:
    """A few facts about an object.

    Attributes
    ----------
    title : str
        What it is, such as "Circuit 400-400-10".
    said : sequence of str
        What a terminal shows of it, in a few words each.
    facts : sequence of (str, str)
        What a notebook shows: label and value.
    columns, rows : sequences of str
        A table below these; of many rows the last ones are shown.
    """

    title: str
    said: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()

    def text(self) -> str:
        """Return one line."""
        said = "; ".join(shortened(part) for part in self.said if part)
        return f"<{shortened(self.title)}{f': {said}' if said else ''}>"

    def html(self) -> str:
        """Return a small table for a notebook; whatever is no markup of this module is escaped."""
        left = ' style="text-align:left"'
        lines = [f"<div><strong>{escape(shortened(self.title))}</strong>", "<table>"]
        lines += [
            f"<tr><th{left}>{escape(label)}</th><td{left}>{escape(shortened(value))}</td></tr>"
            for label, value in self.facts
            if value
        ]
        lines.append("</table>")
        if self.rows:
            heads = "".join(f"<th{left}>{escape(name)}</th>" for name in self.columns)
            lines += ["<table>", f"<thead><tr>{heads}</tr></thead>"]
            left_out = len(self.rows) - _MOST_ROWS
            if left_out > 0:
                lines.append(f'<tr><td colspan="{len(self.columns)}">… {left_out:,} more</td></tr>')
            lines += [
                f"<tr>{''.join(f'<td{left}>{escape(shortened(cell))}</td>' for cell in row)}</tr>"
                for row in self.rows[-_MOST_ROWS:]
            ]
            lines.append("</table>")
        return "\n".join([*lines, "</div>"])


class Summarised:
    """An object that is summarised where it is shown.

    A dataclass that derives from it says ``repr=False``.
    """

    @abstractmethod
    def _summary(self) -> Summary:
        """Return what is shown."""

    def __repr__(self) -> str:
        return self._summary().text()

    def _repr_html_(self) -> str:
        return self._summary().html()
