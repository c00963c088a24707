"""The weights of a finished run at the end of every epoch, trained once more in integers.

A run keeps the weights of its start and of its end.  Those between are found by training again from
the run's seed with the oracle, which equals the circuit bit for bit; that this training ends at the
run's weights is checked, so the weights between are those of the run.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from synfire_bp.engines import make_engine, training_split
from synfire_bp.model import assemble
from synfire_bp.runs import WEIGHTS, Run
from synfire_bp.training import dataset_of
from synfire_bp.training.again import refuse_others, trained_again

__all__ = ["Replay", "replay"]

Weights = tuple[NDArray[np.int16], ...]

_ADVICE = "train it again with this version"


@dataclass(frozen=True, eq=False)
class Replay:
    """A training, epoch by epoch.

    Attributes
    ----------
    weights : tuple of tuples of int16 arrays
        W1 and W2, (n_pre, n_post), at the start and after every epoch.
    changes : tuple of tuples of int
        How often a weight of W1 and of W2 changed its value, in every epoch.
    samples : int
        Samples of an epoch.
    """

    weights: tuple[Weights, ...]
    changes: tuple[tuple[int, int], ...]
    samples: int


def replay(run: Run) -> Replay:
    """Repeat the training of a finished run; kept in memory for the next figure that asks.

    Raises
    ------
    RunDirectoryError
        If the repeated training begins or ends with other weights than the run.
    SynfireError
        If its data is missing, or it is a training that the oracle cannot do.
    """
    return _replay(run.path.resolve(), (run.path / WEIGHTS).stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _replay(path: Path, _: int) -> Replay:
    run = Run.open(path)
    stored, model = run.weights, assemble(run.experiment)
    dataset = dataset_of(model)
    n = len(training_split(model, dataset))
    weights = [model.start]
    changes = []
    names = ("w1", "w2")
    starts = [f"{name}_init" for name in names]
    refuse_others(
        path / WEIGHTS, starts, weights[0], tuple(stored[name] for name in starts), _ADVICE
    )
    with closing(make_engine("oracle", model, dataset)) as engine:
        epochs = [n * (k + 1) for k in range(run.experiment.training.epochs)]
        for done in trained_again(model, engine, model.start, n, epochs):
            weights.append(done.weights)
            changes.append((done.activity["changes_w1"], done.activity["changes_w2"]))
    refuse_others(
        path / WEIGHTS, names, weights[-1], tuple(stored[name] for name in names), _ADVICE
    )
    return Replay(tuple(weights), tuple(changes), n)
