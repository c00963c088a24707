"""The compiled loops of the oracle, the same ones for any number of layers.

How the weights lie is said in `synfire_bp.oracle.working`.  Forward, the rows of active units are
summed up; only into the output, whose matrix is transposed, every unit of the last hidden layer
counts, as 0 or 1.  The output's error comes back along its rows too, that of a hidden layer to the
units that are inside their boxes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP
from synfire_bp.circuit.numbers import HALF
from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.oracle.algorithm import SOFT_STEPS

__all__ = ["COUNTS", "answer", "learn", "list_active", "take_up"]

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
(_ARGMAX, _POTENTIAL, _SILENT, _SQUARED, _HIDDEN, _OUTPUT, _ERROR) = range(len(COUNTS))
_AMONG = len(COUNTS)
_TO_BOUND, _OUTWARD = 1 + SOFT_STEPS.index("to_bound"), 1 + SOFT_STEPS.index("outward")


def _compiled(function: Callable[..., Any]) -> Any:
    """Compile a function when it is first called; keep that where there is a place to keep it."""
    at_home = os.path.isabs(os.path.expanduser("~")) or "NUMBA_CACHE_DIR" in os.environ
    try:
        return njit(cache=at_home, nogil=True)(function)
    except RuntimeError:  # Numba may write neither beside this file nor to the user's cache
        return njit(nogil=True)(function)


@_compiled
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


@_compiled
def answer(shown, net, scratch, potentials):  # type: ignore[no-untyped-def]
    """Fill `potentials` with a_L of every sample."""
    for k in range(potentials.shape[0]):
        _forward(shown.active[shown.starts[k] : shown.starts[k + 1]], net, scratch)
        for j in range(potentials.shape[1]):
            potentials[k, j] = scratch.output[j]


@_compiled
def learn(shown, order, net, rule, scratch, counts, changing=None, returning=None, collected=None):  # type: ignore[no-untyped-def]
    """Show samples in `order`, each `rule.showings` times; change weights and add to `counts`.

    A matrix is needed for the error of one layer alone, so it may change as soon as that is known;
    or, after the authors' shortcut, just before.  Without `changing`, `returning` and
    `collected`, numba leaves their branches out.
    """
    last = net.sizes.size - 2
    for k in range(order.size):
        label = shown.labels[order[k]]
        x = shown.active[shown.starts[order[k]] : shown.starts[order[k] + 1]]
        for showing in range(rule.showings):
            n_fired = _forward(x, net, scratch)
            if showing == 0:
                counts[_HIDDEN] += n_fired
            if not _read_out(label, rule, showing == 0, scratch, counts):
                continue
            for layer in range(last, rule.lowest_layer - 1, -1):
                if layer < last:
                    a = scratch.sums[layer, : net.sizes[layer + 1]]
                    if not _hidden_errors(layer, a, rule, scratch) and not rule.direct:
                        break
                below = layer > rule.lowest_layer
                if below and not rule.after:
                    _send_back(layer, net, rule, scratch, returning)
                _move(layer, x, k, net, rule, scratch, counts, changing, collected)
                if below and rule.after:
                    _send_back(layer, net, rule, scratch, returning)


# ----------------------------------------------------------------------------------------------
# Forward
# ----------------------------------------------------------------------------------------------


@_compiled
def _forward(x, net, scratch):  # type: ignore[no-untyped-def]
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


@_compiled
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


@_compiled
def _list_units(a, units):  # type: ignore[no-untyped-def]
    """List the units that fire; return how many there are."""
    n = 0
    for i in range(a.size):
        units[n] = i  # kept if it fires: no branch that nobody could predict
        n += a[i] > HALF
    return n


@_compiled
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


@_compiled
def _read_out(label, rule, counted, scratch, counts):  # type: ignore[no-untyped-def]
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
            counts[_AMONG + n_spikes - 1] += 1
        counts[_OUTPUT] += n_spikes
        counts[_ERROR] += n_wrong > 0
    return n_wrong > 0


# ----------------------------------------------------------------------------------------------
# Errors come back
# ----------------------------------------------------------------------------------------------


@_compiled
def _steps(distance, shift, most):  # type: ignore[no-untyped-def]
    """Return how many steps of 2^shift a distance has begun, `most` at the most."""
    return min((distance + (1 << shift) - 1) >> shift, most)


@_compiled
def _hidden_errors(layer, a, rule, scratch):  # type: ignore[no-untyped-def]
    """Fill d inside the box, and the change of weights; return how many are wrong."""
    return _grades(a, rule, scratch) if rule.graded else _signs(layer, a, rule, scratch)


@_compiled
def _grades(a, rule, scratch):  # type: ignore[no-untyped-def]
    """Fill d = steps(e) inside the box, and the change of weights; return how many are wrong."""
    n_wrong, narrow = 0, scratch.change.dtype.type
    e, d, change = scratch.e, scratch.d, scratch.change
    for i in range(a.size):
        inside = a[i] > 0 and not a[i] > rule.upper
        size = inside * _steps(abs(e[i]), rule.hidden_shift, rule.hidden_most)
        d[i] = size if e[i] > 0 else -size
        change[i] = narrow(d[i] * rule.up)
        n_wrong += size != 0
    return n_wrong


@_compiled
def _signs(layer, a, rule, scratch):  # type: ignore[no-untyped-def]
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


@_compiled
def _send_back(layer, net, rule, scratch, returning):  # type: ignore[no-untyped-def]
    """Fill e of the units below a weight layer, of hidden ones only inside their boxes."""
    n, begin = net.sizes[layer], net.begins[1, layer]
    if rule.direct or layer == net.sizes.size - 2:
        _send_rows(scratch.d_output, net.rows, begin, scratch.e, n, returning)
    else:
        d, a = scratch.d[: net.sizes[layer + 1]], scratch.sums[layer - 1, :n]
        _send_units(d, net.rows, begin, a, rule.upper, scratch.e, returning)


@_compiled
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


@_compiled
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


# ----------------------------------------------------------------------------------------------
# Weights move
# ----------------------------------------------------------------------------------------------


@_compiled
def _move(layer, x, sample, net, rule, scratch, counts, changing, collected):  # type: ignore[no-untyped-def]
    """Change the weights of a layer, and those in its place on the way back."""
    rows, begin, back = net.rows, net.begins[0, layer], net.begins[1, layer]
    learns, back_learns, moved = rule.learns[layer], rule.back_learns[layer], 0
    if layer == net.sizes.size - 2:
        h, d = scratch.h, scratch.d_output
        if learns:
            if changing is None:
                moved = _move_last(rows, begin, h, d, rule, collected)
            else:
                moved = _change_last(rows, begin, h, d, rule, changing, layer, sample)
        if back_learns:
            _move_last(rows, back, h, d, rule, collected)
    else:
        change = scratch.change[: net.sizes[layer + 1]]
        on = x if layer == 0 else scratch.units[layer - 1, : scratch.n_units[layer - 1]]
        if learns:
            if changing is None:
                moved = _move_rows(rows, begin, on, change, rule, collected)
            else:
                moved = _change_rows(rows, begin, on, change, changing, layer, sample)
        if back_learns:
            _move_rows(rows, back, on, change, rule, collected)
    counts[_AMONG + scratch.output.size + layer] += moved


@_compiled
def _move_rows(rows, begin, on, change, rule, collected):  # type: ignore[no-untyped-def]
    """Add `change` to the rows of active units, or to their tags; return how many weights moved."""
    if collected is None:
        return _add_to_rows(rows, begin, on, change, rule.limit)
    if not rule.remains:
        return _tag_rows(begin, on, change, collected)
    return _collect_rows(rows, begin, on, change, rule.limit, collected)


@_compiled
def _move_last(rows, begin, h, d, rule, collected):  # type: ignore[no-untyped-def]
    """Do the same between active hidden and wrong output units."""
    if collected is None:
        return _add_to_last(rows, begin, h, d, rule.up, rule.down, rule.limit)
    if not rule.remains:
        return _tag_last(begin, h, d, rule, collected)
    return _collect_last(rows, begin, h, d, rule, collected)


@_compiled
def _add_to_rows(rows, begin, on, change, limit):  # type: ignore[no-untyped-def]
    """Add `change` to the rows of active units; return how many weights moved."""
    narrow = rows.dtype.type
    lowest, n_moved = narrow(-limit), 0
    for k in range(on.size):
        row, moved = begin + on[k], narrow(0)
        for i in range(change.size):
            old = rows[row, i]
            new = min(max(narrow(old + change[i]), lowest), limit)
            rows[row, i] = new
            moved = narrow(moved + (new != old))
        n_moved += moved
    return n_moved


@_compiled
def _add_to_last(rows, begin, h, d, up, down, limit):  # type: ignore[no-untyped-def]
    """Move the weights between active hidden and wrong output units; return how many moved."""
    narrow = rows.dtype.type
    lowest, n_moved = narrow(-limit), 0
    for j in range(d.size):
        if d[j] != 0:
            step, moved = narrow(up * d[j] if d[j] > 0 else down * -d[j]), narrow(0)
            for i in range(h.size):
                old = rows[begin + j, i]
                new = min(max(narrow(old + step), lowest), limit) if h[i] else old
                rows[begin + j, i] = new
                moved = narrow(moved + (new != old))
            n_moved += moved
    return n_moved


# ----------------------------------------------------------------------------------------------
# Weights that follow a tag in whole steps (`synfire_bp.circuit.accumulator`)
# ----------------------------------------------------------------------------------------------


@_compiled
def _collect_rows(rows, begin, on, change, limit, collected):  # type: ignore[no-untyped-def]
    """Do what `_add_to_rows` does, with tags that collect `change`."""
    narrow = rows.dtype.type
    n_moved = 0
    for k in range(on.size):
        row, moved = begin + on[k], narrow(0)
        for i in range(change.size):
            old, tag = rows[row, i], narrow(collected[row, i] + change[i])
            steps = _whole_steps(tag, narrow)
            new = _followed(old, steps, limit, narrow)
            rows[row, i], collected[row, i] = new, narrow(tag - narrow(steps * narrow(PARTS)))
            moved = narrow(moved + (new != old))
        n_moved += moved
    return n_moved


@_compiled
def _collect_last(rows, begin, h, d, rule, collected):  # type: ignore[no-untyped-def]
    """Do what `_add_to_last` does, with tags that collect."""
    narrow = rows.dtype.type
    n_moved = 0
    for j in range(d.size):
        if d[j] != 0:
            change, moved = narrow(rule.up * d[j] if d[j] > 0 else rule.down * -d[j]), narrow(0)
            row = begin + j
            for i in range(h.size):
                old, tag = rows[row, i], narrow(collected[row, i] + narrow(h[i] * change))
                steps = _whole_steps(tag, narrow)
                new = _followed(old, steps, rule.limit, narrow)
                rows[row, i], collected[row, i] = new, narrow(tag - narrow(steps * narrow(PARTS)))
                moved = narrow(moved + (new != old))
            n_moved += moved
    return n_moved


@_compiled
def _whole_steps(tag, narrow):  # type: ignore[no-untyped-def]
    """Return how many whole steps a tag holds, towards 0."""
    return narrow(narrow(tag + narrow((tag < 0) * narrow(PARTS - 1))) // narrow(PARTS))


@_compiled
def _followed(old, steps, limit, narrow):  # type: ignore[no-untyped-def]
    """Return a weight that took so many steps, within its limit."""
    new = narrow(old + narrow(steps * narrow(WEIGHT_STEP)))
    return min(max(new, narrow(-limit)), limit)


# ----------------------------------------------------------------------------------------------
# Weights that take all that a tag holds, now and then
# ----------------------------------------------------------------------------------------------


@_compiled
def _tag_rows(begin, on, change, collected):  # type: ignore[no-untyped-def]
    """Add `change` to the tags of the rows of active units; no weight moves."""
    narrow = collected.dtype.type
    most = narrow(LARGEST_TAG)
    for k in range(on.size):
        row = begin + on[k]
        for i in range(change.size):
            tag = narrow(collected[row, i] + change[i])
            collected[row, i] = min(max(tag, narrow(-most)), most)
    return 0


@_compiled
def _tag_last(begin, h, d, rule, collected):  # type: ignore[no-untyped-def]
    """Do the same between active hidden and wrong output units."""
    narrow = collected.dtype.type
    most = narrow(LARGEST_TAG)
    for j in range(d.size):
        if d[j] != 0:
            change = rule.up if d[j] > 0 else rule.down
            for i in range(h.size):
                tag = narrow(collected[begin + j, i] + narrow(h[i] * change))
                collected[begin + j, i] = min(max(tag, narrow(-most)), most)
    return 0


@_compiled
def take_up(rows, collected, numbers, moment, limit):  # type: ignore[no-untyped-def]
    """Add to every weight 1/PARTS of its tag, and empty that; return how many weights moved.

    The size is rounded up to a whole number, and an odd one up or down to an even one, by chance.
    """
    narrow = rows.dtype.type
    n_moved = 0
    for row in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            tag = np.int64(collected[row, i])
            if tag != 0:
                size = (abs(tag) + PARTS - 1) // PARTS
                if size % WEIGHT_STEP and not _mixed(numbers[row, i], moment) & np.uint64(1):
                    size += 1
                size -= size % WEIGHT_STEP
                old = rows[row, i]
                new = narrow(min(max(old + (size if tag > 0 else -size), -limit), limit))
                rows[row, i], collected[row, i] = new, 0
                n_moved += new != old
    return n_moved


# ----------------------------------------------------------------------------------------------
# Weights that do not just add and clip (`synfire_bp.oracle.Changes`)
# ----------------------------------------------------------------------------------------------


@_compiled
def _change_rows(rows, begin, on, change, changing, layer, sample):  # type: ignore[no-untyped-def]
    """Do what `_add_to_rows` does, with `changing`."""
    n_moved, first, sample = 0, changing.numbers[layer], changing.seen + sample
    for k in range(on.size):
        row = begin + on[k]
        for i in range(change.size):
            if change[i] != 0:
                old, number = rows[row, i], first + on[k] * change.size + i
                low, high = changing.lowest[row, i], changing.highest[row, i]
                new = _changed(old, change[i], low, high, number, sample, changing.chance)
                rows[row, i] = new
                n_moved += new != old
    return n_moved


@_compiled
def _change_last(rows, begin, h, d, rule, changing, layer, sample):  # type: ignore[no-untyped-def]
    """Do what `_add_to_last` does, with `changing`."""
    n_moved, first, sample = 0, changing.numbers[layer], changing.seen + sample
    for j in range(d.size):
        if d[j] != 0:
            row, step = begin + j, rule.up if d[j] > 0 else rule.down
            for i in range(h.size):
                if h[i]:
                    old, number = rows[row, i], first + i * d.size + j
                    low, high = changing.lowest[row, i], changing.highest[row, i]
                    new = _changed(old, step, low, high, number, sample, changing.chance)
                    rows[row, i] = new
                    n_moved += new != old
    return n_moved


@_compiled
def _changed(old, change, low, high, number, sample, chance):  # type: ignore[no-untyped-def]
    """Return the weight after a change, in the order in which the circuit's lines act."""
    weight, moved, low, high = np.int64(old), np.int64(change), np.int64(low), np.int64(high)
    moment = 1 + chance.n_phases * sample  # the step of phase 0; the kick of the ring comes before
    if chance.soft:
        portions_of, portion = _soft_share(weight, moved, low, high, chance.soft)
        drawn = (np.int64(_mixed(number, chance.soft_dice + moment) >> 8) * portion) >> 24
        portions = (abs(moved) * portions_of + drawn) // portion
        moved = 2 * portions if moved > 0 else -2 * portions
    if np.int64(_mixed(number, chance.update_dice + moment) >> 8) >= chance.likelihood:
        moved = 0
    if chance.step > 2:
        rest = abs(moved) & (chance.step - 1)
        drawn = np.int64(_mixed(number, chance.level_dice + moment)) & (chance.step - 1)
        size = abs(moved) - rest + (chance.step if drawn < rest else 0)
        moved = size if moved > 0 else -size
    return min(max(weight + moved, low), high)


@_compiled
def _soft_share(weight, moved, low, high, soft):  # type: ignore[no-untyped-def]
    """Return what share of twice a step a soft bound leaves: so many parts, of how many."""
    if soft == _TO_BOUND:
        return high - weight if moved > 0 else weight - low, high - low
    reach = max(high, -low)
    if soft == _OUTWARD:
        return reach - abs(weight) if moved * weight > 0 else reach, 2 * reach
    return reach + 2 - abs(weight), 2 * (reach + 2)


@_compiled
def _mixed(number, moment):  # type: ignore[no-untyped-def]
    """Return the 32 bits of `synfire_bp.dice.mixed`."""
    low = np.uint64(0xFFFFFFFF)
    bits = np.uint64(number) * np.uint64(2654435761) & low
    bits ^= (np.uint64(moment) & low) * np.uint64(2246822519) & low
    bits = (bits ^ (bits >> np.uint64(16))) * np.uint64(0x7FEB352D) & low
    bits = (bits ^ (bits >> np.uint64(15))) * np.uint64(0x846CA68B) & low
    return bits ^ (bits >> np.uint64(16))
