"""Many trainings, several at a time, each in a process of its own; what is finished is kept.

What a study needs is a list of `Task`: `train_all` makes those that are missing, and goes on from
the checkpoints of those that were stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from synfire_bp.errors import Interrupted, RunDirectoryError, SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.progress import WorkProgress
from synfire_bp.runs import PROVENANCE, Run
from synfire_bp.sweep import Command, Ended, Processes, training_command, work_through
from synfire_bp.training import dataset_of
from synfire_bp.training.interrupt import StopRequest

__all__ = ["Task", "finished_run", "train_all"]


@dataclass(frozen=True)
class Task:
    """One training: the folder of its run, the model, and what is changed in it.

    `keep_going` goes on in spite of stray spikes and of copies of weights that differ: for what
    is expected to break the circuit.
    """

    name: str
    model: str
    engine: str
    changes: tuple[str, ...]
    keep_going: bool = False

    @property
    def experiment(self) -> Experiment:
        """The model with the changes."""
        return Experiment.from_file(self.model, overrides=self.changes)

    def command(self, folder: Path) -> Command:
        """Return the command that does it, or goes on with it."""
        return training_command(
            self.name, self.model, self.engine, self.changes, folder / self.name, _samples(self),
            keep_going=self.keep_going,
        )  # fmt: skip


def train_all(tasks: Sequence[Task], folder: Path, jobs: int) -> None:
    """Train what is missing, so many at a time; one bar shows the whole.

    Raises
    ------
    SynfireError
        If a training fails (the others that run are stopped, each with a checkpoint), or a folder
        holds another experiment.
    Interrupted
        On Ctrl-C; all that run are stopped, each with a checkpoint.
    """
    commands = [task.command(folder) for task in tasks if not _finished(task, folder)]
    made: list[str] = []

    def take(ended: Sequence[Ended[Command, None]]) -> Sequence[Command]:
        for one in ended:
            if one.problem is not None:
                raise SynfireError(f"{one.task.name}: {one.problem}")
            made.append(one.task.name)
            progress.note(f"{one.task.name}: done ({len(made)} of {len(commands)})")
        return ()

    with WorkProgress() as progress, StopRequest() as stop:
        finished = work_through(
            commands, Processes(jobs), take, what=f"{len(commands)} trainings",
            done=sum(command.before for command in commands), progress=progress, stop=stop,
        )  # fmt: skip
    if not finished:
        raise Interrupted("stopped; the same command goes on from here")


def finished_run(task: Task, folder: Path, make: str) -> Run:
    """Return the run of a task.

    Parameters
    ----------
    task : Task
        The training.
    folder : Path
        Of all runs of the study.
    make : str
        The command that makes what is missing.

    Raises
    ------
    RunDirectoryError
        If it is not there, not finished, or a run of another experiment.
    """
    if not _finished(task, folder):
        raise RunDirectoryError(
            f"{folder / task.name}: no such run, or unfinished; make it with: {make}"
        )
    return Run.open(folder / task.name)


def _finished(task: Task, folder: Path) -> bool:
    """Return whether the run is there, as it would be made now."""
    path = folder / task.name
    if not (path / PROVENANCE).exists():
        return False
    run, wanted = Run.open(path), task.experiment
    if run.experiment.fingerprint() != wanted.fingerprint() or run.engine != task.engine:
        raise RunDirectoryError(f"{path}: holds another experiment; move it away, or choose --runs")
    return run.finished and run.experiment.training.epochs == wanted.training.epochs


def _samples(task: Task) -> int:
    """Return how many samples a training shows."""
    experiment = task.experiment
    plan, sizes = experiment.training, experiment.network.sizes
    if plan.samples is None:
        alike = (experiment.dataset.model_dump_json(), sizes[0], sizes[-1])
        if alike not in _IN_SPLIT:  # most tasks of a study share their images, which take seconds
            _IN_SPLIT[alike] = len(dataset_of(experiment).train)
        return _IN_SPLIT[alike] * plan.epochs
    return plan.samples * plan.epochs


_IN_SPLIT: dict[tuple[str, int, int], int] = {}
