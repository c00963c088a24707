"""What learning beyond the paper reaches: ``python -m analysis.learning RUN [RUN …]``.

Takes the runs of one model with several seeds, and writes `figures/learning/MODEL.csv`, or
`MODEL_circuit.csv` if the circuit was trained: the accuracy of each at its last test.
`python -m analysis.prose` puts their medians into docs/learning.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from synfire_bp import Run
from synfire_bp.errors import RunDirectoryError

from .shared.command import command
from .shared.output import save_csv

__all__ = ["main", "numbers"]


def numbers(runs: Sequence[Run]) -> pd.DataFrame:
    """Return one row per run: seed, engine, and in percent what the last test found.

    Raises
    ------
    RunDirectoryError
        If a run is not finished, they are of several models, or a seed comes twice.
    """
    rows = []
    for run in runs:
        if not run.finished:
            raise RunDirectoryError(f"{run.path}: is not finished; go on with --resume")
        last = run.last_test
        rows.append(
            {
                "model": run.experiment.name,
                "engine": run.engine,
                "seed": run.experiment.training.seed,
                "epoch": last["epoch"],
                "argmax_percent": round(100 * last["accuracy_argmax"], 4),
                "spikes_percent": round(100 * last["accuracy_spikes"], 4),
                "potential_percent": round(100 * last["accuracy_potential"], 4),
            }
        )
    table = pd.DataFrame(rows).sort_values("seed", ignore_index=True)
    for column, only in (("model", "models"), ("engine", "engines"), ("epoch", "epochs")):
        if table[column].nunique() > 1:
            raise RunDirectoryError(f"the runs are of several {only}: {set(table[column])}")
    if (again := table.seed[table.seed.duplicated()]).size:
        raise RunDirectoryError(f"two of the runs have the seed {again.iloc[0]}")
    return table


@command("learning")
def main(arguments: Sequence[str] | None = None) -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="run directories")
    parser.add_argument("--out", type=Path, default=Path("figures/learning"))
    options = parser.parse_args(arguments)
    table = numbers([Run.open(path) for path in options.runs])
    engine = table.engine.iloc[0]
    by = "" if engine == "oracle" else f"_{engine}"
    save_csv(options.out / f"{table.model.iloc[0]}{by}.csv", table)


if __name__ == "__main__":
    sys.exit(main())
