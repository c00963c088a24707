"""The columns of a sweep's tables, and how runs, epochs and a design become rows of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun, varied

__all__ = [
    "EPOCH_COLUMNS",
    "RUN_COLUMNS",
    "VOLATILE",
    "cell",
    "design_table",
    "epoch_table",
    "planned_of",
    "run_schema",
]

VOLATILE = ("attempts", "seconds", "started", "worker", "versions")
"""Columns that differ when the same run is done again; all others are equal."""

RUN_COLUMNS: dict[str, pa.DataType] = {
    "status": pa.string(),
    "error": pa.string(),
    "attempts": pa.int64(),
    "seed": pa.int64(),
    "engine": pa.string(),
    "epochs": pa.int64(),
    "samples": pa.int64(),
    "accuracy_spikes": pa.float64(),
    "accuracy_argmax": pa.float64(),
    "accuracy_potential": pa.float64(),
    "silent": pa.float64(),
    "exact": pa.float64(),
    "mse": pa.float64(),
    "best_epoch": pa.float64(),
    "best_accuracy_spikes": pa.float64(),
    "best_accuracy_argmax": pa.float64(),
    "best_accuracy_potential": pa.float64(),
    "silent_outputs": pa.int64(),
    "silent_units": pa.string(),
    "never_fired": pa.int64(),
    "seconds": pa.float64(),
    "started": pa.string(),
    "worker": pa.string(),
    "versions": pa.string(),
    "fingerprint": pa.string(),
    "experiment": pa.string(),
    "epoch_rows": pa.int64(),
}
EPOCH_COLUMNS: dict[str, pa.DataType] = {
    "run": pa.int64(),
    "epoch": pa.float64(),
    "split": pa.string(),
    "samples": pa.int64(),
    "accuracy_spikes": pa.float64(),
    "accuracy_argmax": pa.float64(),
    "accuracy_potential": pa.float64(),
    "silent": pa.float64(),
    "exact": pa.float64(),
    "mse": pa.float64(),
    "seconds": pa.float64(),
    "silent_outputs": pa.int64(),
    "shut": pa.list_(pa.float64()),
}


def run_schema(sweep: Sweep, planned: Sequence[PlannedRun]) -> pa.Schema:
    """Return the columns of the table of runs: number, point, parameters, and what came out."""
    columns = {"run": pa.int64(), "point": pa.int64()}
    for name in varied(sweep):
        columns[name] = _type_of([run.values[name] for run in planned])
    return pa.schema([*columns.items(), *RUN_COLUMNS.items()])


def _type_of(values: Iterable[Any]) -> pa.DataType:
    """Return the type of a column that holds all values as they are; else text."""
    values = [value for value in values if value is not None]
    kinds = {type(value) for value in values}
    largest = max((abs(value) for value in values if type(value) is int), default=0)
    if kinds <= {int} and largest < 2**63:
        return pa.int64()
    if kinds <= {int, float} and largest <= 2**53:
        return pa.float64()
    return pa.bool_() if kinds == {bool} else pa.string()


def cell(value: Any, kind: pa.DataType) -> Any:
    """Return a value as a column of this type holds it: as JSON where types are mixed."""
    if kind != pa.string() or value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def epoch_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return rows of epochs as a table; what else they hold becomes columns of float64."""
    more = dict.fromkeys(key for row in rows for key in row if key not in EPOCH_COLUMNS)
    columns = [*EPOCH_COLUMNS.items(), *((key, pa.float64()) for key in more)]
    return pa.Table.from_pylist(rows, schema=pa.schema(columns))


def design_table(sweep: Sweep, planned: Sequence[PlannedRun]) -> pa.Table:
    """Return the planned runs as a table, from which `planned_of` reads them back."""
    kinds = {name: _type_of([run.values[name] for run in planned]) for name in varied(sweep)}
    columns: dict[str, Any] = {
        "run": pa.array([run.run for run in planned], pa.int64()),
        "point": pa.array([run.point for run in planned], pa.int64()),
    }
    for name, kind in kinds.items():
        columns[name] = pa.array([cell(run.values[name], kind) for run in planned], kind)
    columns["planned"] = pa.array(
        [json.dumps([run.values, run.sets, run.unit]) for run in planned], pa.string()
    )
    columns["unit"] = pa.array([run.unit for run in planned], pa.list_(pa.float64()))
    return pa.table(columns)


def planned_of(table: pa.Table) -> list[PlannedRun]:
    """Return the runs that a table of a design holds.

    Raises
    ------
    KeyError, ValueError
        If it is no such table.
    """
    return [
        PlannedRun(run, point, values, sets, tuple(unit))
        for run, point, planned in zip(
            *(table[name].to_pylist() for name in ("run", "point", "planned")), strict=True
        )
        for values, sets, unit in [json.loads(planned)]
    ]
