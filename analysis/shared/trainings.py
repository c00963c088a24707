"""Many trainings, several at a time, each in a process of its own; what is finished is kept.

What a study needs is a list of `Task`: `train_all` makes those that are missing, and goes on from
the checkpoints of those that were stopped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.progress import WorkProgress
from synfire_bp.runs import PROVENANCE, Run
from synfire_bp.training import dataset_of

__all__ = ["Task", "train_all"]


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

    def arguments(self, folder: Path) -> list[str]:
        """Return the command line that does it, without the program."""
        settings = [part for change in self.changes for part in ("--set", change)]
        out = ["--out", str(folder / self.name)]
        going = ["--keep-going"] * self.keep_going
        return ["train", self.model, "--engine", self.engine, *settings, *out, *going]


def train_all(tasks: Sequence[Task], folder: Path, jobs: int) -> None:
    """Train what is missing, so many at a time; one bar shows the whole.

    Raises
    ------
    SynfireError
        If a training fails (the others that run are stopped, each with a checkpoint), or a folder
        holds another experiment.
    """
    missing = [task for task in tasks if not _finished(task, folder)]
    totals = {task.name: _samples(task) for task in missing}
    processes: list[subprocess.Popen] = []
    stopped = threading.Event()

    def train(task: Task) -> None:
        if stopped.is_set():
            return
        command = [sys.executable, "-m", "synfire_bp", *task.arguments(folder)]
        one_thread = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
        process = subprocess.Popen(
            [*command, "--resume", "--quiet"],
            env={**os.environ, **one_thread}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        processes.append(process)
        _, said = process.communicate()
        if process.returncode:
            stopped.set()
            raise SynfireError(f"{task.name}: {said.strip()}")

    with WorkProgress() as progress, ThreadPoolExecutor(jobs) as pool:
        progress.begin(f"{len(missing)} trainings", sum(totals.values()))
        futures = {task.name: pool.submit(train, task) for task in missing}
        told: set[str] = set()
        try:
            while len(told) < len(futures):
                progress.reached(sum(min(_done(folder / n), totals[n]) for n in totals))
                for name, future in futures.items():
                    if future.done() and name not in told:
                        told.add(name)
                        future.result()
                        progress.note(f"{name}: done ({len(told)} of {len(missing)})")
                stopped.wait(0.5)
        except BaseException:
            stopped.set()
            for process in processes:
                if process.poll() is None:
                    process.terminate()  # leaves a checkpoint
            raise


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
    plan = task.experiment.training
    return (plan.samples or len(dataset_of(task.experiment).train)) * plan.epochs


def _done(path: Path) -> int:
    try:
        return int(json.loads((path / PROVENANCE).read_bytes())["samples_done"])
    except (OSError, ValueError, KeyError):
        return 0
