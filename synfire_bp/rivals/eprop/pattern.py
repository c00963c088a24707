"""E-prop generates a pattern: a sum of four sines, from frozen noise (Bellec et al. 2020, Fig. 3).

The same input spikes come in every interval of one second; from them the recurrent network has to
make the signal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, PositiveInt, Rival, rival
from synfire_bp.rivals.eprop.lesson import Lesson, Pattern, Weights
from synfire_bp.rivals.eprop.sections import Cells, Learning, Readout
from synfire_bp.section import Section

__all__ = ["EpropPattern", "PatternTask", "pattern_lesson"]


class PatternTask(Section):
    """The noise that comes in, and the signal that is wanted."""

    inputs: PositiveInt = Field(default=100, le=10_000, description="Neurons of frozen noise.")
    rate: float = Field(default=50.0, gt=0, le=1000, description="Of the noise, 1/s.")
    steps: int = Field(default=1000, ge=2, le=100_000, description="Of an interval, ms.")
    periods: tuple[PositiveInt, ...] = Field(
        default=(1000, 500, 333, 200),
        strict=False,
        min_length=1,
        max_length=100,
        description="Of the sines, ms.",
    )
    iterations: PositiveInt = Field(default=100, le=100_000, description="Intervals.")


@rival("eprop_pattern")
class EpropPattern(Rival):
    """E-prop, pattern generation."""

    summary = "E-prop generates a pattern (Bellec et al. 2020, Fig. 3)."

    task: PatternTask = PatternTask()
    cells: Cells
    readout: Readout
    learning: Learning

    def run(self, progress: WorkProgress) -> Outcome:
        """Train; the curve is the loss of each iteration."""
        from synfire_bp.rivals.eprop.network import Setup
        from synfire_bp.rivals.eprop.simulation import simulate

        lesson, weights = pattern_lesson(self.task, self.cells, self.seed)
        progress.begin(f"{self.name}: iterations", self.task.iterations)
        result = simulate(Setup(self.cells, self.readout, self.learning, lesson, weights))
        progress.reached(self.task.iterations)
        curve: list[Mapping[str, Any]] = [
            {"iteration": k, "loss": float(loss), "rate": _rate(fired, self.task.steps)}
            for k, (loss, fired) in enumerate(zip(result.loss, result.fired, strict=True), 1)
        ]
        final = result.weights
        arrays = {"inputs": final.inputs, "recurrent": final.recurrent, "readout": final.readout}
        return Outcome(tuple(curve), self.task.iterations, None, arrays)


def pattern_lesson(task: PatternTask, cells: Cells, seed: int) -> tuple[Lesson, Weights]:
    """Draw noise, signal and weights.

    Parameters
    ----------
    task : PatternTask
        Sizes.
    cells : Cells
        How many there are.
    seed : int
        Of all that is drawn.
    """
    rng = np.random.default_rng((seed, 3))
    weights = Weights.drawn(rng, task.inputs, cells.count, 1)
    noise = rng.random((task.steps, task.inputs)) < task.rate / 1000
    noise[:2] = False  # at rest; and NEST still waits for the last error of the interval before
    steps, neurons = np.nonzero(noise)
    starts = task.steps * np.arange(task.iterations)
    times = (starts[:, np.newaxis] + steps).reshape(-1)
    signal = _sines(rng, task.steps, task.periods)[:, np.newaxis]
    lesson = Lesson(
        task.steps, task.steps, task.iterations, times, np.tile(neurons, task.iterations),
        task.inputs, Pattern(signal),
    )  # fmt: skip
    return lesson, weights


def _sines(rng: np.random.Generator, steps: int, periods: tuple[int, ...]) -> NDArray[np.float64]:
    """Return a sum of sines of random amplitude and phase that begins at 0 and reaches 1."""
    amplitudes = rng.uniform(0.5, 2.0, len(periods))
    phases = rng.uniform(0, 2 * np.pi, len(periods))
    times = np.arange(steps)[:, np.newaxis]
    signal = (amplitudes * np.sin(2 * np.pi * times / np.array(periods) + phases)).sum(axis=1)
    signal -= signal[0]
    return np.asarray(signal / max(np.abs(signal).max(), 1e-6))


def _rate(fired: NDArray[np.float64], steps: int) -> float:
    """Return the mean firing rate in 1/s."""
    return round(1000 * float(fired.mean()) / steps, 4)
