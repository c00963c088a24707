"""The compiled loops of the oracle.

The weights are copied into the narrowest type that holds them, 16 bits as a rule, and W2 is
transposed: then every inner loop runs along a row, without branches, and the processor works on
16 or 32 weights at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import HALF

__all__ = ["COUNTS", "WorkingWeights", "answer", "learn", "list_active"]

# where each count lies in the array that `learn` fills
COUNTS = (
    "correct_spikes",
    "correct_potential",
    "exact",
    "squared_errors",
    "hidden_active",
    "output_active",
    "samples_with_error",
    "changes_w1",
    "changes_w2",
)
(_SPIKES, _POTENTIAL, _EXACT, _SQUARED, _HIDDEN, _OUTPUT, _ERROR, _CHANGES_1, _CHANGES_2) = range(
    len(COUNTS)
)


@dataclass(frozen=True, eq=False)
class WorkingWeights:
    """Copies of the weights as the loops want them.

    Attributes
    ----------
    w1, w2t : int16 or int64 arrays, shapes (n_in, n_hid) and (n_out, n_hid)
        W1, and W2 transposed; int16 unless a weight, or the number of weights in a row, outgrows
        it.
    backt : array as w2t
        What errors come back through, transposed: w2t itself, or a matrix of its own.
    at_once : int
        So many rows of `w1` can be summed in its own type.
    wide : type
        Of longer sums.
    """

    w1: NDArray[np.signedinteger]
    w2t: NDArray[np.signedinteger]
    backt: NDArray[np.signedinteger]
    at_once: int
    wide: type[np.signedinteger]

    @classmethod
    def of(
        cls,
        w1: NDArray,
        w2: NDArray,
        limit: int = 0,
        step: int = 0,
        back: NDArray | None = None,
    ) -> WorkingWeights:
        """Copy weights that will move by up to `step` and then be clipped to `limit`."""
        matrices = (w1, w2) if back is None else (w1, w2, back)
        extremes = [int(end(initial=0)) for w in matrices for end in (w.min, w.max)]
        greatest = max(*map(abs, extremes), abs(limit), 1) + step
        small = max(greatest, *w1.shape, *w2.shape) < 2**15
        narrow, wide = (np.int16, np.int32) if small else (np.int64, np.int64)
        w2t: NDArray = w2.T.astype(narrow, order="C")
        backt: NDArray = w2t if back is None else back.T.astype(narrow, order="C")
        return cls(
            w1.astype(narrow, order="C"),
            w2t,
            backt,
            np.iinfo(narrow).max // greatest,
            wide,
        )


@njit(cache=True, nogil=True)
def list_active(inputs, active, starts):  # type: ignore[no-untyped-def]
    """Write down which inputs of each sample are 1, and where in this list each sample begins.

    `active` needs one entry more than there are: it is written to before the input is looked at,
    which spares a branch that nobody could predict.
    """
    n = 0
    for k in range(inputs.shape[0]):
        for i in range(inputs.shape[1]):
            active[n] = i
            n += inputs[k, i]
        starts[k + 1] = n


@njit(cache=True, nogil=True)
def answer(active, starts, w1, w2t, at_once, wide, potentials):  # type: ignore[no-untyped-def]
    """Fill `potentials` with a2 of every sample."""
    n_hid = w1.shape[1]
    part, h = np.empty(n_hid, w1.dtype), np.empty(n_hid, w1.dtype)
    a1 = np.empty(n_hid, wide)
    for k in range(potentials.shape[0]):
        _hidden(active[starts[k] : starts[k + 1]], w1, at_once, part, a1)
        _output(a1, w2t, wide, h, potentials[k])


@njit(cache=True, nogil=True)
def learn(  # type: ignore[no-untyped-def]
    active, starts, labels, order, showings, w1, w2t, backt, at_once, wide, upper, after,
    hidden_learns, back_learns, up, down, limit, counts, changes=None, seen=0,
):  # fmt: skip
    """Show samples in `order`, change `w1`, `w2t` and `backt` and add to `counts`.

    Of `showings` in a row only the first one counts, but for the weights that move.
    `upper` is the upper edge of both boxes; with `after` the error goes back through `backt` as it
    is after its update.  `backt` may be `w2t`; else it is changed if `back_learns`.  `up`, `down`
    and `limit` have the type of the weights.  `changes` comes from `Changes.prepared`, and `seen`
    counts the samples that it was used for before; without, numba leaves its branches out.
    """
    n_out, n_hid = w2t.shape
    part, h = np.empty(n_hid, w1.dtype), np.empty(n_hid, w1.dtype)
    change = np.empty(n_hid, w1.dtype)
    a1, a2 = np.empty(n_hid, wide), np.empty(n_out, wide)
    d2, e = np.empty(n_out, wide), np.empty(n_hid, wide)

    for k in range(order.size):
        label = labels[order[k]]
        on = active[starts[order[k]] : starts[order[k] + 1]]
        _hidden(on, w1, at_once, part, a1)
        n_fired = _output(a1, w2t, wide, h, a2)

        # read out, and the error with the box derivative at the output
        first, greatest, n_spikes, mistakes, n_wrong = 0, 0, 0, 0, 0
        for j in range(n_out):
            o, t = a2[j] > HALF, j == label
            if o and n_spikes == 0:
                first = j
            n_spikes += o
            if a2[j] > a2[greatest]:
                greatest = j
            mistakes += o != t
            d_plus = t and not o and a2[j] > 0
            d_minus = o and not t and not a2[j] > upper
            d2[j] = d_plus - d_minus
            n_wrong += d_plus or d_minus
        if k % showings == 0:
            counts[_SPIKES] += first == label
            counts[_POTENTIAL] += greatest == label
            counts[_EXACT] += mistakes == 0
            counts[_SQUARED] += mistakes
            counts[_HIDDEN] += n_fired
            counts[_OUTPUT] += n_spikes
            counts[_ERROR] += n_wrong > 0
        if n_wrong == 0:
            continue

        if after:
            if changes is None:
                counts[_CHANGES_2] += _update_w2(w2t, h, d2, up, down, limit)
            else:
                moved = _change_w2(w2t, h, d2, up, down, changes, w1.size, seen + k)
                counts[_CHANGES_2] += moved
            if back_learns:
                _update_w2(backt, h, d2, up, down, limit)
        _back(d2, backt, e)
        n_d1 = 0
        for i in range(n_hid):
            inside = a1[i] > 0 and not a1[i] > upper
            change[i] = inside * ((e[i] > 0) * up + (e[i] < 0) * down)
            n_d1 += inside and e[i] != 0
        if not after:
            if changes is None:
                counts[_CHANGES_2] += _update_w2(w2t, h, d2, up, down, limit)
            else:
                moved = _change_w2(w2t, h, d2, up, down, changes, w1.size, seen + k)
                counts[_CHANGES_2] += moved
            if back_learns:
                _update_w2(backt, h, d2, up, down, limit)
        if n_d1 and hidden_learns:
            if changes is None:
                counts[_CHANGES_1] += _update_w1(w1, on, change, limit)
            else:
                counts[_CHANGES_1] += _change_w1(w1, on, change, changes, seen + k)


@njit(cache=True, nogil=True)
def _hidden(active, w1, at_once, part, a1):  # type: ignore[no-untyped-def]
    """Fill a1 = x @ W1: the sum of the rows of active inputs, four rows in one pass."""
    a1[:] = 0
    for begin in range(0, active.size, at_once):
        rows = active[begin : begin + at_once]
        part[:] = 0
        rest = rows.size % 4
        for k in range(rest):
            for i in range(part.size):
                part[i] += w1[rows[k], i]
        for k in range(rest, rows.size, 4):
            p, q, r, s = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
            for i in range(part.size):
                part[i] += w1[p, i] + w1[q, i] + w1[r, i] + w1[s, i]
        for i in range(part.size):
            a1[i] += part[i]


@njit(cache=True, nogil=True)
def _output(a1, w2t, wide, h, a2):  # type: ignore[no-untyped-def]
    """Fill h = a1 > theta/2 and a2 = h @ W2; return how many hidden neurons fired."""
    narrow = h.dtype.type
    n_fired = narrow(0)
    for i in range(h.size):
        h[i] = a1[i] > HALF
        n_fired = narrow(n_fired + h[i])
    for j in range(a2.size):
        total = wide(0)
        for i in range(h.size):
            total = wide(total + wide(h[i]) * wide(w2t[j, i]))
        a2[j] = total
    return n_fired


@njit(cache=True, nogil=True)
def _back(d2, w2t, e):  # type: ignore[no-untyped-def]
    """Fill e = W2 @ d2."""
    e[:] = 0
    for j in range(d2.size):
        if d2[j] != 0:
            for i in range(e.size):
                e[i] += d2[j] * w2t[j, i]


@njit(cache=True, nogil=True)
def _update_w1(w1, on, change, limit):  # type: ignore[no-untyped-def]
    """Add `change` to the rows of active inputs; return how many weights moved."""
    narrow = w1.dtype.type
    lowest, n_moved = narrow(-limit), 0
    for k in range(on.size):
        row, moved = on[k], narrow(0)
        for i in range(change.size):
            old = w1[row, i]
            new = min(max(narrow(old + change[i]), lowest), limit)
            w1[row, i] = new
            moved = narrow(moved + (new != old))
        n_moved += moved
    return n_moved


@njit(cache=True, nogil=True)
def _update_w2(w2t, h, d2, up, down, limit):  # type: ignore[no-untyped-def]
    """Move the weights between active hidden and wrong output neurons; return how many moved."""
    narrow = w2t.dtype.type
    lowest, n_moved = narrow(-limit), 0
    for j in range(d2.size):
        if d2[j] != 0:
            step, moved = up if d2[j] > 0 else down, narrow(0)
            for i in range(h.size):
                old = w2t[j, i]
                new = min(max(narrow(old + step), lowest), limit) if h[i] else old
                w2t[j, i] = new
                moved = narrow(moved + (new != old))
            n_moved += moved
    return n_moved


# ----------------------------------------------------------------------------------------------
# Weights that do not just add and clip (`synfire_bp.oracle.Changes`)
# ----------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _change_w1(w1, on, change, changes, sample):  # type: ignore[no-untyped-def]
    """Do what `_update_w1` does, with `changes`."""
    lowest, highest, n_moved = changes[0], changes[1], 0
    for k in range(on.size):
        row = on[k]
        for i in range(change.size):
            if change[i] != 0:
                old, number = w1[row, i], row * change.size + i
                w1[row, i] = _changed(
                    old, change[i], lowest[row, i], highest[row, i], number, sample, changes
                )
                n_moved += w1[row, i] != old
    return n_moved


@njit(cache=True, nogil=True)
def _change_w2(w2t, h, d2, up, down, changes, first, sample):  # type: ignore[no-untyped-def]
    """Do what `_update_w2` does, with `changes`; the number of the first weight is `first`."""
    lowest, highest, n_moved = changes[2], changes[3], 0
    for j in range(d2.size):
        if d2[j] != 0:
            step = up if d2[j] > 0 else down
            for i in range(h.size):
                if h[i]:
                    old, number = w2t[j, i], first + i * d2.size + j
                    w2t[j, i] = _changed(
                        old, step, lowest[j, i], highest[j, i], number, sample, changes
                    )
                    n_moved += w2t[j, i] != old
    return n_moved


@njit(cache=True, nogil=True)
def _changed(old, change, low, high, number, sample, changes):  # type: ignore[no-untyped-def]
    """Return the weight after a change, in the order in which the circuit's lines act."""
    soft, probability, coarse, dice, n_phases = changes[4:]
    weight, moved, low, high = np.int64(old), np.int64(change), np.int64(low), np.int64(high)
    moment = 1 + n_phases * sample  # the step of phase 0; the kick of the ring comes before
    if soft:
        distance = high - weight if moved > 0 else weight - low
        portion = high - low
        drawn = (np.int64(_mixed(number, dice[0] + moment) >> 8) * portion) >> 24
        portions = (abs(moved) * distance + drawn) // portion
        moved = 2 * portions if moved > 0 else -2 * portions
    if np.int64(_mixed(number, dice[1] + moment) >> 8) >= probability:
        moved = 0
    if coarse > 2:
        rest = abs(moved) & (coarse - 1)
        drawn = np.int64(_mixed(number, dice[2] + moment)) & (coarse - 1)
        size = abs(moved) - rest + (coarse if drawn < rest else 0)
        moved = size if moved > 0 else -size
    return min(max(weight + moved, low), high)


@njit(cache=True, nogil=True)
def _mixed(number, moment):  # type: ignore[no-untyped-def]
    """Return the 32 bits of `synfire_bp.dice.mixed`."""
    low = np.uint64(0xFFFFFFFF)
    bits = np.uint64(number) * np.uint64(2654435761) & low
    bits ^= (np.uint64(moment) & low) * np.uint64(2246822519) & low
    bits = (bits ^ (bits >> np.uint64(16))) * np.uint64(0x7FEB352D) & low
    bits = (bits ^ (bits >> np.uint64(15))) * np.uint64(0x846CA68B) & low
    return bits ^ (bits >> np.uint64(16))
