"""What a run directory holds: the names of its files, and the columns of its tables.

    experiment.yaml    the model, every default written out
    metrics.csv        one row per evaluation and split
    activity.csv       sparsity, weight changes, … per evaluation
    spike_counts.csv   spikes per population and phase
    weights.npz        w1, w2, … and w1_init, w2_init, … (int16, pre x post); once finished.
                       b2, … if errors come back through a matrix of its own in W2's place
    spikes.npz         recorded spikes, if any
    provenance.json    versions, commit, checksums, machine, time, and the model once more
    checkpoint.npz     where the training stands
    manifest.json      SHA-256 of the files above but for the checkpoint, which holds its own

The checkpoint is the truth: everything that grows during a training is written from it, and again
when the training is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "ACTIVITY",
    "CHECKPOINT",
    "EXPERIMENT",
    "METRICS",
    "METRIC_COLUMNS",
    "NOT_KNOWN_BEFORE",
    "PROVENANCE",
    "SPIKES",
    "SPIKE_COUNTS",
    "SPIKE_COUNT_COLUMNS",
    "WEIGHTS",
    "metrics_of_now",
]

EXPERIMENT = "experiment.yaml"
METRICS = "metrics.csv"
ACTIVITY = "activity.csv"
SPIKE_COUNTS = "spike_counts.csv"
WEIGHTS = "weights.npz"
SPIKES = "spikes.npz"
PROVENANCE = "provenance.json"
CHECKPOINT = "checkpoint.npz"

METRIC_COLUMNS = (
    "epoch",
    "split",
    "samples",
    "accuracy_spikes",
    "accuracy_argmax",
    "accuracy_potential",
    "silent",
    "exact",
    "mse",
    "seconds",
)
NOT_KNOWN_BEFORE = ("accuracy_spikes", "silent")
"""Metrics that runs of version 0.1.0 and before do not have: what they called `accuracy_spikes` is
`accuracy_argmax` now."""
SPIKE_COUNT_COLUMNS = ("epoch", "population", "phase", "spikes")


def metrics_of_now(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of metrics by today's columns; what was not counted then is None."""
    if "accuracy_argmax" in row or "accuracy_spikes" not in row:
        return dict(row)
    unknown = dict.fromkeys(NOT_KNOWN_BEFORE)
    known = {**row, "accuracy_argmax": row["accuracy_spikes"], **unknown}
    return {name: known[name] for name in METRIC_COLUMNS if name in known}
