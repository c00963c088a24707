"""What the benchmark compares: plain NumPy, the oracle, and compiled circuits, on the same samples.

Each contender has a method or function that shows the first n samples of a task, starting from the
task's weights; all of them do the same work and must end with the same weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synfire_bp.bench.traffic import Traffic, delivered, learning, spikes_per_step
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.numbers import FULL, HALF, WEIGHT_LIMIT
from synfire_bp.circuit.rule import parse_rule
from synfire_bp.circuit.weights import from_copy
from synfire_bp.engines.base import strays
from synfire_bp.errors import ExperimentError
from synfire_bp.network.numbers import chip_step_numbers
from synfire_bp.oracle import Algorithm, Samples, learn
from synfire_bp.program import Program, ProgramResult, SampleFiles

__all__ = [
    "CompiledCircuit",
    "Inspection",
    "Task",
    "different_weights",
    "show_numpy",
    "show_oracle",
    "train_plain",
]

_COUNTED = 1000
"""Samples whose spikes are recorded one by one, to count what learns."""


@dataclass(frozen=True)
class Task:
    """Samples in the order in which they are shown, and the weights to begin with.

    Attributes
    ----------
    inputs : uint8 array, shape (before + samples, n_in)
        Binary patterns.
    labels : int64 array, shape (before + samples,)
        Labels.
    weights : tuple of int16 arrays
        Initial weights.
    rule : str
        Learning rule; must add with reward what it takes without.
    limit : int
        Weights are clipped to plus or minus this.
    before, samples : int
        Timed are the last `samples`; see `synfire_bp.bench.measuring`.
    step : int
        What the rule adds to a weight, or takes from it.

    Raises
    ------
    ExperimentError
        If the rule is not symmetric.
    """

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    weights: tuple[NDArray[np.int16], ...]
    rule: str
    limit: int
    before: int
    samples: int
    step: int = field(init=False)

    def __post_init__(self) -> None:
        """Read the step from the rule."""
        potentiation, depression = parse_rule(self.rule).coincidence()
        if potentiation != -depression:
            raise ExperimentError(
                f"learning.rule: '{self.rule}' adds {potentiation} with reward and {depression} "
                "without; the benchmark needs a rule that takes what it adds, as "
                "dw = 4*r1*x0*y0 - 2*x0*y0"
            )
        object.__setattr__(self, "step", potentiation)

    @property
    def shown(self) -> int:
        """Samples in all."""
        return self.before + self.samples

    @cached_property
    def prepared(self) -> Samples:
        """The samples as the oracle takes them, once for a whole training."""
        return Samples.of(self.inputs, self.labels, self.weights[-1].shape[1])


def train_plain(
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    w1: NDArray[np.float64],
    w2: NDArray[np.float64],
    *,
    step: int = 2,
    limit: int = WEIGHT_LIMIT,
) -> None:
    """Train on one sample after the other: the algorithm as somebody would write it in NumPy.

    Float64, vectors and outer products, nothing skipped and nothing tuned (paper: Methods).  All
    its numbers are whole, so it ends with the weights of the oracle (semantics "circuit").

    Parameters
    ----------
    inputs : integer array, shape (n, n_in)
        Binary patterns, 0 or 1.
    labels : integer array, shape (n,)
        Labels, 0 … n_out-1.
    w1, w2 : float64 arrays, shapes (n_in, n_hid) and (n_hid, n_out)
        Initial weights; **changed in place**.
    step : int
        What an error adds to a weight, or takes from it.
    limit : int
        Weights are clipped to plus or minus this.
    """
    targets = np.eye(w2.shape[1])
    for x, t in zip(inputs.astype(np.float64), targets[labels], strict=True):
        a1 = x @ w1
        h = (a1 > HALF).astype(np.float64)
        a2 = h @ w2
        o = (a2 > HALF).astype(np.float64)
        d2 = (t - o) * ((a2 > 0) & (a2 <= FULL))
        d1 = np.sign(w2 @ d2) * ((a1 > 0) & (a1 <= FULL))
        w2 += step * np.outer(h, d2)
        w1 += step * np.outer(x, d1)
        np.clip(w2, -limit, limit, out=w2)
        np.clip(w1, -limit, limit, out=w1)


def show_numpy(task: Task, n: int) -> Sequence[NDArray[np.float64]]:
    """Train in plain NumPy on the first n samples; return the weights."""
    w1, w2 = (matrix.astype(np.float64) for matrix in task.weights)
    train_plain(task.inputs[:n], task.labels[:n], w1, w2, step=task.step, limit=task.limit)
    return w1, w2


def show_oracle(task: Task, n: int) -> Sequence[NDArray[np.int16]]:
    """Train the oracle on the first n samples; return the weights."""
    weights = tuple(matrix.copy() for matrix in task.weights)
    sizes = (*(len(matrix) for matrix in weights), task.prepared.n_out)
    algorithm = Algorithm(sizes, potentiation=task.step, depression=-task.step, limit=task.limit)
    learn(task.prepared, weights, np.arange(n), algorithm)
    return weights


def different_weights(a: Sequence[NDArray], b: Sequence[NDArray]) -> int:
    """Return the number of weights that differ."""
    return sum(int(np.count_nonzero(x != y)) for x, y in zip(a, b, strict=True))


@dataclass(frozen=True)
class Inspection:
    """What a circuit did with a task's samples.

    Attributes
    ----------
    strays : int
        Spikes in phases in which their population must be silent.
    different : int
        Weights, of all copies, that differ from the oracle's.
    traffic : Traffic
        What a timed sample moved, on average.
    """

    strays: int
    different: int
    traffic: Traffic


class CompiledCircuit:
    """A compiled training circuit with a task.

    Parameters
    ----------
    program : Program
        The compiled circuit.
    circuit : Circuit
        Its circuit; the closing bias is a number, so one program serves several.
    task : Task
        What it is shown.
    files : SampleFiles
        The task's samples.
    """

    def __init__(self, program: Program, circuit: Circuit, task: Task, files: SampleFiles):
        self.program, self.circuit, self.task = program, circuit, task
        self._files = files
        rule = parse_rule(task.rule)
        start = chip_step_numbers(circuit, PlasticLayout(circuit), task.weights, rule)
        self._numbers = start | {"cells.record_from": 0, "cells.record_until": 0}

    def show(self, n: int) -> ProgramResult:
        """Show the first n samples."""
        return self.on(self.program, n)

    def on(self, program: Program, n: int, **numbers: int) -> ProgramResult:
        """Show the first n samples to another program of this circuit, with some other numbers."""
        changed: dict[str, NDArray | int]
        changed = {f"cells.{name}": value for name, value in numbers.items()}
        return program.run(self._numbers | changed, self._files, np.arange(n))

    def inspect(self, expected: Sequence[NDArray[np.integer]]) -> Inspection:
        """Show all samples once, untimed, and see what the circuit did.

        Spikes are counted over all timed samples; in which of them a row learns is counted in up
        to 1,000 of them, the ones in the middle.

        Parameters
        ----------
        expected : sequence of integer arrays
            The oracle's weights afterwards.
        """
        task, circuit = self.task, self.circuit
        counted = min(task.samples, _COUNTED)
        begin = task.before + (task.samples - counted) // 2
        first = self._census(self.show(task.before))
        result = self.on(self.program, task.shown, record_from=begin, record_until=begin + counted)
        census = self._census(result)
        timed = {name: census[name] - first[name] for name in census}
        per_step = spikes_per_step(
            circuit, result.arrays["recorder.i"], result.arrays["recorder.step"]
        )
        copies = PlasticLayout(circuit).unpack(result.arrays["plastic.w"])
        return Inspection(
            sum(stray.spikes for stray in strays(circuit, census)),
            different_weights(
                [from_copy(row, matrix) for row, matrix in copies.items()],
                [expected[row.layer] for row in copies],
            ),
            Traffic(
                delivered(circuit, timed) / task.samples, learning(circuit, per_step) / counted
            ),
        )

    def _census(self, result: ProgramResult) -> dict[str, NDArray[np.integer]]:
        table = result.arrays["census.total"].reshape(-1, self.circuit.n_phases)
        return dict(zip(self.circuit.slices, table, strict=True))
