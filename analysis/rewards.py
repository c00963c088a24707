"""Rewards that come late, and rewards that are but one number: ``python -m analysis.rewards``.

Trains digits and MNIST by the algorithm in integers, which takes seconds, and writes into
`figures/learning/`:

late_reward      the map: accuracy against delay of the reward x time constant of the trace, for
                 answers that are told, and for answers that are tried with and without an
                 expectation
scalar_reward    the table: what is learnt from each kind of reward that comes at once
scalar_reward_mnist
                 the same for some rewards on MNIST, reduced to 10 x 10 pixels

Trainings that a table has already are kept; those that are missing are done.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

import synfire_bp as sb
from synfire_bp.training import dataset_of, shown_order

from .shared import style
from .shared.command import command
from .shared.output import found_table, save, save_csv
from .shared.panels import Given, in_grid
from .shared.statistics import mean_difference

__all__ = ["MAP", "MNIST", "TABLE", "cells", "draw", "main", "trained"]

MAP, TABLE, MNIST = "late_reward", "scalar_reward", "scalar_reward_mnist"
_FOLDER = Path("figures/learning")
_SMALL = ("network.sizes=[64, 100, 10]",)

_PANELS = {
    "told": ("the answer is told", "{answer: told}"),
    "expected": ("tried, less the mean reward", "{answer: tried, wrong: 0, expected: run}"),
    "tried": ("tried, the reward alone", "{answer: tried, wrong: 0}"),
}
"""Name to title and section `reward` of the panels of the map."""
_DELAYS, _TAUS = (0, 1, 2, 4, 8), (0, 1, 2, 4, 8, 16)
_MAP_EPOCHS, _MAP_SEEDS = 40, 5
_LONG = 4
"""Time constant in samples from which on the gain is lowered: a trace adds up that many."""

_TRIED = "{answer: tried, wrong: 0"
_BELIEVED = "{answer: believed, wrong: 0"
_LATE = "delay_samples: 1"
_AT_ONCE = {
    "told": "null",
    "told, less the mean reward": "{expected: run}",
    "told, mistaken 0.1": "{mistaken: 0.1}",
    "told, mistaken 0.3": "{mistaken: 0.3}",
    "tried, 1 or 0": f"{_TRIED}}}",
    "tried, 1 or -1": "{answer: tried, wrong: -1}",
    "tried, 1 or 0, less the mean reward": f"{_TRIED}, expected: run}}",
    "tried, 1 or -1, less the mean reward": "{answer: tried, wrong: -1, expected: run}",
    "tried, 1 or 0, less the mean of each answer": f"{_TRIED}, expected: answer}}",
    "tried, 1 or 0, mistaken 0.05": f"{_TRIED}, mistaken: 0.05}}",
    "tried, 1 or 0, mistaken 0.1": f"{_TRIED}, mistaken: 0.1}}",
    "tried, 1 or 0, mistaken 0.1, less the mean reward": (
        f"{_TRIED}, mistaken: 0.1, expected: run}}"
    ),
    "tried, 1 or 0, spread 0.5": f"{_TRIED}, spread: 0.5}}",
    "tried, 1 or 0, spread 0.5, less the mean reward": f"{_TRIED}, spread: 0.5, expected: run}}",
    "believed, 1 or 0": f"{_BELIEVED}}}",
    "believed, 1 or 0, less the mean reward": f"{_BELIEVED}, expected: run}}",
    "believed, 1 or 0, less the mean of its belief": f"{_BELIEVED}, expected: belief}}",
    "believed, explore 0.3, 1 or 0": f"{_BELIEVED}, explore: 0.3}}",
    "believed, explore 0.3, 1 or 0, less the mean of its belief": (
        f"{_BELIEVED}, explore: 0.3, expected: belief}}"
    ),
}
"""Name to section `reward` of the rows whose trace lasts for its own sample."""
_KINDS = {
    **{name: (reward, "tau: 0") for name, reward in _AT_ONCE.items()},
    "tried, one sample late, less the mean reward, trace of 2 samples": (
        f"{_TRIED}, {_LATE}, expected: run}}",
        "tau: 2",
    ),
    "tried, one sample late, less the mean reward, trace of 24 phases": (
        f"{_TRIED}, {_LATE}, expected: run}}",
        "tau_phases: 24",
    ),
}
"""Name to section `reward` and time constant of the trace of the rows of the table."""
_TABLE_EPOCHS, _TABLE_SEEDS = 60, 10

_MNIST_KINDS = {
    **{
        name: _KINDS[name]
        for name in (
            "told",
            "tried, 1 or 0",
            "tried, 1 or 0, less the mean reward",
            "believed, 1 or 0",
            "believed, 1 or 0, less the mean of its belief",
            "believed, explore 0.3, 1 or 0",
        )
    },
    "tried, one sample late": (f"{_TRIED}, {_LATE}}}", "tau: 2"),
    "tried, one sample late, less the mean reward": (
        f"{_TRIED}, {_LATE}, expected: run}}",
        "tau: 2",
    ),
}
"""The same for MNIST."""
_MNIST_EPOCHS, _MNIST_SEEDS = 10, 6

Case = tuple[dict[str, Any], tuple[str, ...]]
"""What names a row, and the overrides of its model."""


def trained(experiment: sb.Experiment) -> dict[str, float]:
    """Train a model by the algorithm in integers, and test it once, at the end.

    Returns
    -------
    dict
        Test accuracy in percent: `spikes_percent` and `potential_percent`.
    """
    model = sb.assemble(experiment)
    data = dataset_of(experiment)
    n, weights = len(sb.training_split(model, data)), model.start
    with closing(sb.OracleEngine(model, data)) as engine:
        for epoch in range(experiment.training.epochs):
            order = shown_order(model, epoch, n)
            weights = engine.train(weights, order, shown_before=epoch * n).weights
        found = engine.test(weights, "test").score.row()
    return {
        f"{name}_percent": round(100 * found[f"accuracy_{name}"], 4)
        for name in ("spikes", "potential")
    }


def gain(tau: float) -> float:
    """Return the gain that the map gives a trace: 1, and less for one that adds up many samples."""
    return min(1.0, _LONG / tau) if tau else 1.0


def _map_cases() -> Iterator[Case]:
    for seed in range(_MAP_SEEDS):
        for name, (_, reward) in _PANELS.items():
            for tau in _TAUS:
                for delay in _DELAYS:
                    named = {"reward": name, "tau": tau, "delay": delay, "seed": seed}
                    yield (
                        named,
                        (
                            *_SMALL,
                            f"learning.eligibility={{tau: {tau}, gain: {gain(tau)}}}",
                            f"reward={reward}",
                            f"reward.delay_samples={delay}",
                            f"training.epochs={_MAP_EPOCHS}",
                            f"training.seed={seed}",
                        ),
                    )


def _table_cases() -> Iterator[Case]:
    return _kinds_of(_KINDS, _SMALL, _TABLE_EPOCHS, _TABLE_SEEDS)


def _mnist_cases() -> Iterator[Case]:
    sizes = ("network.sizes=[100, 100, 10]",)
    return _kinds_of(_MNIST_KINDS, sizes, _MNIST_EPOCHS, _MNIST_SEEDS)


def _kinds_of(
    kinds: Mapping[str, tuple[str, str]], sizes: tuple[str, ...], epochs: int, seeds: int
) -> Iterator[Case]:
    """Yield every kind of reward with every seed."""
    for seed in range(seeds):
        for name, (reward, tau) in kinds.items():
            yield (
                {"reward": name, "seed": seed},
                (
                    *sizes,
                    f"learning.eligibility={{{tau}}}",
                    f"reward={reward}",
                    f"training.epochs={epochs}",
                    f"training.seed={seed}",
                ),
            )


_CASES = {
    MAP: ("digits", _map_cases),
    TABLE: ("digits", _table_cases),
    MNIST: ("mnist_10x10", _mnist_cases),
}


def _completed(name: str, folder: Path) -> pd.DataFrame:
    """Return a table with all its rows, and write it after each that is trained."""
    there = found_table(folder, name)
    rows: list[dict[str, Any]] = [] if there is None else _records(there)
    model, make = _CASES[name]
    cases = list(make())
    keys = list(cases[0][0])
    known = {tuple(row[key] for key in keys) for row in rows}
    for named, overrides in cases:
        if tuple(named.values()) not in known:
            rows.append({**named, **trained(sb.Experiment.from_file(model, list(overrides)))})
            save_csv(folder / f"{name}.csv", pd.DataFrame(rows))
    return pd.DataFrame(rows)


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def cells(numbers: pd.DataFrame) -> pd.DataFrame:
    """Return each cell of a table: mean accuracy by potential and its 95 % interval over seeds.

    Parameters
    ----------
    numbers : DataFrame
        One row per training.
    """
    keys = [key for key in ("reward", "tau", "delay") if key in numbers]
    rows = []
    for values, group in numbers.groupby(keys, sort=False):
        found = mean_difference(group["potential_percent"])
        rows.append(
            dict(zip(keys, values if isinstance(values, tuple) else (values,), strict=True))
            | {
                "seeds": found.n,
                "mean_percent": round(found.value, 2),
                "low_percent": round(found.low, 2),
                "high_percent": round(found.high, 2),
                "spikes_mean_percent": round(group["spikes_percent"].mean(), 2),
            }
        )
    return pd.DataFrame(rows)


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the map, 89 mm wide: a panel for each kind of reward, a cell for delay and trace."""
    found = cells(numbers)
    panels = in_grid(axes, len(_PANELS), 1, style.SINGLE_COLUMN, 150, sharex=True)
    for axes, (name, (title, _)) in zip(panels, _PANELS.items(), strict=True):
        shown = _draw_panel(axes, found[found["reward"] == name], title)
    panels[-1].set_xlabel("time constant of the trace (samples)")
    panels.figure.colorbar(
        shown, ax=list(panels), location="top", shrink=0.9, aspect=30,
        label="test accuracy by potential, mean of seeds (%)",
    )  # fmt: skip
    return panels.figure


def _draw_panel(axes: Axes, found: pd.DataFrame, title: str) -> AxesImage:
    """Draw the cells of a panel with their means written in."""
    table = found.pivot_table(index="delay", columns="tau", values="mean_percent")
    shown = axes.imshow(table, vmin=10, vmax=100, cmap="cividis", origin="lower", aspect="auto")
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        dark = value < 60  # percent: light letters there
        axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=6,
                  color="white" if dark else "black")  # fmt: skip
    axes.set_xticks(range(table.shape[1]), [f"{tau:g}" for tau in table.columns])
    axes.set_yticks(range(table.shape[0]), [f"{delay:g}" for delay in table.index])
    axes.set_ylabel("delay (samples)")
    axes.set_title(title, fontsize=7)
    return shown


@command("rewards")
def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, write tables and figure."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.rewards",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(_CASES)}; all if none"
    )
    parser.add_argument("--out", type=Path, default=_FOLDER, help=f"where to ({_FOLDER})")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - _CASES.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(_CASES)}")
    for name in options.names or _CASES:
        numbers = _completed(name, options.out)
        save_csv(options.out / f"{name}_cells.csv", cells(numbers))
        if name == MAP:
            save(draw(numbers), numbers, options.out, name)


if __name__ == "__main__":
    sys.exit(main())
