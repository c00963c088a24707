"""A figure or table of this project: what it is, what it is drawn from, and how it is drawn.

A module makes one, mostly as its `ENTRY`; the `entries` of its package lists it, and
`analysis.figures` knows them all by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

__all__ = ["Entry"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One figure or table.

    Attributes
    ----------
    name : str
        On the command line, and of its files.
    group : str
        What it belongs to, such as "paper": the folder of its files.  On the command line, the
        name of a group draws all of it.
    title : str
        As a page heads it.
    caption : str
        One to three sentences: what is shown, from which runs.
    element : str
        The paper's element that it stands for, such as "Fig. 3"; empty for what the paper has not.
    numbers : callable
        Folder of all runs -> data frame of what is drawn; raises RunDirectoryError with the
        command that makes what is missing.
    draw : callable or None
        Data frame -> figure; None for a table, of which only the numbers are written.  It takes
        axes to draw into as `axes`, one for each panel (`shared.panels`), and returns the figure of
        these; without them, a new one.
    extra : callable or None
        Data frame -> further files by name, such as an animation.
    svg : bool
        Whether the figure is written as SVG, too: for lines and text that are to be printed.
    completed : callable or None
        Data frame and folder of all figures -> data frame with rows from tables of other studies
        in that folder, whose runs are not those of this entry.
    alone : bool
        Whether only its own name draws it, and not the name of its group: for what takes long.
    """

    name: str
    group: str
    title: str
    caption: str
    numbers: Callable[[Path], pd.DataFrame]
    draw: Callable[..., Figure] | None = None
    element: str = ""
    extra: Callable[[pd.DataFrame], dict[str, bytes]] | None = None
    svg: bool = False
    completed: Callable[[pd.DataFrame, Path], pd.DataFrame] | None = None
    alone: bool = False
