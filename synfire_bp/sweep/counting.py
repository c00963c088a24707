"""How many runs a design has, counted from its numbers before any of them is made."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from synfire_bp.sweep.sections import DesignSection, Parameter

__all__ = ["MOST_RUNS", "refuse_too_many_points", "refuse_too_many_runs"]

MOST_RUNS = 100_000
"""Runs of a sweep at most: all are planned and checked before the first one starts, which takes
some milliseconds and 20 kB each, so minutes and 2 GB for so many."""


def refuse_too_many_points(design: DesignSection, parameters: Mapping[str, Parameter]) -> None:
    """Refuse a design that has too many points even with one seed each.

    Raises
    ------
    ValueError
        With their number, and the key to change.
    """
    n = _points(design, parameters)
    if n <= MOST_RUNS:
        return
    if design.kind == "grid":
        levels = {name: parameter.grid_size for name, parameter in parameters.items()}
        most = max(levels, key=lambda name: levels[name])
        counts = " × ".join(map(_number, list(levels.values())[:4])) + " × …" * (len(levels) > 4)
        steps = parameters[most].choices is None
        mend = f"reduce {'steps' if steps else 'the values'} of {most}"
    else:
        counts = f"samples: {_number(design.samples or 0)}, parameters: {len(parameters):,}"
        mend = "reduce design.samples"
    if design.kind == "list":
        counts, mend = "points", "remove points"
    raise ValueError(
        f"{design.kind} ({counts}) makes {_number(n)} runs, but a sweep has {MOST_RUNS:,} at most; "
        f"{mend}"
    )


def refuse_too_many_runs(
    design: DesignSection, parameters: Mapping[str, Parameter], seeds: Sequence[int] | int | None
) -> None:
    """Refuse seeds that make too many runs of a design's points.

    Raises
    ------
    ValueError
        With the number of runs, and the key to change.
    """
    n_seeds = 1 if seeds is None else seeds if isinstance(seeds, int) else len(seeds)
    points = _points(design, parameters)
    if points * n_seeds > MOST_RUNS:
        each = f" of each of {_number(points)} points" * (points > 1)
        raise ValueError(
            f"{_number(n_seeds)} seeds{each} ({design.kind}) make "
            f"{_number(points * n_seeds)} runs, but a sweep has {MOST_RUNS:,} at most; reduce seeds"
        )


def _points(design: DesignSection, parameters: Mapping[str, Parameter]) -> int:
    """Return how many points a design has, at most where values of a grid coincide."""
    if design.points is not None:
        return len(design.points)
    if design.kind == "grid":
        return math.prod(parameter.grid_size for parameter in parameters.values())
    k = len(parameters)
    per_sample = {"saltelli": (2 * k if design.second_order else k) + 2, "morris": k + 1}
    return (design.samples or 0) * per_sample.get(design.kind, 1)


def _number(n: int) -> str:
    """Return a number in digits, or its magnitude if they are too many to read."""
    return f"{n:,}" if n < 10**15 else f"10^{math.log10(n):.0f}"
