"""What a claim rests on: rates and paired differences, each with a 95 % interval.

Two things are compared by runs with the same seed: they begin with the same weights and see the
samples in the same order, so that most of the chance is the same in both and drops out of their
difference.  A collapse, a run that lost a class, is counted as a rate of its own; it would decide
a mean and hide in a median.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = [
    "COLLAPSE",
    "COLLAPSE_POINTS",
    "FEWEST_PAIRS",
    "NOT_DISTINGUISHABLE",
    "Estimate",
    "collapsed",
    "mean_difference",
    "rate",
    "verdict",
]

COLLAPSE_POINTS = 5.0
"""Percentage points by potential below the median of its group from which a run is a collapse."""
COLLAPSE = (
    f"a run that ends more than {COLLAPSE_POINTS:g} points by potential below the median of its "
    "seeds, or with an output unit that never fires in the test"
)
"""In words, for tables and captions."""
FEWEST_PAIRS = 5
"""An interval of fewer differences is not given: there is too little to draw from."""
NOT_DISTINGUISHABLE = "not distinguishable"
_RESAMPLES = 9999


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Attributes
    ----------
    value, low, high : float
        The number and the ends of the interval; NaN where it cannot be known.
    n : int
        Runs, or pairs of runs, that it comes from.
    """

    value: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> str:
        """What the interval says of a difference; see `verdict`."""
        return verdict(self.value, self.low, self.high)


def verdict(value: float, low: float, high: float) -> str:
    """Return what an interval says of a difference.

    Returns
    -------
    str
        "higher", "lower", "not distinguishable" (the interval contains 0), "equal" (all
        differences are 0), or "not known" (there is no interval).
    """
    if not np.isfinite([low, high]).all():
        return "not known"
    if low == high == value == 0:
        return "equal"
    if low <= 0 <= high:
        return NOT_DISTINGUISHABLE
    return "higher" if low > 0 else "lower"


def mean_difference(differences: Iterable[float], *, seed: int = 0) -> Estimate:
    """Return the mean of paired differences and its bootstrapped interval.

    Bias-corrected and accelerated (Efron 1987), `scipy.stats.bootstrap`; the same differences give
    the same interval.

    Parameters
    ----------
    differences : iterable of float
        One per pair; those that are NaN, of which one run is missing, are left out.
    seed : int
        Of the resampling.
    """
    from scipy.stats import bootstrap

    found = np.asarray(list(differences), dtype=float)
    found = found[np.isfinite(found)]
    if not len(found):
        return Estimate(np.nan, np.nan, np.nan, 0)
    mean = float(found.mean())
    if len(found) < FEWEST_PAIRS:
        return Estimate(mean, np.nan, np.nan, len(found))
    if np.ptp(found) == 0:  # nothing to resample: the deterministic case
        return Estimate(float(found[0]), float(found[0]), float(found[0]), len(found))
    interval = bootstrap(
        (found,), np.mean, n_resamples=_RESAMPLES, method="BCa", vectorized=True,
        random_state=np.random.default_rng(seed),  # named so before scipy 1.15, too
    ).confidence_interval  # fmt: skip
    return Estimate(mean, float(interval.low), float(interval.high), len(found))


def rate(hits: int, runs: int) -> Estimate:
    """Return a share in percent with its interval by Wilson's score (`scipy.stats.binomtest`)."""
    from scipy.stats import binomtest

    if not runs:
        return Estimate(np.nan, np.nan, np.nan, 0)
    interval = binomtest(int(hits), int(runs)).proportion_ci(method="wilson")
    return Estimate(100 * hits / runs, 100 * float(interval.low), 100 * float(interval.high), runs)


def collapsed(potential: pd.Series, never_fired: pd.Series) -> pd.Series:
    """Return which runs of a group collapsed.

    Parameters
    ----------
    potential : Series
        Accuracy by potential in the end, percent, of the runs that differ in their seed alone.
    never_fired : Series
        Output units that never fired in the last test; NaN where that was not recorded.
    """
    return (potential < potential.median() - COLLAPSE_POINTS) | (never_fired > 0)
