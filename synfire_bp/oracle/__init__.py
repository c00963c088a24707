"""The algorithm that the circuit computes, in integers.  No brian2."""

from synfire_bp.oracle.two_layers import *  # noqa: F403
from synfire_bp.oracle.two_layers import PAPER, __all__  # noqa: F401
