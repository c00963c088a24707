"""The chip's learning engine: its rules, and synapses that learn by them.

`LoihiPlasticSynapses` is imported only when it is used, because Brian2 takes a second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.circuit.products import Trace
from synfire_bp.loihi.engine.engine import LearningEngine
from synfire_bp.loihi.engine.rules import (
    TARGETS,
    TRACES,
    VARIABLES,
    Factor,
    Product,
    SumOfProducts,
    parse_sum_of_products,
)
from synfire_bp.moved import lazily

if TYPE_CHECKING:
    from synfire_bp.loihi.engine.arithmetic import learning_functions
    from synfire_bp.loihi.engine.learning import LoihiPlasticSynapses

__all__ = [
    "TARGETS",
    "TRACES",
    "VARIABLES",
    "Factor",
    "LearningEngine",
    "LoihiPlasticSynapses",
    "Product",
    "SumOfProducts",
    "Trace",
    "learning_functions",
    "parse_sum_of_products",
]

__getattr__ = lazily(
    __name__, {"LoihiPlasticSynapses": "learning", "learning_functions": "arithmetic"}
)
