"""A small sweep that learns something in milliseconds, and what an undisturbed one of it leaves."""

from __future__ import annotations

import os
import signal

import numpy as np

from synfire_bp.sweep import VOLATILE, Sweep, SweepStore, planned_runs, read_sweep
from synfire_bp.sweep.worker import Task, run_task

SWEEP = """\
name: tiny
model: tiny.yaml
fixed: {training.epochs: 60}
parameters:
  network.weight_limit: {low: 120, high: 254, multiple_of: 2}
  network.initial_spread: {low: 0.5, high: 2, log: true}
design: {kind: latin_hypercube, samples: 12}
seeds: 3
record: [train, silent_outputs]
"""

MODEL = """\
name: tiny
dataset: {name: npz, path: tiny.npz}
network: {sizes: [12, 8, 3]}
training: {epochs: 3}
"""


def write_scene(folder, *, sweep=SWEEP):
    """Write the sweep file, its model and its data; return the sweep file."""
    rng = np.random.default_rng(0)
    prototypes, arrays = rng.random((3, 12)) < 0.5, {}
    for split, n in (("train", 40), ("test", 20)):
        labels = np.arange(n) % 3
        arrays[f"y_{split}"] = labels
        flipped = rng.random((n, 12)) < 0.1
        arrays[f"x_{split}"] = 255 * (prototypes[labels] ^ flipped).astype(np.uint8)
    np.savez(folder / "tiny.npz", **arrays)
    (folder / "tiny.yaml").write_text(MODEL)
    (folder / "sweep.yaml").write_text(sweep)
    return folder / "sweep.yaml"


def outcome_of(sweep, run, **task):
    """Do one run of a sweep in this process."""
    described = run.experiment(sweep.base).model_dump(mode="json")
    return run_task(Task(run.run, described, sweep.engine, tuple(sweep.record), **task))


def undisturbed(file, out):
    """Do a sweep run by run in this process, and return its tables."""
    sweep = Sweep.from_file(file)
    planned = planned_runs(sweep)
    with SweepStore.open(out, sweep, planned) as store:
        for run in planned:
            store.append([outcome_of(sweep, run)])
        store.merge()
    return read_sweep(out)


def assert_same_tables(tables, expected):
    """Compare both tables row by row, but for when, where and how fast they were made."""
    for table, other in zip(tables, expected, strict=True):
        drop = [name for name in VOLATILE if name in table.columns]
        rows, others = (t.drop(columns=drop) for t in (table, other))
        assert list(rows.columns) == list(others.columns)
        assert len(rows) == len(others)
        for name in rows.columns:
            left, right = rows[name].tolist(), others[name].tolist()
            for a, b in zip(left, right, strict=True):
                same = np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b or a != a
                assert same, (name, a, b)


def dies_with_seed_1(task):
    """Do a run, but for one seed die on it, as if the system had no memory left."""
    if task.experiment["training"]["seed"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_task(task)
