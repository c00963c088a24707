"""Fine accumulators: a synapse collects fractions of a weight step, and its weight follows.

The change that a rule would make to a weight is added to the synapse's tag instead, scaled by a
fraction that a schedule decreases from epoch to epoch.  Two kinds of engine can transfer it to the
weight:

- one that can be programmed: as soon as the tag holds a whole step, the weight takes it, and the
  remainder stays in the tag;
- one that adds up products, as Loihi 1's: every so many phases the weight takes all that the tag
  holds, rounded at random, and the tag starts from 0.  That is a rule of the language
  (`synfire_bp.circuit.rule`), ``dw = 2^-5*u6*r1*t``: a reward in phase 0, in which no spikes meet,
  and the flag u_k coincide in the phase 0 of every so many samples, and nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from synfire_bp.circuit.products import LONGEST_PERIOD
from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.errors import RuleError

__all__ = ["PARTS", "WEIGHT_STEP", "Accumulator"]

PARTS = 32
"""Unit of tags: number of parts of a step of the weight."""

WEIGHT_STEP = 2
"""A step of the weight, in weight units: mixed-sign weights are even."""

_SHORTEST, _LONGEST = 2**4, 2**LONGEST_PERIOD
"""Fewest and most phases between two flags at which a weight takes the content of its tag."""


@dataclass(frozen=True)
class Accumulator:
    """Schedule of what a tag collects, epoch by epoch.

    Attributes
    ----------
    shares : tuple of int
        Fractions of the rule's change that are collected, one after the other, in parts of `PARTS`.
    epochs : int
        Number of epochs of each share; the last share is kept.
    every : int or None
        Phases between two flags u_k, a power of two, if the whole content of a tag is taken at
        once.  None: whole steps are taken as soon as the tag holds them.

    Raises
    ------
    RuleError
        If the schedule is not valid.

    Examples
    --------
    >>> halved = Accumulator((PARTS, PARTS // 2), epochs=6)
    >>> halved.gain(5, 4), halved.gain(6, 4)  # of a change of 4: two steps, and one
    (64, 32)
    """

    shares: tuple[int, ...] = (PARTS,)
    epochs: int = 1
    every: int | None = None

    def __post_init__(self) -> None:
        """Check the schedule."""
        if not self.shares or not all(1 <= share <= PARTS for share in self.shares):
            raise RuleError(
                f"the shares of the rule's change are {self.shares}; give one or more, each 1 ... "
                f"{PARTS} parts of {PARTS}"
            )
        if self.epochs < 1:
            raise RuleError(f"each share is collected for {self.epochs} epochs; must be 1 or more")
        every = self.every
        if every is not None and (every & (every - 1) or not _SHORTEST <= every <= _LONGEST):
            raise RuleError(
                f"tags are transferred to the weights every {every} phases; must be a power of "
                f"two, {_SHORTEST} ... {_LONGEST}"
            )

    def share(self, epoch: int) -> int:
        """Return the share of the rule's change that is collected in an epoch, of `PARTS`."""
        return self.shares[min(epoch // self.epochs, len(self.shares) - 1)]

    @property
    def turns(self) -> range:
        """The epochs from which each of the shares is collected."""
        return range(0, len(self.shares) * self.epochs, self.epochs)

    def gain(self, epoch: int, change: int) -> int:
        """Return the addition to the tag in an epoch for a change of the weight in weight units.

        A tag counts in parts of a step of the weight; of a weight unit, if all is taken at once.
        """
        return change * self.share(epoch) * self.per_step // (WEIGHT_STEP * PARTS)

    @property
    def per_step(self) -> int:
        """Content of a tag that corresponds to a step of the weight."""
        return PARTS if self.every is None else WEIGHT_STEP * PARTS

    def taken(self, rule: str) -> tuple[str, str]:
        """Return the rules for weight and tag, given the sum of products that the tag collects.

        Raises
        ------
        TypeError
            If whole steps are taken as they come: no sum of products does that.
        """
        flag = f"u{self.period.bit_length() - 1}*r1*t"
        return f"dw = 2^-{PARTS.bit_length() - 1}*{flag}", f"dt = {rule} - {flag}"

    @property
    def period(self) -> int:
        """Phases between two flags; TypeError where whole steps are taken as they come."""
        if self.every is None:
            raise TypeError("whole steps are taken as they come, without a flag")
        return self.every

    def samples(self, n_phases: int) -> int:
        """Return the number of samples between two transfers of the tag (each in a phase 0)."""
        return self.period // math.gcd(self.period, n_phases)

    def met(self, reward_phases: Collection[int], n_phases: int) -> tuple[int, ...]:
        """Return the phases in which flag and reward coincide, in one sample or another."""
        apart = math.gcd(self.period, n_phases)
        return tuple(phase for phase in sorted(reward_phases) if phase % apart == 0)

    def check(self, change: int) -> None:
        """Raise RuleError if a change, in weight units, could exceed the range of the tag."""
        remainder = PARTS - 1 if self.every is None else 0
        largest = max(abs(self.gain(epoch, change)) for epoch in self.turns) + remainder
        if largest > LARGEST_TAG:
            most = (LARGEST_TAG - remainder) // self.per_step * WEIGHT_STEP
            raise RuleError(
                f"a change of {abs(change)} would take the tag to {largest} of {LARGEST_TAG} parts "
                f"(a step of {WEIGHT_STEP} has {self.per_step}); the rule may change a weight by "
                f"{most} at most, or more where the fractions are smaller"
            )
