"""A crew of Dask workers: processes of this machine, one per core, or a cluster by its address.

On a cluster, Dask decides who does what; a process of this machine is given one task at a time,
so that a task that kills it takes no other with it.  A task whose worker died is one with a
problem; one that the cluster lost on its way is handed in again; a cluster that is gone raises
`ClusterLost`.
"""

from __future__ import annotations

import logging
import os
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Protocol, TypeVar

import dask
from distributed import Client, Future, LocalCluster
from distributed.scheduler import KilledWorker

from synfire_bp.errors import Interrupted, SweepError, to_caller
from synfire_bp.files import expanded
from synfire_bp.sweep.local import LocalWorkers
from synfire_bp.sweep.pool import Crew, Ended, Sized
from synfire_bp.sweep.waiting import Wait

__all__ = [
    "Call", "ClusterLost", "DaskCrew", "LocalCrew", "local_workers", "remote_workers",
    "usable_cores",
]  # fmt: skip

_BACK_WITHIN = 15.0  # seconds within which a scheduler may come, or come back
_PATIENCE = 600.0  # seconds without any worker after which it is given up
_POLL = 0.5  # seconds between two looks at Ctrl-C
_LOOK = 2.0  # seconds between two looks at the cluster
_UNDONE = ("cancelled", "lost", "pending")  # what became of a task whose result was lost
_LOOK_FOR_MISSING = 0.2  # the same while a process of this machine is still to come


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
    say : callable
        Where to tell what is waited for.
    """

    _first_word = 1.0  # seconds after which it is said what is waited for
    _hears_within = 60.0  # seconds that a result may take on its way

    def __init__(
        self,
        client: Client,
        function: Callable[[Any], Result],
        time_limit: float | None,
        *,
        say: Callable[[str], None],
    ):
        self._client, self._function, self._time_limit = client, function, time_limit
        self._active: dict[Future, Task] = {}
        self._lost: list[Task] = []
        self._arrived: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._say = say
        self._looked = time.monotonic()
        self._wait: Wait | None = None
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
        while not self._count():
            if stop():
                raise Interrupted("stopped before a worker was available; nothing was done yet")
            self._await()
            time.sleep(0.1)
        self._wait = None

    def has_room(self) -> bool:
        """Return whether few tasks wait in the cluster."""
        few = len(self._active) + len(self._lost) < 3 * self.most_workers + 8
        return few and self._client.status == "running"

    def start(self, task: Task) -> None:
        """Hand in a task."""
        self._submit(task)

    def _submit(self, task: Task, worker: str | None = None) -> Future:
        key = f"{task.key}-{time.monotonic_ns()}"
        future = self._client.submit(
            self._function, task.argument(), key=key, pure=False, workers=worker
        )
        self._active[future] = task
        future.add_done_callback(self._arrived.put)
        return future

    def ended(self) -> list[Ended[Task, Result]]:
        """Wait a moment; return the tasks that ended.

        Raises
        ------
        ClusterLost
            If the cluster is gone.
        """
        self._look()
        while self._lost and self._takes_lost():
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
        return found

    def dismiss(self) -> None:
        """Cancel what is under way."""
        if self._active:
            with suppress(Exception):  # the cluster may be gone
                self._client.cancel(list(self._active), force=True)

    def _takes_lost(self) -> bool:
        """Return whether a task that was lost can be handed in again."""
        return self._client.status == "running"

    def _end(self, future: Future, task: Task) -> Ended[Task, Result] | None:
        """Return how a task ended; None if the cluster lost it."""
        try:
            return Ended(task, future.result(timeout=self._hears_within))
        except KilledWorker:
            limit = "" if self._time_limit is None else (
                ", or was ended because it did not respond for longer than the time limit, "
                f"{self._time_limit:g} s"
            )  # fmt: skip
            return Ended(task, None, f"its worker died (killed, out of memory, crashed{limit})")
        except Exception as error:
            if self._client.status != "running" or future.status in _UNDONE:
                return None  # whether the cluster is gone is looked at
            return Ended(task, None, f"{type(error).__name__}: {error}")

    def _count(self) -> int:
        """Return how many tasks the cluster does at a time, and note the most there were."""
        workers: dict[str, Any] = {}
        with suppress(Exception):
            workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self._seen(workers)
        now = sum(worker["nthreads"] for worker in workers.values())
        self.most_workers = max(self.most_workers, now)
        return now

    def _seen(self, workers: Mapping[str, Any]) -> None:
        """Take note of the workers that there are, by address."""

    def _look(self) -> None:
        """Notice, now and then, that the cluster is gone."""
        if time.monotonic() - self._looked <= self._pause():
            return
        self._looked = time.monotonic()
        if self._client.status == "running" and self._count():
            self._wait = None
        else:
            self._await()

    def _pause(self) -> float:
        """Return how many seconds pass between two looks at the cluster."""
        return _LOOK

    def _await(self) -> None:
        """Wait for what is missing, saying so.

        Raises
        ------
        ClusterLost
            If it has not come in time.
        """
        address = self._client.scheduler.address if self._client.scheduler else ""
        if self._client.status == "running":
            what, patience = f"a worker at the scheduler {address}", _PATIENCE
            gone = f"the scheduler {address} has no workers"
            one = "dask worker ADDRESS --nthreads 1".replace("ADDRESS", address)
            hint = f"start one, such as: {one}"
        else:
            what, patience = "the scheduler to come back", _BACK_WITHIN
            gone, hint = "the scheduler is gone", ""
        if self._wait is None or self._wait.what != what:
            self._wait = Wait(what, hint, patience, self._say, self._first_word)
        if self._client.status == "closed" or self._wait.over():
            raise ClusterLost(f"{gone}; {hint}" if hint else gone)


# ---------------------------------------------------------------- on this machine


class LocalCrew(DaskCrew[Task, Result]):
    """Calls a function on worker processes of this machine, each of which has one task at a time.

    Parameters
    ----------
    client, function, time_limit, say
        As of `DaskCrew`.
    own : LocalWorkers
        The processes; those that ended are replaced now and then.
    """

    _first_word = 60.0  # processes take a moment to start
    _hears_within = 10.0

    def __init__(
        self,
        client: Client,
        function: Callable[[Any], Result],
        time_limit: float | None,
        *,
        say: Callable[[str], None],
        own: LocalWorkers,
    ):
        super().__init__(client, function, time_limit, say=say)
        self._own = own
        self._addresses: list[str] = []
        self._places: dict[Future, str] = {}

    def has_room(self) -> bool:
        """Return whether a process has nothing to do."""
        return self._takes_lost() and not self._lost

    def start(self, task: Task) -> None:
        """Hand a task to a process that has nothing to do."""
        address = self._free()[0]
        self._places[self._submit(task, address)] = address

    def _free(self) -> list[str]:
        """Return the processes that have nothing to do, by address."""
        busy = {self._places[future] for future in self._active}
        return [address for address in self._addresses if address not in busy]

    def _takes_lost(self) -> bool:
        return super()._takes_lost() and bool(self._free())

    def _end(self, future: Future, task: Task) -> Ended[Task, Result] | None:
        address = self._places.pop(future)
        end = super()._end(future, task)
        if end is None or end.result is None:  # the process may have died: no task goes there
            with suppress(ValueError):
                self._addresses.remove(address)
            self._looked = 0.0
        return end

    def _seen(self, workers: Mapping[str, Any]) -> None:
        self._own.tend([str(worker["name"]) for worker in workers.values()])
        self._addresses = list(workers)
        for future in [one for one, address in self._places.items() if address not in workers]:
            if not future.done():  # handed to a process that had just died
                del self._places[future]
                self._lost.append(self._active.pop(future))
                future.cancel()

    def _pause(self) -> float:
        return _LOOK if len(self._addresses) == self._own.count else _LOOK_FOR_MISSING


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def local_workers(n_workers: int) -> Iterator[tuple[Client, LocalWorkers]]:
    """Start a scheduler in this process and worker processes, one thread each; yield both.

    Raises
    ------
    SweepError
        If no process can be started.
    """
    settings = {
        # a worker has one run at a time: if it dies, that one is to blame
        "distributed.scheduler.allowed-failures": 0,
        "distributed.scheduler.worker-ttl": "60s",
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.logging.distributed": "critical",
    }
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(settings))
        cluster = stack.enter_context(
            LocalCluster(
                n_workers=0,  # which processes there are, LocalWorkers decides
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                silence_logs="CRITICAL",
            )
        )
        client = stack.enter_context(Client(cluster, set_as_default=False))
        workers = stack.enter_context(LocalWorkers(n_workers, cluster.scheduler_address))
        yield client, workers


# ---------------------------------------------------------------- by address


@contextmanager
def remote_workers(scheduler: str) -> Iterator[tuple[Client, None]]:
    """Yield a client of a cluster, by the address of its scheduler, or its scheduler file.

    Raises
    ------
    SweepError
        If it is neither, or cannot be reached.
    """
    named_by = to_caller("--scheduler", "scheduler")
    file = expanded(scheduler)
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
        client = Client(**named, timeout=_BACK_WITHIN, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise SweepError(
            f"{named_by} {scheduler}: cannot be reached: {str(error).splitlines()[0]}; is "
            "`dask scheduler` running there, with the same version of distributed?"
        ) from None
    with client:
        yield client, None


def _looks_like_address(text: str) -> bool:
    host, _, port = text.rpartition(":")
    return bool(host) and port.isascii() and port.isdigit()
