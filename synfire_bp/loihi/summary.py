"""What `synfire-bp describe --hardware` prints: a circuit on the chip, in tables.

Cores and memory follow from the circuit alone.  Energy and time need spikes, so they need a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.loihi.energy import (
    LEFT_OUT,
    MEASURED,
    MEASURED_SIZES,
    OPERATIONS,
    Prediction,
    compare,
    energy,
    forward_counts,
    last_counts,
    operations,
)
from synfire_bp.loihi.placement import LIMITS, Placement, place

__all__ = ["Costs", "Table", "hardware_report", "predict"]


class Table(NamedTuple):
    """A table to print: text in its first `left` columns, and those from `more` on."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: int
    more: int = 99


def hardware_report(
    circuit: Circuit,
    inference: Circuit,
    spike_counts: pd.DataFrame | None = None,
    metrics: pd.DataFrame | None = None,
) -> Iterator[Table | str]:
    """Yield, in the order to print them, tables and sentences about a circuit on the chip.

    Parameters
    ----------
    circuit, inference : Circuit
        Training and inference circuit.
    spike_counts, metrics : DataFrame, optional
        `Run.spike_counts` and `Run.metrics`; without them, no energy and time.

    Raises
    ------
    HardwareError
        If a circuit does not fit the chip, or the spikes do not fit the circuit.
    """
    training_on_chip, inference_on_chip = place(circuit), place(inference)
    yield from _placement_tables(training_on_chip, inference_on_chip)
    yield from _placement_notes(circuit)
    if spike_counts is None or metrics is None:
        yield "Energy and time are counted from real spikes: add --run DIR, a run of this model."
        return
    costs = predict(training_on_chip, inference_on_chip, spike_counts, metrics)
    yield from _cost_tables(circuit, costs)
    yield from _cost_notes(circuit, costs)


def _placement_tables(training: Placement, inference: Placement) -> Iterator[Table]:
    """Yield what both circuits take of the chip, and which core holds what."""
    both = (training, inference)
    cores = training.resources.cores
    tiles = training.resources.tiles(cores)
    decided = _cells(both, lambda p: (p.binding, "", ""))
    rows = [
        ["cores", *_cells(both, lambda p: (f"{p.n_cores:,}", "", _percent(p.n_cores / cores)))],
        ["tiles", *_cells(both, lambda p: (f"{p.n_tiles:,}", "", _percent(p.n_tiles / tiles)))],
        ["synapses", *_cells(both, lambda p: (f"{p.cores.synapses.sum():,}", "", ""))],
    ]
    for limit in LIMITS:
        used = [cell for placement in both for cell in _used(placement, limit)]
        rows.append([_LIMIT_NAMES[limit], *used])
    rows.append(["what decides the cores", *decided])
    heads = ("", "training", "of its cores", "of the chip")
    yield Table("On the chip", (*heads, "inference", *heads[2:]), rows, left=1)
    yield _cores_table("Cores, training", training)
    yield _cores_table("Cores, inference", inference)


def _placement_notes(circuit: Circuit) -> Iterator[str]:
    """Yield what must be said beside the tables of a placement."""
    sources = ", ".join(source.name for source in circuit.sources)
    yield (
        f"One compartment a neuron; the sources ({sources}) take none, their spikes come from "
        "outside. How many cores the paper's own placement takes is not known here."
    )


class Costs(NamedTuple):
    """What a sample costs; `training_bound`: with every learning synapse visited in every step."""

    training: Prediction
    inference: Prediction
    training_bound: Prediction


def predict(
    training: Placement,
    inference: Placement,
    spike_counts: pd.DataFrame,
    metrics: pd.DataFrame,
) -> Costs:
    """Return what a sample costs, from the spikes of a run up to its last test.

    Parameters
    ----------
    training, inference : Placement
        Of the two circuits of the run.
    spike_counts, metrics : DataFrame
        `Run.spike_counts` and `Run.metrics`.

    Returns
    -------
    Costs
        Of training, and of inference on the same samples, from the forward part of training.

    Raises
    ------
    HardwareError
        If the run has no spikes, or they are not of this circuit.
    """
    counts, samples = last_counts(spike_counts, metrics)
    counted = operations(training.circuit, counts, training, samples)
    bound = operations(training.circuit, counts, training, samples, visits="all")
    forward = forward_counts(inference.circuit, counts, samples)
    return Costs(
        energy(counted, training),
        energy(operations(inference.circuit, forward, inference, samples), inference),
        energy(bound, training),
    )


def _cost_tables(circuit: Circuit, costs: Costs) -> Iterator[Table]:
    """Yield operations and energy by kind and by phase, and both beside the paper's numbers."""
    kinds = [
        [name.replace("_", " ")]
        + [
            cell
            for side in (costs.training, costs.inference)
            for cell in (f"{side.terms.operations[name]:,.1f}",
                         f"{1e9 * side.terms.joules[name]:,.2f}")
        ]
        for name in OPERATIONS
    ]  # fmt: skip
    yield Table("Operations a sample", ("", "training", "nJ", "inference", "nJ"), kinds, left=1)
    phases = [
        [
            str(phase),
            circuit.phases[int(str(phase))].meaning,
            f"{row.synaptic_operations:,.0f}",
            f"{row.learning_updates:,.0f}",
            f"{1e9 * row.joules:,.1f}",
            f"{1e6 * row.seconds:,.2f}",
            str(int(row.slowest_core)),
        ]
        for phase, row in costs.training.phases.iterrows()
    ]
    heads = ("", "meaning", "synaptic operations", "learning updates", "nJ", "µs", "slowest core")
    yield Table("Phases of a training sample", heads, phases, left=2)
    rows = []
    for name, mode, prediction in (
        ("training", "training", costs.training),
        ("training, every synapse visited", "training", costs.training_bound),
        ("inference", "inference", costs.inference),
    ):
        for row in compare({mode: prediction}).itertuples():
            rows.append([name, str(row.quantity), *(f"{value:.3g}" for value in row[3:])])
    beside = ("a sample", "", "model", "paper", "model / paper")
    yield Table("Beside the paper's measurement", beside, rows, left=2)


def _cost_notes(circuit: Circuit, costs: Costs) -> Iterator[str]:
    """Yield what must be said beside predicted energy and time."""
    if circuit.sizes != MEASURED_SIZES:
        yield (
            f"The paper measured {'-'.join(map(str, MEASURED_SIZES))}; this circuit is "
            f"{'-'.join(map(str, circuit.sizes))}, so the ratios compare two networks."
        )
    yield "Paper: " + "; ".join(f"{mode}: {MEASURED[mode].source}" for mode in MEASURED) + "."
    yield (
        "Every synapse visited: an upper bound, if the learning engine went through all learning "
        "synapses in every step, not only those of neurons that fire."
    )
    yield LEFT_OUT
    missing = [
        f"{1e3 * MEASURED[mode].unexplained_power(side):,.1f} mW in {mode}"
        for mode, side in (("training", costs.training), ("inference", costs.inference))
    ]
    yield (
        "Derived, not measured: static power alone would explain the difference to the paper if it "
        f"were {' and '.join(missing)}."
    )


# ----------------------------------------------------------------------------------------------
# Cells of tables
# ----------------------------------------------------------------------------------------------

_LIMIT_NAMES = {name: name for name in LIMITS} | {"synaptic memory": "synaptic memory (KB)"}


def _cells(
    placements: Iterable[Placement], cells: Callable[[Placement], tuple[str, str, str]]
) -> list[str]:
    return [cell for placement in placements for cell in cells(placement)]


def _used(placement: Placement, limit: str) -> tuple[str, str, str]:
    used, fraction, of_chip, _ = map(float, placement.utilisation.loc[limit])
    return (_amount(limit, used), _percent(fraction), _percent(of_chip))


def _amount(limit: str, value: float) -> str:
    return f"{value / 8192:,.1f}" if limit == "synaptic memory" else f"{value:,.0f}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _cores_table(title: str, placement: Placement) -> Table:
    held: dict[int, list[str]] = {}
    for part in placement.parts:
        whole = part.size == placement.circuit.population_sizes[part.population]
        name = part.population if whole else f"{part.population}[{part.start}:{part.stop}]"
        held.setdefault(part.core, []).append(name)
    gates = placement.circuit.gate_names
    for names in held.values():
        if set(gates) <= set(names):
            names[:] = [name for name in names if name not in gates]
            names.append(f"{gates[0]} … {gates[-1]}")
    rows = [
        [
            str(core),
            str(row.tile),
            *(_amount(limit, row[limit]) for limit in LIMITS),
            str(row["filled by"]) or "(room left)",
            ", ".join(held[int(str(core))]),
        ]
        for core, row in placement.cores.iterrows()
    ]
    heads = ("core", "tile", *(_LIMIT_NAMES[limit] for limit in LIMITS), "filled by", "holds")
    return Table(title, heads, rows, left=0, more=6)
