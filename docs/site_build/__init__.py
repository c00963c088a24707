"""What the site needs beyond Sphinx and its extensions; a Sphinx extension itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import api, command_line, live, model_file, names, repository
from .pages import write

__all__ = ["setup"]

_PAGES = {
    "api/index.rst": api.page,
    "command_line.rst": command_line.page,
    "model_file.rst": model_file.page,
}
"""Pages that are made of the package itself, in docs/generated."""


def setup(app: Any) -> dict[str, Any]:
    """Tell Sphinx what to call, and when."""
    app.connect("config-inited", _write_pages)
    app.connect("source-read", repository.on_site)
    app.connect("build-finished", live.copy)
    app.connect("missing-reference", names.left_as_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Any, _: Any) -> None:
    folder = Path(app.srcdir) / "generated"
    for page in (folder / "api").glob("*.rst"):
        if page.stem.rpartition(".")[2] not in api.public_names():  # gone since the last build
            page.unlink()
    made_from = max(file.stat().st_mtime for file in _sources(Path(app.srcdir).parent))
    for name, lines in _PAGES.items():
        file = folder / name
        if not file.exists() or file.stat().st_mtime < made_from:
            write(file, lines())
            file.touch()
    live.make(folder, made_from)
    for name in api.public_modules():
        write(folder / "api" / f"synfire_bp.{name}.rst", api.module_page(name))


def _sources(clone: Path) -> Iterator[Path]:
    """Yield what the pages are made of."""
    yield from (clone / "synfire_bp").rglob("*.py")
    yield from (clone / "models").rglob("*.yaml")
    yield from (clone / "docs" / "site_build").glob("*.py")
