"""What of circuits, weights, neuron parameters and rules the chip can hold, and what it says."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.circuit.rule import PAPER_RULE, parse_rule
from synfire_bp.circuit.weights import as_copy, initial_weights
from synfire_bp.errors import HardwareError
from synfire_bp.loihi import SPECS, NeuronParameters, SignMode, constrain

CHIP = SPECS["loihi1"]
COLUMNS = [
    "object", "parameter", "value", "became", "error", "action", "limit", "n", "max_error",
    "mean_error",
]  # fmt: skip
BIASED = {
    "x", "m_x", "h", "h<", "h>", "m_h", "c", "hT", "t", "o", "o<", "o>", "d+", "d-", "oT",
}  # fmt: skip
DELAYED = {  # extra delays above 2, from the description of the circuit
    ("x→m_x", 4), ("d+→oT", 4), ("d-→o", 4), ("d-→o<", 4), ("d-→o>", 4), ("m_h→h", 5),
    ("m_h→hT", 5), ("m_x→x", 4), ("h<→c", 3), ("h>→c", 3), ("c→h", 4), ("c→h<", 4), ("c→h>", 4),
}  # fmt: skip


def rows(report, *columns):
    return list(report[list(columns)].itertuples(index=False, name=None))


# -- circuits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("make", [backprop_circuit, inference_circuit])
@pytest.mark.parametrize("sizes", [(400, 400, 10), (784, 400, 10), (2, 3, 2)])
def test_the_papers_circuit_passes_unchanged(make, sizes, spec):
    circuit = make(sizes)
    same, report = constrain(circuit, spec, strict=True)
    assert same is circuit
    assert report.empty
    assert list(report.columns) == COLUMNS


def test_a_closing_bias_beyond_the_chips_biases_is_clipped_with_the_weights_that_follow():
    became, report = constrain(backprop_circuit((5, 4, 2), closing=32128), CHIP)
    # the most negative bias is -4096 * 2^7, in units of 2^6: -8192, the paper's own
    assert became == backprop_circuit((5, 4, 2))
    assert set(report.action) == {"clipped"}
    bias = report[report.parameter == "bias"]
    assert set(bias.object) == BIASED
    assert set(rows(bias, "value", "became", "error")) == {(-32128, -8192, 32128 - 8192)}
    follow = report[report.object == "circuit"]
    assert set(rows(follow, "parameter", "value", "became")) == {
        ("weight 'open'", 32128 + 512, 8192 + 512),
        ("weight 'cancel'", 32128, 8192),
        ("weight 'block'", -(32128 - 128), -(8192 - 64)),
    }


def test_strictly_the_closing_bias_is_an_error_for_every_population():
    with pytest.raises(HardwareError) as caught:
        constrain(backprop_circuit((5, 4, 2), closing=16384), CHIP, strict=True)
    lines = str(caught.value).splitlines()
    assert lines[0] == (
        "x: bias is -16384, but the chip has -8192 … 8190 "
        "(mantissas -4096 … 4095 times 2^0 … 2^7, over 64); -8192 would fit"
    )
    assert {line.split(":")[0] for line in lines} == BIASED | {"circuit"}


@pytest.mark.parametrize("steps", range(1, 129))
def test_every_closing_bias_up_to_the_papers_in_steps_of_its_weights_fits(steps):
    circuit = backprop_circuit((2, 2, 2), closing=64 * steps)
    assert constrain(circuit, CHIP, strict=True)[0] is circuit


def test_a_chip_with_fewer_bits_for_biases_closes_less_tightly():
    # 9 bits: -512 * 2^7 / 2^6 = -1024
    became, report = constrain(backprop_circuit((5, 4, 2)), replace(CHIP, bias_bits=9))
    assert became == backprop_circuit((5, 4, 2), closing=1024)
    assert set(report[report.parameter == "bias"].became) == {-1024}


@pytest.mark.parametrize(("bits", "limit"), [(8, 254), (7, 252), (5, 240), (3, 192), (2, 128)])
def test_fewer_weight_bits_lower_the_limit_of_plastic_weights(bits, limit):
    circuit = backprop_circuit((5, 4, 2))
    became, report = constrain(circuit, replace(CHIP, weight_bits=bits))
    assert became == backprop_circuit((5, 4, 2), weight_limit=limit)
    expected = [] if limit == 254 else [
        (row.name, 254, limit, limit - 254, "clipped") for row in circuit.plastic
    ]  # fmt: skip
    assert rows(report, "object", "value", "became", "error", "action") == expected


def test_a_weight_limit_between_steps_is_rounded_down():
    circuit = backprop_circuit((5, 4, 2), weight_limit=100)
    became, report = constrain(circuit, replace(CHIP, weight_bits=4))  # steps of 32
    assert became.weight_limit == 96
    assert set(report.action) == {"rounded"}


def test_one_weight_bit_leaves_no_plastic_weight_with_both_signs():
    became, report = constrain(backprop_circuit((5, 4, 2)), replace(CHIP, weight_bits=1))
    assert became is None
    assert set(report.action) == {"refused"}
    assert report[["became", "error", "max_error", "mean_error"]].isna().all(axis=None)


def test_delays_that_are_too_long_are_refused_each_by_name():
    circuit = backprop_circuit((5, 4, 2))
    became, report = constrain(circuit, replace(CHIP, delay_bits=2))  # 0 … 2
    assert became is None
    assert set(rows(report, "object", "value")) == DELAYED
    with pytest.raises(HardwareError, match=r"h<→c: extra delay is 3, but the chip has 0 … 2"):
        constrain(circuit, replace(CHIP, delay_bits=2), strict=True)


def test_the_longest_delay_fits_and_needs_all_of_its_bits():
    circuit = backprop_circuit((5, 4, 2))
    first, *others = circuit.relays
    for longest in (62, 30, 6):
        slow = replace(circuit, relays=(replace(first, extra_delays=(longest,)), *others))
        bits = {62: 6, 30: 5, 6: 3}[longest]
        assert constrain(slow, replace(CHIP, delay_bits=bits), strict=True)[0] is slow
        slower = replace(circuit, relays=(replace(first, extra_delays=(longest - 1,)), *others))
        assert constrain(slower, replace(CHIP, delay_bits=bits - 1))[0] is None


def test_fixed_weights_that_fewer_bits_cannot_hold_are_refused_with_the_nearest():
    # with even mantissas, all of the paper's weights but 9280 = 145 * 2^6 still exist
    circuit = backprop_circuit((5, 4, 2))
    became, report = constrain(circuit, replace(CHIP, fixed_weight_bits=7))
    assert became is None
    assert rows(report, "object", "parameter", "value") == [("circuit", "weight 'ring'", 9280)]
    even = {m * 2.0**e for m in range(0, 255, 2) for e in range(-8, 8)}
    distance = min(abs(value - 9280) for value in even)
    nearest = int(report.limit[0].split("nearest: ")[1].rstrip(")"))
    assert nearest in even and abs(nearest - 9280) == distance


def test_a_threshold_with_too_many_bits_is_refused():
    circuit = backprop_circuit((5, 4, 2))
    assert constrain(circuit, replace(CHIP, threshold_bits=11))[0] is circuit
    with pytest.raises(HardwareError, match=r"^circuit: threshold is 1024, .* 0 … 1023$"):
        constrain(circuit, replace(CHIP, threshold_bits=10), strict=True)


def test_a_strict_refusal_lists_every_reason():
    spec = replace(CHIP, threshold_bits=10, delay_bits=2, fixed_weight_bits=7)
    _, report = constrain(backprop_circuit((5, 4, 2)), spec)
    with pytest.raises(HardwareError) as caught:
        constrain(backprop_circuit((5, 4, 2)), spec, strict=True)
    lines = str(caught.value).splitlines()
    assert len(lines) == len(report) == 1 + 1 + len(DELAYED)
    for line, (name, parameter) in zip(lines, rows(report, "object", "parameter"), strict=True):
        assert line.startswith(f"{name}: {parameter} is ")


# -- weights -------------------------------------------------------------------------------------


def test_initial_weights_fit_as_they_are():
    weights = initial_weights((30, 20, 5), seed=1)
    same, report = constrain(weights, CHIP, strict=True)
    assert same is weights
    assert report.empty


def test_a_matrix_is_reported_in_one_row_for_clipped_and_one_for_rounded_entries():
    matrix = np.array([[3, -3, 2, 300], [-1000, 256, 0, -256]], dtype=np.int16)
    other = np.zeros((2, 2), dtype=np.int16)
    become, report = constrain((matrix, other), CHIP)
    assert become[0].tolist() == [[2, -2, 2, 254], [-256, 254, 0, -256]]
    assert become[0].dtype == np.int16
    assert become[1] is other
    assert rows(report, "object", "parameter", "action", "n", "value", "became", "error") == [
        ("w1", "weight", "clipped", 3, -1000, -256, 744),
        ("w1", "weight", "rounded", 2, 3, 2, -1),
    ]
    assert report.max_error.tolist() == [744, 1]
    assert report.mean_error.tolist() == [(46 + 744 + 2) / 3, 1]


def test_weights_by_projection_keep_their_keys_and_are_reported_by_their_names():
    circuit = backprop_circuit((6, 5, 3))
    layers = initial_weights(circuit.sizes, seed=2)
    weights = {row: as_copy(row, layers) for row in circuit.plastic}
    weights[circuit.plastic[3]] = weights[circuit.plastic[3]] + np.int16(1)
    become, report = constrain(weights, CHIP)
    assert become.keys() == weights.keys()
    assert rows(report, "object", "action", "n", "max_error") == [("h→o", "rounded", 15, 1)]
    assert all(become[row] is weights[row] for row in circuit.plastic if row.name != "h→o")


@given(
    st.lists(st.integers(-300, 300) | st.floats(-300, 300), min_size=1, max_size=8),
    st.sampled_from(SignMode), st.integers(-3, 2), st.integers(1, 8),
)  # fmt: skip
def test_what_comes_back_fits_and_the_report_counts_the_entries_that_changed(
    weights, mode, exponent, bits
):
    spec = replace(CHIP, weight_bits=bits)
    before = np.array(weights)
    after, report = constrain(before, spec, sign_mode=mode, exponent=exponent)
    changed = before != after
    assert report.n.sum() == np.count_nonzero(changed)
    if changed.any():
        errors = np.abs(after - before)[changed]
        assert report.max_error.max() == errors.max()
        total = (report.mean_error * report.n).sum()
        assert total == pytest.approx(errors.sum())
    low = {"mixed": -256, "excitatory": 0, "inhibitory": -255}[mode.value]
    high = {"mixed": 254, "excitatory": 255, "inhibitory": 0}[mode.value]
    step = 2 ** (9 - bits) if mode is SignMode.MIXED else 2 ** (8 - bits)
    there = {math.floor(m * 2.0**exponent) for m in range(low, high + 1) if m % step == 0}
    assert set(after.tolist()) <= there


def test_weights_with_an_exponent_lose_what_lies_below_its_step():
    become, report = constrain(
        np.array([7, -300, 1000.0]), CHIP, sign_mode=SignMode.EXCITATORY, exponent=1
    )
    assert become.tolist() == [6, 0, 510]
    assert rows(report, "action", "n", "max_error") == [("clipped", 2, 490), ("rounded", 1, 1)]


def test_stochastic_weights_need_random_numbers_and_are_drawn_from_them():
    spec = replace(CHIP, rounding="stochastic")
    odd = np.full(2000, 101)
    with pytest.raises(HardwareError, match="pass rng"):
        constrain(odd, spec)
    become, report = constrain(odd, spec, rng=np.random.default_rng(0))
    assert set(become.tolist()) == {100, 102}
    assert rows(report, "action", "n", "mean_error") == [("rounded", 2000, 1)]


def test_a_matrix_with_a_weight_that_is_no_number_is_refused():
    weights = {"good": np.array([2.0]), "bad": np.array([2.0, math.nan, math.inf])}
    become, report = constrain(weights, CHIP)
    assert become["bad"] is None
    assert become["good"] is weights["good"]
    assert rows(report, "object", "action", "n") == [("bad", "refused", 2)]
    with pytest.raises(HardwareError, match=r"bad: weight is nan \(and 1 others\), .* finite"):
        constrain(weights, CHIP, strict=True)


def test_weights_outside_the_format_are_an_error_with_name_value_and_limit():
    with pytest.raises(HardwareError) as caught:
        constrain({"x→h": np.array([258, 0])}, CHIP, strict=True)
    assert str(caught.value) == (
        "x→h: weight is 258, but the chip has mixed mantissas -256 … 254 in steps of 2, times 2^0; "
        "254 would fit"
    )


# -- neuron parameters ---------------------------------------------------------------------------

FITTING = NeuronParameters(
    threshold=65536, bias=-524288, current_decay=4096, voltage_decay=0, refractory=64, delay=62
)


def test_parameters_at_the_ends_of_their_ranges_fit():
    for what in (FITTING, vars(FITTING), {"h": FITTING, "o": {"threshold": 131_071 * 64}}):
        same, report = constrain(what, CHIP, strict=True)
        assert same is what
        assert report.empty


@pytest.mark.parametrize(
    ("parameter", "value", "became", "action", "limit"),
    [
        ("threshold", 65_600 + 63, 65_600, "rounded", "0 … 8388544 in steps of 64"),
        ("threshold", 2**23, 131_071 * 64, "clipped", "0 … 8388544 in steps of 64"),
        ("threshold", -64, 0, "clipped", "0 … 8388544 in steps of 64"),
        ("bias", 4097, 4096, "rounded", "mantissas -4096 … 4095 times 2^0 … 2^7"),
        ("bias", 524_288, 4095 * 128, "clipped", "-524288 … 524160"),
        ("bias", -32128 * 64, -4096 * 128, "clipped", "-524288 … 524160"),
        ("current_decay", 4097, 4096, "clipped", "0 … 4096"),
        ("current_decay", -1, 0, "clipped", "0 … 4096"),
        ("voltage_decay", 5000, 4096, "clipped", "0 … 4096"),
        ("voltage_decay", 409.6, 410, "rounded", "0 … 4096"),
        ("refractory", 0, 1, "clipped", "1 … 64"),
        ("refractory", 65, 64, "clipped", "1 … 64"),
        ("delay", 63, 62, "clipped", "0 … 62"),
        ("delay", -1, 0, "clipped", "0 … 62"),
    ],
)
def test_a_parameter_outside_its_format_is_changed_and_strictly_an_error(
    parameter, value, became, action, limit
):
    what = {"h": replace(FITTING, **{parameter: value})}
    become, report = constrain(what, CHIP)
    assert become == {"h": replace(FITTING, **{parameter: became})}
    assert rows(report, "object", "parameter", "value", "became", "error", "action", "n") == [
        ("h", parameter, value, became, became - value, action, 1)
    ]
    with pytest.raises(HardwareError) as caught:
        constrain(what, CHIP, strict=True)
    assert str(caught.value).startswith(f"h: {parameter} is {value}, but the chip has ")
    assert limit in str(caught.value)


def test_an_array_of_one_parameter_per_neuron_is_reported_as_a_whole():
    become, report = constrain({"bias": np.array([5, 4097, 8191, 10**6]), "delay": 3}, CHIP)
    assert become["bias"].tolist() == [5, 4096, 8190, 524_160]
    assert become["delay"] == 3
    assert rows(report, "object", "action", "n", "max_error") == [
        ("neurons", "clipped", 1, 10**6 - 524_160), ("neurons", "rounded", 2, 1),
    ]  # fmt: skip


def test_parameters_that_are_no_numbers_are_refused():
    become, report = constrain({"h": replace(FITTING, bias=math.nan)}, CHIP)
    assert become == {"h": None}
    assert rows(report, "object", "parameter", "action") == [("h", "bias", "refused")]


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"h": {"threshold": 64, "dealy": 3}}, "h: no parameter 'dealy'; known are threshold"),
        ({"treshold": 64}, "cannot constrain treshold = 64: it must be"),
        ({"threshold": "high"}, "neurons: threshold is 'high'; must be a number"),
        ({"threshold": True}, "neurons: threshold is True; must be a number"),
        (np.array(["a"]), "weights: weight is .*must be a number"),
        ("loihi1", "cannot constrain 'loihi1': it must be"),
        (None, "cannot constrain None"),
    ],
)
def test_things_that_the_chip_knows_nothing_of_are_errors_strict_or_not(what, message):
    for strict in (False, True):
        with pytest.raises(HardwareError, match=message):
            constrain(what, CHIP, strict=strict)


# -- rules ---------------------------------------------------------------------------------------


def test_the_papers_rule_fits():
    rule = parse_rule(PAPER_RULE)
    assert constrain(rule, CHIP, strict=True)[0] is rule


@pytest.mark.parametrize("constant", range(2, 130, 2))
def test_a_rules_constants_are_mantissas_of_four_bits_times_a_power_of_two(constant):
    rule = parse_rule(f"dw = 2*x0*y0 - {constant}*r1*x0*y0")
    there = {m * 2**e for m in range(-8, 8) for e in range(10)}
    became, report = constrain(rule, CHIP)
    if -constant in there:
        assert became is rule
    else:
        assert became is None
        assert rows(report, "parameter", "value") == [("constant of r1*x0*y0", -constant)]
        with pytest.raises(HardwareError, match=rf"is -{constant}, but the chip has -8 … 7 times"):
            constrain(rule, CHIP, strict=True)


# -- imports -------------------------------------------------------------------------------------


def test_the_chips_formats_do_not_load_brian2():
    program = "import sys, synfire_bp.loihi; sys.exit('brian2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
