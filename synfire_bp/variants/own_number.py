"""Numbers by which synapses draw independently of each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.layout import PlasticLayout

__all__ = ["OWN_NUMBER", "own_numbers"]

OWN_NUMBER = "own_number : integer (constant)  # of the synapse, whose dice nobody shares"
"""Equation of the number; several variants may give it, and it is used once."""


def own_numbers(layout: PlasticLayout) -> NDArray[np.int32]:
    """Return a number for every learning synapse."""
    return np.arange(layout.pre.size, dtype=np.int32)
