"""The study of the variants: a small one, trained here, and what is read and drawn from it."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from analysis import __main__ as analysis_main
from analysis.variants import disturbances, variants
from analysis.variants import runs as variant_runs
from analysis.variants import study as variant_study
from analysis.variants import table as variant_table
from analysis.variants.study import Disturbance
from synfire_bp.errors import RunDirectoryError

SEEDS = (0, 1)
EPOCHS = 3
SIZES = (12, 8, 3)
KINDS = ("symmetric", "kolen_pollack", "output_only")
LEVELS = (1, 0.5)


@pytest.fixture(scope="module")
def study(small_npz, tmp_path_factory):
    """A study of three kinds of feedback and one disturbance; returns its folder of all runs."""
    folder = tmp_path_factory.mktemp("study")
    data = small_npz(SIZES)
    models = {}
    for dataset in variant_study.DATASETS:
        for kind in KINDS:
            file = folder / f"{dataset}_{kind}.yaml"
            epochs = EPOCHS if kind == "symmetric" else EPOCHS - 1
            file.write_text(
                f"name: {file.stem}\ndataset: {{name: npz, path: {data}}}\n"
                f"network: {{sizes: {list(SIZES)}}}\nfeedback: {kind}\n"
                f"training: {{epochs: {epochs}}}\n"
            )
            models[dataset, kind] = str(file)
    rows = (
        Disturbance(
            "synapses.update_probability", "probability of an update", LEVELS,
            models["digits", "symmetric"], ("synapses.shared=true", "training.epochs=2"),
        ),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant_study, "models", lambda: models)
        patch.setattr(variant_study, "DISTURBANCES", rows)
        patch.setattr(variant_study, "SEEDS", SEEDS)
        for task in variant_study.plan(SEEDS):
            out = folder / "runs" / variant_study.FOLDER / task.name
            sb.train(task.experiment, engine=task.engine, out=out)
        yield folder / "runs"


def runs(study, name):
    """Return the runs of a training by seed."""
    folder = study / variant_study.FOLDER
    return [sb.Run.open(folder / f"{name}-seed{seed}") for seed in SEEDS]


def test_every_training_of_the_plan_is_one_of_a_model_a_level_and_a_seed(study):
    tasks = {task.name: task for task in variant_study.plan(SEEDS)}
    assert len(tasks) == len(SEEDS) * (2 * len(KINDS) + len(LEVELS))
    assert {task.engine for task in tasks.values()} == {"oracle"}
    level = tasks["synapses-update_probability-0.5-seed1"].experiment
    assert level.synapses.update_probability == 0.5 and level.training.seed == 1


def test_a_variant_the_oracle_cannot_follow_is_trained_by_the_circuit():
    changes = {"feedback.kind": "weight_drift", "feedback.drift": 0.1}
    sets = [f"{key}={value}" for key, value in changes.items()]
    drifting = sb.Experiment.from_file("digits", overrides=sets)
    assert variant_study.engine(drifting) == "circuit"
    assert variant_study.engine(sb.Experiment.from_file("digits")) == "oracle"
    cells = sb.Experiment.from_file("digits", overrides=["neuron=lif"])
    assert variant_study.engine(cells) == "circuit"


def test_the_courses_are_those_of_the_metrics(study):
    courses = variants.numbers(study)
    for kind in KINDS:
        rows = courses[(courses["dataset"] == "mnist") & (courses["variant"] == kind)]
        for run in runs(study, f"mnist_{kind}"):
            of_run = rows[rows["seed"] == run.experiment.training.seed]
            tests = run.metrics[run.metrics["split"] == "test"]
            np.testing.assert_allclose(
                of_run["accuracy_potential"], 100 * tests["accuracy_potential"]
            )
            angles = of_run["angle_degrees"]
            if kind == "kolen_pollack":
                np.testing.assert_allclose(angles, run.activity["angle_b2"])
            else:
                assert angles.isna().all()


def test_the_summary_compares_with_the_circuit_after_as_many_epochs(study):
    summary = variants.summary(variants.numbers(study)).set_index(["dataset", "variant"])
    for kind in KINDS:
        row = summary.loc[("digits", kind)]
        epochs = EPOCHS if kind == "symmetric" else EPOCHS - 1
        assert row["epochs"] == epochs and row["seeds"] == len(SEEDS)

        def ends(name, column="accuracy_potential", at=epochs):
            tests = (run.metrics[run.metrics["split"] == "test"] for run in runs(study, name))
            return [100 * float(t.loc[t["epoch"] == at, column].iloc[0]) for t in tests]

        own, plain = ends(f"digits_{kind}"), ends("digits_symmetric")
        assert row["potential"] == pytest.approx(np.median(own), abs=1e-3)
        assert row["potential_lowest"] == pytest.approx(min(own), abs=1e-3)
        assert row["spikes_highest"] == pytest.approx(
            max(ends(f"digits_{kind}", "accuracy_spikes")), abs=1e-3
        )
        assert row["difference"] == pytest.approx(np.median(own) - np.median(plain), abs=1e-3)


def test_the_figure_draws_every_seed_and_the_courses(study):
    courses = variants.numbers(study)
    figure = variants.draw(courses)
    rings = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert len(rings) == len(KINDS)
    drawn = sorted(value for ring in rings for value in ring.get_xdata())
    last = courses[courses["dataset"] == "mnist"].groupby(["variant", "seed"]).last()
    np.testing.assert_allclose(drawn, sorted(100 - last["accuracy_potential"]))
    angle = next(line for line in figure.axes[3].lines if line.get_label() == "kolen pollack")
    of_kind = courses[(courses["dataset"] == "mnist") & (courses["variant"] == "kolen_pollack")]
    np.testing.assert_allclose(
        angle.get_ydata(), of_kind.groupby("epoch")["angle_degrees"].median()
    )


def test_disturbances_show_the_last_test_of_every_level(study):
    numbers = disturbances.numbers(study)
    assert list(dict.fromkeys(numbers["level"])) == list(LEVELS)
    for level in LEVELS:
        rows = numbers[numbers["level"] == level].set_index("seed")
        for run in runs(study, f"synapses-update_probability-{level:g}"):
            end = run.metrics[run.metrics["split"] == "test"].iloc[-1]
            assert rows.loc[run.experiment.training.seed, "accuracy_spikes"] == pytest.approx(
                100 * end["accuracy_spikes"]
            )
    figure = disturbances.draw(numbers)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "by spikes")
    medians = numbers.groupby("level", sort=False)["accuracy_spikes"].median()
    np.testing.assert_allclose(line.get_ydata(), medians)


def test_the_command_draws_all_of_the_study(study, tmp_path, capsys):
    assert analysis_main.main(["variants", "--runs", str(study), "--out", str(tmp_path)]) == 0
    out = tmp_path / "variants"
    names = {path.name for path in out.iterdir()}
    assert {"variants.png", "variants.csv", "table_variants.csv"} <= names
    assert {"disturbances.png", "disturbances.csv"} <= names
    table = pd.read_csv(out / "table_variants.csv")
    assert len(table) == 2 * len(KINDS)


def test_the_tables_go_into_a_page_in_place_of_the_old_ones(study, tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{variant_table.BEGIN}\nold\n{variant_table.END}\nafter\n")
    arguments = ["--runs", str(study), "--into", str(page)]
    assert variant_table.main(arguments) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| kolen pollack | 2 |" in text and "`synapses.update_probability`" in text
    page.write_text("nothing\n")
    assert variant_table.main(arguments) == 1
    assert "must hold, once each" in capsys.readouterr().err


def test_what_is_missing_is_named_with_its_command(study, tmp_path, capsys):
    copy = tmp_path / "runs"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / variant_study.FOLDER / "digits_output_only-seed1")
    with pytest.raises(RunDirectoryError, match=r"no such run; .*analysis\.variants\.runs"):
        variants.numbers(copy)
    code = analysis_main.main(["variants", "--runs", str(copy), "--out", str(tmp_path / "out")])
    assert code == 1
    assert not (tmp_path / "out" / "variants" / "variants.png").exists()
    assert (
        tmp_path / "out" / "variants" / "disturbances.png"
    ).exists()  # the others are still drawn


def test_the_command_asks_for_every_training_of_the_plan(study, monkeypatch):
    asked = []
    monkeypatch.setattr(variant_runs, "train_all", lambda tasks, folder, jobs: asked.extend(tasks))
    assert variant_runs.main(["--runs", str(study / "variants"), "--seeds", "0", "1"]) == 0
    assert len(asked) == len(SEEDS) * (2 * len(KINDS) + len(LEVELS))
