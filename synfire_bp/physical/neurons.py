"""Neurons in physical units, one of the kinds of neurons that a circuit can be built of.

A membrane keeps its potential over time, so it matters when a circuit starts from rest.  It does so
at fixed samples of a training (every `BLOCK`), and wherever a training pauses anyway: at every
test, at the end of an epoch, and where recording begins.  A training can be stopped only at these
points, and therefore ends with the same bits after it was resumed.

No brian2 here: the code that builds a network is imported only when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout
from synfire_bp.circuit.rule import Rule
from synfire_bp.errors import ExperimentError
from synfire_bp.network.lines import Lines
from synfire_bp.network.neurons import Neurons, mixed_seed
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.physical.equations import LIF, NeuronCode
from synfire_bp.physical.mapping import Timing
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.numbers import physical_numbers
from synfire_bp.physical.plain import plain

__all__ = ["BLOCK", "PhysicalNeurons", "neuron_code"]

BLOCK = 250
"""Samples between two starts from rest."""


def neuron_code(neuron: Membrane) -> NeuronCode:
    """Return everything that the generated code of these neurons depends on."""
    own = {"equations": neuron.equations, "threshold": neuron.threshold, "reset": neuron.reset}
    words = LIF if neuron.kind == "lif" else {key: _code(str(text)) for key, text in own.items()}
    timing = Timing.of(neuron)
    return NeuronCode(
        neuron.synapse,
        **words,
        method=neuron.method,
        phase=timing.phase,
        gate=timing.gate,
        window=timing.window,
        dt=neuron.dt,
        noisy_synapses=neuron.synaptic_noise > 0,
        noisy_membrane=neuron.membrane_noise > 0,
    )


def _code(text: str) -> str:
    """Return a user's code without comments and empty lines."""
    return "\n".join(line.strip() for line in plain(text).split("\n") if line.strip())


@dataclass(frozen=True)
class PhysicalNeurons(Neurons):
    """Leaky integrate-and-fire neurons, or a user's own, in continuous time.

    Attributes
    ----------
    neuron_code : NeuronCode
        The code of neurons and synapses.
    membrane : Membrane or None
        Their parameters; None where only the code is needed.
    """

    neuron_code: NeuronCode
    membrane: Membrane | None = None
    about = "in physical units, in continuous time; see the variant neuron"
    builder = "synfire_bp.physical.network:build_physical"
    writer = "synfire_bp.physical.code:physical_code"
    block = BLOCK

    @classmethod
    def of(cls, membrane: Membrane) -> PhysicalNeurons:
        """Return the neurons of these parameters."""
        return cls(neuron_code(membrane), membrane)

    @property
    def steps_per_phase(self) -> int:  # type: ignore[override]
        """Time steps of the simulation that a phase takes."""
        return self.neuron_code.phase

    @property
    def phase_ms(self) -> float:  # type: ignore[override]
        """Model time of a phase, in ms."""
        return self.neuron_code.phase_ms

    def numbers(
        self,
        circuit: Circuit,
        layout: PlasticLayout,
        weights: Sequence[NDArray[np.integer]],
        rule: Rule | None,
        *,
        copies: Copies | None,
        at: Moment,
    ) -> Numbers:
        """Return every number of the network, in SI units."""
        assert self.membrane is not None
        return physical_numbers(
            circuit, layout, self.membrane, weights, rule,
            copies=copies, seed=at.training_seed, moment=at.seed,
        )  # fmt: skip

    def code(self) -> PhysicalNeurons:
        """Return the neurons without their numbers."""
        return PhysicalNeurons(self.neuron_code)

    def refuse(self, circuit: Circuit, lines: Lines) -> None:
        """Raise ExperimentError if variants need what these neurons do not have.

        These are lines of Brian2 code, and a gating chain of pools.
        """
        if circuit.layer_sizes["gate"] > 1:
            raise ExperimentError(
                "neuron: the gating chain of neurons in physical units has no pools, but here "
                f"{circuit.layer_sizes['gate']} neurons per link (gating.pool); set gating.pool to "
                "1"
            )
        if lines:
            raise ExperimentError(
                "neuron: neurons in physical units cannot be combined with what the other "
                "variants of this model add to the chip's neurons and synapses; use one of them "
                "at a time"
            )

    def refuse_rule(self, rule: Rule) -> None:
        """Raise ExperimentError for accumulators, which would be reset in every block."""
        if rule.fine is not None:
            raise ExperimentError(
                "learning.accumulator: neurons in physical units start from rest every "
                f"{self.block} samples, and accumulators with them; remove accumulator, or neuron"
            )
        if rule.eligible is not None:
            raise ExperimentError(
                "learning.eligibility: neurons in physical units start from rest every "
                f"{self.block} samples, and traces with them; remove eligibility, or neuron"
            )

    def test_seed(self, training_seed: int) -> int:
        """Return the seed of noise in a test."""
        return (2**30 + mixed_seed(training_seed)) % 2**31

    def steps(self, arrays: MappingOf[str, NDArray]) -> NDArray[np.int64]:
        """Return the phase of each recorded spike; the kick comes one phase before the first."""
        code = self.neuron_code
        steps = np.rint(arrays["recorder.t"] * 1e3 / code.dt).astype(np.int64)
        return steps // code.phase - 1
