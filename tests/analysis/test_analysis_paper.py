"""Figures of the paper's runs: what is drawn, against the algorithm followed here in plain NumPy.

The runs are those of the circuit on a small random data set, in the folders of the paper's runs.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import struct
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from edited import accepted
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from PIL import Image

import synfire_bp as sb
from analysis.paper import (
    answers,
    fashion_curves,
    gradient_check,
    mnist_curves,
    one_sample,
    protocol,
    receptive_fields,
    weights,
)
from analysis.paper import raster as paper_raster
from analysis.shared import style
from analysis.shared.output import save
from analysis.shared.replay import replay
from synfire_bp.errors import RunDirectoryError

SIZES = (12, 8, 3)
N_TRAIN, N_TEST, EPOCHS, RECORDED = 40, 20, 15, 20
UNTRAINED_SEED = 1  # one of its three samples has errors of both signs
HALF_EPOCH = N_TRAIN // 2
PHASES = 12
MODULES = (
    mnist_curves,
    fashion_curves,
    paper_raster,
    weights,
    answers,
    receptive_fields,
    gradient_check,
    one_sample,
)
ENTRIES = {
    entry.name: entry
    for module in MODULES
    for entry in (getattr(module, "ENTRIES", None) or [module.ENTRY])
}

# -- the runs, and what must be in them --------------------------------------------------------


@pytest.fixture(scope="module")
def data_file(tmp_path_factory):
    """Three noisy classes that can be learnt: each lights up its own third of the inputs."""
    rng, arrays = np.random.default_rng(2), {}
    for split, n in (("train", N_TRAIN), ("test", N_TEST)):
        labels = np.arange(n) % 3
        own = np.arange(12) // 4 == labels[:, None]
        on = rng.random((n, 12)) < np.where(own, 0.9, 0.6)
        arrays |= {f"x_{split}": 255 * on.astype(np.uint8), f"y_{split}": labels}
    path = tmp_path_factory.mktemp("data") / "thirds.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def runs(experiment, data_file, tmp_path_factory):
    """A folder with two finished seeds, the untrained network and a partial Fashion-MNIST."""
    folder = tmp_path_factory.mktemp("runs")

    def train(name, model, *overrides):
        small = experiment(*overrides, name=model, path=data_file)
        sb.train(small, engine="circuit", out=folder / "paper" / name)

    every = (f"training.epochs={EPOCHS}", "training.evaluate_every=0.5")
    for seed in (0, 1):
        recorded = f"record.samples={RECORDED}"
        train(f"mnist-seed{seed}", "mnist", *every, f"training.seed={seed}", recorded)
    three = ("training.samples=3", f"training.seed={UNTRAINED_SEED}", "record.samples=3")
    train("mnist-untrained", "mnist", *three)
    train("fashion_mnist_part-seed0", "fashion_mnist", *every)
    return folder


@pytest.fixture
def changed(runs, tmp_path):
    """A copy of the runs, to be spoilt."""
    return shutil.copytree(runs, tmp_path / "runs")


@pytest.fixture(scope="module")
def data(data_file):
    arrays = np.load(data_file)
    return {
        split: ((arrays[f"x_{split}"] > 127).astype(int), arrays[f"y_{split}"])
        for split in ("train", "test")
    }


def respond(x, label, w1, w2):
    """Return what the circuit does with one sample: (population, phase) -> who fires, and more."""
    t = np.arange(w2.shape[1]) == label
    a1 = x @ w1
    h, box = a1 > 512, (a1 > 0) & ~(a1 > 1024)
    a2 = h @ w2
    o = a2 > 512
    plus, minus = t & ~o & (a2 > 0), o & ~t & ~(a2 > 1024)
    error = w2 @ (plus.astype(int) - minus)
    grow, shrink = (error > 0) & box, (error < 0) & box
    spikes = {("input", 0): x > 0, ("m_x", 6): x > 0, ("m_h", 3): h, ("c", 6): box}
    spikes |= {("x", phase): x > 0 for phase in (1, 7, 11)}
    spikes |= {("h", phase): h for phase in (2, 5, 9)}
    spikes |= {("hT", 5): h, ("hT", 9): h, ("hT", 6): error > 0, ("hT", 10): error < 0}
    spikes |= {("h<", 2): a1 > 0, ("h>", 2): a1 > 1024, ("target", 2): t, ("t", 3): t}
    spikes |= {(name, 7): grow for name in ("h", "h<", "h>")}
    spikes |= {(name, 11): shrink for name in ("h", "h<", "h>")}
    spikes |= {("o", 3): o, ("o<", 3): a2 > 0, ("o>", 3): a2 > 1024}
    spikes |= {(name, 5): plus for name in ("o", "o<", "o>")}
    spikes |= {(name, 9): minus for name in ("o", "o<", "o>")}
    spikes |= {("d+", 4): plus, ("d-", 4): minus, ("oT", 5): minus, ("oT", 9): plus}
    spikes |= {(f"g{k}", (k - 1) % PHASES): np.array([True]) for k in range(PHASES)}
    return SimpleNamespace(
        spikes=spikes,
        d1=grow.astype(int) - shrink,
        d2=plus.astype(int) - minus,
        h=h,
        o=o,
        a2=a2,
        wrong=bool(plus.any() or minus.any()),
    )


def follow(data, seed, epochs, n):
    """Train in plain NumPy: all samples shown, the weights after every epoch, and their changes."""
    inputs, labels = data["train"]
    w1, w2 = (w.astype(int) for w in sb.initial_weights(SIZES, seed))
    shown, after, changes = [], [(w1, w2)], []
    for epoch in range(epochs):
        moved = np.zeros(2, dtype=int)
        for k in sb.epoch_order(seed, epoch, n):
            done = respond(inputs[k], labels[k], w1, w2)
            new1 = np.clip(w1 + 2 * np.outer(inputs[k], done.d1), -254, 254)
            new2 = np.clip(w2 + 2 * np.outer(done.h, done.d2), -254, 254)
            moved += (new1 != w1).sum(), (new2 != w2).sum()
            w1, w2 = new1, new2
            shown.append((int(k), int(labels[k]), done))
        after.append((w1, w2))
        changes.append(tuple(moved.tolist()))
    return SimpleNamespace(shown=shown, weights=after, changes=changes)


@pytest.fixture(scope="module")
def training(data):
    """The training of seed 0, followed here."""
    return follow(data, 0, EPOCHS, N_TRAIN)


@pytest.fixture(scope="module")
def tested(data, training):
    """What the weights of seed 0 answer to the test images in the end: spikes, a2."""
    w1, w2 = training.weights[-1]
    a2 = (data["test"][0] @ w1 > 512).astype(int) @ w2
    return a2 > 512, a2


@pytest.fixture(scope="module")
def tables(runs):
    """The numbers of every entry, made once."""
    return {name: entry.numbers(runs) for name, entry in ENTRIES.items()}


# -- learning curves ---------------------------------------------------------------------------


def written_metrics(runs, name):
    """Return a run's metrics by (split, epoch), read without the code under test."""
    with open(runs / "paper" / name / "metrics.csv", newline="") as file:
        return {(row["split"], float(row["epoch"])): row for row in csv.DictReader(file)}


def curve(table, name, split):
    rows = table[(table["curve"] == name) & (table["split"] == split)]
    return rows.set_index("epoch")


def test_single_runs_and_their_mean_are_those_of_the_runs(runs, tables):
    table = tables["mnist_curves"]
    metrics = [written_metrics(runs, f"mnist-seed{seed}") for seed in (0, 1)]
    assert len(metrics[0]) == 2 * 2 * EPOCHS
    for (split, epoch), row in metrics[0].items():
        for column, factor in (("accuracy_argmax", 100), ("accuracy_potential", 100), ("mse", 1)):
            values = [factor * float(row[column])]
            values.append(factor * float(metrics[1][split, epoch][column]))
            for seed, value in enumerate(values):
                drawn = curve(table, f"seed {seed}", split).loc[epoch, column]
                assert drawn == pytest.approx(value)
            assert curve(table, "mean", split).loc[epoch, column] == pytest.approx(sum(values) / 2)


def test_the_last_test_of_a_curve_is_the_score_of_the_final_weights(data, tested, tables):
    labels, (spikes, a2) = data["test"][1], tested
    last = curve(tables["mnist_curves"], "seed 0", "test").loc[EPOCHS]
    assert last["accuracy_potential"] == pytest.approx(100 * np.mean(a2.argmax(1) == labels))
    assert last["accuracy_argmax"] == pytest.approx(100 * np.mean(spikes.argmax(1) == labels))
    assert last["mse"] == pytest.approx(np.mean((spikes - np.eye(3)[labels]) ** 2))


def lines_of(axes):
    return {line.get_label(): np.column_stack(line.get_data()) for line in axes.lines}


def test_curves_are_drawn_per_split_and_the_paper_s_values_on_the_test_panel_alone(tables):
    table = tables["mnist_curves"]
    figure = mnist_curves.draw(table)
    panels = [axes for axes in figure.axes if axes.get_ylabel() == "accuracy (%)"]
    losses = [axes for axes in figure.axes if axes.get_ylabel() == "mean squared error"]
    for split, left, right in zip(("test", "train"), panels, losses, strict=True):
        for name in ("seed 0", "seed 1", "mean"):
            for column in ("accuracy_argmax", "accuracy_potential", "mse"):
                drawn = lines_of(right if column == "mse" else left)[f"{name} {column}"]
                expected = curve(table, name, split)[column]
                np.testing.assert_array_equal(drawn, np.column_stack([expected.index, expected]))
    marked = lines_of(panels[0])
    assert marked["reported accuracy_argmax"][:, 1].tolist() == [95.7, 95.7]
    assert marked["reported accuracy_potential"][:, 1].tolist() == [97.5, 97.5]
    assert not any(name.startswith("reported") for name in lines_of(panels[1]))


def said_in(figure):
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    texts += [axes.get_title() for axes in figure.axes] + [t.get_text() for t in figure.texts]
    for legend in figure.legends:
        texts += [text.get_text() for text in legend.get_texts()] + [legend.get_title().get_text()]
    return "\n".join(texts)


def unfinish(run):
    about = json.loads((run / "provenance.json").read_text()) | {"finished": False}
    (run / "provenance.json").write_text(json.dumps(about))
    accepted(run)


def test_an_unfinished_seed_is_left_out_and_the_number_of_runs_is_said(tables, changed):
    assert "mean of 2 runs" in said_in(mnist_curves.draw(tables["mnist_curves"]))
    unfinish(changed / "paper" / "mnist-seed0")
    table = mnist_curves.numbers(changed)
    assert set(table["curve"]) == {"seed 1", "mean", "reported"}
    assert "mean of 1 run" in said_in(mnist_curves.draw(table))


def test_a_part_of_fashion_mnist_is_marked_and_gives_way_to_the_whole(tables, changed):
    mark = f"partial: {N_TRAIN} training, {N_TEST} test images"
    assert mark in said_in(fashion_curves.draw(tables["fashion_curves"]))
    paper = changed / "paper"
    shutil.copytree(paper / "fashion_mnist_part-seed0", paper / "fashion_mnist-seed3")
    table = fashion_curves.numbers(changed)
    assert set(table["data"]) == {"whole"}
    assert "partial" not in said_in(fashion_curves.draw(table))
    reported = table[table["curve"] == "reported"].iloc[0]
    assert (reported["accuracy_argmax"], reported["accuracy_potential"]) == (76.9, 79.9)


# -- rasters -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first_three(data):
    """The samples of the untrained network's run, followed here."""
    return follow(data, UNTRAINED_SEED, 1, 3).shown


@pytest.mark.parametrize("name", ["trained", "untrained"])
def test_the_numbers_above_the_raster_count_the_synapses_that_learn(
    data, training, first_three, tables, name
):
    recorded = training.shown[-RECORDED:] if name == "trained" else first_three
    table = tables[f"raster_{name}"]
    assert table["with_error"].iloc[0] == sum(done.wrong for _, _, done in recorded)
    assert table["recorded"].iloc[0] == len(recorded)
    first = table["sample"].min()
    expected = {}
    for place in range(3):
        image, _, done = recorded[first + place]
        on = data["train"][0][image].sum()
        for phase, layer, count in (
            (5, 1, done.h.sum() * (done.d2 > 0).sum()),
            (7, 0, on * (done.d1 > 0).sum()),
            (9, 1, done.h.sum() * (done.d2 < 0).sum()),
            (11, 0, on * (done.d1 < 0).sum()),
        ):
            expected[PHASES * place + phase, layer] = count
    found = list(paper_raster.coincidences(table))
    assert {(meeting.step, meeting.layer): meeting.synapses for meeting in found} == expected
    assert any(expected.values()), "a sample must learn, or the test is empty"
    drawn = [t for t in paper_raster.draw(table).axes[0].texts if t.get_label() == "synapses"]
    assert [t.get_text() for t in drawn] == [str(expected[m.step, m.layer]) for m in found]


def test_the_raster_frames_the_populations_that_meet_and_no_others(first_three, tables):
    expected = Counter()
    for place, (_, _, done) in enumerate(first_three):
        grow, shrink = (done.d2 > 0).any(), (done.d2 < 0).any()
        for phase, forward, backward in ((5, grow, shrink), (9, shrink, grow)):
            met = {"h", "o", "o<", "o>"} if forward else set()
            met |= {"o", "hT"} if forward else set()
            met |= {"oT", "hT"} if backward else set()
            expected.update((name, PHASES * place + phase) for name in met if done.h.any())
        for phase, moved in ((7, done.d1 > 0), (11, done.d1 < 0)):
            met = ("x", "h", "h<", "h>") if moved.any() else ()
            expected.update((name, PHASES * place + phase) for name in met)
    figure = paper_raster.draw(tables["raster_untrained"])
    drawn = Counter()
    for axes in figure.axes:
        bands = [label.get_text() for label in axes.get_yticklabels()]
        for patch in axes.patches:
            if str(patch.get_label()).endswith(" learns"):
                name = bands[int(patch.get_y())]
                assert patch.get_label() == f"{name} learns"
                drawn[name, round(patch.get_x() + patch.get_width() / 2)] += 1
    assert drawn == expected
    assert len({step for _, step in expected}) > 4


# -- weights -----------------------------------------------------------------------------------


def test_repeating_a_training_gives_the_weights_of_every_epoch(runs, training):
    found = replay(sb.Run.open(runs / "paper" / "mnist-seed0"))
    assert len(found.weights) == EPOCHS + 1
    for ours, theirs in zip(found.weights, training.weights, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    assert list(found.changes) == training.changes
    assert min(map(min, found.changes)) > 0


@pytest.mark.parametrize("entry", ["w1", "w2", "w1_init"])
def test_a_run_whose_weights_are_not_those_of_its_training_is_refused(changed, entry):
    file = changed / "paper" / "mnist-seed0" / "weights.npz"
    arrays = dict(np.load(file))
    arrays[entry][0, 0] += 2
    np.savez(file, **arrays)
    accepted(file.parent)
    with pytest.raises(RunDirectoryError, match=f"1 weights of {entry} are not those"):
        weights.numbers(changed)


def test_histograms_and_saturation_count_the_weights(tables, training):
    table = tables["weights"]
    for place, name in enumerate(("W1", "W2")):
        here = table[table["matrix"] == name]
        for epoch in (0, EPOCHS):
            values = training.weights[epoch][place].ravel()
            bars = here[(here["what"] == "histogram") & (here["epoch"] == epoch)]
            edges = [*(bars["low"] - 0.5), bars["high"].iloc[-1] + 0.5]
            np.testing.assert_array_equal(bars["count"], np.histogram(values, edges)[0])
            assert bars["count"].sum() == values.size
            assert bars["share"].sum() == pytest.approx(100)
        saturation = here[here["what"] == "saturation"].set_index("epoch")["share"]
        expected = [100 * np.mean(abs(w[place]) == 254) for w in training.weights]
        np.testing.assert_allclose(saturation.loc[range(EPOCHS + 1)], expected)
    assert table.loc[table["what"] == "saturation", "share"].max() > 0


def test_saturation_is_drawn_as_it_is_in_the_table(tables):
    table = tables["weights"]
    panel = weights.draw(table).axes[2]
    for line, name in zip(panel.lines, ("W1", "W2"), strict=True):
        rows = table[(table["what"] == "saturation") & (table["matrix"] == name)]
        np.testing.assert_array_equal(np.column_stack(line.get_data()), rows[["epoch", "share"]])


def test_copies_are_compared_for_every_seed_and_changes_counted_over_all_copies(tables, training):
    table = tables["weight_copies"]
    unequal = table[table["what"] == "unequal"]
    assert Counter(unequal["seed"]) == {0: 2 * EPOCHS, 1: 2 * EPOCHS}
    assert (unequal["count"] == 0).all()
    # three copies of W1, five of W2
    assert set(unequal["compared"]) == {2 * 12 * 8 + 4 * 8 * 3}
    changes = table[table["what"] == "changes"]["count"].tolist()
    assert changes == np.cumsum([3 * a + 5 * b for a, b in training.changes]).tolist()


def test_copies_that_differ_are_shown(changed):
    file = changed / "paper" / "mnist-seed1" / "activity.csv"
    activity = pd.read_csv(file)
    activity.loc[2, "unequal_weights"] = 7
    activity.to_csv(file, index=False)
    accepted(file.parent)
    table = weights.copies_numbers(changed)
    worst = table[(table["what"] == "unequal") & (table["count"] > 0)]
    assert worst[["seed", "epoch", "count"]].to_numpy().tolist() == [[1, 1.5, 7]]
    assert "at most 7 of" in said_in(weights.draw_copies(table))


# -- answers -----------------------------------------------------------------------------------


def test_the_confusion_matrix_counts_the_answers_of_the_final_weights(data, tested, tables):
    labels, (spikes, a2) = data["test"][1], tested
    silent = ~spikes.any(axis=1)
    assert silent.any() and not silent.all()
    expected = Counter(("potential", *pair) for pair in zip(labels, a2.argmax(1), strict=True))
    by_spikes = np.where(silent, -1, spikes.argmax(1))
    expected += Counter(("spikes", *pair) for pair in zip(labels, by_spikes, strict=True))
    table = tables["confusion"]
    assert len(table) == 3 * 3 + 3 * 4
    assert Counter(dict(zip(zip(*(table[c] for c in ("readout", "label", "answer")), strict=True),
                            table["images"], strict=True))) == expected  # fmt: skip
    titles = [axes.get_title() for axes in answers.draw_confusion(table).axes]
    right = (a2.argmax(1) == labels).sum(), (spikes.argmax(1) == labels).sum()
    for title, n in zip(titles, right, strict=True):
        assert f"{n} of {N_TEST} right" in title


def test_misclassified_images_are_the_wrong_ones_with_the_greatest_margin_first(
    data, tested, tables
):
    (inputs, labels), (_, a2) = data["test"], tested
    wrong = [k for k in range(N_TEST) if a2[k].argmax() != labels[k]]
    margin = {k: a2[k].max() - a2[k, labels[k]] for k in wrong}
    expected = sorted(wrong, key=lambda k: (-margin[k], k))
    table = tables["misclassified"]
    assert 1 < len(expected) <= answers.SHOWN
    assert table["image"].tolist() == expected
    assert table["label"].tolist() == labels[expected].tolist()
    assert table["answer"].tolist() == a2[expected].argmax(1).tolist()
    np.testing.assert_array_equal(table.filter(regex="^p0_"), inputs[expected])
    axes = answers.draw_misclassified(table).axes[0]
    for image, k in zip(axes.images, expected, strict=True):
        np.testing.assert_array_equal(image.get_array().ravel(), inputs[k])
    drawn = [text.get_text() for text in axes.texts if text.get_label() == "label and answer"]
    assert drawn == [f"{labels[k]} → {a2[k].argmax()}" for k in expected]


def test_answers_that_do_not_give_the_run_s_accuracy_are_refused(changed):
    file = changed / "paper" / "mnist-seed0" / "weights.npz"
    arrays = dict(np.load(file))
    arrays["w2"] = -arrays["w2"]
    np.savez(file, **arrays)
    accepted(file.parent)
    with pytest.raises(RunDirectoryError, match="of the last test is"):
        answers.confusion(changed)


def test_the_table_of_sparsity_counts_the_spikes_of_the_first_and_the_last_interval(data, tables):
    table = tables["table_sparsity"].set_index(["population", "phase"])
    assert set(table["runs"]) == {2}
    expected = {"first": Counter(), "last": Counter()}
    for seed in (0, 1):
        shown = follow(data, seed, EPOCHS, N_TRAIN).shown
        intervals = {"first": shown[:HALF_EPOCH], "last": shown[-HALF_EPOCH:]}
        for when, samples in intervals.items():
            for _, _, done in samples:
                for place, who in done.spikes.items():
                    expected[when][place] += who.sum() / HALF_EPOCH / 2
    sizes = sb.backprop_circuit(SIZES).population_sizes
    for when, spikes in expected.items():
        single = table.drop(index="all", level="phase")[f"spikes_{when}"]
        assert {(name, int(phase)) for name, phase in single.index} == set(spikes)
        for (name, phase), count in spikes.items():
            assert single[name, str(phase)] == pytest.approx(count)
            active = table.loc[(name, str(phase)), f"active_{when}"]
            assert active == pytest.approx(100 * count / sizes[name])
        h = sum(count for (name, _), count in spikes.items() if name == "h")
        assert table.loc[("h", "all"), f"spikes_{when}"] == pytest.approx(h)
        assert table.loc[("h", "all"), f"active_{when}"] == pytest.approx(100 * h / 8 / PHASES)
        whole = sum(spikes.values())
        assert table.loc[("all", "all"), f"spikes_{when}"] == pytest.approx(whole)


# -- receptive fields --------------------------------------------------------------------------


def test_receptive_fields_are_those_of_the_units_most_selective_for_a_digit(data, training, tables):
    (inputs, labels), w1 = data["test"], training.weights[-1][0]
    fires = inputs @ w1 > 512
    table = tables["receptive_fields"]
    for digit in range(3):
        gain = [fires[labels == digit, unit].mean() - fires[labels != digit, unit].mean()
                for unit in range(8)]  # fmt: skip
        best = sorted(range(8), key=lambda unit: (-round(gain[unit], 9), unit))
        best = best[: receptive_fields.PER_DIGIT]
        here = table[(table["digit"] == digit) & (table["when"] == "end")]
        assert here["unit"].tolist() == best
        np.testing.assert_allclose(here["selectivity"], [gain[unit] for unit in best])
        np.testing.assert_array_equal(here.filter(regex="^p0_"), w1[:, best].T)
        start = table[(table["digit"] == digit) & (table["when"] == "start")]
        first = training.weights[0][0][:, best[:1]].T
        np.testing.assert_array_equal(start.filter(regex="^p0_"), first)


# -- gradient check ----------------------------------------------------------------------------


def surrogate_loss(inputs, labels, w1, w2):
    h = np.clip(inputs @ w1 / 1024, 0, 1)
    o = np.clip(h @ w2 / 1024, 0, 1)
    return ((np.eye(w2.shape[1])[labels] - o) ** 2).sum() / 2


def test_the_gradient_is_that_of_the_surrogate_network_s_loss():
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 2, (25, 6)), rng.integers(0, 3, 25)
    w1, w2 = rng.normal(0, 500, (6, 5)), rng.normal(0, 900, (5, 3))  # no sum meets a kink
    found = gradient_check.directions(inputs, labels, w1, w2, np.float64).gradients["surrogate"]
    step = 1e-3
    for layer, matrix in enumerate((w1, w2)):
        expected = np.empty_like(matrix)
        for place in np.ndindex(matrix.shape):
            sides = []
            for sign in (1, -1):
                moved = [w1.copy(), w2.copy()]
                moved[layer][place] += sign * step
                sides.append(surrogate_loss(inputs, labels, *moved))
            expected[place] = -(sides[0] - sides[1]) / (2 * step)
        assert abs(expected).max() > 0
        scale = 1024**2 if layer == 0 else 1024
        np.testing.assert_allclose(found[layer] / scale, expected, rtol=1e-5, atol=1e-9)


def test_the_circuit_s_update_is_what_the_oracle_learns_from_each_sample(data, training):
    inputs, labels = data["train"]
    w1, w2 = (np.clip(w, -240, 240) for w in training.weights[-1])  # a step away from the limits
    summed = [np.zeros(w1.shape), np.zeros(w2.shape)]
    for k in range(N_TRAIN):
        after = [w.astype(np.int16) for w in (w1, w2)]
        sb.oracle.train_epoch(inputs, labels, *after, np.array([k]))
        summed[0] += (after[0] - w1) / 2
        summed[1] += (after[1] - w2) / 2
    found = gradient_check.directions(inputs, labels, w1, w2)
    assert abs(summed[0]).max() > 0 and abs(summed[1]).max() > 0
    np.testing.assert_array_equal(found.circuit[0], summed[0])
    np.testing.assert_array_equal(found.circuit[1], summed[1])


def test_at_its_own_spikes_the_circuit_s_update_of_w2_is_the_gradient(tables):
    table = tables["gradient_check"]
    own = table[(table["matrix"] == "W2") & (table["against"] == "own spikes")]
    assert own["epoch"].tolist() == [0, 1, 2, 3, 5, 7, 10, 15]
    assert (own["cosine"].dropna() == 1).all() and own["cosine"].notna().any()


def test_the_cosines_are_taken_at_the_weights_of_their_epoch(data, training, tables):
    inputs, labels = data["train"]
    table = tables["gradient_check"]
    for epoch in (0, 3, EPOCHS):
        w1, w2 = training.weights[epoch]
        # a single set: all samples
        done = [respond(x, label, w1, w2) for x, label in zip(inputs, labels, strict=True)]
        here = table[table["epoch"] == epoch]
        assert set(here["taught"]) == {sum(one.wrong for one in done)}
        update = sum(np.outer(x, one.d1) for x, one in zip(inputs, done, strict=True))
        a1 = inputs @ w1
        h = np.clip(a1 / 1024, 0, 1)
        a2 = h @ w2
        d2 = (np.eye(3)[labels] - np.clip(a2 / 1024, 0, 1)) * ((a2 > 0) & (a2 <= 1024))
        exact = inputs.T @ (d2 @ w2.T * ((a1 > 0) & (a1 <= 1024)))
        expected = (update * exact).sum() / np.linalg.norm(update) / np.linalg.norm(exact)
        w1_rows = here[(here["matrix"] == "W1") & (here["against"] == "surrogate")]
        assert w1_rows["cosine"].item() == pytest.approx(expected, abs=2e-6)


# -- one sample --------------------------------------------------------------------------------


def test_the_sample_shown_has_both_errors_and_every_cell_is_lit_where_its_neuron_fires(
    first_three, tables
):
    table = tables["one_sample"]
    both = [bool((done.d2 > 0).any() and (done.d2 < 0).any()) for _, _, done in first_three]
    assert both == [False, True, False]
    chosen = first_three[1]
    image, label, done = chosen
    assert set(table["training_sample"]) == {image} and set(table["label"]) == {label}
    figure = one_sample.draw(table)
    assert [axes.get_label() for axes in figure.axes] == [f"phase {k}" for k in range(PHASES)]
    sizes = sb.backprop_circuit(SIZES).population_sizes
    for phase, axes in enumerate(figure.axes):
        drawn = {picture.get_label(): picture.get_array() for picture in axes.images}
        assert set(drawn) == {name for name in sizes if not name[1:].isdigit()}
        for name, picture in drawn.items():
            cells = picture.reshape(-1, 3)[: sizes[name]]
            lit = np.isclose(cells, to_rgb(style.colour(name))).all(axis=1)
            silent = np.zeros(sizes[name], dtype=bool)
            np.testing.assert_array_equal(lit, done.spikes.get((name, phase), silent), name)
        gates = [line.get_label() for line in axes.lines if line.get_color() != "#e9e9e9"]
        assert gates == [f"g{(phase + 1) % PHASES}"]


def test_the_animation_has_a_frame_per_phase_and_runs_for_ever(tables):
    (name, content), = one_sample.extra(tables["one_sample"]).items()  # fmt: skip
    animation = Image.open(io.BytesIO(content))
    assert (name, animation.format, animation.n_frames) == ("one_sample.gif", "GIF", PHASES)
    assert animation.info["loop"] == 0 and animation.info["duration"] >= 1000
    assert len(content) < 1_000_000
    seen = set()
    for phase in range(PHASES):
        animation.seek(phase)
        seen.add(animation.convert("RGB").tobytes())
    assert len(seen) == PHASES


# -- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ENTRIES))
def test_without_runs_the_command_that_makes_them_is_named(tmp_path, name):
    with pytest.raises(RunDirectoryError, match="no such run; make it with: make paper"):
        ENTRIES[name].numbers(tmp_path)


def test_the_single_command_for_a_missing_run_is_named(tmp_path):
    paper = tmp_path / "paper"
    for numbers, command in (
        (
            weights.numbers,
            f"train mnist --seed 0 --set record.samples={protocol.RECORDED} --out {paper}/mnist-se",
        ),
        (fashion_curves.numbers, f"train fashion_mnist --seed 0 --out {paper}/fashion_mnist-seed0"),
        (
            one_sample.numbers,
            "train mnist --epochs 1 --samples 3 --set record.samples=3 --out "
            f"{paper}/mnist-untrained",
        ),
    ):
        with pytest.raises(RunDirectoryError) as refused:
            numbers(tmp_path)
        assert f"synfire-bp {command}" in str(refused.value)


def test_an_unfinished_run_is_not_drawn_and_resuming_is_named(changed):
    run = changed / "paper" / "mnist-seed0"
    unfinish(run)
    with pytest.raises(RunDirectoryError, match=f"unfinished.*--out {run} --resume"):
        receptive_fields.numbers(changed)


def test_a_raster_without_recorded_spikes_says_how_to_record_them(changed):
    (changed / "paper" / "mnist-seed0" / "spikes.npz").unlink()
    accepted(changed / "paper" / "mnist-seed0")
    with pytest.raises(RunDirectoryError, match=r"no spikes were recorded; .*record\.samples=2000"):
        paper_raster.trained(changed)


def swapped(runs, name, key, value):
    """Change one value of a run's model file or provenance."""
    file = runs / "paper" / name / ("provenance.json" if key == "engine" else "experiment.yaml")
    text = file.read_text()
    before = f'"engine": "{value[0]}"' if key == "engine" else f"{key}: {value[0]}"
    after = f'"engine": "{value[1]}"' if key == "engine" else f"{key}: {value[1]}"
    assert text.count(before) == 1
    file.write_text(text.replace(before, after))


@pytest.mark.parametrize(
    ("name", "key", "value", "complaint"),
    [
        ("mnist-seed0", "name", ("mnist", "digits"), "is a run of the model 'digits', not 'mnist'"),
        ("mnist-seed0", "engine", ("circuit", "oracle"), "by the engine 'oracle', not by the circ"),
        ("mnist-seed1", "weight_limit", (254, 200), "differs from .* in network.weight_limit"),
        ("mnist-seed1", "epochs", (EPOCHS, 99), "differs from .* in training.epochs"),
        ("mnist-seed1", "seed", (1, 0), "has the seed 0 of"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(changed, name, key, value, complaint):
    swapped(changed, name, key, value)
    (changed / "paper" / name / "manifest.json").unlink()  # as of an older version
    with pytest.raises(RunDirectoryError, match=complaint):
        mnist_curves.numbers(changed)


def test_seeds_that_were_evaluated_at_other_epochs_have_no_mean(changed):
    file = changed / "paper" / "mnist-seed1" / "metrics.csv"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-2]))
    (file.parent / "manifest.json").unlink()  # as of an older version
    with pytest.raises(RunDirectoryError, match="mnist-seed1: was evaluated at other epochs"):
        mnist_curves.numbers(changed)


# -- all of them -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.draw])
def test_every_figure_is_written_in_its_width_and_nothing_is_cut_off(tables, tmp_path, name):
    figure = ENTRIES[name].draw(tables[name])
    png, svg, _ = save(figure, tables[name], tmp_path, name, svg=True)
    width = struct.unpack(">I", png.read_bytes()[16:20])[0] / 300 * 25.4
    assert round(width) in (89, 183)
    assert svg.stat().st_size < 500_000
    FigureCanvasAgg(figure).draw()
    box, page = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0) > -0.02
    assert box.x1 < page[0] + 0.02 and box.y1 < page[1] + 0.02
