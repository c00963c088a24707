"""What a sample costs on the chip: operations counted from spikes, times a table of costs.

    operations    counted from the spikes of a run and a placement, per phase and core
    x EnergyTable Davies et al. (2018): energy and time of each kind of operation
    = energy and time per phase and sample, energy-delay product, ratio to the measured values

What is counted, in the phase in which a neuron fires (its spikes are delivered in that step):

- *synaptic operations*: each spike times its synapses, of every projection, on the target's core.
- *learning updates*: the synapses that the learning engine visits.  Every product of a rule that
  this package reads holds x0, so a synapse can change only in a step in which its presynaptic
  neuron fires: the engine visits all learning synapses of every neuron that fires, whether or
  not the target fires too, in every step (a learning epoch is one step).  `visits="all"` counts
  all learning synapses in every step instead: an upper bound.
- *active and inactive updates*: every neuron is updated in every step; active if it fires.
  Counting all as active is an upper bound and adds 29 pJ a neuron and step.
- *spikes in a tile*: one per spike and core that listens to it; *hops* from tile to tile on top.
- *barriers*: one per step, over the tiles in use.

The time of a step is that of its slowest core: its operations one after the other and the spikes
it sends, then the farthest way that a spike of this step takes, then the barrier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synfire_bp.circuit import Circuit, PlasticProjection
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.placement import Placement, all_projections, learns

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

SpikeCounts = Mapping[str, NDArray[np.integer]]
"""Population name to spikes per phase, shape (n_phases,), or per neuron, (size, n_phases)."""


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


OPERATIONS = (
    "synaptic_operations",
    "learning_updates",
    "active_updates",
    "inactive_updates",
    "spikes_in_tile",
    "hops_east_west",
    "hops_north_south",
)
"""Kinds of operations: columns of `operations`, fields of `EnergyTable`."""

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
# Spikes
# ----------------------------------------------------------------------------------------------


def last_counts(
    spike_counts: pd.DataFrame, metrics: pd.DataFrame
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Return the spikes since the last test but one of a run, and of how many samples they are.

    Parameters
    ----------
    spike_counts, metrics : DataFrame
        `Run.spike_counts` and `Run.metrics`; the counts of one epoch are those since the test
        before.

    Raises
    ------
    HardwareError
        If there are none: the oracle has no spikes.
    """
    if spike_counts.empty:
        raise HardwareError(
            "the run has no spike counts (the oracle has no spikes, and a circuit's are written at "
            "its first test); train with --engine circuit"
        )
    epoch = spike_counts.epoch.max()
    of_epoch = spike_counts[spike_counts.epoch == epoch]
    shown = metrics[(metrics.epoch == epoch) & (metrics.split == "train")]
    if len(shown) != 1:
        raise HardwareError(
            f"the run has spike counts of epoch {epoch:g}, but {len(shown)} rows of metrics that "
            "say how many samples they are of; there must be one"
        )
    table = of_epoch.pivot(index="population", columns="phase", values="spikes")
    counts = {
        str(name): row for name, row in zip(table.index, table.to_numpy(np.int64), strict=True)
    }
    return counts, int(shown.samples.iloc[0])


def count_spikes(
    circuit: Circuit, spikes: Mapping[str, tuple[NDArray[np.integer], NDArray[np.integer]]]
) -> dict[str, NDArray[np.int64]]:
    """Return spikes per neuron and phase, from recorded ones.

    Parameters
    ----------
    circuit : Circuit
        Whose spikes they are.
    spikes : mapping
        Population name to (neuron, step), as in `Run.spikes`; step 0 is phase 0 of a sample.

    Returns
    -------
    dict
        Population name to int64 array of shape (size, n_phases).

    Raises
    ------
    HardwareError
        If a neuron that the circuit does not have fired.
    """
    counts = {}
    for name, size in circuit.population_sizes.items():
        neuron, step = spikes.get(name, (np.empty(0, np.int64), np.empty(0, np.int64)))
        if len(neuron) and not 0 <= np.min(neuron) <= np.max(neuron) < size:
            raise HardwareError(
                f"spikes of population '{name}' name neurons {np.min(neuron)} … {np.max(neuron)}; "
                f"it has {size}"
            )
        counts[name] = np.zeros((size, circuit.n_phases), dtype=np.int64)
        np.add.at(counts[name], (neuron, np.asarray(step) % circuit.n_phases), 1)
    return counts


def forward_counts(
    inference: Circuit, spike_counts: SpikeCounts, samples: int
) -> dict[str, NDArray[np.int64]]:
    """Return what the inference circuit fires on the samples that a training showed.

    The forward part of a training sample is the inference circuit: its layers fire the same spikes
    in the same phases, given the weights as they stood at that sample.  Only the gating chain
    differs: a ring of four.

    Parameters
    ----------
    inference : Circuit
        The inference circuit of the same sizes.
    spike_counts : mapping
        Of the training circuit.
    samples : int
        How many samples these are of.

    Raises
    ------
    HardwareError
        If the counts lack a population.
    """
    counts: dict[str, NDArray[np.int64]] = {}
    for name in inference.population_sizes:
        if name in inference.gate_names:
            counts[name] = np.zeros(inference.n_phases, dtype=np.int64)
            counts[name][inference.gate_names.index(name) - 1] = samples
        elif name in spike_counts:
            counts[name] = np.asarray(spike_counts[name], dtype=np.int64)[..., : inference.n_phases]
        else:
            raise HardwareError(f"spike counts lack population '{name}'")
    return counts


def _rates(
    circuit: Circuit, spike_counts: SpikeCounts | pd.DataFrame, samples: int
) -> NDArray[np.float64]:
    """Return spikes per sample of every cell and phase, shape (n_cells, n_phases)."""
    if isinstance(samples, bool) or samples != int(samples) or samples < 1:
        raise HardwareError(f"samples is {samples!r}; must be a whole number of 1 or more")
    if isinstance(spike_counts, pd.DataFrame):
        table = spike_counts.pivot_table(
            index="population", columns="phase", values="spikes", aggfunc="sum", fill_value=0
        )
        spike_counts = {
            str(name): row for name, row in zip(table.index, table.to_numpy(), strict=True)
        }
    sizes = circuit.population_sizes
    if unlike := set(spike_counts) ^ set(sizes):
        raise HardwareError(
            f"spike counts are not those of this circuit: {', '.join(sorted(unlike))} "
            f"{'is' if len(unlike) == 1 else 'are'} in one of them only"
        )
    rates = np.zeros((circuit.n_cells, circuit.n_phases))
    for name, place in circuit.slices.items():
        counts = np.asarray(spike_counts[name], dtype=np.float64)
        if counts.shape not in ((circuit.n_phases,), (sizes[name], circuit.n_phases)):
            raise HardwareError(
                f"spike counts of population '{name}' have the shape {counts.shape}; must be "
                f"({circuit.n_phases},) or ({sizes[name]}, {circuit.n_phases})"
            )
        spread = counts / sizes[name] if counts.ndim == 1 else counts
        rates[place] = spread / samples
        if not (rates[place] >= 0).all() or (rates[place] > 1 + 1e-9).any():
            raise HardwareError(
                f"spike counts of population '{name}' ({sizes[name]} neurons, {samples:,} samples) "
                f"must be within 0 … {sizes[name] * samples:,} in each phase"
            )
    for name in circuit.gate_names:  # one of them fires in every step
        fired = rates[circuit.slices[name]].sum()
        if abs(fired - 1) > 1e-9:
            raise HardwareError(
                f"spike counts are not of {samples:,} samples: the gate {name} fires once a "
                f"sample, but {round(fired * samples):,} times here"
            )
    return rates


# ----------------------------------------------------------------------------------------------
# Operations
# ----------------------------------------------------------------------------------------------


def synaptic_operations(
    circuit: Circuit, spike_counts: SpikeCounts | pd.DataFrame, samples: int
) -> pd.DataFrame:
    """Return synaptic operations per projection and phase: which of them cost most.

    Parameters
    ----------
    circuit, spike_counts, samples
        As in `operations`.

    Returns
    -------
    DataFrame
        One row per projection, plastic ones first.  Columns: pre, post, plastic, extra_delay,
        fan_out (synapses of one presynaptic neuron), one per phase (operations per sample), total.
    """
    rates = _rates(circuit, spike_counts, samples)
    rows = []
    for row in all_projections(circuit):
        plastic = isinstance(row, PlasticProjection)
        fan_out = circuit.n_synapses(row) // circuit.population_sizes[row.pre]
        per_phase = rates[circuit.slices[row.pre]].sum(axis=0) * fan_out
        delay = 0 if isinstance(row, PlasticProjection) else row.extra_delay
        rows.append((row.pre, row.post, plastic, delay, fan_out, *per_phase, per_phase.sum()))
    columns = ("pre", "post", "plastic", "extra_delay", "fan_out")
    return pd.DataFrame(rows, columns=[*columns, *range(circuit.n_phases), "total"])


def operations(
    circuit: Circuit,
    spike_counts: SpikeCounts | pd.DataFrame,
    placement: Placement,
    samples: int,
    *,
    visits: Literal["active", "all"] = "active",
) -> pd.DataFrame:
    """Count what the chip does for a sample, from the spikes of a run.

    Parameters
    ----------
    circuit : Circuit
        Training or inference.
    spike_counts : mapping or DataFrame
        Population name to spikes per phase, shape (n_phases,), as in `Segment.spike_counts`; or
        per neuron and phase, (size, n_phases), as from `count_spikes`; or a table with the columns
        population, phase and spikes, such as `Run.spike_counts`, whose epochs are added up.  If
        only a population's sum is known, it is spread evenly over its neurons.
    placement : Placement
        Of the same circuit.
    samples : int
        How many samples the spikes are of.
    visits : {"active", "all"}
        Which synapses the learning engine visits: those of neurons that fire, or all in every step.

    Returns
    -------
    DataFrame
        One row per phase and core (the index), columns `OPERATIONS`; means over the samples.
        Spikes and hops stand at the core that sends them; those of sources, which lie outside, do
        not count, but what they do at their synapses does.

    Raises
    ------
    HardwareError
        If placement or spikes are of another circuit, or the spikes of another number of samples.
    """
    if placement.circuit != circuit:
        raise HardwareError(
            f"the placement is of a circuit {'-'.join(map(str, placement.circuit.sizes))} with "
            f"{placement.circuit.n_phases} phases, not of this one: "
            f"{'-'.join(map(str, circuit.sizes))} with {circuit.n_phases}"
        )
    if visits not in ("active", "all"):
        raise HardwareError(f"visits is {visits!r}; must be 'active' or 'all'")
    rates = _rates(circuit, spike_counts, samples)
    plastic, fixed = placement.synapses["plastic"], placement.synapses["fixed"]
    home = placement.core_of == np.arange(placement.n_cores)[:, None]  # (cores, cells)
    if not learns(circuit):
        learnt = np.zeros((placement.n_cores, circuit.n_phases))
    elif visits == "all":
        learnt = np.repeat(plastic.sum(axis=1)[:, None], circuit.n_phases, axis=1).astype(float)
    else:
        learnt = plastic @ rates
    active = home @ rates
    sent = placement.listens.sum(axis=0)
    east_west, north_south = (_per_spike(placement, hops) for hops in placement.distances)
    counted = {
        "synaptic_operations": (plastic + fixed) @ rates,
        "learning_updates": learnt,
        "active_updates": active,
        "inactive_updates": home.sum(axis=1)[:, None] - active,
        "spikes_in_tile": home @ (sent[:, None] * rates),
        "hops_east_west": home @ (east_west[:, None] * rates),
        "hops_north_south": home @ (north_south[:, None] * rates),
    }
    index = pd.MultiIndex.from_product(
        [range(circuit.n_phases), range(placement.n_cores)], names=["phase", "core"]
    )
    return pd.DataFrame({name: counted[name].T.ravel() for name in OPERATIONS}, index=index)


def _per_spike(placement: Placement, hops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the hops that one spike of each cell takes to all its cores, shape (n_cells,)."""
    inside = placement.core_of >= 0
    taken = np.zeros(len(inside), dtype=np.int64)
    ways = hops[:, placement.core_of[inside]] * placement.listens[:, inside]
    taken[inside] = ways.sum(axis=0)
    return taken


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
    """Return, per phase, the time that the farthest spike is on its way between tiles."""
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
