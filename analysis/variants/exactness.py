"""Which neurons in millivolts learn bit for bit as the algorithm in integers does.

Trained when the table is written: the first samples of the digits, by the circuit with each kind of
neurons and by the algorithm, from the same weights.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from synfire_bp.engines.base import training_split
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.model import Experiment, Model, assemble
from synfire_bp.training import dataset_of
from synfire_bp.training.schedule import epoch_order
from synfire_bp.variants import Neuron

from ..shared.entry import Entry
from ..shared.markdown import markdown
from .study import FOLDER

__all__ = ["BEGIN", "CASES", "END", "ENTRY", "Case", "numbers", "table"]

BEGIN = "<!-- begin of the table: figures/variants/table_exactness.csv -->"
END = "<!-- end of the table of exactness -->"

REFERENCE = "variants/digits_symmetric"
"""The circuit in whole numbers, whose algorithm all are compared with."""
SAMPLES = 500


@dataclass(frozen=True)
class Case:
    """A kind of neurons: in words, its model, and what is changed in it."""

    neurons: str
    model: str
    changes: tuple[str, ...] = ()


_LIF = "variants/digits_lif"
CASES = (
    Case("delta synapses, membrane 0.5 ms", _LIF),
    Case("exponential synapses of 0.1 ms, membrane 0.4 ms", "variants/digits_lif_exponential"),
    Case("delta synapses, membrane 1.0 ms", _LIF, ("neuron.membrane_time=1.0",)),
    Case("delta synapses, membrane 1.25 ms", _LIF, ("neuron.membrane_time=1.25",)),
    Case("delta synapses, membrane 0.5 ms with 1 µV of noise", _LIF,
         ("neuron.membrane_noise=0.001",)),
)  # fmt: skip


def numbers(samples: int = SAMPLES, cases: tuple[Case, ...] = CASES) -> pd.DataFrame:
    """Train, compare, and return one row per kind of neurons.

    Returns
    -------
    DataFrame
        `neurons`, `model`, `changes`, `samples`; `left`, what is left of the largest sum one phase
        later, in weight units (below 1: equality is guaranteed, unless there is noise); `compared`,
        weights of all copies, and how many of them are `different` in the end.
    """
    return pd.DataFrame([_row(case, samples) for case in cases])


def _row(case: Case, samples: int) -> dict[str, Any]:
    model = _model(case.model, *case.changes, f"training.samples={samples}")
    reference = _model(REFERENCE, f"training.samples={samples}")
    dataset = dataset_of(model)
    order = epoch_order(model.seed, 0, len(training_split(model, dataset)))
    right = OracleEngine(reference, dataset).train(reference.start, order).weights
    with closing(CircuitEngine(model, dataset, uses=["train"])) as engine:
        copies = engine.train(model.start, order).copies
    neuron = next(v for v in model.experiment.variants if isinstance(v, Neuron))
    return {
        "neurons": case.neurons,
        "model": case.model,
        "changes": " ".join(case.changes),
        "samples": samples,
        "left": neuron.mapping.left,
        "compared": sum(matrix.size for matrix in copies.values()),
        "different": sum(
            int(np.count_nonzero(matrix != right[row.layer])) for row, matrix in copies.items()
        ),
    }


def _model(name: str, *changes: str) -> Model:
    return assemble(Experiment.from_file(name, overrides=changes))


def table(numbers: pd.DataFrame) -> str:
    """Return the table as Markdown."""
    rows = [
        [
            row["neurons"],
            f"{row['left']:.2f}",
            f"{row['samples']:,}",
            f"{row['different']:,} of {row['compared']:,}",
        ]
        for row in numbers.to_dict("records")
    ]
    heads = ["neurons", "left after a phase", "training samples", "weights different"]
    return markdown(heads, rows) + "\n"


ENTRY = Entry(
    name="table_exactness",
    group=FOLDER,
    title="Neurons in millivolts that learn the same weights bit for bit",
    caption=(
        "Weights of all copies that differ from those of the algorithm in integers after "
        f"{SAMPLES} samples of the digits; next to it, what is left of the largest sum one phase "
        "later, in weight units.  Trained when the table is made."
    ),
    numbers=lambda runs: numbers(),
    alone=True,
)
