"""The study of the fine models: which trainings there are, on MNIST, for 60 epochs, with one test.

Steps      by the algorithm in integers: the paper's circuit, each switch alone, all of them but
           one, and one after the other up to `mnist_fine_graded`
Seeds      by the algorithm in integers: what the shipped models reach, and how often they collapse
Circuits   through the spiking circuit and the emulated chip
Fashion    three models on Fashion-MNIST, or the part of it that lies in the data folder

All runs lie below `runs/fine/`; ``python -m analysis.fine.runs`` makes those that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synfire_bp.runs import Run

from ..shared.fashion import fashion_part, whole_fashion
from ..shared.trainings import Task, finished_run

__all__ = [
    "ALL",
    "BASE",
    "CIRCUIT_SEEDS",
    "EARLY_EPOCHS",
    "EARLY_SEEDS",
    "FASHION",
    "FOLDER",
    "GRADED",
    "ORDER",
    "PAPER",
    "SEEDS",
    "SHIPPED",
    "SWITCHES",
    "Case",
    "alone",
    "early",
    "fashion",
    "finished",
    "many_seeds",
    "plan",
    "seeded",
    "steps",
    "without",
]

FOLDER = "fine"
"""Folder of the study among the runs."""
SEEDS = range(10)
SHIPPED = ("mnist_fine", "mnist_fine_graded", "mnist_fine_loihi1", "mnist_fine_800")
"""Models that the algorithm in integers trains with `SEEDS`, for all of their epochs."""
EARLY_SEEDS: Mapping[str, Sequence[int]] = {
    "mnist_fine": range(100),
    "mnist_fine_graded": range(100),
}
"""Models whose first epochs are trained with many seeds."""
EARLY_EPOCHS = 6
CIRCUIT_SEEDS: Mapping[str, Sequence[int]] = {
    "mnist_fine_graded": SEEDS,
    "mnist_fine": SEEDS,
    "mnist_fine_800": range(1),
    "mnist_fine_loihi1": range(1),
}
"""The same for the spiking circuit, which is the emulated chip where the model says so."""

SWITCHES: Mapping[str, str] = {
    "accumulator": ("learning.accumulator={fractions: [1, 0.5, 0.25, 0.125, 0.0625], epochs: 12}"),
    "margin": "errors.margin=256",
    "box": "errors.box=[-512, 1536]",
    "shift": "dataset.augment={shift: 1}",
}
"""What `mnist_fine` adds to the paper's circuit, in the order of the steps; each a change."""
_HALF = "network.initial_spread=0.5"
_EPOCHS = 60


@dataclass(frozen=True)
class Case:
    """One network of the steps.

    Attributes
    ----------
    name : str
        In the table, and of the folders of its runs.
    model : str
        The shipped model.
    switches : tuple of str
        Of `SWITCHES`, those that are added to it.
    half : bool
        Whether the weights start half as large as in the model.
    """

    name: str
    model: str = "mnist"
    switches: tuple[str, ...] = ()
    half: bool = True

    def task(self, seed: int) -> Task:
        """Return the training with a seed."""
        changes = [SWITCHES[name] for name in self.switches]
        if self.half:
            changes.insert(0, _HALF)
        return _task(self.name, self.model, "oracle", seed, changes)


PAPER, BASE = Case("paper", half=False), Case("base")
ALL = Case("mnist_fine", "mnist_fine", half=False)
GRADED = Case("mnist_fine_graded", "mnist_fine_graded", half=False)


def _with(*switches: str) -> Case:
    """Return the paper's circuit with some switches, in the order of `SWITCHES`."""
    chosen = tuple(name for name in SWITCHES if name in switches)
    if not chosen:
        return BASE
    return ALL if len(chosen) == len(SWITCHES) else Case("+".join(chosen), switches=chosen)


def alone(switch: str) -> Case:
    """Return the circuit with one switch."""
    return _with(switch)


def without(switch: str) -> Case:
    """Return the circuit with all switches but one."""
    return _with(*(name for name in SWITCHES if name != switch))


ORDER = (
    PAPER,
    *(_with(*list(SWITCHES)[:n]) for n in range(len(SWITCHES) + 1)),
    GRADED,
)
"""From the paper's circuit to graded errors, each with one thing more than the one before."""


def steps() -> list[Case]:
    """Return every case once."""
    others = [find(switch) for switch in SWITCHES for find in (alone, without)]
    return list(dict.fromkeys([*ORDER, *others]))


FASHION = {"paper": PAPER, "mnist_fine": ALL, "mnist_fine_graded": GRADED}
"""Name to the case that is trained on Fashion-MNIST instead, in images of 20x20."""


def fashion(name: str, seed: int) -> Task | None:
    """Return a training on Fashion-MNIST; None if neither it nor a part of it is there."""
    if whole_fashion():
        change = ["dataset.name=fashion-mnist"]
    elif (part := fashion_part()) is not None:
        change = ["dataset.name=npz", f"dataset.path={part}"]
    else:
        return None
    return _task(f"fashion-{name}", FASHION[name].model, "oracle", seed, change)


def seeded(model: str, seed: int) -> Task:
    """Return the training of a shipped model by the algorithm in integers."""
    return _task(model, model, "oracle", seed)


def early(model: str, seed: int) -> Task:
    """Return the first epochs of the training of a shipped model: the schedule stays as it is."""
    return _task(f"{model}-early", model, "oracle", seed, epochs=EARLY_EPOCHS)


def many_seeds() -> list[tuple[Callable[[str, int], Task], str, Sequence[int]]]:
    """Return what collapses are counted in: how a training is made, its model, its seeds."""
    whole = [(seeded, model, SEEDS) for model in SHIPPED]
    return [*whole, *((early, model, seeds) for model, seeds in EARLY_SEEDS.items())]


def plan() -> list[Task]:
    """Return all trainings, those of the figure first."""
    tasks = [case.task(seed) for seed in SEEDS for case in steps()]
    tasks += [find(model, seed) for find, model, seeds in many_seeds() for seed in seeds]
    tasks += [
        task for seed in SEEDS for name in FASHION if (task := fashion(name, seed)) is not None
    ]
    tasks += [
        _task(f"{model}-circuit", model, "circuit", seed)
        for model, seeds in CIRCUIT_SEEDS.items()
        for seed in seeds
    ]
    return list({task.name: task for task in tasks}.values())


def finished(tasks: Iterable[Task], runs: Path) -> list[Run]:
    """Return the runs of some trainings, of the folder of all runs.

    Raises
    ------
    RunDirectoryError
        If one is missing, not finished, or of another experiment.
    """
    return [finished_run(task, runs / FOLDER, "python -m analysis.fine.runs") for task in tasks]


def _task(
    name: str,
    model: str,
    engine: str,
    seed: int,
    changes: Sequence[str] = (),
    epochs: int = _EPOCHS,
) -> Task:
    once = (f"training.evaluate_every={epochs}", f"training.epochs={epochs}", "record.samples=0")
    return Task(f"{name}-seed{seed}", model, engine, (*changes, *once, f"training.seed={seed}"))
