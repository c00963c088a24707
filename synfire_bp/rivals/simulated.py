"""A Brian2 network of a rival, run to its end: as a compiled program, or in Brian2's runtime mode.

A compiled program is built in a process of its own, since Brian2 has one device for all.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from synfire_bp.errors import BuildError, SimulationError, SynfireError
from synfire_bp.program.compiler import FLAGS, compiler_version

if TYPE_CHECKING:
    from brian2 import Network

__all__ = ["BuiltNetwork", "Task", "simulated"]

_HEADERS = """
#include "objects.h"
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include <climits>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
"""
"""What every generated source includes."""
_OWN = re.compile(r"^ *(?:static |inline )+\w+\*? (\w+)[;(]", re.MULTILINE)


class BuiltNetwork(Protocol):
    """Brian2 objects that are ready to run."""

    @property
    def network(self) -> Network:
        """All of them."""

    @property
    def steps(self) -> int:
        """For how many time steps they run."""


S = TypeVar("S")
B = TypeVar("B", bound=BuiltNetwork)
R = TypeVar("R")


class Task(Generic[S, B, R]):
    """How a setup becomes a network, and what is read from it after its run.

    Parameters
    ----------
    build, read : functions at the top of a module
        From a setup to a built network; from both to a result.
    dt : float
        Time step, ms.
    """

    def __init__(self, build: Callable[[S], B], read: Callable[[S, B], R], dt: float) -> None:
        self.build, self.read, self.dt = build, read, dt


def simulated(task: Task[S, Any, R], setup: S, *, seed: int = 0, compiled: bool = True) -> R:
    """Run a setup.

    Parameters
    ----------
    task : Task
        What is built and read.
    setup : object that can be pickled
        What it is built from.
    seed : int
        Of what Brian2 draws while it runs.
    compiled : bool
        As a C++ program, which takes a minute to build; else in runtime mode, in NumPy, whose
        random numbers are others.

    Raises
    ------
    SimulationError
        If the program cannot be built, dies, or Brian2 refuses the network.
    """
    if not compiled:
        return _in_runtime_mode(task, setup, seed)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_compiled, task, setup, seed).result()
        except SynfireError:
            raise
        except BrokenProcessPool:
            raise SimulationError(
                "the process that simulates a rival died; is there enough memory?"
            ) from None
        except Exception as error:  # of Brian2, whatever it is
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise SimulationError(f"the simulation of a rival failed: {said:.300}") from error


def _in_runtime_mode(task: Task[S, Any, R], setup: S, seed: int) -> R:
    from brian2 import defaultclock, ms, prefs, start_scope
    from brian2 import seed as seed_of_brian

    before, dt = prefs.codegen.target, defaultclock.dt
    prefs.codegen.target = "numpy"
    defaultclock.dt = task.dt * ms
    try:
        start_scope()
        seed_of_brian(seed)
        built = task.build(setup)
        built.network.run(built.steps * task.dt * ms, namespace={})
        return task.read(setup, built)
    finally:
        prefs.codegen.target, defaultclock.dt = before, dt


def _compiled(task: Task[S, Any, R], setup: S, seed: int) -> R:
    """Build the program of a setup, run it, and read what it left; alone in its process."""
    from brian2 import defaultclock, device, ms, set_device
    from brian2 import seed as seed_of_brian

    from synfire_bp.dense.internals import source_files, support_code_apart

    with tempfile.TemporaryDirectory(prefix="synfire_bp_rival_") as folder:
        set_device("cpp_standalone", build_on_run=False, directory=folder)
        defaultclock.dt = task.dt * ms
        seed_of_brian(seed)
        with support_code_apart() as support_code:
            built = task.build(setup)
            built.network.run(built.steps * task.dt * ms, namespace={})
            device.build(directory=folder, compile=False, run=False)
        _compile(Path(folder), source_files(device), support_code)
        try:
            device.run(
                directory=folder, results_directory="results", with_output=False, run_args=[]
            )
        except (RuntimeError, OSError) as error:
            raise SimulationError(f"the program of a rival died: {error}") from None
        return task.read(setup, built)


def _compile(folder: Path, sources: Sequence[str], support_code: str) -> None:
    """Compile all sources as one: reading headers takes longest.

    What a source defines for itself, to draw random numbers or to look up a table, gets its number.
    """
    compiler_version()  # or there is none
    included = "".join(_included(folder, source, k) for k, source in enumerate(sources))
    text = f"{_HEADERS}namespace {{\n{support_code}\n}}\n{included}"
    (folder / "joined.cpp").write_text(text, encoding="utf-8")
    command = [*os.environ.get("CXX", "g++").split(), *FLAGS, "-I.", "joined.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"the C++ compiler refuses the program of a rival: {done.stderr[-400:]}")


def _included(folder: Path, source: str, number: int) -> str:
    own = dict.fromkeys(_OWN.findall((folder / source).read_text(encoding="utf-8")))
    renamed = "".join(f"#define {name} {name}_of_{number}\n" for name in own)
    return f'{renamed}#include "{source}"\n' + "".join(f"#undef {name}\n" for name in own)
