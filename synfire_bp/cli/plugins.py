"""The command `plugins`: what is loaded from outside, and what could not be."""

from __future__ import annotations

import json
from typing import Any

from synfire_bp.cli.options import AsJson, Plugins
from synfire_bp.cli.tables import print_table
from synfire_bp.registry import added_by
from synfire_bp.registry import plugins as loaded_plugins

__all__ = ["plugins"]


def plugins(plugins: Plugins = None, as_json: AsJson = False) -> None:
    """List the loaded plug-ins and what each adds."""
    from synfire_bp.model.plugins import broken_plugins

    found: list[dict[str, Any]] = [
        {
            "name": one.name,
            "version": one.version,
            "module": one.module,
            "file": one.file,
            "adds": added_by(one.name),
        }
        for one in loaded_plugins()
    ]
    broken = [
        {"name": one.name, "version": one.version, "module": one.module, "broken": one.why}
        for one in broken_plugins()
    ]
    if as_json:
        print(json.dumps(found + broken, indent=1))
        return
    if not found and not broken:
        print("no plug-in is loaded; docs/extending.md explains how to write one")
        return
    rows = [(one["name"], one["version"] or "-", _said(one["adds"]), one["file"]) for one in found]
    if rows:
        print_table("", ("plug-in", "version", "adds", "from"), rows, left=4)
    for one in broken:
        print(f"BROKEN {one['name']} {one['version'] or ''}: {one['broken']}")


def _said(adds: dict[str, list[str]]) -> str:
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in adds.items())
