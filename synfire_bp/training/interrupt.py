"""Ctrl-C that is asked, not thrown: the work in hand is finished, saved, and then left."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

__all__ = ["StopRequest"]


class StopRequest:
    """While in its context, notes SIGINT, SIGTERM and SIGHUP; call it to learn whether one came.

    A second signal raises KeyboardInterrupt at once.  A SIGHUP that is ignored, as under nohup,
    stays ignored.  Outside the main thread, where Python
    delivers no signals, it never asks to stop.
    """

    def __init__(self) -> None:
        self._requested = False
        self._previous: dict[int, object] = {}

    def __call__(self) -> bool:
        """Return whether somebody asked to stop."""
        return self._requested

    def __enter__(self) -> StopRequest:
        """Begin to listen."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True
