"""What an engine is: it takes weights and an order of samples, and trains or tests.

It gives back the weights afterwards, a score of every sample as it was shown, and what else it saw.
`synfire_bp.training` knows only this interface.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import Copies, with_tags
from synfire_bp.circuit.paper import RESTING_BLOCKS
from synfire_bp.circuit.reference import firing_table
from synfire_bp.circuit.rows import Block, PlasticProjection
from synfire_bp.data.datasets import Dataset, Split
from synfire_bp.data.scores import Score
from synfire_bp.errors import SynfireError
from synfire_bp.loihi.spec import LoihiSpec
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import Model, Weights
from synfire_bp.summary import Summarised, Summary

__all__ = [
    "Engine",
    "Progress",
    "Segment",
    "Stop",
    "Stray",
    "Weights",
    "after",
    "dataset_for",
    "explain_strays",
    "learning_split",
    "strays",
    "training_split",
]

Progress = Callable[[int], None]
"""Told how many samples of the present call are done."""


def after(done: int, progress: Progress | None) -> Progress | None:
    """Return what is told of a part's progress, `done` samples into the whole."""
    return None if progress is None else lambda n: progress(done + n)


Stop = Callable[[], bool]
"""Asked often; true ends the call after a whole sample."""


@dataclass(frozen=True)
class Stray:
    """Spikes of a population in a phase in which it must be silent.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> stray = sb.Stray("h", phase=8, spikes=3)
    >>> stray.phase in sb.firing_table(sb.backprop_circuit((4, 3, 2)))["h"]
    False
    """

    population: str
    phase: int
    spikes: int


@dataclass(frozen=True, repr=False)
class Segment(Summarised):
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
    carried : dict
        Of a population whose spikes are graded: the number that each recorded spike carries, with
        its sign, in the order of `recorded`.
    potentials : int64 array, shape (samples, n_out), or None
        Summed input of each output neuron in its forward phase, in units of the weights, if
        recording was asked for and the engine can tell.
    shut : float64 array or None
        Of a test: the fraction of each class's samples from which its output unit cannot learn
        (`synfire_bp.data.scores.shut_samples`).
    fired : int64 array or None
        Of a test: how often each output unit fired.
    tags : dict
        What the tags of accumulators hold, by the name of the matrix; empty without them.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"]))
    >>> engine = sb.OracleEngine(model, sb.load_dataset("digits"))
    >>> segment = engine.train(model.start, np.arange(100))
    >>> segment.score.samples, [matrix.shape for matrix in segment.weights]
    (100, [(64, 8), (8, 10)])
    """

    samples: int
    weights: Weights
    score: Score
    activity: dict[str, int] = field(default_factory=dict)
    spike_counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()
    copies: dict[PlasticProjection, NDArray[np.int16]] = field(default_factory=dict)
    recorded: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=dict)
    carried: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    shut: NDArray[np.float64] | None = None
    fired: NDArray[np.int64] | None = None
    potentials: NDArray[np.int64] | None = None
    tags: dict[str, NDArray[np.int16]] = field(default_factory=dict)

    def _summary(self) -> Summary:
        score, stray = self.score._summary(), sum(one.spikes for one in self.strays)
        unequal = sum(self.unequal.values())
        broken = [
            f"{count:,} {what}"
            for count, what in ((stray, "stray spikes"), (unequal, "unequal weights"))
            if count
        ]
        return Summary(
            f"Segment of {self.samples:,} samples",
            (*score.said, *broken),
            (
                *score.facts,
                ("stray spikes", f"{stray:,}"),
                ("unequal weights", f"{unequal:,}" if self.copies else ""),
                ("weights", ", ".join(" × ".join(map(str, w.shape)) for w in self.weights)),
                ("recorded", f"spikes of {len(self.recorded)} populations" * bool(self.recorded)),
            ),
        )

    @property
    def differing_copies(self) -> Copies | None:
        """What a training goes on with besides its weights; None: nothing.

        The matrix of each plastic projection if they differ within a layer, and what the tags of
        accumulators hold.
        """
        copies = {row.name: matrix for row, matrix in self.copies.items()} if self.unequal else None
        return with_tags(copies, self.tags)

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
    """What trains and tests a network.

    Raises
    ------
    SynfireError
        By its methods, if it cannot do what is asked.

    Examples
    --------
    >>> import numpy as np
    >>> import synfire_bp as sb
    >>> model = sb.assemble(sb.Experiment.from_file("digits", ["network.sizes=[64, 8, 10]"]))
    >>> engine: sb.Engine = sb.OracleEngine(model, sb.load_dataset("digits"))
    >>> engine.train(model.start, np.arange(20)).samples  # the first 20 samples
    20
    """

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
        """Show samples of `learning_split` in `order`, learning; `weights` stay as they are.

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


def training_split(model: Model | Experiment, dataset: Dataset) -> Split:
    """Return the training samples of a model: the first ones, if it asks for fewer.

    They are as tests see them; `learning_split` has those that are learnt from.

    Parameters
    ----------
    model : Model or Experiment
        Its ``training.samples`` says how many; None: all.
    dataset : Dataset
        Its data.

    Returns
    -------
    Split
        Inputs (n, n_in) and labels (n,).

    Raises
    ------
    SynfireError
        If it asks for more than there are.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> fewer = sb.Experiment.from_file("digits", ["training.samples=100"])
    >>> sb.training_split(fewer, sb.load_dataset("digits")).inputs.shape
    (100, 64)
    """
    return dataset_for(model, dataset).train


def learning_split(model: Model | Experiment, dataset: Dataset) -> Split:
    """Return what a model learns from: its training samples, as often as there are shifts.

    Parameters
    ----------
    model : Model or Experiment
        Its ``dataset.augment`` says how far images are shifted.
    dataset : Dataset
        Its data.

    Returns
    -------
    Split
        With n training samples, number i + n * k is sample i by shift k; the first n are those of
        `training_split`, and without shifts there are no others.

    Raises
    ------
    SynfireError
        If it asks for more samples than there are, or for shifts for which the data set was not
        loaded.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> from synfire_bp.training import dataset_of
    >>> moved = ["dataset.crop=1", "dataset.augment.shift=1", "network.sizes=[36, 20, 10]"]
    >>> experiment = sb.Experiment.from_file("digits", [*moved, "training.samples=100"])
    >>> sb.learning_split(experiment, dataset_of(experiment)).inputs.shape  # 3 x 3 shifts
    (900, 36)
    """
    return dataset_for(model, dataset).learnt


def dataset_for(model: Model | Experiment, dataset: Dataset) -> Dataset:
    """Return the data of a model with the training samples that it uses alone.

    Raises
    ------
    SynfireError
        As of `learning_split`.
    """
    experiment = model.experiment if isinstance(model, Model) else model
    n, shift = experiment.training.samples, experiment.dataset.shift
    if shift != dataset.preprocessing.shift:
        raise SynfireError(
            f"{experiment.name}: dataset.augment.shift is {shift}, but {dataset.name} was loaded "
            f"with a shift of {dataset.preprocessing.shift}; load it with "
            "load_dataset(…, preprocessing=experiment.dataset.preprocessing())"
        )
    if n is None or n == len(dataset.train):
        return dataset
    if n > len(dataset.train):
        raise SynfireError(
            f"training.samples is {n}, but {dataset.name} has {len(dataset.train)} training samples"
        )
    return dataset.first(n)


def strays(circuit: Circuit, counts: Mapping[str, NDArray[np.integer]]) -> tuple[Stray, ...]:
    """Return the spikes that fell into phases in which their population must be silent."""
    allowed = firing_table(circuit)
    return tuple(
        Stray(name, phase, int(spikes))
        for name, per_phase in counts.items()
        for phase, spikes in enumerate(per_phase)
        if spikes and phase not in allowed[name]
    )


def explain_strays(circuit: Circuit, found: Sequence[Stray], chip: LoihiSpec | None = None) -> str:
    """Say which populations fired when they must not, why that happens, and what to change.

    Parameters
    ----------
    circuit : Circuit
        Whose populations they are.
    found : sequence of Stray
        At least one.
    chip : LoihiSpec, optional
        Whose neurons they are, if they are a chip's.
    """
    shown = "; ".join(f"{s.population} {s.spikes}x in phase {s.phase}" for s in found[:6])
    more = f" and {len(found) - 6} more" if len(found) > 6 else ""
    withstood = min(circuit.withstands_in(stray.population, stray.phase) for stray in found)
    block = _blocking(circuit, found)
    return (
        f"stray spikes: {shown}{more}. A closed population withstands a sum of inputs of "
        f"{withstood}; with many active inputs and large weights the sum outgrows it. "
        f"Raise network.closing (now {circuit.closing}, at most 32128), lower "
        f"network.weight_limit (now {circuit.weight_limit}), or use fewer active inputs "
        f"(dataset.crop, dataset.threshold){block}{_wrapping(circuit, found, chip)}"
    )


def _blocking(circuit: Circuit, found: Sequence[Stray]) -> str:
    """Say what blocks hidden populations more firmly, if some of them fired between samples."""
    blocked = {(row.phase, row.population): row for row in circuit.gates if isinstance(row, Block)}
    resting = {(row.phase, row.population) for row in RESTING_BLOCKS}
    at = [(stray.phase, stray.population) for stray in found]
    if any(one in resting and one not in blocked for one in at):
        return "; network.paper_gates: false blocks the hidden populations more firmly"
    own = [blocked[one].weight for one in at if one in resting]
    strength = next((-weight for weight in own if weight is not None), None)
    if strength is None:
        return ""
    return f"; a larger network.resting_block (now {strength}) withstands larger sums"


def _wrapping(circuit: Circuit, found: Sequence[Stray], chip: LoihiSpec | None) -> str:
    """Say that a negative sum and a block together can be more than the chip's input holds."""
    blocked = min(circuit.blocked_by(stray.population, stray.phase) for stray in found)
    if chip is None or not blocked:
        return ""
    held = chip.input_limit
    return (
        f". On the chip, the input of a step wraps around beyond {held}, the block of {-blocked} "
        f"included, so a sum below {-held - blocked} makes a closed population fire, too; "
        "network.resting_block sets how firmly hidden populations are blocked"
    )
