"""Sweeps of which a process is killed at a random moment: all rows are there in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from kills import HANGS
from tally import Tally

from synfire_bp.sweep import VOLATILE, read_sweep

SWEEP = """
name: little
model: digits
engine: oracle
fixed: {network.sizes: [64, 8, 10], training.samples: 200, training.epochs: 4}
parameters:
  limit: {key: network.weight_limit, values: [64, 128, 254]}
design: {kind: grid}
seeds: 8
"""


def killed_sweeps(n: int, folder: Path, seed: int = 0) -> Tally:
    """Kill one process of a sweep, whichever, so many times."""
    tally, rng = Tally("killed, a process of a sweep"), np.random.default_rng(seed)
    folder.mkdir(parents=True)
    (folder / "little.yaml").write_text(SWEEP)
    begun = time.monotonic()
    _, fault = _ended(_start(folder, "whole"))
    lasts = time.monotonic() - begun
    if fault:
        raise RuntimeError(f"the sweep cannot be done at all: {fault}")
    for number in range(n):
        process = _start(folder, f"killed{number}")
        time.sleep(rng.uniform(0, lasts))
        with suppress(ProcessLookupError):
            os.kill(int(rng.choice(_family(process.pid))), signal.SIGKILL)
        code, fault = _ended(process)
        if not fault and code:  # it said what is missing, or was killed itself
            _, fault = _ended(_start(folder, f"killed{number}"))
        fault = fault or _differs(folder / "whole", folder / f"killed{number}")
        outcome, _, about = fault.partition(":")
        tally.note(outcome or "survived", about)
    return tally


def _start(folder: Path, out: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "synfire_bp", "sweep", "little.yaml", "--workers", "2",
               "--quiet", "--out", out]  # fmt: skip
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _family(process: int) -> list[int]:
    """Return a process and all that it has started, as long as it lives."""
    found, at = [process], 0
    while at < len(found):
        with suppress(OSError):
            tasks = Path("/proc", str(found[at]), "task").glob("*/children")
            found += [int(one) for task in tasks for one in task.read_text().split()]
        at += 1
    return found


def _ended(process: subprocess.Popen) -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=HANGS)
    except subprocess.TimeoutExpired:
        process.kill()
        return 1, "hangs"
    return process.returncode, f"tracebacks: {said[-300:]}" if "Traceback" in said else ""


def _differs(whole: Path, other: Path) -> str:
    for expected, found in zip(read_sweep(whole), read_sweep(other), strict=True):
        shown = [
            pd.DataFrame(table).drop(columns=list(VOLATILE), errors="ignore")
            for table in (expected, found)
        ]
        if not shown[0].reset_index(drop=True).equals(shown[1].reset_index(drop=True)):
            return "wrong: a table is another, or rows are missing"
    return ""
