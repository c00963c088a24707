"""The runs of the paper's protocol, below `runs/paper/`: found, checked, or how to make them."""

from __future__ import annotations

import re
from pathlib import Path

from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import quoted, reason
from synfire_bp.runs import EXPERIMENT, PROVENANCE, SPIKES, Run

__all__ = [
    "FASHION",
    "FASHION_PART",
    "MNIST",
    "MNIST_10X10",
    "PAPER",
    "PAPER_GATES",
    "RECORDED",
    "UNTRAINED",
    "finished_run",
    "finished_seeds",
]

PAPER = "paper"
"""Folder of the paper's runs among all runs, and of what is drawn from them."""

MNIST = "mnist"
PAPER_GATES = "mnist_paper_gates"
"""MNIST with the paper's gates alone, at the closing bias of the chip."""
MNIST_10X10 = "mnist_10x10"
FASHION = "fashion_mnist"
FASHION_PART = "fashion_mnist_part"
UNTRAINED = "mnist-untrained"

_MODELS = {PAPER_GATES: (MNIST,), FASHION_PART: (FASHION_PART, FASHION)}
"""Names that a run's model may have, by what its folder's name begins with."""
RECORDED = 2000
"""Samples at the end of a training whose spikes are kept: a trained network errs in few of them."""
_OPTIONS = {MNIST: f"--set record.samples={RECORDED} "}
_UNTRAINED_OPTIONS = "--epochs 1 --samples 3 --set record.samples=3 "


def finished_run(runs: Path, name: str, *, with_spikes: bool = False) -> Run:
    """Open a run of the paper's protocol.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    name : str
        Such as "mnist-seed0".
    with_spikes : bool
        Whether it must have recorded spikes.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished, of another model, not of the spiking circuit, or without
        the spikes; the message names the command that makes what is missing.
    """
    path = runs / PAPER / name
    make = f"make paper, or alone with: {_training(path)}" if _training(path) else "make paper"
    try:
        if not path.exists():
            raise RunDirectoryError(f"{path}: no such run; make it with: {make}")
        run = Run.open(path)
        about = run.provenance
        if not isinstance(about, dict) or not {"engine", "finished"} <= set(about):
            raise RunDirectoryError(
                f"{path / PROVENANCE}: does not say which engine trained and whether it is "
                f"finished; remove the folder, then: {make}"
            )
        _refuse_other(run, f"remove the folder, then: {make}")
        if not run.finished:
            raise RunDirectoryError(
                f"{path}: the training is unfinished; go on with: make paper, or alone with: "
                f"synfire-bp train {quoted(path / EXPERIMENT)} --engine {run.engine} "
                f"--out {quoted(path)} --resume"
            )
        if with_spikes and not (path / SPIKES).exists():
            raise RunDirectoryError(
                f"{path}: no spikes were recorded; remove the folder, then: {make}"
            )
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {reason(error)}") from None
    return run


def finished_seeds(runs: Path, kind: str) -> tuple[Run, ...]:
    """Open the finished runs of one model, in the order of their seeds.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    kind : str
        What the names of their folders begin with: MNIST, FASHION or FASHION_PART.

    Raises
    ------
    RunDirectoryError
        If there is none that is finished, or they differ in more than their seeds.
    """
    folders = {
        int(name[1]): path.name
        for path in (runs / PAPER).glob(f"{kind}-seed*")
        if (name := re.fullmatch(rf"{kind}-seed(\d+)", path.name))
    }
    if not folders:
        finished_run(runs, f"{kind}-seed0")  # says what is missing
    names = [name for _, name in sorted(folders.items())]
    finished = [name for name in names if not _is_unfinished(runs / PAPER / name)]
    found = [finished_run(runs, name) for name in finished or names[:1]]
    _refuse_mixture(found)
    return tuple(found)


def _is_unfinished(path: Path) -> bool:
    about = Run.open(path).provenance
    return isinstance(about, dict) and about.get("finished") is False


def _refuse_other(run: Run, mend: str) -> None:
    """Refuse a run of another model than its folder's name says, or not of the circuit."""
    kind = run.path.name.split("-")[0]
    expected = _MODELS.get(kind, (kind,))
    if run.experiment.name not in expected:
        raise RunDirectoryError(
            f"{run.path}: is a run of the model '{run.experiment.name}', not '{expected[0]}'; "
            f"{mend}"
        )
    if run.engine != "circuit":
        raise RunDirectoryError(
            f"{run.path}: was trained by the engine '{run.engine}', not by the circuit; {mend}"
        )


def _refuse_mixture(found: list[Run]) -> None:
    """Refuse runs that differ in more than their seeds, or share one."""
    decisive = [
        run.experiment.decisive() | {"training.epochs": run.experiment.training.epochs}
        for run in found
    ]
    for run, values in zip(found[1:], decisive[1:], strict=True):
        differ = [key for key, value in decisive[0].items()
                  if key != "training.seed" and values.get(key) != value]  # fmt: skip
        if differ:
            raise RunDirectoryError(
                f"{run.path}: differs from {found[0].path} in {', '.join(differ)}; train it like "
                "the others, or take it away"
            )
    seeds = [values["training.seed"] for values in decisive]
    for place, seed in enumerate(seeds):
        if seed in seeds[:place]:
            raise RunDirectoryError(
                f"{found[place].path}: has the seed {seed} of {found[seeds.index(seed)].path}; "
                "take one away"
            )


def _training(path: Path) -> str:
    """Return the command that trains a run alone; empty if there is no short one."""
    if path.name == UNTRAINED:
        return f"synfire-bp train {MNIST} {_UNTRAINED_OPTIONS}--out {quoted(path)}"
    kind, _, seed = path.name.partition("-seed")
    if kind == FASHION_PART:
        return ""
    if kind == PAPER_GATES:
        return (
            f"synfire-bp train {MNIST} --seed {seed} --set network.paper_gates=true --keep-going "
            f"--out {quoted(path)}"
        )
    return f"synfire-bp train {kind} --seed {seed} {_OPTIONS.get(kind, '')}--out {quoted(path)}"
