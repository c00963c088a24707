"""The table and picture of the rivals, from runs and from the committed tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from analysis import circuit_costs, rivals
from synfire_bp import Experiment, train
from synfire_bp.errors import RunDirectoryError
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals import read_rival
from synfire_bp.rivals.store import free_folder, read_summary, write_run

FIGURES = Path(__file__).parents[2] / "figures"
COSTS = ["spikes", "synaptic_operations", "learning_updates", "energy_uj", "energy_all_uj"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place, made = tmp_path_factory.mktemp("rivals"), []
    for name, seed in (("drtp", 0), ("drtp", 1), ("backprop", 0)):
        model = read_rival(
            name, ["dataset={name: digits}", "network.sizes=[64, 12, 10]", f"seed={seed}",
                   "training={epochs: 1, samples: 100}"]
        )  # fmt: skip
        folder = free_folder(place / f"{name}{seed}")
        write_run(folder, model, model.run(WorkProgress(quiet=True)))
        made.append(folder)
    return made


def test_a_rival_is_a_row_with_median_range_and_means_over_its_seeds(runs):
    summaries = [read_summary(run) for run in runs]
    row = rivals.numbers(summaries, FIGURES).set_index("name").loc["drtp"]
    percent = [one["last"]["percent"] for one in summaries[:2]]
    assert row.seeds == 2 and row.samples == 100
    assert row.percent == pytest.approx(sum(percent) / 2)
    assert (row.percent_worst, row.percent_best) == (min(percent), max(percent))
    joules = [one["joules"] for one in summaries[:2]]
    assert row.energy_uj == pytest.approx(1e6 * sum(joules) / 2, abs=1e-3)
    assert row.energy_all_uj > row.energy_uj


def test_the_circuit_and_its_models_are_there_without_an_empty_cell(runs):
    table = rivals.numbers([read_summary(run) for run in runs], FIGURES)
    ours = table[table.source != "rival"]
    assert set(ours.name) >= {"mnist", "mnist_fine", "mnist_direct_feedback"}
    assert not table.isna().any(axis=None)
    shown = [name for name in rivals.LABELS if name in set(table.name)]
    assert table.name.tolist() == shown
    fine = pd.read_csv(FIGURES / "learning" / "mnist_fine.csv")
    row = table.set_index("name").loc["mnist_fine"]
    assert row.percent == pytest.approx(fine.potential_percent.median())


def test_table_and_picture_are_written(runs, tmp_path):
    code = rivals.main(
        [*map(str, runs), "--figures", str(FIGURES), "--out", str(tmp_path / "out")]
    )  # fmt: skip
    assert code == 0 and (tmp_path / "out" / "rivals.png").stat().st_size > 1000
    assert set(COSTS) < set(pd.read_csv(tmp_path / "out" / "rivals.csv").columns)


def test_a_seed_that_comes_twice_is_refused(runs, tmp_path, capsys):
    again = str(runs[0])
    assert rivals.main([again, again, "--figures", str(FIGURES), "--out", str(tmp_path)]) == 1
    assert "two of the runs are drtp with the seed 0" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_runs_without_counts_or_accuracy_are_refused(runs, tmp_path):
    summary = dict(read_summary(runs[0]))
    with pytest.raises(RunDirectoryError, match="has no accuracy or no counts of operations"):
        rivals.numbers([summary | {"operations": None}], FIGURES)
    shutil.copytree(runs[0], tmp_path / "old")
    (tmp_path / "old" / "rival.json").write_text(json.dumps(summary | {"schema": 0}))
    with pytest.raises(RunDirectoryError, match="of this version"):
        read_summary(tmp_path / "old")


def test_costs_of_the_circuit_are_those_of_the_spikes_it_fires(tmp_path):
    small = ["network.sizes=[64, 8, 10]", "training.epochs=1"]
    run = train(Experiment.from_file("digits", small), engine="oracle", out=tmp_path / "run")
    row = circuit_costs.of_a_run(run, 50)
    assert row["samples"] == 50 and row["model"] == "digits"
    # joules of Davies et al. (2018), without hops and tiles, which are small
    pj = 23.6 * row["synaptic_operations"] + 120 * row["learning_updates"] + 81 * row["spikes"]
    assert 1e-6 * pj < row["energy_uj"] < 2 * 1e-6 * pj
    assert row["learning_updates"] < row["synaptic_operations"]
    means = circuit_costs.numbers([row, row | {"spikes": row["spikes"] + 2}])
    assert means.runs[0] == 2 and means.spikes[0] == pytest.approx(row["spikes"] + 1, abs=1e-3)


def test_costs_of_what_is_no_run_are_refused(tmp_path, capsys):
    assert circuit_costs.main([str(tmp_path / "none"), "--out", str(tmp_path)]) == 1
    assert "none" in capsys.readouterr().err and not list(tmp_path.iterdir())
