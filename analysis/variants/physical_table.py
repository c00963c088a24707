"""What the neurons' memory, delays and noise cost: the table of docs/physical.md.

Made from the committed table of the disturbances, `figures/variants/disturbances.parquet`.
"""

from __future__ import annotations

import pandas as pd

from ..shared.markdown import markdown

__all__ = ["BEGIN", "END", "table"]

BEGIN = "<!-- begin of the table: figures/variants/disturbances.parquet -->"
END = "<!-- end of the table of disturbances -->"

_NEURON = "neuron."


def table(disturbances: pd.DataFrame) -> str:
    """Return the table as Markdown: a row for each level of each disturbance of the neurons.

    Parameters
    ----------
    disturbances : DataFrame
        As `analysis.variants.disturbances.numbers` returns it.
    """
    of_neurons = disturbances[disturbances["key"].str.startswith(_NEURON)]
    rows = [
        _row(str(what), float(str(level)), runs)
        for (_, what, level), runs in of_neurons.groupby(["key", "what", "level"], sort=False)
    ]
    heads = ["disturbance", "by potential, %", "stray spikes", "copies differ"]
    return markdown(heads, rows) + "\n"


def _row(what: str, level: float, runs: pd.DataFrame) -> list[str]:
    differ = (runs["unequal_weights"] > 0).sum()
    return [
        f"{what}: {level:g}",
        _spread(runs["accuracy_potential"], ".1f"),
        _spread(runs["stray_spikes"], ",.0f"),
        f"{differ} of {len(runs)}",
    ]


def _spread(values: pd.Series, form: str) -> str:
    low, middle, high = (
        f"{value:{form}}" for value in (values.min(), values.median(), values.max())
    )
    return middle if low == high else f"{middle} ({low} … {high})"
