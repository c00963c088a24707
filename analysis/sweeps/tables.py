"""The tables of a sweep, as its figures need them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synfire_bp.errors import SweepError
from synfire_bp.sweep import Parameter, Sweep, read_definition, read_design, read_sweep

__all__ = ["OUTCOMES", "SweepTables", "interval", "load_sweep", "short"]

OUTCOMES = {"accuracy_spikes": "by spikes", "accuracy_potential": "by potential"}
"""What a run is judged by: its last test accuracies."""

_BINS = 8


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
        Runs that failed.
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

    Raises
    ------
    SweepError
        If the folder is none of a sweep, or no run of it is done.
    """
    sweep = read_definition(path)
    runs, epochs = read_sweep(path)
    good = runs[runs["status"] == "ok"].reset_index(drop=True)
    if good.empty:
        failed = f"; {len(runs)} failed" if len(runs) else ""
        raise SweepError(f"{path}: no run of this sweep is done yet{failed}")
    tests = epochs[(epochs["split"] == "test") & epochs["run"].isin(good["run"])]
    for table in (good, tests := tests.reset_index(drop=True)):
        for name in table.columns:
            if name.removeprefix("best_") in OUTCOMES:
                table[name] = 100 * table[name]
    return SweepTables(sweep, good, tests, read_design(path), int(len(runs) - len(good)))


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
