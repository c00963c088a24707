"""Output of `synfire-bp describe --hardware`: tables about a circuit on the chip.

Cores and memory follow from the circuit alone.  Energy and time need spikes, so they need a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.errors import to_caller
from synfire_bp.loihi.authors import PLACEMENTS
from synfire_bp.loihi.cost_summary import Costs, cost_notes, cost_tables, predict
from synfire_bp.loihi.placement import LIMITS, Placement
from synfire_bp.loihi.printed import Table

__all__ = ["Costs", "Table", "hardware_report", "predict"]


def hardware_report(
    circuit: Circuit,
    inference: Circuit,
    spike_counts: pd.DataFrame | None = None,
    metrics: pd.DataFrame | None = None,
    placement: str = "own",
) -> Iterator[Table | str]:
    """Yield, in the order to print them, tables and sentences about a circuit on the chip.

    Parameters
    ----------
    circuit, inference : Circuit
        Training and inference circuit.
    spike_counts, metrics : DataFrame, optional
        `Run.spike_counts` and `Run.metrics`; without them, no energy and time.
    placement : {"own", "authors"}
        On as few cores as possible, or the authors' placement.

    Raises
    ------
    HardwareError
        If a circuit does not fit the chip, or the spikes do not fit the circuit.
    """
    place = PLACEMENTS[placement]
    training_on_chip, inference_on_chip = place(circuit), place(inference)
    yield from _placement_tables(training_on_chip, inference_on_chip)
    yield from _placement_notes(circuit, placement)
    if spike_counts is None or metrics is None:
        more = to_caller("add --run DIR, a run", "pass spike_counts and metrics of a Run")
        yield f"Energy and time are computed from the spikes of a run: {more} of this model."
        return
    costs = predict(training_on_chip, inference_on_chip, spike_counts, metrics)
    yield from cost_tables(circuit, costs)
    yield from cost_notes(circuit, costs)


def _placement_tables(training: Placement, inference: Placement) -> Iterator[Table]:
    """Yield the resources that both circuits need, and the contents of each core."""
    both = (training, inference)
    cores = training.resources.cores
    tiles = training.resources.tiles(cores)
    decided = _cells(both, lambda p: ("the authors' rule" if p.numbers else p.binding, "", ""))
    rows = [
        ["cores", *_cells(both, lambda p: (f"{p.n_cores:,}", "", _percent(p.n_cores / cores)))],
        ["tiles", *_cells(both, lambda p: (f"{p.n_tiles:,}", "", _percent(p.n_tiles / tiles)))],
        ["synapses", *_cells(both, lambda p: (f"{p.cores.synapses.sum():,}", "", ""))],
    ]
    for limit in LIMITS:
        used = [cell for placement in both for cell in _used(placement, limit)]
        rows.append([_LIMIT_NAMES[limit], *used])
    rows.append(["cores limited by", *decided])
    heads = ("", "training", "of its cores", "of the chip")
    yield Table("On the chip", (*heads, "inference", *heads[2:]), rows, left=1)
    yield _cores_table("Cores, training", training)
    yield _cores_table("Cores, inference", inference)


_PLACED = {
    "own": "Placed on as few cores as can hold it. The authors spread it over more: {authors}.",
    "authors": "Placed by the rule of the authors' code, which gives the 81 cores of the paper "
    "for 400-400-10 in training; we assume that inference was placed by the same rule.",
}


def _placement_notes(circuit: Circuit, placement: str) -> Iterator[str]:
    """Yield the notes that belong to the tables of a placement."""
    sources = ", ".join(source.name for source in circuit.sources)
    authors = to_caller("--placement authors", "placement='authors'")
    yield (
        f"One compartment per neuron; the sources ({sources}) take none, because their spikes come "
        f"from outside the chip. {_PLACED[placement].format(authors=authors)}"
    )
    if circuit.payloads:
        yield (
            "The circuit's spikes are graded, and this chip's have no payload, so the chip cannot "
            "run the training circuit; the tables show what the neurons and synapses alone would "
            "take."
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
            ", ".join(held[index]),
        ]
        for index, (core, row) in enumerate(placement.cores.iterrows())
    ]
    heads = ("core", "tile", *(_LIMIT_NAMES[limit] for limit in LIMITS), "filled by", "holds")
    return Table(title, heads, rows, left=0, more=6)
