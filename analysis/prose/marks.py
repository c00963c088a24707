"""Numbers in a Markdown text: where they are marked, and how they are written.

A mark stands right behind its number, ``96.6<!--=name--> %``, and the number's own form says how it
is written: so many decimals, with a sign or without, in digits or in words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

__all__ = ["WORDS", "Mark", "blanked", "filled", "line_of", "marks", "misplaced", "written"]

_COUNTED = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip
WORDS = {word: number for number, word in enumerate(_COUNTED)}
WORDS |= {"zero": 0, "none": 0, "hundred": 100}
"""Numbers that may be spelt."""
_SPELT = {number: word for word, number in WORDS.items() if word not in ("no", "none")}

_MARK = re.compile(
    r"(?P<number>(?:(?<![^\s(|±])[+-])?\d[\d,]*(?:\.\d+)?|[A-Za-z]+)"
    r"<!--=(?P<name>[a-z0-9_]+(?:/[a-z0-9_]+)?|README/[a-z0-9_]+)-->"
)
_ANY_MARK = re.compile(r"<!--=")
_CODE = re.compile(
    r"^(?P<fence>```|~~~).*?^(?P=fence)[^\n]*$"  # a block between fences
    r"|(?:(?<=\n\n)|\A)(?: {4}[^\n]*(?:\n|\Z)(?:\n(?= {4}))*)+"  # an indented block
    r"|(?<!`)`[^`\n]+(?:\n[^`\n]+)?`(?!`)",  # within a line
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Mark:
    """One marked number: its text, the name, and where it stands in the page."""

    text: str
    name: str
    line: int


def marks(page: str) -> Iterator[Mark]:
    """Yield the marked numbers of a page; code has none."""
    for found in _MARK.finditer(blanked(page)):
        yield Mark(found["number"], found["name"], line_of(page, found.start()))


def misplaced(page: str) -> Iterator[int]:
    """Yield the lines of marks that have no number right before them, or stand in code."""
    right = {found.start("name") - 5 for found in _MARK.finditer(blanked(page))}
    for found in _ANY_MARK.finditer(page):
        if found.start() not in right:
            yield line_of(page, found.start())


def filled(page: str, value: Callable[[Mark], str]) -> str:
    """Return a page whose marked numbers are what a function says."""
    parts, end = [], 0
    for found in _MARK.finditer(blanked(page)):
        mark = Mark(found["number"], found["name"], line_of(page, found.start()))
        parts += [page[end : found.start()], value(mark)]
        end = found.end("number")
    return "".join([*parts, page[end:]])


def blanked(page: str) -> str:
    """Return a page of the same length and lines whose code is blank."""
    return _CODE.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), page)


def line_of(page: str, place: int) -> int:
    """Return the number of the line, from 1, in which a place is."""
    return page.count("\n", 0, place) + 1


_ROUNDING = {"nearest": ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}


def written(value: float, like: str, rounded: str = "nearest") -> str:
    """Return a number in the form of another one: decimals, sign, and words if there is one.

    Parameters
    ----------
    value : float
        Any finite number.
    like : str
        What stands in the page, such as "96.6", "+0.35", "1,438" or "Two".
    rounded : {"nearest", "down", "up"}
        Where to.
    """
    if like[0].isalpha():
        word = _SPELT.get(round(value)) if math.isclose(value, round(value)) else None
        if word is not None:
            word = like.lower() if WORDS.get(like.lower()) == round(value) else word
            return word.capitalize() if like[0].isupper() else word
        like = "0" if math.isclose(value, round(value)) else "0.0"
    decimals = len(like.partition(".")[2])
    # up and down without the noise of floats; to the nearest as all tables are written
    exact = Decimal(value) if rounded == "nearest" else Decimal(f"{value:.12g}")
    number = exact.quantize(Decimal(1).scaleb(-decimals), _ROUNDING[rounded])
    sign = "+" if like[0] in "+-" else ""
    return f"{number if number else abs(number):{sign},.{decimals}f}"
