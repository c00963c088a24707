"""What help says to a new user, and that its examples work as they stand there."""

from __future__ import annotations

import re
import shlex

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import synfire_bp as sb
from synfire_bp.cli.commands import app
from synfire_bp.cli.examples import EXAMPLES

LINES = [line for examples in EXAMPLES.values() for line, _ in examples]

AT_ONCE = ("models", "describe digits", "schema", "data list", "data check", "sweep", "rival",
           "plugins", "check", "test runs/digits --engine oracle")  # fmt: skip
"""Beginnings of those that take a second or two where a run is there."""
NOT_AT_ONCE = ("--dry-run", "sweep seeds", "rival drtp")
"""What stands in those that begin so and train something."""


def commands(group=None, before=""):
    """Yield every command that can be called, by its words."""
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} ")
        else:
            yield f"{before}{name}", command


COMMANDS = dict(commands())


@pytest.fixture
def run_here(tmp_path, monkeypatch):
    """Call the command line in a folder in which digits were trained by the oracle."""
    monkeypatch.chdir(tmp_path)
    experiment = sb.Experiment.from_file("digits", ["training.epochs=1"])
    sb.train(experiment, engine="oracle", out="runs/digits", quiet=True)
    return lambda line: CliRunner().invoke(app, shlex.split(line), catch_exceptions=False)


def test_every_command_has_examples_and_help_shows_them_one_a_line(monkeypatch):
    assert set(EXAMPLES) == set(COMMANDS)
    monkeypatch.setenv("COLUMNS", "200")
    for name in COMMANDS:
        shown = CliRunner().invoke(app, [*name.split(), "--help"]).output
        lines = [" ".join(line.split()) for line in shown.splitlines()]
        for line, what in EXAMPLES[name]:
            assert f"synfire-bp {line} ({what})" in lines


@pytest.mark.parametrize("line", LINES)
def test_an_example_is_understood(line):
    name = next(one for one in sorted(COMMANDS, key=len, reverse=True)
                if line == one or line.startswith(f"{one} "))  # fmt: skip
    words = shlex.split(line)[len(name.split()) :]
    parsed = COMMANDS[name].make_context(name, words)
    assert name in EXAMPLES and not parsed.args
    if model := parsed.params.get("model"):
        changes = parsed.params.get("changes") or ()
        sb.assemble(sb.Experiment.from_file(model, overrides=changes))


def test_the_examples_that_take_a_second_work(run_here):
    quick = (line for line in LINES if line.startswith(AT_ONCE))
    tried = [line for line in quick if not any(one in line for one in NOT_AT_ONCE)]
    assert len(tried) > len(LINES) / 3
    for line in tried:
        said = run_here(line)
        assert said.exit_code == 0, f"{line}: {said.output}"


def test_help_lists_commands_in_the_order_in_which_a_user_needs_them(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    shown = CliRunner().invoke(app, ["--help"]).output
    listed = re.findall(r"^\W (\w+)  +\S", shown, re.MULTILINE)
    wanted = ["models", "describe", "train", "test", "figures", "sweep", "plugins"]
    assert [name for name in listed if name in wanted] == wanted
    summaries = re.findall(r"^\W ([a-z]+)  +(\S.*?) +\W$", shown, re.MULTILINE)
    assert {name for name, _ in summaries} == set(get_command(app).commands)
    assert all(text.endswith(".") for _, text in summaries)  # each in one line


def test_make_reproduce_installs_what_the_commands_of_the_readme_need(request):
    makefile = (request.config.rootpath / "Makefile").read_text()
    (extras,) = re.findall(r"\$\(SETUP\):[^\n]*\n[^\n]*\.\[([\w,]+)\]", makefile)
    assert set(extras.split(",")) == {"analysis", "sweep"}
