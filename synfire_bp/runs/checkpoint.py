"""The checkpoint: enough of a training to go on to the same bits, and whole or refused.

One npz file holds the weights, a JSON text with all the rest, and a SHA-256 over both, so that no
altered byte is taken for a training.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import CheckpointError, another_out, engine_named, to_caller
from synfire_bp.files import json_bytes, npz_bytes, read_whole, reason, write_atomically
from synfire_bp.runs.directory import (
    METRIC_COLUMNS,
    METRICS,
    SPIKE_COUNT_COLUMNS,
    SPIKE_COUNTS,
    metrics_of_now,
)

__all__ = ["Checkpoint", "load_checkpoint", "save_checkpoint"]

_FORMAT = 1


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

    Notes
    -----
    When it returns, the disk has the file: it outlives a power cut.
    """
    path = Path(path)
    _refuse_unfit(path, checkpoint)
    arrays = {name: np.ascontiguousarray(w) for name, w in checkpoint.weight_arrays.items()}
    copies = checkpoint.copies or {}
    arrays |= {f"copy{n}": np.ascontiguousarray(w) for n, w in enumerate(copies.values(), 1)}
    apart = ("weights", "initial_weights", "copies")
    rest = {k: v for k, v in vars(checkpoint).items() if k not in apart}
    counted = {"format": _FORMAT, "layers": len(checkpoint.weights)}
    text = json_bytes({**counted, "copies": list(copies), **rest})
    digest = _digest(text, arrays)
    stored: dict[str, NDArray] = {
        **arrays,
        "rest": np.frombuffer(text, dtype=np.uint8),
        "sha256": np.frombuffer(digest, dtype=np.uint8),
    }
    write_atomically(path, npz_bytes(stored), durable=True)


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
    text, stored = _proved(path)
    rest = json.loads(text)
    if rest.pop("format") != _FORMAT:
        raise CheckpointError(f"{path}: was written by another version of synfire_bp; {_anew()}")
    _refuse_other(path, rest, expected_fingerprint, expected_engine)
    n_layers = rest.pop("layers")
    matrices = rest.get("names") or [f"w{n}" for n in range(1, n_layers + 1)]
    rest["names"] = tuple(rest.get("names", ()))
    names = rest.pop("copies", [])
    rest["metrics"] = [metrics_of_now(row) for row in rest.get("metrics", ())]
    _refuse_old_sums(path, rest.get("counters", {}))
    return Checkpoint(
        copies={name: stored[f"copy{n}"] for n, name in enumerate(names, 1)} or None,
        weights=tuple(stored[name] for name in matrices),
        initial_weights=tuple(stored[f"{name}_init"] for name in matrices),
        **rest,
    )


def _anew() -> str:
    return f"delete its folder and start again, or {another_out()}"


def _proved(path: Path) -> tuple[bytes, dict[str, NDArray]]:
    """Return the text and the arrays of a checkpoint whose SHA-256 fits."""
    try:
        content = read_whole(path)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path}: no such checkpoint; start without {to_caller('--resume', 'resume=True')}"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {reason(error)}") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            stored = {name: archive[name] for name in archive.files}
        text, digest = stored.pop("rest").tobytes(), stored.pop("sha256").tobytes()
    except Exception as error:  # numpy, zipfile, zlib, struct, …: each has its own for a bad byte
        raise CheckpointError(
            f"{path}: is damaged ({len(content):,} bytes; {type(error).__name__}); {_anew()}"
        ) from None
    if _digest(text, stored) != digest:
        raise CheckpointError(f"{path}: is damaged (its SHA-256 does not fit); {_anew()}")
    return text, stored


def _refuse_other(
    path: Path,
    rest: Mapping[str, Any],
    expected_fingerprint: str | None,
    expected_engine: str | None,
) -> None:
    if expected_engine not in (None, rest["engine"]):
        raise CheckpointError(
            f"{path}: belongs to the engine '{rest['engine']}', not '{expected_engine}'; "
            f"resume with {engine_named(rest['engine'])}, or {another_out()}"
        )
    if expected_fingerprint not in (None, rest["fingerprint"]):
        raise CheckpointError(
            f"{path}: belongs to another model (fingerprint {rest['fingerprint'][:12]}, not "
            f"{str(expected_fingerprint)[:12]}: data, network, rule, samples or seed differ); "
            f"{another_out()}"
        )


def _refuse_old_sums(path: Path, counters: Mapping[str, Any]) -> None:
    """Refuse sums of an older version, which counted a silent output as class 0."""
    score = counters.get("score")
    if score and not isinstance(score[-1], list):
        if score[0]:
            raise CheckpointError(
                f"{path}: was written between two tests by an older version, which counted a "
                f"silent output as class 0, and can only be read; {_anew()}"
            )
        score[:] = [0, 0, 0, 0, 0, score[-1] * [0]]


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
