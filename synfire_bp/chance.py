"""Random whole numbers for Brian2 code, the same on any machine.

Drawn by a hash of a number (of a synapse, a cell, …) and a moment (a seed plus the time step), not
from a stream: whatever order synapses are visited in, and wherever a training was resumed, the
same synapse draws the same number at the same moment.
"""

from __future__ import annotations

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

__all__ = ["CERTAIN", "chance", "in_steps"]

CERTAIN = 2**24
"""``chance(number, moment) < CERTAIN`` always holds; a probability p is p * CERTAIN."""

_MIXED = """
    static inline uint32_t mixed(int32_t number, int64_t moment)
    {
        uint32_t bits = uint32_t(number) * 2654435761u ^ uint32_t(moment) * 2246822519u;
        bits = (bits ^ (bits >> 16)) * 0x7FEB352Du;
        bits = (bits ^ (bits >> 15)) * 0x846CA68Bu;
        return bits ^ (bits >> 16);
    }
"""

_CHANCE = """
    static inline int32_t chance(int32_t number, int64_t moment)
    {
        return int32_t(mixed(number, moment) >> 8);
    }
"""

_IN_STEPS = """
    static inline int32_t in_steps(int32_t change, int32_t coarse, int32_t number, int64_t moment)
    {
        const int32_t size = change < 0 ? -change : change;
        const int32_t rest = size & (coarse - 1);
        const int32_t drawn = int32_t(mixed(number, moment) & uint32_t(coarse - 1));
        const int32_t whole = size - rest + (drawn < rest ? coarse : 0);
        return change < 0 ? -whole : whole;
    }
"""


def _mixed(number: NDArray, moment: int | NDArray) -> NDArray[np.uint32]:
    """Return 32 bits that look drawn at random."""
    with np.errstate(over="ignore"):
        bits = np.asarray(number).astype(np.int64).astype(np.uint32) * np.uint32(2654435761)
        bits = bits ^ (
            np.asarray(moment).astype(np.int64).astype(np.uint32) * np.uint32(2246822519)
        )
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            bits = (bits ^ (bits >> np.uint32(shift))) * np.uint32(factor)
    return np.asarray(bits)


def _chance(number: NDArray, moment: int | NDArray) -> NDArray[np.int64]:
    return (_mixed(number, moment) >> np.uint32(8)).astype(np.int64)


def _in_steps(change: NDArray, coarse: int, number: NDArray, moment: int) -> NDArray:
    drawn = (_mixed(number, moment) & np.uint32(coarse - 1)).astype(np.int64)
    size = np.abs(change)
    rest = size & (coarse - 1)
    return np.sign(change) * (size - rest + coarse * (drawn < rest))


def _whole(pyfunc: object, n_arguments: int) -> Function:
    """Return a Brian2 function of whole numbers."""
    return Function(
        pyfunc, arg_units=[1] * n_arguments, return_unit=1, return_type="integer",
        arg_types=["integer"] * n_arguments,
    )  # fmt: skip


_bits = _whole(_mixed, 2)
_bits.implementations.add_implementation("cpp", _MIXED, name="mixed")

chance = _whole(_chance, 2)
"""A whole number from 0 up to `CERTAIN`, for a number and a moment."""
chance.implementations.add_implementation("cpp", _CHANCE, dependencies={"mixed": _bits})

in_steps = _whole(_in_steps, 4)
"""A whole number as a multiple of `coarse`, a power of two: the rest becomes one more step, away
from zero, with probability rest / coarse."""
in_steps.implementations.add_implementation("cpp", _IN_STEPS, dependencies={"mixed": _bits})
