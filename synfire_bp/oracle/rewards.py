"""Which reward comes when: what multiplies eligibility traces at the end of each sample.

A reward tells how good an answer was.  Either the answer is told, as in the paper: then it is right
for ever, and the reward is but a signal to learn.  Or an answer is tried, drawn at random in the
place of the target: then the reward says only if it was right, and nobody says what would have
been.  The reward may come samples late, be wrong, be noisy, and be held against what was expected.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.eligibility import GAINS, WHOLE_REWARD
from synfire_bp.dice import chances, moments
from synfire_bp.errors import SynfireError

__all__ = [
    "ANSWERS",
    "AVERAGE_PARTS",
    "EXPECTATIONS",
    "GRADES",
    "MISTAKES",
    "NOISE",
    "RATES",
    "Course",
    "Rewards",
]

GRADES = 16
"""Parts in which a reward is counted."""

RATES = 4096
"""Parts in which the rate of a running average is counted."""

EXPECTATIONS = ("run", "answer")
"""Running averages of the reward: over all samples, or one for each answer."""

_UNIT = WHOLE_REWARD // GAINS
"""What a reward counts in before the gain."""

AVERAGE_PARTS = 256
"""Parts of what a reward counts in, in which its average is kept."""

ANSWERS, MISTAKES, NOISE = "answers tried", "rewards mistaken", "noise of rewards"
"""The streams of dice."""


@dataclass(frozen=True)
class Course:
    """What a run of samples is taught, and what rewards it.

    Attributes
    ----------
    tried : int64 array, shape (n,)
        The answer that the output is led to in each sample.
    reward : int64 array, shape (n,)
        What multiplies the traces at the end of each sample, in parts of
        `synfire_bp.circuit.eligibility.WHOLE_REWARD`, gain included.
    """

    tried: NDArray[np.int64]
    reward: NDArray[np.int64]


@dataclass(frozen=True)
class Rewards:
    """How answers are rewarded.

    Attributes
    ----------
    tried : bool
        An answer is tried, uniformly drawn, in the place of the target; if not, it is told.
    right, wrong : int
        Reward of a right and of a wrong answer, in parts of `GRADES`.
    delay : int
        Samples by which it comes late.
    expected : {None, "run", "answer"}
        What is taken away from the reward: nothing, or a running average of it (`EXPECTATIONS`).
        It starts from the mean over answers drawn at random.
    rate : int
        What part of a new reward the average takes up, in parts of `RATES`.
    mistaken : int
        Probability that right is taken for wrong and the other way round, of 2^24.
    spread : int
        Largest deviation of the reward, uniform, in parts of `GRADES`.

    Raises
    ------
    SynfireError
        If it contradicts itself.

    Examples
    --------
    >>> import numpy as np
    >>> late = Rewards(delay=2).course(np.array([0, 1, 1, 0]), seed=5, n_phases=12, n_out=2)
    >>> late.tried.tolist(), late.reward.tolist()
    ([0, 1, 1, 0], [0, 0, 4096, 4096])
    """

    tried: bool = False
    right: int = GRADES
    wrong: int = -GRADES
    delay: int = 0
    expected: str | None = None
    rate: int = 41
    mistaken: int = 0
    spread: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.expected not in (None, *EXPECTATIONS):
            raise SynfireError(
                f"expected is '{self.expected}'; must be one of {', '.join(EXPECTATIONS)}, or None"
            )
        if self.expected == "answer" and not self.tried:
            raise SynfireError("an average for each answer needs answers that are tried")
        if self.delay < 0:
            raise SynfireError(f"delay is {self.delay} samples; must be 0 or more")

    def first_expected(self, n_out: int) -> int:
        """Return what an average starts from, as it is kept."""
        if not self.tried:
            return self.right * _UNIT // GRADES * AVERAGE_PARTS
        return (self.right + (n_out - 1) * self.wrong) * _UNIT // GRADES * AVERAGE_PARTS // n_out

    def course(
        self, labels: NDArray[np.integer], seed: int, n_phases: int, n_out: int, gain: int = GAINS
    ) -> Course:
        """Return what samples are taught and what rewards them, from silence on.

        Parameters
        ----------
        labels : integer array, shape (n,)
            Of the samples in the order in which they are shown.
        seed : int
            Of what is drawn at random, in the time step before the first sample.
        n_phases : int
            Phases of a sample.
        n_out : int
            Number of answers.
        gain : int
            In parts of `synfire_bp.circuit.eligibility.GAINS`.
        """
        told: NDArray[np.int64] = np.asarray(labels, dtype=np.int64)
        begins = 1 + n_phases * np.arange(len(told), dtype=np.int64)
        tried = told
        if self.tried:
            drawn = chances(-3, moments(seed, ANSWERS) + begins)
            tried = (drawn // 1024 * n_out // 16384).astype(np.int64)
        about = slice(0, max(len(told) - self.delay, 0))  # samples whose reward comes
        mistakes = chances(-4, moments(seed, MISTAKES) + begins[about]) < self.mistaken
        good = (tried[about] == told[about]) != mistakes
        graded = np.where(good, self.right, self.wrong)
        if self.spread:
            drawn = chances(-5, moments(seed, NOISE) + begins[about])
            graded = graded + drawn * (2 * self.spread + 1) // 2**24 - self.spread
        come: NDArray[np.int64] = graded.astype(np.int64) * (_UNIT // GRADES)
        if self.expected is not None:
            which = tried[about] if self.expected == "answer" else 0 * tried[about]
            come = self._surprises(come, which, n_out)
        reward = np.zeros(len(told), dtype=np.int64)
        reward[self.delay :] = come * gain
        return Course(tried, reward)

    def _surprises(
        self, come: NDArray[np.int64], which: NDArray[np.int64], n_out: int
    ) -> NDArray[np.int64]:
        """Return rewards less what was expected, which follows them."""
        expected = [self.first_expected(n_out)] * n_out
        surprises = np.empty_like(come)
        for k, (reward, answer) in enumerate(zip(come.tolist(), which.tolist(), strict=True)):
            surprises[k] = reward - expected[answer] // AVERAGE_PARTS
            expected[answer] += (reward * AVERAGE_PARTS - expected[answer]) * self.rate // RATES
        return surprises
