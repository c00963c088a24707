"""The folder of a sweep: its tables, which grow while it runs and may be read at any time.

    sweep.yaml       the sweep, as it was asked for
    design.parquet   one row per planned run: its point, its values, the entries that it sets
    runs.parquet     one row per finished run: parameters, status, accuracies, seed, worker, …
    epochs.parquet   one row per run, evaluation and split
    parts/           rows that came since these two were written

Every file is written beside its place and moved there.  Rows go into a part as soon as they
arrive, those of the epochs first; a run counts as finished when both tables have all of it.  Parts
are merged into the two tables now and then, and at the end.  A file that cannot be read, after a
power cut perhaps, is set aside as `….broken`, and its runs are done anew.
"""

from __future__ import annotations

import errno
import json
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synfire_bp.errors import RunDirectoryError, SweepError
from synfire_bp.runs.runs import take_lock, write_atomically
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun, varied

if TYPE_CHECKING:
    import pandas as pd

    from synfire_bp.sweep.worker import Outcome

__all__ = [
    "DESIGN",
    "EPOCHS",
    "PARTS",
    "RUNS",
    "SWEEP",
    "VOLATILE",
    "SweepStore",
    "read_design",
    "read_definition",
    "read_sweep",
]

SWEEP, DESIGN, RUNS, EPOCHS = "sweep.yaml", "design.parquet", "runs.parquet", "epochs.parquet"
PARTS = "parts"
LOCK = ".lock"

VOLATILE = ("attempts", "seconds", "started", "worker", "versions")
"""Columns that differ when the same run is done again; all others are equal."""

_MERGE_AT = 400  # parts; then they become one
_PART = re.compile(r"^(runs|epochs)-(\d{9})\.parquet$")

_RUN_COLUMNS: dict[str, pa.DataType] = {
    "status": pa.string(),
    "error": pa.string(),
    "attempts": pa.int64(),
    "seed": pa.int64(),
    "engine": pa.string(),
    "epochs": pa.int64(),
    "samples": pa.int64(),
    "accuracy_spikes": pa.float64(),
    "accuracy_potential": pa.float64(),
    "exact": pa.float64(),
    "mse": pa.float64(),
    "best_epoch": pa.float64(),
    "best_accuracy_spikes": pa.float64(),
    "best_accuracy_potential": pa.float64(),
    "silent_outputs": pa.int64(),
    "silent_units": pa.string(),
    "seconds": pa.float64(),
    "started": pa.string(),
    "worker": pa.string(),
    "versions": pa.string(),
    "fingerprint": pa.string(),
    "experiment": pa.string(),
    "epoch_rows": pa.int64(),
}
_EPOCH_COLUMNS: dict[str, pa.DataType] = {
    "run": pa.int64(),
    "epoch": pa.float64(),
    "split": pa.string(),
    "samples": pa.int64(),
    "accuracy_spikes": pa.float64(),
    "accuracy_potential": pa.float64(),
    "exact": pa.float64(),
    "mse": pa.float64(),
    "seconds": pa.float64(),
    "silent_outputs": pa.int64(),
    "shut": pa.list_(pa.float64()),
}


class SweepStore:
    """The folder of a sweep, for the one process that writes it; use it in a `with` statement.

    Attributes
    ----------
    path : Path
        The folder.
    planned : list of PlannedRun
        All runs of the sweep.
    status : dict
        Number of every finished run to how it ended.
    set_aside : list of Path
        Files that could not be read, under their new names.
    """

    def __init__(self, path: Path, sweep: Sweep, planned: Sequence[PlannedRun], lock: int):
        self.path, self.planned = path, list(planned)
        self._lock: int | None = lock
        self._schema = _run_schema(sweep, planned)
        self._by_number = {run.run: run for run in planned}
        found = _Tables.read(path)
        self.set_aside = [_aside(file) for file in found.broken]
        self.status: dict[int, str] = found.finished()
        self._next = found.last_part + 1
        self._n_parts = len(found.parts)
        if self.set_aside:
            self.merge()  # without the runs that lost rows

    @classmethod
    def open(cls, path: str | Path, sweep: Sweep, planned: Sequence[PlannedRun]) -> SweepStore:
        """Make the folder of a sweep, or take up the one that is there.

        Raises
        ------
        SweepError
            If the folder holds something else, or another sweep, is in use, or cannot be written.
        """
        path = Path(path).expanduser()
        _refuse_foreign(path)
        try:
            (path / PARTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SweepError(
                f"{path}: cannot be used as the folder of a sweep: {error.strerror or error}; "
                "choose an --out that can be written"
            ) from None
        try:
            lock = take_lock(path)
        except RunDirectoryError as error:
            raise SweepError(str(error).replace("trains into it", "writes this sweep")) from None
        try:
            for stale in [*path.glob(".*.tmp"), *(path / PARTS).glob(".*.tmp")]:
                stale.unlink(missing_ok=True)
            if (path / SWEEP).exists():
                _refuse_another(path, sweep)
                planned = _planned(path) or planned
            _write(path / DESIGN, _design_table(sweep, planned))
            header = (
                f"# {sweep.digest()}\n# {json.dumps(sweep.definition(), default=str)}\n"
                "# written by synfire-bp sweep; the lines above tell it which sweep this is\n"
            )
            _put(path / SWEEP, (header + sweep.to_yaml()).encode())  # last: makes it a sweep
            return cls(path, sweep, planned, lock)
        except BaseException:
            os.close(lock)
            raise

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Store finished runs.

        Raises
        ------
        SweepError
            If they cannot be written (disk full, …); what was stored before is untouched.
        """
        if not outcomes:
            return
        number, self._next = self._next, self._next + 1
        epochs = [{"run": outcome.run, **row} for outcome in outcomes for row in outcome.epochs]
        rows = [self._row(outcome) for outcome in outcomes]
        if epochs:
            _write(self.path / PARTS / f"epochs-{number:09d}.parquet", _epoch_table(epochs))
        runs = pa.Table.from_pylist(rows, schema=self._schema)
        _write(self.path / PARTS / f"runs-{number:09d}.parquet", runs)
        self.status |= {outcome.run: outcome.status for outcome in outcomes}
        self._n_parts += 1
        if self._n_parts >= _MERGE_AT:
            self.merge()

    def merge(self) -> None:
        """Merge the parts into the two tables."""
        found = _Tables.read(self.path)
        runs, epochs = found.tables()
        _write(self.path / EPOCHS, epochs, small=False)
        _write(self.path / RUNS, runs, small=False)
        for file in found.parts.values():  # runs first: without them, epochs count for nothing
            file.unlink(missing_ok=True)
        self._n_parts = 0

    def close(self) -> None:
        """Give up the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> SweepStore:
        """Return the store."""
        return self

    def __exit__(self, *_: object) -> None:
        """Give up the lock."""
        self.close()

    def _row(self, outcome: Outcome) -> dict[str, Any]:
        planned = self._by_number[outcome.run]
        values = {name: _cell(value, self._schema.field(name).type)
                  for name, value in planned.values.items()}  # fmt: skip
        return {"run": planned.run, "point": planned.point, **values, **outcome.row}


# ---------------------------------------------------------------- reading


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
    found = _Tables.read(path)
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
            "the same command, which writes it anew"
        ) from None


def read_definition(path: str | Path) -> Sweep:
    """Read the sweep of a folder, as it was asked for.

    Raises
    ------
    SweepError
        If the folder is none of a sweep, or its file is damaged.
    """
    return Sweep.from_file(_needed(path) / SWEEP)


def _needed(path: str | Path) -> Path:
    path = Path(path).expanduser()
    if not (path / SWEEP).is_file():
        what = (
            f"is no folder of a sweep (it holds no {SWEEP})" if path.exists() else "no such sweep"
        )
        raise SweepError(f"{path}: {what}; make one with: synfire-bp sweep SWEEP --out {path}")
    return path


@dataclass
class _Tables:
    """What the files of a sweep hold."""

    runs: list[pa.Table]
    epochs: list[pa.Table]
    parts: dict[str, Path]
    broken: list[Path]
    last_part: int

    @classmethod
    def read(cls, path: Path) -> _Tables:
        """Read all files; those that are merged meanwhile are found where they went."""
        for _ in range(5):
            try:
                return cls._read(path)
            except FileNotFoundError:  # merged between the list and the look
                continue
        return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> _Tables:
        parts = {file.name: file for file in sorted((path / PARTS).glob("*.parquet"))
                 if _PART.match(file.name)}  # fmt: skip
        # runs before epochs, so that they are removed first
        parts = dict(sorted(parts.items(), key=lambda item: (item[0][0] == "e", item[0])))
        tables: dict[str, list[pa.Table]] = {"runs": [], "epochs": []}
        broken = []
        merged = [file for file in (path / RUNS, path / EPOCHS) if file.exists()]
        for file in [*merged, *parts.values()]:
            try:
                table = _read_table(file)
            except FileNotFoundError:
                raise
            except (OSError, pa.ArrowException):
                broken.append(file)
            else:
                tables["runs" if file.name.startswith("runs") else "epochs"].append(table)
        numbers = [int(_PART.match(name)[2]) for name in parts]  # type: ignore[index]
        whole = {name: file for name, file in parts.items() if file not in broken}
        return cls(tables["runs"], tables["epochs"], whole, broken, max(numbers, default=-1))

    def tables(self) -> tuple[pa.Table, pa.Table]:
        """Return both tables, in order: whole runs only, and of each its last rows."""
        runs = _joined(self.runs, pa.schema([("run", pa.int64()), *_RUN_COLUMNS.items()]))
        epochs = _joined(self.epochs, pa.schema(list(_EPOCH_COLUMNS.items())))
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


def _read_table(file: Path) -> pa.Table:
    # the whole file in memory: one that is moved or cut meanwhile cannot tear a table
    return pq.read_table(pa.BufferReader(file.read_bytes()), page_checksum_verification=True)


# ---------------------------------------------------------------- writing


def _run_schema(sweep: Sweep, planned: Sequence[PlannedRun]) -> pa.Schema:
    columns = {"run": pa.int64(), "point": pa.int64()}
    for name in varied(sweep):
        columns[name] = _type_of([run.values[name] for run in planned])
    return pa.schema([*columns.items(), *_RUN_COLUMNS.items()])


def _type_of(values: Iterable[Any]) -> pa.DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int}:
        return pa.int64()
    if kinds <= {int, float}:
        return pa.float64()
    return pa.bool_() if kinds == {bool} else pa.string()


def _cell(value: Any, kind: pa.DataType) -> Any:
    if kind != pa.string() or value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def _epoch_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    more = dict.fromkeys(key for row in rows for key in row if key not in _EPOCH_COLUMNS)
    columns = [*_EPOCH_COLUMNS.items(), *((key, pa.float64()) for key in more)]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def _design_table(sweep: Sweep, planned: Sequence[PlannedRun]) -> pa.Table:
    kinds = {name: _type_of([run.values[name] for run in planned]) for name in varied(sweep)}
    columns: dict[str, Any] = {
        "run": pa.array([run.run for run in planned], pa.int64()),
        "point": pa.array([run.point for run in planned], pa.int64()),
    }
    for name, kind in kinds.items():
        columns[name] = pa.array([_cell(run.values[name], kind) for run in planned], kind)
    columns["planned"] = pa.array(
        [json.dumps([run.values, run.sets, run.unit]) for run in planned], pa.string()
    )
    columns["unit"] = pa.array([run.unit for run in planned], pa.list_(pa.float64()))
    return pa.table(columns)


def _planned(path: Path) -> list[PlannedRun]:
    """Return the runs that the folder was made for; empty if its design cannot be read."""
    try:
        table = _read_table(path / DESIGN)
        return [
            PlannedRun(run, point, values, sets, tuple(unit))
            for run, point, planned in zip(
                *(table[name].to_pylist() for name in ("run", "point", "planned")), strict=True
            )
            for values, sets, unit in [json.loads(planned)]
        ]
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return []


def _write(file: Path, table: pa.Table, *, small: bool = True) -> None:
    """Write a table; one of few rows without what pays only for many."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table,
        sink,
        compression="NONE" if small else "ZSTD",
        use_dictionary=not small,
        write_statistics=not small,
        write_page_checksum=True,
    )
    _put(file, sink.getvalue().to_pybytes())


def _put(file: Path, content: bytes) -> None:
    try:
        write_atomically(file, content)
    except RunDirectoryError as error:
        cause = error.__context__
        full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = (
            "make room and start the same command again"
            if full
            else "mend this and start the same command again"
        )
        reason = cause.strerror if isinstance(cause, OSError) else cause
        raise SweepError(
            f"{file}: cannot be written: {reason}. All rows that were stored before are safe; "
            f"{mend}: it does only what is missing"
        ) from None


def _aside(file: Path) -> Path:
    """Move a broken file out of the way, keeping earlier ones."""
    for number in range(1000):
        aside = file.with_name(f"{file.name}{f'.{number}' if number else ''}.broken")
        if not aside.exists():
            file.rename(aside)
            return aside
    raise SweepError(f"{file}: is broken, and so are a thousand before it; remove them")


# ---------------------------------------------------------------- what is in the folder already


def _refuse_foreign(path: Path) -> None:
    try:
        if not path.exists():
            return
        if not path.is_dir():
            raise SweepError(f"{path}: is a file; --out must name a folder")
        names = {file.name for file in path.iterdir()} - {LOCK, PARTS, DESIGN}
    except OSError as error:
        raise SweepError(f"{path}: cannot be read: {error.strerror or error}") from None
    names = {name for name in names if not name.endswith(".tmp")}
    if names and SWEEP not in names:
        raise SweepError(
            f"{path}: is not empty and no folder of a sweep (it holds "
            f"{', '.join(sorted(names)[:3])}{', …' if len(names) > 3 else ''}); choose another "
            "--out"
        )


def _refuse_another(path: Path, sweep: Sweep) -> None:
    lines = (path / SWEEP).read_text(encoding="utf-8", errors="replace").splitlines()
    if lines and lines[0] == f"# {sweep.digest()}":
        return
    try:
        there = json.loads(lines[1].removeprefix("# "))
    except (IndexError, ValueError):
        raise SweepError(
            f"{path / SWEEP}: is damaged, or was changed; choose another --out"
        ) from None
    asked = json.loads(json.dumps(sweep.definition(), default=str))
    differ = [
        f"{key}: {json.dumps(there.get(key))} there, {json.dumps(asked.get(key))} asked for"
        for key in {**there, **asked}
        if there.get(key) != asked.get(key)
    ]
    shown = [*differ[:6], f"and {len(differ) - 6} more"] if len(differ) > 7 else differ
    raise SweepError("\n".join([f"{path}: holds another sweep; choose another --out", *shown]))
