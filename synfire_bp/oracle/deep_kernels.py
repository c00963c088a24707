"""The compiled loops of the oracle of any depth.

All matrices lie one after the other in one array, of the narrowest type that holds them, so that
one compiled loop serves every number of layers.  Sums over active units and updates of rows are
those of `synfire_bp.oracle.kernels`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import FULL, HALF
from synfire_bp.oracle.kernels import _hidden, _update_w1

__all__ = ["COUNTS", "FlatWeights", "answer", "learn"]

# where each count lies in the array that `learn` fills; after them the changes of each layer
COUNTS = (
    "correct_spikes",
    "correct_potential",
    "exact",
    "squared_errors",
    "hidden_spikes",
    "output_spikes",
    "samples_with_error",
)
(_SPIKES, _POTENTIAL, _EXACT, _SQUARED, _HIDDEN, _OUTPUT, _ERROR) = range(len(COUNTS))
_CHANGES = len(COUNTS)


@dataclass(frozen=True, eq=False)
class FlatWeights:
    """Copies of the weights as the loops want them.

    Attributes
    ----------
    flat : int16 or int64 array
        All matrices, row by row; int16 unless a weight, or the number of weights in a row, outgrows
        it.
    starts : int64 array
        Where each matrix begins.
    at_once : int
        So many rows can be summed in this type.
    wide : type
        Of longer sums.
    """

    flat: NDArray[np.signedinteger]
    starts: NDArray[np.int64]
    at_once: int
    wide: type[np.signedinteger]
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls, matrices: Sequence[NDArray[np.integer]], limit: int = 0, step: int = 0
    ) -> FlatWeights:
        """Copy weights that will move by up to `step` and then be clipped to `limit`."""
        extremes = [int(end(initial=0)) for w in matrices for end in (w.min, w.max)]
        greatest = max(*map(abs, extremes), abs(limit), 1) + step
        shapes = tuple(matrix.shape for matrix in matrices)
        small = max(greatest, *(size for shape in shapes for size in shape)) < 2**15
        narrow, wide = (np.int16, np.int32) if small else (np.int64, np.int64)
        starts = np.cumsum([0, *(matrix.size for matrix in matrices)]).astype(np.int64)
        flat = np.concatenate([matrix.ravel() for matrix in matrices]).astype(narrow)
        return cls(flat, starts, np.iinfo(narrow).max // greatest, wide, shapes)

    def matrices(self) -> Iterator[NDArray[np.signedinteger]]:
        """Yield the matrices as they are now."""
        for start, shape in zip(self.starts, self.shapes, strict=False):
            yield self.flat[start : start + shape[0] * shape[1]].reshape(shape)


@njit(cache=True, nogil=True)
def answer(active, starts, flat, at, sizes, at_once, wide, potentials):  # type: ignore[no-untyped-def]
    """Fill `potentials` with a_L of every sample."""
    depth, widest = sizes.size - 1, sizes.max()
    part = np.empty(widest, flat.dtype)
    sums, units = np.empty((depth, widest), wide), np.empty((depth, widest), np.int64)
    n_units = np.empty(depth, np.int64)
    for k in range(potentials.shape[0]):
        x = active[starts[k] : starts[k + 1]]
        _forward(x, flat, at, sizes, at_once, part, sums, units, n_units)
        potentials[k] = sums[depth - 1, : sizes[depth]]


@njit(cache=True, nogil=True)
def learn(  # type: ignore[no-untyped-def]
    active, starts, labels, order, flat, at, sizes, first_back, direct, learn_back,
    at_once, wide, up, down, limit, counts,
):  # fmt: skip
    """Show samples in `order`, change the weights and add to `counts`.

    Matrix `first_back` of those in `flat`, and the ones after it, are those through which errors
    come back: from the layer above, or with `direct` all from the output.  `up`, `down` and `limit`
    have the type of the weights.
    """
    depth, widest = sizes.size - 1, sizes.max()
    n_out = sizes[depth]
    part, change = np.empty(widest, flat.dtype), np.empty(widest, flat.dtype)
    sums, units = np.empty((depth, widest), wide), np.empty((depth, widest), np.int64)
    n_units = np.empty(depth, np.int64)  # how many units of a layer fired, listed in `units`
    d = np.zeros((depth, widest), flat.dtype)

    for k in range(order.size):
        label = labels[order[k]]
        x = active[starts[order[k]] : starts[order[k] + 1]]
        _forward(x, flat, at, sizes, at_once, part, sums, units, n_units)
        for layer in range(depth - 1):
            counts[_HIDDEN] += n_units[layer]
        if not _read_out(sums[depth - 1, :n_out], label, d[depth - 1, :n_out], counts):
            continue
        counts[_ERROR] += 1

        # errors, all through the weights as they were before the sample
        for layer in range(depth - 2, -1, -1):
            above = depth - 1 if direct else layer + 1
            n, n_above = sizes[layer + 1], sizes[above + 1]
            start = at[first_back + layer]
            back = flat[start : start + n * n_above].reshape(n, n_above)
            _send_back(back, d[above, :n_above], sums[layer, :n], d[layer, :n], wide)

        for layer in range(depth):
            n_pre, n = sizes[layer], sizes[layer + 1]
            if not _wanted(d[layer, :n], up, down, change[:n]):
                continue
            start = at[layer]
            w = flat[start : start + n_pre * n].reshape(n_pre, n)
            if layer == 0:
                counts[_CHANGES] += _update_w1(w, x, change[:n], limit)
                continue
            on = units[layer - 1, : n_units[layer - 1]]
            counts[_CHANGES + layer] += _update_w1(w, on, change[:n], limit)
            if learn_back:
                start = at[first_back + layer - 1]
                _update_w1(flat[start : start + n_pre * n].reshape(n_pre, n), on, change[:n], limit)


@njit(cache=True, nogil=True)
def _forward(x, flat, at, sizes, at_once, part, sums, units, n_units):  # type: ignore[no-untyped-def]
    """Fill the sums of every layer, and list the units that fire."""
    for layer in range(sizes.size - 1):
        n_pre, n = sizes[layer], sizes[layer + 1]
        w = flat[at[layer] : at[layer] + n_pre * n].reshape(n_pre, n)
        a = sums[layer, :n]
        if layer == 0:
            _hidden(x, w, at_once, part[:n], a)
        else:
            _hidden(units[layer - 1, : n_units[layer - 1]], w, at_once, part[:n], a)
        fired = 0
        for i in range(n):
            units[layer, fired] = i  # kept if it fires: no branch that nobody could predict
            fired += a[i] > HALF
        n_units[layer] = fired


@njit(cache=True, nogil=True)
def _read_out(a, label, d, counts):  # type: ignore[no-untyped-def]
    """Score the output, fill its error and return whether there is any."""
    first, greatest, n_spikes, mistakes, n_wrong = 0, 0, 0, 0, 0
    for j in range(a.size):
        o, t = a[j] > HALF, j == label
        if o and n_spikes == 0:
            first = j
        n_spikes += o
        if a[j] > a[greatest]:
            greatest = j
        mistakes += o != t
        d_plus = t and not o and a[j] > 0
        d_minus = o and not t and not a[j] > FULL
        d[j] = d_plus - d_minus
        n_wrong += d_plus or d_minus
    counts[_SPIKES] += first == label
    counts[_POTENTIAL] += greatest == label
    counts[_EXACT] += mistakes == 0
    counts[_SQUARED] += mistakes
    counts[_OUTPUT] += n_spikes
    return n_wrong > 0


@njit(cache=True, nogil=True)
def _send_back(back, above, a, d, wide):  # type: ignore[no-untyped-def]
    """Fill d = sign(back @ above) where a is inside the box."""
    for i in range(d.size):
        d[i] = 0
        if a[i] > 0 and not a[i] > FULL:
            e = wide(0)
            for j in range(above.size):
                e = wide(e + wide(back[i, j]) * wide(above[j]))
            d[i] = (e > 0) - (e < 0)


@njit(cache=True, nogil=True)
def _wanted(d, up, down, change):  # type: ignore[no-untyped-def]
    """Fill by how much the weights into each unit are to change; return whether any is."""
    n = 0
    for i in range(d.size):
        change[i] = (d[i] > 0) * up + (d[i] < 0) * down
        n += d[i] != 0
    return n > 0
