"""The tables of a sweep: whole, or said to be broken; never another sweep's."""

from __future__ import annotations

import errno
import os
import re

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")

from dataclasses import replace

from sweep_scenes import assert_same_tables, outcome_of, undisturbed, write_scene

from synfire_bp.errors import SweepError
from synfire_bp.model import assemble
from synfire_bp.sweep import (
    Sweep,
    SweepStore,
    planned_runs,
    read_definition,
    read_design,
    read_sweep,
)
from synfire_bp.sweep import store as sweep_store
from synfire_bp.sweep import worker as sweep_runs
from synfire_bp.sweep.columns import design_table, planned_of
from synfire_bp.sweep.worker import FAILED, LATE, OK, Outcome


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    file = write_scene(folder)
    sweep = Sweep.from_file(file, ["training.epochs=3", "design.samples=4"])
    planned = planned_runs(sweep)
    outcomes = [outcome_of(sweep, run) for run in planned]
    return file, sweep, planned, outcomes


def parts(path):
    return sorted(file.name for file in (path / "parts").glob("*.parquet"))


def stored(path, sweep, planned, outcomes):
    with SweepStore.open(path, sweep, planned) as store:
        for outcome in outcomes:
            store.append([outcome])
        return store


# ---------------------------------------------------------------- rows


def test_rows_have_parameters_metrics_seed_worker_versions_and_status(scene, tmp_path):
    _, sweep, planned, outcomes = scene
    stored(tmp_path / "s", sweep, planned, outcomes)
    runs, epochs = read_sweep(tmp_path / "s")
    assert runs["run"].tolist() == list(range(12))
    for run, row in zip(planned, runs.to_dict("records"), strict=True):
        assert row["status"] == OK
        assert row["seed"] == run.sets["training.seed"]
        assert row["network.weight_limit"] == run.values["network.weight_limit"]
        assert row["network.initial_spread"] == run.values["network.initial_spread"]
        assert f'"weight_limit": {row["network.weight_limit"]}' in row["experiment"]
        assert row["worker"].endswith(f":{os.getpid()}")
        assert "numpy=" in row["versions"]
        tests = epochs[(epochs["run"] == run.run) & (epochs["split"] == "test")]
        assert tests["epoch"].tolist() == [1, 2, 3]
        assert row["accuracy_potential"] == tests["accuracy_potential"].iloc[-1]
        assert row["best_accuracy_spikes"] == tests["accuracy_spikes"].max()
        shut = np.array(tests["shut"].iloc[-1])
        assert row["silent_outputs"] == np.sum(shut == 1)
    assert len(epochs) == 12 * 3 * 2
    design = read_design(tmp_path / "s")
    assert design["run"].tolist() == runs["run"].tolist()
    assert read_definition(tmp_path / "s").digest() == sweep.digest()


def test_a_sweep_of_an_older_version_has_its_accuracies_by_argmax(scene, tmp_path):
    _, sweep, planned, outcomes = scene
    stored(tmp_path / "s", sweep, planned, outcomes).merge()
    runs, epochs = read_sweep(tmp_path / "s")
    for table in ("runs", "epochs"):
        file = tmp_path / "s" / f"{table}.parquet"
        now = pd.read_parquet(file)
        gone = [name for name in now if "argmax" in name or name == "silent"]
        now.drop(columns=gone).to_parquet(file, index=False)
    older = read_sweep(tmp_path / "s")
    keys = ["run"], ["run", "epoch", "split"]
    for now, then, key in zip((runs, epochs), older, keys, strict=True):
        assert set(then) == set(now)
        now, then = now.sort_values(key), then.sort_values(key)
        assert then["accuracy_argmax"].tolist() == now["accuracy_spikes"].tolist()
        assert then[["accuracy_spikes", "silent"]].isna().all(axis=None)
    assert older[0]["best_accuracy_argmax"].tolist() == runs["best_accuracy_spikes"].tolist()


def test_a_run_of_a_sweep_ends_as_the_same_training_alone(scene, tmp_path):
    import synfire_bp as sb

    _, sweep, planned, outcomes = scene
    run = sb.train(planned[5].experiment(sweep.base), engine="oracle", out=tmp_path / "alone")
    rows = [{k: v for k, v in row.items() if k not in ("seconds", "shut", "silent_outputs")}
            for row in outcomes[5].epochs]  # fmt: skip
    assert rows == run.metrics.drop(columns="seconds").to_dict("records")


def test_shut_is_what_the_potentials_say(scene):
    _, sweep, planned, _ = scene
    from synfire_bp import oracle
    from synfire_bp.data.scores import shut_samples
    from synfire_bp.training import dataset_of

    experiment = planned[0].experiment(sweep.base)
    data = dataset_of(experiment).test
    potentials = oracle.forward(data.inputs, *assemble(experiment).start).potentials
    found = shut_samples(potentials, data.labels)
    for unit in range(3):
        own = potentials[data.labels == unit, unit]
        assert found[unit] == np.mean(own <= 0)
    assert np.isnan(shut_samples(potentials, np.zeros(len(data), int))[1:]).all()


def test_merging_changes_no_row_and_later_rows_of_a_run_count(scene, tmp_path, monkeypatch):
    _, sweep, planned, outcomes = scene
    monkeypatch.setattr(sweep_store, "_MERGE_AT", 5)
    failed = Outcome(3, FAILED, {"status": FAILED, "error": "x", "epoch_rows": 0})
    stored(tmp_path / "a", sweep, planned, [failed, *outcomes])
    assert 0 < len(parts(tmp_path / "a")) < 2 * 5
    monkeypatch.setattr(sweep_store, "_MERGE_AT", 1000)
    stored(tmp_path / "b", sweep, planned, reversed(outcomes))
    assert len(parts(tmp_path / "b")) == 2 * 12
    assert_same_tables(read_sweep(tmp_path / "a"), read_sweep(tmp_path / "b"))


# ---------------------------------------------------------------- broken files


@pytest.mark.parametrize("kind", ["runs", "epochs"])
@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_broken_part_is_set_aside_and_its_run_done_anew(scene, tmp_path, kind, damage):
    _, sweep, planned, outcomes = scene
    path = tmp_path / "s"
    stored(path, sweep, planned, outcomes)
    expected = read_sweep(path)
    part = path / "parts" / f"{kind}-000000004.parquet"
    content = bytearray(part.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "empty":
        content = bytearray()
    else:
        content[40] ^= 0xFF  # inside the first page
    part.write_bytes(content)
    with pytest.warns(UserWarning, match="cannot be read and was left out"):
        runs, epochs = read_sweep(path)
    assert 4 not in runs["run"].tolist()
    assert 4 not in epochs["run"].tolist()
    assert part.exists()  # a reader moves nothing
    with SweepStore.open(path, sweep, planned) as store:
        assert [file.name for file in store.set_aside] == [f"{part.name}.broken"]
        assert set(store.status) == set(range(12)) - {4}
        store.append([outcomes[4]])
    assert_same_tables(read_sweep(path), expected)


def test_a_broken_table_costs_the_runs_in_it_and_no_other(scene, tmp_path):
    _, sweep, planned, outcomes = scene
    path = tmp_path / "s"
    with SweepStore.open(path, sweep, planned) as store:
        store.append(outcomes[:6])
        store.merge()
        store.append(outcomes[6:])
    content = (path / "epochs.parquet").read_bytes()
    (path / "epochs.parquet").write_bytes(content[:-20])
    with SweepStore.open(path, sweep, planned) as store:
        assert set(store.status) == set(range(6, 12))


def test_a_part_of_the_epochs_without_its_runs_counts_for_nothing(scene, tmp_path):
    _, sweep, planned, outcomes = scene
    path = tmp_path / "s"
    stored(path, sweep, planned, outcomes)
    (path / "parts" / "runs-000000011.parquet").unlink()  # killed between the two
    runs, epochs = read_sweep(path)
    assert 11 not in runs["run"].tolist()
    assert 11 not in epochs["run"].tolist()
    with SweepStore.open(path, sweep, planned) as store:
        assert 11 not in store.status


# ---------------------------------------------------------------- the folder


def test_the_folder_of_another_sweep_is_refused_and_what_differs_is_said(scene, tmp_path):
    file, sweep, planned, outcomes = scene
    stored(tmp_path / "s", sweep, planned, outcomes[:1])
    other = Sweep.from_file(file, ["training.epochs=4", "design.samples=4"])
    with pytest.raises(SweepError) as refused:
        SweepStore.open(tmp_path / "s", other, planned_runs(other))
    assert "holds another sweep" in str(refused.value)
    assert "model.training.epochs: 3 there, 4 asked for" in str(refused.value)
    foreign = tmp_path / "f"
    foreign.mkdir()
    (foreign / "notes.txt").touch()
    with pytest.raises(SweepError, match="not the folder of a sweep"):
        SweepStore.open(foreign, sweep, planned)
    with pytest.raises(SweepError, match="not a folder of a sweep"):
        read_sweep(foreign)
    with pytest.raises(SweepError, match="is a file"):
        SweepStore.open(foreign / "notes.txt", sweep, planned)
    with (
        SweepStore.open(tmp_path / "s", sweep, planned),
        pytest.raises(SweepError, match="another process is writing this sweep"),
    ):
        SweepStore.open(tmp_path / "s", sweep, planned)


def test_a_full_disk_is_said_and_costs_nothing_that_was_stored(scene, tmp_path, monkeypatch):
    _, sweep, planned, outcomes = scene
    path = tmp_path / "s"
    with SweepStore.open(path, sweep, planned) as store:
        store.append(outcomes[:4])
        replaced = os.replace

        def full(source, target):
            if "parts" in str(target):
                raise OSError(errno.ENOSPC, "No space left on device")
            return replaced(source, target)

        monkeypatch.setattr(os, "replace", full)
        with pytest.raises(SweepError, match=r"No space left on device.*stored before are safe"):
            store.append(outcomes[4:])
    monkeypatch.undo()
    assert read_sweep(path)[0]["run"].tolist() == [0, 1, 2, 3]
    stored(path, sweep, planned, outcomes[4:])
    assert len(read_sweep(path)[0]) == 12


# ---------------------------------------------------------------- one run


def test_a_run_that_fails_is_a_row_with_its_error(scene):
    _, sweep, planned, _ = scene
    task = sweep_runs.Task(0, planned[0].experiment(sweep.base).model_dump(mode="json"), "oracle")
    broken = {**task.experiment, "dataset": {**task.experiment["dataset"], "path": "/no/such"}}
    outcome = sweep_runs.run_task(replace(task, experiment=broken))
    assert outcome.status == FAILED
    assert "/no/such" in outcome.row["error"]


def test_a_bug_is_a_row_with_its_place(scene, monkeypatch):
    _, sweep, planned, _ = scene
    monkeypatch.setattr(sweep_runs, "worker_dataset", lambda experiment: 1 / 0)
    outcome = outcome_of(sweep, planned[0])
    assert outcome.status == FAILED
    assert "ZeroDivisionError: division by zero (test_sweep_store.py:" in outcome.row["error"]


def test_a_run_without_enough_memory_is_a_row_that_says_so(scene, monkeypatch):
    def full(experiment):
        raise MemoryError("Unable to allocate 7.45 GiB")

    _, sweep, planned, _ = scene
    monkeypatch.setattr(sweep_runs, "worker_dataset", full)
    outcome = outcome_of(sweep, planned[0])
    assert outcome.status == FAILED
    assert re.match("not enough memory on .*: Unable to allocate 7.45 GiB", outcome.row["error"])


def test_numbers_that_no_column_holds_are_text(scene):
    _, sweep, planned, _ = scene
    found = [replace(planned[0], values={**planned[0].values, "network.weight_limit": value})
             for value in (1, 2**64)]  # fmt: skip
    assert planned_of(design_table(sweep, found)) == found


def test_a_run_stops_when_its_time_is_up(scene):
    file, *_ = scene
    sweep = Sweep.from_file(file, ["training.epochs=100000"])
    outcome = outcome_of(sweep, planned_runs(sweep)[0], time_limit=0.05)
    assert outcome.status == LATE
    assert "time limit, 0.05 s" in outcome.row["error"]


def test_thresholds_between_two_grey_levels_share_their_images(scene):
    _, sweep, planned, _ = scene
    base = planned[0].experiment(sweep.base)
    by = {
        threshold: sweep_runs.worker_dataset(base.changed([f"dataset.threshold={threshold}"]))
        for threshold in (0.29, 0.294, 0.2999, 0.3)
    }
    assert by[0.29] is by[0.294] is by[0.2999]
    assert by[0.3] is not by[0.29]


def test_an_undisturbed_sweep_is_the_same_twice(tmp_path):
    text = "name: t\nmodel: tiny.yaml\ndesign: {kind: grid}\nseeds: 3\n"
    file = write_scene(tmp_path, sweep=text)
    first, again = (undisturbed(file, tmp_path / name) for name in ("a", "b"))
    assert_same_tables(first, again)
    assert first[0]["fingerprint"].nunique() == 3


@pytest.mark.parametrize("second", ["# []", "# 5", f"# {'[' * 100_000}", "#"])
def test_a_sweep_file_whose_first_lines_were_changed_is_refused(scene, tmp_path, second):
    _, sweep, planned, outcomes = scene
    stored(tmp_path / "s", sweep, planned, outcomes[:1])
    file = tmp_path / "s" / "sweep.yaml"
    file.write_text("\n".join(["# other", second, *file.read_text().splitlines()[2:]]))
    with pytest.raises(SweepError, match=r"is damaged, or was changed|holds another"):
        SweepStore.open(tmp_path / "s", sweep, planned)


def test_tables_that_changed_places_are_taken_for_broken_and_made_anew(scene, tmp_path):
    _, sweep, planned, outcomes = scene
    stored(tmp_path / "s", sweep, planned, outcomes).merge()
    whole = read_sweep(tmp_path / "s")
    runs, epochs = (tmp_path / "s" / f"{name}.parquet" for name in ("runs", "epochs"))
    content = runs.read_bytes(), epochs.read_bytes()
    runs.write_bytes(content[1])
    epochs.write_bytes(content[0])
    with SweepStore.open(tmp_path / "s", sweep, planned) as store:
        assert not store.status
        for outcome in outcomes:
            store.append([outcome])
    for found, expected in zip(read_sweep(tmp_path / "s"), whole, strict=True):
        pd.testing.assert_frame_equal(found, expected, check_like=True)
