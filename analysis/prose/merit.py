"""Figures of merit in a page: numbers that say how good, how large, how fast or how often.

Found are decimals, numbers in front of a unit of merit (also those of a list or range that ends in
one), "n of m", in digits and in words, and in a sentence with one of these all other digits but
years, sizes such as 400-400-10 and what counts settings ("10 epochs").  Not looked at are code, the
targets of links, and the tables that a command writes between two comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .marks import WORDS, blanked

__all__ = ["Figure", "figures", "plain"]

_UNITS = (
    "%", "per cent", "percent", "percentage points?", "points?", "°", "ms", "µs", "s", "minutes?",
    "hours?", "[µmn]J", "[µm]W", "[GM]B", "µJ s", "seeds?", "runs?", "trainings", "cores?",
    "times", "stray spikes?", "standard deviations?", "µ?mV", "µV",
)  # fmt: skip
_WORDS = "|".join(sorted((word for word in WORDS if word not in ("no", "none", "zero")), key=len))
_NUMBER = (
    rf"(?:(?:(?<![^\s(|±…~])[+-]|(?<![\w.]))[\d#](?:[\d,#]*[\d#])?(?:\.[\d#]+)?|\b(?:{_WORDS})\b)"
)
_AND = r"(?:\s*(?:,|–|-|…|/|±|\bto\b|\band\b|\bor\b|\bagainst\b|\()\s*)+"
_LIST = rf"{_NUMBER}(?:{_AND}{_NUMBER})*"
_MERIT = re.compile(
    rf"(?P<unit>{_LIST}\)?\s*(?:(?:different|finished|other|more)\s+)?"
    rf"(?:{'|'.join(_UNITS)})(?![\w]))"
    rf"|(?P<share>{_NUMBER}\s+of\s+(?:(?:the|a|an|all|every)\s+)?{_NUMBER}(?!\w))"
    r"|(?P<decimal>(?<![\w.#])[+-]?[\d#][\d,#]*\.[\d#]+(?![\w.]*\d))",
    re.IGNORECASE,
)
_EACH = re.compile(_NUMBER, re.IGNORECASE)
_DIGITS = re.compile(r"(?<![\w.#^])[+-]?[\d#](?:[\d,#]*[\d#])?(?![\w^])")
_SETTING = re.compile(
    r"\d+(?:-\d+){2,}"  # sizes of a network
    r"|(?:18|19|20)\d\d(?!\d|,\d)"  # years
    r"|\d[\d,]*\s+(?:\w+\s+)?"
    r"(?:epochs?|samples?|hidden units|bits?|layers?|pixels|phases?|inputs)\b"
)
_SENTENCE = re.compile(r".+?(?:[.!?:](?=\s+[A-Z*])|(?=\n\s*(?:[-*|]|\d\.) )|\n\s*\n|\Z)", re.DOTALL)
_MARKED = re.compile(r"((?:[+-]?\d[\d,]*(?:\.\d+)?|[A-Za-z]+))<!--=[\w/]+-->")
_GENERATED = re.compile(r"<!-- begin of .*?-->.*?<!-- end of .*?-->", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_TARGET = re.compile(r"\]\([^)\n]*\)|https?://\S+")


@dataclass(frozen=True)
class Figure:
    """One number that is not marked: its text, what it stands in, its line and place."""

    text: str
    within: str
    line: int
    start: int
    end: int


def plain(page: str) -> str:
    """Return the prose of a page, line by line; digits of marked numbers are '#'."""
    text = blanked(page)
    text = _GENERATED.sub(_lines, text)
    text = _MARKED.sub(lambda found: "#" * len(found[1]), text)
    return _TARGET.sub("]", _COMMENT.sub(_lines, text))


def figures(prose: str) -> Iterator[Figure]:
    """Yield the figures of merit of a prose (as `plain` returns it) that are not marked."""
    for sentence in _SENTENCE.finditer(prose):
        found: dict[tuple[int, int], str] = {}
        for merit in _MERIT.finditer(prose, *sentence.span()):
            for number in _EACH.finditer(prose, *merit.span()):
                found[number.span()] = merit[0]
        if found:
            found |= {span: sentence[0] for span in _others(prose, sentence.span(), found)}
        for (start, end), within in sorted(found.items()):
            if "#" not in prose[start:end]:
                line = prose.count("\n", 0, start) + 1
                yield Figure(prose[start:end], " ".join(within.split())[:60], line, start, end)


def _others(
    prose: str, sentence: tuple[int, int], known: Mapping[tuple[int, int], str]
) -> Iterator[tuple[int, int]]:
    settings = [found.span() for found in _SETTING.finditer(prose, *sentence)]
    for number in _DIGITS.finditer(prose, *sentence):
        start, end = number.span()
        if not any(low <= start < high for low, high in (*known, *settings)):
            yield start, end


def _lines(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")
