"""The command `rival`: another way to learn the same."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from synfire_bp.cli.options import Plugins, Quiet, Set, number
from synfire_bp.cli.tables import print_table

__all__ = ["rival"]


def rival(
    name: Annotated[
        str | None,
        typer.Argument(help="Model file or name of a shipped rival. Default: list them."),
    ] = None,
    seed: Annotated[int | None, number("Seed of all random draws.")] = None,
    changes: Set = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the run. Default: runs/rivals/NAME/sSEED.")
    ] = None,
    plugins: Plugins = None,
    quiet: Quiet = False,
) -> None:
    """Train another way to learn the same: e-prop, random targets, backpropagation."""
    from synfire_bp.progress import WorkProgress
    from synfire_bp.rivals import list_rivals, read_rival
    from synfire_bp.rivals.store import free_folder, write_run

    if name is None:
        rows = [(one, read_rival(one).description) for one in list_rivals()]
        print_table("", ("rival", "what it is"), rows, left=2)
        return
    stated = [] if seed is None else [f"seed={seed}"]
    model = read_rival(name, [*(changes or []), *stated])
    folder = free_folder(out or Path("runs/rivals") / model.name / f"s{model.seed}")
    with WorkProgress(quiet) as progress:
        outcome = model.run(progress)
    write_run(folder, model, outcome)
    print(f"{folder}: {outcome.samples:,} samples shown; {_said(outcome.curve[-1])}")


def _said(last: Mapping[str, object]) -> str:
    """Return the last row of a curve in words; how answers are read, if in two ways."""
    two = "spikes_percent" in last
    words = {
        "percent": "{} % right by potential" if two else "{} % right",
        "spikes_percent": "{} % right by spikes",
    }
    said = (words.get(key, f"{key} {{}}").format(_short(value)) for key, value in last.items())
    return ", ".join(said)


def _short(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
