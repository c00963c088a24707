"""`base: mnist` in a model file: the file says only what differs from another model.

A base is a shipped model or a file, and may have a base itself.  Sections merge key by key, any
other value (a list, too) replaces the base's, and null removes it; name and description are never
inherited.  What comes out is a whole model, and an `Origin`, which knows the file and line of each
of its values, so that a message names the place where a value was written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from synfire_bp.errors import ExperimentError
from synfire_bp.model.library import (
    absolute,
    find_model,
    list_models,
    nearest_model,
    read_text,
    shipped_models,
)
from synfire_bp.model.yaml_text import Place, read_yaml, shown

__all__ = ["BASE", "Origin", "allow_base", "read_model", "whole"]

BASE = "base"
"""The key that names the base; it stands in model files alone, never in an `Experiment`."""

_NEVER_INHERITED = ("name", "description")
_NOTHING = object()


@dataclass(frozen=True)
class Origin:
    """Where the values of a model were written.

    Attributes
    ----------
    source : str
        The model file.
    own : mapping
        Place to "file:line" of what stands in this file.
    inherited : mapping
        The same of what a base gives and this file does not.
    """

    source: str
    own: Mapping[Place, str] = field(default_factory=dict)
    inherited: Mapping[Place, str] = field(default_factory=dict)

    def __contains__(self, place: Place) -> bool:
        return place in self.own or place in self.inherited

    def where(self, place: Place) -> str:
        """Return file and line of a value, or of the section that it should stand in."""
        known = self._nearest(place)
        return self.own.get(known) or self.inherited.get(known, self.source)

    def cure(self, place: Place, what: str) -> str:
        """Return what the file can do about a problem that comes from its base, if it does."""
        place = tuple(part for part in place if not part.startswith("["))  # not one of a list
        if place in self.inherited:
            return f"; inherited by {self.source}, which may replace it, or remove it by null"
        if self._nearest(place) in self.inherited:
            return f"; {self.source} inherits the section, and may set {'.'.join(place)}"
        if what.startswith("unknown key"):
            return ""
        for other in self.inherited:  # own, but in conflict with what the base gives
            dotted, alone = ".".join(other), len(other) == 1
            named = rf"'{dotted}'|\bor {dotted}$" if alone else rf"\b{re.escape(dotted)}\b"
            if re.search(named, what):
                cure = f", '{dotted}: null' removes it" if alone else ""
                return f"; {dotted} is inherited from {self.inherited[other]}{cure}"
        return ""

    def _nearest(self, place: Place) -> Place:
        """Return the place itself, or the innermost one around it that is known."""
        around = (place[:n] for n in range(len(place), 0, -1))
        return next((known for known in around if known in self), ())


def read_model(
    text: str, source: str, known: str, words: Mapping[str, str], folder: str | Path | None = None
) -> tuple[dict, Origin, list[str]]:
    """Read a model file and its bases.

    Parameters
    ----------
    text : str
        YAML.
    source : str
        Name of the text in messages.
    known : str
        Keys that there may be, for messages.
    words : mapping
        Section that may be written as one word, to the key that the word is the value of.
    folder : path, optional
        What paths are relative to.  Without it the path of a data set stays as it is, and a base
        is a shipped model or an absolute path.

    Returns
    -------
    tuple
        The values of the whole model, their origin, and the problems (keys given twice).

    Raises
    ------
    ExperimentError
        If a text is no YAML; if a base is missing, no model file, or based on this one.
    """
    values, origin, problems = _read(text, source, known, folder)
    return whole(values, origin, problems, known, words, folder)


def whole(
    values: dict,
    origin: Origin,
    problems: list[str],
    known: str,
    words: Mapping[str, str],
    folder: str | Path | None = None,
) -> tuple[dict, Origin, list[str]]:
    """Lay the values of a model over those of its base, if it has one; see `read_model`."""
    layers = [(values, origin)]
    trail = [] if folder is None else [Path(origin.source)]
    while BASE in values:
        named = f"{origin.where((BASE,))}: {BASE}"
        try:
            file = _file(values.pop(BASE), folder, trail)
            text = read_text(file)
        except ExperimentError as error:
            raise ExperimentError("\n".join([*problems, f"{named}: {error}"])) from None
        folder = file.parent
        values, origin, more = _read(text, str(file), known, folder)
        if {"model", "design"} <= values.keys():
            what = f"{file} is a sweep file, not a model file; give a model, such as the sweep's: "
            raise ExperimentError("\n".join([*problems, f"{named}: {what}{values['model']}"]))
        problems = [*problems, *more]
        layers.append((values, origin))
        trail.append(file)
    while len(layers) > 1:
        base = layers.pop()
        layers.append(_laid_over(*base, *layers.pop(), words))
    return (*layers[0], problems)


_parsed = lru_cache(maxsize=32)(read_yaml)
"""Many models have one base: it is parsed once."""


def _read(
    text: str, source: str, known: str, folder: str | Path | None
) -> tuple[dict, Origin, list[str]]:
    values, lines, problems = _parsed(text, source, known)
    values = deepcopy(values)
    dataset = values.get("dataset")
    if folder is not None and isinstance(dataset, dict) and "path" in dataset:
        dataset["path"] = absolute(dataset["path"], folder)
    places = {place: f"{source}:{line}" for place, line in lines.items()}
    return values, Origin(source, places), problems


def _file(named: Any, folder: str | Path | None, trail: Sequence[Path]) -> Path:
    """Return the file of a base, which must not be one that led to it."""
    if not isinstance(named, str) or not named:
        raise ExperimentError(
            f"is {shown(named)}, but must be text: the name of a shipped model, such as mnist, or "
            "the path of a model file, relative to this one"
        )
    if folder is None and named not in shipped_models() and not os.path.isabs(named):
        raise ExperimentError(
            f"{named}: is not a shipped model{nearest_model(named)}; a model given as text "
            "has no folder to look in: give the name of a shipped model or an absolute path"
        )
    file = find_model(named, folder or "")
    behind = [known.resolve() for known in trail]
    if file.resolve() in behind:
        circle = [*trail[behind.index(file.resolve()) :], file]
        raise ExperimentError(
            f"the bases form a circle, {' -> '.join(map(str, circle))}; remove one of them"
        )
    return file


def _laid_over(
    below: dict, base: Origin, above: dict, own: Origin, words: Mapping[str, str]
) -> tuple[dict, Origin]:
    """Return the values of a model and of its base as those of one whole model."""
    places = {**base.inherited, **base.own}
    for section, key in words.items():
        if isinstance(below.get(section), str) and isinstance(above.get(section), dict):
            below = below | {section: {key: below[section]}}  # one word alone
            places[section, key] = places[(section,)]
    below = {key: value for key, value in below.items() if key not in _NEVER_INHERITED}
    values = _merged(below, above)
    inherited = {
        place: where
        for place, where in places.items()
        if place not in own and place[0] not in _NEVER_INHERITED and _holds(values, place)
    }
    return values, Origin(own.source, own.own, inherited)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged


def _holds(values: Any, place: Place) -> bool:
    """Whether there is a value at a place."""
    for part in place:
        if not isinstance(values, dict):
            return False
        values = {str(key): value for key, value in values.items()}.get(part, _NOTHING)
    return values is not _NOTHING


def allow_base(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a whole model file as one that lets a base say the rest."""
    needed, properties = schema["required"], dict(schema["properties"])
    definitions, whole_sections = dict(schema["$defs"]), {}
    for name, entry in properties.items():
        section = definitions.get(entry.get("$ref", "").removeprefix("#/$defs/"))
        if section is None:
            continue  # no section, or one that may be null as it is
        whole_sections[name] = {"type": "object", "required": section.get("required", [])}
        definitions[entry["$ref"].removeprefix("#/$defs/")] = {
            key: value for key, value in section.items() if key != "required"
        }
        if name not in needed:
            reference = {"$ref": entry["$ref"]}
            rest = {key: value for key, value in entry.items() if key != "$ref"}
            properties[name] = {"anyOf": [reference, {"type": "null"}], **rest}
    base = {
        "anyOf": [{"enum": list(list_models())}, {"type": "string"}],
        "description": "Model on which this one is based: the name of a shipped model, or a path "
        "relative to this file. Entries not given here are taken from it.",
    }
    return schema | {
        "$defs": definitions,
        "properties": {BASE: base, **properties},
        "required": ["name"],
        "if": {"required": [BASE]},
        "else": {
            "required": [name for name in needed if name != "name"],
            "properties": whole_sections,
        },
    }
