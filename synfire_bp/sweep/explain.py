"""Changes of a sweep file on the command line, and the words for what is wrong in it, and where."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from synfire_bp.errors import ExperimentError, SweepError
from synfire_bp.model.yaml_text import Place, cut_short, nearest, read_value, right, shown
from synfire_bp.section import LARGEST, Section

__all__ = ["first_line"]

_OWN = ("design", "seeds", "record", "parameters", "keep_going")


def first_line(text: str) -> str:
    """Return the first line of what somebody says, as far as a message has room for it."""
    return cut_short((text.splitlines() or [""])[0], longest=300)


def _override(values: dict, text: str) -> tuple[Place, str]:
    """Set an entry of the sweep, or fix one of the model; return its place and the override."""
    key, equals, given = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise SweepError(
            f"override '{text}': must be a key, '=' and a value, such as training.epochs=1"
        )
    try:
        value = read_value(given)
    except ExperimentError as error:
        raise SweepError(f"override '{text}': {error}") from None
    first, _, rest = key.partition(".")
    own = first in _OWN and not (first == "record" and rest)
    place = ((first, rest) if rest else (first,)) if own else ("fixed", key)
    section = values
    for part in place[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            raise SweepError(f"override '{text}': {part} holds {shown(section)}, and no keys")
    section[place[-1]] = value
    return place, text


def _where(
    source: str, place: Place, lines: Mapping[Place, int], changed: Sequence[tuple[Place, str]]
) -> str:
    """Name the place of a problem: the override that made it, or file, line and key."""
    dotted = ": ".join((place[0], ".".join(place[1:]))) if len(place) > 1 else place[0]
    for at, text in changed:
        if place[: len(at)] == at:
            return f"override '{text}'" if at[0] == "fixed" else f"override '{text}': {dotted}"
    known = (place[:n] for n in range(len(place), 0, -1) if place[:n] in lines)
    at_line = next((f":{lines[inside]}" for inside in known), "")
    return f"{source}{at_line}: {dotted}"


def _explained(
    error: ValidationError, whole: type[Section], parts: Mapping[str, type[Section]]
) -> Iterator[tuple[Place, str]]:
    """Yield the place of every problem, and what is wrong there and what would be right.

    `whole` is the section that the file is, `parts` are those in it, by their first key.
    """
    for problem in error.errors(include_url=False):
        kind, given, context = problem["type"], problem["input"], problem.get("ctx", {})
        place = tuple(str(part) for part in problem["loc"])
        section = parts.get(place[0], whole) if len(place) > 1 else whole
        if place[0] == "seeds" and kind != "value_error":
            place = place[:1]
            what = (
                f"is {shown(given)}, but must be a list of seeds, or how many there are, from 1 "
                f"on; a seed is a whole number from 0 to {LARGEST}"
            )
        elif kind == "extra_forbidden":
            known = section.model_fields
            what = f"unknown key{nearest(place[-1], known)}; known keys: {', '.join(known)}"
        elif kind == "missing":
            what = f"is missing; {section.model_fields[place[-1]].description}"
        elif kind == "value_error":
            what = str(context["error"])
        elif kind == "literal_error":
            options = re.findall(r"'([^']*)'", str(context["expected"]))
            hint = nearest(given, options) if isinstance(given, str) else ""
            what = f"is {shown(given)}{hint}; must be one of {', '.join(options)}"
        elif kind in ("dict_type", "list_type", "too_short"):
            wanted = "a list" if kind == "list_type" else "keys and values"
            wanted = "not be empty" if kind == "too_short" else f"be {wanted}"
            what = f"is {shown(given)}, but must {wanted}"
        else:
            what = f"is {shown(given)}, but must be {right(kind, context, problem['msg'])}"
        yield place, what
