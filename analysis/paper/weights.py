"""What training makes of the weights: their distribution, their saturation, and their copies.

A run keeps its weights at the start and at the end; those between come from `shared.replay`,
which repeats the training in integers and checks that it ends at the run's weights, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from synfire_bp.errors import RunDirectoryError
from synfire_bp.model import assemble
from synfire_bp.runs import ACTIVITY, Run

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from ..shared.replay import replay
from .protocol import MNIST, PAPER, finished_run, finished_seeds

__all__ = ["ENTRIES", "copies_numbers", "draw", "draw_copies", "numbers"]

_RUN = "mnist-seed0"
_MATRICES = ("W1", "W2")
COLOURS = {"W1": style.colour("h"), "W2": style.colour("o")}
"""Colour of a weight matrix: that of the population that it drives."""

_CHANGES, _UNEQUAL = style.colour("hT"), style.colour("x")
_VALUES = 11
"""Weights are even; so many values share a bar.  Those at the limit have a bar of their own."""
_HEIGHT, _COPIES_HEIGHT = 60.0, 62.0  # mm


def numbers(runs: Path) -> pd.DataFrame:
    """Return histograms of the weights, and the share of weights at the limit after each epoch.

    Returns
    -------
    DataFrame
        `what` ("histogram" or "saturation"), `matrix` ("W1" or "W2"), `epoch`, `low` and `high`:
        the weights that are counted, both included; `count`, and `share` of all (percent).
        Histograms are of the start and the end; their first and last bar hold the weights at the
        limit alone.  Of saturation, `low` and `high` are the limits themselves.

    Raises
    ------
    RunDirectoryError
        If the run is missing or unfinished, or repeating its training ends at other weights.
    """
    run = finished_run(runs, _RUN)
    history, limit = replay(run).weights, run.experiment.network.weight_limit
    rows = []
    for place, name in enumerate(_MATRICES):
        for epoch in (0, len(history) - 1):
            values = history[epoch][place]
            rows += [
                (
                    "histogram",
                    name,
                    epoch,
                    low,
                    high,
                    int(((values >= low) & (values <= high)).sum()),
                )
                for low, high in _bins(limit)
            ]
        for epoch, weights in enumerate(history):
            at_limit = int((np.abs(weights[place]) >= limit).sum())
            rows.append(("saturation", name, epoch, -limit, limit, at_limit))
    table = pd.DataFrame(rows, columns=["what", "matrix", "epoch", "low", "high", "count"])
    sizes = {name: history[0][place].size for place, name in enumerate(_MATRICES)}
    return table.assign(share=100 * table["count"] / table["matrix"].map(sizes))


def _bins(limit: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of the bars, both included: weights are even."""
    yield -limit, -limit
    inside = np.arange(-limit + 2, limit, 2)
    bar = np.floor((inside // 2 + (_VALUES - 1) / 2) / _VALUES)  # one of them is centred on 0
    for part in np.split(inside, np.flatnonzero(np.diff(bar)) + 1):
        yield int(part[0]), int(part[-1])
    yield limit, limit


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the histograms of both matrices and their saturation, 183 mm wide."""
    panels = in_grid(axes, 1, 3, style.DOUBLE_COLUMN, _HEIGHT)
    histogram = numbers[numbers["what"] == "histogram"]
    end = histogram["epoch"].max()
    for axes, name in zip(panels, _MATRICES, strict=False):
        _histogram(axes, histogram[histogram["matrix"] == name], name)
    saturation = numbers[numbers["what"] == "saturation"]
    for name in _MATRICES:
        curve = saturation[saturation["matrix"] == name]
        panels[2].plot(
            curve["epoch"], curve["share"], color=COLOURS[name], clip_on=False,
            label=f"{name}: {curve['share'].iloc[-1]:.2f} % in the end",
        )  # fmt: skip
    panels[2].set(xlabel="epoch", ylabel=f"weights at ±{saturation['high'].iloc[0]} (%)",
                  xlim=(0, end), title="saturation")  # fmt: skip
    panels[2].set_ylim(0, 1.3 * saturation["share"].max() or 1)
    panels[2].legend(loc="upper left")
    panels[2].spines["right"].set_visible(False)
    panels.letters(left=12)
    return panels.figure


def _histogram(axes: Axes, bars: pd.DataFrame, name: str) -> None:
    """Draw the weights of a matrix at the start and at the end; those at the limit as stems."""
    limit, end = bars["high"].max(), bars["epoch"].max()
    density = bars["share"] / ((bars["high"] - bars["low"]) / 2 + 1)
    for epoch in (0, end):
        inside = (bars["epoch"] == epoch) & (bars["low"] != bars["high"])
        edges = [*(bars["low"][inside] - 1), bars["high"][inside].iloc[-1] + 1]
        axes.stairs(
            density[inside], edges, label=f"epoch {epoch}", fill=epoch == 0,
            color="0.8" if epoch == 0 else COLOURS[name], linewidth=0 if epoch == 0 else 1.2,
        )  # fmt: skip
    at_limit = bars[(bars["epoch"] == end) & (bars["low"] == bars["high"])]
    for row in at_limit.itertuples():
        axes.plot([row.low, row.low], [0, row.share], color=COLOURS[name], linewidth=1.6,
                  solid_capstyle="butt", label=f"at {row.low}")  # fmt: skip
    axes.set(xlabel="weight (threshold 1024)", xlim=(-limit - 8, limit + 8),
             ylabel="weights (% per value)", title=f"{name}: {_size(bars):,} weights")  # fmt: skip
    axes.set_ylim(0, 1.3 * density.max())
    axes.set_xticks([-200, -100, 0, 100, 200])
    axes.spines["right"].set_visible(False)
    axes.legend(handles=_key(name, end, limit), loc="upper right", handlelength=1.2)


def _size(bars: pd.DataFrame) -> int:
    return int(bars.loc[bars["epoch"] == 0, "count"].sum())


def _key(name: str, end: int, limit: int) -> list[Patch | Line2D]:
    return [
        Patch(color="0.8", linewidth=0, label="start"),
        Line2D([], [], color=COLOURS[name], label=f"epoch {end} (stems: at ±{limit})"),
    ]


# -- copies --------------------------------------------------------------------------------------


def copies_numbers(runs: Path) -> pd.DataFrame:
    """Return how many weights differ from their layer's first copy, and how often weights changed.

    Returns
    -------
    DataFrame
        `what`, `seed`, `epoch`, `count`, `compared`.  Of "unequal", one row per seed and
        evaluation: how many weights differ, of so many `compared`, those of all copies but the
        first of each layer.  Of "changes", one row per epoch of the run with seed 0: how often a
        weight changed its value since the start, all copies together.

    Raises
    ------
    RunDirectoryError
        If no seed is finished, a run does not say how many weights differ, or repeating a training
        ends at other weights.
    """
    found = finished_seeds(runs, MNIST)
    circuit = assemble(found[0].experiment).circuit
    copies = [[row.layer for row in circuit.plastic].count(layer) for layer in (0, 1)]
    compared = sum(
        (n - 1) * circuit.sizes[layer] * circuit.sizes[layer + 1] for layer, n in enumerate(copies)
    )
    unequal = pd.concat([_unequal(run) for run in found]).assign(what="unequal", compared=compared)
    run = finished_run(runs, _RUN)
    per_epoch = np.array(replay(run).changes, dtype=np.int64) @ np.array(copies)
    changes = pd.DataFrame({"epoch": 1.0 + np.arange(len(per_epoch)), "count": per_epoch.cumsum()})
    changes = changes.assign(what="changes", seed=run.experiment.training.seed)
    table = pd.concat([unequal, changes], ignore_index=True)
    return table[["what", "seed", "epoch", "count", "compared"]].astype({"compared": "Int64"})


def _unequal(run: Run) -> pd.DataFrame:
    activity = run.activity
    if not {"epoch", "unequal_weights"} <= set(activity):
        raise RunDirectoryError(
            f"{run.path / ACTIVITY}: does not say how many weights differ; train again with the "
            "circuit"
        )
    return pd.DataFrame(
        {
            "seed": run.experiment.training.seed,
            "epoch": activity["epoch"],
            "count": activity["unequal_weights"],
        }
    )


@style.applied()
def draw_copies(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the weights that differ, 89 mm wide, below how often weights changed."""
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, _COPIES_HEIGHT)
    axes = panels[0]
    changes = numbers[numbers["what"] == "changes"]
    unequal = numbers[numbers["what"] == "unequal"]
    axes.set_yscale("symlog", linthresh=1, linscale=0.8)
    axes.plot(changes["epoch"], changes["count"], color=_CHANGES, label="changes")
    axes.annotate(
        f"changes of weights since the start, seed {changes['seed'].iloc[0]}:\n"
        f"{changes['count'].iloc[-1] / 1e6:,.0f} million, all copies",
        (changes["epoch"].max(), changes["count"].iloc[-1]), xytext=(0, -5),
        textcoords="offset points", ha="right", va="top", color=_CHANGES,
    )  # fmt: skip
    dots = unequal.drop_duplicates(["epoch", "count"])  # of seeds at one place a dot is enough
    axes.plot(dots["epoch"], dots["count"], "o", color=_UNEQUAL, markersize=2, markeredgewidth=0,
              clip_on=False, label="unequal")  # fmt: skip
    n, worst = unequal["seed"].nunique(), unequal["count"].max()
    axes.annotate(
        f"weights that differ from their first copy:\nat most {worst:,} of "
        f"{int(unequal['compared'].iloc[0]):,}, in {len(unequal):,} comparisons "
        f"({'1 seed' if n == 1 else f'{n} seeds'})",
        (unequal["epoch"].max(), worst), xytext=(0, 5), textcoords="offset points", ha="right",
        va="bottom", color=_UNEQUAL,
    )  # fmt: skip
    axes.set(xlabel="epoch", ylabel="weights (logarithmic above 1)",
             xlim=(0, numbers["epoch"].max()))  # fmt: skip
    axes.set_ylim(-0.15, 3 * changes["count"].max())
    axes.set_yticks([0, *10.0 ** np.arange(0, np.log10(changes["count"].max()) + 0.5, 2)])
    axes.spines["right"].set_visible(False)
    return panels.figure


ENTRIES = (
    Entry(
        name="weights",
        group=PAPER,
        title="Weights before and after training, and their saturation",
        caption="Distribution of the weights W1 (input to hidden) and W2 (hidden to output) at "
        "the start and the end of the MNIST run with seed 0, and the fraction of weights at the "
        "limit of ±254 after each epoch. Weights between start and end come from the same "
        "training repeated in integers, which ended with the circuit's weights, bit for bit.",
        numbers=numbers,
        draw=draw,
        svg=True,
    ),
    Entry(
        name="weight_copies",
        group=PAPER,
        title="Copies of the weights stay equal",
        caption="The circuit holds W1 three times and W2 five times, two of them transposed; all "
        "follow the same local rule. Dots: number of weights that differ from the first copy, "
        "over all copies, at each evaluation of each finished MNIST run. Line: number of weight "
        "changes up to then.",
        numbers=copies_numbers,
        draw=draw_copies,
        svg=True,
    ),
)
