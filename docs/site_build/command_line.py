"""The reference of the command line, made of what `--help` says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from synfire_bp.cli.commands import app
from synfire_bp.cli.examples import EXAMPLES

from .pages import escaped, heading, table

__all__ = ["page"]


def page() -> Iterator[str]:
    """Yield the lines of the page: every command with its arguments and options."""
    group: Any = typer.main.get_command(app)
    yield from heading("Command line")
    yield from (escaped(group.help), "", "``synfire-bp COMMAND --help`` says the same.", "")
    yield from table(
        ("command", ""),
        [
            (f":ref:`{name} <command-{name}>`", escaped(_first(command.help)))
            for name, command in group.commands.items()
        ],
    )
    for name, command in group.commands.items():
        yield from _command(("synfire-bp", name), command)


def _command(path: tuple[str, ...], command: Any) -> Iterator[str]:
    """Yield the section of a command, and those of its own commands."""
    level = len(path) - 1
    yield from (f".. _command-{'-'.join(path[1:])}:", "")
    yield from heading(" ".join(path[1:]), level)
    with command.make_context(path[-1], [], resilient_parsing=True) as context:
        usage = " ".join((*path, *command.collect_usage_pieces(context)))
        shown = [(one, one.get_help_record(context)) for one in command.params]
    yield from (".. code-block:: text", "", f"   {usage}", "")
    yield from _text(command.help)
    for kind in ("argument", "option"):
        rows = [
            (f"``{record[0]}``", escaped(" ".join(record[1].split())))
            for one, record in shown
            if record is not None and one.param_type_name == kind
        ]
        if rows:
            yield from table((kind, ""), rows)
    if examples := EXAMPLES.get(" ".join(path[1:])):
        longest = max(len(line) for line, _ in examples)
        shown_lines = (f"   synfire-bp {line:{longest}}  # {what}" for line, what in examples)
        yield from (".. code-block:: sh", "", *shown_lines, "")
    for name, inner in getattr(command, "commands", {}).items():
        yield from _command((*path, name), inner)


def _text(help: str) -> Iterator[str]:
    """Yield the paragraphs of a help text."""
    for paragraph in re.split(r"\n\s*\n", help.strip()):
        yield from (escaped(" ".join(paragraph.split())), "")


def _first(help: str) -> str:
    return " ".join(help.partition("\n\n")[0].split())
