"""The modules of the circuit, and what they tell each other, derived from its rows.

To which module a population belongs follows from its projections.  A link stands for all
projections of a kind between two modules whose spikes find their target open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pandas as pd

from synfire_bp.circuit import Circuit, Population, Source
from synfire_bp.errors import CircuitError

from ..shared.unrolled import Row, rows, unrolled
from ..shared.wiring import ARROWS, GATING, PLASTIC, kind_of

__all__ = [
    "DERIVATIVE",
    "ERROR",
    "FEEDBACK",
    "FORWARD",
    "MEMORY",
    "SOURCE",
    "TARGET",
    "Module",
    "modules",
    "summary",
]

FORWARD, FEEDBACK, ERROR = "feedforward", "feedback", "error"
MEMORY, DERIVATIVE, TARGET, SOURCE = "memory", "derivative", "target", "source"
"""Kinds of modules: what their populations do."""


@dataclass(frozen=True)
class Module:
    """Populations of a layer that do the same.

    Attributes
    ----------
    kind : str
        What they do.
    layer : int
        Which layer they belong to, from 0.
    members : tuple of str
        Names of the populations.
    """

    kind: str
    layer: int
    members: tuple[str, ...]

    @property
    def name(self) -> str:
        """The names of its populations."""
        return " ".join(self.members)


def modules(circuit: Circuit) -> list[Module]:
    """Return the modules of a circuit, by what its populations are joined to.

    Feedforward: joined by plastic weights that are not transposed; feedback: by transposed ones;
    target: what else a source drives; error: what the target drives; derivative: what else opens
    others; memory: what else the feedforward module drives.

    Raises
    ------
    CircuitError
        If a population is none of this.
    """
    kinds: dict[str, str] = {source.name: SOURCE for source in circuit.sources}
    for plastic in sorted(circuit.plastic, key=lambda row: row.transposed):
        for name in (plastic.pre, plastic.post):
            kinds.setdefault(name, FEEDBACK if plastic.transposed else FORWARD)
    for kind, driver in ((TARGET, SOURCE), (ERROR, TARGET)):
        for name in _driven(circuit, (name for name in kinds if kinds[name] == driver)):
            kinds.setdefault(name, kind)
    for relay in circuit.relays:
        if kind_of(circuit.fixed_weights[relay.weight], circuit) == GATING:
            kinds.setdefault(relay.pre, DERIVATIVE)
    for name in _driven(circuit, (name for name in kinds if kinds[name] == FORWARD)):
        kinds.setdefault(name, MEMORY)

    members: dict[tuple[str, int], list[str]] = {}
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    for row in named:
        if row.name not in kinds:
            raise CircuitError(
                f"population '{row.name}' belongs to no module of the concept: it is neither "
                "plastic nor driven by a source, the target or the feedforward module"
            )
        place = kinds[row.name], circuit.layers.index(row.layer)
        members.setdefault(place, []).append(row.name)
    return [Module(kind, layer, tuple(names)) for (kind, layer), names in members.items()]


def _driven(circuit: Circuit, drivers: Iterable[str]) -> list[str]:
    names = {*drivers}
    return [post for row in circuit.relays if row.pre in names for post in row.post]


def summary(circuit: Circuit) -> pd.DataFrame:
    """Return the modules of a circuit, the lines between them, and what its gates do.

    Returns
    -------
    DataFrame
        `what` and the columns that it fills:

        "module": `kind`, `layer` (from 0), `pre` (its populations), `phases` in which one of them
        is open;
        "link": all projections of one `kind` from a module `pre` to a module `post` (their
        populations), `projections`, `phases` in which their spikes arrive, `matrix` of plastic
        ones, `learning` (phases in which plastic ones learn, or in which spikes arrive that make
        the feedforward module learn; "5↑" potentiation, "9↓" depression), `layer` of the target;
        "gate": `pre`, `phases` in which its spike arrives, `opens`, `closes` (populations);
        `learning` of the phase.
    """
    table = unrolled(circuit)
    found = modules(circuit)
    home = {name: module for module in found for name in module.members}
    learning = {row.post_phase: row.kind for row in rows(table, "phase") if row.kind}
    records = [
        *_module_rows(found, table),
        *_link_rows(table, home, learning),
        *_gate_rows(table, learning),
    ]
    columns = ["what", "kind", "layer", "pre", "post", "phases", "projections", "matrix",
               "learning", "opens", "closes"]  # fmt: skip
    return pd.DataFrame(records).reindex(columns=columns).astype({"layer": "Int64"})


def _module_rows(found: list[Module], table: pd.DataFrame) -> Iterator[dict]:
    for module in found:
        phases = {row.post_phase for row in rows(table, "population") if row.post in module.members}
        yield {
            "what": "module", "kind": module.kind, "layer": module.layer, "pre": module.name,
            "phases": _listed(phases),
        }  # fmt: skip


def _link_rows(
    table: pd.DataFrame, home: dict[str, Module], learning: dict[int, str]
) -> Iterator[dict]:
    groups: dict[tuple[Module, Module, str, str], list[Row]] = {}
    for row in rows(table, "synapses"):
        if row.pre in home:
            key = home[row.pre], home[row.post], row.kind, row.matrix
            groups.setdefault(key, []).append(row)
    learn = {(row.pre, row.post, row.post_phase) for row in rows(table, "learning")}
    for (pre, post, kind, matrix), members in groups.items():
        arrivals = {row.post_phase for row in members}
        if kind == PLASTIC:
            pairs = {(row.pre, row.post) for row in members}
            marked = {phase for *pair, phase in learn if tuple(pair) in pairs}
        else:
            back = pre.kind in (ERROR, FEEDBACK) and post.kind == FORWARD
            marked = arrivals & learning.keys() if back else set()
        yield {
            "what": "link", "kind": kind, "layer": post.layer, "pre": pre.name, "post": post.name,
            "phases": _listed(arrivals), "matrix": matrix or None,
            "projections": _listed(dict.fromkeys(f"{row.pre}→{row.post}" for row in members)),
            "learning": _listed(f"{phase}{ARROWS[learning[phase]]}" for phase in sorted(marked)),
        }  # fmt: skip


def _gate_rows(table: pd.DataFrame, learning: dict[int, str]) -> Iterator[dict]:
    populations = rows(table, "population")
    gates = {row.post: row.post_phase for row in populations if row.layer == "gate"}
    found = rows(table, "synapses", "block")
    n_phases = len(rows(table, "phase"))
    for gate, phase in gates.items():
        acts = [row for row in found if row.pre == gate and row.kind == GATING]
        yield {
            "what": "gate", "pre": gate, "phases": str((phase + 1) % n_phases),
            "opens": _listed(row.post for row in acts if row.what == "synapses"),
            "closes": _listed(row.post for row in acts if row.what == "block"),
            "learning": learning.get((phase + 1) % n_phases),
        }  # fmt: skip


def _listed(values: Iterable[object]) -> str | None:
    values = sorted(values) if isinstance(values, set) else values  # type: ignore[type-var]
    return " ".join(map(str, values)) or None
