"""A sweep is run: Dask hands its trainings to workers, and what comes back is stored at once.

The workers are processes of this machine, one per core, or those of any Dask cluster, by address.
Dask decides who does what; this module decides what is to be done, and what a missing answer means:

- a run that fails is a row with its error;
- one whose worker died, or that was not finished in its time, is tried again, and then such a row;
- a cluster that is gone ends the sweep, and all that was stored stays.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import dask
from distributed import Client, Future, LocalCluster, WorkerPlugin
from distributed.scheduler import KilledWorker

from synfire_bp.errors import Interrupted, SweepError
from synfire_bp.progress import WorkProgress
from synfire_bp.sweep.checks import refuse_unfit
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun, describe, planned_runs
from synfire_bp.sweep.store import SweepStore
from synfire_bp.sweep.worker import FAILED, LATE, OK, Outcome, Task, run_task, sort_key
from synfire_bp.training.interrupt import StopRequest

__all__ = ["Estimate", "SweepResult", "estimate", "run_sweep"]

TIME_LIMIT = 3600.0
"""Seconds that a training may take, if nothing else is said."""
RETRIES = 2
"""How often a run is tried again whose worker died or whose time was up."""

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
               "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip
_LOST_AFTER = 5.0  # seconds without the scheduler after which it is given up
_PATIENCE = 600.0  # seconds without any worker likewise
_POLL = 0.5  # seconds between two looks at Ctrl-C


@dataclass(frozen=True)
class SweepResult:
    """How a sweep ended.

    Attributes
    ----------
    path : Path
        Its folder.
    planned, done, failed : int
        Runs of the design; those done by this call, failed ones included; failed ones in all.
    seconds : float
        Time that this call took with its workers ready.
    busy : float
        Sum of the seconds of all runs done, each as its worker measured it.
    workers : int
        Threads that worked on it, at most.
    """

    path: Path
    planned: int
    done: int
    failed: int
    seconds: float
    busy: float
    workers: int


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

    Raises
    ------
    Interrupted
        On Ctrl-C; all finished runs are stored.
    SweepError
        If the model refuses values (before anything starts), the folder belongs to something else
        or cannot be written, or the cluster cannot be reached or is lost.
    """
    planned = planned_runs(sweep)
    refuse_unfit(sweep, planned)
    with (
        SweepStore.open(out, sweep, planned) as store,
        WorkProgress(quiet) as progress,
        StopRequest() as stop,
    ):
        for file in store.set_aside:
            progress.note(f"{file}: was broken and is set aside; its runs are done anew")
        missing = _missing(sweep, store, retry_failed)
        supervisor = _Supervisor(sweep, store, progress, stop, time_limit, retries)
        if missing:
            with _connected(workers, scheduler, len(missing), progress) as client:
                supervisor.work(client, missing)
        store.merge()
        failed = sum(status != OK for status in store.status.values())
        return SweepResult(
            store.path, len(store.planned), supervisor.n_done, failed, supervisor.seconds,
            supervisor.busy, supervisor.most_workers,
        )  # fmt: skip


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
    planned = planned_runs(sweep)
    refuse_unfit(sweep, planned)
    finished: dict[int, str] = {}
    if Path(out).expanduser().exists():
        with SweepStore.open(out, sweep, planned) as store:
            planned, finished = store.planned, store.status
    missing = [run for run in planned if run.run not in finished]
    n_workers = workers or _cores()
    if not missing:
        return Estimate(len(planned), 0, 0.0, 0.0, n_workers)
    stride = max(1, len(missing) // 8)
    chosen = missing[stride // 2 :: stride]
    seconds, begun = [], time.perf_counter()
    for run in [chosen[0], *chosen]:
        experiment = run.experiment(sweep.base)
        epochs = experiment.training.epochs
        short = experiment.changed(["training.epochs=1"]).model_dump(mode="json")
        start = time.perf_counter()
        outcome = run_task(_task(sweep, run, short))
        if outcome.status != OK:
            raise SweepError(
                f"{sweep.name}: run {run.run} ({describe(run.sets)}) fails: {outcome.row['error']}"
            )
        seconds.append(epochs * (time.perf_counter() - start))
        if time.perf_counter() - begun > budget and len(seconds) > 1:
            break
    per_run = sum(seconds[1:]) / len(seconds[1:])
    rounds = math.ceil(len(missing) / n_workers)
    return Estimate(len(planned), len(missing), per_run, rounds * per_run, n_workers)


def _task(
    sweep: Sweep,
    run: PlannedRun,
    described: dict[str, Any],
    time_limit: float | None = None,
    attempt: int = 1,
) -> Task:
    record = tuple(sweep.record)
    return Task(run.run, described, sweep.engine, record, sweep.keep_going, time_limit, attempt)


def _missing(sweep: Sweep, store: SweepStore, retry_failed: bool) -> list[tuple[PlannedRun, Any]]:
    """Return the runs that are not done, those that share images beside each other."""
    kept = {run for run, status in store.status.items() if status == OK or not retry_failed}
    missing = [(run, run.experiment(sweep.base)) for run in store.planned if run.run not in kept]
    missing.sort(key=lambda pair: (sort_key(pair[1]), pair[0].run))
    return missing


# ---------------------------------------------------------------- the workers


@contextmanager
def _connected(
    workers: int | None, scheduler: str | None, n_runs: int, progress: WorkProgress
) -> Iterator[Client]:
    """Yield a client of the cluster that was named, or of processes on this machine."""
    with ExitStack() as stack:
        if scheduler is None:
            n_workers = min(workers or _cores(), n_runs)
            progress.note(f"starting {n_workers} worker processes")
            client = stack.enter_context(_local(n_workers))
        else:
            client = stack.enter_context(_remote(scheduler))
        yield client


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _local(n_workers: int) -> Iterator[Client]:
    settings = {
        # before numpy is imported: one process per core, one thread each
        "distributed.nanny.pre-spawn-environ": {name: "1" for name in _ONE_THREAD},
        # a worker holds the run that it does, and no other: if it dies, only that one is to blame
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.worker-ttl": "60s",
        "distributed.worker.profile.enabled": False,
        "distributed.worker.memory.terminate": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.target": False,
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.logging.distributed": "critical",
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        with _undisturbed():
            cluster = LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=0,
                dashboard_address="127.0.0.1:0",
                silence_logs="CRITICAL",
            )
            stack.enter_context(cluster)
        client = stack.enter_context(Client(cluster, set_as_default=False))
        client.register_plugin(_DeafWorker())
        yield client


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C while processes are started, which thereby never hear of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _DeafWorker(WorkerPlugin):
    """Ctrl-C at a terminal reaches all processes: only the sweep itself shall act on it."""

    name = "synfire-bp-deaf"

    def setup(self, worker: Any) -> None:
        """Ignore the signal, by a handler: what the worker starts hears it again."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, _nothing)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _nothing(number: int, frame: FrameType | None) -> None:
    """Do nothing on a signal."""


@contextmanager
def _remote(scheduler: str) -> Iterator[Client]:
    file = Path(scheduler).expanduser()
    named = {"scheduler_file": str(file)} if file.is_file() else {"address": scheduler}
    if "address" in named and "://" not in scheduler and not _looks_like_address(scheduler):
        raise SweepError(
            f"--scheduler {scheduler}: is neither a scheduler file nor an address such as "
            "tcp://host:8786"
        )
    for name in [*logging.root.manager.loggerDict]:
        # of a cluster that goes away, the sweep itself says what there is to say
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(**named, timeout="15s", set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SweepError(
            f"--scheduler {scheduler}: cannot be reached: {str(error).splitlines()[0]}; is "
            "`dask scheduler` running there, with the same version of distributed?"
        ) from None
    with client:
        yield client


def _looks_like_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit()


# ---------------------------------------------------------------- who does what, and what came


@dataclass
class _Supervisor:
    """Keeps the workers busy, stores what they finish, and judges what they do not."""

    sweep: Sweep
    store: SweepStore
    progress: WorkProgress
    stop: StopRequest
    time_limit: float | None
    retries: int
    n_done: int = 0
    busy: float = 0.0
    seconds: float = 0.0
    most_workers: int = 0
    _arrived: queue.SimpleQueue[Future] = field(default_factory=queue.SimpleQueue)

    def work(self, client: Client, missing: Sequence[tuple[PlannedRun, Any]]) -> None:
        """Do all runs that are missing."""
        waiting: deque[tuple[PlannedRun, Any, int]] = deque((*pair, 1) for pair in missing)
        active: dict[Future, tuple[PlannedRun, Any, int]] = {}
        self._await_workers(client)
        begun = time.monotonic()
        total, before = len(self.store.planned), len(self.store.planned) - len(missing)
        self.progress.note(
            f"{self.sweep.name}: {len(missing):,} of {total:,} runs to do, "
            f"{self.most_workers} at a time"
        )
        self.progress.begin(self.sweep.name, total, before)
        looked, heard = begun, begun
        try:
            while waiting or active:
                while waiting and len(active) < 3 * self.most_workers + 8:
                    self._submit(client, active, waiting.popleft())
                results, again = self._collect(client, active)
                if self.stop():
                    # what a signal to all processes broke is no result
                    results = [outcome for outcome in results if outcome.status == OK]
                self._keep(results)
                waiting.extendleft(again)
                self.progress.reached(before + self.n_done)
                if self.stop():
                    raise Interrupted(
                        f"stopped after {len(self.store.status):,} of {total:,} runs; the same "
                        f"command goes on, and does only what is missing ({self.store.path})"
                    )
                now = time.monotonic()
                if results:
                    heard = now
                if now - looked > 2:
                    looked = now
                    heard = self._look_at(client, now, heard)
        finally:
            self.seconds = time.monotonic() - begun
            with suppress(Exception):  # the cluster may be gone
                client.cancel(list(active), force=True)

    def _submit(
        self, client: Client, active: dict[Future, Any], job: tuple[PlannedRun, Any, int]
    ) -> None:
        run, experiment, attempt = job
        described = experiment.model_dump(mode="json")
        task = _task(self.sweep, run, described, self.time_limit, attempt)
        key = f"{self.sweep.name}-{run.run}-{attempt}-{time.monotonic_ns()}"
        future = client.submit(run_task, task, key=key, pure=False)
        active[future] = job
        future.add_done_callback(self._arrived.put)

    def _collect(
        self, client: Client, active: dict[Future, tuple[PlannedRun, Any, int]]
    ) -> tuple[list[Outcome], list[tuple[PlannedRun, Any, int]]]:
        """Return what was finished, and what is to be tried again."""
        ended = []
        with suppress(queue.Empty):
            ended.append(self._arrived.get(timeout=_POLL))
            while True:
                ended.append(self._arrived.get_nowait())
        outcomes: list[Outcome] = []
        again: list[tuple[PlannedRun, Any, int]] = []
        for future in ended:
            job = active.pop(future, None)
            if job is None:
                continue
            run, experiment, attempt = job
            problem = None
            try:
                outcome = future.result(timeout=60)
                if outcome.status == LATE:
                    problem = outcome.row["error"]
            except KilledWorker:
                limit = "" if self.time_limit is None else (
                    f", or was ended because it hung longer than the time limit, "
                    f"{self.time_limit:g} s"
                )  # fmt: skip
                outcome = None
                problem = f"its worker died (killed, out of memory, crashed{limit})"
            except Exception as error:
                if client.status != "running" or future.status in ("cancelled", "lost"):
                    again.append(job)  # the cluster lost it; whether it is gone is looked at
                    continue
                outcome = None
                problem = f"{type(error).__name__}: {error}"
            if problem is None:
                assert outcome is not None
                outcomes.append(outcome)
            elif attempt <= self.retries and not self.stop():
                self.progress.note(f"run {run.run}: {problem}; tried again")
                again.append((run, experiment, attempt + 1))
            else:
                outcomes.append(self._given_up(run, experiment, attempt, outcome, problem))
        return outcomes, again

    def _given_up(
        self, run: PlannedRun, experiment: Any, attempt: int, outcome: Outcome | None, problem: str
    ) -> Outcome:
        row = {} if outcome is None else outcome.row
        text = f"given up after {attempt} attempt{'s' * (attempt > 1)}: {problem}"
        given = {
            "seed": experiment.training.seed, "engine": self.sweep.engine, "epoch_rows": 0,
            **row, "attempts": attempt, "status": FAILED, "error": text,
        }  # fmt: skip
        return Outcome(run.run, FAILED, given)

    def _keep(self, outcomes: Sequence[Outcome]) -> None:
        self.store.append(outcomes)
        self.n_done += len(outcomes)
        for outcome in outcomes:
            self.busy += outcome.row.get("seconds") or 0.0
            if outcome.status != OK:
                first = str(outcome.row["error"]).splitlines()[0]
                self.progress.note(f"run {outcome.run} failed: {first}")

    def _await_workers(self, client: Client) -> None:
        end = time.monotonic() + _PATIENCE
        while not self._count(client):
            if self.stop():
                raise Interrupted("stopped before a worker was there; nothing was done yet")
            if time.monotonic() > end:
                raise SweepError(
                    f"the scheduler {client.scheduler.address if client.scheduler else ''} has no "
                    "workers; start some, such as: dask worker ADDRESS --nthreads 1"
                )
            time.sleep(0.1)

    def _count(self, client: Client) -> int:
        """Return how many runs the cluster does at a time, and note the most there were."""
        with suppress(Exception):
            workers = client.scheduler_info(n_workers=-1)["workers"].values()
            now = sum(worker["nthreads"] for worker in workers)
            self.most_workers = max(self.most_workers, now)
            return now
        return 0

    def _look_at(self, client: Client, now: float, heard: float) -> float:
        """Notice that the cluster is gone; return when it was last seen to be there."""
        if client.status == "running":
            if self._count(client):
                return now
            patience, what = _PATIENCE, "has no workers any more"
        else:
            patience, what = _LOST_AFTER, "is gone"
        if now - heard < patience:
            return heard
        raise SweepError(
            f"the scheduler {what}; {len(self.store.status):,} of {len(self.store.planned):,} "
            "runs are done and stored. With a scheduler in place, the same command does the rest"
        )
