"""Beside NEST: the same lessons, from the same weights, interval by interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from nest_setup import by_nest

from synfire_bp.rivals import read_rival
from synfire_bp.rivals.eprop.evidence import evidence_lesson
from synfire_bp.rivals.eprop.network import Setup
from synfire_bp.rivals.eprop.pattern import pattern_lesson
from synfire_bp.rivals.eprop.simulation import simulate

PROJECTIONS = ("inputs", "recurrent", "readout")


def pattern(*changes):
    """Return the setup of the shipped model that generates a pattern."""
    model = read_rival("eprop_pattern", changes)
    lesson, weights = pattern_lesson(model.task, model.cells, model.seed)
    parts = (model.cells, model.readout, model.learning)
    return Setup(*parts, lesson, weights, records_spikes=True)


def evidence(*changes):
    """Return the setup of the shipped model that weighs evidence."""
    model = read_rival("eprop_evidence", changes)
    intervals = model.task.iterations * model.learning.batch
    lesson, weights = evidence_lesson(model.task, model.cells, intervals, model.seed)
    parts = (model.cells, model.readout, model.learning)
    return Setup(*parts, lesson, weights, records_spikes=True)


def compared(name, setup, folder: Path, *, compiled=True):
    """Return two tables: a row per interval, and a row per projection."""
    theirs = by_nest(setup, folder)
    ours = simulate(setup, compiled=compiled)
    steps, n = setup.lesson.steps, setup.lesson.intervals
    differ = _pairs(*ours.spikes) ^ _pairs(theirs["steps"], theirs["cells"])
    per = np.bincount(np.array([step for step, _ in differ], int) // steps, minlength=n)[:n]
    losses = pd.DataFrame(
        {
            "task": name,
            "interval": np.arange(1, n + 1),
            "loss": ours.loss,
            "loss_nest": theirs["loss"],
            "difference": np.abs(ours.loss - theirs["loss"]) / np.abs(theirs["loss"]),
            "spikes": ours.fired.sum(axis=1).astype(int),
            "spikes_different": per,
        }
    )
    rows = []
    for projection in PROJECTIONS:
        mine, nest = getattr(ours.weights, projection), theirs[projection]
        moved = mine - getattr(setup.weights, projection)
        rows.append(
            {
                "task": name,
                "projection": projection,
                "weights": mine.size,
                "intervals": n,
                "largest_move": np.abs(moved).max(),
                "largest_difference": np.abs(mine - nest).max(),
                "relative_difference": np.abs(mine - nest).max() / np.abs(nest).max(),
                "nest": str(theirs["version"]),
            }
        )
    return losses, pd.DataFrame(rows)


def _pairs(steps, cells):
    return set(zip(steps.tolist(), cells.tolist(), strict=True))
