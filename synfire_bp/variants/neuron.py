"""The section `neuron` of a model file: leaky integrate-and-fire neurons in physical units.

A short form names the kind alone: ``neuron: lif``.  The parameters stand in
`synfire_bp.physical.membrane`; what they do together is in `synfire_bp.physical.mapping` and
docs/physical.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import model_validator
from typing_extensions import Self

from synfire_bp.circuit.numbers import FULL
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.physical.mapping import (
    SYNAPTIC_TIME,
    Mapping,
    Timing,
    closed_potential,
    fit,
)
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.neurons import PhysicalNeurons
from synfire_bp.variants.base import Guarantees, Variant, variant

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

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

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield time constants, potentials, and what a weight unit is."""
        timing, size = self.timing, self.mapping
        own = (
            "your own equations, threshold and reset"
            if self.kind == "custom"
            else ("leaky integrate-and-fire")
        )
        yield "neurons", f"{own}, {self.synapse} synapses"
        if self.kind == "custom":
            yield "integrated by", self.method
        yield (
            "time constants",
            ", ".join(
                (
                    f"membrane {self.membrane_time:g} ms",
                    *([] if self.synapse == "delta" else [f"synapse {self._synaptic_time:g} ms"]),
                    f"refractory {self.refractory:g} ms",
                )
            ),
        )
        yield (
            "a phase",
            f"{self.phase:g} ms in steps of {self.dt:g} ms; the gate's pulse comes "
            f"{timing.gate * self.dt:g} ms after it begins and lasts {self.window:g} ms",
        )
        yield (
            "delay",
            f"{timing.arrival * self.dt:g} ms from a spike to its arrival"
            + (f", standard deviation {self.delay_spread:g} ms" if self.delay_spread else ""),
        )
        closed = closed_potential(self, model.circuit.closing)
        top = self.resting + (FULL + 1) * self.quantum
        yield (
            "potentials",
            (f"rest {self.resting:g} mV, threshold {top:g} mV, closed {closed:g} mV"),
        )
        yield (
            "a weight unit",
            (f"{self.quantum:g} mV when the gate's pulse comes: {self._of_a_spike(size)}"),
        )
        yield "relays", f"{self.relay} weight units, inhibition -{self.relay}"
        if self.dead_zone:
            yield "dead zone", f"a sum above 0 has to be above {self.dead_zone} weight units"
        if self.synapse == "conductance":
            yield (
                "reversal potentials",
                f"excitation {self.excitatory_reversal:g} mV, inhibition "
                f"{self.inhibitory_reversal:g} mV",
            )
        yield "left of a sum of 9,216 a phase later", f"{size.left:.3g} weight units"
        yield "membrane resistance", f"{self.resistance:g} megaohm"
        for what, noise, unit in (
            ("noise of a postsynaptic potential", self.synaptic_noise, "of its mean"),
            ("noise of the membrane", self.membrane_noise, "mV"),
        ):
            if noise:
                yield what, f"standard deviation {noise:g} {unit}"

    @property
    def _synaptic_time(self) -> float:
        return self.synaptic_time or SYNAPTIC_TIME

    def _of_a_spike(self, size: Mapping) -> str:
        """Return what a spike of weight 1 does where it arrives."""
        if self.synapse == "delta":
            return f"a jump of {1e3 * size.jump:.3g} mV where a spike arrives"
        if self.synapse == "exponential":
            return f"a current of {1e12 * size.current:.3g} pA"
        return (
            f"{1e9 * size.excitation:.3g} nS of excitation, {1e9 * size.inhibition:.3g} nS of "
            "inhibition"
        )

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
