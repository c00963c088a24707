"""What a training sample takes in the circuit: ``python -m analysis.circuit_costs RUN [RUN …]``.

Takes trained models, whichever engine trained them.  The spiking circuit goes on from their weights
with the first samples of the last epoch, and its spikes are counted; with our own placement on the
chip they become operations and modelled energy, as in the paper's tables.  A graded spike counts as
one spike.  Writes `figures/learning/circuit_costs.csv`, with means over the runs of each model.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synfire_bp import CircuitEngine, Run, assemble
from synfire_bp.errors import RunDirectoryError
from synfire_bp.loihi.energy import energy, operations
from synfire_bp.loihi.placement import place
from synfire_bp.training import dataset_of, shown_order

from .shared.command import command
from .shared.output import save_csv

__all__ = ["TABLE", "main", "numbers", "of_a_run"]

TABLE = "circuit_costs.csv"
_MICRO = 1e6


def of_a_run(run: Run, shown: int) -> dict[str, Any]:
    """Return what a training sample takes, the mean over some samples after a training.

    Parameters
    ----------
    run : Run
        A finished training.
    shown : int
        So many samples are shown.

    Raises
    ------
    RunDirectoryError
        If the training is not finished.
    SynfireError
        If the circuit cannot be built, or does not fit the chip.
    """
    if not run.finished:
        raise RunDirectoryError(f"{run.path}: is not finished; go on with --resume")
    model, data = assemble(run.experiment), dataset_of(run.experiment)
    last = run.experiment.training.epochs - 1
    n = len(data.train)
    order = shown_order(run.experiment, last, n)[:shown]
    weights = tuple(run.weights[name] for name in model.circuit.matrix_names)
    with closing(CircuitEngine(model, data, uses=["train"])) as engine:
        segment = engine.train(weights, order, shown_before=last * n)
    placement = place(model.circuit)
    visited, everywhere = (
        operations(
            model.circuit, segment.spike_counts, placement, segment.samples, visits=visits
        )
        for visits in ("active", "all")
    )  # fmt: skip
    total = visited.sum()
    return {
        "model": run.experiment.name,
        "samples": segment.samples,
        "spikes": total.active_updates,
        "synaptic_operations": total.synaptic_operations,
        "learning_updates": total.learning_updates,
        "energy_uj": _MICRO * energy(visited, placement).dynamic_joules,
        "energy_all_uj": _MICRO * energy(everywhere, placement).dynamic_joules,
    }


def numbers(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return one row per model: means over its runs, each from `of_a_run`."""
    table = pd.DataFrame(rows)
    means = table.groupby("model", sort=False).mean().round(3)
    means.insert(0, "runs", table.groupby("model", sort=False).size())
    return means.astype({"samples": np.int64}).reset_index()


@command("circuit_costs")
def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--samples", type=int, default=10_000, help="how many are shown")
    parser.add_argument("--out", type=Path, default=Path("figures/learning"))
    options = parser.parse_args(arguments)
    table = numbers([of_a_run(Run.open(path), options.samples) for path in options.runs])
    save_csv(options.out / TABLE, table)


if __name__ == "__main__":
    sys.exit(main())
