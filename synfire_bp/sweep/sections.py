"""The sections of a sweep file: what is varied, and which points of it are tried.

A `Parameter` turns a share of its range, 0 ... 1, into a value (`at`), and a value into entries of
the model file (`sets`).  A `DesignSection` names a design; `synfire_bp.sweep.designs` draws it.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from synfire_bp.model.yaml_text import shown
from synfire_bp.section import LARGEST, Section

__all__ = ["DesignSection", "Parameter", "PositiveInt", "Seed"]

_VALUE = re.compile(r"\{\s*(?:([0-9]{1,9})\s*\*\s*)?value\s*\}")
_LARGEST = 1e15  # up to here a float64 holds every whole number

PositiveInt = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=LARGEST)]
End = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST)]


class Parameter(Section):
    """One thing that is varied: a list of values, named levels, or a range."""

    key: str | None = Field(
        default=None, description="Key of the model file, if it is not the parameter's name."
    )
    values: list[Any] | None = Field(
        default=None, min_length=1, description="The values, as a model file would have them."
    )
    levels: dict[Any, dict[str, Any]] | None = Field(
        default=None,
        min_length=1,
        description="Name of a level to the entries that it sets, where several go together.",
    )
    low: End | None = Field(default=None, description="Lower end of a range.")
    high: End | None = Field(default=None, description="Upper end of a range.")
    log: bool = Field(default=False, description="Whether values are uniform in the logarithm.")
    integer: bool = Field(default=False, description="Whether values are whole numbers only.")
    multiple_of: Annotated[int, Field(ge=1, le=int(_LARGEST))] | None = Field(
        default=None, description="Values are multiples of this, such as 2 for even weights."
    )
    steps: Annotated[int, Field(ge=2)] | None = Field(
        default=None, description="Number of values that a grid takes from the range."
    )
    text: str | None = Field(
        default=None,
        description="Text that becomes the value of the key, with {value}, or {2*value}, for "
        "the number: varies a number in a learning rule.",
    )

    @field_validator("levels")
    @classmethod
    def _one_kind(cls, levels: Any, info: ValidationInfo) -> Any:
        if levels is not None and (info.data.get("values") is not None or info.data.get("key")):
            raise ValueError("cannot go with 'values' or 'key'; keep one of them")
        for name in levels or ():
            if not isinstance(name, (str, int, float)):
                raise ValueError(f"has the name {shown(name)}, but must have words or numbers")
        return levels

    @field_validator("high")
    @classmethod
    def _range_is_whole(cls, high: float | None, info: ValidationInfo) -> float | None:
        low = info.data.get("low")
        listed = info.data.get("values") is not None or info.data.get("levels") is not None
        if listed and (low is not None or high is not None):
            raise ValueError("a parameter has either values, or levels, or a range of low and high")
        if not listed and (low is None or high is None):
            raise ValueError("is needed with 'low', or give 'values' or 'levels' instead")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"is {high:g}, but must be greater than low, {low:g}")
        return high

    @field_validator("log")
    @classmethod
    def _log_of_positive(cls, log: bool, info: ValidationInfo) -> bool:
        low, high = info.data.get("low"), info.data.get("high")
        if log and (low is None or low <= 0):
            raise ValueError("needs a range with low greater than 0")
        if log and low and high and high / low > _LARGEST**2:
            raise ValueError(f"spans {low:g} ... {high:g}, more than thirty powers of ten")
        return log

    @field_validator("multiple_of")
    @classmethod
    def _there_are_some(cls, multiple: int | None, info: ValidationInfo) -> int | None:
        low, high = info.data.get("low"), info.data.get("high")
        of = multiple or (1 if info.data.get("integer") else None)
        if of and low is not None and high is not None:
            if math.ceil(low / of) > math.floor(high / of):
                raise ValueError(f"is {of}, but there is no multiple in {low:g} ... {high:g}")
        elif multiple:
            raise ValueError("needs a range of low and high")
        return multiple

    @field_validator("text")
    @classmethod
    def _text_has_a_place(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is not None and not _VALUE.search(text):
            raise ValueError("must hold {value}, or a multiple such as {2*value}")
        if text is not None and not all(map(_is_number, info.data.get("values") or ())):
            raise ValueError("needs values that are numbers")
        return text

    @property
    def choices(self) -> list[Any] | None:
        """The values or the names of the levels; None for a range."""
        return list(self.levels) if self.levels is not None else self.values

    @property
    def numeric(self) -> bool:
        """Whether all values are numbers."""
        choices = self.choices
        return choices is None or all(map(_is_number, choices))

    @property
    def grid_size(self) -> int:
        """How many values it has in a grid; fewer if some of a range coincide when rounded."""
        return len(self.choices) if self.choices is not None else self.steps or 0

    def at(self, share: float) -> Any:
        """Return the value at a share, 0 ... 1, of the range or of the list."""
        if (choices := self.choices) is not None:
            return choices[min(int(share * len(choices)), len(choices) - 1)]
        assert self.low is not None and self.high is not None
        of = self.multiple_of or (1 if self.integer else 0)
        if self.log:
            value = self.low * (self.high / self.low) ** share
        elif of:  # every multiple has an equal share
            first, last = math.ceil(self.low / of), math.floor(self.high / of)
            return of * min(first + int(share * (last - first + 1)), last)
        else:
            value = self.low + share * (self.high - self.low)
        if of:
            first, last = math.ceil(self.low / of), math.floor(self.high / of)
            return of * min(max(round(value / of), first), last)
        return float(value)

    def grid(self) -> list[Any]:
        """Return the values of a grid: the list, or `steps` values from end to end."""
        if (choices := self.choices) is not None:
            return choices
        steps = self.steps or 0
        of = self.multiple_of or (1 if self.integer else 0)
        assert self.low is not None and self.high is not None
        found = []
        for step in range(steps):
            share = step / (steps - 1)
            value = (
                self.low * (self.high / self.low) ** share
                if self.log
                else self.low + share * (self.high - self.low)
            )
            if of:
                first, last = math.ceil(self.low / of), math.floor(self.high / of)
                value = of * min(max(round(value / of), first), last)
            found.append(value)
        return list(dict.fromkeys(found))

    def keys(self, name: str) -> list[str]:
        """Return the keys of the model file that any value of this parameter sets."""
        if self.levels is not None:
            return list(dict.fromkeys(key for level in self.levels.values() for key in level))
        return [self.key or name]

    def sets(self, name: str, value: Any) -> dict[str, Any]:
        """Return the entries of the model file that a value of this parameter sets."""
        if self.levels is not None:
            return self.levels[value]
        if self.text is not None:
            value = _VALUE.sub(lambda found: f"{int(found[1] or 1) * value:g}", self.text)
        return {self.key or name: value}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class DesignSection(Section):
    """Which points of the parameters' space are tried."""

    kind: Literal["grid", "list", "random", "latin_hypercube", "sobol", "saltelli", "morris"] = (
        Field(
            description="grid: every combination. list: the points named. random, latin_hypercube, "
            "sobol: points that fill the space. saltelli: for Sobol indices. morris: trajectories "
            "for elementary effects.",
        )
    )
    samples: PositiveInt | None = Field(
        default=None,
        description="Points; of saltelli, base points (each costs parameters + 2 runs, with "
        "second_order twice as many parameters + 2); of morris, trajectories (parameters + 1).",
    )
    seed: Seed = Field(default=0, description="Seed of the design.")
    second_order: bool = Field(
        default=False, description="saltelli: also for indices of pairs of parameters."
    )
    num_levels: Annotated[int, Field(ge=2, le=1000, multiple_of=2)] = Field(
        default=4, description="morris: levels that a parameter takes."
    )
    points: list[dict[str, Any]] | None = Field(
        default=None, min_length=1, description="list: the entries that each point sets."
    )

    @field_validator("samples")
    @classmethod
    def _as_many_as_the_kind_needs(cls, samples: int | None, info: ValidationInfo) -> int | None:
        kind = info.data.get("kind")
        if kind in ("grid", "list") and samples is not None:
            raise ValueError(f"has no effect on the design '{kind}'; remove it")
        if kind not in (None, "grid", "list") and samples is None:
            raise ValueError(f"is missing; the design '{kind}' needs a number of points")
        if (
            kind in ("sobol", "saltelli")
            and samples is not None
            and samples & (samples - 1)
            and samples < 2**60  # far more than a sweep may have anyway
        ):
            near = 2 ** round(math.log2(samples))
            raise ValueError(f"is {samples}, but must be a power of 2, such as {near}")
        return samples

    @field_validator("points")
    @classmethod
    def _points_of_a_list(cls, points: Any, info: ValidationInfo) -> Any:
        kind = info.data.get("kind")
        if kind == "list" and points is None:
            raise ValueError("is missing; the design 'list' needs the entries of each point")
        if kind not in (None, "list") and points is not None:
            raise ValueError(f"has no effect on the design '{kind}'; use kind: list")
        return points
