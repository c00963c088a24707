"""The chip's operations for a sample, counted from the spikes of a run and a placement.

These operations are counted, each in the phase in which a neuron fires (its spikes are delivered
in that step):

- *synaptic operations*: each spike times its synapses, of every projection, on the target's core.
- *learning updates*: the synapses that the learning engine visits.  How many it visits is not
  public, so `visits` selects it; a learning epoch is one step.  "coincidences": those whose two
  neurons both fire in the step, the only ones that the paper's rule changes: a lower bound.
  "active": all learning synapses of every neuron that fires, whether or not the target fires too.
  "all": every learning synapse in every step: an upper bound.  A number from 0 to 1: a fraction of
  the way from the lower to the upper bound.
- *active and inactive updates*: every neuron is updated in every step; active if it fires. Counting
  all as active is an upper bound and adds 29 pJ per neuron and step.
- *spikes in a tile*: one per spike and core with synapses of its neuron; *hops* from tile to tile
  in addition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.errors import HardwareError, engine_named
from synfire_bp.loihi.placement import Placement, all_projections, learns

__all__ = [
    "OPERATIONS",
    "SpikeCounts",
    "Visits",
    "count_spikes",
    "forward_counts",
    "last_counts",
    "operations",
    "synaptic_operations",
]

Visits = Literal["coincidences", "active", "all"] | float
"""Choices of the synapses that the learning engine visits."""

SpikeCounts = Mapping[str, NDArray[np.integer] | NDArray[np.floating]]
"""Population name to spikes per phase, shape (n_phases,), or per neuron, (size, n_phases)."""

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

# ----------------------------------------------------------------------------------------------
# Spikes
# ----------------------------------------------------------------------------------------------


def last_counts(
    spike_counts: pd.DataFrame, metrics: pd.DataFrame
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Return the spikes of a run before its last test, and their number of samples.

    Parameters
    ----------
    spike_counts, metrics : DataFrame
        `Run.spike_counts` and `Run.metrics`.  Both count from one test to the next.

    Raises
    ------
    HardwareError
        If there are none: the oracle has no spikes.
    """
    if spike_counts.empty:
        raise HardwareError(
            "the run has no spike counts (the oracle has no spikes, and a circuit's are written at "
            f"its first test); train with {engine_named('circuit')}"
        )
    epoch = spike_counts.epoch.max()
    of_epoch = spike_counts[spike_counts.epoch == epoch]
    shown = metrics[(metrics.epoch == epoch) & (metrics.split == "train")]
    if len(shown) != 1:
        raise HardwareError(
            f"the run has spike counts of epoch {epoch:g}, but {len(shown)} rows of metrics that "
            "give their number of samples; there must be exactly one"
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
        The circuit that fired them.
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
) -> dict[str, NDArray[np.integer] | NDArray[np.floating]]:
    """Return the spikes of the inference circuit on the samples of a training.

    The forward part of a training sample is the inference circuit: its layers fire the same spikes
    in the same phases, given the weights at that sample.  Only the gating chain differs: a ring of
    four.

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
    counts: dict[str, NDArray[Any]] = {}
    for name in inference.population_sizes:
        if name in inference.gate_names:
            phase = (inference.gate_names.index(name) - 1) % inference.n_phases
            counts[name] = samples * np.eye(inference.n_phases, dtype=np.int64)[phase]
        elif name in spike_counts:
            counts[name] = np.asarray(spike_counts[name])[..., : inference.n_phases]
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
            f"spike counts are not of this circuit: {', '.join(sorted(unlike))} "
            f"{'is' if len(unlike) == 1 else 'are'} in only one of the two"
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
                f"spike counts are not of {samples:,} samples: the gate {name} fires once per "
                f"sample, but fired {round(fired * samples):,} times"
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
    visits: Visits = "active",
) -> pd.DataFrame:
    """Count the chip's operations for a sample, from the spikes of a run.

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
        Number of samples in which the spikes were fired.
    visits : {"coincidences", "active", "all"} or float
        Which synapses the learning engine visits: those of pairs that fire together, those of
        presynaptic neurons that fire, or all in every step; 0 … 1: in between, with coincidences
        at 0 and all at 1.  From means over several samples, coincidences are a product of means.

    Returns
    -------
    DataFrame
        One row per phase and core (the index; the core by its number on the chip), columns
        `OPERATIONS`; means over the samples.  Spikes and hops are counted at the core that sends
        them; those of sources, which lie outside the chip, are not counted, but their synaptic
        operations are.

    Raises
    ------
    HardwareError
        If placement or spikes belong to another circuit, or the spikes to another number of
        samples.
    """
    _check_counted(circuit, placement, visits)
    rates = _rates(circuit, spike_counts, samples)
    plastic, fixed = placement.synapses["plastic"], placement.synapses["fixed"]
    home = placement.core_of == np.arange(placement.n_cores)[:, None]  # (cores, cells)
    active = home @ rates
    sent = placement.listens.sum(axis=0)
    east_west, north_south = (_per_spike(placement, hops) for hops in placement.distances)
    counted = {
        "synaptic_operations": (plastic + fixed) @ rates,
        "learning_updates": _learning_updates(placement, rates, visits),
        "active_updates": active,
        "inactive_updates": home.sum(axis=1)[:, None] - active,
        "spikes_in_tile": home @ (sent[:, None] * rates),
        "hops_east_west": home @ (east_west[:, None] * rates),
        "hops_north_south": home @ (north_south[:, None] * rates),
    }
    index = pd.MultiIndex.from_product(
        [range(circuit.n_phases), placement.core_numbers], names=["phase", "core"]
    )
    return pd.DataFrame({name: counted[name].T.ravel() for name in OPERATIONS}, index=index)


def _check_counted(circuit: Circuit, placement: Placement, visits: Visits) -> None:
    """Refuse a placement of another circuit, and unknown visits."""
    if placement.circuit != circuit:
        raise HardwareError(
            f"the placement is for a circuit {'-'.join(map(str, placement.circuit.sizes))} with "
            f"{placement.circuit.n_phases} phases, not for this one: "
            f"{'-'.join(map(str, circuit.sizes))} with {circuit.n_phases}"
        )
    named = visits in ("coincidences", "active", "all")
    if not named and (isinstance(visits, (str, bool)) or not 0 <= visits <= 1):
        raise HardwareError(
            f"visits is {visits!r}; must be 'coincidences', 'active' or 'all', or a number from "
            "0 (coincidences) to 1 (all)"
        )


def _learning_updates(
    placement: Placement, rates: NDArray[np.float64], visits: Visits
) -> NDArray[np.float64]:
    """Return the synapses that the learning engine visits, shape (n_cores, n_phases)."""
    circuit, plastic = placement.circuit, placement.synapses["plastic"]
    shape = (placement.n_cores, circuit.n_phases)
    if not learns(circuit):
        return np.zeros(shape)
    if visits == "active":
        return plastic @ rates
    share = {"coincidences": 0.0, "all": 1.0}[visits] if isinstance(visits, str) else visits
    together = _coincidences(placement, rates)
    every = np.broadcast_to(plastic.sum(axis=1)[:, None], shape)
    return together + share * (every - together)


def _coincidences(placement: Placement, rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the plastic synapses whose neurons fire together, shape (n_cores, n_phases)."""
    slices = placement.circuit.slices
    together = np.zeros((placement.n_cores, rates.shape[1]))
    for row in placement.circuit.plastic:
        post = slices[row.post]
        pairs = rates[post] * rates[slices[row.pre]].sum(axis=0)
        np.add.at(together, placement.core_of[post], pairs)
    return together


def _per_spike(placement: Placement, hops: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the hops that one spike of each cell takes to all its cores, shape (n_cells,)."""
    inside = placement.core_of >= 0
    taken = np.zeros(len(inside), dtype=np.int64)
    ways = hops[:, placement.core_of[inside]] * placement.listens[:, inside]
    taken[inside] = ways.sum(axis=0)
    return taken
