"""How a number of ours stands to the paper's: within tolerance, better, worse, not comparable."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

__all__ = [
    "BETTER",
    "NOT_COMPARABLE",
    "TOLERANCES",
    "VERDICTS",
    "WITHIN",
    "WORSE",
    "Verdict",
    "accuracy_tolerance",
    "judge",
    "not_comparable",
]

WITHIN = "within tolerance"
BETTER = "better"
WORSE = "worse"
NOT_COMPARABLE = "not comparable"
VERDICTS = (WITHIN, BETTER, WORSE, NOT_COMPARABLE)

TOLERANCES = (
    "Accuracy: two standard errors of the paper's accuracy on the test images, "
    "2 √(p (1 − p) / n); ± 0.38 points for 96.3 % and ± 0.31 for 97.5 % of 10,000 images.",
    "Settings of the protocol (sizes, steps, epochs): none, they must be equal. More runs than "
    "the paper's count as better.",
    "Energy and time: none is stated, since what we model or simulate is not what was measured on "
    "the chip; the ratio is given instead.",
)
"""The tolerances, in words."""


@dataclass(frozen=True)
class Verdict:
    """A verdict, the tolerance that it was given with (None: none), and why."""

    word: str
    tolerance: float | None = None
    why: str = ""


def judge(ours: float, paper: float, tolerance: float, *, why: str = "") -> Verdict:
    """Compare a number of which more is better.

    Parameters
    ----------
    ours, paper : float
        The numbers, in one unit.
    tolerance : float
        Largest difference that counts as equal, in the same unit.
    why : str
        What else must be said.
    """
    difference = ours - paper
    if abs(difference) <= tolerance + 1e-9:  # 0.1 + 0.2 is more than 0.3
        return Verdict(WITHIN, tolerance, why)
    return Verdict(BETTER if difference > 0 else WORSE, tolerance, why)


def not_comparable(why: str) -> Verdict:
    """Return the verdict that two numbers cannot be held against each other, and why."""
    return Verdict(NOT_COMPARABLE, None, why)


def accuracy_tolerance(percent: float, images: int) -> float:
    """Return two standard errors of an accuracy measured on so many images, in points."""
    p = percent / 100
    return 200 * sqrt(p * (1 - p) / images)
