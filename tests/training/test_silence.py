"""A training that is dead says so, once, with what to change."""

from __future__ import annotations

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.data.scores import Score
from synfire_bp.training.silence import findings, said_before

COUNTS = {"hidden_spikes": 9, "output_spikes": 9}


@pytest.fixture
def blank(tmp_path):
    """A model whose images of class 0 have no pixel on."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, n in (("train", 300), ("test", 60)):
        labels = np.arange(n) % 3
        images = 255 * (rng.random((n, 40)) < 0.3).astype(np.uint8)
        images[labels == 1, :20] = 255
        images[labels == 0] = 0
        arrays |= {f"x_{split}": images, f"y_{split}": labels}
    np.savez(tmp_path / "blank.npz", **arrays)
    return sb.Experiment.from_dict(
        {
            "name": "blank",
            "dataset": {"name": "npz", "path": str(tmp_path / "blank.npz")},
            "network": {"sizes": [40, 60, 3]},
            "training": {"epochs": 4},
        }
    )


def test_an_output_unit_that_never_fires_and_cannot_learn_is_named_once(blank, tmp_path, capsys):
    run = sb.train(blank, engine="oracle", out=tmp_path / "run", quiet=False)
    said = capsys.readouterr()
    told = (said.out + said.err).replace("\n", " ")
    assert told.count("output unit 0 cannot learn from its own class") == 1
    assert told.count("never fired in the test") == 1
    assert "o[0] shut" in run.activity.warnings.iloc[-1]
    assert run.activity.warnings.str.contains("silent").all()
    assert [text for text in run.warnings if "cannot learn" in text] == [
        "output unit 0 cannot learn from its own class: its sum is 0 or less on all of its "
        "samples, where the box derivative is 0; a smaller network.initial_spread keeps units "
        "from starting or falling there"
    ]


def test_silence_does_not_count_as_class_0_by_spikes(blank, tmp_path):
    run = sb.train(blank, engine="oracle", out=tmp_path / "run")
    tests = run.metrics[run.metrics.split == "test"]
    assert (tests.accuracy_spikes <= 2 / 3).all()  # blank images: no output can spike
    assert (tests.silent >= 1 / 3).all()
    last = tests.iloc[-1]
    assert last.accuracy_argmax >= last.accuracy_spikes + 1 / 3 - 1e-12


def test_what_was_said_before_a_pause_is_not_said_again(blank, tmp_path):
    half = blank.changed(["training.epochs=2"])
    before = sb.train(half, engine="oracle", out=tmp_path / "run").warnings
    after = sb.train(blank, engine="oracle", out=tmp_path / "run", resume=True).warnings
    whole = sb.train(blank, engine="oracle", out=tmp_path / "whole").warnings
    assert after[: len(before)] == before
    assert after == whole
    assert len(set(after)) == len(after)


@pytest.mark.parametrize("engine", ["oracle", pytest.param("circuit", marks=pytest.mark.slow)])
def test_hidden_units_that_never_fire_are_told_with_what_to_change(engine, tmp_path):
    quiet = sb.Experiment.from_file(
        "digits", ["network.initial_spread=0.25", "training.epochs=2", "record.samples=0"]
    )
    run = sb.train(quiet, engine=engine, out=tmp_path / "run")
    assert run.activity.warnings.tolist() == ["h silent", "h silent"]
    (text,) = run.warnings
    assert "raise network.initial_spread" in text


@pytest.mark.slow
def test_a_neuron_that_hears_no_gate_is_told(tmp_path):
    deaf = sb.Experiment.from_file(
        "digits",
        [
            "neuron={kind: custom, equations: 'dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m : "
            "volt (unless refractory)', threshold: 'v > theta', reset: 'v = closed'}",
            "training.samples=20", "training.epochs=1",
        ],
    )  # fmt: skip
    run = sb.train(deaf, engine="circuit", out=tmp_path / "run")
    assert run.activity.warnings.tolist() == ["gates silent"]
    assert "compare v + gate" in run.warnings[0]


def test_a_training_that_is_alive_says_nothing(tmp_path):
    alive = sb.Experiment.from_file("digits", ["training.epochs=2"])
    run = sb.train(alive, engine="oracle", out=tmp_path / "run")
    assert run.warnings == ()
    assert run.activity.warnings.tolist() == ["", ""]


def found(model, *, fired=(5, 5, 5), shut=(0, 0, 0), mistakes=1, now=None, **activity):
    segment = sb.Segment(
        9, model.start, Score.none(3), fired=np.array(fired), shut=np.array(shut, float)
    )
    return findings(
        model, segment, {}, COUNTS | activity, mistakes, model.start, now or model.start
    )


def test_weights_that_never_change_are_told_while_outputs_are_wrong(blank):
    model = sb.assemble(blank)
    w1, w2 = model.start
    assert [f.name for f in found(model)] == ["w1, w2 unchanged"]
    assert [f.name for f in found(model, now=(w1, w2 + 2))] == ["w1 unchanged"]
    assert found(model, now=(w1 + 2, w2 + 2)) == []
    assert found(model, mistakes=0) == []  # there was nothing to learn


def test_a_matrix_that_is_not_to_learn_may_stay_as_it_is(blank):
    model = sb.assemble(blank.changed(["feedback=output_only"]))
    w1, w2 = model.start
    assert found(model, now=(w1, w2 + 2)) == []


def test_silence_further_on_is_not_told_where_it_follows_from_silence_before(blank):
    model = sb.assemble(blank)
    assert [f.name for f in found(model, hidden_spikes=0, output_spikes=0, fired=(0, 0, 0))] == [
        "h silent"
    ]
    assert [f.name for f in found(model, output_spikes=0, fired=(0, 0, 0))] == ["every o silent"]


def test_a_kind_of_warning_counts_as_said_whichever_units_it_named():
    rows = [{"warnings": "o[3] silent; o[1, 2] shut"}, {"warnings": ""}, {}]
    assert said_before(rows) == {"o silent", "o shut"}
