"""What the files of a run directory hold, from their bytes; each refuses what no training wrote."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.runs.directory import METRIC_COLUMNS, NOT_KNOWN_BEFORE, metrics_of_now
from synfire_bp.runs.provenance import kind_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "read_arrays",
    "read_last_test",
    "read_metrics",
    "read_provenance",
    "read_spikes",
    "read_table",
    "read_text",
    "read_weights",
    "refuse_other_neurons",
    "refuse_other_sizes",
]


def read_provenance(file: IO[bytes]) -> dict[str, Any]:
    """Return what provenance.json says."""
    stored = json.loads(file.read())
    if not isinstance(stored, dict) or not isinstance(stored.get("engine"), str):
        raise ValueError("it does not say which engine trained")
    if "finished" not in stored:
        raise ValueError("it does not say whether the training was finished")
    if odd := [key for key, value in stored.items() if not kind_of(key, value)]:
        raise ValueError(f"its {', '.join(odd)} is not what a training writes there")
    return stored


def read_text(file: IO[bytes]) -> str:
    """Return a text."""
    return file.read().decode()


def read_table(file: IO[bytes], columns: Sequence[str] = ()) -> pd.DataFrame:
    """Return a table, in which no column may be missing or empty if they are named."""
    import pandas as pd  # half a second that a training need not wait for

    table = pd.read_csv(file, float_precision="round_trip")
    if columns and (list(table.columns) != list(columns) or table.isna().any(axis=None)):
        raise ValueError(f"not every row has the columns {', '.join(columns)}")
    return table


def read_metrics(file: IO[bytes]) -> pd.DataFrame:
    """Return the metrics by today's columns."""
    import pandas as pd

    table = read_table(file)
    if "accuracy_argmax" not in table:
        table = pd.DataFrame(
            [
                metrics_of_now({str(k): v for k, v in row.items()})
                for row in table.to_dict("records")
            ]
        )
    known = table.drop(columns=list(NOT_KNOWN_BEFORE), errors="ignore")
    if list(table.columns) != list(METRIC_COLUMNS) or known.isna().any(axis=None):
        raise ValueError(f"not every row has the columns {', '.join(METRIC_COLUMNS)}")
    return table.astype(dict.fromkeys(NOT_KNOWN_BEFORE, float))


def read_last_test(file: IO[bytes]) -> dict[str, float]:
    """Return what the last test found, by today's columns; NaN for what was not counted then."""
    rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
    tests = [row for row in rows if row["split"] == "test"]
    if not tests:
        raise ValueError("no row is of a test")
    last = metrics_of_now({name: value for name, value in tests[-1].items() if name != "split"})
    return {name: np.nan if value in (None, "") else float(value) for name, value in last.items()}


def read_arrays(file: IO[bytes]) -> dict[str, NDArray]:
    """Return the arrays of an npz file by name."""
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def read_spikes(file: IO[bytes]) -> dict[str, NDArray]:
    """Return recorded spikes, `POPULATION/i` and `POPULATION/step`, and what is stored of them."""
    arrays = read_arrays(file)
    for name, i in arrays.items():
        population, _, which = name.rpartition("/")
        if which == "i":
            step = arrays.get(f"{population}/step")
            if step is None or step.shape != i.shape or i.ndim != 1:
                raise ValueError(f"{population} has not as many steps as neurons that fired")
            if not all(np.issubdtype(one.dtype, np.integer) for one in (i, step)):
                raise ValueError(f"the spikes of {population} are not whole numbers")
        elif name in ("samples", "labels", "first") and not np.issubdtype(i.dtype, np.integer):
            raise ValueError(f"{name} is no whole number")
    return arrays


def _is_forward(matrix: str) -> bool:
    return matrix.startswith("w")


def read_weights(file: IO[bytes]) -> dict[str, NDArray]:
    """Return the matrices now and at the start, by name."""
    arrays = read_arrays(file)
    for name, matrix in arrays.items():
        if matrix.dtype != np.int16 or matrix.ndim != 2:
            raise ValueError(f"{name} is no matrix of int16")
    found = {name.removesuffix("_init") for name in arrays}
    names = {f"w{n}" for n in range(1, max(sum(map(_is_forward, found)), 1) + 1)} | found
    if missing := {f"{name}{end}" for name in names for end in ("", "_init")} - set(arrays):
        raise ValueError(f"{', '.join(sorted(missing))} missing")
    return arrays


def refuse_other_sizes(weights: Mapping[str, NDArray], sizes: Sequence[int]) -> None:
    """Refuse weights of a network of other sizes.

    Raises
    ------
    ValueError
        Naming the matrix.
    """
    for n, shape in enumerate(pairwise(sizes), start=1):
        for name in (f"w{n}", f"w{n}_init"):
            found = weights[name].shape if name in weights else "missing"
            if found != shape:
                raise ValueError(f"{name} is {found}, but the model's is {shape}")


def refuse_other_neurons(spikes: Mapping[str, NDArray], places: Mapping[str, slice]) -> None:
    """Refuse spikes of neurons that the circuit does not have.

    Parameters
    ----------
    spikes : mapping
        Population to the neurons that fired.
    places : mapping
        Population to the slice of all neurons that it is.

    Raises
    ------
    ValueError
        Naming the population.
    """
    for name, i in spikes.items():
        if name not in places:
            raise ValueError(f"the circuit has no population '{name}'")
        size = places[name].stop - places[name].start
        if i.size and not 0 <= int(i.min()) <= int(i.max()) < size:
            raise ValueError(f"spikes of neurons beyond the {size} of {name}")
