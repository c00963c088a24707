"""Synapses as in a brain: unreliable, of one sign, softly bounded, coarse, slow to learn.

Each entry of the section drops one assumption of the paper's circuit: that every spike is
delivered, that a weight may have either sign, that a weight takes whole steps up to its bound, that
it has 255 levels, and that every coincidence of spikes causes learning.

Random numbers are hashes (`synfire_bp.dice`) of the number of a synapse and the time step.  If the
copies of a weight share their random draws, the hash takes the number of the weight and the time of
the sample instead, because one copy of W2 learns in a different phase than the others.  Copies then
stay equal, and the oracle draws the same numbers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout, fixed_synapses, weight_numbers
from synfire_bp.circuit.numbers import WEIGHT_LIMIT
from synfire_bp.dice import CERTAIN, likelihood, mixed, moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm, Changes
from synfire_bp.variants.base import Guarantees, Variant, variant
from synfire_bp.variants.own_number import OWN_NUMBER, own_numbers

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["Synapses", "inhibitory_cells", "weight_numbers"]

Weights = tuple[NDArray[np.int16], ...]
_CHANCE = "synfire_bp.network.chance:chance"

Probability = Annotated[float, Field(ge=0, le=1)]
_SIZE = "w * (2 * int(w > 0) - 1)"
_REACH = "(highest + int(highest < -lowest) * (-lowest - highest))"
_SOFT_SHARES = {
    "to_bound": (
        "int({change} > 0) * (highest - w) + int({change} < 0) * (w - lowest)",
        "highest - lowest",
    ),
    "outward": (f"{_REACH} - int({{change}} * w > 0) * {_SIZE}", f"2 * {_REACH}"),
    "alike": (f"{_REACH} + 2 - {_SIZE}", f"2 * ({_REACH} + 2)"),
}
"""Fraction of twice a step that a soft bound leaves, as numerator and denominator.

The Brian2 code of `synfire_bp.oracle.algorithm.SOFT_STEPS`; "{change}" is the step.
"""
_SOFT_WORDS = {
    "to_bound": "every step shrinks with the distance from the bound that it leads to",
    "outward": "steps away from 0 shrink with the distance from the bound, steps back are whole",
    "alike": "steps up and down shrink by the same factor, 1 - |w| / {whole}",
}
"""What `soft_steps` mean."""
LEVELS = (3, 7, 15, 31, 63, 127, 255)
"""The numbers of levels within plus and minus 254 for steps that are powers of two."""


def inhibitory_cells(n: int, fraction: float, layer: int) -> NDArray[np.bool_]:
    """Return which of the `n` presynaptic cells of a weight layer are inhibitory.

    round(fraction * n) of them, scattered, and the same ones for every seed of the training.
    """
    rank = np.argsort(mixed(np.arange(n), moments(layer, "signs")), kind="stable")
    chosen = np.zeros(n, dtype=np.bool_)
    chosen[rank[: round(fraction * n)]] = True
    return chosen


@variant("synapses")
class Synapses(Variant):
    """Limits of biological synapses compared with those of the circuit.

    **Dale's law** (`dale`) holds for the forward weights: all synapses from a cell of x or h have
    one sign, in training and in inference.  The backward pass does *not* follow it: o→hT and oT→hT
    hold the transposed values, whose sign belongs to the receiving hidden unit, so one cell of o
    sends both excitation and inhibition to hT.  A brain would need an interneuron there, or
    feedback weights of their own.
    """

    summary = "Limits of biological synapses. null: the circuit's ideal synapses."
    position = 30

    release: Probability | None = Field(
        default=None,
        description="Probability that a plastic synapse delivers a spike, independently for each "
        "synapse and spike, in training and test; learning still uses the spikes of both cells. "
        "Release sites have different probabilities (Branco & Staras 2009). null: always",
    )
    relay_release: Probability | None = Field(
        default=None,
        description="The same for the fixed one-to-one projections, including those of the "
        "sources; gates and the ring always deliver. null: always",
    )
    dale: Probability | None = Field(
        default=None,
        description="Dale's law: the fraction of inhibitory cells in x and in h; every forward "
        "weight of a cell keeps its sign (Dale 1935, Eccles 1976; in the cortex a fifth of the "
        "cells are inhibitory). null: weights have either sign",
    )
    balanced: bool = Field(
        default=False,
        description="With dale: the initial weights of the rarer cell type are stronger by the "
        "same factor by which these cells are rarer, so that sums still begin around 0 (van "
        "Vreeswijk & Sompolinsky 1996). false: their magnitudes are as drawn",
    )
    soft_bounds: bool = Field(
        default=False,
        description="A weight's step is proportional to the distance from the bound it moves to "
        "and equals the rule's step at 0; stochastically rounded to even steps (Kistler & van "
        "Hemmen 2000; Gütig et al. 2003). false: the whole step, clipped at the bound",
    )
    soft_steps: Literal["to_bound", "outward", "alike"] = Field(
        default="to_bound",
        description="With soft_bounds: which steps shrink. to_bound: every step, with the "
        "distance from the bound it leads to, so that weights leak towards 0, by w / 64 for a "
        "pair of opposite steps; outward: only steps away from 0, half the leak; alike: steps up "
        "and down by the same factor 1 - |w| / 256, no leak",
    )
    levels: int | None = Field(
        default=None,
        description="Number of levels of a plastic weight within plus and minus 254 (3, 7, 15, "
        "31, 63, 127 or 255); changes are stochastically rounded to the step, 512 / (levels + "
        "1). Synapses in the hippocampus have at least 26 distinguishable strengths (Bartol et "
        "al. 2015). null: 255",
    )
    update_probability: Probability | None = Field(
        default=None,
        description="Probability that a weight changes when the rule says so: transitions of a "
        "synapse are rare and all-or-none (Petersen et al. 1998; Fusi 2002). null: always",
    )
    shared: bool = Field(
        default=False,
        description="Whether the copies of a weight share the random draws of "
        "update_probability, soft_bounds and levels, and so stay equal. false: each copy draws "
        "independently, and copies drift",
    )

    @field_validator("levels")
    @classmethod
    def _levels_are_steps_of_a_power_of_two(cls, levels: int | None) -> int | None:
        if levels is not None and levels not in LEVELS:
            raise ValueError(
                f"is {levels}, but must be one of {', '.join(map(str, LEVELS))}: steps are "
                "powers of two"
            )
        return levels

    def fits(self, others: Mapping[str, Any]) -> None:
        """Refuse switches that cannot go together, or not with the rest of the model file."""
        hardware, network = others.get("hardware"), others.get("network")
        if hardware is not None and self.levels is not None:
            raise ValueError("levels: the chip has its own, hardware.weight_bits; remove one")
        if hardware is not None and (self.soft_bounds or self.dale is not None):
            which = "soft_bounds" if self.soft_bounds else "dale"
            if hardware.weight_bits < 8 or not hardware.symmetric:
                raise ValueError(
                    f"{which}: needs bounds of plus and minus the same; set hardware.symmetric: "
                    "true and hardware.weight_bits: 8, or remove hardware"
                )
        if network is not None and self.step > network.weight_limit:
            raise ValueError(
                f"levels: {self.levels} levels are steps of {self.step}, but network.weight_limit "
                f"is {network.weight_limit}; ask for more levels or a greater limit"
            )
        if self.balanced and (self.dale is None or not 0 < self.dale < 1):
            raise ValueError(
                "balanced: only with dale between 0 and 1, so that there are cells of both kinds"
            )
        if self.shared and not self._draws_to_learn:
            raise ValueError(
                "shared: there are no random draws to share; set update_probability, soft_bounds "
                "or levels, or remove it"
            )

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield the limits of the synapses, in words."""
        for what, probability in (
            ("a learning synapse delivers", self.release),
            ("a fixed one-to-one synapse delivers", self.relay_release),
            ("a weight moves", self.update_probability),
        ):
            if probability is not None:
                when = "when the rule says so" if what == "a weight moves" else "a spike"
                yield what, f"{when} with a probability of {probability:g}"
        if self.dale is not None:
            inhibitory = ", ".join(
                f"{round(self.dale * n):,} of {n:,} (W{k})"
                for k, n in enumerate(model.circuit.sizes[:-1], 1)
            )
            yield "Dale's law", f"forward weights of a cell have one sign; inhibitory: {inhibitory}"
        if self.balanced:
            yield (
                "initial weights of the rarer kind",
                ("are as much stronger as its cells are rarer: sums begin around 0"),
            )
        if self.soft_bounds:
            whole = model.circuit.weight_limit + 2
            yield (
                "soft bounds",
                f"{_SOFT_WORDS[self.soft_steps].format(whole=whole)}; rounded at random to even "
                "steps",
            )
        if self.levels is not None:
            yield (
                "levels of a weight",
                (f"{self.levels}, in steps of {self.step}; changes are rounded to them at random"),
            )
        if self._draws_to_learn:
            shared = "share their random draws, and stay equal"
            yield "copies of a weight", shared if self.shared else "draw independently"

    # -- weights ---------------------------------------------------------------------------

    @property
    def step(self) -> int:
        """Distance between two levels of a weight."""
        return 2 if self.levels is None else 2 * (WEIGHT_LIMIT + 2) // (self.levels + 1)

    def started(self, weights: Weights, limit: int) -> Weights:
        """Give the drawn forward weights the signs of their cells, and round them to a level."""
        if self.dale is None:
            return self._on_levels(weights, limit)
        signed = []
        for layer, matrix in enumerate(weights):
            size = np.abs(matrix.astype(np.int64))
            inhibitory = inhibitory_cells(len(matrix), self.dale, layer)
            if self.balanced:
                size = _balanced(size, inhibitory)
            signed.append(np.where(inhibitory, -1, 1)[:, None] * size)
        return self._on_levels(tuple(signed), limit)

    def _on_levels(self, weights: tuple[NDArray[np.integer], ...], limit: int) -> Weights:
        """Round weights to the nearest level within the limit."""
        rounded = []
        for matrix in weights:
            size = np.abs(matrix.astype(np.int64))
            if self.levels is not None:
                size = (size + self.step // 2) // self.step * self.step
            size = np.minimum(size, limit // self.step * self.step)
            rounded.append((np.sign(matrix) * size).astype(np.int16))
        return tuple(rounded)

    def bounds(self, sizes: tuple[int, ...], limit: int) -> tuple[Weights, Weights]:
        """Return the lowest and the highest weight, a matrix (n_pre, n_post) per weight layer."""
        reach = limit // self.step * self.step
        lowest, highest = [], []
        for layer, shape in enumerate(itertools.pairwise(sizes)):
            low, high = np.full(shape, -reach, np.int16), np.full(shape, reach, np.int16)
            if self.dale is not None:
                inhibitory = inhibitory_cells(shape[0], self.dale, layer)
                low[~inhibitory], high[inhibitory] = 0, 0
            lowest.append(low)
            highest.append(high)
        return tuple(lowest), tuple(highest)

    # -- the circuit -----------------------------------------------------------------------

    @property
    def _draws_to_learn(self) -> bool:
        return self.soft_bounds or self.levels is not None or self.update_probability is not None

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the network with synapses that fail; the training's learn otherwise, too."""
        if not network.learns:
            return network.adding(self.inference_lines(), self._inference_numbers)
        return network.adding(self.lines(), self._numbers)

    def lines(self) -> Lines:
        """Return what is delivered with a probability, and what becomes of dw."""
        delivered = self.inference_lines()
        number = "weight_number" if self.shared else "own_number"
        moment = "t_in_timesteps" + (" - phase_post" if self.shared else "")
        declared = [delivered.plastic]
        if self._draws_to_learn:
            declared.append(
                "weight_number : integer (constant)  # of the weight, in all of its copies"
                if self.shared
                else OWN_NUMBER
            )
        change = []
        if self.soft_bounds:
            declared.append("soft_dice : integer (shared, constant)")
            share, whole = _SOFT_SHARES[self.soft_steps]
            change.append(
                f"2 * in_portions({{change}} * ({share}), {whole}, {number}, soft_dice + {moment})"
            )
        if self.update_probability is not None:
            declared.append("update_dice : integer (shared, constant)")
            declared.append("updated : integer (shared, constant)  # of 2^24")
            change.append(f"{{change}} * int(chance({number}, update_dice + {moment}) < updated)")
        if self.levels is not None:
            declared.append("level_dice : integer (shared, constant)")
            declared.append("level_step : integer (shared, constant)")
            change.append(f"in_steps({{change}}, level_step, {number}, level_dice + {moment})")
        called = [
            _CHANCE if self.update_probability is not None else "",
            "synfire_bp.network.chance:in_portions" if self.soft_bounds else "",
            "synfire_bp.network.chance:in_steps" if self.levels is not None else "",
        ]
        return Lines(
            functions=(*delivered.functions, *filter(None, called)),
            fixed=delivered.fixed,
            fixed_sent=delivered.fixed_sent,
            plastic="\n".join(declared),
            sent=delivered.sent,
            change=tuple(change),
            own_bounds=self.dale is not None,
        )

    def inference_lines(self) -> Lines:
        """Return what is delivered with a probability."""
        fixed = plastic = ""
        fixed_sent: tuple[str, ...] = ()
        sent: tuple[str, ...] = ()
        if self.release is not None:
            plastic = (
                f"{OWN_NUMBER}\n"
                "release_dice : integer (shared, constant)\n"
                "released : integer (shared, constant)  # of 2^24"
            )
            sent = ("int(chance(own_number, release_dice + t_in_timesteps) < released)",)
        if self.relay_release is not None:
            fixed = """
                fixed_number : integer (constant)
                relay_dice : integer (shared, constant)
                relayed : integer (constant)  # of 2^24
            """
            fixed_sent = ("int(chance(fixed_number, relay_dice + t_in_timesteps) < relayed)",)
        return Lines(
            fixed=fixed,
            fixed_sent=fixed_sent,
            plastic=plastic,
            sent=sent,
            functions=(_CHANCE,) if sent or fixed_sent else (),
        )

    def _numbers(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        """Return probabilities, random seeds and bounds."""
        values = self._inference_numbers(circuit, layout, at)
        if self._draws_to_learn:
            if self.shared:
                values["plastic.weight_number"] = layout.spread(weight_numbers(circuit.shapes))
            else:
                values["plastic.own_number"] = own_numbers(layout)
        if self.soft_bounds:
            values["plastic.soft_dice"] = moments(at.seed, "soft bounds")
        if self.update_probability is not None:
            values["plastic.update_dice"] = moments(at.seed, "update")
            values["plastic.updated"] = likelihood(self.update_probability)
        if self.levels is not None:
            values["plastic.level_dice"] = moments(at.seed, "levels")
            values["plastic.level_step"] = self.step
        reach = circuit.weight_limit // self.step * self.step
        if self.dale is not None:
            ends = [
                layout.pack(self._with_feedback(end, sign * reach, circuit))
                for sign, end in zip(
                    (-1, 1), self.bounds(circuit.sizes, circuit.weight_limit), strict=True
                )
            ]
            values["plastic.lowest"] = np.minimum(*ends).astype(np.int32)
            values["plastic.highest"] = np.maximum(*ends).astype(np.int32)
        elif self.levels is not None:
            values["plastic.lowest"], values["plastic.highest"] = -reach, reach
        return values

    @staticmethod
    def _with_feedback(end: Weights, reach: int, circuit: Circuit) -> Weights:
        """Return the bounds of all matrices: those for feedback have either sign."""
        further = circuit.shapes[circuit.n_weight_layers :]
        return (*end, *(np.full(shape, reach, np.int16) for shape in further))

    def _inference_numbers(self, circuit: Circuit, layout: PlasticLayout, at: Moment) -> Numbers:
        """Return probabilities and random seeds of synaptic delivery."""
        values: Numbers = {}
        if self.release is not None:
            values["plastic.own_number"] = own_numbers(layout)
            values["plastic.release_dice"] = moments(at.seed, "release")
            values["plastic.released"] = likelihood(self.release)
        if self.relay_release is not None:
            pre = fixed_synapses(circuit)["pre"]
            gates = [circuit.slices[name].start for name in circuit.gate_names]
            relayed = np.where(np.isin(pre, gates), CERTAIN, likelihood(self.relay_release))
            values["fixed.fixed_number"] = np.arange(pre.size, dtype=np.int32)
            values["fixed.relay_dice"] = moments(at.seed, "relay release")
            values["fixed.relayed"] = relayed.astype(np.int32)
        return values

    # -- what it means for the rest --------------------------------------------------------

    @property
    def _unreliable(self) -> bool:
        return any(p is not None and p < 1 for p in (self.release, self.relay_release))

    @property
    def _drifts(self) -> bool:
        """Whether copies draw independently."""
        certain = self.update_probability in (None, 1) and not self.soft_bounds and self.step == 2
        return not self.shared and not certain

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm with other weights to start from, and other changes."""
        if self._unreliable:
            algorithm = algorithm.cannot(
                "the oracle has no synapses that fail (synapses.release, synapses.relay_release)"
            )
        elif self._draws_to_learn and any(algorithm.learning[len(algorithm.sizes) - 1 :]):
            algorithm = algorithm.cannot(
                "the oracle draws random numbers for forward weights only, not for feedback "
                "weights that learn (feedback.kind)"
            )
        elif self._drifts:
            algorithm = algorithm.cannot(
                "the oracle has one weight where the circuit has copies that draw independently "
                "(set synapses.shared: true to have them share)"
            )
        changes = self.changes(algorithm.sizes, algorithm.limit)
        if changes is not None:
            algorithm = algorithm.changing(changes)
        return algorithm.starting(self._start)

    def _start(self, weights: Weights, algorithm: Algorithm) -> Weights:
        n = algorithm.n_layers
        forward = self.started(weights[:n], algorithm.limit)
        return (*forward, *self._on_levels(weights[n:], algorithm.limit))

    def changes(self, sizes: tuple[int, ...], limit: int) -> Changes | None:
        """Return how the oracle's weights change; None: as in the paper."""
        if self.dale is None and not self._draws_to_learn:
            return None
        lowest, highest = self.bounds(sizes, limit)
        return Changes(
            lowest,
            highest,
            soft=self.soft_bounds,
            soft_steps=self.soft_steps,
            probability=1.0 if self.update_probability is None else self.update_probability,
            step=self.step,
        )

    @property
    def guarantees(self) -> Guarantees:
        """Copies drift apart if they draw independently; lost spikes cause stray spikes."""
        return Guarantees(
            copies_equal=not (self._unreliable or self._drifts),
            silent_when_closed=not self._unreliable,
        )


def _balanced(size: NDArray[np.int64], inhibitory: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return magnitudes (n_pre, n_post), those of the rarer kind as much greater as it is rarer."""
    rare = inhibitory if 2 * inhibitory.sum() <= len(inhibitory) else ~inhibitory
    ratio = (~rare).sum() / max(rare.sum(), 1)
    return np.where(rare[:, None], 2 * np.trunc(size * ratio / 2), size).astype(np.int64)
