"""The trainings of the paper's protocol: which there are, and when one counts as made."""

from __future__ import annotations

import pytest

import synfire_bp as sb
from analysis.paper.runs import plan
from analysis.shared import trainings
from analysis.shared.trainings import Task
from synfire_bp.errors import RunDirectoryError
from synfire_bp.sweep import samples_done


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("SYNFIRE_BP_DATA", str(tmp_path))
    return tmp_path


def test_the_protocol_is_five_seeds_of_circuit_and_oracle_over_sixty_epochs(no_data):
    tasks = {task.name: task for task in plan(5)}
    for seed in range(5):
        circuit, oracle = tasks[f"mnist-seed{seed}"], tasks[f"mnist-oracle-seed{seed}"]
        assert (circuit.engine, oracle.engine) == ("circuit", "oracle")
        assert circuit.experiment.fingerprint() == oracle.experiment.fingerprint()
        assert circuit.experiment.training.seed == seed
        assert circuit.experiment.training.epochs == 60
        assert circuit.experiment.training.evaluate_every == 0.5
    assert len({task.experiment.fingerprint() for task in tasks.values()}) == 6  # and the untrained
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
