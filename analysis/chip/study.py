"""The study of the chip's weights: which trainings it has, and what they left.

The same network learns on the emulated chip with 2 … 8 weight bits and the chip's own limits; with
8 bits and symmetric limits, with which all copies of a weight matrix stay equal; and in the
algorithm with real weights.  `chip.runs` makes the runs, `weight_bits`, `limits` and `table` read
them.  The folder of a study::

    study.json           model, epochs, samples, seeds, bits
    bits2-seed0/ …       a run directory for each training
    symmetric-seed0/ …
    float_weights.csv    analysis.chip.float_weights
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.circuit import backprop_circuit
from synfire_bp.errors import ExperimentError, RunDirectoryError
from synfire_bp.files import read_json
from synfire_bp.model.experiment import Experiment
from synfire_bp.runs import CHECKPOINT, EXPERIMENT, METRICS, Run, load_checkpoint

__all__ = [
    "FLOAT",
    "FLOAT_COLUMNS",
    "FOLDER",
    "STUDY",
    "Study",
    "StudyRuns",
    "Training",
    "has_float_weights",
    "is_done",
    "last_test",
    "layer_copies",
    "needed_study",
]

FOLDER = "chip"
"""Folder of the study among the runs, and of its figures."""
STUDY = "study.json"
FLOAT = "float_weights.csv"
FLOAT_COLUMNS = ("seed", "epoch", "accuracy_argmax", "accuracy_potential", "fingerprint")
"""Of the table of real weights.  Accuracies are fractions, the last is `Experiment.fingerprint`."""
FULL_BITS = 8
"""Weight bits at which the chip's limits are compared with symmetric ones."""

_READOUTS = ["accuracy_argmax", "accuracy_potential"]


@dataclass(frozen=True)
class Training:
    """One training of the study on the emulated chip."""

    bits: int
    symmetric: bool
    seed: int

    @property
    def name(self) -> str:
        """Name of its run directory."""
        return f"{'symmetric' if self.symmetric else f'bits{self.bits}'}-seed{self.seed}"


@dataclass(frozen=True)
class Study:
    """Which trainings there are.

    Attributes
    ----------
    model : str
        Model file, or the name of a shipped one.
    epochs : int
        Passes through the samples.
    samples : int or None
        Training samples used, the first ones in file order; None: as the model says.
    seeds : tuple of int
        Of initial weights and order.
    bits : tuple of int
        Weight bits, 2 … 8, with the chip's own limits; 8 must be among them.

    Raises
    ------
    ExperimentError
        If 8 is missing.
    """

    model: str = "mnist_loihi1"
    epochs: int = 10
    samples: int | None = None
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (0, 1, 2)
    bits: tuple[int, ...] = tuple(range(2, 9))

    def __post_init__(self) -> None:
        if FULL_BITS not in self.bits:
            raise ExperimentError(
                f"bits are {', '.join(map(str, self.bits))}; {FULL_BITS} must be among them, to "
                "compare the chip's limits with symmetric ones"
            )

    @property
    def trainings(self) -> tuple[Training, ...]:
        """The trainings, with most bits first."""
        own = [(bits, False) for bits in sorted(set(self.bits), reverse=True)]
        return tuple(
            Training(bits, symmetric, seed)
            for bits, symmetric in [(FULL_BITS, True), *own]
            for seed in dict.fromkeys(self.seeds)
        )

    def changes(self, seed: int) -> list[str]:
        """Return what a training changes in the model, whatever its weights are."""
        stated = [] if self.samples is None else [f"training.samples={self.samples}"]
        return [
            f"training.epochs={self.epochs}", "training.evaluate_every=1",
            f"training.seed={seed}", *stated,
        ]  # fmt: skip

    def chip_changes(self, training: Training) -> list[str]:
        """Return what a training changes in the model."""
        return [
            "hardware=loihi1", f"hardware.weight_bits={training.bits}",
            f"hardware.symmetric={str(training.symmetric).lower()}", *self.changes(training.seed),
        ]  # fmt: skip

    def experiment(self, training: Training) -> Experiment:
        """Return what is trained."""
        return Experiment.from_file(self.model, self.chip_changes(training))

    def float_experiment(self, seed: int) -> Experiment:
        """Return what is trained with real weights."""
        return Experiment.from_file(self.model, ["hardware=null", *self.changes(seed)])

    def options(self) -> list[str]:
        """Return the options of `chip.runs` and `chip.float_weights` but the bits."""
        samples = [] if self.samples is None else ["--samples", str(self.samples)]
        return [
            "--model", self.model, "--epochs", str(self.epochs), *samples,
            "--seeds", *map(str, self.seeds),
        ]  # fmt: skip

    def json(self) -> bytes:
        """Return the study as it is stored."""
        return (json.dumps(asdict(self), indent=2) + "\n").encode()

    @classmethod
    def read(cls, folder: Path) -> Study:
        """Read which study a folder holds.

        Raises
        ------
        RunDirectoryError
            If it holds none, or its file is damaged; the message names the command that makes it.
        """
        make = f"make it with: {_command(folder)}"
        return read_json(
            cls, folder / STUDY, missing=f"no such study; {make}", whole="a study", anew=make
        )


@dataclass(frozen=True)
class StudyRuns:
    """A study that is complete.

    Attributes
    ----------
    study : Study
        What it is.
    runs : mapping
        Training to its run.
    float_weights : DataFrame
        Of the `FLOAT_COLUMNS`.
    """

    study: Study
    runs: Mapping[Training, Run]
    float_weights: pd.DataFrame

    @property
    def about(self) -> dict[str, str | int]:
        """What was trained: model, sizes, epochs, and samples in an epoch."""
        run = next(iter(self.runs.values()))
        shown = run.metrics.loc[run.metrics["split"] == "train", "samples"]
        return {
            "model": run.experiment.name,
            "sizes": "-".join(map(str, run.experiment.network.sizes)),
            "epochs": self.study.epochs,
            "samples": int(shown.iloc[-1]),
        }


def needed_study(runs: Path) -> StudyRuns:
    """Return the study among the runs.

    Raises
    ------
    RunDirectoryError
        If something of it is missing, unfinished or of another experiment; the message names the
        command that makes it.
    """
    folder = runs / FOLDER
    study = Study.read(folder)
    make = f"make it with: {_command(folder, study)}"
    opened = {}
    for training in study.trainings:
        path = folder / training.name
        if not is_done(path, study.experiment(training)):
            state = "the training is unfinished" if (path / EXPERIMENT).exists() else "no such run"
            raise RunDirectoryError(f"{path}: {state}; {make}")
        opened[training] = Run.open(path)
    if not has_float_weights(folder, study):
        raise RunDirectoryError(f"{folder / FLOAT}: no such table of this study; {make}")
    return StudyRuns(study, opened, _read_float(folder / FLOAT))


def is_done(path: Path, experiment: Experiment) -> bool:
    """Return whether a run directory holds the whole training of an experiment.

    Raises
    ------
    RunDirectoryError
        If it holds another one.
    """
    if not (path / EXPERIMENT).exists():
        return False
    run = Run.open(path)
    there, asked = _decisive(run.experiment), _decisive(experiment)
    differ = [
        f"{key}: {there.get(key)} there, {asked.get(key)} asked for"
        for key in {**there, **asked}
        if there.get(key) != asked.get(key)
    ]
    trained, epochs = run.experiment.training.epochs, experiment.training.epochs
    if trained > epochs:
        differ.append(f"training.epochs: {trained} there, {epochs} asked for")
    if differ:
        raise RunDirectoryError(
            "\n".join([f"{path}: holds another experiment; choose another --out", *differ])
        )
    return trained == epochs and run.finished


def has_float_weights(folder: Path, study: Study) -> bool:
    """Return whether a folder holds the table of real weights of a study."""
    if not (folder / FLOAT).exists():
        return False
    table = _read_float(folder / FLOAT)
    wanted = {
        (seed, epoch, study.float_experiment(seed).fingerprint())
        for seed in study.seeds
        for epoch in range(1, study.epochs + 1)
    }
    return wanted == set(zip(table["seed"], table["epoch"], table["fingerprint"], strict=True))


def last_test(run: Run) -> tuple[float, float]:
    """Return the accuracy on the test set at a run's end, in percent: by argmax, by potential.

    Raises
    ------
    RunDirectoryError
        If the run was not tested at its end.
    """
    table, epochs = run.metrics, run.experiment.training.epochs
    rows = table.loc[(table["split"] == "test") & (table["epoch"] == epochs), _READOUTS]
    if len(rows) != 1:
        raise RunDirectoryError(
            f"{run.path / METRICS}: has {len(rows)} tests of epoch {epochs}; must have one"
        )
    by_argmax, by_potential = (100 * rows.to_numpy(dtype=float)[0]).tolist()
    return by_argmax, by_potential


def layer_copies(run: Run) -> dict[int, NDArray[np.int64]]:
    """Return all copies of the matrix of each weight layer at a run's end.

    Returns
    -------
    dict
        Layer (0: W1, 1: W2) to its copies, shape (copies, n_pre, n_post): one for each plastic
        projection of the layer, transposed and with its sign changed where need be.

    Raises
    ------
    RunDirectoryError
        If the checkpoint is missing, damaged, or not one of the run's end.
    """
    stands = load_checkpoint(run.path / CHECKPOINT)
    if (stands.epoch, stands.position) != (run.experiment.training.epochs, 0):
        raise RunDirectoryError(f"{run.path / CHECKPOINT}: is not one of the training's end")
    sizes = run.experiment.network.sizes
    held: dict[int, list[NDArray]] = {}
    for row in backprop_circuit((sizes[0], sizes[1], sizes[2])).plastic:
        matrix = stands.weights[row.layer] if stands.copies is None else stands.copies[row.name]
        held.setdefault(row.layer, []).append(matrix)
    return {layer: np.stack(copies).astype(np.int64) for layer, copies in held.items()}


def _decisive(experiment: Experiment) -> dict[str, object]:
    # rounding at random draws anew after each test
    return experiment.decisive() | {
        "training.evaluate_every": experiment.training.evaluate_every,
    }


def _read_float(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file)
        if tuple(table.columns) != FLOAT_COLUMNS or table.isna().any(axis=None):
            raise ValueError(f"not every row has the columns {', '.join(FLOAT_COLUMNS)}")
        return table
    except (OSError, ValueError) as error:  # pandas: ValueError for all that cannot be parsed
        raise RunDirectoryError(
            f"{file}: cannot be read ({error}); delete it, and make it anew with: "
            f"{_command(file.parent)}"
        ) from None


def _command(folder: Path, study: Study | None = None) -> str:
    """Return the command that makes, or completes, a study."""
    words = ["python", "-m", "analysis.chip.runs"]
    if study not in (None, Study()):
        words += [*study.options(), "--bits", *map(str, study.bits)]  # type: ignore[union-attr]
    return shlex.join([*words, "--out", str(folder)])
