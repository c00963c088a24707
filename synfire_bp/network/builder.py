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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    EventMonitor,
    Function,
    Network,
    NeuronGroup,
    Subgroup,
    linked_var,
    ms,
)
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.core.variables import LinkedVariable
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.decay import WHOLE, shrunk
from synfire_bp.circuit.layout import UNIT, PlasticLayout, fixed_synapses, is_coarse, numbers
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.rule import (
    COARSE_SYNAPSE,
    LEARNING_SYNAPSE,
    OWN_BOUNDS,
    PAPER_RULE,
    Rule,
    parse_rule,
)
from synfire_bp.dense.synapses import DenseSynapses, RowCodeObject
from synfire_bp.errors import CircuitError
from synfire_bp.loihi.emulation import COMPARTMENT, compartment_functions, compartment_step
from synfire_bp.loihi.spec import LoihiSpec
from synfire_bp.network.chance import CERTAIN, chance, in_portions, in_steps
from synfire_bp.network.equations import (
    EMIT,
    MEMORYLESS,
    MEMORYLESS_STEP,
    PRESENT,
    clock_equations,
    reward_equation,
)
from synfire_bp.network.lines import NO_LINES, Lines

__all__ = [
    "STEP",
    "CircuitNetwork",
    "bounded",
    "build_network",
    "build_program_network",
    "sample_functions",
]

STEP = 1 * ms
"""Model time of one chip step.  Nothing depends on it: every delay is a whole number of steps."""

bounded = Function(
    lambda value, low, high: np.clip(value, low, high),
    arg_units=[1, 1, 1], return_unit=1, return_type="integer",
    arg_types=["integer", "integer", "integer"],
)  # fmt: skip
"""`clip` for whole numbers: Brian2's own compares in floating point."""
bounded.implementations.add_implementation(
    "cpp",
    """
    static inline int32_t bounded(int32_t value, int32_t low, int32_t high)
    {
        return value < low ? low : value > high ? high : value;
    }
    """,
)


decayed = Function(
    shrunk, arg_units=[1, 1], return_unit=1, return_type="integer",
    arg_types=["integer", "integer"],
)  # fmt: skip
"""`synfire_bp.circuit.decay.shrunk`."""
decayed.implementations.add_implementation(
    "cpp",
    f"""
    static inline int32_t shrunk(int32_t weight, int32_t keep)
    {{
        const int32_t steps = (weight < 0 ? -weight : weight) / 2 * keep / {WHOLE};
        return weight < 0 ? -2 * steps : 2 * steps;
    }}
    """,
    name="shrunk",
)

_PATTERNS = {"input": "input_pattern", "target": "target_pattern"}


@dataclass
class CircuitNetwork:
    """The Brian2 objects of a circuit.

    ``net[name]`` is the subgroup of a population, sources and gates ("g0", …) included.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `arriving`, `v`, `fired`, `bias`, `theta`, and the shared `phase`,
        `sample`, `r1`.
    fixed, plastic : DenseSynapses
        The fixed projections (`weight`) and the learning ones (`w`).
    census : NeuronGroup
        Number of spikes (`total`) of each population in each phase.
    output : NeuronGroup
        The output neurons as they are read out.
    readout : EventMonitor
        Summed input and spike of each output neuron in its forward phase, sample by sample.
    recorder : EventMonitor
        Spikes of all cells, for the samples from `cells.record_from` up to `cells.record_until`.
    network : Network
        All of them, to be run.
    populations : dict
        Population name to subgroup of `cells`.
    """

    circuit: Circuit
    layout: PlasticLayout
    network: Network
    cells: NeuronGroup
    fixed: DenseSynapses
    plastic: DenseSynapses
    census: NeuronGroup
    output: NeuronGroup
    readout: EventMonitor
    recorder: EventMonitor
    populations: dict[str, Subgroup]
    samples_run: int = 0

    def __getitem__(self, population: str) -> Subgroup:
        """Return the subgroup of a population."""
        try:
            return self.populations[population]
        except KeyError:
            raise CircuitError(
                f"no population '{population}'; known are {', '.join(self.populations)}"
            ) from None

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        return {g.name: g for g in (self.cells, self.fixed, self.plastic, self.output)}

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the populations."""
        return iter(self.populations)

    def run(self, samples: int, **kwds: Any) -> None:
        """Show the next `samples` samples (runtime mode)."""
        steps = samples * self.circuit.n_phases + (self.samples_run == 0)
        self.network.run(steps * STEP, **kwds)
        self.samples_run += samples

    def weights(self) -> dict[PlasticProjection, NDArray[np.int16]]:
        """Return the present matrix (its pre, its post) of every plastic projection."""
        return self.layout.unpack(self.plastic.w[:])

    def spike_counts(self) -> NDArray[np.int64]:
        """Return spikes so far, shape (populations, phases), rows in the order of iteration."""
        return np.asarray(self.census.total[:]).reshape(-1, self.circuit.n_phases)


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
    more: Mapping[str, NDArray | int] | None = None,
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
        Which sample is shown when; file order if left out.
    rule : Rule or str or None
        Learning rule; None switches learning off.  The inference circuit never learns.
    chip : LoihiSpec, optional
        The chip to emulate; None: the memoryless neurons, which compute the same.
    lines : Lines
        What a variant adds to the Brian2 code.
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
    order = np.arange(len(np.asarray(inputs))) if order is None else np.asarray(order)
    functions = sample_functions(circuit, inputs, labels, order, circuit.n_phases)
    net = _build(circuit, rule, functions, codeobj_class=NumpyCodeObject, chip=chip, lines=lines)
    start = numbers(circuit, net.layout, weights, rule, chip=chip) | dict(more or {})
    for name, value in start.items():
        group, variable = name.split(".")
        setattr(net.objects[group], variable, value)
    net.cells.record_until = len(order)
    return net


def sample_functions(
    circuit: Circuit,
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer],
    steps_per_sample: int,
) -> dict[str, Function]:
    """Return the functions by which Brian2 code asks for samples, in runtime mode.

    Raises
    ------
    CircuitError
        If samples or order do not fit the circuit.
    """
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if inputs.ndim != 2 or inputs.shape[1] != circuit.sizes[0]:
        raise CircuitError(
            f"inputs have shape {inputs.shape}; this circuit needs (n, {circuit.sizes[0]})"
        )
    n_out = circuit.sizes[-1]
    if not np.isin(inputs, (0, 1)).all():
        raise CircuitError("inputs must be 0 or 1")
    if labels.shape != inputs.shape[:1]:
        raise CircuitError(f"labels have shape {labels.shape}; expected {inputs.shape[:1]}")
    for name, values, end in (("label", labels, n_out), ("order entry", order, len(inputs))):
        outside = values[(values < 0) | (values >= end)]
        if outside.size:
            raise CircuitError(f"{name} {outside[0]} is outside 0 … {end - 1}")
    patterns = {"input": inputs, "target": np.eye(n_out, dtype=int)[labels]}

    def pattern(source: str) -> Function:
        def emitted(sample: int, unit: NDArray) -> NDArray:
            shown = 0 <= sample < len(order)
            return patterns[source][order[sample], unit].astype(int) if shown else 0 * unit

        return Function(emitted, arg_units=[1, 1], return_unit=1, return_type="integer")

    def present(step: int) -> NDArray:
        return (np.asarray(step) - 1) // steps_per_sample

    functions = {name: pattern(source) for source, name in _PATTERNS.items()}
    functions["present_sample"] = Function(
        present, arg_units=[1], return_unit=1, return_type="integer"
    )
    return functions


def build_program_network(
    circuit: Circuit,
    rule: Rule | str | None,
    functions: dict[str, Function],
    *,
    codeobj_class: type[RowCodeObject] | None = None,
    chip: LoihiSpec | None = None,
    lines: Lines = NO_LINES,
) -> CircuitNetwork:
    """Build a network whose numbers are set when its program is run (C++ standalone).

    Without a `codeobj_class` all code generation is left to Brian2, to compare with.
    """
    by_rows = codeobj_class is not None
    return _build(circuit, rule, functions, codeobj_class, chip=chip, lines=lines, by_rows=by_rows)


def _build(
    circuit: Circuit,
    rule: Rule | str | None,
    functions: dict[str, Function],
    codeobj_class: type | None,
    *,
    chip: LoihiSpec | None,
    lines: Lines,
    by_rows: bool = False,
) -> CircuitNetwork:
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    neuron = MEMORYLESS if chip is None else COMPARTMENT
    step = MEMORYLESS_STEP if chip is None else compartment_step()
    arithmetic = {} if chip is None else compartment_functions(chip)
    random = {"chance": chance, "certain": CERTAIN, "in_portions": in_portions}
    unit = 1 if chip is None else UNIT
    clock = Clock(dt=STEP, name="chip")
    common = {"clock": clock, "codeobj_class": codeobj_class}
    layout = PlasticLayout(circuit)

    cells = NeuronGroup(
        circuit.n_cells,
        neuron
        + clock_equations(circuit.n_phases)
        + reward_equation(circuit.reward_phases, lines)
        + """
        sample       : integer (shared)
        record_from  : integer (shared, constant)
        record_until : integer (shared, constant)
        recording = sample >= record_from and sample < record_until : boolean (shared)
        """
        + lines.cells,
        threshold="fired",
        reset="",
        events={"recorded": "fired and recording"},
        namespace=functions
        | arithmetic
        | random
        | {"drive": unit * circuit.fixed_weights["ring"].value},
        name="cells",
        **common,
    )
    operations = [cells.run_regularly(PRESENT, clock=clock, when="start", order=-2,
                                      name="present", codeobj_class=codeobj_class)]  # fmt: skip
    populations = {name: cells[at.start : at.stop] for name, at in circuit.slices.items()}
    for source in circuit.sources:
        operations.append(
            populations[source.name].run_regularly(
                EMIT.format(phase=source.emits, pattern=_PATTERNS[source.name]),
                clock=clock,
                when="start",
                order=-1,
                name=f"emit_{source.name}",
                codeobj_class=codeobj_class,
            )
        )
    operations.append(
        cells.run_regularly(
            step, clock=clock, when="start", name="step", codeobj_class=codeobj_class
        )
    )
    if lines.step:
        operations.append(
            cells.run_regularly(
                lines.step, clock=clock, when="start", order=1, name="variant_step",
                codeobj_class=codeobj_class,
            )
        )  # fmt: skip

    table = fixed_synapses(circuit)
    fixed = DenseSynapses(
        cells,
        cells,
        "weight : integer (constant)\n" + lines.fixed,
        on_pre=f"arriving_post += {' * '.join(['weight', *lines.fixed_sent])}",
        rows=by_rows,
        namespace=random,
        name="fixed",
        **common,
    )
    fixed.connect(i=table["pre"], j=table["post"])
    fixed.pre.delay = table["delay"] * STEP

    sent = ["w", *lines.sent] if unit == 1 else [str(unit), "w", *lines.sent]
    synapse, on_pre = "w : integer\n" + lines.plastic, f"arriving_post += {' * '.join(sent)}"
    if rule and circuit.reward_phases:
        coarse = chip is not None and is_coarse(chip)
        synapse += OWN_BOUNDS if lines.own_bounds else LEARNING_SYNAPSE
        synapse += (COARSE_SYNAPSE if coarse else "") + rule.equations()
        on_pre += "\n" + rule.on_pre(coarse=coarse, lines=lines)
    plastic = DenseSynapses(
        cells,
        cells,
        synapse,
        on_pre=on_pre,
        rows=by_rows,
        namespace=random | {"bounded": bounded, "in_steps": in_steps, "shrunk": decayed},
        dtype={"w": np.int16},
        name="plastic",
        **common,
    )
    plastic.connect(i=layout.pre, j=layout.post)
    if lines.after:
        operations.append(
            plastic.run_regularly(
                lines.after, clock=clock, when="end", name="variant_after",
                codeobj_class=codeobj_class,
            )
        )  # fmt: skip

    census_objects, census = _census(circuit, cells, common, by_rows)
    compared = "v" if chip is None else "v_compared"
    output, readout = _readout(
        circuit, linked_var(populations["o"], compared), populations["o"], common
    )
    recorder = EventMonitor(cells, "recorded", name="recorder", codeobj_class=codeobj_class)
    network = Network(
        cells, *operations, fixed, plastic, *census_objects, output, readout, recorder
    )
    return CircuitNetwork(
        circuit, layout, network, cells, fixed, plastic, census, output, readout, recorder,
        populations,
    )  # fmt: skip


def _census(
    circuit: Circuit, cells: NeuronGroup, common: dict, by_rows: bool
) -> tuple[list, NeuronGroup]:
    """Count spikes per population and phase: a spike adds to its population's present count."""
    n_populations, n_phases = len(circuit.slices), circuit.n_phases
    present = NeuronGroup(n_populations, "spikes : integer", name="present_spikes", **common)
    membership = np.repeat(np.arange(n_populations), list(circuit.population_sizes.values()))
    count = DenseSynapses(
        cells, present, on_pre="spikes_post += 1", rows=by_rows, name="count", **common
    )
    count.connect(i=np.arange(circuit.n_cells), j=membership)
    census = NeuronGroup(
        n_populations * n_phases,
        clock_equations(n_phases)
        + """
        spikes : integer (linked)
        counted_phase : integer (constant)
        total : integer
        """,
        dtype={"total": np.int64},
        name="census",
        **common,
    )
    census.spikes = linked_var(
        present, "spikes", index=np.repeat(np.arange(n_populations), n_phases)
    )
    census.counted_phase = np.tile(np.arange(n_phases), n_populations)
    schedule = {"clock": common["clock"], "codeobj_class": common["codeobj_class"], "when": "end"}
    add = census.run_regularly(
        "total += spikes * int(phase == counted_phase and t_in_timesteps > 0)",
        name="add_spikes",
        **schedule,
    )
    clear = present.run_regularly("spikes = 0", order=1, name="clear_spikes", **schedule)
    return [present, count, census, add, clear], census


def _readout(
    circuit: Circuit, voltage: LinkedVariable, o: Subgroup, common: dict
) -> tuple[NeuronGroup, EventMonitor]:
    """Note summed input and spike of the output neurons in the phase in which they read out.

    Through expressions: Brian2 2.9 records a linked variable itself from the wrong neurons.
    """
    forward = circuit.forward_phase("o")
    output = NeuronGroup(
        circuit.sizes[-1],
        clock_equations(circuit.n_phases)
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
        **common,
    )
    output.v_output = voltage
    output.fired_output = linked_var(o, "fired")
    readout = EventMonitor(
        output, "readout", variables=["potential", "fired"], name="readout",
        codeobj_class=common["codeobj_class"],
    )  # fmt: skip
    return output, readout
