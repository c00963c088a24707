"""The reference of model files, made of their sections: one table of keys each."""

from __future__ import annotations

from collections.abc import Iterator

from .pages import heading

__all__ = ["page"]


def page() -> Iterator[str]:
    """Yield the lines of the page."""
    yield from heading("Model files")
