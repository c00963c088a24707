"""The Brian2 function that feedback's lines call."""

from __future__ import annotations

from brian2 import Function

from synfire_bp.circuit import decay
from synfire_bp.circuit.decay import WHOLE
from synfire_bp.cpp import add_cpp

__all__ = ["shrunk"]

shrunk = Function(
    decay.shrunk, arg_units=[1, 1], return_unit=1, return_type="integer",
    arg_types=["integer", "integer"],
)  # fmt: skip
"""`synfire_bp.circuit.decay.shrunk`."""
add_cpp(
    shrunk,
    "shrunk",
    f"""
    static inline int32_t shrunk(int32_t weight, int32_t keep)
    {{
        const int32_t steps = (weight < 0 ? -weight : weight) / 2 * keep / {WHOLE};
        return weight < 0 ? -2 * steps : 2 * steps;
    }}
    """,
)
