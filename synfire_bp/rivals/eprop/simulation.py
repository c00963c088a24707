"""A lesson run to its end: in a compiled program of its own, or in Brian2's runtime mode.

A compiled program is built in a process of its own, since Brian2 has one device for all.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import BuildError, SimulationError
from synfire_bp.program.compiler import FLAGS, compiler_version
from synfire_bp.rivals.eprop.lesson import Weights
from synfire_bp.rivals.eprop.network import Built, Setup, build

__all__ = ["Result", "simulate"]

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


@dataclass(frozen=True, eq=False)
class Result:
    """What a simulation left.

    Attributes
    ----------
    loss : float array, shape (intervals,)
        Of each interval, summed over the readout and the window.
    said : float array, shape (intervals, n_out)
        The readout, after a softmax where classes are named, summed over the window.
    fired : float array, shape (intervals, n_cells)
        Spikes of each cell.
    weights : Weights
        After the last interval.
    spikes : tuple of int arrays, or None
        Steps and cells of all spikes, if they were recorded.
    """

    loss: NDArray[np.float64]
    said: NDArray[np.float64]
    fired: NDArray[np.float64]
    weights: Weights
    spikes: tuple[NDArray[np.int64], NDArray[np.int64]] | None


def simulate(setup: Setup, *, compiled: bool = True) -> Result:
    """Run a setup.

    Parameters
    ----------
    setup : Setup
        What is run.
    compiled : bool
        As a C++ program, which takes a minute to build; else in runtime mode, in NumPy.

    Raises
    ------
    SimulationError
        If the program cannot be built, or dies.
    """
    if not compiled:
        return _in_runtime_mode(setup)
    return _alone(_compiled, setup)


def _alone(function: Callable[[Setup], Result], setup: Setup) -> Result:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(function, setup).result()
        except BrokenProcessPool:
            raise SimulationError(
                "the process that simulates e-prop died; is there enough memory?"
            ) from None


def _in_runtime_mode(setup: Setup) -> Result:
    from brian2 import defaultclock, ms, prefs, start_scope

    before, dt = prefs.codegen.target, defaultclock.dt
    prefs.codegen.target = "numpy"
    defaultclock.dt = 1 * ms
    try:
        start_scope()
        built = build(setup)
        built.network.run(built.steps * ms, namespace={})
        return _result(setup, built)
    finally:
        prefs.codegen.target, defaultclock.dt = before, dt


def _compiled(setup: Setup) -> Result:
    """Build the program of a setup, run it, and read what it left; alone in its process."""
    from brian2 import defaultclock, device, ms, set_device

    from synfire_bp.dense.internals import source_files, support_code_apart

    with tempfile.TemporaryDirectory(prefix="synfire_bp_eprop_") as folder:
        set_device("cpp_standalone", build_on_run=False, directory=folder)
        defaultclock.dt = 1 * ms
        with support_code_apart() as support_code:
            built = build(setup)
            built.network.run(built.steps * ms, namespace={})
            device.build(directory=folder, compile=False, run=False)
        _compile(Path(folder), source_files(device), support_code)
        try:
            device.run(
                directory=folder, results_directory="results", with_output=False, run_args=[]
            )
        except (RuntimeError, OSError) as error:
            raise SimulationError(f"the program of e-prop died: {error}") from None
        return _result(setup, built)


def _compile(folder: Path, sources: Sequence[str], support_code: str) -> None:
    """Compile all sources as one: reading headers takes longest."""
    compiler_version()  # or there is none
    included = "".join(f'#include "{name}"\n' for name in sources)
    text = f"{_HEADERS}namespace {{\n{support_code}\n}}\n{included}"
    (folder / "joined.cpp").write_text(text, encoding="utf-8")
    command = [*os.environ.get("CXX", "g++").split(), *FLAGS, "-I.", "joined.cpp", "-o", "main"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(f"the C++ compiler refuses the program of e-prop: {done.stderr[-400:]}")


def _result(setup: Setup, built: Built) -> Result:
    learnt: dict[str, NDArray[Any]] = {}
    for name, synapses in built.synapses.items():
        matrix = np.zeros_like(getattr(setup.weights, name))
        matrix[np.asarray(synapses.i), np.asarray(synapses.j)] = np.asarray(synapses.w)
        learnt[name] = matrix
    spikes = None
    if built.spikes is not None:
        steps = np.rint(np.asarray(built.spikes.t) * 1000).astype(np.int64)
        spikes = (steps, np.asarray(built.spikes.i).astype(np.int64))
    told = built.outputs
    return Result(
        loss=np.array(told.loss)[:, 1:].sum(axis=0),
        said=np.array(told.said)[:, 1:].T,
        fired=np.array(built.counts.fired)[:, 1:].T,
        weights=Weights(**learnt, feedback=setup.weights.feedback),
        spikes=spikes,
    )
