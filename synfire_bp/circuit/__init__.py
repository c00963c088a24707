"""What the circuit is, as data: rows, layers of any number, learning rules, weights.  No brian2."""

from synfire_bp.circuit.circuit import *  # noqa: F403
from synfire_bp.circuit.circuit import __all__
