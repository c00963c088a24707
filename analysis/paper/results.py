"""What the paper's runs give: accuracy over seeds, time and modelled cost of a sample.

Tests of a circuit's run go through the four-phase inference circuit, so its test rows are both the
accuracy after training and the accuracy of inference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd

from synfire_bp.circuit import Circuit
from synfire_bp.errors import RunDirectoryError
from synfire_bp.loihi.placement import Placement, place
from synfire_bp.loihi.summary import Costs, predict
from synfire_bp.model import assemble
from synfire_bp.runs import Run

from .protocol import MNIST, PAPER, finished_seeds

__all__ = [
    "BY_SPIKES",
    "MODES",
    "READOUTS",
    "ChipCosts",
    "accuracies",
    "chip_costs",
    "mnist_runs",
    "oracle_run",
    "simulated_ms",
    "split_rows",
    "weights_beside",
]

MODES = ("training", "inference")
"""What a sample is shown for."""
READOUTS = {"argmax": "accuracy_argmax", "potential": "accuracy_potential"}
"""What a prediction is read from beside the paper's numbers, and its column in a run's metrics."""
BY_SPIKES = {"spikes": "accuracy_spikes"}
"""The readout that counts silence as wrong, which the paper has not."""


def mnist_runs(runs: Path) -> tuple[Run, ...]:
    """Return the finished runs of the spiking circuit on MNIST, in the order of their seeds.

    Raises
    ------
    RunDirectoryError
        As `analysis.paper.protocol.finished_seeds`.
    """
    return finished_seeds(runs, MNIST)


def oracle_run(runs: Path, circuit_run: Run) -> Run:
    """Return the run of the algorithm in integers that a circuit's run is checked against.

    Raises
    ------
    RunDirectoryError
        If it is missing, unfinished, or of another model, seed or engine.
    """
    seed = circuit_run.experiment.training.seed
    path = runs / PAPER / f"mnist-oracle-seed{seed}"
    if not path.exists():
        raise RunDirectoryError(
            f"{path}: no such run; make it with: make paper, or alone with: synfire-bp train "
            f"mnist --engine oracle --seed {seed} --out {path}"
        )
    run = Run.open(path)
    if run.engine != "oracle":
        raise RunDirectoryError(
            f"{path}: was trained by the engine '{run.engine}', not by the oracle; remove the "
            "folder, then: make paper"
        )
    if not run.finished:
        raise RunDirectoryError(f"{path}: the training is unfinished; go on with: make paper")
    here, there = (_decisive(one) for one in (run, circuit_run))
    if differ := [key for key in there if here.get(key) != there[key]]:
        raise RunDirectoryError(
            f"{path}: differs from {circuit_run.path} in {', '.join(differ)}; remove the folder, "
            "then: make paper"
        )
    return run


def weights_beside(run: Run, other: Run) -> dict[str, int]:
    """Return how many weights two runs end with, and how many of them differ."""
    here, there = run.weights, other.weights
    layers = [name for name in here if not name.endswith("_init")]
    return {
        "weights_compared": sum(here[name].size for name in layers),
        "weights_different": sum(int((here[name] != there[name]).sum()) for name in layers),
    }


def _decisive(run: Run) -> dict[str, object]:
    return run.experiment.decisive() | {"training.epochs": run.experiment.training.epochs}


# ----------------------------------------------------------------------------------------------
# Accuracy and time
# ----------------------------------------------------------------------------------------------


def accuracies(
    runs: Sequence[Run], readouts: Mapping[str, str] = MappingProxyType(READOUTS)
) -> pd.DataFrame:
    """Return the test accuracies of runs, at the last epoch and at the best one.

    Returns
    -------
    DataFrame
        One row per run and readout: `seed`, `readout`, `last` and `best` (percent), `best_epoch`
        (the first of equals).  The best epoch is chosen by the test set itself.

    Raises
    ------
    RunDirectoryError
        If a run was never tested.
    """
    rows = []
    for run in runs:
        tests = split_rows(run)
        for readout, column in readouts.items():
            best = tests.iloc[int(tests[column].to_numpy().argmax())]
            rows.append(
                {
                    "seed": run.experiment.training.seed,
                    "readout": readout,
                    "last": _percent(tests[column].iloc[-1]),
                    "best": _percent(best[column]),
                    "best_epoch": best["epoch"],
                }
            )
    return pd.DataFrame(rows)


def _percent(fraction: float) -> float:
    return round(100 * fraction, 6)  # 95.9, not 95.89999999999999


def split_rows(run: Run, split: str = "test") -> pd.DataFrame:
    """Return the rows of one split of a run's metrics, by epoch.

    Raises
    ------
    RunDirectoryError
        If there are none.
    """
    table = run.metrics
    table = table[table["split"] == split].sort_values("epoch", ignore_index=True)
    if table.empty:
        raise RunDirectoryError(
            f"{run.path}: its metrics have no row of the split '{split}'; train again, into "
            "another --out"
        )
    return table


def simulated_ms(runs: Sequence[Run], split: str) -> float:
    """Return the time of a sample in the simulation, in ms: median over all evaluations of runs.

    Parameters
    ----------
    runs : sequence of Run
        Of one engine.
    split : str
        "train": the twelve steps of training; "test": the four of inference.  Both with what
        starting the program takes.
    """
    rows = pd.concat([split_rows(run, split) for run in runs])
    return round(float(1e3 * (rows["seconds"] / rows["samples"]).median()), 6)


# ----------------------------------------------------------------------------------------------
# The chip
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ChipCosts:
    """What a sample costs on the chip, modelled from the spikes of each run.

    Attributes
    ----------
    training, inference : Placement
        Of the two circuits.
    costs : tuple of Costs
        One per run.
    """

    training: Placement
    inference: Placement
    costs: tuple[Costs, ...]

    def circuit(self, mode: str) -> Circuit:
        """Return the circuit of a mode, "training" or "inference"."""
        return self._placement(mode).circuit

    def phases(self, mode: str) -> pd.DataFrame:
        """Return `Prediction.phases` of a mode, mean over the runs, without the slowest core."""
        tables = [
            getattr(cost, mode).phases.drop(columns="slowest_core").astype(float)
            for cost in self.costs
        ]
        return sum(tables[1:], tables[0]) / len(tables)

    def terms(self, mode: str) -> pd.DataFrame:
        """Return `Prediction.terms` of a mode, mean over the runs."""
        tables = [getattr(cost, mode).terms for cost in self.costs]
        return sum(tables[1:], tables[0]) / len(tables)

    def energy_mj(self, mode: str) -> float:
        """Return the energy of a sample in mJ, mean over the runs."""
        return float(1e3 * np.mean([getattr(cost, mode).joules for cost in self.costs]))

    def time_ms(self, mode: str) -> float:
        """Return the time of a sample in ms, mean over the runs."""
        return float(1e3 * np.mean([getattr(cost, mode).seconds for cost in self.costs]))

    def _placement(self, mode: str) -> Placement:
        return {"training": self.training, "inference": self.inference}[mode]


def chip_costs(runs: Sequence[Run]) -> ChipCosts:
    """Model what a sample costs on the chip, from the spikes that each run counted.

    Parameters
    ----------
    runs : sequence of Run
        Of one network.

    Raises
    ------
    HardwareError
        If the circuit does not fit the chip, or a run has no spikes of it.
    """
    model = assemble(runs[0].experiment)
    training, inference = place(model.circuit), place(model.inference.circuit)
    costs = tuple(predict(training, inference, run.spike_counts, run.metrics) for run in runs)
    return ChipCosts(training, inference, costs)
