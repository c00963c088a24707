"""Copies of a matrix that are set anew at the start of each epoch (`training.renew_copies`)."""

from __future__ import annotations

import signal

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.circuit import backprop_circuit
from synfire_bp.engines import CircuitEngine
from synfire_bp.errors import Interrupted
from synfire_bp.loihi import SPECS
from synfire_bp.network import Compartments
from synfire_bp.network.numbers import Moment
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.runs import Run, load_checkpoint
from synfire_bp.training import dataset_of, epoch_order

SIZES = (12, 8, 3)
EPOCHS, SAMPLES = 3, 40
RENEWED = "training.renew_copies=true"


@pytest.fixture(scope="module")
def model(experiment):
    """Make an experiment on the chip with four weight bits, whose copies drift apart."""

    def make(*overrides):
        usual = ("hardware=loihi1", "hardware.weight_bits=4", f"training.epochs={EPOCHS}",
                 f"training.samples={SAMPLES}", "training.evaluate_every=0.5")  # fmt: skip
        return experiment(*usual, *overrides, sizes=SIZES)

    return make


@pytest.fixture(scope="module")
def trained(model, tmp_path_factory):
    """Train by the circuit and return the run."""

    def run(*overrides):
        out = tmp_path_factory.mktemp("renewal")
        return sb.train(model(*overrides), engine="circuit", out=out, keep_going=True)

    return run


@pytest.fixture(scope="module")
def renewed(trained):
    return trained(RENEWED)


def copies_of(run):
    """Return every copy at a run's end, and the layers' matrices."""
    stands = load_checkpoint(run.path / "checkpoint.npz")
    return stands.copies, stands.weights


def assert_same(run, expected):
    run = Run.open(run.path)
    for name, weights in expected.weights.items():
        np.testing.assert_array_equal(run.weights[name], weights, err_msg=name)
    for name, matrix in copies_of(expected)[0].items():
        np.testing.assert_array_equal(copies_of(run)[0][name], matrix, err_msg=name)
    assert run.activity.to_dict("records") == expected.activity.to_dict("records")


def test_each_epoch_starts_from_the_first_copies_alone(model, renewed):
    resolved = sb.assemble(model(RENEWED))
    engine = CircuitEngine(resolved, dataset_of(resolved), uses=["train"])
    weights = resolved.start
    for epoch in range(EPOCHS):  # by hand: only the first copies are handed on
        order = epoch_order(resolved.seed, epoch, SAMPLES)
        half = engine.train(weights, order[: SAMPLES // 2], shown_before=epoch * SAMPLES)
        end = engine.train(
            half.weights, order[SAMPLES // 2 :], copies=half.differing_copies,
            shown_before=epoch * SAMPLES + SAMPLES // 2,
        )  # fmt: skip
        assert end.unequal  # else nothing is shown
        weights = end.weights
    engine.close()
    copies, layers = copies_of(renewed)
    for mine, theirs in zip(weights, layers, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for name, matrix in end.differing_copies.items():
        np.testing.assert_array_equal(copies[name], matrix, err_msg=name)


def test_without_it_copies_are_handed_on_from_epoch_to_epoch(trained, renewed):
    kept = trained()
    first, last = (
        [run.activity[run.activity.epoch <= 1], run.activity[run.activity.epoch > 1]]
        for run in (kept, renewed)
    )
    assert first[0].to_dict("records") == last[0].to_dict("records")  # the first epoch is the same
    assert first[1].to_dict("records") != last[1].to_dict("records")


def test_a_training_stopped_within_an_epoch_goes_on_to_the_same_bits(
    model, renewed, tmp_path, monkeypatch
):
    original, calls = CircuitEngine.train, []

    def interrupted(self, weights, order, **options):
        calls.append(len(order))
        if len(calls) == 3:  # the second epoch, before its first test
            order = order[:7]
            signal.raise_signal(signal.SIGINT)
        return original(self, weights, order, **options)

    with monkeypatch.context() as patch:
        patch.setattr(CircuitEngine, "train", interrupted)
        with pytest.raises(Interrupted, match=f"stopped after {SAMPLES + 7} of"):
            sb.train(model(RENEWED), engine="circuit", out=tmp_path, keep_going=True)
    assert copies_of(Run(tmp_path))[0] is not None  # within an epoch, copies are kept
    run = sb.train(model(RENEWED), engine="circuit", out=tmp_path, keep_going=True, resume=True)
    assert_same(run, renewed)


def test_a_training_continued_from_the_end_of_an_epoch_ends_with_the_same_bits(
    model, renewed, tmp_path
):
    for epochs in range(1, EPOCHS + 1):
        run = sb.train(
            model(RENEWED, f"training.epochs={epochs}"), engine="circuit", out=tmp_path,
            keep_going=True, resume=True,
        )  # fmt: skip
    assert_same(run, renewed)


@pytest.mark.parametrize("engine", ["circuit", "oracle"])
def test_it_has_no_effect_where_copies_stay_equal(experiment, tmp_path, engine):
    runs = [
        sb.train(
            experiment(f"training.epochs={EPOCHS}", *changes, sizes=SIZES),
            engine=engine, out=tmp_path / str(len(changes)),
        )
        for changes in ((), (RENEWED,))
    ]  # fmt: skip
    for name, weights in runs[0].weights.items():
        np.testing.assert_array_equal(runs[1].weights[name], weights, err_msg=name)
    assert (runs[0].weights["w1"] != runs[0].weights["w1_init"]).any()


def test_minus_the_lowest_weight_becomes_the_highest_that_the_chip_has():
    circuit = backprop_circuit(SIZES)
    plan = NetworkPlan(circuit, None, Compartments(SPECS["loihi1"]))
    weights = [np.full(shape, -256, dtype=np.int16) for shape in (SIZES[:2], SIZES[1:])]
    held = plan.layout.unpack(plan.numbers(weights, Moment())["plastic.w"])
    for row, matrix in held.items():
        assert set(matrix.ravel()) == {254 if row.sign < 0 else -256}, row.name


def test_only_a_model_that_asks_for_it_has_another_fingerprint(model):
    assert model().fingerprint() == model("training.renew_copies=false").fingerprint()
    assert model().fingerprint() != model(RENEWED).fingerprint()
