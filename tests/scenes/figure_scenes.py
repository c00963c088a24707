"""What several tests of figures share."""

from __future__ import annotations

import numpy as np

PHASES = 12


def fires(x, t, w1, w2):
    """Which neurons of each population fire in which phase, and the changes of the weights."""
    a1 = x @ w1
    h, box = a1 > 512, (a1 > 0) & ~(a1 > 1024)
    a2 = h @ w2
    o = a2 > 512
    plus, minus = t & ~o & (a2 > 0), o & ~t & ~(a2 > 1024)
    error = w2 @ (plus.astype(int) - minus)
    grow, shrink = (error > 0) & box, (error < 0) & box
    on = x.astype(bool)
    spikes = {
        "input": {0: on},
        "x": {1: on, 7: on, 11: on},
        "m_x": {6: on},
        "h": {2: h, 5: h, 7: grow, 9: h, 11: shrink},
        "h<": {2: a1 > 0, 7: grow, 11: shrink},
        "h>": {2: a1 > 1024, 7: grow, 11: shrink},
        "m_h": {3: h},
        "c": {6: box},
        "hT": {5: h, 6: error > 0, 9: h, 10: error < 0},
        "target": {2: t},
        "t": {3: t},
        "o": {3: o, 5: plus, 9: minus},
        "o<": {3: a2 > 0, 5: plus, 9: minus},
        "o>": {3: a2 > 1024, 5: plus, 9: minus},
        "d+": {4: plus},
        "d-": {4: minus},
        "oT": {5: minus, 9: plus},
    } | {f"g{k}": {(k - 1) % PHASES: np.array([True])} for k in range(PHASES)}
    changes = np.outer(x, grow.astype(int) - shrink), np.outer(h, plus.astype(int) - minus)
    return spikes, changes, o, a2


def labels_outside_of_the_axes(figure):
    """Tick labels beyond the limits of their axis: matplotlib keeps them, but draws them not."""
    axis = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)]
    return {
        label
        for one in axis
        for tick in one.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if not min(one.get_view_interval()) <= tick.get_loc() <= max(one.get_view_interval())
    }
