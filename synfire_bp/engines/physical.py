"""The engine that trains and tests a circuit of neurons in physical units.

A membrane remembers, so it matters when a circuit starts from rest.  It does so at fixed samples of
a training (every `BLOCK`), and wherever a training pauses anyway: at every test, at the end of an
epoch, and where recording begins.  It can be stopped only there.  So a training that was stopped
and resumed ends with the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, PlasticLayout
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.circuit.rule import parse_rule
from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.engines import (
    CircuitEngine,
    Progress,
    Segment,
    Stop,
    Weights,
    circuits,
    strays,
    training_split,
)
from synfire_bp.errors import ExperimentError
from synfire_bp.model.experiment import Experiment
from synfire_bp.network.lines import combined
from synfire_bp.physical.network import neuron_code, physical_numbers
from synfire_bp.program import ProgramResult, ProgramSpec, SampleFiles, build_programs

__all__ = ["BLOCK", "PhysicalEngine"]

BLOCK = 250
"""Samples between two starts from rest."""
_TEST_MOMENT = 2**30
"""The noise of tests is not that of the training."""


class PhysicalEngine(CircuitEngine):
    """The spiking circuit with neurons in physical units, compiled like `CircuitEngine`."""

    def __init__(
        self,
        experiment: Experiment,
        dataset: Dataset,
        uses: Sequence[str] = ("train", "test"),
    ):
        assert experiment.neuron is not None
        self._neuron = experiment.neuron
        self._circuit, self._inference = circuits(experiment)
        self._check(experiment)
        self._layout = PlasticLayout(self._circuit)
        self._inference_layout = PlasticLayout(self._inference)
        self._rule = parse_rule(experiment.learning.rule)
        self._seed = experiment.training.seed
        self._files = {"train": training_split(experiment, dataset), "test": dataset.test}
        self._on_disk: dict[str, SampleFiles] = {}
        code = neuron_code(self._neuron)
        specs = {
            "train": ProgramSpec(self._circuit, experiment.learning.rule, neuron=code),
            "test": ProgramSpec(self._inference, None, neuron=code),
        }
        programs = build_programs([specs[use] for use in uses])
        self._programs = dict(zip(uses, programs, strict=True))

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
        """Show training samples in `order`, learning; from rest at every block."""
        steps, done = self._circuit.n_phases * self._neuron.timing.phase, 0
        parts: list[Segment] = []
        while done < len(order) and not (parts and stop is not None and stop()):
            before = shown_before + done
            shown = order[done : done + BLOCK - before % BLOCK]
            moment = ((self._seed * 1_000_003) % 2**30 + before * steps) % 2**31
            start = {
                **self._numbers(weights, copies, moment),
                "cells.record_from": 0,
                "cells.record_until": len(shown) if record else 0,
            }
            result = self._programs["train"].run(
                start, self._samples("train"), shown, progress=_after(done, progress)
            )
            left, weights = self._matrices(result)
            segment = self._in_phases(
                self._circuit, result, weights, self._files["train"].labels[shown], left
            )
            copies = segment.differing_copies
            parts.append(segment)
            done += segment.samples
        return _joined(self._circuit, parts)

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
        start = physical_numbers(
            self._inference, self._inference_layout, self._neuron, weights,
            seed=self._seed, moment=(_TEST_MOMENT + self._seed * 1_000_003) % 2**31,
        )  # fmt: skip
        result = self._programs["test"].run(
            start, self._samples(split), np.arange(len(labels)), progress=progress, stop=stop
        )
        return self._in_phases(self._inference, result, weights, labels[: result.samples], {})

    def _numbers(
        self, weights: Weights, copies: Copies | None, moment: int
    ) -> dict[str, NDArray | float]:
        return physical_numbers(
            self._circuit, self._layout, self._neuron, weights, self._rule,
            copies=copies, seed=self._seed, moment=moment,
        )  # fmt: skip

    def _in_phases(
        self,
        circuit: Circuit,
        result: ProgramResult,
        weights: Weights,
        labels: NDArray[np.int64],
        copies: dict[PlasticProjection, NDArray[np.int16]],
    ) -> Segment:
        """Return the segment, with the phase of each recorded spike for its step."""
        steps = np.rint(result.arrays["recorder.t"] * 1e3 / self._neuron.dt).astype(np.int64)
        phases = steps // self._neuron.timing.phase - 1  # the kick comes one phase before
        arrays = result.arrays | {"recorder.step": phases}
        return self._segment(circuit, replace(result, arrays=arrays), weights, labels, copies)

    @staticmethod
    def _check(experiment: Experiment) -> None:
        others = [variant for variant in experiment.variants if variant is not experiment.neuron]
        if combined(variant.lines() for variant in others):
            raise ExperimentError(
                f"{experiment.name}: neuron: neurons in physical units know nothing of what the "
                "other variants of this model add to the chip's neurons and synapses; use one of "
                "them at a time"
            )


def _after(done: int, progress: Progress | None) -> Progress | None:
    """Return what is told of a block's progress, `done` samples into the call."""
    return None if progress is None else lambda n: progress(done + n)


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
    return replace(
        last, samples=samples, score=score, activity=activity, spike_counts=counts,
        recorded=recorded, strays=strays(circuit, counts),
    )  # fmt: skip
