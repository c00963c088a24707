"""Compiled training in integers with eligibility traces (`synfire_bp.circuit.eligibility`).

Traces and remainders are whole numbers in floating point of 64 bits, which is exact for them, and
which processors multiply and round many at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.accumulator import WEIGHT_STEP
from synfire_bp.circuit.eligibility import STEP_PARTS, WHOLE_REWARD, faded
from synfire_bp.dice import CERTAIN
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.oracle.answers import reward, tried
from synfire_bp.oracle.passes import (
    AMONG,
    HIDDEN,
    compiled,
    forward,
    read_out,
    send_back,
    signs,
)
from synfire_bp.oracle.rewards import Course
from synfire_bp.oracle.working import Working

__all__ = ["Memory", "learn_eligible"]


@dataclass(eq=False)
class Memory:
    """Eligibility traces within a run of samples, and the targets and rewards of the run.

    Attributes
    ----------
    course : Course
        The answers that samples lead the output to, and their rewards.
    traces, remainders : float64 arrays, or None
        Beside `synfire_bp.oracle.working.Net.rows`; None before the first sample.
    done : int
        Samples that were shown.
    """

    course: Course
    traces: NDArray[np.float64] | None = None
    remainders: NDArray[np.float64] | None = None
    done: int = 0

    @classmethod
    def of(cls, algorithm: Algorithm, labels: NDArray[np.integer], moment: int) -> Memory:
        """Return the memory of a run that begins from silence.

        Parameters
        ----------
        algorithm : Algorithm
            With an eligibility trace.
        labels : integer array, shape (n,)
            Of the samples in their order.
        moment : int
            Seed of what is drawn at random, in the first time step of this run.
        """
        assert algorithm.eligible is not None
        return cls(
            algorithm.rewards.course(
                labels, moment, algorithm.n_phases, algorithm.sizes[-1], algorithm.eligible.gain
            )
        )


def learn_eligible(
    work: Working, presented: tuple, order: NDArray[np.int64], memory: Memory, counts: NDArray
) -> None:
    """Show samples in `order`, the next ones of a memory; change weights and add to `counts`."""
    algorithm, rows = work.algorithm, work.net.rows
    assert algorithm.eligible is not None
    if memory.traces is None or memory.remainders is None:
        memory.traces, memory.remainders = np.zeros(rows.shape), np.zeros(rows.shape)
    kept = algorithm.eligible.kept(algorithm.n_phases)
    _learn(
        presented, order, memory.done, memory.course, work.net, work.rule(), work.scratch, counts,
        work.blocks, memory.traces, memory.remainders, _impulses(algorithm), kept / CERTAIN,
        work.returning(),
    )  # fmt: skip
    memory.done += len(order)


def _impulses(algorithm: Algorithm) -> NDArray[np.float64]:
    """Return what a positive and a negative error add to a trace of each layer, shape (L, 2).

    As much as will be left of it when the reward comes.
    """
    assert algorithm.eligible is not None
    eligible, n_phases = algorithm.eligible, algorithm.n_phases
    whole = [eligible.impulse(c) for c in (algorithm.potentiation, algorithm.depression)]
    if not eligible.in_phases:
        return np.array([whole] * algorithm.n_layers, dtype=np.float64)
    return np.array(
        [
            [
                faded(one, eligible.left(phase, n_phases))
                for one, phase in zip(whole, at, strict=True)
            ]
            for at in algorithm.learning_phases
        ],
        dtype=np.float64,
    )


@compiled
def _learn(  # type: ignore[no-untyped-def]
    shown, order, done, course, net, rule, scratch, counts, blocks, traces, remainders, impulses,
    kept, returning,
):  # fmt: skip
    """Do what `synfire_bp.oracle.kernels.learn` does, with traces between error and weight."""
    last = net.sizes.size - 2
    for k in range(order.size):
        label = shown.labels[order[k]]
        x = shown.active[shown.starts[order[k]] : shown.starts[order[k] + 1]]
        counts[HIDDEN] += forward(x, net, scratch)
        wrong = read_out(label, rule, True, scratch, counts)
        answer = tried(course, done + k, scratch.output)
        if answer != label:
            wrong = read_out(answer, rule, False, scratch, counts)
        if wrong:
            for layer in range(last, rule.lowest_layer - 1, -1):
                if layer < last:
                    a = scratch.sums[layer, : net.sizes[layer + 1]]
                    if not signs(layer, a, rule, scratch) and not rule.direct:
                        break
                if layer > rule.lowest_layer:
                    send_back(layer, net, rule, scratch, returning)
                _remember(layer, x, net, rule, scratch, traces, impulses[layer])
        come = reward(course, done + k) / WHOLE_REWARD
        for layer in range(last + 1):
            if rule.learns[layer]:
                begin, end, width = blocks[layer]
                if come != 0:
                    counts[AMONG + scratch.output.size + layer] += _reward_rows(
                        net.rows, begin, end, width, traces, remainders, come, rule.limit
                    )
                _fade(traces, begin, end, width, kept)


@compiled
def _remember(layer, x, net, rule, scratch, traces, impulses):  # type: ignore[no-untyped-def]
    """Add to the traces of a layer what the rule would add to its weights."""
    begin = net.begins[0, layer]
    if not rule.learns[layer]:
        return
    if layer == net.sizes.size - 2:
        h, d = scratch.h, scratch.d_output
        for j in range(d.size):
            if d[j] != 0:
                impulse = impulses[0] if d[j] > 0 else impulses[1]
                for i in range(h.size):
                    traces[begin + j, i] += h[i] * impulse
    else:
        d = scratch.d
        on = x if layer == 0 else scratch.units[layer - 1, : scratch.n_units[layer - 1]]
        for k in range(on.size):
            row = begin + on[k]
            for i in range(net.sizes[layer + 1]):
                traces[row, i] += (d[i] > 0) * impulses[0] + (d[i] < 0) * impulses[1]


@compiled
def _reward_rows(rows, begin, end, width, traces, remainders, reward, limit):  # type: ignore[no-untyped-def]
    """Let weights follow reward x trace in whole steps; return how many moved."""
    narrow, highest = rows.dtype.type, np.float64(limit)
    n_moved = 0
    for row in range(begin, end):
        moved = 0.0
        for i in range(width):
            collected = remainders[row, i] + np.trunc(traces[row, i] * reward)
            steps = np.trunc(collected * (1 / STEP_PARTS))
            remainders[row, i] = collected - steps * STEP_PARTS
            old = np.float64(rows[row, i])
            new = min(max(old + steps * WEIGHT_STEP, -highest), highest)
            rows[row, i] = narrow(new)
            moved += 1.0 if new != old else 0.0
        n_moved += int(moved)
    return n_moved


@compiled
def _fade(traces, begin, end, width, kept):  # type: ignore[no-untyped-def]
    """Let traces decay by a sample, towards 0."""
    for row in range(begin, end):
        for i in range(width):
            traces[row, i] = np.trunc(traces[row, i] * kept)
