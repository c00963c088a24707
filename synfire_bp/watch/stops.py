"""Weights from the course of a finished training: at its start, in between, at its end.

A run keeps those of its start and of its end.  Those between are found by training once more from
the run's seed with the algorithm in integers, which equals the circuit bit for bit; that this
training ends at the run's weights is checked, so those between are the run's, too.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np

from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.base import Engine, training_split
from synfire_bp.engines.registry import make_engine
from synfire_bp.errors import SynfireError, to_caller
from synfire_bp.model.model import Weights
from synfire_bp.runs.run import Run
from synfire_bp.training.again import refuse_others, trained_again

__all__ = ["FEWEST", "MOST", "Stop", "USUAL", "course", "how_many"]

FEWEST, USUAL, MOST = 2, 6, 12
"""Stops of a course: start and end at least."""


_FIRST = 100
"""Samples after which the first stop behind the start lies: most is learnt early."""


@dataclass(frozen=True, eq=False)
class Stop:
    """A place in the course of a training.

    Attributes
    ----------
    samples : int
        Training samples shown so far.
    weights : tuple of int16 arrays
        One matrix for each of the circuit's shapes.
    accuracy : float or None
        On the test images, by spikes; None: not tested.
    """

    samples: int
    weights: Weights
    accuracy: float | None


def how_many(run: Run, asked: int | None) -> tuple[int, str]:
    """Return how many stops a course can have, and why not more.

    Parameters
    ----------
    run : Run
        The run.
    asked : int or None
        None: as many as usual, if the algorithm in integers can follow, else start and end.

    Raises
    ------
    SynfireError
        If more or fewer are asked for than there can be.
    """
    obstacles = run.model.algorithm.obstacles
    if asked is None:
        return (FEWEST, _reason(obstacles[0])) if obstacles else (USUAL, "")
    if isinstance(asked, bool) or not isinstance(asked, int) or not FEWEST <= asked <= MOST:
        raise SynfireError(
            f"checkpoints is {asked!r:.40}; must be a whole number from {FEWEST}, start and end, "
            f"to {MOST}"
        )
    if asked > FEWEST and obstacles:
        raise SynfireError(
            f"{run.path}: checkpoints is {asked}, but a run keeps weights of its start and end; "
            f"those between cannot be found again: {obstacles[0]}; ask for {FEWEST}"
        )
    return asked, ""


def _reason(obstacle: SynfireError) -> str:
    """Return why the integers cannot follow, without the advice to use what the page shows."""
    return str(obstacle).partition(";")[0]


def course(run: Run, dataset: Dataset, stops: int) -> list[Stop]:
    """Return so many stops of a training, or fewer if it showed few samples.

    Raises
    ------
    RunDirectoryError
        If the repeated training does not end with the run's weights.
    SynfireError
        If the run's files or its data are missing or damaged.
    """
    names = run.model.circuit.matrix_names
    start, end = (tuple(run.weights[f"{name}{when}"] for name in names) for when in ("_init", ""))
    n = len(training_split(run.model, dataset))
    total = n * run.experiment.training.epochs
    last = Stop(total, end, run.last_test["accuracy_spikes"])
    if stops == FEWEST:
        return [Stop(0, start, None), last]
    with closing(make_engine("oracle", run.model, dataset)) as engine:
        pauses = [*_between(total, stops - FEWEST), total]
        between = [
            Stop(pause, segment.weights, None)
            for pause, segment in zip(
                pauses, trained_again(run.model, engine, start, n, pauses), strict=True
            )
        ]
        alone = to_caller("--checkpoints 2", "checkpoints=2")
        advice = f"show its start and end alone with {alone}"
        refuse_others(run.path, names, between.pop().weights, end, advice)
        tested = [replace(stop, accuracy=_tested(engine, stop.weights)) for stop in between]
        return [Stop(0, start, _tested(engine, start)), *tested, last]


def _between(total: int, wanted: int) -> list[int]:
    """Return after how many samples the stops between start and end lie, in round numbers."""
    if total <= 1:
        return []
    spread = np.geomspace(min(_FIRST, total / 2), total, wanted + 1)[:-1]
    rounded = {max(1, int(float(f"{samples:.1g}"))) for samples in spread}
    return sorted(samples for samples in rounded if samples < total)


def _tested(engine: Engine, weights: Weights) -> float:
    return float(engine.test(weights, "test").score.row()["accuracy_spikes"])
