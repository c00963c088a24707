"""The pages with numbers: fill them in from the tables, and find what has no table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from synfire_bp.errors import SynfireError
from synfire_bp.files import reason, write_atomically

from . import merit
from .blocks import BLOCKS, Block
from .definitions import Fact, read_page
from .marks import Mark, blanked, filled, line_of, marks, misplaced, written
from .tables import Tables

__all__ = ["Prose"]

_BEGIN = re.compile(r"<!-- begin of .*?-->")


class Prose:
    """All pages of a clone.

    Parameters
    ----------
    root : Path
        The clone: with README.md, docs/ and figures/.
    blocks : sequence of Block
        The tables that pages hold.

    Raises
    ------
    SynfireError
        If a page or a file of numbers cannot be read.
    """

    def __init__(self, root: Path, blocks: tuple[Block, ...] = BLOCKS) -> None:
        self._root = root
        files = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
        self._files = {file.stem: file for file in files}
        self._texts = {name: _text(file) for name, file in self._files.items()}
        numbers = root / "docs" / "numbers"
        self._pages = {name: read_page(numbers / f"{name}.yaml") for name in self._files}
        self._tables = Tables(root / "figures", self._pages)
        self._blocks = blocks

    def fill(self) -> list[Path]:
        """Write every page whose numbers or tables differ from the committed ones; return these.

        A number that cannot be had stays as it is; `problems` tells of it.
        """
        changed = []
        for name, text in self._texts.items():
            new = filled(self._with_blocks(name), partial(self._written_or_kept, name))
            if new != text:
                write_atomically(self._files[name], new.encode())
                self._texts[name] = new
                changed.append(self._files[name])
        return changed

    def problems(self) -> list[str]:
        """Return a line for all that is not as it should be: differences, and what has no table."""
        found = [problem for name in self._texts for problem in self._of_page(name)]
        return found + list(self._unused())

    def _of_page(self, name: str) -> Iterator[str]:
        text = self._texts[name]
        for mark in marks(text):
            try:
                right = self._written(name, mark)
            except SynfireError as error:
                yield f"{self._at(name, mark.line)}: {error}"
                continue
            if right != mark.text:
                at = self._at(name, mark.line)
                yield f"{at}: {mark.name}: {mark.text} stands, {right} is right"
        for line in misplaced(text):
            yield f"{self._at(name, line)}: a mark must stand right behind a number, not in code"
        yield from self._blocks_of(name)
        yield from self._without_table(name)

    def _blocks_of(self, name: str) -> Iterator[str]:
        text = self._texts[name]
        known: set[str] = set()
        for block in self._blocks:
            if block.page == name and block.begin in text:
                known.add(block.begin)
                at = self._at(name, block.line(text))
                try:
                    if block.filled(text, self._root / "figures") != text:
                        yield f"{at}: the table differs from {block.source}"
                except SynfireError as error:
                    yield f"{at}: {error}"
        for found in _BEGIN.finditer(blanked(text)):
            if found[0] not in known:
                yield f"{self._at(name, line_of(text, found.start()))}: no block makes this table"

    def _without_table(self, name: str) -> Iterator[str]:
        prose = merit.plain(self._texts[name])
        allowed: list[tuple[int, int]] = []
        figures = list(merit.figures(prose))
        for fact in self._pages[name].facts:
            places = list(_places(fact, prose))
            if not any(_inside(figure, places) for figure in figures):
                yield f"docs/numbers/{name}.yaml: the page does not say '{fact.says}', or no figure"
            allowed += places
        for figure in figures:
            if not _inside(figure, allowed):
                yield f"{self._at(name, figure.line)}: no table: {figure.text} in '{figure.within}'"

    def _unused(self) -> Iterator[str]:
        used = {
            self._tables.place(name, mark.name)
            for name, text in self._texts.items()
            for mark in marks(text)
        }
        for name, page in self._pages.items():
            for definition in page.numbers.values():
                used |= {self._tables.place(name, other) for other in definition.others or ()}
        for name, page in self._pages.items():
            for number in page.numbers:
                if (name, number) not in used:
                    yield f"docs/numbers/{name}.yaml: {number}: stands in no page"

    def _written(self, page: str, mark: Mark) -> str:
        value = self._tables.number(page, mark.name)
        other, local = self._tables.place(page, mark.name)
        return written(value, mark.text, self._pages[other].numbers[local].rounded)

    def _written_or_kept(self, page: str, mark: Mark) -> str:
        try:
            return self._written(page, mark)
        except SynfireError:  # one of the problems
            return mark.text

    def _with_blocks(self, name: str) -> str:
        text = self._texts[name]
        for block in self._blocks:
            if block.page == name:
                with suppress(SynfireError):  # one of the problems
                    text = block.filled(text, self._root / "figures")
        return text

    def _at(self, name: str, line: int) -> str:
        return f"{self._files[name].relative_to(self._root)}:{line}"


def _places(fact: Fact, prose: str) -> Iterator[tuple[int, int]]:
    words = r"\s+".join(map(re.escape, fact.says.split()))
    for found in re.finditer(rf"(?<!\w){words}(?!\w)", prose):
        yield found.span()


def _inside(figure: merit.Figure, places: list[tuple[int, int]]) -> bool:
    return any(start <= figure.start and figure.end <= end for start, end in places)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise SynfireError(f"{file}: cannot be read: {reason(error)}") from None
