"""What a circuit is, as plain data that a page can draw: populations, projections, gates, phases.

Everything is derived from the rows of the circuit, so that a circuit of a variant draws itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from synfire_bp.circuit import (
    Circuit,
    Gate,
    PlasticProjection,
    Population,
    Projection,
    Source,
    firing_table,
)

__all__ = ["BOTH", "FIXED", "INHIBITORY", "OPENING", "PLASTIC", "grid_of", "wiring"]

PLASTIC, FIXED, INHIBITORY, OPENING = "plastic", "fixed", "inhibitory", "opening"
"""Kinds of projections: all to all and learning; one to one; with a negative weight; with a weight
that by itself lifts the closing bias."""

BOTH = "potentiation and depression"
"""What a phase does in which synapses learn by the sign that spikes carry."""

_A_ROW = 6
"""Populations of more cells than this are drawn in two rows or a square."""


def wiring(circuit: Circuit, image_shape: Sequence[int]) -> dict[str, Any]:
    """Return what a page draws of a circuit.

    Parameters
    ----------
    circuit : Circuit
        The training circuit.
    image_shape : sequence of int
        Rows and columns of an image, or one number.

    Returns
    -------
    dict
        `phases`, `layers`, `populations`, `chain` (names of the gates) and `projections`, of texts,
        whole numbers and lists of them.
    """
    return {
        "phases": [
            {
                "meaning": phase.meaning,
                "learning": BOTH if phase.learning and circuit.grades else phase.learning,
                "reward": int(phase.index in circuit.reward_phases),
            }
            for phase in circuit.phases
        ],
        "layers": list(circuit.layers),
        "populations": _populations(circuit, image_shape),
        "chain": list(circuit.gate_names),
        "chain_size": circuit.population_sizes[circuit.gate_names[0]],
        "projections": [*(_plastic(circuit, row) for row in circuit.plastic), *_fixed(circuit)],
        "closing": circuit.closing,
        "answer_phase": circuit.forward_phase("o"),
    }


def grid_of(neurons: int, image: Sequence[int] | None = None) -> tuple[int, int]:
    """Return rows and columns in which the neurons of a population are drawn.

    Those of an image, if it is given and fits; else one row of few, two of more, or a square.

    Examples
    --------
    >>> grid_of(4), grid_of(10), grid_of(400), grid_of(6, (2, 3))
    ((1, 4), (2, 5), (20, 20), (2, 3))
    """
    if image is not None and len(image) == 2 and math.prod(image) == neurons:
        return image[0], image[1]
    if neurons <= _A_ROW:
        return 1, neurons
    if neurons <= 2 * _A_ROW:
        return 2, -(-neurons // 2)
    columns = math.isqrt(neurons - 1) + 1
    return -(-neurons // columns), columns


def _populations(circuit: Circuit, image_shape: Sequence[int]) -> list[dict[str, Any]]:
    fires, reached = firing_table(circuit), {row.post for row in circuit.plastic}
    sources = {row.name: row.emits for row in circuit.sources}
    made = []
    rows: list[Source | Population] = [*circuit.sources, *circuit.populations]
    for row in rows:
        size = circuit.population_sizes[row.name]
        gates = _gates(circuit, row.name)
        opened = [gate["phase"] for gate in gates if "threshold" in gate]
        made.append(
            {
                "name": row.name,
                "layer": row.layer,
                "role": row.role,
                "size": size,
                "grid": list(grid_of(size, image_shape if row.layer == "input" else None)),
                "source": row.name in sources,
                "learns": row.name in reached,
                "first": min([*fires[row.name], *opened], default=sources.get(row.name, 0)),
                "fires": list(fires[row.name]),
                "carries": _carries(circuit, row.name),
                "gates": gates,
            }
        )
    return made


def _carries(circuit: Circuit, population: str) -> list[int] | None:
    """Return the largest number that spikes carry without and with a signed pulse; None: 1."""
    if population not in circuit.grades:
        return None
    return [grade.most for grade in circuit.grades[population]]


def _gates(circuit: Circuit, population: str) -> list[dict[str, Any]]:
    """Return what the chain does to a population, by phase: a threshold, or how often it blocks."""
    return [
        {"phase": phase, "threshold": row.threshold, "signed": row.signed}
        if isinstance(row, Gate)
        else {"phase": phase, "blocks": row.times}
        for phase, row in sorted(circuit.gated(population).items())
    ]


def _plastic(circuit: Circuit, row: PlasticProjection) -> dict[str, Any]:
    """Return a learning projection; its weight is the matrix that it is a copy of."""
    name = circuit.matrix_names[row.layer].upper()
    return {
        "pre": row.pre,
        "post": row.post,
        "kind": PLASTIC,
        "weight": f"{'−' if row.sign < 0 else ''}{name}{'ᵀ' if row.transposed else ''}",
        "delays": [0],
        "synapses": circuit.n_synapses(row),
    }


def _fixed(circuit: Circuit) -> list[dict[str, Any]]:
    """Return the fixed projections but those of the chain, delays of the same ones together."""
    chain = set(circuit.gate_names)
    joined: dict[tuple[str, str, int], dict[str, Any]] = {}
    for row in circuit.projections:
        if row.pre in chain:
            continue
        one = joined.setdefault(
            (row.pre, row.post, row.weight.value),
            {
                "pre": row.pre,
                "post": row.post,
                "kind": _kind(row, circuit),
                "weight": row.weight.value,
                "delays": [],
                "synapses": circuit.n_synapses(row),
            },
        )
        one["delays"].append(row.extra_delay)
    return list(joined.values())


def _kind(row: Projection, circuit: Circuit) -> str:
    if row.weight.value < 0:
        return INHIBITORY
    return OPENING if row.weight.value >= circuit.closing else FIXED
