"""What ``docs/numbers/PAGE.yaml`` may say: views of tables, numbers made from them, and facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from synfire_bp.errors import SynfireError
from synfire_bp.files import reason
from synfire_bp.model.yaml_text import read_yaml
from synfire_bp.section import Section

__all__ = ["REASONS", "Condition", "Fact", "Groups", "Number", "Page", "Quantile", "View",
           "read_page"]  # fmt: skip

Scalar = bool | int | float | str

REASONS = {
    "definition": "follows from the circuit's rows, a formula or a number format",
    "setting": "what a study, a model or a command was told",
    "paper": "printed in the paper, or in its authors' code",
    "chip": "of the chip's public description, or measured on it by others",
    "data": "how many samples or pixels a data set has",
    "literature": "of another publication, which stands beside it",
    "arithmetic": "follows from the numbers beside it",
    "words": "a way of speaking, no measurement",
}
"""Why a number may stand in a page without a table."""

STATISTICS = ("value", "median", "mean", "min", "max", "sum", "distinct")
"""Of one column: `value` is that of the only row, `distinct` how many different values it has."""


class Condition(Section):
    """Which rows: those whose value lies within all bounds that are given."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    without: Scalar | None = Field(default=None, alias="not")
    largest: Literal[True] | None = None


class _Statistic(Section):
    value: str | None = None
    median: str | None = None
    mean: str | None = None
    min: str | None = None
    max: str | None = None
    sum: str | None = None
    distinct: str | None = None

    def columns(self) -> dict[str, str]:
        """Return the statistics that are asked for, with the column of each."""
        found = {name: getattr(self, name) for name in STATISTICS}
        return {name: column for name, column in found.items() if column is not None}


class Groups(_Statistic):
    """One row per group, in which the column of each statistic holds that of the group."""

    by: list[str]


class Quantile(Section):
    """A quantile of a column, interpolated."""

    of: str
    at: float = Field(ge=0, le=1)


class View(Section):
    """Rows of a table of figures/, or of another view: `where`, then `each`, then `having`."""

    source: str | None = Field(default=None, alias="from")
    where: dict[str, Scalar | list[Scalar] | Condition] = Field(default_factory=dict)
    each: Groups | None = None
    having: dict[str, Scalar | list[Scalar] | Condition] = Field(default_factory=dict)


class Number(_Statistic, View):
    """One number: one statistic of a view, or of two other numbers."""

    count: Literal["rows"] | None = None
    quantile: Quantile | None = None
    ratio: tuple[str, str] | None = Field(default=None, strict=False)
    difference: tuple[str, str] | None = Field(default=None, strict=False)
    times: float = 1
    rounded: Literal["nearest", "down", "up"] = "nearest"

    @model_validator(mode="after")
    def _one_statistic(self) -> Number:
        names = ("count", "quantile", "ratio", "difference")
        asked = [*self.columns(), *(name for name in names if getattr(self, name) is not None)]
        if len(asked) != 1:
            raise ValueError(f"must ask for one statistic, not for {', '.join(asked) or 'none'}")
        if (self.others is None) == (self.source is None):
            raise ValueError("must have either 'from' (a table), or 'ratio' or 'difference'")
        return self

    @property
    def others(self) -> tuple[str, str] | None:
        """Names of the two numbers that it is made from."""
        return self.ratio or self.difference


class Fact(Section):
    """Words of the page whose numbers need no table, and the reason."""

    says: str = Field(min_length=1)
    why: str

    @model_validator(mode="after")
    def _known_reason(self) -> Fact:
        if self.why.partition(":")[0] not in REASONS:
            raise ValueError(f"why must begin with one of {', '.join(REASONS)}")
        return self


class Page(Section):
    """All that a page's file says."""

    views: dict[str, View] = Field(default_factory=dict)
    numbers: dict[str, Number] = Field(default_factory=dict)
    facts: list[Fact] = Field(default_factory=list)


def read_page(file: Path) -> Page:
    """Read the numbers of a page; a file that is not there says nothing.

    Raises
    ------
    SynfireError
        If the file cannot be read or is not valid; each problem has a line with its place.
    """
    if not file.exists():
        return Page()
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise SynfireError(f"{file}: cannot be read: {reason(error)}") from None
    content, _, twice = read_yaml(text, str(file), ", ".join(Page.model_fields))
    if twice:
        raise SynfireError("\n".join(twice))
    try:
        return Page(**content)
    except ValidationError as error:
        raise SynfireError("\n".join(_problems(file, error))) from None


def _problems(file: Path, error: ValidationError) -> Iterator[str]:
    told: set[tuple[Any, ...]] = set()
    for one in error.errors():
        place = one["loc"][:3]  # each kind of value that a condition may have fails for itself
        if place not in told:
            told.add(place)
            said = one["msg"].removeprefix("Value error, ")
            yield f"{file}: {'.'.join(map(str, one['loc']))}: {said}"
