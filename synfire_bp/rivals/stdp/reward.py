"""Reward-modulated STDP: pairs of spikes leave a trace, and a reward turns traces into changes.

After Izhikevich (2007), Cereb. Cortex 17:2443; Legenstein, Pecevski and Maass (2008), PLoS Comput.
Biol. 4:e1000180; Frémaux and Gerstner (2016), Front. Neural Circuits 9:85.

Leaky integrate-and-fire neurons, some for each class, inhibit those of other classes; noise lets
them try.  The class with most spikes is the answer.  Once after each image comes one number for all
synapses: 1 if the answer was right, else 0, less its running mean.  Nobody tells which class would
have been right, and no error comes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.images import ImageRival
from synfire_bp.rivals.stdp.showing import Lesson, Showing
from synfire_bp.section import Section

__all__ = ["RewardStdp", "TryingCells", "TryingLearning"]

Ms = Annotated[float, Field(gt=0, le=1e6)]
_CURVE = 1000
"""Training images of a point of the curve."""


class TryingCells(Section):
    """The neurons that answer."""

    per_class: int = Field(default=1, ge=1, le=1000, description="Neurons of each class.")
    membrane_time: Ms = Field(default=20.0, description="Time constant of the membrane, ms.")
    resting: float = Field(default=-70.0, ge=-120, le=0, description="Rest and reset, mV.")
    threshold: float = Field(default=-54.0, ge=-120, le=50, description="Threshold, mV.")
    refractory: float = Field(default=2.0, ge=0, le=1000, description="After a spike, ms.")
    noise: float = Field(
        default=4.0, ge=0, le=100,
        description="Standard deviation of the membrane potential without spikes, mV; while it "
        "learns only.",
    )  # fmt: skip
    inhibition: float = Field(
        default=5.0, ge=0, le=1000, description="A spike lowers cells of other classes by it, mV."
    )


class TryingLearning(Section):
    """How synapses change."""

    rate: float = Field(gt=0, le=10, description="Change of a weight per reward and trace, mV.")
    trace_time: Ms = Field(default=20.0, description="Time constant of the cells' traces, ms.")
    depression: float = Field(
        default=0.3,
        ge=0,
        le=10,
        description="Of a pair post before pre, over pre before post.",
    )
    eligibility_time: Ms = Field(default=100.0, description="Time constant of eligibility, ms.")
    expectation: float = Field(
        default=0.01, gt=0, le=1, description="Share of a reward in the running mean."
    )
    initial: float = Field(default=0.1, ge=0, le=10, description="Mean of initial weights, mV.")
    weight_limit: float = Field(default=1.0, gt=0, le=100, description="Largest magnitude, mV.")


@rival("reward_stdp")
class RewardStdp(ImageRival):
    """Reward-modulated STDP."""

    summary = "STDP with eligibility traces and one reward (Izhikevich 2007)."

    showing: Showing
    cells: TryingCells = TryingCells()
    learning: TryingLearning

    def run(self, progress: WorkProgress) -> Outcome:
        """Train through all epochs, then test once, in one simulation."""
        from synfire_bp.rivals.simulated import simulated
        from synfire_bp.rivals.stdp.reward_network import Setup, task

        data = self.images()
        order = np.concatenate(list(self.orders(data)))
        n, learnt = len(order), data.learnt
        lesson = Lesson(
            np.concatenate([learnt.inputs[order], data.test.inputs]),
            np.concatenate([learnt.labels[order], data.test.labels]),
            np.arange(n + len(data.test)) < n,
        )
        progress.begin(f"{self.name}: images", len(lesson))
        rng = np.random.default_rng((self.seed, 6))
        shape = (data.n_in, data.n_classes * self.cells.per_class)
        weights = 2 * self.learning.initial * rng.random(shape)
        setup = Setup(self.showing, self.cells, self.learning, lesson, data.n_classes, weights)
        found = simulated(task(self.showing.dt), setup, seed=self.seed)
        progress.reached(len(lesson))
        right = found.answers == lesson.labels
        curve: list[Mapping[str, Any]] = [
            {"samples": end, "split": "train", "percent": _percent(right[end - _CURVE : end])}
            for end in range(_CURVE, n + 1, _CURVE)
        ]
        curve.append({"samples": n, "split": "test", "percent": _percent(right[n:])})
        last = slice(max(0, n - 10_000), n)
        counted = self._counted(
            shape, float(found.input_spikes[last].mean()), float(found.spikes[last].mean())
        )
        return Outcome(tuple(curve), n, counted, {"w": found.weights})

    def _counted(self, shape: tuple[int, int], x: float, z: float) -> Operations:
        """Count an image: x input spikes, z spikes of the cells; and the reward at its end."""
        n_in, n = shape
        every = n_in * n
        others = n - self.cells.per_class
        passed = x * n + z * n_in  # an input's spike visits its synapses, a cell's those onto it
        return Operations(
            spikes=x + z,
            synaptic=x * n + z * others,
            learning=passed + every,
            neurons=n * self.showing.steps,
            all_learning=every * self.showing.steps,
        )


def _percent(right: NDArray[np.bool_]) -> float:
    return round(100 * float(right.mean()), 4)
