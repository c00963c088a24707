"""The placement of the authors: every population spread over most of the chip's cores.

Their rule: a group of n neurons over cores a … b puts ceil(n / (b - a)) neurons on each core, from
core a on.  Layers that learn lie on cores 2-80, other layers on 16-95, gates from 40 on.  So
400-400-10 lies on 81 cores, 2 … 82, which is the number that the paper gives, with six neurons of
each large population per core.

Source: the code published with Renner et al. (2024).  Assumed here, because it is not public or we
have not read it: a layer that learns is one that receives all-to-all synapses; the gates are one
group, which ends with core 95; the inference network is placed by the same rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import ceil

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.filling import Part, refuse_over
from synfire_bp.loihi.placement import LIMITS, Placement, place
from synfire_bp.loihi.resources import ChipResources

__all__ = ["CORES", "PLACEMENTS", "place_as_authors"]

CORES = {"learning": (2, 80), "other": (16, 95), "gates": (40, 95)}
"""First and last core of a group, a … b of the rule."""

_Group = list[tuple[str, int]]
"""Populations and their sizes, assigned to cores one after the other."""


def place_as_authors(circuit: Circuit, resources: ChipResources | None = None) -> Placement:
    """Place a circuit by the authors' rule; the same circuit always gets the same cores.

    Parameters
    ----------
    circuit : Circuit
        Training or inference.
    resources : ChipResources, optional
        The chip; default Loihi 1.

    Raises
    ------
    HardwareError
        If a core would hold more than it can, or the chip lacks one of the cores.
    """
    resources = resources or ChipResources()
    placed: list[Part] = []
    for kind, group in _groups(circuit):
        placed += _spread(group, *CORES[kind])
    numbers = sorted({part.core for part in placed})
    if numbers[-1] >= resources.cores:
        raise HardwareError(
            f"the authors' placement needs core {numbers[-1]}; the chip has {resources.cores:,} "
            "cores, numbered from 0. Use the placement 'own'"
        )
    index = {number: n for n, number in enumerate(numbers)}
    placed.sort(key=lambda part: part.core)
    parts = tuple(Part(p.population, p.start, p.stop, index[p.core]) for p in placed)
    placement = Placement(circuit, resources, parts, len(numbers) * ((),), tuple(numbers))
    for number, row in placement.cores.iterrows():
        used = [int(row[limit]) for limit in LIMITS]
        refuse_over(circuit, f"core {number} of the authors' placement", used, resources.limits)
    return placement


PLACEMENTS: dict[str, Callable[[Circuit], Placement]] = {
    "own": place,
    "authors": place_as_authors,
}
"""Ways to place a circuit, by name: on as few cores as possible, or on the authors' 81."""


def _groups(circuit: Circuit) -> Iterator[tuple[str, _Group]]:
    """Yield the groups that are spread together: each layer by itself, all gates as one."""
    outside = {source.name for source in circuit.sources}
    gates, learning = set(circuit.gate_names), {row.post for row in circuit.plastic}
    sizes = circuit.population_sizes
    for name, size in sizes.items():
        if name not in outside | gates:
            yield ("learning" if name in learning else "other"), [(name, size)]
    yield "gates", [(name, sizes[name]) for name in circuit.gate_names]


def _spread(group: Iterable[tuple[str, int]], first: int, last: int) -> Iterator[Part]:
    """Yield the parts of a group over cores `first` … `last`, by their numbers on the chip."""
    group = list(group)
    per_core = ceil(sum(size for _, size in group) / (last - first))
    before = 0  # neurons of the group in the populations before
    for name, size in group:
        start = 0
        while start < size:
            core, taken = divmod(before + start, per_core)
            stop = min(size, start + per_core - taken)
            yield Part(name, start, stop, first + core)
            start = stop
        before += size
