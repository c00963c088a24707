"""Entries of the model file that a sweep would set twice, so that its tables would not be true.

A key clashes with itself, and with the section or the list that it is a part of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from synfire_bp.model.yaml_text import Place, list_entry, shown

if TYPE_CHECKING:
    from synfire_bp.sweep.definition import Sweep

__all__ = ["SEED", "set_twice"]

SEED = "training.seed"
"""The key of a model file that `seeds` varies."""

_Path = tuple[str, ...]


def set_twice(sweep: Sweep) -> Iterator[tuple[Place, str]]:
    """Yield place and words for every key that two entries of a sweep set, or an entry twice."""
    fixed = {_path(key): key for key in sweep.fixed}
    claimed: dict[_Path, tuple[str, str]] = {}  # path to who sets it first, and as which key
    around: dict[_Path, tuple[str, str]] = {}  # sections of these paths, likewise
    for place, who, keys in _setters(sweep):
        mine = {_path(key): key for key in keys}
        for path, key in mine.items():
            inside = [claimed[path[:n]] for n in range(1, len(path) + 1) if path[:n] in claimed]
            for other, its in [*inside, *([around[path]] if path in around else [])][:1]:
                yield place, _words(key, other, its)
            for at in (at for at in fixed if at[: len(path)] == path):
                value = shown(sweep.fixed[fixed[at]])
                yield place, f"{fixed[at]} is fixed to {value} as well; remove one of the two"
        for path, key in mine.items():
            claimed.setdefault(path, (who, key))
            for n in range(1, len(path)):
                around.setdefault(path[:n], (who, key))
    for name, parameter in sweep.parameters.items():
        for level, entries in (parameter.levels or {}).items():
            yield from _within(("parameters", name), f"level {shown(level)}", entries)


def _setters(sweep: Sweep) -> Iterator[tuple[Place, str, list[str]]]:
    """Yield what sets keys: its place in the file, what messages call it, and the keys."""
    for name, parameter in sweep.parameters.items():
        yield ("parameters", name), name, parameter.keys(name)
    points = sweep.design.points or []
    for key in dict.fromkeys(key for point in points for key in point):
        yield ("design", "points"), key, [key]
    if sweep.seeds is not None:
        yield ("seeds",), "seeds", [SEED]


def _within(place: Place, what: str, entries: dict) -> Iterator[tuple[Place, str]]:
    """Yield keys of one level that are parts of other keys of it."""
    paths = {_path(key): key for key in entries}
    if len(paths) < len(entries):
        yield place, f"{what} sets a key twice; keep one"
    for path, key in paths.items():
        for n in range(1, len(path)):
            if path[:n] in paths:
                yield place, f"{what} sets {key} and all of {paths[path[:n]]}; keep one of the two"


def _words(key: str, other: str, its: str) -> str:
    mine, theirs = _path(key), _path(its)
    also = key if mine == theirs else f"{its}, which holds {key}," if len(mine) > len(theirs) else (
        f"{its}, a part of {key},"
    )  # fmt: skip
    return f"{also} is set by {other} as well; a run can have only one value of it: remove one"


def _path(key: str) -> _Path:
    """Return the keys on the way to an entry; an entry of a list has its number last."""
    *sections, last = key.strip().split(".")
    if (entry := list_entry(last)) is not None:
        name, number = entry
        return (*sections, name, f"[{number}]")
    return (*sections, last)
