"""Figures from outside: a function that reads runs, one that draws, registered without matplotlib.

`analysis` draws them beside its own, with `synfire-bp figures NAME`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from synfire_bp.errors import SynfireError
from synfire_bp.registry import Registry

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "OwnFigure", "figure"]


@dataclass(frozen=True)
class OwnFigure:
    """A figure that a plug-in draws.

    Attributes
    ----------
    name : str
        On the command line, and of its files.
    title, caption : str
        As a page heads it; one to three sentences: what is shown, from which runs.
    group : str
        The folder of its files; on the command line, the name of a group draws all of it.
    numbers : callable
        Folder of all runs -> data frame of what is drawn.
    draw : callable
        Data frame -> matplotlib Figure.
    svg : bool
        Whether it is written as SVG, too.
    """

    name: str
    title: str
    caption: str
    group: str
    numbers: Callable[[Path], pd.DataFrame]
    draw: Callable[[pd.DataFrame], Figure]
    svg: bool = False


FIGURES: Registry[OwnFigure] = Registry("figure")
"""Figures of plug-ins by name; those of this package are in `analysis.figures`."""

F = TypeVar("F", bound=Callable[..., "Figure"])


def figure(
    name: str,
    *,
    title: str,
    caption: str,
    numbers: Callable[[Path], pd.DataFrame],
    group: str = "plugins",
    svg: bool = False,
) -> Callable[[F], F]:
    """Register a figure, which `synfire-bp figures NAME` draws.

    Parameters
    ----------
    name : str
        On the command line, and of its files.
    title, caption : str
        As a page heads it; one to three sentences: what is shown, from which runs.
    numbers : callable
        Takes the folder of all runs (a Path) and returns a data frame of what is drawn.  It raises
        a SynfireError that names the command which makes what is missing.
    group : str
        The folder of its files below `--out`.
    svg : bool
        Whether it is written as SVG, too.

    Returns
    -------
    callable
        Decorates the function that takes the data frame and returns a matplotlib Figure; matplotlib
        is imported inside of it, so that no other command waits for that.

    Raises
    ------
    SynfireError
        If the name is taken, or title or caption are empty.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> def epochs(runs):
    ...     return sb.Run(runs / "digits").metrics
    >>> @sb.figure("course", title="Course", caption="Accuracy over epochs.", numbers=epochs)
    ... def course(metrics):
    ...     from matplotlib.figure import Figure
    ...     made = Figure()
    ...     made.subplots().plot(metrics.epoch, metrics.accuracy_spikes)
    ...     return made
    >>> course.__name__  # `synfire-bp figures course` draws it
    'course'
    """

    def register(draw: F) -> F:
        for what, said in (("title", title), ("caption", caption)):
            if not said.strip():
                raise SynfireError(f"figure '{name}' has no {what}; say in words what it shows")
        made = OwnFigure(name, title, caption, group, numbers, draw, svg)
        object.__setattr__(made, "__module__", draw.__module__)
        object.__setattr__(made, "__wrapped__", draw)
        FIGURES.register(name, made)
        return draw

    return register
