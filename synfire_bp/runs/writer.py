"""A run directory, for writing: by one process at a time, which holds its lock.

The checkpoint is written first, then everything that is made from it.  If the process is killed in
between, no file is half written, and resuming writes all of them anew from the checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import (
    csv_bytes,
    json_bytes,
    naming_os_errors,
    npz_bytes,
    take_lock,
    write_atomically,
)
from synfire_bp.model.experiment import Experiment
from synfire_bp.runs.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from synfire_bp.runs.directory import (
    ACTIVITY,
    CHECKPOINT,
    EXPERIMENT,
    METRIC_COLUMNS,
    METRICS,
    PROVENANCE,
    SPIKE_COUNT_COLUMNS,
    SPIKE_COUNTS,
    SPIKES,
    WEIGHTS,
)
from synfire_bp.runs.existing import provenance_before, refuse_foreign, refuse_shorter
from synfire_bp.runs.plugins import plugins_of
from synfire_bp.runs.provenance import new_provenance
from synfire_bp.runs.run import Run

__all__ = ["RunWriter"]


class RunWriter:
    """A run directory, for the one process that trains into it.

    Use it in a `with` statement, which holds the lock::

        with RunWriter.create("runs/x", experiment, "circuit", resume=True) as writer:
            start = writer.checkpoint  # None: from the beginning
            ...
            writer.save(checkpoint, samples_done)
            writer.finish()

    Attributes
    ----------
    path : Path
        The directory.
    checkpoint : Checkpoint or None
        Where the training stands; at the beginning, what it resumes from.
    """

    def __init__(self, path: Path, lock: int, provenance: dict[str, Any]) -> None:
        self.path = path
        self.checkpoint: Checkpoint | None = None
        self._lock: int | None = lock
        self._provenance = provenance

    @classmethod
    def create(
        cls,
        path: str | Path,
        experiment: Experiment,
        engine: str,
        *,
        resume: bool = False,
        dataset_checksums: Mapping[str, str] | None = None,
    ) -> RunWriter:
        """Make a run directory, or take up the one that is there.

        Parameters
        ----------
        path : str or Path
            May exist if nothing was trained there yet, or, with `resume`, if it holds the same
            experiment.
        experiment : Experiment
            What is trained; stored with every default written out.
        engine : str
            "circuit", "oracle", or one of a plug-in.
        resume : bool
            Go on from the checkpoint if there is one, and write all tables anew from it.
        dataset_checksums : mapping, optional
            File name to checksum, for provenance.json.

        Raises
        ------
        RunDirectoryError
            If the path holds something else, is in use, or cannot be written.
        CheckpointError
            If the checkpoint is damaged or of another model.
        """
        path = Path(path).expanduser()
        refuse_foreign(path)
        with naming_os_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            fingerprint = experiment.fingerprint()
            before = provenance_before(path, experiment, engine, fingerprint, resume)
            checkpoint = None
            if (path / CHECKPOINT).exists():
                checkpoint = load_checkpoint(path / CHECKPOINT, fingerprint, engine)
                refuse_shorter(path, checkpoint, experiment.training.epochs)
            for stale in path.glob(".*.tmp"):
                with suppress(OSError):
                    stale.unlink()
            provenance = new_provenance(
                engine, fingerprint, dataset_checksums or {}, before, plugins_of(experiment, engine)
            )
            writer = cls(path, lock, provenance)
            writer._write_provenance()  # first: a folder without it is not taken for a run
            write_atomically(path / EXPERIMENT, experiment.resolved().to_yaml().encode())
            if checkpoint is not None:
                writer._write_tables(checkpoint)
        except BaseException:
            os.close(lock)
            raise
        return writer

    def save(self, checkpoint: Checkpoint, samples_done: int, *, keep_spikes: bool = False) -> None:
        """Store where the training stands: the checkpoint, then everything written from it.

        What an earlier end left is removed, if a longer training goes on from there: the weights,
        and the spikes unless `keep_spikes` says that they are of this training's end.

        Raises
        ------
        RunDirectoryError
            If a file cannot be written; it and those not reached yet keep their old content.
        """
        save_checkpoint(self.path / CHECKPOINT, checkpoint)
        with naming_os_errors(self.path):
            for name in (WEIGHTS,) if keep_spikes else (WEIGHTS, SPIKES):
                (self.path / name).unlink(missing_ok=True)
        self._provenance["samples_done"] = samples_done
        self._write_tables(checkpoint)

    def warn(self, text: str) -> None:
        """Note a warning for provenance.json, which is written with the tables."""
        self._provenance.setdefault("warnings", []).append(text)

    def write_spikes(
        self,
        spikes: Mapping[str, tuple[NDArray[np.integer], NDArray[np.integer]]],
        **about: Any,
    ) -> None:
        """Store recorded spikes, (`i`, `step`) by population, and arrays that explain them."""
        arrays = {name: np.asarray(value) for name, value in about.items()}
        for name, (i, step) in spikes.items():
            arrays[f"{name}/i"], arrays[f"{name}/step"] = np.asarray(i), np.asarray(step)
        write_atomically(self.path / SPIKES, npz_bytes(arrays))

    def finish(self) -> Run:
        """Write weights.npz, note that the training ran to its end; return the run for reading.

        Raises
        ------
        RunDirectoryError
            If nothing was saved yet, or a file cannot be written.
        """
        if self.checkpoint is None:
            raise RunDirectoryError(f"{self.path}: cannot be finished: nothing was trained yet")
        write_atomically(self.path / WEIGHTS, npz_bytes(self.checkpoint.weight_arrays))
        self._provenance["finished"] = True
        self._write_provenance()
        return Run.open(self.path)

    def close(self) -> None:
        """Give up the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> RunWriter:
        """Return the writer."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up the lock."""
        self.close()

    def _write_tables(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        write_atomically(self.path / METRICS, csv_bytes(checkpoint.metrics, METRIC_COLUMNS))
        columns = dict.fromkeys(key for row in checkpoint.activity for key in row)
        if columns:
            write_atomically(self.path / ACTIVITY, csv_bytes(checkpoint.activity, tuple(columns)))
        write_atomically(
            self.path / SPIKE_COUNTS, csv_bytes(checkpoint.spike_counts, SPIKE_COUNT_COLUMNS)
        )
        self._provenance["wall_seconds"] = checkpoint.seconds
        self._write_provenance()

    def _write_provenance(self) -> None:
        write_atomically(self.path / PROVENANCE, json_bytes(self._provenance, indent=2))
