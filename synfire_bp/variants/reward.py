"""A reward signal as in a brain: late, sometimes wrong, graded and noisy.

The paper's r1 is 1 in exactly those phases in which coincident spikes potentiate, and 0 otherwise,
for all synapses at once.  A brain's neuromodulator is late, noisy and has more than two values.
All synapses still get the same r1, with the same errors.

This r1 is a clock: it distinguishes phases, and carries no information about the sample.  With
eligibility traces (`learning.eligibility`), a second reward comes at the end of a sample, late or
at once: one number for whether an answer was right.  With it, copies stay equal, and the algorithm
in integers can follow.

With any disturbance of r1, copies of a weight may drift apart, because one copy of W2 (oT→hT, which
holds -W2) potentiates where the others depress, so a wrong or weak reward acts on them differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.pause import pausing
from synfire_bp.dice import likelihood, moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.oracle.rewards import GRADES, RATES, Rewards
from synfire_bp.section import unit
from synfire_bp.variants.answers import reward_lines, reward_numbers
from synfire_bp.variants.base import Guarantees, Variant, variant
from synfire_bp.variants.own_number import OWN_NUMBER, own_numbers

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["GRADES", "Reward"]

Sixteenths = Annotated[float, Field(ge=0, le=2, multiple_of=1 / GRADES)]


_OF_PHASES = ("delay", "flip", "grade", "noise")
_OF_SAMPLES = (
    "delay_samples",
    "answer",
    "explore",
    "wrong",
    "expected",
    "average",
    "mistaken",
    "spread",
)

_CHANCE = "synfire_bp.network.chance:chance"


@variant("reward")
class Reward(Variant):
    """Disturbances of the reward signal r1, and the reward of samples for eligibility traces."""

    summary = "Disturbances of the reward signal r1, and what it rewards. null: the paper's reward."
    position = 20

    delay: int = Field(
        default=0,
        ge=0,
        le=11,
        description="Phases by which r1 comes late. Dopamine follows what it rewards by 0.1 s to "
        "seconds; synapses bridge that with eligibility traces, which this circuit does not have "
        "(Izhikevich 2007; Gerstner et al. 2018). 1: every coincidence depresses; 2: W2 learns "
        "the opposite",
        json_schema_extra=unit("phases"),
    )
    flip: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None,
        description="Probability that r1 is wrong (1 for 0, 0 for 1) in a phase, for all synapses "
        "alike (Frémaux & Gerstner 2016). null: never",
    )
    grade: Sixteenths | None = Field(
        default=None,
        description="Mean of r1 where it is otherwise 1, in steps of 1/16 up to 2: dw follows "
        "from the rule with this r1 and is rounded stochastically to even steps. Dopamine codes "
        "a graded prediction error (Schultz et al. 1997). null: 1",
    )
    noise: Sixteenths | None = Field(
        default=None,
        description="Largest deviation of r1 from its mean, in steps of 1/16 up to 2: uniformly "
        "distributed, drawn in every phase, with or without reward, and the same for all "
        "synapses. null: 0",
    )

    delay_samples: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="With learning.eligibility: number of samples by which the reward of a "
        "sample comes late, at the end of a later one; by then the traces have decayed "
        "(Izhikevich 2007)",
        json_schema_extra=unit("samples"),
    )
    answer: Literal["told", "tried", "believed"] = Field(
        default="told",
        description="With learning.eligibility. told: the right answer is shown as target, as in "
        "the paper; every sample is rewarded by 1. tried: an answer is drawn at random instead, "
        "as exploration, and the network is told only one number, 1 if it was right and `wrong` "
        "if not (Frémaux & Gerstner 2016). believed: the answer that the output gives is tried, "
        "a random one of several, or any answer if there is none; the environment sees it and "
        "then gives the target, for which a sample takes two more phases",
    )
    explore: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.1,
        description="With answer: believed. Probability that a random answer is tried instead of "
        "the network's own",
    )
    wrong: Annotated[float, Field(ge=-2, le=2, multiple_of=1 / GRADES)] = Field(
        default=-1.0,
        description="With learning.eligibility: reward of a wrong answer, in steps of 1/16; that "
        "of a right one is 1. With -1 the reward is only a sign",
    )
    expected: Literal["run", "answer", "belief"] | None = Field(
        default=None,
        description="With learning.eligibility: what is subtracted from the reward to make it a "
        "prediction error (Schultz et al. 1997): its running average over all samples (run), one "
        "average for each tried answer (answer), or one for answers that a single output gave "
        "and one for all others (belief; Lak et al. 2017). null: nothing",
    )
    average: int = Field(
        default=100,
        ge=2,
        le=RATES,
        description="Time constant of this running average, in samples",
        json_schema_extra=unit("samples"),
    )
    mistaken: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0,
        description="With learning.eligibility: probability that the reward is wrong: that of a "
        "wrong answer for a right one, or vice versa",
    )
    spread: Annotated[float, Field(ge=0, le=2, multiple_of=1 / GRADES)] = Field(
        default=0.0,
        description="With learning.eligibility: largest deviation of the reward of a sample, "
        "uniformly distributed, in steps of 1/16",
    )

    @model_validator(mode="after")
    def _one_average_for_an_answer_needs_answers(self) -> Self:
        """Refuse an average for each answer if answers are not tried."""
        if self.expected == "answer" and self.answer == "told":
            raise ValueError(
                "expected: answer keeps an average for each answer that is tried, but answer is "
                "told; set answer to tried, or expected to run"
            )
        if self.expected == "belief" and self.answer != "believed":
            raise ValueError(
                "expected: belief keeps an average for answers that the network gave and one for "
                f"others, but answer is {self.answer}; set answer to believed, or expected to run"
            )
        return self

    @model_validator(mode="after")
    def _explores_beside_what_it_believes(self) -> Self:
        """Refuse an exploration that means nothing."""
        if self._given(("explore",)) and self.answer != "believed":
            raise ValueError(
                f"explore: is {self.explore:g}, but answer is {self.answer}; set answer to "
                "believed, or remove explore"
            )
        return self

    def _given(self, keys: tuple[str, ...]) -> str:
        """Return those of some keys that say something, as text."""
        fields = type(self).model_fields
        return ", ".join(key for key in keys if getattr(self, key) != fields[key].default)

    def fits(self, others: Mapping[str, Any]) -> None:
        """Refuse a grade on a chip whose reward is a spike, and rewards without what they are for.

        What waits for its reward is a trace (`learning.eligibility`); the sign of what it takes up
        comes from r1, whose phases stay as they are.
        """
        learning = others.get("learning")
        waits = learning is not None and learning.eligibility is not None
        if learning is not None and not waits and (given := self._given(_OF_SAMPLES)):
            raise ValueError(
                f"{given}: what is rewarded at the end of a sample must be "
                "remembered until then; give learning.eligibility, such as {tau: 2}"
            )
        if waits and (given := self._given(_OF_PHASES)):
            raise ValueError(
                f"{given}: with learning.eligibility, r1 sets the sign of what the trace takes up, "
                "phase by phase; use delay_samples, mistaken and spread for the reward at the end "
                "of a sample"
            )
        if others.get("hardware") is not None and self._graded:
            raise ValueError(
                "grade, noise: the emulated chip's r1 is a spike, 0 or 1; remove them, or hardware"
            )

    @property
    def _graded(self) -> bool:
        return self.grade is not None or self.noise is not None

    def circuit(self, circuit: Circuit) -> Circuit:
        """Return the circuit whose reward comes later, or whose targets do."""
        rewarded = circuit.reward_phases
        if self.answer == "believed" and rewarded:
            return pausing(circuit)
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
        if self._given(_OF_SAMPLES):
            rewards = self.rewards()
            return network.adding(
                reward_lines(rewards, network.circuit),
                lambda circuit, layout, at: reward_numbers(rewards, circuit, at),
            )
        return network.adding(self.lines(), self._numbers)

    def rewards(self) -> Rewards:
        """Return the rewards at the end of samples, if there are eligibility traces."""
        return Rewards(
            answer=self.answer,
            explore=likelihood(self.explore),
            wrong=round(GRADES * self.wrong),
            delay=self.delay_samples,
            expected=self.expected,
            rate=round(RATES / self.average),
            mistaken=likelihood(self.mistaken),
            spread=round(GRADES * self.spread),
        )

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
        """Return probabilities, grades and random seeds."""
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

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with r1, or how samples are rewarded."""
        if self.delay:
            now, n = model.circuit.reward_phases, model.circuit.n_phases
            on_time = sorted((phase - self.delay) % n for phase in now)
            yield (
                "r1 is late by",
                f"{self.delay} phase{'s' * (self.delay > 1)}: it is 1 in phases "
                f"{', '.join(map(str, now))} instead of phases {', '.join(map(str, on_time))}",
            )
        if self.flip is not None:
            yield (
                "r1 is wrong",
                f"with a probability of {self.flip:g} in each phase, 1 for 0 and 0 for 1, for all "
                "synapses alike",
            )
        if self._graded:
            mean = 1.0 if self.grade is None else self.grade
            yield (
                "r1 is graded",
                f"{mean:g} on average where it is otherwise 1, and in every phase uniform within "
                f"{self.noise or 0.0:g} of that; changes are rounded at random to even steps",
            )
        if self._given(_OF_SAMPLES):
            yield from self._described_samples(model)

    def _described_samples(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield what is rewarded at the end of a sample, and when."""
        if self.answer == "tried":
            yield (
                "target",
                f"an answer drawn at random, right in 1 of {model.n_out} samples; all that the "
                "network is told is the reward",
            )
        elif self.answer == "believed":
            yield (
                "target",
                "the network's own answer, which the environment sees and gives back: one of "
                f"several at random, any answer if no output fires, and with a probability of "
                f"{self.explore:g} in any case; all that the network is told is the reward",
            )
        else:
            yield "target", "the right answer, as in the paper"
        yield "reward of a sample", f"1 if its target was right, {self.wrong:g} if it was wrong"
        samples = f"{self.delay_samples} sample{'s' * (self.delay_samples != 1)}"
        yield "it comes", "at its end" if not self.delay_samples else f"at the end {samples} later"
        if self.expected is not None:
            of = "all samples" if self.expected == "run" else "the samples with the same target"
            yield (
                "expected reward",
                f"its running average over {of} is subtracted; time constant {self.average} "
                "samples",
            )
        if self.mistaken:
            yield (
                "mistaken",
                f"with a probability of {self.mistaken:g} a sample gets the reward of the opposite "
                "outcome",
            )
        if self.spread:
            yield "noise of the reward", f"uniform within {self.spread:g}"

    @property
    def _at_random(self) -> bool:
        return bool(self.flip) or self.grade not in (None, 1) or bool(self.noise)

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm, which cannot follow another reward signal in phases."""
        if algorithm.eligible is not None:
            return replace(algorithm, rewards=self.rewards())
        if self.delay or self._at_random:
            return algorithm.cannot(
                "the oracle has no reward signal that is late, wrong or graded (reward)"
            )
        return algorithm

    @property
    def guarantees(self) -> Guarantees:
        """Copies may drift apart, and populations may fire where they are silent otherwise.

        Weights that are taught the wrong way grow to sums that no closing bias withstands.
        """
        kept = not self.delay and not self._at_random
        return Guarantees(copies_equal=kept, silent_when_closed=kept)
