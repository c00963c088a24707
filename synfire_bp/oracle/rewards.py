"""The rewards that multiply eligibility traces at the end of each sample.

A reward measures how good an answer was.  Either the right answer is told, as in the paper: then
the answer is always right, and the reward is only a signal to learn.  Or another answer is tried
instead of the target, drawn at random or believed by the network: then the reward only shows
whether it was right, not which answer would have been.  The reward may come some samples late, be
wrong, be noisy, and be compared with an expected reward.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.eligibility import GAINS, WHOLE_REWARD
from synfire_bp.dice import chances, moments
from synfire_bp.errors import SynfireError

__all__ = [
    "ANSWERS",
    "AVERAGE_PARTS",
    "EXPECTATIONS",
    "EXPLORING",
    "GRADES",
    "MISTAKES",
    "NOISE",
    "RATES",
    "TRIED",
    "Course",
    "Rewards",
]

GRADES = 16
"""Parts in which a reward is counted."""

RATES = 4096
"""Parts in which the rate of a running average is counted."""

TRIED = ("told", "tried", "believed")
"""Which answer is tried: the right one, any one at random, or the one that the network gives."""

EXPECTATIONS = ("run", "answer", "belief")
"""Running averages of the reward: over all samples, one for each answer, or one for answers that a
single output gave and one for all others."""

_UNIT = WHOLE_REWARD // GAINS
"""Unit of rewards before the gain."""

AVERAGE_PARTS = 256
"""Parts of what a reward counts in, in which its average is kept."""

ANSWERS, EXPLORING = "answers tried", "answers explored"
MISTAKES, NOISE = "rewards mistaken", "noise of rewards"
"""Streams of random numbers."""


class Course(NamedTuple):
    """Targets and rewards of a run of n samples.

    Attributes
    ----------
    told : int64 array, shape (n,)
        The right answer of each sample.
    tried : int64 array, shape (n,)
        The answer that the output is led to; where the network's own is tried, it is written here
        when the sample is shown.
    pays : int64 array, shape (n, 2)
        What comes for each sample, if the answer is wrong and if it is right, in parts of
        `synfire_bp.circuit.eligibility.WHOLE_REWARD` before the gain.
    believed : bool
        The network's own answer is tried.
    drawn : int64 array, shape (n,)
        What decides between several answers, of 2^24.
    explores : bool array, shape (n,)
        Any answer may be tried.
    sure : int64 array, shape (n,)
        1 where a single output gave the answer that is tried; written as samples are shown.
    by_answer, by_belief : bool
        Which average is meant: that of the answer that was tried, or of whether it was sure.
    expected : int64 array, shape (0,), (1,), (2,) or (n_out,)
        Running averages of the reward, in `AVERAGE_PARTS` of the same parts; they change as samples
        are shown.
    delay, rate, gain : int
        As of `Rewards`, and in parts of `synfire_bp.circuit.eligibility.GAINS`.
    """

    told: NDArray[np.int64]
    tried: NDArray[np.int64]
    pays: NDArray[np.int64]
    believed: bool
    drawn: NDArray[np.int64]
    explores: NDArray[np.bool_]
    sure: NDArray[np.int64]
    by_answer: bool
    by_belief: bool
    expected: NDArray[np.int64]
    delay: int
    rate: int
    gain: int


@dataclass(frozen=True)
class Rewards:
    """How answers are rewarded.

    Attributes
    ----------
    answer : {"told", "tried", "believed"}
        The right answer is told; or an answer is tried instead of the target: one drawn uniformly,
        or the one that the output gives (a random one of several, or any answer if there is none).
    explore : int
        Probability that a random answer is tried instead of the network's, in parts of 2^24.
    right, wrong : int
        Reward of a right and of a wrong answer, in parts of `GRADES`.
    delay : int
        Samples by which it comes late.
    expected : {None, "run", "answer", "belief"}
        What is subtracted from the reward: nothing, or a running average of it (`EXPECTATIONS`).
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
    >>> from synfire_bp.oracle.answers import all_rewards
    >>> late = Rewards(delay=2).course(np.array([0, 1, 1, 0]), seed=5, n_phases=12, n_out=2)
    >>> late.tried.tolist(), all_rewards(late).tolist()
    ([0, 1, 1, 0], [0, 0, 4096, 4096])
    """

    answer: str = "told"
    explore: int = 0
    right: int = GRADES
    wrong: int = -GRADES
    delay: int = 0
    expected: str | None = None
    rate: int = 41
    mistaken: int = 0
    spread: int = 0

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.answer not in TRIED:
            raise SynfireError(f"answer is '{self.answer}'; must be one of {', '.join(TRIED)}")
        if self.expected not in (None, *EXPECTATIONS):
            raise SynfireError(
                f"expected is '{self.expected}'; must be one of {', '.join(EXPECTATIONS)}, or None"
            )
        if self.expected == "answer" and self.answer == "told":
            raise SynfireError("an average for each answer needs answers that are tried")
        if self.expected == "belief" and self.answer != "believed":
            raise SynfireError("an average for what is believed needs answers that are believed")
        if self.delay < 0:
            raise SynfireError(f"delay is {self.delay} samples; must be 0 or more")

    def first_expected(self, n_out: int) -> NDArray[np.int64]:
        """Return what averages start from, as they are kept: as many as there are."""
        n = {None: 0, "run": 1, "answer": n_out, "belief": 2}[self.expected]
        n_wrong = 0 if self.answer == "told" else n_out - 1
        total = (self.right + n_wrong * self.wrong) * _UNIT // GRADES * AVERAGE_PARTS
        return np.full(n, total // (n_wrong + 1), dtype=np.int64)

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
        drawn = chances(-3, moments(seed, ANSWERS) + begins)
        blind = (drawn // 1024 * n_out // 16384).astype(np.int64)
        return Course(
            told=told,
            tried=told if self.answer == "told" else blind,
            pays=self._pays(seed, begins),
            believed=self.answer == "believed",
            drawn=drawn,
            explores=chances(-6, moments(seed, EXPLORING) + begins) < self.explore,
            sure=np.zeros(len(told), dtype=np.int64),
            by_answer=self.expected == "answer",
            by_belief=self.expected == "belief",
            expected=self.first_expected(n_out),
            delay=self.delay,
            rate=self.rate,
            gain=gain,
        )

    def _pays(self, seed: int, begins: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what a wrong and a right answer bring, for each sample."""
        mistakes = chances(-4, moments(seed, MISTAKES) + begins) < self.mistaken
        graded = np.empty((len(begins), 2), dtype=np.int64)
        for right in (0, 1):
            graded[:, right] = np.where(mistakes == bool(right), self.wrong, self.right)
        if self.spread:
            noise = chances(-5, moments(seed, NOISE) + begins)
            graded += (noise * (2 * self.spread + 1) // 2**24 - self.spread)[:, np.newaxis]
        return graded * (_UNIT // GRADES)
