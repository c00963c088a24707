"""The command `watch`: the circuit of a run, to be seen at work in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.options import Plugins, Quiet, number, whole_number

__all__ = ["watch"]


def _numbers(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [whole_number(part) for part in text.split(",")]
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint="--samples") from None


def watch(
    run: Annotated[Path, typer.Argument(help="Run directory of a finished training.")],
    out: Annotated[
        Path | None, typer.Option(help="File of the page. Default: RUN-watch.html.")
    ] = None,
    samples: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,…",
            help="Training samples, from 0. Default: six, errors and right answers in turn.",
        ),
    ] = None,
    checkpoints: Annotated[
        int | None,
        number("Stops of the training, start and end included. Default: 6, or 2 where unknown."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Write a page that shows a run's circuit at work.

    One file for a browser, without a network: wiring, spikes and learning of some samples, phase by
    phase, from the untrained to the trained network.
    """
    from synfire_bp.errors import visible
    from synfire_bp.watch import watch_run

    page = watch_run(run, out, samples=_numbers(samples), checkpoints=checkpoints, quiet=quiet)
    print(f"{visible(str(page))}: {page.stat().st_size / 1000:,.0f} kB; open it in any browser")
    if show:
        typer.launch(page.resolve().as_uri())
