"""The circuit of Renner et al. (2024), as data.

Lay this file beside Fig. 2 of the paper and tick off every row: the populations, the twelve
phases of one training sample, the projections between populations, and the gates that open or
block a population in a phase.  Everything else (networks, schedules, counts, figures, which
population may fire when) is derived from these rows and never written a second time.

A time step is one chip step.  A spike travels in one step plus its extra delay.  All populations
but the sources and the gating chain carry a negative bias, the *closing* bias: they stay silent
unless a gate's spike opens them.  A gate's spike also chooses the threshold that the sum of the
inputs is held against: 0, half or full.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import CircuitError

__all__ = [
    "CLOSING",
    "FULL",
    "HALF",
    "WEIGHT_LIMIT",
    "Block",
    "Circuit",
    "FixedWeight",
    "Gate",
    "Phase",
    "PlasticProjection",
    "Population",
    "Projection",
    "Relay",
    "Source",
    "backprop_circuit",
    "fixed_weights",
    "inference_circuit",
]

# ----------------------------------------------------------------------------------------------
# Numbers.  In units of the chip's 2^6; paper: Methods.
# ----------------------------------------------------------------------------------------------

FULL = 1024
"""Firing threshold of every neuron: it spikes if its sum is greater (not equal)."""
HALF = 512
"""Threshold of the step activation: half of the full one."""
CLOSING = 8192
"""Magnitude of the bias that keeps a population closed."""
WEIGHT_LIMIT = 254
"""Largest magnitude of a plastic weight."""

LARGEST_MANTISSA = 255
EXPONENTS = range(-8, 8)
LONGEST_EXTRA_DELAY = 62
VOLTAGE_LIMIT = (2**23 - 1) // 2**6
"""Largest sum that the chip's 23-bit voltage holds, in units of 2^6."""


@dataclass(frozen=True)
class FixedWeight:
    """A weight that the chip has: an 8-bit mantissa times a power of two.

    Attributes
    ----------
    name : str
        What the weight does, as in the paper's tables.
    mantissa : int
        Signed, magnitude at most 255.
    exponent : int
        -8 ... 7.
    """

    name: str
    mantissa: int
    exponent: int

    @property
    def value(self) -> int:
        """The weight, `mantissa * 2**exponent`; whole by construction."""
        return int(self.mantissa * 2**self.exponent)

    @classmethod
    def from_value(cls, name: str, value: int) -> FixedWeight:
        """Write `value` with the finest exponent whose mantissa still fits.

        Raises
        ------
        CircuitError
            If no mantissa of 8 bits and exponent of the chip give the value.
        """
        for exponent in range(EXPONENTS.stop):
            mantissa, rest = divmod(abs(value), 2**exponent)
            if mantissa <= LARGEST_MANTISSA:
                if rest:
                    break
                return cls(name, mantissa if value >= 0 else -mantissa, exponent)
        raise CircuitError(
            f"fixed weight '{name}' = {value} is not a mantissa of at most {LARGEST_MANTISSA} "
            f"times a power of two up to 2^{EXPONENTS[-1]}, as the chip needs"
        )


def fixed_weights(closing: int = CLOSING) -> dict[str, FixedWeight]:
    """Return the table of fixed weights for a closing bias of magnitude `closing`.

    `open` lifts a closed population to the half threshold, `half` on top of it to threshold 0,
    `cancel` to the full threshold; `block` closes it once more.

    Raises
    ------
    CircuitError
        If the chip cannot hold one of the weights.
    """
    if closing <= 0:
        raise CircuitError(f"closing bias is {closing}, but must be positive")
    cancel = FixedWeight.from_value("cancel", closing)
    relay = FULL - HALF + 8
    values = {
        "relay": relay,
        "inhibition": -relay,
        "open": closing + HALF,
        "half": HALF,
        "ring": 9280,
    }
    return {name: FixedWeight.from_value(name, value) for name, value in values.items()} | {
        "cancel": cancel,
        "block": FixedWeight("block", 1 - cancel.mantissa, cancel.exponent),
    }


# ----------------------------------------------------------------------------------------------
# Kinds of rows
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Population:
    """A population: as many neurons as its layer has units.

    `layer` is "input", "hidden", "output" or "gate" (one neuron).  `refractory` is the refractory
    delay on the chip, in steps: 1 lets a neuron spike in the next step.
    """

    name: str
    layer: str
    role: str
    refractory: int = 2


@dataclass(frozen=True)
class Source:
    """A population driven from outside: emits the sample's pattern in one phase."""

    name: str
    layer: str
    emits: int
    role: str


@dataclass(frozen=True)
class Phase:
    """One time step of a sample.

    `learning` is "potentiation" in the phases in which the reward signal is on, "depression" in
    those in which coincident spikes depress, and empty where no plastic synapse meets a
    coincidence.
    """

    index: int
    meaning: str
    learning: str = ""


@dataclass(frozen=True)
class Relay:
    """A one-to-one row: `pre` drives (or inhibits, or opens) `post`, once per extra delay."""

    pre: str
    post: tuple[str, ...]
    weight: str = "relay"
    extra_delays: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class PlasticProjection:
    """An all-to-all projection with learning weights.

    It starts as `sign` times the matrix number `layer` (0: input to hidden, 1: hidden to output;
    after these the feedback matrices, where a circuit has any), transposed or not, and must stay
    equal to it for ever.
    """

    pre: str
    post: str
    layer: int
    transposed: bool = False
    sign: int = 1

    @property
    def name(self) -> str:
        """`pre→post`, as printed in tables."""
        return f"{self.pre}→{self.post}"


@dataclass(frozen=True)
class Gate:
    """In `phase`, population `opens` fires if its input exceeds `threshold`."""

    phase: int
    opens: str
    threshold: int = HALF

    @property
    def population(self) -> str:
        """The population that the gate acts on."""
        return self.opens

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the fixed weights that the gate's spike carries."""
        try:
            return {HALF: ("open",), 0: ("open", "half"), FULL: ("cancel",)}[self.threshold]
        except KeyError:
            raise CircuitError(
                f"gate of '{self.opens}' in phase {self.phase}: threshold {self.threshold} "
                f"cannot be gated; use 0, {HALF} or {FULL}"
            ) from None


@dataclass(frozen=True)
class Block:
    """In `phase`, population `closes` is closed once more, whatever arrives."""

    phase: int
    closes: str

    @property
    def population(self) -> str:
        """The population that the block acts on."""
        return self.closes

    @property
    def weights(self) -> tuple[str, ...]:
        """Names of the fixed weights that the gate's spike carries."""
        return ("block",)


@dataclass(frozen=True)
class Projection:
    """A fixed projection, as a network is built from it.

    One to one if both populations have the same size, else one (the gate) to all.
    """

    pre: str
    post: str
    weight: FixedWeight
    extra_delay: int = 0


# ----------------------------------------------------------------------------------------------
# The rows of the training circuit (paper: Figs. 1-2 and Methods)
# ----------------------------------------------------------------------------------------------

PHASES = (
    Phase(0, "rest; the input sources emit"),
    Phase(1, "input: x"),
    Phase(2, "hidden layer: h and its box edges"),
    Phase(3, "output layer: o and its box edges; target t; memory of h"),
    Phase(4, "error: d+ and d-"),
    Phase(5, "memory of h meets d+: W2 and its transposes grow", learning="potentiation"),
    Phase(6, "positive part of the backpropagated error; box derivative; memory of x"),
    Phase(7, "x meets d1+: W1 grows", learning="potentiation"),
    Phase(8, "rest"),
    Phase(9, "memory of h meets d-: W2 and its transposes shrink", learning="depression"),
    Phase(10, "negative part of the backpropagated error"),
    Phase(11, "x meets d1-: W1 shrinks", learning="depression"),
)

SOURCES = (
    Source("input", "input", emits=0, role="source of the input spikes"),
    Source("target", "output", emits=2, role="source of the target spikes"),
)

POPULATIONS = (
    Population("x", "input", "input layer"),
    Population("m_x", "input", "memory of x"),
    Population("h", "hidden", "hidden layer"),
    Population("h<", "hidden", "lower edge of the hidden box derivative: input above 0"),
    Population("h>", "hidden", "upper edge of the hidden box derivative: input above threshold"),
    Population("m_h", "hidden", "memory of h"),
    Population("c", "hidden", "hidden box derivative: h< and not h>"),
    Population(
        "hT", "hidden", "transposed hidden layer: memory of h, then the error", refractory=1
    ),
    Population("t", "output", "target"),
    Population("o", "output", "output layer"),
    Population("o<", "output", "lower edge of the output box derivative: input above 0"),
    Population("o>", "output", "upper edge of the output box derivative: input above threshold"),
    Population("d+", "output", "positive error: target but no output"),
    Population("d-", "output", "negative error: output but no target"),
    Population("oT", "output", "transposed output layer: the error of the opposite sign"),
)

PLASTIC = (
    PlasticProjection("x", "h", layer=0),
    PlasticProjection("x", "h<", layer=0),
    PlasticProjection("x", "h>", layer=0),
    PlasticProjection("h", "o", layer=1),
    PlasticProjection("h", "o<", layer=1),
    PlasticProjection("h", "o>", layer=1),
    PlasticProjection("o", "hT", layer=1, transposed=True),
    PlasticProjection("oT", "hT", layer=1, transposed=True, sign=-1),
)

RELAYS = (
    # input and its memory
    Relay("input", ("x",)),
    Relay("x", ("m_x",), extra_delays=(4,)),
    Relay("m_x", ("x",), extra_delays=(0, 4)),
    # hidden layer, its memory and its box derivative
    Relay("h", ("m_h",)),
    Relay("m_h", ("h", "hT"), extra_delays=(1, 5)),
    Relay("hT", ("h", "h<", "h>")),
    Relay("h<", ("c",), extra_delays=(3,)),
    Relay("h>", ("c",), "inhibition", extra_delays=(3,)),
    Relay("c", ("h", "h<", "h>"), "open", extra_delays=(0, 4)),
    # error at the output
    Relay("target", ("t",)),
    Relay("t", ("d+",)),
    Relay("t", ("d-",), "inhibition"),
    Relay("o", ("d-",)),
    Relay("o", ("d+",), "inhibition"),
    Relay("o>", ("d-",), "inhibition"),
    Relay("o<", ("d-", "d+"), "open"),
    # the error back into the output layer and its transpose
    Relay("d+", ("o", "o<", "o>")),
    Relay("d+", ("oT",), extra_delays=(4,)),
    Relay("d-", ("o", "o<", "o>"), extra_delays=(4,)),
    Relay("d-", ("oT",)),
)

GATES: tuple[Gate | Block, ...] = (
    *(Block(0, name) for name in ("o", "o<", "o>")),
    Gate(1, "x"),
    Gate(2, "h"),
    Gate(2, "h<", threshold=0),
    Gate(2, "h>", threshold=FULL),
    *(Gate(3, name) for name in ("o", "t", "m_h")),
    Gate(3, "o<", threshold=0),
    Gate(3, "o>", threshold=FULL),
    *(Block(4, name) for name in ("hT", "oT")),
    *(Gate(5, name) for name in ("h", "hT", "oT", "o", "o<", "o>")),
    *(Gate(6, name) for name in ("m_x", "c")),
    Gate(6, "hT", threshold=0),
    *(Block(6, name) for name in ("o", "o<", "o>")),
    Gate(7, "x"),
    *(Block(8, name) for name in ("h", "h<", "h>")),
    *(Gate(9, name) for name in ("h", "hT", "oT", "o", "o<", "o>")),
    Gate(10, "hT", threshold=0),
    *(Block(10, name) for name in ("o", "o<", "o>")),
    Gate(11, "x"),
)

# ----------------------------------------------------------------------------------------------
# A circuit: the rows, for layers of given sizes
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Circuit:
    """A gated circuit for given layer sizes; checks itself when it is made.

    Attributes
    ----------
    sizes : tuple of int
        Units in the input, hidden and output layer.
    phases, sources, populations, plastic, relays, gates : tuples of rows
        The circuit as data.  `populations` holds the gating chain too, after `__post_init__`.
    closing : int
        Magnitude of the closing bias.
    weight_limit : int
        Plastic weights are clipped to plus or minus this.
    feedback : tuple of int
        For each feedback matrix of its own, the weight layer whose place it takes on the way back;
        none in the paper's circuit, where errors come back through copies of W2.
    direct : bool
        Whether feedback matrices lead from the output directly, not from the layer after.

    Raises
    ------
    CircuitError
        If a row names an unknown population or phase, if a weight or a delay is not one that the
        chip has, or if a size is not a positive whole number.
    """

    sizes: tuple[int, ...]
    phases: tuple[Phase, ...]
    sources: tuple[Source, ...]
    populations: tuple[Population, ...]
    plastic: tuple[PlasticProjection, ...]
    relays: tuple[Relay, ...]
    gates: tuple[Gate | Block, ...]
    closing: int = CLOSING
    weight_limit: int = WEIGHT_LIMIT
    layers: tuple[str, ...] = field(default=("input", "hidden", "output"), repr=False)
    feedback: tuple[int, ...] = ()
    direct: bool = False

    def __post_init__(self) -> None:
        """Check every row."""
        _check(self)

    # -- populations -----------------------------------------------------------------------

    @property
    def n_phases(self) -> int:
        """Time steps that one sample takes."""
        return len(self.phases)

    @cached_property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the neurons of the gating chain, g0 first; g_k opens phase k."""
        return tuple(f"g{phase.index}" for phase in self.phases)

    @cached_property
    def layer_sizes(self) -> dict[str, int]:
        """Number of units per layer; a gate is one neuron."""
        return dict(zip(self.layers, self.sizes, strict=True)) | {"gate": 1}

    @cached_property
    def population_sizes(self) -> dict[str, int]:
        """Number of neurons per population, in the order of the network's cells.

        Sources first, then the populations, then the gating chain.
        """
        rows: Iterable[Source | Population] = (*self.sources, *self.populations)
        sizes = {row.name: self.layer_sizes[row.layer] for row in rows}
        return sizes | dict.fromkeys(self.gate_names, self.layer_sizes["gate"])

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each population lies among all cells, sources included."""
        result, start = {}, 0
        for name, size in self.population_sizes.items():
            result[name] = slice(start, start + size)
            start += size
        return result

    @cached_property
    def hidden_units(self) -> tuple[str, ...]:
        """The populations of the hidden layers that weights reach first on the way forward.

        The units themselves; the edges of their box derivative come after them.
        """
        layers = {row.name: row.layer for row in self.populations}
        first: dict[str, str] = {}
        for row in self.plastic:
            if not row.transposed:
                first.setdefault(layers[row.post], row.post)
        return tuple(first[layer] for layer in self.layers[1:-1])

    @property
    def n_cells(self) -> int:
        """Number of cells, sources included."""
        return sum(self.population_sizes.values())

    @property
    def n_neurons(self) -> int:
        """Number of neurons, without the sources (3,282 for 400-400-10)."""
        return self.n_cells - sum(self.population_sizes[source.name] for source in self.sources)

    def bias(self, population: str) -> int:
        """Return the bias of the neurons of a population."""
        driven = {source.name for source in self.sources} | set(self.gate_names)
        return 0 if population in driven else -self.closing

    def refractory(self, population: str) -> int:
        """Return the refractory delay of a population on the chip; sources and gates have 1."""
        delays = {row.name: row.refractory for row in self.populations}
        return delays.get(population, 1)

    # -- matrices --------------------------------------------------------------------------

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (n_pre, n_post) of every matrix: one per weight layer, then those for feedback."""
        forward = tuple(itertools.pairwise(self.sizes))
        back = (forward[layer] for layer in self.feedback)
        return (*forward, *((n, self.sizes[-1] if self.direct else after) for n, after in back))

    @property
    def matrix_names(self) -> tuple[str, ...]:
        """Names of the matrices, in the same order: w1, w2, and b2 for feedback in W2's place."""
        forward = range(1, len(self.sizes))
        return (*(f"w{n}" for n in forward), *(f"b{layer + 1}" for layer in self.feedback))

    def tied(self) -> Circuit:
        """Return the circuit with the weight matrices in the place of its feedback matrices.

        Where these lead from the output directly, nothing can take their place.
        """
        if self.direct:
            return self
        n_forward = len(self.sizes) - 1
        plastic = tuple(
            replace(row, layer=self.feedback[row.layer - n_forward])
            if row.layer >= n_forward
            else row
            for row in self.plastic
        )
        return replace(self, plastic=plastic, feedback=())

    # -- projections -----------------------------------------------------------------------

    @cached_property
    def fixed_weights(self) -> dict[str, FixedWeight]:
        """The table of fixed weights, by name."""
        return fixed_weights(self.closing)

    @cached_property
    def projections(self) -> tuple[Projection, ...]:
        """Every fixed projection: relays, then the gates' spikes, then the ring."""
        weight = self.fixed_weights
        relays = (
            Projection(row.pre, post, weight[row.weight], extra_delay)
            for row in self.relays
            for post in row.post
            for extra_delay in row.extra_delays
        )
        gates = (
            Projection(self.gate_names[row.phase], row.population, weight[name])
            for row in self.gates
            for name in row.weights
        )
        following = self.gate_names[1:] + self.gate_names[:1]
        ring = (
            Projection(pre, post, weight["ring"])
            for pre, post in zip(self.gate_names, following, strict=True)
        )
        return (*relays, *gates, *ring)

    def pairs(self, projection: Projection) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return who is joined: a neuron of `pre` and one of `post` for each synapse, from 0."""
        post = np.arange(self.population_sizes[projection.post])
        pre = np.arange(self.population_sizes[projection.pre])
        return np.broadcast_to(pre, post.shape), post

    def n_synapses(self, projection: Projection | PlasticProjection) -> int:
        """Return the number of synapses of a projection."""
        if isinstance(projection, PlasticProjection):
            sizes = self.population_sizes
            return sizes[projection.pre] * sizes[projection.post]
        return len(self.pairs(projection)[0])

    @property
    def undisturbed(self) -> Circuit:
        """The circuit as it is meant: each gate one neuron, whose every pulse comes in time."""
        return self

    @property
    def n_plastic_synapses(self) -> int:
        """Number of learning synapses (500,000 for 400-400-10)."""
        return sum(map(self.n_synapses, self.plastic))

    @property
    def n_fixed_synapses(self) -> int:
        """Number of synapses that never learn."""
        return sum(map(self.n_synapses, self.projections))

    # -- phases ----------------------------------------------------------------------------

    @property
    def reward_phases(self) -> tuple[int, ...]:
        """Phases in which the reward signal r1 is 1."""
        return tuple(phase.index for phase in self.phases if phase.learning == "potentiation")

    def gated(self, population: str) -> dict[int, Gate | Block]:
        """Return the gates and blocks that act on a population, by phase."""
        return {row.phase: row for row in self.gates if row.population == population}

    def forward_phase(self, population: str) -> int:
        """Return the phase in which a population is first opened: its step on the way forward."""
        return min(p for p, row in self.gated(population).items() if isinstance(row, Gate))

    # -- what a closed population withstands ----------------------------------------------

    def withstands(self) -> int:
        """Return the largest sum of inputs that a closed population takes without firing.

        Larger if a block closes every population once more wherever spikes of learning synapses
        reach it unopened.
        """
        reached = {
            (row.post, (phase + 1) % self.n_phases)
            for row in self.plastic
            for phase, gate in self.gated(row.pre).items()
            if isinstance(gate, Gate)
        }
        acting = {name: self.gated(name) for name, _ in reached}
        closed = [acting[name].get(phase) for name, phase in reached]
        blocked = [gate for gate in closed if isinstance(gate, Block)]
        withstood = self.closing + FULL
        if blocked and None not in closed:
            withstood -= sum(self.fixed_weights[name].value for name in blocked[0].weights)
        return withstood

    def largest_sums(self) -> dict[str, int]:
        """Return, per population, the largest sum that its plastic inputs can reach at all.

        All presynaptic neurons firing at once through weights at their limit.  Where this is
        above `withstands()`, silence in closed phases hangs on the data, and every run checks it.
        """
        sums: dict[str, int] = {}
        for row in self.plastic:
            reach = self.population_sizes[row.pre] * self.weight_limit
            sums[row.post] = sums.get(row.post, 0) + reach
        return sums

    def cautions(self) -> tuple[str, ...]:
        """Return what wide layers could do: outgrow the closing bias, or the chip's voltage.

        Whether they do hangs on the data: how many presynaptic neurons are active at once.
        """
        said = []
        for name, reach in self.largest_sums().items():
            if reach > self.withstands():
                said.append(
                    f"{name}: its inputs could sum to {reach:,}; closed, it withstands "
                    f"{self.withstands():,} (every run checks that it does)"
                )
            if reach - self.bias(name) > VOLTAGE_LIMIT:
                said.append(
                    f"{name}: its sum could reach {-reach + self.bias(name):,} ... {reach:,}; the "
                    f"chip's voltage holds {VOLTAGE_LIMIT:,} either way"
                )
        return tuple(said)


def _check(circuit: Circuit) -> None:
    if len(circuit.sizes) != len(circuit.layers):
        raise CircuitError(
            f"sizes {circuit.sizes} name {len(circuit.sizes)} layers; this circuit has "
            f"{len(circuit.layers)}: {', '.join(circuit.layers)}"
        )
    for layer, size in zip(circuit.layers, circuit.sizes, strict=True):
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise CircuitError(f"size of the {layer} layer is {size!r}; must be a whole number ≥ 1")
    if not 2 <= circuit.weight_limit <= WEIGHT_LIMIT or circuit.weight_limit % 2:
        raise CircuitError(
            f"weight limit is {circuit.weight_limit}; must be even and within 2 ... {WEIGHT_LIMIT}"
        )
    if [phase.index for phase in circuit.phases] != list(range(circuit.n_phases)):
        raise CircuitError("phases must be numbered 0, 1, 2, … in this order")
    named: list[Source | Population] = [*circuit.sources, *circuit.populations]
    for row in named:
        if row.layer not in circuit.layer_sizes:
            raise CircuitError(f"population '{row.name}' lies in the unknown layer '{row.layer}'")
    names = [row.name for row in named]
    twice = {name for name in names if names.count(name) > 1} | set(names) & set(circuit.gate_names)
    if twice:
        raise CircuitError(f"more than one population is named {sorted(twice)}")
    _check_populations(circuit)
    _check_phases(circuit)
    _check_weights(circuit)


def _check_populations(circuit: Circuit) -> None:
    sizes = circuit.population_sizes
    rows: list[tuple[str, tuple[str, ...]]] = [
        *((f"projection {row.pre}→{post}", (row.pre, post)) for row in circuit.relays
          for post in row.post),
        *((f"plastic projection {row.name}", (row.pre, row.post)) for row in circuit.plastic),
        *((f"gate in phase {row.phase}", (row.population,)) for row in circuit.gates),
    ]  # fmt: skip
    for what, names in rows:
        for name in names:
            if name not in sizes:
                raise CircuitError(
                    f"{what} names the unknown population '{name}'; known are {', '.join(sizes)}"
                )
    for row in circuit.relays:
        for post in row.post:
            if sizes[row.pre] != sizes[post]:
                raise CircuitError(
                    f"projection {row.pre}→{post} is one to one, but the populations have "
                    f"{sizes[row.pre]} and {sizes[post]} neurons"
                )
    for layer in circuit.feedback:
        if layer not in range(len(circuit.sizes) - 1):
            raise CircuitError(
                f"feedback takes the place of layer {layer}; must be below {len(circuit.sizes) - 1}"
            )
    for plastic in circuit.plastic:
        if plastic.layer not in range(len(circuit.shapes)) or plastic.sign not in (-1, 1):
            raise CircuitError(
                f"plastic projection {plastic.name}: layer {plastic.layer}, sign {plastic.sign}; "
                f"the layer must be below {len(circuit.shapes)}, the sign 1 or -1"
            )
        n_pre, n_post = circuit.shapes[plastic.layer]
        shape = (n_post, n_pre) if plastic.transposed else (n_pre, n_post)
        if (sizes[plastic.pre], sizes[plastic.post]) != shape:
            raise CircuitError(
                f"plastic projection {plastic.name} joins {sizes[plastic.pre]} to "
                f"{sizes[plastic.post]} neurons, but its weight matrix is {shape}"
            )


def _check_phases(circuit: Circuit) -> None:
    known = range(circuit.n_phases)
    for row in circuit.gates:
        if row.phase not in known:
            raise CircuitError(
                f"gate of '{row.population}' names phase {row.phase}; this circuit has phases "
                f"0 ... {known[-1]}"
            )
    for source in circuit.sources:
        if source.emits not in known:
            raise CircuitError(
                f"source '{source.name}' emits in phase {source.emits}; this circuit has phases "
                f"0 ... {known[-1]}"
            )
    places = [(row.phase, row.population) for row in circuit.gates]
    for place in places:
        if places.count(place) > 1:
            raise CircuitError(f"population '{place[1]}' is gated twice in phase {place[0]}")


def _check_weights(circuit: Circuit) -> None:
    weight = circuit.fixed_weights  # raises for weights that the chip has not
    for row in circuit.relays:
        if row.weight not in weight:
            raise CircuitError(
                f"projection {row.pre}→{row.post[0]} names the unknown weight '{row.weight}'; "
                f"known are {', '.join(weight)}"
            )
        for extra_delay in row.extra_delays:
            if not 0 <= extra_delay <= LONGEST_EXTRA_DELAY:
                raise CircuitError(
                    f"projection {row.pre}→{row.post[0]}: extra delay {extra_delay} is not "
                    f"within the chip's 0 ... {LONGEST_EXTRA_DELAY}"
                )
    for gate in circuit.gates:
        lift = sum(weight[name].value for name in gate.weights)
        reached = FULL + circuit.closing - lift
        if isinstance(gate, Gate) and reached != gate.threshold:
            raise CircuitError(
                f"gate of '{gate.opens}' in phase {gate.phase}: its weights {gate.weights} give "
                f"the threshold {reached}, not {gate.threshold}"
            )


def backprop_circuit(
    sizes: Sequence[int], *, closing: int = CLOSING, weight_limit: int = WEIGHT_LIMIT
) -> Circuit:
    """Return the training circuit: twelve phases, learning on.

    Parameters
    ----------
    sizes : sequence of three int
        Units in the input, hidden and output layer.
    closing : int
        Magnitude of the closing bias; raise it if wide inputs make closed populations fire.
    weight_limit : int
        Plastic weights are clipped to plus or minus this.

    Raises
    ------
    CircuitError
        If a size, the closing bias or the weight limit is not one that the chip can have.
    """
    return Circuit(
        tuple(sizes), PHASES, SOURCES, POPULATIONS, PLASTIC, RELAYS, GATES, closing, weight_limit
    )


def inference_circuit(
    sizes: Sequence[int], *, closing: int = CLOSING, weight_limit: int = WEIGHT_LIMIT
) -> Circuit:
    """Return the inference circuit: the forward part of the training circuit, four phases.

    Its rows are those of the training circuit: the input source, x, h and o, what joins them, and
    the gates that open them on the way forward.

    Raises
    ------
    CircuitError
        As `backprop_circuit`.
    """
    keep = {"input", "x", "h", "o"}
    phases = PHASES[:4]
    return Circuit(
        tuple(sizes),
        phases,
        tuple(row for row in SOURCES if row.name in keep),
        tuple(row for row in POPULATIONS if row.name in keep),
        tuple(row for row in PLASTIC if {row.pre, row.post} <= keep),
        tuple(row for row in RELAYS if row.pre in keep and set(row.post) <= keep),
        tuple(
            row
            for row in GATES
            if isinstance(row, Gate) and row.population in keep and row.phase < len(phases)
        ),
        closing,
        weight_limit,
    )
