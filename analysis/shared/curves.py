"""Accuracy and loss over epochs, of all seeds and their mean (paper: Fig. 3), for any data set.

Test: all test samples, with the weights of that moment.  Training: every sample since the last
evaluation, as it was shown, before its own update.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import METRICS, Run

from . import style
from .panels import Given, in_grid

__all__ = ["ACCURACIES", "MEAN", "REPORTED", "curves", "draw_curves"]

ACCURACIES = {
    "accuracy_potential": "accuracy by potential",
    "accuracy_argmax": "accuracy by argmax",
}
_VALUES = (*ACCURACIES, "mse")
_SPLITS = {"test": "test", "train": "training"}
MEAN, REPORTED = "mean", "reported"

_HEIGHT = 74.0  # mm
_THIN, _THICK, _DOT = 0.3, 1.3, 1.2  # points
_DOT_SHARE = 0.0065
"""Width of a dot, as a fraction of the axes: as wide as it is high."""
_DASHES = (0, (4, 2))
_MARGIN = 1.11
"""Room to the right of the last epoch, for the reported values."""
_LOSS_SHARE = 0.42
"""Height of the greatest mean loss, as a fraction of the axes: below the accuracies."""


def curves(runs: tuple[Run, ...], reported: Mapping[str, float]) -> pd.DataFrame:
    """Return the curves of all runs, their mean, and the reported values.

    Parameters
    ----------
    runs : tuple of Run
        Finished runs of one model, with different seeds.
    reported : mapping
        Column of `ACCURACIES` to the reported test accuracy in percent.

    Returns
    -------
    DataFrame
        One row per curve, split and evaluation: `curve` ("seed 0", …, "mean", "reported"), `split`
        ("train" or "test"), `epoch`, `accuracy_argmax` and `accuracy_potential` in percent, `mse`
        (mean of (o - t)**2 over samples and output neurons), and `images`: how many the split has.
        The reported values have no epoch.

    Raises
    ------
    RunDirectoryError
        If a run's table lacks a split, or the runs were evaluated at different epochs.
    """
    tables = [_table(run) for run in runs]
    keys = ["split", "epoch"]
    for run, table in zip(runs[1:], tables[1:], strict=True):
        if not table[keys].equals(tables[0][keys]):
            raise RunDirectoryError(
                f"{run.path}: was evaluated at other epochs than {runs[0].path}; train it like the "
                "others, or take it away"
            )
    every = pd.concat(tables, ignore_index=True)
    mean = every.groupby(keys, as_index=False)[[*_VALUES, "images"]].mean().assign(curve=MEAN)
    images = {"images": mean.loc[mean["split"] == "test", "images"].iloc[0]}
    line = pd.DataFrame([{"curve": REPORTED, "split": "test", **reported, **images}])
    return pd.concat([every, mean, line], ignore_index=True)[
        ["curve", "split", "epoch", *_VALUES, "images"]
    ].astype({"images": int})


def _table(run: Run) -> pd.DataFrame:
    metrics = run.metrics
    absent = set(_SPLITS) - set(metrics["split"])
    if absent:
        raise RunDirectoryError(
            f"{run.path / METRICS}: has no row of the split {', '.join(sorted(absent))}"
        )
    table = metrics.loc[metrics["split"].isin(_SPLITS), ["split", "epoch", *_VALUES]]
    training, test = (metrics[metrics["split"] == split] for split in ("train", "test"))
    images = {
        "train": round(training["samples"].sum() / run.experiment.training.epochs),
        "test": test["samples"].iloc[0],
    }
    return table.assign(
        curve=f"seed {run.experiment.training.seed}",
        images=table["split"].map(images),
        **{name: 100 * table[name] for name in ACCURACIES},
    )


@style.applied()
def draw_curves(
    numbers: pd.DataFrame, source: str, heading: str = "", *, axes: Given = None
) -> Figure:
    """Draw the curves, 183 mm wide: test on the left, training on the right.

    The axes are chosen from the first whole epoch on; what lies below at half an epoch is named.

    Parameters
    ----------
    numbers : DataFrame
        As `curves` returns them.
    source : str
        What stands at the reported values, such as "paper".
    heading : str
        Stands above, if given.
    axes : two Axes, optional
        To draw into.
    """
    panels = in_grid(axes, 1, 2, style.DOUBLE_COLUMN, _HEIGHT, sharex=True)
    if panels.own:
        panels.figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr,call-arg]
    seeds = numbers[~numbers["curve"].isin([MEAN, REPORTED])]
    n_seeds = seeds["curve"].nunique()
    settled = numbers[~(numbers["epoch"] < 1)]
    low = 5 * np.floor(settled[list(ACCURACIES)].min().min() / 5)
    greatest_loss = settled["mse"].max() / _LOSS_SHARE or 1
    for axes, (split, title) in zip(panels, _SPLITS.items(), strict=True):
        right = axes.twinx()
        axes.set_zorder(right.get_zorder() + 1)
        axes.patch.set_visible(False)
        here = numbers[numbers["split"] == split]
        for name in _VALUES:
            where = right if name == "mse" else axes
            for _, curve in seeds[seeds["split"] == split].groupby("curve"):
                _single(where, curve, name, _MARGIN * numbers["epoch"].max())
            mean = here[here["curve"] == MEAN]
            where.plot(mean["epoch"], mean[name], color=style.READOUT_COLOURS[name],
                       linewidth=_THICK, label=f"{MEAN} {name}")  # fmt: skip
        axes.set(xlabel="epoch", xlim=(0, _MARGIN * numbers["epoch"].max()), ylim=(low, 100),
                 ylabel="accuracy (%)")  # fmt: skip
        axes.set_title(f"{title}: {here['images'].iloc[0]:,} images", pad=21)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
        right.set(ylabel="mean squared error", ylim=(0, greatest_loss))
        right.spines["left"].set_visible(False)
        axes.spines["right"].set_visible(False)
        _below(axes, here[here["curve"] == MEAN], low)
    _reported(panels[0], numbers)
    _summary(panels[0], seeds[seeds["split"] == "test"])
    panels.letters(left=11)
    panels.legend(_key(n_seeds, source), ncols=6, columnspacing=1, handletextpad=0.5,
                  borderpad=0.1, title=heading or None, title_fontsize=7.5)  # fmt: skip
    return panels.figure


def _single(axes: Axes, curve: pd.DataFrame, name: str, span: float) -> None:
    """Draw a single run: a thin line, and dots as dashes of one path, which keeps the SVG small."""
    look = {"color": style.READOUT_COLOURS[name], "alpha": 0.5}
    said = f"{curve['curve'].iloc[0]} {name}"
    axes.plot(curve["epoch"], curve[name], linewidth=_THIN, label=said, **look)
    epoch, value = curve["epoch"].to_numpy(), curve[name].to_numpy()
    gap, half = np.full_like(epoch, np.nan), _DOT_SHARE * span / 2
    x = np.stack([epoch - half, epoch + half, gap], axis=1)
    y = np.stack([value, value, gap], axis=1)
    axes.plot(x.ravel(), y.ravel(), linewidth=_DOT, solid_capstyle="butt", snap=False,
              label=f"dots of {said}", **look)  # fmt: skip


def _below(axes: Axes, mean: pd.DataFrame, low: float) -> None:
    """Name the mean accuracies of the first evaluation that lie below the axes."""
    first = mean.iloc[0]
    for place, name in enumerate(ACCURACIES):
        if first[name] < low:
            when = f"at epoch {first['epoch']:g}, below the axis"
            _say(axes, place, name, f"{first[name]:.1f} % {when}")


def _reported(axes: Axes, numbers: pd.DataFrame) -> None:
    """Draw the reported values as marked lines across the panel, the numbers outside of the two."""
    row = numbers[numbers["curve"] == REPORTED].iloc[0]
    for name in ACCURACIES:
        above = row[name] == row[list(ACCURACIES)].max()
        colour = style.READOUT_COLOURS[name]
        axes.axhline(row[name], color=colour, linestyle=_DASHES, linewidth=0.7, zorder=1,
                     label=f"{REPORTED} {name}")  # fmt: skip
        axes.annotate(
            f"{row[name]:.1f}", (1, row[name]), xycoords=axes.get_yaxis_transform(),
            xytext=(0, 1 if above else -1.5), textcoords="offset points", ha="right",
            va="bottom" if above else "top", color=colour,
        )  # fmt: skip


def _summary(axes: Axes, seeds: pd.DataFrame) -> None:
    """Write above the panel: accuracies at the last epoch, and at each run's best one."""
    n, end = seeds["curve"].nunique(), seeds["epoch"].max()
    of = "" if n == 1 else f" (median of {n})"
    for place, name in enumerate(ACCURACIES):
        last = seeds.loc[seeds["epoch"] == end, name].median()
        best = seeds.groupby("curve")[name].max().median()
        _say(axes, place, name, f"{last:.2f} % at epoch {end:g}, {best:.2f} % at best{of}")


def _say(axes: Axes, place: int, name: str, text: str) -> None:
    """Write a line about one readout between a panel and its title; line 0 is the upper one."""
    axes.annotate(
        f"{ACCURACIES[name].removeprefix('accuracy ')}: {text}", (0.5, 1), xycoords="axes fraction",
        xytext=(0, 11.5 - 8.5 * place), textcoords="offset points", ha="center", va="bottom",
        fontsize=6.5, color=style.READOUT_COLOURS[name],
    )  # fmt: skip


def _key(n_seeds: int, source: str) -> list[Line2D]:
    """Return the legend: colour says what is read out, the line whether mean or single run."""
    colours = [
        Line2D([], [], color=style.READOUT_COLOURS[name], linewidth=1.8, label=text)
        for name, text in (ACCURACIES | {"mse": "squared error (right axis)"}).items()
    ]
    runs = "1 run" if n_seeds == 1 else f"{n_seeds} runs"
    mean = Line2D([], [], color="0.35", linewidth=_THICK, label=f"mean of {runs}")
    single = Line2D([], [], color="0.35", linewidth=_THIN, marker="o", markersize=_DOT,
                    markeredgewidth=0, label="single run")  # fmt: skip
    line = Line2D([], [], color="0.35", linestyle=_DASHES, linewidth=0.7, label=source)
    return [*colours, mean, single, line]
