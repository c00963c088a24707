"""What a script of this folder is given and hands back.

Each of them shows the same network the same samples in one simulator, in an interpreter that has
this simulator: ``python SCRIPT TASK.npz RESULT.json``.  This file needs nothing but NumPy.

A time step is a step of the chip.  Sources spike in the steps `volleys` of each sample, those whose
`patterns` are 1; neurons sum the weights that arrive and forget all in each step, and spike if the
sum is above the threshold, one step after the spikes that made it so.
"""

from __future__ import annotations

import json
import platform
import zlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

__all__ = ["RULE", "Given", "read", "write"]

RULE = "2^1*x0*y1 - 2^1*x0*x1"
"""Change of a learning weight; the impulse of x1 is 1, that of y1 is `IMPULSE`, and both traces
are gone in the next step."""
IMPULSE = 8


@dataclass(frozen=True)
class Given:
    """A network and its samples.

    `weights`: whole numbers, [pre][post], of both projections; with `learns`, the first one
    learns.  `before` samples are shown first; then `samples` are timed.
    """

    weights: tuple[np.ndarray, np.ndarray]
    thresholds: tuple[int, int]
    patterns: np.ndarray
    volleys: tuple[int, ...]
    steps: int
    learns: bool
    before: int
    samples: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Sources, hidden and output neurons."""
        first, second = self.weights
        return first.shape[0], first.shape[1], second.shape[1]

    def spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the step and the source of all spikes, in the order of time."""
        sample, source = np.nonzero(self.patterns[: self.before + self.samples])
        steps = np.concatenate([sample * self.steps + volley for volley in self.volleys])
        order = np.argsort(steps, kind="stable")
        return steps[order], np.tile(source, len(self.volleys))[order]


def read(file: str) -> Given:
    """Read what is given."""
    with np.load(file) as found:
        names = ("steps", "learns", "before", "samples")
        numbers = {name: int(found[name]) for name in names}
        return Given(
            weights=(found["first"].astype(int), found["second"].astype(int)),
            thresholds=tuple(found["thresholds"].tolist()),
            patterns=found["patterns"].astype(bool),
            volleys=tuple(found["volleys"].tolist()),
            **{**numbers, "learns": bool(numbers["learns"])},
        )


def write(
    file: str,
    given: Given,
    seconds: float,
    counts: tuple[np.ndarray, np.ndarray],
    learnt: np.ndarray | None,
    packages: tuple[str, ...],
) -> None:
    """Write the time of a sample, how often each neuron spiked, and what was learnt.

    `seconds` is that of the timed samples, `counts` are of all samples that were shown, `learnt`
    is as the first of the weights, `packages` are those whose versions are told.
    """
    digest = None
    if given.learns:
        digest = zlib.crc32(np.ascontiguousarray(learnt, dtype="<i4").tobytes())
    hidden, output = (np.asarray(one).astype(int).tolist() for one in counts)
    result = {
        "ms": 1000 * seconds / given.samples,
        "hidden": hidden,
        "output": output,
        "weights": digest,
        "versions": {name: version(name) for name in packages}
        | {"python": platform.python_version()},
    }
    Path(file).write_text(json.dumps(result))
