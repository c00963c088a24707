"""Energy and time of a sample on the chip: operations counted from spikes, times a table of costs.

    operations    counted from the spikes of a run and a placement (`counting`)
    x EnergyTable Davies et al. (2018): energy and time of each kind of operation (`costs`)
    = energy and time per phase and sample, energy-delay product, ratio to the measured values

The time of a step is the sum of the time of its slowest core, whose operations and outgoing spikes
follow one another; of the longest path of a spike from a sending core; of one barrier over the
tiles in use; and of the further costs of a step, if they are given. *Dynamic* energy is that of the
operations; the *total* also includes management, host and static power.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.costs import Cost, EnergyTable
from synfire_bp.loihi.counting import (
    OPERATIONS,
    count_spikes,
    forward_counts,
    last_counts,
    operations,
    synaptic_operations,
)
from synfire_bp.loihi.placement import Placement, learns

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

_IN_CORE = OPERATIONS[:5]  # operations of a core, which follow one another

LEFT_OUT = (
    "The estimate from operations leaves out what is not in the table of costs: static power and "
    "leakage; the three x86 cores, which manage each step, and the host's share of a sample; "
    "sending input and target spikes to the chip and reading out the results; the energy of "
    "barriers; visits of the learning engine to synapses whose presynaptic neuron is silent; "
    "queues and congestion in the mesh and in the cores. The costs are pre-silicon estimates at "
    "0.75 V, not measurements; that of the synaptic operation is the lowest energy in the table. "
    "Spike counts are means over the samples, so the time of a step is that of the slowest core "
    "in the mean sample."
)
"""What the estimate from operations leaves out, as printed."""


# ----------------------------------------------------------------------------------------------
# Energy and time
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted cost of a sample.

    Attributes
    ----------
    phases : DataFrame
        One row per phase: the operations of all cores, barriers, joules (dynamic), seconds,
        slowest_core.  Seconds: operations and barrier, without management.
    terms : DataFrame
        One row per kind of operation, then barriers, management, host and static power:
        operations, joules.
    static_power : float
        Watts; 0: left out.
    managing_seconds : float
        Time of a sample that is spent on managing its steps and in the host.
    """

    phases: pd.DataFrame
    terms: pd.DataFrame
    static_power: float
    managing_seconds: float = 0.0

    @property
    def dynamic_joules(self) -> float:
        """Energy of the operations of a sample."""
        return float(self.phases.joules.sum())

    @property
    def static_joules(self) -> float:
        """Static power times the time of a sample; 0 if it is left out."""
        return self.static_power * self.seconds

    @property
    def managing_joules(self) -> float:
        """Energy of management and host."""
        return float(self.terms.joules[["management", "host"]].sum())

    @property
    def joules(self) -> float:
        """Total energy of a sample."""
        return self.dynamic_joules + self.managing_joules + self.static_joules

    @property
    def seconds(self) -> float:
        """Time of a sample."""
        return float(self.phases.seconds.sum()) + self.managing_seconds

    @property
    def energy_delay_product(self) -> float:
        """Energy times time of a sample, in joule seconds."""
        return self.joules * self.seconds


def energy(
    counted: pd.DataFrame, placement: Placement, table: EnergyTable | None = None
) -> Prediction:
    """Return the cost of a sample: operations times the table.

    Parameters
    ----------
    counted : DataFrame
        From `operations`.
    placement : Placement
        The same.
    table : EnergyTable, optional
        Costs; default Davies et al. (2018), operations alone.
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
        + farthest_seconds(counted, placement, table)
        + table.barrier_seconds(placement.n_tiles)
    )
    phases["slowest_core"] = busy.idxmax(axis=1)
    total = phases[list(OPERATIONS)].sum()
    terms = pd.DataFrame({"operations": total, "joules": total * joules})
    terms.loc["barriers"] = [len(phases), 0.0]
    step = table.step(learns(placement.circuit))
    terms.loc["management"] = [len(phases), len(phases) * step.joules]
    terms.loc["host"] = [1, table.host[0]]
    managing = len(phases) * step.seconds + table.host[1]
    lasts = float(phases.seconds.sum()) + managing
    terms.loc["static_power"] = [np.nan, table.static_power * lasts]
    return Prediction(phases, terms, table.static_power, managing)


def farthest_seconds(counted: pd.DataFrame, placement: Placement, table: EnergyTable) -> pd.Series:
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
# Compared with the paper
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Measured:
    """Measurements on the chip, per sample."""

    joules: float
    seconds: float
    source: str

    @property
    def energy_delay_product(self) -> float:
        """Energy times time, in joule seconds."""
        return self.joules * self.seconds

    def unexplained_power(self, prediction: Prediction) -> float:
        """Return the mean power, in watts, that the operations do not explain.

        The measured energy minus the modelled dynamic energy, divided by the measured time;
        negative if the model predicts more than was measured.  It is not the chip's static power,
        which would be the same in training and in inference.
        """
        return (self.joules - prediction.dynamic_joules) / self.seconds


MEASURED_SIZES = (400, 400, 10)
"""Layer sizes of the measured network."""
MEASURED = {
    "training": Measured(
        0.59e-3, 1.48e-3, "Renner et al. (2024), Table 1 (0.59 mJ, 1.5 ms); text: 1.48 ms"
    ),
    "inference": Measured(0.0025e-3, 0.17e-3, "Renner et al. (2024), Table 1 (0.0025 mJ, 0.17 ms)"),
}
"""Measurements of the paper, MNIST, 400-400-10: per sample, with and without learning.

The table's energies and its 1.5 and 0.17 ms were read in the paper, the 1.48 ms are from memory.
"""

QUANTITIES = {
    "energy (mJ)": ("joules", 1e3),
    "time (ms)": ("seconds", 1e3),
    "energy-delay product (µJ s)": ("energy_delay_product", 1e6),
}


def compare(predictions: Mapping[str, Prediction]) -> pd.DataFrame:
    """Compare predictions with the paper's measurements.

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
        If the paper did not measure this mode.
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
