"""E-prop reads MNIST row by row: the rows of an image come one after the other, and it is named.

As in the sequential tasks of Bellec et al. (2020), but with the circuit's binary images: a pixel
that is on makes the input of its column fire in each step of its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synfire_bp.data.datasets import Dataset
from synfire_bp.errors import DatasetError
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals.base import Outcome, PositiveInt, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.eprop.lesson import Answer, Lesson, Weights
from synfire_bp.rivals.eprop.sections import Cells, Learning, Readout
from synfire_bp.rivals.images import ImageRival
from synfire_bp.section import Section

__all__ = ["EpropRows", "RowsTask", "rows_lesson"]

_FIRST = 2
"""Step in which the first row comes; in the first two the network is at rest."""


class RowsTask(Section):
    """How an image is shown."""

    row: PositiveInt = Field(default=2, le=1000, description="Of a row, ms.")
    after: int = Field(default=3, ge=0, le=1000, description="Steps after the last row, ms.")
    window: PositiveInt = Field(
        default=10, le=10_000, description="At the end, in which the answer counts, ms."
    )
    curve: PositiveInt = Field(default=1000, description="Images of a point of the curve.")


@rival("eprop_rows")
class EpropRows(ImageRival):
    """E-prop, images row by row."""

    summary = "E-prop reads images row by row (Bellec et al. 2020)."

    task: RowsTask = RowsTask()
    cells: Cells
    readout: Readout
    learning: Learning

    def run(self, progress: WorkProgress) -> Outcome:
        """Train through all epochs, then test once."""
        from synfire_bp.rivals.eprop.network import Setup
        from synfire_bp.rivals.eprop.simulation import simulate

        data = self.images()
        order = np.concatenate(list(self.orders(data)))
        progress.begin(f"{self.name}: images", len(order) + len(data.test))
        rng = np.random.default_rng((self.seed, 5))
        shape = _shape(data)
        start = Weights.drawn(rng, shape[1], self.cells.count, data.n_classes)
        parts = (self.cells, self.readout, self.learning)
        lesson = rows_lesson(self.task, data.learnt.inputs[order], data.learnt.labels[order], shape)
        learnt = simulate(Setup(*parts, lesson, start))
        progress.reached(len(order))
        asked = rows_lesson(self.task, data.test.inputs, data.test.labels, shape)
        tested = simulate(Setup(*parts, asked, learnt.weights, learns=False))
        right = learnt.said.argmax(axis=1) == data.learnt.labels[order]
        percent = round(100 * float((tested.said.argmax(axis=1) == data.test.labels).mean()), 4)
        curve: list[Mapping[str, Any]] = [
            {"samples": end, "split": "train", "percent": round(100 * float(part.mean()), 4)}
            for end, part in _parts(right, self.task.curve)
        ]
        curve.append({"samples": len(order), "split": "test", "percent": percent})
        final = learnt.weights
        arrays = {"inputs": final.inputs, "recurrent": final.recurrent, "readout": final.readout}
        last = slice(-10_000, None)
        x = float(data.learnt.inputs[order[last]].sum(axis=1).mean()) * self.task.row
        z = float(learnt.fired[last].sum(axis=1).mean())
        return Outcome(tuple(curve), len(order), _counted(lesson, self.cells, x, z), arrays)


def rows_lesson(
    task: RowsTask,
    inputs: NDArray[np.uint8],
    labels: NDArray[np.int64],
    shape: tuple[int, int],
) -> Lesson:
    """Return a lesson that shows each image once.

    Parameters
    ----------
    task : RowsTask
        Times.
    inputs : array of uint8, shape (n, rows * columns)
        0 or 1.
    labels : array of int64, shape (n,)
        Classes from 0 to 9.
    shape : pair of int
        Rows and columns.
    """
    rows, columns = shape
    steps = _FIRST + rows * task.row + task.after
    images, pixels = np.nonzero(inputs)
    row, column = pixels // columns, pixels % columns
    starts = images * steps + _FIRST + row * task.row
    times = (starts[:, np.newaxis] + np.arange(task.row)).reshape(-1)
    neurons = np.repeat(column, task.row)
    sorted_by_time = np.argsort(times, kind="stable")
    return Lesson(
        steps, min(task.window, steps), len(inputs), times[sorted_by_time],
        neurons[sorted_by_time], columns, Answer(labels, 10),
    )  # fmt: skip


def _shape(data: Dataset) -> tuple[int, int]:
    if len(data.image_shape) != 2 or data.n_classes != 10:
        raise DatasetError(
            f"{data.name}: rows are read of images with rows and columns and 10 classes; it has "
            f"the shape {data.image_shape} and {data.n_classes} classes"
        )
    return data.image_shape[0], data.image_shape[1]


def _parts(right: NDArray[np.bool_], size: int) -> list[tuple[int, NDArray[np.bool_]]]:
    ends = range(size, len(right) + 1, size)
    return [(end, right[end - size : end]) for end in ends]


def _counted(lesson: Lesson, cells: Cells, x: float, z: float) -> Operations:
    """Count an image: x input spikes, z spikes of the cells."""
    n, n_out = cells.count, lesson.wanted.n_out
    passed = x * n + z * (n - 1 + n_out)
    return Operations(
        spikes=x + z,
        synaptic=passed + n_out * n * lesson.window,  # and the errors that come back
        learning=passed,
        neurons=(n + n_out) * lesson.steps,
        all_learning=((lesson.n_in + n - 1) * n + n * n_out) * lesson.steps,
    )
