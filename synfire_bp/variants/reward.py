"""A reward signal as it is in a brain: late, wrong at times, graded and noisy.

The paper's r1 is 1 in the very phases in which coincident spikes shall potentiate, and 0 else, for
all synapses at once.  A brain's neuromodulator comes late, carries noise and has more than two
values.  All synapses still see the same r1: what goes wrong, goes wrong for all.

Copies of a weight may drift apart with any of these, for one copy of W2 (oT→hT, which holds -W2)
potentiates where the others depress: a reward that is wrong or weak tears them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.dice import likelihood, moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.variants.base import Guarantees, Variant, variant
from synfire_bp.variants.own_number import OWN_NUMBER, own_numbers

__all__ = ["GRADES", "Reward"]

GRADES = 16
"""Parts in which a graded reward is counted."""

Sixteenths = Annotated[float, Field(ge=0, le=2, multiple_of=1 / GRADES)]


_CHANCE = "synfire_bp.network.chance:chance"


@variant("reward")
class Reward(Variant):
    """What is wrong with the reward signal r1."""

    summary = "What is wrong with the reward signal r1. null: nothing."
    position = 20

    delay: int = Field(
        default=0,
        ge=0,
        le=11,
        description="Phases by which r1 comes late. Dopamine follows what it rewards by 0.1 s to "
        "seconds; synapses bridge that with eligibility traces, which this circuit has not "
        "(Izhikevich 2007; Gerstner et al. 2018). 1: all that coincides depresses; 2: W2 learns "
        "the opposite",
    )
    flip: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Probability that r1 is wrong (1 for 0, 0 for 1) in a phase, for all synapses "
        "alike (Frémaux & Gerstner 2016). null: never",
    )
    grade: Sixteenths | None = Field(
        default=None,
        description="Mean of r1 where it is 1 else, in steps of 1/16 up to 2: the rule's dw for "
        "such an r1, rounded at random to even steps. Dopamine codes a graded error of prediction "
        "(Schultz et al. 1997). null: 1",
    )
    noise: Sixteenths | None = Field(
        default=None,
        description="Largest deviation of r1 from its mean, in steps of 1/16 up to 2: uniform, "
        "drawn anew in every phase, whether there is reward or not, for all synapses alike. "
        "null: 0",
    )

    def fits(self, others: Mapping[str, Any]) -> None:
        """Refuse a grade on a chip whose reward is a spike."""
        if others.get("hardware") is not None and self._graded:
            raise ValueError(
                "grade, noise: the emulated chip's r1 is a spike, 0 or 1; remove them, or hardware"
            )

    @property
    def _graded(self) -> bool:
        return self.grade is not None or self.noise is not None

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the circuit whose reward comes later."""
        rewarded = circuit.reward_phases
        if not self.delay or not rewarded:
            return circuit
        n = circuit.n_phases
        late = {(phase + self.delay) % n for phase in rewarded}
        learning = {True: "potentiation", False: "depression"}
        learns = {phase.index for phase in circuit.phases if phase.learning} | late
        phases = tuple(
            replace(phase, learning=learning[phase.index in late] if phase.index in learns else "")
            for phase in circuit.phases
        )
        return replace(circuit, phases=phases)

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the training network with what becomes of r1, and of dw if r1 is graded."""
        if not network.learns:
            return network
        return network.adding(self.lines(), self._numbers)

    def lines(self) -> Lines:
        """Return what becomes of r1, and of dw where r1 counts in sixteenths."""
        cells, reward = [], []
        if self.flip is not None:
            cells.append("r1_flipped : integer (shared, constant)  # of 2^24")
            cells.append("r1_dice : integer (shared, constant)")
            cells.append("r1_wrong = int(chance(-1, r1_dice + t_in_timesteps) < r1_flipped)"
                         " : integer (shared)")  # fmt: skip
            reward.append("{r1} + r1_wrong * (1 - 2 * {r1})")
        if not self._graded:
            return Lines(
                cells="\n".join(cells),
                reward=tuple(reward),
                functions=(_CHANCE,) if reward else (),
            )
        cells.append("r1_grade : integer (shared, constant)")
        cells.append("r1_spread : integer (shared, constant)")
        cells.append("r1_dice : integer (shared, constant)")
        cells.append(
            "r1_deviation = chance(-2, r1_dice + t_in_timesteps) * (2 * r1_spread + 1) // certain"
            " - r1_spread : integer (shared)"
        )
        reward.append("r1_grade * {r1} + r1_deviation")
        return Lines(
            cells="\n".join(cells),
            reward=tuple(reward),
            reward_unit=GRADES,
            functions=(
                _CHANCE,
                "synfire_bp.network.chance:certain",
                "synfire_bp.network.chance:in_portions",
            ),
            plastic=f"{OWN_NUMBER}\nreward_dice : integer (shared, constant)",
            change=(
                f"2 * in_portions({{change}}, {2 * GRADES}, own_number,"
                " reward_dice + t_in_timesteps)",
            ),
        )

    def _numbers(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        """Return probabilities, grades and dice."""
        dice = moments(at.seed, "reward")
        values: Numbers = {}
        if self.flip is not None:
            values |= {"cells.r1_flipped": likelihood(self.flip), "cells.r1_dice": dice}
        if self._graded:
            values |= {
                "cells.r1_grade": round(GRADES * (1.0 if self.grade is None else self.grade)),
                "cells.r1_spread": round(GRADES * (self.noise or 0.0)),
                "cells.r1_dice": dice,
                "plastic.own_number": own_numbers(layout),
                "plastic.reward_dice": dice,
            }
        return values

    @property
    def _at_random(self) -> bool:
        return bool(self.flip) or self.grade not in (None, 1) or bool(self.noise)

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm, which cannot follow another reward signal."""
        if self.delay or self._at_random:
            return algorithm.cannot(
                "the oracle knows no reward signal that is late, wrong or graded (reward)"
            )
        return algorithm

    @property
    def guarantees(self) -> Guarantees:
        """Copies may drift apart, and populations may fire where they are silent otherwise.

        Weights that are taught the wrong way grow to sums that no closing bias withstands.
        """
        kept = not self.delay and not self._at_random
        return Guarantees(copies_equal=kept, silent_when_closed=kept)
