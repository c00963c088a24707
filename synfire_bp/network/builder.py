"""From a circuit to a Brian2 network.

One NeuronGroup holds all cells, with a subgroup per population (``net["h<"]``); one Synapses holds
the fixed projections, with a weight and a delay per synapse, and one the plastic projections.
That builds in seconds, where an object per projection takes minutes.

The same builder serves Brian2's runtime mode, for a small network in a notebook::

    net = build_network(circuit, weights=sb.initial_weights(circuit.sizes, 0),
                        inputs=data.train.inputs, labels=data.train.labels)
    net.run(3)                       # three samples
    net.recorder.i, net.recorder.t   # spikes
    net.weights()                    # one matrix per plastic projection

and C++ standalone (`synfire_bp.program`), where the same objects become a program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Clock, EventMonitor, Function, Network, NeuronGroup, Subgroup, linked_var
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout, fixed_synapses
from synfire_bp.circuit.rule import PAPER_RULE, Rule, parse_rule
from synfire_bp.dense.internals import CodeRunner
from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.loihi.emulation import compartment_functions
from synfire_bp.loihi.spec import LoihiSpec
from synfire_bp.network.census import Counting, count_spikes
from synfire_bp.network.code import ChipStepCode
from synfire_bp.network.equations import (
    EMIT,
    PRESENT,
    clock_equations,
)
from synfire_bp.network.functions import called
from synfire_bp.network.lines import NO_LINES, Lines
from synfire_bp.network.neurons import MEMORYLESS as MEMORYLESS_NEURONS
from synfire_bp.network.neurons import Compartments, Neurons
from synfire_bp.network.numbers import Moment
from synfire_bp.network.objects import (
    STEP,
    CircuitNetwork,
    runtime_code,
    subgroups,
    weight_type,
)
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.network.rule_functions import rule_functions, trace_functions
from synfire_bp.network.samples import PATTERNS, sample_functions

__all__ = ["build_chip_step", "build_network", "runtime_network"]


def build_network(
    circuit: Circuit,
    *,
    weights: Sequence[NDArray[np.integer]],
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer] | None = None,
    rule: Rule | str | None = PAPER_RULE,
    chip: LoihiSpec | None = None,
    lines: Lines = NO_LINES,
    more: Mapping[str, NDArray | float] | None = None,
) -> CircuitNetwork:
    """Build a network for Brian2's runtime mode.

    Parameters
    ----------
    circuit : Circuit
        Training or inference circuit.
    weights : sequence of integer arrays
        One (n_pre, n_post) matrix per weight layer.
    inputs : uint8 array, shape (n, n_in)
        Binary patterns.
    labels : integer array, shape (n,)
        Labels, 0 … n_out-1.
    order : integer array, optional
        Order in which samples are shown; file order if left out.
    rule : Rule or str or None
        Learning rule; None switches learning off.  The inference circuit never learns.
    chip : LoihiSpec, optional
        The chip to emulate; None: the memoryless neurons, which compute the same.
    lines : Lines
        Lines that a variant adds to the Brian2 code.
    more : mapping, optional
        The numbers that those lines need, or that replace others, as "group.variable" to values.

    Returns
    -------
    CircuitNetwork
        Run it with its method `run`; all spikes are recorded.

    Raises
    ------
    CircuitError
        If samples, order or weights do not fit the circuit.
    RuleError
        If the rule cannot be read.
    """
    neurons = MEMORYLESS_NEURONS if chip is None else Compartments(chip)
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    given = dict(more or {})
    plan = NetworkPlan(circuit, rule, neurons, lines, (lambda *_: given,))
    return runtime_network(plan, weights=weights, inputs=inputs, labels=labels, order=order)


def runtime_network(
    plan: NetworkPlan,
    *,
    weights: Sequence[NDArray[np.integer]],
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer] | None = None,
    at: Moment | None = None,
) -> CircuitNetwork:
    """Build the network of a plan for Brian2's runtime mode, with its numbers set.

    Parameters
    ----------
    plan : NetworkPlan
        The plan of the network.
    weights, inputs, labels, order
        As for `build_network`.
    at : Moment, optional
        The moment of a training at which it begins; the start if left out.

    Raises
    ------
    CircuitError
        If samples, order or weights do not fit the circuit.
    """
    code = runtime_code()
    order = np.arange(len(np.asarray(inputs))) if order is None else np.asarray(order)
    functions = sample_functions(plan.circuit, inputs, labels, order, plan.steps_per_sample)
    net = plan.neurons.build(
        plan.circuit, plan.rule, plan.lines, functions,
        codeobj_class=code, by_rows=False,
    )  # fmt: skip
    for name, value in plan.numbers(weights, at or Moment()).items():
        group, variable = name.split(".")
        net.set(group, variable, value)
    net.cells.record_until = net.n_samples = len(order)
    return net


def build_chip_step(
    neurons: Neurons,
    circuit: Circuit,
    rule: Rule | None,
    lines: Lines,
    functions: Mapping[str, Any],
    *,
    codeobj_class: type | None,
    by_rows: bool,
) -> CircuitNetwork:
    """Build a network whose time step is the chip's.

    Parameters
    ----------
    neurons : Neurons
        Memoryless ones, or a chip's compartments.
    circuit, rule, lines, functions, codeobj_class, by_rows
        As for `Neurons.build`.
    """
    build = _Build(circuit, rule, lines, functions, neurons.chip, codeobj_class, by_rows)
    cells = build.cells()
    populations = subgroups(circuit, cells)
    operations = build.operations(cells, populations)
    fixed, plastic = build.fixed(cells), build.plastic(cells)
    operations += build.pass_over(plastic)
    if lines.after:
        operations.append(
            plastic.run_regularly(lines.after, when="end", name="variant_after", **build.common)
        )
    census_objects, census = count_spikes(circuit, cells, build.counting(), build.common, by_rows)
    output, readout = build.readout(populations["o"])
    carries = ["carried"] if circuit.grades else None
    recorder = EventMonitor(
        cells, "recorded", variables=carries, name="recorder", codeobj_class=codeobj_class
    )
    network = Network(
        cells, *operations, fixed, plastic, *census_objects, output, readout, recorder
    )
    return CircuitNetwork(
        circuit, PlasticLayout(circuit), network, cells, fixed, plastic, census, output, readout,
        recorder, populations,
    )  # fmt: skip


@dataclass(frozen=True)
class _Build:
    """Everything that the objects of one network are made with."""

    circuit: Circuit
    rule: Rule | None
    lines: Lines
    samples: Mapping[str, Function]
    chip: LoihiSpec | None
    codeobj_class: type | None
    by_rows: bool

    @cached_property
    def common(self) -> dict[str, Any]:
        """The clock and the class that generates the code."""
        return {"clock": Clock(dt=STEP, name="chip"), "codeobj_class": self.codeobj_class}

    @cached_property
    def called(self) -> dict[str, Any]:
        """The functions that the lines call."""
        return called(self.lines)

    @cached_property
    def code(self) -> ChipStepCode:
        """The code of the objects."""
        return ChipStepCode(self.circuit, self.rule, self.lines, self.chip)

    def cells(self) -> NeuronGroup:
        """Return all cells as one group."""
        arithmetic = {} if self.chip is None else compartment_functions(self.chip)
        drive = {"drive": self.code.unit * self.circuit.fixed_weights["ring"].value}
        return NeuronGroup(
            self.circuit.n_cells,
            self.code.cells,
            threshold="fired",
            reset="",
            events={"recorded": "fired and recording"},
            namespace=dict(self.samples)
            | arithmetic
            | trace_functions(self.rule)
            | self.called
            | drive,
            name="cells",
            **self.common,
        )

    def operations(self, cells: NeuronGroup, populations: Mapping[str, Subgroup]) -> list[Any]:
        """Return the operations at the start of a step: samples, then threshold, then variants."""
        done = [cells.run_regularly(PRESENT, when="start", order=-2, name="present", **self.common)]
        for source in self.circuit.sources:
            done.append(
                populations[source.name].run_regularly(
                    EMIT.format(phase=source.emits, pattern=self.pattern(source.name)),
                    when="start",
                    order=-1,
                    name=f"emit_{source.name}",
                    **self.common,
                )
            )
        step = self.code.step
        done.append(cells.run_regularly(step, when="start", name="step", **self.common))
        if traces := self.code.traces:
            done.append(
                cells.run_regularly(traces, when="start", order=1, name="traces", **self.common)
            )
        if self.lines.step:
            done.append(
                cells.run_regularly(
                    self.lines.step, when="start", order=1, name="variant_step", **self.common
                )
            )
        if self.lines.answered:
            done.append(
                populations["o"].run_regularly(
                    self.lines.answered, when="start", order=1, name="answered", **self.common
                )
            )
        return done

    def pattern(self, source: str) -> str:
        """Return what a source emits for its unit i: the sample's pattern, or a taught target."""
        if source == "target" and self.lines.taught:
            return self.lines.taught
        return f"{PATTERNS[source]}(sample, i)"

    def fixed(self, cells: NeuronGroup) -> DenseSynapses:
        """Return the fixed projections."""
        table = fixed_synapses(self.circuit)
        fixed = DenseSynapses(
            cells,
            cells,
            self.code.fixed,
            on_pre=self.code.fixed_pre,
            rows=self.by_rows,
            namespace=self.called,
            name="fixed",
            **self.common,
        )
        fixed.connect(i=table["pre"], j=table["post"])
        fixed.pre.delay = table["delay"] * STEP
        return fixed

    @property
    def types(self) -> dict[str, type]:
        """Types in memory of what learning synapses hold, where they are not Brian2's."""
        collects = self.rule is not None and self.rule.fine is not None
        return dict.fromkeys(("w", "tag") if collects else ("w",), weight_type())

    def plastic(self, cells: NeuronGroup) -> DenseSynapses:
        """Return the plastic projections: they deliver a spike, then they learn."""
        plastic = DenseSynapses(
            cells,
            cells,
            self.code.plastic,
            on_pre=self.code.plastic_pre,
            on_post=self.code.learning.post or None,
            rows=self.by_rows,
            namespace=self.called | rule_functions(self.rule),
            dtype=self.types,
            name="plastic",
            **self.common,
        )
        layout = PlasticLayout(self.circuit)
        plastic.connect(i=layout.pre, j=layout.post)
        return plastic

    def pass_over(self, plastic: DenseSynapses) -> list[CodeRunner]:
        """Return what happens at all plastic synapses at the end of a phase, if anything does."""
        code = self.code.learning.every
        if not code:
            return []
        return [plastic.run_regularly(code, when="synapses", order=2, name="learn", **self.common)]

    def counting(self) -> Counting:
        """Return when spikes are added to their phase's total: in every step."""
        return Counting(
            clock_equations(self.circuit.n_phases),
            "total += spikes * int(phase == counted_phase and t_in_timesteps > 0)",
        )

    def readout(self, o: Subgroup) -> tuple[NeuronGroup, EventMonitor]:
        """Note summed input and spike of the output neurons in their forward phase.

        Through expressions: Brian2 2.9 records a linked variable itself from the wrong neurons.
        """
        forward = self.circuit.forward_phase("o")
        output = NeuronGroup(
            self.circuit.sizes[-1],
            clock_equations(self.circuit.n_phases)
            + """
            v_output     : integer (linked)
            fired_output : boolean (linked)
            lift         : integer (shared, constant)  # what opens the neuron, and its bias
            unit         : integer (shared, constant)  # what weights count in
            potential = (v_output - lift) // unit : integer
            fired = fired_output : boolean
            """,
            events={"readout": f"phase == {forward} and t_in_timesteps > 0"},
            name="output",
            **self.common,
        )
        output.v_output = linked_var(o, "v" if self.chip is None else "v_compared")
        output.fired_output = linked_var(o, "fired")
        readout = EventMonitor(
            output, "readout", variables=["potential", "fired"], name="readout",
            codeobj_class=self.codeobj_class,
        )  # fmt: skip
        return output, readout
