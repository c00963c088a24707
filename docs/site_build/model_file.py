"""The reference of model files, made of the schema: meaning, unit, range, default of each key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synfire_bp.model.experiment import json_schema

from .followed import Followed
from .pages import escaped, heading, indented

__all__ = ["page"]

Schema = Mapping[str, Any]

_BOUNDS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "up to {}",
    "exclusiveMaximum": "below {}",
    "multipleOf": "in steps of {}",
}
_LARGEST = 1e15
"""Bounds beyond this are those of the machine, and say nothing."""

_KINDS = {"integer": "whole number", "number": "number", "boolean": "true or false",
          "string": "text", "array": "list"}  # fmt: skip

_FOLLOWED = {
    True: "follows",
    False: "does not follow",
    None: "follows some values, not others",
}


def page() -> Iterator[str]:
    """Yield the lines of the page: a section for each section of a model file."""
    schema, followed = json_schema(), Followed()
    yield from heading("Model files")
    yield from (
        "A model file is YAML. ``synfire-bp schema`` writes what follows as a JSON schema, for",
        "editors that complete as you type; ``--set SECTION.KEY=VALUE`` changes an entry on the",
        "command line. A key with a default may be left out. The engine ``circuit`` follows every",
        "key; which of them the algorithm in integers (``oracle``) follows was tried when this",
        "page was made.",
        "",
    )
    plain = {k: v for k, v in schema["properties"].items() if not _section(v)}
    yield from _keys("", plain, schema, followed)
    for name, about in schema["properties"].items():
        if name not in plain:
            yield from _part(name, about, schema, followed, 1)


def _part(
    path: str, about: Schema, schema: Schema, followed: Followed, level: int
) -> Iterator[str]:
    """Yield a section of the page, and those of its own sections."""
    keys = schema["$defs"][_section(about)]["properties"]
    yield from (f".. _model-{path.replace('.', '-')}:", "")
    yield from heading(path, level)
    yield from (escaped(about["description"]), "")
    if words := [word for one in about.get("anyOf", ()) for word in one.get("enum", ())]:
        yield from (f"May be one word: {', '.join(f'``{word}``' for word in words)}.", "")
    yield from _keys(path, {k: v for k, v in keys.items() if not _section(v)}, schema, followed)
    inner = {k: v for k, v in keys.items() if _section(v)}
    alike = {_section(v) for v in inner.values()}
    for name, own in inner.items():
        if len(alike) == 1 < len(inner) and name != next(iter(inner)):  # the same keys once
            continue
        yield from _part(f"{path}.{name}", own, schema, followed, level + 1)
        if len(alike) == 1 < len(inner):
            yield from (f"The same for {', '.join(list(inner)[1:])}.", "")


def _keys(path: str, keys: Schema, schema: Schema, followed: Followed) -> Iterator[str]:
    for name, about in keys.items():
        whole = f"{path}.{name}" if path else name
        yield from (f".. confval:: {whole}", f"   :type: {_kind(about)}")
        if "default" in about:
            yield f"   :default: ``{_shown(about['default'])}``"
        yield ""
        yield from indented([escaped(" ".join(about["description"].split())), ""])
        if path:
            follows, reasons = followed.verdict(whole, about)
            if follows is not None or reasons:
                why = f": {escaped(reasons[0])}" if reasons else ""
                yield from indented([f"*Oracle*: {_FOLLOWED[follows]}{why}.", ""])


def _kind(about: Schema) -> str:
    """Return the kind of value, with unit and range."""
    if "enum" in about or "const" in about:
        return ", ".join(f"``{one}``" for one in about.get("enum", [about.get("const")]))
    options = about.get("anyOf", [about])
    if any("enum" in one for one in options):
        return "text"
    known = [one for one in options if one.get("type") in _KINDS]
    told = [_KINDS[one["type"]] for one in known]
    parts = [" or ".join(told)]
    if "unit" in about:
        parts.append(about["unit"])
    parts += [text for one in known for text in _range(one.get("items", one))]
    if {"type": "null"} in options:
        parts.append("or null")
    return escaped(", ".join(parts))


def _range(about: Schema) -> Iterator[str]:
    for key, text in _BOUNDS.items():
        if abs(bound := about.get(key, _LARGEST)) < _LARGEST:
            yield text.format(f"{bound:,}" if isinstance(bound, int) else f"{bound:g}")


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value) if value != "" else "''"


def _section(about: Schema) -> str:
    """Return the name of the schema of a section; empty if this is no section."""
    for one in (about, *about.get("anyOf", ())):
        if "$ref" in one:
            return str(one["$ref"].rpartition("/")[2])
    return ""
