"""Which figures there are, what each of them is, and the run that each needs."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import EXPERIMENT, PROVENANCE, SPIKES, Run

from . import bench
from .chip import limits as chip_limits
from .chip import study as chip_study
from .chip import weight_bits
from .shared import learning_curve, raster
from .variants import chain_reliability

__all__ = [
    "BENCH_FIGURES",
    "CHIP_FIGURES",
    "FIGURES",
    "SIMULATED_FIGURES",
    "FigureModule",
    "drawing",
    "needed_run",
]


class FigureModule(Protocol):
    """A module that draws one figure.

    Attributes
    ----------
    NAME : str
        Names the figure on the command line and its files.
    RUN : str
        The shipped model whose run is drawn; its run lies in a folder of this name.
    NEEDS_SPIKES : bool
        Whether the run must have recorded spikes.
    """

    NAME: str
    RUN: str
    NEEDS_SPIKES: bool

    def numbers(self, run: Run) -> pd.DataFrame:
        """Return what is drawn, as it is stored beside the figure.

        Raises
        ------
        RunDirectoryError
            If the run does not hold what the figure needs.
        """

    def draw(self, numbers: pd.DataFrame) -> Figure:
        """Return the figure of these numbers."""


FIGURES: dict[str, FigureModule] = {module.NAME: module for module in (learning_curve, raster)}
"""Figures of runs by name, in the order in which they are drawn."""

BENCH_FIGURES = {figure.NAME: figure for figure in (bench.COST, bench.SCALING)}
"""Figures of a benchmark: drawn if they are named, or if there is one among the runs."""

CHIP_FIGURES = {module.NAME: module for module in (weight_bits, chip_limits)}
"""Figures of the study of the chip's weights: drawn likewise."""

SIMULATED_FIGURES = {module.NAME: module for module in (chain_reliability,)}
"""Figures that simulate what they draw, and need no run: drawn if they are named."""


def drawing(name: str, runs: Path) -> tuple[Figure, pd.DataFrame]:
    """Return a figure, and the numbers that it draws.

    Raises
    ------
    RunDirectoryError
        If the run, benchmark or study that it needs is missing or does not hold what it needs.
    """
    if name in CHIP_FIGURES:
        of_study = CHIP_FIGURES[name]
        numbers = of_study.numbers(chip_study.needed_study(runs))
        return of_study.draw(numbers), numbers
    if name in BENCH_FIGURES:
        figure = BENCH_FIGURES[name]
        numbers = figure.numbers(bench.needed_bench(runs))
        return figure.draw(numbers), numbers
    if name in SIMULATED_FIGURES:
        simulated = SIMULATED_FIGURES[name]
        numbers = simulated.numbers()
        return simulated.draw(numbers), numbers
    module = FIGURES[name]
    numbers = module.numbers(needed_run(module, runs))
    return module.draw(numbers), numbers


def needed_run(figure: FigureModule, runs: Path) -> Run:
    """Open the run that a figure needs.

    Raises
    ------
    RunDirectoryError
        If the run is missing, unfinished or without the spikes that the figure needs; the message
        names the command that makes what is missing.
    """
    path = runs / figure.RUN
    try:
        if not path.exists():
            raise RunDirectoryError(
                f"{path}: no such run; make it with: synfire-bp train {figure.RUN} "
                f"--engine circuit --out {_quoted(path)}"
            )
        run = Run.open(path)
        _refuse_unfinished(run)
        if figure.NEEDS_SPIKES and not (path / SPIKES).exists():
            elsewhere = runs.with_name(f"{runs.name or 'runs'}-with-spikes")
            raise RunDirectoryError(
                f"{path}: no spikes were recorded; make a run that does with: "
                f"synfire-bp train {_quoted(path / EXPERIMENT)} --engine circuit "
                f"--set record.samples={raster.SHOWN} --out {_quoted(elsewhere / figure.RUN)}, "
                f"then draw with --runs {_quoted(elsewhere)}"
            )
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be read: {error.strerror or error}") from None
    return run


def _refuse_unfinished(run: Run) -> None:
    about = run.provenance
    if not isinstance(about, dict) or not {"engine", "finished"} <= set(about):
        raise RunDirectoryError(
            f"{run.path / PROVENANCE}: does not say which engine trained and whether it is "
            "finished; train into another folder"
        )
    if not about["finished"]:
        raise RunDirectoryError(
            f"{run.path}: the training is unfinished; go on with: "
            f"synfire-bp train {_quoted(run.path / EXPERIMENT)} --engine {about['engine']} "
            f"--out {_quoted(run.path)} --resume"
        )


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
