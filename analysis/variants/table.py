"""The study of the variants as Markdown: ``python -m analysis.variants.table [--into FILE]``.

Prints the tables, or puts them into a Markdown file between the two comments `BEGIN` and `END`.
They are made from the committed tables in `figures/variants/`; `--runs` names a folder of runs
instead.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..shared.markdown import markdown, print_or_insert
from ..shared.statistics import COLLAPSE, NOT_DISTINGUISHABLE
from .courses import disturbance_courses, variant_courses
from .outcomes import disturbance_summary, summary
from .study import REFERENCE

__all__ = ["BEGIN", "END", "main", "tables"]

BEGIN = "<!-- begin of the tables: python -m analysis.variants.table --into docs/variants.md -->"
END = "<!-- end of the tables of variants -->"

_TITLES = {"mnist": "MNIST", "digits": "Digits"}
_MINUS = str.maketrans("-", "\N{MINUS SIGN}")


def tables(runs: Path) -> str:
    """Return the tables of a study as Markdown.

    Parameters
    ----------
    runs : Path
        The folder of all runs, or that of the figures.

    Raises
    ------
    RunDirectoryError
        If a run of the study is missing.
    """
    of_variants = summary(variant_courses(runs))
    of_levels = disturbance_summary(disturbance_courses(runs))
    parts = [_how_to_read(of_variants, of_levels)]
    for dataset, rows in of_variants.groupby("dataset", sort=False):
        parts += [f"**{_TITLES[str(dataset)]}**", _of_variants(rows)]
    parts += [
        "**Disturbances**, digits. By potential: median (range) over the seeds. Difference: from "
        "the first level, which is the undisturbed circuit.",
        *_of_disturbances(of_levels),
    ]
    return "\n\n".join(parts) + "\n"


def _how_to_read(of_variants: pd.DataFrame, of_levels: pd.DataFrame) -> str:
    compared = _compared(of_variants["variant"] != REFERENCE, of_variants["pairs"])
    compared += _compared(of_levels["level"] != _first(of_levels), of_levels["pairs"])
    return (
        "Accuracies are percent of the test set at the end of the training, median (range) over "
        "the seeds. *Difference*: in points by potential, from the run of the paper's circuit with "
        "the same seed and the same number of epochs; mean over the seeds with its 95 % interval "
        "(bootstrap, BCa). Where the interval contains 0, the two are "
        f"*{NOT_DISTINGUISHABLE}*. *Collapsed*: {COLLAPSE}; "
        "rate with its 95 % interval (Wilson). *Without collapses*: the difference over the pairs "
        "in which neither run collapsed. Medians are given of the *angle* between feedback weights "
        "and W2, of *stray spikes* in the whole training, and of *unequal copies*, those that "
        f"differ from the first copy of their matrix at the end. Of the {compared} differences "
        f"below, about {round(compared / 20)} would be distinguished from 0 by chance alone. – : "
        "not recorded, or nothing to compare with."
    )


def _compared(others: pd.Series, pairs: pd.Series) -> int:
    return int((others & (pairs > 0)).sum())


def _first(levels: pd.DataFrame) -> pd.Series:
    return levels.groupby("key")["level"].transform("first")


def _of_variants(rows: pd.DataFrame) -> str:
    return markdown(
        ["variant", "engine", "seeds", "epochs", "by spikes", "by potential", "difference",
         "without collapses", "collapsed", "angle", "stray spikes", "unequal copies"],
        [_row(row) for _, row in rows.iterrows()],
    )  # fmt: skip


def _row(row: pd.Series) -> list[str]:
    itself = row["variant"] == REFERENCE
    angle = row["angle_degrees"]
    return [
        str(row["variant"]).replace("_", " "),
        str(row["engine"]),
        f"{row['seeds']}",
        f"{row['epochs']:g}",
        _spread(row, "spikes"),
        _spread(row, "potential"),
        *("the reference" if itself else _difference(row, which) for which in ("", "_kept")),
        _collapses(row),
        "" if pd.isna(angle) else f"{angle:.1f}°",
        f"{row['stray_spikes']:,.0f}",
        f"{row['unequal_weights']:,.0f}",
    ]


def _spread(row: pd.Series, readout: str) -> str:
    if pd.isna(row[readout]):
        return "–"
    return f"{row[readout]:.2f} ({row[f'{readout}_lowest']:.2f} … {row[f'{readout}_highest']:.2f})"


def _difference(row: pd.Series, which: str) -> str:
    """Return a difference with its interval, or that there is none to be seen."""
    value, said = row[f"difference{which}"], row[f"verdict{which}"]
    if pd.isna(value):
        return "–"
    if said == "equal":
        return "0, equal with every seed"
    if said == "not known":
        return f"{value:+.2f} ({row[f'pairs{which}']} pairs)".translate(_MINUS)
    ends = [row[f"difference_{end}{which}"] for end in ("low", "high")]
    text = f"{value:+.2f} ({ends[0]:+.2f} … {ends[1]:+.2f})".translate(_MINUS)
    return f"{text}, {said}" if said == NOT_DISTINGUISHABLE else text


def _collapses(row: pd.Series) -> str:
    share = f"{row['collapse_low']:.0f} … {row['collapse_high']:.0f} %"
    return f"{row['collapsed']} of {row['seeds']} ({share})"


def _of_disturbances(levels: pd.DataFrame) -> list[str]:
    parts = []
    for (key, what), rows in levels.groupby(["key", "what"], sort=False):
        every = [row for _, row in rows.iterrows()]
        lines = [
            ["seeds", *(f"{row['seeds']}" for row in every)],
            ["by potential", *(_spread(row, "potential") for row in every)],
            ["difference", "", *(_difference(row, "") for row in every[1:])],
            ["without collapses", "", *(_difference(row, "_kept") for row in every[1:])],
            ["collapsed", *(_collapses(row) for row in every)],
        ]
        heads = [f"`{key}`: {what}", *(f"{row['level']:g}" for row in every)]
        parts.append(markdown(heads, lines))
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables or write them into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.table", description="The study of the variants."
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("figures"),
        help="folder of the figures, with the committed tables, or of the runs (figures)",
    )  # fmt: skip
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    return print_or_insert(lambda: tables(options.runs.expanduser()), options.into, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
