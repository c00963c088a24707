"""Random whole numbers for Brian2 code, the same on any machine.

The dice are those of `synfire_bp.dice`, in C++ beside NumPy.
"""

from __future__ import annotations

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from synfire_bp import dice
from synfire_bp.cpp import add_cpp, once
from synfire_bp.dice import CERTAIN

__all__ = [
    "CERTAIN", "IN_STEPS", "certain", "chance", "faded", "in_portions", "in_steps", "normal",
    "whole",
]  # fmt: skip

certain = CERTAIN
"""By the name that lines call it by."""


_MIXED = once("""
    static inline uint32_t mixed(int32_t number, int64_t moment)
    {
        uint32_t bits = uint32_t(number) * 2654435761u ^ uint32_t(moment) * 2246822519u;
        bits = (bits ^ (bits >> 16)) * 0x7FEB352Du;
        bits = (bits ^ (bits >> 15)) * 0x846CA68Bu;
        return bits ^ (bits >> 16);
    }
""")

_CHANCE = once("""
    static inline int32_t chance(int32_t number, int64_t moment)
    {
        return int32_t(mixed(number, moment) >> 8);
    }
""")

_IN_STEPS = once("""
    static inline int32_t in_steps(int32_t change, int32_t coarse, int32_t number, int64_t moment)
    {
        const int32_t size = change < 0 ? -change : change;
        const int32_t rest = size & (coarse - 1);
        const int32_t drawn = int32_t(mixed(number, moment) & uint32_t(coarse - 1));
        const int32_t whole = size - rest + (drawn < rest ? coarse : 0);
        return change < 0 ? -whole : whole;
    }
""")

_IN_PORTIONS = once("""
    static inline int32_t in_portions(
        int32_t amount, int32_t portion, int32_t number, int64_t moment)
    {
        const int32_t drawn = int32_t(int64_t(mixed(number, moment) >> 8) * portion >> 24);
        const int32_t whole = ((amount < 0 ? -amount : amount) + drawn) / portion;
        return amount < 0 ? -whole : whole;
    }
""")

_FADED = once("""
    static inline int32_t faded(int32_t x, int32_t kept, int32_t number, int64_t moment)
    {
        return int32_t((int64_t(x) * kept + (mixed(number, moment) >> 8)) >> 24);
    }
""")

_NORMAL = once("""
    static inline double normal(int32_t number, int64_t moment)
    {
        const uint32_t bits = mixed(number, moment);
        const int32_t sum = int32_t((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255))
                            + int32_t(bits >> 24);
        return (sum - 510) * 0.006765875086793228;
    }
""")
_NORMAL_SCALE = 0.006765875086793228  # 1 / sqrt(4 * (256**2 - 1) / 12)


def _normal(number: NDArray, moment: int | NDArray) -> NDArray[np.float64]:
    bits = dice.mixed(number, moment).astype(np.int64)
    total = sum((bits >> shift) & 255 for shift in (0, 8, 16, 24))
    return np.asarray((total - 510) * _NORMAL_SCALE)


def whole(pyfunc: object, n_arguments: int) -> Function:
    """Return a Brian2 function of whole numbers."""
    return Function(
        pyfunc, arg_units=[1] * n_arguments, return_unit=1, return_type="integer",
        arg_types=["integer"] * n_arguments,
    )  # fmt: skip


_bits = whole(dice.mixed, 2)
add_cpp(_bits, "mixed", _MIXED)
_DICE = {"mixed": (_bits, _MIXED)}

chance = whole(dice.chances, 2)
"""A whole number from 0 up to `CERTAIN`, for a number and a moment."""
add_cpp(chance, "chance", _CHANCE, _DICE)

in_steps = whole(dice.in_steps, 4)
"""A whole number as a multiple of `coarse`, a power of two: the rest becomes one more step, away
from zero, with probability rest / coarse."""
add_cpp(in_steps, "in_steps", _IN_STEPS, _DICE)
IN_STEPS = {"in_steps": (in_steps, _IN_STEPS)} | _DICE
"""What C++ that calls it depends on."""

in_portions = whole(dice.in_portions, 4)
"""How many portions an amount has: the rest becomes one more, away from zero, with probability
rest / portion."""
add_cpp(in_portions, "in_portions", _IN_PORTIONS, _DICE)

faded = whole(dice.faded, 4)
"""What is left of a whole number, `kept` of 2^24: rounded down, or up with the probability of the
fraction."""
add_cpp(faded, "faded", _FADED, _DICE)

normal = Function(
    _normal, arg_units=[1, 1], return_unit=1, return_type="float",
    arg_types=["integer", "integer"],
)  # fmt: skip
"""Nearly normal, mean 0 and variance 1, for a number and a moment: four bytes added up (so it never
exceeds 3.45, and its tails are thinner: kurtosis 2.7)."""
add_cpp(normal, "normal", _NORMAL, _DICE)
