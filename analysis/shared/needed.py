"""The run of a shipped model that a figure is drawn from: found, or the command that makes it."""

from __future__ import annotations

from pathlib import Path

from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import quoted, reason
from synfire_bp.runs import EXPERIMENT, PROVENANCE, SPIKES, Run

__all__ = ["needed_run"]


def needed_run(runs: Path, model: str, *, samples: int = 0) -> Run:
    """Open the finished run of a model.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    model : str
        The shipped model; its run lies in a folder of this name.
    samples : int
        Of how many samples the spikes must have been recorded; 0: none need be.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished or without the spikes; the message names the command that
        makes what is missing.
    """
    path = runs / model
    try:
        if not path.exists():
            raise RunDirectoryError(
                f"{path}: no such run; make it with: synfire-bp train {model} "
                f"--engine circuit --out {quoted(path)}"
            )
        run = Run.open(path)
        _refuse_unfinished(run)
        if samples and not (path / SPIKES).exists():
            elsewhere = runs.with_name(f"{runs.name or 'runs'}-with-spikes")
            raise RunDirectoryError(
                f"{path}: no spikes were recorded; make a run that does with: "
                f"synfire-bp train {quoted(path / EXPERIMENT)} --engine circuit "
                f"--set record.samples={samples} --out {quoted(elsewhere / model)}, "
                f"then draw with --runs {quoted(elsewhere)}"
            )
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {reason(error)}") from None
    return run


def _refuse_unfinished(run: Run) -> None:
    about = run.provenance
    if not isinstance(about, dict) or not {"engine", "finished"} <= set(about):
        raise RunDirectoryError(
            f"{run.path / PROVENANCE}: does not say which engine trained and whether it is "
            "finished; train into another folder"
        )
    if not about["finished"]:
        raise RunDirectoryError(
            f"{run.path}: the training is unfinished; go on with: "
            f"synfire-bp train {quoted(run.path / EXPERIMENT)} --engine {about['engine']} "
            f"--out {quoted(run.path)} --resume"
        )
