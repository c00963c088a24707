"""The authors' placement: 81 cores for the paper's network, and what a core then holds."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest

from synfire_bp.circuit import backprop_circuit, inference_circuit
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.authors import PLACEMENTS, place_as_authors
from synfire_bp.loihi.placement import LIMITS, ChipResources, place

MNIST, FASHION = (400, 400, 10), (784, 400, 10)


@pytest.mark.parametrize(("sizes", "cores"), [(MNIST, 81), (FASHION, 93)])
@pytest.mark.parametrize("make", [backprop_circuit, inference_circuit])
def test_the_papers_network_lies_on_81_cores_and_fashion_on_93(make, sizes, cores):
    placement = place_as_authors(make(sizes))
    assert placement.n_cores == cores
    assert placement.core_numbers.tolist() == list(range(2, 2 + cores))
    assert placement.n_tiles == len({core // 4 for core in range(2, 2 + cores)})


def test_each_layer_takes_six_neurons_a_core_from_where_its_kind_begins():
    circuit = backprop_circuit(MNIST)
    placement = place_as_authors(circuit)
    core_of = placement.core_numbers[placement.core_of]
    learning = {"h", "h<", "h>", "o", "o<", "o>", "hT"}
    for name, size in circuit.population_sizes.items():
        if name in ("input", "target", *circuit.gate_names):
            continue
        first, last = (2, 80) if name in learning else (16, 95)
        a_core = ceil(size / (last - first))
        assert a_core == (6 if size == 400 else 1)
        expected = first + np.arange(size) // a_core
        assert core_of[circuit.slices[name]].tolist() == expected.tolist(), name
    gates = [int(core_of[circuit.slices[name]][0]) for name in circuit.gate_names]
    assert gates == list(range(40, 52))


@pytest.mark.parametrize("sizes", [MNIST, FASHION, (12, 8, 3)])
def test_it_holds_the_same_neurons_and_synapses_as_the_dense_placement(sizes):
    circuit = backprop_circuit(sizes)
    ours, theirs = place(circuit), place_as_authors(circuit)
    for column in ("compartments", "synapses", "synaptic memory"):
        assert theirs.cores[column].sum() == ours.cores[column].sum(), column
    assert (theirs.core_of >= 0).sum() == circuit.n_neurons
    assert (theirs.cores[list(LIMITS)] <= theirs.resources.limits).all(axis=None)


def test_hops_are_counted_between_the_cores_numbers_on_the_chip():
    placement = place_as_authors(backprop_circuit(MNIST))
    east_west, north_south = placement.distances
    first, last = 2 // 4, 82 // 4  # tiles, eight in a row
    assert (east_west[0, -1], north_south[0, -1]) == (last % 8 - first % 8, last // 8 - first // 8)
    assert placement.populations.set_index("population").loc["h", "core"].min() == 2


def test_a_core_that_would_be_too_full_is_refused_by_number_and_limit():
    circuit = backprop_circuit(MNIST)
    with pytest.raises(HardwareError, match=r"core 2 of the authors' placement.*synaptic memory"):
        place_as_authors(circuit, ChipResources(synaptic_memory=10_000))
    with pytest.raises(HardwareError, match="needs core 82; the chip has 64 cores"):
        place_as_authors(circuit, ChipResources(cores=64))


def test_both_placements_have_names():
    circuit = backprop_circuit((12, 8, 3))
    assert PLACEMENTS["own"](circuit).n_cores == 1
    assert PLACEMENTS["authors"](circuit).n_cores > 1
