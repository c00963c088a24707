"""The run directory: what a training leaves behind, and what it goes on from.

    experiment.yaml    the model, every default written out
    metrics.csv        one row per evaluation and split
    activity.csv       sparsity, weight changes, … per evaluation
    spike_counts.csv   spikes per population and phase
    weights.npz        w1, w2, … and w1_init, w2_init, … (int16, pre x post); once finished.
                       b2, … if errors come back through a matrix of its own in W2's place
    spikes.npz         recorded spikes, if any
    provenance.json    versions, commit, checksums, machine, time
    checkpoint.npz     where the training stands

The checkpoint is the truth: everything that grows during a training is written from it, and again
when the training is resumed.  A file is written beside its place and then moved there, so that
none is ever half written, whatever happens.  A lock keeps a second process out.
"""

from __future__ import annotations

import csv
import errno
import fcntl
import hashlib
import io
import json
import os
import platform
import shlex
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import CheckpointError, ExperimentError, RunDirectoryError
from synfire_bp.model.experiment import Experiment

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ACTIVITY",
    "CHECKPOINT",
    "EXPERIMENT",
    "LOCK",
    "METRICS",
    "PROVENANCE",
    "SPIKES",
    "SPIKE_COUNTS",
    "WEIGHTS",
    "METRIC_COLUMNS",
    "SPIKE_COUNT_COLUMNS",
    "Checkpoint",
    "PopulationSpikes",
    "Run",
    "RunWriter",
    "commit",
    "load_checkpoint",
    "save_checkpoint",
    "take_lock",
    "versions",
    "write_atomically",
]

METRIC_COLUMNS = (
    "epoch",
    "split",
    "samples",
    "accuracy_spikes",
    "accuracy_potential",
    "exact",
    "mse",
    "seconds",
)
SPIKE_COUNT_COLUMNS = ("epoch", "population", "phase", "spikes")

EXPERIMENT = "experiment.yaml"
METRICS = "metrics.csv"
ACTIVITY = "activity.csv"
SPIKE_COUNTS = "spike_counts.csv"
WEIGHTS = "weights.npz"
SPIKES = "spikes.npz"
PROVENANCE = "provenance.json"
CHECKPOINT = "checkpoint.npz"
LOCK = ".lock"

_CHECKPOINT_FORMAT = 1
_T = TypeVar("_T")

# ----------------------------------------------------------------------------------------------
# Writing one file
# ----------------------------------------------------------------------------------------------


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it holds either its old content or all of the new.

    Raises
    ------
    RunDirectoryError
        If it cannot be written (disk full, read-only, …); the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with open(temporary, "wb") as file:
                file.write(content)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise RunDirectoryError(
            f"{path}: cannot be written: {_reason(error)}. What was there before is untouched; "
            f"{_mend(error)}"
        ) from None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _mend(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "make room and go on with --resume, or choose another --out"
    return "choose an --out that can be written"


def _quoted(path: str | Path) -> str:
    return shlex.quote(str(path))


def _npz(arrays: Mapping[str, NDArray]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():  # np.savez would take some names for its own options
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), compresslevel=1)
    return buffer.getvalue()


def _csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    table.writerows({k: _plain_number(v) for k, v in row.items()} for row in rows)
    return text.getvalue().encode()


def _json(value: Any, indent: int | None = None) -> bytes:
    # indent costs Python's fast encoder, which the tables of a long training need
    return (json.dumps(value, indent=indent, default=_json_default) + "\n").encode()


def _json_default(value: Any) -> Any:
    if not isinstance(value, np.generic):
        raise TypeError(f"{value!r} ({type(value).__name__}) is not a number, text, list or dict")
    return value.item()


def _plain_number(value: Any) -> Any:
    """Return a NumPy number as Python's, so that a stored row equals one never stored."""
    return value.item() if isinstance(value, np.generic) else value


# ----------------------------------------------------------------------------------------------
# The checkpoint
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training stands: enough to go on to the same bits.

    Attributes
    ----------
    engine : str
        "circuit" or "oracle".
    fingerprint : str
        `Experiment.fingerprint` of the model.
    epoch, position : int
        Whole epochs done, and samples done of the next one.
    weights, initial_weights : tuple of int16 arrays
        One (n_pre, n_post) matrix per weight layer, then those for feedback: now, and at the start.
    copies : dict or None
        The matrix of each plastic projection by name, where copies of a layer's matrix differ.
    counters : dict
        Running sums of the epoch that is under way; keys are text, values what JSON can hold.
    metrics, activity, spike_counts : list of dict
        All rows so far.
    seconds : float
        Wall time so far, earlier sessions included.
    names : tuple of str
        Names of the matrices in weights.npz; w1, w2, … if empty.
    """

    engine: str
    fingerprint: str
    epoch: int
    position: int
    weights: tuple[NDArray[np.int16], ...]
    initial_weights: tuple[NDArray[np.int16], ...]
    copies: Mapping[str, NDArray[np.int16]] | None = None
    counters: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    activity: list[dict[str, Any]] = field(default_factory=list)
    spike_counts: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0
    names: tuple[str, ...] = ()

    @property
    def weight_arrays(self) -> dict[str, NDArray[np.int16]]:
        """The weights by their names in weights.npz: w1, w2, …, w1_init, w2_init, …."""
        names = self.names or [f"w{n}" for n in range(1, len(self.weights) + 1)]
        now = dict(zip(names, self.weights, strict=True))
        start = zip(names, self.initial_weights, strict=True)
        return now | {f"{name}_init": matrix for name, matrix in start}


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint: one npz of the weights, a JSON text and a SHA-256 over all of it.

    Raises
    ------
    CheckpointError
        If weights are not int16, or rows have other columns than their tables.
    RunDirectoryError
        If the file cannot be written; an older one is then untouched.
    """
    path = Path(path)
    _refuse_unfit(path, checkpoint)
    arrays = {name: np.ascontiguousarray(w) for name, w in checkpoint.weight_arrays.items()}
    copies = checkpoint.copies or {}
    arrays |= {f"copy{n}": np.ascontiguousarray(w) for n, w in enumerate(copies.values(), 1)}
    apart = ("weights", "initial_weights", "copies")
    rest = {k: v for k, v in vars(checkpoint).items() if k not in apart}
    counted = {"format": _CHECKPOINT_FORMAT, "layers": len(checkpoint.weights)}
    text = _json({**counted, "copies": list(copies), **rest})
    digest = _digest(text, arrays)
    stored: dict[str, NDArray] = {
        **arrays,
        "rest": np.frombuffer(text, dtype=np.uint8),
        "sha256": np.frombuffer(digest, dtype=np.uint8),
    }
    write_atomically(path, _npz(stored))


def load_checkpoint(
    path: str | Path,
    expected_fingerprint: str | None = None,
    expected_engine: str | None = None,
) -> Checkpoint:
    """Read a checkpoint and check that it is whole and the right one.

    Raises
    ------
    CheckpointError
        If it is missing, damaged, or of another model or engine.
    """
    path = Path(path)
    mend = "delete its folder and start again, or choose another --out"
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such checkpoint; start without --resume") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {_reason(error)}") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        text, digest = stored.pop("rest").tobytes(), stored.pop("sha256").tobytes()
    except Exception as error:  # numpy, zipfile, zlib, struct, …: each has its own for a bad byte
        raise CheckpointError(
            f"{path}: is damaged ({len(content):,} bytes; {type(error).__name__}); {mend}"
        ) from None
    if _digest(text, stored) != digest:
        raise CheckpointError(f"{path}: is damaged (its SHA-256 does not fit); {mend}")

    rest = json.loads(text)
    if rest.pop("format") != _CHECKPOINT_FORMAT:
        raise CheckpointError(f"{path}: was written by another version of synfire_bp; {mend}")
    n_layers = rest.pop("layers")
    matrices = rest.get("names") or [f"w{n}" for n in range(1, n_layers + 1)]
    if expected_engine not in (None, rest["engine"]):
        raise CheckpointError(
            f"{path}: belongs to the engine '{rest['engine']}', not '{expected_engine}'; "
            f"resume with --engine {rest['engine']}, or choose another --out"
        )
    if expected_fingerprint not in (None, rest["fingerprint"]):
        raise CheckpointError(
            f"{path}: belongs to another model (fingerprint {rest['fingerprint'][:12]}, not "
            f"{str(expected_fingerprint)[:12]}: data, network, rule, samples or seed differ); "
            "choose another --out"
        )
    rest["names"] = tuple(rest.get("names", ()))
    names = rest.pop("copies", [])
    return Checkpoint(
        copies={name: stored[f"copy{n}"] for n, name in enumerate(names, 1)} or None,
        weights=tuple(stored[name] for name in matrices),
        initial_weights=tuple(stored[f"{name}_init"] for name in matrices),
        **rest,
    )


def _refuse_unfit(path: Path, checkpoint: Checkpoint) -> None:
    """Refuse what would not survive being stored, or not fit the tables written from it."""
    for name, matrix in checkpoint.weight_arrays.items():
        if matrix.dtype != np.int16:
            raise CheckpointError(f"{path}: {name} is of type {matrix.dtype}; must be int16")
    tables = ((METRICS, checkpoint.metrics, METRIC_COLUMNS),
              (SPIKE_COUNTS, checkpoint.spike_counts, SPIKE_COUNT_COLUMNS))  # fmt: skip
    for table, rows, columns in tables:
        for row in rows:
            if set(row) != set(columns):
                raise CheckpointError(
                    f"{path}: a row for {table} has the columns {', '.join(row)}; must have "
                    f"{', '.join(columns)}"
                )


def _digest(text: bytes, arrays: Mapping[str, NDArray]) -> bytes:
    """Return the SHA-256 over names, types, shapes and values, and the text."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        content = array.tobytes()
        digest.update(f"{name} {array.dtype.str} {array.shape} {len(content)}\n".encode())
        digest.update(content)
    digest.update(text)
    return digest.digest()


# ----------------------------------------------------------------------------------------------
# Reading a run
# ----------------------------------------------------------------------------------------------


class PopulationSpikes(NamedTuple):
    """Spikes of one population: which neuron (`i`), in which time step (`step`)."""

    i: NDArray[np.integer]
    step: NDArray[np.integer]


@dataclass(frozen=True)
class Run:
    """A run directory, for reading.  Files are read when they are asked for.

    Every attribute raises RunDirectoryError if its file is missing or damaged.
    """

    path: Path

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """Open a run directory.

        Raises
        ------
        RunDirectoryError
            If it is none.
        """
        path = Path(path).expanduser()
        if not path.exists():
            raise RunDirectoryError(
                f"{path}: no such run; make one with: synfire-bp train MODEL --out {_quoted(path)}"
            )
        if not (path / EXPERIMENT).is_file():
            raise RunDirectoryError(f"{path}: is no run directory (it holds no {EXPERIMENT})")
        return cls(path)

    @cached_property
    def experiment(self) -> Experiment:
        """The model, every default written out."""
        try:
            return Experiment.from_file(self.path / EXPERIMENT)
        except ExperimentError as error:
            raise RunDirectoryError(f"{self.path}: its model cannot be read: {error}") from None

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Versions, commit, checksums of the data, engine, machine, wall time."""
        return self._read(PROVENANCE, lambda file: json.loads(file.read()))

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """Accuracies and losses, one row per evaluation and split (`METRIC_COLUMNS`)."""
        return self._read(METRICS, lambda file: _read_table(file, METRIC_COLUMNS))

    @cached_property
    def activity(self) -> pd.DataFrame:
        """Sparsity, weight changes, …; without rows if the engine reported none."""
        if not (self.path / ACTIVITY).exists():
            import pandas as pd

            return pd.DataFrame()
        return self._read(ACTIVITY, _read_table)

    @cached_property
    def spike_counts(self) -> pd.DataFrame:
        """Spikes per population and phase (`SPIKE_COUNT_COLUMNS`)."""
        return self._read(SPIKE_COUNTS, lambda file: _read_table(file, SPIKE_COUNT_COLUMNS))

    @cached_property
    def weights(self) -> dict[str, NDArray[np.int16]]:
        """Weights now and at the start: w1, w2, …, w1_init, w2_init, … (pre x post).

        Also b2, …, where errors come back through a matrix of its own.
        """
        if not (self.path / WEIGHTS).exists() and (self.path / CHECKPOINT).exists():
            return load_checkpoint(self.path / CHECKPOINT).weight_arrays  # not finished yet
        return self._read(WEIGHTS, _read_weights)

    @cached_property
    def spikes(self) -> dict[str, PopulationSpikes]:
        """Recorded spikes by population."""
        arrays = self._spike_arrays
        names = [name.removesuffix("/i") for name in arrays if name.endswith("/i")]
        return {name: PopulationSpikes(arrays[f"{name}/i"], arrays[f"{name}/step"])
                for name in names}  # fmt: skip

    @cached_property
    def spikes_about(self) -> dict[str, NDArray]:
        """What was stored with the spikes, such as which samples they belong to."""
        return {k: v for k, v in self._spike_arrays.items() if not k.endswith(("/i", "/step"))}

    @cached_property
    def _spike_arrays(self) -> dict[str, NDArray]:
        if not (self.path / SPIKES).exists():
            raise RunDirectoryError(
                f"{self.path}: no spikes were recorded; make a run that does with: synfire-bp "
                f"train {_quoted(self.path / EXPERIMENT)} --engine circuit "
                f"--set record.samples=3 --out {_quoted(f'{self.path}-spikes')}"
            )
        return self._read(SPIKES, _read_arrays)

    @property
    def engine(self) -> str:
        """Which engine trained: "circuit" or "oracle"."""
        return self.provenance["engine"]

    @property
    def finished(self) -> bool:
        """Whether the training ran to its end."""
        return bool(self.provenance["finished"])

    def _read(self, name: str, read: Callable[[IO[bytes]], _T]) -> _T:
        file = self.path / name
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            engine = _stored_provenance(self.path).get("engine", "circuit")
            raise RunDirectoryError(
                f"{file}: no such file; the training was stopped before it wrote one. Go on with: "
                f"synfire-bp train {_quoted(self.path / EXPERIMENT)} --engine {engine} "
                f"--out {_quoted(self.path)} --resume"
            ) from None
        except OSError as error:
            raise RunDirectoryError(f"{file}: cannot be read: {_reason(error)}") from None
        try:
            return read(io.BytesIO(content))
        except Exception as error:  # as many kinds as there are ways to spoil a file
            mend = (
                "train again, into another --out"
                if name == SPIKES
                else f"--resume writes it anew from {CHECKPOINT}"
            )
            raise RunDirectoryError(
                f"{file}: is damaged ({type(error).__name__}: {error}). To mend it: {mend}"
            ) from None


def _read_table(file: IO[bytes], columns: Sequence[str] = ()) -> pd.DataFrame:
    import pandas as pd  # half a second that a training need not wait for

    table = pd.read_csv(file, float_precision="round_trip")
    if columns and (list(table.columns) != list(columns) or table.isna().any(axis=None)):
        raise ValueError(f"not every row has the columns {', '.join(columns)}")
    return table


def _read_arrays(file: IO[bytes]) -> dict[str, NDArray]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _is_forward(matrix: str) -> bool:
    return matrix.startswith("w")


def _read_weights(file: IO[bytes]) -> dict[str, NDArray]:
    arrays = _read_arrays(file)
    found = {name.removesuffix("_init") for name in arrays}
    names = {f"w{n}" for n in range(1, max(sum(map(_is_forward, found)), 1) + 1)} | found
    if missing := {f"{name}{end}" for name in names for end in ("", "_init")} - set(arrays):
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    return arrays


# ----------------------------------------------------------------------------------------------
# Writing a run
# ----------------------------------------------------------------------------------------------


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
            May exist if it is empty, or, with `resume`, if it holds the same experiment.
        experiment : Experiment
            What is trained; stored with every default written out.
        engine : str
            "circuit" or "oracle".
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
        _refuse_foreign(path)
        with _or_cannot_use(path):
            path.mkdir(parents=True, exist_ok=True)
        lock = take_lock(path)
        try:
            fingerprint = experiment.fingerprint()
            before = _before(path, experiment, engine, fingerprint, resume)
            checkpoint = None
            if (path / CHECKPOINT).exists():
                checkpoint = load_checkpoint(path / CHECKPOINT, fingerprint, engine)
                _refuse_shorter(path, checkpoint, experiment.training.epochs)
            for stale in path.glob(".*.tmp"):
                with suppress(OSError):
                    stale.unlink()
            provenance = _provenance(engine, fingerprint, dataset_checksums or {}, before)
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
        with _or_cannot_use(self.path):
            for name in (WEIGHTS,) if keep_spikes else (WEIGHTS, SPIKES):
                (self.path / name).unlink(missing_ok=True)
        self._provenance["samples_done"] = samples_done
        self._write_tables(checkpoint)

    def write_spikes(
        self,
        spikes: Mapping[str, tuple[NDArray[np.integer], NDArray[np.integer]]],
        **about: Any,
    ) -> None:
        """Store recorded spikes, (`i`, `step`) by population, and arrays that explain them."""
        arrays = {name: np.asarray(value) for name, value in about.items()}
        for name, (i, step) in spikes.items():
            arrays[f"{name}/i"], arrays[f"{name}/step"] = np.asarray(i), np.asarray(step)
        write_atomically(self.path / SPIKES, _npz(arrays))

    def finish(self) -> Run:
        """Write weights.npz, note that the training ran to its end; return the run for reading.

        Raises
        ------
        RunDirectoryError
            If nothing was saved yet, or a file cannot be written.
        """
        if self.checkpoint is None:
            raise RunDirectoryError(f"{self.path}: cannot be finished: nothing was trained yet")
        write_atomically(self.path / WEIGHTS, _npz(self.checkpoint.weight_arrays))
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
        write_atomically(self.path / METRICS, _csv(checkpoint.metrics, METRIC_COLUMNS))
        columns = dict.fromkeys(key for row in checkpoint.activity for key in row)
        if columns:
            write_atomically(self.path / ACTIVITY, _csv(checkpoint.activity, tuple(columns)))
        write_atomically(
            self.path / SPIKE_COUNTS, _csv(checkpoint.spike_counts, SPIKE_COUNT_COLUMNS)
        )
        self._provenance["wall_seconds"] = checkpoint.seconds
        self._write_provenance()

    def _write_provenance(self) -> None:
        write_atomically(self.path / PROVENANCE, _json(self._provenance, indent=2))


# ----------------------------------------------------------------------------------------------
# What is in the directory already
# ----------------------------------------------------------------------------------------------


def _refuse_foreign(path: Path) -> None:
    """Refuse a path that is a file, or a folder with something else than a run in it."""
    with _or_cannot_use(path):
        if not path.exists():
            return
        if not path.is_dir():
            raise RunDirectoryError(f"{path}: is a file; --out must name a folder")
        names = {file.name for file in path.iterdir()}
    names = {name for name in names if name != LOCK and not _is_temporary(name)}
    is_run = EXPERIMENT in names and bool(names & {PROVENANCE, CHECKPOINT})
    begun = names == {PROVENANCE} and "fingerprint" in _stored_provenance(path)
    if names and not is_run and not begun:
        raise RunDirectoryError(
            f"{path}: is not empty and no run directory (it holds {', '.join(sorted(names)[:3])}"
            f"{', …' if len(names) > 3 else ''}); choose another --out"
        )


def _before(
    path: Path, experiment: Experiment, engine: str, fingerprint: str, resume: bool
) -> dict[str, Any]:
    """Return the provenance of the run that is there, if it is the one that is asked for."""
    before = _stored_provenance(path)
    if not (path / EXPERIMENT).exists():
        return {}
    try:
        there = Experiment.from_file(path / EXPERIMENT).decisive()
    except ExperimentError as error:
        raise RunDirectoryError(
            f"{path}: holds a run whose model cannot be read; choose another --out. {error}"
        ) from None
    asked = experiment.decisive()
    differ = [
        f"{key}: {_shown(there.get(key))} there, {_shown(asked.get(key))} asked for"
        for key in {**there, **asked}  # a section that only one of them has, too
        if there.get(key) != asked.get(key)
    ]
    recorded = before.get("fingerprint", fingerprint if not differ else None)
    if recorded == fingerprint:
        differ = []  # at most the same data in another place
    elif not differ:
        differ = [f"its {EXPERIMENT} or its data file was changed after the training began"]
    if before.get("engine", engine) != engine:
        differ.append(f"engine: {before['engine']} there, {engine} asked for")
    if differ:
        raise RunDirectoryError(
            "\n".join([f"{path}: holds another experiment; choose another --out", *differ])
        )
    if not resume:
        raise RunDirectoryError(
            f"{path}: holds this experiment already; add --resume to go on with it, or choose "
            "another --out"
        )
    return before


def _refuse_shorter(path: Path, checkpoint: Checkpoint, epochs: int) -> None:
    """Refuse to end a training before the place where it stands already."""
    begun = checkpoint.epoch + (checkpoint.position > 0)
    if begun > epochs:
        raise RunDirectoryError(
            f"{path}: its training is in epoch {begun} already, but training.epochs is {epochs}; "
            f"ask for {begun} epochs or more, or choose another --out"
        )


def _stored_provenance(path: Path) -> dict[str, Any]:
    """Return what provenance.json says; nothing if it is missing or damaged."""
    try:
        stored = json.loads((path / PROVENANCE).read_bytes())
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def _is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


@contextmanager
def _or_cannot_use(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a message about the run directory."""
    try:
        yield
    except OSError as error:
        raise RunDirectoryError(
            f"{path}: cannot be used as a run directory: {_reason(error)}; {_mend(error)}"
        ) from None


def take_lock(path: Path) -> int:
    """Lock a run directory until the file descriptor is closed or the process dies."""
    with _or_cannot_use(path):
        lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(lock, 200).decode(errors="replace").strip()
            os.close(lock)
            raise RunDirectoryError(
                f"{path}: another process trains into it ({holder or 'unknown'}); wait for it, "
                "or choose another --out"
            ) from None
        except OSError as error:
            # some file systems of clusters have no locks; better no lock than no training
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP):
                os.close(lock)
                raise
    with suppress(OSError):  # only for the message above
        os.ftruncate(lock, 0)
        os.write(lock, f"process {os.getpid()} on {platform.node()}\n".encode())
    return lock


# ----------------------------------------------------------------------------------------------
# Provenance
# ----------------------------------------------------------------------------------------------


def _provenance(
    engine: str, fingerprint: str, checksums: Mapping[str, str], before: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "engine": engine,
        "fingerprint": fingerprint,
        "versions": versions(),
        "commit": commit(),
        "dataset_checksums": dict(checksums) or before.get("dataset_checksums", {}),
        "hostname": platform.node(),
        "cpu": _cpu(),
        "started": before.get("started", datetime.now(timezone.utc).isoformat(timespec="seconds")),
        "wall_seconds": before.get("wall_seconds", 0.0),
        "samples_done": before.get("samples_done", 0),
        "finished": False,
    }


def versions() -> dict[str, str | None]:
    """Return the versions of what decides the bits of a training."""
    packages = ("synfire_bp", "brian2", "numpy", "numba")
    return {name: _version(name) for name in packages} | {"python": platform.python_version()}


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit() -> str | None:
    """Return the commit of the source checkout, "-dirty" if changed since; None if installed."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}  # of hooks
    try:
        answer = subprocess.run(
            command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
