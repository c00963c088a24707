"""Trainings that are killed at random moments, and gone on with: the bits must be the same.

Each kind of training is run once to its end.  Then it is started, killed with SIGKILL at a random
moment of its life, started again with --resume, and so on; after a few kills it may end, and is
compared with the one that was never killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tally import Tally

KINDS = {
    "oracle": ("digits", "oracle"),
    "circuit": ("digits", "circuit"),
    "release": ("variants/digits_release", "circuit"),
    "feedback alignment": ("variants/digits_feedback_alignment", "circuit"),
    "gate failure": ("variants/digits_gate_failure", "circuit"),
    "late reward": ("variants/digits_late_reward", "circuit"),
    "chip": ("digits", "circuit", "hardware=loihi1", "learning.rule='dw = 2*r1*x0*y0 - x0*y0'"),
    "deep": ("variants/digits_deep", "circuit"),
    "physical": ("variants/digits_lif", "circuit"),
}
"""Name to model, engine and overrides."""

SHORT = ("training.samples=400", "training.epochs=6", "training.evaluate_every=0.5",
         "record.samples=200")  # fmt: skip
KILLS_A_TRAINING = 4
HANGS = 600
"""Seconds after which a training that goes on hangs."""


@dataclass(frozen=True)
class Training:
    """One kind, in a folder."""

    kind: str
    folder: Path

    def start(self, out: str) -> subprocess.Popen:
        model, engine, *changes = KINDS[self.kind]
        sets = [f"--set={change}" for change in (*changes, *SHORT)]
        command = [sys.executable, "-m", "synfire_bp", "train", model, "--engine", engine, *sets,
                   "--resume", "--quiet", "--out", str(self.folder / out)]  # fmt: skip
        return subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(self.folder)},
        )  # fmt: skip

    def ended(self, process: subprocess.Popen) -> str:
        """Wait for an end; return what was wrong with it."""
        try:
            _, said = process.communicate(timeout=HANGS)
        except subprocess.TimeoutExpired:
            process.kill()
            return "hangs"
        if "Traceback" in said:
            return "tracebacks: " + said[-300:]
        return "" if process.returncode == 0 else "wrong: " + said[-300:]


def kills(n: int, folder: Path, seed: int = 0, kinds=tuple(KINDS)) -> list[Tally]:
    """Kill so many times in all, evenly over the kinds."""
    rng = np.random.default_rng(seed)
    return [
        _kind(Training(kind, folder / kind), len(range(place, n, len(kinds))), rng)
        for place, kind in enumerate(kinds)
    ]


def _kind(training: Training, n: int, rng: np.random.Generator) -> Tally:
    tally = Tally(f"killed, {training.kind}")
    training.folder.mkdir(parents=True)
    _must_end(training, "warm")  # compiles its programs
    begun = time.monotonic()
    _must_end(training, "whole")
    lasts = time.monotonic() - begun
    for attempt in range(-(-n // KILLS_A_TRAINING)):
        out, hits = f"killed{attempt}", min(KILLS_A_TRAINING, n - attempt * KILLS_A_TRAINING)
        for _ in range(hits):
            process = training.start(out)
            time.sleep(rng.uniform(0, lasts))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        fault = training.ended(training.start(out)) or _differs(training, out)
        for _ in range(hits):  # what became of the training is what became of each of its kills
            outcome, _, about = fault.partition(":")
            tally.note(outcome or "survived", about)
    return tally


def _must_end(training: Training, out: str) -> None:
    if fault := training.ended(training.start(out)):
        raise RuntimeError(f"{training.kind}: cannot be trained at all: {fault}")


def _differs(training: Training, out: str) -> str:
    """Say in what a training differs from the one that was never killed."""
    whole, other = training.folder / "whole", training.folder / out
    for name in ("weights.npz", "spikes.npz", "spike_counts.csv", "activity.csv"):
        files = [place / name for place in (whole, other)]
        if files[0].exists() and files[0].read_bytes() != files[1].read_bytes():
            return f"wrong: {name} is another"
    tables = [
        pd.read_csv(place / "metrics.csv").drop(columns="seconds") for place in (whole, other)
    ]
    if not tables[0].equals(tables[1]):
        return "wrong: metrics.csv is another"
    left = [file.name for file in other.glob(".*.tmp")]
    left += [file.name for file in training.folder.glob("synfire-*")]
    return f"wrong: left behind: {left}" if left else ""
