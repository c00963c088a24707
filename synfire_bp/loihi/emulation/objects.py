"""What the chip's Brian2 objects share: the length of a step and the class of their code."""

from __future__ import annotations

from typing import Any

from brian2 import get_device, ms

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.internals import NumpyCodeObject, RuntimeDevice

__all__ = ["STEP", "code_class", "remember"]

STEP = 1 * ms
"""Model time of one chip step; no result depends on it."""


def code_class() -> type:
    """Return the class of code objects for the present device."""
    return NumpyCodeObject if isinstance(get_device(), RuntimeDevice) else RowCodeObject


def remember(thing: Any, **values: Any) -> None:
    """Set attributes that are not state variables of a Brian2 object."""
    for name, value in values.items():
        thing.add_attribute(name)
        setattr(thing, name, value)
