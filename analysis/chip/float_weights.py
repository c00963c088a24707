"""The algorithm with real weights: ``python -m analysis.chip.float_weights --out FILE.csv``.

What the circuit computes (`synfire_bp.oracle`), and its rule, but the weights are float64 numbers:
drawn like the circuit's (`synfire_bp.circuit.weights`) but neither rounded nor clipped, changed by
the same steps, and without limits.  The table holds the accuracy on the test set after each epoch.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from synfire_bp.circuit import FULL, HALF
from synfire_bp.circuit.rule import parse_rule
from synfire_bp.engines import learning_split, training_split
from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import make_folder, write_atomically
from synfire_bp.model.experiment import Experiment
from synfire_bp.oracle import Samples
from synfire_bp.progress import WorkProgress
from synfire_bp.training import dataset_of
from synfire_bp.training.schedule import shown_order

from .study import FLOAT_COLUMNS

__all__ = ["answer", "drawn_weights", "learn", "main", "trained"]

Weights = tuple[NDArray[np.float64], NDArray[np.float64]]

_WEIGHTS_STREAM = 0  # of random numbers, as in circuit.weights: a test compares the draws


def drawn_weights(sizes: Sequence[int], seed: int) -> Weights:
    """Draw the initial weights, real and unlimited.

    Normal with standard deviation sqrt(2 / (n_pre + n_post)), times 1024 (paper: Methods).  Clipped
    and rounded, they are the circuit's (`synfire_bp.circuit.weights.initial_weights`).

    Parameters
    ----------
    sizes : sequence of int
        Units of the three layers.
    seed : int
        Same seed, same bits.

    Returns
    -------
    tuple of float64 arrays, shapes (n_in, n_hid) and (n_hid, n_out)
    """
    drawn = []
    for layer, (n_pre, n_post) in enumerate(itertools.pairwise(sizes)):
        key = np.random.SeedSequence(seed, spawn_key=(_WEIGHTS_STREAM, layer))
        normal = np.random.Generator(np.random.PCG64(key)).standard_normal((n_pre, n_post))
        drawn.append(normal * np.sqrt(2 / (n_pre + n_post)) * FULL)
    return drawn[0], drawn[1]


def learn(
    samples: Samples, weights: Weights, order: NDArray[np.integer], up: float = 2, down: float = -2
) -> None:
    """Show samples in an order, and change the weights **in place** after each.

    Parameters
    ----------
    samples : Samples
        Binary patterns and their labels.
    weights : tuple of float64 arrays, shapes (n_in, n_hid) and (n_hid, n_out)
        W1 and W2.
    order : integer array
        Which samples are shown.
    up, down : float
        Added to a weight whose error is positive, negative.
    """
    shown = np.asarray(order, dtype=np.int64)
    _learn(samples.active, samples.starts, samples.labels, shown, *weights, float(up), float(down))


def answer(samples: Samples, weights: Weights) -> NDArray[np.float64]:
    """Return the potentials a2 of the output units, shape (n, n_out)."""
    potentials = np.empty((len(samples), samples.n_out))
    _answer(samples.active, samples.starts, *weights, potentials)
    return potentials


def trained(experiment: Experiment, *, progress: WorkProgress | None = None) -> pd.DataFrame:
    """Train with real weights and test after each epoch.

    Parameters
    ----------
    experiment : Experiment
        Its data, sizes, rule, epochs, samples and seed count; its chip and its limits do not.
    progress : WorkProgress, optional
        Told of each epoch.

    Returns
    -------
    DataFrame
        One row per epoch, of the `FLOAT_COLUMNS`.

    Raises
    ------
    SynfireError
        If the data cannot be used.
    """
    dataset = dataset_of(experiment)
    train, sizes = learning_split(experiment, dataset), experiment.network.sizes
    n = len(training_split(experiment, dataset))
    shown = Samples.of(train.inputs, train.labels, sizes[-1])
    tested = Samples.of(dataset.test.inputs, dataset.test.labels, sizes[-1])
    seed, fingerprint = experiment.training.seed, experiment.fingerprint()
    up, down = parse_rule(experiment.learning.rule).coincidence()
    weights = drawn_weights(sizes, seed)
    rows = []
    for epoch in range(experiment.training.epochs):
        learn(shown, weights, shown_order(experiment, epoch, n), up, down)
        potentials = answer(tested, weights)
        by_argmax = (potentials > HALF).argmax(axis=1) == tested.labels
        by_potential = potentials.argmax(axis=1) == tested.labels
        rows.append((seed, epoch + 1, by_argmax.mean(), by_potential.mean(), fingerprint))
        if progress is not None:
            progress.note(
                f"real weights, seed {seed}, epoch {epoch + 1}: test {100 * rows[-1][2]:.2f} % by "
                f"spikes, {100 * rows[-1][3]:.2f} % by potential"
            )
    return pd.DataFrame(rows, columns=list(FLOAT_COLUMNS))


# ----------------------------------------------------------------------------------------------
# Loops
# ----------------------------------------------------------------------------------------------


@njit(cache=True, nogil=True)
def _forward(on, w1, w2, a1, a2):  # type: ignore[no-untyped-def]
    """Fill a1 = x @ W1 and a2 = h @ W2, given which inputs are 1."""
    a1[:] = 0
    for k in range(on.size):
        for i in range(a1.size):
            a1[i] += w1[on[k], i]
    a2[:] = 0
    for i in range(a1.size):
        if a1[i] > HALF:
            for j in range(a2.size):
                a2[j] += w2[i, j]


@njit(cache=True, nogil=True)
def _answer(active, starts, w1, w2, potentials):  # type: ignore[no-untyped-def]
    a1 = np.empty(w1.shape[1])
    for k in range(potentials.shape[0]):
        _forward(active[starts[k] : starts[k + 1]], w1, w2, a1, potentials[k])


@njit(cache=True, nogil=True)
def _learn(active, starts, labels, order, w1, w2, up, down):  # type: ignore[no-untyped-def]
    n_hid, n_out = w2.shape
    a1, a2, d1 = np.empty(n_hid), np.empty(n_out), np.empty(n_hid)
    d2, step = np.empty(n_out), np.empty(n_out)
    for sample in order:
        on = active[starts[sample] : starts[sample + 1]]
        _forward(on, w1, w2, a1, a2)
        wrong = False
        for j in range(n_out):
            o, t = a2[j] > HALF, j == labels[sample]
            d2[j], step[j] = 0, 0
            if t and not o and a2[j] > 0:
                d2[j], step[j], wrong = 1, up, True
            elif o and not t and not a2[j] > FULL:
                d2[j], step[j], wrong = -1, down, True
        if not wrong:
            continue
        for i in range(n_hid):
            e = 0.0  # with W2 as it is before its update
            for j in range(n_out):
                e += w2[i, j] * d2[j]
            inside = a1[i] > 0 and not a1[i] > FULL
            d1[i] = inside * ((e > 0) * up + (e < 0) * down)
            if a1[i] > HALF:
                for j in range(n_out):
                    w2[i, j] += step[j]
        for k in range(on.size):
            for i in range(n_hid):
                w1[on[k], i] += d1[i]


# ----------------------------------------------------------------------------------------------
# Command
# ----------------------------------------------------------------------------------------------


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Train for several seeds and write the table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.float_weights",
        description="Train the algorithm with real weights; write its accuracy after each epoch.",
    )
    parser.add_argument("--model", default="mnist_loihi1", help="model file or name (mnist_loihi1)")
    parser.add_argument("--epochs", type=int, default=10, help="passes through the samples (10)")
    parser.add_argument("--samples", type=int, help="only the first training samples (all)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds (0 1 2)")
    parser.add_argument("--out", type=Path, default=Path("runs/chip/float_weights.csv"))
    parser.add_argument("--quiet", action="store_true", help="no progress")
    options = parser.parse_args(arguments)
    try:
        changes = ["hardware=null", f"training.epochs={options.epochs}"]
        if options.samples is not None:
            changes.append(f"training.samples={options.samples}")
        experiments = [
            Experiment.from_file(options.model, [*changes, f"training.seed={seed}"])
            for seed in dict.fromkeys(options.seeds)
        ]
        with WorkProgress(options.quiet) as progress:
            tables = [trained(experiment, progress=progress) for experiment in experiments]
        out = options.out.expanduser()
        make_folder(out.parent)
        table = pd.concat(tables).to_csv(index=False, lineterminator="\n")
        write_atomically(out, table.encode())
    except SynfireError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
