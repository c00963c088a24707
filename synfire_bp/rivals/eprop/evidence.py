"""E-prop weighs evidence: on which side more cues came (Bellec et al. 2020, Fig. 4).

Seven cues come one after the other, each on the left or on the right; after a second of noise the
network is asked for the side with more of them.  The memory for that is in thresholds that adapt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, PositiveInt, Rival, rival
from synfire_bp.rivals.eprop.lesson import Answer, Lesson, Weights
from synfire_bp.rivals.eprop.sections import Cells, Learning, Readout
from synfire_bp.section import Section

__all__ = ["EpropEvidence", "EvidenceTask", "evidence_lesson"]

_SIDES, _GROUPS = 2, 4  # left, right; with the question and the background noise


class EvidenceTask(Section):
    """The cues, and how often they come."""

    inputs: int = Field(
        default=40, ge=4, le=10_000, multiple_of=4,
        description="Neurons: a quarter each for the left, the right, the question and the noise.",
    )  # fmt: skip
    rate: float = Field(
        default=40.0, gt=0, le=1000, description="Of a group that is active, 1/s; noise a quarter."
    )
    cues: int = Field(default=7, ge=1, le=99, description="Cues in an interval; odd.")
    cue: int = Field(default=100, ge=1, le=10_000, description="Of a cue, ms.")
    pause: int = Field(default=50, ge=1, le=10_000, description="Before each cue, ms.")
    delay: int = Field(default=1050, ge=0, le=100_000, description="Between cues and question, ms.")
    question: int = Field(default=150, ge=1, le=10_000, description="Of the question, ms.")
    likely: float = Field(
        default=0.7, ge=0.5, le=1, description="Probability that a cue comes on the likelier side."
    )
    iterations: PositiveInt = Field(default=20, le=100_000, description="Updates.")

    @property
    def steps(self) -> int:
        """Of an interval, ms."""
        return self.cues * (self.cue + self.pause) + self.delay + self.question


@rival("eprop_evidence")
class EpropEvidence(Rival):
    """E-prop, evidence accumulation."""

    summary = "E-prop weighs evidence (Bellec et al. 2020, Fig. 4)."

    task: EvidenceTask = EvidenceTask()
    cells: Cells
    readout: Readout
    learning: Learning

    def run(self, progress: WorkProgress) -> Outcome:
        """Train; the curve is the loss, and the share of right answers, of each iteration."""
        from synfire_bp.rivals.eprop.network import Setup
        from synfire_bp.rivals.eprop.simulation import simulate

        batch, n = self.learning.batch, self.task.iterations
        lesson, weights = evidence_lesson(self.task, self.cells, n * batch, self.seed)
        assert isinstance(lesson.wanted, Answer)
        progress.begin(f"{self.name}: intervals", lesson.intervals)
        result = simulate(Setup(self.cells, self.readout, self.learning, lesson, weights))
        progress.reached(lesson.intervals)
        right = result.said.argmax(axis=1) == lesson.wanted.labels
        rates = 1000 * result.fired.mean(axis=1) / lesson.steps
        curve: list[Mapping[str, Any]] = [
            {
                "iteration": k + 1,
                "loss": float(result.loss[part].mean() / lesson.window),
                "percent": round(100 * float(right[part].mean()), 4),
                "rate": round(float(rates[part].mean()), 4),
            }
            for k in range(n)
            for part in (slice(k * batch, (k + 1) * batch),)
        ]
        final = result.weights
        arrays = {"inputs": final.inputs, "recurrent": final.recurrent, "readout": final.readout}
        return Outcome(tuple(curve), lesson.intervals, None, arrays)


def evidence_lesson(
    task: EvidenceTask, cells: Cells, intervals: int, seed: int
) -> tuple[Lesson, Weights]:
    """Draw cues, input spikes and weights.

    Parameters
    ----------
    task : EvidenceTask
        Sizes and times.
    cells : Cells
        How many there are.
    intervals : int
        How often the question is asked.
    seed : int
        Of all that is drawn.
    """
    rng = np.random.default_rng((seed, 4))
    weights = Weights.drawn(rng, task.inputs, cells.count, _SIDES)
    likelier = rng.integers(_SIDES, size=intervals)
    agrees = rng.random((intervals, task.cues)) < task.likely
    sides = np.where(agrees, likelier[:, np.newaxis], 1 - likelier[:, np.newaxis])
    found = [_spikes(rng, task, one) for one in sides]
    counts = [len(steps) for steps, _ in found]
    starts = np.repeat(task.steps * np.arange(intervals), counts)
    lesson = Lesson(
        task.steps, task.question, intervals,
        starts + np.concatenate([steps for steps, _ in found]),
        np.concatenate([neurons for _, neurons in found]),
        task.inputs, Answer((2 * sides.sum(axis=1) > task.cues).astype(np.int64), _SIDES),
    )  # fmt: skip
    return lesson, weights


def _spikes(
    rng: np.random.Generator, task: EvidenceTask, sides: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw the input spikes of an interval: steps and neurons."""
    group = task.inputs // _GROUPS
    chance = np.zeros((task.steps, _GROUPS))
    for k, side in enumerate(sides):
        start = k * (task.cue + task.pause) + task.pause
        chance[start : start + task.cue, side] = task.rate / 1000
    chance[-task.question :, _SIDES] = task.rate / 1000
    chance[:, _SIDES + 1] = task.rate / 4000
    on = rng.random((task.steps, task.inputs)) < np.repeat(chance, group, axis=1)
    on[:2] = False  # at rest; and NEST still waits for the last error of the interval before
    return np.nonzero(on)  # type: ignore[return-value]
