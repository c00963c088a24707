"""The command `bench`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synfire_bp.cli.options import AsJson, Model, Plugins, Quiet, Set, number, read_experiment
from synfire_bp.cli.tables import print_table
from synfire_bp.errors import SynfireError

if TYPE_CHECKING:
    from synfire_bp.bench import Bench
    from synfire_bp.bench.peers import PeerBench
    from synfire_bp.bench.report import Table
    from synfire_bp.bench.variants import VariantBench
    from synfire_bp.model.experiment import Experiment

__all__ = ["bench"]


def bench(
    model: Model = "mnist",
    samples: Annotated[
        int | None,
        number("Samples timed in each round. Default: 5000; with --variants 1000, --peers 20."),
    ] = None,
    repeats: Annotated[int, number("Number of rounds; results are medians over rounds.")] = 5,
    scaling: Annotated[bool, typer.Option(help="Also measure other layer sizes.")] = True,
    variants: Annotated[
        bool,
        typer.Option("--variants", help="Compare the model with its shipped variants instead."),
    ] = False,
    peers: Annotated[
        bool,
        typer.Option(
            "--peers", help="Compare other simulators instead, in environments created by pip."
        ),
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for the result.")] = Path("runs/bench"),
    changes: Set = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the time per training sample on this machine."""
    if variants and peers:
        raise SynfireError("--variants and --peers are two benchmarks; ask for one at a time")
    experiment = read_experiment(model, changes)
    options: dict[str, Any] = {"repeats": repeats, "out": out, "quiet": quiet}
    if samples is not None:
        options["samples"] = samples
    result: Bench | VariantBench | PeerBench
    if variants:
        result, report = _variants(experiment, changes, options)
    elif peers:
        result, report = _peers(experiment, options)
    else:
        result, report = _itself(experiment, scaling, options)
    if as_json:
        print(result.json(), end="")
        return
    for item in report:
        if isinstance(item, str):
            print(item)
        else:
            print_table(item.title, item.heads, item.rows, left=item.left, more=item.more)


def _itself(
    experiment: Experiment, scaling: bool, options: dict[str, Any]
) -> tuple[Bench, Iterable[Table | str]]:
    from synfire_bp.bench import bench as measure
    from synfire_bp.bench.report import bench_report
    from synfire_bp.bench.scaling import Grid

    result = measure(experiment, grid=Grid() if scaling else None, **options)
    return result, bench_report(result)


def _variants(
    experiment: Experiment, changes: list[str] | None, options: dict[str, Any]
) -> tuple[VariantBench, Iterable[Table | str]]:
    from synfire_bp.bench.report import variants_report
    from synfire_bp.bench.variants import bench_variants, variants_of

    others = [read_experiment(name, changes) for name in variants_of(experiment.name)]
    if not others:
        raise SynfireError(
            f"{experiment.name}: no variants of this model are shipped; choose digits or mnist"
        )
    result = bench_variants(experiment, others, **options)
    return result, variants_report(result)


def _peers(
    experiment: Experiment, options: dict[str, Any]
) -> tuple[PeerBench, Iterable[Table | str]]:
    from synfire_bp.bench.peers import bench_peers
    from synfire_bp.bench.report import peers_report

    result = bench_peers(experiment, **options)
    return result, peers_report(result)
