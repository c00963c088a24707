"""What a network is shown: intervals of equal length, with input spikes and something to answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SynfireError

__all__ = ["Answer", "Lesson", "Pattern", "Weights"]


@dataclass(frozen=True, eq=False)
class Pattern:
    """The readout is to follow a signal, the same in each interval: mean squared error.

    Attributes
    ----------
    signal : float array, shape (steps, n_out)
        What the readout should be.
    """

    signal: NDArray[np.float64]

    @property
    def n_out(self) -> int:
        """Readout units."""
        return self.signal.shape[1]


@dataclass(frozen=True, eq=False)
class Answer:
    """The readout is to name a class, one in each interval: softmax and cross entropy.

    Attributes
    ----------
    labels : int array, shape (intervals,)
        Classes from 0 on.
    n_out : int
        Readout units, that is, classes.
    """

    labels: NDArray[np.int64]
    n_out: int


@dataclass(frozen=True, eq=False)
class Lesson:
    """Intervals one after the other; a step is 1 ms.

    Attributes
    ----------
    steps : int
        Steps of an interval.  The network starts each one from rest.
    window : int
        Steps at the end of an interval in which errors count.
    intervals : int
        How many.
    times, neurons : int arrays, shape (n_spikes,)
        Input spikes in order of time: step in the whole lesson in which a spike arrives at the
        cells, and which input.  None arrives in the first step of an interval.
    n_in : int
        Inputs.
    wanted : Pattern or Answer
        What is to be answered.

    Raises
    ------
    SynfireError
        If they contradict each other.
    """

    steps: int
    window: int
    intervals: int
    times: NDArray[np.int64]
    neurons: NDArray[np.int64]
    n_in: int
    wanted: Pattern | Answer

    def __post_init__(self) -> None:
        """Check what is given."""
        if not 1 <= self.window <= self.steps:
            raise SynfireError(
                f"a lesson's window has {self.window} steps; must be 1 ... {self.steps}, the steps "
                "of an interval"
            )
        if self.times.shape != self.neurons.shape or np.any(np.diff(self.times) < 0):
            raise SynfireError("a lesson's input spikes must be pairs in the order of their times")
        if self.times.size and np.any(self.times % self.steps == 0):
            first = int(self.times[self.times % self.steps == 0][0])
            raise SynfireError(
                f"an input spike arrives in step {first}, the first of an interval, where the "
                "network is at rest; shift it by a step"
            )
        if self.times.size and not 0 <= self.times[0] <= self.times[-1] < self.total:
            raise SynfireError(
                f"input spikes arrive in steps {self.times[0]} ... {self.times[-1]}; the lesson "
                f"has steps 0 ... {self.total - 1}"
            )
        pattern = isinstance(self.wanted, Pattern)
        rows = len(self.wanted.signal if isinstance(self.wanted, Pattern) else self.wanted.labels)
        needed = self.steps if pattern else self.intervals
        if rows != needed:
            raise SynfireError(f"a lesson's targets have {rows} rows; must be {needed}")

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.steps * self.intervals


@dataclass(frozen=True, eq=False)
class Weights:
    """All weights of a network, presynaptic × postsynaptic.

    Attributes
    ----------
    inputs : float array, shape (n_in, n_cells)
    recurrent : float array, shape (n_cells, n_cells)
        The diagonal is 0: no neuron excites itself.
    readout : float array, shape (n_cells, n_out)
    feedback : float array, shape (n_cells, n_out)
        Fixed; what an output's error is to a cell.
    """

    inputs: NDArray[np.float64]
    recurrent: NDArray[np.float64]
    readout: NDArray[np.float64]
    feedback: NDArray[np.float64]

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, n_in: int, n_cells: int, n_out: int, scale: float = 1.0
    ) -> Weights:
        """Draw all of them from normal distributions of variance `scale`² over the fan-in."""
        inputs = scale * rng.normal(size=(n_in, n_cells)) / np.sqrt(n_in)
        recurrent = scale * rng.normal(size=(n_cells, n_cells)) / np.sqrt(n_cells)
        np.fill_diagonal(recurrent, 0.0)
        readout = rng.normal(size=(n_cells, n_out)) / np.sqrt(n_cells)
        feedback = rng.normal(size=(n_cells, n_out)) / np.sqrt(n_cells)
        return cls(inputs, recurrent, readout, feedback)
