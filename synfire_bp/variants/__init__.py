"""Assumptions of the circuit that can be dropped: one module or folder each.

Every module of this package is imported, so a variant that lies here is registered by that alone.
"""

from importlib import import_module
from pkgutil import iter_modules

from synfire_bp.variants.base import (
    VARIANTS,
    Guarantees,
    Variant,
    acting_order,
    named_by_a_word,
    variant,
)
from synfire_bp.variants.feedback import Feedback
from synfire_bp.variants.gating import Gating
from synfire_bp.variants.hardware import Hardware
from synfire_bp.variants.neuron import Neuron
from synfire_bp.variants.reward import Reward
from synfire_bp.variants.synapses import Synapses

__all__ = [
    "VARIANTS",
    "Feedback",
    "Gating",
    "Guarantees",
    "Hardware",
    "Neuron",
    "Reward",
    "Synapses",
    "Variant",
    "acting_order",
    "named_by_a_word",
    "variant",
]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
