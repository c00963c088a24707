"""Links of pages that are read on GitHub too, and pages that are files of the repository.

In a page, a relative link leads to a file of the clone.  On the site

    another page                      is that page
    README.md, CONTRIBUTING.md, …     is the page that shows it (below)
    any other file                    is a copy of it, to read or to keep
    a folder                          is no link: the text stays
    an href of raw HTML               is a page that stands on the site as it is

A page with the line `<!-- the site shows ../../FILE here -->` becomes that file; with
`<!-- the site shows ../../FILE#heading here -->` it holds that section, without its heading.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

__all__ = ["COPIED", "SHOWN_BY", "on_site", "relinked", "section"]

SHOWN_BY = {
    "README.md": "index.md",
    "README.md#how-the-code-is-organised": "project/code.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "CITATION.cff": "project/citing.md",
    "figures/report.html": "project/report.md",
}
"""Files of the repository, or places in them, to the pages that show them."""

COPIED = {"figures/report.html": "report.html"}
"""Pages of the repository that stand on the site as they are, and where; see `html_extra_path`."""

_HREF = re.compile(r'href="([^":#]+)"')
_SHOWN = re.compile(r"^<!-- the site shows (\S+?)(?:#(\S+))? here -->$", re.MULTILINE)
_FENCE = re.compile(r"^(`{3,}|~{3,}).*?^\1`*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\((?!https?:|mailto:|#|<)([^)\s]+)\)")


def on_site(app: Any, document: str, source: list[str]) -> None:
    """Replace the text of a Markdown page by what the site shows (an event of Sphinx)."""
    docs = Path(app.srcdir)
    page = Path(app.env.doc2path(document))
    if page.suffix != ".md":
        return
    found = _SHOWN.search(source[0])
    if found is None:
        source[0] = relinked(source[0], page.parent, page, docs)
        return
    file = (page.parent / found[1]).resolve()
    app.env.note_dependency(str(file))
    text = file.read_text(encoding="utf-8")
    if found[2]:
        text = section(text, found[2])
        text = source[0][: found.start()] + text + source[0][found.end() :]
    source[0] = relinked(text, file.parent, page, docs)


def section(text: str, anchor: str) -> str:
    """Return a section of a page, without its heading.

    Raises
    ------
    ValueError
        If there is no such heading.
    """
    for found in re.finditer(r"^(#+) (.+)$", text, re.MULTILINE):
        if _anchor(found[2]) == anchor:
            rest = text[found.end() :]
            end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
            return rest[: end.start()] if end else rest
    raise ValueError(f"no heading has the anchor '{anchor}'")


def relinked(text: str, folder: Path, page: Path, docs: Path) -> str:
    """Return the text of a page with links that hold on the site.

    Parameters
    ----------
    text : str
        Markdown.
    folder : Path
        What links are relative to.
    page : Path
        The page of the site that shows it.
    docs : Path
        The folder of the pages.
    """
    parts, at = [], 0
    for fence in _FENCE.finditer(text):  # code stays as it is
        parts += [_in_prose(text[at : fence.start()], folder, page, docs), fence[0]]
        at = fence.end()
    return "".join([*parts, _in_prose(text[at:], folder, page, docs)])


def _in_prose(text: str, folder: Path, page: Path, docs: Path) -> str:
    def link(found: re.Match[str]) -> str:
        path, _, anchor = found[2].partition("#")
        target = Path(os.path.normpath(folder / path))
        if target.is_dir():
            return found[1]
        name = target.relative_to(docs.parent).as_posix()
        anchor = f"#{anchor}" if anchor else ""
        if name + anchor in SHOWN_BY:
            target, anchor = docs / SHOWN_BY[name + anchor], ""
        elif name in SHOWN_BY:
            target = docs / SHOWN_BY[name]
        return f"[{found[1]}]({os.path.relpath(target, page.parent)}{anchor})"

    def href(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / found[1]))
        copy = COPIED.get(os.path.relpath(target, docs.parent))
        return f'href="{os.path.relpath(docs / copy, page.parent)}"' if copy else found[0]

    return _HREF.sub(href, _LINK.sub(link, text))


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
