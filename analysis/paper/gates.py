"""The blocks of the hidden populations in phase 0, and what the paper's gates alone let through.

With the paper's gates and the chip's largest closing bias, sums of trained weights that reach the
hidden layer in phase 0 outgrow the bias, and h fires where it must not; blocked twice as firmly in
phases 0 and 8, it does not.  Nothing learns from those spikes: both circuits end at the oracle's
weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import ACTIVITY, Run

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from .protocol import MNIST, PAPER, PAPER_GATES, finished_seeds
from .results import oracle_run, weights_beside

__all__ = ["ENTRIES", "draw", "numbers", "table"]

BLOCKED, ALONE = "with firmer blocks", "the paper's alone"
_KINDS = {MNIST: BLOCKED, PAPER_GATES: ALONE}
_HEIGHT = 62.0  # mm


def numbers(runs: Path) -> pd.DataFrame:
    """Return the stray spikes of every run, epoch by epoch.

    Returns
    -------
    DataFrame
        `gates` ("with firmer blocks", "the paper's alone"), `seed`, `epoch` (1 …),
        `stray_spikes` in that epoch: spikes in phases in which a population must be silent.

    Raises
    ------
    RunDirectoryError
        If there is no finished run of either kind, or one does not say its stray spikes.
    """
    parts = []
    for kind, gates in _KINDS.items():
        for run in finished_seeds(runs, kind):
            parts.append(_strays(run).assign(gates=gates, seed=run.experiment.training.seed))
    order = ["gates", "seed", "epoch", "stray_spikes"]
    return pd.concat(parts, ignore_index=True)[order]


def _strays(run: Run) -> pd.DataFrame:
    activity = run.activity
    if "stray_spikes" not in activity:
        raise RunDirectoryError(f"{run.path / ACTIVITY}: has no column stray_spikes; train again")
    epoch = np.ceil(activity["epoch"] - 1e-9).astype(int)  # half epochs belong to the one they end
    sums = activity["stray_spikes"].groupby(epoch).sum()
    return pd.DataFrame({"epoch": sums.index, "stray_spikes": sums.to_numpy()})


def table(runs: Path) -> pd.DataFrame:
    """Return, run by run, stray spikes in all and weights different from the oracle's.

    Returns
    -------
    DataFrame
        `gates`, `seed`, `epochs`, `stray_spikes`, `first_stray_epoch` (NaN: none),
        `weights_compared`, `weights_different`.

    Raises
    ------
    RunDirectoryError
        As `numbers`, or if the oracle's run of a seed is missing.
    """
    rows = []
    blocked = {run.experiment.training.seed: run for run in finished_seeds(runs, MNIST)}
    for kind, gates in _KINDS.items():
        for run in finished_seeds(runs, kind):
            seed, strays = run.experiment.training.seed, _strays(run)
            if seed not in blocked:
                raise RunDirectoryError(f"{run.path}: there is no finished run of MNIST beside it")
            oracle = oracle_run(runs, blocked[seed])
            first = strays.loc[strays["stray_spikes"] > 0, "epoch"]
            rows.append(
                {
                    "gates": gates,
                    "seed": seed,
                    "epochs": run.experiment.training.epochs,
                    "stray_spikes": int(strays["stray_spikes"].sum()),
                    "first_stray_epoch": first.iloc[0] if len(first) else np.nan,
                    **weights_beside(run, oracle),
                }
            )
    return pd.DataFrame(rows)


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the stray spikes of an epoch, 89 mm wide: a thin line a seed, a thick one the median."""
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, _HEIGHT)
    axes = panels[0]
    for gates, colour in ((ALONE, style.colour("h")), (BLOCKED, style.colour("x"))):
        here = numbers[numbers["gates"] == gates]
        n = here["seed"].nunique()
        seeds = f"median of {n} seeds" if n > 1 else "one seed"
        for _, one in here.groupby("seed"):
            axes.plot(one["epoch"], one["stray_spikes"], color=colour, linewidth=0.4, alpha=0.5)
        median = here.groupby("epoch")["stray_spikes"].median()
        axes.plot(median.index, median, color=colour, linewidth=1.6,
                  label=f"gates {gates}, {seeds}")  # fmt: skip
    axes.plot([], [], color="0.4", linewidth=0.4, label="single seeds")
    axes.set_yscale("symlog", linthresh=1)
    axes.set(xlabel="epoch", ylabel="stray spikes in the epoch", ylim=(-0.1, None))
    axes.margins(x=0.01)
    panels.legend(axes.get_legend_handles_labels()[0], at="upper left")
    return panels.figure


ENTRIES = (
    Entry(
        name="stray_spikes",
        group=PAPER,
        title="Spikes of closed populations",
        caption="Spikes in phases in which a population must be silent, in each epoch of 60,000 "
        "samples of MNIST at the closing bias that the chip can hold, 8192: with the paper’s "
        "gates alone, and with h, h< and h> blocked in phases 0 and 8, twice as strongly as the "
        "paper blocks them in phase 8.",
        numbers=numbers,
        draw=draw,
        svg=True,
    ),
    Entry(
        name="table_gates",
        group=PAPER,
        title="Stray spikes and weights, with and without the blocks",
        caption="For whole trainings: stray spikes, the first epoch with a stray spike, and "
        "weights that differ at the end from those of the algorithm in integers with the same "
        "seed.",
        numbers=table,
    ),
)
