"""The idea of the circuit: modules of populations, and what they tell each other (paper: Fig. 1).

Columns are layers, with the error behind the last one.  Rows are, from the top: what is kept for
later (memory, box derivative, target), the feedforward module, and the feedback module through the
transposed weights; at the bottom, what the gating chain opens when.  All of it is derived from the
rows of the circuit, by `circuit_modules`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from synfire_bp.circuit import backprop_circuit

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given
from ..shared.wiring import GATE_COLOUR, KINDS, RING, box, canvas, link
from .circuit_modules import (
    DERIVATIVE,
    ERROR,
    FEEDBACK,
    FORWARD,
    MEMORY,
    SOURCE,
    TARGET,
    Module,
    modules,
    summary,
)
from .connectivity import SIZES
from .protocol import PAPER

__all__ = ["ENTRY", "Module", "draw", "modules", "numbers", "summary"]

_LEVELS = (
    ("kept for later", (MEMORY, DERIVATIVE, TARGET)),
    ("feedforward, error", (FORWARD, ERROR)),
    ("feedback", (FEEDBACK,)),
)
"""Rows of the figure, from the top, and the kinds of modules in them."""

# geometry, mm
_LEFT, _TOP = 8.0, 2.0
_LEVEL, _LEVEL_GAP = 22.5, 1.5
_BOX = (16.5, 11.0)
_BESIDE = 0.29  # of a column: two modules of a cell lie so far from its middle
_APART = 2.3  # between parallel lines
_LABEL_BESIDE = 2.3  # beside the outer one of parallel lines
_BENDS = (0, 12, -12, 20, -20, 28, -28, 36, -36)
_CLEAR = 1.0  # between a line and a box that it passes
_CHAIN, _GATE_BOX, _KEY = 19.5, (6.0, 3.8), 9.5
_LINE_OF_NAMES = 11  # characters


def numbers(runs: Path) -> pd.DataFrame:
    """Return what is drawn, for the paper's network; needs no run."""
    return summary(backprop_circuit(SIZES))


# -- drawing -----------------------------------------------------------------------------------


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the concept, 183 mm wide, from a table of `summary`."""
    found = [Module(r["kind"], int(r["layer"]), tuple(r["pre"].split()))
             for r in _records(numbers, "module")]  # fmt: skip
    levels = [kinds for _, kinds in _LEVELS if any(module.kind in kinds for module in found)]
    height = _TOP + len(levels) * (_LEVEL + _LEVEL_GAP) + _CHAIN + _KEY
    figure, axes = canvas(axes, style.DOUBLE_COLUMN, height)
    tops: dict[tuple[str, ...], float] = {}
    for k, (title, kinds) in enumerate(level for level in _LEVELS if level[1] in levels):
        tops[kinds] = height - _TOP - k * (_LEVEL + _LEVEL_GAP)
        _level(axes, title, tops[kinds] - _LEVEL, _LEVEL)
    places = _places(numbers, found, tops)
    _links(axes, numbers, places)
    for record in _records(numbers, "module"):
        _module(axes, record, places[record["pre"]])
    _chain(axes, numbers, _KEY)
    _key(axes, numbers)
    return figure


def _records(numbers: pd.DataFrame, what: str) -> list[dict]:
    chosen = numbers[numbers["what"] == what]
    return [{str(k): "" if pd.isna(v) else v for k, v in record.items()}
            for record in chosen.to_dict("records")]  # fmt: skip


def _level(axes: Axes, title: str, bottom: float, height: float) -> None:
    axes.add_patch(
        Rectangle((_LEFT, bottom), style.DOUBLE_COLUMN - _LEFT - 1, height, facecolor="none",
                  edgecolor="0.82", linewidth=0.5, zorder=0)
    )  # fmt: skip
    axes.text(3.8, bottom + height / 2, title, rotation=90, ha="center", va="center")


def _places(
    numbers: pd.DataFrame, found: list[Module], tops: dict[tuple[str, ...], float]
) -> dict[str, tuple[float, float]]:
    """Return the middle of each module: columns by layer, rows by kind, sources to the left."""
    n_layers = 1 + max(module.layer for module in found)
    cells: dict[tuple[int, float], list[str]] = {}
    level = {kind: top - _LEVEL / 2 for kinds, top in tops.items() for kind in kinds}
    for module in found:
        if module.kind != SOURCE:
            column = n_layers if module.kind in (ERROR, TARGET) else module.layer
            cells.setdefault((column, level[module.kind]), []).append(module.name)
    at = {name: cell for cell, names in cells.items() for name in names}
    for record in _records(numbers, "link"):
        if record["pre"] not in at:
            column, y = at[record["post"]]
            cells.setdefault((column - 1, y), []).append(record["pre"])
    first, last = min(column for column, _ in cells), max(column for column, _ in cells)
    width = (style.DOUBLE_COLUMN - _LEFT - 1) / (last - first + 1)
    return {
        name: (_LEFT + (column - first + 0.5 + _BESIDE * (2 * k - len(names) + 1)) * width, y)
        for (column, y), names in cells.items()
        for k, name in enumerate(names)
    }


def _module(axes: Axes, record: dict, place: tuple[float, float]) -> None:
    x, y = place
    names = record["pre"].split()
    box(axes, place, _BOX, style.colour(names[0]), record["pre"])
    lines = ((3.2, record["kind"], 6.2, "0.25"), (0, "  ".join(names), 8, "#202020"),
             (-3.3, record["phases"].replace(" ", ", "), 6.2, "0.25"))  # fmt: skip
    for dy, text, size, ink in lines:
        axes.text(x, y + dy, text, ha="center", va="center", fontsize=size, color=ink, zorder=7)


def _links(axes: Axes, numbers: pd.DataFrame, places: dict[str, tuple[float, float]]) -> None:
    """Draw the lines between modules, side by side where there are several."""
    beside: dict[frozenset[str], list[dict]] = {}
    for record in _records(numbers, "link"):
        beside.setdefault(frozenset((record["pre"], record["post"])), []).append(record)
    for records in beside.values():
        for k, record in enumerate(records):
            ends = np.array([places[record["pre"]], places[record["post"]]])
            low, high = sorted(map(tuple, ends))
            along = np.subtract(high, low) / np.hypot(*np.subtract(high, low))
            shift = _APART * (k - (len(records) - 1) / 2) * np.array([along[1], -along[0]])
            others = [at for name, at in places.items()
                      if name not in (record["pre"], record["post"])]  # fmt: skip
            line = _free_line(ends + shift, others, ends)
            colour = style.colour(record["pre"].split()[0])
            label = f"{record['kind']} {record['pre']}→{record['post']}"
            link(axes, line, record["kind"], colour, label=label)
            if len(records) == 1:
                _label(axes, record, line[len(line) // 2], "\n")
            else:
                outward = _LABEL_BESIDE * shift / (np.linalg.norm(shift) or 1)
                _label(axes, record, line[int(0.56 * len(line))] + outward, "  ")


def _free_line(
    ends: np.ndarray, others: list[tuple[float, float]], boxes: np.ndarray
) -> np.ndarray:
    """Return the line from box to box that is bent least and passes clear of the others."""
    start, end = ends
    across = np.array([-(end - start)[1], (end - start)[0]]) / np.linalg.norm(end - start)
    t = np.linspace(0, 1, 201)[:, None]
    for bend in _BENDS:
        knee = (start + end) / 2 + bend * across
        line = (1 - t) ** 2 * start + 2 * t * (1 - t) * knee + t**2 * end
        outside = ~_within(line, boxes[0], 0.3) & ~_within(line, boxes[1], 0.3)
        line = line[outside]
        if not any(_within(line, other, _CLEAR).any() for other in others):
            break
    return line


def _within(points: np.ndarray, centre: Iterable[float], margin: float) -> np.ndarray:
    reach = np.array(_BOX) / 2 + margin
    return (np.abs(points - np.array(list(centre))) < reach).all(axis=1)


def _label(axes: Axes, record: dict, at: np.ndarray, between: str) -> None:
    """Write on a line what it carries: weights and when they learn, or a local gradient."""
    name = record["matrix"] or (f"d{int(record['layer'])}" if record["learning"] else "")
    if name:
        text = between.join(filter(None, (name, record["learning"])))
        axes.text(at[0], at[1], text, ha="center", va="center", fontsize=7, zorder=8,
                  linespacing=1.25,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0})  # fmt: skip


def _chain(axes: Axes, numbers: pd.DataFrame, bottom: float) -> None:
    """Draw the gating chain, and below each gate what it opens and closes in which phase."""
    gates = sorted(_records(numbers, "gate"), key=lambda record: int(record["phases"]))
    width = (style.DOUBLE_COLUMN - _LEFT - 1) / len(gates)
    top = bottom + _CHAIN - _LEVEL_GAP
    y = top - 6.6
    _level(axes, "gating chain", bottom, _CHAIN - _LEVEL_GAP)
    for k, record in enumerate(gates):
        x = _LEFT + (k + 0.5) * width
        if record["learning"]:
            axes.add_patch(Rectangle((x - width / 2, bottom), width, top - bottom, linewidth=0,
                                     facecolor=style.LEARNING_SHADES[record["learning"]],
                                     zorder=-1, label=record["learning"]))  # fmt: skip
        axes.text(x, top - 2.4, record["phases"], ha="center", va="center", fontweight="bold")
        box(axes, (x, y), _GATE_BOX, GATE_COLOUR, record["pre"])
        axes.text(x, y, record["pre"], ha="center", va="center_baseline", fontsize=6.2, zorder=7)
        for start in (x, x - width) if k == 0 else (x,):
            a, b = start + _GATE_BOX[0] / 2, start + width - _GATE_BOX[0] / 2
            a, b = max(a, _LEFT), min(b, style.DOUBLE_COLUMN - 1)
            link(axes, np.array([(a, y), (b, y)]), RING, GATE_COLOUR, label="ring")
        lines = textwrap.wrap(record["opens"], _LINE_OF_NAMES)
        lines += textwrap.wrap(f"× {record['closes']}", _LINE_OF_NAMES) if record["closes"] else []
        axes.text(x, y - 3.2, "\n".join(lines), ha="center", va="top", fontsize=6.5,
                  linespacing=1.2)  # fmt: skip


def _key(axes: Axes, numbers: pd.DataFrame) -> None:
    kinds = {record["kind"] for record in _records(numbers, "link")}
    shown = [kind for kind in KINDS if kind in kinds]
    for k, kind in enumerate(shown):
        x, y = _LEFT + k * 43, 6.2
        link(axes, np.array([(x, y), (x + 5, y), (x + 8, y)]), kind, "0.25", label="key")
        axes.text(x + 9.5, y, KINDS[kind], ha="left", va="center_baseline", fontsize=6.5)
    text = (
        "small numbers: phases in which a module is open; at W and d: in which weights grow ↑ and "
        "shrink ↓; ×: closes once more"
    )
    axes.text(_LEFT, 2.4, text, ha="left", va="center_baseline", fontsize=6.5)


ENTRY = Entry(
    name="concept",
    group=PAPER,
    title="The circuit in one picture",
    caption=(
        "Modules of populations and the signals between them, derived from the rows of circuit.py "
        "alone, not from a run: a feedforward module, the error between output and target, a "
        "feedback module through the transposed weights, and local gradients d that are gated "
        "back into the feedforward module in the phases in which weights grow or shrink."
    ),
    element="Fig. 1",
    numbers=numbers,
    draw=draw,
    svg=True,
)
