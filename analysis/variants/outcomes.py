"""What each variant does in the end, beside the paper's circuit: rates, and paired differences.

A run is compared with the one of the reference that has the same seed, after as many epochs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..shared.statistics import Estimate, collapsed, mean_difference, rate
from .study import REFERENCE

__all__ = ["disturbance_ends", "disturbance_summary", "ends", "summary"]

_READOUTS = ("spikes", "argmax", "potential")


def ends(courses: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run of a variant: its last test, beside its partner's.

    Parameters
    ----------
    courses : DataFrame
        As of `analysis.variants.courses.variant_courses`.

    Returns
    -------
    DataFrame
        The columns of `courses`, `stray_spikes` of the whole training, `collapsed`, and of the
        run of the paper's circuit with the same seed after as many epochs: `reference` (accuracy
        by potential, percent) and `reference_collapsed`; `difference` to it in points, and
        `difference_kept`, which is NaN if either of the two collapsed.  NaN without such a run.
    """
    group = ["dataset", "variant"]
    of_run = [*group, "seed"]
    strays = courses.groupby(of_run)["stray_spikes"].transform("sum")
    is_last = courses["epoch"] == courses.groupby(of_run)["epoch"].transform("max")
    last = courses.assign(stray_spikes=strays)[is_last].reset_index(drop=True)
    last["collapsed"] = _collapsed(last, group)
    plain = courses[courses["variant"] == REFERENCE].reset_index(drop=True)
    plain["reference_collapsed"] = _collapsed(plain, ["dataset", "epoch"])
    plain = plain.rename(columns={"accuracy_potential": "reference"})
    keys = ["dataset", "seed", "epoch"]
    columns = [*keys, "reference", "reference_collapsed"]
    return _compared(last.merge(plain[columns], on=keys, how="left"))


def disturbance_ends(last: pd.DataFrame) -> pd.DataFrame:
    """Return the last tests of all disturbances as `ends` does.

    The reference is the first level of each, with which the circuit is undisturbed.
    """
    last = last.assign(collapsed=_collapsed(last, ["key", "level"]))
    undisturbed = last.groupby("key")["level"].transform("first")
    plain = last[last["level"] == undisturbed].rename(
        columns={"accuracy_potential": "reference", "collapsed": "reference_collapsed"}
    )
    keys = ["key", "seed"]
    columns = [*keys, "reference", "reference_collapsed"]
    return _compared(last.merge(plain[columns], on=keys, how="left"))


def summary(courses: pd.DataFrame) -> pd.DataFrame:
    """Return one row per data set and variant.

    Returns
    -------
    DataFrame
        `dataset`, `variant`, `engine`, `seeds`, `epochs`; `spikes`, `spikes_lowest`,
        `spikes_highest`, `argmax`, …, `potential`, … (median and range over the seeds, percent,
        last test); `silent` (median, percent); `collapsed` (runs), `collapse_rate` and its 95 %
        interval `collapse_low`, `collapse_high`, percent; `reference`: median by potential of the
        paper's circuit after as many epochs; `pairs`, `difference` (mean of the pairs, points by
        potential), `difference_low`, `difference_high` (95 % interval) and `verdict`, and the same
        ending in `_kept` of the pairs without a collapse; `angle_degrees` in the end,
        `stray_spikes` of the whole training, `unequal_weights` in the end, `ms_per_sample`
        (medians).
    """
    by_variant = ends(courses).groupby(["dataset", "variant"], sort=False)
    return pd.DataFrame(
        [
            {
                "dataset": dataset,
                "variant": variant,
                **_summarised(runs),
                "angle_degrees": round(runs["angle_degrees"].median(), 2),
                "stray_spikes": runs["stray_spikes"].median(),
                "unequal_weights": runs["unequal_weights"].median(),
                "ms_per_sample": round(runs["ms_per_sample"].median(), 4),
            }
            for (dataset, variant), runs in by_variant
        ]
    )


def disturbance_summary(last: pd.DataFrame) -> pd.DataFrame:
    """Return one row per disturbance and level: `key`, `what`, `level`, and as `summary`."""
    by_level = disturbance_ends(last).groupby(["key", "what", "level"], sort=False)
    return pd.DataFrame(
        [
            {"key": key, "what": what, "level": level, **_summarised(runs)}
            for (key, what, level), runs in by_level
        ]
    )


def _collapsed(runs: pd.DataFrame, group: Sequence[str]) -> pd.Series:
    parts = [
        collapsed(one["accuracy_potential"], one["never_fired"])
        for _, one in runs.groupby(list(group), sort=False)
    ]
    return pd.concat(parts).reindex(runs.index)


def _compared(runs: pd.DataFrame) -> pd.DataFrame:
    difference = (runs["accuracy_potential"] - runs["reference"]).round(6)
    either = runs["collapsed"] | runs["reference_collapsed"].eq(True)
    return runs.assign(difference=difference, difference_kept=difference.mask(either))


def _summarised(runs: pd.DataFrame) -> dict[str, object]:
    row: dict[str, object] = {
        "engine": runs["engine"].iloc[0], "seeds": len(runs), "epochs": runs["epoch"].max(),
    }  # fmt: skip
    for readout in _READOUTS:
        values = runs[f"accuracy_{readout}"]
        row |= {
            readout: _rounded(values.median()),
            f"{readout}_lowest": _rounded(values.min()),
            f"{readout}_highest": _rounded(values.max()),
        }
    collapses = rate(int(runs["collapsed"].sum()), len(runs))
    return row | {
        "silent": _rounded(runs["silent"].median()),
        "collapsed": int(runs["collapsed"].sum()),
        "collapse_rate": _rounded(collapses.value),
        "collapse_low": _rounded(collapses.low),
        "collapse_high": _rounded(collapses.high),
        "reference": _rounded(runs["reference"].median()),
        **_difference(mean_difference(runs["difference"]), ""),
        **_difference(mean_difference(runs["difference_kept"]), "_kept"),
    }


def _difference(found: Estimate, which: str) -> dict[str, object]:
    return {
        f"pairs{which}": found.n,
        f"difference{which}": _rounded(found.value),
        f"difference_low{which}": _rounded(found.low),
        f"difference_high{which}": _rounded(found.high),
        f"verdict{which}": found.verdict,
    }


def _rounded(value: float) -> float:
    return float(np.round(value, 4))
