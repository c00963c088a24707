"""The command `synfire-bp sweep`: what it prints, and how it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("distributed")

from sweep_scenes import write_scene

from synfire_bp.cli.commands import app
from synfire_bp.errors import SweepError
from synfire_bp.sweep import SweepResult
from synfire_bp.sweep import execution as sweep_execution


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Run the command on the small sweep; refusals are raised, as `main` would say them."""
    write_scene(tmp_path)
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(app, ["sweep", *arguments])
        if isinstance(done.exception, SweepError):
            raise done.exception
        return done

    return run


def test_without_a_file_it_lists_what_ships(command):
    said = command().output
    assert "throughput" in said
    assert "100 seeds" in said


def test_a_dry_run_says_how_many_runs_and_how_long(command, tmp_path):
    said = command("sweep.yaml", "--dry-run", "--set", "training.epochs=1").output
    assert "tiny: 36 runs, 36 of them to do;" in said
    assert " s each, " in said
    assert not (tmp_path / "runs").exists()


def test_options_reach_the_sweep(command, monkeypatch, tmp_path):
    asked = {}

    def pretend(sweep, out, **options):
        asked.update(options, sweep=sweep, out=out)
        return SweepResult(out, 36, 36, 0, 10.0, 18.0, 2)

    monkeypatch.setattr(sweep_execution, "run_sweep", pretend)
    said = command(
        "sweep.yaml", "--engine", "circuit", "--workers", "3", "--time-limit", "0", "--retries",
        "0", "--set", "seeds=1", "--retry-failed", "--quiet", "--scheduler", "tcp://x:1",
    ).output  # fmt: skip
    assert "36 runs, 0 of them failed; 36 done now in 10.0 s, 3.60 runs/s" in said
    assert "workers were training 90 % of it" in said
    assert asked["sweep"].engine == "circuit"
    assert asked["sweep"].seeds == 1
    assert (asked["workers"], asked["time_limit"], asked["retries"]) == (3, None, 0)
    assert (asked["retry_failed"], asked["quiet"], asked["scheduler"]) == (True, True, "tcp://x:1")
    assert str(asked["out"]) == "runs/sweeps/tiny"


def test_a_sweep_that_lacks_runs_has_another_exit_status(command, monkeypatch):
    ends = [SweepResult(Path("x"), 36, 36, failed, 1.0, 1.0, 2, "run 4: why") for failed in (0, 3)]
    monkeypatch.setattr(sweep_execution, "run_sweep", lambda *_, **__: ends.pop())
    with pytest.raises(SweepError, match=r"^3 of 36 runs failed; run 4: why\..*--retry-failed"):
        command("sweep.yaml")  # `main` exits with 1 for it
    assert command("sweep.yaml").exit_code == 0
    assert "exit status is 0 if all runs" in " ".join(command("--help").output.split())


@pytest.mark.parametrize("given", ["٣", "1e1", "9" * 5000])
def test_whole_numbers_are_in_ascii_digits_and_a_long_one_is_not_repeated(command, given):
    done = command("sweep.yaml", "--workers", given)
    assert done.exit_code == 2
    assert "is not a whole number" in " ".join(done.output.split())
    assert len(done.output) < 1000


def test_mistakes_are_named(command, monkeypatch):
    with pytest.raises(SweepError, match=r"sweep.yml: no such sweep file"):
        command("sweep.yml")
    with pytest.raises(SweepError, match="did you mean epochs"):
        command("sweep.yaml", "--set", "training.epoch=2")
    assert command("sweep.yaml", "--workers", "0").exit_code == 2
    assert command("sweep.yaml", "--time-limit", "-1").exit_code == 2
    monkeypatch.setitem(sys.modules, "synfire_bp.sweep.execution", None)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SweepError, match=r"pip install 'synfire_bp\[sweep\]'"):
        command("sweep.yaml")
