"""What one training sample does, step by step: a frame per phase, every neuron a cell.

The frames are the panels of a figure, and an animated GIF beside it.  Layers stand one above the
other, as in the raster; the gating chain is the ring that it is.  A cell is lit where its neuron
fires; a population is framed where a gate opens it.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from synfire_bp.circuit import Circuit, Gate, backprop_circuit

from ..shared import raster, style
from ..shared.entry import Entry
from ..shared.panels import Given, placed
from .protocol import PAPER, UNTRAINED, finished_run
from .raster import coincidences

__all__ = ["ANIMATION", "ENTRY", "draw", "extra", "frames", "numbers"]

ANIMATION = "one_sample.gif"
_ERROR = ("d+", "d-")
_ARROWS = {"potentiation": "↑", "depression": "↓"}

# geometry of a frame, mm in the figure
_WIDTH, _HEIGHT = 60.0, 45.5
_MARGIN, _TITLE, _NAME = 1.5, 10.0, 3.0
_STRIP, _STRIPS_A_ROW = 1.25, 4
_GRID, _GRIDS_A_ROW = 8.4, 6
_COLUMNS, _SPACE = 3, 1.5
_KEY = 4.5
_RING = 4.2
_LETTERS = 46
_UNLIT, _OPEN, _GATE_LIT = "#e9e9e9", "#202020", "#505050"

# the animation
_ENLARGED = 2.6
_DPI = 150
_MILLISECONDS = 1500
_PALETTE = 96


def numbers(runs: Path) -> pd.DataFrame:
    """Return the spikes of one sample of the untrained network.

    Of the recorded samples, the first in which both error populations fire; if there is none, the
    first with most error spikes.

    Returns
    -------
    DataFrame
        One row per spike; a population that stays silent has one without `phase` and `neuron`:
        `panel`, `population`, `neurons` (its size), `phase`, `neuron`, `training_sample` (which of
        the training set), `label`.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished or without recorded spikes.
    """
    table = raster.numbers(finished_run(runs, UNTRAINED, with_spikes=True))
    chosen = _with_errors(table)
    about = table[table["sample"] == chosen].iloc[0]
    names = table["population"].drop_duplicates()
    spikes = table.loc[table["sample"] == chosen, ["population", "phase", "neuron"]]
    result = names.to_frame().merge(spikes, how="left", on="population")
    first = table.drop_duplicates("population").set_index("population")
    return pd.DataFrame(
        {
            "panel": result["population"].map(first["panel"]),
            "population": result["population"],
            "neurons": result["population"].map(first["neurons"]),
            "phase": result["phase"].astype("Int64"),
            "neuron": result["neuron"].astype("Int64"),
            "training_sample": about["training_sample"],
            "label": about["label"],
        }
    )


def _with_errors(table: pd.DataFrame) -> int:
    """Return the sample that is shown: its position in the record."""

    def rank(sample: int) -> tuple[bool, int, int]:
        spikes = table.loc[table["sample"] == sample, "population"]
        errors = [int((spikes == name).sum()) for name in _ERROR]
        both = min(errors) > 0
        return both, 0 if both else sum(errors), -sample

    return max(table["sample"].dropna().unique().tolist(), key=rank)


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw all frames beside and below each other, 183 mm wide."""
    circuit = _circuit(numbers)
    rows = -(-circuit.n_phases // _COLUMNS)
    height = _KEY + rows * (_HEIGHT + _SPACE) - _SPACE

    def made(figure: Figure) -> Iterator[Axes]:
        for phase in range(circuit.n_phases):
            row, column = divmod(phase, _COLUMNS)
            left, top = column * (_WIDTH + _SPACE), _KEY + row * (_HEIGHT + _SPACE)
            yield figure.add_axes(
                (left / style.DOUBLE_COLUMN, 1 - (top + _HEIGHT) / height,
                 _WIDTH / style.DOUBLE_COLUMN, _HEIGHT / height)
            )  # fmt: skip

    panels = placed(axes, circuit.n_phases, style.DOUBLE_COLUMN, height, made)
    for phase, axes in enumerate(panels):
        _frame(axes, numbers, circuit, phase)
        if not panels.own:
            axes.set_aspect("equal")
    if panels.own:
        panels.figure.legend(handles=_key(), loc="upper left", ncols=5)
    else:
        panels.legend(_key())
    return panels.figure


def _key() -> list[Patch]:
    """Return the legend: cells, frames and shades."""
    shades = {"step of growth": "potentiation", "step of shrinking": "depression"}
    return [
        Patch(color=style.colour("h"), linewidth=0, label="a neuron fires, of its layer’s colour"),
        Patch(color=_UNLIT, linewidth=0, label="silent"),
        Patch(fill=False, edgecolor=_OPEN, linewidth=1.1, label="opened by a gate"),
        *(Patch(color=style.LEARNING_SHADES[shades[text]], linewidth=0, label=text)
          for text in shades),
    ]  # fmt: skip


def extra(numbers: pd.DataFrame) -> dict[str, bytes]:
    """Return the animation, by its file's name."""
    pictures = frames(numbers)
    file = io.BytesIO()
    pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:],
                     duration=_MILLISECONDS, loop=0, optimize=True)  # fmt: skip
    return {ANIMATION: file.getvalue()}


@style.applied()
def frames(numbers: pd.DataFrame) -> list[Image.Image]:
    """Return the frames of the animation, one per phase."""
    circuit = _circuit(numbers)
    pictures = []
    for phase in range(circuit.n_phases):
        figure = style.new_figure(_ENLARGED * _WIDTH, _ENLARGED * _HEIGHT)
        figure.set_dpi(_DPI)
        _frame(figure.add_axes((0, 0, 1, 1)), numbers, circuit, phase, _ENLARGED)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        pictures.append(
            picture.quantize(_PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        )
    return pictures


def _circuit(numbers: pd.DataFrame) -> Circuit:
    sizes = numbers.groupby("population")["neurons"].first()
    return backprop_circuit((int(sizes["x"]), int(sizes["h"]), int(sizes["o"])))


def _frame(
    axes: Axes, numbers: pd.DataFrame, circuit: Circuit, phase: int, scale: float = 1
) -> None:
    """Draw one phase; `scale` enlarges the text with the figure."""
    about = circuit.phases[phase]
    axes.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0), xticks=[], yticks=[], label=f"phase {phase}")
    axes.set_facecolor(style.LEARNING_SHADES.get(about.learning, "white"))
    axes.spines[:].set(visible=True, color="0.6", linewidth=0.5 * scale)
    _title(axes, numbers, circuit, phase, scale)
    fired = numbers[numbers["phase"] == phase].groupby("population")["neuron"]
    lit = {str(name): neurons.to_numpy(dtype=int) for name, neurons in fired}
    top = _TITLE
    for panel, row_length, pitch, height in (
        ("output", _STRIPS_A_ROW, (_WIDTH - _MARGIN) / _STRIPS_A_ROW, _NAME + _STRIP + 1),
        ("hidden", _GRIDS_A_ROW, (_WIDTH - _MARGIN) / _GRIDS_A_ROW, _NAME + _GRID + 1),
        ("input", _GRIDS_A_ROW, (_WIDTH - _MARGIN) / _GRIDS_A_ROW, _NAME + _GRID + 1),
    ):
        here = numbers[numbers["panel"] == panel].drop_duplicates("population")
        sizes = zip(here["population"].tolist(), here["neurons"].tolist(), strict=True)
        for place, (name, neurons) in enumerate(sizes):
            row, column = divmod(place, row_length)
            _population(
                axes, name, neurons, panel, lit.get(name, np.empty(0, dtype=int)),
                (_MARGIN + column * pitch, top + row * height),
                _opened(circuit, name, phase), scale,
            )  # fmt: skip
        top += height * -(-len(here) // row_length)
    _ring(axes, circuit, lit, top - _GRID / 2 - 2.4, scale)


def _title(axes: Axes, numbers: pd.DataFrame, circuit: Circuit, phase: int, scale: float) -> None:
    """Write which phase it is, what it does, and how many synapses learn."""
    about, first = circuit.phases[phase], numbers.iloc[0]
    axes.text(_MARGIN, 1.2, f"step {phase}", fontsize=7.5 * scale, fontweight="bold", va="top")
    meetings = [
        f"W{meeting.layer + 1}{_ARROWS[meeting.learning]} {meeting.synapses:,} synapses"
        for meeting in coincidences(numbers.assign(step=numbers["phase"]))
        if meeting.step == phase
    ]
    said = ", ".join(meetings) or f"sample {first['training_sample']}, label {first['label']}"
    axes.text(_WIDTH - _MARGIN, 1.2, said, fontsize=6.5 * scale, va="top", ha="right",
              fontweight="bold" if meetings else "normal")  # fmt: skip
    lines = textwrap.wrap(about.meaning, _LETTERS)
    axes.text(_MARGIN, 4.3, "\n".join(lines), fontsize=6.5 * scale, va="top", linespacing=1.15)


def _opened(circuit: Circuit, population: str, phase: int) -> bool:
    """Return whether a gate opens a population in a phase."""
    return isinstance(circuit.gated(population).get(phase), Gate)


def _population(
    axes: Axes,
    name: str,
    neurons: int,
    panel: str,
    lit: np.ndarray,
    corner: tuple[float, float],
    opened: bool,
    scale: float,
) -> None:
    """Draw a population as a row of cells (output) or a square of them."""
    columns = neurons if panel == "output" else math.ceil(math.sqrt(neurons))
    rows = -(-neurons // columns)
    cells = np.ones((rows * columns, 3))
    cells[:neurons] = to_rgb(_UNLIT)
    cells[lit] = to_rgb(style.colour(name))
    left, top = corner[0], corner[1] + _NAME
    width = _STRIP * min(columns, 10) if panel == "output" else _GRID
    height = _STRIP if panel == "output" else _GRID
    axes.imshow(
        cells.reshape(rows, columns, 3), extent=(left, left + width, top + height, top),
        interpolation="none", aspect="auto", label=name, zorder=2,
    )  # fmt: skip
    axes.add_patch(
        Rectangle((left, top), width, height, fill=False, zorder=3, label=f"{name} opened" if opened
                  else name, edgecolor=_OPEN if opened else "0.75",
                  linewidth=(1.1 if opened else 0.4) * scale)
    )  # fmt: skip
    axes.text(left, top - 0.5, name, fontsize=6.5 * scale, va="bottom",
              fontweight="bold" if len(lit) else "normal")  # fmt: skip
    axes.set(xlim=(0, _WIDTH), ylim=(_HEIGHT, 0))


def _ring(
    axes: Axes, circuit: Circuit, lit: dict[str, np.ndarray], middle: float, scale: float
) -> None:
    """Draw the gating chain as a ring, clockwise from the top."""
    centre = _MARGIN + 4.6 * (_WIDTH - _MARGIN) / _GRIDS_A_ROW, middle
    angle = 2 * np.pi * np.arange(circuit.n_phases) / circuit.n_phases
    x = centre[0] + _RING * np.sin(angle)
    y = centre[1] - _RING * np.cos(angle)
    for name, left, top in zip(circuit.gate_names, x, y, strict=True):
        on = name in lit
        axes.plot(left, top, "o", color=_GATE_LIT if on else _UNLIT, markersize=4.2 * scale,
                  markeredgecolor="0.5", markeredgewidth=0.4 * scale, label=name)  # fmt: skip
        if on:
            axes.text(*centre, name, fontsize=6.5 * scale, ha="center", va="center",
                      fontweight="bold")  # fmt: skip
    axes.text(centre[0] - _RING - 1.5, centre[1], "gating\nchain", fontsize=6.5 * scale, ha="right",
              va="center")  # fmt: skip


ENTRY = Entry(
    name="one_sample",
    group=PAPER,
    title="What one training sample does, step by step",
    caption="The twelve time steps of one training sample in an untrained network (seed 0), one "
    "square per neuron, bright where it fires; also as an animation, one_sample.gif. Framed in "
    "black: populations that a gate opens in this step; in the ring: the gate neuron that fires, "
    "and whose pulse acts in the next step. Shaded: the steps in which synapses learn, with the "
    "number of synapses of the matrix whose two neurons both fire.",
    numbers=numbers,
    draw=draw,
    extra=extra,
)
