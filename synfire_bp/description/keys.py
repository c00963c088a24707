"""Every key of a model file that differs from its default, with its meaning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticUndefined

from synfire_bp.description.structure import Part
from synfire_bp.loihi.printed import Table
from synfire_bp.section import Section

__all__ = ["as_written", "changed_keys", "keys_part"]

_TOLD_ABOVE = ("name", "description")


def keys_part(section: Section) -> Part:
    """Return the keys that differ from their defaults, or that have none."""
    rows = [
        (key, as_written(value), "" if default is PydanticUndefined else as_written(default), why)
        for key, value, default, why in changed_keys(section)
        if key not in _TOLD_ABOVE
    ]
    return Part(
        "Model file: entries that differ from the defaults",
        (Table("", ("key", "value", "default", "meaning"), rows, left=4),),
    )


def changed_keys(section: Section, place: str = "") -> Iterator[tuple[str, Any, Any, str]]:
    """Yield dotted key, value, default and meaning of every entry that is not as by default.

    The default of an entry that must be given is pydantic's `PydanticUndefined`.
    """
    for key, field in type(section).model_fields.items():
        value, whole = getattr(section, key), f"{place}{key}"
        default = field.get_default(call_default_factory=True)
        if isinstance(value, Section):
            inner = list(changed_keys(value, f"{whole}."))
            if default is None and not inner:
                yield whole, {}, default, field.description or ""
            yield from inner
        elif value != default:
            yield whole, value, default, field.description or ""


def as_written(value: Any) -> str:
    """Return a value as a model file has it, on one line.

    Examples
    --------
    >>> as_written(None), as_written((1, 0.5)), as_written("lif")
    ('null', '[1, 0.5]', 'lif')
    """
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
