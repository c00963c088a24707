"""The chip's arithmetic: number formats, decay, overflow, stochastic rounding.

Every function is pure, takes numbers or arrays and returns int64 arrays; its formula is given in
its docstring.  Numbers below 2^52 in magnitude are treated exactly.  trunc drops the fraction
(toward zero), floor goes down.

A weight is a mantissa times 2^exponent, in units of 2^6; a neuron receives this number times
2^6::

    mantissa = quantise_weight(w, exponent, SignMode.MIXED, spec)
    arriving = effective_weight(mantissa, exponent)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.spec import LoihiSpec, Range, Rounding, SignMode

__all__ = [
    "SignMode",
    "bias_mantissa_exponent",
    "decay",
    "effective_weight",
    "mantissa_exponent",
    "quantise_weight",
    "rounded",
    "saturate",
    "stochastic_round",
    "threshold_mantissa",
    "weight_exponent",
    "weight_range",
    "weight_step",
    "wrap",
]

UNIT = 6
"""Weights and thresholds count in units of 2^6."""

_HUGE = 2.0**52

Whole = NDArray[np.int64]

# -- states --------------------------------------------------------------------------------------


def decay(x: ArrayLike, d: ArrayLike, offset: int = 0, *, bits: int = 12) -> Whole:
    """Return a state after a decay step: sign(x)·floor(abs(x)·max(4096 - d - offset, 0) / 4096).

    Without the max, an offset of 1 would flip the sign of a state that decays by 4096.

    Parameters
    ----------
    x : array of int
        Current or voltage; below 2^46 in magnitude.
    d : array of int
        Decay, 0 … 4096: the fraction that is lost, in 4096ths.
    offset : int
        Lost beyond `d`: `LoihiSpec.current_decay_offset` or `.voltage_decay_offset`.
    bits : int
        Bits of the decay; 2^bits stands for 4096.
    """
    x, d = _whole(x), _whole(d)
    kept = np.maximum((1 << bits) - d - offset, 0)
    return np.sign(x) * ((np.abs(x) * kept) >> bits)


def wrap(x: ArrayLike, bits: int) -> Whole:
    """Return `x` wrapped around: (x + 2^bits) mod 2^(bits + 1) - 2^bits.

    Two's complement of `bits` bits and a sign.
    """
    half = 1 << bits
    return (_whole(x) + half) % (2 * half) - half


def saturate(x: ArrayLike, bits: int) -> Whole:
    """Return `x` clipped to ±(2^bits - 1)."""
    limit = (1 << bits) - 1
    return np.clip(_whole(x), -limit, limit)


# -- rounding ------------------------------------------------------------------------------------


def stochastic_round(x: ArrayLike, rng: np.random.Generator) -> Whole:
    """Return floor(x), or floor(x) + 1 with the probability x - floor(x); the mean is `x`."""
    x = np.asarray(x, dtype=np.float64)
    below = np.floor(x)
    return (below + (rng.random(x.shape) < x - below)).astype(np.int64)


def rounded(x: ArrayLike, rounding: Rounding, rng: np.random.Generator | None = None) -> Whole:
    """Return real numbers rounded to whole numbers.

    "toward_zero": trunc(x).  "nearest": the nearest one, halves away from zero.  "stochastic":
    `stochastic_round`, with `rng`.

    Raises
    ------
    HardwareError
        If the rounding is unknown, or stochastic and `rng` is missing.
    """
    if rounding == "stochastic":
        if rng is None:
            raise HardwareError("stochastic rounding draws random numbers: pass rng")
        return stochastic_round(x, rng)
    x = np.asarray(x, dtype=np.float64)
    towards_zero = np.trunc(x)
    if rounding == "toward_zero":
        return towards_zero.astype(np.int64)
    if rounding == "nearest":
        away = np.abs(x - towards_zero) >= 0.5
        return (towards_zero + np.sign(x) * away).astype(np.int64)
    raise HardwareError(f"rounding is {rounding!r}; must be toward_zero, nearest or stochastic")


# -- weights -------------------------------------------------------------------------------------


def weight_step(spec: LoihiSpec, sign_mode: SignMode) -> int:
    """Return the step of the mantissa for B weight bits: 2^(8 - B), or 2^(8 - B + 1) if mixed."""
    return 1 << (8 - spec.weight_bits + (sign_mode is SignMode.MIXED))


def weight_range(spec: LoihiSpec, sign_mode: SignMode) -> Range:
    """Return the lowest and highest possible mantissa: trunc(limit / step)·step."""
    step = weight_step(spec, sign_mode)
    low, high = spec.weight_limits(sign_mode)
    return -(-low // step) * step, high // step * step


def weight_exponent(w: ArrayLike, sign_mode: SignMode, spec: LoihiSpec) -> int:
    """Return the smallest exponent at which every weight lies within the mantissa's range.

    The largest exponent if some weights lie beyond the range at every exponent.
    """
    w = np.asarray(w, dtype=np.float64)
    low, high = weight_range(spec, sign_mode)
    first, last = spec.weight_exponents
    for exponent in range(first, last):
        if np.all((w >= low * 2.0**exponent) & (w <= high * 2.0**exponent)):
            return exponent
    return last


def quantise_weight(
    w: ArrayLike,
    exponent: int,
    sign_mode: SignMode,
    spec: LoihiSpec,
    rng: np.random.Generator | None = None,
) -> Whole:
    """Return the mantissas of weights: round(w / 2^exponent / step)·step, clipped to the range.

    Parameters
    ----------
    w : array
        Weights in units of 2^6, real or whole, any shape.
    exponent : int
        Shared by all of them, as by the synapses of a projection.
    sign_mode : SignMode
        Signs that the mantissa may have.
    spec : LoihiSpec
        Weight bits, limits and rounding.
    rng : Generator, optional
        Needed if `spec.rounding` is "stochastic".

    Raises
    ------
    HardwareError
        If the exponent is out of range, or a weight is not a finite number.
    """
    _check_exponent(exponent, spec)
    w = np.asarray(w, dtype=np.float64)
    if not np.isfinite(w).all():
        raise HardwareError("a weight is not a finite number")
    step = weight_step(spec, sign_mode)
    low, high = weight_range(spec, sign_mode)
    # clip first: a stochastic draw must not bring a weight back from beyond the limits
    steps = np.clip(w / (2.0**exponent * step), low // step, high // step)
    return rounded(steps, spec.rounding, rng) * step


def effective_weight(mantissa: ArrayLike, exponent: ArrayLike, *, bits: int = 21) -> Whole:
    """Return the effective weight: floor(mantissa·2^exponent)·2^6, clipped to ±(2^bits - 2^6).

    Negative mantissas are rounded down as well: -1 with an exponent of -8 still gives -2^6.

    Parameters
    ----------
    mantissa, exponent : arrays of int
        -8 … 7 for the exponent, on the chip.
    bits : int
        `LoihiSpec.accumulator_bits`.
    """
    mantissa, exponent = _whole(mantissa), _whole(exponent)
    # a right shift of a negative number is a floor
    shifted = (mantissa << np.maximum(exponent, 0)) >> np.maximum(-exponent, 0)
    limit = (1 << bits) - (1 << UNIT)
    return np.clip(shifted << UNIT, -limit, limit)


# -- mantissa and exponent -----------------------------------------------------------------------


def mantissa_exponent(
    value: ArrayLike,
    mantissa_bits: int,
    exponents: Range,
    *,
    signed: bool = True,
    rounding: Rounding = "toward_zero",
    rng: np.random.Generator | None = None,
) -> tuple[Whole, Whole]:
    """Write every value as mantissa·2^exponent, as precisely as its size allows.

    The exponent is the smallest at which round(value / 2^exponent) fits the mantissa; at the
    largest one, values that do not fit are clipped to the limit.

    Parameters
    ----------
    value : array
        Real or whole, finite.
    mantissa_bits : int
        Without the sign.  Two's complement: -2^bits … 2^bits - 1, or 0 … 2^bits - 1 if not signed.
    exponents : (int, int)
        Smallest and largest.
    signed : bool
        Whether the mantissa has a sign.
    rounding : {"toward_zero", "nearest", "stochastic"}
        See `rounded`.  If stochastic, both neighbours of the value have to fit.

    Returns
    -------
    mantissa, exponent : arrays of int64
        Of the shape of `value`.

    Raises
    ------
    HardwareError
        If a value is not a finite number.
    """
    value = np.asarray(value, dtype=np.float64)
    if not np.isfinite(value).all():
        raise HardwareError("a value to be written with mantissa and exponent is not finite")
    low, high = (-(1 << mantissa_bits) if signed else 0), (1 << mantissa_bits) - 1
    first, last = exponents
    exponent = np.full(value.shape, last, dtype=np.int64)
    for finer in range(last - 1, first - 1, -1):
        scaled = np.clip(value / 2.0**finer, -_HUGE, _HUGE)
        if rounding == "stochastic":
            outermost = np.copysign(np.ceil(np.abs(scaled)), scaled)
        else:
            outermost = rounded(scaled, rounding)
        exponent = np.where((low <= outermost) & (outermost <= high), finer, exponent)
    mantissa = rounded(np.clip(value / np.exp2(exponent), low, high), rounding, rng)
    return mantissa, exponent


def bias_mantissa_exponent(
    bias: ArrayLike, spec: LoihiSpec, rng: np.random.Generator | None = None
) -> tuple[Whole, Whole]:
    """Write a bias, in units of the voltage, as mantissa·2^exponent: -4096 … 4095, 0 … 7."""
    return mantissa_exponent(
        bias, spec.bias_bits, spec.bias_exponents, rounding=spec.rounding, rng=rng
    )


def threshold_mantissa(
    threshold: ArrayLike, spec: LoihiSpec, rng: np.random.Generator | None = None
) -> Whole:
    """Return the mantissa of a threshold in units of the voltage: round(threshold / 2^6).

    Clipped to 0 … 2^17 - 1.
    """
    units = np.asarray(threshold, dtype=np.float64) / (1 << UNIT)
    return rounded(np.clip(units, 0, (1 << spec.threshold_bits) - 1), spec.rounding, rng)


# -- checks --------------------------------------------------------------------------------------


def _whole(x: ArrayLike) -> Whole:
    x = np.asarray(x)
    if x.size and x.dtype.kind not in "iub":  # an empty list becomes an array of floats
        raise HardwareError(f"the chip's states are whole numbers, not {x.dtype}")
    return x.astype(np.int64)


def _check_exponent(exponent: int, spec: LoihiSpec) -> None:
    first, last = spec.weight_exponents
    if not first <= exponent <= last:
        raise HardwareError(f"weight exponent is {exponent}; must be within {first} … {last}")
