"""A crew of Dask workers: processes of this machine, one per core, or a cluster by its address.

Dask decides who does what.  A task whose worker died is one with a problem; one that the cluster
lost on its way is handed in again; a cluster that is gone raises `ClusterLost`.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

import dask
from distributed import Client, Future, LocalCluster, WorkerPlugin
from distributed.scheduler import KilledWorker

from synfire_bp.errors import Interrupted, SweepError, to_caller
from synfire_bp.sweep.pool import Crew, Ended, Sized

__all__ = ["Call", "ClusterLost", "DaskCrew", "local_workers", "remote_workers", "usable_cores"]

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
               "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip
_LOST_AFTER = 5.0  # seconds without the scheduler after which it is given up
_PATIENCE = 600.0  # seconds without any worker likewise
_POLL = 0.5  # seconds between two looks at Ctrl-C
_LOOK = 2.0  # seconds between two looks at the cluster


class ClusterLost(SweepError):
    """The scheduler, or the last worker, is gone."""


class Call(Sized, Protocol):
    """A task that can be sent to a worker."""

    @property
    def key(self) -> str:
        """Its name in the cluster."""

    def argument(self) -> Any:
        """Return what the worker's function is called with."""


Task = TypeVar("Task", bound=Call)
Result = TypeVar("Result")


class DaskCrew(Crew[Task, Result]):
    """Calls a function on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    function : callable
        What workers call with a task's argument.
    time_limit : float or None
        Seconds after which workers end what hangs; for messages.
    """

    def __init__(self, client: Client, function: Callable[[Any], Result], time_limit: float | None):
        self._client, self._function, self._time_limit = client, function, time_limit
        self._active: dict[Future, Task] = {}
        self._lost: list[Task] = []
        self._arrived: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._looked = self._heard = time.monotonic()
        self.most_workers = 0
        """Threads of workers, at most."""

    def await_workers(self, stop: Callable[[], bool]) -> None:
        """Wait until there is a worker.

        Raises
        ------
        Interrupted
            If somebody asks to stop before.
        SweepError
            If none comes.
        """
        end = time.monotonic() + _PATIENCE
        while not self._count():
            if stop():
                raise Interrupted("stopped before a worker was there; nothing was done yet")
            if time.monotonic() > end:
                scheduler = self._client.scheduler
                raise SweepError(
                    f"the scheduler {scheduler.address if scheduler else ''} has no "
                    "workers; start some, such as: dask worker ADDRESS --nthreads 1"
                )
            time.sleep(0.1)
        self._looked = self._heard = time.monotonic()

    def has_room(self) -> bool:
        """Return whether few tasks wait in the cluster."""
        few = len(self._active) + len(self._lost) < 3 * self.most_workers + 8
        return few and self._client.status == "running"

    def start(self, task: Task) -> None:
        """Hand in a task."""
        key = f"{task.key}-{time.monotonic_ns()}"
        future = self._client.submit(self._function, task.argument(), key=key, pure=False)
        self._active[future] = task
        future.add_done_callback(self._arrived.put)

    def ended(self) -> list[Ended[Task, Result]]:
        """Wait a moment; return the tasks that ended.

        Raises
        ------
        ClusterLost
            If the cluster is gone.
        """
        self._look()
        while self._lost and self._client.status == "running":
            self.start(self._lost.pop())
        arrived = []
        with suppress(queue.Empty):
            arrived.append(self._arrived.get(timeout=_POLL))
            while True:
                arrived.append(self._arrived.get_nowait())
        found = []
        for future in arrived:
            if (task := self._active.pop(future, None)) is not None:
                if (end := self._end(future, task)) is None:
                    self._lost.append(task)
                else:
                    found.append(end)
        if found:
            self._heard = time.monotonic()
        return found

    def dismiss(self) -> None:
        """Cancel what is under way."""
        if self._active:
            with suppress(Exception):  # the cluster may be gone
                self._client.cancel(list(self._active), force=True)

    def _end(self, future: Future, task: Task) -> Ended[Task, Result] | None:
        """Return how a task ended; None if the cluster lost it."""
        try:
            return Ended(task, future.result(timeout=60))
        except KilledWorker:
            limit = "" if self._time_limit is None else (
                f", or was ended because it hung longer than the time limit, "
                f"{self._time_limit:g} s"
            )  # fmt: skip
            return Ended(task, None, f"its worker died (killed, out of memory, crashed{limit})")
        except Exception as error:
            if self._client.status != "running" or future.status in ("cancelled", "lost"):
                return None  # whether the cluster is gone is looked at
            return Ended(task, None, f"{type(error).__name__}: {error}")

    def _count(self) -> int:
        """Return how many tasks the cluster does at a time, and note the most there were."""
        with suppress(Exception):
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
            now = sum(worker["nthreads"] for worker in workers)
            self.most_workers = max(self.most_workers, now)
            return now
        return 0

    def _look(self) -> None:
        """Notice, now and then, that the cluster is gone."""
        now = time.monotonic()
        if now - self._looked <= _LOOK:
            return
        self._looked = now
        if self._client.status == "running":
            if self._count():
                self._heard = now
                return
            patience, what = _PATIENCE, "has no workers any more"
        else:
            patience, what = _LOST_AFTER, "is gone"
        if now - self._heard >= patience:
            raise ClusterLost(f"the scheduler {what}")


# ---------------------------------------------------------------- on this machine


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def local_workers(n_workers: int) -> Iterator[Client]:
    """Start worker processes, one thread each; yield their client."""
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


# ---------------------------------------------------------------- by address


@contextmanager
def remote_workers(scheduler: str) -> Iterator[Client]:
    """Yield a client of a cluster, by the address of its scheduler, or its scheduler file.

    Raises
    ------
    SweepError
        If it is neither, or cannot be reached.
    """
    named_by = to_caller("--scheduler", "scheduler")
    file = Path(scheduler).expanduser()
    named = {"scheduler_file": str(file)} if file.is_file() else {"address": scheduler}
    if "address" in named and "://" not in scheduler and not _looks_like_address(scheduler):
        raise SweepError(
            f"{named_by} {scheduler}: is neither a scheduler file nor an address such as "
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
            f"{named_by} {scheduler}: cannot be reached: {str(error).splitlines()[0]}; is "
            "`dask scheduler` running there, with the same version of distributed?"
        ) from None
    with client:
        yield client


def _looks_like_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isdigit()
