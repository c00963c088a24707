"""A circuit unrolled over the time steps of a sample, as one table.

A population stands in every phase in which it is open: opened by a gate, or by a population that
may fire.  A synapse stands wherever its neurons may fire *and* the spike arrives, one step and the
extra delay later, at a target that is then open; spikes that meet a closed population do nothing
and are left out.  All is read from the rows of the circuit, none of it is written here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, get_type_hints

import pandas as pd

from synfire_bp.circuit import FULL, Block, Circuit, Gate, Population, Source
from synfire_bp.circuit.reference import firing_table

from .wiring import GATING, PLASTIC, RING, kind_of, matrix_name

__all__ = ["Row", "open_phases", "rows", "unrolled"]


class Row(NamedTuple):
    """A row of the table, to be drawn; what the table leaves out is empty, or 0."""

    what: str
    kind: str
    pre: str
    pre_phase: int
    post: str
    post_phase: int
    extra_delay: int
    threshold: int
    synapses: int
    matrix: str
    layer: str
    text: str

    @property
    def arrival(self) -> int:
        """When the spike arrives, in steps since the start of the sample in which it is sent."""
        return self.pre_phase + 1 + self.extra_delay


_COLUMNS = {
    name: "Int64" if kind is int else "string" for name, kind in get_type_hints(Row).items()
}


def open_phases(circuit: Circuit) -> dict[str, tuple[int, ...]]:
    """Return the phases in which each population is open: gated on, or opened by neurons."""
    fires = firing_table(circuit)
    gates = [row for row in circuit.gates if isinstance(row, Gate)]
    return {
        name: tuple(sorted({*fires[name], *(row.phase for row in gates if row.opens == name)}))
        for name in circuit.population_sizes
    }


def unrolled(circuit: Circuit) -> pd.DataFrame:
    """Return what there is in which time step of a sample: one row each.

    Returns
    -------
    DataFrame
        `what` and the columns that it fills:

        "phase": `post_phase`, `kind` (kind of learning), `text` (meaning);
        "population": `post`, `post_phase`, `layer`, `threshold` (none if no gate opens it),
        `text` (its role);
        "synapses": `kind`, `pre`, `pre_phase`, `post`, `post_phase` (of the next sample, if it is
        not greater than `pre_phase`), `extra_delay`, `synapses` (how many), `threshold` of gating
        ones, `matrix` of plastic ones;
        "block": as "synapses", for a gate that closes its target once more;
        "learning": a plastic projection both of whose ends may fire in one phase: `kind`, `pre`,
        `post`, `pre_phase`, `post_phase`, `synapses`, `matrix`.
    """
    found = [
        *_phases(circuit),
        *_populations(circuit),
        *_spikes_of_neurons(circuit),
        *_spikes_of_gates(circuit),
        *_learning(circuit),
    ]
    return pd.DataFrame(found).reindex(columns=list(_COLUMNS)).astype(_COLUMNS)


def rows(numbers: pd.DataFrame, *what: str) -> list[Row]:
    """Return the rows of a table of `unrolled` that are of one of these kinds."""
    chosen = numbers[numbers["what"].isin(what)].astype(_COLUMNS)
    filled = {name: chosen[name].fillna(0 if kind == "Int64" else "").tolist()
              for name, kind in _COLUMNS.items()}  # fmt: skip
    return [Row(*values) for values in zip(*filled.values(), strict=True)]


def _phases(circuit: Circuit) -> Iterator[dict]:
    for phase in circuit.phases:
        yield {
            "what": "phase", "post_phase": phase.index, "kind": phase.learning or None,
            "text": phase.meaning,
        }  # fmt: skip


def _populations(circuit: Circuit) -> Iterator[dict]:
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    about = {row.name: row for row in named}
    for name, phases in open_phases(circuit).items():
        for phase in phases:
            gate = circuit.gated(name).get(phase)
            yield {
                "what": "population", "post": name, "post_phase": phase,
                "layer": about[name].layer if name in about else "gate",
                "text": about[name].role if name in about else None,
                "threshold": gate.threshold if isinstance(gate, Gate) else None,
            }  # fmt: skip


def _spikes_of_neurons(circuit: Circuit) -> Iterator[dict]:
    """Yield the plastic and the one-to-one synapses, wherever a spike finds its target open."""
    fires, is_open = firing_table(circuit), open_phases(circuit)
    found: list[tuple[str, str, int, dict]] = [
        (row.pre, row.post, 0, {"kind": PLASTIC, "matrix": matrix_name(row),
                                "synapses": circuit.n_synapses(row)})
        for row in circuit.plastic
    ]  # fmt: skip
    for row in circuit.relays:
        weight = circuit.fixed_weights[row.weight]
        about: dict = {"kind": kind_of(weight, circuit)}
        if about["kind"] == GATING:
            about["threshold"] = FULL + circuit.closing - weight.value
        for post in row.post:
            one_to_one = about | {"synapses": circuit.population_sizes[post]}
            found += [(row.pre, post, extra, one_to_one) for extra in row.extra_delays]
    for pre, post, extra_delay, about in found:
        for phase in fires[pre]:
            arrival = (phase + 1 + extra_delay) % circuit.n_phases
            if arrival in is_open[post]:
                yield about | {
                    "what": "synapses", "pre": pre, "pre_phase": phase, "post": post,
                    "post_phase": arrival, "extra_delay": extra_delay,
                }  # fmt: skip


def _spikes_of_gates(circuit: Circuit) -> Iterator[dict]:
    """Yield the gates' synapses, and those of the ring from gate to gate."""
    n_phases = circuit.n_phases
    for row in circuit.gates:
        yield {
            "what": "block" if isinstance(row, Block) else "synapses", "kind": GATING,
            "pre": circuit.gate_names[row.phase], "pre_phase": (row.phase - 1) % n_phases,
            "post": row.population, "post_phase": row.phase, "extra_delay": 0,
            "threshold": row.threshold if isinstance(row, Gate) else None,
            "synapses": circuit.population_sizes[row.population] * len(row.weights),
        }  # fmt: skip
    names = circuit.gate_names
    for k, (pre, post) in enumerate(pairwise((*names, names[0]))):
        yield {
            "what": "synapses", "kind": RING, "pre": pre, "pre_phase": (k - 1) % n_phases,
            "post": post, "post_phase": k, "extra_delay": 0, "synapses": 1,
        }  # fmt: skip


def _learning(circuit: Circuit) -> Iterator[dict]:
    fires = firing_table(circuit)
    for phase in circuit.phases:
        for row in circuit.plastic:
            if phase.learning and phase.index in {*fires[row.pre]} & {*fires[row.post]}:
                yield {
                    "what": "learning", "kind": phase.learning, "pre": row.pre, "post": row.post,
                    "pre_phase": phase.index, "post_phase": phase.index,
                    "synapses": circuit.n_synapses(row), "matrix": matrix_name(row),
                }  # fmt: skip
