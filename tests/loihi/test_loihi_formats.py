"""The chip's arithmetic against the same formulas in exact fractions, one number at a time."""

from __future__ import annotations

import math
import re
from dataclasses import fields, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.errors import HardwareError
from synfire_bp.loihi import (
    SPECS,
    LoihiSpec,
    SignMode,
    bias_mantissa_exponent,
    decay,
    effective_weight,
    mantissa_exponent,
    quantise_weight,
    rounded,
    saturate,
    stochastic_round,
    threshold_mantissa,
    weight_exponent,
    weight_range,
    weight_step,
    wrap,
)

CHIP = SPECS["loihi1"]
STATES = st.integers(-(2**24), 2**24)
REALS = st.floats(-400, 400) | st.integers(-400, 400)
MODES = st.sampled_from(SignMode)
LIMITS = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}


def sign(x):
    return (x > 0) - (x < 0)


def toward_zero(x):
    return sign(x) * (abs(Fraction(x)).numerator // abs(Fraction(x)).denominator)


def nearest(x):
    return sign(x) * math.floor(abs(Fraction(x)) + Fraction(1, 2))


ROUNDINGS = {"toward_zero": toward_zero, "nearest": nearest}


def mantissas(mode, bits, symmetric=False):
    """Every mantissa of a sign mode with so many weight bits, by listing them."""
    low, high = LIMITS[mode.value]
    if symmetric and mode is SignMode.MIXED:
        low = -high
    step = 2 ** (9 - bits) if mode is SignMode.MIXED else 2 ** (8 - bits)
    return [m for m in range(low, high + 1) if m % step == 0]


# -- states --------------------------------------------------------------------------------------


@given(st.lists(st.tuples(STATES, st.integers(0, 4096)), min_size=1), st.integers(0, 1))
def test_decay_keeps_the_floor_of_a_fraction_of_the_magnitude(pairs, offset):
    x, d = map(list, zip(*pairs, strict=True))
    expected = [
        sign(a) * math.floor(Fraction(abs(a) * max(4096 - b - offset, 0), 4096)) for a, b in pairs
    ]
    kept = decay(x, d, offset)
    assert kept.dtype == np.int64
    assert kept.tolist() == expected


@given(STATES, st.integers(0, 4096))
def test_decay_without_offset_is_also_what_brian2_loihi_writes(x, d):
    assert decay(x, d) == x - sign(x) * math.ceil(Fraction(abs(x) * d, 4096))


@given(STATES, st.integers(0, 1))
def test_a_full_decay_leaves_nothing_with_either_offset(x, offset):
    assert decay(x, 4096, offset) == 0


@given(st.integers(-(2**12), 2**12), st.integers(0, 16), st.integers(1, 4))
def test_decay_counts_in_units_of_its_bits(x, d, bits):
    kept = Fraction(max(2**bits - d, 0), 2**bits)
    assert decay(x, d, bits=bits) == sign(x) * math.floor(abs(x) * kept)


@given(st.lists(st.integers(-(2**40), 2**40)), st.integers(1, 31))
def test_wrapping_gives_the_one_equal_number_modulo_the_range(values, bits):
    for value, within in zip(values, wrap(values, bits).tolist(), strict=True):
        assert -(2**bits) <= within < 2**bits
        assert (value - within) % 2 ** (bits + 1) == 0


def test_a_current_one_beyond_its_largest_wraps_to_its_smallest():
    assert wrap([2**23 - 1, 2**23, -(2**23), -(2**23) - 1], 23).tolist() == [
        8388607, -8388608, -8388608, 8388607,
    ]  # fmt: skip


@given(st.lists(st.integers(-(2**40), 2**40), min_size=1), st.integers(1, 31))
def test_saturating_holds_a_state_at_the_same_magnitude_on_both_sides(values, bits):
    limit = 2**bits - 1
    assert saturate(values, bits).tolist() == [sorted((-limit, v, limit))[1] for v in values]


@pytest.mark.parametrize("function", [decay, wrap, saturate, effective_weight])
def test_states_that_are_not_whole_are_refused(function):
    with pytest.raises(HardwareError, match="whole numbers, not float64"):
        function(0.5, 7)


# -- rounding ------------------------------------------------------------------------------------


@given(st.floats(-(2.0**40), 2.0**40))
def test_rounding_drops_the_fraction_or_goes_to_the_nearest(x):
    for rounding, expected in ROUNDINGS.items():
        assert rounded(x, rounding) == expected(x)


def test_halves_go_away_from_zero_and_just_less_than_a_half_does_not():
    assert rounded([0.5, -0.5, 1.5, -2.5], "nearest").tolist() == [1, -1, 2, -3]
    assert rounded(math.nextafter(0.5, 0), "nearest") == 0


@given(st.lists(st.floats(-(2.0**30), 2.0**30), min_size=1), st.integers(0, 2**32))
def test_stochastic_rounding_yields_a_neighbour_and_leaves_whole_numbers_alone(values, seed):
    drawn = stochastic_round(values, np.random.default_rng(seed)).tolist()
    for value, whole in zip(values, drawn, strict=True):
        assert whole in (math.floor(value), math.ceil(value))
    whole = [float(math.floor(value)) for value in values]
    assert stochastic_round(whole, np.random.default_rng(seed)).tolist() == whole


@pytest.mark.parametrize("value", [0.125, -0.125, 5.75, -5.75, 126.5, -1 / 3])
def test_stochastic_rounding_has_the_value_as_its_mean(value):
    n = 100_000
    drawn = stochastic_round(np.full(n, value), np.random.default_rng(1))
    p = value - math.floor(value)
    standard_error = math.sqrt(p * (1 - p) / n)
    assert abs(drawn.mean() - value) < 4 * standard_error
    assert drawn.var() == pytest.approx(p * (1 - p), rel=0.05)


def test_stochastic_rounding_draws_upwards_if_and_only_if_the_draw_is_below_the_fraction():
    class Drawn:
        def random(self, shape):
            return np.array([0.0, 0.2499, 0.25, 0.9])

    assert stochastic_round(np.full(4, 7.25), Drawn()).tolist() == [8, 8, 7, 7]


def test_rounding_says_what_it_misses():
    with pytest.raises(HardwareError, match="pass rng"):
        rounded(1.5, "stochastic")
    with pytest.raises(HardwareError, match="must be toward_zero, nearest or stochastic"):
        rounded(1.5, "up")


# -- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("mode", SignMode)
def test_quantised_weights_are_exactly_the_mantissas_of_the_format(mode, bits, symmetric):
    spec = replace(CHIP, weight_bits=bits, symmetric=symmetric)
    there = mantissas(mode, bits, symmetric)
    assert weight_range(spec, mode) == (there[0], there[-1])
    assert set(quantise_weight(np.arange(-300, 301), 0, mode, spec).tolist()) == set(there)
    assert quantise_weight(there, 0, mode, spec).tolist() == there
    if len(there) > 1:
        assert weight_step(spec, mode) == there[1] - there[0]


@given(
    st.lists(REALS, min_size=1), st.integers(-8, 7), MODES, st.integers(1, 8),
    st.sampled_from(sorted(ROUNDINGS)),
)  # fmt: skip
def test_a_weight_goes_to_the_mantissa_that_the_rounding_names(weights, exponent, mode, bits, how):
    spec = replace(CHIP, weight_bits=bits, rounding=how)
    there = mantissas(mode, bits)
    step = 2 ** (9 - bits) if mode is SignMode.MIXED else 2 ** (8 - bits)
    expected = []
    for weight in weights:
        exact = Fraction(weight) / Fraction(2) ** exponent / step
        expected.append(sorted((there[0], ROUNDINGS[how](exact) * step, there[-1]))[1])
    assert quantise_weight(weights, exponent, mode, spec).tolist() == expected


@given(st.lists(REALS, min_size=1), st.integers(-8, 7), MODES, st.integers(1, 8), st.integers(0))
def test_stochastic_mantissas_are_neighbours_of_the_weight(weights, exponent, mode, bits, seed):
    spec = replace(CHIP, weight_bits=bits, rounding="stochastic")
    drawn = quantise_weight(weights, exponent, mode, spec, np.random.default_rng(seed)).tolist()
    there = mantissas(mode, bits)
    for weight, mantissa in zip(weights, drawn, strict=True):
        exact = Fraction(weight) / Fraction(2) ** exponent
        below = [m for m in there if m <= exact]
        above = [m for m in there if m >= exact]
        assert mantissa in (below[-1:] or above[:1]) + (above[:1] or below[-1:])


def test_stochastic_weights_have_the_weight_as_their_mean():
    n = 40_000
    spec = replace(CHIP, weight_bits=4, rounding="stochastic")  # mixed: steps of 32
    drawn = quantise_weight(np.full(n, -40), 0, SignMode.MIXED, spec, np.random.default_rng(2))
    assert set(drawn.tolist()) == {-32, -64}
    assert abs(drawn.mean() + 40) < 4 * 32 * math.sqrt(0.25 * 0.75 / n)


def test_weight_bits_take_away_low_bits_and_mixed_signs_one_more():
    assert [weight_step(replace(CHIP, weight_bits=b), SignMode.EXCITATORY) for b in (8, 5, 1)] == [
        1, 8, 128,
    ]  # fmt: skip
    assert [weight_step(replace(CHIP, weight_bits=b), SignMode.MIXED) for b in (8, 5, 1)] == [
        2, 16, 256,
    ]  # fmt: skip


@pytest.mark.parametrize("exponent", range(-8, 8))
def test_every_effective_weight_is_floored_to_units_of_64_and_limited_to_21_bits(exponent):
    every = np.arange(-256, 256)
    expected = []
    for mantissa in every.tolist():
        whole = math.floor(mantissa * Fraction(2) ** exponent) * 64
        expected.append(max(-(2**21) + 64, min(2**21 - 64, whole)))
    assert effective_weight(every, exponent).tolist() == expected


def test_effective_weights_of_small_exponents_lean_to_the_negative_side():
    assert effective_weight([-1, 1, -255, 255], -8).tolist() == [-64, 0, -64, 0]


def test_one_call_takes_an_exponent_per_weight():
    assert effective_weight([3, 3, -3], [7, -1, -1]).tolist() == [3 * 128 * 64, 64, -128]


def test_only_the_largest_mixed_weight_meets_the_limit_of_21_bits():
    assert effective_weight([-256, -255], 7).tolist() == [-(2**21) + 64, -255 * 2**13]
    assert effective_weight(200, 0, bits=10) == 2**10 - 64


@given(st.lists(st.integers(-40_000, 40_000), min_size=1), MODES, st.integers(2, 8))
def test_the_exponent_of_weights_is_the_smallest_that_holds_them_all(weights, mode, bits):
    spec = replace(CHIP, weight_bits=bits)
    there = mantissas(mode, bits)
    fits = [
        exponent
        for exponent in range(-8, 8)
        if all(there[0] <= Fraction(w) / Fraction(2) ** exponent <= there[-1] for w in weights)
    ]
    assert weight_exponent(weights, mode, spec) == (fits[0] if fits else 7)


def test_weights_that_are_no_numbers_and_exponents_that_are_none_are_refused():
    with pytest.raises(HardwareError, match=r"weight exponent is 8; must be within -8 … 7"):
        quantise_weight([1], 8, SignMode.MIXED, CHIP)
    with pytest.raises(HardwareError, match="not a finite number"):
        quantise_weight([1, math.inf], 0, SignMode.MIXED, CHIP)


# -- mantissa and exponent -----------------------------------------------------------------------


def finest(value, low, high, exponents, how):
    """The first exponent at which the rounded mantissa fits; the last one, held, if none does."""
    for exponent in exponents:
        mantissa = how(Fraction(value) / Fraction(2) ** exponent)
        if low <= mantissa <= high:
            return mantissa, exponent
    return (low if value < 0 else high), exponents[-1]


@given(
    st.lists(st.integers(-600_000, 600_000) | st.floats(-6e5, 6e5), min_size=1),
    st.sampled_from(sorted(ROUNDINGS)),
)
def test_a_bias_takes_the_finest_exponent_that_holds_it(biases, how):
    mantissa, exponent = bias_mantissa_exponent(biases, replace(CHIP, rounding=how))
    expected = [finest(b, -4096, 4095, range(8), ROUNDINGS[how]) for b in biases]
    assert list(zip(mantissa.tolist(), exponent.tolist(), strict=True)) == expected


@given(st.integers(-4096, 4095), st.integers(0, 7))
def test_every_bias_of_the_chip_is_held_exactly(mantissa, exponent):
    held = bias_mantissa_exponent(mantissa * 2**exponent, CHIP)
    assert held[0] * 2 ** held[1] == mantissa * 2**exponent


def test_the_closing_bias_of_the_circuit_is_the_most_negative_bias_and_has_no_opposite():
    assert tuple(map(int, bias_mantissa_exponent(-8192 * 64, CHIP))) == (-4096, 7)
    assert tuple(map(int, bias_mantissa_exponent(8192 * 64, CHIP))) == (4095, 7)


@given(
    st.floats(-100, 100), st.integers(1, 6), st.tuples(st.integers(-4, 0), st.integers(0, 4)),
    st.booleans(),
)  # fmt: skip
def test_mantissa_and_exponent_of_any_width(value, bits, exponents, signed):
    low, high = (-(2**bits) if signed else 0), 2**bits - 1
    expected = finest(value, low, high, range(exponents[0], exponents[1] + 1), nearest)
    held = mantissa_exponent(value, bits, exponents, signed=signed, rounding="nearest")
    assert tuple(map(int, held)) == expected


@pytest.mark.parametrize("value", [4095.5, -4096.5, 4095 * 2 + 0.5, 100_001, 0.25])
def test_stochastic_mantissas_have_the_value_as_their_mean_also_where_the_exponent_grows(value):
    n = 40_000
    mantissa, exponent = mantissa_exponent(
        np.full(n, value), 12, (0, 7), rounding="stochastic", rng=np.random.default_rng(3)
    )
    step = 2.0 ** exponent[0]
    p = value / step - math.floor(value / step)
    assert (exponent == exponent[0]).all()
    error = abs((mantissa * step).mean() - value)
    assert error < 4 * step * math.sqrt(p * (1 - p) / n)


@given(st.lists(st.integers(-1000, 10**7) | st.floats(0, 1e7), min_size=1))
def test_thresholds_count_in_units_of_64_and_stay_within_17_bits(thresholds):
    for how, function in ROUNDINGS.items():
        expected = [max(0, min(2**17 - 1, function(Fraction(t) / 64))) for t in thresholds]
        spec = replace(CHIP, rounding=how)
        assert threshold_mantissa(thresholds, spec).tolist() == expected


def test_values_that_are_not_finite_have_no_mantissa():
    with pytest.raises(HardwareError, match="not finite"):
        bias_mantissa_exponent(math.nan, CHIP)


# -- the chip as knobs ---------------------------------------------------------------------------


def test_the_defaults_are_the_chip():
    assert LoihiSpec() == CHIP
    assert CHIP.bias_limits == (-4096, 4095)
    assert CHIP.largest_threshold == 131_071 * 64
    assert (CHIP.decay_unit, CHIP.longest_delay, CHIP.voltage_limit) == (4096, 62, 8_388_607)
    assert {mode.value: CHIP.weight_limits(mode) for mode in SignMode} == LIMITS
    assert SPECS["loihi1_symmetric"].weight_limits(SignMode.MIXED) == (-254, 254)


def test_every_knob_is_described():
    for field in fields(LoihiSpec):
        assert field.name in LoihiSpec.__doc__


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weight_bits", 0),
        ("weight_bits", 9),
        ("weight_bits", True),
        ("weight_bits", 8.0),
        ("fixed_weight_bits", 9),
        ("mixed_limits", (-254, 300)),
        ("mixed_limits", (2, 254)),
        ("excitatory_limits", (-1, 255)),
        ("inhibitory_limits", (-255, 1)),
        ("weight_exponents", (7, -8)),
        ("weight_exponents", [-8, 7]),
        ("refractory", (0, 64)),
        ("decay_bits", 17),
        ("delay_bits", 0),
        ("current_decay_offset", 2),
        ("rounding", "up"),
        ("current_overflow", "explode"),
        ("voltage_overflow", None),
        ("input_arrival", "never"),
        ("symmetric", 1),
    ],
)
def test_a_chip_that_cannot_be_is_refused_with_the_field_and_its_value(field, value):
    with pytest.raises(HardwareError, match=f"^{field} is {re.escape(repr(value))}; "):
        replace(CHIP, **{field: value})
