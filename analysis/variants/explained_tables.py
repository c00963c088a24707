"""The tables of three explanations, from committed ones: ``… explained_tables [--into FILE]``.

What `analysis.variants.explained` measured, as Markdown: printed, or put into a page between the
two comments of each table.  No run directory is needed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from synfire_bp.errors import RunDirectoryError, at_a_shell

from ..shared.markdown import markdown, print_or_insert

__all__ = ["TABLES", "Table", "late_reward", "main", "pools", "soft_bounds"]


_ENOUGH = 10
"""Seeds from which on an interval is worth its name."""


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    name : str
        Of the study, and of its file below figures/variants/.
    make : callable
        What the study measured, a row per training -> Markdown.
    """

    name: str
    make: Callable[[pd.DataFrame], str]

    @property
    def begin(self) -> str:
        """The comment before it."""
        return f"<!-- begin of the table: python -m analysis.variants.explained {self.name} -->"

    @property
    def end(self) -> str:
        """The comment after it."""
        return f"<!-- end of the table {self.name} -->"

    @property
    def source(self) -> str:
        """The committed table, below figures/."""
        return f"variants/{self.name}.csv"

    def made(self, figures: Path) -> str:
        """Return the Markdown.

        Raises
        ------
        RunDirectoryError
            If the committed table is missing.
        """
        file = figures / self.source
        if not file.exists():
            raise RunDirectoryError(
                f"{file}: is not there; make it with: python -m analysis.variants.explained "
                f"{self.name}"
            )
        return self.make(pd.read_csv(file))


def _spread(values: pd.Series) -> str:
    return f"{values.median():.1f} ({values.min():.1f} … {values.max():.1f})"


def _epochs(rows: pd.DataFrame) -> str:
    (epochs,) = rows["epoch"].unique()
    return f"{epochs:g}"


def soft_bounds(runs: pd.DataFrame) -> str:
    """Return accuracy and mean magnitude of the weights for each kind of bound."""
    heads = ["data set", "bounds", "epochs", "seeds", "by potential (%)", "difference",
             "size of W1", "of W2"]  # fmt: skip
    hard = runs[runs["bounds"] == "hard"].set_index(["dataset", "seed"])["accuracy_potential"]
    rows = []
    for (dataset, bounds), table in runs.groupby(["dataset", "bounds"], sort=False):
        accuracy = table.set_index(["dataset", "seed"])["accuracy_potential"]
        rows.append([
            str(dataset), f"`{bounds}`" if bounds != "hard" else "hard", _epochs(table),
            str(len(table)), _spread(accuracy),
            "" if bounds == "hard" else _difference(accuracy - hard.loc[accuracy.index]),
            f"{table['w1_size'].median():.1f}", f"{table['w2_size'].median():.1f}",
        ])  # fmt: skip
    order = runs["dataset"].unique().tolist()
    rows.sort(key=lambda row: order.index(row[0]))
    return (
        "Final test accuracy: median (range) over the seeds. Difference: from the paper's hard "
        "bounds with the same seed, in points; mean over the seeds, with its 95 % interval "
        f"(bootstrap) where there are {_ENOUGH} seeds or more. Size: median over the seeds of the "
        "mean magnitude of the weights.\n\n" + _text_columns(heads, rows, 2) + "\n"
    )


def _difference(points: pd.Series) -> str:
    """Return the mean of paired differences with its interval, and whether it contains 0."""
    mean = f"{points.mean():+.1f}"
    if len(points) < _ENOUGH:
        return mean
    if points.nunique() == 1:
        return f"{mean} in all of them"
    low, high = bootstrap(
        (points.to_numpy(),), np.mean, random_state=np.random.default_rng(0)
    ).confidence_interval
    said = ", not distinguishable" if low <= 0 <= high else ""
    return f"{mean} ({low:+.1f} … {high:+.1f}){said}"


def late_reward(runs: pd.DataFrame) -> str:
    """Return accuracy, and what became of the weights, for each kind of reward."""
    shares = ("w1_fallen", "w1_risen", "w2_fallen", "w2_risen")
    rows = [
        [
            str(reward), _spread(table["accuracy_potential"]),
            *(f"{table[share].median():.1f}" for share in shares),
            f"{table['unequal_weights'].median():,.0f}",
        ]
        for reward, table in runs.groupby("reward", sort=False)
    ]  # fmt: skip
    heads = ["reward", "by potential (%)", "W1 fallen (%)", "W1 risen (%)", "W2 fallen (%)",
             "W2 risen (%)", "unequal copies"]  # fmt: skip
    seeds = runs.groupby("reward").size().max()
    return (
        f"Digits, {_epochs(runs)} epochs, {seeds} seeds. Test accuracy: median (range). Fallen, "
        "risen: median share of weights that are lower, or higher, at the end than at the start. "
        "Unequal: copies that differ from the first copy of their matrix.\n\n"
        + markdown(heads, rows)
        + "\n"
    )


def pools(runs: pd.DataFrame) -> str:
    """Return accuracy against the size of the pools, for both ways of opening."""
    rows = [
        [
            str(opening), str(pool), f"{loss:g}", str(len(table)),
            _spread(table["accuracy_potential"]),
            f"{table['stray_spikes'].median():,.0f}", f"{table['unequal_weights'].median():,.0f}",
        ]
        for (opening, pool, loss), table in runs.groupby(
            ["opening", "pool", "cell_failure"], sort=True
        )
    ]  # fmt: skip
    heads = ["opening", "pool", "spikes lost", "seeds", "by potential (%)", "stray spikes",
             "unequal copies"]  # fmt: skip
    return (
        f"Digits, {_epochs(runs)} epochs. Test accuracy: median (range) over the seeds. Medians of "
        "the stray spikes in the whole training and of the copies that differ at the end. A pool "
        "of one is the same with either opening.\n\n" + markdown(heads, rows) + "\n"
    )


def _text_columns(heads: Sequence[str], rows: Sequence[Sequence[str]], n: int) -> str:
    """Return a table whose first n columns are text."""
    head, rule, *body = markdown(heads, rows).split("\n")
    rule = rule.replace("---:", "---", n - 1)
    return "\n".join([head, rule, *body])


TABLES = (
    Table("soft_bounds", soft_bounds),
    Table("late_reward", late_reward),
    Table("pools", pools),
)


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables or write them into a file; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.explained_tables", description="Tables of explanations."
    )
    parser.add_argument("--figures", type=Path, default=Path("figures"), help="(figures)")
    parser.add_argument("--into", type=Path, help="Markdown file with the comments of all of them")
    options = parser.parse_args(arguments)
    codes = []
    for table in TABLES:
        make = partial(table.made, options.figures)
        codes.append(print_or_insert(make, options.into, table.begin, table.end))
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
