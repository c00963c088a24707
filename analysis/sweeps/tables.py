"""The tables of a sweep, as its figures need them: of its folder, or of what is committed.

Beside the figures of a sweep lie the tables that they are made from: the sweep itself, a row for
each run with all parameters, and a row for each test of the runs if there is more than one.  From
these every figure and every index can be made again, without the folder of the sweep.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synfire_bp.errors import SweepError
from synfire_bp.sweep import Parameter, Sweep, read_definition, read_design, read_sweep

__all__ = ["OUTCOMES", "SweepTables", "interval", "kept_files", "load_sweep", "short"]

OUTCOMES = {"accuracy_spikes": "by spikes", "accuracy_potential": "by potential"}
"""What a run is judged by: its last test accuracies."""

_BINS = 8
_SWEEP, _RUNS, _TESTS = "sweep.yaml", "runs.parquet", "tests.parquet"
_OF_RUN = (
    "seed", "status", "accuracy_spikes", "accuracy_argmax", "accuracy_potential", "silent", "exact",
    "silent_outputs", "silent_units", "never_fired", "versions",
)  # fmt: skip
_OF_TEST = (
    "run", "epoch", "accuracy_spikes", "accuracy_argmax", "accuracy_potential", "silent",
    "silent_outputs", "shut",
)  # fmt: skip
_PERCENT = ("accuracy_spikes", "accuracy_argmax", "accuracy_potential", "silent")
_DIGITS = 6
"""Of a percentage in the tables that are kept."""


@dataclass(frozen=True)
class SweepTables:
    """A sweep, as far as it is done.

    Attributes
    ----------
    sweep : Sweep
        As it was asked for.
    runs : DataFrame
        Finished runs that did not fail; accuracies in percent.
    epochs : DataFrame
        Tests of these runs; accuracies in percent.
    design : DataFrame
        All runs that were planned.
    failed : int
        Runs that failed; of tables that were kept, also those that were not done.
    """

    sweep: Sweep
    runs: pd.DataFrame
    epochs: pd.DataFrame
    design: pd.DataFrame
    failed: int

    @property
    def parameters(self) -> list[str]:
        """Names of what is varied, without seeds."""
        fixed = {"run", "point", "planned", "unit"}
        return [name for name in self.design.columns if name not in fixed]

    def is_range(self, name: str) -> bool:
        """Whether a parameter has a range, and more values than can be told apart."""
        parameter: Parameter | None = self.sweep.parameters.get(name)
        few = self.design[name].nunique() <= _BINS
        return parameter is not None and parameter.choices is None and not few

    def grouped(self, name: str) -> pd.Series:
        """Return, for each run, the value of a parameter, or the middle of its part of a range."""
        values = self.runs[name]
        if not self.is_range(name):
            return values
        parameter = self.sweep.parameters[name]
        assert parameter.low is not None and parameter.high is not None
        ends = (
            np.geomspace(parameter.low, parameter.high, _BINS + 1)
            if parameter.log
            else np.linspace(parameter.low, parameter.high, _BINS + 1)
        )
        part = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, _BINS - 1)
        middles = np.sqrt(ends[1:] * ends[:-1]) if parameter.log else (ends[1:] + ends[:-1]) / 2
        return pd.Series(middles[part], index=values.index, name=name)


def load_sweep(path: Path) -> SweepTables:
    """Read a sweep.

    Parameters
    ----------
    path : Path
        Its folder, or that of its figures, which holds its tables, too.

    Raises
    ------
    SweepError
        If the folder is none of a sweep, or no run of it is done.
    """
    sweep = read_definition(path)
    if (path / _RUNS).is_file() and not (path / "design.parquet").is_file():
        return _kept(path, sweep)
    runs, epochs = read_sweep(path)
    good = _good(path, runs)
    tests = epochs[(epochs["split"] == "test") & epochs["run"].isin(good["run"])]
    for table in (good, tests := tests.reset_index(drop=True)):
        for name in table.columns:
            if name.removeprefix("best_") in _PERCENT:
                table[name] = (100 * table[name]).round(_DIGITS)
    return SweepTables(sweep, good, tests, read_design(path), int(len(runs) - len(good)))


def _good(path: Path, runs: pd.DataFrame) -> pd.DataFrame:
    good = runs[runs["status"] == "ok"].reset_index(drop=True)
    if good.empty:
        failed = f"; {len(runs)} failed" if len(runs) else ""
        raise SweepError(f"{path}: no run of this sweep is done yet{failed}")
    return good


def kept_files(tables: SweepTables) -> dict[str, bytes]:
    """Return the files that are kept of a sweep, by name: from them `load_sweep` reads it again.

    Every planned run has a row, with all that was varied; one that failed or was not done has no
    outcome.
    """
    planned = ["run", "point", *tables.parameters]
    if tables.sweep.design.kind == "morris":
        planned.append("unit")
    outcome = tables.runs[["run", *(name for name in _OF_RUN if name in tables.runs)]]
    runs = tables.design[planned].merge(outcome, on="run", how="left")
    files = {_SWEEP: tables.sweep.to_yaml().encode(), _RUNS: _packed(runs)}
    if tables.epochs["epoch"].nunique() > 1:
        files[_TESTS] = _packed(tables.epochs[[n for n in _OF_TEST if n in tables.epochs]])
    return files


def _kept(path: Path, sweep: Sweep) -> SweepTables:
    try:
        planned = pd.read_parquet(path / _RUNS)
        tests = pd.read_parquet(path / _TESTS) if (path / _TESTS).is_file() else None
    except (OSError, ValueError) as error:
        raise SweepError(f"{path}: its tables cannot be read ({type(error).__name__})") from None
    good = _good(path, planned[planned["status"].notna()])
    if tests is None:  # one test a run, which the table of the runs tells
        tests = good.assign(epoch=float(sweep.base.training.epochs))
        tests = tests[[name for name in _OF_TEST if name in tests]]
    design = planned[[name for name in planned if name not in _OF_RUN]]
    return SweepTables(sweep, good, tests, design, len(planned) - len(good))


def _packed(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
    return buffer.getvalue()


def interval(values: pd.Series, *, seed: int = 0, resamples: int = 1000) -> tuple[float, float]:
    """Return the bootstrapped 95 % confidence interval of a mean."""
    found = values.to_numpy(dtype=float)
    if len(found) < 2:
        return float(found.mean()), float(found.mean())
    rng = np.random.default_rng(seed)
    means = found[rng.integers(0, len(found), (resamples, len(found)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def short(name: str) -> str:
    """Return the name of a parameter for an axis."""
    named = {
        "network.sizes[0]": "inputs",
        "network.sizes[1]": "hidden units",
        "network.weight_limit": "weight limit",
        "network.initial_spread": "initial spread",
        "dataset.threshold": "pixel threshold",
        "training.samples": "samples",
        "training.seed": "seed",
        "hardware.weight_bits": "weight bits",
    }
    return named.get(name, name.rpartition(".")[2].replace("_", " "))
