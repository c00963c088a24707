"""In which order samples are shown, and where a training pauses to test and to save."""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SynfireError

__all__ = ["MOST_TESTS", "epoch_order", "evaluation_points", "next_pause", "refuse_many_tests"]

MOST_TESTS = 1_000_000
"""Of a training: each adds rows to its tables, which are read as a whole."""

_ORDER_STREAM = 1
"""First entry of the random stream's key; the initial weights use another."""


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
