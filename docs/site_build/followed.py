"""Which keys of a model file the algorithm in integers follows: tried, not told.

Each key is set to a few values in models that the algorithm follows without it; what it says of the
model then is the verdict.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import synfire_bp as sb

__all__ = ["Followed"]

_SMALL = ("network.sizes=[64, 8, 10]",)
_TRIED = (0.5, 1, 2, 3, 0.25, 15, 64, 0.0625, 128, 8192 + 128)
"""Numbers, of which those that a key allows are tried."""


class Followed:
    """Tries keys out, in the models that ship with the package."""

    def verdict(self, key: str, about: Mapping[str, Any]) -> tuple[bool | None, list[str]]:
        """Say whether the algorithm follows a key, and what it says where not.

        Parameters
        ----------
        key : str
            Such as "gating.noise".
        about : mapping
            Its schema.

        Returns
        -------
        bool or None
            None if it follows some values and not others, or if nothing could be tried.
        list of str
            One reason, if there is any.
        """
        section = key.partition(".")[0]
        bases = [
            *self._bases.get(section, ()),
            ("digits", _SMALL),
            ("digits", (*_SMALL, f"{section}={{}}")),
        ]
        found: list[str] = []
        for name, overrides in bases:
            if self._said(name, overrides):
                continue  # refuses, or the algorithm does not follow it anyway
            for value in _values(about):
                said = self._said(name, (*overrides, f"{key}={json.dumps(value)}"))
                if said is not None:
                    found.append(said)
            if found:
                break
        found = found or list(self._in_shipped_models(key, about))
        reasons = list(dict.fromkeys(filter(None, found)))[:1]
        if not found or ("" in found and reasons):
            return None, reasons
        return not reasons, reasons

    def _in_shipped_models(self, key: str, about: Mapping[str, Any]) -> Iterator[str]:
        """Yield what is said of the models that give a key another value than its default."""
        section, *inner = key.split(".")
        for name, overrides in self._bases.get(section, ()):
            value: Any = sb.Experiment.from_file(name).model_dump(mode="json")[section]
            for part in inner:
                value = value.get(part) if value is not None else None
            if value is not None and value != about.get("default"):
                yield self._said(name, overrides) or ""

    @cached_property
    def _bases(self) -> dict[str, list[tuple[str, tuple[str, ...]]]]:
        """Shipped models by the sections that they have."""
        found: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for name in sb.list_models():
            if "digits" in name:
                for section, value in sb.Experiment.from_file(name).model_dump().items():
                    if value is not None:
                        found.setdefault(section, []).append((name, ()))
        return found

    def _said(self, name: str, overrides: tuple[str, ...]) -> str | None:
        """Return what keeps the algorithm from following: empty if nothing; None for no model."""
        try:
            model = sb.assemble(sb.Experiment.from_file(name, overrides))
        except sb.errors.SynfireError:
            return None
        return "; ".join(_reason(str(one)) for one in model.algorithm.obstacles)


def _reason(text: str) -> str:
    """Return the reason without what to do about it."""
    return text.partition("; use the engine")[0]


def _values(about: Mapping[str, Any]) -> Iterator[Any]:
    """Yield values to try, other than the default."""
    options = [about, *about.get("anyOf", ())]
    listed = [value for one in options for value in one.get("enum", ())]
    if any(one.get("type") == "boolean" for one in options):
        listed = [True, False]
    if not listed and any(one.get("type") in ("integer", "number") for one in options):
        listed = list(_TRIED)
    yield from (value for value in listed if value != about.get("default"))
