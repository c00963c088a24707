"""The network that is shown to other simulators, and what has to come of it.

It is the forward part of the circuit: sources, hidden and output neurons without memory, whole
weights of 8 bits, some samples of twelve steps.  Sources spike in one step of each sample; with
learning in two, so that the second time the hidden neurons spike too, and the weights between
them change.  `expected` is worked out by NumPy.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import ExperimentError

__all__ = ["Outcome", "PeerTask", "drawn_task"]

STEPS = 12
"""Of a sample."""
ACTIVE = 0.25
"""Share of the sources that spike."""
VOLLEYS = {False: (2,), True: (2, 3)}
"""Whether it learns, to the steps in which the sources spike."""
LARGEST = {False: 254, True: 100}
"""Whether it learns, to the largest weight at the start."""
_LOWEST, _HIGHEST = -256, 254
_MOST = 2**15
"""What arrives in a step must stay below this: the chip's 21 bits, in units of 2^6."""
_LOST, _GAINED = 2, 16
"""What a spike takes of a weight, and what it adds if its target spikes too."""


class Outcome(NamedTuple):
    """What came of a task: how often each neuron spiked, and a digest of the weights, if learnt."""

    hidden: tuple[int, ...]
    output: tuple[int, ...]
    weights: int | None

    def differs(self, other: Outcome) -> str:
        """Name what is not the same in another one; nothing if all is."""
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in self._fields}
        return ", ".join(name for name, (mine, theirs) in pairs.items() if mine != theirs)


@dataclass(frozen=True)
class PeerTask:
    """A network with its samples.

    Attributes
    ----------
    first, second : array of int
        Weights of sources to hidden, and hidden to output neurons; [pre][post].
    thresholds : (int, int)
        Of hidden and output neurons, which spike above them.
    patterns : array of bool
        For each sample, which sources spike.
    learns : bool
        Whether the first weights change.
    before, samples : int
        Samples that are shown first, and those that are timed.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    thresholds: tuple[int, int]
    patterns: NDArray[np.bool_]
    learns: bool
    before: int
    samples: int

    def npz(self) -> bytes:
        """Return the task as the scripts of the peers read it."""
        file = io.BytesIO()
        np.savez_compressed(
            file, first=self.first, second=self.second, thresholds=self.thresholds,
            patterns=self.patterns, learns=self.learns, before=self.before, samples=self.samples,
            volleys=VOLLEYS[self.learns], steps=STEPS,
        )  # fmt: skip
        return file.getvalue()

    def expected(self) -> Outcome:
        """Return what comes of it, worked out by NumPy.

        Raises
        ------
        ExperimentError
            If more arrives in a step than the chip can add up.
        """
        weights = self.first.copy()
        hidden, output = (np.zeros(n, dtype=int) for n in self.second.shape)
        for pattern in self.patterns:
            fired = np.zeros(len(hidden), dtype=bool)
            for _ in VOLLEYS[self.learns]:
                rows = weights[pattern]
                arrived = _within(rows.sum(axis=0))
                if self.learns:
                    weights[pattern] = np.clip(rows - _LOST + _GAINED * fired, _LOWEST, _HIGHEST)
                fired = arrived > self.thresholds[0]
                hidden += fired
                output += _within(self.second[fired].sum(axis=0)) > self.thresholds[1]
        digest = zlib.crc32(weights.astype("<i4").tobytes()) if self.learns else None
        return Outcome(tuple(hidden.tolist()), tuple(output.tolist()), digest)


def _within(arrived: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what arrives in a step; refuse what the chip would not hold."""
    if np.abs(arrived).max() >= _MOST:
        raise ExperimentError(
            "more arrives in a step than the chip adds up; make the layers of the network smaller"
        )
    return arrived


def drawn_task(
    sizes: tuple[int, int, int], seed: int, *, learns: bool, before: int, samples: int
) -> PeerTask:
    """Draw a network, and samples; with more of them, the first ones stay the same.

    Examples
    --------
    >>> task = drawn_task((40, 20, 10), 1, learns=False, before=1, samples=2)
    >>> task.patterns.shape
    (3, 40)
    """
    rng = np.random.default_rng([seed, learns])
    largest = LARGEST[learns]
    shapes = (sizes[:2], sizes[1:])
    first, second = (2 * rng.integers(-largest // 2, largest // 2 + 1, shape) for shape in shapes)
    # a quarter of the neurons spike if that many spikes arrive: 0.67 standard deviations
    thresholds = tuple(
        round(0.67 * largest / np.sqrt(3) * np.sqrt(max(ACTIVE * n, 1))) for n in sizes[:2]
    )
    patterns = rng.random((before + samples, sizes[0])) < ACTIVE
    return PeerTask(first, second, thresholds, patterns, learns, before, samples)
