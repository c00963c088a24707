"""The folder of a rival's run: model file with every entry, curve, summary, what was learnt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synfire_bp.errors import RunDirectoryError, another_out
from synfire_bp.files import (
    csv_bytes,
    is_temporary,
    json_bytes,
    make_folder,
    npz_bytes,
    read_whole,
    reason,
    write_atomically,
)
from synfire_bp.model.yaml_text import dump
from synfire_bp.rivals.base import Outcome, Rival

__all__ = ["SUMMARY", "free_folder", "read_summary", "write_run"]

SUMMARY, _MODEL, _CURVE, _ARRAYS = "rival.json", "rival.yaml", "curve.csv", "learnt.npz"
_SCHEMA = 1


def free_folder(folder: Path) -> Path:
    """Make the folder of a run.

    Raises
    ------
    RunDirectoryError
        If it holds a run already or anything else, or cannot be made.
    """
    if (folder / SUMMARY).exists():
        raise RunDirectoryError(f"{folder}: holds the run of a rival already; {another_out()}")
    make_folder(folder)
    # a run that ended before its summary was written holds its model, which comes first
    own = {_MODEL, _CURVE, _ARRAYS} if (folder / _MODEL).is_file() else set()
    there = sorted(one.name for one in folder.iterdir())
    if foreign := [name for name in there if name not in own and not is_temporary(name)]:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise RunDirectoryError(
            f"{folder}: holds {foreign[0]!r:.60}{more}, which no run of a rival wrote; "
            f"{another_out()}"
        )
    return folder


def write_run(folder: Path, rival: Rival, outcome: Outcome) -> None:
    """Write all files of a run; the summary comes last, and says that the run is whole.

    Raises
    ------
    RunDirectoryError
        If one cannot be written.
    """
    write_atomically(folder / _MODEL, dump(rival.model_dump(mode="json")).encode())
    write_atomically(folder / _CURVE, csv_bytes(outcome.curve, tuple(outcome.curve[0])))
    write_atomically(folder / _ARRAYS, npz_bytes(outcome.arrays))
    counted = outcome.operations
    summary = {
        "schema": _SCHEMA,
        "name": rival.name,
        "rival": rival.rival,
        "seed": rival.seed,
        "samples": outcome.samples,
        "operations": None if counted is None else asdict(counted),
        "joules": None if counted is None else counted.joules(),
        "joules_visiting_all": None if counted is None else counted.joules(visits_all=True),
        "last": dict(outcome.curve[-1]),
    }
    write_atomically(folder / SUMMARY, json_bytes(summary, indent=2))


def read_summary(folder: Path) -> Mapping[str, Any]:
    """Return the summary of a run.

    Raises
    ------
    RunDirectoryError
        If there is none, or it is none of this version.
    """
    file = folder / SUMMARY
    try:
        summary = json.loads(read_whole(file))
    except OSError as error:
        raise RunDirectoryError(
            f"{file}: cannot be read ({reason(error)}); make it with synfire-bp rival"
        ) from None
    except ValueError:
        raise RunDirectoryError(f"{file}: is no JSON; run the rival again") from None
    if not isinstance(summary, dict) or summary.get("schema") != _SCHEMA:
        raise RunDirectoryError(f"{file}: is no summary of a rival's run of this version")
    return summary
