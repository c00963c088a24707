"""The engine that follows the algorithm in integers (`synfire_bp.oracle`)."""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.layout import Copies, apart
from synfire_bp.data.datasets import Dataset, Split
from synfire_bp.data.scores import Score, shut_samples
from synfire_bp.engines.base import Progress, Segment, Stop, dataset_for
from synfire_bp.errors import SynfireError, engine_named
from synfire_bp.model.model import Model, Weights, model_only
from synfire_bp.network.neurons import first_seed
from synfire_bp.oracle import Samples, answer, learn

__all__ = ["OracleEngine"]

_CHUNK = 5000  # samples that the oracle does between two looks at the clock

_PREPARED: WeakKeyDictionary[Split, dict[int, Samples]] = WeakKeyDictionary()


def _prepared(split: Split, n_out: int) -> Samples:
    """Return a split made ready for the oracle: once, however many trainings share it."""
    ready = _PREPARED.setdefault(split, {})
    if n_out not in ready:
        ready[n_out] = Samples.of(split.inputs, split.labels, n_out)
    return ready[n_out]


class OracleEngine:
    """The algorithm in integers, in the semantics of the circuit.

    Parameters
    ----------
    model : Model
        From `assemble`.
    dataset : Dataset
        Its samples.

    Raises
    ------
    SynfireError
        If the integers cannot follow a variant of the model.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"]))
    >>> engine = sb.OracleEngine(model, sb.load_dataset("digits"))
    >>> engine.test(model.start, "test").score.samples
    359
    """

    name = "oracle"

    def __init__(self, model: Model, dataset: Dataset):
        self.check(model)
        self._model = model
        self._dataset = dataset_for(model, dataset)
        splits = {"train": self._dataset.train, "test": dataset.test}
        self._samples = {name: _prepared(split, model.n_out) for name, split in splits.items()}

    @staticmethod
    def check(model: Model) -> None:
        """Check that the algorithm can follow a model, before anything is prepared for it.

        Raises
        ------
        SynfireError
            If it cannot; it says why.
        """
        for obstacle in model_only(model).algorithm.obstacles:
            raise type(obstacle)(str(obstacle))

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
                "the oracle has no spikes to record; set record.samples to 0 or use "
                f"{engine_named('circuit')}"
            )
        model, learnt = self._model, tuple(matrix.copy() for matrix in weights)
        samples = _prepared(self._dataset.learnt, model.n_out)
        score, done = Score.none(model.n_out), 0
        changes = [f"changes_w{layer + 1}" for layer in range(len(model.algorithm.sizes) - 1)]
        activity = dict.fromkeys(
            ("hidden_spikes", "output_spikes", "samples_with_error", *changes), 0
        )
        epoch = shown_before // max(len(self._samples["train"]), 1)
        tags = tuple(tag.copy() for tag in apart(copies)[1].values()) or model.algorithm.no_tags()
        memory = None
        if model.algorithm.eligible is not None:
            from synfire_bp.oracle.eligible import Memory

            began = self._moment(shown_before)
            memory = Memory.of(model.algorithm, samples.labels[order], began)
        while done < len(order) and not (stop is not None and stop()):
            chunk, shown = order[done : done + _CHUNK], shown_before + done
            result = learn(
                samples, learnt, chunk, model.algorithm, shown=shown, moment=self._moment(shown),
                epoch=epoch, tags=tags, memory=memory,
            )  # fmt: skip
            done += len(chunk)
            score = score + result.score
            activity["hidden_spikes"] += result.hidden_spikes
            activity["output_spikes"] += result.output_spikes
            activity["samples_with_error"] += result.samples_with_error
            for name, change in zip(changes, result.weight_changes, strict=True):
                activity[name] += change
            if progress is not None:
                progress(done)
        named = dict(zip(model.algorithm.names, tags, strict=False))
        return Segment(done, learnt, score, activity, tags=named)

    def _moment(self, shown: int) -> int:
        """Return the seed of what is drawn after so many samples (`Moment.seed`)."""
        return (first_seed(self._model.seed) + shown * self._model.circuit.n_phases) % 2**31

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
        outputs = answer(samples, weights[: len(self._model.algorithm.sizes) - 1])
        score = Score.of(outputs.spikes, outputs.potentials, samples.labels)
        if progress is not None:
            progress(len(samples))
        shut = shut_samples(outputs.potentials, samples.labels)
        fired = outputs.spikes.sum(axis=0)
        return Segment(len(samples), weights, score, shut=shut, fired=fired)

    def close(self) -> None:
        """Nothing is held."""
