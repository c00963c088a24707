"""Where the runs of the paper's study come from: code, versions, processor, data, durations.

Two tables, as the report shows them; they stay when the runs are gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import EXPERIMENT, Run

from .protocol import PAPER

__all__ = ["CHECKSUM_COLUMNS", "RUN_COLUMNS", "VERSIONS", "origins"]

VERSIONS = ("synfire_bp", "brian2", "numpy", "numba", "python")
"""What a run stores the version of."""
RUN_COLUMNS = (
    "run", "engine", "seed", "epochs", "samples_shown", "finished", "seconds", "started_utc",
    "commit", *VERSIONS, "processor", "data", "problem",
)  # fmt: skip
CHECKSUM_COLUMNS = ("data", "file", "checksum")


def origins(runs: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return which runs of the paper's protocol there are, finished or not, and their data.

    Parameters
    ----------
    runs : Path
        The folder of all runs.

    Returns
    -------
    DataFrame
        One row per run: `run` (its folder), `engine`, `seed`, `epochs` of its model,
        `samples_shown` (so far), `finished`, whole `seconds` of training, `started_utc` to the
        minute, `commit` (ten digits, and whether the code was changed), versions of `VERSIONS`,
        `processor`, `data` (its rows of the other table), and `problem`, empty unless the run does
        not say these.
    DataFrame
        One row per file of data: `data` (a number for each set of files), `file`, `checksum`.
    """
    rows: list[dict[str, Any]] = []
    sums: list[tuple[tuple[str, str], ...]] = []
    for path in sorted((runs / PAPER).glob(f"*/{EXPERIMENT}")):
        run = Run(path.parent)
        try:
            about = run.provenance
            if not isinstance(about, dict):
                raise RunDirectoryError(f"{run.path}: does not say where it comes from")
            row = _row(run, about)
        except RunDirectoryError as error:
            rows.append({"run": run.path.name, "problem": str(error)})
            continue
        files = tuple(sorted(about.get("dataset_checksums", {}).items()))
        if files and files not in sums:
            sums.append(files)
        rows.append(row | {"data": sums.index(files) + 1 if files else None})
    checksums = [(n, *file) for n, files in enumerate(sums, start=1) for file in files]
    found = pd.DataFrame(rows, columns=list(RUN_COLUMNS)).convert_dtypes()
    return found, pd.DataFrame(checksums, columns=list(CHECKSUM_COLUMNS))


def _row(run: Run, about: dict[str, Any]) -> dict[str, Any]:
    training, versions = run.experiment.training, about.get("versions", {})
    return {
        "run": run.path.name,
        "engine": about.get("engine"),
        "seed": training.seed,
        "epochs": training.epochs,
        "samples_shown": about.get("samples_done"),
        "finished": about.get("finished"),
        "seconds": round(about.get("wall_seconds", 0.0)),
        "started_utc": str(about.get("started", ""))[:16].replace("T", " "),
        "commit": _commit(about.get("commit")),
        **{package: versions.get(package) for package in VERSIONS},
        "processor": about.get("cpu"),
    }


def _commit(commit: str | None) -> str | None:
    if not commit:
        return None
    short, dirty, _ = commit.partition("-dirty")
    return short[:10] + dirty
