"""A pause between answer and target changes when things happen, and not what is learnt."""

from __future__ import annotations

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.circuit.deep import deep_circuit
from synfire_bp.circuit.pause import pausing
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.circuit.schedule import Schedule
from synfire_bp.circuit.weights import as_copy
from synfire_bp.errors import CircuitError


def learnt_by(circuit, seed):
    """Return the plastic weights after a few samples, cell by cell."""
    rng = np.random.default_rng(seed)
    weights = [
        np.clip(2 * rng.integers(-60, 128, shape), -254, 254).astype(np.int16)
        for shape in circuit.shapes
    ]
    n_in, n_out = circuit.sizes[0], circuit.sizes[-1]
    patterns = {
        "input": rng.random((3, 12, n_in)) < 0.7,
        "target": np.eye(n_out, dtype=bool)[rng.integers(0, n_out, (3, 12))],
    }
    before = [as_copy(row, weights) for row in circuit.plastic]
    return before, simulate(circuit, before, patterns)[1]


@pytest.mark.parametrize("sizes", [(8, 7, 3), (8, 7, 6, 3)], ids=["paper", "deep"])
def test_a_pause_does_not_change_what_is_learnt(sizes):
    circuit = sb.backprop_circuit(sizes) if len(sizes) == 3 else deep_circuit(sizes)
    before, at_once = learnt_by(circuit, seed=4)
    _, later = learnt_by(pausing(circuit), seed=4)
    assert all((one != start).any() for one, start in zip(at_once, before, strict=True))
    for one, other in zip(at_once, later, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_target_comes_two_phases_after_the_answer_and_the_error_one_later():
    fires = firing_table(pausing(sb.backprop_circuit((4, 3, 2))))
    assert (fires["o"][0], fires["target"], fires["t"], fires["d+"]) == (3, (4,), (5,), (6,))


@pytest.mark.parametrize("depth", [3, 4, 6])
def test_the_rows_tell_in_which_phases_a_layer_learns(depth):
    circuit = deep_circuit((4, *(3,) * (depth - 1), 2))
    for layer in range(depth):
        assert circuit.learning_phases(layer) == Schedule(depth).learns(layer + 1)
        paused = pausing(circuit).learning_phases(layer)
        assert paused == tuple(phase + 2 for phase in circuit.learning_phases(layer))


def test_the_papers_layers_learn_in_the_papers_phases():
    circuit = sb.backprop_circuit((4, 3, 2))
    assert [circuit.learning_phases(layer) for layer in (0, 1)] == [(7, 11), (5, 9)]
    with pytest.raises(CircuitError, match="weight layer 0 grows in phases"):
        sb.inference_circuit((4, 3, 2)).learning_phases(0)
