"""Spikes counted per population and phase: a spike adds to its population's present count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import NeuronGroup, linked_var

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.dense.synapses import DenseSynapses

__all__ = ["Counting", "count_spikes"]


@dataclass(frozen=True)
class Counting:
    """When the present count of a phase is added to its total, and when it starts anew.

    Attributes
    ----------
    time : str
        Equations of the phase.
    add : str
        Statement that adds `spikes` to `total` where `counted_phase` is the present one.
    clear : str
        Statement that sets `spikes` to 0.
    """

    time: str
    add: str
    clear: str = "spikes = 0"


def count_spikes(
    circuit: Circuit, cells: NeuronGroup, counting: Counting, common: dict, by_rows: bool
) -> tuple[list[Any], NeuronGroup]:
    """Return the objects that count, and the group whose `total` has the counts.

    Populations vary slowest in it, phases fastest.
    """
    n_populations, n_phases = len(circuit.slices), circuit.n_phases
    present = NeuronGroup(n_populations, "spikes : integer", name="present_spikes", **common)
    membership = np.repeat(np.arange(n_populations), list(circuit.population_sizes.values()))
    count = DenseSynapses(
        cells, present, on_pre="spikes_post += 1", rows=by_rows, name="count", **common
    )
    count.connect(i=np.arange(circuit.n_cells), j=membership)
    census = NeuronGroup(
        n_populations * n_phases,
        counting.time
        + """
        spikes : integer (linked)
        counted_phase : integer (constant)
        total : integer
        """,
        dtype={"total": np.int64},
        name="census",
        **common,
    )
    census.spikes = linked_var(
        present, "spikes", index=np.repeat(np.arange(n_populations), n_phases)
    )
    census.counted_phase = np.tile(np.arange(n_phases), n_populations)
    add = census.run_regularly(counting.add, when="end", name="add_spikes", **common)
    clear = present.run_regularly(
        counting.clear, when="end", order=1, name="clear_spikes", **common
    )
    return [present, count, census, add, clear], census
