"""The command `bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfire_bp.cli.options import AsJson, Model, Plugins, Quiet, Set, number, read_experiment
from synfire_bp.cli.tables import print_table
from synfire_bp.errors import SynfireError

if TYPE_CHECKING:
    from synfire_bp.bench import Bench
    from synfire_bp.bench.variants import VariantBench

__all__ = ["bench"]


def bench(
    model: Model = "mnist",
    samples: Annotated[
        int | None, number("Samples timed in each round. Default: 5000; with --variants 1000.")
    ] = None,
    repeats: Annotated[int, number("Rounds, of which medians are taken.")] = 5,
    scaling: Annotated[bool, typer.Option(help="Also with layers of other sizes.")] = True,
    variants: Annotated[
        bool, typer.Option("--variants", help="Instead: its shipped variants beside it.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder of the result.")] = Path("runs/bench"),
    changes: Set = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure what a training sample costs here: NumPy, Brian2 alone, circuit, oracle."""
    from synfire_bp.bench import bench as measure
    from synfire_bp.bench.report import bench_report, variants_report
    from synfire_bp.bench.scaling import Grid
    from synfire_bp.bench.variants import bench_variants, variants_of

    experiment = read_experiment(model, changes)
    result: Bench | VariantBench
    if variants:
        others = [read_experiment(name, changes) for name in variants_of(experiment.name)]
        if not others:
            raise SynfireError(
                f"{experiment.name}: no variants of it are shipped; name digits or mnist"
            )
        result = bench_variants(
            experiment,
            others,
            samples=1000 if samples is None else samples,
            repeats=repeats,
            out=out,
            quiet=quiet,
        )
        report = variants_report(result)
    else:
        grid = Grid() if scaling else None
        result = measure(
            experiment,
            samples=5000 if samples is None else samples,
            repeats=repeats,
            grid=grid,
            out=out,
            quiet=quiet,
        )
        report = bench_report(result)
    if as_json:
        print(result.json(), end="")
        return
    for item in report:
        if isinstance(item, str):
            print(item)
        else:
            print_table(item.title, item.heads, item.rows, left=item.left)
