"""Numbers by which synapses throw dice: each its own, or that of the weight that it copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.layout import PlasticLayout

__all__ = ["OWN_NUMBER", "own_numbers", "weight_numbers"]

OWN_NUMBER = "own_number : integer (constant)  # of the synapse, whose dice nobody shares"
"""Its equation; several variants may give it, and it stands once."""


def own_numbers(layout: PlasticLayout) -> NDArray[np.int32]:
    """Return a number for every learning synapse."""
    return np.arange(layout.pre.size, dtype=np.int32)


def weight_numbers(shapes: Sequence[tuple[int, int]]) -> tuple[NDArray[np.int32], ...]:
    """Return a number for every weight, one matrix (n_pre, n_post) for each shape."""
    numbered, first = [], 0
    for n_pre, n_post in shapes:
        last = first + n_pre * n_post
        numbered.append(np.arange(first, last, dtype=np.int32).reshape(n_pre, n_post))
        first = last
    return tuple(numbered)
