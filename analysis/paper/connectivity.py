"""Functional connectivity, unrolled over the time steps of a sample (paper: Fig. 2).

Columns are phases, rows are populations, in one band per layer.  A population has a box only in
the phases in which it is open, a synapse a line only where its spike finds the target open.  A
line waits out its extra delay in the row of its population and crosses over in the gap before the
phase in which the spike arrives.  Everything drawn is in the table of `unrolled`, read from the
circuit; the rows are put in order by `ordering`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from synfire_bp.circuit import backprop_circuit

from ..shared import style
from ..shared.entry import Entry
from ..shared.ordering import hosts, ordered_rows
from ..shared.panels import Given
from ..shared.unrolled import Row, rows, unrolled
from ..shared.wiring import (
    ARROWS,
    DASHES,
    GATE_COLOUR,
    GATING,
    KINDS,
    RING,
    box,
    canvas,
    cross,
    dial,
    learning_ink,
    link,
)
from .protocol import PAPER

__all__ = ["ENTRY", "SIZES", "draw", "numbers"]

SIZES = (400, 400, 10)
"""Layers of the paper's network."""

# geometry, mm
_LEFT, _RIGHT, _TOP = 8.0, 2.0, 13.5
_ROW, _BAND_GAP, _CHAIN = 6.7, 2.0, 6.5
_BOX, _GATE_BOX = (7.8, 4.5), (5.0, 3.8)
_STUBS = (1.2, -1.2)  # of brackets: above and below the middle of a box
_BRACKETS = (1.1, 1.0)  # distance from the boxes, and from each other
_KEY_LINE, _KEY_PHASES, _KEY_MARKS = 3.1, (4.0, 88.0), (4.0, 62.0, 120.0)
_MARK_LINES = 4

_GATE_LINE: dict[str, Any] = {
    "color": GATE_COLOUR, "linewidth": 0.75, "linestyle": DASHES[GATING], "zorder": 1
}  # fmt: skip
_BRACKET: dict[str, Any] = {"linewidth": 1.3, "marker": "o", "markersize": 3, "zorder": 3}


def numbers(runs: Path) -> pd.DataFrame:
    """Return what is drawn: the table of `unrolled`, for the paper's network; needs no run."""
    return unrolled(backprop_circuit(SIZES))


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the unrolled circuit, 183 mm wide, from a table of `unrolled`."""
    phases, bands = rows(numbers, "phase"), ordered_rows(numbers)
    key = _KEY_LINE * (_lines_of_phases(phases) + _MARK_LINES + 1.9)
    body = _ROW * sum(map(len, bands.values())) + _BAND_GAP * len(bands) + _CHAIN
    height = _TOP + body + key + 1
    figure, axes = canvas(axes, style.DOUBLE_COLUMN, height)
    grid = _grid(numbers, bands, len(phases), height - _TOP)
    _columns(axes, numbers, grid, height)
    _bands(axes, grid)
    inside = _inside(axes, grid)
    _synapses(axes, numbers, grid, inside)
    _ring(axes, numbers, grid, inside)
    _gates(axes, numbers, grid, inside)
    _learning(axes, numbers, grid)
    _boxes(axes, numbers, grid)
    _key_of_phases(axes, phases, key)
    _key_of_marks(axes, numbers, key - _KEY_LINE * (_lines_of_phases(phases) + 1.2))
    return figure


# -- where things lie --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Grid:
    """Where phases and populations lie, in mm.

    `heights` holds the middle of each population's row, `bands` the lower and upper end of each
    layer, the gating chain's included.
    """

    n_phases: int
    width: float
    heights: dict[str, float]
    bands: dict[str, tuple[float, float]]

    def x(self, step: int) -> float:
        """Return the middle of a column; steps beyond the sample's lie outside of the frame."""
        return _LEFT + (step + 0.5) * self.width

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, right, lower and upper end."""
        ends = [end for band in self.bands.values() for end in band]
        return _LEFT, _LEFT + self.n_phases * self.width, min(ends), max(ends)

    def samples(self, row: Row) -> range:
        """Return where a spike's way is seen: in its own sample, and in those it reaches into."""
        return range(0, row.arrival + 1, self.n_phases)


def _grid(numbers: pd.DataFrame, bands: dict[str, list[str]], n_phases: int, top: float) -> _Grid:
    heights: dict[str, float] = {}
    ends: dict[str, tuple[float, float]] = {}
    y = top
    for layer, names in bands.items():
        heights |= {name: y - (k + 0.5) * _ROW for k, name in enumerate(names)}
        ends[layer] = (y - len(names) * _ROW, y)
        y = ends[layer][0] - _BAND_GAP
    heights |= {name: heights[host] for name, host in hosts(numbers).items() if host in heights}
    ends["gate"] = (y - _CHAIN, y)
    gates = {row.post for row in rows(numbers, "population") if row.layer == "gate"}
    heights |= dict.fromkeys(gates, y - _CHAIN / 2 - 0.6)
    width = (style.DOUBLE_COLUMN - _LEFT - _RIGHT) / n_phases
    return _Grid(n_phases, width, heights, ends)


def _columns(axes: Axes, numbers: pd.DataFrame, grid: _Grid, height: float) -> None:
    """Write the phases above their columns, and shade those in which synapses learn."""
    _, _, bottom, top = grid.frame
    learning = rows(numbers, "learning")
    axes.text(1.2, height - 3.2, "phase", ha="left", va="center", fontsize=6.5)
    for phase in rows(numbers, "phase"):
        x = grid.x(phase.post_phase)
        axes.text(x, height - 3.2, str(phase.post_phase), ha="center", va="center", fontsize=7.5,
                  fontweight="bold")  # fmt: skip
        if phase.kind:
            axes.add_patch(
                Rectangle((x - grid.width / 2, bottom), grid.width, top + 9 - bottom, linewidth=0,
                          facecolor=style.LEARNING_SHADES[phase.kind], zorder=0, label=phase.kind)
            )  # fmt: skip
            here = [row.matrix for row in learning if row.post_phase == phase.post_phase]
            names = sorted({matrix.lstrip("−").rstrip("ᵀ") for matrix in here})
            text = " ".join(f"{name} {ARROWS[phase.kind]}" for name in names)
            reward = f"reward {int(phase.kind == 'potentiation')}"
            axes.text(x, height - 8.9, f"{text}\n{reward}", ha="center", va="center", fontsize=6.5,
                      linespacing=1.15)  # fmt: skip


def _bands(axes: Axes, grid: _Grid) -> None:
    left, right, _, _ = grid.frame
    for layer, (bottom, top) in grid.bands.items():
        axes.text(3.4, (bottom + top) / 2, "gates" if layer == "gate" else layer, rotation=90,
                  ha="center", va="center")  # fmt: skip
        axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, facecolor="none",
                                 edgecolor="0.82", linewidth=0.5, zorder=0.5))  # fmt: skip


def _inside(axes: Axes, grid: _Grid) -> Polygon:
    """Return the area of the columns, to cut off what lies in the samples before and after."""
    left, right, bottom, top = grid.frame
    area = Polygon(
        [(left, bottom), (right, bottom), (right, top), (left, top)],
        visible=False, transform=axes.transData,
    )  # fmt: skip
    axes.add_patch(area)
    return area


# -- lines and boxes ---------------------------------------------------------------------------


def _synapses(axes: Axes, numbers: pd.DataFrame, grid: _Grid, inside: Polygon) -> None:
    """Draw the synapses between populations, fanned out over the side of the target's box."""
    taken = {(grid.heights[row.post], row.post_phase) for row in rows(numbers, "population")}
    gates = {row.post for row in rows(numbers, "population") if row.layer == "gate"}
    synapses = [row for row in rows(numbers, "synapses") if row.pre not in gates]
    for arriving in _grouped(synapses, lambda row: (row.post, row.post_phase)):
        arriving.sort(key=lambda row: -grid.heights[row.pre])
        for k, row in enumerate(arriving):
            spread = 0.78 * _BOX[1] / max(len(arriving) - 1, 2)
            port = spread * ((len(arriving) - 1) / 2 - k)
            passed = {
                (grid.heights[row.pre], step % grid.n_phases)
                for step in range(row.pre_phase + 1, row.arrival)
            }
            line = _way(grid, row, port, lane=-_ROW / 2 if passed & taken else 0)
            for sample in grid.samples(row):
                link(axes, line - (sample * grid.width, 0), row.kind, style.colour(row.pre),
                     threshold=row.threshold, label=_name(row), within=inside)  # fmt: skip


def _grouped(found: list[Row], key: Callable[[Row], Any]) -> Iterator[list[Row]]:
    for _, group in groupby(sorted(found, key=key), key=key):
        yield list(group)


def _name(row: Row) -> str:
    """Return what a mark is called in the drawing, so that it can be told what stands for what."""
    return f"{row.what} {row.kind} {row.pre}@{row.pre_phase} {row.post}@{row.post_phase}"


def _way(grid: _Grid, row: Row, port: float, *, lane: float) -> np.ndarray:
    """Return the line, shape (n, 2): along its row, or `lane` beside it, then to the target."""
    start = grid.x(row.pre_phase) + _BOX[0] / 2
    turn = grid.x(row.arrival - 1) + _BOX[0] / 2
    tip = grid.x(row.arrival) - _BOX[0] / 2
    before, behind = grid.heights[row.pre], grid.heights[row.post] + port
    middle = (turn + tip) / 2
    curve = _bezier(
        (turn, before + lane), (middle, before + lane), (middle, behind), (tip - 2.1, behind)
    )
    return np.vstack(
        [(start, before), (start + abs(lane) / 3, before + lane), curve, (tip, behind)]
    )


def _bezier(*corners: tuple[float, float]) -> np.ndarray:
    t = np.linspace(0, 1, 33)[:, None]
    a, b, c, d = np.array(corners)
    return (1 - t) ** 3 * a + 3 * t * (1 - t) ** 2 * b + 3 * t**2 * (1 - t) * c + t**3 * d


def _ring(axes: Axes, numbers: pd.DataFrame, grid: _Grid, inside: Polygon) -> None:
    half = _GATE_BOX[0] / 2
    for row in rows(numbers, "synapses"):
        if row.kind == RING:
            for sample in grid.samples(row):
                start, end = grid.x(row.pre_phase - sample), grid.x(row.arrival - sample)
                line = [(start + half, grid.heights[row.pre]), (end - half, grid.heights[row.post])]
                link(axes, np.array(line), RING, GATE_COLOUR, label=_name(row), within=inside)


def _gates(axes: Axes, numbers: pd.DataFrame, grid: _Grid, inside: Polygon) -> None:
    """Draw a line from each gate up the next column, behind the boxes, and its marks on them."""
    gates = {row.post for row in rows(numbers, "population") if row.layer == "gate"}
    found = [row for row in rows(numbers, "synapses", "block") if row.pre in gates]
    foot = grid.bands["gate"][1]
    for column in _grouped(
        [row for row in found if row.kind == GATING], lambda row: (row.pre, row.post_phase)
    ):
        first = column[0]
        x, edge = grid.x(first.post_phase), grid.heights[first.pre] + _GATE_BOX[1] / 2
        for sample in grid.samples(first):
            start, end = grid.x(first.pre_phase - sample), grid.x(first.arrival - sample)
            t = np.linspace(0, 1, 17)
            (curve,) = axes.plot(
                start + (end - start) * t, edge + (foot - edge) * t**2, **_GATE_LINE
            )
            curve.set_clip_path(inside)
        top = max(grid.heights[row.post] for row in column)
        axes.plot([x, x], [foot, top], **_GATE_LINE)
        for row in column:
            y = grid.heights[row.post]
            if row.what == "block":
                cross(axes, (x, y), GATE_COLOUR, _name(row))
            else:
                dial(axes, (x, y - _BOX[1] / 2), row.threshold, GATE_COLOUR, _name(row))


def _learning(axes: Axes, numbers: pd.DataFrame, grid: _Grid) -> None:
    """Join the populations whose plastic synapses learn: one bracket per matrix and phase.

    All copies of W2 share a bracket, and so do W2ᵀ and −W2ᵀ.
    """
    for phase in _grouped(rows(numbers, "learning"), lambda row: row.post_phase):
        for k, copies in enumerate(_grouped(phase, lambda row: row.matrix.lstrip("−"))):
            ink = learning_ink(copies[0].kind)
            edge = grid.x(copies[0].post_phase) + _BOX[0] / 2
            x = edge + _BRACKETS[0] + k * _BRACKETS[1]
            members = dict.fromkeys(name for row in copies for name in (row.pre, row.post))
            heights = {name: grid.heights[name] + _STUBS[k % len(_STUBS)] for name in members}
            axes.plot([x, x], [min(heights.values()), max(heights.values())], color=ink,
                      linewidth=_BRACKET["linewidth"], zorder=_BRACKET["zorder"])  # fmt: skip
            for name, y in heights.items():
                label = f"learning {copies[0].matrix.lstrip('−')} {name}@{copies[0].post_phase}"
                axes.plot([edge, x], [y, y], color=ink, markevery=[1], label=label, **_BRACKET)


def _boxes(axes: Axes, numbers: pd.DataFrame, grid: _Grid) -> None:
    for row in rows(numbers, "population"):
        gate = row.layer == "gate"
        place = grid.x(row.post_phase), grid.heights[row.post]
        box(axes, place, _GATE_BOX if gate else _BOX, style.colour(row.post),
            f"{row.post}@{row.post_phase}")  # fmt: skip
        axes.text(*place, row.post, ha="center", va="center_baseline", zorder=7,
                  fontsize=6.2 if gate or len(row.post) > 4 else 7.5)  # fmt: skip


# -- key ---------------------------------------------------------------------------------------


def _lines_of_phases(phases: list[Row]) -> int:
    return math.ceil(len(phases) / len(_KEY_PHASES))


def _key_of_phases(axes: Axes, phases: list[Row], top: float) -> None:
    """Write what each phase does."""
    for k, row in enumerate(phases):
        column, line = divmod(k, _lines_of_phases(phases))
        x, y = _KEY_PHASES[column], top - (line + 1) * _KEY_LINE
        if row.kind:
            axes.add_patch(Rectangle((x, y - 0.45 * _KEY_LINE), 4, 0.9 * _KEY_LINE, linewidth=0,
                                     facecolor=style.LEARNING_SHADES[row.kind]))  # fmt: skip
        axes.text(x + 2, y, str(row.post_phase), ha="center", va="center_baseline", fontsize=6.5)
        axes.text(x + 5, y, row.text, ha="left", va="center_baseline", fontsize=6.5)


def _key_of_marks(axes: Axes, numbers: pd.DataFrame, top: float) -> None:
    """Write what the lines and marks that occur mean."""
    for k, (mark, text) in enumerate(_marks(numbers)):
        column, line = divmod(k, _MARK_LINES)
        x, y = _KEY_MARKS[column], top - (line + 0.5) * _KEY_LINE
        mark(axes, x, y)
        axes.text(x + 10, y, text, ha="left", va="center_baseline", fontsize=6.5)


def _marks(numbers: pd.DataFrame) -> Iterator[tuple[Callable[[Axes, float, float], None], str]]:
    """Yield how a mark is drawn, and what it means."""
    synapses = rows(numbers, "synapses")
    for kind, text in KINDS.items():
        if kind in {row.kind for row in synapses}:
            yield partial(_sample_line, kind=kind), text
    for threshold in sorted({row.threshold for row in synapses if row.kind == GATING}):
        yield partial(_sample_dial, threshold=threshold), f"opens: fires above {threshold}"
    if rows(numbers, "block"):
        yield _sample_cross, "closes once more, whatever arrives"
    for learning in dict.fromkeys(row.kind for row in rows(numbers, "learning")):
        yield partial(_sample_bracket, kind=learning), f"plastic synapses learn: {learning}"
    yield _sample_colours, "a line has the colour of its spikes' source"


def _sample_line(axes: Axes, x: float, y: float, kind: str) -> None:
    ink = GATE_COLOUR if kind == RING else "0.25"
    link(axes, np.array([(x, y), (x + 5, y), (x + 8, y)]), kind, ink, label="key")


def _sample_dial(axes: Axes, x: float, y: float, threshold: int) -> None:
    dial(axes, (x + 6, y), threshold, GATE_COLOUR, "key")


def _sample_cross(axes: Axes, x: float, y: float) -> None:
    cross(axes, (x + 6, y), GATE_COLOUR, "key")


def _sample_bracket(axes: Axes, x: float, y: float, kind: str) -> None:
    line = [(x + 5, y + 0.75), (x + 7, y + 0.75), (x + 7, y - 0.75), (x + 5, y - 0.75)]
    axes.plot(*zip(*line, strict=True), color=learning_ink(kind), markevery=[1, 2], **_BRACKET)


def _sample_colours(axes: Axes, x: float, y: float) -> None:
    for k, name in enumerate(("x", "h", "o", "d+")):
        axes.plot([x + 2 * k, x + 2 * k + 2], [y, y], color=style.colour(name), linewidth=1.3)


ENTRY = Entry(
    name="connectivity",
    group=PAPER,
    title="Functional connectivity, step by step",
    caption=(
        "The circuit unrolled over the twelve time steps of a training sample, drawn from its "
        "rows in circuit.py alone, not from a run: a population is drawn in the steps in which a "
        "gate or another population opens it, a synapse where its spike, one step and the extra "
        "delay later, finds the target open. Plastic all-to-all, fixed one-to-one, inhibitory and "
        "gating synapses have different lines; in the shaded phases plastic synapses learn; at "
        "the bottom, the gating chain."
    ),
    element="Fig. 2",
    numbers=numbers,
    draw=draw,
    svg=True,
)
