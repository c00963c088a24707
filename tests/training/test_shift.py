"""`dataset.augment.shift`: images that move each time they are learnt from, and only then."""

from __future__ import annotations

import pickle
import signal
from contextlib import closing
from functools import cache

import numpy as np
import pytest
from typer.testing import CliRunner

import synfire_bp as sb
from synfire_bp.bench import benchmark
from synfire_bp.cli.commands import app
from synfire_bp.data.images import shifts
from synfire_bp.engines import CircuitEngine, OracleEngine, make_engine
from synfire_bp.engines import circuit as engines
from synfire_bp.errors import (
    DatasetError,
    ExperimentError,
    Interrupted,
    RunDirectoryError,
    SynfireError,
)
from synfire_bp.oracle import forward, train_epoch
from synfire_bp.runs import Run, load_checkpoint
from synfire_bp.sweep.worker import Task, run_task
from synfire_bp.training import dataset_of

ROWS, COLUMNS, CROP = 7, 8, 2
N, N_CLASSES = 40, 3
INNER = (ROWS - 2 * CROP) * (COLUMNS - 2 * CROP)
BOTH = pytest.mark.parametrize("engine", ["circuit", "oracle"])


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(engines.build_programs)
        patch.setattr(engines, "build_programs", lambda specs: build(tuple(specs)))
        yield


@pytest.fixture(scope="module")
def images():
    """Images of random grey levels, none near the threshold, and labels."""
    rng = np.random.default_rng(3)
    arrays = {}
    for split, n in (("train", N), ("test", 20)):
        grey = rng.integers(0, 100, (n, ROWS, COLUMNS)) + 150 * rng.integers(
            0, 2, (n, ROWS, COLUMNS)
        )
        arrays[f"x_{split}"] = grey.astype(np.uint8)
        arrays[f"y_{split}"] = rng.integers(0, N_CLASSES, n)
        arrays[f"y_{split}"][:N_CLASSES] = range(N_CLASSES)
    return arrays


@pytest.fixture(scope="module")
def model(images, tmp_path_factory):
    """Make an experiment on them: two epochs, shifts by up to one pixel."""
    path = tmp_path_factory.mktemp("images") / "images.npz"
    np.savez(path, **images)

    def make(*overrides, sizes=(INNER, 9, N_CLASSES)):
        values = {
            "name": "moved",
            "dataset": {"name": "npz", "path": str(path), "crop": CROP, "augment": {"shift": 1}},
            "network": {"sizes": list(sizes)},
            "training": {"epochs": 2, "seed": 4, "evaluate_every": 0.25},
        }
        return sb.Experiment.from_dict(values, overrides=overrides)

    return make


def by_hand(image, down, right):
    """Return an image's inner pixels after it was moved, pixel by pixel, as the network sees it."""
    return [
        int(image[row - down][column - right] > 127)  # threshold: one half
        for row in range(CROP, ROWS - CROP)
        for column in range(CROP, COLUMNS - CROP)
    ]


def all_by_hand(images, shown, n=N):
    """Return the images of an order of samples and shifts, and their labels."""
    moves = shifts(1)[shown // n]
    moved = [
        by_hand(images["x_train"][sample], *move)
        for sample, move in zip(shown % n, moves, strict=True)
    ]
    return np.array(moved), images["y_train"][shown % n]


def weights_of(run):
    return run.weights["w1"], run.weights["w2"]


def assert_same_weights(weights, expected):
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("shift", [1, 2])
def test_each_block_of_the_samples_learnt_from_holds_the_images_moved_by_hand(model, images, shift):
    experiment = model(f"dataset.augment.shift={shift}")
    split = sb.learning_split(experiment, dataset_of(experiment))
    moves = shifts(shift).tolist()
    every = {(a, b) for a in range(-shift, shift + 1) for b in range(-shift, shift + 1)}
    assert moves[0] == [0, 0]
    assert {tuple(move) for move in moves} == every
    assert len(moves) == len(every)
    expected = [[by_hand(image, *move) for image in images["x_train"]] for move in moves]
    np.testing.assert_array_equal(split.inputs, np.concatenate(expected))
    np.testing.assert_array_equal(split.labels, np.tile(images["y_train"], len(every)))


def test_images_are_moved_before_they_are_shrunk():
    grey = np.random.default_rng(0).random((3, 8, 8))
    moved = sb.data.images.shifted_on(
        grey, sb.Preprocessing(crop=1, shrink=3, scale=1.0, threshold=0.5, shift=1)
    )
    for block, (down, right) in zip(moved.reshape(9, 3, 2, 2), shifts(1), strict=True):
        for image, on in zip(grey, block, strict=True):
            window = image[1 - down : 7 - down, 1 - right : 7 - right]
            means = [[window[r : r + 3, c : c + 3].mean() for c in (0, 3)] for r in (0, 3)]
            np.testing.assert_array_equal(on, np.round(means, 2) > 0.5)


def test_tests_see_the_images_where_they_are(model):
    moved, still = dataset_of(model()), dataset_of(model("dataset.augment=null"))
    for split in ("train", "test"):
        np.testing.assert_array_equal(getattr(moved, split).inputs, getattr(still, split).inputs)
    np.testing.assert_array_equal(moved.learnt.inputs[:N], still.train.inputs)
    assert still.learnt is still.train


def test_of_fewer_training_samples_the_first_ones_are_moved(model, images):
    experiment = model("training.samples=11")
    split = sb.learning_split(experiment, dataset_of(experiment))
    expected, labels = all_by_hand(images, np.arange(9 * 11), n=11)
    np.testing.assert_array_equal(split.inputs, expected)
    np.testing.assert_array_equal(split.labels, labels)


def test_a_pickled_data_set_moves_its_images_alike(model):
    data = dataset_of(model())
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(data)).learnt.inputs, data.learnt.inputs
    )


# ---------------------------------------------------------------- what is shown


def test_each_epoch_shows_every_sample_once_in_the_order_without_shifts(model):
    for epoch in (0, 1):
        shown = sb.shown_order(model(), epoch, 1000)
        np.testing.assert_array_equal(shown % 1000, sb.epoch_order(4, epoch, 1000))
        still = sb.shown_order(model("dataset.augment.shift=0"), epoch, 1000)
        np.testing.assert_array_equal(still, sb.epoch_order(4, epoch, 1000))


@pytest.mark.parametrize(("shift", "most"), [(1, 35.0), (2, 63.0)])
def test_all_shifts_are_drawn_equally_often(model, shift, most):
    n, of = 100_000, (2 * shift + 1) ** 2
    drawn = sb.shown_order(model(f"dataset.augment.shift={shift}"), 0, n) // n
    counts = np.bincount(drawn, minlength=of)
    assert len(counts) == of
    # chi squared of 8 and 24 degrees of freedom: beyond `most` with probability 2e-5 or 3e-5
    assert ((counts - n / of) ** 2 / (n / of)).sum() < most


def test_another_seed_and_another_epoch_draw_other_shifts(model):
    n = 9000
    usual = sb.shown_order(model(), 0, n) // n
    others = (
        sb.shown_order(model("training.seed=5"), 0, n) // n,
        sb.shown_order(model(), 1, n) // n,
    )
    np.testing.assert_array_equal(usual, sb.shown_order(model(), 0, n) // n)
    for other in others:
        assert 0.08 < np.mean(usual == other) < 0.15  # one in nine, by chance


def test_a_negative_epoch_is_refused(model):
    with pytest.raises(SynfireError, match="must not be negative"):
        sb.shown_order(model(), -1, 10)


# ---------------------------------------------------------------- trainings


@pytest.fixture(scope="module")
def unbroken(model, tmp_path_factory):
    """Train once with each engine, undisturbed."""
    record = {"circuit": ["record.samples=60"], "oracle": []}
    return {
        engine: sb.train(model(*more), engine=engine, out=tmp_path_factory.mktemp(engine))
        for engine, more in record.items()
    }


def test_both_engines_learn_what_the_algorithm_learns_from_images_moved_by_hand(
    model, images, unbroken
):
    start = sb.assemble(model()).start
    w1, w2 = (matrix.copy() for matrix in start)
    for epoch in (0, 1):
        moved, labels = all_by_hand(images, sb.shown_order(model(), epoch, N))
        train_epoch(moved, labels, w1, w2, np.arange(N))
    assert any((now != before).any() for now, before in zip((w1, w2), start, strict=True))
    for run in unbroken.values():
        assert_same_weights(weights_of(run), (w1, w2))
    metrics = [run.metrics.drop(columns="seconds").to_dict("records") for run in unbroken.values()]
    assert metrics[0] == metrics[1]


def test_the_recorded_spikes_are_those_of_the_moved_images(images, unbroken):
    run = unbroken["circuit"]
    about, fired = run.spikes_about, run.spikes["x"]
    assert about["shifts"].shape == (60, 2)
    expected = [
        by_hand(images["x_train"][sample], *move)
        for sample, move in zip(about["samples"], about["shifts"], strict=True)
    ]
    found = np.zeros((60, INNER), int)
    found[fired.step // 12, fired.i] = 1
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(about["labels"], images["y_train"][about["samples"]])
    assert len({tuple(move) for move in about["shifts"].tolist()}) == 9


@BOTH
def test_a_training_that_was_stopped_within_an_epoch_ends_with_the_same_bits(
    model, unbroken, tmp_path, monkeypatch, engine
):
    machine = {"circuit": CircuitEngine, "oracle": OracleEngine}[engine]
    expected, original = unbroken[engine], machine.train

    def interrupted(self, *arguments, shown_before=0, **options):
        if shown_before >= 50:
            signal.raise_signal(signal.SIGINT)
        return original(self, *arguments, shown_before=shown_before, **options)

    with monkeypatch.context() as patch:
        patch.setattr(machine, "train", interrupted)
        with pytest.raises(Interrupted):
            sb.train(expected.experiment, engine=engine, out=tmp_path)
    stands = load_checkpoint(tmp_path / "checkpoint.npz")
    assert (stands.epoch, 0 < stands.position < N) == (1, True)
    run = sb.train(expected.experiment, engine=engine, out=tmp_path, resume=True)
    assert_same_weights(weights_of(run), weights_of(expected))
    tables = [one.metrics.drop(columns="seconds").to_dict("records") for one in (run, expected)]
    assert tables[0] == tables[1]
    if engine == "circuit":
        for name, value in expected.spikes_about.items():
            np.testing.assert_array_equal(run.spikes_about[name], value)


def test_a_circuit_that_pauses_anywhere_leaves_the_same_weights(model):
    assembled, order = sb.assemble(model()), sb.shown_order(model(), 0, N)
    with closing(CircuitEngine(assembled, dataset_of(assembled), uses=["train"])) as engine:
        whole = engine.train(assembled.start, order)
        first = engine.train(assembled.start, order[:7])
        second = engine.train(first.weights, order[7:], shown_before=7)
    assert_same_weights(second.weights, whole.weights)


def test_no_shift_and_a_shift_of_0_are_the_same_training(model, unbroken, tmp_path):
    none = sb.train(model("dataset.augment=null"), engine="oracle", out=tmp_path / "none")
    zero = sb.train(model("dataset.augment.shift=0"), engine="oracle", out=tmp_path / "zero")
    assert_same_weights(weights_of(none), weights_of(zero))
    assert none.experiment.fingerprint() == zero.experiment.fingerprint()
    assert none.experiment.fingerprint() != model().fingerprint()
    assert (weights_of(none)[0] != weights_of(unbroken["oracle"])[0]).any()


def test_a_run_is_not_gone_on_with_by_another_shift(model, unbroken):
    run = unbroken["oracle"]
    with pytest.raises(RunDirectoryError, match=r"dataset\.augment: .*1.* there, .*2.* asked for"):
        sb.train(model("dataset.augment.shift=2"), engine="oracle", out=run.path, resume=True)


@BOTH
def test_a_run_is_tested_on_its_training_samples_where_they_are(images, unbroken, engine):
    run = Run.open(unbroken["oracle"].path)
    still, labels = all_by_hand(images, np.arange(N))
    answers = forward(still, *weights_of(run))
    score = sb.test(run, engine=engine, split="train").score
    assert score.samples == N
    assert score == sb.Score.of(answers.spikes, answers.potentials, labels)


def test_the_circuit_is_verified_with_shifts_by_two_pixels(model):
    found = sb.verify(model("dataset.augment.shift=2"), epochs=2)
    assert found.exact
    assert sum(row.different for row in found.projections) == 0
    assert all(row.learnt for row in found.projections)


def test_a_sweep_trains_as_train_does(model, unbroken):
    expected = unbroken["oracle"].metrics["mse"].tolist()
    for shift, same in ((1, True), (0, False)):
        values = model(f"dataset.augment.shift={shift}").model_dump(mode="json")
        outcome = run_task(Task(0, values, "oracle"))
        assert outcome.status == "ok", outcome.row["error"]
        assert outcome.row["samples"] == N
        assert ([row["mse"] for row in outcome.epochs] == expected) == same


def test_the_benchmark_shows_what_a_training_shows(model, images):
    experiment = model()
    task = benchmark._task(experiment, dataset_of(experiment), 50)
    shown = np.concatenate([sb.shown_order(experiment, epoch, N) for epoch in (0, 1)])[:60]
    expected, labels = all_by_hand(images, shown)
    np.testing.assert_array_equal(task.inputs, expected)
    np.testing.assert_array_equal(task.labels, labels)


# ---------------------------------------------------------------- what is said, and refused


def test_a_description_names_the_shift(model, tmp_path):
    file = tmp_path / "moved.yaml"
    file.write_text(model().to_yaml())
    for shift, said in ((1, "shifted by up to 1 pixel along"), (2, "shifted by up to 2 pixels")):
        shown = CliRunner().invoke(
            app, ["describe", str(file), "--set", f"dataset.augment.shift={shift}"]
        )
        assert said in shown.output
        assert said.removesuffix(" along") in str(model(f"dataset.augment.shift={shift}"))
    still = CliRunner().invoke(app, ["describe", str(file), "--set", "dataset.augment=null"])
    assert "shifted" not in still.output


@pytest.mark.parametrize(
    ("overrides", "value", "limit"),
    [
        (["dataset.augment.shift=3"], "is 3", "dataset.crop is 2, .*at most 2"),
        (["dataset.crop=0"], "is 1", "dataset.crop is 0, .*at most 0"),
        (["dataset.augment.shift=-1"], "is -1", "0 or greater"),
        (["dataset.augment.shift=0.5"], "is 0.5", "a whole number"),
    ],
)
def test_a_shift_that_cannot_be_is_refused_with_key_value_and_limit(model, overrides, value, limit):
    with pytest.raises(ExperimentError, match=rf"dataset\.augment\.shift: {value}, but .*{limit}"):
        model(*overrides)


def test_digits_which_are_not_cropped_are_moved_only_if_they_are_told_to_be_cropped():
    shift = "dataset.augment.shift=1"
    with pytest.raises(ExperimentError, match=r"augment\.shift: is 1, but dataset\.crop is 0"):
        sb.Experiment.from_file("digits", [shift])
    cropped = ["dataset.crop=1", "network.sizes=[36, 10, 10]"]
    assert sb.Experiment.from_file("digits", [*cropped, shift]).dataset.shift == 1


def test_flat_images_are_not_moved(images, model, tmp_path):
    flat = {
        name: array.reshape(len(array), -1) if name.startswith("x") else array
        for name, array in images.items()
    }
    np.savez(tmp_path / "flat.npz", **flat)
    with pytest.raises(DatasetError, match=r"augment\.shift is 1, but .* flat .* by 0 pixels"):
        dataset_of(model(f"dataset.path={tmp_path / 'flat.npz'}"))


@pytest.mark.parametrize(("shift", "why"), [(2, "at most 1"), (-1, "0 or more"), (0.5, "whole")])
def test_a_preprocessing_does_not_move_images_beyond_what_it_crops(shift, why):
    with pytest.raises(DatasetError, match=rf"shift = {shift}.*{why}"):
        sb.Preprocessing(crop=1, shift=shift)


@BOTH
def test_an_engine_refuses_data_that_was_loaded_for_other_shifts(model, engine):
    with pytest.raises(SynfireError, match=r"augment\.shift is 1, but npz was loaded with .* 0"):
        make_engine(engine, sb.assemble(model()), dataset_of(model("dataset.augment=null")))
