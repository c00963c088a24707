"""E-prop: in NumPy, step by step, by its equations; and in NEST, where somebody has it."""

from __future__ import annotations

import numpy as np
import pytest
from nest_setup import NEST, nest_python
from nest_table import compared, evidence, pattern

from synfire_bp.rivals.eprop.simulation import simulate

SMALL_PATTERN = ("task.iterations=2", "task.steps=120", "task.inputs=12", "cells.regular=10")
SMALL_EVIDENCE = (
    "task={inputs: 8, rate: 300.0, cues: 3, cue: 20, pause: 10, delay: 20, question: 30, "
    "iterations: 2}",
    "cells.regular=4", "cells.adaptive=4", "learning.batch=2",
)  # fmt: skip


def gradient_by_hand(setup):
    """Return loss and gradients of the first interval of a pattern, by the equations."""
    cells, lesson, weights = setup.cells, setup.lesson, setup.weights
    alpha, kappa = np.exp(-1 / cells.membrane_time), np.exp(-1 / setup.readout.membrane_time)
    n = cells.count
    v, z, y = np.zeros(n), np.zeros(n), np.zeros(1)
    traces = [np.zeros(lesson.n_in), np.zeros(n)]
    bars = [np.zeros((lesson.n_in, n)), np.zeros((n, n))]
    sums, eligible = ([np.zeros_like(one) for one in bars] for _ in range(2))
    read, read_sum, loss, count = np.zeros(n), np.zeros(n), 0.0, np.zeros(n)
    for step in range(lesson.steps):
        x = np.zeros(lesson.n_in)
        x[lesson.neurons[lesson.times == step]] = 1
        arriving = (1 - alpha) * (x @ weights.inputs + z @ weights.recurrent)
        traces = [alpha * t + (1 - alpha) * one for t, one in zip(traces, (x, z), strict=True)]
        v = alpha * v + arriving - cells.threshold * z
        psi = 0.3 * np.maximum(0, 1 - np.abs(v - cells.threshold))
        z = (v >= cells.threshold).astype(float)
        count += z
        y = kappa * y + (1 - kappa) * (z @ weights.readout)
        error = y - lesson.wanted.signal[step]
        loss += 0.5 * float(error @ error)
        signal = weights.feedback @ error
        read = kappa * read + (1 - kappa) * z
        read_sum += read * error
        for k in range(2):
            trace = np.outer(traces[k], psi)
            bars[k] = kappa * bars[k] + (1 - kappa) * trace
            sums[k] += bars[k] * signal
            eligible[k] += trace
    cost = setup.learning.rate_cost * (count / lesson.steps - 0.01) / lesson.steps
    return loss, [s + cost * e for s, e in zip(sums, eligible, strict=True)], read_sum


def test_the_network_follows_the_equations_of_e_prop():
    setup = pattern(*SMALL_PATTERN, "task.iterations=1")
    loss, (inputs, recurrent), readout = gradient_by_hand(setup)
    np.fill_diagonal(recurrent, 0)
    result = simulate(setup, compiled=False)
    assert result.fired.sum() > 10  # or it proves nothing
    assert result.loss[0] == pytest.approx(loss, rel=1e-12)
    rate, start, end = setup.learning.rate, setup.weights, result.weights
    np.testing.assert_allclose(end.inputs, start.inputs - rate * inputs, atol=1e-14)
    np.testing.assert_allclose(end.recurrent, start.recurrent - rate * recurrent, atol=1e-14)
    np.testing.assert_allclose(end.readout[:, 0], start.readout[:, 0] - rate * readout, atol=1e-14)


@pytest.mark.skipif(nest_python() is None, reason=f"{NEST} names no interpreter with NEST")
@pytest.mark.parametrize("task", ["pattern", "evidence"])
def test_nest_finds_the_same_spikes_losses_and_weights(task, tmp_path):
    setup = pattern(*SMALL_PATTERN) if task == "pattern" else evidence(*SMALL_EVIDENCE)
    losses, weights = compared(task, setup, tmp_path, compiled=False)
    assert losses.spikes_different.sum() == 0 and losses.spikes.sum() > 10
    assert losses.difference.max() < 1e-12
    assert weights.relative_difference.max() < 1e-12
    assert weights.largest_move.min() > 0
