"""YAML, read and written here and nowhere else, and the words for what is wrong in a file.

PyYAML parses and writes.  Ours is the little table of scalars, so that numbers and flags are as in
YAML 1.2 (1e-3 is a number, 010 is ten, `no` is text), and a walk over the keys for their lines.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from synfire_bp.errors import ExperimentError

__all__ = ["Place", "dump", "nearest", "read_value", "read_yaml", "right", "shown"]

_SCALARS = (
    ("null", r"~|null|Null|NULL|", [*"~nN", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", [*"tTfF"]),
    ("int", r"[-+]?[0-9]+(?:_[0-9]+)*", [*"-+0123456789"]),
    (
        "float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.nan",
        [*"-+.0123456789"],
    ),
    ("merge", r"<<", ["<"]),
)
_NO_YAML = (yaml.YAMLError, ValueError, RecursionError, AttributeError, KeyError)
"""What PyYAML raises; the last two for `!!timestamp` and `!!bool` of something else."""

Place = tuple[str, ...]
"""Keys on the way to a value."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own way)


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else; lists in one line."""


for _tag, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
        )
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(
    node.value.lower().replace(".inf", "inf").replace(".nan", "nan")))  # fmt: skip
_Dumper.add_representer(list, lambda dumper, values: dumper.represent_sequence(
    "tag:yaml.org,2002:seq", values, flow_style=True))  # fmt: skip
# U+0085 ends a line in YAML 1.1, and comes back as a space unless it is escaped
_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(
    "tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None))  # fmt: skip


def dump(values: Mapping[str, Any]) -> str:
    """Return keys and values as YAML that `read_yaml` reads back, in their order."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def read_value(text: str) -> Any:
    """Return one value, as it would stand behind a key.

    Raises
    ------
    ExperimentError
        If the text is no YAML.
    """
    try:
        return _load(text)[0]
    except _NO_YAML as error:
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ExperimentError(f"the value is not valid YAML: {what}") from None


def read_yaml(text: str, source: str, known: str) -> tuple[dict, dict[Place, int], list[str]]:
    """Read keys and values.

    Parameters
    ----------
    text : str
        YAML.
    source : str
        Name of the text in messages.
    known : str
        Keys that there may be, for messages.

    Returns
    -------
    tuple
        The values, the line of every key by its place, and the problems (keys given twice).

    Raises
    ------
    ExperimentError
        If the text is no YAML, or holds something else than keys and values.
    """
    try:
        values, node = _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at_line = f":{mark.line + 1}" if mark else ""
        what = "; ".join(part for part in (error.context, error.problem) if part)
        raise ExperimentError(f"{source}{at_line}: is not valid YAML: {what}") from None
    except _NO_YAML as error:
        first = str(error).splitlines()[0]
        raise ExperimentError(f"{source}: is not valid YAML: {first}") from None
    if node is None:
        raise ExperimentError(f"{source}: is empty; known keys are {known}")
    if not isinstance(values, dict):
        raise ExperimentError(
            f"{source}: must be keys and values, not {shown(values)}; known keys are {known}"
        )
    lines: dict[Place, int] = {}
    problems = []
    for place, line in _keys(node, ()):
        if place in lines:
            problems.append(
                f"{source}:{line}: {'.'.join(place)}: given twice, first in line {lines[place]}; "
                "keep one"
            )
        lines.setdefault(place, line)
    return values, lines, problems


def _load(text: str) -> tuple[Any, yaml.Node | None]:
    """Return the value of a YAML text, and its nodes for their line numbers."""
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        return (None if node is None else loader.construct_document(node)), node
    finally:
        loader.dispose()


def _keys(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    """Yield place and line of every key, sections before what is in them."""
    if isinstance(node, yaml.MappingNode) and len(place) < 3:  # sections do not nest deeper
        for key, value in node.value:
            inside = (*place, str(key.value))
            yield inside, key.start_mark.line + 1
            yield from _keys(value, inside)


def nearest(word: str, words: Any) -> str:
    """Return the question after the nearest of some words; nothing if none is near."""
    found = difflib.get_close_matches(word.lower(), list(words), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def right(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    """Return what a value should have been."""
    phrases = {
        "bool_type": "true or false",
        "int_type": "a whole number",
        "int_from_float": "a whole number",
        "float_type": "a number",
        "finite_number": "a finite number",
        "string_type": "text",
        "model_type": "a section of keys and values",
        "string_pattern_mismatch": "a letter or digit, then letters, digits, '.', '_', '-'",
        "greater_than": "greater than {gt:g}",
        "greater_than_equal": "{ge:g} or greater",
        "less_than": "less than {lt:g}",
        "less_than_equal": "{le:g} or less",
        "multiple_of": "a multiple of {multiple_of}",
    }
    return phrases.get(kind, otherwise.replace("{", "{{").replace("}", "}}")).format(**context)


def shown(value: Any) -> str:
    """Return a value as a model file would show it, cut short."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "empty"}[value]
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
