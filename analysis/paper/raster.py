"""Annotated rasters of a trained and of an untrained network (paper: raster), three samples each.

Drawn by `shared.raster`.  Added here: what was recorded, and where synapses learn.  In every
learning step it is written how many synapses of a weight matrix see both their neurons fire, and
the populations that meet are framed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from synfire_bp.circuit import Circuit, backprop_circuit

from ..shared import raster, style
from ..shared.entry import Entry
from ..shared.panels import Given
from .protocol import PAPER, UNTRAINED, finished_run

__all__ = ["ENTRIES", "Coincidence", "coincidences", "draw", "trained", "untrained"]

_TRAINED = "mnist-seed0"
_ERROR = ("d+", "d-")
_FRAMES = {"potentiation": "#0173b2", "depression": "#b06a00"}
_HEADING = 9.5  # mm
_FRAME_WIDTH = 0.96  # of a step


@dataclass(frozen=True)
class Coincidence:
    """Where, in a learning step, the neurons of a weight matrix's synapses fire together.

    Attributes
    ----------
    step : int
        Time step, from 0.
    learning : str
        "potentiation" or "depression".
    layer : int
        Of the weights, from 0.
    synapses : int
        Synapses of the matrix's first copy whose two neurons fire.
    populations : tuple of str
        All those that meet, in any copy.
    """

    step: int
    learning: str
    layer: int
    synapses: int
    populations: tuple[str, ...]


def trained(runs: Path) -> pd.DataFrame:
    """Return the spikes of the trained network; columns as in `shared.raster.numbers`, and more.

    `network` says which network, `recorded` how many samples were recorded, `with_error` in how
    many of them an error neuron (d+ or d-) fired.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished or without recorded spikes.
    """
    return _numbers(runs, _TRAINED)


def untrained(runs: Path) -> pd.DataFrame:
    """Return the spikes of the untrained network: the first three samples that it sees.

    Columns as of `trained`.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished or without recorded spikes.
    """
    return _numbers(runs, UNTRAINED)


def _numbers(runs: Path, name: str) -> pd.DataFrame:
    run = finished_run(runs, name, with_spikes=True)
    table = raster.numbers(run)
    epochs, recorded = run.experiment.training.epochs, len(run.spikes_about["samples"])
    n_phases = backprop_circuit((1, 1, 1)).n_phases
    steps = np.concatenate([run.spikes[population].step for population in _ERROR])
    said = "untrained network" if name == UNTRAINED else f"network trained for {epochs} epochs"
    return table.assign(
        network=said, recorded=recorded, with_error=len(np.unique(steps // n_phases))
    )


def coincidences(numbers: pd.DataFrame) -> Iterator[Coincidence]:
    """Yield every step and weight matrix that may learn in it, whether any synapse does or not."""
    fired = numbers.dropna(subset=["step"])
    spikes = fired.groupby(["population", "step"]).size()
    circuit = _circuit(numbers)
    layers = raster.learning_layers(circuit)
    for sample in range(int(fired["step"].max()) // circuit.n_phases + 1):
        for phase in circuit.phases:
            step = sample * circuit.n_phases + phase.index
            for layer in layers[phase.index] if phase.learning else ():
                met = {}
                for row in (row for row in circuit.plastic if row.layer == layer):
                    pre, post = (int(spikes.get((name, step), 0)) for name in (row.pre, row.post))
                    met[row.pre, row.post] = pre * post
                yield Coincidence(
                    step, phase.learning, layer,
                    synapses=next(iter(met.values())),
                    populations=tuple(sorted({name for pair, n in met.items() if n
                                              for name in pair})),
                )  # fmt: skip


def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the raster, 183 mm wide, with what was recorded and where synapses learn."""
    panels = raster.raster_panels(numbers, axes)
    with style.applied():
        if panels.own:
            _add_heading(panels.figure, numbers)
        output = panels[0]
        for meeting in coincidences(numbers):
            output.annotate(
                _short(meeting.synapses), (meeting.step, 1),
                xycoords=output.get_xaxis_transform(), xytext=(0, 10), fontsize=6,
                textcoords="offset points", ha="center", va="bottom", label="synapses",
            )  # fmt: skip
            for one in panels:
                _frame(one, meeting)
        for text in output.texts:  # sample and label make room for the numbers
            if text.get_text().startswith("training sample"):
                text.set_position((0, 20))
        if not panels.own:
            panels.legend(_key(), ncols=2)
    return panels.figure


def _key() -> list[Patch]:
    """Return the legend of given axes: what frames and shades mean."""
    frames = [Patch(fill=False, edgecolor=ink, linewidth=0.9, label=f"populations meet: {learning}")
              for learning, ink in _FRAMES.items()]  # fmt: skip
    return frames + [
        Patch(color=shade, linewidth=0, label=f"step of {learning}")
        for learning, shade in style.LEARNING_SHADES.items()
        if learning in _FRAMES
    ]


def _short(count: int) -> str:
    """Return a count that fits above a step."""
    return f"{count:,}" if count < 10_000 else f"{count / 1000:.1f}k"


def _circuit(numbers: pd.DataFrame) -> Circuit:
    sizes = numbers.groupby("population")["neurons"].first()
    return backprop_circuit((int(sizes["x"]), int(sizes["h"]), int(sizes["o"])))


def _frame(axes: Axes, meeting: Coincidence) -> None:
    """Frame the populations of a panel whose neurons meet in a learning step."""
    bands = [label.get_text() for label in axes.get_yticklabels()]
    for population in (name for name in bands if name in meeting.populations):
        corner = meeting.step - _FRAME_WIDTH / 2, bands.index(population) + 0.02
        axes.add_patch(
            Rectangle(corner, _FRAME_WIDTH, 0.96, fill=False, linewidth=0.9, zorder=3,
                      edgecolor=_FRAMES[meeting.learning], label=f"{population} learns")
        )  # fmt: skip


def _add_heading(figure: Figure, numbers: pd.DataFrame) -> None:
    """Make the figure higher and write above the panels what it shows."""
    old = figure.get_figheight()
    new = old + _HEADING * style.MM
    figure.set_figheight(new)
    for axes in figure.axes:
        box = axes.get_position()
        axes.set_position((box.x0, box.y0 * old / new, box.width, box.height * old / new))
    about = numbers.iloc[0]
    left, top = figure.axes[0].get_position().x0, 1 - 1.2 * style.MM / new
    figure.text(
        left, top,
        f"{about['network']}: {about['recorded']} samples recorded, {about['with_error']} of them "
        "with an error\nnumbers: synapses of W1 or W2 whose two neurons fire, and which so learn; "
        "frames: the populations that meet",
        ha="left", va="top", linespacing=1.4,
    )  # fmt: skip


_CAPTION = (
    "Every spike of three training samples, by population; several neurons share a row in large "
    "populations. Shades mark the steps in which coincident spikes potentiate or depress; above "
    "them, the number of synapses of W1 or W2 that do; framed: the populations whose spikes "
    "coincide. "
)

ENTRIES = (
    Entry(
        name="raster_trained",
        group=PAPER,
        title="Spikes of a trained network",
        caption=f"{_CAPTION}Late samples of the MNIST run with seed 0: of all recorded samples, "
        "the three consecutive ones with the most error spikes.",
        element="raster",
        numbers=trained,
        draw=draw,
    ),
    Entry(
        name="raster_untrained",
        group=PAPER,
        title="Spikes of an untrained network",
        caption=f"{_CAPTION}The first samples of a training, from the initial weights (seed 0); a "
        "sample changes a weight by 2 at most.",
        element="raster",
        numbers=untrained,
        draw=draw,
    ),
)
