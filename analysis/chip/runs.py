"""Make the runs of the study of the chip's weights: ``python -m analysis.chip.runs``.

Trains what is not trained yet, several at a time, each in a process of its own; see
`chip.study` for what there is.  After Ctrl-C, or a crash, the same command goes on from
each training's last test, to the same bits.

Exit code 0: the study is complete; 1: something failed (all else was made); 130: stopped.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from synfire_bp.engines import training_split
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.model.experiment import list_models
from synfire_bp.progress import WorkProgress
from synfire_bp.runs import Run, write_atomically
from synfire_bp.training import dataset_of
from synfire_bp.training.interrupt import StopRequest

from .study import (
    FLOAT,
    FOLDER,
    STUDY,
    Study,
    has_float_weights,
    is_done,
    last_test,
)

__all__ = ["main"]

_SECONDS = 0.2  # between two looks at the trainings
_DEFAULT = Study()


@dataclass(frozen=True)
class _Task:
    """A process to be run: its name, its samples in all, and where its run directory is, if any."""

    name: str
    command: tuple[str, ...]
    samples: int
    run: Path | None = None

    def done(self) -> int:
        """Return how many samples it has stored; 0 before it has stored anything."""
        if self.run is None:
            return 0
        try:
            return int(Run.open(self.run).provenance["samples_done"])
        except RunDirectoryError:
            return 0

    def result(self) -> str:
        """Return what came out of it."""
        if self.run is None:
            return "written"
        by_spikes, by_potential = last_test(Run.open(self.run))
        return f"test {by_spikes:.2f} % by spikes, {by_potential:.2f} % by potential"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing of a study; return the exit code."""
    options = _parsed(arguments)
    try:
        study = Study(
            _from_anywhere(options.model),
            options.epochs,
            options.samples,
            tuple(dict.fromkeys(options.seeds)),
            tuple(sorted(set(options.bits))),
        )
        folder = options.out.expanduser()
        tasks = _tasks(study, folder)  # refuses, before anything is written
        _store(study, folder)
        with WorkProgress(options.quiet) as progress, StopRequest() as stop:
            failed = _work(tasks, options.jobs, progress, stop)
            stopped = stop()
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # pressed a second time
        failed, stopped = {}, True
    for name, reason in failed.items():
        print(f"{name}: {reason}", file=sys.stderr)
    if stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.chip.runs",
        description="Train the network on the emulated chip with several weight bits, with "
        "symmetric limits, and with real weights; what is there already is not made again.",
    )
    parser.add_argument("--model", default=_DEFAULT.model, help=f"model ({_DEFAULT.model})")
    parser.add_argument("--epochs", type=int, default=_DEFAULT.epochs, help="epochs (10)")
    parser.add_argument("--samples", type=int, help="only the first training samples (all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=_DEFAULT.seeds, help="(0 1 2)")
    parser.add_argument("--bits", type=int, nargs="+", default=_DEFAULT.bits, help="(2 … 8)")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (2)")
    parser.add_argument("--out", type=Path, default=Path("runs", FOLDER), help="(runs/chip)")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(arguments)
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}; must be 1 or more")
    return options


def _from_anywhere(model: str) -> str:
    """Return the name of a model such that it means the same in every folder."""
    return model if model in list_models() else str(Path(model).expanduser().resolve())


def _tasks(study: Study, folder: Path) -> list[_Task]:
    """Return what is not done yet.

    Raises
    ------
    SynfireError
        If the model or its data cannot be used, or a run in the folder is of another experiment.
    """
    trainings = study.trainings
    experiments = [study.experiment(training) for training in trainings]
    n = len(training_split(experiments[0], dataset_of(experiments[0], quiet=False)))
    python, samples = sys.executable, n * study.epochs
    tasks = []
    if not has_float_weights(folder, study):
        command = (
            python, "-m", "analysis.chip.float_weights", *study.options(),
            "--out", str(folder / FLOAT), "--quiet",
        )  # fmt: skip
        tasks.append(_Task(FLOAT, command, samples * len(study.seeds)))
    for training, experiment in zip(trainings, experiments, strict=True):
        path = folder / training.name
        if is_done(path, experiment):
            continue
        sets = [word for change in study.chip_changes(training) for word in ("--set", change)]
        command = (
            python, "-m", "synfire_bp", "train", study.model, "--engine", "circuit", *sets,
            "--out", str(path), "--resume", "--keep-going", "--quiet",
        )  # fmt: skip
        tasks.append(_Task(training.name, command, samples, path))
    return tasks


def _store(study: Study, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunDirectoryError(
            f"{folder}: cannot be made: {error.strerror or error}; choose another --out"
        ) from None
    write_atomically(folder / STUDY, study.json())


# ----------------------------------------------------------------------------------------------
# Several processes
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Running:
    task: _Task
    process: subprocess.Popen
    said: IO[bytes]


def _work(
    tasks: Iterable[_Task], jobs: int, progress: WorkProgress, stop: Callable[[], bool]
) -> dict[str, str]:
    """Run all tasks, so many at a time; return why some of them failed, by name."""
    waiting, running = deque(tasks), list[_Running]()
    total, done, n = sum(task.samples for task in waiting), 0, len(waiting)
    failed: dict[str, str] = {}
    progress.begin(f"{n} to train", total)
    try:
        while (waiting or running) and not stop():
            while waiting and len(running) < jobs:
                running.append(_started(waiting.popleft()))
            time.sleep(_SECONDS)
            for one in [one for one in running if one.process.poll() is not None]:
                running.remove(one)
                done += one.task.samples
                place = f"{n - len(waiting) - len(running)} of {n}"
                if one.process.returncode == 0:
                    progress.note(f"{place}: {one.task.name}: {one.task.result()}")
                else:
                    failed[one.task.name] = _complaint(one)
                    progress.note(f"{place}: {one.task.name}: failed")
                one.said.close()
            progress.reached(done + sum(one.task.done() for one in running))
    finally:
        # killed, not asked to stop: they then go on from a test, and end with the same bits even
        # where weights are rounded at random
        for one in running:
            one.process.kill()
            one.process.wait()
            one.said.close()
    return failed


def _started(task: _Task) -> _Running:
    said = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
    # a session of its own: Ctrl-C at the terminal reaches this process alone
    process = subprocess.Popen(
        task.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
        start_new_session=True,
    )  # fmt: skip
    return _Running(task, process, said)


def _complaint(one: _Running) -> str:
    one.said.seek(0)
    text = one.said.read().decode(errors="replace").strip().removeprefix("synfire-bp: ")
    return text or f"ended with exit code {one.process.returncode}, without a word"


if __name__ == "__main__":
    sys.exit(main())
