"""The report: one page with every figure and table, and every number beside the paper's.

The page needs nothing beside it: style sheet and pictures are in it, there is no script, and
nothing is loaded from anywhere.  Run again on the same runs, it is the same to the byte.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.data.scores import READOUTS
from synfire_bp.errors import RunDirectoryError, SynfireError
from synfire_bp.files import make_folder, quoted
from synfire_bp.loihi.energy import LEFT_OUT
from synfire_bp.model.experiment import Experiment
from synfire_bp.runs import EXPERIMENT, Run, write_atomically

from ..shared.entry import Entry
from ..shared.output import NO_FOLDER, table_file
from ..shared.page import DASH, Table, picture, rounded, table, text
from .comparison import compare
from .protocol import PAPER
from .reported import STUDY, read_reported
from .tables import cross_check
from .verdicts import NOT_COMPARABLE, TOLERANCES, VERDICTS
from .words import in_words

__all__ = ["NAME", "Drawn", "write_report"]

NAME = "report"
"""Of the page, report.html, and of its table of numbers, report.csv."""

Drawn = tuple[pd.DataFrame, Figure | None]
"""Numbers of an entry, and its figure; a table has none."""

_FOLDER = Path(__file__).parent
_PACKAGE = __package__.rpartition(".")[0]
_TEMPLATE, _STYLE_SHEET = "report.html.j2", "report.css"
_LEAD = "mnist_curves"
"""The figure that stands before the first table."""
_ROWS_SHOWN = 60
"""A table longer than this is not shown, only its file is named."""
_OF_RUNS = ("synfire_bp", "brian2", "numpy", "numba", "python")
"""Versions that a run stores."""
_PACKAGES = ("synfire_bp", "matplotlib", "numpy", "pandas")


def write_report(
    runs: Path,
    out: Path,
    entries: Mapping[str, Entry],
    *,
    drawn: Mapping[str, Drawn] | None = None,
) -> Path:
    """Write the report: report.html, and its table of numbers as report.csv.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    out : Path
        Where to; made if it is not there.
    entries : mapping
        Figures and tables by name.
    drawn : mapping, optional
        Numbers and figure (None: a table) of entries that were drawn already from these runs, by
        name; they are not drawn a second time.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    RunDirectoryError
        If the page cannot be written.  What cannot be drawn is listed in the page, with the reason.
    """
    make_folder(out, NO_FOLDER)
    comparison = compare(runs, paper := read_reported())
    checked = _cross_checked(runs)
    page = _page(
        paper=paper,
        glance=_glance(comparison, checked),
        words=in_words(comparison, runs, checked),
        lead=_LEAD,
        readouts=READOUTS,
        verdicts=_verdicts(comparison),
        groups=_groups(comparison),
        tolerances=TOLERANCES,
        left_out=LEFT_OUT,
        versions=_versions(),
        redraw=_command(NAME, runs, out),
        **_figures(runs, out, entries, drawn or {}),
        **_provenance(runs),
    )
    path = out / f"{NAME}.html"
    csv = comparison.to_csv(index=False, lineterminator="\n").encode()
    write_atomically(out / f"{NAME}.csv", csv)
    write_atomically(path, page.encode())
    return path


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


def _command(name: str, runs: Path, out: Path) -> str:
    """Return the command that draws an entry, or the report."""
    options = (("--runs", runs, "runs"), ("--out", out, "figures"))
    given = [f"{option} {quoted(path)}" for option, path, default in options
             if str(path) != default]  # fmt: skip
    return " ".join([f"python -m {_PACKAGE}", name, *given])


# ----------------------------------------------------------------------------------------------
# Figures and tables
# ----------------------------------------------------------------------------------------------


def _figures(
    runs: Path, out: Path, entries: Mapping[str, Entry], drawn: Mapping[str, Drawn]
) -> dict[str, list[dict[str, Any]]]:
    """Return the entries that could be drawn, and those that could not, as the page shows them."""
    shown, undrawn = [], []
    for entry in entries.values():
        command = _command(entry.name, runs, out)
        try:
            numbers, figure = drawn.get(entry.name) or _drawn(entry, runs)
            shown.append(_shown(entry, numbers, figure, command))
        except SynfireError as error:
            undrawn.append({"entry": entry, "why": str(error), "command": command})
    return {"shown": shown, "undrawn": undrawn}


def _drawn(entry: Entry, runs: Path) -> Drawn:
    numbers = entry.numbers(runs)
    return numbers, None if entry.draw is None else entry.draw(numbers)


def _shown(
    entry: Entry, numbers: pd.DataFrame, figure: Figure | None, command: str
) -> dict[str, Any]:
    """Return an entry as the page shows it."""
    is_short = figure is None and len(numbers) <= _ROWS_SHOWN
    file, _ = table_file(numbers, entry.name)
    return {
        "entry": entry,
        "command": command,
        "rows": f"{len(numbers):,}",
        "file": f"{entry.group}/{file}",
        "picture": None if figure is None else picture(figure),
        "table": table(numbers) if is_short else None,
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


def _cross_checked(runs: Path) -> pd.DataFrame | None:
    """Return circuit beside algorithm; None where that cannot be said: its own table tells why."""
    try:
        return cross_check(runs)
    except SynfireError:
        return None


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


class _Origin(NamedTuple):
    """A run of the paper's protocol, finished or not, and its provenance."""

    name: str
    experiment: Experiment
    about: dict[str, Any]


def _provenance(runs: Path) -> dict[str, Any]:
    """Return which runs there are, with their data, as the page shows them."""
    origins, damaged = _origins(runs)
    seconds = sum(origin.about.get("wall_seconds", 0.0) for origin in origins)
    return {
        "runs": _runs_table(origins),
        "damaged": damaged,
        "data": _data(origins),
        "duration": _duration(seconds),
    }


def _origins(runs: Path) -> tuple[list[_Origin], list[str]]:
    """Return where the runs come from, and what is wrong with those that do not say."""
    found, damaged = [], []
    for path in sorted((runs / PAPER).glob(f"*/{EXPERIMENT}")):
        run = Run(path.parent)
        try:
            about = run.provenance
            if not isinstance(about, dict):
                raise RunDirectoryError(f"{run.path}: does not say where it comes from")
            found.append(_Origin(run.path.name, run.experiment, about))
        except RunDirectoryError as error:
            damaged.append(str(error))
    return found, damaged


def _runs_table(origins: Iterable[_Origin]) -> Table:
    rows = []
    for name, experiment, about in origins:
        versions = about.get("versions", {})
        rows.append(
            {
                "run": name,
                "engine": about.get("engine"),
                "seed": experiment.training.seed,
                "epochs": experiment.training.epochs,
                "samples shown": about.get("samples_done"),
                "finished": about.get("finished"),
                "duration": _duration(about.get("wall_seconds", 0.0)),
                "started (UTC)": str(about.get("started", ""))[:16].replace("T", " "),
                "commit": _commit(about.get("commit")),
                **{package: versions.get(package) for package in _OF_RUNS},
                "processor": about.get("cpu"),
            }
        )
    return table(pd.DataFrame(rows))


def _data(origins: Iterable[_Origin]) -> list[dict[str, Any]]:
    """Return the checksums of the data, and which runs have them."""
    seen: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, _, about in origins:
        sums = tuple(sorted(about.get("dataset_checksums", {}).items()))
        seen.setdefault(sums, []).append(name)
    return [{"files": files, "runs": ", ".join(names)} for files, names in seen.items() if files]


def _commit(commit: str | None) -> str:
    if not commit:
        return DASH
    short, dirty, _ = commit.partition("-dirty")
    return short[:10] + dirty


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
