"""The engine that runs the spiking circuit as a compiled program.

Neurons that remember (`Neurons.block`) start from rest at fixed samples of a training, and wherever
it pauses anyway; it can be stopped only there.  So a training that was stopped and resumed ends
with the same bits, whatever the neurons are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.weights import from_copy
from synfire_bp.data.datasets import Dataset, Split
from synfire_bp.data.scores import Score, shut_samples
from synfire_bp.engines.base import Progress, Segment, Stop, after, dataset_for, strays
from synfire_bp.engines.spec import CircuitProgram
from synfire_bp.errors import ExperimentError
from synfire_bp.model.model import Model, Weights, model_only
from synfire_bp.network.neurons import first_seed
from synfire_bp.network.numbers import Moment
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.program import Program, ProgramResult, SampleFiles, build_programs

__all__ = ["CircuitEngine"]

Spikes = dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]


class CircuitEngine:
    """The spiking circuit: compiled once for training and once for inference.

    The programs are built on creation, only those for what is in `uses` ("train", "test").  Each
    call of `train` or `test` starts the circuit from silence with the given weights, so an
    interrupted training continues to the same bits.

    Parameters
    ----------
    model : Model
        From `assemble`.
    dataset : Dataset
        Its samples.
    uses : sequence of {"train", "test"}
        What is compiled, once for a structure: it takes seconds, and is kept.

    Raises
    ------
    BuildError
        If there is no C++ compiler, or it fails.
    SynfireError
        If the circuit cannot be built of the model's neurons.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> small = ["network.sizes=[64, 8, 10]"]
    >>> model = sb.assemble(sb.Experiment.from_file("digits", small))
    >>> engine = sb.CircuitEngine(model, sb.load_dataset("digits"), uses=["train"])
    >>> segment = engine.train(model.start, np.arange(20))  # the first 20 samples
    >>> segment.samples, len(segment.strays)
    (20, 0)
    >>> engine.close()
    """

    name = "circuit"

    def __init__(self, model: Model, dataset: Dataset, uses: Sequence[str] = ("train", "test")):
        self.check(model)
        self._model = model
        self._plans = {"train": model.network, "test": model.inference}
        self._dataset = dataset_for(model, dataset)
        self._on_disk: dict[Split, SampleFiles] = {}
        programs = build_programs([CircuitProgram.of(self._plans[use]) for use in uses])
        self._programs: dict[str, Program] = dict(zip(uses, programs, strict=True))

    @staticmethod
    def check(model: Model) -> None:
        """Check that the circuit can be built of a model's neurons, before anything is compiled.

        Raises
        ------
        SynfireError
            If it cannot; it says why.
        """
        try:
            network = model_only(model).network
            network.neurons.refuse(network.circuit, network.lines)
            network.neurons.refuse_rule(model.rule)
        except ExperimentError as error:
            raise ExperimentError(f"{model.name}: {error}") from None

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
        block = self._plans["train"].neurons.block
        if block is None:
            return self._show(weights, order, copies, shown_before, record, progress, stop)
        done, parts = 0, list[Segment]()
        while done < len(order) and not (parts and stop is not None and stop()):
            before = shown_before + done
            shown = order[done : done + block - before % block]
            part = self._show(weights, shown, copies, before, record, after(done, progress), None)
            weights, copies = part.weights, part.differing_copies
            parts.append(part)
            done += part.samples
        return _joined(self._model.circuit, parts)

    def _show(
        self,
        weights: Weights,
        order: NDArray[np.integer],
        copies: Copies | None,
        shown_before: int,
        record: bool,
        progress: Progress | None,
        stop: Stop | None,
    ) -> Segment:
        """Show training samples from silence on."""
        plan, seed = self._plans["train"], self._model.seed
        moved_on = shown_before * plan.steps_per_sample
        epoch = shown_before // max(len(self._dataset.train), 1)
        at = Moment((first_seed(seed) + moved_on) % 2**31, shown_before, seed, epoch)
        start = {
            **plan.numbers(weights, at, copies),
            "cells.record_from": 0,
            "cells.record_until": len(order) if record else 0,
        }
        split = self._dataset.learnt
        result = self._programs["train"].run(
            start, self._files(split), order, progress=progress, stop=stop
        )
        left, afterwards = self._matrices(result, "plastic.w")
        labels = split.labels[order[: result.samples]]
        segment = self._segment(plan, result, afterwards, labels, left)
        if self._model.rule.fine is not None:
            _, tags = self._matrices(result, "plastic.tag")
            names = self._model.circuit.matrix_names
            segment = replace(segment, tags=dict(zip(names, tags, strict=True)))
        if not record:
            return segment
        potentials = result.arrays["readout.potential"].reshape(-1, self._model.n_out)
        return replace(segment, potentials=potentials.astype(np.int64))

    def test(
        self,
        weights: Weights,
        split: str,
        *,
        progress: Progress | None = None,
        stop: Stop | None = None,
    ) -> Segment:
        """Show every sample of a split to the four-phase inference circuit."""
        plan, seed = self._plans["test"], self._model.seed
        shown = {"train": self._dataset.train, "test": self._dataset.test}[split]
        labels = shown.labels
        at = Moment(plan.neurons.test_seed(seed), training_seed=seed)
        result = self._programs["test"].run(
            plan.numbers(weights, at),
            self._files(shown), np.arange(len(labels)), progress=progress, stop=stop,
        )  # fmt: skip
        labels = labels[: result.samples]
        segment = self._segment(plan, result, weights, labels, {})
        shut = shut_samples(result.arrays["readout.potential"], labels)
        fired = result.arrays["readout.fired"].sum(axis=0, dtype=np.int64)
        return replace(segment, shut=shut, fired=fired)

    def _matrices(
        self, result: ProgramResult, variable: str
    ) -> tuple[dict[PlasticProjection, NDArray[np.int16]], Weights]:
        """Return every copy that training left, in its layer's orientation, and the first ones.

        Of the weights, or of the tags.
        """
        left = {
            row: np.ascontiguousarray(from_copy(row, matrix))
            for row, matrix in self._plans["train"].layout.unpack(result.arrays[variable]).items()
        }
        first = {row.layer: matrix for row, matrix in reversed(left.items())}
        return left, tuple(first[layer] for layer in sorted(first))

    def close(self) -> None:
        """Remove the samples that were written for the programs, and let these be removed."""
        for files in self._on_disk.values():
            files.close()
        self._on_disk.clear()
        for program in self._programs.values():
            program.close()

    def _files(self, split: Split) -> SampleFiles:
        if split not in self._on_disk:
            self._on_disk[split] = SampleFiles(split.inputs, split.labels)
        return self._on_disk[split]

    @staticmethod
    def _segment(
        plan: NetworkPlan,
        result: ProgramResult,
        weights: Weights,
        labels: NDArray[np.int64],
        copies: dict[PlasticProjection, NDArray[np.int16]],
    ) -> Segment:
        circuit, arrays = plan.circuit, result.arrays
        steps = plan.neurons.steps(arrays)
        table = arrays["census.total"].reshape(-1, circuit.n_phases)
        counts = dict(zip(circuit.slices, table, strict=True))
        score = Score.of(arrays["readout.fired"], arrays["readout.potential"], labels)
        activity = {
            "hidden_spikes": sum(
                int(counts[name][circuit.forward_phase(name)]) for name in circuit.hidden_units
            ),
            "output_spikes": int(arrays["readout.fired"].sum()),
        }
        recorded, carried = _recorded(circuit, arrays, steps)
        return Segment(
            result.samples, weights, score, activity, counts, strays(circuit, counts), copies,
            recorded, carried,
        )  # fmt: skip


def _recorded(
    circuit: Circuit, arrays: Mapping[str, NDArray], steps: NDArray[np.int64]
) -> tuple[Spikes, dict[str, NDArray[np.int64]]]:
    """Return the recorded spikes of each population, and what those of graded ones carry."""
    cells, recorded, carried = arrays["recorder.i"], Spikes(), dict[str, NDArray[np.int64]]()
    if not cells.size:
        return recorded, carried
    for name, place in circuit.slices.items():
        inside = (cells >= place.start) & (cells < place.stop)
        recorded[name] = (cells[inside] - place.start, steps[inside])
        if name in circuit.grades:
            carried[name] = arrays["recorder.carried"][inside].astype(np.int64)
    return recorded, carried


def _joined(circuit: Circuit, parts: list[Segment]) -> Segment:
    """Return several segments of one training as one."""
    last, score, samples = parts[-1], parts[0].score, parts[0].samples
    activity, counts = dict(parts[0].activity), dict(parts[0].spike_counts)
    recorded = dict(parts[0].recorded)
    for part in parts[1:]:
        for name, value in part.activity.items():
            activity[name] += value
        for name, spikes in part.spike_counts.items():
            counts[name] = counts[name] + spikes
        late = samples * circuit.n_phases
        for name, (i, step) in part.recorded.items():
            before = recorded.get(name, (i[:0], step[:0]))
            recorded[name] = (
                np.concatenate([before[0], i]),
                np.concatenate([before[1], step + late]),
            )
        score, samples = score + part.score, samples + part.samples
    carried = {
        name: np.concatenate([part.carried[name] for part in parts if part.carried])
        for name in last.carried
    }
    potentials = [part.potentials for part in parts if part.potentials is not None]
    return replace(
        last, samples=samples, score=score, activity=activity, spike_counts=counts,
        recorded=recorded, carried=carried, strays=strays(circuit, counts),
        potentials=np.concatenate(potentials) if potentials else None,
    )  # fmt: skip
