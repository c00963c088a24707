"""Train an experiment into a run directory: epochs, tests, checkpoints, resume.

Training moves from pause to pause (a test, the end of an epoch).  At each pause everything that
decides the rest (weights, position, counts) is in the checkpoint, so a run that was killed and
resumed ends with the same bits as one that was not.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.base import Engine, Segment, Stop, training_split
from synfire_bp.engines.registry import check_engine, make_engine
from synfire_bp.errors import (
    BuildError,
    Interrupted,
)
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, assemble
from synfire_bp.program.compiler import stopped_by
from synfire_bp.progress import WorkProgress, silent
from synfire_bp.runs.checkpoint import Checkpoint
from synfire_bp.runs.run import Run
from synfire_bp.runs.writer import RunWriter
from synfire_bp.training.course import Course, Memory, how_to_go_on
from synfire_bp.training.data import dataset_of
from synfire_bp.training.interrupt import StopRequest
from synfire_bp.training.schedule import refuse_many_tests

__all__ = ["train", "train_in_memory"]


def train(
    model: Experiment | Model,
    *,
    engine: str = "circuit",
    out: str | Path,
    resume: bool = False,
    keep_going: bool = False,
    quiet: bool | None = None,
) -> Run:
    """Train a model and write a run directory.

    Parameters
    ----------
    model : Experiment or Model
        What is trained.
    engine : {"circuit", "oracle"}
        The spiking circuit, or the algorithm in integers.
    out : path
        The run directory.
    resume : bool
        Go on from the checkpoint in `out`, if there is one; otherwise `out` must be new.
    keep_going : bool
        Only report a broken invariant (stray spikes, unequal copies of weights), do not stop.
    quiet : bool, optional
        Show no progress; if left out, it is shown in a notebook, and nowhere else.

    Returns
    -------
    Run
        The finished run, opened for reading.

    Raises
    ------
    Interrupted
        On Ctrl-C, with everything up to the last whole sample in the checkpoint.
    InvariantError
        If the circuit broke an invariant.
    SynfireError
        For bad input of any kind; see `synfire_bp.errors`.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> few = ["network.sizes=[64, 8, 10]", "training.samples=100", "training.epochs=1"]
    >>> experiment = sb.Experiment.from_file("digits", few)
    >>> run = sb.train(experiment, engine="oracle", out="runs/few")
    >>> run.finished
    True
    >>> more = experiment.changed(["training.epochs=2"])
    >>> longer = sb.train(more, engine="oracle", out="runs/few", resume=True)  # goes on
    >>> float(longer.metrics.epoch.max())
    2.0
    """
    quiet = silent(quiet)
    model = assemble(model)
    check_engine(engine, model)  # before a folder is made
    dataset = dataset_of(model, quiet=quiet)
    n = _shown(model, dataset)
    tail = _recorded(model, engine, n)
    with (
        RunWriter.create(
            out, model.experiment, engine, resume=resume, dataset_checksums=dataset.checksums
        ) as writer,
        WorkProgress(quiet) as progress,
        StopRequest() as stop,
        stopped_by(stop),
    ):
        training = Course(model, engine, dataset, writer, tail, keep_going, progress, stop)
        if not training.finished:
            progress.note(f"{model.name}: preparing the engine '{engine}'")
            with closing(_prepared(engine, model, dataset, stop, writer.path)) as machine:
                training.run(machine)
        return writer.finish()


def train_in_memory(
    model: Experiment | Model,
    engine: str,
    dataset: Dataset,
    *,
    keep_going: bool = False,
    stop: Stop,
    on_test: Callable[[float, Segment], None],
) -> Checkpoint:
    """Train a model as `train` does, but leave no run directory.

    Parameters
    ----------
    model : Experiment or Model
        What is trained; spikes are not recorded.
    engine : {"circuit", "oracle"}
        The spiking circuit, or the algorithm in integers.
    dataset : Dataset
        Its data, from `dataset_of`.
    keep_going : bool
        Only count what a broken invariant leaves, do not stop.
    stop : callable
        Asked often; true ends the training after a whole sample.
    on_test : callable
        Told the epoch and what the engine did, at every test.

    Returns
    -------
    Checkpoint
        Where the training ended: its weights and its tables.

    Raises
    ------
    Interrupted
        If it was told to stop.
    InvariantError
        If the circuit broke an invariant.
    SynfireError
        If the engine cannot run this experiment.
    """
    model, memory = assemble(model), Memory()
    _shown(model, dataset)
    training = Course(
        model,
        engine,
        dataset,
        memory,
        0,
        keep_going,
        WorkProgress(quiet=True),
        stop,
        on_test,
    )
    with closing(make_engine(engine, model, dataset)) as machine:
        training.run(machine)
    assert memory.checkpoint is not None
    return memory.checkpoint


def _prepared(name: str, model: Model, dataset: Dataset, stop: StopRequest, out: Path) -> Engine:
    try:
        return make_engine(name, model, dataset)
    except (BuildError, Interrupted):
        if stop():
            raise Interrupted(
                f"stopped while the engine '{name}' was being prepared; {how_to_go_on(out)}"
            ) from None
        raise


def _shown(model: Model, dataset: Dataset) -> int:
    """Return how many samples an epoch has, if the training can be tested as often as asked."""
    n, plan = len(training_split(model, dataset)), model.experiment.training
    refuse_many_tests(n, plan.epochs, plan.evaluate_every)
    return n


def _recorded(model: Model, engine: str, n: int) -> int:
    """Return how many samples at the end of the training are recorded."""
    experiment = model.experiment
    wanted = experiment.record.samples if engine == "circuit" else 0
    return min(wanted, n * experiment.training.epochs)
