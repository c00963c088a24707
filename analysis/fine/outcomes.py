"""What the shipped fine models reach: over many seeds, and on Fashion-MNIST."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from synfire_bp.runs import Run

from ..learning import numbers as last_tests
from ..shared.entry import Entry
from ..shared.statistics import COLLAPSE, collapsed, rate
from ..variants.courses import never_fired
from .study import FASHION, SEEDS, fashion, finished, many_seeds

__all__ = ["ENTRIES", "collapses", "fashion_numbers"]


def collapses(runs: Path) -> pd.DataFrame:
    """Return how often each shipped model collapses: whole trainings, and first epochs.

    Returns
    -------
    DataFrame
        `model`, `epochs`, `seeds`, `collapsed`, its rate in percent with the 95 % interval
        `rate_low`, `rate_high`, and the median, the worst and the best of the last test by spikes
        and by potential, in percent.
    """
    rows = []
    for find, model, seeds in many_seeds():
        found = finished((find(model, seed) for seed in seeds), runs)
        table = last_tests(found)
        never = pd.Series([_never_fired(run) for run in found])
        hits = int(collapsed(table["potential_percent"], never).sum())
        share = rate(hits, len(found))
        row = {
            "model": model, "epochs": int(table["epoch"].iloc[0]), "seeds": len(found),
            "collapsed": hits,
            "rate": share.value, "rate_low": round(share.low, 2), "rate_high": round(share.high, 2),
        }  # fmt: skip
        for readout in ("spikes", "potential"):
            values = table[f"{readout}_percent"]
            row |= {
                readout: round(values.median(), 3),
                f"{readout}_worst": round(values.min(), 3),
                f"{readout}_best": round(values.max(), 3),
            }
        rows.append(row)
    return pd.DataFrame(rows)


def _never_fired(run: Run) -> float:
    said = run.activity.get("warnings")
    n_out = run.experiment.network.sizes[-1]
    return float("nan") if said is None else never_fired(said.iloc[-1], n_out)


def fashion_numbers(runs: Path) -> pd.DataFrame:
    """Return one row per training on Fashion-MNIST: `case`, `seed`, and what its last test found.

    Empty if neither Fashion-MNIST nor a part of it is in the data folder.
    """
    tables = []
    for name in FASHION:
        tasks = [task for seed in SEEDS if (task := fashion(name, seed)) is not None]
        if tasks:
            table = last_tests(finished(tasks, runs)).assign(case=name)
            tables.append(table.drop(columns=["model", "engine"]))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


ENTRIES = (
    Entry(
        name="collapses",
        group="learning",
        title="How often the fine models collapse",
        caption="MNIST, whole trainings and the first epochs of many seeds, with the algorithm in "
        f"integers. A collapse is {COLLAPSE}.",
        numbers=collapses,
    ),
    Entry(
        name="fine_fashion",
        group="learning",
        title="The fine models on Fashion-MNIST",
        caption="The central 20x20 pixels, 60 epochs, with the algorithm in integers.",
        numbers=fashion_numbers,
    ),
)
