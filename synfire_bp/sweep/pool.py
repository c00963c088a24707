"""Many tasks on several processes: the one loop that hands them out and takes back what ended.

Where tasks are done is a `Crew`: processes of this machine, each with a command line
(`synfire_bp.sweep.processes`), or the workers of a Dask cluster (`synfire_bp.sweep.cluster`).  What
the end of a task means is up to the caller of `work_through`: it stores a result or notes a
failure, names what is to be tried again, or raises, which ends all of it.  Whatever ends the loop,
the crew is sent home.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from synfire_bp.progress import WorkProgress

__all__ = ["Crew", "Ended", "Sized", "work_through"]


class Sized(Protocol):
    """A task; `size` is how much the bar moves when it is done: its samples, or 1."""

    @property
    def size(self) -> int:
        """How much there is to do."""


Task = TypeVar("Task", bound=Sized)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Ended(Generic[Task, Result]):
    """A task that ended: with a result, or with a problem, in words."""

    task: Task
    result: Result | None = None
    problem: str | None = None


class Crew(ABC, Generic[Task, Result]):
    """Processes that do tasks."""

    @abstractmethod
    def has_room(self) -> bool:
        """Return whether another task can be started."""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Start a task."""

    @abstractmethod
    def ended(self) -> Sequence[Ended[Task, Result]]:
        """Wait a moment; return the tasks that ended since it was last asked."""

    def reached(self) -> int:
        """Return how much of the tasks under way is done, as far as one can see."""
        return 0

    @abstractmethod
    def dismiss(self) -> None:
        """End what is still under way."""


def work_through(
    tasks: Iterable[Task],
    crew: Crew[Task, Result],
    take: Callable[[Sequence[Ended[Task, Result]]], Sequence[Task]],
    *,
    what: str,
    done: int = 0,
    progress: WorkProgress,
    stop: Callable[[], bool],
) -> bool:
    """Do all tasks, or as many as are done before somebody asks to stop.

    Parameters
    ----------
    tasks : iterable
        The tasks, in the order in which they are started.
    crew : Crew
        Who does them; it is dismissed in any case.
    take : callable
        Takes the tasks that ended; returns those to be done again.  What it raises ends the loop.
    what : str
        Name of the work beside the bar.
    done : int
        What was done by earlier calls; the bar begins there.
    progress : WorkProgress
        Where to show it: how much is done of the whole, the rate, the time left.
    stop : callable
        Whether to stop, such as a `StopRequest`; asked a few times a second.

    Returns
    -------
    bool
        Whether nobody asked to stop, so that all is done.
    """
    waiting = deque(tasks)
    under_way = 0
    progress.begin(what, done + sum(task.size for task in waiting), done)
    try:
        while (waiting or under_way) and not stop():
            while waiting and crew.has_room():
                crew.start(waiting.popleft())
                under_way += 1
            ended = crew.ended()
            under_way -= len(ended)
            again = take(ended)
            waiting.extendleft(again)
            done += sum(one.task.size for one in ended) - sum(task.size for task in again)
            progress.reached(done + crew.reached())
    finally:
        crew.dismiss()
    return not stop()
