"""The chip in the loop: what Intel's Loihi would make of a circuit.

`spec` names the chip's numbers, `formats` is its arithmetic, and `constrain` says what of a
circuit, of weights, of neuron parameters or of a learning rule it can hold::

    from synfire_bp.loihi import SPECS, constrain
    weights, report = constrain(sb.initial_weights((400, 400, 10), seed=0), SPECS["loihi1"])
"""

from synfire_bp.loihi.constrain import NeuronParameters, constrain
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

__all__ = [
    "SPECS",
    "LoihiSpec",
    "NeuronParameters",
    "SignMode",
    "bias_mantissa_exponent",
    "constrain",
    "decay",
    "effective_weight",
    "mantissa_exponent",
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
