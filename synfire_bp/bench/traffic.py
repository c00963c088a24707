"""What a sample moves: synapses touched, bytes of weights, and the time that memory allows for it.

A spike is delivered through all the plastic synapses of its neuron: each weight is read (2 bytes).
In a step in which some target of such a row fires as well, the row learns: each weight is read and
written (4 bytes).  Rows are formed as the compiled circuit forms them (`synfire_bp.dense`):
populations that lie next to each other and are reached from one neuron are one row.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from synfire_bp.bench.measuring import Measure
from synfire_bp.circuit.circuit import Circuit

__all__ = [
    "WEIGHT_BYTES",
    "Bandwidth",
    "Bound",
    "Traffic",
    "delivered",
    "learning",
    "measured_bandwidth",
    "memory_bound",
    "spikes_per_step",
]

WEIGHT_BYTES = 2
_STREAMED = 2**27
"""Bytes that one measurement of the bandwidth moves at least."""


@dataclass(frozen=True)
class Traffic:
    """Plastic synapses that a sample touches, on average, and the bytes of weights that it moves.

    Attributes
    ----------
    delivered : float
        Synapses through which spikes were delivered: spikes times targets.
    learning : float
        Synapses that the learning loop went through.
    """

    delivered: float
    learning: float

    @property
    def read_bytes(self) -> float:
        """Bytes read to deliver spikes."""
        return WEIGHT_BYTES * self.delivered

    @property
    def learning_bytes(self) -> float:
        """Bytes read and written to learn."""
        return 2 * WEIGHT_BYTES * self.learning


@dataclass(frozen=True)
class Bandwidth:
    """What one core streams of an array of `working_set` bytes, in GB/s (10^9 bytes).

    `read`: summing it up; `update`: adding to each entry, bytes read and bytes written counted.
    """

    working_set: int
    read: Measure
    update: Measure


@dataclass(frozen=True)
class Bound:
    """Least time of a sample, in ms: its bytes at the bandwidth of an array of all weights' size.

    `bytes` is the sum of those read to deliver spikes and those read and written to learn.
    """

    ms: float
    bytes: float
    traffic: Traffic
    bandwidth: Bandwidth


def delivered(circuit: Circuit, spikes: Mapping[str, NDArray[np.integer]]) -> int:
    """Return through how many plastic synapses spikes were delivered.

    Parameters
    ----------
    circuit : Circuit
        The circuit.
    spikes : mapping
        Population to its spikes, per phase.
    """
    sizes = circuit.population_sizes
    return sum(int(np.sum(spikes[row.pre])) * sizes[row.post] for row in circuit.plastic)


def spikes_per_step(
    circuit: Circuit, cell: NDArray[np.integer], step: NDArray[np.integer]
) -> dict[str, NDArray[np.int64]]:
    """Return how many neurons of each population fired in each step.

    Parameters
    ----------
    circuit : Circuit
        The circuit.
    cell, step : integer arrays, shape (spikes,)
        Recorded spikes: which of all cells, and when, from 0.
    """
    n_steps = int(step.max()) + 1 if step.size else 0
    return {
        name: np.bincount(step[(cell >= place.start) & (cell < place.stop)], minlength=n_steps)
        for name, place in circuit.slices.items()
    }


def learning(circuit: Circuit, per_step: Mapping[str, NDArray[np.integer]]) -> int:
    """Return how many plastic synapses the learning loop went through.

    Parameters
    ----------
    circuit : Circuit
        The circuit.
    per_step : mapping
        Population to the number of its spikes in each step, as from `spikes_per_step`.
    """
    touched = 0
    for pre, targets in _rows(circuit):
        length = sum(circuit.population_sizes[name] for name in targets)
        coincident = np.sum([per_step[name] for name in targets], axis=0) > 0
        touched += int(per_step[pre][coincident].sum()) * length
    return touched


def _rows(circuit: Circuit) -> list[tuple[str, list[str]]]:
    """Return (pre, its targets) for each stretch of targets that lie next to each other."""
    rows: list[tuple[str, list[str]]] = []
    places = circuit.slices
    for row in sorted(circuit.plastic, key=lambda p: (places[p.pre].start, places[p.post].start)):
        if rows and rows[-1][0] == row.pre:
            targets = rows[-1][1]
            if places[targets[-1]].stop == places[row.post].start:
                targets.append(row.post)
                continue
        rows.append((row.pre, [row.post]))
    return rows


def memory_bound(traffic: Traffic, bandwidth: Bandwidth) -> Bound:
    """Return the least time that a sample can take if memory alone counts."""
    seconds = (
        traffic.read_bytes / bandwidth.read.median
        + traffic.learning_bytes / bandwidth.update.median
    ) / 1e9
    return Bound(1000 * seconds, traffic.read_bytes + traffic.learning_bytes, traffic, bandwidth)


def measured_bandwidth(working_set: int, repeats: int) -> Bandwidth:
    """Measure what this core streams of an array of so many bytes."""
    values = np.ones(max(working_set // 8, 1), dtype=np.int64)  # four weights an entry
    passes = max(1, -(-_STREAMED // values.nbytes))
    add_up, add_to = _streams()
    read: list[float] = []
    update: list[float] = []
    for _ in range(repeats):
        for stream, rates, moved in ((add_up, read, 1), (add_to, update, 2)):
            begin = time.perf_counter()
            stream(values, passes)
            seconds = time.perf_counter() - begin
            rates.append(moved * passes * values.nbytes / seconds / 1e9)
    return Bandwidth(values.nbytes, Measure.of(read), Measure.of(update))


@lru_cache(maxsize=1)
def _streams() -> tuple[Callable[[NDArray[np.int64], int], object], ...]:
    """Compile what reads an array again and again, and what adds to it."""
    from numba import njit  # a quarter of a second

    @njit
    def add_up(values, passes):  # type: ignore[no-untyped-def]
        total = 0
        for k in range(passes):
            for i in range(values.size):
                total += values[i] ^ k  # differs from pass to pass, or one would do for all
        return total

    @njit
    def add_to(values, passes):  # type: ignore[no-untyped-def]
        for k in range(passes):
            for i in range(values.size):
                values[i] += k

    for stream in (add_up, add_to):
        stream(np.ones(1, dtype=np.int64), 1)
    return add_up, add_to
