"""Statistics of three runs, as the paper has them, over all triples of our seeds.

The paper trained three times and gives the mean of the three at the last epoch, and the best of the
three in any half epoch.  With more seeds than three, every triple of them is one outcome of the
same experiment: their distribution says what three runs may come to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from .protocol import PAPER
from .reported import STUDY, read_reported
from .results import READOUTS, accuracies, mnist_runs

__all__ = [
    "ENTRY",
    "LEAST",
    "PAPER_STATISTICS",
    "STATISTICS",
    "Outcome",
    "Statistic",
    "draw",
    "numbers",
]

LEAST = 6
"""Fewest seeds for a range: twenty triples."""
_RANGE = (2.5, 97.5)
_RUNS = 3  # paper: Fig. 3
_HEIGHT = 62.0  # mm


@dataclass(frozen=True)
class Outcome:
    """What three runs come to.

    Attributes
    ----------
    value : float
        Percent: of the mean, that of all seeds; of the best, the median over all triples.
    low, high : float
        Ends of the range in which 95 % of all triples lie, in percent; NaN with fewer than `LEAST`
        seeds.
    triples : ndarray of float
        Every triple's, in percent.
    """

    value: float
    low: float
    high: float
    triples: NDArray[np.float64]

    def reaching(self, percent: float) -> float:
        """Return the share of triples that come to so much or more, 0 ... 1."""
        return float(np.mean(self.triples >= percent - 1e-9))


@dataclass(frozen=True)
class Statistic:
    """One of the paper's statistics of three runs.

    Attributes
    ----------
    what : str
        In words.
    column : str
        Of `results.accuracies`: "last" or "best".
    of_triple : callable
        Three accuracies to one.
    """

    what: str
    column: str
    of_triple: Callable[[NDArray[np.float64]], float]

    def of(self, accuracies: Sequence[float]) -> Outcome:
        """Return what the triples of some seeds' accuracies (percent) come to."""
        values = np.asarray(accuracies, dtype=float)
        chosen = [
            list(three) for three in combinations(range(len(values)), min(_RUNS, len(values)))
        ]
        triples = np.array([self.of_triple(values[three]) for three in chosen])
        value = self.of_triple(values) if self.column == "last" else float(np.median(triples))
        low, high = np.percentile(triples, _RANGE) if len(values) >= LEAST else (np.nan, np.nan)
        return Outcome(float(value), float(low), float(high), np.sort(triples))


STATISTICS = {
    "mean": Statistic("mean of the runs at the last epoch", "last", lambda three: three.mean()),
    "best": Statistic("best of three runs in any half epoch", "best", lambda three: three.max()),
}
"""The paper's statistics by a short name."""

PAPER_STATISTICS = {
    ("mean", "argmax"): "text.accuracy_mean",
    ("best", "argmax"): f"table1.training.{STUDY}.accuracy",
    ("best", "potential"): f"table1.training.{STUDY}.accuracy_potential",
}
"""Where the paper has a statistic of a readout, by name and readout."""


def numbers(runs: Path) -> pd.DataFrame:
    """Return what every triple of our seeds comes to.

    Returns
    -------
    DataFrame
        `statistic` ("mean", "best"), `readout` ("argmax", "potential"), `percent`, one row per
        triple in ascending order; `value_percent`, `low_percent`, `high_percent` as in `Outcome`;
        `seeds`; `paper_percent`, where the paper has one, and `reaching`: the share of triples that
        come to it.

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    """
    table, paper = accuracies(found := mnist_runs(runs)), read_reported()
    parts = []
    for name, statistic in STATISTICS.items():
        for readout in READOUTS:
            rows = table[table["readout"] == readout]
            outcome = statistic.of(rows[statistic.column].tolist())
            key = PAPER_STATISTICS.get((name, readout))
            theirs = paper.value(key) if key else np.nan
            parts.append(
                pd.DataFrame({"percent": outcome.triples}).assign(
                    statistic=name, readout=readout, seeds=len(found),
                    value_percent=outcome.value, low_percent=outcome.low,
                    high_percent=outcome.high, paper_percent=theirs,
                    reaching=outcome.reaching(theirs) if key else np.nan,
                )
            )  # fmt: skip
    order = ["statistic", "readout", "seeds", "percent", "value_percent", "low_percent",
             "high_percent", "paper_percent", "reaching"]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[order]


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the share of triples that come to less, 183 mm wide: the mean, and the best of three."""
    panels = in_grid(axes, 1, len(STATISTICS), style.DOUBLE_COLUMN, _HEIGHT)
    for axes, (name, statistic) in zip(panels, STATISTICS.items(), strict=True):
        for readout, column in READOUTS.items():
            here = numbers[(numbers["statistic"] == name) & (numbers["readout"] == readout)]
            colour = style.READOUT_COLOURS[column]
            share = 100 * np.arange(1, len(here) + 1) / len(here)
            axes.step(here["percent"], share, where="post", color=colour, label=f"by {readout}")
            theirs = here["paper_percent"].iloc[0]
            if not np.isnan(theirs):
                axes.axvline(theirs, color=colour, linestyle=(0, (4, 2)), linewidth=0.9,
                             label=f"paper, {theirs:g} %")  # fmt: skip
        axes.set(xlabel=f"{statistic.what} (%)", ylabel="triples at or below (%)", ylim=(0, 100))
        axes.xaxis.set_major_locator(MaxNLocator(6))
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    panels.letters(left=12)
    return panels.figure


ENTRY = Entry(
    name="three_runs",
    group=PAPER,
    title="Statistics of three runs",
    caption="For every triple of our seeds, the two statistics that the paper gives of its three "
    "runs: a, their mean at the last epoch; b, the best of the three in any half epoch, chosen by "
    "the test images themselves.  Dashed: the paper’s.  Its 97.5 % is given in a footnote; that "
    "it is the accuracy by potential, and the best of three, is our interpretation.",
    element="Fig. 3 and Table 1, accuracy",
    numbers=numbers,
    draw=draw,
    svg=True,
)
