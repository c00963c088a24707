"""Blocks on the chip: they are part of a step's input, which wraps around at 21 bits."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.engines.base import Stray, explain_strays
from synfire_bp.errors import ExperimentError
from synfire_bp.loihi import SPECS
from synfire_bp.training import dataset_of

N_INPUTS, N_HIDDEN, N_OUTPUTS = 66, 4, 3
HELD = 2**21 // 2**6
"""Weight units: 32,768."""


@pytest.fixture
def experiment(tmp_path):
    """Return an experiment on the chip, whose images have all pixels on, by its resting block."""
    shown = np.ones((N_OUTPUTS, N_INPUTS), dtype=np.uint8)
    labels = np.arange(N_OUTPUTS)
    file = tmp_path / "images.npz"
    np.savez(file, x_train=shown, y_train=labels, x_test=shown, y_test=labels)
    dataset = {"name": "npz", "path": str(file), "scale": 1, "threshold": 0.5}
    network = {"sizes": [N_INPUTS, N_HIDDEN, N_OUTPUTS], "paper_gates": False}

    def of(**more):
        return sb.Experiment.from_dict({
            "name": "blocks", "hardware": {"chip": "loihi1", "symmetric": True},
            "dataset": dataset, "network": network | more, "training": {"epochs": 1},
        })  # fmt: skip

    return of


def strays(experiment, n_active):
    """Return who fires when it must not, if so many weights of every hidden unit are -254."""
    first = np.zeros((N_INPUTS, N_HIDDEN), dtype=np.int16)
    first[:n_active] = -254
    weights = (first, np.zeros((N_HIDDEN, N_OUTPUTS), dtype=np.int16))
    model = sb.assemble(experiment)
    with closing(sb.CircuitEngine(model, dataset_of(experiment))) as engine:
        found = engine.train(weights, np.array([0])).strays
    return {(stray.population, stray.phase): stray.spikes for stray in found}


def test_a_negative_sum_and_a_block_that_the_input_cannot_hold_make_closed_units_fire(experiment):
    papers = 2 * 8128
    assert 65 * 254 + papers <= HELD < 66 * 254 + papers
    assert not strays(experiment(), 65)
    fired = strays(experiment(), 66)
    assert {at: fired[at] for at in fired if at[1] == 8} == {
        (name, 8): N_HIDDEN for name in ("h", "h<", "h>")
    }


def test_a_weaker_block_leaves_room_for_the_same_sum(experiment):
    assert HELD >= 66 * 254 + 11520
    assert not strays(experiment(resting_block=11520), 66)


def test_what_is_said_of_stray_spikes_on_the_chip_names_the_sums_that_wrap_around():
    circuit = sb.backprop_circuit((4, 3, 2), paper_gates=False)
    found = [Stray("h", 8, 1)]
    said = explain_strays(circuit, found, SPECS["loihi1"])
    assert f"wraps around beyond {HELD}" in said
    assert f"a sum below {-HELD + 2 * 8128} makes" in said
    assert "network.resting_block" in said
    assert "wraps" not in explain_strays(circuit, found)
    assert "wraps" not in explain_strays(circuit, [Stray("h", 4, 1)], SPECS["loihi1"])  # no block


def test_what_is_said_of_stray_spikes_advises_no_setting_that_is_there_already():
    found = [Stray("h", 0, 3)]
    weak = sb.backprop_circuit((4, 3, 2), paper_gates=False, resting_block=64)
    assert "network.resting_block (now 64)" in explain_strays(weak, found)
    assert "paper_gates" not in explain_strays(weak, found)
    usual = explain_strays(sb.backprop_circuit((4, 3, 2), paper_gates=False), found)
    assert "paper_gates" not in usual and "resting_block" not in usual
    papers = explain_strays(sb.backprop_circuit((4, 3, 2)), found)
    assert "network.paper_gates: false blocks" in papers


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"resting_block": 12192}, "network.resting_block.*12192.*not a mantissa"),
        ({"resting_block": 40000}, "network.resting_block"),
        ({"resting_block": 11520, "paper_gates": True}, "11520, but paper_gates is true"),
        ({"resting_block": 11520, "sizes": [4, 3, 3, 2]}, "several hidden layers"),
    ],
)
def test_a_resting_block_that_no_circuit_has_is_refused_by_its_name(experiment, more, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(**more)
