"""Which core of the chip holds which neurons, and how full it is.

`place(circuit)` assigns the populations of a circuit, in their order, to one core after the other:
a core is full when the next neuron would exceed its compartments, its input or output axons, or its
synaptic memory.  A circuit that does not fit the chip is refused.

Definitions:

- A *compartment* holds one neuron.  The sources hold none: their spikes come from outside.
- An *input axon* is one presynaptic neuron (or source) with synapses on the core.  All its
  synapses there, of every projection, weight and delay, share this axon.
- An *output axon* is one core that a neuron sends its spikes to, its own core included.
- *Synaptic memory* lies on the core of the postsynaptic neuron.

The authors distribute the same neurons over more cores: `synfire_bp.loihi.authors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.filling import Part, all_projections, deal, learns, refuse_too_large
from synfire_bp.loihi.resources import LIMITS, ChipResources, check_positive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIMITS", "ChipResources", "Part", "Placement", "all_projections", "learns", "place"]


@dataclass(frozen=True, eq=False)
class Placement:
    """Core of every neuron of a circuit.  Made by `place` or `place_as_authors`.

    Attributes
    ----------
    circuit : Circuit
        The circuit that was placed.
    resources : ChipResources
        The chip.
    parts : tuple of Part
        Populations, or slices of them, in the order of the cores.
    filled_by : tuple of tuple of str
        Per core, which of the `LIMITS` the next neuron would have exceeded; empty for the last one.
    numbers : tuple of int
        The number on the chip of each core in use; empty: 0, 1, 2 …
    """

    circuit: Circuit
    resources: ChipResources
    parts: tuple[Part, ...]
    filled_by: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...] = ()

    @property
    def n_cores(self) -> int:
        """Number of cores in use."""
        return len(self.filled_by)

    @property
    def n_tiles(self) -> int:
        """Number of tiles in use."""
        return len(set(self.tiles.tolist()))

    @cached_property
    def core_numbers(self) -> NDArray[np.int64]:
        """The number on the chip of each core in use, shape (n_cores,)."""
        return np.array(self.numbers or range(self.n_cores), dtype=np.int64)

    @property
    def tiles(self) -> NDArray[np.int64]:
        """The tile that each core in use lies in, shape (n_cores,)."""
        return self.core_numbers // self.resources.cores_per_tile

    @cached_property
    def core_of(self) -> NDArray[np.int64]:
        """Core of every cell, counted from 0 among those in use; -1 for the sources.

        In the order of `circuit.slices`.
        """
        cores = np.full(self.circuit.n_cells, -1, dtype=np.int64)
        for part in self.parts:
            first = self.circuit.slices[part.population].start
            cores[first + part.start : first + part.stop] = part.core
        return cores

    @cached_property
    def synapses(self) -> dict[str, NDArray[np.int64]]:
        """Synapses of every cell on every core, shape (n_cores, n_cells).

        "plastic": of the all-to-all projections with weight matrices; "fixed": of all others.
        """
        counts = {
            kind: np.zeros((self.n_cores, self.circuit.n_cells), dtype=np.int64)
            for kind in ("plastic", "fixed")
        }
        slices = self.circuit.slices
        for row in all_projections(self.circuit):
            pre, targets = slices[row.pre], self.core_of[slices[row.post]]
            if isinstance(row, PlasticProjection):
                counts["plastic"][:, pre] += np.bincount(targets, minlength=self.n_cores)[:, None]
            elif pre.stop - pre.start == len(targets):  # one to one
                cells = np.arange(pre.start, pre.stop)
                np.add.at(counts["fixed"], (targets, cells), 1)
            else:  # one gate to all
                counts["fixed"][:, pre] += np.bincount(targets, minlength=self.n_cores)[:, None]
        return counts

    @cached_property
    def listens(self) -> NDArray[np.bool_]:
        """Whether a core has synapses of a cell, shape (n_cores, n_cells)."""
        return (self.synapses["plastic"] + self.synapses["fixed"]) > 0

    @cached_property
    def cores(self) -> pd.DataFrame:
        """What each core holds, one row per core; the index is its number on the chip.

        Columns: tile, one per entry of `LIMITS` (memory in bits), synapses, filled_by (the limits
        that the next neuron would exceed), and binds (the limit of which the largest fraction is
        used).
        """
        import pandas as pd  # takes half a second, which a training need not wait for

        placed = self.core_of >= 0
        bits = self.resources.synapse_bits
        plastic, fixed = (self.synapses[kind].sum(axis=1) for kind in ("plastic", "fixed"))
        dense = bits(self.circuit.plastic[0], learns(self.circuit)) if self.circuit.plastic else 0
        single = bits(self.circuit.projections[0], False)
        output_axons = np.bincount(
            self.core_of[placed], self.listens.sum(axis=0)[placed], minlength=self.n_cores
        )
        table = pd.DataFrame(
            {
                "compartments": np.bincount(self.core_of[placed], minlength=self.n_cores),
                "input axons": self.listens.sum(axis=1),
                "output axons": output_axons.astype(np.int64),
                "synaptic memory": dense * plastic + single * fixed,
            }
        )
        used = table / pd.Series(self.resources.limits, index=LIMITS)
        table.insert(0, "tile", self.tiles)
        table["synapses"] = plastic + fixed
        table["filled by"] = [", ".join(limits) for limits in self.filled_by]
        table["binds"] = used.idxmax(axis=1)
        table["utilisation"] = used.max(axis=1)
        return table.set_axis(self.core_numbers).rename_axis("core")

    @cached_property
    def populations(self) -> pd.DataFrame:
        """Which population lies where: population, first and last neuron, core, tile."""
        import pandas as pd

        return pd.DataFrame(
            {
                "population": [part.population for part in self.parts],
                "first": [part.start for part in self.parts],
                "last": [part.stop - 1 for part in self.parts],
                "core": [self.core_numbers[part.core] for part in self.parts],
                "tile": [self.tiles[part.core] for part in self.parts],
            }
        )

    @cached_property
    def utilisation(self) -> pd.DataFrame:
        """Use of each of the `LIMITS` by the circuit: in total, and as fractions of cores and chip.

        Columns: used, fraction (of the cores in use), fraction_of_chip, and fills (how many cores
        this limit filled).
        """
        import pandas as pd

        used = self.cores[list(LIMITS)].sum()
        per_core = pd.Series(self.resources.limits, index=LIMITS)
        filled = [sum(limit in limits for limits in self.filled_by) for limit in LIMITS]
        return pd.DataFrame(
            {
                "used": used,
                "fraction": used / (per_core * self.n_cores),
                "fraction_of_chip": used / (per_core * self.resources.cores),
                "fills": filled,
            }
        )

    @property
    def binding(self) -> str:
        """The limit that decides how many cores the circuit takes.

        The one that filled most cores; if no core was filled, the one that is used most.
        """
        return str(self.utilisation.sort_values(["fills", "fraction"]).index[-1])

    @cached_property
    def distances(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Hops from core to core, each of shape (n_cores, n_cores): east-west and north-south."""
        cores = self.core_numbers
        return self.resources.hops(cores[:, None], cores[None, :])


def place(
    circuit: Circuit,
    resources: ChipResources | None = None,
    *,
    compartments_per_core: int | None = None,
) -> Placement:
    """Assign the neurons of a circuit to cores of a chip; the same circuit gets the same cores.

    Neurons are assigned one by one in the circuit's order; a population that does not fit into the
    rest of a core is split.  A circuit that learns in no phase (`learns`) needs less memory for its
    all-to-all synapses.

    Parameters
    ----------
    circuit : Circuit
        Training or inference.
    resources : ChipResources, optional
        The chip; default Loihi 1.
    compartments_per_core : int, optional
        Use at most this many, to spread the circuit over more cores than it needs.

    Raises
    ------
    HardwareError
        If a neuron does not fit a core, or the circuit does not fit the chip; the message names
        the limit.
    """
    resources = resources or ChipResources()
    cap = resources.compartments
    if compartments_per_core is not None:
        check_positive("compartments_per_core", compartments_per_core)
        if compartments_per_core > cap:
            raise HardwareError(
                f"compartments_per_core is {compartments_per_core:,}; a core has {cap:,}"
            )
        cap = compartments_per_core
    refuse_too_large(circuit, resources, cap)
    # The number of cores that a neuron sends to is known only once all are placed: start with one,
    # and place again with the resulting numbers until they are enough. They only grow, so this
    # ends.
    targets = np.ones(circuit.n_cells, dtype=np.int64)
    while True:
        placement = Placement(circuit, resources, *deal(circuit, resources, cap, targets))
        found = placement.listens.sum(axis=0)
        if not (found > targets).any() or _output_axons_fit(placement):
            return placement
        targets = np.maximum(targets, found)


def _output_axons_fit(placement: Placement) -> bool:
    return bool((placement.cores["output axons"] <= placement.resources.output_axons).all())
