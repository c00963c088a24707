"""Figures: what is drawn, from a real run of the circuit, against the algorithm in plain NumPy.

The small run's weights are followed here from the first sample to the last, so that every spike
of the raster and every point of the learning curve is known without the code under test.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from edited import accepted
from figure_scenes import fires, labels_outside_of_the_axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

import synfire_bp as sb
from analysis import digits
from analysis.__main__ import main
from analysis.shared import learning_curve, raster, style
from analysis.shared.output import save_entry
from synfire_bp.circuit import paper as circuit_module
from synfire_bp.errors import CircuitError, RunDirectoryError

CHECKOUT = Path(__file__).parents[2]
EPOCHS = 2
PHASES = 12
KINDS = ("png", "csv")
FIGURES = {entry.name: entry for entry in digits.ENTRIES}

# -- the runs, and what must be in them --------------------------------------------------------


@pytest.fixture(scope="module")
def small(experiment):
    return experiment(f"training.epochs={EPOCHS}", "record.samples=3")


@pytest.fixture(scope="module")
def runs(small, tmp_path_factory):
    """A folder of runs with one finished run, three samples recorded."""
    folder = tmp_path_factory.mktemp("runs")
    sb.train(small, engine="circuit", out=folder / "digits")
    return folder


@pytest.fixture(scope="module")
def long_record(small, tmp_path_factory):
    """A run with 25 recorded samples, more than are drawn."""
    out = tmp_path_factory.mktemp("long") / "digits"
    return sb.train(small.changed(["record.samples=25"]), engine="circuit", out=out)


@pytest.fixture(scope="module")
def data(small):
    arrays = np.load(small.dataset.path)
    return {
        split: ((arrays[f"x_{split}"] > 127).astype(int), arrays[f"y_{split}"])
        for split in ("train", "test")
    }


@pytest.fixture(scope="module")
def history(small, data):
    """Every sample in the order shown: (which, label, spikes, o, a2); and the final weights."""
    inputs, labels = data["train"]
    w1, w2 = (w.astype(int) for w in sb.initial_weights(small.network.sizes, small.training.seed))
    shown = []
    for epoch in range(EPOCHS):
        for k in sb.epoch_order(small.training.seed, epoch, len(labels)):
            target = np.arange(w2.shape[1]) == labels[k]
            spikes, (change1, change2), o, a2 = fires(inputs[k], target, w1, w2)
            w1, w2 = np.clip(w1 + 2 * change1, -254, 254), np.clip(w2 + 2 * change2, -254, 254)
            shown.append((int(k), int(labels[k]), spikes, o, a2))
    return shown, (w1, w2)


def spike_set(samples):
    return {
        (population, PHASES * place + phase, int(neuron))
        for place, (_, _, spikes, _, _) in enumerate(samples)
        for population, phases in spikes.items()
        for phase, who in phases.items()
        for neuron in np.flatnonzero(who)
    }


def drawn_spikes(table):
    fired = table.dropna(subset=["step"])
    rows = zip(fired["population"], fired["step"], fired["neuron"], strict=True)
    return [(population, int(step), int(neuron)) for population, step, neuron in rows]


def files(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def scores(outputs, potentials, labels):
    outputs, potentials = np.array(outputs), np.array(potentials)
    targets = np.eye(outputs.shape[1])[labels]
    shares = outputs[np.arange(len(labels)), labels] / np.maximum(outputs.sum(axis=1), 1)
    return {
        "accuracy_spikes": 100 * np.mean(shares),
        "accuracy_potential": 100 * np.mean(potentials.argmax(axis=1) == labels),
        "mse": np.mean((outputs - targets) ** 2),
    }


# -- numbers -----------------------------------------------------------------------------------


def test_the_raster_holds_every_spike_of_the_recorded_samples_and_no_other(runs, history):
    table = raster.numbers(sb.Run.open(runs / "digits"))
    expected = spike_set(history[0][-3:])
    assert sorted(drawn_spikes(table)) == sorted(expected)


def test_the_raster_says_of_every_spike_in_which_sample_and_phase_it_fell(runs, history):
    table = raster.numbers(sb.Run.open(runs / "digits")).dropna(subset=["step"])
    samples = history[0][-3:]
    place, phase = np.divmod(table["step"].to_numpy(dtype=int), PHASES)
    assert set(place) == {0, 1, 2}
    np.testing.assert_array_equal(table["phase"], phase)
    np.testing.assert_array_equal(table["training_sample"], [samples[k][0] for k in place])
    np.testing.assert_array_equal(table["label"], [samples[k][1] for k in place])


def test_of_a_longer_record_the_three_samples_with_most_errors_are_drawn(long_record, history):
    recorded = history[0][-25:]
    errors = [int(sample[2]["d+"][4].sum() + sample[2]["d-"][4].sum()) for sample in recorded]
    sums = [sum(errors[k : k + 3]) for k in range(23)]
    first = sums.index(max(sums))
    assert max(sums) > sums[-1], "the last three must not be the choice by chance"
    table = raster.numbers(long_record)
    assert sorted(drawn_spikes(table)) == sorted(spike_set(recorded[first : first + 3]))
    assert set(table["sample"].dropna()) == {first, first + 1, first + 2}


def test_silent_populations_stay_in_the_raster_s_table(runs, history):
    table = raster.numbers(sb.Run.open(runs / "digits"))
    fired = {population for population, _, _ in spike_set(history[0][-3:])}
    every = set(sb.backprop_circuit((12, 8, 3)).population_sizes)
    assert set(table["population"]) == every
    silent = table[~table["population"].isin(fired)]
    assert silent["population"].is_unique
    assert silent["step"].isna().all() and silent["neuron"].isna().all()


def test_the_learning_curve_of_training_scores_each_sample_before_its_update(runs, history):
    table = learning_curve.numbers(sb.Run.open(runs / "digits"))
    n = len(history[0]) // EPOCHS
    for epoch in range(EPOCHS):
        samples = history[0][epoch * n : (epoch + 1) * n]
        _, labels, _, outputs, potentials = zip(*samples, strict=True)
        row = table[(table["split"] == "train") & (table["epoch"] == epoch + 1)]
        for name, value in scores(outputs, potentials, np.array(labels)).items():
            assert row[name].item() == pytest.approx(value), name


def test_the_last_point_of_the_test_curve_is_the_score_of_the_final_weights(runs, history, data):
    table = learning_curve.numbers(sb.Run.open(runs / "digits"))
    (inputs, labels), (w1, w2) = data["test"], history[1]
    potentials = (inputs @ w1 > 512).astype(int) @ w2
    row = table[(table["split"] == "test") & (table["epoch"] == EPOCHS)]
    for name, value in scores(potentials > 512, potentials, labels).items():
        assert row[name].item() == pytest.approx(value), name


# -- drawings ----------------------------------------------------------------------------------


def test_the_learning_curve_draws_its_table(runs):
    table = learning_curve.numbers(sb.Run.open(runs / "digits"))
    figure = learning_curve.draw(table)
    right, left = sorted(figure.axes, key=lambda axes: axes.get_ylabel() == "accuracy (%)")
    expected = {
        f"{name} {split}": table.loc[table["split"] == split, ["epoch", name]].to_numpy()
        for name in ("accuracy_spikes", "accuracy_potential", "mse")
        for split in ("train", "test")
    }
    drawn = {line.get_label(): (axes, line) for axes in (left, right) for line in axes.lines}
    assert set(drawn) == set(expected)
    for label, (axes, line) in drawn.items():
        np.testing.assert_array_equal(np.column_stack(line.get_data()), expected[label])
        assert axes is (right if label.startswith("mse") else left)


def dashes(figure):
    """Return what a raster shows: for each population its axes, and (step, height) of each mark."""
    marks = {}
    for axes in figure.axes:
        for line in axes.lines:
            if line.get_label() in sb.backprop_circuit((1, 1, 1)).population_sizes:
                x, y = (np.reshape(values, (-1, 3)) for values in line.get_data())
                steps = np.round((x[:, 0] + x[:, 1]) / 2).astype(int)
                marks[line.get_label()] = axes, list(zip(steps.tolist(), y[:, 0], strict=True))
    return marks


def test_the_raster_draws_every_spike_in_its_step_and_in_the_band_of_its_population(runs):
    table = raster.numbers(sb.Run.open(runs / "digits"))
    marks = dashes(raster.draw(table))
    names = {axes: [t.get_text() for t in axes.get_yticklabels()] for axes, _ in marks.values()}
    assert sorted(chain.from_iterable(names.values())) == sorted(set(table["population"]))
    for population, (axes, drawn) in marks.items():
        spikes = table[table["population"] == population].dropna(subset=["step"])
        assert [step for step, _ in drawn] == spikes["step"].tolist()
        heights = np.array([height for _, height in drawn])
        assert (np.floor(heights) == names[axes].index(population)).all()
        order = pd.Series(heights, spikes["neuron"].tolist(), dtype=float)
        assert order.sort_index().is_monotonic_increasing  # neuron 0 on top


def test_dense_populations_keep_a_place_for_every_neuron():
    n = 700
    circuit = sb.backprop_circuit((n, 8, 3))
    table = pd.DataFrame(
        [("panel", name, size, 0, 0, 0, 0, 0, k)
         for name, size in circuit.population_sizes.items() for k in range(size)],
        columns=["panel", "population", "neurons", "step", "sample", "training_sample", "label",
                 "phase", "neuron"],
    )  # fmt: skip
    figure = raster.draw(table)
    (line,) = (line for axes in figure.axes for line in axes.lines if line.get_label() == "m_x")
    x, y = (np.reshape(values, (-1, 3)) for values in line.get_data())
    assert len(set(zip(x[:, 0].round(9), y[:, 0].round(9), strict=True))) == n
    rows = np.unique(y[:, 0].round(9))
    pixels = np.abs(np.diff(line.axes.transData.transform([(0, y) for y in rows])[:, 1]))
    pitch = pixels.min() / figure.dpi
    assert pitch * 300 >= 1, "rows must not fall on the same pixel"
    assert line.get_linewidth() / 72 <= pitch, "spikes must not cover their neighbours"
    assert x[:, 0].min() >= -0.5 and x[:, 1].max() <= 0.5


def shaded(figure, learning):
    """Return the steps over which the shade of a kind of learning lies, per panel."""
    panels = [axes for axes in figure.axes if axes.get_ylabel()]
    return [
        sorted(
            round(patch.get_x() + patch.get_width() / 2)
            for patch in axes.patches
            if patch.get_label() == learning
        )
        for axes in panels
    ]


def annotations(figure, arrow):
    return [t.get_text() for t in figure.axes[0].texts if t.get_text().endswith(arrow)]


def test_the_raster_points_out_where_weights_grow_and_shrink(runs):
    figure = raster.draw(raster.numbers(sb.Run.open(runs / "digits")))
    # the plastic synapses learn in these phases, and these weights (CIRCUIT, section 8)
    for learning, phases, arrow in (("potentiation", (5, 7), "↑"), ("depression", (9, 11), "↓")):
        steps = sorted(12 * sample + phase for sample in range(3) for phase in phases)
        assert shaded(figure, learning) == [steps] * 4
        assert annotations(figure, arrow) == [f"W2{arrow}", f"W1{arrow}"] * 3


def test_the_raster_takes_the_learning_phases_from_the_circuit(runs, monkeypatch):
    table = raster.numbers(sb.Run.open(runs / "digits"))
    changed = tuple(
        replace(phase, learning="depression" if phase.index == 5 else "")
        for phase in circuit_module.PHASES
    )
    monkeypatch.setattr(circuit_module, "PHASES", changed)
    figure = raster.draw(table)
    assert shaded(figure, "potentiation") == [[]] * 4
    assert shaded(figure, "depression") == [[5, 17, 29]] * 4
    assert annotations(figure, "↓") == ["W2↓"] * 3


def test_every_population_of_the_circuit_has_the_colour_of_its_family():
    families = (
        {"input", "x", "m_x"}, {"h", "h<", "h>", "m_h", "c"}, {"o", "o<", "o>"}, {"target", "t"},
        {"d+", "d-"}, {"hT", "oT"}, {f"g{k}" for k in range(PHASES)},
    )  # fmt: skip
    assert set.union(*families) == set(sb.backprop_circuit((1, 1, 1)).population_sizes)
    colours = [{style.colour(population) for population in family} for family in families]
    assert all(len(of_family) == 1 for of_family in colours)
    assert len(set.union(*colours)) == len(families)
    with pytest.raises(CircuitError, match="'q' has no colour"):
        style.colour("q")


@pytest.mark.parametrize("entry", digits.ENTRIES, ids=lambda entry: entry.name)
def test_no_text_is_smaller_than_6_points_cut_off_or_on_top_of_another(runs, entry):
    figure = entry.draw(entry.numbers(runs))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [t for t in figure.findobj(Text) if t.get_text().strip() and t.get_visible()]
    outside = labels_outside_of_the_axes(figure)
    texts = [text for text in texts if text not in outside]
    boxes = {t: t.get_window_extent(canvas.get_renderer()) for t in texts}
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


def test_all_figures_are_written_with_their_numbers(runs, tmp_path, capsys):
    out = tmp_path / "new" / "figures"
    assert main(["--runs", str(runs), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert files(out) == ["digits"]
    out = out / "digits"
    assert files(out) == sorted(f"{name}.{kind}" for name in FIGURES for kind in KINDS)
    for name, width in (("learning_curve", 89), ("raster", 183)):
        assert f"{name}.png" in said
        png = (out / f"{name}.png").read_bytes()
        assert struct.unpack(">I", png[16:20])[0] == int(width / 25.4 * 300)
        written = pd.read_csv(out / f"{name}.csv").astype(object)
        drawn = FIGURES[name].numbers(runs)
        assert list(written) == list(drawn)
        for column in drawn:
            assert written[column].dropna().tolist() == drawn[column].dropna().tolist()
            assert (written[column].isna() == drawn[column].isna()).all()


@pytest.mark.parametrize(("name", "width"), [("learning_curve", 89), ("raster", 183)])
def test_a_figure_is_written_as_svg_if_its_entry_asks_for_it(runs, tmp_path, name, width):
    png, svg, csv = save_entry(replace(FIGURES[name], svg=True), runs, tmp_path)
    assert [file.suffix for file in (png, svg, csv)] == [".png", ".svg", ".csv"]
    text = svg.read_text()
    root = ET.fromstring(text)
    assert float(root.get("width").removesuffix("pt")) == pytest.approx(width / 25.4 * 72)
    assert len(text) < 500_000


def test_text_in_the_svg_stays_text(runs, tmp_path):
    _, svg, _ = save_entry(replace(FIGURES["raster"], svg=True), runs, tmp_path)
    root = ET.parse(svg).getroot()
    texts = {"".join(text.itertext()).strip() for text in root.findall(".//{*}text")}
    assert texts >= set(sb.backprop_circuit((1, 1, 1)).population_sizes)


def test_drawing_twice_gives_the_same_files(runs, tmp_path):
    for out in ("a", "b"):
        assert main(["--runs", str(runs), "--out", str(tmp_path / out)]) == 0
    one, other = tmp_path / "a" / "digits", tmp_path / "b" / "digits"
    assert len(files(one)) == len(FIGURES) * len(KINDS)
    for name in files(one):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_settings_of_the_user_do_not_change_the_figures(runs, tmp_path):
    import matplotlib

    assert main(["--runs", str(runs), "--out", str(tmp_path / "a")]) == 0
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9, "svg.fonttype": "path"}):
        assert main(["--runs", str(runs), "--out", str(tmp_path / "b")]) == 0
        assert matplotlib.rcParams["font.size"] == 20
    one, other = tmp_path / "a" / "digits", tmp_path / "b" / "digits"
    assert len(files(one)) == len(FIGURES) * len(KINDS)
    for name in files(one):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_only_the_figures_named_are_drawn(runs, tmp_path):
    assert main(["raster", "raster", "--runs", str(runs), "--out", str(tmp_path)]) == 0
    assert files(tmp_path / "digits") == sorted(f"raster.{kind}" for kind in KINDS)


def test_an_unknown_figure_is_refused_with_the_nearest_name(runs, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["learning_curve", "rastr", "--runs", str(runs), "--out", str(tmp_path)])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "unknown figure 'rastr'" in said and "did you mean raster?" in said
    assert files(tmp_path) == []


def test_without_a_run_the_command_that_makes_it_is_named(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "analysis", "--runs", tmp_path / "my runs", "--out", tmp_path / "f"],
        cwd=CHECKOUT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for name in FIGURES:
        assert f"figure '{name}' cannot be drawn" in done.stderr
    command = f"synfire-bp train digits --engine circuit --out '{tmp_path}/my runs/digits'"
    assert done.stderr.count(command) == len(FIGURES)
    assert not (tmp_path / "f").exists()


def copied(runs, tmp_path):
    return shutil.copytree(runs, tmp_path / "runs")


def test_without_recorded_spikes_the_other_figures_are_still_drawn(runs, tmp_path, capsys):
    there = copied(runs, tmp_path)
    (there / "digits" / "spikes.npz").unlink()
    accepted(there / "digits")
    assert main(["--runs", str(there), "--out", str(tmp_path / "out")]) == 1
    drawn = files(tmp_path / "out" / "digits")
    assert drawn == sorted(f"learning_curve.{kind}" for kind in KINDS)
    said = capsys.readouterr().err
    assert "'raster' cannot be drawn" in said and "learning_curve" not in said
    elsewhere = tmp_path / "runs-with-spikes"
    assert (
        f"synfire-bp train {there}/digits/experiment.yaml --engine circuit "
        f"--set record.samples=3 --out {elsewhere}/digits, then draw with --runs {elsewhere}"
    ) in said


def test_an_unfinished_run_is_not_drawn_and_resuming_is_named(runs, tmp_path, capsys):
    there = copied(runs, tmp_path)
    provenance = there / "digits" / "provenance.json"
    about = json.loads(provenance.read_text()) | {"finished": False}
    provenance.write_text(json.dumps(about))
    accepted(there / "digits")
    assert main(["--runs", str(there), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert said.count("the training is unfinished") == len(FIGURES)
    command = (
        f"synfire-bp train {there}/digits/experiment.yaml --engine circuit "
        f"--out {there}/digits --resume"
    )
    assert command in said
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("provenance.json", "[]"),
        ("provenance.json", '{"finished": true'),
        ("metrics.csv", "epoch,split\n1,test\n"),
        ("metrics.csv", "epoch,split,accuracy_spikes,accuracy_potential,mse\n1,test,1,x,0\n"),
        ("metrics.csv", "epoch,split,accuracy_spikes,accuracy_potential,mse\n1,test,1,,0\n"),
        ("metrics.csv", "epoch,split,accuracy_spikes,accuracy_potential,mse\n1,test,1,1,0\n"),
        ("spikes.npz", "no zip"),
        ("experiment.yaml", "name: x\n"),
    ],
)
def test_a_spoilt_file_is_named_without_a_traceback(runs, tmp_path, capsys, name, content):
    there = copied(runs, tmp_path)
    (there / "digits" / name).write_text(content)
    assert main(["--runs", str(there), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().err
    assert "cannot be drawn" in said and str(there / "digits") in said


@pytest.mark.parametrize(
    ("entry", "value", "complaint"),
    [
        ("h</i", None, "lacks the population 'h<'"),
        ("d+/step", None, "has not as many steps"),
        ("t/i", np.array([0, 1, 3]), "spikes of neurons beyond the 3 of t"),
        ("t/step", np.array([3, 15, 36]), "'t' has spikes outside of step 0 … 35"),
        ("t/step", np.array([3, 15]), "t has not as many steps as neurons"),
        ("t/step", np.array([3.0, 15.0, 27.0]), "the spikes of t are not whole numbers"),
        ("labels", None, "does not say which samples and labels"),
        ("labels", np.array([0]), "must be as many of each"),
    ],
)
def test_spikes_that_are_not_those_of_the_circuit_are_refused(
    runs, tmp_path, entry, value, complaint
):
    there = copied(runs, tmp_path) / "digits"
    arrays = dict(np.load(there / "spikes.npz"))
    del arrays[entry]
    if value is not None:
        arrays[entry] = value
    np.savez(there / "spikes.npz", **arrays)
    accepted(there)
    with pytest.raises(RunDirectoryError, match=complaint):
        raster.numbers(sb.Run.open(there))


def test_a_folder_that_cannot_be_made_is_named(runs, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["--runs", str(runs), "--out", str(tmp_path / "file" / "out")]) == 1
    said = capsys.readouterr().err
    assert said.count("cannot be used as the folder of the figures") == len(FIGURES)


def test_a_figure_that_cannot_be_written_leaves_the_old_one_whole(
    runs, tmp_path, capsys, monkeypatch
):
    assert main(["raster", "--runs", str(runs), "--out", str(tmp_path)]) == 0
    out = tmp_path / "digits"
    before = {name: (out / name).read_bytes() for name in files(out)}
    assert len(before) == len(KINDS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert main(["raster", "--runs", str(runs), "--out", str(tmp_path)]) == 1
    assert "No space left" in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in files(out)} == before


def test_the_learning_curve_refuses_the_table_of_a_run_whose_accuracies_are_fractions():
    table = pd.DataFrame({"epoch": [1.0], "split": ["test"], "accuracy_spikes": [0.9],
                          "accuracy_potential": [0.9], "mse": [0.1], "seconds": [2.0]})  # fmt: skip
    with pytest.raises(sb.errors.SynfireError, match=r"'seconds', as Run.metrics.*numbers\(run\)"):
        learning_curve.draw(table)
