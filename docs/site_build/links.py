"""Are the links within a built site whole?  `python -m site_build.links FOLDER`.

Every `href` and `src` of every page must lead to a file of the site, and every anchor to an id of
its page.  Addresses of other sites are left to `make linkcheck`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["broken", "main"]

_ADDRESSES = {"href", "src", "poster", "data"}


class _Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.anchors.add(value)
            elif name in _ADDRESSES:
                self.links.append(value)


def broken(site: Path) -> Iterator[str]:
    """Yield a line for each link that leads nowhere.

    Parameters
    ----------
    site : Path
        The folder of the built site.
    """
    files = [file for file in site.rglob("*.html") if "_static" not in file.parts]  # of the theme
    pages = {file.resolve(): _Page(file.read_text(encoding="utf-8")) for file in files}
    for file, page in sorted(pages.items()):
        for link in dict.fromkeys(page.links):
            if (why := _why_broken(link, file, pages)) is not None:
                yield f"{file.relative_to(site.resolve())}: {link}: {why}"


def _why_broken(link: str, file: Path, pages: dict[Path, _Page]) -> str | None:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if not target.exists():
        return "no such file"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return "no such place in that page"
    return None


def main(site: Path) -> int:
    """Print what is broken; return the exit status."""
    if not (site / "index.html").is_file():
        print(f"{site}: holds no site; make docs builds one", file=sys.stderr)
        return 1
    found = list(broken(site))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
