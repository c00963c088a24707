"""Checkpoints with weights and rows that no training wrote."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from synfire_bp.runs import METRIC_COLUMNS, Checkpoint


def random_weights(seed, sizes=(12, 8, 3)):
    rng = np.random.default_rng(seed)
    return tuple(2 * rng.integers(-127, 128, shape).astype(np.int16) for shape in pairwise(sizes))


def metric_rows(epoch, seed):
    """Return a row per split, with fractions that no short decimal equals."""
    values = np.random.default_rng(seed).random((2, len(METRIC_COLUMNS) - 3)).tolist()
    return [
        dict(zip(METRIC_COLUMNS, (epoch, split, 40, *row), strict=True))
        for split, row in zip(("train", "test"), values, strict=True)
    ]


def a_checkpoint(experiment, *, engine="oracle", epoch=1, position=0, seed=0, **others):
    return Checkpoint(
        engine=engine,
        fingerprint=experiment.fingerprint(),
        epoch=epoch,
        position=position,
        weights=random_weights(seed),
        initial_weights=random_weights(seed + 1000),
        counters={
            "score": [1, 2, 3, 4, 5, [3, 0, 0]],
            "activity": {"hidden_spikes": 7},
            "seconds": 0.1,
        },
        metrics=metric_rows(float(epoch), seed),
        activity=[{"epoch": float(epoch), "hidden_active": 1 / 3}],
        spike_counts=[{"epoch": float(epoch), "population": "h<", "phase": 2, "spikes": 9}],
        seconds=1.25,
        **others,
    )
