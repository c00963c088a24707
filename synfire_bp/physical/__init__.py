"""Neurons in physical units: millivolts, milliseconds, and weights in these units."""

from synfire_bp.physical.mapping import Mapping, Timing
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.neurons import PhysicalNeurons

__all__ = ["Mapping", "Membrane", "PhysicalNeurons", "Timing"]
