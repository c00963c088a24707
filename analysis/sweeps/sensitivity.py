"""Figures of a sweep: ``python -m analysis sensitivity SWEEP_DIR [--out figures]``.

Which figures there are depends on the design: Sobol indices of a saltelli design, Morris effects of
a morris design, a heat map of a grid of two parameters, main effects and interactions of whatever
is varied, the spread over seeds, fans of the learning curves, silent output units where they were
recorded, rates of collapse and paired differences between two values.  Each is written with the
numbers that it draws into the folder of its sweep, `figures/sweeps/NAME/`, and so are the tables of
the sweep with all its runs: the folder of the figures can stand in the place of SWEEP_DIR.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import write_atomically

from ..shared.output import save
from . import cost as sweep_cost
from . import effects as sweep_effects
from . import indices as sweep_indices
from . import seeds as sweep_seeds
from .tables import SweepTables, kept_files, load_sweep

__all__ = ["FIGURES", "FOLDER", "SweepFigure", "draw_sweep", "main"]

_PACKAGE = __package__.rpartition(".")[0]

FOLDER = "sweeps"
"""Of the figures of all sweeps, a folder each."""


class SweepFigure(NamedTuple):
    """A figure of a sweep: what it is drawn from (None: not for this sweep), and how.

    A table has nothing that draws it.
    """

    numbers: Callable[[SweepTables], pd.DataFrame | None]
    draw: Callable[..., Figure] | None


FIGURES: dict[str, SweepFigure] = {
    "sobol": SweepFigure(sweep_indices.sobol_numbers, sweep_indices.draw_sobol),
    "order": SweepFigure(sweep_indices.order_numbers, None),
    "pairs": SweepFigure(sweep_indices.pair_numbers, sweep_indices.draw_pairs),
    "morris": SweepFigure(sweep_indices.morris_numbers, sweep_indices.draw_morris),
    "map": SweepFigure(sweep_effects.map_numbers, sweep_effects.draw_map),
    "effects": SweepFigure(sweep_effects.effect_numbers, sweep_effects.draw_effects),
    "interactions": SweepFigure(sweep_effects.interaction_numbers, sweep_effects.draw_interactions),
    "silence": SweepFigure(sweep_effects.silence_numbers, sweep_effects.draw_silence),
    "spread": SweepFigure(sweep_seeds.spread_numbers, sweep_seeds.draw_spread),
    "fan": SweepFigure(sweep_seeds.fan_numbers, sweep_seeds.draw_fan),
    "collapse": SweepFigure(sweep_seeds.collapse_numbers, sweep_seeds.draw_collapse),
    "cost": SweepFigure(sweep_cost.cost_numbers, sweep_cost.draw_cost),
}
"""Figures by name, in the order in which they are drawn."""


def draw_sweep(folder: Path, out: Path) -> list[tuple[str, tuple[Path, ...]]]:
    """Draw all figures that a sweep is fit for.

    Returns
    -------
    list of (str, tuple of Path)
        Name of each figure, the sweep's and its own, and its files.

    Raises
    ------
    SynfireError
        If the folder is no sweep, nothing of it is done, or a file cannot be written.
    """
    tables = load_sweep(folder)
    own = out / FOLDER / tables.sweep.name
    drawn = []
    for kind, figure in FIGURES.items():
        numbers = figure.numbers(tables)
        if numbers is not None:
            picture = None if figure.draw is None else figure.draw(numbers)
            files = save(picture, numbers, own, kind)
            drawn.append((f"{tables.sweep.name}/{kind}", files))
    for name, content in kept_files(tables).items():
        write_atomically(own / name, content)
        drawn.append((f"{tables.sweep.name}/{name}", (own / name,)))
    return drawn


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the figures of a sweep; return the exit code."""
    matplotlib.use("agg")
    parser = argparse.ArgumentParser(
        prog=f"python -m {_PACKAGE} sensitivity",
        description="Draw the figures of a sweep.",
    )
    parser.add_argument(
        "sweep", type=Path, metavar="SWEEP_DIR",
        help="folder of the sweep, or of its figures, which holds its tables",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("figures"), help="where to (figures)")
    options = parser.parse_args(arguments)
    try:
        for name, files in draw_sweep(options.sweep.expanduser(), options.out.expanduser()):
            print(f"{name}: {', '.join(map(str, files))}")
    except SynfireError as error:
        print(f"the sweep cannot be drawn: {error}", file=sys.stderr)
        return 1
    return 0
