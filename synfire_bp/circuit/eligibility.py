"""Eligibility traces: a synapse stores the change of its weight until a reward arrives.

The change that a rule would make to a weight is added to a trace of the synapse instead, which
decays.  At the end of a sample the weight changes by the product of the arrived reward and the
trace: reward(t) x eligibility(t) (Izhikevich 2007, Cereb.  Cortex 17:2443; Frémaux & Gerstner 2016,
Front.  Neural Circuits 9:85).  The weight changes in whole steps, and the remainder is kept.

**Decay.**  With a time constant in samples, a trace decays once, after the reward: the
contributions of a sample count equally, whatever their phase.  With one in phases it decays in
every phase.  Nothing reads it before the end of the sample, so a coincidence enters with the
fraction that will be left of it there, exp(-remaining phases / tau), and the whole trace decays by
a sample's phases after the reward.

The copy that holds -W (oT→hT) gets negative errors where the others get positive ones, and vice
versa: its coincidences enter with the factor of the other sign.  Otherwise its trace, and then its
weights, would differ from those of the other copies.

All of this is computed in whole numbers, rounded towards 0, so that a copy with the opposite sign
does the same.  They stay below 2^53, where 64-bit floating point is exact as well.
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
"""Unit of traces and remainders: number of parts of a step of the weight (2 weight units)."""

WHOLE_REWARD = 4096
"""Value of a reward of 1 at a gain of 1."""

GAINS = 16
"""Unit of gains: number of parts of 1."""

LONGEST = 4000
"""Longest time constant of a trace, in samples: what it can collect fits in 32 bits."""

LONGEST_IN_PHASES = 12 * LONGEST
"""The same in phases; no sample takes fewer than these twelve."""

LARGEST_CHANGE = 16
"""Largest change by a rule that a trace can take up, in weight units; for the same reason."""


@dataclass(frozen=True)
class Eligibility:
    """The eligibility trace of every synapse.

    Attributes
    ----------
    tau : float
        Time constant of its decay, in samples; 0: it lasts for its own sample.
    gain : int
        Fraction of reward x trace that the weight takes, in parts of `GAINS`.
    tau_phases : float, optional
        Time constant of a decay in every phase, in phases; it replaces `tau`.

    Raises
    ------
    RuleError
        If the numbers are not valid.

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
        """Return what a sample with this many phases leaves of a trace, in parts of 2^24."""
        if self.tau_phases is not None:
            return round(CERTAIN * math.exp(-n_phases / self.tau_phases))
        return round(CERTAIN * math.exp(-1 / self.tau)) if self.tau else 0

    def left(self, phase: int, n_phases: int = 12) -> int:
        """Return what is left of an addition in a phase when the reward comes, in parts of 2^24."""
        if self.tau_phases is None:
            return CERTAIN
        return round(CERTAIN * math.exp((phase + 1 - n_phases) / self.tau_phases))

    @staticmethod
    def impulse(change: int) -> int:
        """Return the addition to a trace for a change of this many weight units."""
        return change * STEP_PARTS // WEIGHT_STEP

    @staticmethod
    def check(change: int) -> None:
        """Raise RuleError if a change, in weight units, could exceed the range of the trace."""
        if abs(change) > LARGEST_CHANGE:
            raise RuleError(
                f"an eligibility trace accumulates changes of {LARGEST_CHANGE} weight units at "
                f"most; the rule makes a change of {abs(change)}"
            )


def faded(trace: NDArray[np.integer] | int, kept: NDArray[np.integer] | int) -> Any:
    """Return what is left of a trace: `kept` of 2^24, rounded towards 0."""
    return _portion(trace, kept, CERTAIN)


def granted(trace: NDArray[np.integer] | int, reward: NDArray[np.integer] | int) -> Any:
    """Return the product of a reward and a trace, in parts of a step, rounded towards 0."""
    return _portion(trace, reward, WHOLE_REWARD)


def whole_steps(remainder: NDArray[np.integer] | int) -> Any:
    """Return how many whole steps of the weight there are, rounded towards 0."""
    return _portion(remainder, 1, STEP_PARTS)


def _portion(whole: NDArray[np.integer] | int, parts: NDArray[np.integer] | int, of: int) -> Any:
    product = np.asarray(whole, dtype=np.int64) * np.asarray(parts, dtype=np.int64)
    return np.sign(product) * (np.abs(product) // of)
