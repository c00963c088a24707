"""Dice that any part of the program can throw again: a hash of a number and a moment.

What is drawn hangs on a number (of a synapse, a cell, …) and a moment (a seed plus the time step),
not on a stream: whatever order synapses are visited in, and wherever a training was resumed, the
same synapse draws the same number at the same moment.  Here in NumPy, for the numbers that a
variant gives and for tests; `synfire_bp.network.chance` has the same for Brian2 code, and
`synfire_bp.oracle.kernels` for numba.

Examples
--------
>>> import numpy as np
>>> import synfire_bp as sb
>>> begin = sb.dice.moments(seed=0, stream="which synapses are open")
>>> open_ = sb.dice.chances(np.arange(100_000), begin) < sb.dice.likelihood(0.25)
>>> bool(abs(open_.mean() - 0.25) < 0.01)
True
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "CERTAIN",
    "chances",
    "faded",
    "in_portions",
    "in_steps",
    "likelihood",
    "mixed",
    "moments",
]

CERTAIN = 2**24
"""A draw is below this; so an event of probability p is a draw below p * CERTAIN."""

_APART = 2**27
"""Moments between the dice of two purposes: 11 million samples of twelve steps."""

_STREAMS = {
    "release": 1 * _APART,
    "relay release": 2 * _APART,
    "update": 3 * _APART,
    "soft bounds": 4 * _APART,
    "levels": 5 * _APART,
    "reward": 6 * _APART,
    "signs": 7 * _APART,
    "feedback": 0x2F0E1D3C,
    "gates": 0x2545F491,
    "gating chain": 0x1F123BB5,
}
"""Where the streams of this package begin; any other name gets a place by its hash."""


def likelihood(probability: float) -> int:
    """Return below which number a draw has to be, for an event of this probability."""
    return round(probability * CERTAIN)


def moments(seed: int, stream: str) -> int:
    """Return the first moment of a stream of dice, given that of the training.

    Parameters
    ----------
    seed : int
        The first moment of the training (`synfire_bp.network.numbers.Moment.seed`).
    stream : str
        What the dice are thrown for.  Streams of other names are drawn apart from each other.
    """
    begin = _STREAMS.get(stream)
    if begin is None:
        begin = zlib.crc32(stream.encode())
    return (seed + begin) % 2**31


def mixed(number: NDArray | int, moment: int | NDArray) -> NDArray[np.uint32]:
    """Return 32 bits that look drawn at random."""
    with np.errstate(over="ignore"):
        bits = np.asarray(number).astype(np.int64).astype(np.uint32) * np.uint32(2654435761)
        bits = bits ^ (
            np.asarray(moment).astype(np.int64).astype(np.uint32) * np.uint32(2246822519)
        )
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            bits = (bits ^ (bits >> np.uint32(shift))) * np.uint32(factor)
    return np.asarray(bits)


def chances(number: NDArray | int, moment: int | NDArray) -> NDArray[np.int64]:
    """Return a whole number from 0 up to `CERTAIN`."""
    return (mixed(number, moment) >> np.uint32(8)).astype(np.int64)


def in_steps(change: NDArray, coarse: int, number: NDArray, moment: int) -> NDArray:
    """Return a change as a multiple of `coarse`, a power of two.

    The rest becomes one more step, away from zero, with probability rest / coarse.
    """
    drawn = (mixed(number, moment) & np.uint32(coarse - 1)).astype(np.int64)
    size = np.abs(change)
    rest = size & (coarse - 1)
    return np.sign(change) * (size - rest + coarse * (drawn < rest))


def in_portions(amount: NDArray, portion: NDArray | int, number: NDArray, moment: int) -> NDArray:
    """Return how many portions (1 … 2^15) an amount has.

    The rest becomes one more, away from zero, with probability rest / portion.
    """
    drawn = (chances(number, moment) * np.asarray(portion, dtype=np.int64)) >> 24
    return np.sign(amount) * ((np.abs(amount) + drawn) // portion)


def faded(x: NDArray, kept: int, number: NDArray | int, moment: int | NDArray) -> NDArray:
    """Return x times kept / `CERTAIN`, rounded down, or up with the probability of the fraction.

    `x` is not negative.
    """
    left = np.asarray(x, dtype=np.int64) * np.asarray(kept, dtype=np.int64)
    return (left + chances(number, moment)) >> 24
