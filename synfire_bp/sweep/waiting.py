"""Waiting with messages: the reason is shown at once, and again from time to time."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Wait"]

_EVERY = 60.0  # seconds between two reminders


class Wait:
    """An event that is waited for.

    Parameters
    ----------
    what, hint : str
        The event, and what may help to bring it about.
    patience : float
        Seconds after which it is given up.
    say : callable
        Where to tell it.
    first : float
        Seconds after which it is told for the first time.
    """

    def __init__(
        self, what: str, hint: str, patience: float, say: Callable[[str], None], first: float
    ):
        self.what, self._hint, self._patience, self._say = what, hint, patience, say
        self._begun = time.monotonic()
        self._next = first

    def over(self) -> bool:
        """Say what is waited for, if it is time to; return whether patience is at its end."""
        waited = time.monotonic() - self._begun
        if waited >= self._patience:
            return True
        if waited >= self._next:
            self._next = waited + _EVERY
            hint = f" ({self._hint})" if self._hint else ""
            left = self._patience - waited
            longest = f"{left / 60:.0f} minutes" if left > 90 else f"{left:.0f} seconds"
            self._say(f"waiting for {self.what}, {longest} at most{hint}")
        return False
