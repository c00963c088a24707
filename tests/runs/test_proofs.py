"""Every file of a run proves itself: nothing changed goes unnoticed, and what can be is mended."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest
from checkpoints import a_checkpoint

import synfire_bp as sb
from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import LOCK
from synfire_bp.runs import MANIFEST, Run, RunWriter, load_checkpoint, manifest
from synfire_bp.runs.repair import CHANGED, DAMAGED, LOST, MENDED, WHOLE

READ = {
    "experiment.yaml": lambda run: run.experiment,
    "metrics.csv": lambda run: run.metrics,
    "activity.csv": lambda run: run.activity,
    "spike_counts.csv": lambda run: run.spike_counts,
    "weights.npz": lambda run: run.weights,
    "spikes.npz": lambda run: run.spikes,
    "provenance.json": lambda run: run.provenance,
}


@pytest.fixture(scope="module")
def model(experiment):
    return experiment("training.epochs=4")


@pytest.fixture
def finished(model, tmp_path):
    """Return the directory of a finished run with recorded spikes."""
    with RunWriter.create(tmp_path / "run", model, "circuit") as writer:
        spikes = {"h": (np.array([0, 7]), np.array([2, 14]))}
        writer.write_spikes(spikes, samples=np.array([3, 5]), labels=np.array([0, 2]))
        writer.save(a_checkpoint(model, engine="circuit", epoch=4), 40, keep_spikes=True)
        writer.finish()
    return tmp_path / "run"


def states(path, **how):
    return {file.name: file.state for file in sb.check_run(path, **how)}


def held(path):
    return {name: (path / name).read_bytes() for name in READ}


# ---------------------------------------------------------------- what was changed is noticed


def test_a_run_lists_every_file_and_each_is_whole(finished):
    for read in READ.values():
        read(Run.open(finished))
    names = {file.name for file in finished.iterdir() if not file.name.startswith(".")}
    assert states(finished) == dict.fromkeys(names, WHOLE)


@pytest.mark.parametrize("name", READ)
def test_no_flipped_bit_of_a_file_goes_unnoticed(finished, name):
    whole, rng = (finished / name).read_bytes(), np.random.default_rng(0)
    for place in rng.choice(len(whole), min(60, len(whole)), replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        (finished / name).write_bytes(flipped)
        with pytest.raises(RunDirectoryError, match=f"{name}: (is damaged|was changed)"):
            READ[name](Run(finished))


def test_a_flipped_bit_of_the_manifest_is_no_fault_of_another_file(finished):
    file, rng = finished / MANIFEST, np.random.default_rng(0)
    whole = file.read_bytes()
    for place in rng.choice(len(whole), 60, replace=False):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        file.write_bytes(flipped)
        try:
            _ = Run(finished).metrics
        except RunDirectoryError as error:
            assert f"{file}: is damaged" in str(error)
        else:  # between its values, where JSON does not care
            assert json.loads(bytes(flipped)) == json.loads(whole)


def test_a_file_that_was_there_and_is_gone_is_missed(finished):
    for name in ("activity.csv", "spikes.npz", "metrics.csv"):
        (finished / name).unlink()
        with pytest.raises(RunDirectoryError, match=f"{name}: no such file; it was there"):
            READ[name](Run(finished))


def test_a_process_that_dies_between_two_files_leaves_files_that_prove_themselves(
    model, tmp_path, monkeypatch
):
    write, files_of_a_save = manifest.write_atomically, 6
    for files in range(files_of_a_save):
        path, done = tmp_path / str(files), []
        with RunWriter.create(path, model, "oracle") as writer:
            writer.save(a_checkpoint(model), 40)

            def failing(file, content, done=done, files=files, **how):
                if len(done) >= files:
                    raise RunDirectoryError("the process died")
                done.append(file)
                write(file, content, **how)

            with monkeypatch.context() as patch, pytest.raises(RunDirectoryError, match="died"):
                patch.setattr(manifest, "write_atomically", failing)
                writer.save(a_checkpoint(model, seed=5, epoch=2), 80)
        assert len(done) == files
        for read in (READ["metrics.csv"], READ["spike_counts.csv"], READ["provenance.json"]):
            read(Run.open(path))
    with RunWriter.create(path, model, "oracle", resume=True) as writer:
        assert writer.checkpoint.epoch == 2
    assert Run.open(path).metrics.epoch.tolist() == [2.0, 2.0]


def test_a_checkpoint_and_its_name_are_on_the_disk_before_it_counts(model, tmp_path, monkeypatch):
    synced, sync = [], os.fsync

    def noted(opened):
        synced.append(os.readlink(f"/proc/self/fd/{opened}"))
        sync(opened)

    with RunWriter.create(tmp_path / "run", model, "oracle") as writer:
        monkeypatch.setattr(os, "fsync", noted)
        writer.save(a_checkpoint(model), 40)
    file, folder = synced[:2]
    assert file.startswith(f"{tmp_path / 'run'}/.checkpoint.npz.")  # before it is renamed
    assert folder == str(tmp_path / "run")  # and after


def test_a_folder_that_cannot_be_synced_is_written_all_the_same(model, tmp_path, monkeypatch):
    sync = os.fsync

    def refusing(opened):
        if os.path.isdir(f"/proc/self/fd/{opened}"):
            raise OSError(errno.EINVAL, "no such thing for folders")
        sync(opened)

    monkeypatch.setattr(os, "fsync", refusing)
    with RunWriter.create(tmp_path / "run", model, "oracle") as writer:
        writer.save(a_checkpoint(model), 40)
    assert load_checkpoint(tmp_path / "run" / "checkpoint.npz").epoch == 1


# ---------------------------------------------------------------- what no training wrote


def test_spikes_and_weights_of_another_network_are_refused_and_the_file_is_named(finished):
    (finished / MANIFEST).unlink()  # as older runs, which have none
    np.savez(finished / "spikes.npz", **{"h/i": np.array([0, 8]), "h/step": np.array([2, 2])})
    with pytest.raises(RunDirectoryError, match=r"spikes\.npz.*neurons beyond the 8 of h"):
        _ = Run(finished).spikes
    np.savez(finished / "spikes.npz", **{"k/i": np.array([0]), "k/step": np.array([2])})
    with pytest.raises(RunDirectoryError, match=r"spikes\.npz.*no population 'k'"):
        _ = Run(finished).spikes
    whole = Run(finished).weights
    for changed, what in (
        ({"w1": np.full((12, 8), np.nan)}, "w1 is no matrix of int16"),
        ({"w1": np.zeros((12, 7), np.int16)}, r"w1 is \(12, 7\), but the model's is \(12, 8\)"),
    ):
        np.savez(finished / "weights.npz", **whole | changed)
        with pytest.raises(RunDirectoryError, match=rf"weights\.npz.*{what}"):
            _ = Run(finished).weights


@pytest.mark.parametrize("content", ["[]", "{}", '{"engine": 3}', "7", "[" * 100_000])
def test_a_provenance_that_says_nothing_of_the_engine_is_damaged(finished, content):
    (finished / MANIFEST).unlink()
    (finished / "provenance.json").write_text(content)
    for read in (lambda: Run(finished).engine, lambda: sb.test(finished, quiet=True)):
        with pytest.raises(RunDirectoryError, match=r"provenance\.json: is damaged"):
            read()


# ---------------------------------------------------------------- repair


@pytest.mark.parametrize("name", [name for name in READ if name != "spikes.npz"])
@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda whole: None])
def test_what_other_files_hold_is_written_anew(finished, model, name, damage):
    before = held(finished)
    (finished / name).unlink()
    if (left := damage(before[name])) is not None:
        (finished / name).write_bytes(left)
    found = states(finished)
    assert found.pop(name) == MENDED
    assert set(found.values()) == {WHOLE}
    if name != "provenance.json":
        assert held(finished) == before
    run = Run.open(finished)
    for read in READ.values():
        read(run)
    assert (run.engine, run.finished) == ("circuit", True)
    assert run.provenance["fingerprint"] == model.fingerprint()
    assert set(states(finished).values()) == {WHOLE}


def test_damaged_spikes_cannot_be_mended_and_damaged_rows_of_a_checkpoint_neither(finished):
    (finished / "spikes.npz").write_bytes(b"PK")
    (finished / "checkpoint.npz").write_bytes(b"PK")
    (finished / "metrics.csv").write_text("epoch,")
    found = {file.name: file for file in sb.check_run(finished)}
    damaged = [name for name, file in found.items() if file.state == DAMAGED]
    assert sorted(damaged) == ["checkpoint.npz", "metrics.csv", "spikes.npz"]
    assert "no other file holds it" in found["spikes.npz"].said
    assert "the training cannot continue" in found["checkpoint.npz"].said
    assert "delete" not in found["checkpoint.npz"].said
    (finished / "spikes.npz").unlink()
    assert states(finished)["spikes.npz"] == LOST


def test_what_was_changed_by_hand_is_told_from_damage_and_left_alone_until_somebody_decides(
    finished,
):
    whole = (finished / "metrics.csv").read_bytes()
    edited = whole.replace(b"40", b"41")
    (finished / "metrics.csv").write_bytes(edited)
    for _ in range(2):
        found = {file.name: file for file in sb.check_run(finished)}
        assert found["metrics.csv"].state == CHANGED
        assert "accept=True" in found["metrics.csv"].said
        assert (finished / "metrics.csv").read_bytes() == edited
        with pytest.raises(RunDirectoryError, match=r"metrics\.csv: was changed"):
            _ = Run(finished).metrics
    assert states(finished, accept=True)["metrics.csv"] == WHOLE
    assert set(Run(finished).metrics.samples) == {41}
    (finished / "metrics.csv").write_bytes(edited.replace(b"41", b"42"))
    assert states(finished, restore=True)["metrics.csv"] == MENDED
    assert (finished / "metrics.csv").read_bytes() == whole
    assert set(states(finished).values()) == {WHOLE}


def test_what_was_accepted_can_be_restored_and_what_was_there_is_kept(finished):
    whole = (finished / "metrics.csv").read_bytes()
    edited = whole.replace(b"40", b"41")
    (finished / "metrics.csv").write_bytes(edited)
    assert states(finished, accept=True)["metrics.csv"] == WHOLE
    assert states(finished)["metrics.csv"] == WHOLE
    found = {file.name: file for file in sb.check_run(finished, restore=True)}
    assert found.pop("metrics.csv").said == (
        "had been accepted; restored, the old file is now metrics.csv.before"
    )
    assert {file.state for file in found.values()} == {WHOLE}
    assert (finished / "metrics.csv").read_bytes() == whole
    assert (finished / "metrics.csv.before").read_bytes() == edited
    assert set(states(finished).values()) == {WHOLE}


def test_a_table_that_another_program_saved_is_kept_beside_the_one_written_anew(finished):
    saved = (finished / "metrics.csv").read_bytes().replace(b",", b";")
    (finished / "metrics.csv").write_bytes(saved)
    assert states(finished, accept=True)["metrics.csv"] == MENDED
    assert (finished / "metrics.csv.before").read_bytes() == saved


@pytest.mark.parametrize("checkpoint", [True, False])
def test_a_model_other_than_the_trained_one_is_blamed_itself_and_cannot_be_accepted(
    finished, model, checkpoint
):
    other = model.to_yaml().replace("seed: 0", "seed: 1")
    (finished / "experiment.yaml").write_text(other)
    if not checkpoint:
        (finished / "checkpoint.npz").unlink()
    for options in ({}, {"accept": True}, {}):
        found = {file.name: file for file in sb.check_run(finished, **options)}
        assert found["experiment.yaml"].state == CHANGED
        assert "is not the model that was trained here; cannot be accepted" in (
            found["experiment.yaml"].said
        )
        assert found["checkpoint.npz"].state == (WHOLE if checkpoint else LOST)
    assert states(finished, restore=True)["experiment.yaml"] == MENDED
    assert Run(finished).experiment.fingerprint() == model.fingerprint()


def test_a_training_that_is_not_finished_is_said_to_be_so(experiment, tmp_path):
    model = experiment("training.epochs=4")
    with RunWriter.create(tmp_path / "run", model, "circuit") as writer:
        writer.save(a_checkpoint(model, engine="circuit", epoch=1), 10)
    found = {file.name: file for file in sb.check_run(tmp_path / "run")}
    assert found["checkpoint.npz"].said == "1 of 4 epochs are done; resume=True continues"


def test_a_training_whose_checkpoint_is_gone_is_not_begun_anew(finished, model):
    (finished / "checkpoint.npz").unlink()
    before = held(finished)
    with pytest.raises(
        RunDirectoryError, match=r"checkpoint\.npz is missing, so it cannot continue"
    ):
        RunWriter.create(finished, model, "circuit", resume=True)
    assert held(finished) == before


def test_a_manifest_that_is_damaged_is_written_anew_and_vouches_for_what_can_be_read(finished):
    (finished / MANIFEST).write_bytes(b"{")
    (finished / "metrics.csv").write_text("epoch,")
    found = states(finished)
    assert found.pop(MANIFEST) == found.pop("metrics.csv") == MENDED
    assert set(found.values()) == {WHOLE}
    assert set(states(finished).values()) == {WHOLE}


def test_a_run_of_an_older_version_gets_a_manifest(finished):
    (finished / MANIFEST).unlink()
    _ = Run(finished).metrics
    assert states(finished)[MANIFEST] == MENDED
    assert states(finished)[MANIFEST] == WHOLE


def test_a_run_that_is_being_written_is_not_looked_at(model, tmp_path):
    with (
        RunWriter.create(tmp_path / "run", model, "oracle"),
        pytest.raises(RunDirectoryError, match="another process is training into it"),
    ):
        sb.check_run(tmp_path / "run")


def test_what_is_no_run_is_not_looked_at(tmp_path):
    with pytest.raises(RunDirectoryError, match="no such run"):
        sb.check_run(tmp_path / "none")
    (tmp_path / "experiment.yaml").write_text("name: x")
    with pytest.raises(RunDirectoryError, match="and no run"):
        sb.check_run(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["experiment.yaml"]


# ---------------------------------------------------------------- what is no file of the run


@pytest.mark.parametrize("target", ["letter", "nothing"])
def test_a_lock_that_is_a_link_is_refused_and_what_it_names_stays_as_it_is(
    finished, model, tmp_path, target
):
    (tmp_path / "letter").write_text("precious")
    (finished / LOCK).unlink()
    (finished / LOCK).symlink_to(tmp_path / target)
    said = r"\.lock: is a link, a folder or a device, .*; remove it"
    with pytest.raises(RunDirectoryError, match=said):
        sb.check_run(finished)
    with pytest.raises(RunDirectoryError, match=said):
        RunWriter.create(finished, model, "circuit", resume=True)
    assert (tmp_path / "letter").read_text() == "precious"
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("name", [*READ, MANIFEST, "checkpoint.npz"])
def test_nobody_waits_for_the_end_of_a_pipe(finished, name):
    (finished / name).unlink()
    os.mkfifo(finished / name)
    if name in READ:
        with pytest.raises(RunDirectoryError, match=r"pipe or a device|is not a run directory"):
            READ[name](Run(finished))
    if name == MANIFEST:
        with pytest.raises(RunDirectoryError, match="pipe or a device"):
            _ = Run(finished).metrics
    assert states(finished)[name] in (MENDED, DAMAGED, LOST)


@pytest.mark.parametrize("name", READ)
def test_a_folder_in_the_place_of_a_file_is_named_beside_the_other_files(finished, name):
    (finished / name).unlink()
    (finished / name).mkdir()
    found = {file.name: file for file in sb.check_run(finished)}
    assert found[name].state == DAMAGED
    assert "is a folder, but must be a file; remove it" in found[name].said
    others = {file.state for file in found.values() if file.name != name}
    assert others <= {WHOLE, MENDED}
    (finished / name).rmdir()
    assert states(finished)[name] == (LOST if name == "spikes.npz" else MENDED)


# ---------------------------------------------------------------- what does not belong to the run


def test_the_checkpoint_of_another_model_mends_nothing(finished, experiment, tmp_path):
    other = experiment("training.epochs=4", "training.seed=1")
    with RunWriter.create(tmp_path / "other", other, "circuit") as writer:
        writer.save(a_checkpoint(other, engine="circuit", epoch=4), 40)
        writer.finish()
    (finished / "checkpoint.npz").write_bytes((tmp_path / "other/checkpoint.npz").read_bytes())
    (finished / "metrics.csv").write_text("epoch,")
    for _ in range(2):
        found = {file.name: file for file in sb.check_run(finished)}
        assert found["checkpoint.npz"].state == found["metrics.csv"].state == DAMAGED
        assert "is another model's" in found["checkpoint.npz"].said
    assert (finished / "metrics.csv").read_text() == "epoch,"


@pytest.mark.parametrize("listed", [True, False])
def test_what_is_damaged_and_held_by_nothing_else_stays_so(finished, listed):
    if not listed:
        (finished / MANIFEST).unlink()
    (finished / "spikes.npz").write_bytes(b"garbage")
    for _ in range(3):
        assert states(finished)["spikes.npz"] == DAMAGED
        with pytest.raises(RunDirectoryError, match=r"spikes\.npz: is damaged"):
            _ = Run(finished).spikes


def test_a_file_that_no_training_wrote_is_not_whole(model, tmp_path):
    with RunWriter.create(tmp_path / "run", model, "oracle") as writer:
        writer.save(a_checkpoint(model, engine="oracle", epoch=4), 40)
        writer.finish()
    spikes = {"h/i": np.array([0]), "h/step": np.array([2])}
    np.savez(tmp_path / "run" / "spikes.npz", **spikes)
    assert states(tmp_path / "run")["spikes.npz"] == CHANGED
    assert states(tmp_path / "run", accept=True)["spikes.npz"] == WHOLE
    assert states(tmp_path / "run")["spikes.npz"] == WHOLE


def test_a_table_that_was_cut_is_mended_without_a_manifest_too(finished):
    whole = (finished / "metrics.csv").read_bytes()
    for manifest_holds in (b"x", None):
        (finished / "metrics.csv").write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
        (finished / MANIFEST).unlink()
        if manifest_holds:
            (finished / MANIFEST).write_bytes(manifest_holds)
        assert states(finished)["metrics.csv"] == MENDED
        assert (finished / "metrics.csv").read_bytes() == whole


@pytest.mark.parametrize(
    "odd",
    [
        {"plugins": None}, {"plugins": [{"name": "x"}]}, {"warnings": None}, {"warnings": [1]},
        {"dataset_checksums": 5}, {"versions": 3}, {"finished": 1}, {"samples_done": "many"},
    ],
)  # fmt: skip
def test_provenance_of_another_kind_is_damage_and_stops_no_resume(finished, model, odd):
    file = finished / "provenance.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | odd))
    (finished / MANIFEST).unlink()
    (key,) = odd
    with pytest.raises(RunDirectoryError, match=f"its {key} is not what a training writes"):
        _ = Run(finished).warnings
    RunWriter.create(finished, model, "circuit", resume=True).close()
    assert Run(finished).warnings == ()


@pytest.mark.parametrize("files", [[], None, "text", {"metrics.csv": 3}])
def test_a_manifest_of_another_kind_is_damaged_whatever_its_digest(finished, files):
    digest = manifest.digest_of(json.dumps([files, {}], sort_keys=True).encode())
    stored = {"files": files, "to_come": {}, "sha256": digest}
    (finished / MANIFEST).write_text(json.dumps(stored))
    with pytest.raises(RunDirectoryError, match=r"manifest\.json: is damaged"):
        _ = Run(finished).metrics
    assert states(finished)[MANIFEST] == MENDED


@pytest.mark.parametrize(
    "arrays",
    [
        {"h/i": np.array([0, 7])},
        {"h/i": np.array([0, 7]), "h/step": np.array([2])},
        {"h/i": np.array([0.5, 7]), "h/step": np.array([2, 3])},
        {"first": np.array("never")},
    ],
)
def test_spikes_without_their_steps_are_damaged(finished, arrays):
    (finished / MANIFEST).unlink()
    np.savez(finished / "spikes.npz", **arrays)
    with pytest.raises(RunDirectoryError, match=r"spikes\.npz: is damaged"):
        _ = Run(finished).spikes
    assert states(finished)["spikes.npz"] == DAMAGED


def test_what_writers_that_were_killed_left_is_removed(finished):
    (finished / ".metrics.csv.999.tmp").write_text("ep")
    sb.check_run(finished)
    assert not list(finished.glob(".*.tmp"))
