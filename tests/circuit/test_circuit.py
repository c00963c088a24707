"""The circuit as data, held against its tables, which stand here a second time.

`circuit_tables` is written from the description of the circuit, not from `synfire_bp.circuit`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from circuit_tables import (
    GATES,
    PLASTIC,
    POPULATIONS,
    SOURCES,
    VALUES,
    WEIGHTS,
    one_to_one,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from synfire_bp.circuit import (
    Block,
    Circuit,
    FixedWeight,
    Gate,
    Phase,
    PlasticProjection,
    Population,
    Relay,
    Source,
    backprop_circuit,
    fixed_weights,
    inference_circuit,
)
from synfire_bp.circuit.reference import firing_table
from synfire_bp.errors import CircuitError


def gating(gates, n_phases):
    """Yield (pre, post, weight, extra delay) of every spike of the gating chain."""
    for phase, columns in gates.items():
        weights = (("open",), ("open", "half"), ("cancel",), ("block",))
        for populations, names in zip(columns, weights, strict=True):
            for population in populations.split():
                for name in names:
                    yield f"g{phase}", population, name, 0
    for phase in range(n_phases):
        yield f"g{phase}", f"g{(phase + 1) % n_phases}", "ring", 0


def rows_of(circuit):
    return Counter((p.pre, p.post, p.weight.name, p.extra_delay) for p in circuit.projections)


sizes_3 = st.tuples(st.integers(1, 900), st.integers(1, 900), st.integers(1, 50))


# -- the training circuit against its tables ----------------------------------------------------


def test_populations_are_those_of_the_table():
    circuit = backprop_circuit((7, 5, 3))
    layers = {"in": 7, "hid": 5, "out": 3}
    expected = {name: layers[layer] for name, (layer, _) in (SOURCES | POPULATIONS).items()}
    expected |= {f"g{k}": 1 for k in range(12)}
    assert circuit.population_sizes == expected
    assert circuit.n_phases == 12


def test_the_paper_size_has_3282_neurons_and_500000_plastic_synapses():
    circuit = backprop_circuit((400, 400, 10))
    size = {"in": 400, "hid": 400, "out": 10}
    layer = {name: size[kind] for name, (kind, _) in POPULATIONS.items()}
    n_neurons = sum(layer.values()) + 12
    n_plastic = sum(layer[pre] * layer[post] for pre, post, *_ in PLASTIC)
    assert (circuit.n_neurons, n_neurons) == (3282, 3282)
    assert (circuit.n_plastic_synapses, n_plastic) == (500_000, 500_000)
    assert circuit.n_cells == n_neurons + 400 + 10


@given(sizes=sizes_3)
def test_counts_follow_from_the_tables_for_any_sizes(sizes):
    circuit = backprop_circuit(sizes)
    size = dict(zip(("in", "hid", "out"), sizes, strict=True))
    cells = {name: size[kind] for name, (kind, _) in (SOURCES | POPULATIONS).items()}
    cells |= {f"g{k}": 1 for k in range(12)}
    assert circuit.n_neurons == sum(cells.values()) - sizes[0] - sizes[2]
    assert circuit.n_plastic_synapses == sum(cells[pre] * cells[post] for pre, post, *_ in PLASTIC)
    fixed = [*one_to_one(), *gating(GATES, 12)]
    assert circuit.n_fixed_synapses == sum(cells[post] for _, post, _, _ in fixed)


@given(sizes=sizes_3)
def test_slices_part_the_cells_without_gap_or_overlap(sizes):
    for circuit in (backprop_circuit(sizes), inference_circuit(sizes)):
        covered = [cell for at in circuit.slices.values() for cell in range(at.start, at.stop)]
        assert covered == list(range(circuit.n_cells))
        for name, size in circuit.population_sizes.items():
            assert circuit.slices[name].stop - circuit.slices[name].start == size


def test_plastic_projections_are_those_of_the_table():
    rows = [
        (p.pre, p.post, p.layer, p.transposed, p.sign) for p in backprop_circuit((2, 2, 2)).plastic
    ]
    assert Counter(rows) == Counter(PLASTIC)


def test_fixed_projections_are_those_of_the_tables():
    expected = Counter([*one_to_one(), *gating(GATES, 12)])
    assert rows_of(backprop_circuit((4, 3, 2))) == expected


def test_firmer_blocks_are_two_synapses_of_the_gates_of_phases_0_and_8_on_the_hidden_layer():
    papers, firmer = (
        rows_of(backprop_circuit((4, 3, 2), paper_gates=own)) for own in (True, False)
    )
    hidden = ("h", "h<", "h>")
    assert not papers - firmer
    expected = Counter({("g0", name, "block", 0): 2 for name in hidden})
    assert firmer - papers == expected + Counter({("g8", name, "block", 0): 1 for name in hidden})


@given(sizes=sizes_3, own=st.booleans())
def test_firmer_blocks_change_no_phase_in_which_a_population_may_fire(sizes, own):
    circuit = backprop_circuit(sizes, paper_gates=own)
    assert firing_table(circuit) == firing_table(backprop_circuit(sizes))
    assert circuit.withstands() == (9216 if own else 17344)  # o is blocked once
    for name in ("h", "h<", "h>"):
        assert circuit.withstands(name) == (9216 if own else 8192 + 2 * 8128 + 1024)
        assert circuit.withstands_in(name, 0) == (9216 if own else 25472)
        assert circuit.withstands_in(name, 8) == (9216 + 8128 if own else 25472)
        assert circuit.withstands_in(name, 4) == 9216


def test_a_resting_block_of_its_own_strength_is_one_synapse_of_each_of_the_two_gates():
    circuit = backprop_circuit((4, 3, 2), paper_gates=False, resting_block=11776)
    blocks = {
        (row.pre, row.post): row.weight.value
        for row in circuit.projections
        if row.pre in ("g0", "g8") and row.post in ("h", "h<", "h>")
    }
    assert blocks == {(gate, h): -11776 for gate in ("g0", "g8") for h in ("h", "h<", "h>")}
    assert circuit.fixed_weights["-11776"] == FixedWeight("-11776", -184, 6)
    for name in ("h", "h<", "h>"):
        assert circuit.withstands(name) == 8192 + 1024 + 11776 == 20992
        assert circuit.blocked_by(name, 8) == -11776
        assert circuit.blocked_by(name, 2) == 0


@pytest.mark.parametrize("strength", [-5, 0, 63, 32641, 3.5, "a", True])
def test_a_resting_block_that_no_circuit_has_is_refused(strength):
    with pytest.raises(CircuitError, match=r"resting_block is .*; must be a whole number from 64"):
        backprop_circuit((4, 3, 2), paper_gates=False, resting_block=strength)
    with pytest.raises(CircuitError, match="given with paper_gates=False"):
        backprop_circuit((4, 3, 2), resting_block=11520)


def test_reward_is_on_in_phases_5_and_7():
    circuit = backprop_circuit((2, 2, 2))
    assert circuit.reward_phases == (5, 7)
    depressing = [phase.index for phase in circuit.phases if phase.learning == "depression"]
    assert depressing == [9, 11]


def test_sources_emit_when_g1_and_g3_fire():
    circuit = backprop_circuit((2, 2, 2))
    phases = firing_table(circuit)
    emitting = {source.name: (source.emits,) for source in circuit.sources}
    assert emitting == {"input": phases["g1"], "target": phases["g3"]}


def test_populations_fire_in_the_phases_of_the_table_and_in_no_other():
    expected = {name: phases for name, (_, phases) in (SOURCES | POPULATIONS).items()}
    expected |= {f"g{k}": {(k - 1) % 12} for k in range(12)}
    found = firing_table(backprop_circuit((400, 400, 10)))
    assert {name: set(phases) for name, phases in found.items()} == expected
    assert all(list(phases) == sorted(set(phases)) for phases in found.values())


@pytest.mark.parametrize("closing", [8192 + 128, 16384, 20352, 32128])
def test_a_larger_closing_bias_changes_no_firing_phase(closing):
    circuit = backprop_circuit((5, 4, 3), closing=closing)
    assert firing_table(circuit) == firing_table(backprop_circuit((5, 4, 3)))
    assert circuit.withstands() == closing + 1024


def test_every_population_but_sources_and_gates_is_closed():
    circuit = backprop_circuit((2, 2, 2))
    biases = {name: circuit.bias(name) for name in circuit.population_sizes}
    assert {name for name, bias in biases.items() if bias == -8192} == set(POPULATIONS)
    assert {bias for name, bias in biases.items() if name not in POPULATIONS} == {0}


@given(sizes=sizes_3, half_limit=st.integers(1, 127))
def test_largest_sums_are_those_of_all_inputs_at_the_weight_limit(sizes, half_limit):
    circuit = backprop_circuit(sizes, weight_limit=2 * half_limit)
    size = dict(zip(("in", "hid", "out"), sizes, strict=True))
    expected = Counter()
    for pre, post, *_ in PLASTIC:
        expected[post] += 2 * half_limit * size[POPULATIONS[pre][0]]
    assert circuit.largest_sums() == expected
    assert circuit.withstands() == 9216


# -- fixed weights --------------------------------------------------------------------------------


def test_fixed_weights_are_those_of_the_table():
    table = fixed_weights()
    assert {name: weight.value for name, weight in table.items()} == VALUES
    assert {name: (w.mantissa, w.exponent) for name, w in table.items()} == WEIGHTS
    assert all(name == weight.name for name, weight in table.items())


def test_gates_leave_the_three_thresholds_0_half_and_full():
    for threshold, names in ((512, ("open",)), (0, ("open", "half")), (1024, ("cancel",))):
        assert Gate(2, "h", threshold).weights == names
        assert -8192 + sum(VALUES[name] for name in names) + threshold == 1024


@given(closing=st.integers(64, 251).map(lambda k: 128 * k))
def test_every_closing_bias_that_a_model_may_have_gives_gates_their_thresholds(closing):
    table = {name: weight.value for name, weight in fixed_weights(closing).items()}
    assert closing - table["open"] == -512
    assert closing - table["open"] - table["half"] == -1024
    assert closing == table["cancel"]
    assert -closing < table["block"] < -closing * 0.98  # as deep again, less one mantissa step
    backprop_circuit((3, 3, 3), closing=closing)


@given(value=st.integers(-33_000, 33_000))
def test_a_value_becomes_a_fixed_weight_exactly_if_the_chip_has_it(value):
    holds = {e for e in range(8) if value % 2**e == 0 and abs(value) // 2**e <= 255}
    if holds:
        weight = FixedWeight.from_value("w", value)
        assert weight.value == value == weight.mantissa * 2**weight.exponent
        assert weight.exponent == min(holds)
        assert abs(weight.mantissa) <= 255
    else:
        with pytest.raises(CircuitError, match=f"'w' = {value} "):
            FixedWeight.from_value("w", value)


@pytest.mark.parametrize("closing", [0, -8192])
def test_a_closing_bias_must_be_positive(closing):
    with pytest.raises(CircuitError, match=f"closing bias is {closing}"):
        backprop_circuit((2, 2, 2), closing=closing)


def test_a_closing_bias_that_the_chip_cannot_hold_is_refused():
    with pytest.raises(CircuitError, match=r"'cancel' = 32769"):
        backprop_circuit((2, 2, 2), closing=32769)
    with pytest.raises(CircuitError, match=r"'open' = 33152"):  # 259 * 128
        backprop_circuit((2, 2, 2), closing=32640)


# -- the inference circuit ------------------------------------------------------------------------


def test_inference_is_the_forward_part_in_a_ring_of_four():
    circuit = inference_circuit((7, 5, 3))
    assert circuit.n_phases == 4
    assert circuit.population_sizes == {
        "input": 7, "x": 7, "h": 5, "o": 3, "g0": 1, "g1": 1, "g2": 1, "g3": 1,
    }  # fmt: skip
    gates = {1: ("x", "", "", ""), 2: ("h", "", "", ""), 3: ("o", "", "", "")}
    assert rows_of(circuit) == Counter([("input", "x", "relay", 0), *gating(gates, 4)])
    assert [(p.pre, p.post, p.layer, p.transposed, p.sign) for p in circuit.plastic] == [
        ("x", "h", 0, False, 1),
        ("h", "o", 1, False, 1),
    ]
    assert circuit.reward_phases == ()


def test_inference_fires_x_h_o_one_after_the_other():
    assert firing_table(inference_circuit((7, 5, 3))) == {
        "input": (0,), "x": (1,), "h": (2,), "o": (3,),
        "g0": (3,), "g1": (0,), "g2": (1,), "g3": (2,),
    }  # fmt: skip


@pytest.mark.parametrize("make", [backprop_circuit, inference_circuit])
def test_both_circuits_read_out_in_phase_3(make):
    circuit = make((4, 4, 4))
    assert [circuit.forward_phase(name) for name in ("x", "h", "o")] == [1, 2, 3]


# -- what a circuit refuses -----------------------------------------------------------------------

VALID = backprop_circuit((5, 4, 3))


def with_population(name, layer):
    return {"populations": (*VALID.populations, Population(name, layer, "for the test"))}


def with_relay(*row, **more):
    return {"relays": (*VALID.relays, Relay(*row, **more))}


def with_plastic(*row, **more):
    return {"plastic": (*VALID.plastic, PlasticProjection(*row, **more))}


def with_gate(gate):
    return {"gates": (*VALID.gates, gate)}


REFUSED = {
    "two layers": ({"sizes": (5, 4)}, r"\(5, 4\) name 2 layers.*has 3"),
    "four layers": ({"sizes": (5, 4, 4, 3)}, "name 4 layers"),
    "an empty layer": ({"sizes": (5, 0, 3)}, "hidden layer is 0;"),
    "a negative size": ({"sizes": (-5, 4, 3)}, "input layer is -5;"),
    "half a unit": ({"sizes": (5, 4, 2.5)}, "output layer is 2.5;"),
    "a size of true": ({"sizes": (5, True, 3)}, "hidden layer is True;"),
    "a size in words": ({"sizes": (5, 4, "3")}, "output layer is '3';"),
    "an odd weight limit": ({"weight_limit": 253}, "weight limit is 253;"),
    "a weight limit that 8 bits lack": ({"weight_limit": 256}, "weight limit is 256;"),
    "no weights at all": ({"weight_limit": 0}, "weight limit is 0;"),
    "phases out of order": (
        {"phases": (*VALID.phases[1::-1], *VALID.phases[2:])}, "phases must be numbered",
    ),
    "a phase left out": (
        {"phases": VALID.phases[:5] + VALID.phases[6:]}, "phases must be numbered",
    ),
    "a phase twice": ({"phases": (*VALID.phases, Phase(11, "again"))}, "phases must be numbered"),
    "an unknown layer": (with_population("y", "retina"), "'y' lies in the unknown layer 'retina'"),
    "a source in an unknown layer": (
        {"sources": (*VALID.sources, Source("noise", "sky", 0, "for the test"))},
        "'noise' lies in the unknown layer 'sky'",
    ),
    "two populations of one name": (with_population("h<", "output"), r"named \['h<'\]"),
    "a source with a population's name": (
        {"sources": (*VALID.sources, Source("m_h", "hidden", 0, "for the test"))},
        r"named \['m_h'\]",
    ),
    "a population with a gate's name": (with_population("g7", "gate"), r"named \['g7'\]"),
    "a relay from nowhere": (with_relay("y", ("h",)), "projection y→h names the unknown .* 'y'"),
    "a relay to nowhere": (with_relay("h", ("m_h", "z")), "projection h→z names the unknown .*'z'"),
    "plastic weights from nowhere": (
        with_plastic("y", "h", 0), "plastic projection y→h names the unknown population 'y'",
    ),
    "plastic weights to nowhere": (
        with_plastic("x", "z", 0), "plastic projection x→z names the unknown population 'z'",
    ),
    "a gate to nowhere": (
        with_gate(Gate(4, "z")), "gate in phase 4 names the unknown population 'z'",
    ),
    "a block of nothing": (
        with_gate(Block(4, "z")), "gate in phase 4 names the unknown population 'z'",
    ),
    "a relay between layers": (with_relay("x", ("h",)), "x→h is one to one, but .* 5 and 4"),
    "a relay from a gate": (with_relay("g1", ("h",)), "g1→h is one to one, but .* 1 and 4"),
    "a third weight layer": (with_plastic("o", "oT", 2), "o→oT: layer 2, sign 1;"),
    "a negative weight layer": (with_plastic("o", "oT", -1), "o→oT: layer -1, sign 1;"),
    "a doubled weight": (with_plastic("x", "h", 0, sign=2), "x→h: layer 0, sign 2;"),
    "no sign": (with_plastic("x", "h", 0, sign=0), "x→h: layer 0, sign 0;"),
    "weights of another layer": (
        with_plastic("x", "c", 1), r"x→c joins 5 to 4 neurons, but its weight matrix is \(4, 3\)",
    ),
    "weights the wrong way round": (
        with_plastic("o", "hT", 1), r"o→hT joins 3 to 4 neurons, but its weight matrix is \(4, 3\)",
    ),
    "weights needlessly transposed": (
        with_plastic("h", "o", 1, transposed=True), r"h→o joins 4 to 3 .* is \(3, 4\)",
    ),
    "a gate after the last phase": (
        with_gate(Gate(12, "h")), r"gate of 'h' names phase 12; .* 0 \.\.\. 11",
    ),
    "a gate before the first phase": (with_gate(Block(-1, "h")), "gate of 'h' names phase -1;"),
    "a source after the last phase": (
        {"sources": (replace(VALID.sources[0], emits=12), *VALID.sources[1:])},
        "source 'input' emits in phase 12;",
    ),
    "a source before the first phase": (
        {"sources": (*VALID.sources[:1], replace(VALID.sources[1], emits=-1))},
        "source 'target' emits in phase -1;",
    ),
    "two gates in one phase": (with_gate(Gate(2, "h")), "'h' is gated twice in phase 2"),
    "a gate and a block in one phase": (
        with_gate(Block(5, "oT")), "'oT' is gated twice in phase 5",
    ),
    "an unknown weight": (
        with_relay("h", ("m_h",), "strong"), "h→m_h names the unknown weight 'strong'",
    ),
    "an endless delay": (
        with_relay("h", ("m_h",), extra_delays=(0, 63)), "h→m_h: extra delay 63 is not",
    ),
    "a delay into the past": (
        with_relay("h", ("m_h",), extra_delays=(-1,)), "h→m_h: extra delay -1 is not",
    ),
    "a threshold that cannot be gated": (
        with_gate(Gate(4, "h", threshold=211)), "gate of 'h' in phase 4: threshold 211",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_a_circuit_refuses(changes, message):
    with pytest.raises(CircuitError, match=message):
        replace(VALID, **changes)


def test_the_longest_delay_of_the_chip_is_accepted():
    circuit = replace(VALID, **with_relay("h", ("m_h",), extra_delays=(62,)))
    assert max(p.extra_delay for p in circuit.projections) == 62


@given(limit=st.integers(-10, 300))
@settings(max_examples=50)
def test_weight_limits_are_even_and_within_8_bits(limit):
    if limit in range(2, 256, 2):
        assert backprop_circuit((1, 1, 1), weight_limit=limit).weight_limit == limit
    else:
        with pytest.raises(CircuitError, match=f"weight limit is {limit};"):
            backprop_circuit((1, 1, 1), weight_limit=limit)


def test_circuits_of_equal_rows_are_equal_and_hash_alike():
    one, other = backprop_circuit((4, 3, 2)), backprop_circuit([4, 3, 2])
    assert isinstance(other, Circuit)
    assert one == other
    assert hash(one) == hash(other)
    assert one != backprop_circuit((4, 3, 2), weight_limit=252)


def test_wide_layers_are_cautioned_about_and_narrow_ones_are_not():
    # the sums in closed phases: units times 254 against 8192 + 1024; the voltage: (2^23 - 1) / 64
    assert backprop_circuit((36, 36, 10)).cautions() == ()  # 36 * 254 = 9144
    assert any(said.startswith("h: ") for said in backprop_circuit((37, 36, 10)).cautions())
    for n_in, overflows in ((483, False), (484, True)):
        cautions = backprop_circuit((n_in, 8, 3)).cautions()
        assert (n_in * 254 + 8192 > (2**23 - 1) // 64) == overflows
        assert any("voltage" in said for said in cautions) == overflows
