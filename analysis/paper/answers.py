"""What a trained network answers: confusion matrix, misclassified digits; and how many spikes.

Answers are computed in integers (the oracle's forward pass); that they give the accuracies which
the spiking inference circuit reached in the run's last test is checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from synfire_bp import oracle
from synfire_bp.circuit.reference import firing_table
from synfire_bp.data import Dataset, Score
from synfire_bp.errors import RunDirectoryError
from synfire_bp.model import assemble
from synfire_bp.runs import METRICS, SPIKE_COUNTS, Run
from synfire_bp.training import dataset_of

from ..shared import style
from ..shared.entry import Entry
from ..shared.images import images_of, pixel_columns
from ..shared.panels import Given, in_grid, placed
from .protocol import MNIST, PAPER, finished_run, finished_seeds

__all__ = [
    "ENTRIES",
    "READOUTS",
    "SHOWN",
    "SILENT",
    "confusion",
    "draw_confusion",
    "draw_misclassified",
    "misclassified",
    "sparsity",
]

_RUN = "mnist-seed0"
SILENT = -1
"""Stands for the answer of an output layer without a spike; the accuracy reads it as 0."""
READOUTS = {"potential": "by potential", "spikes": "by spikes"}
SHOWN = 60
"""Misclassified images drawn: so many with the greatest margin."""

_COLUMNS = 15
_CONFUSION_HEIGHT = 94.0  # mm
_ABOVE, _BELOW, _GAP = 5.0, 3.2, 1.6  # mm


@dataclass(frozen=True, eq=False)
class _Answers:
    """Answers to all test images: class by potential and by spikes (SILENT if none), and a2."""

    dataset: Dataset
    potential: NDArray[np.integer]
    spikes: NDArray[np.integer]
    a2: NDArray[np.int64]

    @property
    def labels(self) -> NDArray[np.int64]:
        return self.dataset.test.labels


def _answers(run: Run) -> _Answers:
    """Answer all test images with the weights of a finished run.

    Raises
    ------
    RunDirectoryError
        If this gives other accuracies than the run's own last test.
    """
    dataset, weights = dataset_of(run.experiment), run.weights
    labels = dataset.test.labels
    outputs = oracle.forward(dataset.test.inputs, weights["w1"], weights["w2"])
    ours = Score.of(outputs.spikes, outputs.potentials, labels).row()
    tests = run.metrics[run.metrics["split"] == "test"]
    theirs = tests.iloc[int(tests["epoch"].argmax())]
    for column in ("samples", "accuracy_potential", "accuracy_argmax"):
        if not np.isclose(ours[column], theirs[column], rtol=0, atol=1e-12):
            raise RunDirectoryError(
                f"{run.path / METRICS}: {column} of the last test is {theirs[column]}, but its "
                f"weights give {ours[column]}; was the run trained with this version and this "
                "data? Train it again"
            )
    fired = outputs.spikes.any(axis=1)
    spikes = np.where(fired, outputs.spikes.argmax(axis=1), SILENT)
    return _Answers(dataset, outputs.potentials.argmax(axis=1), spikes, outputs.potentials)


# -- confusion matrix ----------------------------------------------------------------------------


def confusion(runs: Path) -> pd.DataFrame:
    """Return how many test images of each label got each answer.

    Returns
    -------
    DataFrame
        `readout` ("potential" or "spikes"), `label`, `answer` (SILENT, -1, where no output neuron
        spiked), `images`.  Every pair has a row.

    Raises
    ------
    RunDirectoryError
        If the run is missing or unfinished, or its weights do not give its accuracies.
    """
    given = _answers(finished_run(runs, _RUN))
    classes = range(given.dataset.n_classes)
    rows = [
        (readout, label, answer, int(((given.labels == label) & (answers == answer)).sum()))
        for readout, answers in (("potential", given.potential), ("spikes", given.spikes))
        for label in classes
        for answer in (*classes, *((SILENT,) if readout == "spikes" else ()))
    ]
    return pd.DataFrame(rows, columns=["readout", "label", "answer", "images"])


@style.applied()
def draw_confusion(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw both matrices, 183 mm wide; colour shows the wrong answers alone."""
    panels = in_grid(axes, 1, len(READOUTS), style.DOUBLE_COLUMN, _CONFUSION_HEIGHT,
                     width_ratios=(10, 11))  # fmt: skip
    wrong = numbers[numbers["label"] != numbers["answer"]]
    for axes, (readout, title) in zip(panels, READOUTS.items(), strict=True):
        table = numbers[numbers["readout"] == readout]
        counts = table.pivot(index="label", columns="answer", values="images")
        counts = counts[[*(c for c in counts if c != SILENT), *(c for c in counts if c == SILENT)]]
        _matrix(axes, counts, wrong["images"].max())
        # silence reads as the first class
        right = table[table["label"] == table["answer"].replace(SILENT, 0)]["images"].sum()
        total = table["images"].sum()
        axes.set_title(f"{title}: {right:,} of {total:,} right, {100 * right / total:.2f} %")
    panels.letters(left=8)
    return panels.figure


def _matrix(axes: Axes, counts: pd.DataFrame, greatest: int) -> None:
    """Draw one matrix: labels down, answers across."""
    answers, labels = list(counts.columns), list(counts.index)
    values = counts.to_numpy()
    off = np.array([[label != answer for answer in answers] for label in labels])
    axes.imshow(np.ma.masked_where(~off, values), cmap="Oranges", vmin=0, vmax=1.3 * greatest)
    for (row, column), value in np.ndenumerate(values):
        if value or not off[row, column]:
            axes.text(column, row, f"{value}", ha="center", va="center",
                      fontsize=6.5 if value < 1000 else 6,
                      fontweight="normal" if off[row, column] else "bold")  # fmt: skip
    axes.set_xticks(range(len(answers)), ["silent" if a == SILENT else str(a) for a in answers])
    axes.set_yticks(range(len(labels)), [str(label) for label in labels])
    axes.set(xlabel="answer", ylabel="label")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


# -- misclassified -------------------------------------------------------------------------------


def misclassified(runs: Path) -> pd.DataFrame:
    """Return the test images that are wrong by potential with the greatest margin.

    Returns
    -------
    DataFrame
        One row per image, the greatest margin first, the first of equals in file order: `image`
        (in the test set), `label`, `answer` by potential, `answer_spikes` (SILENT, -1, where no
        output neuron spiked), `margin` (a2 of the answer minus that of the label), `wrong` (how
        many are wrong in all), `images` (how many there are), and the binary pixels p0_0 … (row,
        column).

    Raises
    ------
    RunDirectoryError
        If the run is missing or unfinished, or its weights do not give its accuracies.
    """
    given = _answers(finished_run(runs, _RUN))
    each = np.arange(len(given.labels))
    margin = given.a2[each, given.potential] - given.a2[each, given.labels]
    wrong = np.flatnonzero(given.potential != given.labels)
    shown = wrong[np.argsort(-margin[wrong], kind="stable")][:SHOWN]
    table = pd.DataFrame(
        {
            "image": shown,
            "label": given.labels[shown],
            "answer": given.potential[shown],
            "answer_spikes": given.spikes[shown],
            "margin": margin[shown],
            "wrong": len(wrong),
            "images": len(each),
        }
    )
    pixels = given.dataset.test.inputs[shown]
    return table.join(pixel_columns(pixels, given.dataset.image_shape))


@style.applied()
def draw_misclassified(numbers: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Draw the images, 183 mm wide, below each its label and the answer."""
    rows = max(-(-len(numbers) // _COLUMNS), 1)
    pitch = style.DOUBLE_COLUMN / _COLUMNS
    height = _ABOVE + rows * (pitch + _BELOW)
    panels = placed(axes, 1, style.DOUBLE_COLUMN, height,
                    lambda figure: [figure.add_axes((0, 0, 1, 1))])  # fmt: skip
    axes = panels[0]
    axes.set_axis_off()
    for place, (row, pixels) in enumerate(
        zip(numbers.itertuples(), images_of(numbers), strict=True)
    ):
        left = place % _COLUMNS * pitch + _GAP / 2
        top = _ABOVE + place // _COLUMNS * (pitch + _BELOW)
        size = pitch - _GAP
        axes.imshow(
            pixels, cmap="Greys", vmin=0, vmax=1, interpolation="none",
            extent=(left, left + size, top + size, top), label=f"image {row.image}",
        )  # fmt: skip
        axes.text(left + size / 2, top + size + 0.4, f"{row.label} → {row.answer}", ha="center",
                  va="top", fontsize=6.5, label="label and answer")  # fmt: skip
    axes.set(xlim=(0, style.DOUBLE_COLUMN), ylim=(height, 0),
             aspect="auto" if panels.own else "equal")  # fmt: skip
    wrong, images = numbers[["wrong", "images"]].iloc[0] if len(numbers) else (0, 0)
    axes.text(
        _GAP / 2, 1.2, f"{len(numbers)} of the {wrong} wrong answers by potential to {images:,} "
        "test images, greatest margin first (label → answer)", va="top",
    )  # fmt: skip
    return panels.figure


# -- sparsity ------------------------------------------------------------------------------------


def sparsity(runs: Path) -> pd.DataFrame:
    """Return how many spikes a sample has and which share of a population fires: mean over seeds.

    Returns
    -------
    DataFrame
        One row per population and phase in which it may fire, and, if these are several, one with
        the phase "all": `population`, `neurons`, `phase`, `spikes_first` and `spikes_last` (spikes
        of a sample, mean over the training samples up to the first evaluation, and between the last
        two), `active_first` and `active_last` (percent of its neurons, in that phase; of "all": of
        its neurons in all phases of the sample), `epoch_first`, `epoch_last`, `runs` (seeds).
        The last row, population "all", holds the whole circuit.

    Raises
    ------
    RunDirectoryError
        If no seed is finished, or a run's spike counts do not fit its circuit.
    """
    found = finished_seeds(runs, MNIST)
    circuit = assemble(found[0].experiment).circuit
    sizes = circuit.population_sizes
    first, last = (
        sum(per_sample) / len(found)
        for per_sample in zip(*(_spikes_of_a_sample(run) for run in found), strict=True)
    )
    may_fire = firing_table(circuit)
    rows = []
    for name in sizes:
        if name not in first.index:
            raise RunDirectoryError(
                f"{found[0].path / SPIKE_COUNTS}: lacks the population '{name}'; train again"
            )
        for phase in may_fire[name]:
            pair = first.loc[name, phase], last.loc[name, phase]
            rows.append(
                (name, sizes[name], str(phase), *pair, *(100 * n / sizes[name] for n in pair))
            )
        if len(may_fire[name]) > 1:
            whole = first.loc[name], last.loc[name]
            rows.append(_whole(name, sizes[name], *whole, circuit.n_phases))
    rows.append(_whole("all", sum(sizes.values()), first, last, circuit.n_phases))
    table = pd.DataFrame(
        rows,
        columns=["population", "neurons", "phase", "spikes_first", "spikes_last", "active_first",
                 "active_last"],
    )  # fmt: skip
    epochs = found[0].spike_counts["epoch"]
    return table.assign(epoch_first=epochs.min(), epoch_last=epochs.max(), runs=len(found))


def _whole(
    name: str, neurons: int, first: pd.Series | pd.DataFrame, last: pd.Series | pd.DataFrame,
    n_phases: int,
) -> tuple:  # fmt: skip
    """Return a row over all phases."""
    pair = float(first.to_numpy().sum()), float(last.to_numpy().sum())
    return name, neurons, "all", *pair, *(100 * n / (neurons * n_phases) for n in pair)


def _spikes_of_a_sample(run: Run) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return spikes per sample, population by phase: up to the first and the last evaluation."""
    counts, training = run.spike_counts, run.metrics[run.metrics["split"] == "train"]
    samples = training.set_index("epoch")["samples"]
    if counts.empty or set(counts["epoch"]) != set(samples.index):
        raise RunDirectoryError(
            f"{run.path / SPIKE_COUNTS}: does not count the spikes of every evaluation; train "
            "again with the circuit"
        )
    first, last = (
        counts[counts["epoch"] == epoch].pivot(index="population", columns="phase", values="spikes")
        / samples[epoch]
        for epoch in (samples.index.min(), samples.index.max())
    )
    return first, last


ENTRIES = (
    Entry(
        name="confusion",
        group=PAPER,
        title="Confusion matrix of the MNIST test set",
        caption="Number of the 10,000 test images with each label that got each answer, after the "
        "last epoch of the run with seed 0, read out from the potential and from the spikes of "
        "the output layer (the first neuron that spiked; a silent layer counts as 0). Wrong "
        "answers are coloured.",
        numbers=confusion,
        draw=draw_confusion,
        svg=True,
    ),
    Entry(
        name="misclassified",
        group=PAPER,
        title="Misclassified digits",
        caption="Test images that the network of seed 0 classifies wrongly by potential after the "
        "last epoch, as it receives them: cropped and binary. Shown are those for which the "
        "answer exceeds the label by the largest margin.",
        numbers=misclassified,
        draw=draw_misclassified,
    ),
    Entry(
        name="table_sparsity",
        group=PAPER,
        title="Sparsity: fraction of each population that fires, by phase",
        caption="Spikes of a training sample and the fraction of neurons that fire, in the first "
        "and in the last interval between evaluations; mean over the finished MNIST runs.",
        numbers=sparsity,
    ),
)
