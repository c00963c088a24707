"""Weight matrices: their initial values, and the copies of them that the circuit holds.

The algorithm has one matrix per weight layer.  The circuit holds each several times: for the layer
and its box edges, and transposed, with both signs, for the backward pass.  All are kept equal by
the same local rule.  Weights are the chip's mixed-sign 8-bit weights: even integers.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import FULL
from synfire_bp.circuit.rows import PlasticProjection
from synfire_bp.errors import CircuitError

__all__ = [
    "INITIAL_LIMIT",
    "as_copy",
    "checked_weights",
    "from_copy",
    "initial_feedback",
    "initial_weights",
]

INITIAL_LIMIT = 240
"""Largest magnitude of an initial weight."""

_WEIGHTS_STREAM, _FEEDBACK_STREAM = 0, 2
"""First entry of the random stream's key; the order of samples has another."""


def initial_weights(
    sizes: Sequence[int], seed: int, *, limit: int = INITIAL_LIMIT, spread: float = 1.0
) -> tuple[NDArray[np.int16], ...]:
    """Draw the initial weights of every layer.

    Normal with standard deviation sqrt(2 / (n_pre + n_post)), times `spread` (paper: 1), times
    1024, clipped to plus or minus `limit`, magnitude rounded down to even (paper: Methods; `he` in
    the authors' code).

    Parameters
    ----------
    sizes : sequence of int
        Units per layer.
    seed : int
        Non-negative.  Same seed, same bits.
    limit : int
        Largest magnitude.
    spread : float
        Factor on the standard deviation.

    Returns
    -------
    tuple of int16 arrays
        One (n_pre, n_post) matrix per pair of adjacent layers.

    Raises
    ------
    CircuitError
        If the seed is negative.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> w1, w2 = sb.initial_weights((400, 400, 10), seed=0)
    >>> w1.shape, w2.shape, w1.dtype, int(abs(w1).max()) % 2
    ((400, 400), (400, 10), dtype('int16'), 0)
    """
    return _drawn(itertools.pairwise(sizes), seed, limit, _WEIGHTS_STREAM, spread)


def initial_feedback(
    sizes: Sequence[int], seed: int, *, direct: bool = False, limit: int = INITIAL_LIMIT
) -> tuple[NDArray[np.int16], ...]:
    """Draw feedback matrices: as the initial weights of every layer, but independent of them.

    Returns
    -------
    tuple of int16 arrays
        One (n_pre, n_post) matrix per weight layer, in the orientation of its weights; with
        `direct` each leads from the output layer, (n_pre, n_out).
    """
    pairs = [(n, sizes[-1]) for n in sizes[:-1]] if direct else itertools.pairwise(sizes)
    return _drawn(pairs, seed, limit, _FEEDBACK_STREAM)


def checked_weights(
    weights: Sequence[NDArray[np.integer]], shapes: Mapping[int, tuple[int, int]]
) -> tuple[NDArray[np.integer], ...]:
    """Return the matrices, after checking that they fit these layers and are 16-bit integers.

    There may be more of them: an inference circuit has no feedback.

    Raises
    ------
    CircuitError
        If they are not.
    """
    wanted = f"give {len(shapes)} matrices of whole numbers: {', '.join(map(str, shapes.values()))}"
    if isinstance(weights, np.ndarray) or not isinstance(weights, Sequence):
        raise CircuitError(f"weights are {type(weights).__name__}; {wanted}")
    matrices = tuple(np.asarray(matrix) for matrix in weights)
    limits = np.iinfo(np.int16)
    for layer, shape in shapes.items():
        if layer >= len(matrices):
            raise CircuitError(f"weights are {len(matrices)} matrices; {wanted}")
        matrix = matrices[layer]
        if matrix.shape != shape:
            raise CircuitError(f"weights of layer {layer} have shape {matrix.shape}; {wanted}")
        if matrix.dtype.kind not in "iu":
            raise CircuitError(f"weights of layer {layer} are of type {matrix.dtype}; {wanted}")
        if matrix.size and not limits.min <= matrix.min() <= matrix.max() <= limits.max:
            raise CircuitError(
                f"weights of layer {layer} lie in {matrix.min()} … {matrix.max()}, beyond 16 bits"
            )
    return matrices


def _drawn(
    pairs: Iterable[tuple[int, int]], seed: int, limit: int, stream: int, spread: float = 1.0
) -> tuple[NDArray[np.int16], ...]:
    if seed < 0:
        raise CircuitError(f"seed is {seed}; must be 0 or greater")
    layers = []
    for layer, (n_pre, n_post) in enumerate(pairs):
        key = np.random.SeedSequence(seed, spawn_key=(stream, layer))
        drawn = np.random.Generator(np.random.PCG64(key)).standard_normal((n_pre, n_post))
        scaled = np.clip(drawn * np.sqrt(2 / (n_pre + n_post)) * FULL * spread, -limit, limit)
        layers.append((2 * np.trunc(scaled / 2)).astype(np.int16))
    return tuple(layers)


def as_copy(row: PlasticProjection, weights: Sequence[NDArray] | Mapping[int, NDArray]) -> NDArray:
    """Return the matrix of a plastic projection, (its pre, its post), for given layer weights."""
    matrix = row.sign * weights[row.layer]
    return matrix.swapaxes(-1, -2) if row.transposed else matrix


def from_copy(row: PlasticProjection, matrix: NDArray) -> NDArray:
    """Return the weight matrix (n_pre, n_post) that a plastic projection is a copy of."""
    matrix = row.sign * matrix
    return matrix.swapaxes(-1, -2) if row.transposed else matrix
