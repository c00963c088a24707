"""Checks of the numbers that the chip's Brian2 objects are given: whole, in range, one or n."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synfire_bp.errors import HardwareError

__all__ = ["named", "spread", "within"]


def named(thing: Any, kwds: dict[str, Any]) -> str:
    """Return a name for an object that has not been made yet."""
    kind = type(thing).__name__
    return f"{kind} '{kwds['name']}'" if kwds.get("name") else kind


def within(name: str, values: ArrayLike, low: int, high: int) -> NDArray[np.int64]:
    """Return the numbers as int64.

    Raises
    ------
    HardwareError
        If one of them is not a whole number within low … high.
    """
    given = np.asarray(values)
    if given.size and given.dtype.kind not in "iuf":
        raise HardwareError(f"{name} is {values!r}; must be a whole number")
    outside = given[~((given >= low) & (given <= high) & (given == np.round(given)))]
    if outside.size:
        raise HardwareError(f"{name} is {outside[0]}; must be a whole number within {low} … {high}")
    return given.astype(np.int64)


def spread(name: str, values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return `n` numbers, given one or `n`.

    Raises
    ------
    HardwareError
        If the number of values is neither one nor `n`.
    """
    if values.size not in (1, n):
        raise HardwareError(f"{name} has {values.size} values; must have 1 or {n}")
    return np.broadcast_to(values.ravel(), n)
