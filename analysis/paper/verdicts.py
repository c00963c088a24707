"""How a number of ours stands to the paper's: within tolerance, better, worse, not comparable."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

__all__ = [
    "ABOUT",
    "BETTER",
    "NOT_COMPARABLE",
    "TOLERANCES",
    "VERDICTS",
    "WITHIN",
    "WORSE",
    "Verdict",
    "accuracy_tolerance",
    "judge",
    "judge_range",
    "not_comparable",
]

WITHIN = "within tolerance"
BETTER = "better"
WORSE = "worse"
NOT_COMPARABLE = "not comparable"
VERDICTS = (WITHIN, BETTER, WORSE, NOT_COMPARABLE)

TOLERANCES = (
    "Accuracy on MNIST: like is set beside like, the mean of runs at the last epoch beside the "
    "paper's mean, the best of three runs in any half epoch beside its best of three. Within "
    "tolerance: the paper's number lies, to its last digit, in the range that holds 95 % of all "
    "triples of our seeds.",
    "Accuracy on MNIST of 10 × 10 pixels: 1 point, since the authors' code says 'around 90 %'.",
    "Accuracy on Fashion-MNIST: two standard errors of the authors' accuracy on the test images, "
    "2 √(p (1 − p) / n).",
    "Settings of the protocol (sizes, steps, epochs): none, they must be equal. More runs than "
    "the paper's count as better.",
    "Energy and time: none is stated, since what we model or simulate is not what was measured on "
    "the chip; the ratio is given instead.",
)
"""The tolerances, in words."""


ROUNDED = 0.05 + 1e-9
"""Half of the last digit that the paper prints of an accuracy, in points."""
ABOUT = 1.0
"""Tolerance of a number that is said to be around something, in points."""


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


def judge_range(ours: float, low: float, high: float, paper: float, *, why: str = "") -> Verdict:
    """Ask whether a number of the paper lies in the range of ours; more is better.

    Parameters
    ----------
    ours, low, high : float
        Ours, and its range.
    paper : float
        The paper's, rounded to one digit after the point.
    why : str
        What else must be said.
    """
    if low - ROUNDED <= paper <= high + ROUNDED:
        return Verdict(WITHIN, None, why)
    return Verdict(BETTER if ours > paper else WORSE, None, why)


def not_comparable(why: str) -> Verdict:
    """Return the verdict that two numbers cannot be held against each other, and why."""
    return Verdict(NOT_COMPARABLE, None, why)


def accuracy_tolerance(percent: float, images: int) -> float:
    """Return two standard errors of an accuracy measured on so many images, in points."""
    p = percent / 100
    return 200 * sqrt(p * (1 - p) / images)
