"""What a directory holds already, and whether a training may begin or go on there.

Nothing foreign is overwritten, no run of another experiment, and a training is taken up only when
that was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synfire_bp.errors import ExperimentError, RunDirectoryError, another_out, to_caller
from synfire_bp.files import LOCK, is_temporary, naming_os_errors
from synfire_bp.model.experiment import Experiment
from synfire_bp.runs.checkpoint import Checkpoint
from synfire_bp.runs.directory import (
    ACTIVITY,
    CHECKPOINT,
    EXPERIMENT,
    METRICS,
    PROVENANCE,
    SPIKE_COUNTS,
    SPIKES,
    WEIGHTS,
)
from synfire_bp.runs.manifest import MANIFEST, Manifest
from synfire_bp.runs.plugins import refuse_other_plugins
from synfire_bp.runs.provenance import stored_provenance

__all__ = ["provenance_before", "refuse_foreign", "refuse_lost_checkpoint", "refuse_shorter"]


def refuse_foreign(path: Path) -> None:
    """Refuse a path that is a file, or a folder with something else than a run in it.

    Raises
    ------
    RunDirectoryError
        Naming what is there.
    """
    with naming_os_errors(path):
        if not path.exists():
            return
        if not path.is_dir():
            raise RunDirectoryError(
                f"{path}: is a file; {to_caller('--out', 'out')} must name a folder"
            )
        names = {file.name for file in path.iterdir()}
    names = {name for name in names if name != LOCK and not is_temporary(name)}
    if names <= {PROVENANCE, MANIFEST} and _is_ours(path):
        return  # begun, and stopped before its model was written
    is_run = EXPERIMENT in names and bool(names & {PROVENANCE, CHECKPOINT})
    if names and not is_run:
        raise RunDirectoryError(
            f"{path}: is not empty and no run directory (it holds {', '.join(sorted(names)[:3])}"
            f"{', …' if len(names) > 3 else ''}); {another_out()}"
        )


def provenance_before(
    path: Path, experiment: Experiment, engine: str, fingerprint: str, resume: bool
) -> dict[str, Any]:
    """Return the provenance of the run that is there, if it is the one that is asked for.

    A start that failed before anything was trained leaves nothing that is worth to be kept.

    Raises
    ------
    RunDirectoryError
        If it is a run of another experiment or engine, naming every entry that differs; if its
        model cannot be read; if it is the one asked for, but not `resume`.
    """
    before = stored_provenance(path)
    if not (path / EXPERIMENT).exists() or not (resume or _trained(path)):
        return {}
    if resume:
        refuse_other_plugins(path)
    try:
        there = Experiment.from_file(path / EXPERIMENT).decisive()
    except ExperimentError as error:
        raise RunDirectoryError(
            f"{path}: holds a run whose model cannot be read; {another_out()}. {error}"
        ) from None
    differ = _differences(there, experiment.decisive())
    recorded = before.get("fingerprint", fingerprint if not differ else None)
    if recorded == fingerprint:
        differ = []  # at most the same data in another place
    elif not differ:
        differ = [f"its {EXPERIMENT} or its data file was changed after the training began"]
    if before.get("engine", engine) != engine:
        differ.append(f"engine: {before['engine']} there, {engine} asked for")
    if differ:
        raise RunDirectoryError(
            "\n".join([f"{path}: holds another experiment; {another_out()}", *differ])
        )
    if not resume:
        go_on = to_caller("add --resume", "pass resume=True")
        raise RunDirectoryError(
            f"{path}: already holds this experiment; {go_on} to continue it (finished work is not "
            f"repeated), or {another_out()}"
        )
    return before


def refuse_lost_checkpoint(path: Path) -> None:
    """Refuse to begin a training anew where one has been, whose checkpoint somebody removed.

    Raises
    ------
    RunDirectoryError
        If there are tables or weights, which are written after the checkpoint.
    """
    if _trained(path):
        raise RunDirectoryError(
            f"{path}: holds a training whose {CHECKPOINT} is missing, so it cannot "
            f"continue; put the file back, or {another_out()}"
        )


def refuse_shorter(path: Path, checkpoint: Checkpoint, epochs: int) -> None:
    """Refuse to end a training before the place where it stands already.

    Raises
    ------
    RunDirectoryError
        If it has begun an epoch beyond `epochs`.
    """
    begun = checkpoint.epoch + (checkpoint.position > 0)
    if begun > epochs:
        raise RunDirectoryError(
            f"{path}: its training is in epoch {begun} already, but training.epochs is {epochs}; "
            f"ask for {begun} epochs or more, or {another_out()}"
        )


def _is_ours(path: Path) -> bool:
    """Whether what is there, with no model beside it, was written by this package."""
    if (path / PROVENANCE).exists():
        return "fingerprint" in stored_provenance(path)
    try:
        Manifest.read(path)
    except RunDirectoryError:
        return False
    return True


def _trained(path: Path) -> bool:
    """Whether a run directory holds more than what was to be trained."""
    made = (CHECKPOINT, METRICS, ACTIVITY, SPIKE_COUNTS, SPIKES, WEIGHTS)
    return any((path / name).exists() for name in made)


def _differences(there: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {_shown(there.get(key))} there, {_shown(asked.get(key))} asked for"
        for key in {**there, **asked}  # a section that only one of them has, too
        if there.get(key) != asked.get(key)
    ]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
