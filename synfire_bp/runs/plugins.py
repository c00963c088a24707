"""The plug-ins of a run: which ones its model uses, and whether they are here when it is read.

Their versions decide the bits of a training as those of this package do, so a run is tested and
gone on with only where the same ones are loaded.  Its numbers can be read anywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synfire_bp.errors import PluginError, another_out
from synfire_bp.files import quoted
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.plugins import how_to_load
from synfire_bp.registry import Plugin, plain, plugin_of, plugins, script_of
from synfire_bp.runs.provenance import stored_provenance
from synfire_bp.variants import VARIANTS

__all__ = [
    "plugins_of",
    "refuse_missing_plugins",
    "refuse_other_plugins",
    "stored_plugins",
    "used_plugins",
]


def plugins_of(experiment: Experiment, engine: str) -> list[dict[str, str | None]]:
    """Return what provenance.json says of the plug-ins that a training uses or requires."""
    return [
        {
            "name": one.name,
            "version": one.version,
            "module": one.module,
            "file": one.file,
            "distribution": one.distribution,
            "sha256": one.digest() if one.file else None,
        }
        for one in used_plugins(experiment, engine)
    ]


def used_plugins(experiment: Experiment, engine: str) -> tuple[Plugin, ...]:
    """Return the plug-ins, and scripts, of what a training uses or requires."""
    return tuple(dict.fromkeys(_used(experiment, engine)))


def _used(experiment: Experiment, engine: str) -> Iterator[Plugin]:
    named = [("variant", name) for name in VARIANTS if getattr(experiment, name, None) is not None]
    named += [("data set", experiment.dataset.name), ("engine", engine)]
    named.append(("rule", experiment.learning.rule.strip()))
    for kind, name in named:
        if (plugin := plugin_of(kind, name)) is not None:
            yield plugin
    from packaging.requirements import Requirement

    required = {plain(Requirement(text).name) for text in experiment.requires}
    yield from (plugin for plugin in plugins() if plugin.names & required)


def stored_plugins(path: Path) -> list[dict[str, Any]]:
    """Return what a run's provenance.json says of its plug-ins; nothing if it says nothing."""
    stored = stored_provenance(path).get("plugins", [])
    return [one for one in stored if isinstance(one, dict) and "name" in one]


def refuse_missing_plugins(path: Path) -> None:
    """Refuse to read the model of a run whose plug-ins are not loaded; warn of another version.

    Raises
    ------
    PluginError
        It names plug-in and version, how to get it, and what can be read without it.
    """
    for stored, loaded in _found(path):
        if why := _differs(stored, loaded):
            warnings.warn(f"{path}: {why}", UserWarning, stacklevel=3)


def refuse_other_plugins(path: Path) -> None:
    """Refuse to go on with, or to test, a run whose plug-ins are others now.

    Raises
    ------
    PluginError
        If one is missing, or of another version; it names both versions and the cure.
    """
    for stored, loaded in _found(path):
        if why := _differs(stored, loaded):
            raise PluginError(
                f"{path}: {why}. With other code a training ends with other bits: {_cure(stored)}, "
                f"or train again: {another_out()}"
            )


def _found(path: Path) -> list[tuple[dict[str, Any], Plugin]]:
    """Return what a run says of its plug-ins beside what is loaded, or say which one is not."""
    found = []
    for stored in stored_plugins(path):
        loaded = _loaded(stored)
        if loaded is None:
            raise PluginError(
                f"{path}: was trained with the plug-in {_said(stored)}, which is not loaded; "
                f"{_cure(stored)}. Without it, its model cannot be rebuilt, tested or trained on; "
                "its metrics, weights and provenance can still be read"
            )
        found.append((stored, loaded))
    return found


def _loaded(stored: Mapping[str, Any]) -> Plugin | None:
    """Return the plug-in that a run names, or the script that registered its things."""
    name, module = str(stored["name"]), str(stored.get("module"))
    found = (one for one in plugins() if one.name == name or one.module == module)
    return next(found, None) or script_of(module)


def _differs(stored: Mapping[str, Any], loaded: Plugin) -> str | None:
    """Return in words that a plug-in is another one than the run's; None if it is the same."""
    if stored.get("version") != loaded.version:
        return f"was trained with the plug-in {_said(stored)}, but loaded is {loaded}"
    before = stored.get("sha256")
    if loaded.version is None and before and loaded.file and before != loaded.digest():
        return (
            f"was trained with the plug-in {_said(stored)}, whose code in {loaded.file} was "
            "changed since (it has no version; give it a __version__)"
        )
    return None


def _said(stored: Mapping[str, Any]) -> str:
    version = stored.get("version")
    return f"'{stored['name']}'" + (f" {version}" if version else "")


def _cure(stored: Mapping[str, Any]) -> str:
    name, version = stored.get("distribution"), stored.get("version")
    if name:
        asked = f"{name}=={version}" if version else str(name)
        return f"install it: pip install {quoted(asked)}"
    named = str(stored.get("file") or stored["module"])
    if named == "__main__":
        return "define it as it was then, in this session"
    return f"load it as it was then: {how_to_load(named)}"
