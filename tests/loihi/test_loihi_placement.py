"""Placement: every neuron on a core, no core too full, and what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synapses_one_by_one import every_synapse

from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.placement import LIMITS, ChipResources, learns, place

MNIST = (400, 400, 10)
FASHION = (784, 400, 10)


def by_hand(sizes):
    """Neurons, learning and fixed synapses of the training circuit, counted on Fig. 2."""
    n_in, n_hid, n_out = sizes
    neurons = 2 * n_in + 6 * n_hid + 7 * n_out + 12
    # x→h, x→h<, x→h>; h→o, h→o<, h→o>, o→hT, oT→hT
    plastic = 3 * n_in * n_hid + 5 * n_hid * n_out
    # One to one, per unit. Input: input→x, x→m_x, m_x→x twice. Hidden: h→m_h; m_h→h and hT, twice
    # each; hT→h, h<, h>; h<→c; h>→c; c→h, h<, h> twice each. Output: target→t; t→d+, d-;
    # o→d+, d-; o>→d-; o<→d+, d-; d+ and d- →o, o<, o>, oT.
    relays = 4 * n_in + (1 + 4 + 3 + 2 + 6) * n_hid + (1 + 2 + 2 + 1 + 2 + 8) * n_out
    # Gates, per unit; a gate to threshold 0 has two weights. Input: phases 1, 6, 7, 11.
    # Hidden, phases 2-6, 8-10; output, phases 0, 3-6, 9, 10.
    gates_hidden = (1 + 2 + 1) + 1 + 1 + 2 + (1 + 2) + 3 + 2 + 2
    gates_output = 3 + (1 + 1 + 2 + 1) + 1 + 4 + 3 + 4 + 3
    gates = 4 * n_in + gates_hidden * n_hid + gates_output * n_out
    return neurons, plastic, relays + gates + 12  # and the ring


@pytest.mark.parametrize("sizes", [MNIST, FASHION])
def test_neurons_synapses_and_memory_on_the_cores_are_those_counted_by_hand(sizes):
    neurons, plastic, fixed = by_hand(sizes)
    placement = place(backprop_circuit(sizes))
    cores = placement.cores
    assert cores.compartments.sum() == neurons
    assert cores.synapses.sum() == plastic + fixed
    assert placement.synapses["plastic"].sum() == plastic
    assert placement.synapses["fixed"].sum() == fixed
    assert cores["synaptic memory"].sum() == 16 * plastic + 24 * fixed
    assert placement.utilisation.used["synaptic memory"] == 16 * plastic + 24 * fixed


def test_mnist_counts_are_the_published_ones():
    neurons, plastic, _ = by_hand(MNIST)
    assert (neurons, plastic) == (3282, 500_000)


@pytest.mark.parametrize("sizes", [MNIST, FASHION])
def test_inference_has_three_populations_four_gates_and_cheaper_synapses(sizes):
    n_in, n_hid, n_out = sizes
    placement = place(inference_circuit(sizes))
    plastic = n_in * n_hid + n_hid * n_out
    fixed = n_in + (n_in + n_hid + n_out) + 4  # input→x, one gate each, the ring
    assert placement.cores.compartments.sum() == n_in + n_hid + n_out + 4
    assert placement.cores["synaptic memory"].sum() == 9 * plastic + 24 * fixed
    assert not learns(placement.circuit)


@pytest.mark.parametrize("sizes", [MNIST, FASHION])
@pytest.mark.parametrize("make", [backprop_circuit, inference_circuit])
def test_no_core_exceeds_a_limit(make, sizes):
    placement = place(make(sizes))
    assert (placement.cores[list(LIMITS)] <= placement.resources.limits).all(axis=None)


@pytest.mark.parametrize(
    "chip",
    [
        ChipResources(compartments=9),
        ChipResources(input_axons=33),
        ChipResources(synaptic_memory=300),
        ChipResources(compartments=11, input_axons=40, synaptic_memory=400),
    ],
)
def test_a_full_core_has_no_room_for_the_next_neuron(chip):
    circuit = backprop_circuit((6, 5, 3))
    placement = place(circuit, chip)
    synapses = list(every_synapse(circuit))
    assert placement.n_cores > 4
    for core, said in enumerate(placement.filled_by[:-1]):
        here = set(np.flatnonzero(placement.core_of == core))
        here.add(np.flatnonzero(placement.core_of == core + 1)[0])
        arriving = [(pre, plastic) for pre, post, plastic in synapses if post in here]
        used = {
            "compartments": len(here),
            "input axons": len({pre for pre, _ in arriving}),
            "output axons": 0,  # as many as anyone could want
            "synaptic memory": sum(16 if plastic else 24 for _, plastic in arriving),
        }
        limits = dict(zip(LIMITS, chip.limits, strict=True))
        assert said == tuple(limit for limit in LIMITS if used[limit] > limits[limit]) != ()


def test_what_a_core_holds_equals_a_count_synapse_by_synapse():
    circuit = backprop_circuit((6, 5, 3))
    chip = ChipResources(compartments=11, input_axons=30, output_axons=70, synaptic_memory=400)
    placement = place(circuit, chip)
    assert placement.n_cores > 5
    core_of = placement.core_of
    memory = np.zeros(placement.n_cores, dtype=int)
    axons_in = [set() for _ in range(placement.n_cores)]
    axons_out = [set() for _ in range(placement.n_cores)]
    for pre, post, plastic in every_synapse(circuit):
        memory[core_of[post]] += 16 if plastic else 24
        axons_in[core_of[post]].add(pre)
        if core_of[pre] >= 0:
            axons_out[core_of[pre]].add((pre, core_of[post]))
    cores = placement.cores
    assert cores["synaptic memory"].tolist() == memory.tolist()
    assert cores["input axons"].tolist() == [len(axons) for axons in axons_in]
    assert cores["output axons"].tolist() == [len(axons) for axons in axons_out]
    assert cores["compartments"].tolist() == np.bincount(core_of[core_of >= 0]).tolist()
    assert (cores[list(LIMITS)] <= chip.limits).all(axis=None)


@settings(max_examples=40)
@given(
    sizes=st.tuples(*[st.integers(1, 12)] * 3),
    compartments=st.integers(1, 40),
    output_axons=st.integers(30, 200),
    memory=st.integers(150, 2000),
    training=st.booleans(),
)
def test_any_small_circuit_lies_whole_within_the_limits_or_is_refused(
    sizes, compartments, output_axons, memory, training
):
    circuit = (backprop_circuit if training else inference_circuit)(sizes)
    chip = ChipResources(
        cores=200, compartments=compartments, output_axons=output_axons, synaptic_memory=memory
    )
    try:
        placement = place(circuit, chip)
    except HardwareError as error:
        assert any(limit in str(error) for limit in LIMITS)
        return
    assert (placement.cores[list(LIMITS)] <= chip.limits).all(axis=None)
    assert placement.cores.compartments.sum() == circuit.n_neurons
    held = {name: 0 for name in circuit.population_sizes}
    for part in placement.parts:
        assert part.start == held[part.population]  # in order, without a gap
        held[part.population] = part.stop
    sources = {source.name: 0 for source in circuit.sources}
    assert held == circuit.population_sizes | sources


def test_sources_take_no_compartments_but_an_input_axon_each():
    circuit = inference_circuit((4, 3, 2))
    placement = place(circuit)
    assert (placement.core_of[circuit.slices["input"]] == -1).all()
    assert placement.cores.compartments.sum() == 4 + 3 + 2 + 4
    assert placement.cores["input axons"].sum() == 4 + 4 + 3 + 4  # input, x, h, gates
    assert "input" not in set(placement.populations.population)


def test_the_same_circuit_lies_on_the_same_cores():
    assert place(backprop_circuit(FASHION)).parts == place(backprop_circuit(FASHION)).parts


@pytest.mark.parametrize(
    ("limit", "chip"),
    [
        ("compartments", ChipResources(compartments=10)),
        ("input axons", ChipResources(input_axons=64)),
        ("output axons", ChipResources(output_axons=40)),
        ("synaptic memory", ChipResources(synaptic_memory=1000)),
    ],
)
def test_the_limit_that_was_lowered_is_named_as_the_one_that_binds(limit, chip):
    placement = place(backprop_circuit((20, 16, 4)), chip)
    assert placement.n_cores > 1
    assert placement.binding == limit
    assert placement.utilisation.fills[limit] > 0
    assert limit in set(placement.cores["filled by"])


def test_on_one_core_the_most_used_limit_binds():
    placement = place(backprop_circuit((20, 16, 4)))
    assert placement.n_cores == 1
    row = placement.cores.loc[0]
    used = {name: row[name] / most
            for name, most in zip(LIMITS, placement.resources.limits, strict=True)}  # fmt: skip
    assert placement.binding == max(used, key=used.get) == row.binds
    assert row.utilisation == pytest.approx(max(used.values()))


def test_dearer_learning_synapses_take_more_cores():
    circuit = backprop_circuit(MNIST)
    cores = [place(circuit, ChipResources(learning_synapse_bits=bits)).n_cores
             for bits in (8, 16, 24)]  # fmt: skip
    _, plastic, _ = by_hand(MNIST)
    least = [-(-bits * plastic // (8 * 128 * 1024)) for bits in (8, 16, 24)]
    assert cores == sorted(set(cores))
    assert all(n >= enough for n, enough in zip(cores, least, strict=True))


def test_a_circuit_can_be_spread_over_more_cores_than_it_needs():
    circuit = backprop_circuit(MNIST)
    spread = place(circuit, compartments_per_core=64)
    assert (spread.cores.compartments <= 64).all()
    assert spread.n_cores == -(-3282 // 64)
    assert spread.n_tiles == -(-spread.n_cores // 4)


def test_hops_count_tiles_along_rows_and_columns():
    chip = ChipResources()  # 4 cores a tile, 8 tiles a row
    for source, target, east_west, north_south in (
        (0, 3, 0, 0),
        (0, 4, 1, 0),
        (3, 31, 7, 0),
        (0, 32, 0, 1),
        (127, 0, 7, 3),
    ):
        assert chip.hops(source, target) == (east_west, north_south)
        assert chip.hops(target, source) == (east_west, north_south)
    east_west, north_south = place(backprop_circuit(MNIST), compartments_per_core=64).distances
    assert east_west.shape == north_south.shape == (52, 52)
    assert north_south.max() == 1


@pytest.mark.parametrize(
    ("sizes", "chip", "words"),
    [
        ((4100, 4, 2), {}, ["population 'h'", "input axons", "4,096"]),
        ((400, 400, 10), {"synaptic_memory": 500}, ["bytes of synaptic memory", "128 cores"]),
        ((30, 4, 2), {"synaptic_memory": 80}, ["population 'h'", "80 bytes of synaptic memory"]),
        ((784, 4000, 10), {}, ["synaptic memory", "131,072 bytes", "128 cores"]),
        ((400, 400, 10), {"cores": 3}, ["3 cores"]),
        (FASHION, {"cores": 18}, ["does not fit", "18 cores", "4,050", "synaptic memory"]),
        ((20, 16, 4), {"output_axons": 1, "cores": 400}, ["output axons", "a core has 1"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name_value_and_limit(sizes, chip, words):
    with pytest.raises(HardwareError) as caught:
        place(backprop_circuit(sizes), replace(ChipResources(), **chip))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("value", [0, -4, 1.5, True, "many"])
def test_a_chip_of_impossible_numbers_is_refused(value):
    with pytest.raises(HardwareError, match="cores_per_tile"):
        ChipResources(cores_per_tile=value)
    with pytest.raises(HardwareError, match="compartments_per_core"):
        place(backprop_circuit((4, 3, 2)), compartments_per_core=value)


def test_more_compartments_per_core_than_there_are_is_refused():
    with pytest.raises(HardwareError, match=r"2,000.*1,024"):
        place(backprop_circuit((4, 3, 2)), compartments_per_core=2000)
