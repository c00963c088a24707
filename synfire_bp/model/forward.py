"""What a model's inference network computes, if nothing but threshold units computes it."""

from __future__ import annotations

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rows import Gate
from synfire_bp.errors import SynfireError
from synfire_bp.model.model import Model
from synfire_bp.network.lines import NO_LINES
from synfire_bp.network.neurons import Memoryless
from synfire_bp.variants import Variant

__all__ = ["forward_thresholds"]


def forward_thresholds(model: Model) -> tuple[int, ...]:
    """Return the threshold of each layer of units, in units of the weights, the output's last.

    Raises
    ------
    SynfireError
        If the inference network does more than to hold sums of weights against thresholds: neurons
        in millivolts, or a variant that acts on it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> forward_thresholds(sb.assemble(sb.Experiment.from_file("digits")))
    (512, 512)
    """
    plan = model.inference
    if not isinstance(plan.neurons, Memoryless):
        raise SynfireError(
            f"{model.name}: its neurons are not memoryless threshold units "
            f"({type(plan.neurons).__name__}), so its inference network is not a feedforward "
            "function of the pixels; remove the section 'neuron'"
        )
    if plan.lines != NO_LINES:
        acting = [name for name, part in model.experiment if isinstance(part, Variant)]
        raise SynfireError(
            f"{model.name}: a variant changes its inference network, which is then not a "
            f"feedforward function of the pixels; remove it (its sections: {', '.join(acting)})"
        )
    circuit = plan.circuit
    return tuple(_threshold(circuit, name) for name in (*circuit.hidden_units, "o"))


def _threshold(circuit: Circuit, population: str) -> int:
    gate = circuit.gated(population)[circuit.forward_phase(population)]
    assert isinstance(gate, Gate)
    return gate.threshold
