"""Kinds of neurons that a circuit can be built of.

A kind defines the numbers of its neurons, the weights that its synapses can hold, and how the
circuit is built.  Two kinds are defined here, whose time step is the chip's: the memoryless
neurons, and the emulated chip's compartments.  `synfire_bp.physical` has the neurons in millivolts.

No brian2 here: the code that builds a network is imported only when it is used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout
from synfire_bp.circuit.rule import Rule
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.constrain import constrain
from synfire_bp.loihi.formats import quantise_weight
from synfire_bp.loihi.placement import place
from synfire_bp.loihi.spec import LoihiSpec, SignMode
from synfire_bp.network.lines import Lines, imported
from synfire_bp.network.numbers import Moment, Numbers, chip_step_numbers, weight_bounds

if TYPE_CHECKING:
    from synfire_bp.network.code import ObjectCode
    from synfire_bp.network.objects import CircuitNetwork

__all__ = ["MEMORYLESS", "Compartments", "Memoryless", "Neurons"]

Weights = tuple[NDArray[np.int16], ...]


class Neurons(ABC):
    """A kind of neurons.

    Attributes
    ----------
    about : str
        Description in words.
    chip : LoihiSpec or None
        The chip whose neurons these are.
    steps_per_phase : int
        Time steps of the simulation that a phase of the circuit takes.
    phase_ms : float
        Model time of a phase, in ms.
    builder : str
        The function that builds a network of them, as "module:name".
    writer : str
        The function that returns the Brian2 code of such a network, as "module:name"; empty: none.
    block : int or None
        Samples after which the network starts from rest again, since its neurons keep state; a
        training can be stopped and resumed only there.  None: it can be stopped anywhere.
    """

    about: str = ""
    chip: LoihiSpec | None = None
    steps_per_phase: int = 1
    phase_ms: float = 1.0
    builder: str
    writer: str = ""
    block: int | None = None

    @abstractmethod
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
        """Return every number of the network except those for variants' lines."""

    def build(
        self,
        circuit: Circuit,
        rule: Rule | None,
        lines: Lines,
        functions: Mapping[str, Any],
        *,
        codeobj_class: type | None,
        by_rows: bool,
    ) -> CircuitNetwork:
        """Return the Brian2 objects of a circuit.

        Parameters
        ----------
        circuit, rule, lines
            As in `synfire_bp.network.plan.NetworkPlan`.
        functions : mapping
            Brian2 functions `present_sample`, `input_pattern` and `target_pattern`.
        codeobj_class : type or None
            The class that generates the code; None: Brian2's own.
        by_rows : bool
            Whether dense projections are generated row by row (C++ standalone).
        """
        build = imported(self.builder)
        return build(  # type: ignore[no-any-return]
            self, circuit, rule, lines, functions, codeobj_class=codeobj_class, by_rows=by_rows
        )

    def written(self, circuit: Circuit, rule: Rule | None, lines: Lines) -> tuple[ObjectCode, ...]:
        """Return the Brian2 code of a circuit of these neurons, object by object, to be read."""
        if not self.writer:
            return ()
        write = imported(self.writer)
        return write(self, circuit, rule, lines)  # type: ignore[no-any-return]

    def code(self) -> Neurons:
        """Return these neurons with standard numbers: everything that generated code depends on."""
        return self

    def weight_bounds(self, circuit: Circuit) -> tuple[int, int]:
        """Return the range to which learning weights are clipped."""
        return weight_bounds(circuit, self.chip)

    def held(self, weights: Weights) -> Weights:
        """Return weights rounded to what these neurons' synapses can hold."""
        return weights

    def refuse(self, circuit: Circuit, lines: Lines) -> None:  # noqa: B027  (most refuse nothing)
        """Raise a SynfireError if a circuit cannot be built of these neurons."""

    def refuse_rule(self, rule: Rule) -> None:  # noqa: B027
        """Raise a SynfireError if synapses of these neurons cannot hold a learning rule."""

    def test_seed(self, training_seed: int) -> int:
        """Return the seed of random events in a test, which differs from that of the training."""
        return first_seed(training_seed) + 2**30

    def steps(self, arrays: Mapping[str, NDArray]) -> NDArray[np.int64]:
        """Return the phase of each recorded spike, counted from the first sample's phase 0."""
        return arrays["recorder.step"]


def mixed_seed(training_seed: int) -> int:
    """Return a seed for random events that is far from that of any other training."""
    return training_seed * 1_000_003


def first_seed(training_seed: int) -> int:
    """Return the seed of random events at the first sample of a training."""
    return mixed_seed(training_seed) % 2**30


@dataclass(frozen=True)
class Memoryless(Neurons):
    """Integer neurons that keep no state between steps: they compute what the algorithm does."""

    about = (
        "memoryless integers: leaky integrate-and-fire neurons whose current and voltage decay "
        "completely within a step"
    )
    builder = "synfire_bp.network.builder:build_chip_step"
    writer = "synfire_bp.network.code:chip_step_code"

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
        """Return biases, thresholds, weights and the rule's coefficients."""
        return chip_step_numbers(
            circuit, layout, weights, rule, chip=self.chip, copies=copies, at=at
        )


MEMORYLESS = Memoryless()


@dataclass(frozen=True)
class Compartments(Memoryless):
    """Compartments of an emulated chip.

    Attributes
    ----------
    chip : LoihiSpec
        Its numbers.
    """

    chip: LoihiSpec  # type: ignore[misc]
    about = (
        "compartments of the emulated chip, whose current and voltage decay completely within a "
        "step"
    )

    def code(self) -> Compartments:
        """Return the chip with standard weights: code depends only on whether they are coarse."""
        bits = min(max(self.chip.weight_bits, 7), 8)
        return Compartments(replace(self.chip, symmetric=False, weight_bits=bits))

    def held(self, weights: Weights) -> Weights:
        """Return weights rounded to the chip's format."""
        return tuple(
            quantise_weight(w, 0, SignMode.MIXED, self.chip).astype(np.int16) for w in weights
        )

    def refuse(self, circuit: Circuit, lines: Lines) -> None:
        """Raise HardwareError if the chip cannot hold the circuit."""
        reach = min(circuit.weight_limit, self.weight_bounds(circuit)[1])
        constrain(replace(circuit, weight_limit=reach), self.chip, strict=True)
        place(circuit)

    def refuse_rule(self, rule: Rule) -> None:
        """Raise HardwareError if the chip's learning engine lacks the constants of a rule."""
        if rule.remains:
            raise HardwareError(
                "learning.accumulator: the chip's learning engine adds up products, and cannot "
                "keep a remainder in a tag while the weight takes whole steps; choose kind: "
                "loihi1, or remove accumulator or hardware"
            )
        for epoch in () if rule.fine is None else rule.fine.turns:
            constrain(rule.in_epoch(epoch), self.chip, strict=True)
        if rule.eligible is not None:
            raise HardwareError(
                "learning.eligibility: the chip's learning engine adds up products of whole "
                "numbers of 8 bits, and cannot multiply a trace of 32 bits by a reward; remove "
                "eligibility, or hardware"
            )
        constrain(rule, self.chip, strict=True)
