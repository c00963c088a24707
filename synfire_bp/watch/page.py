"""The page: markup, style, script and data in one file of HTML that asks for nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from typing import Any

__all__ = ["LARGEST_PAGE", "page_bytes"]

LARGEST_PAGE = 8_000_000
"""No larger page is written, bytes."""

_PLACE = re.compile(r"\{\{(\w+)\}\}")


def page_bytes(about: Mapping[str, Any], title: str) -> bytes:
    """Return the page.

    Parameters
    ----------
    about : mapping
        What it shows: what JSON can hold.
    title : str
        Of the page.
    """
    parts = {
        "title": escape(title),
        "style": _template("watch.css"),
        "script": _template("watch.js"),
        "data": _json(about),
    }
    return _PLACE.sub(lambda place: parts[place[1]], _template("watch.html")).encode()


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _json(about: Mapping[str, Any]) -> str:
    """Return data as JSON that no browser takes for the end of the script, or for markup."""
    text = json.dumps(about, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
