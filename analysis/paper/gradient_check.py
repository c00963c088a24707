"""The circuit's update against exact gradients: their cosine over training.

The surrogate network is the circuit's network with the step activation replaced by its surrogate,
s(a) = a / 1024 clipped to 0 … 1, whose derivative is the box: 1 / 1024 where 0 < a <= 1024, else 0.
With h = s(x W1), o = s(h W2) and the loss L = |t - o|^2 / 2, the exact gradient is

    -dL/dW2 = h^T  d2,  d2 = (t - o) s'(a2)        -dL/dW1 = x^T  d1,  d1 = (W2 d2) s'(a1)

In the circuit h and o are spikes, 0 or 1.  So its d2 is ternary: a sample whose output spikes are
those of the target teaches nothing, while the surrogate network still moves its graded output
towards the target.  And the circuit sends back d1 = sign(W2 d2) in the box.  Three comparisons tell
these apart: with the gradient of all samples, with that of the samples alone that teach the
circuit, and with the same formulas at the circuit's own spikes, where W2's update agrees exactly
and W1's differs by the sign alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from synfire_bp.circuit import FULL, HALF
from synfire_bp.engines import learning_split, training_split
from synfire_bp.training import dataset_of
from synfire_bp.training.schedule import shown_order

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from ..shared.replay import replay
from .protocol import PAPER, finished_run
from .weights import COLOURS

__all__ = ["AGAINST", "ENTRY", "Directions", "cosine", "directions", "draw", "numbers"]

_RUN = "mnist-seed0"
AGAINST = {
    "surrogate": "exact gradient of the surrogate network",
    "surrogate, wrong samples": "the same, samples with an error spike alone",
    "own spikes": "the same formulas at the circuit's own spikes",
}
_EPOCHS = (0, 1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 60)
_SETS, _SAMPLES = 4, 1000
_HEIGHT = 66.0  # mm
_DASHES: dict[str, tuple[float, tuple[float, ...]]] = {
    "surrogate": (0, ()),
    "surrogate, wrong samples": (0, (4, 1.5)),
    "own spikes": (0, (1, 1)),
}
_DIGITS = 6  # what the order of floating sums does not touch


@dataclass(frozen=True, eq=False)
class Directions:
    """How W1 and W2 would move, summed over samples: each pair has the shapes of the weights.

    Attributes
    ----------
    circuit : pair of arrays
        The circuit's update, in steps of the learning rule (2 weight units), before clipping.
    gradients : dict
        Key of `AGAINST` to minus the gradient, in units of 1 / 1024 (W2) and 1 / 1024^2 (W1).
    taught : int
        Samples that teach the circuit anything: those in which an error neuron fires.
    """

    circuit: tuple[NDArray, NDArray]
    gradients: dict[str, tuple[NDArray, NDArray]]
    taught: int


def directions(
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    w1: NDArray[np.integer],
    w2: NDArray[np.integer],
    kind: type[np.floating] = np.float32,
) -> Directions:
    """Return the circuit's update and the gradients, summed over samples with fixed weights.

    Parameters
    ----------
    inputs : integer array, shape (n, n_in)
        Binary patterns.
    labels : integer array, shape (n,)
        0 … n_out - 1.
    w1, w2 : integer arrays, shapes (n_in, n_hid) and (n_hid, n_out)
        The weights.
    kind : float type
        Of the arithmetic; sums of the integers are exact in float32 up to 2**24.
    """
    x, v1, v2 = inputs.astype(kind), w1.astype(kind), w2.astype(kind)
    target = (np.arange(w2.shape[1]) == labels[:, None]).astype(kind)
    a1 = x @ v1

    def errors(activation: Callable[[NDArray], NDArray]) -> tuple[NDArray, NDArray, NDArray]:
        h = activation(a1)
        a2 = h @ v2
        d2 = (target - activation(a2)) * _box(a2)
        return h, d2, d2 @ v2.T * _box(a1)

    h, d2, d1 = errors(_step)
    taught = d2.any(axis=1)
    h, d2, d1, on = h[taught], d2[taught], d1[taught], x[taught]
    smooth_h, smooth_d2, smooth_d1 = errors(_surrogate)
    return Directions(
        circuit=(on.T @ np.sign(d1), h.T @ d2),
        gradients={
            "surrogate": (x.T @ smooth_d1, smooth_h.T @ smooth_d2),
            "surrogate, wrong samples": (
                on.T @ smooth_d1[taught], smooth_h[taught].T @ smooth_d2[taught],
            ),
            "own spikes": (on.T @ d1, h.T @ d2),
        },
        taught=int(taught.sum()),
    )  # fmt: skip


def _surrogate(a: NDArray) -> NDArray:
    return np.clip(a / FULL, 0, 1)


def _step(a: NDArray) -> NDArray:
    return (a > HALF).astype(a.dtype)


def _box(a: NDArray) -> NDArray[np.bool_]:
    """Return where the surrogate has a slope; what it is, 1 / FULL, stands in the results."""
    return (a > 0) & (a <= FULL)


def cosine(a: NDArray, b: NDArray) -> float:
    """Return the cosine of the angle between two arrays; NaN if one of them is zero."""
    a, b = (np.asarray(array, dtype=np.float64).ravel() for array in (a, b))
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / length) if length else math.nan


def numbers(runs: Path) -> pd.DataFrame:
    """Return the cosines.

    The samples of each epoch are those that training shows next, in its order.

    Returns
    -------
    DataFrame
        One row per epoch, set of samples, matrix and gradient: `epoch`, `set`, `samples` (of the
        set), `taught` (how many of them teach the circuit anything), `matrix` ("W1" or "W2"),
        `against` (a key of `AGAINST`), `cosine` (empty if an update is zero).

    Raises
    ------
    RunDirectoryError
        If the run is missing or unfinished, or repeating its training ends at other weights.
    """
    run = finished_run(runs, _RUN)
    history = replay(run).weights
    dataset = dataset_of(run.experiment)
    split = learning_split(run.experiment, dataset)
    n = len(training_split(run.experiment, dataset))
    samples = min(_SAMPLES, n)
    rows = []
    for epoch in sorted({*(e for e in _EPOCHS if e < len(history)), len(history) - 1}):
        w1, w2 = history[epoch]
        order = shown_order(run.experiment, epoch, n)
        for place in range(min(_SETS, n // samples)):
            shown = order[place * samples : (place + 1) * samples]
            moved = directions(split.inputs[shown], split.labels[shown], w1, w2)
            rows += [
                (epoch, place, samples, moved.taught, matrix, against,
                 cosine(moved.circuit[layer], gradient[layer]))
                for against, gradient in moved.gradients.items()
                for layer, matrix in enumerate(COLOURS)
            ]  # fmt: skip
    columns = ["epoch", "set", "samples", "taught", "matrix", "against", "cosine"]
    return pd.DataFrame(rows, columns=columns).round({"cosine": _DIGITS})


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the cosines, 183 mm wide: mean and range over the sets; and how many samples teach."""
    panels = in_grid(axes, 1, 3, style.DOUBLE_COLUMN, _HEIGHT, sharex=True)
    end = numbers["epoch"].max()
    for axes, (matrix, colour) in zip(panels, COLOURS.items(), strict=False):
        here = numbers[numbers["matrix"] == matrix]
        for against, dashes in _DASHES.items():
            sets = here[here["against"] == against].groupby("epoch")["cosine"]
            mean = sets.mean()
            axes.fill_between(mean.index, sets.min(), sets.max(), color=colour, alpha=0.15,
                              linewidth=0)  # fmt: skip
            axes.plot(mean.index, mean, color=colour, linestyle=dashes, marker="o", clip_on=False,
                      label=f"{matrix} {against}")  # fmt: skip
        axes.set(ylim=(min(0, numbers["cosine"].min()), 1), ylabel="cosine",
                 title=f"update of {matrix} and gradient")  # fmt: skip
    sets = numbers.drop_duplicates(["epoch", "set"]).groupby("epoch")["taught"]
    taught, samples = sets.mean(), numbers["samples"].iloc[0]
    panels[2].fill_between(taught.index, sets.min(), sets.max(), color="0.85", linewidth=0)
    panels[2].plot(taught.index, taught, color=style.colour("d+"), marker="o", clip_on=False,
                   label="taught")  # fmt: skip
    panels[2].set_yscale("symlog", linthresh=1)
    panels[2].set(ylim=(0, samples), ylabel=f"samples of {samples:,}",
                  title="samples with an error spike")  # fmt: skip
    for axes in panels:
        axes.set(xlabel="epoch", xlim=(0, end or 1))
        axes.spines["right"].set_visible(False)
    panels.letters(left=12)
    panels[2].legend(handles=_key_of_sets(), loc="upper right")
    panels.legend(_key(), ncols=3, handlelength=2.2, columnspacing=1, handletextpad=0.5,
                  borderpad=0.1, title="the circuit's update against …",
                  title_fontsize=7)  # fmt: skip
    return panels.figure


def _key_of_sets() -> list[Artist]:
    return [
        Line2D([], [], color="0.35", marker="o", label="mean of the sets (all panels)"),
        Patch(color="0.85", linewidth=0, label="their range"),
    ]


def _key() -> list[Line2D]:
    return [
        Line2D([], [], color="0.35", linestyle=dashes, label=AGAINST[against])
        for against, dashes in _DASHES.items()
    ]


ENTRY = Entry(
    name="gradient_check",
    group=PAPER,
    title="The circuit's update against exact gradients",
    caption="Cosine between the circuit's update and minus the gradient of the squared error in "
    "the surrogate network (clipped linear activation, box derivative), both summed over sets of "
    "training samples at fixed weights: mean and range over the sets, MNIST run with seed 0. The "
    "circuit's output error is ternary: it learns nothing from samples that are already right, "
    "though the surrogate's graded output still has an error (solid against dashed; few samples "
    "cause learning in the end). If the errors are those of its own spikes, its update of W2 is "
    "the gradient itself, and that of W1 differs by sign(), which gives every hidden unit in the "
    "box an error of the same size (dotted).",
    numbers=numbers,
    draw=draw,
    svg=True,
)
