"""The figures and tables of the paper, in the order of the report.

All are drawn from the runs of the paper's protocol, below `runs/paper/`:

    mnist-seed0 … mnist-seed19   the spiking circuit, 60 epochs (`make paper`)
    mnist-oracle-seed0 …         the algorithm in integers with the same seeds
    mnist_paper_gates-seed0 …    the circuit with the paper's gates alone
    mnist_10x10-seed0 …          images of 10x10 pixels
    fashion-…                    Fashion-MNIST, whole or part
    inference.json               the test set through the four-phase circuit
"""

from __future__ import annotations

from ..shared.entry import Entry
from . import (
    activation,
    answers,
    concept,
    connectivity,
    fashion_curves,
    gates,
    gradient_check,
    mnist_curves,
    one_sample,
    raster,
    receptive_fields,
    tables,
    triples,
    weights,
)

__all__ = ["ENTRIES"]

ENTRIES: tuple[Entry, ...] = (
    concept.ENTRY,
    connectivity.ENTRY,
    mnist_curves.ENTRY,
    triples.ENTRY,
    fashion_curves.ENTRY,
    *raster.ENTRIES,
    activation.ENTRY,
    *tables.ENTRIES,
    *gates.ENTRIES,
    *weights.ENTRIES,
    *answers.ENTRIES,
    receptive_fields.ENTRY,
    gradient_check.ENTRY,
    one_sample.ENTRY,
)
