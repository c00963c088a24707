"""The study of the variants: which trainings there are, and what is read from their runs.

Every model of `models/variants/` is trained with the same seeds; its name says on which data
(`digits_…`, `mnist_…`), and `…_symmetric` is the paper's circuit, the reference of all others.
Beside them, some disturbances of the circuit are turned up in steps, on the digits.  All runs lie
below `runs/variants/`; ``python -m analysis.variants.runs`` makes those that are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from synfire_bp.errors import RunDirectoryError
from synfire_bp.model import Experiment, assemble, list_models
from synfire_bp.runs import Run
from synfire_bp.variants import Hardware, Neuron

from ..shared.trainings import Task

__all__ = [
    "DISTURBANCES",
    "FOLDER",
    "REFERENCE",
    "SEEDS",
    "Disturbance",
    "disturbance_courses",
    "plan",
    "variant_courses",
]

FOLDER = "variants"
"""Folder of the study among the runs, and of its figures."""
SEEDS = (0, 1, 2, 3, 4)
REFERENCE = "symmetric"
"""The variant that is none: the paper's circuit."""
DATASETS = ("mnist", "digits")
_PREFIX = "variants/"


@dataclass(frozen=True)
class Disturbance:
    """One disturbance of the circuit, turned up in steps.

    Attributes
    ----------
    key : str
        The entry of the model file that is turned up.
    what : str
        In words, with its unit: the label of the axis.
    levels : tuple of float
        From none to much; the first is the undisturbed circuit.
    model : str
        The model whose entry it is.
    changes : tuple of str
        What else is changed in the model.
    """

    key: str
    what: str
    levels: tuple[float, ...]
    model: str = "variants/digits_symmetric"
    changes: tuple[str, ...] = ("training.epochs=20",)

    @property
    def name(self) -> str:
        """The key as part of a folder's name."""
        return self.key.replace(".", "-")


_LIF, _FEW = "variants/digits_lif", ("training.epochs=2",)  # milliseconds a sample
DISTURBANCES: tuple[Disturbance, ...] = (
    Disturbance("synapses.release", "probability of release", (1, 0.95, 0.9, 0.75, 0.5, 0.25)),
    Disturbance(
        "synapses.update_probability", "probability of an update", (1, 0.75, 0.5, 0.25, 0.1)
    ),
    Disturbance("reward.flip", "probability of a wrong reward", (0, 0.01, 0.05, 0.1, 0.2)),
    Disturbance("reward.noise", "spread of the reward (reward: 1)", (0, 0.25, 0.5, 1)),
    Disturbance("gating.failure", "probability that a gate fails", (0, 1e-4, 1e-3, 1e-2, 0.1)),
    Disturbance("gating.jitter", "jitter of the gates (phases)", (0, 0.15, 0.2, 0.25, 0.3)),
    Disturbance(
        "neuron.membrane_time", "membrane time constant (ms)", (0.5, 1, 1.5, 2, 3), _LIF, _FEW
    ),
    Disturbance(
        "neuron.membrane_noise", "membrane noise (mV)", (0, 0.05, 0.1, 0.2, 0.4), _LIF, _FEW
    ),
    Disturbance(
        "neuron.synaptic_noise", "synaptic noise (share)", (0, 0.1, 0.2, 0.4, 0.8), _LIF, _FEW
    ),
    Disturbance(
        "neuron.delay_spread", "spread of delays (ms)", (0, 0.25, 0.5, 0.75),
        "variants/digits_lif_delay_spread", (*_FEW, "neuron.refractory=1.0"),
    ),
)  # fmt: skip


def models() -> dict[tuple[str, str], str]:
    """Return the models of the study by data set and variant, the reference first."""
    found = {}
    for model in list_models():
        dataset, _, variant = model.removeprefix(_PREFIX).partition("_")
        if model.startswith(_PREFIX) and dataset in DATASETS:
            found[dataset, variant] = model
    return dict(sorted(found.items(), key=lambda item: (item[0][0], item[0][1] != REFERENCE)))


def engine(experiment: Experiment) -> str:
    """Return the engine that trains a model: the oracle where circuit and oracle are equal."""
    other_cells = any(isinstance(variant, (Hardware, Neuron)) for variant in experiment.variants)
    return "circuit" if other_cells or assemble(experiment).algorithm.obstacles else "oracle"


def plan(seeds: Sequence[int] = SEEDS, change: Sequence[str] = ()) -> list[Task]:
    """Return all trainings of the study; `change` is applied to each of them."""

    def task(name: str, model: str, seed: int, *changes: str) -> Task:
        changes = (f"training.seed={seed}", "record.samples=0", *changes, *change)
        experiment = Experiment.from_file(model, overrides=changes)
        return Task(name, model, engine(experiment), changes, keep_going=True)

    tasks = [
        task(f"{dataset}_{variant}-seed{seed}", model, seed)
        for (dataset, variant), model in models().items()
        for seed in seeds
    ]
    tasks += [
        task(
            f"{row.name}-{level:g}-seed{seed}", row.model, seed, *row.changes, f"{row.key}={level}"
        )
        for row in DISTURBANCES
        for level in row.levels
        for seed in seeds
    ]
    return tasks


def variant_courses(runs: Path) -> pd.DataFrame:
    """Return what every variant did: one row per training and test.

    Returns
    -------
    DataFrame
        `dataset`, `variant`, `engine`, `seed`, `epoch`; `accuracy_spikes` and
        `accuracy_potential` on the test set, in percent; `angle_degrees` between the feedback
        weights and W2, where they are not the same; `stray_spikes` and `unequal_weights` since
        the test before; `ms_per_sample`, of training.

    Raises
    ------
    RunDirectoryError
        If a run is missing or unfinished; the message names the command that makes it.
    """
    parts = [
        _course(run).assign(dataset=dataset, variant=variant)
        for (dataset, variant), model in models().items()
        for run in _runs(runs, f"{dataset}_{variant}", model)
    ]
    return _in_order(parts, ["dataset", "variant"])


def disturbance_courses(runs: Path) -> pd.DataFrame:
    """Return what every disturbance did: as `variant_courses`, with `key`, `what` and `level`."""
    parts = [
        _course(run).assign(key=row.key, what=row.what, level=level)
        for row in DISTURBANCES
        for level in row.levels
        for run in _runs(runs, f"{row.name}-{level:g}", row.model)
    ]
    return _in_order(parts, ["key", "what", "level"])


def _in_order(parts: Sequence[pd.DataFrame], first: list[str]) -> pd.DataFrame:
    if not parts:
        raise RunDirectoryError("no model of the study was found; is models/variants/ there?")
    table = pd.concat(parts, ignore_index=True)
    return table[first + [name for name in table if name not in first]]


def _runs(runs: Path, name: str, model: str) -> Iterator[Run]:
    folder = runs / FOLDER
    for seed in SEEDS:
        path = folder / f"{name}-seed{seed}"
        if not path.exists():
            raise RunDirectoryError(
                f"{path}: no such run; make it with: python -m {__package__}.runs --runs {folder}"
            )
        run = Run.open(path)
        if not run.finished:
            raise RunDirectoryError(
                f"{path}: the training is unfinished; go on with: python -m {__package__}.runs "
                f"--runs {folder}"
            )
        if run.experiment.name != Experiment.from_file(model).name:
            raise RunDirectoryError(
                f"{path}: is a run of the model '{run.experiment.name}'; move it away"
            )
        yield run


def _course(run: Run) -> pd.DataFrame:
    metrics = run.metrics
    tests = metrics.loc[metrics["split"] == "test"].set_index("epoch")
    trained = metrics.loc[metrics["split"] == "train"].set_index("epoch")
    activity = run.activity.set_index("epoch")
    nothing = pd.Series(float("nan"), tests.index)
    table = pd.DataFrame(
        {
            "engine": run.engine,
            "seed": run.experiment.training.seed,
            "accuracy_spikes": 100 * tests["accuracy_spikes"],
            "accuracy_potential": 100 * tests["accuracy_potential"],
            "angle_degrees": activity.get("angle_b2", nothing),
            "stray_spikes": activity["stray_spikes"],
            "unequal_weights": activity["unequal_weights"],
            "ms_per_sample": (1000 * trained["seconds"] / trained["samples"]).round(6),
        }
    )
    return table.rename_axis("epoch").reset_index()
