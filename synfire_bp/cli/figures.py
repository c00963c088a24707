"""The command `figures`: what `python -m analysis` does in a clone, from any folder."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.options import Plugins
from synfire_bp.errors import SynfireError

__all__ = ["figures"]


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Figures, tables or groups of them. Default: all for which runs exist."
        ),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder with the runs.")] = Path("runs"),
    tables: Annotated[
        Path | None,
        typer.Option(help="Draw from the tables that were saved in this folder; needs no runs."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the figures.")] = Path("figures"),
    plugins: Plugins = None,
) -> None:
    """Draw figures and tables from finished runs."""
    try:
        draw = import_module("synfire_bp.analysis.__main__").main
    except ModuleNotFoundError as error:
        if error.name == "synfire_bp.analysis":
            raise SynfireError(
                "the figures are not part of this installation; reinstall it (pip install "
                "'synfire_bp[analysis]'), or draw in a clone with: python -m analysis"
            ) from None
        raise SynfireError(
            f"figures need the package '{error.name}', which is not installed; install what they "
            "need with: pip install 'synfire_bp[analysis]'"
        ) from None
    folders = ["--runs", str(runs), "--out", str(out)]
    folders += [] if tables is None else ["--tables", str(tables)]
    if code := draw([*(names or []), *folders], "synfire-bp figures"):
        raise typer.Exit(code)
