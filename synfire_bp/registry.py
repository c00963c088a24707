"""Names under which things are registered: variants, data sets, engines.

A thing registers itself where it is defined; whoever needs it asks by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from synfire_bp.errors import SynfireError

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """Things by name, in the order in which they were registered.

    Parameters
    ----------
    kind : str
        What is registered, in words, for messages: "engine".
    position : callable, optional
        Gives an entry's place among the others: smaller ones come first.
    """

    def __init__(self, kind: str, position: Callable[[T], float] | None = None):
        self.kind = kind
        self._position = position
        self._entries: dict[str, T] = {}

    def register(self, name: str, entry: T) -> None:
        """Add an entry.

        Raises
        ------
        SynfireError
            If the name is taken.
        """
        if name in self._entries:
            raise SynfireError(
                f"{self.kind} '{name}' is registered already, as {self._entries[name]!r}; use "
                "another name"
            )
        self._entries[name] = entry
        if self._position is not None:
            place = self._position
            self._entries = dict(sorted(self._entries.items(), key=lambda item: place(item[1])))

    def find(self, name: str) -> T:
        """Return an entry.

        Raises
        ------
        SynfireError
            If there is none of this name; it says which there are.
        """
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SynfireError(
                f"{self.kind} '{name}' is unknown{hint}; use one of {', '.join(self._entries)}"
            )
        return self._entries[name]

    def __getitem__(self, name: str) -> T:
        """Return an entry, or raise KeyError."""
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._entries)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)
