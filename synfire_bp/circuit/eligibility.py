"""Eligibility: a synapse remembers what it was about to learn, until a reward comes.

What a rule would add to a weight is added to a trace of the synapse instead, which decays from
sample to sample.  At the end of a sample the reward that has arrived multiplies the trace, and that
is what the weight changes by: reward(t) x eligibility(t) (Izhikevich 2007, Cereb. Cortex 17:2443;
Frémaux & Gerstner 2016, Front. Neural Circuits 9:85).  The weight follows in whole steps, and what
is less than a step remains.

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

__all__ = ["GAINS", "LARGEST_CHANGE", "LONGEST", "STEP_PARTS", "WHOLE_REWARD", "Eligibility",
           "faded", "granted", "whole_steps"]  # fmt: skip

STEP_PARTS = 4096
"""Parts of a step of the weight, 2 weight units, that a trace and a remainder count in."""

WHOLE_REWARD = 4096
"""What a reward of 1 at a gain of 1 counts in."""

GAINS = 16
"""Parts that a gain counts in."""

LONGEST = 4000
"""Longest time constant of a trace, in samples: what it can collect fits in 32 bits."""

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

    Raises
    ------
    RuleError
        If it is not such a trace.

    Examples
    --------
    >>> Eligibility(tau=2.0).kept / 2**24  # exp(-1/2)
    0.6065306663513184
    >>> Eligibility(tau=0.0).kept
    0
    """

    tau: float = 0.0
    gain: int = GAINS

    def __post_init__(self) -> None:
        """Check the numbers."""
        if not 0 <= self.tau <= LONGEST:
            raise RuleError(f"tau is {self.tau} samples; must be 0 ... {LONGEST}")
        if not 1 <= self.gain <= GAINS:
            raise RuleError(f"gain is {self.gain} parts; must be 1 ... {GAINS}, of {GAINS}")

    @property
    def kept(self) -> int:
        """What a sample leaves of a trace, of 2^24."""
        return round(CERTAIN * math.exp(-1 / self.tau)) if self.tau else 0

    @staticmethod
    def impulse(change: int) -> int:
        """Return what a change of so many weight units adds to a trace."""
        return change * STEP_PARTS // WEIGHT_STEP

    @staticmethod
    def check(change: int) -> None:
        """Raise RuleError if a change of so many weight units could outgrow the trace."""
        if abs(change) > LARGEST_CHANGE:
            raise RuleError(
                f"an eligibility trace takes up changes of {LARGEST_CHANGE} weight units at most; "
                f"the rule makes one of {abs(change)}"
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
