"""The study of the chip's weights as Markdown: ``python -m analysis.chip.table [--into FILE]``.

Prints the tables, or writes them into a Markdown file between the two comments ``BEGIN`` and
``END``, replacing the former text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ..shared.markdown import markdown, print_or_insert
from . import limits as chip_limits
from . import weight_bits
from .study import FULL_BITS, StudyRuns, needed_study

__all__ = ["BEGIN", "END", "main", "of_numbers", "tables"]

BEGIN = "<!-- begin of the tables: python -m analysis.chip.table --into docs/chip.md -->"
END = "<!-- end of the tables -->"

_READOUTS = {"argmax": "by argmax", "potential": "by potential"}


def tables(study: StudyRuns) -> str:
    """Return all tables of a study as Markdown.

    Raises
    ------
    RunDirectoryError
        If a run does not hold what they need.
    """
    return of_numbers(weight_bits.numbers(study), chip_limits.numbers(study))


def of_numbers(bits: pd.DataFrame, drift: pd.DataFrame) -> str:
    """Return all tables as Markdown, from the numbers of the two figures.

    Parameters
    ----------
    bits, drift : DataFrame
        As of `weight_bits.numbers` and `limits.numbers`, or read from figures/chip/.
    """
    about = drift.iloc[0]
    seeds = ", ".join(map(str, dict.fromkeys(drift["seed"])))
    parts = [
        f"Model `{about['model']}`, {about['sizes']}, {about['epochs']} epochs of "
        f"{about['samples']:,} samples; seeds {seeds}, in this order; test set, after the last "
        "epoch.",
        "**Accuracy against weight bits**, in percent. All except float have the chip's own "
        "limits.",
        _accuracies(bits),
        f"**What the chip's limits cost**, {FULL_BITS} weight bits: accuracy in percent, and its "
        "difference from the accuracy with symmetric limits in percentage points.",
        _cost(drift),
        "**How far copies drift apart** by the end of the training, medians over the seeds. "
        "Unequal: entries of the matrix whose copies are not all equal. Largest and mean: largest "
        "and mean difference between the largest and the smallest copy of an entry, in weight "
        "units, over all entries. W2 includes its transposes. Stray spikes: number in the whole "
        "training.",
        _drift(drift),
    ]
    return "\n\n".join(parts) + "\n"


def _accuracies(numbers: pd.DataFrame) -> str:
    rows = []
    for weights, group in numbers.groupby("weights", sort=False):
        row = [str(weights)]
        for readout in _READOUTS:
            row += [
                f"{group[f'median_{readout}'].iloc[0]:.2f}",
                ", ".join(f"{value:.2f}" for value in group[f"accuracy_{readout}"]),
            ]
        rows.append(row)
    heads = ["weight bits"]
    for text in _READOUTS.values():
        heads += [f"{text}, median", "each seed"]
    return markdown(heads, rows)


def _cost(drift: pd.DataFrame) -> str:
    last = drift[(drift["epoch"] == drift["epochs"]) & (drift["bits"] == FULL_BITS)]
    rows = []
    for readout, text in _READOUTS.items():
        table = last.pivot(index="seed", columns="limits", values=f"accuracy_{readout}")
        table = table.loc[list(dict.fromkeys(last["seed"]))]
        added = table["chip"] - table["symmetric"]
        rows.append(
            [
                text,
                *(", ".join(f"{v:.2f}" for v in table[limits]) for limits in ("chip", "symmetric")),
                ", ".join(f"{value:+.2f}" for value in added),
                f"{added.median():+.2f}",
            ]
        )
    heads = ["accuracy", "chip, -256 … 254", "symmetric, ±254", "difference", "median"]
    return markdown(heads, rows)


def _drift(drift: pd.DataFrame) -> str:
    rows = []
    for (limits, bits), every in drift.groupby(["limits", "bits"], sort=False):
        strays = every.groupby("seed")["stray_spikes"].sum().median()
        group = every[every["epoch"] == every["epochs"]]
        row = [str(bits) + (", symmetric" if limits == "symmetric" else "")]
        for layer in ("w1", "w2"):
            median = {
                name: float(group[f"{layer}_{name}"].astype(float).median())
                for name in ("unequal", "unequal_percent", "largest", "mean")
            }
            row += [
                f"{median['unequal']:,.0f} ({median['unequal_percent']:.1f} %)",
                f"{median['largest']:,.0f}",
                f"{median['mean']:.2f}",
            ]
        rows.append([*row, f"{strays:,.0f}"])
    measures = ("unequal", "largest", "mean")
    heads = [f"{layer} {measure}" for layer in ("W1", "W2") for measure in measures]
    return markdown(["weight bits", *heads, "stray spikes"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables or write them into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.table", description="The study of the chip's weights."
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    return print_or_insert(
        lambda: tables(needed_study(options.runs.expanduser())), options.into, BEGIN, END
    )


if __name__ == "__main__":
    sys.exit(main())
