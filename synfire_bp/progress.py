"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere.

Downloads have a bar of bytes, which pooch moves.
"""

from __future__ import annotations

import sys
from types import TracebackType

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

__all__ = ["DownloadProgress", "WorkProgress"]


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
    are printed in any case.
    """

    def __init__(self, quiet: bool = False):
        self._quiet = quiet
        self._console = Console(file=sys.stderr, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
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
        """Take the bar away."""
        self._bar.stop()

    def begin(self, what: str, total: int, done: int = 0) -> None:
        """Start to show a new piece of work of `total` samples."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=total, completed=done)

    def reached(self, done: int) -> None:
        """Show that `done` samples are done."""
        if self._task is not None:
            self._bar.update(self._task, completed=done)

    def note(self, text: str) -> None:
        """Print a line, above the bar where there is one."""
        if not self._quiet:
            self._console.print(text, markup=False, soft_wrap=True)


class DownloadProgress:
    """Shows how far a download is: what pooch asks of a progress bar, drawn by rich.

    There is none when `quiet`, nor if standard error is no terminal.
    """

    def __init__(self, name: str, quiet: bool = False):
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task(name, total=None)

    def __enter__(self) -> DownloadProgress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar as it stands."""
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

    def reset(self) -> None:
        """Begin again at no bytes."""
        self._bar.reset(self._task)

    def close(self) -> None:
        """Do nothing: leaving the `with` block ends the bar, also if the download fails."""
