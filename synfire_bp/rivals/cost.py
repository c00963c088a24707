"""What a training sample costs, on one footing: operations counted, times published costs.

The circuit's own energy is counted with a placement on the chip (`synfire_bp.loihi.energy`).  A
rival has none, so way and place of a spike are left out: of the circuit's energy these are 0.03 %.
"""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.loihi.costs import EnergyTable

__all__ = ["Operations"]


@dataclass(frozen=True)
class Operations:
    """Of one training sample, means.

    Attributes
    ----------
    spikes : float
        Spikes of all neurons and inputs; of units without spikes: values other than 0.
    synaptic : float
        Spikes times synapses that pass them on, forwards and backwards.
    learning : float
        Synapses that learning visits: those of a neuron that is active when it learns.
    neurons : float
        Neurons times time steps.
    all_learning : float
        Learning synapses times time steps: the most that learning could visit.
    """

    spikes: float
    synaptic: float
    learning: float
    neurons: float
    all_learning: float

    def joules(self, table: EnergyTable | None = None, *, visits_all: bool = False) -> float:
        """Return the energy: dynamic, operations alone.

        Parameters
        ----------
        table : EnergyTable, optional
            Costs; default Davies et al. (2018).
        visits_all : bool
            Whether learning visits every synapse in every step; the upper bound.
        """
        costs = (table or EnergyTable()).costs()
        learning = self.all_learning if visits_all else self.learning
        active = costs["active_updates"].joules - costs["inactive_updates"].joules
        return (
            self.synaptic * costs["synaptic_operations"].joules
            + learning * costs["learning_updates"].joules
            + self.neurons * costs["inactive_updates"].joules
            + self.spikes * (active + costs["spikes_in_tile"].joules)
        )
