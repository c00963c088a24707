"""Write a figure: PNG, SVG where it is wanted, and the numbers that it draws.

The numbers are written as CSV, and as Parquet if they are many.  All is rendered before the first
file is written, and each file is moved to its place when it is whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import RunDirectoryError
from synfire_bp.files import make_folder, write_atomically

from . import pictures
from .entry import Entry

__all__ = [
    "NO_FOLDER",
    "entry_table",
    "found_table",
    "needed_table",
    "of_this_version",
    "redraw_entry",
    "save",
    "save_csv",
    "save_entry",
    "saved_file",
    "saved_table",
    "table_file",
]

NO_FOLDER = "cannot be used as the folder of the figures"
"""What is said of a folder that cannot be made."""
_LARGE = 64_000
"""Bytes: a table that has more as CSV is written as Parquet, in a tenth to a third of them."""
_OTHER_FORM = {".csv": ".parquet", ".parquet": ".csv"}


def save_entry(entry: Entry, runs: Path, out: Path) -> tuple[Path, ...]:
    """Draw an entry, and write its files into the folder of its group.

    Parameters
    ----------
    entry : Entry
        What is drawn.
    runs : Path
        The folder of all runs.
    out : Path
        The folder of all figures.

    Raises
    ------
    RunDirectoryError
        If what it is drawn from is missing, or a file cannot be written.
    """
    numbers = _completed(entry, entry.numbers(runs), out)
    figure = None if entry.draw is None else entry.draw(numbers)
    extra = {} if entry.extra is None else entry.extra(numbers)
    return save(figure, numbers, out / entry.group, entry.name, svg=entry.svg, extra=extra)


def redraw_entry(entry: Entry, tables: Path, out: Path) -> tuple[Path, ...]:
    """Draw an entry from the table that a drawing left, and write the picture; no run is needed.

    Of a table nothing is drawn; one that other studies complete is written again.

    Parameters
    ----------
    entry : Entry
        What is drawn.
    tables : Path
        The folder of all figures, which holds the table in that of its group.
    out : Path
        The folder of all figures that are written; tables are not written again.

    Raises
    ------
    RunDirectoryError
        If there is no table, it is of another figure or holds no numbers, or a file cannot be
        written.
    """
    if entry.draw is None and entry.completed is None:
        return ()
    numbers = entry_table(entry, tables)
    if entry.draw is None:
        return save(None, numbers, out / entry.group, entry.name)
    _refuse_no_numbers(tables / entry.group / entry.name, numbers)
    with of_this_version(tables / entry.group / entry.name):
        contents = _pictures(entry.draw(numbers), entry.name, svg=entry.svg)
        contents |= {} if entry.extra is None else entry.extra(numbers)
    return _written(contents, out / entry.group)


def entry_table(entry: Entry, tables: Path) -> pd.DataFrame:
    """Return the table that a drawing left of an entry, completed if it is to be.

    Parameters
    ----------
    entry : Entry
        Of which figure or table.
    tables : Path
        The folder of all figures, which holds the table in that of its group.

    Raises
    ------
    RunDirectoryError
        If there is no table, or its file cannot be read.
    """
    file = tables / entry.group / entry.name
    numbers = found_table(file.parent, file.name)
    if numbers is None:
        raise RunDirectoryError(
            f"{file}: there is no such table, neither .csv nor .parquet; make it from runs with: "
            f"synfire-bp figures {entry.name}"
        )
    with of_this_version(file):
        return _completed(entry, numbers, tables)


@contextmanager
def of_this_version(file: Path, what: str = "table of this figure") -> Iterator[None]:
    """Refuse a table that is not what its reader expects: it is of another figure or version.

    Parameters
    ----------
    file : Path
        Of the table, with or without the ending.
    what : str
        What it is expected to be.

    Raises
    ------
    RunDirectoryError
        If what is done with the table of this file fails.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}"
        raise RunDirectoryError(f"{file}: is no {what} ({said})") from None


def _completed(entry: Entry, numbers: pd.DataFrame, figures: Path) -> pd.DataFrame:
    return numbers if entry.completed is None else entry.completed(numbers, figures)


def _refuse_no_numbers(file: Path, table: pd.DataFrame) -> None:
    """Refuse a table that draws nothing: no rows, no number at all, or words among numbers."""
    if table.empty:
        raise RunDirectoryError(f"{file}: the table has no rows")
    numbers = table.select_dtypes("number")
    if numbers.shape[1] and numbers.isna().all(axis=None):
        raise RunDirectoryError(
            f"{file}: the table holds no number: {', '.join(map(str, numbers))} are empty"
        )
    for name, column in table.select_dtypes("object").items():
        given = column.dropna()
        read = pd.to_numeric(given, errors="coerce").notna()
        if len(given) and 0.5 < read.mean() < 1:  # a column of numbers, but for some
            word = str(given[~read].iloc[0])
            raise RunDirectoryError(f"{file}: column {name}: {word!r:.60} is no number")


def save(
    figure: Figure | None,
    numbers: pd.DataFrame,
    folder: Path,
    name: str,
    *,
    svg: bool = False,
    extra: Mapping[str, bytes] | None = None,
) -> tuple[Path, ...]:
    """Write a figure and its numbers into a folder, which is made if it is not there.

    The same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure or None
        None: only the numbers are written.
    numbers : DataFrame
        What it draws.
    folder, name : Path, str
        Where to, and the files' name without its ending.
    svg : bool
        Whether the figure is written as SVG, too.
    extra : mapping, optional
        Further files by name.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    RunDirectoryError
        If the folder or a file cannot be written.
    """
    contents = {} if figure is None else _pictures(figure, name, svg=svg)
    table, content = table_file(numbers, name)
    files = _written(contents | {table: content} | dict(extra or {}), folder)
    old = (folder / table).with_suffix(_OTHER_FORM[Path(table).suffix])
    old.unlink(missing_ok=True)  # the numbers of another drawing, in the other form
    return files


def _pictures(figure: Figure, name: str, *, svg: bool) -> dict[str, bytes]:
    found = {f"{name}.png": pictures.png(figure)}
    return found | ({f"{name}.svg": pictures.svg(figure)} if svg else {})


def _written(contents: Mapping[str, bytes], folder: Path) -> tuple[Path, ...]:
    make_folder(folder, NO_FOLDER)
    for file, content in contents.items():
        write_atomically(folder / file, content)
    return tuple(folder / file for file in contents)


def save_csv(file: Path, numbers: pd.DataFrame) -> None:
    """Write a table of no figure, always as CSV; its folder is made.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    make_folder(file.parent, "cannot be written")
    write_atomically(file, _csv(numbers))


def _csv(numbers: pd.DataFrame) -> bytes:
    return numbers.to_csv(index=False, lineterminator="\n").encode()


def table_file(numbers: pd.DataFrame, name: str) -> tuple[str, bytes]:
    """Return the file of a table: its name, which tells the form, and its content."""
    text = _csv(numbers)
    if len(text) > _LARGE:
        buffer = io.BytesIO()
        _of_one_kind(numbers).to_parquet(buffer, engine="pyarrow", compression="zstd", index=False)
        if len(packed := buffer.getvalue()) < len(text):  # not so of a few rows of many columns
            return f"{name}.parquet", packed
    return f"{name}.csv", text


def needed_table(file: Path, make: str) -> pd.DataFrame:
    """Return the table of a CSV file.

    Raises
    ------
    RunDirectoryError
        If it cannot be read; the message names the command that makes it.
    """
    try:
        return pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{file}: cannot be read ({error}); make it with: {make}") from None


def saved_table(folder: Path, name: str) -> pd.DataFrame | None:
    """Return a table that `save` wrote into a folder, whichever its form; None if there is none.

    Raises
    ------
    RunDirectoryError
        If there is no such folder, or its file cannot be read.
    """
    if not folder.is_dir():
        raise RunDirectoryError(f"{folder}: there is no such folder; it has to hold table {name}")
    return found_table(folder, name)


def found_table(folder: Path, name: str) -> pd.DataFrame | None:
    """Return a table as `saved_table` does, and None too if there is no such folder.

    Raises
    ------
    RunDirectoryError
        If its file cannot be read.
    """
    file = saved_file(folder, name)
    if file is None:
        return None
    try:
        if file.suffix == ".parquet":
            return pd.read_parquet(file)
        return pd.read_csv(file, float_precision="round_trip")
    except (OSError, ValueError) as error:  # pyarrow's and pandas's errors are ValueErrors
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunDirectoryError(f"{file}: cannot be read: {what}") from None


def saved_file(folder: Path, name: str) -> Path | None:
    """Return the file of a table that `save` wrote into a folder; None if there is none."""
    files = ((folder / name).with_suffix(suffix) for suffix in (".parquet", ".csv"))
    return next((file for file in files if file.is_file()), None)


def _of_one_kind(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which columns of numbers and words are words, as in a CSV."""
    mixed = {
        str(name): column.map(str, na_action="ignore")
        for name, column in table.items()
        if pd.api.types.infer_dtype(column, skipna=True).startswith("mixed")
    }
    return table.assign(**mixed)
