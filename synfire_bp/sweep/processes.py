"""A crew of processes on this machine: a command line for each task, so many at a time.

For trainings that leave a run directory: each goes on from the checkpoint that it finds, and the
bar follows what it has stored.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from synfire_bp.files import read_whole
from synfire_bp.runs.directory import PROVENANCE
from synfire_bp.sweep.pool import Crew, Ended

__all__ = ["Command", "Processes", "samples_done", "training_command"]

_LOOK = 0.2  # seconds between two looks at the processes
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}


@dataclass(frozen=True)
class Command:
    """A process to be run.

    Attributes
    ----------
    name : str
        What messages call it.
    arguments : tuple of str
        Of the Python interpreter.
    samples : int
        Samples that it shows in all.
    run : Path or None
        Run directory that it trains into, if any.
    before : int
        Samples of the run that earlier calls have shown.
    """

    name: str
    arguments: tuple[str, ...]
    samples: int
    run: Path | None = None
    before: int = 0

    @property
    def size(self) -> int:
        """Samples that are left."""
        return self.samples - self.before

    def reached(self) -> int:
        """Return how many of them are shown and stored."""
        done = 0 if self.run is None else samples_done(self.run)
        return min(max(done, self.before), self.samples) - self.before


def training_command(
    name: str,
    model: str,
    engine: str,
    changes: Iterable[str],
    run: Path,
    samples: int,
    *,
    keep_going: bool = False,
) -> Command:
    """Return the command that trains into a run directory, or goes on with what is there.

    Parameters
    ----------
    name : str
        What messages call it.
    model, engine : str
        As of `synfire-bp train`.
    changes : iterable of str
        Likewise, of its `--set`.
    run : Path
        The run directory.
    samples : int
        Samples of all epochs.
    keep_going : bool
        Go on in spite of stray spikes and of copies of weights that differ.
    """
    settings = [word for change in changes for word in ("--set", change)]
    arguments = (
        "-m", "synfire_bp", "train", model, "--engine", engine, *settings, "--out", str(run),
        *["--keep-going"] * keep_going, "--resume", "--quiet",
    )  # fmt: skip
    return Command(name, arguments, samples, run, min(samples_done(run), samples))


def samples_done(run: Path) -> int:
    """Return how many samples a run directory has stored; 0 if it cannot be read."""
    try:
        return int(json.loads(read_whole(run / PROVENANCE))["samples_done"])
    except (OSError, ValueError, KeyError):
        return 0


@dataclass(frozen=True)
class _Running:
    command: Command
    process: subprocess.Popen
    said: IO[bytes]

    def problem(self) -> str | None:
        """Return what it said when it failed; None if it did not."""
        if self.process.returncode == 0:
            return None
        self.said.seek(0)
        text = self.said.read().decode(errors="replace").strip()
        return text or f"ended with exit code {self.process.returncode}, without a message"


class Processes(Crew[Command, None]):
    """Runs commands, so many at a time, each in one thread.

    Parameters
    ----------
    jobs : int
        How many at a time.
    at_once : bool
        Kill what is under way when dismissed, so that it goes on from its last test; else it is
        asked to stop, and leaves a checkpoint of where it is.
    """

    def __init__(self, jobs: int, *, at_once: bool = False):
        self._jobs, self._at_once = jobs, at_once
        self._running: list[_Running] = []

    def has_room(self) -> bool:
        """Return whether less than so many are running."""
        return len(self._running) < self._jobs

    def start(self, task: Command) -> None:
        """Start a process."""
        said = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        # a session of its own: Ctrl-C at the terminal reaches this process alone
        process = subprocess.Popen(
            [sys.executable, *task.arguments], env={**os.environ, **_ONE_THREAD},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        self._running.append(_Running(task, process, said))

    def ended(self) -> list[Ended[Command, None]]:
        """Wait a moment; return the processes that ended."""
        time.sleep(_LOOK)
        found = []
        for one in [one for one in self._running if one.process.poll() is not None]:
            self._running.remove(one)
            found.append(Ended[Command, None](one.command, problem=one.problem()))
            one.said.close()
        return found

    def reached(self) -> int:
        """Return how many samples those that are running have stored."""
        return sum(one.command.reached() for one in self._running)

    def dismiss(self) -> None:
        """Kill those that are running, or ask them to stop; wait for their end."""
        for one in self._running:
            if self._at_once:
                one.process.kill()
            else:
                one.process.terminate()
        for one in self._running:
            one.process.wait()
            one.said.close()
        self._running.clear()
