"""How the projections of a circuit are told apart and drawn, in every picture of it.

Plastic all to all: thick.  Fixed one to one: thin.  Inhibitory: ends in a bar.  Gating: dashed,
ends in a dial that is empty, half full or full for the threshold it gives, or in a cross where it
closes the population once more.  All lengths are in mm; the axes are made by `canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Wedge
from matplotlib.path import Path as MplPath

from synfire_bp.circuit import FULL, HALF, Circuit, FixedWeight, PlasticProjection

from . import style
from .panels import Given, placed

__all__ = [
    "ARROWS",
    "DASHES",
    "GATE_COLOUR",
    "FIXED",
    "GATING",
    "INHIBITORY",
    "KINDS",
    "PLASTIC",
    "RING",
    "box",
    "canvas",
    "cross",
    "dial",
    "kind_of",
    "learning_ink",
    "link",
    "matrix_name",
]

PLASTIC, FIXED, INHIBITORY, GATING, RING = "plastic", "fixed", "inhibitory", "gating", "ring"
KINDS = {
    PLASTIC: "plastic, all to all",
    FIXED: "fixed, one to one",
    INHIBITORY: "inhibitory, one to one",
    GATING: "gating: opens its target",
    RING: "gating chain",
}
"""What the kinds of projections are called in a key."""
ARROWS = {"potentiation": "↑", "depression": "↓"}
"""Sign of a kind of learning."""

GATE_COLOUR = style.colour("g0")
_WIDTHS = {PLASTIC: 1.9, FIXED: 0.75, INHIBITORY: 0.75, GATING: 0.75, RING: 0.75}  # points
DASHES = {GATING: (0, (3.2, 1.6))}
"""Dashes of the kinds that are not drawn solid."""
_HEAD = {PLASTIC: 2.0, FIXED: 1.45, RING: 1.45}  # length of the arrow's head
_BAR = 1.2
_DIAL = 0.62
_DIAL_FILL = {0: 0.0, HALF: 0.5, FULL: 1.0}


def learning_ink(kind: str) -> tuple[float, float, float]:
    """Return the colour of lines that show where synapses learn: the phase's shade, darker."""
    red, green, blue = to_rgb(style.LEARNING_SHADES[kind])
    return (0.55 * red, 0.55 * green, 0.55 * blue)


def kind_of(weight: FixedWeight, circuit: Circuit) -> str:
    """Return the kind of a one-to-one projection: by what its weight does to a closed neuron."""
    if weight.value < 0:
        return INHIBITORY
    return GATING if weight.value >= circuit.closing else FIXED


def matrix_name(row: PlasticProjection) -> str:
    """Return the weight matrix that a plastic projection starts as, such as "W1" or "−W2ᵀ"."""
    return f"{'−' if row.sign < 0 else ''}W{row.layer + 1}{'ᵀ' if row.transposed else ''}"


def canvas(axes: Given, width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure, and axes that cover it and count in mm from its lower left corner.

    Axes that are given count likewise, and keep the drawing's proportions.
    """
    panels = placed(axes, 1, width, height, lambda figure: [figure.add_axes((0, 0, 1, 1))])
    found = panels[0]
    found.set(xlim=(0, width), ylim=(0, height), aspect="auto" if panels.own else "equal")
    found.set_axis_off()
    return panels.figure, found


def box(
    axes: Axes, centre: tuple[float, float], size: tuple[float, float], colour: str, label: str
) -> None:
    """Draw the rounded box of a population; a source (`label` says so) looks the same."""
    pale = 1 - 0.18 * (1 - np.array(to_rgb(colour)))
    axes.add_patch(
        FancyBboxPatch(
            (centre[0] - size[0] / 2, centre[1] - size[1] / 2), *size,
            boxstyle="round,pad=0,rounding_size=0.9", facecolor=tuple(pale), edgecolor=colour,
            linewidth=0.9, zorder=4, label=label,
        )
    )  # fmt: skip


def link(
    axes: Axes,
    points: np.ndarray,
    kind: str,
    colour: str,
    *,
    label: str,
    threshold: int = HALF,
    within: Polygon | None = None,
) -> None:
    """Draw a projection along a line, shape (n, 2), its mark at the end.

    `threshold`, for gating: what the target's sum is held against from then on.
    """
    tip, length = points[-1], _end_length(kind)
    back = np.linalg.norm(points - tip, axis=1)
    body = points[: int(np.flatnonzero(back > length).max()) + 1]
    direction = tip - body[-1]
    direction = direction / np.linalg.norm(direction)
    body = np.vstack([body, tip - length * direction])
    line = Line2D(
        body[:, 0], body[:, 1], color=colour, linewidth=_WIDTHS[kind],
        linestyle=DASHES.get(kind, "-"), solid_capstyle="butt", zorder=2, label=label,
    )  # fmt: skip
    axes.add_line(line)
    if within is not None:
        line.set_clip_path(within)
    if within is None or _inside(within, tip):
        _mark(axes, tip, direction, kind, colour, threshold)


def _inside(area: Polygon, point: np.ndarray) -> bool:
    return bool(MplPath(area.get_xy()).contains_point((point[0], point[1])))


def _end_length(kind: str) -> float:
    if kind == GATING:
        return 2 * _DIAL
    return 0.25 if kind == INHIBITORY else 0.8 * _HEAD[kind]


def _mark(
    axes: Axes, tip: np.ndarray, along: np.ndarray, kind: str, colour: str, threshold: int
) -> None:
    across = np.array([-along[1], along[0]])
    if kind == GATING:
        dial(axes, (tip - _DIAL * along).tolist(), threshold, colour)
    elif kind == INHIBITORY:
        start = tip - 0.25 * along
        ends = np.array([start - _BAR / 2 * across, start + _BAR / 2 * across])
        axes.add_line(Line2D(ends[:, 0], ends[:, 1], color=colour, linewidth=1.5, zorder=5))
    else:
        base, half = tip - _HEAD[kind] * along, 0.36 * _HEAD[kind] * across
        axes.add_patch(
            Polygon([tip, base + half, base - half], facecolor=colour, linewidth=0, zorder=5)
        )


def dial(axes: Axes, centre: Sequence[float], threshold: int, colour: str, label: str = "") -> None:
    """Draw the end of a gating synapse: empty, half full or full, as the threshold it gives."""
    x, y = centre
    axes.add_patch(Circle((x, y), _DIAL, facecolor="white", edgecolor=colour, linewidth=0.6,
                          zorder=6, label=label))  # fmt: skip
    share = _DIAL_FILL[threshold]
    if share:
        half = 180 * share
        axes.add_patch(Wedge((x, y), _DIAL, 270 - half, 270 + half, facecolor=colour, linewidth=0,
                             zorder=6.1))  # fmt: skip


def cross(axes: Axes, centre: Sequence[float], colour: str, label: str) -> None:
    """Draw the mark of a population that is closed once more."""
    axes.plot(*centre, marker="x", color=colour, markersize=3.4, markeredgewidth=1.0, zorder=6,
              label=label)  # fmt: skip
