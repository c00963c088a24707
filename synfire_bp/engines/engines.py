"""The two engines that train: the spiking circuit, and the algorithm in integers.

Both take weights and an order of samples, and give back the weights afterwards, a score of every
sample as it was shown, and what else they saw.  `synfire_bp.training` knows only this interface.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.deep import deep_circuit, deep_inference_circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout, numbers, weight_bounds
from synfire_bp.circuit.paper import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.rule import parse_rule
from synfire_bp.circuit.weights import from_copy, initial_weights
from synfire_bp.data.datasets import Dataset, Split
from synfire_bp.data.scores import Score, shut_samples
from synfire_bp.errors import SynfireError
from synfire_bp.loihi import constrain
from synfire_bp.loihi.formats import quantise_weight
from synfire_bp.loihi.placement import place
from synfire_bp.loihi.spec import LoihiSpec, SignMode
from synfire_bp.model.experiment import LAYERS, Experiment
from synfire_bp.network.lines import combined
from synfire_bp.oracle import deep as deep_oracle
from synfire_bp.oracle import two_layers as oracle
from synfire_bp.program import Program, ProgramResult, ProgramSpec, SampleFiles, build_programs

__all__ = [
    "ENGINES",
    "CircuitEngine",
    "Engine",
    "OracleEngine",
    "Segment",
    "Stop",
    "Stray",
    "check_engine",
    "circuit_engine",
    "circuits",
    "explain_strays",
    "make_engine",
    "starting_weights",
    "strays",
    "training_split",
]

Weights = tuple[NDArray[np.int16], ...]
Progress = Callable[[int], None]
"""Told how many samples of the present call are done."""
Stop = Callable[[], bool]
"""Asked often; true ends the call after a whole sample."""

_CHUNK = 5000  # samples that the oracle does between two looks at the clock


@dataclass(frozen=True)
class Stray:
    """Spikes of a population in a phase in which it must be silent."""

    population: str
    phase: int
    spikes: int


@dataclass(frozen=True)
class Segment:
    """What an engine did with some samples.

    Attributes
    ----------
    samples : int
        How many it showed; fewer than asked for if it was told to stop.
    weights : tuple of int16 arrays
        One matrix per weight layer, afterwards; then those for feedback, if it has its own.
    score : Score
        Of every sample as it was shown, before its update.
    activity : dict
        Sums over the samples: what the engine can count beside the score.
    spike_counts : dict
        Population name to spikes per phase (circuit only).
    strays : tuple of Stray
        Spikes in phases in which they must not be (circuit only).
    copies : dict
        Plastic projection to the layer's matrix as it holds it, turned into the layer's orientation
        and sign; all of a layer must be equal (circuit only).
    recorded : dict
        Population name to (neuron, step) of its spikes, if recording was asked for.
    shut : float64 array or None
        Of a test: the fraction of each class's samples from which its output unit cannot learn
        (`synfire_bp.data.scores.shut_samples`).
    """

    samples: int
    weights: Weights
    score: Score
    activity: dict[str, int] = field(default_factory=dict)
    spike_counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()
    copies: dict[PlasticProjection, NDArray[np.int16]] = field(default_factory=dict)
    recorded: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)
    shut: NDArray[np.float64] | None = None

    @property
    def differing_copies(self) -> Copies | None:
        """The matrix of each plastic projection if they differ within a layer, else None."""
        return {row.name: matrix for row, matrix in self.copies.items()} if self.unequal else None

    @property
    def unequal(self) -> dict[str, int]:
        """Plastic projection to the number of its weights that differ from the layer's first copy.

        Empty if all copies are equal, as they must be.
        """
        different = {
            row.name: int(np.count_nonzero(matrix != self.weights[row.layer]))
            for row, matrix in self.copies.items()
        }
        return {name: count for name, count in different.items() if count}


class Engine(Protocol):
    """What trains and tests a network."""

    name: str

    def train(
        self,
        weights: Weights,
        order: NDArray[np.integer],
        *,
        copies: Copies | None = None,
        shown_before: int = 0,
        record: bool = False,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show training samples in `order`, learning; `weights` stay as they are.

        `copies` holds the matrix of each plastic projection, where they differ within a layer;
        `shown_before` is the number of samples that this training has shown before.
        """

    def test(
        self,
        weights: Weights,
        split: str,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show every sample of a split ("train" or "test") without learning."""

    def close(self) -> None:
        """Give back what the engine holds outside of memory."""


def circuits(experiment: Experiment) -> tuple[Circuit, Circuit]:
    """Return the training and the inference circuit of an experiment, with its variants' rows."""
    network = experiment.network
    makers = (
        (backprop_circuit, inference_circuit)
        if len(network.sizes) == LAYERS
        else (deep_circuit, deep_inference_circuit)
    )
    pair = (
        makers[0](network.sizes, closing=network.closing, weight_limit=network.weight_limit),
        makers[1](network.sizes, closing=network.closing, weight_limit=network.weight_limit),
    )
    for variant in experiment.variants:
        pair = variant.circuit(pair[0]), variant.circuit(pair[1])
    return pair


def starting_weights(experiment: Experiment) -> Weights:
    """Return the weights that a training starts from: drawn, and as the network can hold them."""
    circuit, seed = circuits(experiment)[0], experiment.training.seed
    lowest, highest = weight_bounds(
        circuit, None if experiment.hardware is None else experiment.hardware.spec()
    )
    network = experiment.network
    drawn = initial_weights(network.sizes, seed, spread=network.initial_spread)
    for variant in experiment.variants:
        drawn = variant.starting_weights(drawn, circuit, seed)
    if experiment.hardware is not None:
        spec = experiment.hardware.spec()
        drawn = tuple(quantise_weight(w, 0, SignMode.MIXED, spec).astype(np.int16) for w in drawn)
    return tuple(np.clip(matrix, lowest, highest) for matrix in drawn)


def _first_moment(experiment: Experiment) -> int:
    """Return the seed of what happens at random, at the first sample of a training."""
    return (experiment.training.seed * 1_000_003) % 2**30


_PREPARED: WeakKeyDictionary[Split, dict[int, oracle.Samples]] = WeakKeyDictionary()


def _prepared(split: Split, n_out: int) -> oracle.Samples:
    """Return a split made ready for the oracle: once, however many trainings share it."""
    ready = _PREPARED.setdefault(split, {})
    if n_out not in ready:
        ready[n_out] = oracle.Samples.of(split.inputs, split.labels, n_out)
    return ready[n_out]


class OracleEngine:
    """The algorithm in integers, in the semantics of the circuit.

    `synfire_bp.oracle` for two weight layers, `synfire_bp.oracle.deep` for more.
    """

    name = "oracle"

    def __init__(self, experiment: Experiment, dataset: Dataset):
        _refuse_obstacles(experiment)
        self._n_out = experiment.network.sizes[-1]
        splits = {"train": training_split(experiment, dataset), "test": dataset.test}
        self._samples = {name: _prepared(split, self._n_out) for name, split in splits.items()}
        self._limit = experiment.network.weight_limit
        rule = parse_rule(experiment.learning.rule)
        self._potentiation, self._depression = rule.coincidence()
        self._deviation = oracle.PAPER
        for variant in experiment.variants:
            self._deviation = replace(self._deviation, **variant.algorithm())
        self._sizes, self._variants = experiment.network.sizes, experiment.variants
        self._layers = len(self._sizes) - 1
        self._seed = _first_moment(experiment)
        self._n_phases = circuits(experiment)[0].n_phases
        self._showings = math.prod(variant.showings for variant in experiment.variants)

    def train(
        self,
        weights: Weights,
        order: NDArray[np.integer],
        *,
        copies: Copies | None = None,
        shown_before: int = 0,
        record: bool = False,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show training samples in `order`, learning."""
        if record:
            raise SynfireError(
                "the oracle has no spikes to record; set record.samples to 0 or use --engine "
                "circuit"
            )
        learnt = tuple(matrix.copy() for matrix in weights)
        score, done = Score.none(self._n_out), 0
        changes = [f"changes_w{layer + 1}" for layer in range(self._layers)]
        activity = dict.fromkeys(
            ("hidden_spikes", "output_spikes", "samples_with_error", *changes), 0
        )
        while done < len(order) and not (stop is not None and stop()):
            chunk = order[done : done + _CHUNK]
            result = self._learn(learnt, chunk, shown_before + done)
            done += len(chunk)
            score = score + result.score
            activity["hidden_spikes"] += result.hidden_spikes
            activity["output_spikes"] += result.output_spikes
            activity["samples_with_error"] += result.samples_with_error
            for name, change in zip(changes, result.weight_changes, strict=True):
                activity[name] += change
            if progress is not None:
                progress(done)
        return Segment(done, learnt, score, activity)

    def _learn(
        self, weights: Weights, order: NDArray[np.integer], shown_before: int
    ) -> deep_oracle.DeepResult:
        """Change weights in place; `shown_before` samples were shown before."""
        samples = self._samples["train"]
        forward, back = weights[: self._layers], weights[self._layers :]
        if self._layers > LAYERS - 1:
            return deep_oracle.train_samples(
                samples, forward, order,
                feedback=back or None, direct=self._deviation.direct,
                learn_feedback=bool(back) and self._deviation.back_learns,
                potentiation=self._potentiation, depression=self._depression, limit=self._limit,
            )  # fmt: skip
        w1, w2 = forward
        result = oracle.train_samples(
            samples, w1, w2, order,
            potentiation=self._potentiation, depression=self._depression, limit=self._limit,
            deviation=replace(
                self._deviation, back=back[0] if back else None, shown=shown_before
            ),
            changes=self._changes(shown_before), showings=self._showings,
        )  # fmt: skip
        return deep_oracle.DeepResult(
            result.score,
            round(result.hidden_active * len(order) * w1.shape[1]),
            round(result.output_active * len(order) * w2.shape[1]),
            result.samples_with_error,
            result.weight_changes,
        )

    def _changes(self, shown_before: int) -> oracle.Changes | None:
        seed = (self._seed + shown_before * self._n_phases) % 2**31
        found = (v.changes(self._sizes, self._limit, seed) for v in self._variants)
        return next((changes for changes in found if changes is not None), None)

    def test(
        self,
        weights: Weights,
        split: str,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show every sample of a split without learning."""
        samples = self._samples[split]
        forward = weights[: self._layers]
        outputs = (
            deep_oracle.forward_samples(samples, forward)
            if self._layers > LAYERS - 1
            else oracle.forward_samples(samples, *forward)
        )
        score = Score.of(outputs.spikes, outputs.potentials, samples.labels)
        if progress is not None:
            progress(len(samples))
        shut = shut_samples(outputs.potentials, samples.labels)
        return Segment(len(samples), weights, score, shut=shut)

    def close(self) -> None:
        """Nothing is held."""


def _constrain(circuit: Circuit, chip: LoihiSpec) -> None:
    """Refuse a circuit that the chip cannot hold."""
    reach = min(circuit.weight_limit, weight_bounds(circuit, chip)[1])
    constrain(replace(circuit, weight_limit=reach), chip, strict=True)
    place(circuit)


class CircuitEngine:
    """The spiking circuit: compiled once for training and once for inference.

    The programs are built on creation, only those for what is in `uses` ("train", "test").  Each
    call of `train` or `test` starts the circuit from silence with the given weights, so an
    interrupted training continues to the same bits.
    """

    name = "circuit"

    def __init__(
        self,
        experiment: Experiment,
        dataset: Dataset,
        uses: Sequence[str] = ("train", "test"),
    ):
        self._circuit, self._inference = circuits(experiment)
        self._chip = None if experiment.hardware is None else experiment.hardware.spec()
        if self._chip is not None:
            _constrain(self._circuit, self._chip)
        self._layout = PlasticLayout(self._circuit)
        self._rule = parse_rule(experiment.learning.rule)
        self._seed = _first_moment(experiment)
        self._inference_layout = PlasticLayout(self._inference)
        self._files = {"train": training_split(experiment, dataset), "test": dataset.test}
        self._on_disk: dict[str, SampleFiles] = {}
        self._variants = experiment.variants
        lines = combined(variant.lines() for variant in self._variants)
        specs = {
            "train": ProgramSpec(
                self._circuit, experiment.learning.rule, chip=self._chip, lines=lines
            ),
            "test": ProgramSpec(
                self._inference,
                None,
                chip=self._chip,
                lines=combined(variant.inference_lines() for variant in self._variants),
            ),
        }
        programs = build_programs([specs[use] for use in uses])
        self._programs: dict[str, Program] = dict(zip(uses, programs, strict=True))

    def train(
        self,
        weights: Weights,
        order: NDArray[np.integer],
        *,
        copies: Copies | None = None,
        shown_before: int = 0,
        record: bool = False,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show training samples in `order`, learning."""
        # what is rounded at random hangs on the seed and the time step since the first sample
        moved_on = shown_before * self._circuit.n_phases
        seed = (self._seed + moved_on) % 2**31
        start: dict[str, NDArray | int] = {
            **numbers(
                self._circuit,
                self._layout,
                weights,
                self._rule,
                chip=self._chip,
                copies=copies,
                seed=seed,
            ),
            **self._variant_numbers(seed, shown_before),
            "cells.record_from": 0,
            "cells.record_until": len(order) if record else 0,
        }
        result = self._programs["train"].run(
            start, self._samples("train"), order, progress=progress, stop=stop
        )
        left, afterwards = self._matrices(result)
        labels = self._files["train"].labels[order[: result.samples]]
        return self._segment(self._circuit, result, afterwards, labels, left)

    def test(
        self,
        weights: Weights,
        split: str,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show every sample of a split to the four-phase inference circuit."""
        labels = self._files[split].labels
        start = numbers(self._inference, self._inference_layout, weights, chip=self._chip)
        for variant in self._variants:
            start |= variant.inference_numbers(
                self._inference, self._inference_layout, self._seed + 2**30
            )
        result = self._programs["test"].run(
            start, self._samples(split), np.arange(len(labels)), progress=progress, stop=stop
        )
        labels = labels[: result.samples]
        segment = self._segment(self._inference, result, weights, labels, {})
        shut = shut_samples(result.arrays["readout.potential"], labels)
        return replace(segment, shut=shut)

    def _matrices(
        self, result: ProgramResult
    ) -> tuple[dict[PlasticProjection, NDArray[np.int16]], Weights]:
        """Return every copy that training left, in its layer's orientation, and the first ones."""
        left = {
            row: np.ascontiguousarray(from_copy(row, matrix))
            for row, matrix in self._layout.unpack(result.arrays["plastic.w"]).items()
        }
        first = {row.layer: matrix for row, matrix in reversed(left.items())}
        return left, tuple(first[layer] for layer in sorted(first))

    def _variant_numbers(self, seed: int, shown_before: int) -> dict[str, NDArray | int]:
        given: dict[str, NDArray | int] = {}
        for variant in self._variants:
            given |= variant.numbers(self._circuit, self._layout, seed)
            given |= variant.moment(self._circuit, shown_before)
        return given

    def close(self) -> None:
        """Remove the samples that were written for the programs."""
        for files in self._on_disk.values():
            files.close()
        self._on_disk.clear()

    def _samples(self, split: str) -> SampleFiles:
        if split not in self._on_disk:
            samples = self._files[split]
            self._on_disk[split] = SampleFiles(samples.inputs, samples.labels)
        return self._on_disk[split]

    @staticmethod
    def _segment(
        circuit: Circuit,
        result: ProgramResult,
        weights: Weights,
        labels: NDArray[np.int64],
        copies: dict[PlasticProjection, NDArray[np.int16]],
    ) -> Segment:
        arrays = result.arrays
        table = arrays["census.total"].reshape(-1, circuit.n_phases)
        counts = dict(zip(circuit.slices, table, strict=True))
        score = Score.of(arrays["readout.fired"], arrays["readout.potential"], labels)
        activity = {
            "hidden_spikes": sum(
                int(counts[name][circuit.forward_phase(name)]) for name in circuit.hidden_units
            ),
            "output_spikes": int(arrays["readout.fired"].sum()),
        }
        recorded = {
            name: (arrays["recorder.i"][inside] - place.start, arrays["recorder.step"][inside])
            for name, place in circuit.slices.items()
            for inside in [
                (arrays["recorder.i"] >= place.start) & (arrays["recorder.i"] < place.stop)
            ]
        }
        return Segment(
            result.samples, weights, score, activity, counts, strays(circuit, counts), copies,
            recorded if arrays["recorder.i"].size else {},
        )  # fmt: skip


ENGINES: dict[str, type[OracleEngine] | type[CircuitEngine]] = {
    "circuit": CircuitEngine,
    "oracle": OracleEngine,
}
"""Engines by the name that the command line uses."""


def make_engine(name: str, experiment: Experiment, dataset: Dataset) -> Engine:
    """Return an engine by name.

    Raises
    ------
    SynfireError
        If there is no engine of this name, or it cannot run this experiment.
    """
    check_engine(name, experiment)
    if name == "circuit":
        return circuit_engine(experiment, dataset)
    return ENGINES[name](experiment, dataset)


def check_engine(name: str, experiment: Experiment) -> None:
    """Check that an engine can run an experiment, before anything is loaded or compiled for it.

    Raises
    ------
    SynfireError
        If there is no engine of this name, or it cannot run this experiment.
    """
    if name not in ENGINES:
        raise SynfireError(f"engine '{name}' is unknown; use one of {', '.join(ENGINES)}")
    circuit, hardware = circuits(experiment)[0], experiment.hardware
    if (
        name == "oracle"
        and hardware is not None
        and (hardware.weight_bits < 8 or not hardware.symmetric)
    ):
        raise SynfireError(
            "the oracle clips weights at ±254 and knows no chip; use the engine 'circuit', set "
            "hardware.symmetric=true (and 8 weight bits), or remove 'hardware'"
        )
    if name == "oracle":
        _refuse_obstacles(experiment)
        parse_rule(experiment.learning.rule).coincidence()
    elif hardware is not None:
        _constrain(circuit, hardware.spec())


def circuit_engine(
    experiment: Experiment, dataset: Dataset, uses: Sequence[str] = ("train", "test")
) -> CircuitEngine:
    """Return the spiking circuit of an experiment, with the neurons that it asks for."""
    if experiment.neuron is None:
        return CircuitEngine(experiment, dataset, uses)
    from synfire_bp.engines.physical import PhysicalEngine

    return PhysicalEngine(experiment, dataset, uses)


def _refuse_obstacles(experiment: Experiment) -> None:
    """Refuse a variant that the algorithm in integers cannot follow.

    Raises
    ------
    SynfireError
        If there is one; it says why.
    """
    for variant in experiment.variants:
        if variant.obstacle is not None:
            raise SynfireError(f"{variant.obstacle}; use the engine 'circuit'")


def training_split(experiment: Experiment, dataset: Dataset) -> Split:
    """Return the training samples of an experiment: the first ones, if it asks for fewer."""
    n = experiment.training.samples
    if n is None or n == len(dataset.train):
        return dataset.train
    if n > len(dataset.train):
        raise SynfireError(
            f"training.samples is {n}, but {dataset.name} has {len(dataset.train)} training samples"
        )
    return Split(dataset.train.inputs[:n], dataset.train.labels[:n])


def strays(circuit: Circuit, counts: Mapping[str, NDArray[np.integer]]) -> tuple[Stray, ...]:
    """Return the spikes that fell into phases in which their population must be silent."""
    allowed = firing_table(circuit)
    return tuple(
        Stray(name, phase, int(spikes))
        for name, per_phase in counts.items()
        for phase, spikes in enumerate(per_phase)
        if spikes and phase not in allowed[name]
    )


def explain_strays(circuit: Circuit, found: Sequence[Stray]) -> str:
    """Say which populations fired when they must not, why that happens, and what to change."""
    shown = "; ".join(f"{s.population} {s.spikes}x in phase {s.phase}" for s in found[:6])
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    return (
        f"stray spikes: {shown}{more}. A closed population withstands a sum of inputs of "
        f"{circuit.withstands()}; with many active inputs and large weights the sum outgrows it. "
        f"Raise network.closing (now {circuit.closing}, at most 32128), lower "
        f"network.weight_limit (now {circuit.weight_limit}), or use fewer active inputs "
        "(dataset.crop, dataset.threshold)"
    )
