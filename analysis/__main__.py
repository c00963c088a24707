"""Draw figures from run directories: ``python -m analysis [NAME ...] [--runs DIR] [--out DIR]``.

Exit code 0: all drawn; 1: some could not be drawn (the others were); 2: the command is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from pathlib import Path

import matplotlib

from analysis.bench import FOLDER
from analysis.figures import BENCH_FIGURES, FIGURES, drawing
from analysis.output import save
from synfire_bp.errors import SynfireError

__all__ = ["main"]

_KNOWN = [*FIGURES, *BENCH_FIGURES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures named, or all that there are runs for; return the exit code."""
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(
        prog="python -m analysis", description="Draw figures from finished runs."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"figure: {', '.join(FIGURES)}, and of a benchmark {', '.join(BENCH_FIGURES)}; "
        "if none, all of the former, and the latter if there is a benchmark",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="where to (figures)")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in _KNOWN:
            parser.error(_unknown(name))
    runs, out = options.runs.expanduser(), options.out.expanduser()
    drawn = [_draw(name, runs, out) for name in dict.fromkeys(options.names or FIGURES)]
    if not options.names and (runs / FOLDER).exists():
        for name in BENCH_FIGURES:
            _draw(name, runs, out)  # nobody asked for it: no failure if it cannot be drawn
    return 0 if all(drawn) else 1


def _draw(name: str, runs: Path, out: Path) -> bool:
    """Draw one figure and print its files, or why it cannot be drawn."""
    try:
        figure, numbers = drawing(name, runs)
        files = save(figure, numbers, out, name)
    except SynfireError as error:
        print(f"figure '{name}' cannot be drawn: {error}", file=sys.stderr)
        return False
    print(f"{name}: {', '.join(map(str, files))}")
    return True


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name.lower(), _KNOWN, n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"unknown figure '{name}'{hint} (known: {', '.join(_KNOWN)})"


if __name__ == "__main__":
    sys.exit(main())
