"""Learning rules, evaluated by Python itself from the spikes of a network."""

from __future__ import annotations

import re

import numpy as np

from synfire_bp import dice
from synfire_bp.circuit.layout import PlasticLayout

MOST_TRACE, MOST_TAG = 127, 255


def in_python(text):
    """Return the right side of a rule as Python reads it."""
    return re.sub(r"\bt\b", "tag", text.partition("=")[2].replace("^", "**"))


def changed(text, values):
    """Return the whole number that a rule gives, rounded away from zero."""
    exact = eval(in_python(text), {"sgn": np.sign}, values)
    return (np.sign(exact) * np.ceil(np.abs(exact))).astype(np.int64)


def learnt(circuit, spikes, start, rule, *, tag=None, traces=(), seed=0):
    """Return the matrix of every plastic projection after the last step, as it is held.

    Parameters
    ----------
    circuit : Circuit
        The circuit; its first step is the one before phase 0.
    spikes : bool array, shape (steps, cells)
        Who fired.
    start : dict
        Projection to its matrix (its pre, its post).
    rule, tag : str
        Texts of the rules.
    traces : sequence of (name, impulse, kept)
        `kept` in 2^-24.
    seed : int
        Of what is rounded at random.
    """
    numbers = PlasticLayout(circuit).unpack(np.arange(circuit.n_plastic_synapses))
    held = {row: matrix.astype(np.int64) for row, matrix in start.items()}
    tags = {row: np.zeros_like(matrix) for row, matrix in held.items()}
    cells = np.arange(circuit.n_cells)
    state = {name: np.zeros(circuit.n_cells, np.int64) for name, *_ in traces}
    for step, fired in enumerate(spikes.astype(np.int64)):
        for name, impulse, kept in traces:
            moment = dice.moments(seed, f"trace {name}") + step
            left = dice.faded(state[name], kept, cells, moment)
            state[name] = np.minimum(left + impulse * fired, MOST_TRACE)
        phase = (step - 1) % circuit.n_phases
        shared = {"r1": int(phase in circuit.reward_phases)}
        shared |= {f"u{k}": int((step + 1) % 2**k == 0) for k in range(10)}
        for row, w in held.items():
            pre, post = circuit.slices[row.pre], circuit.slices[row.post]
            values = shared | {
                "x0": fired[pre, None], "y0": fired[None, post], "w": w, "tag": tags[row],
            }  # fmt: skip
            for name, column in state.items():
                values[name] = column[pre, None] if name[0] == "x" else column[None, post]
            dw = np.broadcast_to(changed(rule, values), w.shape)
            even = dice.in_steps(dw, 2, numbers[row], seed + step)
            held[row] = np.clip(w + even, -circuit.weight_limit, circuit.weight_limit)
            if tag is not None:
                tags[row] = np.clip(tags[row] + changed(tag, values), -MOST_TAG, MOST_TAG)
    return held
