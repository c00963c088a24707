"""The Brian2 objects of a circuit in physical units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from brian2 import ms

from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.network.objects import CircuitNetwork
from synfire_bp.physical.equations import NeuronCode

__all__ = ["PhysicalNetwork"]


@dataclass
class PhysicalNetwork(CircuitNetwork):
    """The Brian2 objects of a circuit in physical units; `net["h"]` is a population.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `v`, `gate`, `I_syn`, `fired` (in this phase) and so on.
    fixed, plastic, pulses : DenseSynapses
        Synapses on the membrane (`weight`, `w`), and the gates' pulses.
    """

    pulses: DenseSynapses | None = None
    code: NeuronCode | None = None

    def set(self, group: str, variable: str, value: Any) -> None:
        """Set a number in SI units by the names of its group and variable."""
        thing = self.objects[group].deliver if variable == "delay" else self.objects[group]
        thing.variables[variable].set_value(value)

    @property
    def delayed(self) -> tuple[str, ...]:
        """Names of pathways whose delays are numbers of a run."""
        return self.fixed.deliver.name, self.plastic.deliver.name

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        groups = [self.cells, self.fixed, self.plastic, self.pulses, self.output]
        return {group.name: group for group in groups if group is not None}

    def run(self, samples: int, **kwds: Any) -> None:
        """Show the next `samples` samples (runtime mode)."""
        assert self.code is not None
        phases = samples * self.circuit.n_phases + (self.samples_run == 0)
        self.network.run(phases * self.code.phase * self.code.dt * ms, **kwds)
        self.samples_run += samples
