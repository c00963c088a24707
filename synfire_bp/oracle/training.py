"""Training and inference in integers, for any number of layers, as defined by an `Algorithm`."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import HALF
from synfire_bp.data.scores import Score
from synfire_bp.errors import SynfireError
from synfire_bp.oracle.algorithm import Algorithm, Decay
from synfire_bp.oracle.samples import Outputs, Samples, checked_order
from synfire_bp.oracle.working import Working

if TYPE_CHECKING:
    from synfire_bp.oracle.eligible import Memory

__all__ = ["Learnt", "answer", "check_types", "learn", "sizes_of"]

Weights = Sequence[NDArray[np.integer]]


@dataclass(frozen=True)
class Learnt:
    """Result of training on some samples.

    Attributes
    ----------
    score : Score
        Of each sample as it was shown, before its own update.
    hidden_spikes, output_spikes : int
        Spikes on the way forward, of all hidden layers and of the output.
    samples_with_error : int
        Samples for which any d+ or d- of the output fired.
    weight_changes : tuple of int
        How often a weight of W1, W2, … changed its value.
    """

    score: Score
    hidden_spikes: int
    output_spikes: int
    samples_with_error: int
    weight_changes: tuple[int, ...]


def learn(
    samples: Samples,
    weights: Weights,
    order: NDArray[np.integer],
    algorithm: Algorithm,
    *,
    shown: int = 0,
    moment: int = 0,
    epoch: int = 0,
    tags: Weights = (),
    memory: Memory | None = None,
) -> Learnt:
    """Train on the samples named by `order`, one after the other.

    Parameters
    ----------
    samples : Samples
        Binary patterns and labels, prepared once for many calls.
    weights : sequence of integer arrays
        W_1 … W_L, shapes (n_(l-1), n_l), then the algorithm's feedback matrices; **changed in
        place**.
    order : integer array
        Which samples are shown, in this order; any length.
    algorithm : Algorithm
        What is done.
    shown : int
        Samples that this training showed before: from its first one on, decay is counted.
    moment : int
        Seed of random numbers, at the first time step of this call.
    epoch : int
        Epoch of this training, from 0; it determines what an accumulator collects.
    tags : sequence of integer arrays
        Contents of accumulators (`Algorithm.no_tags`), **changed in place**; they start empty if
        none are given.
    memory : Memory, optional
        What eligibility traces hold, **changed in place**; if left out, these samples are a run of
        their own.

    Raises
    ------
    SynfireError
        If shapes or types do not fit, an order entry is out of range, or what is to be changed is
        read-only.
    """
    from synfire_bp.oracle import kernels
    from synfire_bp.oracle.eligible import Memory, learn_eligible
    from synfire_bp.oracle.passes import COUNTS

    _check(samples, weights, algorithm)
    order = checked_order(order, len(samples))
    work = Working.of(weights, algorithm)
    presented, rule, changing = work.shown(samples), work.rule(epoch), work.changing(moment)
    returning, collected, taking = work.returning(), work.collected(tags), work.taking()
    n_named, n_out = len(COUNTS), samples.n_out
    counts, done = np.zeros(n_named + n_out + algorithm.n_layers, dtype=np.int64), 0
    pieces: Iterable[tuple[NDArray[np.int64], Decay | None, bool]] = ()
    if algorithm.eligible is not None:
        memory = memory or Memory.of(algorithm, samples.labels[order], moment)
        learn_eligible(work, presented, order, memory, counts)
    else:
        pieces = _pieces(order, algorithm, shown)
    for piece, decay, takes in pieces:
        if takes and collected is not None and taking is not None:
            first_phase = moment + algorithm.n_phases * done + 1  # the ring's kick comes before it
            work.take_up(collected, taking, first_phase, counts)
        if changing is not None:
            changing = changing._replace(seen=done)
        kernels.learn(
            presented, piece, work.net, rule, work.scratch, counts, changing, returning, collected
        )
        done += len(piece)
        if decay is not None:
            work.shrink(decay)
    work.write_back(weights)
    work.write_tags(collected, tags)
    named = dict(zip(COUNTS, counts.tolist(), strict=False))
    score = {name: named.pop(name) for name in COUNTS[:4]}
    return Learnt(
        Score(samples=len(order), **score, among=tuple(counts[n_named : n_named + n_out].tolist())),
        weight_changes=tuple(counts[n_named + n_out :].tolist()),
        **named,
    )


def answer(samples: Samples, weights: Weights) -> Outputs:
    """Return the network's answer to every sample, without learning.

    Parameters
    ----------
    samples : Samples
        Binary patterns, prepared once for many calls.
    weights : sequence of integer arrays
        W_1 … W_L, shapes (n_(l-1), n_l).

    Raises
    ------
    SynfireError
        If shapes or types do not fit.
    """
    from synfire_bp.oracle import kernels

    algorithm = Algorithm(sizes_of(samples, weights))
    work = Working.of(weights, algorithm, learning=False)
    potentials = np.zeros((len(samples), samples.n_out), dtype=np.int64)
    kernels.answer(work.shown(samples), work.net, work.scratch, potentials)
    return Outputs(potentials > HALF, potentials)


def sizes_of(samples: Samples, weights: Weights) -> tuple[int, ...]:
    """Return the sizes of the layers that weights join, or say why they and samples do not fit."""
    check_types(weights, [f"w{number}" for number in range(1, len(weights) + 1)])
    fit = (
        len(weights) >= 2
        and all(a.shape[1] == b.shape[0] for a, b in itertools.pairwise(weights))
        and (samples.n_in, samples.n_out) == (weights[0].shape[0], weights[-1].shape[1])
    )
    if not fit:
        raise SynfireError(
            f"{_do_not_fit(samples, weights)}; expected two or more matrices, (n_in, n_1), "
            "(n_1, n_2), …"
        )
    return (*(matrix.shape[0] for matrix in weights), samples.n_out)


def check_types(matrices: Sequence[Any], names: Sequence[str]) -> None:
    """Check that all are matrices of integers wide enough for weights."""
    for name, matrix in zip(names, matrices, strict=False):
        if not isinstance(matrix, np.ndarray) or matrix.dtype.kind != "i" or matrix.ndim != 2:
            raise SynfireError(f"{name} must be a two-dimensional array of signed integers")
        if matrix.dtype.itemsize < 2:
            raise SynfireError(
                f"{name} is of type {matrix.dtype}; weights up to 254 need int16, 16 bits or more"
            )


def _check(samples: Samples, weights: Weights, algorithm: Algorithm) -> None:
    """Check that weights fit the samples and the algorithm, and can be changed."""
    n, names = algorithm.n_layers, algorithm.names
    check_types(weights, names)
    shapes = [matrix.shape for matrix in weights]
    ends = algorithm.sizes[0], algorithm.sizes[-1]
    if shapes[:n] != list(algorithm.shapes[:n]) or ends != (samples.n_in, samples.n_out):
        raise SynfireError(
            f"{_do_not_fit(samples, weights[:n])}; expected {_said(algorithm.shapes[:n])}"
        )
    if shapes[n:] != list(algorithm.shapes[n:]):
        raise SynfireError(
            f"feedback matrices are {_said(shapes[n:]) or 'missing'}; must be "
            f"{_said(algorithm.shapes[n:]) or 'none'}{' if direct' if algorithm.direct else ''}"
        )
    changed = zip(weights, names, algorithm.learning, algorithm.decaying, strict=True)
    for matrix, name, learns, decays in changed:
        if (learns or decays) and not matrix.flags.writeable:
            raise SynfireError(
                f"{name} is read-only, but training changes it in place; pass a copy"
            )


def _do_not_fit(samples: Samples, weights: Weights) -> str:
    return (
        f"shapes do not fit: weights {_said([matrix.shape for matrix in weights])}, samples of "
        f"{samples.n_in} inputs and {samples.n_out} classes"
    )


def _said(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


def _pieces(
    order: NDArray[np.int64], algorithm: Algorithm, shown: int
) -> Iterator[tuple[NDArray[np.int64], Decay | None, bool]]:
    """Split an order of samples where weights decay, or take what tags hold.

    Yield each piece, the decay after it, and whether weights take what tags hold before it.
    """
    decay, fine, n = algorithm.decay, algorithm.fine, len(order)
    every = 0 if decay is None else decay.every
    taken = 0 if fine is None or fine.every is None else fine.samples(algorithm.n_phases)
    ends = {
        end for period in (every, taken) if period for end in range(-shown % period, n, period)
    } | {0, n}
    for begin, end in itertools.pairwise(sorted(ends)):
        decays = bool(every) and (shown + end) % every == 0
        takes = bool(taken) and (shown + begin) % taken == 0
        yield order[begin:end], decay if decays else None, takes
