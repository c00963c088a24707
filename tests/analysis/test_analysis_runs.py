"""The trainings of the paper's protocol: which there are, and when one counts as made."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from processes import processes_that_name

import synfire_bp as sb
from analysis.paper.runs import plan
from analysis.shared import trainings
from analysis.shared.trainings import Task, train_all
from synfire_bp.errors import Interrupted, RunDirectoryError, SynfireError
from synfire_bp.runs import CHECKPOINT
from synfire_bp.sweep import samples_done


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path))
    return tmp_path


def test_the_protocol_is_seeds_of_circuit_and_oracle_over_sixty_epochs_and_what_is_beside(no_data):
    tasks = {task.name: task for task in plan(5)}
    for seed in range(5):
        circuit, oracle = tasks[f"mnist-seed{seed}"], tasks[f"mnist-oracle-seed{seed}"]
        assert (circuit.engine, oracle.engine) == ("circuit", "oracle")
        assert circuit.experiment.fingerprint() == oracle.experiment.fingerprint()
        assert circuit.experiment.training.seed == seed
        assert circuit.experiment.training.epochs == 60
        assert circuit.experiment.training.evaluate_every == 0.5
        alone = tasks[f"mnist_paper_gates-seed{seed}"]
        assert alone.experiment.network.paper_gates and alone.keep_going
        assert not circuit.experiment.network.paper_gates and not circuit.keep_going
        assert tasks[f"mnist_10x10-seed{seed}"].experiment.network.sizes == (100, 400, 10)
    # of each seed: with either gates, and of 10x10 pixels; and the untrained
    assert len({task.experiment.fingerprint() for task in tasks.values()}) == 3 * 5 + 1
    assert not any("fashion" in name for name in tasks)


def test_a_part_of_fashion_mnist_is_used_where_the_whole_is_not(no_data):
    (no_data / "fashion-mnist-part.npz").touch()
    part = [task for task in plan(5) if "fashion" in task.name]
    assert [task.name for task in part] == [f"fashion_mnist_part-seed{n}" for n in range(3)]
    assert {task.experiment.name for task in part} == {"fashion_mnist_part"}
    assert {task.experiment.dataset.name for task in part} == {"npz"}


def test_a_training_is_made_once_and_never_mistaken_for_another(tmp_path, small_npz):
    path = small_npz((12, 8, 3))
    changes = ("dataset.name=npz", f"dataset.path={path}", "network.sizes=[12, 8, 3]",
               "dataset.threshold=0.5", "training.epochs=2")  # fmt: skip
    task = Task("digits-oracle", "digits", "oracle", (*changes, "record.samples=0"))
    assert not trainings._finished(task, tmp_path)
    sb.train(task.experiment, engine="oracle", out=tmp_path / task.name)
    assert trainings._finished(task, tmp_path)
    assert samples_done(tmp_path / task.name) == trainings._samples(task) == 2 * 40
    longer = Task(task.name, "digits", "oracle", (*task.changes, "training.epochs=3"))
    assert not trainings._finished(longer, tmp_path)
    other = Task(task.name, "digits", "oracle", (*task.changes, "training.seed=9"))
    with pytest.raises(RunDirectoryError, match="holds another experiment"):
        trainings._finished(other, tmp_path)


# -- many at a time ----------------------------------------------------------------------------


@pytest.fixture
def small(small_npz):
    """Tasks on a small data set, of so many epochs each."""
    path = small_npz((12, 8, 3))

    def task(name, epochs, *changes):
        few = (
            "record.samples=0", "training.evaluate_every=20", "dataset.name=npz",
            f"dataset.path={path}", "network.sizes=[12, 8, 3]", "dataset.threshold=0.5",
        )  # fmt: skip
        return Task(name, "digits", "oracle", (*few, f"training.epochs={epochs}", *changes))

    return task


def await_samples(path):
    end = time.monotonic() + 120
    while not samples_done(path):
        assert time.monotonic() < end, "no progress"
        time.sleep(0.02)


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_trainings_that_were_stopped_go_on_from_their_checkpoints_to_the_same_bits(
    small, tmp_path, number, capsys
):
    tasks = [small("a", 6_000, "training.seed=1"), small("b", 5, "training.seed=2")]

    def press():
        await_samples(tmp_path / "a")
        os.kill(os.getpid(), number)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(Interrupted, match="stopped; the same command goes on from here"):
        train_all(tasks, tmp_path, 1)
    pressing.join()
    assert processes_that_name(tmp_path) == []
    assert (tmp_path / "a" / CHECKPOINT).exists()
    assert 0 < samples_done(tmp_path / "a") < 6_000 * 40
    assert not (tmp_path / "b").exists()  # one at a time
    train_all(tasks, tmp_path, 2)
    assert "b: done (" in capsys.readouterr().err
    for task in tasks:
        alone = sb.train(task.experiment, engine="oracle", out=tmp_path / f"{task.name}-alone")
        run = sb.Run.open(tmp_path / task.name)
        assert run.finished
        for name, matrix in alone.weights.items():
            np.testing.assert_array_equal(matrix, run.weights[name])


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc")
def test_when_a_training_fails_the_others_are_stopped_with_a_checkpoint(small, tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "letter.txt").touch()
    tasks = [small("a", 100_000), small("short", 5), small("b", 5)]  # a is under way when b begins
    with pytest.raises(SynfireError, match=r"b: synfire-bp: .*is not empty and no run directory"):
        train_all(tasks, tmp_path, 2)
    assert processes_that_name(tmp_path) == []
    assert sb.Run.open(tmp_path / "short").finished
    assert not sb.Run.open(tmp_path / "a").finished
    assert samples_done(tmp_path / "a") > 0
    assert (tmp_path / "a" / CHECKPOINT).exists()
