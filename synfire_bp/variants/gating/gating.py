"""The section `gating` of a model file: source, reliability and order of the gates.

Gates that fail or come early or late, pools of neurons instead of single ones, background noise in
the chain, and replay of a sample from memory.  Random numbers are drawn by
`synfire_bp.network.chance`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import erfc, sqrt
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout, fixed_synapses
from synfire_bp.dice import CERTAIN, moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.section import unit
from synfire_bp.variants.base import Guarantees, Variant, variant
from synfire_bp.variants.gating.pools import (
    EARLY,
    IN_TIME,
    LATE,
    POOLS,
    ChainCircuit,
    needed_of,
)
from synfire_bp.variants.gating.replay import backwards, repeated

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["Gating"]

Probability = Annotated[float, Field(ge=0, le=1)]

PULSES = Lines(
    fixed="""
    gate_number : integer (constant)        # of the gate whose pulse it carries, or of a link
    gate_ahead  : integer (constant)        # steps from its spike to the one of a pulse in time
    gate_from   : integer (constant)        # it delivers if what is drawn is not below this
    gate_to     : integer (constant)        # and below that
    gate_dice   : integer (shared, constant)  # seed
    gate_drawn = chance(gate_number, gate_dice + gate_ahead + t_in_timesteps) : integer
    """,
    fixed_sent=("int(gate_from <= gate_drawn and gate_drawn < gate_to)",),
    functions=("synfire_bp.network.chance:chance",),
)
"""A pulse fails, or comes early, in time or late, as the same number drawn for all its synapses
says; a link of the chain draws for itself."""

_COUNTED = {"open": ("lift", 1), "half": ("lift", 2**16), "cancel": ("shut", 1),
            "block": ("shut", 2**16)}  # fmt: skip
"""The fixed weights that a gate's pulse may carry, and where the neurons of a pool that bring each
are counted: two counts in one number, the second in its upper half."""
_VOTES = {
    kind: f"votes_{number} % 65536" if one == 1 else f"votes_{number} // 65536"
    for kind, (number, one) in _COUNTED.items()
}

SHUNTS = Lines(
    cells="votes_lift : integer\nvotes_shut : integer\nvotes_needed : integer (shared, constant)\n"
    + "\n".join(f"pulse_{kind} : integer (shared, constant)" for kind in _VOTES),
    step="v += "
    + " + ".join(f"pulse_{kind} * int({n} >= votes_needed)" for kind, n in _VOTES.items())
    + "\nfired = v > theta\nvotes_lift = 0\nvotes_shut = 0",
    fixed="vote_lift : integer (constant)\nvote_shut : integer (constant)",
    fixed_also=(("votes_lift", "vote_lift"), ("votes_shut", "vote_shut")),
)
"""A pulse acts as a whole if enough neurons of a pool carry it, and not at all otherwise."""

CELLS = Lines(
    cells="""
    chain_number : integer (constant)        # of a neuron of the gating chain
    chain_silent : integer (constant)        # it stays silent if what is drawn is below this
    chain_noise  : integer (constant)        # it fires by itself if not below that
    chain_first  : integer (constant)        # 1: it is started anew with each sample
    chain_later  : integer (constant)        # 1: it is silent at that moment
    chain_turn   : integer (shared, constant)  # steps from one start to the next
    chain_dice   : integer (shared, constant)  # seed
    chain_drawn = chance(chain_number, chain_dice + t_in_timesteps) : integer
    chain_due = fired or (chain_first == 1 and t_in_timesteps % chain_turn == 0) : boolean
    chain_may = chain_later == 0 or t_in_timesteps % chain_turn > 0 : boolean
    """,
    step="""
    fired = chain_may and (chain_due and chain_drawn >= chain_silent or chain_drawn >= chain_noise)
    """,
    functions=("synfire_bp.network.chance:chance",),
)  # fmt: skip
"""A neuron of the chain misses a spike, or fires spontaneously."""

_LINK_NUMBERS = 2**20
"""Numbers of links begin here: above those of all gates."""


@variant("gating")
class Gating(Variant):
    """What opens and closes the populations: pools, failures, noise, replay."""

    summary = "What gates the populations, and how reliably. null: the paper's ring."
    position = 40

    failure: Probability = Field(
        default=0.0,
        description="Probability that a gate's pulse does not reach its population in a phase "
        "(the whole population at once); the chain itself continues.",
    )
    early: Probability = Field(
        default=0.0,
        description="Probability that a gate's pulse comes one phase too early.",
    )
    late: Probability = Field(
        default=0.0,
        description="Probability that a gate's pulse comes one phase too late.",
    )
    jitter: float = Field(
        default=0.0,
        ge=0,
        description="Standard deviation of the timing of a gate's pulse, in steps, instead of "
        "early and late: a pulse is on time if it is less than half a step off, otherwise it is "
        "one phase early or late.",
        json_schema_extra=unit("phases"),
    )
    pool: int = Field(
        default=1,
        description="Neurons per link of the gating chain; each carries an equal part of the "
        "weight of a gate's pulse (Abeles 1991). A power of two up to 64, so that all weights "
        "stay whole numbers.",
        json_schema_extra=unit("neurons"),
    )
    link_probability: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Fraction of a pool to which each neuron of the next pool is linked, at "
        "random (always the same number of links); 1: all to all.",
    )
    link_seed: int = Field(default=0, ge=0, description="Seed of the random links.")
    quorum: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Fraction of its links that must be active for a neuron of a pool to fire. "
        "The weight of a link follows from this; an intact pool delivers 1/quorum times what is "
        "needed.",
    )
    opening: Literal["balance", "shunting"] = Field(
        default="balance",
        description="How a pool's pulse acts on a population. balance: the contributions of its "
        "neurons add up against the closing bias; shunting: the pulse takes full effect if at "
        "least the quorum of the pool fires, and otherwise none, like a conductance that is "
        "either negligible or shunts the closing current.",
    )
    noise: Probability = Field(
        default=0.0,
        description="Probability that a neuron of the chain fires spontaneously, per step.",
    )
    cell_failure: Probability = Field(
        default=0.0,
        description="Probability that a neuron of the chain misses a spike.",
    )
    link_failure: Probability = Field(
        default=0.0,
        description="Probability that a synapse from one pool to the next fails, per spike.",
    )
    lost_cells: Probability = Field(
        default=0.0,
        description="Fraction of the chain's neurons that are permanently dead; drawn with "
        "link_seed.",
    )
    restart: bool = Field(
        default=True,
        description="Restart the chain with each sample if its neurons are not reliable; false: "
        "a pulse that died stays dead, and a surplus pulse persists, until the next test.",
    )
    replay: int = Field(
        default=0,
        ge=0,
        le=15,
        description="How often each sample is shown again from memory, with silent sources, in the "
        "same order.",
    )
    order: Literal["forward", "reverse"] = Field(
        default="forward",
        description="Order of the gates. reverse, as rats replay (Foster & Wilson 2006): only x "
        "and its memory fire, and no weight changes; a demonstration.",
    )

    @field_validator(
        "failure", "early", "late", "noise", "cell_failure", "link_failure", "lost_cells"
    )
    @classmethod
    def _is_not_lost_in_rounding(cls, p: float) -> float:
        if p > 0 and round(p * CERTAIN) == 0:
            raise ValueError(f"is {p:g}, but the smallest probability besides 0 is 2^-24 = 6e-08")
        return p

    @field_validator("late")
    @classmethod
    def _happens_at_most_once(cls, late: float, info: ValidationInfo) -> float:
        others = [info.data.get(name, 0.0) for name in ("failure", "early")]
        if sum(others) + late > 1:
            raise ValueError(
                f"is {late:g}, but a pulse fails (failure {others[0]:g}), comes early "
                f"({others[1]:g}) or late: together at most 1"
            )
        return late

    @field_validator("jitter")
    @classmethod
    def _jitter_stands_alone(cls, jitter: float, info: ValidationInfo) -> float:
        both = [name for name in ("early", "late") if info.data.get(name)]
        if jitter and both:
            raise ValueError(
                f"is {jitter:g}, but {' and '.join(both)} is given: use one or the other"
            )
        out_of_time = 2 * _off_by_a_phase(jitter)
        failure = info.data.get("failure", 0.0)
        if failure + out_of_time > 1:
            raise ValueError(
                f"is {jitter:g} steps: {out_of_time:.3g} of the pulses come out of time, and "
                f"{failure:g} fail (failure): together at most 1"
            )
        return jitter

    @field_validator("pool")
    @classmethod
    def _pool_divides_the_weights(cls, pool: int) -> int:
        if pool not in POOLS:
            raise ValueError(
                f"is {pool}, but the weights of a gate's pulse are whole numbers that this does "
                f"not divide; must be one of {', '.join(map(str, POOLS))}"
            )
        return pool

    @field_validator("link_probability")
    @classmethod
    def _links_are_left(cls, share: float, info: ValidationInfo) -> float:
        pool = info.data.get("pool")
        if pool is not None and share * pool < 1:
            raise ValueError(
                f"is {share:g}, which leaves no link into a neuron: a pool has {pool} (pool); must "
                f"be {1 / pool:g} or more"
            )
        return share

    @field_validator("order")
    @classmethod
    def _reverse_replays_nothing(cls, order: str, info: ValidationInfo) -> str:
        if order == "reverse" and info.data.get("replay"):
            raise ValueError(
                "is reverse, but replay needs the order in which memories work; use one of them"
            )
        return order

    def fits(self, others: Mapping[str, Any]) -> None:
        """Refuse pulses that act as a whole on a chip, whose synapses only add up."""
        if others.get("hardware") is not None and self._shunts:
            raise ValueError(
                "opening: the emulated chip's synapses add up, and cannot shunt; set it to "
                "balance, or remove hardware"
            )

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield what gates, how reliably, and in which order."""
        if self.pool > 1:
            links = round(self.link_probability * self.pool)
            yield (
                "pool",
                f"{self.pool} neurons a link of the chain, each linked from {links} of the pool "
                f"before (seed {self.link_seed}); {needed_of(links, self.quorum)} of these make it "
                f"fire (quorum {self.quorum:g})",
            )
            yield (
                "a pulse acts",
                "as a whole, if the quorum of its pool carries it (shunting)"
                if self._shunts
                else "by the sum of what the neurons of its pool carry (balance)",
            )
        early, late = self.out_of_time
        for what, probability in (
            ("a gate's pulse fails", self.failure),
            ("a gate's pulse comes a phase early", early),
            ("a gate's pulse comes a phase late", late),
            ("a neuron of the chain fires by itself in a step", self.noise),
            ("a neuron of the chain misses a spike", self.cell_failure),
            ("a link of the chain fails", self.link_failure),
        ):
            if probability:
                of = f", from a jitter of {self.jitter:g} steps" if "comes" in what else ""
                yield what, f"with a probability of {probability:.4g}" + of * bool(self.jitter)
        if self.lost_cells:
            lost = round(self.lost_cells * self.pool * model.circuit.n_phases)
            yield "lost neurons", f"{lost} of the chain, {self.lost_cells:g} of all, for good"
        if self._cells:
            anew = "restarted with each sample" if self.restart else "never restarted"
            yield "the chain is", anew
        if self.replay:
            yield (
                "replay",
                f"of each sample from memory, {self.replay} time{'s' * (self.replay > 1)}",
            )
        if self.order == "reverse":
            yield "order", "gates come in reverse; no weight changes"

    # -- what it does ----------------------------------------------------------------------

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the training circuit with other gates.

        The inference circuit stays as it is: what was learnt is tested undisturbed.
        """
        if not circuit.reward_phases:
            return circuit
        if self.order == "reverse":
            circuit = backwards(circuit)
        if self.replay:
            circuit = repeated(circuit, self.replay)
        if self.pool == 1 and not self._imprecise and not self.link_failure:
            return circuit
        return ChainCircuit.of(
            circuit,
            pool=self.pool,
            in_links=round(self.link_probability * self.pool),
            quorum=self.quorum,
            link_seed=self.link_seed,
            imprecise=self._imprecise,
        )

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the training network with the unreliable gates that the section asks for."""
        if not network.learns:
            return network
        if self._shunts:  # before the cells, whose lines have the last word on who fires
            network = network.adding(SHUNTS, self._of_shunts)
        if self._pulses:
            network = network.adding(PULSES, self._of_pulses)
        if self._cells:
            network = network.adding(CELLS, self._of_cells)
        return network

    def _of_pulses(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        chain = circuit if isinstance(circuit, ChainCircuit) else ChainCircuit.of(circuit)
        projection = fixed_synapses(circuit)["projection"]
        first = len(circuit.projections) - len(chain.pulses)
        failure, early, late = (round(p * CERTAIN) for p in (self.failure, *self.out_of_time))
        # what is drawn for a gate: fails | early | late | in time
        ends = np.cumsum([0, failure, early, late, CERTAIN - failure - early - late])
        part = {EARLY: 1, LATE: 2, IN_TIME: 3}
        missed = round(self.link_failure * CERTAIN)
        rows = np.zeros((len(circuit.projections), 4), dtype=np.int32)
        rows[:, 3] = CERTAIN  # relays never fail
        for number, pulse in enumerate(chain.pulses, first):
            if pulse.gate is None:
                rows[number] = 0, 0, missed, CERTAIN
            else:
                ahead = {EARLY: 1, IN_TIME: 0, LATE: -1}[pulse.comes]
                drawn = part[pulse.comes]
                rows[number] = pulse.gate, ahead, ends[drawn], ends[drawn + 1]
        number, ahead, begin, end = rows[projection].T.copy()
        links = np.flatnonzero(
            np.array([False] * first + [pulse.gate is None for pulse in chain.pulses])[projection]
        )
        number[links] = _LINK_NUMBERS + np.arange(links.size)
        return {
            "fixed.gate_number": number,
            "fixed.gate_ahead": ahead,
            "fixed.gate_from": begin,
            "fixed.gate_to": end,
            "fixed.gate_dice": moments(at.seed, "gates"),
        }

    def _of_shunts(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        table, names = fixed_synapses(circuit), set(circuit.gate_names)
        carries = np.array(
            [
                row.weight.name if row.pre in names and row.post not in names else ""
                for row in circuit.projections
            ]
        )[table["projection"]]
        votes = {number: np.zeros(carries.size, dtype=np.int32) for number in ("lift", "shut")}
        for kind, (number, one) in _COUNTED.items():
            votes[number][carries == kind] = one
        weights = circuit.fixed_weights
        return {
            "fixed.weight": np.where(carries == "", table["weight"], 0).astype(np.int32),
            "fixed.vote_lift": votes["lift"],
            "fixed.vote_shut": votes["shut"],
            "cells.votes_needed": needed_of(self.pool, self.quorum),
            **{f"cells.pulse_{kind}": weights[kind].value for kind in _COUNTED},
        }

    def _of_cells(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        number, silent, first, later = np.zeros((4, circuit.n_cells), dtype=np.int32)
        noise = np.full(circuit.n_cells, CERTAIN, dtype=np.int32)
        gates = [circuit.slices[name] for name in circuit.gate_names]
        chain = np.arange(gates[0].start, gates[-1].stop)
        number[chain] = np.arange(chain.size)
        silent[chain] = round(self.cell_failure * CERTAIN)
        noise[chain] = CERTAIN - round(self.noise * CERTAIN)
        lost = np.random.default_rng((self.link_seed, 1)).permutation(chain)
        lost = lost[: round(self.lost_cells * chain.size)]
        silent[lost] = noise[lost] = CERTAIN
        if self.restart:
            first[gates[0]] = 1
            later[chain] = 1 - first[chain]
        return {
            "cells.chain_number": number,
            "cells.chain_silent": silent,
            "cells.chain_noise": noise,
            "cells.chain_first": first,
            "cells.chain_later": later,
            "cells.chain_turn": circuit.n_phases,
            "cells.chain_dice": moments(at.seed, "gating chain"),
        }

    # -- what it is --------------------------------------------------------------------------

    @property
    def out_of_time(self) -> tuple[float, float]:
        """Probability that a pulse comes a phase early, and that it comes a phase late."""
        if self.jitter:
            return (_off_by_a_phase(self.jitter),) * 2
        return self.early, self.late

    @property
    def _imprecise(self) -> bool:
        return any(self.out_of_time)

    @property
    def _pulses(self) -> bool:
        return bool(self.failure or self._imprecise or self.link_failure)

    @property
    def _shunts(self) -> bool:
        return self.opening == "shunting" and self.pool > 1

    @property
    def _cells(self) -> bool:
        return bool(self.noise or self.cell_failure or self.lost_cells or self.link_failure)

    @property
    def _disturbed(self) -> bool:
        return bool(self.failure or self._imprecise or self._cells)

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm that shows each sample again, if it can follow."""
        if self.order == "reverse":
            return algorithm.cannot(
                "the algorithm in integers has no chain that runs backwards (gating.order)"
            )
        if self._disturbed:
            return algorithm.cannot(
                "the algorithm in integers has no gates that could fail (gating)"
            )
        return replace(algorithm, showings=self.replay + 1)

    @property
    def guarantees(self) -> Guarantees:
        """Gates that fail open one copy to learn and not the other, or the wrong population.

        A pulse out of time, or one of noise, may reach into the next sample.
        """
        reaches_on = bool(self._imprecise or self.noise or (self._cells and not self.restart))
        kept = not self._disturbed
        return Guarantees(kept, kept, not reaches_on)


def _off_by_a_phase(sigma: float) -> float:
    """Return the probability that a normal deviate lies half a step or more on one side."""
    return 0.5 * erfc(0.5 / (sigma * sqrt(2))) if sigma > 0 else 0.0
