"""The section `neuron` of a model file: leaky integrate-and-fire neurons in physical units.

A short form names the kind alone: ``neuron: lif``.  The parameters stand in
`synfire_bp.physical.membrane`; what they do together is in `synfire_bp.physical.mapping` and
docs/physical.md.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import Any

from pydantic import model_validator
from typing_extensions import Self

from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.physical.mapping import Mapping, Timing, fit
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.neurons import PhysicalNeurons
from synfire_bp.variants.base import Guarantees, Variant, variant

__all__ = ["Neuron"]


@variant("neuron")
class Neuron(Membrane, Variant):
    """Neurons in physical units, in continuous time."""

    summary = "Neurons in physical units: lif, or a section. null: the memoryless neurons."
    word = "kind"
    position = 50

    def fits(self, others: MappingOf[str, Any]) -> None:
        """Refuse a chip: it has neurons of its own."""
        if others.get("hardware") is not None:
            raise ValueError(
                "neurons in physical units do not run on a chip; remove 'neuron' or 'hardware'"
            )

    @model_validator(mode="after")
    def _fits_the_phase(self) -> Self:
        if self.synapse == "delta" and self.synaptic_time is not None:
            raise ValueError("synaptic_time: has no effect on delta synapses; remove it")
        problems = fit(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def timing(self) -> Timing:
        """When everything happens, in time steps."""
        return Timing.of(self)

    @property
    def mapping(self) -> Mapping:
        """What a weight unit is in physical units."""
        return Mapping.of(self)

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the network built of these neurons."""
        return replace(network, neurons=PhysicalNeurons.of(self))

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm, which follows neurons that compute the same."""
        return algorithm.cannot(f"neuron: {why}") if (why := self.disturbance) else algorithm

    @property
    def guarantees(self) -> Guarantees:
        """Nothing is sure if anything is disturbed."""
        exact = self.disturbance is None
        return Guarantees(copies_equal=exact, silent_when_closed=exact)

    @property
    def disturbance(self) -> str | None:
        """What keeps these neurons from computing like whole numbers; None if nothing does."""
        left = self.mapping.left
        if self.kind == "custom":
            return "custom neurons need not compute like the algorithm in integers"
        for name in ("delay_spread", "synaptic_noise", "membrane_noise", "dead_zone"):
            if getattr(self, name):
                return f"{name} is {getattr(self, name):g}, which the algorithm does not know"
        if self.synapse == "conductance":
            return "conductances do not add up as the algorithm's sums do"
        if left >= 1:
            return (
                f"time constants are long: a sum of 9216 leaves {left:.3g} weight units one phase "
                "later, which the algorithm does not know"
            )
        return None
