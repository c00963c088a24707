"""A run directory, for writing: by one process at a time, which holds its lock.

The checkpoint is written first, then everything that is made from it.  If the process is killed in
between, no file is half written, and resuming writes all of them anew from the checkpoint.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import (
    csv_bytes,
    expanded,
    json_bytes,
    naming_os_errors,
    npz_bytes,
    remove_unfinished,
    take_lock,
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
from synfire_bp.runs.existing import (
    provenance_before,
    refuse_foreign,
    refuse_lost_checkpoint,
    refuse_shorter,
)
from synfire_bp.runs.manifest import Manifest, digest_of, write_proved
from synfire_bp.runs.plugins import plugins_of
from synfire_bp.runs.provenance import new_provenance
from synfire_bp.runs.run import Run

__all__ = ["RunWriter", "table_files"]


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
        self._manifest = _manifest_of(path)

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
        path = expanded(path)
        refuse_foreign(path)
        with naming_os_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            fingerprint = experiment.fingerprint()
            before = provenance_before(path, experiment, engine, fingerprint, resume)
            checkpoint = None
            if resume and not (path / CHECKPOINT).exists():
                refuse_lost_checkpoint(path)
            if (path / CHECKPOINT).exists():
                checkpoint = load_checkpoint(path / CHECKPOINT, fingerprint, engine)
                refuse_shorter(path, checkpoint, experiment.training.epochs)
            remove_unfinished(path)
            stored = experiment.resolved()
            provenance = new_provenance(
                engine, fingerprint, dataset_checksums or {}, before,
                plugins_of(experiment, engine), stored.model_dump(mode="json"),
            )  # fmt: skip
            writer = cls(path, lock, provenance)
            writer._write({}, durable=True)  # first: a folder without it is not taken for a run
            writer._write({EXPERIMENT: stored.to_yaml().encode()}, durable=True)
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
        self._provenance["samples_done"] = samples_done
        self._write_tables(checkpoint, (WEIGHTS,) if keep_spikes else (WEIGHTS, SPIKES))

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
        self._write({SPIKES: npz_bytes(arrays)})

    def finish(self) -> Run:
        """Write weights.npz, note that the training ran to its end; return the run for reading.

        Raises
        ------
        RunDirectoryError
            If nothing was saved yet, or a file cannot be written.
        """
        if self.checkpoint is None:
            raise RunDirectoryError(f"{self.path}: cannot be finished: nothing was trained yet")
        self._provenance["finished"] = True
        self._write({WEIGHTS: npz_bytes(self.checkpoint.weight_arrays)}, durable=True)
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

    def _write_tables(self, checkpoint: Checkpoint, gone: Collection[str] = ()) -> None:
        self.checkpoint = checkpoint
        self._provenance["wall_seconds"] = checkpoint.seconds
        self._write(table_files(checkpoint), gone)

    def _write(
        self, contents: Mapping[str, bytes], gone: Collection[str] = (), *, durable: bool = False
    ) -> None:
        """Write files, then what provenance.json says of them."""
        contents = {**contents, PROVENANCE: json_bytes(self._provenance, indent=2)}
        with naming_os_errors(self.path):
            self._manifest = write_proved(
                self.path, contents, self._manifest, gone, durable=durable
            )


def table_files(checkpoint: Checkpoint) -> dict[str, bytes]:
    """Return name and content of the tables that a checkpoint holds."""
    tables = [
        (METRICS, METRIC_COLUMNS, checkpoint.metrics),
        (SPIKE_COUNTS, SPIKE_COUNT_COLUMNS, checkpoint.spike_counts),
    ]
    if columns := tuple(dict.fromkeys(key for row in checkpoint.activity for key in row)):
        tables.append((ACTIVITY, columns, checkpoint.activity))
    return {name: csv_bytes(rows, columns) for name, columns, rows in tables}


def _manifest_of(path: Path) -> Manifest:
    """Return what proves the files of a directory that is taken up: all that will be written anew.

    Only recorded spikes are not; those of an older run, without a manifest, are believed.
    """
    try:
        before = Manifest.read(path)
    except RunDirectoryError:
        before = None
    if before is None:
        spikes = path / SPIKES
        return Manifest({SPIKES: digest_of(spikes.read_bytes())} if spikes.is_file() else {})
    return before
