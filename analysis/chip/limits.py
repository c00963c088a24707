"""What the chip's limits and its rounding do to the copies of the weights, and to accuracy.

The circuit holds W1 three times and W2 five times, as it is, transposed, and with its sign changed.
With 8 bits, mixed-sign weights end at -256 and 254: a copy of -W2 can follow W2 neither to -256 nor
beyond 254, and is off by 2 for ever.  With fewer bits, each synapse's update is rounded at random,
and copies drift apart everywhere.  Panels: how many weights of copies differ from their layer's
first one while 8 bits learn; how many places have copies that differ, and by how much, in the end;
and what the limits cost.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from synfire_bp.errors import RunDirectoryError
from synfire_bp.runs import ACTIVITY, Run

from ..shared import style
from ..shared.entry import Entry
from ..shared.panels import Given, in_grid
from .study import FOLDER, FULL_BITS, StudyRuns, Training, layer_copies, needed_study

__all__ = ["ENTRY", "draw", "drift", "numbers"]

_LAYERS = {"w1": "W1", "w2": "W2, transposes"}
_COLOURS = {"w1": style.colour("h"), "w2": style.colour("hT")}
_DASHES: dict[str, tuple[float, tuple[float, ...]]] = {
    "chip": (0, ()),
    "symmetric": (0, (2.2, 1.2)),
}
_READOUTS = {"accuracy_argmax": "by argmax", "accuracy_potential": "by potential"}
_HEIGHT = 91.0  # mm


def numbers(study: StudyRuns) -> pd.DataFrame:
    """Return accuracies and drift: one row per training and test.

    Returns
    -------
    DataFrame
        `limits` ("chip" or "symmetric"), `bits`, `seed`, `epoch`; on the test set
        `accuracy_argmax` and `accuracy_potential` in percent; since the last test `stray_spikes`;
        `unequal_weights`, summed over all copies but each layer's first, from which they differ.
        Of the end only, for W1 (`w1_…`) and W2 with its transposes (`w2_…`): `unequal`, places in
        the matrix whose copies are not all equal; `unequal_percent`, of all places; `largest` and
        `mean`, difference between the largest and the smallest copy in a place, over all places.
        `model`, `sizes`, `epochs` and `samples` (in an epoch) say what was trained.

    Raises
    ------
    RunDirectoryError
        If a run lacks a table, a column or its last checkpoint.
    """
    tables = [_of_run(training, run) for training, run in study.runs.items()]
    return pd.concat(tables, ignore_index=True).assign(**study.about)


def _of_run(training: Training, run: Run) -> pd.DataFrame:
    columns = ["epoch", "stray_spikes", "unequal_weights"]
    if missing := set(columns) - set(run.activity):
        raise RunDirectoryError(
            f"{run.path / ACTIVITY}: has no column {', '.join(sorted(missing))}"
        )
    tests = run.metrics.loc[run.metrics["split"] == "test", ["epoch", *_READOUTS]]
    tests = tests.assign(**{name: 100 * tests[name] for name in _READOUTS})
    table = tests.merge(run.activity[columns], on="epoch", how="left", validate="one_to_one")
    table.insert(0, "limits", "symmetric" if training.symmetric else "chip")
    table.insert(1, "bits", training.bits)
    table.insert(2, "seed", training.seed)
    last = table["epoch"] == run.experiment.training.epochs
    for layer, copies in layer_copies(run).items():
        for name, value in drift(copies).items():
            whole = name in ("unequal", "largest")
            column = pd.Series(pd.NA, table.index, dtype="Int64" if whole else "Float64")
            column[last] = value
            table[f"{list(_LAYERS)[layer]}_{name}"] = column
    return table


def drift(copies: NDArray[np.integer]) -> dict[str, float]:
    """Return how far copies of a matrix, shape (copies, n_pre, n_post), are apart.

    Returns
    -------
    dict
        `unequal`, `unequal_percent`, `largest`, `mean`; see `numbers`.
    """
    apart = copies.max(axis=0) - copies.min(axis=0)
    unequal = int(np.count_nonzero(apart))
    return {
        "unequal": unequal,
        "unequal_percent": 100 * unequal / apart.size,
        "largest": int(apart.max()),
        "mean": float(apart.mean()),
    }


@style.applied()
def draw(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw drift and accuracy, 89 mm wide: thin lines and rings are seeds, the rest medians."""
    panels = in_grid(axes, 2, 2, style.SINGLE_COLUMN, _HEIGHT)
    last = numbers[numbers["epoch"] == numbers["epochs"]]
    _draw_course(panels[0], numbers)
    _draw_ends(panels[1], last, "unequal_percent")
    _draw_ends(panels[2], last, "largest")
    _draw_cost(panels[3], last)
    titles = (
        "unequal copies, 8 bits", "unequal copies", "largest difference", "chip − symmetric",
    )  # fmt: skip
    for place, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        panels.titled(place, title)
        axes.spines["right"].set_visible(False)
    about = numbers.iloc[0]
    panels.heading(
        f"{about['model']}, {about['sizes']}, {about['epochs']} × {about['samples']:,} samples"
    )
    panels.legend(_key(), at="lower center", ncols=3, columnspacing=1.2)
    return panels.figure


def _draw_course(axes: Axes, numbers: pd.DataFrame) -> None:
    """Draw how many weights of copies differ from the first, over the epochs."""
    for limits, dashes in _DASHES.items():
        rows = numbers[(numbers["limits"] == limits) & (numbers["bits"] == FULL_BITS)]
        table = rows.pivot(index="epoch", columns="seed", values="unequal_weights")
        table.loc[0.0] = 0  # all copies begin equal
        table = table.sort_index()
        for seed, course in table.items():
            axes.plot(table.index, course, color=_COLOURS["w2"], linewidth=0.5, alpha=0.5,
                      label=f"{limits} {seed}")  # fmt: skip
        axes.plot(table.index, table.median(axis=1), color=_COLOURS["w2"], linewidth=1.2,
                  linestyle=dashes, label=limits)  # fmt: skip
    most = max(1, numbers.loc[numbers["bits"] == FULL_BITS, "unequal_weights"].max())
    axes.set(xlabel="epoch", ylabel="weights of copies", ylim=(0, 1.1 * most))
    axes.set_xlim(0, numbers["epoch"].max())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    if not numbers.loc[numbers["bits"] == FULL_BITS, "unequal_weights"].any():
        axes.annotate("none at any test", (0.5, 0.5), xycoords="axes fraction", ha="center")


def _draw_ends(axes: Axes, last: pd.DataFrame, what: str) -> None:
    """Draw a measure of the drift in the end against weight bits, for both layers."""
    own = last[last["limits"] == "chip"]
    for layer, aside in zip(_LAYERS, (-0.1, 0.1), strict=True):
        name, colour = f"{layer}_{what}", _COLOURS[layer]
        values = own[name].astype(float)
        medians = values.groupby(own["bits"]).median()
        axes.plot(own["bits"] + aside, values, "o", color=colour, fillstyle="none",
                  markersize=4.2, markeredgewidth=0.5, alpha=0.6, label=name)  # fmt: skip
        axes.plot(medians.index + aside, medians, "o-", color=colour, linewidth=0.8,
                  markersize=3, label=f"median of {name}")  # fmt: skip
    axes.set_xticks(sorted(set(own["bits"])))
    axes.set_xlabel("weight bits")
    if what == "largest":
        axes.set_yscale("symlog", base=2, linthresh=2)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set(ylabel="weight units", ylim=(-0.4, 800))
        axes.set_yticks([0, 2, 8, 32, 128, 510], ["0", "2", "8", "32", "128", "510"])
    else:
        axes.set(ylabel="% of the matrix", ylim=(-4, 104))


def _draw_cost(axes: Axes, last: pd.DataFrame) -> None:
    """Draw what accuracy the chip's limits add, seed by seed, to that with symmetric ones."""
    full = last[last["bits"] == FULL_BITS]
    axes.axhline(0, color="0.75", linewidth=0.5)
    for place, name in enumerate(_READOUTS):
        colour = style.READOUT_COLOURS[name]
        table = full.pivot(index="seed", columns="limits", values=name)
        added = table["chip"] - table["symmetric"]
        axes.plot(np.full(len(added), place), added, "o", color=colour, fillstyle="none",
                  markersize=4.2, markeredgewidth=0.5, alpha=0.6, label=name)  # fmt: skip
        axes.plot(place, added.median(), "o", color=colour, markersize=3,
                  label=f"median of {name}")  # fmt: skip
    reach = max(1.3 * max(map(abs, axes.dataLim.intervaly)), 0.1)
    axes.set(xlim=(-0.5, len(_READOUTS) - 0.5), ylim=(-reach, reach))
    axes.set_xticks(range(len(_READOUTS)), list(_READOUTS.values()))
    axes.set_ylabel("accuracy (% points)")


def _key() -> list[Line2D]:
    layers = [
        Line2D([], [], color=_COLOURS[layer], marker="o", markersize=3, label=text)
        for layer, text in _LAYERS.items()
    ]
    ring = Line2D([], [], color="0.4", marker="o", fillstyle="none", markersize=4.2,
                  markeredgewidth=0.5, linestyle="", label="a seed")  # fmt: skip
    dot = Line2D([], [], color="0.4", marker="o", markersize=3, linestyle="", label="median")
    dashed = Line2D([], [], color=_COLOURS["w2"], linewidth=1.2, linestyle=_DASHES["symmetric"],
                    label="symmetric limits")  # fmt: skip
    return [*layers, ring, dot, dashed]


ENTRY = Entry(
    name="chip_limits",
    group=FOLDER,
    title="Effect of the chip's limits on the copies of the weights",
    caption="Copies of the weights that differ during training with 8 bits; matrix entries whose "
    "copies differ at the end, and by how much, against weight bits; and the accuracy that the "
    "chip's limits cost, seed by seed. Thin lines and rings are seeds, the others medians.",
    numbers=lambda runs: numbers(needed_study(runs)),
    draw=draw,
)
