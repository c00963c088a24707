"""Annotated raster: every spike of three samples, population by population (paper: raster).

Panels: output, hidden, input layer and gating chain; a row per neuron, a column per time step.  In
a population too large for that, a row holds several neurons side by side, so that each keeps a mark
of its own.  What each phase does and which weights learn in it is read from the circuit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from synfire_bp.circuit import Circuit, Population, Source, backprop_circuit
from synfire_bp.circuit.reference import firing_table
from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import SPIKES, Run

from . import style
from .panels import Given, Panels, placed

__all__ = ["SHOWN", "draw", "learning_layers", "numbers", "raster_panels"]

SHOWN = 3
"""Samples drawn.  If more were recorded: the first so many in a row with most error spikes."""

_ERROR = ("d+", "d-")
_PANELS = {"output": "output", "hidden": "hidden", "input": "input", "gate": "gating chain"}
_ARROWS = {"potentiation": "↑", "depression": "↓"}

# geometry, mm
_BAND = {"output": 5.0, "hidden": 10.5, "input": 8.0, "gate": 2.5}
_LEFT, _RIGHT, _TOP, _GAP, _AXIS = 17.0, 1.5, 9.0, 2.2, 8.0
_KEY_LINE, _KEY_COLUMNS = 2.9, (4.0, 86.0)
_SPIKE_WIDTH = 0.76  # of a step
_BAND_MARGIN = 0.07  # of a band, above and below its neurons
_ROW = 0.085  # mm at least, so that rows stay apart at 300 dpi
_THICKEST = 2.6  # points


def numbers(run: Run) -> pd.DataFrame:
    """Return the spikes: one row each.

    A population that stays silent has one row without `step` and `neuron`, so that the table
    names every population.

    Returns
    -------
    DataFrame
        `panel`, `population`, `neurons` (its size), `step` (from 0), `sample` (position among the
        recorded ones, from 0), `training_sample` (which of the training set), `label`, `phase`,
        `neuron`.

    Raises
    ------
    RunDirectoryError
        If the recorded spikes are not those of the run's circuit.
    """
    network = run.experiment.network
    circuit = backprop_circuit((network.sizes[0], network.sizes[1], network.sizes[2]))
    shown, labels = _recorded_samples(run)
    _check(run, circuit, len(labels))
    first = _first_drawn(run, circuit, len(labels))
    tables = []
    for panel, population in _rows(circuit):
        i, step = run.spikes[population]
        step = step - first * circuit.n_phases
        inside = (step >= 0) & (step < SHOWN * circuit.n_phases)
        spikes = pd.DataFrame({"step": step[inside], "neuron": i[inside]}, dtype="Int64")
        if spikes.empty:
            spikes = pd.DataFrame({"step": [pd.NA], "neuron": [pd.NA]}, dtype="Int64")
        tables.append(
            spikes.sort_values(["step", "neuron"]).assign(
                panel=panel,
                population=population,
                neurons=circuit.population_sizes[population],
            )
        )
    table = pd.concat(tables, ignore_index=True)
    sample = table["step"] // circuit.n_phases + first
    known = dict(enumerate(zip(shown.tolist(), labels.tolist(), strict=True)))
    return pd.DataFrame(
        {
            "panel": table["panel"],
            "population": table["population"],
            "neurons": table["neurons"],
            "step": table["step"],
            "sample": sample,
            "training_sample": sample.map({k: s for k, (s, _) in known.items()}).astype("Int64"),
            "label": sample.map({k: label for k, (_, label) in known.items()}).astype("Int64"),
            "phase": table["step"] % circuit.n_phases,
            "neuron": table["neuron"],
        }
    )


def _rows(circuit: Circuit) -> Iterator[tuple[str, str]]:
    """Yield panel and population, from top to bottom: sources, then the circuit's order."""
    rows: tuple[Source | Population, ...] = (*circuit.sources, *circuit.populations)
    for panel in _PANELS:
        for row in rows:
            if row.layer == panel:
                yield panel, row.name
    yield from (("gate", name) for name in circuit.gate_names)


def _recorded_samples(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Return which training samples were recorded, and their labels."""
    about, file = run.spikes_about, run.path / SPIKES
    if not {"samples", "labels"} <= set(about):
        raise RunDirectoryError(f"{file}: does not say which samples and labels it holds")
    shown, labels = about["samples"], about["labels"]
    if shown.ndim != 1 or shown.shape != labels.shape or not shown.size:
        raise RunDirectoryError(
            f"{file}: names samples of shape {shown.shape} and labels of shape {labels.shape}; "
            "must be as many of each, one or more"
        )
    return shown, labels


def _check(run: Run, circuit: Circuit, n_samples: int) -> None:
    """Refuse spikes of neurons, populations or steps that the run's circuit does not have."""
    file, n_steps = run.path / SPIKES, n_samples * circuit.n_phases
    try:
        spikes = run.spikes
    except KeyError as error:
        raise RunDirectoryError(f"{file}: lacks the entry {error}") from None
    for _, population in _rows(circuit):
        if population not in spikes:
            raise RunDirectoryError(f"{file}: lacks the population '{population}'")
        i, step = spikes[population]
        if i.ndim != 1 or i.shape != step.shape or {i.dtype.kind, step.dtype.kind} - set("iu"):
            raise RunDirectoryError(
                f"{file}: population '{population}' must have as many neurons as steps, all whole "
                "numbers"
            )
        for what, values, end in (
            ("neuron", i, circuit.population_sizes[population]),
            ("step", step, n_steps),
        ):
            if values.size and not 0 <= values.min() <= values.max() < end:
                raise RunDirectoryError(
                    f"{file}: population '{population}' has spikes outside of {what} 0 … {end - 1}"
                )


def _first_drawn(run: Run, circuit: Circuit, n_samples: int) -> int:
    """Return the position of the first sample drawn, among the recorded ones."""
    steps = np.concatenate([run.spikes[population].step for population in _ERROR])
    errors = np.bincount(steps // circuit.n_phases, minlength=n_samples)
    return int(np.convolve(errors, np.ones(min(SHOWN, n_samples), dtype=int), "valid").argmax())


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the raster, 183 mm wide; nothing is left out, however dense.

    Four axes that are given are those of output, hidden and input layer and gating chain.
    """
    panels = raster_panels(numbers, axes)
    if not panels.own:
        panels.legend([Patch(color=style.LEARNING_SHADES[kind], linewidth=0, label=kind)
                       for kind in _ARROWS], ncols=2)  # fmt: skip
    return panels.figure


@style.applied()
def raster_panels(numbers: pd.DataFrame, axes: Given = None) -> Panels:
    """Draw the raster as `draw` does, without a legend in given axes, and return its panels."""
    sizes = numbers.groupby("population")["neurons"].first()
    circuit = backprop_circuit((int(sizes["x"]), int(sizes["h"]), int(sizes["o"])))
    samples = numbers.dropna(subset="sample").drop_duplicates("sample").sort_values("sample")
    rows = list(_rows(circuit))
    heights = {panel: _BAND[panel] * sum(p == panel for p, _ in rows) for panel in _PANELS}
    key = _KEY_LINE * (_lines_of_key(circuit) + 1.5)
    height = _TOP + sum(heights.values()) + _GAP * (len(heights) - 1) + _AXIS + key
    width = style.DOUBLE_COLUMN - _LEFT - _RIGHT

    def made(figure: Figure) -> Iterator[Axes]:
        top = height - _TOP
        for panel in _PANELS:
            bottom = top - heights[panel]
            yield figure.add_axes(
                (_LEFT / style.DOUBLE_COLUMN, bottom / height,
                 width / style.DOUBLE_COLUMN, heights[panel] / height)
            )  # fmt: skip
            top = bottom - _GAP

    panels = placed(axes, len(_PANELS), style.DOUBLE_COLUMN, height, made)
    for axes, (panel, title) in zip(panels, _PANELS.items(), strict=True):
        populations = [name for p, name in rows if p == panel]
        band = _BAND[panel] if panels.own else _height(axes) / len(populations)
        _panel(axes, numbers, circuit, populations, len(samples), band)
        axes.set_ylabel(title)
        if panels.own:
            axes.yaxis.set_label_coords(-13.2 / width, 0.5)
    panels.letters(left=_LEFT - 1)
    output, gates = panels[0], panels[-1]
    _samples(output, samples, circuit)
    gates.set_xticks(range(len(samples) * circuit.n_phases))
    gates.set_xticklabels([str(phase.index) for phase in circuit.phases] * len(samples))
    gates.tick_params(axis="x", labelbottom=True, length=2)
    folded = any(
        _side_by_side(circuit.population_sizes[name], _BAND[panel]) > 1 for panel, name in rows
    )
    gates.set_xlabel(
        "phase of the sample: one time step each"
        + ("; in large populations, several neurons stand side by side" if folded else "")
    )
    if panels.own:
        _phase_key(panels.figure, circuit, key, height)
    return panels


def _height(axes: Axes) -> float:
    """Return the height of axes in mm."""
    return axes.bbox.height / axes.figure.dpi / style.MM


def _panel(
    axes: Axes,
    numbers: pd.DataFrame,
    circuit: Circuit,
    populations: list[str],
    n_samples: int,
    band: float,
) -> None:
    """Draw the spikes of some populations, each in a band of height 1, from the top down."""
    n_steps = n_samples * circuit.n_phases
    for phase in circuit.phases:
        if phase.learning:
            for step in range(phase.index, n_steps, circuit.n_phases):
                axes.axvspan(
                    step - 0.5, step + 0.5, color=style.LEARNING_SHADES[phase.learning],
                    linewidth=0, zorder=0, label=phase.learning,
                )  # fmt: skip
    for step in range(1, n_steps):
        boundary = step % circuit.n_phases == 0
        axes.axvline(step - 0.5, color="0.25" if boundary else "0.9",
                     linewidth=0.8 if boundary else 0.3, zorder=0.5)  # fmt: skip
    for place, population in enumerate(populations):
        if place:
            axes.axhline(place, color="0.75", linewidth=0.4, zorder=0.6)
        _spikes(axes, numbers[numbers["population"] == population], place, band)
    axes.set(xlim=(-0.5, n_steps - 0.5), ylim=(len(populations), 0), xticks=[])
    axes.set_yticks(np.arange(len(populations)) + 0.5, populations)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(True)


def _spikes(axes: Axes, spikes: pd.DataFrame, place: int, band: float) -> None:
    """Draw a population's spikes as one line: dashes with gaps between them."""
    population, neurons = spikes["population"].iloc[0], int(spikes["neurons"].iloc[0])
    beside = _side_by_side(neurons, band)
    rows = -(-neurons // beside)
    fired = spikes.dropna(subset=["step"])
    row, column = np.divmod(fired["neuron"].to_numpy(dtype=int), beside)
    inside = 1 - 2 * _BAND_MARGIN
    height = place + _BAND_MARGIN + inside * (row + 0.5) / rows
    length = _SPIKE_WIDTH / beside
    start = fired["step"].to_numpy(dtype=float) - _SPIKE_WIDTH / 2 + column * length
    gap = np.full_like(start, np.nan)
    x = np.stack([start, start + length, gap], axis=1)
    y = np.stack([height, height, gap], axis=1)
    thickness = 0.95 * inside * band / rows * style.MM * 72
    axes.plot(
        x.ravel(), y.ravel(), color=style.colour(population), label=population,
        linewidth=min(thickness, _THICKEST), solid_capstyle="butt", snap=False,
    )  # fmt: skip


def _side_by_side(neurons: int, band: float) -> int:
    """Return how many neurons share a row, so that the rows of a band stay apart."""
    return max(1, math.ceil(neurons * _ROW / (band * (1 - 2 * _BAND_MARGIN))))


def _samples(axes: Axes, samples: pd.DataFrame, circuit: Circuit) -> None:
    """Write above the panels which sample is shown, and which weights learn in which step."""
    learning = learning_layers(circuit)
    above = axes.get_xaxis_transform()
    for place, row in enumerate(samples.itertuples()):
        start = place * circuit.n_phases
        axes.annotate(
            f"training sample {row.training_sample}, label {row.label}",
            (start - 0.5 + circuit.n_phases / 2, 1), xycoords=above,
            xytext=(0, 13), textcoords="offset points", ha="center", va="bottom",
        )  # fmt: skip
        for phase in circuit.phases:
            if phase.learning:
                layers = ", ".join(f"W{layer + 1}" for layer in learning[phase.index])
                axes.annotate(
                    f"{layers}{_ARROWS[phase.learning]}", (start + phase.index, 1),
                    xycoords=above, xytext=(0, 2.5), textcoords="offset points",
                    ha="center", va="bottom", fontsize=6.5,
                )  # fmt: skip


def learning_layers(circuit: Circuit) -> dict[int, list[int]]:
    """Return, per phase, the weight layers whose synapses may see both their neurons fire."""
    may_fire = firing_table(circuit)
    return {
        phase.index: sorted(
            {
                row.layer
                for row in circuit.plastic
                if phase.index in may_fire[row.pre] and phase.index in may_fire[row.post]
            }
        )
        for phase in circuit.phases
    }


def _lines_of_key(circuit: Circuit) -> int:
    return math.ceil(circuit.n_phases / len(_KEY_COLUMNS))


def _phase_key(figure: Figure, circuit: Circuit, key: float, height: float) -> None:
    """Write below the panels what happens in each phase, and what the shades mean."""
    axes = figure.add_axes((0, 0, 1, key / height))
    axes.set(xlim=(0, style.DOUBLE_COLUMN), ylim=(key, 0))
    axes.set_axis_off()
    lines = _lines_of_key(circuit)
    entries = [
        (*divmod(phase.index, lines), str(phase.index), phase.meaning, phase.learning)
        for phase in circuit.phases
    ] + [
        (column, lines + 0.3, arrow, f"{learning} where both neurons of a plastic synapse fire",
         learning)
        for column, (learning, arrow) in enumerate(_ARROWS.items())
    ]  # fmt: skip
    for column, line, mark, text, learning in entries:
        x, y = _KEY_COLUMNS[column], (line + 0.5) * _KEY_LINE
        if learning:
            _swatch(axes, x, y, learning)
        axes.text(x + 2, y, mark, ha="center", va="center_baseline", fontsize=6.5)
        axes.text(x + 5, y, text, ha="left", va="center_baseline", fontsize=6.5)


def _swatch(axes: Axes, x: float, y: float, learning: str) -> None:
    """Put the shade of a kind of learning behind a number of the key."""
    size = (4.0, 0.9 * _KEY_LINE)
    axes.add_patch(
        Rectangle((x, y - size[1] / 2), *size, color=style.LEARNING_SHADES[learning], linewidth=0)
    )
