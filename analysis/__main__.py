"""Draw figures from run directories: ``python -m analysis [NAME ...] [--runs DIR] [--out DIR]``.

`--tables figures` draws them again from the tables that lie beside them, without any run.

Each is written into the folder of its group below `--out`.  Exit code 0: all drawn; 1: some could
not be drawn (the others were); 2: the command is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib

from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.model.plugins import load_plugin

from .figures import (
    ALWAYS,
    FIGURES,
    IF_THERE,
    OF_PLUGINS,
    RESERVED,
    groups,
    members,
    report_entries,
    take_in_plugins,
)
from .paper.report import redraw_report, write_report
from .shared.output import redraw_entry, save_entry

__all__ = ["main"]

REPORT, SENSITIVITY = RESERVED


@at_a_shell()
def main(arguments: Sequence[str] | None = None, prog: str = f"python -m {__package__}") -> int:
    """Draw the figures named, or all that there are runs for; return the exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.
    prog : str
        What the command is called.
    """
    matplotlib.use("agg")
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments[:1]) == [SENSITIVITY]:
        return _draw_sweep(arguments[1:])
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--plugin", action="append", default=[])
    found, arguments = early.parse_known_args(arguments)
    try:
        for named in found.plugin:
            load_plugin(named)
        take_in_plugins()
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    options = _parsed(arguments, prog)
    out, tables = options.out.expanduser(), options.tables is not None
    source = (options.tables if tables else options.runs).expanduser()
    names = _single(options.names or ALWAYS)
    drawn = _draw_all(names, source, out, tables)
    if not options.names:
        there = _single(group for group in IF_THERE if (source / group).exists())
        # nobody asked for these: no failure if they cannot be drawn
        more = _draw_all((*there, *OF_PLUGINS), source, out, tables)
        return 0 if drawn == names or more else 1
    return 0 if drawn == names else 1


def _parsed(arguments: Sequence[str], prog: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog, description="Draw figures and tables from finished runs."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"a figure or a table, or a group of them: {'; '.join(map(_about, groups()))}; or "
        f"{REPORT}: the page that shows the paper's; of a sweep: {SENSITIVITY} SWEEP_DIR, which "
        f"comes first and alone.  If none is named: {', '.join(ALWAYS)}, and "
        f"{' and '.join(IF_THERE)} if there are runs of these, and the figures of plug-ins",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument(
        "--tables", type=Path, metavar="DIR",
        help="draw from the tables that figures left in this folder; no runs are needed",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("figures"), help="where to (figures)")
    parser.add_argument("--plugin", metavar="MODULE|FILE", help="load a plug-in, and its figures")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in _known():
            parser.error(_unknown(name))
    return options


def _about(group: str) -> str:
    of_group = [f"{name} (by this name alone)" if entry.alone else name
                for name, entry in members(group).items()]  # fmt: skip
    return f"{group}: {', '.join(of_group)}"


def _single(names: Iterable[str]) -> list[str]:
    """Return the names of single figures: a group's are those of its members, each name once."""
    single: list[str] = []
    for name in names:
        of_group = [n for n, entry in members(name).items() if not entry.alone]
        single += of_group or [name]
    return list(dict.fromkeys(single))


def _draw_sweep(arguments: Sequence[str]) -> int:
    try:
        from .sweeps import sensitivity
    except ModuleNotFoundError as error:
        print(f"a sweep needs the package '{error.name}'; install what sweeps need with: "
              "pip install 'synfire_bp[sweep]'", file=sys.stderr)  # fmt: skip
        return 1
    return sensitivity.main(arguments)


def _draw_all(names: Iterable[str], source: Path, out: Path, tables: bool) -> list[str]:
    """Draw figures, print the files of each, or why it cannot be drawn; return those drawn.

    `source` is the folder of the runs, or, with `tables`, of figures with their tables.
    """
    drawn: list[str] = []
    for name in names:
        try:
            if name == REPORT:
                files = _report(source, out, tables, drawn)
            elif tables:
                files = redraw_entry(FIGURES[name], source, out)
            else:
                files = save_entry(FIGURES[name], source, out)
        except SynfireError as error:
            print(f"figure '{name}' cannot be drawn: {error}", file=sys.stderr)
            continue
        print(f"{name}: {', '.join(map(str, files)) or 'a table, of which nothing is drawn'}")
        drawn.append(name)
    return drawn


def _report(source: Path, out: Path, tables: bool, drawn: Sequence[str]) -> tuple[Path, ...]:
    entries = report_entries()
    if tables:
        return (redraw_report(source, out, entries),)
    return (write_report(source, out, entries, drawn=drawn),)


def _known() -> list[str]:
    return list(dict.fromkeys([*FIGURES, REPORT, *groups()]))


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name.lower(), _known(), n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    known = f"known: {', '.join(_known())}; a plug-in's are if it is installed or given by --plugin"
    return f"unknown figure '{name}'{hint} ({known})"


if __name__ == "__main__":
    sys.exit(main())
