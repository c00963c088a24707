"""YAML, read and written here and nowhere else, and the words for what is wrong in a file.

PyYAML parses and writes.  Ours is the little table of scalars, so that numbers and flags are as in
YAML 1.2 (1e-3 is a number, 010 is ten, `no` is text), and a walk over the keys for their lines.
What is too large to be meant is refused while it is read, before an alias is expanded.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from synfire_bp.errors import ExperimentError
from synfire_bp.section import LARGEST

__all__ = [
    "LARGEST_FILE",
    "Place",
    "cut_short",
    "dump",
    "list_entry",
    "nearest",
    "read_value",
    "read_yaml",
    "right",
    "shown",
]

LARGEST_FILE = 200_000
"""Characters of a model or sweep file; those that ship with this package have at most 4,000."""
_MOST_VALUES = 20_000
"""Keys and values of a file, what stands behind an alias counted each time."""
_DEEPEST = 20
_LONGEST_TEXT = 10_000
_LONGEST_SHOWN = 60

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

_NO_TEXT = re.compile("[\ud800-\udfff]")
"""Characters that no encoding has."""

Place = tuple[str, ...]
"""Keys on the way to a value."""


def list_entry(key: str) -> tuple[str, int] | None:
    """Return list and place of one of its entries, such as of ``sizes[1]``; None: it is none."""
    entry = re.fullmatch(r"(.+)\[([0-9]{1,9})\]", key)
    return (entry[1], int(entry[2])) if entry else None


class _TooMuch(yaml.MarkedYAMLError):
    """Valid YAML that is too large, too deep or too long to be meant."""

    def __init__(self, problem: str, node: yaml.Node | None = None) -> None:
        super().__init__(problem=problem, problem_mark=None if node is None else node.start_mark)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict = {}  # noqa: RUF012  (PyYAML's own way)

    depth = composed = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Read a value and what is in it, unless there is too much of it."""
        self.depth += 1
        self.composed += 1
        if self.depth > _DEEPEST:
            raise _TooMuch(f"values are nested more than {_DEEPEST} deep", parent)
        if self.composed > _MOST_VALUES:
            raise _TooMuch(f"has more than {_MOST_VALUES:,} keys and values", parent)
        node = super().compose_node(parent, index)
        self.depth -= 1
        if isinstance(node, yaml.ScalarNode) and (odd := _NO_TEXT.search(node.value)):
            raise _TooMuch(
                f"'{cut_short(node.value)}' holds the character U+{ord(odd[0]):04X}, which is "
                "no text",
                node,
            )
        if isinstance(node, yaml.ScalarNode) and len(node.value) > _LONGEST_TEXT:
            raise _TooMuch(
                f"'{cut_short(node.value)}' has {len(node.value):,} characters; a value may have "
                f"{_LONGEST_TEXT:,}",
                node,
            )
        return node


class _Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 or 1.2 would read as something else; lists in one line."""


for _tag, _pattern, _first in _SCALARS:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first
        )
_Loader.add_constructor("tag:yaml.org,2002:int", lambda _, node: _whole_number(node))
_Loader.add_constructor("tag:yaml.org,2002:float", lambda _, node: _number(node))
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
        what = getattr(error, "problem", None) or _said(error)
        how = "cannot be read" if isinstance(error, _TooMuch) else "is not valid YAML"
        raise ExperimentError(f"the value {how}: {what}") from None


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
        if "'\\t'" in what:
            what = "is indented by a tab; indent by spaces"
        how = "cannot be read" if isinstance(error, _TooMuch) else "is not valid YAML"
        raise ExperimentError(f"{source}{at_line}: {how}: {what}") from None
    except _NO_YAML as error:
        raise ExperimentError(f"{source}: is not valid YAML: {_said(error)}") from None
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
    if len(text) > LARGEST_FILE:
        raise _TooMuch(f"has {len(text):,} characters; at most {LARGEST_FILE:,} are read")
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, None
        _expanded(node, {})
        return loader.construct_document(node), node
    finally:
        loader.dispose()


def _expanded(node: yaml.Node, known: dict[yaml.Node, int | None]) -> int:
    """Return how many values there are behind a node, if that is not too many."""
    if node not in known:
        known[node] = None  # being counted
        parts = node.value if isinstance(node, yaml.CollectionNode) else ()
        pairs = isinstance(node, yaml.MappingNode)
        inner = [part for entry in parts for part in (entry if pairs else (entry,))]
        known[node] = 1 + sum(_expanded(part, known) for part in inner)
    count = known[node]
    if count is None:
        raise _TooMuch("an alias is inside the value that it refers to", node)
    if count > _MOST_VALUES:
        raise _TooMuch(
            f"has more than {_MOST_VALUES:,} values when its aliases are written out", node
        )
    return count


def _digits(node: yaml.Node) -> str:
    """Return the text of a number; `int` and `float` would read the digits of all scripts."""
    if not node.value.isascii():
        raise _TooMuch(f"the digits of {cut_short(node.value)} are not 0 to 9", node)
    return node.value


def _whole_number(node: yaml.Node) -> int:
    digits = _digits(node).lstrip("+-").replace("_", "").lstrip("0")
    if len(digits) > len(str(LARGEST)) or int(digits or 0) > LARGEST:
        raise _TooMuch(
            f"the whole number {cut_short(node.value)} is too large; at most {LARGEST:,} is read",
            node,
        )
    return int(node.value)


def _number(node: yaml.Node) -> float:
    return float(_digits(node).lower().replace(".inf", "inf").replace(".nan", "nan"))


def _said(error: Exception) -> str:
    """Return what is wrong, of an error of PyYAML's that has no place."""
    if isinstance(error, KeyError):
        return f"{cut_short(str(error))} is neither true nor false"
    if isinstance(error, AttributeError):
        return "a !!timestamp is not a date"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _keys(node: yaml.Node, place: Place) -> Iterator[tuple[Place, int]]:
    """Yield place and line of every key, sections before what is in them."""
    if isinstance(node, yaml.MappingNode) and len(place) < 3:  # sections do not nest deeper
        for key, value in node.value:
            inside = (*place, str(key.value))
            yield inside, key.start_mark.line + 1
            yield from _keys(value, inside)


def nearest(word: str, words: Iterable[str], shown_as: Mapping[str, str] | None = None) -> str:
    """Return the question after the nearest of some words; nothing if none is near."""
    word, known = word.lower(), list(words)
    if len(word) < 4:  # which is near to much that begins with another letter
        known = [one for one in known if one[:1] == word[:1]]
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {(shown_as or {}).get(found[0], found[0])}?" if found else ""


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
        "less_than_equal": "{le:.15g} or less",
        "multiple_of": "a multiple of {multiple_of}",
        "tuple_type": "a list",
        "too_long": "a list of at most {max_length}",
    }
    return phrases.get(kind, otherwise.replace("{", "{{").replace("}", "}}")).format(**context)


def shown(value: Any) -> str:
    """Return a value as a model file would show it, cut short."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "empty"}[value]
    return cut_short(json.dumps(value, default=str, ensure_ascii=False))


def cut_short(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """Return a text as a message has room for it."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
