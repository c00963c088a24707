"""In which order the populations stand below each other, so that few lines cross.

A line leaves in the phase of its spike, waits out its extra delay in the row of its population,
and crosses over to the row of its target in the gap before the phase in which it arrives.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from .unrolled import rows

__all__ = ["crossings", "hosts", "ordered_rows"]


def ordered_rows(numbers: pd.DataFrame) -> dict[str, list[str]]:
    """Return the populations of each layer from top to bottom, the last layer first.

    Two populations of a layer change places as long as that leaves fewer crossings, or as many
    and shorter lines.  Gates have no rows.

    Parameters
    ----------
    numbers : DataFrame
        The table of `unrolled`.
    """
    hosted = hosts(numbers)
    bands: dict[str, list[str]] = {}
    for row in rows(numbers, "population"):
        if row.layer != "gate" and row.post not in hosted:
            band = bands.setdefault(row.layer, [])
            if row.post not in band:
                band.append(row.post)
    bands = dict(reversed(bands.items()))
    lines = _lines(numbers)
    best = _cost(lines, bands)
    improved = True
    while improved:
        improved = False
        for band in bands.values():
            for a, b in combinations(range(len(band)), 2):
                band[a], band[b] = band[b], band[a]
                cost = _cost(lines, bands)
                if cost < best:
                    best, improved = cost, True
                else:
                    band[a], band[b] = band[b], band[a]
    return bands


def hosts(numbers: pd.DataFrame) -> dict[str, str]:
    """Return the populations that stand in the row of another: sources, with what they drive."""
    synapses = rows(numbers, "synapses")
    reached = {row.post for row in synapses}
    targets: dict[str, set[str]] = {}
    for row in synapses:
        if row.pre not in reached:
            targets.setdefault(row.pre, set()).add(row.post)
    return {pre: posts.pop() for pre, posts in targets.items() if len(posts) == 1}


def _lines(numbers: pd.DataFrame) -> list[tuple[int, str, str]]:
    """Return the lines between rows: gap (the phase it leads to), population before, behind."""
    hosted = hosts(numbers)
    gates = {row.post for row in rows(numbers, "population") if row.layer == "gate"}
    lines = set()
    for row in rows(numbers, "synapses"):
        if row.pre not in gates:
            start = hosted.get(row.pre, row.pre)
            lines |= {(gap, start, start) for gap in range(row.pre_phase + 1, row.arrival)}
            lines.add((row.arrival, start, row.post))
    return sorted(lines)


def _cost(lines: list[tuple[int, str, str]], bands: dict[str, list[str]]) -> tuple[int, int]:
    place = {name: k for k, name in enumerate(name for band in bands.values() for name in band)}
    gap, start, end = np.array([(g, place[a], place[b]) for g, a, b in lines]).reshape(-1, 3).T
    return crossings(gap, start, end), int(np.abs(start - end).sum())


def crossings(gap: np.ndarray, start: np.ndarray, end: np.ndarray) -> int:
    """Return how many pairs of lines cross, each leading in a gap from one row to another."""
    same = gap[:, None] == gap
    return int((same & ((start[:, None] - start) * (end[:, None] - end) < 0)).sum() // 2)
