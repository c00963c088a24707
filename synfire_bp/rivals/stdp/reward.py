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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.images import ImageRival
from synfire_bp.rivals.stdp.sections import TryingCells, TryingLearning
from synfire_bp.rivals.stdp.showing import Lesson, Showing

__all__ = ["RewardStdp"]

_CURVE = 1000
"""Training images of a point of the curve."""


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
        """Count an image: an input's spike visits its synapses, a cell's those onto it."""
        n_in, n = shape
        others = n - self.cells.per_class
        return self.showing.operations(shape, x, z, inhibits=others, visited=x * n + z * n_in)


def _percent(right: NDArray[np.bool_]) -> float:
    return round(100 * float(right.mean()), 4)
