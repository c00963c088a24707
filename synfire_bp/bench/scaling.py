"""How the cost of a sample grows with the size of the hidden and of the input layer.

Measured against the plastic synapses that a sample touches in the circuit, counted from its spikes;
a power law is fitted to the two.  At the model's own number of inputs the samples are the model's;
at any other they are **synthetic**: each keeps its label and its fraction of active inputs, which
lie at random places.  Nothing else is made up.

Sums grow with the layers.  Where they make a closed population fire, the closing bias is raised, up
to the chip's limit; stray spikes that are left then are reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from synfire_bp.bench.contenders import CompiledCircuit, Inspection, Task, show_oracle
from synfire_bp.bench.measuring import Timing, in_turns
from synfire_bp.bench.traffic import WEIGHT_BYTES, Bound, measured_bandwidth, memory_bound
from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.weights import initial_weights
from synfire_bp.engines.spec import CircuitProgram
from synfire_bp.model.sections import WIDEST_CLOSING
from synfire_bp.program import Program, SampleFiles, build_programs
from synfire_bp.progress import WorkProgress

__all__ = [
    "Exponent",
    "Grid",
    "Point",
    "Series",
    "build_grid",
    "fit_exponent",
    "measure_scaling",
    "synthetic_inputs",
]

ENGINES = ("circuit", "oracle")
_AT_ONCE = 2  # builds
_SYNTHETIC_STREAM = 2  # first entry of the random stream's key; see weights.py and schedule.py


@dataclass(frozen=True)
class Grid:
    """Sizes of the hidden layer, at the model's inputs, and of the input layer, at its hidden."""

    hidden: tuple[int, ...] = (100, 200, 400, 800, 1600, 3200)
    inputs: tuple[int, ...] = (100, 196, 400, 784, 1600, 3136)

    def sizes(self, base: tuple[int, int, int]) -> dict[str, list[tuple[int, int, int]]]:
        """Return the layer sizes of each series, given the model's."""
        n_in, n_hid, n_out = base
        return {
            "hidden": [(n_in, size, n_out) for size in self.hidden],
            "input": [(size, n_hid, n_out) for size in self.inputs],
        }


@dataclass(frozen=True)
class Exponent:
    """Exponent of a power law fitted to `points` points, and its 95 % interval.

    Least squares of the logarithms; the interval needs three points or more.
    """

    exponent: float
    low: float | None
    high: float | None
    points: int


@dataclass(frozen=True)
class Point:
    """One size.

    Attributes
    ----------
    sizes : tuple of int
        Units of the layers.
    synthetic : bool
        Whether the inputs are synthetic.
    closing : int
        Closing bias that was used.
    strays : int
        Stray spikes at this bias; more than 0 only at the largest.
    different : int
        Weights, of all copies, that differ from the oracle's after the same samples.
    plastic_synapses : int
        Of the circuit.
    times : dict
        "circuit" and "oracle" to time of a sample.
    bound : Bound
        Least time of a sample of the circuit, and what it moves.
    """

    sizes: tuple[int, int, int]
    synthetic: bool
    closing: int
    strays: int
    different: int
    plastic_synapses: int
    times: dict[str, Timing]
    bound: Bound

    @property
    def touched(self) -> float:
        """Plastic synapses that a sample touches in the circuit."""
        return self.bound.traffic.delivered


@dataclass(frozen=True)
class Series:
    """Points in the order of the grid; `exponents` of the time against the synapses touched.

    An exponent is None if fewer than two sizes have a time above the noise.
    """

    points: tuple[Point, ...]
    exponents: dict[str, Exponent | None]


def fit_exponent(x: Sequence[float], y: Sequence[float]) -> Exponent | None:
    """Fit y = c * x**exponent by least squares of the logarithms.

    Points that are not above zero have no logarithm and are left out.  Returns None if fewer than
    two different x are left.
    """
    from scipy import stats  # half a second

    pairs = [(a, b) for a, b in zip(x, y, strict=True) if a > 0 and b > 0]
    if len({a for a, _ in pairs}) < 2:
        return None
    u, v = np.log(pairs).T
    u, v = u - u.mean(), v - v.mean()
    exponent, n = float(u @ v / (u @ u)), len(pairs)
    if n < 3:
        return Exponent(exponent, None, None, n)
    error = np.sqrt(np.sum((v - exponent * u) ** 2) / (n - 2) / (u @ u))
    half = float(stats.t.ppf(0.975, n - 2) * error)
    return Exponent(exponent, exponent - half, exponent + half, n)


def synthetic_inputs(inputs: NDArray[np.integer], n_in: int, seed: int) -> NDArray[np.uint8]:
    """Return inputs of another size: each as active as the one given, at random places.

    Parameters
    ----------
    inputs : integer array, shape (n, units)
        Binary patterns.
    n_in : int
        Units of the new ones.
    seed : int
        Same seed, same bits.

    Returns
    -------
    uint8 array, shape (n, n_in)
        Binary patterns; the number of active units is rounded.
    """
    key = np.random.SeedSequence(seed, spawn_key=(_SYNTHETIC_STREAM, n_in))
    active = np.rint(inputs.sum(axis=1, dtype=np.int64) * n_in / inputs.shape[1])
    ordered = (np.arange(n_in) < active[:, None]).astype(np.uint8)
    return np.random.Generator(np.random.PCG64(key)).permuted(ordered, axis=1)


def build_grid(
    circuit: Circuit, rule: str, grid: Grid, progress: WorkProgress
) -> dict[tuple[int, ...], Program]:
    """Compile the circuits of all sizes that are not there yet."""
    series = grid.sizes((circuit.sizes[0], circuit.sizes[1], circuit.sizes[2])).values()
    every = list(dict.fromkeys(sizes for one in series for sizes in one))
    progress.begin("scaling, compiling", len(every))
    programs: list[Program] = []
    for begin in range(0, len(every), _AT_ONCE):
        specs = [
            CircuitProgram(replace(circuit, sizes=sizes), rule)
            for sizes in every[begin : begin + _AT_ONCE]
        ]
        programs += build_programs(specs)
        progress.reached(len(programs))
    return dict(zip(every, programs, strict=True))


def measure_scaling(
    circuit: Circuit,
    task: Task,
    grid: Grid,
    programs: dict[tuple[int, ...], Program],
    *,
    seed: int,
    repeats: int,
    progress: WorkProgress,
) -> dict[str, Series]:
    """Measure the circuit and the oracle at all sizes of a grid, all of them in turns.

    Parameters
    ----------
    circuit : Circuit
        The model's training circuit.
    task : Task
        The model's task.
    grid : Grid
        The sizes.
    programs : dict
        Layer sizes to compiled circuit (`build_grid`).
    seed : int
        Of the initial weights and the synthetic inputs.
    repeats : int
        Rounds.
    progress : WorkProgress
        Where to show it.

    Returns
    -------
    dict
        "hidden" and "input" to their series.
    """
    tasks = {sizes: _resized(task, sizes, seed) for sizes in programs}
    with ExitStack() as stack:
        machines = _machines(circuit, tasks, programs, stack, progress)
        contenders: dict[str, Callable[[int], object]] = {}
        for sizes, (machine, _) in machines.items():
            contenders[f"circuit {sizes}"] = machine.show
            contenders[f"oracle {sizes}"] = partial(show_oracle, tasks[sizes])
        total = repeats * len(contenders) * (task.before + task.shown)
        progress.begin("scaling, measuring", total)
        times = in_turns(
            contenders, before=task.before, samples=task.samples, repeats=repeats,
            progress=progress.reached,
        )  # fmt: skip
    points = {
        sizes: _point(
            machine, found, {engine: times[f"{engine} {sizes}"] for engine in ENGINES},
            synthetic=sizes[0] != circuit.sizes[0], repeats=repeats,
        )
        for sizes, (machine, found) in machines.items()
    }  # fmt: skip
    wanted = grid.sizes((circuit.sizes[0], circuit.sizes[1], circuit.sizes[2]))
    return {layer: _series(tuple(points[sizes] for sizes in one)) for layer, one in wanted.items()}


def _machines(
    circuit: Circuit,
    tasks: dict[tuple[int, ...], Task],
    programs: dict[tuple[int, ...], Program],
    stack: ExitStack,
    progress: WorkProgress,
) -> dict[tuple[int, ...], tuple[CompiledCircuit, Inspection]]:
    """Return the circuits of all sizes, each checked; their samples are removed with the stack."""
    machines: dict[tuple[int, ...], tuple[CompiledCircuit, Inspection]] = {}
    files: dict[int, SampleFiles] = {}
    progress.begin("scaling, checking", len(programs))
    for sizes, program in programs.items():
        task = tasks[sizes]
        if sizes[0] not in files:
            files[sizes[0]] = stack.enter_context(SampleFiles(task.inputs, task.labels))
        machines[sizes] = _closed(
            program, replace(circuit, sizes=sizes), task, files[sizes[0]], progress
        )
        progress.reached(len(machines))
    return machines


def _point(
    machine: CompiledCircuit,
    found: Inspection,
    times: dict[str, Timing],
    *,
    synthetic: bool,
    repeats: int,
) -> Point:
    """Return what was measured at one size, with the bound of this machine's memory."""
    sizes, n_synapses = machine.circuit.sizes, machine.circuit.n_plastic_synapses
    bandwidth = measured_bandwidth(WEIGHT_BYTES * n_synapses, repeats)
    return Point(
        (sizes[0], sizes[1], sizes[2]), synthetic, machine.circuit.closing, found.strays,
        found.different, n_synapses, times, memory_bound(found.traffic, bandwidth),
    )  # fmt: skip


def _resized(task: Task, sizes: Sequence[int], seed: int) -> Task:
    n_in, inputs = sizes[0], task.inputs
    if n_in != inputs.shape[1]:
        inputs = synthetic_inputs(inputs, n_in, seed)
    weights = tuple(np.clip(w, -task.limit, task.limit) for w in initial_weights(sizes, seed))
    return replace(task, inputs=inputs, weights=weights)


def _closed(
    program: Program, circuit: Circuit, task: Task, files: SampleFiles, progress: WorkProgress
) -> tuple[CompiledCircuit, Inspection]:
    """Return the circuit with the least closing bias, of a few, without stray spikes."""
    expected = show_oracle(task, task.shown)
    for closing in _closings(circuit.closing):
        machine = CompiledCircuit(program, replace(circuit, closing=closing), task, files)
        found = machine.inspect(expected)
        if not found.strays:
            break
    if found.strays or found.different:
        progress.note(
            f"{'-'.join(map(str, circuit.sizes))}: {found.strays} stray spikes at the closing "
            f"bias {closing}, {found.different} weights differ from the oracle's"
        )
    return machine, found


def _closings(first: int) -> list[int]:
    """Return the closing biases to try: the model's, twice that, …, the largest."""
    doubled = [first * 2**k for k in range(math.ceil(math.log2(WIDEST_CLOSING / first)))]
    return [*doubled, WIDEST_CLOSING]


def _series(points: tuple[Point, ...]) -> Series:
    exponents = {}
    for engine in ENGINES:
        clear = [point for point in points if point.times[engine].ms.resolved]
        exponents[engine] = fit_exponent(
            [point.touched for point in clear], [point.times[engine].ms.median for point in clear]
        )
    return Series(points, exponents)
