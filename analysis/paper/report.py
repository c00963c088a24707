"""The report: one page with every figure and table, and every number beside the paper's.

It is drawn from tables alone.  Drawn from runs, it first writes these: those of its figures, and,
beside the page,

    report.csv              every number of the paper, with ours beside it
    report_runs.csv         where each run comes from
    report_checksums.csv    the data that it was trained on
    report_undrawn.csv      what could not be drawn from these runs, and why

The page needs nothing beside it: style sheet and pictures are in it, there is no script, and
nothing is loaded from anywhere.  Drawn again from the same tables, it is the same to the byte.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from synfire_bp.data.scores import READOUTS
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.files import make_folder, quoted
from synfire_bp.loihi.energy import LEFT_OUT
from synfire_bp.runs import write_atomically

from ..shared.entry import Entry
from ..shared.output import (
    NO_FOLDER,
    entry_table,
    needed_table,
    of_this_version,
    save_csv,
    save_entry,
    saved_file,
)
from ..shared.page import DASH, Table, picture, rounded, table, text
from .comparison import COLUMNS, compare
from .origins import CHECKSUM_COLUMNS, RUN_COLUMNS, origins
from .reported import STUDY, read_reported
from .tables import CROSS_CHECK
from .verdicts import NOT_COMPARABLE, TOLERANCES, VERDICTS
from .words import in_words

__all__ = ["NAME", "redraw_report", "write_report"]

NAME = "report"
"""Of the page, report.html, and of its table of numbers, report.csv."""

_TABLES = {
    NAME: COLUMNS,
    f"{NAME}_runs": RUN_COLUMNS,
    f"{NAME}_checksums": CHECKSUM_COLUMNS,
    f"{NAME}_undrawn": ("entry", "why", "then"),
}
"""Tables beside the page, with their columns."""
_NUMBERS = frozenset({"paper", "ours", "low", "high", "difference", "tolerance", "seed", "epochs",
                      "samples_shown", "finished", "seconds", "data"})  # fmt: skip
"""Columns of these that are no words."""
_GATES, _FITS = "table_gates", "table_cost_fit"
_FOLDER = Path(__file__).parent
_PACKAGE = __package__.rpartition(".")[0]
_TEMPLATE, _STYLE_SHEET = "report.html.j2", "report.css"
_LEAD = "mnist_curves"
"""The figure that stands before the first table."""
_ROWS_SHOWN = 60
"""A table longer than this is not shown, only its file is named."""
_PACKAGES = ("synfire_bp", "matplotlib", "numpy", "pandas")


def write_report(
    runs: Path, out: Path, entries: Mapping[str, Entry], *, drawn: Collection[str] = ()
) -> Path:
    """Write the report of runs: its tables, its figures, and from these the page.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    out : Path
        The folder of all figures; made if it is not there.
    entries : mapping
        Figures and tables by name.
    drawn : collection of str
        Names of those that were drawn from these runs into this folder already.

    Returns
    -------
    Path
        The page, report.html.

    Raises
    ------
    RunDirectoryError
        If a file cannot be written.  What cannot be drawn is listed in the page, with the reason.
    """
    make_folder(out, NO_FOLDER)
    undrawn = []
    for entry in entries.values():
        try:
            if entry.name not in drawn:
                save_entry(entry, runs, out)
        except SynfireError as error:
            undrawn.append((entry.name, str(error), _command(entry.name, runs=runs, out=out)))
    numbers, (found, checksums) = compare(runs, read_reported()), origins(runs)
    why = pd.DataFrame(undrawn, columns=list(_TABLES[f"{NAME}_undrawn"]))
    for name, content in zip(_TABLES, (numbers, found, checksums, why), strict=True):
        save_csv(out / f"{name}.csv", content)
    return redraw_report(out, out, entries)


def redraw_report(tables: Path, out: Path, entries: Mapping[str, Entry]) -> Path:
    """Write the page of the report from the tables that a drawing left; no run is needed.

    Parameters
    ----------
    tables : Path
        The folder of all figures, which holds the tables.
    out : Path
        Where report.html is written; made if it is not there.
    entries : mapping
        Figures and tables by name.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunDirectoryError
        If a table is missing or of another version, or the page cannot be written.
    """
    beside = {name: _beside(tables, name) for name in _TABLES}
    undrawn = beside[f"{NAME}_undrawn"]
    there = {name: entry_table(entry, tables) for name, entry in entries.items()
             if name not in set(undrawn["entry"])}  # fmt: skip
    comparison, checked = beside[NAME], there.get(CROSS_CHECK)
    with of_this_version(tables, "folder of the report's tables"):
        page = _page(
            paper=read_reported(),
            glance=_glance(comparison, checked),
            words=in_words(comparison, checked, there.get(_GATES), there.get(_FITS)),
            lead=_LEAD,
            readouts=READOUTS,
            verdicts=_verdicts(comparison),
            groups=_groups(comparison),
            tolerances=TOLERANCES,
            left_out=LEFT_OUT,
            versions=_versions(),
            redraw=_command(NAME, tables=tables),
            shown=[_shown(entries[name], numbers, tables) for name, numbers in there.items()],
            undrawn=[
                {"entry": entries[row["entry"]], "why": row["why"], "command": row["then"]}
                for row in undrawn.to_dict("records")
                if row["entry"] in entries
            ],
            **_origins(beside[f"{NAME}_runs"], beside[f"{NAME}_checksums"]),
        )
    make_folder(out, NO_FOLDER)
    path = out / f"{NAME}.html"
    write_atomically(path, page.encode())
    return path


def _beside(tables: Path, name: str) -> pd.DataFrame:
    """Return a table that lies beside the page."""
    file = tables / f"{name}.csv"
    found = needed_table(file, f"{_command(NAME)} --runs runs")
    if lacks := [column for column in _TABLES[name] if column not in found]:
        raise RunDirectoryError(f"{file}: is no table of the report; lacks: {', '.join(lacks)}")
    return _filled(found, [column for column in _TABLES[name] if column not in _NUMBERS])


def _filled(found: pd.DataFrame, words: Iterable[str]) -> pd.DataFrame:
    """Return a table in whose columns of words an empty cell is an empty word, as it was."""
    return found.assign(**{column: found[column].astype(object).fillna("") for column in words})


def _page(**content: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sheet = (_FOLDER / _STYLE_SHEET).read_text(encoding="utf-8")
    return environment.get_template(_TEMPLATE).render(style_sheet=sheet, **content) + "\n"


def _command(name: str, **folders: Path) -> str:
    """Return the command that draws an entry, or the report, with folders that are no default."""
    defaults = {"runs": "runs", "out": "figures"}
    given = [f"--{option} {quoted(path)}" for option, path in folders.items()
             if str(path) != defaults.get(option)]  # fmt: skip
    return " ".join([f"python -m {_PACKAGE}", name, *given])


# ----------------------------------------------------------------------------------------------
# Figures and tables
# ----------------------------------------------------------------------------------------------


def _columns_of_words(numbers: pd.DataFrame) -> list[str]:
    return [str(name) for name, column in numbers.items()
            if not pd.api.types.is_numeric_dtype(column)]  # fmt: skip


def _shown(entry: Entry, numbers: pd.DataFrame, tables: Path) -> dict[str, Any]:
    """Return an entry as the page shows it."""
    drawn = None
    if entry.draw is not None:
        with of_this_version(tables / entry.group / entry.name):
            drawn = picture(entry.draw(numbers))
    is_short = drawn is None and len(numbers) <= _ROWS_SHOWN
    file = saved_file(tables / entry.group, entry.name)
    return {
        "entry": entry,
        "command": _command(entry.name, **({} if drawn is None else {"tables": tables})),
        "rows": f"{len(numbers):,}",
        "file": f"{entry.group}/{file.name if file else entry.name}",
        "picture": drawn,
        "table": table(_filled(numbers, _columns_of_words(numbers))) if is_short else None,
    }


# ----------------------------------------------------------------------------------------------
# Numbers beside the paper's
# ----------------------------------------------------------------------------------------------


def _groups(comparison: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the comparison, group by group, as text."""
    groups = []
    for group, members in comparison.groupby("group", sort=False):
        rows = [
            {str(name): value if isinstance(value, str) else text(value)
             for name, value in row.items()}
            | {"difference": _difference(row["difference"]),
               "range": _range(row["low"], row["high"]),
               "tolerance": text(rounded(row["tolerance"], 2)),
               "slug": str(row["verdict"]).split()[0]}
            for row in members.to_dict("records")
        ]  # fmt: skip
        judged = [row for row in rows if row["verdict"] != NOT_COMPARABLE]
        groups.append(
            {
                "title": group,
                "judged": judged,
                "folded": [row for row in rows if row["verdict"] == NOT_COMPARABLE],
            }
        )
    return groups


def _range(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{text(rounded(low, 4))} … {text(rounded(high, 4))}"


def _difference(value: Any) -> str:
    if np.isnan(value):
        return DASH
    short = rounded(value, 3)
    return ("+" if short > 0 else "") + text(0 if short == 0 else short)


def _verdicts(comparison: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how often each verdict was given."""
    counts = Counter(comparison["verdict"])
    return [{"word": word, "slug": word.split()[0], "n": counts[word]} for word in VERDICTS]


def _glance(comparison: pd.DataFrame, checked: pd.DataFrame | None) -> list[dict[str, str]]:
    """Return the few numbers that stand at the top."""
    prefix = f"table1.training.{STUDY}"
    wanted = (
        ("mean at the last epoch", "text.accuracy_mean", "mean", " %", "paper", 4),
        ("best of three runs", f"{prefix}.accuracy", "best", " %", "paper", 4),
        ("the same, by potential", f"{prefix}.accuracy_potential", "best", " %", "paper", 4),
        ("a training sample, simulated", f"{prefix}.latency", "simulated", " ms", "chip", 2),
        ("a training sample, modelled", f"{prefix}.energy", "modelled", " mJ", "chip", 2),
    )
    cards = []
    for title, key, how, unit, whose, digits in wanted:
        rows = comparison[(comparison["key"] == key) & comparison["how"].str.startswith(how)]
        if rows.empty:
            continue
        row = rows.iloc[0]
        cards.append(
            {
                "title": title,
                "value": f"{text(rounded(row.ours, digits))}{unit}",
                "beside": f"{whose}: {text(row.paper)}{unit}",
                "how": str(row["how"]),
                "verdict": str(row["verdict"]),
                "slug": str(row["verdict"]).split()[0],
            }
        )
    if checked is None:
        return cards
    cards.append(
        {
            "title": "weights different from the algorithm’s",
            "value": f"{checked['weights_different'].sum():,}",
            "beside": f"of {checked['weights_compared'].sum():,}",
            "how": f"seeds: {len(checked)}",
            "verdict": "",
            "slug": "",
        }
    )
    return cards


# ----------------------------------------------------------------------------------------------
# Runs
# ----------------------------------------------------------------------------------------------


def _origins(found: pd.DataFrame, checksums: pd.DataFrame) -> dict[str, Any]:
    """Return which runs there are, with their data, as the page shows them."""
    sound = found[found["problem"] == ""]
    return {
        "runs": _runs_table(sound),
        "damaged": found.loc[found["problem"] != "", "problem"].tolist(),
        "data": [
            {
                "files": list(zip(files["file"], files["checksum"], strict=True)),
                "runs": ", ".join(sound.loc[sound["data"] == data, "run"]),
            }
            for data, files in checksums.groupby("data")
        ],
        "duration": _duration(sound["seconds"].sum()),
    }


def _runs_table(found: pd.DataFrame) -> Table:
    shown = found.drop(columns=["data", "problem"]).replace("", DASH)
    shown["finished"] = shown["finished"].map({True: "yes", False: "no"})
    shown["seconds"] = [_duration(seconds) for seconds in shown["seconds"]]
    return table(shown.rename(columns={"seconds": "duration", "started_utc": "started (UTC)"}))


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _versions() -> Iterable[tuple[str, str]]:
    """Return what drew the report."""
    yield from ((name, metadata.version(name)) for name in _PACKAGES)
    yield "python", platform.python_version()
