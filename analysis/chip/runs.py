"""Make the runs of the study of the chip's weights: ``python -m analysis.chip.runs``.

Trains what is not trained yet, several at a time, each in a process of its own; see
`chip.study` for what there is.  After Ctrl-C, or a crash, the same command goes on from
each training's last test, to the same bits.

Exit code 0: the study is complete; 1: something failed (all else was made); 130: stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from synfire_bp.engines import training_split
from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import make_folder, write_atomically
from synfire_bp.model import list_models
from synfire_bp.progress import WorkProgress
from synfire_bp.runs import Run
from synfire_bp.sweep import Command, Ended, Processes, training_command, work_through
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

_DEFAULT = Study()


@at_a_shell()
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
        commands = _commands(study, folder)  # refuses, before anything is written
        _store(study, folder)
        with WorkProgress(options.quiet) as progress, StopRequest() as stop:
            log = _Log(progress, len(commands))
            # killed when it is stopped, not asked to stop: trainings then go on from a test, and
            # end with the same bits even where weights are rounded at random
            stopped = not work_through(
                commands, Processes(options.jobs, at_once=True), log.take,
                what=f"{len(commands)} to train", done=sum(one.before for one in commands),
                progress=progress, stop=stop,
            )  # fmt: skip
            failed = log.failed
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # pressed a second time
        failed, stopped = {}, True
    for name, why in failed.items():
        print(f"{name}: {why}", file=sys.stderr)
    if stopped:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.runs",
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


def _commands(study: Study, folder: Path) -> list[Command]:
    """Return what is not done yet.

    Raises
    ------
    SynfireError
        If the model or its data cannot be used, or a run in the folder is of another experiment.
    """
    trainings = study.trainings
    experiments = [study.experiment(training) for training in trainings]
    n = len(training_split(experiments[0], dataset_of(experiments[0], quiet=False)))
    samples = n * study.epochs
    commands = []
    if not has_float_weights(folder, study):
        arguments = (
            "-m", "analysis.chip.float_weights", *study.options(),
            "--out", str(folder / FLOAT), "--quiet",
        )  # fmt: skip
        commands.append(Command(FLOAT, arguments, samples * len(study.seeds)))
    for training, experiment in zip(trainings, experiments, strict=True):
        path = folder / training.name
        if not is_done(path, experiment):
            changes = study.chip_changes(training)
            commands.append(
                training_command(
                    training.name, study.model, "circuit", changes, path, samples, keep_going=True
                )
            )
    return commands


def _store(study: Study, folder: Path) -> None:
    make_folder(folder)
    write_atomically(folder / STUDY, study.json())


@dataclass
class _Log:
    """Tells what ended, well or not, and notes why something failed, by name."""

    progress: WorkProgress
    planned: int
    failed: dict[str, str] = field(default_factory=dict)
    number: int = 0

    def take(self, ended: Sequence[Ended[Command, None]]) -> Sequence[Command]:
        """Take what ended; nothing is tried again."""
        for one in ended:
            self.number += 1
            if one.problem is None:
                told = _result(one.task.run)
            else:
                self.failed[one.task.name] = one.problem.removeprefix("synfire-bp: ")
                told = "failed"
            self.progress.note(f"{self.number} of {self.planned}: {one.task.name}: {told}")
        return ()


def _result(run: Path | None) -> str:
    """Return what came out of a training."""
    if run is None:
        return "written"
    by_argmax, by_potential = last_test(Run.open(run))
    return f"test {by_argmax:.2f} % by argmax, {by_potential:.2f} % by potential"


if __name__ == "__main__":
    sys.exit(main())
