"""Weights from the course of a finished training: at its start, in between, at its end.

A run keeps those of its start and of its end.  Those between are found by training once more from
the run's seed with the algorithm in integers, which equals the circuit bit for bit; that this
training ends at the run's weights is checked, so those between are the run's, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.base import Segment, training_split
from synfire_bp.errors import RunDirectoryError, SynfireError, to_caller
from synfire_bp.model.model import Weights
from synfire_bp.runs.run import Run
from synfire_bp.training.schedule import evaluation_points
from synfire_bp.training.training import train_in_memory

__all__ = ["FEWEST", "MOST", "Stop", "USUAL", "course", "how_many"]

FEWEST, USUAL, MOST = 2, 5, 12
"""Stops of a course: start and end at least."""


@dataclass(frozen=True, eq=False)
class Stop:
    """A place in the course of a training: epochs done, and the weights there."""

    epoch: float
    weights: Weights


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
        return (FEWEST, str(obstacles[0])) if obstacles else (USUAL, "")
    if isinstance(asked, bool) or not isinstance(asked, int) or not FEWEST <= asked <= MOST:
        raise SynfireError(
            f"checkpoints is {asked!r:.40}; must be a whole number from {FEWEST}, start and end, to "
            f"{MOST}"
        )
    if asked > FEWEST and obstacles:
        raise SynfireError(
            f"{run.path}: checkpoints is {asked}, but a run keeps the weights of its start and end, "
            f"and those between cannot be found again: {obstacles[0]}; ask for {FEWEST}"
        )
    return asked, ""


def course(run: Run, dataset: Dataset, stops: int) -> list[Stop]:
    """Return so many stops of a training, or fewer if it was not tested as often.

    Raises
    ------
    RunDirectoryError
        If the repeated training does not end with the run's weights.
    SynfireError
        If the run's files or its data are missing or damaged.
    """
    names, plan = run.model.circuit.matrix_names, run.experiment.training
    start, end = (
        tuple(run.weights[f"{name}{when}"] for name in names) for when in ("_init", "")
    )
    n = len(training_split(run.model, dataset))
    points = evaluation_points(n, plan.epochs, plan.evaluate_every)
    between = [points[k] / n for k in _chosen(len(points), stops - FEWEST)]
    found = _trained_again(run, dataset, between, end) if between else []
    return [Stop(0, start), *found, Stop(plan.epochs, end)]


def _chosen(tests: int, wanted: int) -> list[int]:
    """Return which tests are stops, not the last one: the early ones, where most is learnt."""
    if not wanted:
        return []
    spread = np.geomspace(1, tests, wanted + 1).round().astype(int) - 1
    return sorted({int(k) for k in spread} - {tests - 1})


def _trained_again(run: Run, dataset: Dataset, epochs: list[float], end: Weights) -> list[Stop]:
    found: list[Stop] = []

    def keep(epoch: float, tested: Segment) -> None:
        if epoch in epochs:
            found.append(Stop(epoch, tuple(matrix.copy() for matrix in tested.weights)))

    done = train_in_memory(run.model, "oracle", dataset, stop=lambda: False, on_test=keep)
    for name, ours, theirs in zip(run.model.circuit.matrix_names, done.weights, end, strict=True):
        if different := int(np.count_nonzero(ours != theirs)):
            raise RunDirectoryError(
                f"{run.path}: {different:,} weights of {name} are not those of the same training in "
                "integers (another version, or weights changed since); show its start and end "
                f"alone with {to_caller('--checkpoints 2', 'checkpoints=2')}"
            )
    return found
