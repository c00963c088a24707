"""Fine accumulators: a synapse collects fractions of a step, and its weight follows in whole ones.

What a rule would add to a weight is added to the synapse's tag instead, as a fraction that a
schedule makes smaller from epoch to epoch.  As soon as the tag holds a whole step, the weight takes
it, and the remainder stays in the tag.
"""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.errors import RuleError

__all__ = ["PARTS", "WEIGHT_STEP", "Accumulator"]

PARTS = 32
"""Parts of a step of the weight that a tag counts in."""

WEIGHT_STEP = 2
"""A step of the weight, in weight units: mixed-sign weights are even."""


@dataclass(frozen=True)
class Accumulator:
    """What a tag collects, epoch by epoch.

    Attributes
    ----------
    shares : tuple of int
        How much of what the rule says is collected, one after the other: so many `PARTS` of it.
    epochs : int
        For how many epochs each; the last one stays.

    Raises
    ------
    RuleError
        If it is not such a schedule.

    Examples
    --------
    >>> halved = Accumulator((PARTS, PARTS // 2), epochs=6)
    >>> halved.gain(5, 4), halved.gain(6, 4)  # of a change of 4: two steps, and one
    (64, 32)
    """

    shares: tuple[int, ...] = (PARTS,)
    epochs: int = 1

    def __post_init__(self) -> None:
        """Check the schedule."""
        if not self.shares or not all(1 <= share <= PARTS for share in self.shares):
            raise RuleError(
                f"shares of what a rule says are {self.shares}; must be one or more, each 1 ... "
                f"{PARTS} parts of {PARTS}"
            )
        if self.epochs < 1:
            raise RuleError(f"each share is collected for {self.epochs} epochs; must be 1 or more")

    def share(self, epoch: int) -> int:
        """Return how many `PARTS` of what the rule says are collected in an epoch."""
        return self.shares[min(epoch // self.epochs, len(self.shares) - 1)]

    def gain(self, epoch: int, change: int) -> int:
        """Return what a change of the weight, in weight units, adds to the tag in an epoch."""
        return change * self.share(epoch) // WEIGHT_STEP

    def check(self, change: int) -> None:
        """Raise RuleError if a change of so many weight units could outgrow the tag."""
        largest = abs(change) * max(self.shares) // WEIGHT_STEP + PARTS - 1
        if largest > LARGEST_TAG:
            most = (LARGEST_TAG - PARTS + 1) // PARTS * WEIGHT_STEP
            raise RuleError(
                f"a change of {abs(change)} would take the tag to {largest} of {LARGEST_TAG} parts "
                f"(a step of {WEIGHT_STEP} has {PARTS}); the rule may change a weight by {most} at "
                "most, or more where the fractions are smaller"
            )
