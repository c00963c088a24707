"""``time_step``: what the time step does to potentials of neurons in millivolts.

Training samples of the digits go through the circuit with each kind of synapses, each sample from
the starting weights, in time steps from half a millisecond down; nothing else changes.  Compared
are the summed inputs of the output neurons, when they decide, with those of the finest step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from numpy.typing import NDArray

from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.model import Experiment, assemble
from synfire_bp.training import dataset_of

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from .study import FOLDER

__all__ = ["ENTRY", "FINEST", "MODELS", "STEPS", "draw", "numbers"]

SAMPLES = 50
STEPS = (0.5, 0.25, 0.125, 0.0625)
FINEST = 0.03125
"""Time steps in ms; the finest is what the others are compared with."""
MODELS = {
    "delta": ("variants/digits_lif", 5.0),
    "exponential": ("variants/digits_lif_exponential", 4.5),
    "conductance": ("variants/digits_lif_conductance", 4.5),
}
"""Kind of synapses to its model, and to a delay in ms that is a whole number of every step; without
it, each step would have a best one of its own."""
_LOOKS = {
    "delta": ("o", style.CONTENDER_COLOURS["numpy"], 0.88),
    "exponential": ("s", style.CONTENDER_COLOURS["oracle"], 1.0),
    "conductance": ("D", style.CONTENDER_COLOURS["circuit"], 1.13),
}
"""Mark and colour of each kind, and by what it is moved, so that none covers another."""
_FLOOR = 0.5
"""Where 0 lies on a logarithmic axis."""


def numbers(
    samples: int = SAMPLES, steps: Sequence[float] = STEPS, finest: float = FINEST
) -> pd.DataFrame:
    """Show the samples in each step, compare, and return one row per kind of synapses and step.

    Returns
    -------
    DataFrame
        `synapse`, `dt` in ms, how many potentials were `compared`; the `median` and the `largest`
        distance of one from that of the finest step, in weight units; `spread`, the standard
        deviation of the potentials themselves.
    """
    rows = []
    for kind in MODELS:
        right = potentials(kind, finest, samples)
        for dt in steps:
            distance = np.abs(potentials(kind, dt, samples) - right)
            rows.append(
                {
                    "synapse": kind, "dt": dt, "compared": right.size,
                    "median": float(np.median(distance)), "largest": int(distance.max()),
                    "spread": float(right.std()),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def potentials(kind: str, dt: float, samples: int) -> NDArray[np.int64]:
    """Return the summed inputs of the output neurons, shape (samples, n_out), in weight units."""
    name, delay = MODELS[kind]
    changes = ("neuron.window=0.5", f"neuron.delay={delay}", f"neuron.dt={dt}")
    model = assemble(Experiment.from_file(name, overrides=changes))
    with closing(CircuitEngine(model, dataset_of(model), uses=["train"])) as engine:
        shown = [engine.train(model.start, np.array([k]), record=True) for k in range(samples)]
    return np.concatenate([one.potentials for one in shown if one.potentials is not None])


@style.applied()
def draw(table: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the distances against the step, 89 mm wide."""
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, 62)
    axes = panels[0]
    for kind, rows in table.groupby("synapse", sort=False):
        mark, colour, moved = _LOOKS[str(kind)]
        at = rows["dt"] * moved
        lie = rows["median"].clip(lower=_FLOOR), rows["largest"].clip(lower=_FLOOR)
        axes.plot(at, lie[1], mark, color=colour, markersize=3.5, linestyle="-",
                  linewidth=0.8, label=f"{kind}, largest", clip_on=False)  # fmt: skip
        axes.plot(at, lie[0], mark, color=colour, markersize=5.5, linestyle=":",
                  linewidth=0.8, fillstyle="none", label=f"{kind}, median",
                  clip_on=False)  # fmt: skip
    axes.axvline(0.25, color="0.6", linewidth=0.8, linestyle=(0, (2, 1.2)), label="dt by default")
    axes.set(xscale="log", yscale="log", xlabel="time step (ms)",
             ylabel="distance from the finest step\n(weight units)")  # fmt: skip
    axes.set_xticks(sorted(table["dt"].unique()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(bottom=0.7 * _FLOOR)
    ticks = [_FLOOR] + [10**k for k in range(5) if 10**k <= axes.get_ylim()[1]]
    axes.set_yticks(ticks, ["0"] + [f"{tick:,}" for tick in ticks[1:]])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.spines[["right", "top"]].set_visible(False)
    panels.legend(axes.get_legend_handles_labels()[0], at="lower center", ncols=2)
    return panels.figure


ENTRY = Entry(
    name="time_step",
    group=FOLDER,
    title="The time step of neurons in millivolts",
    caption=(
        f"Summed inputs of the output neurons after {SAMPLES} single samples of the digits, from "
        f"the starting weights, with several time steps: their distance from those with {FINEST:g} "
        "ms.  Simulated when the figure is drawn."
    ),
    numbers=lambda runs: numbers(),
    draw=draw,
    alone=True,
)
