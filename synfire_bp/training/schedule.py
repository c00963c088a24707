"""In which order samples are shown, and where a training pauses to test and to save."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from synfire_bp.data.images import shifts
from synfire_bp.errors import SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model

__all__ = [
    "MOST_TESTS",
    "drawn_order",
    "epoch_order",
    "evaluation_points",
    "next_pause",
    "refuse_many_tests",
    "shown_order",
]

MOST_TESTS = 1_000_000
"""Of a training: each adds rows to its tables, which are read as a whole."""

_ORDER_STREAM, _SHIFT_STREAM = 1, 6
"""First entries of the random streams' keys; the initial weights use another."""


def epoch_order(seed: int, epoch: int, n: int) -> NDArray[np.int64]:
    """Return the order in which epoch `epoch` (from 0) visits `n` training samples.

    A new shuffle each epoch, as in the paper's protocol.  Same arguments, same order.

    Parameters
    ----------
    seed, epoch : int
        Which shuffle; 0 or more.
    n : int
        Training samples.

    Raises
    ------
    SynfireError
        If an argument is negative.

    Returns
    -------
    int64 array, shape (n,)
        Every sample once.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sorted(sb.epoch_order(seed=0, epoch=0, n=4).tolist())
    [0, 1, 2, 3]
    """
    if min(seed, epoch, n) < 0:
        raise SynfireError(f"seed {seed}, epoch {epoch} and n {n} must not be negative")
    key = np.random.SeedSequence(seed, spawn_key=(_ORDER_STREAM, epoch))
    return np.random.Generator(np.random.PCG64(key)).permutation(n)


def shown_order(model: Model | Experiment, epoch: int, n: int) -> NDArray[np.int64]:
    """Return what epoch `epoch` (from 0) of a model's training shows, sample by sample.

    Parameters
    ----------
    model : Model or Experiment
        Its seed draws the order (`epoch_order`) and, with ``dataset.augment``, a shift for each
        place in it, all of them alike.
    epoch : int
        Which epoch.
    n : int
        Training samples.

    Returns
    -------
    int64 array, shape (n,)
        Numbers of samples in `learning_split`: sample + n * shift.

    Raises
    ------
    SynfireError
        If an argument is negative.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> moved = ["dataset.crop=1", "dataset.augment.shift=1", "network.sizes=[36, 20, 10]"]
    >>> shown = sb.shown_order(sb.Experiment.from_file("digits", moved), epoch=0, n=4)
    >>> sorted((shown % 4).tolist())
    [0, 1, 2, 3]
    >>> bool((shown // 4 < 9).all())  # 3 x 3 shifts
    True
    """
    experiment = model.experiment if isinstance(model, Model) else model
    return drawn_order(experiment.training.seed, epoch, n, experiment.dataset.shift)


def drawn_order(seed: int, epoch: int, n: int, furthest: int) -> NDArray[np.int64]:
    """Return the same from what draws it: the seed, and how far images are shifted in pixels.

    Raises
    ------
    SynfireError
        If an argument is negative.
    """
    order = epoch_order(seed, epoch, n)
    if not furthest:
        return order
    key = np.random.SeedSequence(seed, spawn_key=(_SHIFT_STREAM, epoch))
    drawn = np.random.Generator(np.random.PCG64(key)).integers(len(shifts(furthest)), size=n)
    return order + n * drawn


def evaluation_points(n: int, epochs: int, every: float) -> tuple[int, ...]:
    """Return after how many samples the network is tested: every `every` epochs, and at the end.

    Several tests after one sample are one.

    Parameters
    ----------
    n : int
        Samples per epoch.
    epochs : int
        Epochs in all.
    every : float
        In epochs; the paper uses 0.5.
    """
    total = n * epochs
    points = {round(k * every * n) for k in range(1, int(epochs / every) + 1)}
    return tuple(sorted({max(point, 1) for point in points if point < total} | {total}))


def refuse_many_tests(n: int, epochs: int, every: float) -> None:
    """Refuse a training that is tested more often than anyone can read.

    One that is tested more often than it shows samples is tested after each of them.

    Raises
    ------
    SynfireError
        Naming how many tests there would be.
    """
    tests = round(epochs / every) if epochs < every * 2**62 else 2**62
    if tests > MOST_TESTS:
        raise SynfireError(
            f"training.evaluate_every: is {every:g} epochs, which makes {tests:.6g} tests in "
            f"{epochs:,} epochs of {n:,} samples; at most {MOST_TESTS:,} are possible"
        )


def next_pause(done: int, n: int, points: tuple[int, ...], recorded_from: int) -> int:
    """Return how many samples are shown until the next pause, counted from the beginning.

    A pause is a test, the end of an epoch, or the sample from which spikes are recorded.
    """
    end_of_epoch = (done // n + 1) * n
    upcoming = points[bisect_right(points, done) :][:1]
    return min(pause for pause in (*upcoming, end_of_epoch, recorded_from) if pause > done)
