"""Neurons in physical units: millivolts, milliseconds, and what a weight is in them."""

from synfire_bp.physical.mapping import Mapping, Timing
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.neurons import PhysicalNeurons

__all__ = ["Mapping", "Membrane", "PhysicalNeurons", "Timing"]
