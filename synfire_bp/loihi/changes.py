"""The report of changes for the chip: one row per object and change, and the table of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Change", "clipped_and_rounded", "refused", "single", "table"]


@dataclass(frozen=True)
class Change:
    """One row of the report.

    Attributes
    ----------
    object, parameter : str
        What changed.
    value, became, error : float
        Before, after, and the difference `became` - `value`.  In an array: those of the entry that
        changed most.  NaN after a refusal.
    action : str
        "rounded": was between the steps of the format. "clipped": was beyond its range. "refused":
        the chip cannot represent it.
    limit : str
        The limit of the chip, in words.
    n : int
        Changed entries of an array.
    max_error, mean_error : float
        Magnitudes of the errors, over the changed entries.
    """

    object: str
    parameter: str
    value: float
    became: float
    error: float
    action: str
    limit: str
    n: int
    max_error: float
    mean_error: float

    def __str__(self) -> str:
        more = f" (and {self.n - 1:,} others)" if self.n > 1 else ""
        instead = "" if self.action == "refused" else f"; {self.became:.15g} would fit"
        return (
            f"{self.object}: {self.parameter} is {self.value:.15g}{more}, "
            f"but the chip has {self.limit}{instead}"
        )


def single(
    object: str, parameter: str, value: float, became: float, action: str, limit: str
) -> Change:
    """Return the change of one number."""
    error = became - value
    return Change(object, parameter, value, became, error, action, limit, 1, abs(error), abs(error))


def refused(object: str, parameter: str, value: float, limit: str, n: int = 1) -> Change:
    """Return the refusal of a number, or of `n` entries of an array, of which this is the first."""
    nothing = float("nan")
    return Change(object, parameter, value, nothing, nothing, "refused", limit, n, nothing, nothing)


def clipped_and_rounded(
    object: str,
    parameter: str,
    value: NDArray,
    became: NDArray,
    ends: tuple[int, int],
    limit: str,
) -> Iterator[Change]:
    """Yield a row for the entries beyond the ends of a range, and one for those between steps."""
    value = value.astype(np.float64).ravel()
    error = became.ravel() - value
    beyond = (value < ends[0]) | (value > ends[1])
    for action, these in (("clipped", beyond), ("rounded", ~beyond)):
        at = np.flatnonzero(these & (error != 0))
        if at.size:
            size = np.abs(error[at])
            worst = at[size.argmax()]
            yield Change(
                object,
                parameter,
                value=float(value[worst]),
                became=float(became.ravel()[worst]),
                error=float(error[worst]),
                action=action,
                limit=limit,
                n=int(at.size),
                max_error=float(size.max()),
                mean_error=float(size.mean()),
            )


def table(changes: Sequence[Change]) -> pd.DataFrame:
    """Return the changes as a data frame with one column per attribute."""
    columns = {field.name: field.type for field in fields(Change)}
    import pandas as pd  # slow to import, and used only here

    frame = pd.DataFrame([asdict(change) for change in changes], columns=list(columns))
    kinds = {"float": np.float64, "int": np.int64}
    return frame.astype({name: kinds[kind] for name, kind in columns.items() if kind in kinds})
