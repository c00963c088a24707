"""The Brian2 objects of a circuit, and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import EventMonitor, Network, NeuronGroup, Subgroup, ms
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.errors import CircuitError

__all__ = ["STEP", "CircuitNetwork"]

STEP = 1 * ms
"""Model time of one chip step.  Nothing depends on it: every delay is a whole number of steps."""


@dataclass
class CircuitNetwork:
    """The Brian2 objects of a circuit.

    ``net[name]`` is the subgroup of a population, sources and gates ("g0", …) included.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `arriving`, `v`, `fired`, `bias`, `theta`, and the shared `phase`,
        `sample`, `r1`.
    fixed, plastic : DenseSynapses
        The fixed projections (`weight`) and the learning ones (`w`).
    census : NeuronGroup
        Number of spikes (`total`) of each population in each phase.
    output : NeuronGroup
        The output neurons as they are read out.
    readout : EventMonitor
        Summed input and spike of each output neuron in its forward phase, sample by sample.
    recorder : EventMonitor
        Spikes of all cells, for the samples from `cells.record_from` up to `cells.record_until`.
    network : Network
        All of them, to be run.
    populations : dict
        Population name to subgroup of `cells`.
    """

    circuit: Circuit
    layout: PlasticLayout
    network: Network
    cells: NeuronGroup
    fixed: DenseSynapses
    plastic: DenseSynapses
    census: NeuronGroup
    output: NeuronGroup
    readout: EventMonitor
    recorder: EventMonitor
    populations: dict[str, Subgroup]
    samples_run: int = 0

    def __getitem__(self, population: str) -> Subgroup:
        """Return the subgroup of a population."""
        try:
            return self.populations[population]
        except KeyError:
            raise CircuitError(
                f"no population '{population}'; known are {', '.join(self.populations)}"
            ) from None

    @property
    def delayed(self) -> tuple[str, ...]:
        """Names of pathways whose delays are numbers of a run, not of a compiled program."""
        return ()

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        return {g.name: g for g in (self.cells, self.fixed, self.plastic, self.output)}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the populations."""
        return iter(self.populations)

    def set(self, group: str, variable: str, value: Any) -> None:
        """Set a number by the names of its group and variable."""
        setattr(self.objects[group], variable, value)

    def run(self, samples: int, **kwds: Any) -> None:
        """Show the next `samples` samples (runtime mode)."""
        steps = samples * self.circuit.n_phases + (self.samples_run == 0)
        self.network.run(steps * STEP, **kwds)
        self.samples_run += samples

    def weights(self) -> dict[PlasticProjection, NDArray[np.int16]]:
        """Return the present matrix (its pre, its post) of every plastic projection."""
        return self.layout.unpack(self.plastic.w[:])

    def spike_counts(self) -> NDArray[np.int64]:
        """Return spikes so far, shape (populations, phases), rows in the order of iteration."""
        return np.asarray(self.census.total[:]).reshape(-1, self.circuit.n_phases)
