"""What was reproduced, what was not, and what cannot be compared, in sentences made from tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..shared.page import rounded, text
from .cost_fit import CHOSEN
from .gates import ALONE, BLOCKED
from .verdicts import BETTER, NOT_COMPARABLE, WITHIN, WORSE

__all__ = ["in_words"]

_TITLES = {
    WITHIN: "Reproduced",
    BETTER: "Better than reported",
    WORSE: "Not reproduced",
    NOT_COMPARABLE: "Cannot be compared, or only as a ratio",
}
_SAID = ("MNIST, test accuracy", "MNIST reduced to 10 × 10 pixels", "Energy and time of a sample",
         "Fashion-MNIST, as in the text")  # fmt: skip
"""Groups of the comparison that are told; the rest is settings and details."""
_FITS = ("to all four", CHOSEN)
_GATES = {BLOCKED: "Gates with firmer blocks", ALONE: "The paper's gates alone"}
_DIGITS = 4


def in_words(
    comparison: pd.DataFrame,
    checked: pd.DataFrame | None,
    gates: pd.DataFrame | None,
    fits: pd.DataFrame | None,
) -> list[dict[str, object]]:
    """Return a heading and its sentences for every verdict that was given.

    Parameters
    ----------
    comparison : DataFrame
        As from `comparison.compare`.
    checked, gates, fits : DataFrame or None
        As from `tables.cross_check`, `gates.table` and `cost_fit.cost_fit`; None: there is none,
        and nothing is said of it.

    Returns
    -------
    list of dict
        `title`, `slug` of the verdict, `sentences`, and whether they are `folded` away.
    """
    told = comparison[
        comparison["group"].isin(_SAID) & ~comparison["what"].str.startswith("inference, by ")
    ]  # every test is inference: the same numbers once more
    parts = []
    for verdict, title in _TITLES.items():
        sentences = [_sentence(row) for _, row in told[told["verdict"] == verdict].iterrows()]
        if verdict == WITHIN:
            sentences = [*_exact(checked, gates), *sentences]
        if sentences:
            slug = verdict.split()[0]
            parts.append(
                {
                    "title": title,
                    "slug": slug,
                    "folded": verdict == NOT_COMPARABLE,
                    "sentences": list(dict.fromkeys(sentences)),
                }
            )
    if modelled := list(_modelled(fits)):
        title = "Energy and time: a model, fitted"
        parts.insert(1, {"title": title, "slug": "fitted", "folded": False, "sentences": modelled})
    return parts


def _modelled(fits: pd.DataFrame | None) -> Iterator[str]:
    """Yield what the fitted model gives for the paper's four numbers."""
    if fits is None:
        return
    theirs = fits[fits["placement"] == "authors"]
    for fit in dict.fromkeys(theirs.loc[theirs["used"] != "-", "fit"]):
        if fit not in _FITS:
            continue
        rows = theirs[theirs["fit"] == fit]
        ratios = ", ".join(
            f"{row.quantity} {row.ratio:.2f}{' (predicted)' if row.used == 'predicted' else ''}"
            for row in rows.itertuples()
        )
        yield (
            f"Three parameters fitted {fit}, on the authors’ {rows['cores'].iloc[0]} cores; "
            f"modelled over measured: {ratios}."
        )


def _sentence(row: pd.Series) -> str:
    unit = f" {row['unit']}" if row["unit"] in ("%", "mJ", "ms", "µJ s") else ""
    subject = f"{row['group']}: " if row["group"] not in row["what"] else ""
    theirs = f"paper {text(row['paper'])}{unit}"
    if np.isnan(row["ours"]):
        return f"{subject}{row['what']} ({theirs}): {row['why']}."
    ours = f"ours {text(rounded(row['ours'], _DIGITS))}{unit}"
    if not np.isnan(row["low"]):
        low, high = (text(rounded(row[end], _DIGITS)) for end in ("low", "high"))
        ours += f" ({low} … {high})"
    why = f"; {row['why']}" if row["why"] else ""
    return f"{subject}{row['what']}, {row['how']}: {theirs}, {ours}{why}."


def _exact(checked: pd.DataFrame | None, found: pd.DataFrame | None) -> Iterator[str]:
    """Yield what was compared to the last bit."""
    if checked is None:
        return
    yield (
        f"The spiking circuit equals the algorithm in integers: {len(checked)} trainings, "
        f"{checked['weights_different'].sum():,} of {checked['weights_compared'].sum():,} "
        f"weights and {checked['scores_different'].sum():,} of "
        f"{checked['scores_compared'].sum():,} scores are different."
    )
    if found is None:
        return
    for gates in (BLOCKED, ALONE):
        here = found[found["gates"] == gates]
        low, high = here["stray_spikes"].min(), here["stray_spikes"].max()
        strays = f"{low:,}" if low == high else f"{low:,} … {high:,}"
        yield (
            f"{_GATES[gates]} (seeds: {len(here)}): {strays} stray spikes a training, "
            f"{here['weights_different'].sum():,} of "
            f"{here['weights_compared'].sum():,} weights different from the algorithm’s."
        )
