"""Where a figure is drawn: into a new figure of its own size, or into axes that are given.

    panels = in_grid(axes, 1, 2, style.DOUBLE_COLUMN, 60, sharey=True)
    for one in panels: ...
    panels.legend(handles)
    return panels.figure

What belongs to a whole figure alone, its letters and its headings, is left away in given axes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from synfire_bp.errors import SynfireError

from . import style

__all__ = ["Given", "Panels", "in_grid", "placed", "share"]

Given: TypeAlias = Axes | Sequence[Axes] | NDArray[Any] | Mapping[Any, Axes] | None
"""Axes to draw into, one for each panel in reading order; None: a new figure is made."""

_ABOVE = 3.0
"""Between a legend and what lies below it, points."""


@dataclass(frozen=True)
class Panels:
    """The axes of a figure's panels.

    Attributes
    ----------
    axes : tuple of Axes
        In reading order.
    own : bool
        Whether the figure was made for them; else they were given.
    """

    axes: tuple[Axes, ...]
    own: bool

    def __iter__(self) -> Iterator[Axes]:
        return iter(self.axes)

    def __len__(self) -> int:
        return len(self.axes)

    def __getitem__(self, place: int) -> Axes:
        return self.axes[place]

    @property
    def figure(self) -> Figure:
        """The figure in which they are."""
        return _figure(self.axes[0])

    def legend(
        self,
        handles: Sequence[Artist],
        *,
        at: Literal["upper center", "upper left", "lower center"] = "upper center",
        over: int = 0,
        **options: Any,
    ) -> None:
        """Explain the marks: outside of all panels, or, in given axes, above one of them.

        Parameters
        ----------
        handles : sequence of Artist
            Each with its label.
        at : str
            Where in a figure of its own.
        over : int
            Above which of given axes.
        **options
            Of matplotlib's `legend`.
        """
        if self.own:
            outside: Any = f"outside {at}"
            self.figure.legend(handles=handles, loc=outside, **options)
            return
        axes = self.axes[over]
        if (inside := axes.get_legend()) is not None:
            axes.add_artist(inside)  # or the next one takes its place
        box = axes.get_tightbbox()
        taken = 0.0 if box is None else max(0.0, box.y1 - axes.bbox.y1) * 72 / self.figure.dpi
        up = ScaledTranslation(0, (taken + _ABOVE) / 72, self.figure.dpi_scale_trans)
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1),
                    bbox_transform=axes.transAxes + up, **options)  # fmt: skip

    def letters(self, *, left: float | Sequence[float]) -> None:
        """Write a, b, … at the panels of a figure of its own, `left` mm outside of them."""
        if self.own:
            beside = np.broadcast_to(left, len(self.axes))
            for place, (axes, mm) in enumerate(zip(self.axes, beside, strict=True)):
                style.panel_label(axes, _letter(place), left=float(mm))

    def heading(self, text: str) -> None:
        """Write above a figure of its own what all of it was drawn from."""
        if self.own:
            self.figure.suptitle(text, fontsize=7, x=0.01, ha="left")

    def titled(self, place: int, title: str) -> None:
        """Write the title of a panel at its left; in a figure of its own, behind its letter."""
        lettered = f"{_letter(place)}  {title}" if self.own else title
        self.axes[place].set_title(lettered, loc="left")

    def xlabel(self, text: str) -> None:
        """Write one label for the x axes of all panels, or, in given axes, one below each."""
        if self.own:
            self.figure.supxlabel(text, fontsize=7)
        else:
            for axes in self.axes:
                axes.set_xlabel(text)


def in_grid(
    axes: Given,
    rows: int,
    columns: int,
    width: float,
    height: float,
    *,
    n: int | None = None,
    sharex: bool = False,
    sharey: bool = False,
    width_ratios: Sequence[float] | None = None,
    height_ratios: Sequence[float] | None = None,
) -> Panels:
    """Return the axes of a grid of panels.

    Parameters
    ----------
    axes : Axes, sequence, array or mapping of Axes, or None
        To draw into, in reading order; None makes a figure with a constrained layout.
    rows, columns : int
        Of the figure that is made.
    width, height : float
        Its size in mm.
    n : int, optional
        How many panels there are, if the last row is not full.
    sharex, sharey : bool
        Whether the panels have one axis; given ones are joined then.
    width_ratios, height_ratios : sequence of float, optional
        Of the figure that is made, as of matplotlib's `subplots`.

    Returns
    -------
    Panels

    Raises
    ------
    SynfireError
        If other axes are given than there are panels; see `placed`.

    Examples
    --------
    >>> from analysis.shared.panels import in_grid
    >>> len(in_grid(None, 1, 3, 183, 60))
    3
    """

    def made(figure: Figure) -> list[Axes]:
        grid = figure.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False,
                               width_ratios=width_ratios, height_ratios=height_ratios)  # fmt: skip
        for beyond in grid.flat[n:] if n is not None else ():
            beyond.remove()
        return list(grid.flat[:n])

    found = placed(
        axes, rows * columns if n is None else n, width, height, made, layout="constrained"
    )
    if not found.own:
        for which in (*("x" if sharex else ""), *("y" if sharey else "")):
            share(found.axes, which)
    return found


def placed(
    axes: Given,
    n: int,
    width: float,
    height: float,
    make: Callable[[Figure], Iterable[Axes]],
    **options: str,
) -> Panels:
    """Return the axes of panels that a function places in a new figure, if none are given.

    Parameters
    ----------
    axes : Axes, sequence, array or mapping of Axes, or None
        To draw into, in reading order.
    n : int
        How many panels there are.
    width, height : float
        Of a new figure, mm.
    make : callable
        Figure -> its panels.
    **options
        Of a new figure.

    Raises
    ------
    SynfireError
        If something else than axes is given, not one for each panel, or axes of several figures.
    """
    if axes is None:
        return Panels(tuple(make(style.new_figure(width, height, **options))), own=True)
    given = tuple(_each(axes))
    if other := [one for one in given if not isinstance(one, Axes)]:
        raise SynfireError(f"axes: must be matplotlib Axes; {type(other[0]).__name__} was given")
    if len(given) != n:
        raise SynfireError(
            f"axes: the figure has {n} panel{'s' if n != 1 else ''}, so it needs as many axes; "
            f"{len(given)} given"
        )
    if len(set(given)) < n or len({_figure(one) for one in given}) > 1:
        raise SynfireError(f"axes: must be {n} different axes of one figure")
    return Panels(given, own=False)


def _each(axes: Any) -> Iterable[Any]:
    if isinstance(axes, Mapping):
        return axes.values()
    if isinstance(axes, np.ndarray):
        return axes.flat
    return axes if isinstance(axes, Sequence) else (axes,)


def _figure(axes: Axes) -> Figure:
    """Return the figure of axes, not a part of it."""
    found: Any = axes.figure
    while not isinstance(found, Figure):
        found = found.figure
    return found


def share(axes: Sequence[Axes], which: str) -> None:
    """Let given axes share their "x" or "y" axis with the first, as those of a new figure do.

    Raises
    ------
    SynfireError
        If one shares it with axes that are not among them.
    """
    first = axes[0]
    joined = getattr(first, f"get_shared_{which}_axes")()
    for place, other in enumerate(axes[1:], 1):
        if joined.joined(first, other):
            continue
        try:
            getattr(other, f"share{which}")(first)
        except ValueError:
            raise SynfireError(
                f"axes: number {place + 1} of the panels that share their {which} axis shares it "
                "with other axes; give axes that share none"
            ) from None


def _letter(place: int) -> str:
    return chr(ord("a") + place)
