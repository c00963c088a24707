"""The study of the variants as Markdown: ``python -m analysis.variants.table [--into FILE]``.

Prints the tables, or puts them into a Markdown file between the two comments `BEGIN` and `END`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..shared.markdown import markdown, print_or_insert
from . import disturbances, variants

__all__ = ["BEGIN", "END", "main", "tables"]

BEGIN = "<!-- begin of the tables: python -m analysis.variants.table --into docs/variants.md -->"
END = "<!-- end of the tables of variants -->"

_TITLES = {"mnist": "MNIST", "digits": "Digits"}


def tables(runs: Path) -> str:
    """Return the tables of a study as Markdown.

    Raises
    ------
    RunDirectoryError
        If a run of the study is missing.
    """
    summary = variants.summary(variants.numbers(runs))
    parts = []
    for dataset, rows in summary.groupby("dataset", sort=False):
        title = _TITLES[str(dataset)]
        parts += [
            f"**{title}**: test accuracy in the end, percent, median (range) of "
            f"{rows['seeds'].max()} seeds; the difference is by potential, in points, to the "
            "paper's circuit after as many epochs; angle between feedback weights and W2; stray "
            "spikes in the whole training; copies that differ from their matrix's first one in "
            "the end.",
            markdown(
                ["variant", "epochs", "by spikes", "by potential", "difference", "angle",
                 "stray spikes", "unequal copies"],
                [_row(row) for _, row in rows.iterrows()],
            ),
        ]  # fmt: skip
    parts += [
        "**Disturbances**, digits: test accuracy by potential in the end, percent, median (range) "
        "of the seeds.",
        *_of_disturbances(disturbances.numbers(runs)),
    ]
    return "\n\n".join(parts) + "\n"


def _row(row: pd.Series) -> list[str]:
    angle = row["angle_degrees"]
    return [
        str(row["variant"]).replace("_", " "),
        f"{row['epochs']:g}",
        *(
            f"{row[name]:.2f} ({row[f'{name}_lowest']:.2f} … {row[f'{name}_highest']:.2f})"
            for name in ("spikes", "potential")
        ),
        f"{row['difference']:+.2f}",
        "" if pd.isna(angle) else f"{angle:.1f}°",
        f"{row['stray_spikes']:,.0f}",
        f"{row['unequal_weights']:,.0f}",
    ]


def _of_disturbances(numbers: pd.DataFrame) -> list[str]:
    parts = []
    for (key, what), rows in numbers.groupby(["key", "what"], sort=False):
        by_level = rows.groupby("level", sort=False)["accuracy_potential"]
        cells = [
            f"{values.median():.2f} ({values.min():.2f} … {values.max():.2f})"
            for _, values in by_level
        ]
        levels = [f"{level:g}" for level, _ in by_level]
        parts.append(markdown([f"`{key}`: {what}", *levels], [["by potential", *cells]]))
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables or write them into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.table", description="The study of the variants."
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    return print_or_insert(lambda: tables(options.runs.expanduser()), options.into, BEGIN, END)


if __name__ == "__main__":
    sys.exit(main())
