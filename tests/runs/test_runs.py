"""The run directory: nothing half written, nothing overwritten, nothing damaged goes unnoticed."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from checkpoints import a_checkpoint, metric_rows, random_weights
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp import files
from synfire_bp.errors import CheckpointError, RunDirectoryError, at_a_shell
from synfire_bp.model import Experiment
from synfire_bp.runs import (
    MANIFEST,
    METRIC_COLUMNS,
    METRICS,
    SPIKE_COUNT_COLUMNS,
    Checkpoint,
    Run,
    RunWriter,
    load_checkpoint,
    save_checkpoint,
    write_atomically,
)

FULL, READ_ONLY = errno.ENOSPC, errno.EROFS


def contents(checkpoint):
    """Return all of a checkpoint in a form that `==` compares bit by bit."""
    held = dict(vars(checkpoint))
    for name in ("weights", "initial_weights"):
        held[name] = [(w.dtype.str, w.shape, w.tobytes()) for w in held[name]]
    if held["copies"] is not None:
        held["copies"] = {k: (w.dtype.str, w.tobytes()) for k, w in held["copies"].items()}
    return held


@pytest.fixture(scope="module")
def model(experiment):
    return experiment("training.epochs=4")


@pytest.fixture
def begun(model, tmp_path):
    """Return a run directory that stands after its first epoch."""
    with RunWriter.create(tmp_path / "run", model, "oracle") as writer:
        writer.save(a_checkpoint(model), 40)
    return tmp_path / "run"


def refusal(path, experiment, engine="oracle", **options):
    """Return what is said about a directory that is not taken; nothing in it may change."""

    def held():
        if not path.is_dir():
            return path.read_bytes()
        return {file.name: file.read_bytes() for file in path.iterdir() if file.name != ".lock"}

    before = held()
    with pytest.raises(RunDirectoryError) as caught:
        RunWriter.create(path, experiment, engine, **options)
    assert held() == before
    return str(caught.value)


# ---------------------------------------------------------------- writing one file


def failing(code, *, after=0):
    """Return what turns a function into one that works `after` times and then fails."""
    calls = []

    def turned(original):
        def instead(*args, **kwargs):
            calls.append(args)
            if len(calls) > after:
                raise OSError(code, os.strerror(code))
            return original(*args, **kwargs)

        return instead

    return turned


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path):
    for content in (b"old", b"new and longer", b""):
        write_atomically(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_what_is_no_file_is_not_replaced(tmp_path, monkeypatch):
    (tmp_path / "device").symlink_to("/dev/null")
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path / "device", Path("")):
        with pytest.raises(RunDirectoryError, match="is no file that can be replaced"):
            write_atomically(place, b"new")
    assert (tmp_path / "device").is_char_device()


@pytest.mark.parametrize("step", ["open", "replace"])
@pytest.mark.parametrize(
    ("code", "mend"),
    [(FULL, "make room and go on"), (READ_ONLY, "pass an out that can be written")],
)
def test_a_file_that_cannot_be_written_keeps_its_old_content(
    tmp_path, monkeypatch, step, code, mend
):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    if step == "open":
        monkeypatch.setattr(files, "open", failing(code)(open), raising=False)
    else:
        monkeypatch.setattr(files.os, "replace", failing(code)(os.replace))
    with pytest.raises(RunDirectoryError) as caught:
        write_atomically(file, b"new")
    assert str(file) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert mend in str(caught.value)
    assert file.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


def test_a_write_that_breaks_off_in_the_middle_leaves_the_old_file(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))  # the system's own doing
    try:
        with pytest.raises(RunDirectoryError, match="cannot be written"):
            write_atomically(file, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert file.read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


# ---------------------------------------------------------------- the checkpoint

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=4),
    seed=st.integers(0, 2**32),
    place=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    counters=st.dictionaries(st.text(), json_values, max_size=3),
    seconds=st.floats(allow_nan=False, allow_infinity=False),
)
def test_a_checkpoint_is_read_as_it_was_written(
    tmp_path_factory, sizes, seed, place, counters, seconds
):
    path = tmp_path_factory.getbasetemp() / "round-trip.npz"
    weights = random_weights(seed, sizes)
    written = Checkpoint(
        "circuit", "f", *place, weights, tuple(w.T for w in weights),
        {"x→h<": weights[0] + 2} if seed % 2 else None, counters,
        metric_rows(0.5, seed), [{"epoch": 0.5, "x": seconds}], [], seconds,
    )  # fmt: skip
    save_checkpoint(path, written)
    assert contents(load_checkpoint(path)) == contents(written)


@pytest.fixture(scope="module")
def stored(model, tmp_path_factory):
    """Return a checkpoint, its bytes, and a file to write damaged ones to."""
    path = tmp_path_factory.mktemp("damage") / "checkpoint.npz"
    checkpoint = a_checkpoint(model)
    save_checkpoint(path, checkpoint)
    return contents(checkpoint), path.read_bytes(), path.with_name("damaged.npz")


def unnoticed(stored, damaged):
    """Whether damaged bytes are taken for a checkpoint; it must then be the very same one."""
    expected, _, path = stored
    path.write_bytes(damaged)
    try:
        found = load_checkpoint(path)
    except CheckpointError as error:
        assert "is damaged" in str(error)
        assert str(path) in str(error)
        return False
    assert contents(found) == expected
    return True


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_no_flipped_byte_of_a_checkpoint_changes_what_is_read_from_it(stored, mask):
    _, whole, _ = stored
    harmless = 0
    for place in range(len(whole)):
        flipped = whole[:place] + bytes([whole[place] ^ mask]) + whole[place + 1 :]
        harmless += unnoticed(stored, flipped)
    # dates, versions and attributes in the headers of a zip file say nothing about its content
    assert harmless < len(whole) / 8


def test_every_truncation_of_a_checkpoint_is_noticed(stored):
    _, whole, _ = stored
    assert not any(unnoticed(stored, whole[:length]) for length in range(len(whole)))


def test_a_checkpoint_with_exchanged_weights_is_noticed(stored):
    _, whole, path = stored
    path.write_bytes(whole)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(path, **arrays)
    load_checkpoint(path)  # the same content in another wrapping is the same checkpoint
    arrays["w1"][0, 0] += 2
    np.savez(path, **arrays)
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_checkpoint(path)


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(1000)])
def test_something_else_in_place_of_a_checkpoint_is_noticed(stored, content):
    assert not unnoticed(stored, content)


def test_a_checkpoint_of_another_engine_or_model_is_refused(model, experiment, tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, a_checkpoint(model, engine="circuit"))
    load_checkpoint(path, model.fingerprint(), "circuit")
    with pytest.raises(CheckpointError, match=r"engine 'circuit', not 'oracle'; resume with"):
        load_checkpoint(path, model.fingerprint(), "oracle")
    with pytest.raises(CheckpointError, match="belongs to another model"):
        load_checkpoint(path, experiment("training.seed=1").fingerprint(), "circuit")


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"checkpoint\.npz: no such checkpoint"):
        load_checkpoint(tmp_path / "checkpoint.npz")


def test_what_would_not_survive_being_stored_is_refused_and_the_old_checkpoint_stays(
    model, tmp_path
):
    path, good = tmp_path / "checkpoint.npz", a_checkpoint(model)
    save_checkpoint(path, good)
    wrong_type = replace(good, weights=tuple(w.astype(np.int32) for w in good.weights))
    wrong_row = replace(good, metrics=[{"epoch": 1.0, "split": "test"}])
    for bad, what in ((wrong_type, "w1 is of type int32"), (wrong_row, "metrics.csv")):
        with pytest.raises(CheckpointError, match=what):
            save_checkpoint(path, bad)
    assert contents(load_checkpoint(path)) == contents(good)


# ---------------------------------------------------------------- what may be in the directory


def test_a_run_starts_in_a_new_or_empty_folder(model, tmp_path):
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "new" / "deeper"):
        with RunWriter.create(path, model, "oracle") as writer:
            assert writer.checkpoint is None
        assert Run.open(path).experiment == model.resolved()


def test_a_run_does_not_start_in_a_file(model, tmp_path):
    (tmp_path / "run").write_text("mine")
    assert "is a file; out must name a folder" in refusal(tmp_path / "run", model)


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("name", ["thesis.tex", "experiment.yaml", "provenance.json"])
def test_a_run_does_not_start_among_foreign_files(model, tmp_path, name, resume):
    (tmp_path / name).write_text("{}")
    said = refusal(tmp_path, model, resume=resume)
    assert f"is not empty and no run directory (it holds {name})" in said


def test_a_run_that_died_before_it_wrote_its_model_can_be_started_again(model, tmp_path):
    with RunWriter.create(tmp_path, model, "oracle"):
        pass
    (tmp_path / "experiment.yaml").unlink()
    with RunWriter.create(tmp_path, model, "oracle") as writer:
        assert writer.checkpoint is None


def test_a_finished_or_unfinished_run_is_only_taken_up_with_resume(model, begun):
    said = refusal(begun, model)
    assert "already holds this experiment; pass resume=True" in said
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        assert contents(writer.checkpoint) == contents(a_checkpoint(model))


@pytest.mark.parametrize("resume", [False, True])
def test_a_run_of_another_experiment_is_refused_with_what_differs(model, experiment, begun, resume):
    other = experiment("training.epochs=4", "training.seed=5", "network.weight_limit=200")
    said = refusal(begun, other, resume=resume).splitlines()
    assert "holds another experiment; pass another folder as out" in said[0]
    assert "training.seed: 0 there, 5 asked for" in said
    assert "network.weight_limit: 254 there, 200 asked for" in said
    assert not any("epochs" in line for line in said)


def test_a_run_of_another_engine_is_refused(model, begun):
    assert "engine: oracle there, circuit asked for" in refusal(
        begun, model, "circuit", resume=True
    )


def test_a_run_whose_data_has_changed_is_refused(small_npz, experiment, tmp_path):
    data = tmp_path / "data.npz"
    data.write_bytes(small_npz().read_bytes())
    model = experiment(path=data)
    with RunWriter.create(tmp_path / "run", model, "oracle") as writer:
        writer.save(a_checkpoint(model), 40)
    data.write_bytes(small_npz(seed=1).read_bytes())
    assert "data file was changed" in refusal(tmp_path / "run", model, resume=True)


def test_a_run_goes_on_when_its_data_has_only_moved(small_npz, experiment, tmp_path):
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    first.write_bytes(small_npz().read_bytes())
    with RunWriter.create(tmp_path / "run", experiment(path=first), "oracle"):
        pass
    first.rename(second)
    with RunWriter.create(tmp_path / "run", experiment(path=second), "oracle", resume=True):
        assert Run.open(tmp_path / "run").experiment.dataset.path == str(second)


def test_a_run_with_an_unreadable_model_is_refused(model, begun):
    (begun / "experiment.yaml").write_text("name: [")
    said = refusal(begun, model, resume=True)
    assert "holds a run whose model cannot be read" in said
    assert "is not valid YAML" in said


def test_a_run_is_not_cut_short(model, experiment, begun):
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        writer.save(a_checkpoint(model, epoch=2, position=1), 81)
    shorter = experiment("training.epochs=2")
    assert "in epoch 3 already, but training.epochs is 2" in refusal(begun, shorter, resume=True)
    with RunWriter.create(begun, experiment("training.epochs=3"), "oracle", resume=True):
        pass


def test_a_damaged_checkpoint_is_not_resumed_from(model, begun):
    content = bytearray((begun / "checkpoint.npz").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (begun / "checkpoint.npz").write_bytes(content)
    assert "is damaged" in refusal(begun, model, resume=True)


def test_a_refused_directory_is_not_left_locked(model, begun):
    refusal(begun, model)
    with RunWriter.create(begun, model, "oracle", resume=True):
        pass


def test_temporary_files_of_a_killed_process_are_cleared_away(model, begun):
    stale = begun / ".metrics.csv.12345.tmp"
    stale.write_text("half a ro")
    with RunWriter.create(begun, model, "oracle", resume=True):
        assert not stale.exists()


# ---------------------------------------------------------------- lock


@pytest.fixture
def other_process(model, tmp_path):
    """A process that holds the lock of a run directory."""
    script = (
        "import sys\n"
        "from synfire_bp.model import Experiment\n"
        "from synfire_bp.runs import RunWriter\n"
        "model = Experiment.from_yaml(sys.argv[2])\n"
        "with RunWriter.create(sys.argv[1], model, 'oracle'):\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "run"), model.to_yaml()],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def test_a_second_process_is_kept_out_while_the_first_lives(model, tmp_path, other_process):
    path = tmp_path / "run"
    said = refusal(path, model, resume=True)
    assert f"another process is training into it (process {other_process.pid} on " in said
    other_process.kill()
    other_process.wait()
    with RunWriter.create(path, model, "oracle", resume=True):
        assert "another process is training into it" in refusal(path, model, resume=True)
    with RunWriter.create(path, model, "oracle", resume=True):
        pass


# ---------------------------------------------------------------- disks that refuse


@pytest.mark.parametrize("code", [READ_ONLY, errno.EACCES, FULL])
@pytest.mark.parametrize("where", ["mkdir", "lock", "write"])
def test_a_folder_that_cannot_be_written_is_named(model, tmp_path, monkeypatch, code, where):
    path = tmp_path / "run"
    target, name = {
        "mkdir": (files.Path, "mkdir"), "lock": (files.os, "open"), "write": (files, "open"),
    }[where]  # fmt: skip
    monkeypatch.setattr(target, name, failing(code)(open), raising=False)
    with pytest.raises(RunDirectoryError) as caught:
        RunWriter.create(path, model, "oracle")
    assert str(path) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert "pass an" in str(caught.value)


@pytest.mark.parametrize("written", range(5))
def test_a_disk_that_fills_up_while_saving_costs_nothing_that_was_saved(
    model, begun, monkeypatch, written
):
    before, after = a_checkpoint(model), a_checkpoint(model, epoch=2, seed=7)
    full = pytest.raises(RunDirectoryError, match="make room and go on with resume=True")
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        monkeypatch.setattr(files.os, "replace", failing(FULL, after=written)(os.replace))
        with full:
            writer.save(after, 80)
        monkeypatch.undo()
    kept = before if written == 0 else after  # the checkpoint is written first
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        assert contents(writer.checkpoint) == contents(kept)
        assert Run.open(begun).metrics.to_dict("records") == kept.metrics
        assert Run.open(begun).activity.to_dict("records") == kept.activity
        assert Run.open(begun).spike_counts.to_dict("records") == kept.spike_counts
    assert not list(begun.glob(".*.tmp"))


# ---------------------------------------------------------------- reading a run


def test_a_run_holds_what_was_saved(model, begun):
    saved = a_checkpoint(model)
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        run = writer.finish()
    assert tuple(run.metrics.columns) == METRIC_COLUMNS
    assert run.metrics.to_dict("records") == saved.metrics  # every bit of every fraction
    assert tuple(run.spike_counts.columns) == SPIKE_COUNT_COLUMNS
    assert run.spike_counts.to_dict("records") == saved.spike_counts
    assert run.activity.to_dict("records") == saved.activity
    assert sorted(run.weights) == ["w1", "w1_init", "w2", "w2_init"]
    for layer in (1, 2):
        now, start = run.weights[f"w{layer}"], run.weights[f"w{layer}_init"]
        np.testing.assert_array_equal(now, saved.weights[layer - 1])
        np.testing.assert_array_equal(start, saved.initial_weights[layer - 1])
        assert now.dtype == start.dtype == np.int16
    assert run.experiment == model.resolved()


def test_a_run_of_an_older_version_has_its_accuracy_by_argmax_and_no_other_by_spikes(model, begun):
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        now = writer.finish().metrics
    older = now.drop(columns=["accuracy_argmax", "silent"])
    older.to_csv(begun / METRICS, index=False)
    (begun / MANIFEST).unlink()  # older versions wrote none
    read = Run.open(begun).metrics
    assert tuple(read.columns) == METRIC_COLUMNS
    assert read["accuracy_argmax"].tolist() == now["accuracy_spikes"].tolist()
    assert read[["accuracy_spikes", "silent"]].isna().all(axis=None)
    assert np.isnan(Run(begun).last_test["accuracy_spikes"])
    same = ["epoch", "split", "samples", "accuracy_potential", "exact", "mse", "seconds"]
    assert read[same].equals(now[same])


def test_the_last_test_is_that_of_the_metrics_and_is_read_without_pandas(begun):
    expected = Run(begun).metrics.query("split == 'test'").iloc[-1].drop("split")
    told = subprocess.run(
        [
            sys.executable, "-c",
            "import json, sys; from synfire_bp import Run; last = Run(sys.argv[1]).last_test; "
            "assert 'pandas' not in sys.modules; print(json.dumps(last))", str(begun),
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert json.loads(told.stdout) == expected.astype(float).to_dict()


def test_a_checkpoint_of_an_older_version_is_gone_on_with_only_from_a_test(
    model, tmp_path, monkeypatch
):
    columns = tuple(name for name in METRIC_COLUMNS if name not in ("accuracy_argmax", "silent"))
    monkeypatch.setattr("synfire_bp.runs.checkpoint.METRIC_COLUMNS", columns)
    older = a_checkpoint(model)
    for row in older.metrics:
        row.pop("accuracy_argmax"), row.pop("silent")
    at_a_test = replace(older, counters=older.counters | {"score": [0, 0, 0, 0, 0, 3]})
    save_checkpoint(tmp_path / "at.npz", at_a_test)
    read = load_checkpoint(tmp_path / "at.npz")
    assert read.counters["score"] == [0, 0, 0, 0, 0, [0, 0, 0]]
    for row, before in zip(read.metrics, older.metrics, strict=True):
        assert row["accuracy_argmax"] == before["accuracy_spikes"]
        assert row["accuracy_spikes"] is row["silent"] is None
    between = replace(older, counters=older.counters | {"score": [40, 30, 30, 30, 5, 3]})
    save_checkpoint(tmp_path / "between.npz", between)
    with pytest.raises(CheckpointError, match="counted a silent output as class 0"):
        load_checkpoint(tmp_path / "between.npz")


def test_provenance_tells_what_was_run_on_what(model, tmp_path):
    checksums = {"data.npz": "sha256:abc"}
    with RunWriter.create(tmp_path, model, "oracle", dataset_checksums=checksums) as writer:
        assert Run.open(tmp_path).finished is False
        writer.save(a_checkpoint(model), np.int64(40))
        run = writer.finish()
    told = json.loads((tmp_path / "provenance.json").read_text())
    assert run.provenance == told
    assert run.engine == "oracle"
    assert run.finished is True
    assert told["fingerprint"] == model.fingerprint()
    assert told["dataset_checksums"] == checksums
    assert told["versions"]["numpy"] == np.__version__
    assert (told["samples_done"], told["wall_seconds"]) == (40, 1.25)


def test_resuming_keeps_when_a_run_was_started(model, begun):
    file = begun / "provenance.json"
    told = json.loads(file.read_text()) | {"started": "2001-01-01T00:00:00+00:00"}
    file.write_text(json.dumps(told))
    with RunWriter.create(begun, model, "oracle", resume=True):
        pass
    again = Run.open(begun).provenance
    assert (again["started"], again["samples_done"]) == ("2001-01-01T00:00:00+00:00", 40)


def test_the_weights_of_an_unfinished_run_come_from_its_checkpoint(model, begun):
    assert not (begun / "weights.npz").exists()
    weights = Run.open(begun).weights
    np.testing.assert_array_equal(weights["w1"], a_checkpoint(model).weights[0])


def test_recorded_spikes_are_read_by_population_with_what_explains_them(model, begun):
    spikes = {
        "h<": (np.array([3, 1]), np.array([2, 14])),
        "d+": (np.array([], dtype=int), np.array([], dtype=int)),
    }
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        writer.write_spikes(spikes, samples=np.array([8, 5]), first=160)
        run = writer.finish()
    assert set(run.spikes) == set(spikes)
    for name, (i, step) in spikes.items():
        np.testing.assert_array_equal(run.spikes[name].i, i)
        np.testing.assert_array_equal(run.spikes[name].step, step)
    assert run.spikes_about["samples"].tolist() == [8, 5]
    assert run.spikes_about["first"] == 160


def test_what_an_earlier_end_left_goes_when_a_longer_training_goes_on(model, begun):
    nothing = {"h": (np.array([0]), np.array([2]))}
    for keep in (False, True):
        with RunWriter.create(begun, model, "oracle", resume=True) as writer:
            writer.write_spikes(nothing, samples=np.array([0]))
            writer.finish()
            assert (begun / "weights.npz").exists()
            writer.save(a_checkpoint(model, epoch=2), 80, keep_spikes=keep)
        assert not (begun / "weights.npz").exists()
        assert (begun / "spikes.npz").exists() == keep


def test_an_end_without_a_training_is_refused(model, tmp_path):
    nothing = pytest.raises(RunDirectoryError, match="nothing was trained yet")
    with RunWriter.create(tmp_path, model, "oracle") as writer, nothing:
        writer.finish()


def test_what_is_no_run_is_not_opened(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"no such run; make one with: sb\.train"):
        Run.open(tmp_path / "nothing")
    with pytest.raises(RunDirectoryError, match=r"is not a run directory \(it holds no experiment"):
        Run.open(tmp_path)


def test_a_run_without_results_yet_says_how_to_go_on(model, tmp_path):
    with RunWriter.create(tmp_path, model, "oracle"):
        run = Run.open(tmp_path)
    for read in (lambda: run.metrics, lambda: run.spike_counts, lambda: run.weights):
        with pytest.raises(RunDirectoryError) as caught:
            read()
        go_on = f"sb.train(run.experiment, engine='oracle', out='{tmp_path}', resume=True)"
        assert str(caught.value).endswith(go_on)
        with at_a_shell(), pytest.raises(RunDirectoryError) as caught:
            read()
        assert f"train {tmp_path}/experiment.yaml --engine oracle" in str(caught.value)
        assert str(caught.value).endswith(f"--out {tmp_path} --resume")
    assert isinstance(run.activity, pd.DataFrame)
    assert run.activity.empty


def test_a_run_without_spikes_says_how_to_make_one_with(begun):
    with pytest.raises(RunDirectoryError, match=r"no spikes were recorded.*record\.samples=3"):
        _ = Run.open(begun).spikes


@pytest.mark.parametrize(
    ("file", "attribute", "damage"),
    [
        ("metrics.csv", "metrics", lambda content: b""),
        ("metrics.csv", "metrics", lambda content: b"\xff\xfe\x00"),
        ("metrics.csv", "metrics", lambda content: b"something else\n"),
        ("metrics.csv", "metrics", lambda content: content[: content.rindex(b",")]),
        ("metrics.csv", "metrics", lambda content: content.replace(b"1", b"3", 1)),
        ("spike_counts.csv", "spike_counts", lambda content: b"epoch,population\n1.0,h\n"),
        ("activity.csv", "activity", lambda content: content.replace(b"0.3", b"0.4")),
        ("weights.npz", "weights", lambda content: b""),
        ("weights.npz", "weights", lambda content: content[:-30]),
        ("weights.npz", "weights", lambda content: b"\x93NUMPY" + content),
        ("provenance.json", "provenance", lambda content: content[:-5]),
    ],
)
def test_a_damaged_file_is_named_and_written_anew_by_resume(model, begun, file, attribute, damage):
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        writer.finish()
    whole = (begun / file).read_bytes()
    (begun / file).write_bytes(damage(whole))
    with pytest.raises(RunDirectoryError) as caught:
        getattr(Run.open(begun), attribute)
    assert str(caught.value).startswith(f"{begun / file}: ")
    assert "is damaged" in str(caught.value) or "was changed" in str(caught.value)
    assert f"sb.check_run('{begun}')" in str(caught.value)

    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        writer.finish()
    getattr(Run.open(begun), attribute)
    if file != "provenance.json":  # which tells when it was written
        assert (begun / file).read_bytes() == whole


def test_flipped_bytes_in_the_weights_are_never_read_as_other_weights(model, begun):
    with RunWriter.create(begun, model, "oracle", resume=True) as writer:
        whole = {k: (w.shape, w.tobytes()) for k, w in writer.finish().weights.items()}
    file = begun / "weights.npz"
    content, noticed = file.read_bytes(), 0
    places = np.random.default_rng(0).choice(len(content), 200, replace=False)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 0xFF
        file.write_bytes(flipped)
        try:
            read = Run.open(begun).weights
        except RunDirectoryError:
            noticed += 1
        else:
            assert {k: (w.shape, w.tobytes()) for k, w in read.items()} == whole
    assert noticed > len(places) / 2


def test_damaged_spikes_are_named_and_resume_is_not_promised_to_bring_them_back(model, begun):
    (begun / "spikes.npz").write_bytes(b"PK")
    with pytest.raises(RunDirectoryError) as caught:
        _ = Run.open(begun).spikes
    assert "spikes.npz: is damaged" in str(caught.value)
    assert "resume" not in str(caught.value)


def test_a_damaged_model_of_a_run_is_reported_as_the_runs(begun):
    (begun / "experiment.yaml").write_text("name: [")
    with pytest.raises(RunDirectoryError, match=r"experiment\.yaml: was changed"):
        _ = Run.open(begun).experiment
    (begun / MANIFEST).unlink()
    with pytest.raises(RunDirectoryError, match="its model cannot be read"):
        _ = Run.open(begun).experiment


def test_the_stored_model_is_the_whole_model(model, begun):
    text = (begun / "experiment.yaml").read_text()
    stored = Experiment.from_yaml(text)
    assert stored == model.resolved()
    assert stored.fingerprint() == model.fingerprint()
