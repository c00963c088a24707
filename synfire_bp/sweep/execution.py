"""Execution of a sweep: its trainings go to Dask's workers, and each result is stored at once.

This module decides what is to be run, and how missing results are handled:

- a run that fails is stored as a row with its error;
- one whose worker died, or that was not finished in its time, is tried again, and then such a row;
- a cluster that is gone ends the sweep, and all that was stored stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import Client

from synfire_bp.errors import Interrupted, SweepError
from synfire_bp.files import expanded
from synfire_bp.model.experiment import Experiment
from synfire_bp.progress import WorkProgress
from synfire_bp.registry import plugins
from synfire_bp.runs.plugins import used_plugins
from synfire_bp.sweep.checks import fit_runs
from synfire_bp.sweep.cluster import (
    ClusterLost,
    DaskCrew,
    LocalCrew,
    local_workers,
    remote_workers,
    usable_cores,
)
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun, describe
from synfire_bp.sweep.explain import first_line
from synfire_bp.sweep.local import LocalWorkers
from synfire_bp.sweep.local_worker import refuse_in_worker
from synfire_bp.sweep.pool import Ended, work_through
from synfire_bp.sweep.store import SweepStore
from synfire_bp.sweep.worker import FAILED, LATE, OK, Outcome, Task, run_task, sort_key
from synfire_bp.training.interrupt import StopRequest

__all__ = ["Estimate", "SweepResult", "estimate", "run_sweep"]

TIME_LIMIT = 3600.0
"""Default time limit of a training, in seconds."""
RETRIES = 2
"""How often a run is tried again whose worker died or whose time was up."""


@dataclass(frozen=True)
class SweepResult:
    """How a sweep ended.

    Attributes
    ----------
    path : Path
        Its folder.
    planned, done, failed : int
        Runs of the design; those done by this call, failed ones included; failed ones in all, also
        of earlier calls.
    seconds : float
        Time that this call took with its workers ready.
    busy : float
        Sum of the seconds of all runs done, each as its worker measured it.
    workers : int
        Threads that worked on it, at most.
    why : str or None
        The first failed run, and why it failed.
    complete : bool
        Whether all runs of the design ended well.
    """

    path: Path
    planned: int
    done: int
    failed: int
    seconds: float
    busy: float
    workers: int
    why: str | None = None

    @property
    def complete(self) -> bool:
        """Whether all runs of the design ended well."""
        return self.failed == 0


@dataclass(frozen=True)
class Estimate:
    """What a sweep would take: runs planned, missing, seconds of one of them, and of all."""

    planned: int
    missing: int
    per_run: float
    seconds: float
    workers: int


def run_sweep(
    sweep: Sweep,
    out: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    time_limit: float | None = TIME_LIMIT,
    retries: int = RETRIES,
    retry_failed: bool = False,
    quiet: bool = True,
) -> SweepResult:
    """Run what is missing of a sweep.

    Parameters
    ----------
    sweep : Sweep
        What is to be done.
    out : path
        Folder of the results: new, or of the same sweep.
    workers : int, optional
        Processes on this machine; default: one for each core.
    scheduler : str, optional
        Address of a Dask scheduler, or its scheduler file, instead of processes of this machine.
    time_limit : float, optional
        Seconds that one training may take; None: any.
    retries : int
        How often a run is tried again whose worker died or whose time was up.
    retry_failed : bool
        Also do the failed runs of earlier calls again.
    quiet : bool
        Show no progress.

    Returns
    -------
    SweepResult
        `complete` tells whether all runs ended well: one that fails is a row, and no exception.

    Raises
    ------
    Interrupted
        On Ctrl-C; all finished runs are stored.
    SweepError
        If the model refuses values (before anything starts), the folder belongs to something else
        or cannot be written, or the cluster cannot be reached or is lost.
    """
    refuse_in_worker()
    planned = fit_runs(sweep)
    with (
        SweepStore.open(out, sweep, planned) as store,
        WorkProgress(quiet) as progress,
        StopRequest() as stop,
    ):
        for file in store.set_aside:
            progress.note(f"{file}: was damaged and is set aside; its runs are repeated")
        jobs = _missing(sweep, store, time_limit, retry_failed)
        ledger = _Ledger(sweep, store, progress, stop, retries)
        if jobs:
            ledger.work(jobs, workers, scheduler)
        store.merge()
        return ledger.result()


def estimate(
    sweep: Sweep, out: str | Path, *, workers: int | None = None, budget: float = 10.0
) -> Estimate:
    """Measure some trainings here, and say how long all that are missing would take.

    One epoch of runs from all over the design is timed, until `budget` seconds are spent; the
    first one is done twice, since it also loads and compiles.

    Raises
    ------
    SweepError
        If the model refuses values, the folder belongs to something else, or the training that is
        measured fails.
    """
    refuse_in_worker()
    planned = fit_runs(sweep)
    finished: dict[int, str] = {}
    if expanded(out).exists():
        with SweepStore.open(out, sweep, planned) as store:
            planned, finished = store.planned, store.status
    missing = [run for run in planned if run.run not in finished]
    n_workers = workers or usable_cores()
    if not missing:
        return Estimate(len(planned), 0, 0.0, 0.0, n_workers)
    stride = max(1, len(missing) // 8)
    chosen = missing[stride // 2 :: stride]
    seconds, begun = [], time.perf_counter()
    for run in [chosen[0], *chosen]:
        seconds.append(_measured(sweep, run))
        if time.perf_counter() - begun > budget and len(seconds) > 1:
            break
    per_run = sum(seconds[1:]) / len(seconds[1:])
    rounds = math.ceil(len(missing) / n_workers)
    return Estimate(len(planned), len(missing), per_run, rounds * per_run, n_workers)


def _measured(sweep: Sweep, run: PlannedRun) -> float:
    """Train one epoch of a run here; return the seconds that all of its epochs would take."""
    experiment = run.experiment(sweep.base)
    short = _Job(sweep, run, experiment.changed(["training.epochs=1"])).argument()
    start = time.perf_counter()
    outcome = run_task(short)
    if outcome.status != OK:
        raise SweepError(
            f"{sweep.name}: run {run.run} ({describe(run.sets)}) fails: {outcome.row['error']}"
        )
    return experiment.training.epochs * (time.perf_counter() - start)


@dataclass(frozen=True)
class _Job:
    """A run to be done, and which attempt at it this is."""

    sweep: Sweep
    run: PlannedRun
    experiment: Experiment
    time_limit: float | None = None
    attempt: int = 1
    size: int = 1

    @property
    def key(self) -> str:
        """Its name in the cluster."""
        return f"{self.sweep.name}-{self.run.run}-{self.attempt}"

    def _plugins(self) -> tuple[str, ...]:
        """Return what the worker has to load: not what is loaded here for other things."""
        used = used_plugins(self.experiment, self.sweep.engine)
        return tuple(one.reference for one in used if one in plugins())

    def argument(self) -> Task:
        """Return what a worker is asked to do."""
        return Task(
            self.run.run, self.experiment.model_dump(mode="json"), self.sweep.engine,
            tuple(self.sweep.record), self.sweep.keep_going, self.time_limit, self.attempt,
            self._plugins(),
        )  # fmt: skip


def _missing(
    sweep: Sweep, store: SweepStore, time_limit: float | None, retry_failed: bool
) -> list[_Job]:
    """Return the runs that are not done, those that share images beside each other."""
    kept = {run for run, status in store.status.items() if status == OK or not retry_failed}
    jobs = [
        _Job(sweep, run, run.experiment(sweep.base), time_limit)
        for run in store.planned
        if run.run not in kept
    ]
    return sorted(jobs, key=lambda job: (sort_key(job.experiment), job.run.run))


@dataclass
class _Ledger:
    """Stores what workers finish, judges what they do not, and counts both."""

    sweep: Sweep
    store: SweepStore
    progress: WorkProgress
    stop: StopRequest
    retries: int
    n_done: int = 0
    busy: float = 0.0
    seconds: float = 0.0
    most_workers: int = 0

    def work(self, jobs: Sequence[_Job], workers: int | None, scheduler: str | None) -> None:
        """Do all runs that are missing, on the cluster that is named or on this machine."""
        connected: AbstractContextManager[tuple[Client, LocalWorkers | None]]
        if scheduler is None:
            n_workers = min(workers or usable_cores(), len(jobs))
            self.progress.note(f"starting {n_workers} worker processes")
            connected = local_workers(n_workers)
        else:
            n_workers, connected = 0, remote_workers(scheduler)
        with connected as (client, own):
            crew = _crew(client, own, jobs[0].time_limit, self.progress.warn)
            crew.await_workers(self.stop)
            total, begun = len(self.store.planned), time.monotonic()
            self.progress.note(
                f"{self.sweep.name}: {len(jobs):,} of {total:,} runs to do, "
                f"{n_workers or crew.most_workers} at a time"
            )
            try:
                finished = work_through(
                    jobs, crew, self.take, what=self.sweep.name, done=total - len(jobs),
                    progress=self.progress, stop=self.stop,
                )  # fmt: skip
            except ClusterLost as lost:
                raise SweepError(
                    f"{lost}; {len(self.store.status):,} of {total:,} runs are done and stored. "
                    "With a scheduler in place, the same command does the rest"
                ) from None
            finally:
                self.seconds, self.most_workers = time.monotonic() - begun, crew.most_workers
        if not finished:
            raise Interrupted(
                f"stopped after {len(self.store.status):,} of {total:,} runs; the same "
                f"command continues with the missing runs ({self.store.path})"
            )

    def take(self, ended: Sequence[Ended[_Job, Outcome]]) -> list[_Job]:
        """Store runs that ended; return those to be tried again."""
        outcomes: list[Outcome] = []
        again: list[_Job] = []
        for one in ended:
            job, outcome, problem = one.task, one.result, one.problem
            if outcome is not None and outcome.status == LATE:
                problem = outcome.row["error"]
            if problem is None:
                assert outcome is not None
                outcomes.append(outcome)
            elif job.attempt <= self.retries and not self.stop():
                self.progress.note(f"run {job.run.run}: {problem}; tried again")
                again.append(replace(job, attempt=job.attempt + 1))
            else:
                outcomes.append(_given_up(job, outcome, problem))
        if self.stop():
            # what a signal to all processes broke is no result
            outcomes = [outcome for outcome in outcomes if outcome.status == OK]
        self._keep(outcomes)
        return again

    def result(self) -> SweepResult:
        """Return how the sweep ended."""
        status = self.store.status
        failed = [run.run for run in self.store.planned if status.get(run.run) != OK]
        return SweepResult(
            self.store.path, len(self.store.planned), self.n_done, len(failed), self.seconds,
            self.busy, self.most_workers, self.store.error(failed[0]) if failed else None,
        )  # fmt: skip

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        self.store.append(outcomes)
        self.n_done += len(outcomes)
        for outcome in outcomes:
            self.busy += outcome.row.get("seconds") or 0.0
            if outcome.status != OK:
                self.progress.note(f"run {outcome.run} failed: {first_line(outcome.row['error'])}")


def _crew(
    client: Client, own: LocalWorkers | None, time_limit: float | None, say: Callable[[str], None]
) -> DaskCrew[_Job, Outcome]:
    """Return who does the runs: processes of this machine, or a cluster."""
    if own is None:
        return DaskCrew(client, run_task, time_limit, say=say)
    return LocalCrew(client, run_task, time_limit, say=say, own=own)


def _given_up(job: _Job, outcome: Outcome | None, problem: str) -> Outcome:
    """Return the row of a run that no attempt finished."""
    row: dict[str, Any] = {} if outcome is None else outcome.row
    text = f"given up after {job.attempt} attempt{'s' * (job.attempt > 1)}: {problem}"
    given = {
        "seed": job.experiment.training.seed, "engine": job.sweep.engine, "epoch_rows": 0,
        **row, "attempts": job.attempt, "status": FAILED, "error": text,
    }  # fmt: skip
    return Outcome(job.run.run, FAILED, given)
