"""Functions for Brian2 code: those of every circuit, and those that variants' lines call."""

from __future__ import annotations

from typing import Any

import numpy as np

from synfire_bp.circuit.grades import carried
from synfire_bp.cpp import add_cpp, once
from synfire_bp.network.chance import whole
from synfire_bp.network.lines import Lines, imported

__all__ = ["bounded", "called", "carried_by"]

bounded = whole(lambda value, low, high: np.clip(value, low, high), 3)
"""`clip` for whole numbers: Brian2's own compares in floating point."""
add_cpp(
    bounded,
    "bounded",
    once("""
    static inline int32_t bounded(int32_t value, int32_t low, int32_t high)
    {
        return value < low ? low : value > high ? high : value;
    }
    // of a weight, within its 16 bits, so that more of them are bounded at once
    template <typename Low, typename High>
    static inline int32_t bounded(int16_t value, Low low, High high)
    {
        if (low > INT16_MAX) return low;
        if (high < INT16_MIN) return high;
        const int16_t from = low < INT16_MIN ? INT16_MIN : low;
        const int16_t to = high > INT16_MAX ? INT16_MAX : high;
        const int16_t risen = value < from ? from : value;
        return risen > to ? to : risen;
    }
    """),
)


carried_by = whole(carried, 6)
"""What a graded spike carries (`synfire_bp.circuit.grades.carried`)."""
add_cpp(
    carried_by,
    "carried_by",
    once("""
    static inline int32_t carried_by(
        int32_t above, int32_t signing, int32_t step, int32_t most,
        int32_t signed_step, int32_t signed_most)
    {
        if (signing <= 0 && above <= 0) return 0;  // closed, as most are
        const int32_t unit = signing > 0 ? signed_step : step;
        const int32_t limit = signing > 0 ? signed_most : most;
        const int32_t begun = ((above < 0 ? -above : above) + unit - 1) / unit;
        const int32_t size = begun > limit ? limit : begun;
        return above < 0 ? -size : size;
    }
    """),
)


def called(lines: Lines) -> dict[str, Any]:
    """Return the functions and constants that lines call, by the names that they have there."""
    return {path.partition(":")[2]: imported(path) for path in lines.functions}
