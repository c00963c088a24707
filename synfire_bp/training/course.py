"""The course of one training, from pause to pause, from its checkpoint to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.layout import apart, with_tags
from synfire_bp.data.datasets import Dataset
from synfire_bp.data.images import shifts
from synfire_bp.data.scores import Score
from synfire_bp.engines.base import Engine, Segment, Stop, explain_strays, training_split
from synfire_bp.errors import (
    ExperimentError,
    Interrupted,
    InvariantError,
    RunDirectoryError,
    another_out,
    to_caller,
)
from synfire_bp.model.model import Model
from synfire_bp.progress import WorkProgress
from synfire_bp.runs.checkpoint import Checkpoint
from synfire_bp.runs.run import Run
from synfire_bp.runs.writer import RunWriter
from synfire_bp.training.alignment import alignment
from synfire_bp.training.guarantees import suspects
from synfire_bp.training.schedule import evaluation_points, next_pause, shown_order
from synfire_bp.training.silence import findings, said_before

__all__ = ["Course", "Memory", "how_to_go_on"]

_REST = 100
"""So many times as long as saving takes, a training goes on before it saves again."""

Spikes = Mapping[str, tuple[NDArray[np.integer], NDArray[np.integer]]]
"""Population name to (neuron, step) of its spikes."""


@dataclass
class Memory:
    """In the place of a run directory: keeps where a training stands, and writes nothing."""

    path: Path = Path("memory")
    checkpoint: Checkpoint | None = None

    def save(self, checkpoint: Checkpoint, samples_done: int, *, keep_spikes: bool) -> None:
        """Keep where the training stands."""
        self.checkpoint = checkpoint

    def warn(self, text: str) -> None:
        """Say nothing: the table says it."""


@dataclass
class _Sums:
    """What is added up between two tests."""

    score: Score
    activity: dict[str, int] = field(default_factory=dict)
    spike_counts: dict[str, list[int]] = field(default_factory=dict)
    strays: int = 0
    unequal: int = 0
    seconds: float = 0.0

    @classmethod
    def stored(cls, counters: dict[str, Any], n_out: int) -> _Sums:
        """Return the sums that a checkpoint holds."""
        rest = dict(counters)
        score = rest.pop("score", None)
        if not score:
            return cls(Score.none(n_out), **rest)
        named = dict(zip(vars(Score.none(n_out)), score, strict=True))
        return cls(Score(**named | {"among": tuple(named["among"])}), **rest)

    def counters(self) -> dict[str, Any]:
        """Return the sums as a checkpoint holds them."""
        return vars(self) | {"score": list(astuple(self.score))}

    def add(self, segment: Segment, seconds: float) -> None:
        """Add what an engine did."""
        self.score = self.score + segment.score
        for name, count in segment.activity.items():
            self.activity[name] = self.activity.get(name, 0) + count
        for name, counts in segment.spike_counts.items():
            before = self.spike_counts.get(name, [0] * len(counts))
            self.spike_counts[name] = [int(a + b) for a, b in zip(before, counts, strict=True)]
        self.strays += sum(stray.spikes for stray in segment.strays)
        self.unequal = sum(segment.unequal.values())
        self.seconds += seconds


def how_to_go_on(path: Path) -> str:
    """Return how a training that was stopped is taken up again."""
    return to_caller(
        f"go on with --resume and --out {path}", f"go on with resume=True and out={str(path)!r}"
    )


class Course:
    """One training, from its checkpoint to its end."""

    def __init__(
        self,
        model: Model,
        engine: str,
        dataset: Dataset,
        writer: RunWriter | Memory,
        tail: int,
        keep_going: bool,
        progress: WorkProgress,
        stop: Stop,
        on_test: Callable[[float, Segment], None] | None = None,
    ):
        self.model, self.writer, self.progress, self.stop = model, writer, progress, stop
        self.keep_going, self.on_test = keep_going, on_test
        self.labels = training_split(model, dataset).labels
        self.n, self.n_out = len(self.labels), model.n_out
        self.circuit = model.circuit
        self.n_phases = self.circuit.n_phases
        plan = model.experiment.training
        self.total = self.n * plan.epochs
        self.points = evaluation_points(self.n, plan.epochs, plan.evaluate_every)
        self.recorded_from = self.total - tail if tail else self.total
        self.begun = time.perf_counter()
        self._saved, self._to_save = self.begun, 0.0
        weights = model.start
        self.checkpoint = writer.checkpoint or Checkpoint(
            engine, model.experiment.fingerprint(), 0, 0, weights, weights,
            names=self.circuit.matrix_names,
        )  # fmt: skip
        self.weights = self.checkpoint.weights
        self.copies = self.checkpoint.copies
        self.done = self.checkpoint.epoch * self.n + self.checkpoint.position
        self.sums = _Sums.stored(self.checkpoint.counters, self.n_out)
        self._recorded_before()  # to complain now, not after hours

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return self.done >= self.total and not self.sums.score.samples

    def run(self, engine: Engine) -> None:
        """Train to the end; at every pause, save."""
        self.progress.begin(self.model.name, self.total, self.done)
        while not self.finished:
            if self.done in self.points and self.sums.score.samples:
                self._evaluate(engine)
            else:
                self._train_to_next_pause(engine)
            if self.stop():
                self._save()
                raise Interrupted(
                    f"stopped after {self.done:,} of {self.total:,} samples; "
                    f"{how_to_go_on(self.writer.path)}"
                )
        self._save()

    def _train_to_next_pause(self, engine: Engine) -> None:
        epoch, position = divmod(self.done, self.n)
        pause = next_pause(self.done, self.n, self.points, self.recorded_from)
        if position == 0 and self.model.experiment.training.renew_copies:
            # the engine makes them from the layers' matrices
            self.copies = with_tags(None, apart(self.copies)[1])
        order = shown_order(self.model, epoch, self.n)
        shown = order[position : position + pause - self.done]
        recording = self.done >= self.recorded_from
        before, start = self.done, time.perf_counter()
        segment = engine.train(
            self.weights, shown, copies=self.copies, shown_before=before, record=recording,
            stop=self.stop, progress=lambda n: self.progress.reached(before + n),
        )  # fmt: skip
        if segment.samples < len(shown) and (recording or not self.model.guarantees.samples_apart):
            return  # a record with a gap is none: --resume shows these samples again
        if recording:
            self._write_spikes(segment.recorded, segment.potentials, shown)
        self._check_invariants(segment, training=True)
        self.sums.add(segment, time.perf_counter() - start)
        self.weights, self.copies = segment.weights, segment.differing_copies
        self.done += segment.samples
        self._save_now_and_then()

    def _write_spikes(
        self, recorded: Spikes, potentials: NDArray[np.int64] | None, shown: NDArray[np.int64]
    ) -> None:
        """Store the spikes of the samples just shown, after those of the record so far."""
        before, samples, earlier_potentials = self._recorded_before()
        offset = self.n_phases * len(samples)
        spikes = {
            name: (np.concatenate([earlier_i, i]), np.concatenate([earlier_step, step + offset]))
            for name, (i, step) in recorded.items()
            for earlier_i, earlier_step in [before.get(name, (i[:0], step[:0]))]
        }
        about = {}
        if potentials is not None and len(earlier_potentials) == len(samples):
            about["potentials"] = np.concatenate([earlier_potentials, potentials])
        samples = np.concatenate([samples, shown % self.n])
        if furthest := self.model.experiment.dataset.shift:
            about["shifts"] = shifts(furthest)[self._shown_since_recording(len(samples)) // self.n]
        assert isinstance(self.writer, RunWriter)
        self.writer.write_spikes(
            spikes, samples=samples, labels=self.labels[samples], first=self.recorded_from, **about
        )

    def _shown_since_recording(self, count: int) -> NDArray[np.int64]:
        """Return the numbers in `learning_split` of the first `count` samples of the record."""
        first, behind = divmod(self.recorded_from, self.n)
        epochs = range(first, first + -(-(behind + count) // self.n))
        orders = [shown_order(self.model, epoch, self.n) for epoch in epochs]
        return np.concatenate(orders)[behind : behind + count]

    def _recorded_before(self) -> tuple[Spikes, NDArray[np.int64], NDArray[np.int64]]:
        """Return the spikes of the record so far, which samples it holds, and their potentials.

        A record of version 0.1.0 has no potentials, and gets none.

        A test or the end of an epoch cuts a record in two; so does a resumed training.
        """
        none = np.empty((0, self.n_out), dtype=np.int64)
        if self.done <= self.recorded_from:
            return {}, none[:, 0], none
        run = Run(self.writer.path)
        try:
            first, samples = int(run.spikes_about["first"]), run.spikes_about["samples"]
            whole = first <= self.recorded_from and first + len(samples) >= self.done
        except (RunDirectoryError, KeyError):
            whole = False
        if not whole:
            raise ExperimentError(
                f"{self.model.name}: record.samples asks for the samples from number "
                f"{self.recorded_from + 1:,} on, but {self.done:,} were shown already and not all "
                "of them recorded; set record.samples to 0, raise training.epochs, or "
                f"{another_out()}"
            )
        begin, end = self.recorded_from - first, self.done - first
        spikes = {
            name: (i[inside], step[inside] - begin * self.n_phases)
            for name, (i, step) in run.spikes.items()
            for inside in [(step >= begin * self.n_phases) & (step < end * self.n_phases)]
        }
        return spikes, samples[begin:end], run.spikes_about.get("potentials", none)[begin:end]

    def _evaluate(self, engine: Engine) -> None:
        start = time.perf_counter()
        tested = engine.test(self.weights, "test", stop=self.stop)
        if self.stop():
            return  # perhaps incomplete: --resume tests again
        self._check_invariants(tested, training=False)
        epoch, seconds = self.done / self.n, time.perf_counter() - start
        if self.on_test is not None:
            self.on_test(epoch, tested)
        rows = [
            {"epoch": epoch, "split": "train", **self.sums.score.row(),
             "seconds": round(self.sums.seconds, 3)},
            {"epoch": epoch, "split": "test", **tested.score.row(), "seconds": round(seconds, 3)},
        ]  # fmt: skip
        counts = [
            {"epoch": epoch, "population": name, "phase": phase, "spikes": spikes}
            for name, per_phase in self.sums.spike_counts.items()
            for phase, spikes in enumerate(per_phase)
        ]
        self.checkpoint.metrics.extend(rows)  # in place: there may be thousands of tests
        self.checkpoint.activity.append(self._activity_row(epoch, tested))
        self.checkpoint.spike_counts.extend(counts)
        self.progress.note(self._summary(rows))
        self.sums = _Sums(Score.none(self.n_out))
        self._save_now_and_then()

    def _warn(self, tested: Segment) -> str:
        """Say what is dead, each kind once in a training, and return all of it for the table."""
        sums, before = self.sums, said_before(self.checkpoint.activity)
        found = findings(
            self.model, tested, sums.spike_counts, sums.activity, sums.score.squared_errors,
            self.checkpoint.initial_weights, self.weights,
        )  # fmt: skip
        for finding in found:
            if finding.kind not in before:
                self.progress.note(f"warning: {finding.text}")
                self.writer.warn(finding.text)
        return "; ".join(finding.name for finding in found)

    def _activity_row(self, epoch: float, tested: Segment) -> dict[str, Any]:
        sums, n = self.sums, self.sums.score.samples
        n_hid = sum(self.circuit.sizes[1:-1])
        activity = dict(sums.activity)
        spikes = (("hidden", n * n_hid), ("output", n * self.n_out))
        active = {  # an engine of a plug-in may not count them
            f"{layer}_active": activity.pop(f"{layer}_spikes") / at_most
            for layer, at_most in spikes
            if f"{layer}_spikes" in activity
        }
        return {
            "epoch": epoch,
            "samples": n,
            **active,
            **activity,
            "stray_spikes": sums.strays,
            "unequal_weights": sums.unequal,
            **self._alignment(),
            "warnings": self._warn(tested),
        }

    def _alignment(self) -> Mapping[str, float]:
        """Return the angles between W2 and what errors come back through, where it is not W2."""
        if not self.circuit.further and self.model.guarantees.copies_equal:
            return {}
        return alignment(self.circuit, self.weights, self.copies)

    def _summary(self, rows: list[dict[str, Any]]) -> str:
        per_sample = 1000 * rows[0]["seconds"] / rows[0]["samples"]
        splits = "; ".join(
            f"{row['split']} {100 * row['accuracy_spikes']:.2f} % by spikes, "
            f"{100 * row['accuracy_potential']:.2f} % by potential"
            for row in rows
        )
        broken = (
            f"; {self.sums.strays} stray spikes, {self.sums.unequal} unequal weights"
            if self.sums.strays or self.sums.unequal
            else ""
        )
        return f"epoch {rows[0]['epoch']:g}: {splits}; {per_sample:.3f} ms a sample{broken}"

    def _check_invariants(self, segment: Segment, *, training: bool) -> None:
        problems = []
        if segment.strays and self.model.guarantees.silent_when_closed:
            plan = self.model.network if training else self.model.inference
            why = explain_strays(plan.circuit, segment.strays, plan.neurons.chip)
            problems.append(why + suspects(self.model, "silent_when_closed"))
        if segment.unequal and self.model.guarantees.copies_equal:
            unequal = ", ".join(f"{name}: {count}" for name, count in segment.unequal.items())
            problems.append(
                f"copies of a weight matrix differ ({unequal} weights differ from the layer's "
                "first copy); the rule must add with reward as much as it subtracts without"
                + suspects(self.model, "copies_equal")
            )
        if not problems:
            return
        where = f"epoch {self.done // self.n + 1}, {'training' if training else 'testing'}"
        message = f"{where}: " + "\n".join(problems)
        if not self.keep_going:
            raise InvariantError(
                f"{message}\nThe run has been kept up to its last checkpoint; "
                f"{to_caller('--keep-going', 'keep_going=True')} continues in spite of this"
            )
        self.progress.note(f"warning: {message}")

    def _save_now_and_then(self) -> None:
        """Save, unless that would take more than its share of the time.

        Every test makes the tables longer, so saving each would take the longer the more there are.
        """
        if time.perf_counter() - self._saved >= _REST * self._to_save:
            self._save()

    def _save(self) -> None:
        epoch, position = divmod(self.done, self.n)
        now = time.perf_counter()
        self.checkpoint = replace(
            self.checkpoint,
            epoch=epoch,
            position=position,
            weights=self.weights,
            copies=self.copies,
            counters=self.sums.counters(),
            seconds=round(self.checkpoint.seconds + now - self.begun, 3),
        )
        self.begun = now
        keep_spikes = self.done > self.recorded_from
        self.writer.save(self.checkpoint, self.done, keep_spikes=keep_spikes)
        self._saved = time.perf_counter()
        self._to_save = self._saved - now
