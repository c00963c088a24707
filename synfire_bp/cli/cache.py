"""The commands `cache list` and `cache clear`."""

from __future__ import annotations

import typer

from synfire_bp.cli.examples import epilog
from synfire_bp.cli.tables import print_table

__all__ = ["cache"]

cache = typer.Typer(no_args_is_help=True, help="List and remove compiled circuits.")


@cache.command("list", epilog=epilog("cache list"))
def cache_list() -> None:
    """List the compiled circuits, most recently used first."""
    from synfire_bp.program.cache import cache_folder, entries

    rows = [
        (
            entry.key,
            "-".join(map(str, entry.about.get("sizes", "?"))),
            entry.about.get("phases", "?"),
            ", ".join(what for what in ("learns", "stock", "chip") if entry.about.get(what)),
            f"{entry.size / 1e6:.1f}",
            f"{entry.used:%Y-%m-%d %H:%M}",
        )
        for entry in entries()
    ]
    heads = ("program", "sizes", "phases", "", "MB", "last used")
    print_table(str(cache_folder()), heads, rows, left=2)


@cache.command("clear", epilog=epilog("cache clear"))
def cache_clear() -> None:
    """Remove compiled circuits that are not in use; they are compiled again when needed."""
    from synfire_bp.program.cache import cache_folder, clear

    cleared = clear()
    kept = f", {cleared.in_use} kept: in use" if cleared.in_use else ""
    print(f"{cache_folder()}: {cleared.removed} programs removed{kept}")
