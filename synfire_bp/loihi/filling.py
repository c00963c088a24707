"""Filling the cores of a chip with the neurons of a circuit, one core after the other.

A core is full when the next neuron would exceed one of its `LIMITS`; a population that does not fit
into the rest of a core is split.  A neuron that fits no core, or a circuit that does not fit the
chip, is refused with the limit that it exceeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import PlasticProjection, Projection
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.resources import LIMITS, ChipResources

__all__ = ["Part", "all_projections", "deal", "learns", "refuse_over", "refuse_too_large"]


def all_projections(circuit: Circuit) -> tuple[PlasticProjection | Projection, ...]:
    """Return every projection of a circuit, plastic ones first."""
    return (*circuit.plastic, *circuit.projections)


def learns(circuit: Circuit) -> bool:
    """Return whether the plastic synapses of a circuit learn: not in inference."""
    return any(phase.learning for phase in circuit.phases)


@dataclass(frozen=True)
class Part:
    """Neurons `start` … `stop - 1` of a population, on one core."""

    population: str
    start: int
    stop: int
    core: int

    @property
    def size(self) -> int:
        """Number of neurons."""
        return self.stop - self.start


def deal(
    circuit: Circuit, resources: ChipResources, cap: int, targets: NDArray[np.int64]
) -> tuple[tuple[Part, ...], tuple[tuple[str, ...], ...]]:
    """Fill one core after the other, neuron by neuron, in the circuit's order.

    Parameters
    ----------
    circuit : Circuit
        Training or inference.
    resources : ChipResources
        The chip.
    cap : int
        Compartments of a core that may be used.
    targets : int64 array, shape (n_cells,)
        Number of output axons that each cell needs.

    Returns
    -------
    parts : tuple of Part
        Populations, or slices of them, in the order of the cores.
    filled_by : tuple of tuple of str
        Per core, which of the `LIMITS` the next neuron would have exceeded; empty for the last one.

    Raises
    ------
    HardwareError
        If a neuron does not fit a core, or the circuit does not fit the chip.
    """
    limits = (cap, *resources.limits[1:])
    sources = {source.name for source in circuit.sources}
    parts: list[Part] = []
    filled_by: list[tuple[str, ...]] = []
    core = _Core(limits, circuit.n_cells)
    for name, size in circuit.population_sizes.items():
        if name in sources:
            continue
        neuron = _Neuron(circuit, name, resources, targets)
        start = 0
        for i in range(size):
            needs = core.needs(neuron, i)
            if exceeded := core.over(needs):
                if i > start:
                    parts.append(Part(name, start, i, len(filled_by)))
                start = i
                if any(core.used):
                    filled_by.append(exceeded)
                    core = _Core(limits, circuit.n_cells)
                    needs = core.needs(neuron, i)
                _refuse_alone(circuit, name, needs, core)
                if len(filled_by) == resources.cores:
                    _refuse_full(circuit, limits, parts, filled_by)
            core.take(neuron, i, needs)
        parts.append(Part(name, start, size, len(filled_by)))
    return tuple(parts), (*filled_by, ())


class _Core:
    """A core while it is filled."""

    def __init__(self, limits: Sequence[int], n_cells: int):
        self.limits = limits
        self.used = [0] * len(LIMITS)
        self.heard = np.zeros(n_cells, dtype=np.bool_)  # cells with an input axon
        self.whole: set[str] = set()  # populations of which all cells have one

    def needs(self, neuron: _Neuron, i: int) -> tuple[int, ...]:
        """Return how much of each of the `LIMITS` neuron `i` of a population adds."""
        new = sum(
            place.stop - place.start - int(np.count_nonzero(self.heard[place]))
            for name, place in neuron.whole.items()
            if name not in self.whole
        )
        new += sum(
            int(not self.heard[place.start + i])
            for name, place in neuron.single.items()
            if name not in self.whole
        )
        return (1, new, int(neuron.targets[i]), neuron.bits)

    def over(self, needs: Sequence[int]) -> tuple[str, ...]:
        """Return which of the `LIMITS` would be exceeded."""
        limits = zip(LIMITS, self.used, needs, self.limits, strict=True)
        return tuple(name for name, used, need, limit in limits if used + need > limit)

    def take(self, neuron: _Neuron, i: int, needs: Sequence[int]) -> None:
        """Add the neuron."""
        self.used = [used + need for used, need in zip(self.used, needs, strict=True)]
        for name, place in neuron.whole.items():
            if name not in self.whole:
                self.heard[place] = True
                self.whole.add(name)
        for place in neuron.single.values():
            self.heard[place.start + i] = True


class _Neuron:
    """Needs of every neuron of a population."""

    def __init__(
        self, circuit: Circuit, name: str, resources: ChipResources, targets: NDArray[np.int64]
    ):
        sizes, slices = circuit.population_sizes, circuit.slices
        self.whole: dict[str, slice] = {}  # presynaptic populations that reach it as a whole
        self.single: dict[str, slice] = {}  # those that project to it one to one
        self.targets = targets[slices[name]]
        self.bits = 0
        learning = learns(circuit)
        for row in all_projections(circuit):
            if row.post != name:
                continue
            fan_in = circuit.n_synapses(row) // sizes[name]
            self.bits += fan_in * resources.synapse_bits(row, learning)
            one_to_one = isinstance(row, Projection) and sizes[row.pre] == sizes[name]
            (self.single if one_to_one else self.whole)[row.pre] = slices[row.pre]
        for both in self.whole.keys() & self.single.keys():
            del self.single[both]


# ----------------------------------------------------------------------------------------------
# Refusals
# ----------------------------------------------------------------------------------------------


def refuse_too_large(circuit: Circuit, resources: ChipResources, cap: int) -> None:
    """Refuse at once a circuit that cannot fit, whatever the placement."""
    learning = learns(circuit)
    bits = sum(
        circuit.n_synapses(row) * resources.synapse_bits(row, learning)
        for row in all_projections(circuit)
    )
    for limit, needed, per_core in (
        ("compartments", circuit.n_neurons, cap),
        ("synaptic memory", bits, 8 * resources.synaptic_memory),
    ):
        if ceil(needed / per_core) > resources.cores:
            raise HardwareError(
                f"{_named(circuit)} needs {_amount(limit, needed)}, so at least "
                f"{ceil(needed / per_core):,} cores of {_amount(limit, per_core)}; the chip has "
                f"{resources.cores:,} cores. Choose smaller or fewer layers"
            )


def refuse_over(circuit: Circuit, where: str, used: Sequence[int], limits: Sequence[int]) -> None:
    """Refuse a core that would exceed its limits; `where` names it."""
    for limit, amount, most in zip(LIMITS, used, limits, strict=True):
        if amount > most:
            raise HardwareError(
                f"{_named(circuit)}: {where} would hold {_amount(limit, amount)}; a core has "
                f"{_amount(limit, most)}. Choose smaller layers, or the placement 'own'"
            )


def _refuse_alone(circuit: Circuit, name: str, needs: Sequence[int], empty: _Core) -> None:
    """Refuse a neuron that exceeds an empty core."""
    over = empty.over(needs)
    if not over:
        return
    which = LIMITS.index(over[0])
    raise HardwareError(
        f"{_named(circuit)}: one neuron of population '{name}' needs "
        f"{_amount(over[0], needs[which])}; a core has {_amount(over[0], empty.limits[which])}"
    )


def _refuse_full(
    circuit: Circuit,
    limits: Sequence[int],
    parts: Sequence[Part],
    filled_by: Sequence[tuple[str, ...]],
) -> None:
    placed = sum(part.size for part in parts)
    filled = {limit: sum(limit in limits for limits in filled_by) for limit in LIMITS}
    binding = max(filled, key=lambda limit: filled[limit])
    per_core = limits[LIMITS.index(binding)]
    raise HardwareError(
        f"{_named(circuit)} does not fit: {placed:,} of its {circuit.n_neurons:,} neurons fill all "
        f"{len(filled_by):,} cores of the chip. {filled[binding]:,} of them are full because of "
        f"{binding} ({_amount(binding, per_core)} a core). Choose smaller or fewer layers"
    )


def _named(circuit: Circuit) -> str:
    kind = "training" if learns(circuit) else "inference"
    return f"{kind} circuit {'-'.join(map(str, circuit.sizes))}"


def _amount(limit: str, value: int) -> str:
    if limit == "synaptic memory":
        return f"{ceil(value / 8):,} bytes of synaptic memory"
    return f"{value:,} {limit}"
