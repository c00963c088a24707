"""Numbers by which synapses throw dice of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.layout import PlasticLayout

__all__ = ["OWN_NUMBER", "own_numbers"]

OWN_NUMBER = "own_number : integer (constant)  # of the synapse, whose dice nobody shares"
"""Its equation; several variants may give it, and it stands once."""


def own_numbers(layout: PlasticLayout) -> NDArray[np.int32]:
    """Return a number for every learning synapse."""
    return np.arange(layout.pre.size, dtype=np.int32)
