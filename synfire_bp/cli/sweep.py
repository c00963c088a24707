"""The command `sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synfire_bp.cli.options import EngineOrNone, Plugins, Quiet, number
from synfire_bp.cli.tables import print_table
from synfire_bp.errors import SweepError

if TYPE_CHECKING:
    from synfire_bp.sweep.execution import Estimate, SweepResult

__all__ = ["sweep"]

SweepFile = Annotated[
    str | None,
    typer.Argument(help="Sweep file (YAML) or name of a shipped sweep. Default: list them."),
]
Out = Annotated[Path | None, typer.Option(help="Folder for the tables. Default: runs/sweeps/NAME.")]
Workers = Annotated[
    int | None, number("Number of processes on this machine. Default: one per core.")
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE",
        help="Run on a Dask cluster instead: tcp://host:port or a scheduler file.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only print the number of runs and how long they take.")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change an entry of the model in all runs, or of the sweep (design.…, seeds, "
        "record); may be repeated.",
    ),
]
TimeLimit = Annotated[float, typer.Option(help="Seconds that a training may take; 0: no limit.")]
Retries = Annotated[
    int, number("How often to retry a run whose worker died or which ran out of time.")
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Also repeat runs that failed in earlier calls.")
]


def sweep(
    sweep: SweepFile = None,
    engine: EngineOrNone = None,
    out: Out = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    dry_run: DryRun = False,
    changes: Set = None,
    time_limit: TimeLimit = 3600.0,
    retries: Retries = 2,
    retry_failed: RetryFailed = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Train a model many times with different parameters; a second call does missing runs.

    The exit status is 0 if all runs of the design are there and ended well, those of earlier calls
    included, and 1 if any failed.
    """
    from synfire_bp.sweep.definition import Sweep

    if sweep is None:
        _list_sweeps()
        return
    for name, value, least in (("--workers", workers, 1), ("--retries", retries, 0),
                               ("--time-limit", time_limit, 0)):  # fmt: skip
        if value is not None and not value >= least:
            raise typer.BadParameter(f"{name} is {value:g}, but must be {least} or greater")
    asked = Sweep.from_file(sweep, changes or [], engine)
    try:
        from synfire_bp.sweep.execution import estimate, run_sweep
    except ModuleNotFoundError as error:
        raise SweepError(
            f"a sweep needs the package '{error.name}', which is not installed; install what "
            "sweeps need with: pip install 'synfire_bp[sweep]'"
        ) from None
    folder = out or Path("runs", "sweeps", asked.name)
    if dry_run:
        _print_estimate(asked.name, estimate(asked, folder, workers=workers))
        return
    result = run_sweep(
        asked,
        folder,
        workers=workers,
        scheduler=scheduler,
        time_limit=time_limit or None,
        retries=retries,
        retry_failed=retry_failed,
        quiet=quiet,
    )
    _print_result(result)
    _refuse_incomplete(result)


def _list_sweeps() -> None:
    from synfire_bp.sweep.definition import Sweep, list_sweeps

    rows = [(name, Sweep.from_file(name).description) for name in list_sweeps()]
    print_table("", ("sweep", "what it asks"), rows, left=2)


def _print_estimate(name: str, expected: Estimate) -> None:
    print(
        f"{name}: {expected.planned:,} runs, {expected.missing:,} of them to do; "
        f"{expected.per_run:.2f} s each, {_duration(expected.seconds)} on "
        f"{expected.workers} cores"
    )


def _print_result(result: SweepResult) -> None:
    rate = f", {result.done / result.seconds:.2f} runs/s" if result.done else ""
    use = result.busy / max(result.seconds * result.workers, 1e-9)
    used = f"; workers were training {100 * use:.0f} % of it" if result.done else ""
    print(
        f"{result.path}: {result.planned:,} runs, {result.failed:,} of them failed; "
        f"{result.done:,} done now in {_duration(result.seconds)}{rate}{used}"
    )


def _refuse_incomplete(result: SweepResult) -> None:
    if not result.complete:
        raise SweepError(
            f"{result.failed:,} of {result.planned:,} runs failed; {result.why}. The column "
            f"'error' of {result.path / 'runs.parquet'} has the reasons; the same command with "
            "--retry-failed does these runs again"
        )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
