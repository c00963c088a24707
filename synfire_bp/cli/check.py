"""The command `check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.tables import print_table
from synfire_bp.errors import SynfireError

__all__ = ["check"]


def check(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Accept files that were edited by hand; --restore undoes this.",
        ),
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Restore files that were edited by hand.")
    ] = False,
) -> None:
    """Check every file of a run and repair damaged ones.

    The exit status is 0 if all files are intact afterwards.
    """
    from synfire_bp.runs.repair import MENDED, WHOLE, check_run

    if accept and restore:
        raise SynfireError("--accept and --restore exclude each other; choose one")
    files = check_run(run, accept=accept, restore=restore)
    rows = [(file.name, file.state, file.said) for file in files]
    print_table(str(run), ("file", "state", ""), rows, left=3)
    if any(file.state not in (WHOLE, MENDED) for file in files):
        raise typer.Exit(1)
