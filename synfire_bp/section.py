"""Sections of a model file: typed, frozen, and strict about what they hold."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["LARGEST", "Section", "unit"]

LARGEST = 2**63 - 1
"""Bound of whole numbers that have no other: what a table or a program can hold."""


class Section(BaseModel):
    """Keys and values of a model file; unknown keys and wrong types are errors."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        validate_default=True,
    )


def unit(name: str) -> dict[str, Any]:
    """Return what tells the unit of a key to the schema: ``json_schema_extra=unit("ms")``."""
    return {"unit": name}
