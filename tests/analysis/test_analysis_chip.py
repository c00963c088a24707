"""The study of the chip's weights: its runs, what is read from them, and the tables.

A small study is trained once; what its runs must hold is computed here in plain NumPy, with every
copy of a weight matrix for itself, or read from the bare files.
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from brian2 import prefs
from edited import accepted
from figure_scenes import labels_outside_of_the_axes
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from processes import processes_that_name

import synfire_bp as sb
from analysis import __main__ as analysis_main
from analysis.chip import float_weights, weight_bits
from analysis.chip import limits as chip_limits
from analysis.chip import runs as chip_runs
from analysis.chip import table as chip_table
from analysis.chip.study import Study, Training, needed_study
from synfire_bp.engines import CircuitProgram
from synfire_bp.errors import ExperimentError, RunDirectoryError
from synfire_bp.loihi import SPECS
from synfire_bp.network import Compartments
from synfire_bp.oracle import Samples
from synfire_bp.program import build_programs
from synfire_bp.runs import load_checkpoint, save_checkpoint

CHECKOUT = Path(__file__).parents[2]
EPOCHS, SEEDS, BITS = 6, (0, 1, 2), (5, 8)
N_IN, N_HID, N_OUT = SIZES = (12, 8, 3)
FULL_BITS = [Training(8, False, seed) for seed in SEEDS]

# -- a small study -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(small_npz, tmp_path_factory):
    """A model file; returns its path."""
    file = tmp_path_factory.mktemp("model") / "small.yaml"
    file.write_text(
        f"name: small\ndataset: {{name: npz, path: {small_npz(SIZES)}}}\n"
        f"network: {{sizes: {list(SIZES)}}}\nhardware: loihi1\ntraining: {{epochs: 1}}\n"
    )
    return file


@pytest.fixture(scope="module")
def study(model):
    return Study(str(model), epochs=EPOCHS, seeds=SEEDS, bits=BITS)


def build_all(study):
    """Compile the three programs side by side: 8 bits, fewer, and inference."""
    rule = study.experiment(study.trainings[0]).learning.rule
    specs = [
        CircuitProgram(
            sb.backprop_circuit(SIZES),
            rule,
            neurons=Compartments(replace(SPECS["loihi1"], weight_bits=bits)),
        )
        for bits in BITS
    ]
    inference = sb.inference_circuit(SIZES)
    build_programs([*specs, CircuitProgram(inference, None, neurons=Compartments(SPECS["loihi1"]))])


@pytest.fixture(scope="module")
def runs(study, tmp_path_factory):
    """A folder of runs with the study in it."""
    folder = tmp_path_factory.mktemp("runs")
    chip = folder / "chip"
    build_all(study)
    for training in study.trainings:
        sb.train(study.experiment(training), out=chip / training.name, keep_going=True)
    assert float_weights.main([*study.options(), "--out", str(chip / "float_weights.csv")]) == 0
    (chip / "study.json").write_bytes(study.json())
    return folder


@pytest.fixture(scope="module")
def made(runs):
    return needed_study(runs)


@pytest.fixture(scope="module")
def limits(made):
    return chip_limits.numbers(made)


@pytest.fixture(scope="module")
def bits(made):
    return weight_bits.numbers(made)


@pytest.fixture(scope="module")
def data(study):
    stored = np.load(study.experiment(study.trainings[0]).dataset.path)
    return {
        split: ((stored[f"x_{split}"] > 127).astype(int), stored[f"y_{split}"])
        for split in ("train", "test")
    }


@pytest.fixture
def copied(runs, tmp_path):
    """A copy of the folder of runs, to be spoilt."""
    return shutil.copytree(runs, tmp_path / "my runs")


# -- what must be in it, in plain NumPy --------------------------------------------------------


def accuracies(data, w1, w2):
    """Percent of the test samples, by argmax and by potential."""
    x, y = data["test"]
    a2 = (x @ w1 > 512).astype(int) @ w2
    return 100 * np.mean((a2 > 512).argmax(1) == y), 100 * np.mean(a2.argmax(1) == y)


def trained_in_copies(data, seed, low, high):
    """The circuit with W2 and its negative for themselves; per epoch accuracies and both."""
    inputs, labels = data["train"]
    w1, w2 = (w.astype(int) for w in sb.initial_weights(SIZES, seed))
    negative = -w2
    for epoch in range(EPOCHS):
        for k in sb.epoch_order(seed, epoch, len(labels)):
            x, t = inputs[k], np.arange(N_OUT) == labels[k]
            a1 = x @ w1
            h, box = a1 > 512, (a1 > 0) & (a1 <= 1024)
            a2 = h @ w2
            o = a2 > 512
            plus, minus = t & ~o & (a2 > 0), o & ~t & (a2 <= 1024)
            # hT hears o through W2 and oT through its negative: d+ and d-, then d- and d+
            grow = box & (w2 @ plus + negative @ minus > 0)
            shrink = box & (w2 @ minus + negative @ plus > 0)
            w1 = np.clip(w1 + 2 * np.outer(x, grow.astype(int) - shrink), low, high)
            change = 2 * np.outer(h, plus.astype(int) - minus)
            w2 = np.clip(w2 + change, low, high)
            negative = np.clip(negative - change, low, high)
        yield accuracies(data, w1, w2), w1, w2, -negative


def bare_copies(run):
    """Layer (1, 2) to the copies in a checkpoint's bare file."""
    with np.load(run / "checkpoint.npz") as stored:
        names = json.loads(stored["rest"].tobytes())["copies"]
        copies = {name: stored[f"copy{k}"].astype(int) for k, name in enumerate(names, 1)}
    return {
        1: [copies[name] for name in ("x→h", "x→h<", "x→h>")],
        2: [copies[name] for name in ("h→o", "h→o<", "h→o>", "o→hT", "oT→hT")],
    }


def row_of(table, training, epoch=EPOCHS):
    rows = table[
        (table["limits"] == ("symmetric" if training.symmetric else "chip"))
        & (table["bits"] == training.bits)
        & (table["seed"] == training.seed)
        & (table["epoch"] == epoch)
    ]
    assert len(rows) == 1
    return rows.iloc[0]


# -- real weights ------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7])
def test_real_weights_are_those_of_the_circuit_before_these_are_clipped_and_rounded(seed):
    drawn = float_weights.drawn_weights((60, 30, 4), seed)
    for real, whole in zip(drawn, sb.initial_weights((60, 30, 4), seed), strict=True):
        clipped = np.minimum(np.abs(real), 240)
        np.testing.assert_array_equal(np.sign(real) * (clipped // 2) * 2, whole)
        assert np.abs(real).max() > 240


def test_learning_with_real_weights_is_the_algorithm_of_the_paper_without_limits():
    rng = np.random.default_rng(1)
    inputs, labels = (rng.random((50, 30)) < 0.4).astype(int), rng.integers(0, 4, 50)
    order = rng.integers(0, 50, 600)
    weights = float_weights.drawn_weights((30, 20, 4), 0)
    w1, w2 = (w.copy() for w in weights)
    float_weights.learn(Samples.of(inputs, labels, 4), weights, order)
    wrong = 0
    for k in order:
        a1 = inputs[k] @ w1
        h, box = a1 > 512, (a1 > 0) & (a1 <= 1024)
        a2, t = h @ w2, np.arange(4) == labels[k]
        o = a2 > 512
        d2 = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024))
        w1, w2 = w1 + 2 * np.outer(inputs[k], np.sign(w2 @ d2) * box), w2 + 2 * np.outer(h, d2)
        wrong += d2.any()
    assert wrong > 100
    # sums may differ in their last bit, but each step of a weight is the same
    np.testing.assert_array_equal(weights[0], w1)
    np.testing.assert_array_equal(weights[1], w2)
    assert np.abs(w1).max() > 256
    answers = float_weights.answer(Samples.of(inputs, labels, 4), weights)
    np.testing.assert_allclose(answers, (inputs @ w1 > 512) @ w2)


def test_the_table_of_real_weights_tells_the_accuracy_after_every_epoch(runs, data):
    table = pd.read_csv(runs / "chip" / "float_weights.csv")
    assert len(table) == len(SEEDS) * EPOCHS
    inputs, labels = data["train"]
    for seed in SEEDS:
        weights = float_weights.drawn_weights(SIZES, seed)
        for epoch in range(EPOCHS):
            order = sb.epoch_order(seed, epoch, len(labels))
            float_weights.learn(Samples.of(inputs, labels, N_OUT), weights, order)
            row = table[(table["seed"] == seed) & (table["epoch"] == epoch + 1)].iloc[0]
            found = 100 * row["accuracy_argmax"], 100 * row["accuracy_potential"]
            assert found == pytest.approx(accuracies(data, *weights))


def test_the_same_real_weights_are_written_again(study, runs, tmp_path):
    out = tmp_path / "new" / "float.csv"
    assert float_weights.main([*study.options(), "--out", str(out), "--quiet"]) == 0
    assert out.read_bytes() == (runs / "chip" / "float_weights.csv").read_bytes()


def test_real_weights_that_cannot_be_trained_or_written_leave_the_old_table(
    study, tmp_path, capsys
):
    out = tmp_path / "float.csv"
    out.write_text("old")
    assert float_weights.main([*study.options(), "--samples", "999", "--out", str(out)]) == 1
    assert "training.samples is 999" in capsys.readouterr().err
    assert float_weights.main([*study.options(), "--out", str(out / "x.csv"), "--quiet"]) == 1
    assert "cannot be made" in capsys.readouterr().err
    assert out.read_text() == "old"


# -- numbers of the figures --------------------------------------------------------------------


def test_with_the_chip_s_limits_w2_and_its_negative_drift_apart_as_in_plain_numpy(limits, data):
    drifted = 0
    for training in FULL_BITS:
        course = trained_in_copies(data, training.seed, -256, 254)
        for epoch, (accuracy, _, w2, other) in enumerate(course, 1):
            row = row_of(limits, training, epoch)
            found = row["accuracy_argmax"], row["accuracy_potential"]
            assert found == pytest.approx(accuracy)
            assert row["unequal_weights"] == np.count_nonzero(w2 != other)
        apart = np.abs(w2 - other)
        assert row["w2_unequal"] == np.count_nonzero(apart)
        assert row["w2_unequal_percent"] == pytest.approx(100 * np.mean(apart > 0))
        assert row["w2_largest"] == apart.max()
        assert row["w2_mean"] == pytest.approx(apart.mean())
        assert (row["w1_unequal"], row["w1_largest"]) == (0, 0)
        drifted += apart.any()
    assert drifted, "no seed reaches a limit: the test would prove nothing"


def test_with_symmetric_limits_nothing_drifts_and_accuracy_is_that_of_the_algorithm(limits, data):
    for seed in SEEDS:
        for epoch, (accuracy, *_) in enumerate(trained_in_copies(data, seed, -254, 254), 1):
            row = row_of(limits, Training(8, True, seed), epoch)
            assert (row["accuracy_argmax"], row["accuracy_potential"]) == pytest.approx(accuracy)
            assert row["unequal_weights"] == 0
        assert (row["w1_unequal"], row["w2_unequal"], row["w2_largest"]) == (0, 0, 0)


def test_with_fewer_bits_drift_is_told_from_all_pairs_of_copies(limits, runs):
    largest = []
    for seed in SEEDS:
        training = Training(5, False, seed)
        row, total = row_of(limits, training), 0
        for layer, copies in bare_copies(runs / "chip" / training.name).items():
            apart = np.max([abs(a - b) for a, b in combinations(copies, 2)], axis=0)
            assert row[f"w{layer}_unequal"] == np.count_nonzero(apart)
            assert row[f"w{layer}_unequal_percent"] == pytest.approx(100 * np.mean(apart > 0))
            assert row[f"w{layer}_largest"] == apart.max()
            largest.append(apart.max())
            assert row[f"w{layer}_mean"] == pytest.approx(apart.mean())
            total += sum(np.count_nonzero(copy != copies[0]) for copy in copies)
        assert row["unequal_weights"] == total
    assert max(largest) > 16, "nothing drifts by more than a step: the test would prove little"


def test_drift_is_told_of_the_end_alone(limits):
    before = limits[limits["epoch"] < EPOCHS]
    assert len(before) == len(limits) * (EPOCHS - 1) // EPOCHS
    assert before.filter(regex="^w[12]_").isna().all(axis=None)
    assert not limits.drop(columns=limits.filter(regex="^w[12]_")).isna().any(axis=None)


@given(arrays(np.int64, (3, 4, 2), elements=st.integers(-3, 3)))
def test_drift_of_any_copies_is_what_loops_over_places_find(copies):
    places = [copies[:, i, j] for i in range(4) for j in range(2)]
    apart = [max(place) - min(place) for place in places]
    unequal = sum(len(set(place.tolist())) > 1 for place in places)
    assert chip_limits.drift(copies) == {
        "unequal": unequal,
        "unequal_percent": pytest.approx(100 * unequal / 8),
        "largest": max(apart),
        "mean": pytest.approx(sum(apart) / 8),
    }


def test_accuracy_against_weight_bits_is_that_of_the_weights_in_the_end(bits, runs, data):
    for number in BITS:
        rows = bits[bits["weights"] == str(number)]
        assert rows["seed"].tolist() == list(SEEDS)
        found = []
        for seed in SEEDS:
            stored = np.load(runs / "chip" / f"bits{number}-seed{seed}" / "weights.npz")
            found.append(accuracies(data, stored["w1"].astype(int), stored["w2"].astype(int)))
        assert rows["accuracy_argmax"].tolist() == pytest.approx([spikes for spikes, _ in found])
        assert rows["accuracy_potential"].tolist() == pytest.approx([p for _, p in found])


def test_accuracy_with_real_weights_stands_beside_that_with_bits(bits, runs):
    assert list(dict.fromkeys(bits["weights"])) == ["5", "8", "float"]
    table = pd.read_csv(runs / "chip" / "float_weights.csv")
    last, real = table[table["epoch"] == EPOCHS], bits[bits["weights"] == "float"]
    for name in ("accuracy_argmax", "accuracy_potential"):
        assert real[name].tolist() == pytest.approx((100 * last[name]).tolist())


def test_medians_are_those_of_the_seeds(bits):
    for _, rows in bits.groupby("weights"):
        for readout in ("argmax", "potential"):
            middle = sorted(rows[f"accuracy_{readout}"])[1]
            assert rows[f"median_{readout}"].tolist() == [middle] * 3


def test_both_tables_say_what_was_trained(bits, limits):
    for table in (bits, limits):
        about = table[["model", "sizes", "epochs", "samples"]].drop_duplicates()
        assert about.values.tolist() == [["small", "12-8-3", EPOCHS, 40]]


# -- drawings ----------------------------------------------------------------------------------


def lines_of(figure):
    return {line.get_label(): line for axes in figure.axes for line in axes.lines}


def test_accuracy_against_weight_bits_draws_every_seed_and_the_medians(bits):
    lines = lines_of(weight_bits.draw(bits))
    for readout in ("argmax", "potential"):
        seeds, medians = lines[f"accuracy_{readout}"], lines[f"median_{readout}"]
        assert seeds.get_ydata().tolist() == bits[f"accuracy_{readout}"].tolist()
        places = np.round(seeds.get_xdata())
        assert places.tolist() == [5] * 3 + [8] * 3 + [9] * 3
        middle = bits.drop_duplicates("weights")[f"median_{readout}"].tolist()
        assert medians.get_ydata().tolist() == middle
        # a line joins numbers of bits, and not real weights
        assert lines[f"median_{readout} line"].get_ydata().tolist() == middle[:2]


def test_the_scale_of_accuracies_holds_all_of_them_and_whatever_else_there_can_be(bits):
    for low, high in ((0, 100), (9.8, 97.5), (95.1, 97.9), (100, 100), (0, 0)):
        spread = np.linspace(low, high, len(bits))
        table = bits.assign(accuracy_argmax=spread, accuracy_potential=spread[::-1])
        (axes,) = weight_bits.draw(table).axes
        bottom, top = axes.get_ylim()
        assert bottom < low <= high < top
        ticks = [tick for tick in axes.get_yticks() if bottom <= tick <= top]
        assert len(ticks) >= 2 or low == high


def test_the_drift_of_copies_is_drawn_as_it_is_tabulated(limits):
    lines = lines_of(chip_limits.draw(limits))
    own = limits[(limits["limits"] == "chip") & (limits["epoch"] == EPOCHS)]
    for layer in ("w1", "w2"):
        for what in ("unequal_percent", "largest"):
            name = f"{layer}_{what}"
            assert lines[name].get_ydata().tolist() == own[name].astype(float).tolist()
            assert np.round(lines[name].get_xdata()).tolist() == own["bits"].tolist()
            middle = [sorted(own.loc[own["bits"] == b, name].tolist())[1] for b in BITS]
            assert lines[f"median of {name}"].get_ydata().tolist() == pytest.approx(middle)
    for kind in ("chip", "symmetric"):
        of_kind = limits[(limits["limits"] == kind) & (limits["bits"] == 8)]
        for seed in SEEDS:
            drawn = lines[f"{kind} {seed}"]
            course = of_kind[of_kind["seed"] == seed]["unequal_weights"].tolist()
            assert drawn.get_ydata().tolist() == [0, *course]
            assert drawn.get_xdata().tolist() == list(range(EPOCHS + 1))


def test_the_cost_of_the_limits_is_drawn_seed_by_seed(limits):
    lines = lines_of(chip_limits.draw(limits))
    for name in ("accuracy_argmax", "accuracy_potential"):
        cost = [
            row_of(limits, Training(8, False, s))[name] - row_of(limits, Training(8, True, s))[name]
            for s in SEEDS
        ]
        assert lines[name].get_ydata().tolist() == pytest.approx(cost)
        assert lines[f"median of {name}"].get_ydata() == pytest.approx([sorted(cost)[1]])


@pytest.mark.parametrize("module", [weight_bits, chip_limits], ids=lambda module: module.ENTRY.name)
def test_no_text_is_smaller_than_6_points_cut_off_or_on_top_of_another(made, module):
    figure = module.draw(module.numbers(made))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = {t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()}
    texts -= labels_outside_of_the_axes(figure)
    boxes = {text: text.get_window_extent(canvas.get_renderer()) for text in texts}
    assert len(boxes) > 10
    for text, box in boxes.items():
        assert text.get_fontsize() >= 6, text
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 and box.y1 <= figure.bbox.y1, text
    slack = 0.5  # pixels
    for (a, box), (b, other) in combinations(boxes.items(), 2):
        apart = (
            min(box.x1, other.x1) - max(box.x0, other.x0) <= slack
            or min(box.y1, other.y1) - max(box.y0, other.y0) <= slack
        )
        assert apart, (a, b)


# -- python -m analysis ------------------------------------------------------------------------


@pytest.fixture
def no_others(monkeypatch):
    """Leave out the figures of runs that are not here."""
    monkeypatch.setattr(analysis_main, "ALWAYS", ())


@pytest.mark.usefixtures("no_others")
def test_the_figures_are_drawn_with_all_others_if_there_is_a_study(runs, made, tmp_path):
    assert analysis_main.main(["--runs", str(runs), "--out", str(tmp_path)]) == 0
    out = tmp_path / "chip"
    for module in (weight_bits, chip_limits):
        assert (out / f"{module.ENTRY.name}.png").stat().st_size > 5000
        written = pd.read_csv(out / f"{module.ENTRY.name}.csv")
        drawn = module.numbers(made)
        assert list(written) == list(drawn)
        for column in ("accuracy_argmax", "accuracy_potential"):
            assert written[column].tolist() == drawn[column].tolist()


@pytest.mark.usefixtures("no_others")
def test_a_study_that_is_not_complete_does_not_make_the_drawing_of_all_figures_fail(
    copied, tmp_path, capsys
):
    out = tmp_path / "out"
    shutil.rmtree(copied / "chip" / "bits5-seed1")
    assert analysis_main.main(["--runs", str(copied), "--out", str(out)]) == 0
    assert capsys.readouterr().err.count("bits5-seed1: no such run") == 2
    assert analysis_main.main(["weight_bits", "--runs", str(copied), "--out", str(out)]) == 1
    shutil.rmtree(copied / "chip")
    capsys.readouterr()
    assert analysis_main.main(["--runs", str(copied), "--out", str(out)]) == 0
    assert capsys.readouterr().err == ""
    assert analysis_main.main(["chip_limits", "--runs", str(copied), "--out", str(out)]) == 1
    command = f"python -m analysis.chip.runs --out '{copied}/chip'"
    assert f"no such study; make it with: {command}\n" in capsys.readouterr().err
    assert not out.exists()


def command_of(study, folder):
    words = f"--model {study.model} --epochs {EPOCHS} --seeds 0 1 2 --bits 5 8"
    return f"python -m analysis.chip.runs {words} --out '{folder}'"


@pytest.mark.parametrize("missing", ["symmetric-seed2", "float_weights.csv", "bits8-seed0"])
def test_what_is_missing_is_named_with_the_command_that_makes_it(study, copied, missing):
    path = copied / "chip" / missing
    path.unlink() if path.is_file() else shutil.rmtree(path)
    with pytest.raises(RunDirectoryError) as caught:
        needed_study(copied)
    assert str(caught.value).startswith(f"{path}: no such ")
    assert str(caught.value).endswith(f"make it with: {command_of(study, copied / 'chip')}")


def test_an_unfinished_training_is_named_with_the_command_that_goes_on(study, copied):
    file = copied / "chip" / "bits8-seed1" / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"finished": False}))
    accepted(file.parent)
    with pytest.raises(
        RunDirectoryError, match="bits8-seed1: the training is unfinished"
    ) as caught:
        needed_study(copied)
    assert command_of(study, copied / "chip") in str(caught.value)


def test_a_run_of_another_experiment_is_no_part_of_the_study(copied):
    chip = copied / "chip"
    shutil.rmtree(chip / "bits5-seed0")
    shutil.copytree(chip / "bits8-seed0", chip / "bits5-seed0")
    with pytest.raises(RunDirectoryError, match=r"hardware\.weight_bits: 8 there, 5 asked for"):
        needed_study(copied)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("study.json", "[1]", "is not a study"),
        ("study.json", '{"seeds": []}', r"is not a study \(seeds: "),
        ("study.json", '{"epochs": "many"}', r"is not a study \(epochs: "),
        ("float_weights.csv", "seed,epoch\n0,1\n", "cannot be read .not every row has the columns"),
        ("float_weights.csv", "", "cannot be read .* delete it, and make it anew with: python"),
        ("bits8-seed0/checkpoint.npz", "x", "is damaged"),
        ("bits8-seed0/metrics.csv", "epoch\n1\n", "is damaged"),
        ("bits8-seed0/activity.csv", "epoch\n1\n", "has no column stray_spikes, unequal_weights"),
    ],
)
def test_a_spoilt_file_is_named(copied, name, content, complaint):
    file = copied / "chip" / name
    file.write_text(content)
    if file.name == "activity.csv":
        accepted(file.parent)
    with pytest.raises(RunDirectoryError, match=complaint) as caught:
        chip_limits.numbers(needed_study(copied))
    assert str(file) in str(caught.value)


def test_a_checkpoint_that_is_not_of_the_end_is_refused(copied):
    file = copied / "chip" / "bits8-seed0" / "checkpoint.npz"
    stands = load_checkpoint(file)
    save_checkpoint(file, replace(stands, epoch=EPOCHS - 1))
    with pytest.raises(RunDirectoryError, match="is not one of the training's end"):
        chip_limits.numbers(needed_study(copied))


# -- making the runs ---------------------------------------------------------------------------


def options_of(study, folder):
    return [*study.options(), "--bits", *map(str, study.bits), "--out", str(folder)]


def test_the_study_has_three_seeds_of_all_bits_symmetric_limits_and_no_more():
    names = sorted(training.name for training in Study().trainings)
    whole = [f"bits{b}-seed{s}" for b in range(2, 9) for s in range(3)]
    assert names == whole + [f"symmetric-seed{s}" for s in range(3)]
    for training in Study().trainings:
        experiment = Study().experiment(training)
        assert experiment.name == "mnist_loihi1"
        assert experiment.hardware.model_dump() == {
            "chip": "loihi1",
            "weight_bits": 8 if training.symmetric else int(training.name[4]),
            "symmetric": training.name.startswith("symmetric"),
        }
        plan = experiment.training
        assert (plan.epochs, plan.evaluate_every, plan.samples) == (10, 1, None)
        assert plan.seed == int(training.name[-1])


def test_a_complete_study_is_left_as_it_is(study, copied, capsys):
    before = {path: path.stat().st_mtime_ns for path in (copied / "chip").rglob("*")}
    del before[copied / "chip" / "study.json"]
    assert chip_runs.main([*options_of(study, copied / "chip"), "--quiet"]) == 0
    after = {path: path.stat().st_mtime_ns for path in (copied / "chip").rglob("*")}
    assert before.items() <= after.items()
    assert Study.read(copied / "chip") == study
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_a_study_that_was_stopped_is_completed_with_the_same_bits_but_for_what_fails(
    study, runs, copied, capsys
):
    chip = copied / "chip"
    shutil.rmtree(chip / "bits5-seed0")
    options = options_of(study, chip)
    process = subprocess.Popen(
        [sys.executable, "-m", "analysis.chip.runs", *options],
        cwd=CHECKOUT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 100
    while len(processes_that_name(chip)) < 2 and time.monotonic() < end:
        time.sleep(0.02)  # until it and its training run
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=100)
    assert process.returncode == 130, said
    assert "stopped; the same command goes on" in said and "Traceback" not in said
    assert processes_that_name(chip) == []

    foreign = chip / "bits8-seed1"
    shutil.rmtree(foreign)
    foreign.mkdir()
    (foreign / "letter.txt").write_text("no run")
    assert chip_runs.main(options) == 1
    said = capsys.readouterr().err
    assert f"bits8-seed1: {foreign}: is not empty and no run directory" in said
    assert re.search(r"bits5-seed0: test \d+\.\d\d % by argmax", said)
    shutil.rmtree(foreign)
    shutil.copytree(runs / "chip" / "bits8-seed1", foreign)
    for module in (weight_bits, chip_limits):
        new, old = (module.numbers(needed_study(folder)) for folder in (copied, runs))
        pd.testing.assert_frame_equal(new, old)


def test_what_cannot_be_trained_is_said_before_anything_is_written(study, copied, tmp_path, capsys):
    for change, complaint in (
        (["--samples", "20"], "training.samples: None there, 20 asked for"),
        (["--epochs", str(EPOCHS - 1)], f"training.epochs: {EPOCHS} there, {EPOCHS - 1} asked for"),
        (["--bits", "5", "9"], "8 must be among them"),
        (["--bits", "8", "9"], "hardware.weight_bits"),
        (["--model", "no such"], "no such model file"),
    ):
        before = (copied / "chip" / "study.json").read_bytes()
        assert chip_runs.main([*options_of(study, copied / "chip"), *change]) == 1
        assert complaint in capsys.readouterr().err
        assert (copied / "chip" / "study.json").read_bytes() == before
    new = tmp_path / "new"
    assert chip_runs.main([*options_of(study, new), "--samples", "999"]) == 1
    assert "training.samples is 999" in capsys.readouterr().err
    assert not new.exists()


def test_a_study_without_8_bits_is_refused():
    with pytest.raises(ExperimentError, match="8 must be among them"):
        Study(bits=(4, 5))


# -- Markdown ----------------------------------------------------------------------------------


def table_after(text, title):
    """The rows of the first Markdown table after a title: first cell to the others."""
    lines = text[text.index(title) :].splitlines()
    end = next((k for k, line in enumerate(lines) if k and line.startswith("**")), len(lines))
    rows = [line for line in lines[:end] if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {row[0]: row[1:] for row in cells}


def test_the_tables_hold_the_numbers_of_the_figures(made, bits, limits):
    text = chip_table.tables(made)
    found = table_after(text, "**Accuracy against weight bits**")
    assert list(found) == ["5", "8", "float"]
    for weights, cells in found.items():
        rows = bits[bits["weights"] == weights]
        for (median, seeds), readout in zip((cells[:2], cells[2:]), ("argmax", "potential"),
                                            strict=True):  # fmt: skip
            assert float(median) == pytest.approx(rows[f"median_{readout}"].iloc[0], abs=0.005)
            values = [float(value) for value in seeds.split(",")]
            assert values == pytest.approx(rows[f"accuracy_{readout}"].tolist(), abs=0.005)

    found = table_after(text, "**What the chip's limits cost**")
    assert list(found) == ["by argmax", "by potential"]
    for cells, readout in zip(found.values(), ("argmax", "potential"), strict=True):
        own, other = (
            [row_of(limits, Training(8, symmetric, s))[f"accuracy_{readout}"] for s in SEEDS]
            for symmetric in (False, True)
        )
        differences = [a - b for a, b in zip(own, other, strict=True)]
        wanted = (own, other, differences, [sorted(differences)[1]])
        for cell, values in zip(cells, wanted, strict=True):
            assert [float(v) for v in cell.split(",")] == pytest.approx(values, abs=0.005)

    found = table_after(text, "**How far copies drift apart**")
    assert list(found) == ["8, symmetric", "8", "5"]
    for name, training in (("8, symmetric", (8, True)), ("8", (8, False)), ("5", (5, False))):
        rows = [row_of(limits, Training(*training, seed)) for seed in SEEDS]
        for k, layer in enumerate(("w1", "w2")):
            unequal, largest, mean = found[name][3 * k : 3 * k + 3]
            for cell, what in ((unequal.split(" ")[0], "unequal"), (largest, "largest"),
                               (unequal.split("(")[1].rstrip(" %)"), "unequal_percent"),
                               (mean, "mean")):  # fmt: skip
                middle = sorted(row[f"{layer}_{what}"] for row in rows)[1]
                assert float(cell.replace(",", "")) == pytest.approx(middle, abs=0.051)
        assert found[name][-1] == "0"


def test_the_tables_say_what_was_trained(made):
    text = chip_table.tables(made)
    assert "`small`, 12-8-3, 6 epochs of 40 samples; seeds 0, 1, 2" in text


def test_the_tables_take_their_place_in_the_page_and_leave_the_rest(runs, tmp_path, capsys):
    page = CHECKOUT / "docs" / "chip.md"
    before = page.read_text(encoding="utf-8")
    copy = tmp_path / "chip.md"
    copy.write_text(before, encoding="utf-8")
    command = ["--runs", str(runs), "--into", str(copy)]
    assert chip_table.main(command) == 0
    once = copy.read_text(encoding="utf-8")
    assert chip_table.main(command) == 0
    assert copy.read_text(encoding="utf-8") == once
    assert chip_table.main(["--runs", str(runs)]) == 0
    tables = capsys.readouterr().out.split("chip.md\n")[-1]
    assert tables.strip() in once
    for text in (before, once):
        assert text.count(chip_table.BEGIN) == text.count(chip_table.END) == 1
    assert once.split(chip_table.BEGIN)[0] == before.split(chip_table.BEGIN)[0]
    assert once.split(chip_table.END)[1] == before.split(chip_table.END)[1]


@pytest.mark.parametrize("text", ["", chip_table.END + chip_table.BEGIN, chip_table.BEGIN * 2])
def test_a_page_without_a_place_for_the_tables_is_left_alone(runs, tmp_path, capsys, text):
    page = tmp_path / "page.md"
    page.write_text(text)
    assert chip_table.main(["--runs", str(runs), "--into", str(page)]) == 1
    assert f"{page}: must hold, once each" in capsys.readouterr().err
    assert page.read_text() == text


def test_without_a_study_no_table_is_written(tmp_path, capsys):
    assert chip_table.main(["--runs", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "python -m analysis.chip.runs --out" in said.err and said.out == ""


# -- the page ----------------------------------------------------------------------------------


def test_the_examples_of_the_page_run(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # one of them trains into runs/few
    monkeypatch.setitem(prefs, "codegen.target", "numpy")  # put back afterwards
    page = (CHECKOUT / "docs" / "chip.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == 3
    names: dict = {}
    for block in blocks:
        exec(block, names)
    weights = np.array([[60, 20, -20], [40, 60, 80]])
    assert np.array_equal(np.asarray(names["synapses"].w), weights.ravel())
    # the first spike meets synapses with delays 0, 1 and 0 in steps 1, 2 and 1
    current = np.asarray(names["voltage"].u)
    assert current[:, 1].tolist() == [64 * 60, 0, 64 * -20] and current[1, 2] == 64 * 20
    shown = "[[2 -256], [254 254]]"
    assert f"print(weights)  # {shown}" in page
    assert names["weights"].tolist() == [[2, -256], [254, 254]]


def test_random_rounding_goes_on_to_the_same_bits_wherever_a_training_pauses(
    tmp_path, experiment, small_npz
):
    coarse = ("hardware.weight_bits=6", "training.epochs=2", "training.seed=3")
    path, weights = small_npz((12, 8, 3), n_train=300), []
    for every in (1.0, 0.3):
        wanted = experiment(*coarse, f"training.evaluate_every={every}", path=path)
        run = sb.train(wanted, engine="circuit", out=tmp_path / f"every-{every}", keep_going=True)
        weights.append(run.weights)
    assert any((weights[0][name] != weights[0][f"{name}_init"]).any() for name in ("w1", "w2"))
    for name, matrix in weights[0].items():
        np.testing.assert_array_equal(matrix, weights[1][name])
