"""What a sample costs on the chip: operations counted from spikes, times a table of costs.

    operations    counted from the spikes of a run and a placement (`counting`)
    x EnergyTable Davies et al. (2018): energy and time of each kind of operation
    = energy and time per phase and sample, energy-delay product, ratio to the measured values

The time of a step is that of its slowest core, whose operations and outgoing spikes come one after
the other; then the farthest way that a neuron of a sending core has; then one barrier over the
tiles in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.counting import (
    OPERATIONS,
    count_spikes,
    forward_counts,
    last_counts,
    operations,
    synaptic_operations,
)
from synfire_bp.loihi.placement import Placement

__all__ = [
    "LEFT_OUT",
    "MEASURED",
    "OPERATIONS",
    "Cost",
    "EnergyTable",
    "Measured",
    "Prediction",
    "compare",
    "count_spikes",
    "energy",
    "forward_counts",
    "last_counts",
    "operations",
    "synaptic_operations",
]

Pair = tuple[float, float]


class Cost(NamedTuple):
    """What one operation costs."""

    joules: float
    seconds: float


@dataclass(frozen=True)
class EnergyTable:
    """Costs of operations, as (joules, seconds): pre-silicon estimates at 0.75 V.

    Source: Davies et al. (2018), IEEE Micro 38(1), 82-99.

    Attributes
    ----------
    synaptic_operations : (float, float)
        One synapse passes one spike on; the table gives the least energy and the longest time.
    learning_updates : (float, float)
        One synapse visited by the learning engine (pairwise STDP).
    active_updates, inactive_updates : (float, float)
        One neuron for one step.
    spikes_in_tile : (float, float)
        One spike for one core.
    hops_east_west, hops_north_south : (float, float)
        One spike from one tile to the next.
    barrier : (float, float)
        Seconds that a mesh-wide barrier takes over 1 tile and over 32; in between, a straight line
        [assumed].  The table has no energy for it.
    static_power : float
        Watts that the chip draws whatever it does.  0: left out, since the table has no such
        number and none is invented.
    """

    synaptic_operations: Pair = (23.6e-12, 3.5e-9)
    learning_updates: Pair = (120e-12, 6.1e-9)
    active_updates: Pair = (81e-12, 8.4e-9)
    inactive_updates: Pair = (52e-12, 5.3e-9)
    spikes_in_tile: Pair = (1.7e-12, 2.1e-9)
    hops_east_west: Pair = (3.0e-12, 4.1e-9)
    hops_north_south: Pair = (4.0e-12, 6.5e-9)
    barrier: Pair = (113e-9, 465e-9)
    static_power: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            for value in np.atleast_1d(getattr(self, field.name)):
                if not (np.isfinite(value) and value >= 0):
                    raise HardwareError(
                        f"energy table: {field.name} is {getattr(self, field.name)}; must be "
                        "finite and not negative"
                    )

    def costs(self) -> dict[str, Cost]:
        """Return the cost of each of the `OPERATIONS`."""
        return {name: Cost(*getattr(self, name)) for name in OPERATIONS}

    def barrier_seconds(self, tiles: int) -> float:
        """Return the time of one barrier over so many tiles."""
        one, all_of_them = self.barrier
        return one + (all_of_them - one) * (tiles - 1) / 31


_IN_CORE = OPERATIONS[:5]  # what a core does one after the other

LEFT_OUT = (
    "Left out of the model: static power and leakage; the three x86 cores, which run the host's "
    "share of a sample; bringing input and target spikes onto the chip and reading results; the "
    "energy of barriers; reward and trace upkeep of the learning engine beyond its visits to "
    "synapses; queues and jams in the mesh and in the cores. The costs are pre-silicon estimates "
    "at 0.75 V, not measurements; the synaptic operation is the table's least energy. Spikes are "
    "means over the samples: within a step, the slowest core of the mean sample counts."
)
"""What the model leaves out, as printed."""


# ----------------------------------------------------------------------------------------------
# Energy and time
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a sample costs, as modelled.

    Attributes
    ----------
    phases : DataFrame
        One row per phase: the operations of all cores, barriers, joules (dynamic), seconds,
        slowest_core.
    terms : DataFrame
        One row per kind of operation, with barriers and static power: operations, joules.
    static_power : float
        Watts; 0: left out.
    """

    phases: pd.DataFrame
    terms: pd.DataFrame
    static_power: float

    @property
    def dynamic_joules(self) -> float:
        """Energy of the operations of a sample."""
        return float(self.phases.joules.sum())

    @property
    def static_joules(self) -> float:
        """Static power times the time of a sample; 0 if it is left out."""
        return self.static_power * self.seconds

    @property
    def joules(self) -> float:
        """Energy of a sample."""
        return self.dynamic_joules + self.static_joules

    @property
    def seconds(self) -> float:
        """Time of a sample."""
        return float(self.phases.seconds.sum())

    @property
    def energy_delay_product(self) -> float:
        """Energy times time of a sample, in joule seconds."""
        return self.joules * self.seconds


def energy(
    counted: pd.DataFrame, placement: Placement, table: EnergyTable | None = None
) -> Prediction:
    """Return what a sample costs: operations times the table.

    Parameters
    ----------
    counted : DataFrame
        From `operations`.
    placement : Placement
        The same.
    table : EnergyTable, optional
        Costs; default Davies et al. (2018), without static power.
    """
    table = table or EnergyTable()
    costs = table.costs()
    joules = pd.Series({name: cost.joules for name, cost in costs.items()})
    seconds = pd.Series({name: cost.seconds for name, cost in costs.items()})
    busy = (counted[list(_IN_CORE)] * seconds[list(_IN_CORE)]).sum(axis=1).unstack("core")
    phases = counted.groupby(level="phase").sum()
    phases["barriers"] = 1
    phases["joules"] = (phases[list(OPERATIONS)] * joules).sum(axis=1)
    phases["seconds"] = (
        busy.max(axis=1)
        + _farthest(counted, placement, table)
        + table.barrier_seconds(placement.n_tiles)
    )
    phases["slowest_core"] = busy.idxmax(axis=1)
    total = phases[list(OPERATIONS)].sum()
    terms = pd.DataFrame({"operations": total, "joules": total * joules})
    terms.loc["barriers"] = [len(phases), 0.0]
    terms.loc["static_power"] = [np.nan, table.static_power * float(phases.seconds.sum())]
    return Prediction(phases, terms, table.static_power)


def _farthest(counted: pd.DataFrame, placement: Placement, table: EnergyTable) -> pd.Series:
    """Return, per phase, the longest time between tiles from any core that sends."""
    east_west, north_south = placement.distances
    costs = table.costs()
    way = (
        east_west * costs["hops_east_west"].seconds
        + north_south * costs["hops_north_south"].seconds
    )
    core_of, inside = placement.core_of, placement.core_of >= 0
    longest = np.zeros(placement.n_cores)
    ways = (way[:, core_of[inside]] * placement.listens[:, inside]).max(axis=0)
    np.maximum.at(longest, core_of[inside], ways)
    sends = counted.spikes_in_tile.unstack("core") > 0
    return (sends * longest).max(axis=1)


# ----------------------------------------------------------------------------------------------
# Beside the paper
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """What was measured on the chip, per sample."""

    joules: float
    seconds: float
    source: str

    @property
    def energy_delay_product(self) -> float:
        """Energy times time, in joule seconds."""
        return self.joules * self.seconds

    def unexplained_power(self, prediction: Prediction) -> float:
        """Return the static power, in watts, that would explain the whole difference.

        Derived, not measured: the measured energy without the modelled dynamic energy, over the
        measured time.  Negative if the model predicts more than was measured.
        """
        return (self.joules - prediction.dynamic_joules) / self.seconds


MEASURED_SIZES = (400, 400, 10)
"""Layers of the network that was measured."""
MEASURED = {
    "training": Measured(
        0.59e-3, 1.48e-3, "Renner et al. (2024), Table 1 (0.59 mJ, 1.5 ms); text: 1.48 ms"
    ),
    "inference": Measured(0.0025e-3, 0.17e-3, "Renner et al. (2024), Table 1 (0.0025 mJ, 0.17 ms)"),
}
"""What the paper measured, MNIST, 400-400-10: per sample, learning on and off.

The table's energies and its 1.5 and 0.17 ms were read in the paper, the 1.48 ms are recalled.
"""

QUANTITIES = {
    "energy (mJ)": ("joules", 1e3),
    "time (ms)": ("seconds", 1e3),
    "energy-delay product (µJ s)": ("energy_delay_product", 1e6),
}


def compare(predictions: Mapping[str, Prediction]) -> pd.DataFrame:
    """Set predictions beside what the paper measured.

    Parameters
    ----------
    predictions : mapping
        "training", "inference" to the prediction.

    Returns
    -------
    DataFrame
        Columns: mode, quantity, model, paper, ratio (model over paper).

    Raises
    ------
    HardwareError
        If the paper measured no such mode.
    """
    rows: list[dict[str, Any]] = []
    for mode, prediction in predictions.items():
        if mode not in MEASURED:
            raise HardwareError(f"the paper measured {', '.join(MEASURED)}, not '{mode}'")
        for quantity, (name, unit) in QUANTITIES.items():
            model, paper = (unit * getattr(side, name) for side in (prediction, MEASURED[mode]))
            rows.append(
                {
                    "mode": mode,
                    "quantity": quantity,
                    "model": model,
                    "paper": paper,
                    "ratio": model / paper,
                }
            )
    return pd.DataFrame(rows)
