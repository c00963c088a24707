"""A circuit: rows for layers of given sizes, checked, and what is derived from them.

Everything else (networks, schedules, counts, figures, which population may fire when) is derived
from the rows and never written a second time.

A time step is one chip step.  A spike travels in one step plus its extra delay.  All populations
but the sources and the gating chain carry a negative bias, the *closing* bias: they stay silent
unless a gate's spike opens them.  A gate's spike also selects the threshold with which the sum of
the inputs is compared: 0, half or full in the paper's circuit.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.checks import check
from synfire_bp.circuit.grades import ONE, Grade
from synfire_bp.circuit.numbers import (
    CLOSING,
    FULL,
    VOLTAGE_LIMIT,
    WEIGHT_LIMIT,
    FixedWeight,
    fixed_weights,
)
from synfire_bp.circuit.rows import (
    Block,
    Gate,
    Matrix,
    Phase,
    PlasticProjection,
    Population,
    Projection,
    Relay,
    Source,
)
from synfire_bp.errors import CircuitError
from synfire_bp.summary import Summarised, Summary

__all__ = ["Circuit"]


@dataclass(frozen=True, repr=False)
class Circuit(Summarised):
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
    further : tuple of Matrix
        Matrices in addition to W1, W2, …; none in the paper's circuit, where errors are propagated
        back through copies of W2.

    Raises
    ------
    CircuitError
        If a row names an unknown population or phase, if the chip does not have a weight or a
        delay, or if a size is not a positive whole number.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> circuit = sb.backprop_circuit((400, 400, 10))
    >>> circuit
    <Circuit 400-400-10: 12 phases, 3,282 neurons, 500,000 learning and 17,202 fixed synapses>
    >>> circuit.shapes  # (n_pre, n_post) of W1 and W2
    ((400, 400), (400, 10))
    >>> circuit.slices["h"]  # where a population lies among all cells
    slice(1210, 1610, None)
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
    further: tuple[Matrix, ...] = ()

    def __post_init__(self) -> None:
        """Check every row."""
        check(self)

    def _summary(self) -> Summary:
        sizes, learns = "-".join(map(str, self.sizes)), bool(self.reward_phases)
        populations = [name for name in self.population_sizes if name not in self.gate_names]
        return Summary(
            f"{type(self).__name__} {sizes}",
            (
                f"{self.n_phases} phases, {self.n_neurons:,} neurons, {self.n_plastic_synapses:,} "
                f"{'learning' if learns else 'forward'} and {self.n_fixed_synapses:,} fixed "
                "synapses",
            ),
            (
                ("phases", f"{self.n_phases}, r1 is 1 in {', '.join(map(str, self.reward_phases))}"
                 if learns else f"{self.n_phases}, nothing is learnt"),
                ("populations", f"{', '.join(populations)}; gates {self.gate_names[0]} … "
                 f"{self.gate_names[-1]}"),
                ("neurons", f"{self.n_neurons:,}, and {self.n_cells - self.n_neurons:,} sources"),
                ("learning synapses" if learns else "forward synapses",
                 f"{self.n_plastic_synapses:,} in {len(self.plastic)} projections"),
                ("fixed synapses", f"{self.n_fixed_synapses:,}"),
                ("closing bias", f"-{self.closing:,}"),
                ("weights", f"-{self.weight_limit} … {self.weight_limit}"),
            ),
        )  # fmt: skip

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
        """The populations of the hidden layers that receive weights first in the forward pass.

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

    @cached_property
    def grades(self) -> dict[str, tuple[Grade, Grade]]:
        """Payloads of graded spikes, without and with a signed pulse, by population.

        Empty in a circuit whose spikes are not graded.
        """
        return {
            row.name: (row.graded or ONE, row.signed or ONE)
            for row in self.populations
            if row.graded is not None or row.signed is not None
        }

    @property
    def payloads(self) -> dict[str, int]:
        """The largest magnitude that a spike carries, of the same populations."""
        return {name: max(grade.most for grade in both) for name, both in self.grades.items()}

    def refractory(self, population: str) -> int:
        """Return the refractory delay of a population on the chip; sources and gates have 1."""
        delays = {row.name: row.refractory for row in self.populations}
        return delays.get(population, 1)

    # -- matrices --------------------------------------------------------------------------

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Shape (n_pre, n_post) of every matrix: one per weight layer, then the further ones."""
        size = self.layer_sizes
        further = ((size[matrix.pre], size[matrix.post]) for matrix in self.further)
        return (*itertools.pairwise(self.sizes), *further)

    @property
    def n_weight_layers(self) -> int:
        """Number of weight layers: of the matrices W1, W2, …."""
        return len(self.sizes) - 1

    @property
    def matrix_names(self) -> tuple[str, ...]:
        """Names of the matrices, in the same order: w1, w2, then those of the further ones."""
        forward = (f"w{n}" for n in range(1, len(self.sizes)))
        return (*forward, *(matrix.name for matrix in self.further))

    def structure(self) -> Circuit:
        """Return all that a network's code depends on: the circuit with standard numbers.

        Each plastic projection has a matrix of its own there, so that circuits which differ in
        what their projections are copies of have the same structure.
        """
        named: list[Source | Population] = [*self.sources, *self.populations]
        layer = {row.name: row.layer for row in named}
        first = len(self.sizes) - 1
        return replace(
            self,
            closing=CLOSING,
            weight_limit=WEIGHT_LIMIT,
            plastic=tuple(
                replace(row, layer=first + n, transposed=False, sign=1)
                for n, row in enumerate(self.plastic)
            ),
            further=tuple(
                Matrix(f"p{n}", layer[row.pre], layer[row.post])
                for n, row in enumerate(self.plastic)
            ),
        )

    # -- projections -----------------------------------------------------------------------

    @cached_property
    def fixed_weights(self) -> dict[str, FixedWeight]:
        """The table of fixed weights, by name; those that are numbers follow the named ones."""
        gates = (row.own_weight for row in self.gates)
        own = (*gates, *(row.own_weight for row in self.relays))
        further = {weight.name: weight for weight in own if weight is not None}
        return fixed_weights(self.closing) | further

    @cached_property
    def projections(self) -> tuple[Projection, ...]:
        """Every fixed projection: relays, then the gates' spikes, then the ring."""
        weight = self.fixed_weights
        relays = (
            Projection(row.pre, post, weight[row.weight], extra_delay, row.signed)
            for row in self.relays
            for post in row.post
            for extra_delay in row.extra_delays
        )
        gates = (
            Projection(
                self.gate_names[row.phase],
                row.population,
                weight[name],
                signed=isinstance(row, Gate) and row.signed,
            )
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
        """Return the pairs that are connected: pre and post neuron of each synapse, from 0."""
        post = np.arange(self.population_sizes[projection.post])
        pre = np.arange(self.population_sizes[projection.pre])
        return np.broadcast_to(pre, post.shape), post

    def n_synapses(self, projection: Projection | PlasticProjection) -> int:
        """Return the number of synapses of a projection."""
        if isinstance(projection, PlasticProjection):
            sizes = self.population_sizes
            return sizes[projection.pre] * sizes[projection.post]
        return len(self.pairs(projection)[0])

    def rows_alone(self) -> Circuit:
        """Return the plain circuit of these rows, without a subclass's changes of the chain."""
        return Circuit(**{row.name: getattr(self, row.name) for row in fields(Circuit)})

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
        rewarded = ("potentiation", "uptake")
        return tuple(phase.index for phase in self.phases if phase.learning in rewarded)

    def learning_phases(self, layer: int) -> tuple[int, int]:
        """Return the phases in which a weight layer grows and shrinks.

        Parameters
        ----------
        layer : int
            0: input to hidden, and so on, as `PlasticProjection.layer`.

        Raises
        ------
        CircuitError
            If the layer does not learn in two phases, one of either kind.
        """
        # a layer's units fire with those below and, but for the first, with those above
        own = self._opened_before(layer) - self._opened_before(layer - 1)
        both = [
            [p.index for p in self.phases if p.learning == kind and p.index in own]
            for kind in ("potentiation", "depression")
        ]
        if [len(found) for found in both] != [1, 1]:
            raise CircuitError(
                f"weight layer {layer} grows in phases {both[0]} and shrinks in {both[1]}; a trace "
                "that decays in phases (learning.eligibility.tau_phases) needs one of each"
            )
        return both[0][0], both[1][0]

    def _opened_before(self, layer: int) -> set[int]:
        """Return the phases in which a gate opens the units that a weight layer leads from."""
        pre = next((row.pre for row in self.plastic if row.layer == layer), "")
        return {phase for phase, row in self.gated(pre).items() if isinstance(row, Gate)}

    def gated(self, population: str) -> dict[int, Gate | Block]:
        """Return the gates and blocks that act on a population, by phase."""
        return {row.phase: row for row in self.gates if row.population == population}

    def forward_phase(self, population: str) -> int:
        """Return the phase in which a population is first opened: its step in the forward pass."""
        return min(p for p, row in self.gated(population).items() if isinstance(row, Gate))

    # -- what a closed population withstands ----------------------------------------------

    def withstands(self, population: str | None = None) -> int:
        """Return the largest sum of inputs at which a closed population stays silent.

        The minimum over all phases in which spikes of learning synapses reach it while it is
        closed; larger than the closing bias allows if a block closes it further in each of them.
        Without a name, the minimum over all populations.
        """
        reached = {
            (row.post, (phase + 1) % self.n_phases)
            for row in self.plastic
            for phase, gate in self.gated(row.pre).items()
            if isinstance(gate, Gate) and population in (None, row.post)
        }
        closed = (at for at in reached if not isinstance(self.gated(at[0]).get(at[1]), Gate))
        return min((self.withstands_in(*at) for at in closed), default=self.closing + FULL)

    def withstands_in(self, population: str, phase: int) -> int:
        """Return the largest sum at which a population stays silent in a phase when closed."""
        return self.closing + FULL - self.blocked_by(population, phase)

    def blocked_by(self, population: str, phase: int) -> int:
        """Return what a block adds to a population's input in a phase: 0 or less, weight units."""
        gate = self.gated(population).get(phase)
        names = gate.weights if isinstance(gate, Block) else ()
        return sum(self.fixed_weights[name].value for name in names)

    def largest_sums(self) -> dict[str, int]:
        """Return, per population, the largest sum that its plastic inputs can possibly reach.

        All presynaptic neurons firing at once through weights at their limit.  Where this is above
        the value of `withstands`, silence in closed phases depends on the data, and every run
        checks it.
        """
        sums: dict[str, int] = {}
        for row in self.plastic:
            reach = self.population_sizes[row.pre] * self.weight_limit
            sums[row.post] = sums.get(row.post, 0) + reach
        return sums

    def cautions(self) -> tuple[str, ...]:
        """Return warnings for wide layers: sums may exceed the closing bias or the chip's voltage.

        Whether they do depends on the data: how many presynaptic neurons are active at once.
        """
        said = []
        for name, reach in self.largest_sums().items():
            if reach > self.withstands(name):
                said.append(
                    f"{name}: its inputs could sum to {reach:,}; while closed, it stays silent up "
                    f"to {self.withstands(name):,} (every run checks this)"
                )
            if reach - self.bias(name) > VOLTAGE_LIMIT:
                said.append(
                    f"{name}: its sum could reach {-reach + self.bias(name):,} ... {reach:,}; the "
                    f"chip's voltage holds {VOLTAGE_LIMIT:,} either way"
                )
        return tuple(said)
