"""A lesson run to its end, and what it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.rivals.eprop.lesson import Weights
from synfire_bp.rivals.eprop.network import Built, Setup, build
from synfire_bp.rivals.simulated import Task, simulated

__all__ = ["Result", "simulate"]


@dataclass(frozen=True, eq=False)
class Result:
    """What a simulation left.

    Attributes
    ----------
    loss : float array, shape (intervals,)
        Of each interval, summed over the readout and the window.
    said : float array, shape (intervals, n_out)
        The readout, after a softmax where classes are named, summed over the window.
    fired : float array, shape (intervals, n_cells)
        Spikes of each cell.
    weights : Weights
        After the last interval.
    spikes : tuple of int arrays, or None
        Steps and cells of all spikes, if they were recorded.
    """

    loss: NDArray[np.float64]
    said: NDArray[np.float64]
    fired: NDArray[np.float64]
    weights: Weights
    spikes: tuple[NDArray[np.int64], NDArray[np.int64]] | None


def simulate(setup: Setup, *, compiled: bool = True) -> Result:
    """Run a setup.

    Parameters
    ----------
    setup : Setup
        What is run.
    compiled : bool
        As a C++ program, which takes a minute to build; else in runtime mode, in NumPy.

    Raises
    ------
    SimulationError
        If the program cannot be built, or dies.
    """
    return simulated(_TASK, setup, compiled=compiled)


def _result(setup: Setup, built: Built) -> Result:
    learnt: dict[str, NDArray[Any]] = {}
    for name, synapses in built.synapses.items():
        matrix = np.zeros_like(getattr(setup.weights, name))
        matrix[np.asarray(synapses.i), np.asarray(synapses.j)] = np.asarray(synapses.w)
        learnt[name] = matrix
    spikes = None
    if built.spikes is not None:
        steps = np.rint(np.asarray(built.spikes.t) * 1000).astype(np.int64)
        spikes = (steps, np.asarray(built.spikes.i).astype(np.int64))
    told = built.outputs
    return Result(
        loss=np.array(told.loss)[:, 1:].sum(axis=0),
        said=np.array(told.said)[:, 1:].T,
        fired=np.array(built.counts.fired)[:, 1:].T,
        weights=Weights(**learnt, feedback=setup.weights.feedback),
        spikes=spikes,
    )


_TASK = Task(build, _result, dt=1.0)
