"""The network of unsupervised STDP as Brian2 objects.

A spike of a cell moves the weights onto it: up where the input has just fired, down where not.
At the beginning of each interval, after an image it learnt from, the weights onto each cell are
scaled to their sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Network, NeuronGroup, StateMonitor, Synapses, ms, mV
from numpy.typing import NDArray

from synfire_bp.rivals.simulated import Task
from synfire_bp.rivals.stdp.sections import CompetingCells, CompetingLearning
from synfire_bp.rivals.stdp.showing import Lesson, Showing, input_group

__all__ = ["Built", "Found", "Setup", "build", "task"]


@dataclass(frozen=True, eq=False)
class Setup:
    """All that decides a simulation, but the seed of its spikes.

    Attributes
    ----------
    showing, cells, learning : sections
        As in a model file.
    lesson : Lesson
        What is shown.
    weights : float array, shape (n_in, n_cells)
        What it starts from, mV.
    """

    showing: Showing
    cells: CompetingCells
    learning: CompetingLearning
    lesson: Lesson
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Built:
    """The Brian2 objects, to be run for `steps` time steps."""

    network: Network
    steps: int
    counts: StateMonitor
    input_counts: StateMonitor
    cells: NeuronGroup
    synapses: Synapses


@dataclass(frozen=True, eq=False)
class Found:
    """What a simulation left.

    Attributes
    ----------
    counts : float array, shape (n, n_cells)
        Spikes of each cell for each image.
    input_spikes : float array, shape (n,)
        Of all inputs.
    weights : float array, shape (n_in, n_cells)
        Afterwards, mV.
    thresholds : float array, shape (n_cells,)
        What spikes added to them and has not decayed, mV.
    """

    counts: NDArray[np.float64]
    input_spikes: NDArray[np.float64]
    weights: NDArray[np.float64]
    thresholds: NDArray[np.float64]


_CELLS = """
dv/dt = (E_L - v)/tau_m : volt (unless refractory)
dadapted/dt = -learns(t)*adapted/tau_a : volt
count : 1
total : 1
"""
_RESET = """
v = E_L
adapted += learns(t)*adaptation
count += 1
"""
_MOVES = "w = clip(w + learns(t)*rate*(recent_pre - offset)*(limit - w), 0, limit)"
_SCALE = "w = w + int(t_in_timesteps > 0)*learns(t - 0.5*interval)*w*(wanted/total_post - 1)"
_FIRST, _RESTS, _ADDS, _SCALES = range(4)
"""Order of what happens at the beginning of an interval."""


def build(setup: Setup) -> Built:
    """Return the network of a setup, for the device that is set."""
    numbers = _numbers(setup)
    inputs = input_group(setup.showing, setup.lesson, numbers)
    at: dict[str, Any] = {"dt": setup.showing.interval * ms, "when": "start"}
    cells = NeuronGroup(
        setup.cells.count, _CELLS, threshold="v > theta + adapted", reset=_RESET,
        refractory=setup.cells.refractory * ms, method="exponential_euler", namespace=numbers,
        name="cells",
    )  # fmt: skip
    cells.v = setup.cells.resting * mV
    cells.run_regularly("count = 0\ntotal = 0\nv = E_L", order=_RESTS, name="cells_rest", **at)
    synapses = Synapses(
        inputs, cells, "w : 1", on_pre="v_post += w*mV", on_post=_MOVES, namespace=numbers,
        name="plastic",
    )  # fmt: skip
    synapses.connect()
    synapses.w = setup.weights.reshape(-1)
    synapses.run_regularly("total_post += w", order=_ADDS, name="adds", **at)
    synapses.run_regularly(_SCALE, order=_SCALES, name="scales", **at)
    lateral = Synapses(
        cells, cells, on_pre="v_post -= inhibition", namespace=numbers, name="lateral"
    )
    lateral.connect(condition="i != j")
    seen = NeuronGroup(1, "count : 1", name="seen", method="exact")
    shown = Synapses(inputs, seen, on_pre="count_post += 1", name="shown")
    shown.connect()
    seen.run_regularly("count = 0", order=_RESTS, name="seen_rest", **at)
    counts = StateMonitor(cells, ["count"], record=True, order=_FIRST, name="counts", **at)
    input_counts = StateMonitor(
        seen, ["count"], record=True, order=_FIRST, name="seen_counts", **at
    )
    network = Network(inputs, cells, synapses, lateral, seen, shown, counts, input_counts)
    steps = len(setup.lesson) * setup.showing.steps + 1  # the last image's spikes are counted, too
    return Built(network, steps, counts, input_counts, cells, synapses)


def _numbers(setup: Setup) -> dict[str, Any]:
    """Return the numbers that the lines name."""
    cells, learning = setup.cells, setup.learning
    return {
        "E_L": cells.resting * mV,
        "theta": cells.threshold * mV,
        "tau_m": cells.membrane_time * ms,
        "tau_a": cells.adaptation_time * ms,
        "adaptation": cells.adaptation * mV,
        "inhibition": cells.inhibition * mV,
        "rate": learning.rate,
        "offset": learning.offset,
        "limit": learning.weight_limit,
        "wanted": learning.weight_sum,
        "interval": setup.showing.interval * ms,
    }


def _read(setup: Setup, built: Built) -> Found:
    matrix, made = np.zeros_like(setup.weights), built.synapses
    matrix[np.asarray(made.i), np.asarray(made.j)] = np.asarray(made.w)
    return Found(
        counts=np.array(built.counts.count)[:, 1:].T,
        input_spikes=np.array(built.input_counts.count)[0, 1:],
        weights=matrix,
        thresholds=np.array(built.cells.adapted / mV),
    )


def task(dt: float) -> Task[Setup, Built, Found]:
    """Return how it is run, with time steps of `dt` ms."""
    return Task(build, _read, dt)
