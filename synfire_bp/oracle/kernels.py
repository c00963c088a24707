"""The compiled loops of the oracle, the same ones for any number of layers: what weights do.

The ways through the layers are in `synfire_bp.oracle.passes`.
"""

from __future__ import annotations

import numpy as np

from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP
from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.oracle.algorithm import SOFT_STEPS
from synfire_bp.oracle.passes import (
    AMONG,
    HIDDEN,
    compiled,
    forward,
    hidden_errors,
    read_out,
    send_back,
)

__all__ = ["answer", "learn", "list_active", "take_up"]

_TO_BOUND, _OUTWARD = 1 + SOFT_STEPS.index("to_bound"), 1 + SOFT_STEPS.index("outward")


@compiled
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


@compiled
def answer(shown, net, scratch, potentials):  # type: ignore[no-untyped-def]
    """Fill `potentials` with a_L of every sample."""
    for k in range(potentials.shape[0]):
        forward(shown.active[shown.starts[k] : shown.starts[k + 1]], net, scratch)
        for j in range(potentials.shape[1]):
            potentials[k, j] = scratch.output[j]


@compiled
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
            n_fired = forward(x, net, scratch)
            if showing == 0:
                counts[HIDDEN] += n_fired
            if not read_out(label, rule, showing == 0, scratch, counts):
                continue
            for layer in range(last, rule.lowest_layer - 1, -1):
                if layer < last:
                    a = scratch.sums[layer, : net.sizes[layer + 1]]
                    if not hidden_errors(layer, a, rule, scratch) and not rule.direct:
                        break
                below = layer > rule.lowest_layer
                if below and not rule.after:
                    send_back(layer, net, rule, scratch, returning)
                _move(layer, x, k, net, rule, scratch, counts, changing, collected)
                if below and rule.after:
                    send_back(layer, net, rule, scratch, returning)


# ----------------------------------------------------------------------------------------------
# Weights move
# ----------------------------------------------------------------------------------------------


@compiled
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
    counts[AMONG + scratch.output.size + layer] += moved


@compiled
def _move_rows(rows, begin, on, change, rule, collected):  # type: ignore[no-untyped-def]
    """Add `change` to the rows of active units, or to their tags; return how many weights moved."""
    if collected is None:
        return _add_to_rows(rows, begin, on, change, rule.limit)
    if not rule.remains:
        return _tag_rows(begin, on, change, collected)
    return _collect_rows(rows, begin, on, change, rule.limit, collected)


@compiled
def _move_last(rows, begin, h, d, rule, collected):  # type: ignore[no-untyped-def]
    """Do the same between active hidden and wrong output units."""
    if collected is None:
        return _add_to_last(rows, begin, h, d, rule.up, rule.down, rule.limit)
    if not rule.remains:
        return _tag_last(begin, h, d, rule, collected)
    return _collect_last(rows, begin, h, d, rule, collected)


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
def _whole_steps(tag, narrow):  # type: ignore[no-untyped-def]
    """Return how many whole steps a tag holds, towards 0."""
    return narrow(narrow(tag + narrow((tag < 0) * narrow(PARTS - 1))) // narrow(PARTS))


@compiled
def _followed(old, steps, limit, narrow):  # type: ignore[no-untyped-def]
    """Return a weight that took so many steps, within its limit."""
    new = narrow(old + narrow(steps * narrow(WEIGHT_STEP)))
    return min(max(new, narrow(-limit)), limit)


# ----------------------------------------------------------------------------------------------
# Weights that take all that a tag holds, now and then
# ----------------------------------------------------------------------------------------------


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
def _soft_share(weight, moved, low, high, soft):  # type: ignore[no-untyped-def]
    """Return what share of twice a step a soft bound leaves: so many parts, of how many."""
    if soft == _TO_BOUND:
        return high - weight if moved > 0 else weight - low, high - low
    reach = max(high, -low)
    if soft == _OUTWARD:
        return reach - abs(weight) if moved * weight > 0 else reach, 2 * reach
    return reach + 2 - abs(weight), 2 * (reach + 2)


@compiled
def _mixed(number, moment):  # type: ignore[no-untyped-def]
    """Return the 32 bits of `synfire_bp.dice.mixed`."""
    low = np.uint64(0xFFFFFFFF)
    bits = np.uint64(number) * np.uint64(2654435761) & low
    bits ^= (np.uint64(moment) & low) * np.uint64(2246822519) & low
    bits = (bits ^ (bits >> np.uint64(16))) * np.uint64(0x7FEB352D) & low
    bits = (bits ^ (bits >> np.uint64(15))) * np.uint64(0x846CA68B) & low
    return bits ^ (bits >> np.uint64(16))
