"""Brian2 code of a network, as text, from which its objects are built and described.

The builder makes objects from these texts, and `describe` shows the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.rule import Rule
from synfire_bp.loihi.emulation.compartment import COMPARTMENT, compartment_step
from synfire_bp.loihi.spec import LoihiSpec
from synfire_bp.network.equations import (
    MEMORYLESS,
    MEMORYLESS_STEP,
    RECORDING,
    clock_equations,
    reward_equation,
)
from synfire_bp.network.learning import (
    LearningCode,
    learning_code,
    learning_equations,
    trace_equations,
    trace_step,
)
from synfire_bp.network.lines import Lines
from synfire_bp.network.neurons import Neurons
from synfire_bp.network.numbers import UNIT, is_coarse

__all__ = ["ChipStepCode", "ObjectCode", "chip_step_code", "meanings"]


@dataclass(frozen=True)
class ObjectCode:
    """Code of one Brian2 object of a network.

    Attributes
    ----------
    name : str
        Name of the object, such as "neurons".
    equations : str
        Brian2 equations; a comment gives the meaning of a variable.
    happens : tuple of (str, str)
        Time of an operation within a step, and its statements.
    """

    name: str
    equations: str
    happens: tuple[tuple[str, str], ...] = ()


def meanings(equations: str) -> dict[str, str]:
    """Return the meanings of variables, from the comments of equations.

    Examples
    --------
    >>> meanings("v : volt  # of the membrane")
    {'v': 'of the membrane'}
    """
    lines = re.findall(r"^\s*d?(\w+)(?:/dt)?\s*[:=][^#\n]*#\s*(.+?)\s*$", equations, re.MULTILINE)
    return dict(lines)


def only_what_happens(happens: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return times and statements, without empty ones."""
    return tuple((when, code) for when, code in happens if code.strip())


@dataclass(frozen=True)
class ChipStepCode:
    """The code of a network whose time step is the chip's.

    Attributes
    ----------
    circuit : Circuit
        Training or inference circuit.
    rule : Rule or None
        The learning rule.
    lines : Lines
        Lines that variants add.
    chip : LoihiSpec or None
        The chip that is emulated; None: the memoryless neurons.
    """

    circuit: Circuit
    rule: Rule | None
    lines: Lines
    chip: LoihiSpec | None = None

    @property
    def coarse(self) -> bool:
        """Whether weights have larger steps than a rule's smallest change."""
        return self.chip is not None and is_coarse(self.chip)

    @property
    def unit(self) -> int:
        """The unit of all weights and sums."""
        return 1 if self.chip is None else UNIT

    @property
    def counts(self) -> str:
        """The unit of fixed weights, in words."""
        return "in weight units" if self.unit == 1 else f"in weight units times {self.unit}"

    @cached_property
    def learning(self) -> LearningCode:
        """Code of the learning rule."""
        if not (self.rule and self.circuit.reward_phases):
            return LearningCode()
        return learning_code(self.rule, coarse=self.coarse, lines=self.lines)

    @property
    def cells(self) -> str:
        """Equations of every cell."""
        return (
            (MEMORYLESS if self.chip is None else COMPARTMENT)
            + clock_equations(self.circuit.n_phases)
            + reward_equation(self.circuit.reward_phases, self.lines)
            + RECORDING
            + trace_equations(self.rule)
            + self.lines.cells
        )

    @property
    def step(self) -> str:
        """Update of every cell at the start of a time step."""
        return MEMORYLESS_STEP if self.chip is None else compartment_step()

    @property
    def traces(self) -> str:
        """Update of the traces of a cell's spikes; empty if there are none."""
        return trace_step(self.rule) if self.rule is not None and self.rule.traces else ""

    @property
    def fixed(self) -> str:
        """Equations of a fixed synapse."""
        return f"weight : integer (constant)  # {self.counts}\n" + self.lines.fixed

    @property
    def fixed_pre(self) -> str:
        """What a fixed synapse delivers."""
        return "\n".join(
            f"{variable}_post += {' * '.join([amount, *self.lines.fixed_sent])}"
            for variable, amount in (("arriving", "weight"), *self.lines.fixed_also)
        )

    @property
    def plastic(self) -> str:
        """Equations of a learning synapse."""
        equations = "w : integer  # the weight, in weight units\n" + self.lines.plastic
        if self.rule and self.circuit.reward_phases:
            equations += learning_equations(
                self.rule, coarse=self.coarse, own_bounds=self.lines.own_bounds
            )
        return equations

    @property
    def plastic_pre(self) -> str:
        """What a learning synapse delivers, followed by its learning."""
        sent = [str(self.unit)] * (self.unit != 1) + ["w", *self.lines.sent]
        on_pre = f"arriving_post += {' * '.join(sent)}"
        return on_pre + f"\n{self.learning.pre}" * bool(self.learning.pre)

    def objects(self) -> tuple[ObjectCode, ...]:
        """Return the code object by object."""
        neurons = (
            ("at the start of a time step", self.step),
            ("then, by a variant", self.lines.step),
            ("then, its traces", self.traces),
        )
        learning = (
            ("at a presynaptic spike", self.plastic_pre),
            ("at a postsynaptic spike", self.learning.post),
            ("at the end of a time step", self.learning.every),
            ("at the end of a time step, by a variant", self.lines.after),
        )
        return (
            ObjectCode("neurons", self.cells, only_what_happens(neurons)),
            ObjectCode("fixed synapses", self.fixed, (("at a presynaptic spike", self.fixed_pre),)),
            ObjectCode("learning synapses", self.plastic, only_what_happens(learning)),
        )


def chip_step_code(
    neurons: Neurons, circuit: Circuit, rule: Rule | None, lines: Lines
) -> tuple[ObjectCode, ...]:
    """Return the code of a network of memoryless neurons, or of a chip's compartments."""
    return ChipStepCode(circuit, rule, lines, neurons.chip).objects()
