"""What is wrong with a model file, in words: place, fault, and what would be right."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from synfire_bp.errors import ExperimentError, to_caller
from synfire_bp.model.base import BASE, Origin
from synfire_bp.model.library import absolute
from synfire_bp.model.sections import LAYERS, DatasetSection
from synfire_bp.model.yaml_text import (
    Place,
    cut_short,
    list_entry,
    nearest,
    read_value,
    right,
    shown,
)
from synfire_bp.variants import VARIANTS

__all__ = ["checked", "known_keys", "section_of"]

T = TypeVar("T", bound=BaseModel)

_TOLD = 10
"""Problems of a file that a message has room for."""

_STEP = "; how far a weight moves is the factor in learning.rule"
_MEANT = dict.fromkeys(("eta", "lr", "rate", "learning_rate", "step", "step_size"), _STEP)
"""What is looked for under names that stand for no key."""


def checked(
    root: type[T],
    values: dict,
    origin: Origin,
    problems: list[str],
    overrides: Sequence[str],
) -> T:
    """Apply overrides, validate, and raise one ExperimentError that lists every problem."""
    overridden: dict[Place, str] = {}
    problems = list(problems)
    if isinstance(overrides, str):
        raise ExperimentError(
            f"overrides are the text {overrides!r:.60}; give a list of such texts"
        )
    for text in overrides:
        try:
            place = _override(root, values, text)
        except ExperimentError as error:
            problems.append(str(error))
        else:
            overridden[place] = cut_short(text)
    try:
        experiment = root.model_validate(values)
    except ValidationError as error:
        for place, what in dict(islice(_explained(root, error), _TOLD)).items():  # a place once
            by = next((text for at, text in overridden.items() if _sets(at, place, origin)), None)
            where = f"override '{by}'" if by else origin.where(place)
            cure = "" if by else origin.cure(place, what)
            problems.append(f"{where}: {_dotted(place)}: {what}{cure}")
        if (more := error.error_count() - _TOLD) > 0:
            problems.append(f"and {more:,} more")
        raise ExperimentError("\n".join(problems)) from None
    if problems:
        raise ExperimentError("\n".join(problems))
    return experiment


def _override(root: type[BaseModel], values: dict, text: str) -> Place:
    """Set one value; return its place."""
    key, equals, value = text.partition("=")
    text = cut_short(text)
    place = tuple(key.strip().split("."))
    if not equals or not all(place):
        raise ExperimentError(
            f"override '{text}': must be a dotted key, '=' and a value, such as training.seed=3"
        )
    try:
        new = read_value(value)
    except ExperimentError as error:
        raise ExperimentError(f"override '{text}': {error}") from None
    section = values
    *sections, last = place
    for depth, part in enumerate(sections, 1):
        if part in VARIANTS and not isinstance(given := section.get(part), dict):
            kind = VARIANTS[part]
            if given is None or kind.word is not None:
                section[part] = {} if given is None else kind.of_word(given)
        if depth > 1 and section.get(part) is None and section_of(root, place[:depth]):
            section[part] = {}  # inside of a section, one that was left out
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            inner = f"{part}: holds {shown(section)}, and no keys"
            raise ExperimentError(f"override '{text}': {inner}; known keys are {known_keys(root)}")
    if (entry := list_entry(last)) is not None:
        name, number = entry
        entries = section.get(name)
        if not isinstance(entries, list) or number >= len(entries):
            n = len(entries) if isinstance(entries, list) else 0
            inner = f"{'.'.join([*sections, name])}: has {n} entries to choose from, counted from 0"
            raise ExperimentError(f"override '{text}': {inner}")
        entries[number] = new
        return (*sections, name, f"[{number}]")
    section[last] = absolute(new, os.getcwd()) if place == ("dataset", "path") else new
    return place


def _sets(at: Place, place: Place, origin: Origin) -> bool:
    """Whether an override of `at` is why there is something at `place`."""
    return place[: len(at)] == at or (place not in origin and at[: len(place)] == place)


def _explained(root: type[BaseModel], error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield the place of every problem, and what is wrong there and what would be right."""
    for problem in error.errors(include_url=False):
        kind, loc, given = problem["type"], problem["loc"], problem["input"]
        context = problem.get("ctx", {})
        if loc[:2] == ("network", "sizes") and kind in ("missing", "too_short", "tuple_type"):
            loc, kind, given = loc[:2], "sizes", _plain_input(given)
            if isinstance(given, list) and len(given) >= LAYERS:
                continue  # long enough, but for the sizes that are reported as such
        place = tuple(f"[{part}]" if isinstance(part, int) else part for part in loc)
        if kind in ("extra_forbidden", "invalid_key"):
            place = tuple(str(part) for part in loc)
            what = _unknown(root, place)
        elif kind == "missing":
            what = f"is missing; {_field(root, place)}"
        elif kind == "value_error":
            what = str(context["error"])
        elif kind == "sizes":
            what = (
                f"is {shown(given)}, but must be a list of three sizes or more, such as "
                "[400, 400, 10]"
            )
        elif kind == "literal_error":
            section = section_of(root, place[:-1]) or DatasetSection
            options = get_args(section.model_fields[place[-1]].annotation)
            hint = nearest(given, options) if isinstance(given, str) else ""
            what = f"is {shown(given)}{hint}; must be one of {', '.join(options)}"
        else:
            what = f"is {shown(given)}, but must be {right(kind, context, problem['msg'])}"
        yield place, what


def _plain_input(given: Any) -> Any:
    return list(given) if isinstance(given, (list, tuple, set)) else given


def section_of(root: type[BaseModel], place: Place) -> type[BaseModel] | None:
    """Return the model of a section; None if there is none of that name."""
    model: Any = root
    for part in place:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field else None
        parts = (annotation, *get_args(annotation))  # a section may be optional
        model = next((p for p in parts if isinstance(p, type) and issubclass(p, BaseModel)), None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def known_keys(root: type[BaseModel], place: Place = ()) -> str:
    """Return the keys of a section, of the whole file if none is named."""
    model = section_of(root, place)
    return ", ".join(model.model_fields) if model else ""


def _unknown(root: type[BaseModel], place: Place) -> str:
    """Say that a key is unknown, which one is nearest, and which there are."""
    if place == (BASE,):
        return "is allowed only in model files; train a model file that has this base"
    *section, key = place
    model = section_of(root, tuple(section)) or root
    known = [*model.model_fields] if section else [BASE, *model.model_fields]
    elsewhere = _keys_of_sections(root)
    if not section:
        elsewhere.pop("name", None)
    # the whole file is no section: what a section has by just that name is meant before a like one
    here = [] if not section and key in elsewhere else known
    meant = _MEANT.get(key.lower())
    hint = meant or _nearest_key(key, here, elsewhere)
    plugin = ""
    if not section and not meant and key not in elsewhere and not nearest(key, here):
        load = to_caller("--plugin", "sb.load_plugin")
        plugin = f"; if it is a section of a plug-in, load that with {load}"
    of = f" of {'.'.join(section)}" if section else ""
    return f"unknown key{hint}; known keys{of}: {', '.join(known)}{plugin}"


def _nearest_key(key: str, known: Sequence[str], elsewhere: dict[str, str]) -> str:
    """Return the question after the key that was meant: of this section first, then of others."""
    here = nearest(key, known)
    if not here:
        return nearest(key, elsewhere, elsewhere)
    return here.replace("?", f", or {elsewhere[key]}?") if key in elsewhere else here


def _keys_of_sections(model: type[BaseModel], place: Place = ()) -> dict[str, str]:
    """Return the keys of all sections, and where each is: the outermost, then the first one."""
    inner = {
        name: section
        for name in reversed(model.model_fields)
        if (section := section_of(model, (name,))) is not None
    }
    found: dict[str, str] = {}
    for name, section in inner.items():
        found |= _keys_of_sections(section, (*place, name))
    for name, section in inner.items():
        found |= {key: ".".join((*place, name, key)) for key in section.model_fields}
    return found


def _field(root: type[BaseModel], place: Place) -> str:
    """Return what a missing entry should say."""
    model, section = section_of(root, place[:-1]), section_of(root, place)
    if section:
        return f"a section with the keys {', '.join(section.model_fields)}"
    return (model and model.model_fields[place[-1]].description) or ""


def _dotted(place: Place) -> str:
    return ".".join(place).replace(".[", "[")
