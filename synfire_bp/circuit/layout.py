"""How the synapses of a circuit lie in memory, and the numbers that a network starts from.

All fixed projections share one array of synapses, all plastic ones another, sorted by presynaptic
and then by postsynaptic cell.  No brian2 here: a compiled program is fed from these arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import FULL, WEIGHT_LIMIT
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.rule import Rule, parse_rule
from synfire_bp.circuit.weights import as_copy
from synfire_bp.errors import CircuitError
from synfire_bp.loihi.formats import UNIT as UNIT_BITS
from synfire_bp.loihi.formats import weight_range, weight_step
from synfire_bp.loihi.spec import LoihiSpec, SignMode

__all__ = [
    "Copies",
    "PlasticLayout",
    "fixed_synapses",
    "is_coarse",
    "numbers",
    "weight_bounds",
]

Copies = Mapping[str, NDArray[np.int16]]
"""Name of a plastic projection to its matrix, turned into the layer's orientation and sign."""

UNIT = 2**UNIT_BITS
"""What everything counts in on the chip."""

SMALLEST_CHANGE = 2
"""Learning rules change weights by even numbers."""


@dataclass(frozen=True)
class PlasticLayout:
    """How the synapses of all plastic projections lie in one array.

    Sorted by presynaptic, then by postsynaptic cell, so that the targets of one spike are runs.
    """

    circuit: Circuit

    @cached_property
    def _sorted(self) -> tuple[NDArray[np.int32], NDArray[np.int32], tuple[NDArray[np.intp], ...]]:
        cells = np.arange(self.circuit.n_cells, dtype=np.int32)
        grids = [
            np.meshgrid(cells[slices[row.pre]], cells[slices[row.post]], indexing="ij")
            for slices in [self.circuit.slices]
            for row in self.circuit.plastic
        ]
        pre = np.concatenate([grid[0].ravel() for grid in grids])
        post = np.concatenate([grid[1].ravel() for grid in grids])
        order = np.lexsort((post, pre))
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        ends = np.cumsum([grid[0].size for grid in grids])[:-1]
        places = tuple(
            part.reshape(grid[0].shape)
            for part, grid in zip(np.split(place, ends), grids, strict=True)
        )
        return pre[order], post[order], places

    @property
    def pre(self) -> NDArray[np.int32]:
        """Presynaptic cell of every synapse."""
        return self._sorted[0]

    @property
    def post(self) -> NDArray[np.int32]:
        """Postsynaptic cell of every synapse."""
        return self._sorted[1]

    def pack(
        self, weights: Sequence[NDArray[np.integer]], copies: Copies | None = None
    ) -> NDArray[np.int16]:
        """Return the weight of every synapse, given one matrix per weight layer.

        Where copies of a matrix differ, `copies` holds each, in the layer's orientation and sign.
        """
        packed = np.empty(self.pre.size, dtype=np.int16)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            matrix = as_copy(row, weights if not copies else {row.layer: copies[row.name]})
            if matrix.shape != places.shape:
                raise CircuitError(
                    f"weights of layer {row.layer} have shape {weights[row.layer].shape}, which "
                    f"does not fit the circuit's sizes {self.circuit.sizes}"
                )
            packed[places] = matrix
        return packed

    def spread(self, matrices: Sequence[NDArray]) -> NDArray:
        """Return the value of every synapse, given one matrix per weight layer: no copy's sign."""
        spread = np.empty(self.pre.size, dtype=matrices[0].dtype)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            matrix = matrices[row.layer]
            spread[places] = matrix.T if row.transposed else matrix
        return spread

    def unpack(self, packed: NDArray[np.integer]) -> dict[PlasticProjection, NDArray[np.int16]]:
        """Return the matrix (its pre, its post) of every plastic projection."""
        packed = np.asarray(packed)
        return {
            row: packed[places].astype(np.int16)
            for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True)
        }

    def per_row(self, value: Callable[[PlasticProjection], int]) -> NDArray[np.int32]:
        """Return a number for every synapse that is the same throughout its projection."""
        spread = np.empty(self.pre.size, dtype=np.int32)
        for row, places in zip(self.circuit.plastic, self._sorted[2], strict=True):
            spread[places] = value(row)
        return spread


def numbers(
    circuit: Circuit,
    layout: PlasticLayout,
    weights: Sequence[NDArray[np.integer]],
    rule: Rule | str | None = None,
    *,
    chip: LoihiSpec | None = None,
    copies: Copies | None = None,
    seed: int = 0,
) -> dict[str, NDArray | int]:
    """Return every number of a network that is not structure, as "group.variable" to values.

    Parameters
    ----------
    circuit, layout
        The circuit, and where its plastic synapses lie.
    weights : sequence of integer arrays
        One matrix (n_pre, n_post) per weight layer.
    rule : Rule or str, optional
        The learning rule.
    chip : LoihiSpec, optional
        The chip that is emulated, on which everything counts in units of 2^6.
    copies : mapping, optional
        The matrix of each plastic projection, by name, where copies of a layer's matrix differ.
    seed : int
        Of what the chip rounds at random.
    """
    unit = 1 if chip is None else UNIT
    bias = np.zeros(circuit.n_cells, dtype=np.int32)
    kick = np.zeros(circuit.n_cells, dtype=np.int32)
    for name, place in circuit.slices.items():
        bias[place] = unit * circuit.bias(name)
    kick[circuit.slices["g0"]] = unit * circuit.fixed_weights["ring"].value  # the single kick
    opened = circuit.bias("o") + circuit.fixed_weights["open"].value
    values: dict[str, NDArray | int] = {
        "cells.bias": bias,
        "cells.theta": np.full(circuit.n_cells, unit * FULL, dtype=np.int32),
        "cells.arriving": kick,
        "fixed.weight": unit * fixed_synapses(circuit)["weight"],
        "plastic.w": layout.pack(weights, copies),
        "output.lift": unit * opened,
        "output.unit": unit,
    }
    if chip is not None:
        rests = [np.full(n, circuit.refractory(k)) for k, n in circuit.population_sizes.items()]
        values["cells.rests"] = np.concatenate(rests).astype(np.int32)
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    if rule is not None and circuit.reward_phases:
        lowest, highest = weight_bounds(circuit, chip)
        values |= {f"plastic.{name}": value for name, value in rule.coefficients().items()}
        values |= {"plastic.lowest": lowest, "plastic.highest": highest}
        if chip is not None and is_coarse(chip):
            values["plastic.number"] = np.arange(layout.pre.size, dtype=np.int32)
            values["plastic.coarse"] = weight_step(chip, SignMode.MIXED)
            values["plastic.dice"] = seed
    return values


def is_coarse(chip: LoihiSpec) -> bool:
    """Return whether learning weights go in larger steps than the rule's smallest change."""
    return weight_step(chip, SignMode.MIXED) > SMALLEST_CHANGE


def weight_bounds(circuit: Circuit, chip: LoihiSpec | None) -> tuple[int, int]:
    """Return the range to which learning weights are clipped."""
    limit = circuit.weight_limit
    if chip is None:
        return -limit, limit
    lowest, highest = weight_range(chip, SignMode.MIXED)
    if limit < WEIGHT_LIMIT:  # a narrower range was asked for
        step = weight_step(chip, SignMode.MIXED)
        lowest, highest = max(lowest, -(limit // step) * step), min(highest, limit // step * step)
    return lowest, highest


def fixed_synapses(circuit: Circuit) -> dict[str, NDArray[np.int32]]:
    """Return the fixed synapses, sorted by pre.

    Columns `pre`, `post`, `weight`, `delay` (extra steps), and `projection`: which of the
    circuit's.
    """
    names = ("pre", "post", "weight", "delay", "projection")
    columns: dict[str, list[NDArray]] = {name: [] for name in names}
    for number, row in enumerate(circuit.projections):
        pre, post = circuit.pairs(row)
        columns["pre"].append(circuit.slices[row.pre].start + pre)
        columns["post"].append(circuit.slices[row.post].start + post)
        columns["weight"].append(np.full(post.shape, row.weight.value))
        columns["delay"].append(np.full(post.shape, row.extra_delay))
        columns["projection"].append(np.full(post.shape, number))
    table = {name: np.concatenate(parts).astype(np.int32) for name, parts in columns.items()}
    order = np.lexsort((table["post"], table["pre"]))
    return {name: values[order] for name, values in table.items()}
