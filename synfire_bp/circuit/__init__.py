"""What the circuit is, as data: rows, layers of any number, rules, weights.  No brian2."""

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.deep import Feedback, deep_circuit, deep_inference_circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout, fixed_synapses
from synfire_bp.circuit.numbers import (
    CLOSING,
    EXPONENTS,
    FULL,
    HALF,
    LARGEST_MANTISSA,
    LONGEST_EXTRA_DELAY,
    VOLTAGE_LIMIT,
    WEIGHT_LIMIT,
    FixedWeight,
    fixed_weights,
)
from synfire_bp.circuit.paper import (
    GATES,
    PHASES,
    PLASTIC,
    POPULATIONS,
    RELAYS,
    SOURCES,
    backprop_circuit,
    inference_circuit,
)
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.circuit.rows import (
    Block,
    Gate,
    Matrix,
    Phase,
    PlasticProjection,
    Population,
    Projection,
    Relay,
    Source,
)
from synfire_bp.circuit.rule import FACTORS, PAPER_RULE, Product, Rule, parse_rule
from synfire_bp.circuit.schedule import Schedule, layer_names
from synfire_bp.circuit.weights import (
    INITIAL_LIMIT,
    as_copy,
    from_copy,
    initial_feedback,
    initial_weights,
)

__all__ = [
    "Block",
    "CLOSING",
    "Circuit",
    "Copies",
    "EXPONENTS",
    "FACTORS",
    "FULL",
    "Feedback",
    "FixedWeight",
    "GATES",
    "Gate",
    "HALF",
    "INITIAL_LIMIT",
    "LARGEST_MANTISSA",
    "LONGEST_EXTRA_DELAY",
    "Matrix",
    "PAPER_RULE",
    "PHASES",
    "PLASTIC",
    "POPULATIONS",
    "Phase",
    "PlasticLayout",
    "PlasticProjection",
    "Population",
    "Product",
    "Projection",
    "RELAYS",
    "Relay",
    "Rule",
    "SOURCES",
    "Schedule",
    "Source",
    "VOLTAGE_LIMIT",
    "WEIGHT_LIMIT",
    "as_copy",
    "backprop_circuit",
    "deep_circuit",
    "deep_inference_circuit",
    "firing_table",
    "fixed_synapses",
    "fixed_weights",
    "from_copy",
    "inference_circuit",
    "initial_feedback",
    "initial_weights",
    "layer_names",
    "parse_rule",
    "simulate",
]
