"""The chip in the loop: how a circuit would behave on Intel's Loihi.

`spec` has the chip's numbers, `formats` its arithmetic, and `constrain` converts a circuit,
weights, neuron parameters or a learning rule to what the chip can represent::

    from synfire_bp.loihi import SPECS, constrain
    weights, report = constrain(sb.initial_weights((400, 400, 10), seed=0), SPECS["loihi1"])

`emulation` and `engine.learning` are the chip's neurons, synapses and learning engine as Brian2
objects; `engine.reader` reads the engine's learning rules.  `place` assigns a circuit to the chip's
cores, and `predict` gives the cost of a sample of a run there::

    from synfire_bp.loihi import place, predict
    placed = place(run.model.circuit), place(run.model.inference.circuit)
    costs = predict(*placed, run.spike_counts, run.metrics)
    costs.training.joules, costs.training.phases
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from synfire_bp.circuit.products import Trace
from synfire_bp.loihi.constrain import NeuronParameters, constrain
from synfire_bp.loihi.engine.engine import LearningEngine
from synfire_bp.loihi.engine.rules import SumOfProducts, parse_sum_of_products
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
from synfire_bp.moved import lazily

if TYPE_CHECKING:
    from synfire_bp.loihi.authors import place_as_authors
    from synfire_bp.loihi.cost_summary import Costs, predict
    from synfire_bp.loihi.emulation import LoihiInput, LoihiNeurons, LoihiSynapses
    from synfire_bp.loihi.engine.learning import LoihiPlasticSynapses
    from synfire_bp.loihi.placement import Placement, place

__all__ = [
    "SPECS",
    "Costs",
    "LearningEngine",
    "LoihiInput",
    "LoihiNeurons",
    "LoihiPlasticSynapses",
    "LoihiSpec",
    "LoihiSynapses",
    "NeuronParameters",
    "Placement",
    "SignMode",
    "SumOfProducts",
    "Trace",
    "bias_mantissa_exponent",
    "constrain",
    "decay",
    "effective_weight",
    "mantissa_exponent",
    "parse_sum_of_products",
    "place",
    "place_as_authors",
    "predict",
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

__getattr__ = lazily(
    __name__,
    {
        "Costs": "cost_summary",
        "LoihiInput": "emulation",
        "LoihiNeurons": "emulation",
        "LoihiPlasticSynapses": "engine.learning",
        "LoihiSynapses": "emulation",
        "Placement": "placement",
        "place": "placement",
        "place_as_authors": "authors",
        "predict": "cost_summary",
    },
)
"""Import Brian2 and pandas only when a name that needs them is first used: they take a second."""
