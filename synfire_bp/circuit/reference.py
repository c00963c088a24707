"""The circuit, stepped cell by cell in plain NumPy: slow, small and independent of Brian2.

It answers two questions.  Which population may fire in which phase (`firing_table`): one column of
the circuit is run through every case that a unit can encounter, and the answer is the union of all
spikes.  And, in the tests: does the Brian2 network do, spike for spike, what the rows of the
circuit define?

The order inside a step is the chip's: sum the inputs, apply the threshold, note which neurons fired
and clear the sums, deliver each spike with its present weight, learn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.grades import carried
from synfire_bp.circuit.layout import cell_grades
from synfire_bp.circuit.numbers import FULL, HALF
from synfire_bp.circuit.rows import Gate, Projection

__all__ = ["firing_table", "simulate"]


def simulate(
    circuit: Circuit,
    plastic: Sequence[NDArray[np.integer]],
    patterns: Mapping[str, NDArray[np.integer]],
    *,
    potentiation: int = 2,
    depression: int = -2,
) -> tuple[NDArray[np.bool_], list[NDArray[np.int64]]]:
    """Step a circuit through samples, for many independent cases at once.

    Parameters
    ----------
    circuit : Circuit
        The circuit; keep it small.
    plastic : sequence of arrays
        Initial weights of every plastic projection, in the order of `circuit.plastic`, shape
        (n_pre, n_post) or (cases, n_pre, n_post).
    patterns : mapping
        Output of each source: 0/1 array of shape (cases, samples, units).
    potentiation, depression : int
        Change of a weight by a coincidence with and without reward; 0 and 0 switch learning off.

    Returns
    -------
    fired : bool array, shape (cases, samples, n_phases, n_cells)
        Which cells fired, in the order of `circuit.slices`.
    plastic : list of int64 arrays
        The plastic weights afterwards, each of shape (cases, n_pre, n_post).
    """
    cases, samples = next(iter(patterns.values())).shape[:2]
    slices, ring = circuit.slices, circuit.fixed_weights["ring"].value
    bias = np.zeros(circuit.n_cells, dtype=np.int64)
    for name, place in slices.items():
        bias[place] = circuit.bias(name)
    fixed, signing = _fixed_matrices(circuit), _signing_matrices(circuit)
    grades = cell_grades(circuit)
    learnt: list[NDArray[np.int64]] = [
        np.array(np.broadcast_to(w, (cases, *w.shape[-2:])), dtype=np.int64) for w in plastic
    ]
    learns = potentiation != 0 or depression != 0

    def silence() -> NDArray[np.int64]:
        return np.zeros((cases, circuit.n_cells), dtype=np.int64)

    arriving = deque(silence() for _ in range(max(fixed) + 1))  # of this step, the next, …
    signs = deque(silence() for _ in range(max(fixed) + 1))
    arriving[0][:, slices["g0"]] = ring  # the single kick
    fired: NDArray[np.bool_] = np.zeros(
        (cases, samples, circuit.n_phases, circuit.n_cells), dtype=np.bool_
    )

    for step in range(-1, samples * circuit.n_phases):  # g0 fires one step before phase 0
        sample, phase = divmod(step, circuit.n_phases)
        total = arriving.popleft() + bias
        arriving.append(silence())
        signed = signs.popleft()
        signs.append(silence())
        for source in circuit.sources:
            if phase == source.emits:
                total[:, slices[source.name]] += ring * patterns[source.name][:, sample].astype(
                    np.int64
                )
        spikes = carried(total - FULL, signed, **grades).astype(np.int64)
        if step >= 0:
            fired[:, sample, phase] = spikes != 0
        at_once, waiting = spikes.astype(np.float64), (spikes != 0).astype(np.float64)
        for queue, matrices in ((arriving, fixed), (signs, signing)):
            for extra_delay, matrix in matrices.items():
                sent = waiting if extra_delay else at_once
                queue[extra_delay] += (sent @ matrix).astype(np.int64)
        change = potentiation if phase in circuit.reward_phases else depression
        for row, weights in zip(circuit.plastic, learnt, strict=True):
            pre, post = spikes[:, slices[row.pre]], spikes[:, slices[row.post]]
            arriving[0][:, slices[row.post]] += np.einsum("ci,cij->cj", pre, weights)
            if learns:
                weights += change * (pre[:, :, None] * post[:, None, :])
                np.clip(weights, -circuit.weight_limit, circuit.weight_limit, out=weights)
    return fired, learnt


def _fixed_matrices(circuit: Circuit) -> dict[int, NDArray[np.float64]]:
    """Return the fixed weights by extra delay, each a matrix of all cells, pre by post.

    Of floats, which multiply faster and are exact below 2^53.
    """
    return _matrices(circuit, ((row, row.weight.value) for row in circuit.projections))


def _signing_matrices(circuit: Circuit) -> dict[int, NDArray[np.float64]]:
    """Return likewise which pulses are signed: 1 where they are."""
    return _matrices(circuit, ((row, 1) for row in circuit.projections if row.signed))


def _matrices(
    circuit: Circuit, values: Iterable[tuple[Projection, int]]
) -> dict[int, NDArray[np.float64]]:
    matrices: dict[int, NDArray[np.float64]] = {}
    for row, value in values:
        pre, post = circuit.pairs(row)
        starts = circuit.slices[row.pre].start, circuit.slices[row.post].start
        if row.extra_delay not in matrices:
            matrices[row.extra_delay] = np.zeros((circuit.n_cells, circuit.n_cells))
        places = starts[0] + pre, starts[1] + post
        np.add.at(matrices[row.extra_delay], places, value)
    return matrices


def firing_table(circuit: Circuit) -> dict[str, tuple[int, ...]]:
    """Return, per population, the phases in which it may fire.

    Found by running one column of the circuit (one input and one output unit, two in each hidden
    layer) through every case: input on or off, target on or off, the sum that reaches a unit in
    each of the ranges that its thresholds divide, and a backpropagated error that is negative,
    zero or positive.  One unit of each hidden layer always fires and passes the output's error on,
    so that the layers before and after meet every case whatever the other unit does; the others of
    several hidden layers can therefore share their cases.  Forward and backward weights are chosen
    apart and do not learn, so that every combination occurs.

    Parameters
    ----------
    circuit : Circuit
        Of any sizes: the result does not depend on them.

    Returns
    -------
    dict
        Population name to its phases in ascending order; sources and the gating chain included.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sorted(sb.firing_table(sb.backprop_circuit((4, 3, 2)))["o"])
    [3, 5, 9]
    """
    hidden = len(circuit.sizes) - 2
    column = replace(circuit.rows_alone(), sizes=(1, *hidden * (2,), 1))
    return dict(_column_firing_table(column))


def _ranges(circuit: Circuit) -> tuple[int, ...]:
    """Return a sum from each of the ranges that the thresholds of the gates divide."""
    opened = {row.threshold for row in circuit.gates if isinstance(row, Gate)}
    edges = sorted(opened | {0, HALF, FULL})
    middles = ((one + other) // 2 for one, other in pairwise(edges))
    return edges[0] - HALF, *middles, edges[-1] + HALF


@lru_cache(maxsize=16)
def _column_firing_table(column: Circuit) -> tuple[tuple[str, tuple[int, ...]], ...]:
    ranges = _ranges(column)
    cases = product((0, 1), (0, 1), ranges, ranges, (-HALF, 0, HALF))
    x, t, a1, a2, error = np.array(list(cases)).T
    zero, always = np.zeros_like(a1), np.full_like(a1, FULL)
    nothing = np.stack([zero, zero], axis=-1)
    forth, back = np.stack([always, a1], axis=-1), np.stack([always, error], axis=-1)
    into_output = np.stack([a2, zero], axis=-1)[:, :, None]
    # by the units of pre and post: all but the first unit of a layer send nothing on
    forward = {(1, 2): forth[:, None, :], (2, 2): np.stack([forth, nothing], axis=1)}
    backward = {(1, 2): back[:, None, :], (2, 2): np.stack([back, nothing], axis=1)}
    sizes = column.population_sizes
    plastic = [
        row.sign * (backward if row.transposed else forward | {(2, 1): into_output})[joined]
        for row in column.plastic
        for joined in [(sizes[row.pre], sizes[row.post])]
    ]
    patterns = {
        source.name: (x if source.layer == "input" else t)[:, None, None]
        for source in column.sources
    }
    spikes, _ = simulate(column, plastic, patterns, potentiation=0, depression=0)
    fired = np.asarray(spikes.any(axis=(0, 1)))
    return tuple(
        (name, tuple(int(phase) for phase in np.flatnonzero(fired[:, place].any(axis=1))))
        for name, place in column.slices.items()
    )
