"""The study of the variants: a small one, trained here, and what is read and drawn from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from analysis import __main__ as analysis_main
from analysis.shared.output import saved_table
from analysis.variants import disturbances, variants
from analysis.variants import runs as variant_runs
from analysis.variants import study as variant_study
from analysis.variants import table as variant_table
from analysis.variants.courses import disturbance_courses, never_fired, variant_courses
from analysis.variants.outcomes import disturbance_summary, ends, summary
from analysis.variants.study import Disturbance
from synfire_bp.errors import RunDirectoryError

SEEDS = (0, 1)
FIGURES = Path(__file__).parents[2] / "figures"
PAGE = FIGURES.parent / "docs" / "variants.md"
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
        patch.setattr(variant_study, "SEEDS", {"oracle": SEEDS, "circuit": SEEDS})
        for task in variant_study.plan(SEEDS):
            out = folder / "runs" / variant_study.FOLDER / task.name
            sb.train(task.experiment, engine=task.engine, out=out)
        yield folder / "runs"


def runs(study, name):
    """Return the runs of a training by seed."""
    folder = study / variant_study.FOLDER
    return [sb.Run.open(folder / f"{name}-seed{seed}") for seed in SEEDS]


def test_every_training_of_the_plan_is_one_of_a_model_a_level_and_a_seed(study):
    tasks = {task.name: task for task in variant_study.plan()}
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
    courses = variant_courses(study)
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
                np.testing.assert_allclose(angles, run.activity["angle_b2"], atol=1e-3)
            else:
                assert angles.isna().all()


def test_the_summary_compares_with_the_circuit_after_as_many_epochs(study):
    table = summary(variant_courses(study)).set_index(["dataset", "variant"])
    for kind in KINDS:
        row = table.loc[("digits", kind)]
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
        assert row["reference"] == pytest.approx(np.median(plain), abs=1e-3)
        assert row["difference"] == pytest.approx(np.mean(np.subtract(own, plain)), abs=1e-3)
        assert row["pairs"] == len(SEEDS) and row["verdict"] in ("equal", "not known")


def test_the_figure_draws_every_seed_and_the_courses(study):
    courses = variant_courses(study)
    figure = variants.draw(courses)
    marks = [line for line in figure.axes[0].lines if line.get_marker() in "ox"]
    drawn = sorted(value for mark in marks for value in mark.get_xdata())
    last = courses[courses["dataset"] == "mnist"].groupby(["variant", "seed"]).last()
    np.testing.assert_allclose(drawn, sorted(100 - last["accuracy_potential"]))
    angle = next(line for line in figure.axes[3].lines if line.get_label() == "kolen pollack")
    of_kind = courses[(courses["dataset"] == "mnist") & (courses["variant"] == "kolen_pollack")]
    np.testing.assert_allclose(
        angle.get_ydata(), of_kind.groupby("epoch")["angle_degrees"].median()
    )


def test_disturbances_show_the_last_test_of_every_level(study):
    numbers = disturbance_courses(study)
    assert list(dict.fromkeys(numbers["level"])) == list(LEVELS)
    for level in LEVELS:
        rows = numbers[numbers["level"] == level].set_index("seed")
        for run in runs(study, f"synapses-update_probability-{level:g}"):
            end = run.metrics[run.metrics["split"] == "test"].iloc[-1]
            assert rows.loc[run.experiment.training.seed, "accuracy_spikes"] == pytest.approx(
                100 * end["accuracy_spikes"]
            )
    figure = disturbances.draw(numbers)
    line = next(line for line in figure.axes[0].lines if line.get_label() == "by spikes, median")
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
    page.write_text(f"before\n{variant_table.BEGIN}\nof yore\n{variant_table.END}\nafter\n")
    arguments = ["--runs", str(study), "--into", str(page)]
    assert variant_table.main(arguments) == 0
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "of yore" not in text
    assert "| kolen pollack | oracle | 2 |" in text and "`synapses.update_probability`" in text
    page.write_text("nothing\n")
    assert variant_table.main(arguments) == 1
    assert "must hold, once each" in capsys.readouterr().err


def test_what_is_missing_is_named_with_its_command(study, tmp_path, capsys):
    copy = tmp_path / "runs"
    shutil.copytree(study, copy)
    shutil.rmtree(copy / variant_study.FOLDER / "digits_output_only-seed1")
    with pytest.raises(RunDirectoryError, match=r"no such run; .*analysis\.variants\.runs"):
        variant_courses(copy)
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


# ---------------------------------------------------------------- what can be told apart


@pytest.mark.parametrize(
    ("said", "units"),
    [("", 0), ("o[3] silent; o[3] shut", 1), ("o[0, 4, 7] silent", 3), ("o[2] shut", 0),
     ("o[0, 1, 2, 3, 4, 5, 6, 7 and 4 more] silent", 12), ("every o silent", 30),
     ("h silent", 30), ("gates silent", 30)],
)  # fmt: skip
def test_units_that_never_fire_are_counted_in_the_warnings(said, units):
    assert never_fired(said, 30) == units


def test_of_a_run_that_did_not_warn_it_is_not_known_which_units_fired():
    assert np.isnan(never_fired(np.nan, 10))


def courses(ends_of, epochs=(1.0, 2.0)):
    """Make courses of variants of which the accuracies by potential in the end are given."""
    rows = [
        {
            "dataset": dataset, "variant": variant, "epoch": epoch, "engine": "oracle",
            "seed": seed, "accuracy_spikes": end - 2, "accuracy_argmax": end - 1,
            "accuracy_potential": end - 10 * (epochs[-1] - epoch), "silent": 0.5,
            "never_fired": 0.0, "angle_degrees": np.nan, "stray_spikes": 0,
            "unequal_weights": 0, "ms_per_sample": 0.1, "parameters": "{}", "commit": "c",
        }
        for dataset in variant_study.DATASETS
        for variant, of_seeds in ends_of.items()
        for seed, end in enumerate(of_seeds)
        for epoch in epochs
    ]  # fmt: skip
    return pd.DataFrame(rows)


NOISE = np.array([0.3, -0.2, 0.1, -0.3, 0.2, 0.0, -0.1, 0.25, -0.25, 0.05])
PLAIN = 96 + np.array([0, 1, -1, 0.5, -0.5, 0.2, -0.2, 0.8, -0.8, 0])


@pytest.fixture
def known():
    """Courses: one variant is a point worse, one is not, one loses a class with two seeds."""
    losing = PLAIN + NOISE - 0.5
    losing[[2, 6]] -= 12
    return courses(
        {"symmetric": PLAIN, "worse": PLAIN - 1 + NOISE, "alike": PLAIN + NOISE, "losing": losing}
    )


def test_differences_are_told_apart_by_pairs_although_the_seeds_spread_more(known):
    table = summary(known).set_index(["dataset", "variant"])["verdict"]
    assert table["mnist", "worse"] == "lower"
    assert table["mnist", "alike"] == "not distinguishable"
    assert table["mnist", "symmetric"] == "equal"


def test_collapses_are_a_rate_of_their_own_and_the_difference_is_told_without_them(known):
    row = summary(known).set_index(["dataset", "variant"]).loc[("mnist", "losing")]
    assert (row["collapsed"], row["collapse_rate"], row["seeds"]) == (2, 20, 10)
    # Wilson's interval of 2 in 10
    assert (row["collapse_low"], row["collapse_high"]) == pytest.approx((5.67, 50.98), abs=0.01)
    assert row["pairs"] == 10 and row["pairs_kept"] == 8
    assert row["difference"] == pytest.approx(np.mean(NOISE) - 0.5 - 2.4, abs=1e-3)
    kept = np.delete(NOISE, [2, 6]) - 0.5
    assert row["difference_kept"] == pytest.approx(kept.mean(), abs=1e-3)
    assert row["verdict_kept"] == "lower"


def test_a_pair_whose_reference_collapsed_is_left_out_too(known):
    lost = (known["variant"] == "symmetric") & (known["seed"] == 0) & (known["epoch"] == 2)
    known.loc[lost, "never_fired"] = 1.0
    runs = ends(known).set_index(["dataset", "variant", "seed"])
    assert runs.loc[("digits", "worse", 0), "reference_collapsed"]
    assert np.isnan(runs.loc[("digits", "worse", 0), "difference_kept"])
    assert runs.loc[("digits", "worse", 0), "difference"] == pytest.approx(-1 + NOISE[0])


def test_table_and_figure_say_what_cannot_be_told_apart(known, tmp_path, monkeypatch):
    folder = tmp_path / variant_study.FOLDER
    folder.mkdir()
    known.to_csv(folder / "variants.csv", index=False)
    nothing = disturbance_courses(FIGURES)
    nothing.to_csv(folder / "disturbances.csv", index=False)
    lines = {
        line.split(" | ")[0]: line for line in variant_table.tables(tmp_path).splitlines()[::-1]
    }
    assert lines["| alike"].count("not distinguishable") == 2
    assert "not distinguishable" not in lines["| worse"] and "\u22121." in lines["| worse"]
    assert "2 of 10 (6 … 51 %)" in lines["| losing"]
    figure = variants.draw(variant_courses(tmp_path))
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "alike (2) ≈" in names and "worse (2)" in names
    marks = [text.get_text() for text in figure.legends[0].get_texts()]
    for part in ("one seed", "collapsed", "median of the seeds", "median of the paper's circuit",
                 "not distinguishable"):  # fmt: skip
        assert any(part in mark for mark in marks), part
    crosses = [line for line in figure.axes[0].lines if line.get_marker() == "x"]
    assert sorted(x for line in crosses for x in line.get_xdata()) == pytest.approx(
        sorted(100 - (PLAIN + NOISE - 12.5)[[2, 6]])
    )


# ---------------------------------------------------------------- from the committed tables


def test_the_tables_of_a_study_give_what_its_runs_give(study, tmp_path):
    assert analysis_main.main(["variants", "--runs", str(study), "--out", str(tmp_path)]) == 0
    for read in (variant_courses, disturbance_courses):
        pd.testing.assert_frame_equal(read(tmp_path), read(study), check_dtype=False)
    assert variant_table.tables(tmp_path) == variant_table.tables(study)


def test_every_row_holds_all_parameters_of_its_run(study):
    rows = variant_courses(study)
    rows = rows[(rows["variant"] == "kolen_pollack") & (rows["dataset"] == "mnist")]
    (said,) = set(rows["parameters"])
    deciding = runs(study, "mnist_kolen_pollack")[1].experiment.decisive()
    assert deciding.pop("training.seed") == 1
    assert json.loads(said) == {k: v for k, v in deciding.items() if v is not None}


def test_the_committed_summary_is_made_of_the_committed_courses():
    made = summary(variant_courses(FIGURES))
    committed = saved_table(FIGURES / variant_study.FOLDER, "table_variants")
    pd.testing.assert_frame_equal(committed, made, check_dtype=False, atol=1e-3)


def test_the_page_holds_the_tables_of_the_committed_courses():
    text = PAGE.read_text(encoding="utf-8")
    inside = text.partition(variant_table.BEGIN)[2].partition(variant_table.END)[0]
    assert inside.strip() == variant_table.tables(FIGURES).strip()


def test_an_undisturbed_circuit_is_what_its_disturbances_are_held_against():
    table = disturbance_summary(disturbance_courses(FIGURES))
    first = table.groupby("key", sort=False).first()
    assert set(first["verdict"]) == {"equal"}
