"""Bits that flip in the files of a run: each is noticed, named, and mended where it can be."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
from tally import Tally

import synfire_bp as sb
from synfire_bp.errors import SynfireError
from synfire_bp.program.digests import damage
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
CACHED = ("main", "program.json", "about.json", "digests.json")
"""Files of a compiled program."""
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
    rng, kinds = np.random.default_rng(seed), len(READ) + len(CACHED)
    tallies = [
        _file(run.path, name, len(range(place, n, kinds)), rng) for place, name in enumerate(READ)
    ]
    places = enumerate(CACHED, start=len(READ))
    counts = {name: len(range(place, n, kinds)) for place, name in places}
    return [*tallies, *(_cached(experiment, folder, name, n, rng) for name, n in counts.items())]


def _file(path: Path, name: str, n: int, rng: np.random.Generator) -> Tally:
    tally, file = Tally(f"flipped bit, {name}"), path / name
    whole, right = file.read_bytes(), READ[name](sb.Run(path))
    for _ in range(n):
        place = _flip(file, whole, rng)
        tally.note(*_outcome(path, name, right, place))
        if name not in ALONE:
            sb.check_run(path, restore=True)
            if name != "provenance.json" and file.read_bytes() != whole:
                tally.note("wrong", f"byte {place}: not mended")
        file.write_bytes(whole)
        sb.check_run(path, accept=True)
    return tally


def _cached(experiment, folder: Path, name: str, n: int, rng: np.random.Generator) -> Tally:
    """Flip bits in a cached program; the last of them while a training asks for it."""
    tally, cache = Tally(f"flipped bit, cached {name}"), folder / "cache"
    with patch.dict(os.environ, {"SYNFIRE_BP_CACHE": str(cache)}):
        right = _bits(_trained(experiment, folder / f"{name}-whole").weights)
        for program in cache.glob("[0-9a-f]" * 24):
            file = program / name
            whole, mode = file.read_bytes(), file.stat().st_mode
            for _ in range(-(-n // 2)):
                if tally.tried < n:
                    place = _flip(file, whole, rng)
                    noticed = damage(program) is not None
                    tally.note("refused" if noticed else "wrong", f"byte {place}: not noticed")
                    file.write_bytes(whole)
                    file.chmod(mode)
            _flip(file, whole, rng)
        with warnings.catch_warnings(record=True):
            found = _bits(_trained(experiment, folder / f"{name}-flipped").weights)
    if found != right:
        tally.note("wrong", "a training with it ends with other bits")
    return tally


def _trained(experiment, out: Path) -> sb.Run:
    return sb.train(experiment, engine="circuit", out=out, quiet=True)


def _flip(file: Path, whole: bytes, rng: np.random.Generator) -> int:
    """Flip one bit of a file; return which byte it is in."""
    flipped, place = bytearray(whole), int(rng.integers(len(whole)))
    flipped[place] ^= 1 << int(rng.integers(8))
    file.write_bytes(flipped)
    return place


def _outcome(path: Path, name: str, right: object, place: int) -> tuple[str, str]:
    try:
        found = READ[name](sb.Run(path))
    except SynfireError as error:
        named = name in str(error)
        return ("refused", "") if named else ("wrong", f"byte {place}: {error}")
    except Exception as error:
        return "tracebacks", f"byte {place}: {type(error).__name__}: {error}"
    return ("survived", "") if found == right else ("wrong", f"byte {place}: read as it is")
