"""The compiled passes through the layers: forward to the output, and back with its error.

The layout of the weights is described in `synfire_bp.oracle.working`.  Forward, the rows of active
units are summed up; only into the output, whose matrix is transposed, every unit of the last hidden
layer counts, as 0 or 1.  The output's error comes back along its rows too, that of a hidden layer
to the units that are inside their boxes.  The updates of the weights are in
`synfire_bp.oracle.kernels` and `synfire_bp.oracle.eligible`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from numba import njit

from synfire_bp.circuit.numbers import HALF

__all__ = [
    "AMONG",
    "COUNTS",
    "HIDDEN",
    "compiled",
    "forward",
    "hidden_errors",
    "read_out",
    "send_back",
    "signs",
]

# where each count lies in the array that `learn` fills; after them the samples with the right
# output among one, two, … that spike, and the changes of each layer
COUNTS = (
    "correct_argmax",
    "correct_potential",
    "silent",
    "squared_errors",
    "hidden_spikes",
    "output_spikes",
    "samples_with_error",
)
(_ARGMAX, _POTENTIAL, _SILENT, _SQUARED, HIDDEN, _OUTPUT, _ERROR) = range(len(COUNTS))
AMONG = len(COUNTS)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called; keep that where there is a place to keep it."""
    at_home = os.path.isabs(os.path.expanduser("~")) or "NUMBA_CACHE_DIR" in os.environ
    try:
        return njit(cache=at_home, nogil=True)(function)
    except RuntimeError:  # Numba may write neither beside this file nor to the user's cache
        return njit(nogil=True)(function)


# ----------------------------------------------------------------------------------------------
# Forward
# ----------------------------------------------------------------------------------------------


@compiled
def forward(x, net, scratch):  # type: ignore[no-untyped-def]
    """Fill the sums of every layer and note who fires; return how many hidden units do."""
    last, fired = net.sizes.size - 2, 0
    a = scratch.sums[0, : net.sizes[1]]
    _sum_rows(x, net.rows, net.begins[0, 0], net.at_once, scratch.part, a)
    for layer in range(1, last):
        units = scratch.units[layer - 1]
        n_units = _list_units(a, units)
        scratch.n_units[layer - 1] = n_units
        fired += n_units
        a = scratch.sums[layer, : net.sizes[layer + 1]]
        begin = net.begins[0, layer]
        _sum_rows(units[:n_units], net.rows, begin, net.at_once, scratch.part, a)
    return fired + _sum_output(a, net.rows, net.begins[0, last], scratch.h, scratch.output)


@compiled
def _sum_rows(on, rows, begin, at_once, part, a):  # type: ignore[no-untyped-def]
    """Fill a with the sum of the rows of active units, four rows in one pass."""
    n = a.size
    for i in range(n):
        a[i] = 0
    for some in range(0, on.size, at_once):
        listed = on[some : some + at_once]
        for i in range(n):
            part[i] = 0
        rest = listed.size % 4
        for k in range(rest):
            p = begin + listed[k]
            for i in range(n):
                part[i] += rows[p, i]
        for k in range(rest, listed.size, 4):
            p, q = begin + listed[k], begin + listed[k + 1]
            r, s = begin + listed[k + 2], begin + listed[k + 3]
            for i in range(n):
                part[i] += rows[p, i] + rows[q, i] + rows[r, i] + rows[s, i]
        for i in range(n):
            a[i] += part[i]


@compiled
def _list_units(a, units):  # type: ignore[no-untyped-def]
    """List the units that fire; return how many there are."""
    n = 0
    for i in range(a.size):
        units[n] = i  # kept if it fires: no branch that nobody could predict
        n += a[i] > HALF
    return n


@compiled
def _sum_output(a, rows, begin, h, output):  # type: ignore[no-untyped-def]
    """Fill h = a > theta/2 and the output's sums; return how many units of h fired."""
    narrow, wide = h.dtype.type, output.dtype.type
    n_fired = narrow(0)
    for i in range(h.size):
        h[i] = a[i] > HALF
        n_fired = narrow(n_fired + h[i])
    for j in range(output.size):
        total = wide(0)
        for i in range(h.size):
            total = wide(total + wide(h[i]) * wide(rows[begin + j, i]))
        output[j] = total
    return n_fired


@compiled
def read_out(label, rule, counted, scratch, counts):  # type: ignore[no-untyped-def]
    """Score the output, fill its error and return whether there is any."""
    a, d = scratch.output, scratch.d_output
    first, greatest, n_spikes, mistakes, n_wrong = 0, 0, 0, 0, 0
    enough, too_much = HALF + rule.margin, HALF - rule.margin
    for j in range(a.size):
        o, t = a[j] > HALF, j == label
        if o and n_spikes == 0:
            first = j
        n_spikes += o
        if a[j] > a[greatest]:
            greatest = j
        mistakes += o != t
        d_plus = t and not a[j] > enough and a[j] > rule.output_lower
        d_minus = not t and a[j] > too_much and not a[j] > rule.output_upper
        d[j] = d_plus - d_minus
        if rule.graded:
            distance = enough - a[j] if t else a[j] - too_much
            d[j] = d[j] * _steps(distance, rule.output_shift, rule.output_most)
        n_wrong += d[j] != 0
    if counted:
        counts[_ARGMAX] += first == label
        counts[_POTENTIAL] += greatest == label
        counts[_SILENT] += n_spikes == 0
        counts[_SQUARED] += mistakes
        if a[label] > HALF:
            counts[AMONG + n_spikes - 1] += 1
        counts[_OUTPUT] += n_spikes
        counts[_ERROR] += n_wrong > 0
    return n_wrong > 0


# ----------------------------------------------------------------------------------------------
# Errors come back
# ----------------------------------------------------------------------------------------------


@compiled
def _steps(distance, shift, most):  # type: ignore[no-untyped-def]
    """Return how many steps of 2^shift a distance has begun, `most` at the most."""
    return min((distance + (1 << shift) - 1) >> shift, most)


@compiled
def hidden_errors(layer, a, rule, scratch):  # type: ignore[no-untyped-def]
    """Fill d inside the box, and the change of weights; return how many are wrong."""
    return _grades(layer, a, rule, scratch) if rule.graded else signs(layer, a, rule, scratch)


@compiled
def _grades(layer, a, rule, scratch):  # type: ignore[no-untyped-def]
    """Fill d = steps(e) inside the box, and the change of weights; return how many are wrong."""
    n_wrong, narrow = 0, scratch.change.dtype.type
    e, d, change = scratch.e, scratch.d, scratch.change
    shift, most = rule.hidden_shifts[layer], rule.hidden_most[layer]
    for i in range(a.size):
        inside = a[i] > 0 and not a[i] > rule.upper
        size = inside * _steps(abs(e[i]), shift, most)
        d[i] = size if e[i] > 0 else -size
        change[i] = narrow(d[i] * rule.up)
        n_wrong += size != 0
    return n_wrong


@compiled
def signs(layer, a, rule, scratch):  # type: ignore[no-untyped-def]
    """Fill d = sign(e) inside the box, and the change of weights; return how many are wrong.

    An e whose magnitude does not exceed the layer's threshold is none.
    """
    n_wrong, up, down, upper = 0, rule.up, rule.down, rule.upper
    e, d, change = scratch.e, scratch.d, scratch.change
    least = e.dtype.type(rule.hidden_thresholds[layer])
    for i in range(a.size):
        inside = a[i] > 0 and not a[i] > upper
        plus, minus = e[i] > least, e[i] < -least
        d[i] = inside * (plus - minus)
        change[i] = inside * (plus * up + minus * down)
        n_wrong += inside and (plus or minus)
    return n_wrong


@compiled
def send_back(layer, net, rule, scratch, returning):  # type: ignore[no-untyped-def]
    """Fill e of the units below a weight layer, of hidden ones only inside their boxes."""
    n, begin = net.sizes[layer], net.begins[1, layer]
    if rule.direct or layer == net.sizes.size - 2:
        _send_rows(scratch.d_output, net.rows, begin, scratch.e, n, returning)
    else:
        d, a = scratch.d[: net.sizes[layer + 1]], scratch.sums[layer - 1, :n]
        _send_units(d, net.rows, begin, a, rule.upper, scratch.e, returning)


@compiled
def _send_rows(d, rows, begin, e, n, returning):  # type: ignore[no-untyped-def]
    """Fill e with the rows of wrong output units, added or taken away."""
    for i in range(n):
        e[i] = 0
    for j in range(d.size):
        if d[j] != 0:
            if returning is None:
                for i in range(n):
                    e[i] += d[j] * rows[begin + j, i]
            else:
                for i in range(n):
                    e[i] += d[j] * rows[begin + j, i] * returning[begin + j, i]


@compiled
def _send_units(d, rows, begin, a, upper, e, returning):  # type: ignore[no-untyped-def]
    """Fill e for the units that are inside their boxes: their rows times d."""
    wide = e.dtype.type
    for i in range(a.size):
        total = wide(0)
        if a[i] > 0 and not a[i] > upper:
            for j in range(d.size):
                sent = wide(rows[begin + i, j]) * wide(d[j])
                if returning is not None:
                    sent = sent * wide(returning[begin + i, j])
                total = wide(total + sent)
        e[i] = total
