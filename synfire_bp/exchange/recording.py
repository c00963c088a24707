"""Spikes and potentials of some samples, with what explains them: plain arrays in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.errors import SynfireError

__all__ = ["Recording", "Spikes"]

Spikes = Mapping[str, tuple[NDArray[np.integer], NDArray[np.floating]]]
"""Population name to (neuron, time in ms) of its spikes, in any order."""


@dataclass(frozen=True, eq=False)
class Recording:
    """What was recorded while a circuit was shown some samples.

    Attributes
    ----------
    name : str
        Of the model, or of the network.
    circuit : Circuit
        Whose populations these are.
    spikes : mapping
        Population name to (neuron, time in ms).
    stop : float
        End of the recording in ms; it begins at 0.
    resolution : float
        Time in ms between two steps in which a cell can spike.
    first : float
        When phase 0 of the first sample begins, in ms.
    period : float
        Time in ms that a sample takes.
    samples : mapping
        What is known of the samples, in the order in which they were shown: a name, such as
        "label", to an array (n_samples,).
    potentials : int64 array, shape (n_samples or fewer, n_out), optional
        Summed input of each output neuron in its forward phase, in units of the weights.
    read_at : float
        When the first sample's potentials were read, in ms.
    about : mapping
        What else is known of the recording: strings and numbers.
    """

    name: str
    circuit: Circuit
    spikes: Spikes
    stop: float
    resolution: float
    first: float
    period: float
    samples: Mapping[str, NDArray] = field(default_factory=dict)
    potentials: NDArray[np.int64] | None = None
    read_at: float = 0.0
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_samples(self) -> int:
        """How many samples were begun."""
        return max(int(np.ceil(round((self.stop - self.first) / self.period, 6))), 0)

    @property
    def starts(self) -> NDArray[np.float64]:
        """When each sample begins, in ms."""
        return np.asarray(self.first + self.period * np.arange(self.n_samples), dtype=np.float64)

    def chosen(self, populations: Sequence[str] | None) -> tuple[str, ...]:
        """Return the populations asked for, in the order of the circuit's cells; None: all.

        Raises
        ------
        SynfireError
            If the circuit has no population of a name.
        """
        known = self.circuit.population_sizes
        if populations is None:
            return tuple(known)
        asked = [populations] if isinstance(populations, str) else list(populations)
        if unknown := [name for name in asked if name not in known]:
            raise SynfireError(f"no population '{unknown[0]}'; known are {', '.join(known)}")
        return tuple(name for name in known if name in asked)

    def trains(self, population: str) -> list[NDArray[np.float64]]:
        """Return the spike times of each neuron of a population, in ms, sorted.

        Raises
        ------
        SynfireError
            If a spike is of no neuron of the population, or outside of the recording.
        """
        size = self.circuit.population_sizes[population]
        i, times = self.spikes.get(population, (np.empty(0, dtype=int), np.empty(0)))
        i, times = np.asarray(i), np.asarray(times, dtype=float)
        for what, values, end in (("neuron", i, size), ("time", times, self.stop)):
            if values.size and not (values.min() >= 0 and values.max() < end):
                wrong = values[(values < 0) | (values >= end)][0]
                raise SynfireError(
                    f"{self.name}: population '{population}' has a spike of {what} {wrong:g}; must "
                    f"be 0 or greater and less than {end:g}"
                )
        order = np.lexsort((times, i))
        borders = np.searchsorted(i[order], np.arange(1, size))
        return np.split(times[order], borders)
