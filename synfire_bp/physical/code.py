"""Brian2 code of a network of neurons in physical units, as text, to be built and described."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rule import Rule
from synfire_bp.network.code import ObjectCode, only_what_happens
from synfire_bp.network.equations import RECORDING, reward_equation
from synfire_bp.network.learning import (
    Clocking,
    LearningCode,
    learning_code,
    learning_equations,
    trace_equations,
    trace_impulses,
    trace_step,
)
from synfire_bp.network.lines import Lines
from synfire_bp.physical.equations import CELLS, NOISE, UNITS, NeuronCode, delivery
from synfire_bp.physical.neurons import PhysicalNeurons

__all__ = ["PhysicalCode", "physical_code"]


@dataclass(frozen=True)
class PhysicalCode:
    """The code of a network of neurons in physical units.

    Attributes
    ----------
    circuit : Circuit
        Training or inference circuit.
    neuron : NeuronCode
        The code of neurons and synapses.
    rule : Rule or None
        The learning rule.
    """

    circuit: Circuit
    neuron: NeuronCode
    rule: Rule | None

    @property
    def time(self) -> str:
        """Equations of the phase; the kick of the ring comes one phase before the first."""
        n, n_phases = self.neuron.phase, self.circuit.n_phases
        return f"""
        step_in_phase = t_in_timesteps % {n} : integer (shared)
        phase = (t_in_timesteps // {n} + {n_phases - 1}) % {n_phases} : integer (shared)
        """

    @property
    def clocking(self) -> Clocking:
        """How a learning rule recognises phases: the time steps at which they begin and end."""
        n = self.neuron.phase
        return Clocking(
            f"(t_in_timesteps // {n} + 1)",
            begins=f"int(t_in_timesteps % {n} == 0)",
            ends=f"int(t_in_timesteps % {n} == {n - 1})",
        )

    @property
    def learns(self) -> bool:
        """Whether the network learns."""
        return self.rule is not None and bool(self.circuit.reward_phases)

    @cached_property
    def learning(self) -> LearningCode:
        """Code of the learning rule."""
        if self.rule is None or not self.learns:
            return LearningCode()
        return learning_code(self.rule, clocking=self.clocking)

    @property
    def noise(self) -> str:
        """Equations of noisy synapses."""
        return NOISE * self.neuron.noisy_synapses

    @property
    def cells(self) -> str:
        """Equations of every cell."""
        return (
            self.neuron.cells
            + self.time
            + reward_equation(self.circuit.reward_phases)
            + CELLS
            + trace_equations(self.rule)
            + RECORDING
        )

    @property
    def reset(self) -> str:
        """What a spike does to its cell."""
        impulses = "" if self.rule is None else trace_impulses(self.rule)
        return f"{self.neuron.reset.strip()}\nfired = True\n{impulses}"

    @property
    def traces(self) -> str:
        """Update of the traces of a cell's spikes; empty if there are none."""
        if self.rule is None or not self.rule.traces:
            return ""
        return trace_step(self.rule, spikes="", clocking=self.clocking)

    @property
    def membrane_noise(self) -> str:
        """Effect of noise on a membrane in a time step; empty if there is none."""
        statement = "v += noise*int(not_refractory)*normal(i, moment + t_in_timesteps)"
        return statement * self.neuron.noisy_membrane

    @property
    def fixed(self) -> str:
        """Equations of a fixed synapse on the membrane."""
        return "weight : integer (constant)\n" + UNITS[self.neuron.synapse] + self.noise

    @property
    def plastic(self) -> str:
        """Equations of a learning synapse."""
        synapse = "w : integer\nsent : integer\n" + UNITS[self.neuron.synapse] + self.noise
        if self.rule is not None and self.learns:
            synapse += learning_equations(
                self.rule, numbered=self.neuron.noisy_synapses, clocking=self.clocking
            )
        return synapse

    @property
    def plastic_pre(self) -> dict[str, str]:
        """Statements of a learning synapse after a presynaptic spike, by pathway."""
        # "plastic.delay", a number of the run, belongs to the pathway that is made first
        on_pre = {"deliver": delivery(self.neuron, "sent"), "fill": "sent = w"}
        return on_pre | ({"learn": self.learning.pre} if self.learning.pre else {})

    def objects(self) -> tuple[ObjectCode, ...]:
        """Return the code object by object."""
        neuron, pathways = self.neuron, self.plastic_pre
        cells = (
            ("fires if", neuron.threshold),
            ("then", self.reset),
            ("in every time step", self.membrane_noise),
            ("at the start of a phase", self.traces),
        )
        learning = (
            ("at a presynaptic spike", pathways["fill"]),
            ("after the delay", pathways["deliver"]),
            ("after the window", pathways.get("learn", "")),
            ("in every time step", self.learning.every),
        )
        return (
            ObjectCode("neurons", self.cells, only_what_happens(cells)),
            ObjectCode(
                "fixed synapses", self.fixed, (("after the delay", delivery(neuron, "weight")),)
            ),
            ObjectCode(
                "gates' pulses",
                "height : volt (constant)",
                (
                    ("when a pulse begins", "gate_post += height"),
                    ("after the window", "gate_post -= height"),
                ),
            ),
            ObjectCode("learning synapses", self.plastic, only_what_happens(learning)),
        )


def physical_code(
    neurons: PhysicalNeurons, circuit: Circuit, rule: Rule | None, lines: Lines
) -> tuple[ObjectCode, ...]:
    """Return the code of a network of these neurons, without lines of variants."""
    return PhysicalCode(circuit, neurons.neuron_code, rule).objects()
