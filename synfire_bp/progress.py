"""Progress of long work: a bar with rate and time left on a terminal and in a notebook.

Elsewhere there are plain lines.  Downloads have a bar of bytes, which pooch moves.
"""

from __future__ import annotations

import sys
import time
from html import escape
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

__all__ = ["DownloadProgress", "WorkProgress", "in_notebook", "silent"]


def in_notebook() -> bool:
    """Whether outputs are shown in the cells of a notebook."""
    return Console().is_jupyter


def silent(quiet: bool | None) -> bool:
    """Return whether to show nothing; None: who asked did not say, and only a notebook shows it."""
    return not in_notebook() if quiet is None else quiet


class _NotebookBar:
    """A bar in one output of a notebook's cell, which is changed in place.

    rich's own needs ipywidgets, and draws from a thread whose outputs may land in another cell.

    Parameters
    ----------
    unit : str
        What is counted.
    """

    _EVERY = 0.25  # seconds between two drawings: a notebook keeps up with it, also far away

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._output: Any = None
        self._drawn = 0.0
        self._task: Task | None = None

    def draw(self, task: Task, *, now: bool = False) -> None:
        """Show how far a task is, at most a few times a second unless `now`."""
        self._task = task
        if not now and time.monotonic() - self._drawn < self._EVERY:
            return
        self._drawn = time.monotonic()
        speed = task.finished_speed or task.speed
        left = task.time_remaining
        parts = [f"{_number(task.completed)} of {_number(task.total)} {self._unit}"]
        if speed:
            parts.append(f"{_number(speed)}/s")
        if not task.finished and left is not None:
            parts.append(f"{_clock(left)} left")
        self._show(task, ", ".join(parts))

    def end(self) -> None:
        """Leave what was reached, and how long that took."""
        if self._task is not None and self._output is not None:
            took = f"{_number(self._task.completed)} of {_number(self._task.total)} {self._unit}"
            self._show(self._task, f"{took} in {_clock(self._task.elapsed or 0)}")

    def _show(self, task: Task, text: str) -> None:
        from IPython.display import display

        total = f' max="{task.total:g}"' if task.total else ""
        value = f' value="{task.completed:g}"' if task.total else ""
        bundle = {
            "text/plain": f"{task.description}: {text}",
            "text/html": f"<div>{escape(task.description)} "
            f'<progress{value}{total} style="vertical-align:middle"></progress> '
            f"{escape(text)}</div>",
        }
        if self._output is None:
            self._output = display(bundle, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._output.update(bundle, raw=True)


def _number(value: float | None) -> str:
    if value is None:
        return "?"
    return f"{value:,.2f}" if 0 < value < 10 and value != int(value) else f"{value:,.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class _Rate(ProgressColumn):
    """Samples a second."""

    def render(self, task: Task) -> Text:
        """Return the rate, once there is one."""
        speed = task.finished_speed or task.speed
        digits = 0 if speed is None or speed >= 10 else 2
        text = "" if speed is None else f"{speed:,.{digits}f}/s"
        return Text(text, style="progress.data.speed")


class WorkProgress:
    """Shows how far a piece of work is; silent when `quiet`.

    Everything goes to standard error.  The bar is shown on a terminal only; notes (one line each)
    are printed in any case.  In a notebook both are ordinary output of the cell.
    """

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._notebook = _NotebookBar("samples") if not quiet and in_notebook() else None
        # standard error is red in a notebook, as if something were wrong
        self._console = Console(
            file=sys.stderr if self._notebook is None else sys.stdout,
            highlight=False,
            force_jupyter=False,
        )
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or self._notebook is not None or not self._console.is_terminal,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> WorkProgress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the bar away; in a notebook it stays where it was, since the cell stays too."""
        if self._notebook is not None:
            self._notebook.end()
        self._bar.stop()

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Start to show a new piece of work of `total` samples."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=total, completed=done)
        self._draw(now=True)

    def reached(self, done: int) -> None:
        """Show that `done` samples are done."""
        if self._task is not None:
            self._bar.update(self._task, completed=done)
            self._draw()

    def _draw(self, *, now: bool = False) -> None:
        if self._notebook is not None:
            self._notebook.draw(self._bar.tasks[-1], now=now)

    def note(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        if not self._quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Print a line, also when quiet: what nobody would otherwise know to mend."""
        self._console.print(text, markup=False, soft_wrap=True)


class DownloadProgress:
    """Shows how far a download is: what pooch asks of a progress bar, drawn by rich.

    There is none when `quiet`, nor if standard error is no terminal and there is no notebook.
    """

    def __init__(self, name: str, quiet: bool = False):
        self._notebook = _NotebookBar("bytes") if not quiet and in_notebook() else None
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(stderr=True, force_jupyter=False),
            disable=quiet or self._notebook is not None or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(name, total=None)

    def __enter__(self) -> DownloadProgress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
        if self._notebook is not None:
            self._notebook.end()
        if not self._bar.disable:  # some releases of rich end a bar that never was with a line
            self._bar.stop()

    @property
    def total(self) -> float | None:
        """Bytes of the whole file; None: the server did not say."""
        return self._bar.tasks[0].total

    @total.setter
    def total(self, n_bytes: int) -> None:
        self._bar.update(self._task, total=n_bytes or None)

    def update(self, n_bytes: int) -> None:
        """Show that as many bytes more have come."""
        self._bar.advance(self._task, n_bytes)
        if self._notebook is not None:
            self._notebook.draw(self._bar.tasks[0])

    def reset(self) -> None:
        """Begin again at no bytes."""
        self._bar.reset(self._task)

    def close(self) -> None:
        """Do nothing: leaving the `with` block ends the bar, also if the download fails."""
