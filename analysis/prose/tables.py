"""A number from a committed table: rows are chosen, and one statistic is taken of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from synfire_bp.errors import SynfireError
from synfire_bp.model.yaml_text import read_yaml

from .definitions import Condition, Groups, Number, Page, View

__all__ = ["Tables"]

_PAPER = "reported.yaml"
"""What the paper reports; read as a table with the columns key, value, unit, status, …"""


class Tables:
    """The committed tables, and what the pages' files ask of them.

    Parameters
    ----------
    figures : Path
        Folder of the tables.
    pages : mapping
        Page by name ("README", "chip", …).
    """

    def __init__(self, figures: Path, pages: Mapping[str, Page]) -> None:
        self._figures = figures
        self._pages = pages
        self._read: dict[str, pd.DataFrame] = {}

    def number(self, page: str, name: str) -> float:
        """Return a number of a page, or of another one if the name is "other/name".

        Raises
        ------
        SynfireError
            If there is none of this name, or no such table, column or row.
        """
        return self._number(*self.place(page, name), ())

    def place(self, page: str, name: str) -> tuple[str, str]:
        """Return page and name of a number as one page writes it."""
        other, slash, local = name.rpartition("/")
        return (other, local) if slash else (page, name)

    def _number(self, page: str, name: str, asked: tuple[tuple[str, str], ...]) -> float:
        where = f"docs/numbers/{page}.yaml: {name}"
        definition = self._pages[page].numbers.get(name) if page in self._pages else None
        if definition is None:
            raise SynfireError(f"{where}: there is no number of this name")
        if (page, name) in asked:
            raise SynfireError(f"{where}: is made from itself")
        try:
            if definition.others is None:
                found = _statistic(self._rows(page, definition, ()), definition)
            else:
                asked = (*asked, (page, name))
                one, other = (
                    self._number(*self.place(page, part), asked) for part in definition.others
                )
                found = one / other if definition.ratio else one - other
        except (LookupError, TypeError, ValueError, ZeroDivisionError) as error:
            said = error.args[0] if error.args else error
            raise SynfireError(f"{where}: {said}") from None
        if not math.isfinite(found):
            raise SynfireError(f"{where}: is {found}")
        return definition.times * found

    def _rows(self, page: str, view: View, asked: tuple[str, ...]) -> pd.DataFrame:
        source = str(view.source)
        if source in asked:
            raise ValueError(f"the view '{source}' is made from itself")
        other = self._pages[page].views.get(source)
        if other is not None:
            table = self._rows(page, other, (*asked, source))
        else:
            if source not in self._read:
                self._read[source] = _read(self._figures / source)
            table = self._read[source]
        table = _chosen(table, view.where)
        if view.each is not None:
            table = _grouped(table, view.each)
        return _chosen(table, view.having)


def _read(file: Path) -> pd.DataFrame:
    if file.name == _PAPER:
        numbers, _, _ = read_yaml(file.read_text(encoding="utf-8"), str(file), "numbers")
        return pd.DataFrame([{"key": key, **row} for key, row in numbers["numbers"].items()])
    if file.suffix not in (".csv", ".parquet") or not file.is_file():
        raise LookupError(f"{file} is no table (CSV, Parquet) and no view of the page")
    return pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)


def _chosen(table: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
    for column, wanted in where.items():
        values = _column(table, column)
        if isinstance(wanted, Condition):
            table = table[_within(values, wanted)]
        else:
            table = table[values.isin(wanted if isinstance(wanted, list) else [wanted])]
    return table


def _within(values: pd.Series, wanted: Condition) -> pd.Series:
    inside = pd.Series(True, values.index)
    if wanted.above is not None:
        inside &= values > wanted.above
    if wanted.at_least is not None:
        inside &= values >= wanted.at_least
    if wanted.below is not None:
        inside &= values < wanted.below
    if wanted.at_most is not None:
        inside &= values <= wanted.at_most
    if wanted.without is not None:
        inside &= values != wanted.without
    return inside & (values == values.max()) if wanted.largest else inside


def _grouped(table: pd.DataFrame, groups: Groups) -> pd.DataFrame:
    for column in [*groups.by, *groups.columns().values()]:
        _column(table, column)
    rows = []
    for _, group in table.groupby(groups.by, sort=False, dropna=False):
        found = {column: _of(group[column], name) for name, column in groups.columns().items()}
        rows.append({**{key: group[key].iloc[0] for key in groups.by}, **found})
    return pd.DataFrame(rows, columns=[*groups.by, *groups.columns().values()])


def _statistic(table: pd.DataFrame, asked: Number) -> float:
    if asked.count:
        return len(table)
    if asked.quantile is not None:
        return float(_filled(table, asked.quantile.of).quantile(asked.quantile.at))
    [(name, column)] = asked.columns().items()
    return _of(_filled(table, column), name)


def _of(values: pd.Series, name: str) -> float:
    if name == "distinct":
        return values.nunique()
    if name == "value":
        if values.nunique() != 1:
            raise ValueError(f"the rows hold {values.nunique()} values of {values.name}, not one")
        return float(values.iloc[0])
    return float(getattr(values, name)())


def _filled(table: pd.DataFrame, column: str) -> pd.Series:
    if table.empty:
        raise ValueError("no row of the table is as asked for")
    return _column(table, column)


def _column(table: pd.DataFrame, column: str) -> pd.Series:
    if column not in table:
        raise LookupError(f"there is no column '{column}'; there are {', '.join(map(str, table))}")
    return table[column]
