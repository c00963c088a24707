"""Bits that flip in the files of a run: each is noticed, named, and mended where it can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tally import Tally

import synfire_bp as sb
from synfire_bp.errors import SynfireError
from synfire_bp.runs import load_checkpoint

READ = {
    "experiment.yaml": lambda run: run.experiment.to_yaml(),
    "metrics.csv": lambda run: run.metrics.to_csv(),
    "activity.csv": lambda run: run.activity.to_csv(),
    "spike_counts.csv": lambda run: run.spike_counts.to_csv(),
    "weights.npz": lambda run: _bits(run.weights),
    "spikes.npz": lambda run: _bits(run._spike_arrays),
    "provenance.json": lambda run: run.provenance,
    "checkpoint.npz": lambda run: _bits(load_checkpoint(run.path / "checkpoint.npz").weight_arrays),
    "manifest.json": lambda run: run.metrics.to_csv(),
}
ALONE = ("spikes.npz", "checkpoint.npz")
"""What no other file holds."""


def _bits(arrays):
    return {name: (a.dtype.str, a.shape, a.tobytes()) for name, a in arrays.items()}


def flips(n: int, folder: Path, seed: int = 0) -> list[Tally]:
    """Flip so many bits in all, evenly over the files of a run."""
    changes = ["network.sizes=[64, 8, 10]", "training.samples=200", "training.epochs=2",
               "record.samples=20"]  # fmt: skip
    experiment = sb.Experiment.from_file("digits", changes)
    run = sb.train(experiment, engine="circuit", out=folder / "run", quiet=True)
    rng = np.random.default_rng(seed)
    return [
        _file(run.path, name, len(range(place, n, len(READ))), rng)
        for place, name in enumerate(READ)
    ]


def _file(path: Path, name: str, n: int, rng: np.random.Generator) -> Tally:
    tally, file = Tally(f"flipped bit, {name}"), path / name
    whole, right = file.read_bytes(), READ[name](sb.Run(path))
    for _ in range(n):
        flipped, place = bytearray(whole), int(rng.integers(len(whole)))
        flipped[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(flipped)
        tally.note(*_outcome(path, name, right, place))
        if name not in ALONE:
            sb.check_run(path, restore=True)
            if name != "provenance.json" and file.read_bytes() != whole:
                tally.note("wrong", f"byte {place}: not mended")
        file.write_bytes(whole)
        sb.check_run(path, accept=True)
    return tally


def _outcome(path: Path, name: str, right: object, place: int) -> tuple[str, str]:
    try:
        found = READ[name](sb.Run(path))
    except SynfireError as error:
        named = name in str(error)
        return ("refused", "") if named else ("wrong", f"byte {place}: {error}")
    except Exception as error:
        return "tracebacks", f"byte {place}: {type(error).__name__}: {error}"
    return ("survived", "") if found == right else ("wrong", f"byte {place}: read as it is")
