"""The commands `data list`, `data fetch` and `data check`."""

from __future__ import annotations

from typing import Annotated

import typer

from synfire_bp.cli.examples import epilog
from synfire_bp.cli.options import Plugins, Quiet
from synfire_bp.cli.tables import print_table

__all__ = ["data"]

data = typer.Typer(no_args_is_help=True, help="List, fetch and check data sets.")


@data.command("list", epilog=epilog("data list"))
def data_list(plugins: Plugins = None) -> None:
    """List the data sets and where they are."""
    from synfire_bp.data import datasets

    rows = [(s.name, s.state, s.where, s.detail) for s in datasets.available()]
    print_table("", ("data set", "state", "where", ""), rows, left=4)


@data.command("fetch", epilog=epilog("data fetch"))
def data_fetch(
    name: Annotated[str, typer.Argument(help="mnist or fashion-mnist.")],
    quiet: Quiet = False,
) -> None:
    """Download a data set into the cache and check it."""
    from synfire_bp.data import datasets

    for path in datasets.fetch(name, quiet=quiet):
        print(path)


@data.command("check", epilog=epilog("data check"))
def data_check(
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a data set. Default: all that are on this machine."),
    ] = None,
    plugins: Plugins = None,
) -> None:
    """Check the files of data sets; exit status 0 only if all are as published."""
    from synfire_bp.data import datasets

    here = [s.name for s in datasets.available() if s.state != "absent"]
    checks = [entry for one in ([name] if name else here) for entry in datasets.check(one)]
    for entry in checks:
        print(f"{'ok ' if entry.ok else 'BAD'} {entry.file}: {entry.detail}")
    if not all(entry.ok for entry in checks):
        raise typer.Exit(1)
