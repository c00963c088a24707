"""Draw figures from run directories: ``python -m analysis [NAME ...] [--runs DIR] [--out DIR]``.

Exit code 0: all drawn; 1: some could not be drawn (the others were); 2: the command is wrong.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import matplotlib

from synfire_bp.errors import SynfireError

from . import bench
from .chip import study as chip_study
from .figures import BENCH_FIGURES, CHIP_FIGURES, FIGURES, SIMULATED_FIGURES, drawing
from .paper import entries as paper
from .paper.entries import PaperEntry, paper_entries
from .shared.output import save
from .variants import disturbances, variants

__all__ = ["main"]

_OF_FOLDERS: dict[str, Collection[str]] = {
    bench.FOLDER: BENCH_FIGURES,
    chip_study.FOLDER: CHIP_FIGURES,
}
_VARIANT_ENTRIES = {entry.name: entry for entry in (variants.ENTRY, disturbances.ENTRY)}
REPORT = "report"
SENSITIVITY = "sensitivity"


def _known() -> list[str]:
    """Return all names: figures of runs, of the folders above, of variants, of the paper, …."""
    of_runs = [*FIGURES, *BENCH_FIGURES, *CHIP_FIGURES, *_VARIANT_ENTRIES]
    return [*of_runs, *SIMULATED_FIGURES, *paper_entries(), REPORT]


def _entries() -> dict[str, PaperEntry]:
    return {**_VARIANT_ENTRIES, **paper_entries()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures named, or all that there are runs for; return the exit code."""
    matplotlib.use("agg")
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments[:1]) == [SENSITIVITY]:
        return _draw_sweep(arguments[1:])
    parser = argparse.ArgumentParser(
        prog="python -m analysis", description="Draw figures from finished runs."
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"figure: {', '.join(FIGURES)}; of a benchmark {', '.join(BENCH_FIGURES)}; of the "
        f"study of the chip's weights {', '.join(CHIP_FIGURES)}; of the study of the variants "
        f"{', '.join(_VARIANT_ENTRIES)} (the first name draws all of these); if none, all "
        "of the first, and the others if there is a benchmark, or a study; of the paper's runs "
        f"{', '.join(paper_entries())}; simulated when it is drawn {', '.join(SIMULATED_FIGURES)}; "
        f"{REPORT}: the page that shows all of these; of a sweep: {SENSITIVITY} SWEEP_DIR, which "
        "comes first and alone",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="where to (figures)")
    options = parser.parse_args(arguments)
    for name in options.names:
        if name not in _known():
            parser.error(_unknown(name))
    runs, out = options.runs.expanduser(), options.out.expanduser()
    names = list(options.names or FIGURES)
    if variants.ENTRY.name in names:
        names += _VARIANT_ENTRIES
    drawn = [_draw(name, runs, out) for name in dict.fromkeys(names)]
    for folder, figures in _OF_FOLDERS.items():
        if not options.names and (runs / folder).exists():
            for name in figures:
                _draw(name, runs, out)  # nobody asked for it: no failure if it cannot be drawn
    return 0 if all(drawn) else 1


def _draw_sweep(arguments: Sequence[str]) -> int:
    try:
        from .sweeps import sensitivity
    except ModuleNotFoundError as error:
        print(f"a sweep needs the package '{error.name}'; install what sweeps need with: "
              "pip install 'synfire_bp[sweep]'", file=sys.stderr)  # fmt: skip
        return 1
    return sensitivity.main(arguments)


def _draw(name: str, runs: Path, out: Path) -> bool:
    """Draw one figure and print its files, or why it cannot be drawn."""
    try:
        if name == REPORT:
            from .paper.report import write_report

            files: Sequence[Path] = [write_report(runs, out)]
        elif name in _entries():
            files = paper.save_entry(_entries()[name], runs, out)
        else:
            figure, numbers = drawing(name, runs)
            files = save(figure, numbers, out, name)
    except SynfireError as error:
        print(f"figure '{name}' cannot be drawn: {error}", file=sys.stderr)
        return False
    print(f"{name}: {', '.join(map(str, files))}")
    return True


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name.lower(), _known(), n=1, cutoff=0.4)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"unknown figure '{name}'{hint} (known: {', '.join(_known())})"


if __name__ == "__main__":
    sys.exit(main())
