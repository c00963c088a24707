"""Graded spikes: a spike carries a whole number, and every synapse sends its weight times that.

A neuron that is *graded* says by how much its input exceeds its threshold, in steps, of which it
counts a begun one as whole: so whatever exceeds the threshold at all fires, as in a neuron that is
not graded.  A *signed* one says the same of what lies below, by a negative number.  A spike that
waits in an extra delay carries 1: no queue has to hold numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synfire_bp.errors import CircuitError

__all__ = [
    "LARGEST_HIDDEN",
    "LAST_STEP",
    "ONE",
    "OUTPUT_GRADE",
    "ErrorGrades",
    "Grade",
    "carried",
    "error_grades",
    "steps_of",
]


def steps_of(distance: ArrayLike, step: ArrayLike, most: ArrayLike) -> NDArray[np.integer]:
    """Return the steps that distances have begun, with their sign, `most` at the most."""
    distance = np.asarray(distance)
    return np.sign(distance) * np.minimum(-(-np.abs(distance) // step), most)


def carried(
    above: ArrayLike,
    signing: ArrayLike,
    step: ArrayLike,
    most: ArrayLike,
    signed_step: ArrayLike,
    signed_most: ArrayLike,
) -> NDArray[np.integer]:
    """Return what the spikes of neurons carry; 0: they do not fire.

    Parameters
    ----------
    above : array of int
        By how much their sum exceeds their threshold, in weight units.
    signing : array of int
        Signed pulses that reached them.
    step, most, signed_step, signed_most : arrays of int
        Their grades, without and with a signed pulse.
    """
    plain = np.maximum(steps_of(above, step, most), 0)
    return np.where(np.asarray(signing) > 0, steps_of(above, signed_step, signed_most), plain)


@dataclass(frozen=True)
class Grade:
    """How a distance from the threshold becomes what a spike carries.

    Attributes
    ----------
    step : int
        Weight units that count as one; a power of two.
    most : int
        The largest magnitude.

    Raises
    ------
    CircuitError
        If it is not such a grade.

    Examples
    --------
    >>> grade = Grade(step=64, most=3)
    >>> [grade.of(distance) for distance in (-65, 0, 1, 64, 65, 1000)]
    [-2, 0, 1, 1, 2, 3]
    """

    step: int
    most: int

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.step < 1 or self.step & (self.step - 1):
            raise CircuitError(f"a grade's step is {self.step}; must be a power of two")
        if self.most < 1:
            raise CircuitError(f"a grade's largest number is {self.most}; must be 1 or more")

    @property
    def shift(self) -> int:
        """The step as an exponent of two."""
        return self.step.bit_length() - 1

    def of(self, distance: int) -> int:
        """Return what a spike carries at a distance from the threshold, in weight units."""
        return int(steps_of(distance, self.step, self.most))


ONE = Grade(step=1, most=1)
"""Of a neuron that is not graded: its spike carries 1."""


@dataclass(frozen=True)
class ErrorGrades:
    """How errors are graded: of what the output lacks or has too much of, and of hidden units.

    Attributes
    ----------
    output : Grade
        Of the distance of an output's input from where it would be right.
    hidden : tuple of Grade
        Of each hidden layer, the first one first: of the sum of the graded errors of the layer
        above times the weights on their way back.
    """

    output: Grade
    hidden: tuple[Grade, ...]

    @property
    def most(self) -> int:
        """The largest number that any error is."""
        return max(grade.most for grade in (self.output, *self.hidden))


OUTPUT_GRADE = Grade(256, most=4)
"""Of the distance of an output's input from where it would be right."""

LARGEST_HIDDEN = 15
"""The largest error of a hidden unit."""

LAST_STEP = 64
"""The step of the last hidden layer, in weight units: few outputs are wrong at once."""

_PER_ROOT = 80
"""The step of another hidden layer, in weight units, over the root of the units above it."""


def error_grades(sizes: Sequence[int]) -> ErrorGrades:
    """Return what `errors: {graded: true}` stands for in a network.

    The sum that comes back to a hidden layer from another grows as the root of the number of units
    above, as sums do whose terms have either sign; its step is the largest power of two that is not
    above 80 times that root.

    Parameters
    ----------
    sizes : sequence of int
        Units of the input, every hidden layer, and the output; three or more.

    Returns
    -------
    ErrorGrades
        One grade for each hidden layer.

    Examples
    --------
    >>> [grade.step for grade in error_grades((400, 400, 300, 200, 10)).hidden]
    [1024, 1024, 64]
    """
    above = sizes[2:-1]
    steps = [*(_power_of_two(_PER_ROOT * math.sqrt(n)) for n in above), LAST_STEP]
    return ErrorGrades(OUTPUT_GRADE, tuple(Grade(step, LARGEST_HIDDEN) for step in steps))


def _power_of_two(largest: float) -> int:
    """Return the largest power of two that is not above a number of 1 or more."""
    return 1 << int(math.log2(largest))
