"""The gating chain as a brain may have it: pools of neurons, pulses that come in or out of time.

The paper's chain is a ring of single neurons.  Here each link of it is a pool (Abeles 1991): as
many neurons, that share the weight of the gate's pulse between them.  And a pulse to a population
may come a phase too early or too late: it then comes from the gate before, or with a delay.
Everything else is the circuit that it is made from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import FULL, FixedWeight
from synfire_bp.circuit.rows import Projection
from synfire_bp.errors import CircuitError

__all__ = ["POOLS", "ChainCircuit", "Pulse", "link_weight", "needed_of", "random_links"]

POOLS = tuple(2**n for n in range(7))
"""Neurons per link: what divides each weight that a gate's pulse may carry."""

IN_TIME, EARLY, LATE = "in time", "early", "late"
"""When a pulse comes."""

_MANTISSA_BITS = 8


@dataclass(frozen=True)
class Pulse:
    """A projection of the gating chain.

    Attributes
    ----------
    projection : Projection
        From a gate to a population, or to the next gate.
    gate : int or None
        Which of the circuit's gates and blocks it belongs to; None for a link of the chain.
    comes : {"in time", "early", "late"}
        When it comes, of those three that one gate has if it is not precise.
    """

    projection: Projection
    gate: int | None
    comes: str = IN_TIME


@dataclass(frozen=True, repr=False)
class ChainCircuit(Circuit):
    """A circuit whose gating chain is one of pools, or not precise.

    Attributes
    ----------
    pool : int
        Neurons per link of the chain, one of `POOLS`.
    in_links : int
        From how many neurons of the pool before each neuron is linked, 1 ... `pool`.
    quorum : float
        Share of these that have to fire at the least to make it fire, above 0, at most 1.
    link_seed : int
        Which neurons are linked, if not all.
    imprecise : bool
        Each gate's pulse is there three times: early, in time and late.  Brian2 lines have to
        choose one of them (`synfire_bp.variants.gating`).
    """

    pool: int = 1
    in_links: int = 1
    quorum: float = 0.5
    link_seed: int = 0
    imprecise: bool = False

    @classmethod
    def of(
        cls,
        circuit: Circuit,
        *,
        pool: int = 1,
        in_links: int | None = None,
        quorum: float = 0.5,
        link_seed: int = 0,
        imprecise: bool = False,
    ) -> ChainCircuit:
        """Return a circuit with another chain; `in_links` are all, if not given.

        Raises
        ------
        CircuitError
            If the pool's size does not divide the weights of the gates' pulses.
        """
        if pool not in POOLS:
            raise CircuitError(
                f"a pool of {pool} neurons cannot share the weights of a gate's pulse, which are "
                f"whole numbers; use one of {', '.join(map(str, POOLS))}"
            )
        rows: dict[str, Any] = {f.name: getattr(circuit, f.name) for f in fields(Circuit)}
        return cls(
            **rows,
            pool=pool,
            in_links=pool if in_links is None else in_links,
            quorum=quorum,
            link_seed=link_seed,
            imprecise=imprecise,
        )

    @cached_property
    def layer_sizes(self) -> dict[str, int]:
        """Number of units per layer; a gate is a pool."""
        return super().layer_sizes | {"gate": self.pool}

    @cached_property
    def pulses(self) -> tuple[Pulse, ...]:
        """Every projection of the chain."""
        return tuple(self._pulses())

    @cached_property
    def projections(self) -> tuple[Projection, ...]:
        """Every fixed projection: relays, then those of the chain."""
        gates = set(self.gate_names)
        relays = (row for row in self.rows_alone().projections if row.pre not in gates)
        return (*relays, *(pulse.projection for pulse in self.pulses))

    def _pulses(self) -> Iterator[Pulse]:
        names, weights = self.gate_names, self.fixed_weights
        for number, row in enumerate(self.gates):
            gate, before = names[row.phase], names[row.phase - 1]
            for name in row.weights:
                weight = self._shared(weights[name])
                yield Pulse(Projection(gate, row.population, weight), number)
                if self.imprecise:
                    yield Pulse(Projection(before, row.population, weight), number, EARLY)
                    yield Pulse(Projection(gate, row.population, weight, 1), number, LATE)
        ring = weights["ring"] if self.pool == 1 else link_weight(self.in_links, self.quorum)
        for pre, post in zip(names, names[1:] + names[:1], strict=True):
            yield Pulse(Projection(pre, post, ring), None)

    def _shared(self, weight: FixedWeight) -> FixedWeight:
        return FixedWeight.from_value(weight.name, weight.value // self.pool)

    def pairs(self, projection: Projection) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return who is joined: a neuron of `pre` and one of `post` for each synapse, from 0."""
        gates = self.gate_names
        if projection.pre not in gates:
            return super().pairs(projection)
        n_post = self.population_sizes[projection.post]
        if projection.post not in gates or self.in_links == self.pool:
            pre, post = np.indices((self.pool, n_post)).reshape(2, -1)
            return pre, post
        return random_links(self.pool, self.in_links, (self.link_seed, gates.index(projection.pre)))


def needed_of(n: int, quorum: float) -> int:
    """Return how many of n neurons are a quorum: at least one."""
    return max(1, int(np.ceil(quorum * n - 1e-9)))


def link_weight(in_links: int, quorum: float) -> FixedWeight:
    """Return the smallest weight of the chip by which a share of the links make a neuron fire.

    Parameters
    ----------
    in_links : int
        Links into a neuron.
    quorum : float
        The share of them that has to carry a spike: its threshold is then just exceeded.
    """
    least = FULL // needed_of(in_links, quorum) + 1
    coarse = 2 ** max(0, least.bit_length() - _MANTISSA_BITS)
    return FixedWeight.from_value("link", -(-least // coarse) * coarse)


def random_links(
    pool: int, in_links: int, seed: int | tuple[int, ...]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return links from one pool to the next: each neuron is linked from `in_links` others.

    Sorted by pre, then by post.
    """
    rng = np.random.default_rng(seed)
    drawn = np.stack([rng.permutation(pool)[:in_links] for _ in range(pool)])
    pre, post = drawn.ravel(), np.repeat(np.arange(pool), in_links)
    order = np.lexsort((post, pre))
    return pre[order], post[order]
