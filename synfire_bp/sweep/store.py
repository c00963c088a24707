"""The folder of a sweep, for the one process that writes it: tables that grow while it runs.

Every file is written beside its place and moved there.  Rows go into a part as soon as they
arrive, those of the epochs first, so that a run without all of its rows is not finished
(`synfire_bp.sweep.tables`).  Parts are merged into the two tables now and then, and at the end.  A
file that cannot be read, after a power cut perhaps, is set aside as `….broken`, and its runs are
done anew.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from synfire_bp.errors import RunDirectoryError, SweepError, another_out, to_caller, writable_out
from synfire_bp.files import expanded, read_whole, reason, take_lock, write_atomically
from synfire_bp.sweep.columns import cell, design_table, epoch_table, run_schema
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun
from synfire_bp.sweep.explain import first_line
from synfire_bp.sweep.tables import DESIGN, EPOCHS, PARTS, RUNS, SWEEP, Tables, read_planned

if TYPE_CHECKING:
    from synfire_bp.sweep.worker import Outcome

__all__ = ["SweepStore"]

LOCK = ".lock"

_MERGE_AT = 400  # parts; then they become one


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
        self._schema = run_schema(sweep, planned)
        self._by_number = {run.run: run for run in planned}
        found = Tables.read(path)
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
        path = expanded(path)
        _refuse_foreign(path)
        try:
            (path / PARTS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SweepError(
                f"{path}: cannot be used as the folder of a sweep: {reason(error)}; "
                f"{writable_out()}"
            ) from None
        try:
            lock = take_lock(path)
        except RunDirectoryError as error:
            raise SweepError(
                str(error).replace("is training into it", "is writing this sweep")
            ) from None
        try:
            for stale in [*path.glob(".*.tmp"), *(path / PARTS).glob(".*.tmp")]:
                stale.unlink(missing_ok=True)
            if (path / SWEEP).exists():
                _refuse_another(path, sweep)
                planned = read_planned(path) or planned
            _write(path / DESIGN, design_table(sweep, planned))
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
            _write(self.path / PARTS / f"epochs-{number:09d}.parquet", epoch_table(epochs))
        runs = pa.Table.from_pylist(rows, schema=self._schema)
        _write(self.path / PARTS / f"runs-{number:09d}.parquet", runs)
        self.status |= {outcome.run: outcome.status for outcome in outcomes}
        self._n_parts += 1
        if self._n_parts >= _MERGE_AT:
            self.merge()

    def merge(self) -> None:
        """Merge the parts into the two tables."""
        found = Tables.read(self.path)
        runs, epochs = found.tables()
        _write(self.path / EPOCHS, epochs, small=False)
        _write(self.path / RUNS, runs, small=False)
        for file in found.parts.values():  # runs first: without them, epochs count for nothing
            file.unlink(missing_ok=True)
        self._n_parts = 0

    def error(self, run: int) -> str:
        """Return which run failed, and the first line of why."""
        runs = Tables.read(self.path).tables()[0]
        error = dict(zip(runs["run"].to_pylist(), runs["error"].to_pylist(), strict=True)).get(run)
        return f"run {run}: {first_line(error or 'unknown')}"

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
        values = {name: cell(value, self._schema.field(name).type)
                  for name, value in planned.values.items()}  # fmt: skip
        return {"run": planned.run, "point": planned.point, **values, **outcome.row}


# ---------------------------------------------------------------- writing


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
            else "fix this and start the same command again"
        )
        why = reason(cause) if isinstance(cause, OSError) else cause
        raise SweepError(
            f"{file}: cannot be written: {why}. All rows that were stored before are safe; "
            f"{mend}: it does only the missing runs"
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
            raise SweepError(f"{path}: is a file; {to_caller('--out', 'out')} must name a folder")
        names = {file.name for file in path.iterdir()} - {LOCK, PARTS, DESIGN}
    except OSError as error:
        raise SweepError(f"{path}: cannot be read: {reason(error)}") from None
    names = {name for name in names if not name.endswith(".tmp")}
    if names and SWEEP not in names:
        raise SweepError(
            f"{path}: is not empty and not the folder of a sweep (it holds "
            f"{', '.join(sorted(names)[:3])}{', …' if len(names) > 3 else ''}); {another_out()}"
        )


def _refuse_another(path: Path, sweep: Sweep) -> None:
    lines = read_whole(path / SWEEP).decode(errors="replace").splitlines()
    if lines and lines[0] == f"# {sweep.digest()}":
        return
    try:
        there = dict(json.loads(lines[1].removeprefix("# ")))
    except (IndexError, ValueError, TypeError, RecursionError):
        raise SweepError(f"{path / SWEEP}: is damaged, or was changed; {another_out()}") from None
    asked = json.loads(json.dumps(sweep.definition(), default=str))
    differ = [
        f"{key}: {json.dumps(there.get(key))} there, {json.dumps(asked.get(key))} asked for"
        for key in {**there, **asked}
        if there.get(key) != asked.get(key)
    ]
    shown = [*differ[:6], f"and {len(differ) - 6} more"] if len(differ) > 7 else differ
    raise SweepError("\n".join([f"{path}: holds another sweep; {another_out()}", *shown]))
