"""How times and memory are measured: one core, in turns, and never with the start of a program.

A compiled circuit starts, reads its synapses and ends; that takes as long as hundreds of samples.
So the time of a sample is a slope: the time that `before + samples` samples take, less the time
that the first `before` of them take, over `samples`.  Everything that is compared is measured in
turns, A B C A B C …: a machine that slows down slows down all of them.
"""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from synfire_bp.errors import SimulationError
from synfire_bp.program.program import Program

__all__ = [
    "Measure",
    "Process",
    "Timing",
    "environment",
    "in_turns",
    "one_core",
    "peak_memory",
    "run_process",
]

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024
"""Unit of getrusage's peak memory."""

_LAUNCHER = """\
import os, resource, sys, time
begin = time.perf_counter()
code = os.spawnv(os.P_WAIT, sys.argv[2], sys.argv[2:])
seconds = time.perf_counter() - begin
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
with open(sys.argv[1], "w") as file:
    file.write(f"{seconds} {peak}")
sys.exit(code if code >= 0 else 128 - code)
"""
"""Runs a command and notes its time and peak memory.

A bare interpreter: until a child has started its program, it counts as large as its parent.
"""


@dataclass(frozen=True)
class Measure:
    """Something measured several times: the median, and all rounds in their order."""

    median: float
    rounds: tuple[float, ...]

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Measure:
        """Return the measure of these rounds."""
        return cls(statistics.median(rounds), tuple(rounds))

    @property
    def resolved(self) -> bool:
        """Whether the median is above zero by more than twice the median distance to it.

        If not, the noise is as large as what is measured.
        """
        distance = statistics.median(abs(value - self.median) for value in self.rounds)
        return self.median > 2 * distance


@dataclass(frozen=True)
class Timing:
    """Time of a sample, in ms, and what is left of the time of a run without its samples, in ms."""

    ms: Measure
    start_ms: Measure


@dataclass(frozen=True)
class Process:
    """A process from its start to its end: seconds, and peak memory in MB (10^6 bytes).

    The memory is the largest of it and of the processes that it started.
    """

    seconds: float
    peak_memory_mb: float


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for this process and the ones it starts, until the end."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def one_core() -> Iterator[int | None]:
    """Keep this thread and the processes that it starts on one core, without helping threads.

    Yields the number of the core; None where the system cannot pin (macOS).  The kernels compiled
    by numba in this package are serial by themselves.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    core = None
    if hasattr(os, "sched_setaffinity"):
        allowed = os.sched_getaffinity(0)
        core = max(allowed)  # the first one serves most interrupts
        os.sched_setaffinity(0, {core})
    try:
        with threadpool_limits(1), environment(dict.fromkeys(_THREADS, "1")):
            yield core
    finally:
        if core is not None:
            os.sched_setaffinity(0, allowed)


def in_turns(
    contenders: Mapping[str, Callable[[int], object]],
    *,
    before: int,
    samples: int,
    repeats: int,
    progress: Callable[[int], None] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Measure the time of a sample of each contender, in turns.

    Parameters
    ----------
    contenders : mapping
        Name to a function that shows the first n samples, from the beginning.
    before, samples : int
        Per round and contender, `before` and `before + samples` samples are shown.
    repeats : int
        Rounds.
    progress : callable, optional
        Called with the number of samples shown so far.
    clock : callable
        Returns seconds.
    """
    slopes: dict[str, list[float]] = {name: [] for name in contenders}
    starts: dict[str, list[float]] = {name: [] for name in contenders}
    shown = 0
    for _ in range(repeats):
        for name, show in contenders.items():
            seconds = []
            for n in (before, before + samples):
                begin = clock()
                show(n)
                seconds.append(clock() - begin)
                shown += n
                if progress is not None:
                    progress(shown)
            slope = (seconds[1] - seconds[0]) / samples
            slopes[name].append(1000 * slope)
            starts[name].append(1000 * (seconds[0] - slope * before))
    return {name: Timing(Measure.of(slopes[name]), Measure.of(starts[name])) for name in contenders}


def run_process(command: Sequence[str]) -> Process:
    """Run a command to its end; say how long it took and how much memory.

    Raises
    ------
    SimulationError
        If it fails.
    """
    with tempfile.TemporaryDirectory(prefix="synfire-bench-") as folder:
        note = Path(folder, "note")
        done = subprocess.run(
            [*_launched(note), *command], capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            raise SimulationError(
                f"'{shlex.join(command)}' failed (exit code {done.returncode}): "
                f"{done.stderr.strip() or 'no message'}"
            )
        return _read(note)


def peak_memory(program: Program, run: Callable[[Program], object]) -> float:
    """Return the peak memory of a compiled circuit, in MB (10^6 bytes).

    What starts and watches it is a bare Python, whose 10 MB or so are the least that can be told.

    Parameters
    ----------
    program : Program
        The compiled circuit.
    run : callable
        Runs the program that it is given: one like `program`, but watched.
    """
    with tempfile.TemporaryDirectory(prefix="synfire-bench-") as folder:
        watched, note = Path(folder, "program"), Path(folder, "note")
        watched.mkdir()
        for file in program.folder.iterdir():
            if file.name != "main":
                (watched / file.name).symlink_to(file)
        command = [*_launched(note), str(program.folder / "main")]
        script = f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n'
        (watched / "main").write_bytes(os.fsencode(script))
        (watched / "main").chmod(0o755)
        run(Program(watched))
        return _read(note).peak_memory_mb


def _launched(note: Path) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(note)]


def _read(note: Path) -> Process:
    seconds, peak = note.read_text().split()
    return Process(float(seconds), int(peak) * _MAXRSS_BYTES / 1e6)
