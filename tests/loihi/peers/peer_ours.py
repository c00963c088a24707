"""The networks in this package's emulation, in Brian2's runtime mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from brian2 import Function, Network, NeuronGroup, StateMonitor, ms, prefs
from peer_networks import INPUT, Net, Population, Projection

from synfire_bp.loihi import (
    LearningEngine,
    LoihiInput,
    LoihiNeurons,
    LoihiPlasticSynapses,
    LoihiSpec,
    LoihiSynapses,
    SignMode,
    Trace,
)
from synfire_bp.loihi.emulation import compartment_functions

__all__ = ["run"]


def run(nets: Sequence[Net], spec: LoihiSpec) -> list[dict[str, np.ndarray]]:
    """Return what each network does, as `save_results` has it; of weights also the extremes.

    All are one Brian2 network, whose cells are one group for each target of noise: building and
    running many small objects is what takes time.

    Parameters
    ----------
    nets : sequence of Net
        All of the same number of steps.
    spec : LoihiSpec
        The chip, with the conventions of the other emulator.
    """
    prefs.codegen.target = "numpy"
    all_cells = AllCells(nets, spec)
    firsts = np.cumsum([0, *(net.n_inputs for net in nets)])
    spikes = [
        (step, first + source)
        for net, first in zip(nets, firsts, strict=False)
        for step, source in net.spikes
    ]
    steps, sources = np.array(spikes, dtype=int).reshape(-1, 2).T
    stimulus = LoihiInput(int(firsts[-1]), sources, steps, spec=spec)
    learning: dict[tuple[int, int], StateMonitor] = {}
    alike: dict[tuple, list[Placed]] = {}
    made = []
    for k, net in enumerate(nets):
        for n, projection in enumerate(net.projections):
            source, first = stimulus, int(firsts[k])
            if projection.source != INPUT:
                source, first = all_cells.place(k, projection.source)
            placed = Placed(projection, source, first, *all_cells.place(k, projection.target))
            if not projection.rule:
                alike.setdefault(placed.together, []).append(placed)
                continue
            learns = learning_synapses(placed, spec)
            made.append(learns)
            learning[k, n] = StateMonitor(learns, "w", record=True, when="end")
            if net.errors:
                rewarded(learns, placed.target_first, net.errors)
    made += [static_synapses(several, spec) for several in alike.values()]
    Network(
        all_cells.groups.values(), all_cells.states.values(), stimulus, made, learning.values()
    ).run(nets[0].steps * ms)
    found = [all_cells.results(k) for k in range(len(nets))]
    for (k, n), monitor in learning.items():
        shape = np.shape(nets[k].projections[n].weights)
        found[k][f"w{n}"] = monitor.w[:, -1].reshape(shape)
        found[k][f"w{n}_range"] = np.array([monitor.w.min(), monitor.w.max()])
    return found


class AllCells:
    """The cells of all networks: a group, and a monitor, for each target of noise."""

    def __init__(self, nets: Sequence[Net], spec: LoihiSpec) -> None:
        members: dict[str, list[tuple[int, int]]] = {}
        for k, net in enumerate(nets):
            for p, population in enumerate(net.populations):
                members.setdefault(population.noise, []).append((k, p))
        self.nets = nets
        self.places: dict[tuple[int, int], tuple[str, slice]] = {}
        self.groups: dict[str, LoihiNeurons] = {}
        self.states: dict[str, StateMonitor] = {}
        for noise, names in members.items():
            populations = [nets[k].populations[p] for k, p in names]
            namespace = {}
            if noise:
                drawn = np.hstack([self._drawn(k, p) for k, p in names])
                namespace["noise"] = given_noise(compartment_functions(spec)["noise"], drawn)
            self.groups[noise] = cells_of(populations, spec, namespace)
            self.states[noise] = StateMonitor(
                self.groups[noise], ["u", "v", "v_compared", "fired", "overflows"], record=True
            )
            begin = 0
            for name, population in zip(names, populations, strict=True):
                end = begin + len(population.biases)
                self.places[name] = noise, slice(begin, end)
                begin = end

    def _drawn(self, k: int, p: int) -> np.ndarray:
        """Return the noise that a population is given: (steps, cells)."""
        begin = sum(self.nets[k].sizes[:p])
        return np.array(self.nets[k].noise)[:, begin : begin + self.nets[k].sizes[p]]

    def place(self, k: int, p: int) -> tuple[LoihiNeurons, int]:
        """Return the group of a population of a network, and where in it the population begins."""
        noise, place = self.places[k, p]
        return self.groups[noise], place.start

    def results(self, k: int) -> dict[str, np.ndarray]:
        """Return what a network did."""
        names = {"u": "u", "v": "v", "compared": "v_compared", "spikes": "fired"}
        parts = [self.places[k, p] for p in range(len(self.nets[k].populations))]
        found = {
            name: np.concatenate(
                [getattr(self.states[noise], variable)[place] for noise, place in parts]
            ).T
            for name, variable in (names | {"overflows": "overflows"}).items()
        }
        return found


def cells_of(
    populations: Sequence[Population], spec: LoihiSpec, namespace: dict[str, Function]
) -> LoihiNeurons:
    """Return populations as one group."""
    sizes = [len(population.biases) for population in populations]

    def each(name: str) -> np.ndarray:
        return np.repeat([getattr(population, name) for population in populations], sizes)

    return LoihiNeurons(
        sum(sizes),
        spec=spec,
        bias=np.concatenate([population.biases for population in populations]),
        noise=populations[0].noise or None,
        namespace=namespace,
        **{
            name: each(name)
            for name in (
                "threshold", "current_decay", "voltage_decay", "bias_exponent", "refractory",
                "noise_offset", "noise_exponent",
            )
        },
    )  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """A projection between parts of groups, which begin with the cells `first`."""

    projection: Projection
    source: LoihiNeurons | LoihiInput
    source_first: int
    target: LoihiNeurons
    target_first: int

    @property
    def together(self) -> tuple:
        """What projections have in common whose synapses can be one object."""
        at = self.projection
        return self.source.name, self.target.name, at.sign_mode, at.weight_bits, at.exponent

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of the cells of each synapse."""
        pre, post = np.indices(np.shape(self.projection.weights))
        return pre.ravel() + self.source_first, post.ravel() + self.target_first


def static_synapses(several: Sequence[Placed], spec: LoihiSpec) -> LoihiSynapses:
    """Return the synapses of projections with the same format of weights."""
    first = several[0]
    made = LoihiSynapses(
        first.source,
        first.target,
        spec=replace(spec, weight_bits=first.projection.weight_bits),
        sign_mode=SignMode(first.projection.sign_mode),
        exponent=first.projection.exponent,
    )
    weights = [np.ravel(placed.projection.weights) for placed in several]
    delays = [np.full(w.size, p.projection.delay) for w, p in zip(weights, several, strict=True)]
    pre, post = np.hstack([placed.ends() for placed in several])
    made.connect(i=pre, j=post)
    made.set_weights(np.concatenate(weights))
    made.set_delays(np.concatenate(delays))
    return made


def learning_synapses(placed: Placed, spec: LoihiSpec) -> LoihiPlasticSynapses:
    """Return the synapses of a projection that learns."""
    projection = placed.projection
    traces = {
        name: Trace(trace.impulse, None if trace.keeps else 0)
        for name, trace in projection.traces.items()
    }
    made = LoihiPlasticSynapses(
        placed.source,
        placed.target,
        engine=LearningEngine(
            replace(spec, weight_bits=projection.weight_bits),
            dw=projection.rule,
            traces=traces,
            epoch=projection.epoch,
        ),
        sign_mode=SignMode(projection.sign_mode),
        exponent=projection.exponent,
    )
    pre, post = placed.ends()
    made.connect(i=pre, j=post)
    made.set_weights(np.ravel(projection.weights))
    return made


def given_noise(noise: Function, drawn: np.ndarray) -> Function:
    """Return the chip's noise, which takes the next row of `drawn` at each call."""
    rows = iter((drawn + 127.5) / 255)

    def given(offset: np.ndarray, exponent: np.ndarray, _: np.ndarray) -> np.ndarray:
        return noise.pyfunc(np.asarray(offset), np.asarray(exponent), next(rows))

    function = Function(given, arg_units=[1] * 3, return_unit=1, return_type="integer")
    function.implementations.add_numpy_implementation(given, discard_units=True)
    return function


def rewarded(synapses: LoihiPlasticSynapses, first: int, errors: list[list[int]]) -> None:
    """Have r1 of each target be 64 plus its error at each step; the first half's is negated."""
    traces: NeuronGroup = synapses.post_traces
    rewards = np.full((len(errors), len(traces)), 64)
    signed = np.hstack([-np.array(errors), np.array(errors)])
    rewards[:, first : first + signed.shape[1]] += signed
    rows = iter(rewards)

    def given(_: np.ndarray) -> np.ndarray:
        return next(rows)

    function = Function(given, arg_units=[1], return_unit=1, return_type="integer")
    function.implementations.add_numpy_implementation(given, discard_units=True)
    traces.namespace["given"] = function
    traces.run_regularly("r1 = given(i)", clock=traces.clock, when="start")
