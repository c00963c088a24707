"""One training of a sweep, in the process that does it: from a task to the rows of the tables.

Workers keep what runs share: the images of a data set, and the same images made binary and ready
for the oracle.  A training that lasts too long is told to stop; one that does not listen ends with
its process, and the sweep notices that.
"""

from __future__ import annotations

import faulthandler
import json
import math
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any

from synfire_bp.data.datasets import Dataset, binary, check_fits, read_images
from synfire_bp.data.images import Preprocessing
from synfire_bp.engines.base import Segment, dataset_for, training_split
from synfire_bp.errors import Interrupted, SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.plugins import load_plugin
from synfire_bp.registry import plugins
from synfire_bp.runs.checkpoint import Checkpoint
from synfire_bp.runs.provenance import commit, versions
from synfire_bp.training.training import train_in_memory

__all__ = ["FAILED", "LATE", "OK", "SILENT", "Outcome", "Task", "run_task", "sort_key"]

OK, FAILED, LATE = "ok", "failed", "late"
"""How a run ended: well; with an error that it would meet again; not within its time."""

SILENT = 1.0
"""Fraction of a class's test samples, from which its output unit cannot learn, to call it silent:
all of them."""

_GRACE = 30.0  # seconds after its time in which a run may still end by itself
_ACCURACIES = ("accuracy_spikes", "accuracy_argmax", "accuracy_potential")
_READOUTS = (*_ACCURACIES, "silent", "exact", "mse")


@dataclass(frozen=True)
class Task:
    """The task of a worker.

    Attributes
    ----------
    run : int
        Number of the run in its sweep.
    experiment : dict
        The model, as `Experiment.model_dump` gives it.
    engine : str
        "oracle", "circuit", or one of a plug-in.
    record : tuple of str
        As in a sweep file.
    keep_going : bool
        Likewise.
    time_limit : float or None
        Seconds that the training may take.
    attempt : int
        1 for the first.
    plugins : tuple of str
        What has to be loaded for it (`synfire_bp.registry.Plugin.reference`).
    """

    run: int
    experiment: dict[str, Any]
    engine: str
    record: tuple[str, ...] = ("train",)
    keep_going: bool = False
    time_limit: float | None = None
    attempt: int = 1
    plugins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes
    ----------
    run : int
        Its number.
    status : str
        OK, FAILED or LATE.
    row : dict
        Its row of the table of runs, without the parameters.
    epochs : list of dict
        Its rows of the table of epochs.
    """

    run: int
    status: str
    row: dict[str, Any]
    epochs: list[dict[str, Any]] = field(default_factory=list)


def run_task(task: Task) -> Outcome:
    """Train once; errors are returned in the outcome, not raised."""
    begun, start = datetime.now(timezone.utc), time.perf_counter()
    status, error = OK, None
    row: dict[str, Any] = {}
    epochs: list[dict[str, Any]] = []
    try:
        for plugin in task.plugins:
            load_plugin(plugin)
        experiment = Experiment.from_dict(task.experiment)
        row |= {
            "seed": experiment.training.seed,
            "fingerprint": experiment.fingerprint(),
            "experiment": json.dumps(_described(experiment)),
        }
        dataset = worker_dataset(experiment)
        row["samples"] = len(training_split(experiment, dataset))
        with _watched(task.time_limit) as late:
            result, epochs = _trained(experiment, task, dataset, late)
        row |= result
    except Interrupted:
        status, error = LATE, f"not finished within the time limit, {task.time_limit:g} s"
    except SynfireError as problem:
        status, error = FAILED, str(problem)
    except MemoryError as problem:
        status, error = FAILED, f"not enough memory on {platform.node()}: {problem}"
    except Exception as problem:  # also of a bug: a row like any other, and not the sweep's end
        status, error = FAILED, f"{type(problem).__name__}: {problem}{_place(problem)}"
    seconds = time.perf_counter() - start
    row |= {
        "status": status,
        "error": error,
        "engine": task.engine,
        "attempts": task.attempt,
        "seconds": round(seconds, 4),
        "started": begun.isoformat(timespec="milliseconds"),
        "worker": _worker(),
        "versions": _versions(),
        "epoch_rows": len(epochs),
    }
    return Outcome(task.run, status, row, epochs)


def sort_key(experiment: Experiment) -> tuple[Any, ...]:
    """Return what brings runs together that share binary images, and a compiled circuit."""
    used = experiment.dataset
    kind = _like(used.preprocessing())
    shape = (used.name, used.path or "", kind.crop, kind.shrink, kind.scale or 0.0, kind.threshold)
    return (*shape, kind.shift, experiment.training.samples or 0, experiment.network.sizes)


def worker_dataset(experiment: Experiment) -> Dataset:
    """Return the data of an experiment, cut to the samples that it trains on; kept for the next.

    Raises
    ------
    DatasetError
        If the data is missing or damaged, or does not fit the model.
    """
    used, path = experiment.dataset, experiment.dataset.path
    whole = _dataset(used.name, path, _stamp(path), _like(used.preprocessing()))
    check_fits(whole, experiment.network.sizes[0], experiment.network.sizes[-1])
    n = experiment.training.samples
    return whole if n is None else _cut(whole, n, experiment)


# the next run has the same images as this one as a rule, or else those of a neighbour
@lru_cache(maxsize=2)
def _dataset(name: str, path: str | None, stamp: Any, used: Preprocessing) -> Dataset:
    return binary(_images(name, path, stamp), used)


@lru_cache(maxsize=1)
def _images(name: str, path: str | None, stamp: Any) -> Any:
    return read_images(name, path=path)


def _cut(whole: Dataset, n: int, experiment: Experiment) -> Dataset:
    kept = _CUT.get(n)
    if kept is None or kept[0] is not whole:
        _CUT.clear()
        _CUT[n] = kept = (whole, dataset_for(experiment, whole))
    return kept[1]


_CUT: dict[int, tuple[Dataset, Dataset]] = {}


def _stamp(path: str | None) -> tuple[int, int] | None:
    """Return what changes when a file is written anew."""
    if path is None or not Path(path).exists():
        return None
    about = os.stat(path)
    return about.st_mtime_ns, about.st_size


def _like(used: Preprocessing) -> Preprocessing:
    """Return the preprocessing with the greatest threshold that makes no difference.

    Scaled pixels have two digits after the point, so that thresholds between two of them are one.
    """
    hundredths = round(used.threshold * 100)
    if round(hundredths / 100, 2) > used.threshold:
        hundredths -= 1
    return replace(used, threshold=round(hundredths / 100, 2))


def _trained(
    experiment: Experiment, task: Task, dataset: Dataset, late: Callable[[], bool]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Train; return the run's results, and the rows of its epochs."""
    shut: list[list[float | None]] = []
    never_fired: int | None = None

    def on_test(epoch: float, tested: Segment) -> None:
        nonlocal never_fired
        never_fired = None if tested.fired is None else int((tested.fired == 0).sum())
        found = [] if tested.shut is None else tested.shut.tolist()
        shut.append([None if math.isnan(share) else share for share in found])

    end = train_in_memory(
        experiment, task.engine, dataset, keep_going=task.keep_going, stop=late, on_test=on_test
    )
    rows = list(_epoch_rows(end, shut, task.record))
    tests = [row for row in rows if row["split"] == "test"]
    best = max(tests, key=lambda row: row["accuracy_spikes"])
    silent = _silent(shut[-1]) if shut[-1] else None
    return {
        "epochs": experiment.training.epochs,
        **{name: tests[-1][name] for name in _READOUTS},
        "best_epoch": best["epoch"],
        **{f"best_{name}": max(row[name] for row in tests) for name in _ACCURACIES},
        "silent_outputs": None if silent is None else len(silent),
        "silent_units": None if silent is None else ",".join(map(str, silent)),
        "never_fired": never_fired,
    }, rows


def _epoch_rows(
    end: Checkpoint, shut: list[list[float | None]], record: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    activity = {row["epoch"]: dict(row) for row in end.activity}
    silent = iter(shut)
    for metrics in end.metrics:
        row: dict[str, Any] = dict(metrics)
        if row["split"] == "train" and "train" not in record:
            continue
        if row["split"] == "test":
            found = next(silent)
            if "silent_outputs" in record:
                row |= {"silent_outputs": len(_silent(found)), "shut": found}
            if "activity" in record:
                seen = activity.get(row["epoch"], {})
                row |= {k: v for k, v in seen.items() if k not in ("epoch", "samples")}
        yield row


def _silent(shut: list[float | None]) -> list[int]:
    return [unit for unit, share in enumerate(shut) if share is not None and share >= SILENT]


def _described(experiment: Experiment) -> Mapping[str, Any]:
    values = experiment.resolved().model_dump(mode="json", exclude={"description", "record"})
    return {key: value for key, value in values.items() if value not in (None, [])}


@lru_cache(maxsize=1)
def _versions() -> str:
    of_plugins = {plugin.name: plugin.version for plugin in plugins()}
    found = {**versions(), "commit": commit(), **of_plugins}
    return " ".join(f"{name}={version}" for name, version in found.items() if version)


def _worker() -> str:
    return f"{platform.node()}:{os.getpid()}"


def _place(problem: Exception) -> str:
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f" ({Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno})"


# ---------------------------------------------------------------- a run that does not end

_deadlines: dict[int, float] = {}
_deadlines_lock = threading.Lock()


@contextmanager
def _watched(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Yield what tells that time is up; a while later the process ends, even if nobody asked."""
    if seconds is None:
        yield lambda: False
        return
    end, me = time.monotonic() + seconds, threading.get_ident()
    with _deadlines_lock:
        _deadlines[me] = end + max(_GRACE, seconds)
        _arm()
    try:
        yield lambda: time.monotonic() > end
    finally:
        with _deadlines_lock:
            del _deadlines[me]
            _arm()


def _arm() -> None:
    # its own thread of C: neither a loop in compiled code nor a lock of Python's keeps it back
    faulthandler.cancel_dump_traceback_later()
    if _deadlines:
        left = max(min(_deadlines.values()) - time.monotonic(), 0.01)
        faulthandler.dump_traceback_later(left, exit=True, file=2)
