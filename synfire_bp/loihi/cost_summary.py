"""Energy and time of a sample, predicted from a run, in tables to print.

There are three estimates: operations alone; with every learning synapse visited in every step; and
with the parameters that were fitted to the chip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.loihi.counting import Visits
from synfire_bp.loihi.energy import (
    LEFT_OUT,
    MEASURED,
    MEASURED_SIZES,
    OPERATIONS,
    Prediction,
    compare,
    energy,
    forward_counts,
    last_counts,
    operations,
)
from synfire_bp.loihi.parameters import FITTED, FITTED_NAMES, RANGES
from synfire_bp.loihi.placement import Placement
from synfire_bp.loihi.printed import Table

__all__ = ["Costs", "cost_notes", "cost_tables", "predict"]


class Costs(NamedTuple):
    """What a sample costs.

    `training`, `inference`: operations alone; `training_bound`: with every learning synapse visited
    in every step; `fitted_training`, `fitted_inference`: with the parameters that were fitted to
    the chip (`synfire_bp.loihi.fitting.FITTED`).
    """

    training: Prediction
    inference: Prediction
    training_bound: Prediction
    fitted_training: Prediction
    fitted_inference: Prediction


def predict(
    training: Placement,
    inference: Placement,
    spike_counts: pd.DataFrame,
    metrics: pd.DataFrame,
) -> Costs:
    """Return what a sample costs, from the spikes of a run up to its last test.

    Parameters
    ----------
    training, inference : Placement
        Placements of the two circuits of the run.
    spike_counts, metrics : DataFrame
        `Run.spike_counts` and `Run.metrics`.

    Returns
    -------
    Costs
        Costs of training, and of inference on the same samples, computed from the forward part of
        training.

    Raises
    ------
    HardwareError
        If the run has no spikes, or they belong to another circuit.
    """
    counts, samples = last_counts(spike_counts, metrics)
    forward = forward_counts(inference.circuit, counts, samples)
    table = FITTED.table()

    def of_training(visits: Visits) -> pd.DataFrame:
        return operations(training.circuit, counts, training, samples, visits=visits)

    counted = operations(inference.circuit, forward, inference, samples)
    return Costs(
        energy(of_training("active"), training),
        energy(counted, inference),
        energy(of_training("all"), training),
        energy(of_training(FITTED.visited), training, table),
        energy(counted, inference, table),
    )


def cost_tables(circuit: Circuit, costs: Costs) -> Iterator[Table]:
    """Yield operations and energy by kind and by phase, and both compared with the paper."""
    kinds = [
        [name.replace("_", " ")]
        + [
            cell
            for side in (costs.training, costs.inference)
            for cell in (f"{side.terms.operations[name]:,.1f}",
                         f"{1e9 * side.terms.joules[name]:,.2f}")
        ]
        for name in OPERATIONS
    ]  # fmt: skip
    yield Table("Operations a sample", ("", "training", "nJ", "inference", "nJ"), kinds, left=1)
    phases = [
        [
            str(phase),
            circuit.phases[int(str(phase))].meaning,
            f"{row.synaptic_operations:,.0f}",
            f"{row.learning_updates:,.0f}",
            f"{1e9 * row.joules:,.1f}",
            f"{1e6 * row.seconds:,.2f}",
            str(int(row.slowest_core)),
        ]
        for phase, row in costs.training.phases.iterrows()
    ]
    heads = ("", "meaning", "synaptic operations", "learning updates", "nJ", "µs", "slowest core")
    yield Table("Phases of a training sample", heads, phases, left=2)
    rows = []
    for name, mode, prediction in (
        ("training", "training", costs.training),
        ("training, every synapse visited", "training", costs.training_bound),
        ("inference", "inference", costs.inference),
    ):
        for row in compare({mode: prediction}).itertuples():
            rows.append([name, str(row.quantity), *(f"{value:.3g}" for value in row[3:])])
    beside = ("per sample", "", "model", "paper", "model / paper")
    yield Table(f"Operations only, {_COMPARED}", beside, rows, left=2)
    yield from _fitted_tables(costs)


_COMPARED = "compared with the paper's measurement of its own network, 400-400-10"
_PARAMETER_UNITS = {"visited": (1.0, ""), "static_power": (1e3, "mW"), "management": (1e6, "µs")}


def _fitted_tables(costs: Costs) -> Iterator[Table]:
    """Yield the terms that the fit adds, and the resulting energy and time next to the paper's."""
    both = {"training": costs.fitted_training, "inference": costs.fitted_inference}
    terms = [
        ["operations", *(cell for p in both.values() for cell in _term(
            p.dynamic_joules, p.seconds - p.managing_seconds))],
        ["management and host", *(cell for p in both.values() for cell in _term(
            p.managing_joules, p.managing_seconds))],
        ["static power", *(cell for p in both.values() for cell in _term(p.static_joules, None))],
        ["total", *(cell for p in both.values() for cell in _term(p.joules, p.seconds))],
    ]  # fmt: skip
    heads = ("a sample, fitted", "training (mJ)", "ms", "inference (mJ)", "ms")
    yield Table("Terms with fitted parameters", heads, terms, left=1)
    rows = []
    for mode, prediction in both.items():
        for row in compare({mode: prediction}).itertuples():
            rows.append([f"fitted, {mode}", str(row.quantity), *(f"{v:.3g}" for v in row[3:])])
    beside = ("per sample", "", "model", "paper", "model / paper")
    yield Table(f"Fitted, {_COMPARED}", beside, rows, left=2)
    parameters = []
    for name in FITTED_NAMES:
        unit, symbol = _PARAMETER_UNITS[name]
        numbers = (getattr(FITTED, name), RANGES[name].low, RANGES[name].high)
        cells = [f"{unit * number:.3g}" for number in numbers]
        parameters.append([name.replace("_", " "), *cells, symbol, RANGES[name].why])
    of_range = ("", "fitted", "lowest", "highest", "unit", "range")
    yield Table("Fitted parameters", of_range, parameters, left=1, more=4)


def _term(joules: float, seconds: float | None) -> tuple[str, str]:
    return f"{1e3 * joules:.3g}", "" if seconds is None else f"{1e3 * seconds:.3g}"


def cost_notes(circuit: Circuit, costs: Costs) -> Iterator[str]:
    """Yield the notes that belong to predicted energy and time."""
    if circuit.sizes != MEASURED_SIZES:
        yield (
            f"The paper measured {'-'.join(map(str, MEASURED_SIZES))}; this circuit is "
            f"{'-'.join(map(str, circuit.sizes))}, so the ratios compare different networks."
        )
    yield "Paper: " + "; ".join(f"{mode}: {MEASURED[mode].source}" for mode in MEASURED) + "."
    yield (
        "Every synapse visited: an upper bound, which holds if the learning engine visits all "
        "learning synapses in every step, not only those of neurons that fire."
    )
    yield LEFT_OUT
    yield (
        "Fitted: visited (0: coincidences alone, 1: every learning synapse in every step), static "
        "power and management time of a step, to the paper's training energy, inference energy and "
        "inference time of 400-400-10 in the authors' placement; its training time is predicted. "
        "Fits to other numbers, with bands: figures/paper/table_cost_fit.csv."
    )
    training, inference = MEASURED["training"], MEASURED["inference"]
    enough = inference.unexplained_power(costs.inference)
    missing = training.joules - costs.training.dynamic_joules
    if circuit.sizes == MEASURED_SIZES and enough > 0 < missing:
        yield (
            f"Static power does not explain the gap: in inference {1e3 * enough:.1f} mW would "
            "close it; in training the same power would supply "
            f"{100 * enough * training.seconds / missing:.1f} % of the energy that operations "
            "leave unexplained."
        )
