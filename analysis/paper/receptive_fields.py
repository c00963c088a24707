"""Receptive fields of hidden units: columns of W1 as images.

Which units are shown follows a rule.  A unit's selectivity for a digit is how much more often it
fires for test images of this digit than for all others; for each digit, the units most selective
for it are shown, the lowest number first of equals.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from synfire_bp.circuit import HALF
from synfire_bp.data import Split
from synfire_bp.training import dataset_of

from ..shared import style
from ..shared.entry import Entry
from ..shared.images import images_of, pixel_columns
from ..shared.panels import Given, Panels, placed
from .protocol import PAPER, finished_run

__all__ = ["ENTRY", "PER_DIGIT", "draw", "numbers", "selectivity"]

_RUN = "mnist-seed0"
PER_DIGIT = 5
"""Units shown of each digit."""

_LEFT, _RIGHT, _TOP, _TEXT, _GAP = 16.0, 13.5, 9.0, 3.6, 1.2  # mm
_COLOURS = "RdBu_r"


def selectivity(split: Split, w1: NDArray[np.integer], n_classes: int) -> NDArray[np.float64]:
    """Return how much more often each hidden unit fires for a class than for the others.

    Parameters
    ----------
    split : Split
        Binary images and their labels.
    w1 : integer array, shape (n_in, n_hid)
        The weights.
    n_classes : int
        Labels are 0 … n_classes - 1.

    Returns
    -------
    array, shape (n_hid, n_classes)
        -1 … 1; 0 for a class that has no image, or all of them.
    """
    # sums of integers below 2**24, so exact
    fires = split.inputs.astype(np.float32) @ w1.astype(np.float32) > HALF
    is_class = np.arange(n_classes) == split.labels[:, None]
    times = fires.T.astype(np.float32) @ is_class.astype(np.float32)
    images = is_class.sum(axis=0)
    others = fires.sum(axis=0)[:, None] - times
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = times / images - others / (len(split) - images)
    return np.nan_to_num(difference.astype(float), posinf=0, neginf=0)


def numbers(runs: Path) -> pd.DataFrame:
    """Return the receptive fields.

    Returns
    -------
    DataFrame
        One row per image: `digit`, `rank` (from 1), `unit`, `selectivity` (-1 … 1), `when` ("end"
        or, of rank 1, "start"), `epochs`, `limit` (of the weights), and the weights from the pixels
        p0_0 … (row, column) to this unit.

    Raises
    ------
    RunDirectoryError
        If the run is missing or unfinished.
    """
    run = finished_run(runs, _RUN)
    dataset, weights = dataset_of(run.experiment), run.weights
    selective = selectivity(dataset.test, weights["w1"], dataset.n_classes)
    rows: list[tuple[int, int, int, float, str]] = []
    for digit in range(dataset.n_classes):
        best = np.argsort(-selective[:, digit], kind="stable")[:PER_DIGIT]
        rows.append((digit, 1, int(best[0]), selective[best[0], digit], "start"))
        for rank, unit in enumerate(best.tolist(), 1):
            rows.append((digit, rank, unit, selective[unit, digit], "end"))
    table = pd.DataFrame(rows, columns=["digit", "rank", "unit", "selectivity", "when"])
    table = table.assign(
        epochs=run.experiment.training.epochs, limit=run.experiment.network.weight_limit
    )
    stored = {"start": weights["w1_init"], "end": weights["w1"]}
    fields = np.array([stored[when][:, unit] for _, _, unit, _, when in rows])
    return table.join(pixel_columns(fields, dataset.image_shape))


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the fields, 183 mm wide: a column per digit, the units' start on top."""
    digits = numbers["digit"].nunique()
    ranks = numbers["rank"].nunique()
    pitch = (style.DOUBLE_COLUMN - _LEFT - _RIGHT) / digits
    size = pitch - _GAP
    height = _TOP + (ranks + 1) * (size + _TEXT) + 0.5
    panels = placed(axes, 1, style.DOUBLE_COLUMN, height,
                    lambda figure: [figure.add_axes((0, 0, 1, 1))])  # fmt: skip
    axes = panels[0]
    axes.set_axis_off()
    limit, epochs = int(numbers["limit"].iloc[0]), int(numbers["epochs"].iloc[0])
    picture = None
    columns = [numbers[name].tolist() for name in ("digit", "rank", "unit", "selectivity", "when")]
    for digit, rank, unit, selective, when, field in zip(*columns, images_of(numbers), strict=True):
        line = 0 if when == "start" else rank
        left = _LEFT + digit * pitch + _GAP / 2
        top = _TOP + line * (size + _TEXT)
        picture = axes.imshow(
            field, cmap=_COLOURS, vmin=-limit, vmax=limit, interpolation="none",
            extent=(left, left + size, top + size, top), label=f"unit {unit}, {when}",
        )  # fmt: skip
        said = f"unit {unit}" if line == 0 else f"{unit}: {100 * selective:+.0f} %"
        axes.text(left + size / 2, top + size + 0.4, said, ha="center", va="top", fontsize=6)
        if line == 0:
            axes.text(left + size / 2, _TOP - 1, f"digit {digit}", ha="center", va="bottom")
    for line in range(ranks + 1):
        said = "rank 1\nat the start" if line == 0 else f"rank {line}"
        axes.text(_LEFT - 1, _TOP + line * (size + _TEXT) + size / 2, said, ha="right",
                  va="center", fontsize=6.5)  # fmt: skip
    axes.text(_LEFT, 1, f"weights from pixels to hidden units after {epochs} epochs; below each: "
              "unit, and how much more often it fires for this digit than for others",
              va="top")  # fmt: skip
    axes.set(xlim=(0, style.DOUBLE_COLUMN), ylim=(height, 0),
             aspect="auto" if panels.own else "equal")  # fmt: skip
    assert picture is not None
    _colour_bar(panels, picture, limit)
    return panels.figure


def _colour_bar(panels: Panels, picture: AxesImage, limit: int) -> None:
    """Draw at the right what the colours mean."""
    left = (style.DOUBLE_COLUMN - _RIGHT + 2) / style.DOUBLE_COLUMN
    box = panels[0].inset_axes((left, 0.3, 2.2 / style.DOUBLE_COLUMN, 0.4))
    bar = panels.figure.colorbar(picture, cax=box, ticks=[-limit, 0, limit])
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.set_label("weight", labelpad=-6)


ENTRY = Entry(
    name="receptive_fields",
    group=PAPER,
    title="Receptive fields of hidden units",
    caption="Weights from the 20×20 pixels to single hidden units after the last epoch of the run "
    "with seed 0. For each digit, the five units that are most selective for it: those whose "
    "firing rate over the test images of this digit exceeds that over all others by the most. Top "
    "row: the first of them before training.",
    numbers=numbers,
    draw=draw,
)
