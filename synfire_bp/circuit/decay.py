"""Decay of weights in whole steps, the same bits everywhere.

Weights are even: their magnitude counts steps of 2.  A decay multiplies the number of steps by a
fraction and rounds down, so that a weight loses at least one step, whatever its size: a small
decay is a soft threshold, a large one is multiplicative as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["WHOLE", "kept", "shrunk"]

WHOLE = 2**16
"""Unit of fractions; `shrunk` by `WHOLE` changes nothing."""

_STEP = 2


def kept(decay: float) -> int:
    """Return what a decay of 0 ... 1 leaves, of `WHOLE`; less than `WHOLE`, unless it is 0."""
    return WHOLE - max(round(decay * WHOLE), decay > 0)


def shrunk(weights: NDArray[np.integer], keep: int | NDArray[np.integer]) -> NDArray[np.integer]:
    """Return weights whose magnitude, in steps, is multiplied by keep / WHOLE and rounded down.

    The map keeps signs and order, and brings no two weights further apart.  So two weights that get
    equal changes stay equal once they are, and meet if they decay alone for long enough.
    """
    wide = weights.astype(np.int64)
    return np.sign(wide) * _STEP * (np.abs(wide) // _STEP * keep // WHOLE)
