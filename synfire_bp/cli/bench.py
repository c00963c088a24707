"""The command `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.options import AsJson, Model, Plugins, Quiet, Set, number, read_experiment
from synfire_bp.cli.tables import print_table

__all__ = ["bench"]


def bench(
    model: Model = "mnist",
    samples: Annotated[int, number("Samples timed in each round.")] = 5000,
    repeats: Annotated[int, number("Rounds, of which medians are taken.")] = 5,
    scaling: Annotated[bool, typer.Option(help="Also with layers of other sizes.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the result.")] = Path("runs/bench"),
    changes: Set = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure what a training sample costs here: NumPy, Brian2 alone, circuit, oracle."""
    from synfire_bp.bench import bench as measure
    from synfire_bp.bench.report import bench_report
    from synfire_bp.bench.scaling import Grid

    grid = Grid() if scaling else None
    experiment = read_experiment(model, changes)
    result = measure(experiment, samples=samples, repeats=repeats, grid=grid, out=out, quiet=quiet)
    if as_json:
        print(result.json(), end="")
        return
    for item in bench_report(result):
        if isinstance(item, str):
            print(item)
        else:
            print_table(item.title, item.heads, item.rows, left=item.left)
