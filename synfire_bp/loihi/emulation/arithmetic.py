"""The chip's arithmetic in Brian2 code.

C++ versions of the functions of `synfire_bp.loihi.formats`, which runtime mode uses; a test
compares the two over their whole range.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from synfire_bp.cpp import whole_function
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.spec import LoihiSpec

__all__ = ["MOST_BITS", "compartment_functions"]

MOST_BITS = 28
"""Most bits of a state: voltage, current, bias and noise then add up within 32 bits."""


def compartment_functions(spec: LoihiSpec) -> dict[str, Any]:
    """Return the functions that `compartment_step` uses, for Brian2's namespace.

    Raises
    ------
    HardwareError
        If a state of the chip has more bits than can be emulated.
    """
    for name in ("accumulator_bits", "current_bits", "voltage_bits"):
        if (bits := getattr(spec, name)) > MOST_BITS:
            raise HardwareError(f"{name} is {bits}; at most {MOST_BITS} can be emulated")
    return {
        "decayed": _decayed(spec.decay_bits),
        "input_held": _held("input_held", spec.accumulator_bits, "wrap"),
        "current_held": _held("current_held", spec.current_bits, spec.current_overflow),
        "voltage_held": _held("voltage_held", spec.voltage_bits, spec.voltage_overflow),
        "noise": _noise(),
    }


def _decayed(bits: int) -> Function:
    def decayed(x: NDArray, kept: NDArray) -> NDArray:
        return np.sign(x) * ((np.abs(x).astype(np.int64) * kept) >> bits)

    # |x| = high·2^bits + low: no product is longer than 32 bits, and loops vectorise
    code = f"""
    static inline int32_t decayed(int32_t x, uint32_t kept)
    {{
        const uint32_t size = uint32_t(x < 0 ? -x : x);
        const uint32_t low = size & {2**bits - 1}u;
        const int32_t left = int32_t((size >> {bits}) * kept + ((low * kept) >> {bits}));
        return x < 0 ? -left : left;
    }}
    """
    return whole_function(decayed, "decayed", code, 2)


def _held(name: str, bits: int, overflow: str) -> Function:
    half, limit = 2**bits, 2**bits - 1
    if overflow == "wrap":

        def held(x: NDArray) -> NDArray:
            return (np.asarray(x).astype(np.int64) + half) % (2 * half) - half

        body = f"return int32_t((uint32_t(x) + {half}u) & {2 * half - 1}u) - {half};"
    else:

        def held(x: NDArray) -> NDArray:
            return np.clip(x, -limit, limit)

        body = f"return x < -{limit} ? -{limit} : x > {limit} ? {limit} : x;"
    code = f"static inline int32_t {name}(int32_t x) {{ {body} }}"
    return whole_function(held, name, code, 1)


def _noise() -> Function:
    """Uniform in -127 … 127, plus 64 times an offset, times 2^(exponent - 7), toward zero.

    As nengo-loihi rounds it; Intel's documents do not say.
    """

    def noise(offset: NDArray, exponent: NDArray, drawn: NDArray) -> NDArray:
        whole = np.floor(np.asarray(drawn) * 255) - 127 + 64 * offset
        return np.trunc(whole * 2.0 ** (exponent - 7)).astype(np.int64)

    code = """
    static inline int32_t noise(int32_t offset, int32_t exponent, double drawn)
    {
        const double whole = std::floor(drawn * 255) - 127 + 64 * offset;
        return int32_t(std::trunc(std::ldexp(whole, exponent - 7)));
    }
    """
    return whole_function(noise, "noise", code, 3)
