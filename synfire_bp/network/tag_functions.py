"""Brian2 functions of tags that collect changes (`synfire_bp.circuit.accumulator`).

Weights and tags have 16 bits in a compiled program, and so have the sums here: the processor then
works on twice as many at once.
"""

from __future__ import annotations

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from synfire_bp import dice
from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP
from synfire_bp.cpp import add_cpp, once
from synfire_bp.network.chance import IN_STEPS, whole

__all__ = ["followed", "remainder_of", "taken_up"]

_BITS = PARTS.bit_length() - 1
_WHOLE = f"(collected + ((collected >> 15) & {PARTS - 1})) >> {_BITS}"  # a shift alone rounds down

_FOLLOWED = once(f"""
    static inline int16_t followed(
        int16_t w, int16_t tag, int16_t change, int16_t lowest, int16_t highest)
    {{
        const int16_t collected = int16_t(tag + change);
        const int16_t moved = int16_t(w + {WEIGHT_STEP} * int16_t({_WHOLE}));
        const int16_t risen = moved < lowest ? lowest : moved;
        return risen > highest ? highest : risen;
    }}
""")
_REMAINDER = once(f"""
    static inline int16_t remainder_of(int16_t tag, int16_t change)
    {{
        const int16_t collected = int16_t(tag + change);
        return int16_t(collected - {PARTS} * int16_t({_WHOLE}));
    }}
""")
_TAKEN_UP = once(f"""
    static inline int32_t taken_up(int32_t tag, int32_t coarse, int32_t number, int64_t moment)
    {{
        const int32_t size = ((tag < 0 ? -tag : tag) + {PARTS - 1}) >> {_BITS};
        return in_steps(tag < 0 ? -size : size, coarse, number, moment);
    }}
""")


def _whole_steps(collected: NDArray) -> NDArray:
    return np.sign(collected) * (np.abs(collected) // PARTS)


def _followed(
    w: NDArray, tag: NDArray, change: NDArray, lowest: NDArray, highest: NDArray
) -> NDArray:
    return np.clip(w + WEIGHT_STEP * _whole_steps(tag + change), lowest, highest)


def _remainder(tag: NDArray, change: NDArray) -> NDArray:
    return tag + change - PARTS * _whole_steps(tag + change)


def _taken_up(tag: NDArray, coarse: int, number: NDArray, moment: int) -> NDArray:
    size = -(-np.abs(np.asarray(tag, dtype=np.int64)) // PARTS)
    return dice.in_steps(np.sign(tag) * size, coarse, number, moment)


followed: Function = whole(_followed, 5)
"""A weight after its tag collected a change and the weight took the whole steps of the tag; these
are rounded towards 0, so that a copy with the opposite sign does the same."""
add_cpp(followed, "followed", _FOLLOWED)

remainder_of: Function = whole(_remainder, 2)
"""Content of the tag after that."""
add_cpp(remainder_of, "remainder_of", _REMAINDER)

taken_up: Function = whole(_taken_up, 4)
"""What a weight takes of a tag at once: 1/32 of it, its size rounded up, and then in steps."""
add_cpp(taken_up, "taken_up", _TAKEN_UP, IN_STEPS)
