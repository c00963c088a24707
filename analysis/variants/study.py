"""The study of the variants: which trainings there are.

Every model of `models/variants/` but `mnist_lif` is trained with the same seeds; its name says on
which data (`digits_…`, `mnist_…`), and `…_symmetric` is the paper's circuit, the reference of all.
Beside them, some disturbances of the circuit are turned up in steps, on the digits.  All runs lie
below `runs/variants/`; ``python -m analysis.variants.runs`` makes those that are missing, and
`analysis.variants.courses` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from synfire_bp.model import Experiment, assemble, list_models
from synfire_bp.variants import Hardware, Neuron

from ..shared.trainings import Task

__all__ = [
    "DATASETS",
    "DISTURBANCES",
    "FOLDER",
    "REFERENCE",
    "SEEDS",
    "Disturbance",
    "Group",
    "disturbance_groups",
    "plan",
    "variant_groups",
]

FOLDER = "variants"
"""Folder of the study among the runs, and of its figures."""
SEEDS: Mapping[str, Sequence[int]] = {"oracle": range(20), "circuit": range(10)}
"""Seeds by the engine that trains: those of the circuit, which takes longer, are the first ones."""
REFERENCE = "symmetric"
"""The variant that is none: the paper's circuit."""
DATASETS = ("mnist", "digits")
_PREFIX = "variants/"
_LEFT_OUT = ("variants/mnist_lif",)
"""Whose weights are those of the reference (`synfire-bp verify`), and which takes long."""


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


@dataclass(frozen=True)
class Group:
    """The trainings of the study that differ in nothing but their seed.

    Attributes
    ----------
    name : str
        Begins the folders of its runs.
    model : str
        Which is trained.
    about : dict
        How tables tell it from others: `dataset` and `variant`, or `key`, `what` and `level`.
    changes : tuple of str
        What is changed in the model.
    """

    name: str
    model: str
    about: Mapping[str, str | float]
    changes: tuple[str, ...] = ()

    @cached_property
    def engine(self) -> str:
        """The engine that trains it: the oracle where circuit and oracle are equal."""
        return engine(Experiment.from_file(self.model, overrides=self.changes))

    @property
    def seeds(self) -> Sequence[int]:
        """The seeds with which it is trained."""
        return SEEDS[self.engine]

    def task(self, seed: int, change: Sequence[str] = ()) -> Task:
        """Return its training with a seed; `change` is applied, too."""
        changes = (f"training.seed={seed}", "record.samples=0", *self.changes, *change)
        return Task(f"{self.name}-seed{seed}", self.model, self.engine, changes, keep_going=True)


def models() -> dict[tuple[str, str], str]:
    """Return the models of the study by data set and variant, the reference first."""
    found = {}
    for model in list_models():
        dataset, _, variant = model.removeprefix(_PREFIX).partition("_")
        if model.startswith(_PREFIX) and dataset in DATASETS and model not in _LEFT_OUT:
            found[dataset, variant] = model
    return dict(sorted(found.items(), key=lambda item: (item[0][0], item[0][1] != REFERENCE)))


def engine(experiment: Experiment) -> str:
    """Return the engine that trains a model: the oracle where circuit and oracle are equal."""
    other_cells = any(isinstance(variant, (Hardware, Neuron)) for variant in experiment.variants)
    return "circuit" if other_cells or assemble(experiment).algorithm.obstacles else "oracle"


def variant_groups() -> list[Group]:
    """Return the variants, a group each."""
    return [
        Group(f"{dataset}_{variant}", model, {"dataset": dataset, "variant": variant})
        for (dataset, variant), model in models().items()
    ]


def disturbance_groups() -> list[Group]:
    """Return the disturbances, a group for each level."""
    return [
        Group(
            f"{row.name}-{level:g}", row.model,
            {"key": row.key, "what": row.what, "level": float(level)},
            (*row.changes, f"{row.key}={level}"),
        )
        for row in DISTURBANCES
        for level in row.levels
    ]  # fmt: skip


def plan(
    seeds: Sequence[int] | None = None,
    change: Sequence[str] = (),
    only: str = "",
    by: str | None = None,
) -> list[Task]:
    """Return trainings of the study, all of them if nothing is said.

    Parameters
    ----------
    seeds : sequence of int, optional
        Instead of those of `SEEDS`.
    change : sequence of str
        Applied to each of them.
    only : str
        How the names of the groups begin.
    by : str, optional
        The engine: "oracle" or "circuit".
    """
    groups = [g for g in (*variant_groups(), *disturbance_groups()) if g.name.startswith(only)]
    return [
        group.task(seed, change)
        for group in groups
        if by in (None, group.engine)
        for seed in (group.seeds if seeds is None else seeds)
    ]
