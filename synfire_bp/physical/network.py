"""From a circuit to a Brian2 network of neurons in physical units.

The rows are those of every circuit (`synfire_bp.circuit`).  One NeuronGroup holds all cells.
What a row sends acts in one of two ways: a *pulse* (weights open, half, cancel and ring) lifts the
place where spikes start for a window; everything else (relay, inhibition, block and the learning
weights) is a synapse on the membrane.

Runtime mode, in a notebook::

    neuron = NeuronSection(synapse="exponential")
    net = build_physical_network(circuit, neuron, weights=…, inputs=…, labels=…)
    net.run(3)

Learning.  A synapse learns once from each presynaptic spike, `window` after it, from what
happened in that phase: the flag `fired` says that a cell has fired in the present phase.  A spike
is delivered with the weight that the synapse had when it was fired (`sent`): as on the chip, what
is learnt in a phase is felt by later spikes only.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Clock,
    EventMonitor,
    Function,
    Network,
    NeuronGroup,
    linked_var,
    ms,
)
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout, weight_bounds
from synfire_bp.circuit.numbers import FULL
from synfire_bp.circuit.rule import LEARNING_SYNAPSE, PAPER_RULE, Rule, parse_rule
from synfire_bp.dense.synapses import DenseSynapses, RowCodeObject
from synfire_bp.network.builder import CircuitNetwork, bounded, sample_functions
from synfire_bp.network.chance import normal
from synfire_bp.network.equations import reward_equation
from synfire_bp.physical.equations import LIF, NOISE, UNITS, NeuronCode, delivery
from synfire_bp.physical.mapping import CUT, SYNAPTIC_TIME
from synfire_bp.variants.neuron import NeuronSection

__all__ = [
    "PhysicalNetwork",
    "build_physical_network",
    "build_physical_program",
    "neuron_code",
    "physical_numbers",
]

SCHEDULE = ["start", "groups", "synapses", "thresholds", "resets", "end"]
"""What arrives in a time step is held against the threshold in that step."""
PULSES = ("open", "half", "cancel", "ring")
_PATTERNS = {"input": "input_pattern", "target": "target_pattern"}
_DELAYS = 5
"""Key of the random stream of the delays; initial weights and orders use others."""


@dataclass
class PhysicalNetwork(CircuitNetwork):
    """The Brian2 objects of a circuit in physical units; `net["h"]` is a population.

    Attributes
    ----------
    cells : NeuronGroup
        All cells; variables `v`, `gate`, `I_syn`, `fired` (in this phase) and so on.
    fixed, plastic, pulses : DenseSynapses
        Synapses on the membrane (`weight`, `w`), and the gates' pulses.
    """

    pulses: DenseSynapses | None = None
    code: NeuronCode | None = None

    @property
    def objects(self) -> dict[str, Any]:
        """The objects that have numbers to be set, by name."""
        groups = [self.cells, self.fixed, self.plastic, self.pulses, self.output]
        return {group.name: group for group in groups if group is not None}

    def run(self, samples: int, **kwds: Any) -> None:
        """Show the next `samples` samples (runtime mode)."""
        assert self.code is not None
        phases = samples * self.circuit.n_phases + (self.samples_run == 0)
        self.network.run(phases * self.code.phase * self.code.dt * ms, **kwds)
        self.samples_run += samples


def neuron_code(neuron: NeuronSection) -> NeuronCode:
    """Return what the generated code of a section depends on."""
    own = {"equations": neuron.equations, "threshold": neuron.threshold, "reset": neuron.reset}
    words = LIF if neuron.kind == "lif" else {key: str(text) for key, text in own.items()}
    timing = neuron.timing
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


def build_physical_network(
    circuit: Circuit,
    neuron: NeuronSection,
    *,
    weights: Sequence[NDArray[np.integer]],
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer] | None = None,
    rule: Rule | str | None = PAPER_RULE,
    seed: int = 0,
) -> PhysicalNetwork:
    """Build a network for Brian2's runtime mode.

    Parameters
    ----------
    circuit : Circuit
        Training or inference circuit.
    neuron : NeuronSection
        The neurons.
    weights, inputs, labels, order, rule
        As for `synfire_bp.network.build_network`.
    seed : int
        Of delays and noise.

    Raises
    ------
    CircuitError
        If samples, order or weights do not fit the circuit.
    RuleError
        If the rule cannot be read.
    """
    order = np.arange(len(np.asarray(inputs))) if order is None else np.asarray(order)
    code = neuron_code(neuron)
    functions = sample_functions(circuit, inputs, labels, order, circuit.n_phases * code.phase)
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    net = _build(circuit, code, rule, functions, NumpyCodeObject)
    start = physical_numbers(circuit, net.layout, neuron, weights, rule, seed=seed, moment=seed)
    for name, value in start.items():
        group, variable = name.split(".")
        thing = net.objects[group].deliver if variable == "delay" else net.objects[group]
        thing.variables[variable].set_value(value)
    net.cells.record_until = len(order)
    return net


def build_physical_program(
    circuit: Circuit,
    code: NeuronCode,
    rule: Rule | str | None,
    functions: dict[str, Function],
    codeobj_class: type[RowCodeObject] | None,
) -> PhysicalNetwork:
    """Build a network whose numbers are set when its program is run (C++ standalone)."""
    rule = parse_rule(rule) if isinstance(rule, str) else rule
    return _build(circuit, code, rule, functions, codeobj_class, by_rows=codeobj_class is not None)


def _build(
    circuit: Circuit,
    code: NeuronCode,
    rule: Rule | None,
    functions: dict[str, Function],
    codeobj_class: type | None,
    *,
    by_rows: bool = False,
) -> PhysicalNetwork:
    n_phases, n = circuit.n_phases, code.phase
    clock = Clock(dt=code.dt * ms, name="clock_of_phases")
    common = {"clock": clock, "codeobj_class": codeobj_class}
    layout = PlasticLayout(circuit)
    time = f"""
    step_in_phase = t_in_timesteps % {n} : integer (shared)
    phase = (t_in_timesteps // {n} + {n_phases - 1}) % {n_phases} : integer (shared)
    """
    cells = NeuronGroup(
        circuit.n_cells,
        code.cells
        + time
        + reward_equation(circuit.reward_phases)
        + """
        fired        : boolean                      # in this phase
        refractory_time : second (shared, constant)
        noise        : volt (constant)              # standard deviation in a time step
        quantum      : volt (shared, constant)      # a weight unit
        moment       : integer (shared, constant)   # seed of noise
        sample       : integer (shared)
        record_from  : integer (shared, constant)
        record_until : integer (shared, constant)
        recording = sample >= record_from and sample < record_until : boolean (shared)
        """,
        threshold=code.threshold,
        reset=f"{code.reset.strip()}\nfired = True",
        refractory="refractory_time",
        method=code.method,
        events={"recorded": f"({code.threshold}) and not_refractory and recording"},
        namespace=functions | {"normal": normal, "drive": circuit.fixed_weights["ring"].value},
        name="cells",
        **common,
    )
    cells.set_event_schedule("recorded", when="thresholds", order=-1)  # before it is refractory
    populations = {name: cells[at.start : at.stop] for name, at in circuit.slices.items()}
    operations = [
        cells.run_regularly(
            f"sample = present_sample(t_in_timesteps - {n - 1})",
            when="start", order=-3, name="present", **common,
        ),
        cells.run_regularly(
            "fired = fired and step_in_phase > 0", when="start", order=-2, name="new_phase",
            **common,
        ),
    ]  # fmt: skip
    open_now = f"step_in_phase >= {code.gate} and step_in_phase < {code.gate + code.window}"
    for source in circuit.sources:
        operations.append(
            populations[source.name].run_regularly(
                f"gate = drive*quantum*int(phase == {source.emits} and {open_now})"
                f"*{_PATTERNS[source.name]}(sample, i)",
                when="start", order=-1, name=f"emit_{source.name}", **common,
            )
        )  # fmt: skip
    ends = code.gate + code.window
    operations.append(
        populations["g0"].run_regularly(
            f"gate += drive*quantum*(int(t_in_timesteps == {code.gate})"
            f" - int(t_in_timesteps == {ends}))",
            when="start", order=-1, name="kick", **common,
        )
    )  # fmt: skip
    if code.noisy_membrane:
        operations.append(
            cells.run_regularly(
                "v += noise*int(not_refractory)*normal(i, moment + t_in_timesteps)",
                when="groups", order=1, name="membrane_noise", **common,
            )
        )  # fmt: skip

    noisy = NOISE * code.noisy_synapses
    namespace = {"normal": normal, "bounded": bounded}
    on_membrane, pulsing = _fixed(circuit)
    fixed = DenseSynapses(
        cells, cells, "weight : integer (constant)\n" + UNITS[code.synapse] + noisy,
        on_pre={"deliver": delivery(code, "weight")}, rows=by_rows, namespace=namespace,
        name="fixed", **common,
    )  # fmt: skip
    fixed.connect(i=on_membrane["pre"], j=on_membrane["post"])
    pulses = DenseSynapses(
        cells, cells, "height : volt (constant)",
        on_pre={"begin": "gate_post += height", "end": "gate_post -= height"}, rows=by_rows,
        name="pulses", **common,
    )  # fmt: skip
    pulses.connect(i=pulsing["pre"], j=pulsing["post"])
    step = code.dt * ms
    # a spike is taken up in the step after it was fired
    pulses.begin.delay = ((pulsing["delay"] + 1) * n - 1) * step
    pulses.end.delay = ((pulsing["delay"] + 1) * n - 1 + code.window) * step

    synapse = "w : integer\nsent : integer\n" + UNITS[code.synapse] + noisy
    # "plastic.delay", a number of the run, is that of the pathway that is made first
    on_pre = {"deliver": delivery(code, "sent"), "fill": "sent = w"}
    if rule and circuit.reward_phases:
        synapse += LEARNING_SYNAPSE + rule.equations()
        on_pre["learn"] = rule.on_pre()
    plastic = DenseSynapses(
        cells, cells, synapse, on_pre=on_pre, rows=by_rows, namespace=namespace,
        dtype={"w": np.int16, "sent": np.int16}, name="plastic", **common,
    )  # fmt: skip
    plastic.connect(i=layout.pre, j=layout.post)
    if "learn" in on_pre:
        plastic.learn.delay = np.full(layout.pre.size, code.window) * step
    for synapses, size in ((fixed, on_membrane["pre"].size), (plastic, layout.pre.size)):
        synapses.deliver.delay = np.full(size, n) * step

    census_objects, census = _census(circuit, cells, time, n, common, by_rows)
    output_objects, output, readout = _readout(circuit, populations["o"], time, code, common)
    recorder = EventMonitor(cells, "recorded", name="recorder", codeobj_class=codeobj_class)
    network = Network(
        cells, *operations, fixed, pulses, plastic, *census_objects, *output_objects, readout,
        recorder,
    )  # fmt: skip
    network.schedule = SCHEDULE
    return PhysicalNetwork(
        circuit, layout, network, cells, fixed, plastic, census, output, readout, recorder,
        populations, pulses=pulses, code=code,
    )  # fmt: skip


def _census(
    circuit: Circuit, cells: NeuronGroup, time: str, n: int, common: dict, by_rows: bool
) -> tuple[list, NeuronGroup]:
    """Count spikes per population and phase."""
    n_populations, n_phases = len(circuit.slices), circuit.n_phases
    present = NeuronGroup(n_populations, "spikes : integer", name="present_spikes", **common)
    membership = np.repeat(np.arange(n_populations), list(circuit.population_sizes.values()))
    count = DenseSynapses(
        cells, present, on_pre="spikes_post += 1", rows=by_rows, name="count", **common
    )
    count.connect(i=np.arange(circuit.n_cells), j=membership)
    census = NeuronGroup(
        n_populations * n_phases,
        time
        + f"""
        adding = int(step_in_phase == {n - 1} and t_in_timesteps >= {n}) : integer (shared)
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
    add = census.run_regularly(
        "total += adding*spikes*int(phase == counted_phase)", when="end", name="add_spikes",
        **common,
    )  # fmt: skip
    clear = present.run_regularly(
        f"spikes = spikes*int(t_in_timesteps % {n} != {n - 1})", when="end", order=1,
        name="clear_spikes", **common,
    )  # fmt: skip
    return [present, count, census, add, clear], census


def _readout(
    circuit: Circuit, o: Any, time: str, code: NeuronCode, common: dict
) -> tuple[list, NeuronGroup, EventMonitor]:
    """Note sum and spike of the output neurons in the phase in which they read out.

    The sum is the membrane potential when the pulse comes, in weight units.
    """
    forward = circuit.forward_phase("o")
    output = NeuronGroup(
        circuit.sizes[-1],
        time
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
        **common,
    )
    output.v_output = linked_var(o, "v")
    output.closed_output = linked_var(o, "closed")
    output.fired_output = linked_var(o, "fired")
    weigh = output.run_regularly(
        f"potential = int(step_in_phase == {code.gate})*int(floor((v_output - closed_output)/unit"
        f" + 0.5)) + int(step_in_phase != {code.gate})*potential",
        when="thresholds", order=-1, name="weigh", **common,
    )  # fmt: skip
    readout = EventMonitor(
        output, "readout", variables=["potential", "fired"], name="readout",
        codeobj_class=common["codeobj_class"],
    )  # fmt: skip
    return [output, weigh], output, readout


# ----------------------------------------------------------------------------------------------
# Numbers
# ----------------------------------------------------------------------------------------------


def _fixed(circuit: Circuit) -> tuple[dict[str, NDArray], dict[str, NDArray]]:
    """Return the fixed synapses on the membrane, and the pulses, each sorted by pre.

    Columns `pre`, `post`, `row` (of `circuit.projections`) and `delay` (extra phases).
    """
    cells = np.arange(circuit.n_cells)
    parts: dict[bool, list[NDArray]] = {False: [], True: []}
    for row, projection in enumerate(circuit.projections):
        post = cells[circuit.slices[projection.post]]
        pre = np.broadcast_to(cells[circuit.slices[projection.pre]], post.shape)
        about = [np.full(post.shape, value) for value in (row, projection.extra_delay)]
        parts[projection.weight.name in PULSES].append(np.stack([pre, post, *about]))
    tables = []
    for pulse in (False, True):
        table = np.concatenate(parts[pulse], axis=1).astype(np.int32)
        table = table[:, np.lexsort((table[1], table[0]))]
        tables.append(dict(zip(("pre", "post", "row", "delay"), table, strict=True)))
    return tables[0], tables[1]


def physical_numbers(
    circuit: Circuit,
    layout: PlasticLayout,
    neuron: NeuronSection,
    weights: Sequence[NDArray[np.integer]],
    rule: Rule | None = None,
    *,
    copies: Copies | None = None,
    seed: int = 0,
    moment: int = 0,
) -> dict[str, NDArray | float]:
    """Return every number of a network, in SI units, as "group.variable" to values.

    Parameters
    ----------
    circuit, layout
        The circuit, and where its plastic synapses lie.
    neuron : NeuronSection
        The neurons.
    weights : sequence of integer arrays
        One matrix (n_pre, n_post) per weight layer.
    rule : Rule, optional
        The learning rule.
    copies : mapping, optional
        The matrix of each plastic projection, where copies of a layer's matrix differ.
    seed : int
        Of the delays.
    moment : int
        Of the noise; counts on by one per time step.
    """
    of, timing = neuron.mapping, neuron.timing
    bias, noise = np.zeros(circuit.n_cells), np.zeros(circuit.n_cells)
    keeps = np.exp(-2 * neuron.dt / neuron.membrane_time)
    named = {row.name for row in circuit.populations}
    for name, place in circuit.slices.items():
        bias[place] = of.volt * circuit.bias(name)
        if name in named:
            noise[place] = 1e-3 * neuron.membrane_noise * np.sqrt(1 - keeps)
    resistance, rest = neuron.resistance * 1e6, neuron.resting * 1e-3
    on_membrane, pulsing = _fixed(circuit)
    values: dict[str, NDArray | float] = {
        "cells.E_L": rest,
        "cells.theta": rest + (FULL + 1) * of.volt,
        "cells.R": resistance,
        "cells.tau_m": neuron.membrane_time * 1e-3,
        "cells.I_tonic": bias / resistance,
        "cells.closed": rest + bias,
        "cells.v": rest + bias,
        "cells.refractory_time": neuron.refractory * 1e-3,
        "cells.noise": noise,
        "cells.quantum": of.volt,
        "cells.moment": moment,
        "output.unit": of.volt,
        "fixed.weight": _values(circuit, neuron)[on_membrane["row"]],
        "pulses.height": of.volt * _values(circuit, neuron)[pulsing["row"]],
        "plastic.w": layout.pack(weights, copies),
    }
    if neuron.synapse != "delta":
        values["cells.tau_s"] = 1e-3 * (neuron.synaptic_time or SYNAPTIC_TIME)
    if neuron.synapse == "conductance":
        values["cells.E_e"] = 1e-3 * neuron.excitatory_reversal
        values["cells.E_i"] = 1e-3 * neuron.inhibitory_reversal
    sizes = {
        "delta": {"jump": of.jump},
        "exponential": {"current": of.current},
        "conductance": {"excitation": of.excitation, "inhibition": of.inhibition},
    }[neuron.synapse]
    tables: dict[str, tuple[NDArray, NDArray, NDArray | int]] = {
        "fixed": (on_membrane["pre"], on_membrane["post"], on_membrane["delay"]),
        "plastic": (layout.pre, layout.post, 0),
    }
    number = circuit.n_cells
    for group, (pre, post, extra) in tables.items():
        values |= {f"{group}.{name}": size for name, size in sizes.items()}
        drawn = _spread(circuit, neuron, pre, post, group, seed)
        late = timing.arrival - 1 + extra * timing.phase + drawn
        values[f"{group}.delay"] = np.asarray(late * neuron.dt * 1e-3, dtype=np.float64)
        if neuron.synaptic_noise:
            values[f"{group}.synaptic_noise"] = neuron.synaptic_noise
            values[f"{group}.number"] = number + np.arange(pre.size, dtype=np.int32)
            number += pre.size
    if rule is not None and circuit.reward_phases:
        lowest, highest = weight_bounds(circuit, None)
        values |= {f"plastic.{name}": value for name, value in rule.coefficients().items()}
        values |= {"plastic.lowest": lowest, "plastic.highest": highest}
    return values


def _values(circuit: Circuit, neuron: NeuronSection) -> NDArray[np.int32]:
    """Return the weight of every fixed projection, as these neurons have it."""
    own = {"relay": neuron.relay, "inhibition": -neuron.relay}
    own["half"] = circuit.fixed_weights["half"].value - neuron.dead_zone
    return np.array(
        [own.get(row.weight.name, row.weight.value) for row in circuit.projections], dtype=np.int32
    )


def _spread(
    circuit: Circuit,
    neuron: NeuronSection,
    pre: NDArray[np.int32],
    post: NDArray[np.int32],
    stream: str,
    seed: int,
) -> NDArray[np.int64]:
    """Return by how many steps each synapse's delay differs from the mean.

    Drawn for pairs of populations, so that the inference circuit has the delays of the training.
    """
    late = np.zeros(pre.size, dtype=np.int64)
    if not neuron.delay_spread:
        return late
    names = list(circuit.slices)
    ends = [at.stop for at in circuit.slices.values()]
    sources, targets = (np.searchsorted(ends, cells, side="right") for cells in (pre, post))
    pairs, of_pair = np.unique(sources * len(names) + targets, return_inverse=True)
    for n, (source, target) in enumerate(divmod(int(pair), len(names)) for pair in pairs):
        chosen = np.flatnonzero(of_pair == n)
        name = zlib.crc32(f"{stream} {names[source]} {names[target]}".encode())
        key = np.random.SeedSequence(seed, spawn_key=(_DELAYS, name))
        rng = np.random.Generator(np.random.PCG64(key))
        drawn = rng.standard_normal(chosen.size)
        while (outside := np.abs(drawn) > CUT).any():
            drawn[outside] = rng.standard_normal(int(outside.sum()))
        late[chosen] = np.rint(drawn * neuron.delay_spread / neuron.dt)
    return late
