"""From a circuit to a Brian2 network of neurons in physical units.

The rows are those of every circuit (`synfire_bp.circuit`).  One NeuronGroup holds all cells.  The
spikes of a row act in one of two ways: a *pulse* (weights open, half, cancel and ring) raises the
potential at the spike initiation zone for a window; everything else (relay, inhibition, block and
the learning weights) is a synapse on the membrane.

Runtime mode, in a notebook::

    neuron = Neuron(synapse="exponential")
    net = build_physical_network(circuit, neuron, weights=…, inputs=…, labels=…)
    net.run(3)

Learning.  A synapse learns once from each presynaptic spike, `window` after it, from the spikes of
that phase: the flag `fired` of a cell is set if it has fired in the present phase.  A spike is
delivered with the weight that the synapse had when the spike was fired (`sent`): as on the chip,
the learning of a phase affects later spikes only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from brian2 import Clock, EventMonitor, Function, Network, NeuronGroup, Subgroup, linked_var, ms
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.rule import PAPER_RULE, Rule, parse_rule
from synfire_bp.dense.internals import CodeRunner
from synfire_bp.dense.synapses import DenseSynapses
from synfire_bp.network.builder import runtime_network
from synfire_bp.network.census import Counting, count_spikes
from synfire_bp.network.chance import normal
from synfire_bp.network.functions import bounded
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment
from synfire_bp.network.objects import CircuitNetwork, subgroups, weight_type
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.network.rule_functions import rule_functions, trace_functions
from synfire_bp.network.samples import PATTERNS
from synfire_bp.physical.code import PhysicalCode
from synfire_bp.physical.equations import NeuronCode, delivery
from synfire_bp.physical.membrane import Membrane
from synfire_bp.physical.neurons import PhysicalNeurons
from synfire_bp.physical.numbers import fixed_and_pulses
from synfire_bp.physical.objects import PhysicalNetwork

__all__ = ["PhysicalNetwork", "build_physical", "build_physical_network"]

SCHEDULE = ["start", "groups", "synapses", "thresholds", "resets", "end"]
"""Inputs of a time step are compared with the threshold in that step."""


def build_physical_network(
    circuit: Circuit,
    neuron: Membrane,
    *,
    weights: Sequence[NDArray[np.integer]],
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer] | None = None,
    rule: Rule | str | None = PAPER_RULE,
    seed: int = 0,
) -> CircuitNetwork:
    """Build a network for Brian2's runtime mode.

    Parameters
    ----------
    circuit : Circuit
        Training or inference circuit.
    neuron : Membrane
        The neurons, such as `synfire_bp.variants.Neuron`.
    weights, inputs, labels, order, rule
        As for `synfire_bp.network.build_network`.
    seed : int
        Seed of delays and noise.

    Returns
    -------
    PhysicalNetwork
        Run it with its method `run`; all spikes are recorded.

    Raises
    ------
    CircuitError
        If samples, order or weights do not fit the circuit.
    RuleError
        If the rule cannot be read.
    """
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    plan = NetworkPlan(circuit, rule, PhysicalNeurons.of(neuron))
    return runtime_network(
        plan, weights=weights, inputs=inputs, labels=labels, order=order,
        at=Moment(seed=seed, training_seed=seed),
    )  # fmt: skip


def build_physical(
    neurons: PhysicalNeurons,
    circuit: Circuit,
    rule: Rule | None,
    lines: Lines,
    functions: Mapping[str, Function],
    *,
    codeobj_class: type | None,
    by_rows: bool,
) -> PhysicalNetwork:
    """Build a network of neurons in physical units; its numbers are set afterwards.

    Parameters
    ----------
    neurons : PhysicalNeurons
        The code of neurons and synapses.
    circuit, rule, lines, functions, codeobj_class, by_rows
        As for `synfire_bp.network.neurons.Neurons.build`.

    Raises
    ------
    ExperimentError
        If there are lines of variants, which these neurons cannot use.
    """
    neurons.refuse(circuit, lines)
    code = neurons.neuron_code
    build = _Build(circuit, code, rule, functions, codeobj_class, by_rows)
    cells = build.cells()
    populations = subgroups(circuit, cells)
    operations = build.operations(cells, populations)
    fixed, pulses = build.fixed(cells), build.pulses(cells)
    plastic = build.plastic(cells)
    operations += build.learning(plastic)
    census_objects, census = count_spikes(circuit, cells, build.counting(), build.common, by_rows)
    output_objects, output, readout = build.readout(populations["o"])
    recorder = EventMonitor(cells, "recorded", name="recorder", codeobj_class=codeobj_class)
    network = Network(
        cells, *operations, fixed, pulses, plastic, *census_objects, *output_objects, readout,
        recorder,
    )  # fmt: skip
    network.schedule = SCHEDULE
    return PhysicalNetwork(
        circuit, PlasticLayout(circuit), network, cells, fixed, plastic, census, output, readout,
        recorder, populations, pulses=pulses, code=code,
    )  # fmt: skip


@dataclass(frozen=True)
class _Build:
    """Everything that the objects of one network are made with."""

    circuit: Circuit
    code: NeuronCode
    rule: Rule | None
    samples: Mapping[str, Function]
    codeobj_class: type | None
    by_rows: bool

    @cached_property
    def common(self) -> dict[str, Any]:
        """The clock and the class that generates the code."""
        clock = Clock(dt=self.code.dt * ms, name="clock_of_phases")
        return {"clock": clock, "codeobj_class": self.codeobj_class}

    @property
    def step(self) -> Any:
        """Length of a time step."""
        return self.code.dt * ms

    @cached_property
    def text(self) -> PhysicalCode:
        """The code of the objects."""
        return PhysicalCode(self.circuit, self.code, self.rule)

    def cells(self) -> NeuronGroup:
        """Return all cells as one group."""
        code, drive = self.code, self.circuit.fixed_weights["ring"].value
        cells = NeuronGroup(
            self.circuit.n_cells,
            self.text.cells,
            threshold=code.threshold,
            reset=self.text.reset,
            refractory="refractory_time",
            method=code.method,
            events={"recorded": f"({code.threshold}) and not_refractory and recording"},
            namespace=dict(self.samples)
            | trace_functions(self.rule)
            | {"normal": normal, "drive": drive},
            name="cells",
            **self.common,
        )
        # before it is refractory
        cells.set_event_schedule("recorded", when="thresholds", order=-1)
        return cells

    def operations(self, cells: NeuronGroup, populations: Mapping[str, Subgroup]) -> list[Any]:
        """Return the operations at the start of a step, and the noise of the membranes."""
        code, n = self.code, self.code.phase
        done = [
            cells.run_regularly(
                f"sample = present_sample(t_in_timesteps - {n - 1})",
                when="start", order=-3, name="present", **self.common,
            ),
            cells.run_regularly(
                "fired = fired and step_in_phase > 0", when="start", order=-2, name="new_phase",
                **self.common,
            ),
        ]  # fmt: skip
        if faded := self.text.traces:
            done.append(
                cells.run_regularly(faded, when="start", order=-2, name="traces", **self.common)
            )
        ends = code.gate + code.window
        open_now = f"step_in_phase >= {code.gate} and step_in_phase < {ends}"
        done += [
            populations[source.name].run_regularly(
                f"gate = drive*quantum*int(phase == {source.emits} and {open_now})"
                f"*{PATTERNS[source.name]}(sample, i)",
                when="start", order=-1, name=f"emit_{source.name}", **self.common,
            )
            for source in self.circuit.sources
        ]  # fmt: skip
        done.append(
            populations["g0"].run_regularly(
                f"gate += drive*quantum*(int(t_in_timesteps == {code.gate})"
                f" - int(t_in_timesteps == {ends}))",
                when="start", order=-1, name="kick", **self.common,
            )
        )  # fmt: skip
        if noise := self.text.membrane_noise:
            done.append(
                cells.run_regularly(
                    noise, when="groups", order=1, name="membrane_noise", **self.common
                )
            )
        return done

    def fixed(self, cells: NeuronGroup) -> DenseSynapses:
        """Return the fixed projections on the membrane."""
        table, _ = fixed_and_pulses(self.circuit)
        fixed = DenseSynapses(
            cells,
            cells,
            self.text.fixed,
            on_pre={"deliver": delivery(self.code, "weight")},
            rows=self.by_rows,
            namespace={"normal": normal, "bounded": bounded},
            name="fixed",
            **self.common,
        )
        fixed.connect(i=table["pre"], j=table["post"])
        fixed.deliver.delay = np.full(table["pre"].size, self.code.phase) * self.step
        return fixed

    def pulses(self, cells: NeuronGroup) -> DenseSynapses:
        """Return the gates' pulses."""
        _, table = fixed_and_pulses(self.circuit)
        pulses = DenseSynapses(
            cells,
            cells,
            "height : volt (constant)",
            on_pre={"begin": "gate_post += height", "end": "gate_post -= height"},
            rows=self.by_rows,
            name="pulses",
            **self.common,
        )
        pulses.connect(i=table["pre"], j=table["post"])
        # a spike is processed in the step after it was fired
        begin = (table["delay"] + 1) * self.code.phase - 1
        pulses.begin.delay = begin * self.step
        pulses.end.delay = (begin + self.code.window) * self.step
        return pulses

    def plastic(self, cells: NeuronGroup) -> DenseSynapses:
        """Return the plastic projections."""
        layout, code = PlasticLayout(self.circuit), self.code
        on_pre = self.text.plastic_pre
        plastic = DenseSynapses(
            cells, cells, self.text.plastic, on_pre=on_pre, rows=self.by_rows,
            namespace={"normal": normal} | rule_functions(self.rule),
            dtype={"w": weight_type(), "sent": weight_type()}, name="plastic", **self.common,
        )  # fmt: skip
        plastic.connect(i=layout.pre, j=layout.post)
        if "learn" in on_pre:
            plastic.learn.delay = np.full(layout.pre.size, code.window) * self.step
        plastic.deliver.delay = np.full(layout.pre.size, code.phase) * self.step
        return plastic

    def learning(self, plastic: DenseSynapses) -> list[CodeRunner]:
        """Return the operation of all plastic synapses at the end of a phase, if there is one."""
        code = self.text.learning.every
        if not code:
            return []
        return [plastic.run_regularly(code, when="end", name="learn", **self.common)]

    def counting(self) -> Counting:
        """Return the operation that adds spikes to their phase's total, in its last step."""
        n = self.code.phase
        return Counting(
            self.text.time
            + f"adding = int(step_in_phase == {n - 1} and t_in_timesteps >= {n})"
            + " : integer (shared)\n",
            "total += adding*spikes*int(phase == counted_phase)",
            f"spikes = spikes*int(t_in_timesteps % {n} != {n - 1})",
        )

    def readout(self, o: Subgroup) -> tuple[list[Any], NeuronGroup, EventMonitor]:
        """Record sum and spike of the output neurons in the phase in which they are read out.

        The sum is the membrane potential when the pulse comes, in weight units.
        """
        code, forward = self.code, self.circuit.forward_phase("o")
        output = NeuronGroup(
            self.circuit.sizes[-1],
            self.text.time
            + """
            v_output      : volt (linked)
            closed_output : volt (linked)
            fired_output  : boolean (linked)
            unit          : volt (shared, constant)
            potential     : integer
            fired = fired_output : boolean
            """,
            events={
                "readout": f"phase == {forward} and step_in_phase == {code.phase - 1} "
                f"and t_in_timesteps >= {code.phase}"
            },
            name="output",
            **self.common,
        )
        output.v_output = linked_var(o, "v")
        output.closed_output = linked_var(o, "closed")
        output.fired_output = linked_var(o, "fired")
        weigh = output.run_regularly(
            f"potential = int(step_in_phase == {code.gate})"
            "*int(floor((v_output - closed_output)/unit + 0.5))"
            f" + int(step_in_phase != {code.gate})*potential",
            when="thresholds", order=-1, name="weigh", **self.common,
        )  # fmt: skip
        readout = EventMonitor(
            output, "readout", variables=["potential", "fired"], name="readout",
            codeobj_class=self.codeobj_class,
        )  # fmt: skip
        return [output, weigh], output, readout
