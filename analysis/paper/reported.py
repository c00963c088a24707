"""The numbers that the paper reports, with the place where each stands: figures/reported.yaml."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from synfire_bp.errors import ExperimentError, SynfireError
from synfire_bp.model.yaml_text import read_yaml

__all__ = ["FILE", "STUDY", "PaperNumbers", "Reported", "Work", "read_reported"]

FILE = Path(__file__).parents[2] / "figures" / "reported.yaml"
"""Where the numbers stand."""
STUDY = "renner2024"
"""The paper itself among the works of its Table 1."""


@dataclass(frozen=True)
class Reported:
    """One number of the paper.

    Attributes
    ----------
    key : str
        Dotted name, such as "table1.training.renner2024.energy".
    value : float or None
        As printed; None where the paper leaves the place empty.
    unit : str
        Unit of the value.
    source, element : str
        Table, figure or section, and what to look for there.
    status : str
        How sure it is: a key of `PaperNumbers.statuses`.
    footnote : str
        Letter that stands at the number in the paper; mostly empty.
    """

    key: str
    value: float | None
    unit: str
    source: str
    element: str
    status: str
    footnote: str = ""


@dataclass(frozen=True)
class Work:
    """One row of the paper's Table 1, without its numbers.

    Attributes
    ----------
    key : str
        "training" or "inference", a dot, and a short name of the work.
    work, hardware, method, network : str
        As the table has them.
    network_footnote : str
        Letter that stands at the network; mostly empty.
    """

    key: str
    work: str
    hardware: str
    method: str
    network: str
    network_footnote: str = ""

    @property
    def mode(self) -> str:
        """Which half of the table: "training" or "inference"."""
        return self.key.partition(".")[0]


@dataclass(frozen=True)
class PaperNumbers:
    """All of reported.yaml.

    Attributes
    ----------
    citation, doi, preprint : str
        The paper.
    statuses, footnotes : dict
        What each status and each footnote letter means.
    works : tuple of Work
        Rows of Table 1, from top to bottom.
    numbers : dict
        Every number by its key.
    """

    citation: str
    doi: str
    preprint: str
    statuses: dict[str, str]
    footnotes: dict[str, str]
    works: tuple[Work, ...]
    numbers: dict[str, Reported]

    def value(self, key: str) -> float:
        """Return a number that the paper gives.

        Raises
        ------
        KeyError
            If it gives none of this key.
        """
        value = self.numbers[key].value
        if value is None:
            raise KeyError(f"{key}: the paper leaves it empty")
        return value


def read_reported(path: Path = FILE) -> PaperNumbers:
    """Read the numbers.

    Raises
    ------
    SynfireError
        If the file cannot be read, or an entry is given twice, lacks a field, has an unknown one,
        or a status or footnote that is not explained.
    """
    parts = ("paper", "statuses", "footnotes", "works", "numbers")
    try:
        content, _, twice = read_yaml(path.read_text(encoding="utf-8"), str(path), ", ".join(parts))
    except (OSError, UnicodeDecodeError, ExperimentError) as error:
        raise SynfireError(f"{path}: cannot be read: {error}") from None
    if twice:
        raise SynfireError("\n".join(twice))
    if set(content) != set(parts):
        raise SynfireError(f"{path}: must have the parts {', '.join(parts)}, and no other")
    works = [_entry(Work, path, key, entry) for key, entry in content["works"].items()]
    numbers = [_entry(Reported, path, key, entry) for key, entry in content["numbers"].items()]
    for number in numbers:
        _check(number, path, content)
    return PaperNumbers(
        **content["paper"],
        statuses=content["statuses"],
        footnotes=content["footnotes"],
        works=tuple(works),
        numbers={number.key: number for number in numbers},
    )


def _entry(kind: type, path: Path, key: str, entry: Any) -> Any:
    names = {field.name for field in fields(kind)} - {"key"}
    if not isinstance(entry, dict) or set(entry) - names:
        raise SynfireError(f"{path}: {key} must have fields of {', '.join(sorted(names))} only")
    try:
        return kind(key=key, **entry)
    except TypeError as error:
        raise SynfireError(f"{path}: {key}: {error}") from None


def _check(number: Reported, path: Path, content: dict[str, Any]) -> None:
    where = f"{path}: {number.key}"
    value = number.value
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise SynfireError(f"{where}: the value {value!r} is not a number")
    if number.status not in content["statuses"]:
        raise SynfireError(
            f"{where}: the status '{number.status}' is not one of {', '.join(content['statuses'])}"
        )
    if number.footnote and number.footnote not in content["footnotes"]:
        raise SynfireError(f"{where}: the footnote '{number.footnote}' is not explained")
