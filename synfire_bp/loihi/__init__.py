"""The chip in the loop: what Intel's Loihi would make of a circuit.

`spec` names the chip's numbers, `formats` is its arithmetic, and `constrain` says what of a
circuit, of weights, of neuron parameters or of a learning rule it can hold::

    from synfire_bp.loihi import SPECS, constrain
    weights, report = constrain(sb.initial_weights((400, 400, 10), seed=0), SPECS["loihi1"])

`emulation` and `learning` are the chip's neurons, synapses and learning engine as Brian2 objects;
`rules` reads the engine's learning rules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from synfire_bp.loihi.constrain import NeuronParameters, constrain
from synfire_bp.loihi.engine.rules import (
    LearningEngine,
    SumOfProducts,
    Trace,
    parse_sum_of_products,
)
from synfire_bp.loihi.formats import (
    bias_mantissa_exponent,
    decay,
    effective_weight,
    mantissa_exponent,
    quantise_weight,
    rounded,
    saturate,
    stochastic_round,
    threshold_mantissa,
    weight_exponent,
    weight_range,
    weight_step,
    wrap,
)
from synfire_bp.loihi.spec import SPECS, LoihiSpec, SignMode

if TYPE_CHECKING:
    from synfire_bp.loihi.emulation import LoihiInput, LoihiNeurons, LoihiSynapses
    from synfire_bp.loihi.engine.learning import LoihiPlasticSynapses

__all__ = [
    "SPECS",
    "LearningEngine",
    "LoihiInput",
    "LoihiNeurons",
    "LoihiPlasticSynapses",
    "LoihiSpec",
    "LoihiSynapses",
    "NeuronParameters",
    "SignMode",
    "SumOfProducts",
    "Trace",
    "bias_mantissa_exponent",
    "constrain",
    "decay",
    "effective_weight",
    "mantissa_exponent",
    "parse_sum_of_products",
    "quantise_weight",
    "rounded",
    "saturate",
    "stochastic_round",
    "threshold_mantissa",
    "weight_exponent",
    "weight_range",
    "weight_step",
    "wrap",
]

_BRIAN2_OBJECTS = {
    "LoihiInput": "emulation",
    "LoihiNeurons": "emulation",
    "LoihiPlasticSynapses": "learning",
    "LoihiSynapses": "emulation",
}


def __getattr__(name: str) -> Any:
    """Import the Brian2 part when it is first asked for: it takes a second."""
    if name in _BRIAN2_OBJECTS:
        return getattr(import_module(f"{__name__}.{_BRIAN2_OBJECTS[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
