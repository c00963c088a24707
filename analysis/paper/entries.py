"""The figures and tables of the paper: what each is, and what it is drawn from.

Every entry is one module's `ENTRY` (or several, `ENTRIES`); `python -m analysis` draws them by
name, and the report shows those that could be drawn, and of the others why not and which command
makes what is missing.  All runs of the paper's protocol lie below `runs/paper/`:

    mnist-seed0 … mnist-seed4    the spiking circuit, 60 epochs (`make paper`)
    mnist-oracle-seed0 …         the algorithm in integers with the same seeds
    fashion-…                    Fashion-MNIST, whole or part
    inference.json               the test set through the four-phase circuit
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from synfire_bp.runs import write_atomically

from ..shared.output import make_folder, save

__all__ = ["MODULES", "PaperEntry", "paper_entries", "save_entry"]

PAPER = "paper"
"""Folder of the paper's runs below the folder of all runs."""


@dataclass(frozen=True)
class PaperEntry:
    """One figure or table.

    Attributes
    ----------
    name : str
        On the command line, and of its files.
    title : str
        As the report heads it.
    caption : str
        One to three sentences: what is shown, from which runs.
    element : str
        The paper's element that it stands for, such as "Fig. 3"; empty for what the paper has not.
    numbers : callable
        Folder of all runs -> data frame of what is drawn; raises RunDirectoryError with the
        command that makes what is missing.
    draw : callable or None
        Data frame -> figure; None for a table, of which only the numbers are written.
    extra : callable or None
        Data frame -> further files by name, such as an animation.
    """

    name: str
    title: str
    caption: str
    element: str
    numbers: Callable[[Path], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Figure] | None = None
    extra: Callable[[pd.DataFrame], dict[str, bytes]] | None = None


def save_entry(entry: PaperEntry, runs: Path, out: Path) -> list[Path]:
    """Write an entry's figure (PNG, SVG), its numbers (CSV), and what else its module has.

    Raises
    ------
    RunDirectoryError
        If what it is drawn from is missing, or a file cannot be written.
    """
    numbers = entry.numbers(runs)
    if entry.draw is None:
        make_folder(out)
        table = out / f"{entry.name}.csv"
        write_atomically(table, numbers.to_csv(index=False, lineterminator="\n").encode())
        return [table]
    files = list(save(entry.draw(numbers), numbers, out, entry.name))
    for name, content in (entry.extra(numbers) if entry.extra else {}).items():
        write_atomically(out / name, content)
        files.append(out / name)
    return files


MODULES = (
    "concept",
    "connectivity",
    "mnist_curves",
    "fashion_curves",
    "raster",
    "activation",
    "tables",
    "weights",
    "answers",
    "receptive_fields",
    "gradient_check",
    "one_sample",
    "..variants.depth_table",
)
"""Modules of this package that hold entries, in the order of the report."""


@lru_cache(maxsize=1)
def paper_entries() -> dict[str, PaperEntry]:
    """Return all entries by name."""
    entries: list[PaperEntry] = []
    for name in MODULES:
        module = importlib.import_module(name if name.startswith(".") else f".{name}", __package__)
        entries += getattr(module, "ENTRIES", None) or [module.ENTRY]
    return {entry.name: entry for entry in entries}


if __name__ == "__main__":
    print(*paper_entries())
