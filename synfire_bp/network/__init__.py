"""How a circuit becomes Brian2 objects.

Names that need Brian2 are imported only when they are used, because it takes a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.moved import lazily
from synfire_bp.network.lines import NO_LINES, Lines, combined
from synfire_bp.network.neurons import MEMORYLESS, Compartments, Memoryless, Neurons
from synfire_bp.network.numbers import Moment, chip_step_numbers, weight_bounds
from synfire_bp.network.plan import NetworkPlan

if TYPE_CHECKING:
    from synfire_bp.network.builder import build_network, runtime_network
    from synfire_bp.network.functions import bounded
    from synfire_bp.network.objects import STEP, CircuitNetwork
    from synfire_bp.network.samples import sample_functions

__all__ = [
    "MEMORYLESS",
    "NO_LINES",
    "STEP",
    "CircuitNetwork",
    "Compartments",
    "Lines",
    "Memoryless",
    "Moment",
    "NetworkPlan",
    "Neurons",
    "bounded",
    "build_network",
    "chip_step_numbers",
    "combined",
    "runtime_network",
    "sample_functions",
    "weight_bounds",
]

__getattr__ = lazily(
    __name__,
    {
        "STEP": "objects",
        "CircuitNetwork": "objects",
        "bounded": "functions",
        "build_network": "builder",
        "runtime_network": "builder",
        "sample_functions": "samples",
    },
)
