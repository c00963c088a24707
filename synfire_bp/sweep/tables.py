"""The tables of a sweep's folder, as anybody may read them, also while it runs.

    sweep.yaml       the sweep, as it was asked for
    design.parquet   one row per planned run: its point, its values, the entries that it sets
    runs.parquet     one row per finished run: parameters, status, accuracies, seed, worker, …
    epochs.parquet   one row per run, evaluation and split
    parts/           rows that came since these two were written

A run counts as finished when both tables have all of it; of a run that was done twice the later
rows count.  `synfire_bp.sweep.store` writes them.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synfire_bp.errors import SweepError, to_caller
from synfire_bp.files import expanded, read_whole
from synfire_bp.sweep.columns import EPOCH_COLUMNS, RUN_COLUMNS, planned_of
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DESIGN",
    "EPOCHS",
    "PARTS",
    "RUNS",
    "SWEEP",
    "Tables",
    "read_definition",
    "read_design",
    "read_planned",
    "read_sweep",
]

SWEEP, DESIGN, RUNS, EPOCHS = "sweep.yaml", "design.parquet", "runs.parquet", "epochs.parquet"
PARTS = "parts"

_PART = re.compile(r"^(runs|epochs)-(\d{9})\.parquet$")


def read_sweep(path: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of a sweep, finished or under way.

    A file that cannot be read is left out with a warning.

    Returns
    -------
    runs : DataFrame
        One row per finished run, by number: `run`, `point`, a column for each parameter,
        `status`, `error`, the last and the best test accuracies (0 ... 1), ….
    epochs : DataFrame
        One row per run, evaluation and split, as in a run's metrics.csv.

    Raises
    ------
    SweepError
        If the folder is none of a sweep.
    """
    path = _needed(path)
    found = Tables.read(path)
    for file in found.broken:
        warnings.warn(f"{file}: cannot be read and was left out", stacklevel=2)
    runs, epochs = found.tables()
    return runs.to_pandas(), epochs.to_pandas()


def read_design(path: str | Path) -> pd.DataFrame:
    """Read what a sweep planned: one row per run, with its point and its parameters.

    Raises
    ------
    SweepError
        If the folder is none of a sweep, or its design is damaged.
    """
    path = _needed(path)
    try:
        return pq.read_table(path / DESIGN).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise SweepError(
            f"{path / DESIGN}: cannot be read ({type(error).__name__}); start the sweep again with "
            "the same command, which writes it again"
        ) from None


def read_planned(path: Path) -> list[PlannedRun]:
    """Return the runs that a folder was made for; empty if its design cannot be read."""
    try:
        return planned_of(_read_table(path / DESIGN))
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return []


def read_definition(path: str | Path) -> Sweep:
    """Read the sweep of a folder, as it was asked for.

    Raises
    ------
    SweepError
        If the folder is none of a sweep, or its file is damaged.
    """
    return Sweep.from_file(_needed(path) / SWEEP)


def _needed(path: str | Path) -> Path:
    path = expanded(path)
    if not (path / SWEEP).is_file():
        what = (
            f"is not a folder of a sweep (it holds no {SWEEP})"
            if path.exists()
            else "no such sweep"
        )
        make = to_caller(f"synfire-bp sweep SWEEP --out {path}", f"run_sweep(sweep, {str(path)!r})")
        raise SweepError(f"{path}: {what}; make one with: {make}")
    return path


_KEYS = {"runs": {"run", "status", "epoch_rows"}, "epochs": {"run", "epoch", "split"}}
"""Columns without which a file is not of its kind."""


@dataclass
class Tables:
    """What the files of a sweep hold."""

    runs: list[pa.Table]
    epochs: list[pa.Table]
    parts: dict[str, Path]
    broken: list[Path]
    last_part: int

    @classmethod
    def read(cls, path: Path) -> Tables:
        """Read all files; those that are merged meanwhile are found where they went."""
        for _ in range(5):
            try:
                return cls._read(path)
            except FileNotFoundError:  # merged between the list and the look
                continue
        return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> Tables:
        parts = {file.name: file for file in sorted((path / PARTS).glob("*.parquet"))
                 if _PART.match(file.name)}  # fmt: skip
        # runs before epochs, so that they are removed first
        parts = dict(sorted(parts.items(), key=lambda item: (item[0][0] == "e", item[0])))
        tables: dict[str, list[pa.Table]] = {"runs": [], "epochs": []}
        broken = []
        merged = [file for file in (path / RUNS, path / EPOCHS) if file.exists()]
        for file in [*merged, *parts.values()]:
            try:
                table = _of_now(_read_table(file))
            except FileNotFoundError:
                raise
            except (OSError, pa.ArrowException):
                broken.append(file)
                continue
            kind = "runs" if file.name.startswith("runs") else "epochs"
            if _KEYS[kind] <= set(table.column_names):
                tables[kind].append(table)
            else:
                broken.append(file)
        numbers = [int(_PART.match(name)[2]) for name in parts]  # type: ignore[index]
        whole = {name: file for name, file in parts.items() if file not in broken}
        return cls(tables["runs"], tables["epochs"], whole, broken, max(numbers, default=-1))

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """Return both tables, in order: whole runs only, and of each its last rows."""
        runs = _joined(self.runs, pa.schema([("run", pa.int64()), *RUN_COLUMNS.items()]))
        epochs = _joined(self.epochs, pa.schema(list(EPOCH_COLUMNS.items())))
        # a run that was done twice: the later rows count
        runs = runs.take(_last_of_each(_numbers(runs, "run")))
        epochs = epochs.take(
            _last_of_each(*(_numbers(epochs, name) for name in ("run", "epoch", "split")))
        )
        run, n_wanted = _numbers(runs, "run"), _numbers(runs, "epoch_rows")
        of_epoch = _numbers(epochs, "run")
        n_found = np.searchsorted(of_epoch, run, "right") - np.searchsorted(of_epoch, run, "left")
        whole = n_found >= n_wanted
        kept = np.isin(of_epoch, run[whole & (n_wanted > 0)])
        return runs.filter(pa.array(whole)), epochs.filter(pa.array(kept))

    def finished(self) -> dict[int, str]:
        """Return number and status of every run of which no row is missing."""
        runs = self.tables()[0]
        return dict(zip(runs["run"].to_pylist(), runs["status"].to_pylist(), strict=True))


def _numbers(table: pa.Table, column: str) -> NDArray:
    values = table[column]
    if values.type == pa.string():
        values = values.combine_chunks().dictionary_encode().indices
    return values.to_numpy()


def _last_of_each(*keys: NDArray) -> NDArray[np.int64]:
    """Return the rows, in the order of the keys, that are the last of those with equal keys."""
    order = np.lexsort((np.arange(len(keys[0])), *reversed(keys)))
    last = np.ones(len(order), dtype=bool)
    if len(order):
        equal = [key[order][1:] == key[order][:-1] for key in keys]
        last[:-1] = ~np.logical_and.reduce(equal)
    return order[last]


def _joined(tables: Sequence[pa.Table], empty: pa.Schema) -> pa.Table:
    if not tables:
        return empty.empty_table()
    return pa.concat_tables(tables, promote_options="default")


def _of_now(table: pa.Table) -> pa.Table:
    """Return a table by today's columns; older versions had argmax alone and called it spikes."""
    if "accuracy_argmax" in table.column_names or "accuracy_spikes" not in table.column_names:
        return table
    heirs = {"accuracy_spikes": "accuracy_argmax", "best_accuracy_spikes": "best_accuracy_argmax"}
    table = table.rename_columns([heirs.get(name, name) for name in table.column_names])
    for name in ("accuracy_spikes", "silent"):
        table = table.append_column(name, pa.nulls(len(table), pa.float64()))
    if "best_accuracy_argmax" in table.column_names:
        nulls = pa.nulls(len(table), pa.float64())
        table = table.append_column("best_accuracy_spikes", nulls)
    return table


def _read_table(file: Path) -> pa.Table:
    # the whole file in memory: one that is moved or cut meanwhile cannot tear a table
    return pq.read_table(pa.BufferReader(read_whole(file)), page_checksum_verification=True)
