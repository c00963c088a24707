"""Eligibility: a synapse remembers what it was about to learn, until a reward comes.

What a rule would add to a weight is added to a trace of the synapse instead, which decays.  At the
end of a sample the reward that has arrived multiplies the trace, and that is what the weight
changes by: reward(t) x eligibility(t) (Izhikevich 2007, Cereb. Cortex 17:2443; Frémaux & Gerstner
2016, Front. Neural Circuits 9:85).  The weight follows in whole steps, and what is less than a step
remains.

**Decay.**  With a time constant in samples, a trace decays once, after the reward: what a sample
adds counts alike, in whichever phase it came.  With one in phases it decays in every phase.
Nothing reads it before the end of the sample, so a coincidence enters with what will be left of it
there, exp(-phases to come / tau), and the whole trace decays by a sample's phases after the reward.

The copy that holds -W (oT→hT) sees negative errors where the others see positive ones, and the
other way round: its coincidences enter with what is left of those of the other sign, or its trace,
and then its weights, would part from those of the other copies.

All of it counts in whole numbers, rounded towards 0, so that a copy with a minus sign does the
same.  They stay below 2^53, where floating point of 64 bits is as exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.accumulator import WEIGHT_STEP
from synfire_bp.dice import CERTAIN
from synfire_bp.errors import RuleError

__all__ = [
    "GAINS",
    "LARGEST_CHANGE",
    "LONGEST",
    "LONGEST_IN_PHASES",
    "STEP_PARTS",
    "WHOLE_REWARD",
    "Eligibility",
    "faded",
    "granted",
    "whole_steps",
]

STEP_PARTS = 4096
"""Parts of a step of the weight, 2 weight units, that a trace and a remainder count in."""

WHOLE_REWARD = 4096
"""What a reward of 1 at a gain of 1 counts in."""

GAINS = 16
"""Parts that a gain counts in."""

LONGEST = 4000
"""Longest time constant of a trace, in samples: what it can collect fits in 32 bits."""

LONGEST_IN_PHASES = 12 * LONGEST
"""The same in phases; no sample takes fewer than these twelve."""

LARGEST_CHANGE = 16
"""Largest change by a rule that a trace takes up, in weight units; for the same reason."""


@dataclass(frozen=True)
class Eligibility:
    """The eligibility trace of every synapse.

    Attributes
    ----------
    tau : float
        Time constant of its decay, in samples; 0: it lasts for its own sample.
    gain : int
        What share of reward x trace the weight takes, in parts of `GAINS`.
    tau_phases : float, optional
        Time constant of a decay in every phase, in phases; it takes the place of `tau`.

    Raises
    ------
    RuleError
        If it is not such a trace.

    Examples
    --------
    >>> Eligibility(tau=2.0).kept() / 2**24  # exp(-1/2)
    0.6065306663513184
    >>> Eligibility(tau=0.0).kept()
    0
    >>> Eligibility(tau_phases=24.0).left(phase=5) / 2**24  # exp(-6/24): six phases come after it
    0.7788007855415344
    """

    tau: float = 0.0
    gain: int = GAINS
    tau_phases: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 <= self.tau <= LONGEST:
            raise RuleError(f"tau is {self.tau} samples; must be 0 ... {LONGEST}")
        if not 1 <= self.gain <= GAINS:
            raise RuleError(f"gain is {self.gain} parts; must be 1 ... {GAINS}, of {GAINS}")
        if self.tau_phases is None:
            return
        if self.tau:
            raise RuleError("tau and tau_phases are two time constants of one trace; give one")
        if not 0 < self.tau_phases <= LONGEST_IN_PHASES:
            raise RuleError(
                f"tau_phases is {self.tau_phases} phases; must be above 0, and {LONGEST_IN_PHASES} "
                "at most"
            )

    @property
    def bare(self) -> Eligibility:
        """A trace for which the same code is generated."""
        return Eligibility(tau_phases=1.0 if self.in_phases else None)

    @property
    def in_phases(self) -> bool:
        """Whether a trace decays in every phase."""
        return self.tau_phases is not None

    def kept(self, n_phases: int = 12) -> int:
        """Return what a sample of so many phases leaves of a trace, of 2^24."""
        if self.tau_phases is not None:
            return round(CERTAIN * math.exp(-n_phases / self.tau_phases))
        return round(CERTAIN * math.exp(-1 / self.tau)) if self.tau else 0

    def left(self, phase: int, n_phases: int = 12) -> int:
        """Return what is left, when the reward comes, of what was added in a phase, of 2^24."""
        if self.tau_phases is None:
            return CERTAIN
        return round(CERTAIN * math.exp((phase + 1 - n_phases) / self.tau_phases))

    @staticmethod
    def impulse(change: int) -> int:
        """Return what a change of so many weight units adds to a trace."""
        return change * STEP_PARTS // WEIGHT_STEP

    @staticmethod
    def check(change: int) -> None:
        """Raise RuleError if a change of so many weight units could outgrow the trace."""
        if abs(change) > LARGEST_CHANGE:
            raise RuleError(
                f"an eligibility trace accumulates changes of {LARGEST_CHANGE} weight units at "
                f"most; the rule makes a change of {abs(change)}"
            )


def faded(trace: NDArray[np.integer] | int, kept: NDArray[np.integer] | int) -> Any:
    """Return what is left of a trace: `kept` of 2^24, rounded towards 0."""
    return _portion(trace, kept, CERTAIN)


def granted(trace: NDArray[np.integer] | int, reward: NDArray[np.integer] | int) -> Any:
    """Return what a reward makes of a trace, in parts of a step, rounded towards 0."""
    return _portion(trace, reward, WHOLE_REWARD)


def whole_steps(remainder: NDArray[np.integer] | int) -> Any:
    """Return how many whole steps of the weight there are, rounded towards 0."""
    return _portion(remainder, 1, STEP_PARTS)


def _portion(whole: NDArray[np.integer] | int, parts: NDArray[np.integer] | int, of: int) -> Any:
    product = np.asarray(whole, dtype=np.int64) * np.asarray(parts, dtype=np.int64)
    return np.sign(product) * (np.abs(product) // of)
