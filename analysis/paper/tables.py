"""The tables: the literature's with our rows, accuracy, cross-check, cost on the chip.

Values of ours are marked: "simulated" is what the circuit did on a processor, "modelled" is what
its spikes would cost on the chip (`synfire_bp.loihi.energy`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from synfire_bp.model import Experiment
from synfire_bp.runs import METRIC_COLUMNS, Run

from ..shared.entry import Entry
from ..shared.output import found_table, of_this_version
from .cost_fit import ENTRIES as COST_FIT
from .cost_tables import cost_per_operation, cost_per_phase, resources
from .protocol import PAPER
from .reported import STUDY, PaperNumbers, Work, read_reported
from .results import (
    BY_SPIKES,
    MODES,
    READOUTS,
    ChipCosts,
    accuracies,
    chip_costs,
    mnist_runs,
    oracle_run,
    simulated_ms,
    weights_beside,
)
from .sides import processors
from .triples import PAPER_STATISTICS, STATISTICS

__all__ = [
    "CROSS_CHECK",
    "ENTRIES",
    "accuracy",
    "cross_check",
    "literature",
    "with_graded_errors",
]

_REPORTED, _MODELLED, _SIMULATED = "reported", "modelled", "simulated"
_COSTS = ("energy", "latency")
_GRADED, _GRADED_ERRORS = "mnist_fine_graded", "spiking circuit, graded errors"
CROSS_CHECK = "table_cross_check"

# ----------------------------------------------------------------------------------------------
# Beside the literature
# ----------------------------------------------------------------------------------------------


def literature(runs: Path) -> pd.DataFrame:
    """Return the paper's Table 1 with our rows: training, ours, inference, ours.

    Returns
    -------
    DataFrame
        `mode`, `work`, `hardware`, `method`, `network`, `energy_mj`, `latency_ms`, their product
        `energy_delay_uj_s`, `accuracy_percent` and `accuracy_potential_percent` (this study and
        ours: best of three runs in any half epoch, ours the median over all triples of our seeds,
        by argmax and by potential; of other works, whatever they read), the same `_mean` (this
        study and ours: mean of the runs at the last epoch), `costs` (what energy and
        latency are: "reported", "modelled", "simulated"), `status` of the numbers and `footnotes`
        of the paper.

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    HardwareError
        If the runs' circuit does not fit the chip.
    """
    found, paper = mnist_runs(runs), read_reported()
    chip = chip_costs(found)
    rows: list[dict[str, Any]] = []
    for mode in MODES:
        rows += [_of_the_paper(work, paper) for work in paper.works if work.mode == mode]
        rows += _ours(mode, found, chip)
    table = pd.DataFrame(rows)
    product = table["energy_mj"] * table["latency_ms"]
    table.insert(list(table).index("latency_ms") + 1, "energy_delay_uj_s", product)
    return table


def _of_the_paper(work: Work, paper: PaperNumbers) -> dict[str, Any]:
    numbers = {
        name: paper.numbers.get(f"table1.{work.key}.{name}")
        for name in (*_COSTS, "accuracy", "accuracy_potential")
    }
    letters = {"network": work.network_footnote} | {
        name.replace("_", " by "): number.footnote for name, number in numbers.items() if number
    }
    values = {
        name: np.nan if number is None or number.value is None else float(number.value)
        for name, number in numbers.items()
    }
    return {
        "mode": work.mode,
        "work": work.work,
        "hardware": work.hardware,
        "method": work.method,
        "network": work.network,
        "energy_mj": values["energy"],
        "latency_ms": values["latency"],
        "accuracy_percent": values["accuracy"],
        "accuracy_potential_percent": values["accuracy_potential"],
        "accuracy_mean_percent": (
            paper.value("text.accuracy_mean") if work.key.endswith(STUDY) else np.nan
        ),
        "accuracy_potential_mean_percent": np.nan,
        "costs": _REPORTED,
        "status": paper.numbers[f"table1.{work.key}.accuracy"].status,
        "footnotes": ", ".join(f"{where} {letter}" for where, letter in letters.items() if letter),
    }


def _ours(mode: str, found: tuple[Run, ...], chip: ChipCosts) -> list[dict[str, Any]]:
    """Return our two rows of a mode: as modelled on the chip, as simulated."""
    of_readout = dict(iter(accuracies(found).groupby("readout")))
    three = {
        (name, readout): statistic.of(of_readout[readout][statistic.column].tolist()).value
        for name, statistic in STATISTICS.items()
        for readout in READOUTS
    }
    both = {
        "mode": mode,
        "network": "-".join(map(str, found[0].experiment.network.sizes)),
        "accuracy_percent": three["best", "argmax"],
        "accuracy_potential_percent": three["best", "potential"],
        "accuracy_mean_percent": three["mean", "argmax"],
        "accuracy_potential_mean_percent": three["mean", "potential"],
        "status": _seeds(len(found), found[0].experiment.training.epochs),
        "footnotes": "",
    }
    method = "spiking circuit" if mode == "training" else "inference"
    split = "train" if mode == "training" else "test"
    modelled = {
        "work": "synfire_bp", "hardware": "Loihi, as a model", "method": method,
        "energy_mj": chip.energy_mj(mode), "latency_ms": chip.time_ms(mode), "costs": _MODELLED,
    }  # fmt: skip
    simulated = {
        "work": "synfire_bp", "hardware": f"one core of {processors(found)}", "method": method,
        "energy_mj": np.nan, "latency_ms": simulated_ms(found, split), "costs": _SIMULATED,
    }  # fmt: skip
    order = ("mode", "work", "hardware", "method", "network", "energy_mj", "latency_ms")
    return [
        {key: (both | row)[key] for key in (*order, *(both | row))}
        for row in (modelled, simulated)
    ]  # fmt: skip


def with_graded_errors(table: pd.DataFrame, figures: Path) -> pd.DataFrame:
    """Return `literature` with our row of graded errors, from the table of that study.

    The spiking circuit trained `mnist_fine_graded` with several seeds, each tested once, in the
    end: there is no best of three, since one test is no choice among half epochs.

    Parameters
    ----------
    table : DataFrame
        As from `literature`; a row of graded errors in it is made anew.
    figures : Path
        The folder of all figures.  Without the study's table in it, there is no such row.
    """
    table = table[table["method"] != _GRADED_ERRORS]
    file = figures / "learning" / f"{_GRADED}_circuit"
    found = found_table(file.parent, file.name)
    if found is None:
        return table.reset_index(drop=True)
    with of_this_version(file, "table of last tests"):
        row: dict[Any, Any] = {
            "mode": "training",
            "work": "synfire_bp",
            "hardware": "one processor core",
            "method": _GRADED_ERRORS,
            "network": "-".join(map(str, Experiment.from_file(_GRADED).network.sizes)),
            "accuracy_mean_percent": round(found["argmax_percent"].mean(), 4),
            "accuracy_potential_mean_percent": round(found["potential_percent"].mean(), 4),
            "costs": _SIMULATED,
            "status": _seeds(found["seed"].nunique(), round(found["epoch"].max())),
            "footnotes": "",
        }
    rows = table.to_dict("records")
    rows.insert(int((table["mode"] == "training").sum()), row)
    return pd.DataFrame(rows, columns=list(table))


def _seeds(n: int, epochs: int) -> str:
    return f"our {n} seed{'s' * (n != 1)}, {epochs} epoch{'s' * (epochs != 1)}"


def accuracy(runs: Path) -> pd.DataFrame:
    """Return the test accuracies over seeds, by the statistics of `triples.STATISTICS`.

    Returns
    -------
    DataFrame
        `readout` ("argmax", "potential", "spikes"), `statistic`, `seeds`; `value_percent`, and
        `low_percent`, `high_percent`, between which 95 % of all triples of seeds lie;
        `lowest_percent` and `highest_percent` over the seeds; `paper_percent` and
        `difference_points`, where the paper has that statistic.

    Raises
    ------
    RunDirectoryError
        If there is no finished run.
    """
    table, paper = accuracies(mnist_runs(runs), READOUTS | BY_SPIKES), read_reported()
    rows = []
    for readout, every in table.groupby("readout", sort=False):
        for name, statistic in STATISTICS.items():
            values = every[statistic.column]
            outcome = statistic.of(values.tolist())
            key = PAPER_STATISTICS.get((name, str(readout)))
            theirs = paper.value(key) if key else np.nan
            rows.append(
                {
                    "readout": readout,
                    "statistic": statistic.what,
                    "seeds": len(values),
                    "value_percent": outcome.value,
                    "low_percent": outcome.low,
                    "high_percent": outcome.high,
                    "lowest_percent": values.min(),
                    "highest_percent": values.max(),
                    "paper_percent": theirs,
                    "difference_points": round(outcome.value - theirs, 6),
                }
            )
    return pd.DataFrame(rows)


def cross_check(runs: Path) -> pd.DataFrame:
    """Return, seed by seed, the spiking circuit beside the algorithm in integers.

    Returns
    -------
    DataFrame
        `seed`, `epochs`; test accuracy of the circuit at the last epoch, `argmax_percent` and
        `potential_percent`, and at the best one, with the epoch; `weights_compared` and
        `weights_different` at the end of training; `scores_compared` and `scores_different` of all
        evaluations, training and test.

    Raises
    ------
    RunDirectoryError
        If there is no finished run, or one lacks its finished run of the oracle.
    """
    rows = []
    found = mnist_runs(runs)
    table = accuracies(found)
    for run in found:
        oracle, seed = oracle_run(runs, run), run.experiment.training.seed
        scores, other = (_scores(one) for one in (run, oracle))
        row: dict[str, Any] = {"seed": seed, "epochs": run.experiment.training.epochs}
        for readout in READOUTS:
            of_readout = table[(table["seed"] == seed) & (table["readout"] == readout)].iloc[0]
            row[f"{readout}_percent"] = of_readout["last"]
            row[f"{readout}_best_percent"] = of_readout["best"]
            row[f"{readout}_best_epoch"] = of_readout["best_epoch"]
        row |= weights_beside(run, oracle)
        row["scores_compared"] = scores.size
        row["scores_different"] = int((scores.to_numpy() != other.to_numpy()).sum())
        rows.append(row)
    return pd.DataFrame(rows)


def _scores(run: Run) -> pd.DataFrame:
    """Return what an engine scored, without what it took."""
    table = run.metrics.sort_values(["epoch", "split"], ignore_index=True)
    return table[[name for name in METRIC_COLUMNS if name not in ("epoch", "split", "seconds")]]


ENTRIES = [
    Entry(
        name="table_literature",
        group=PAPER,
        title="MNIST on neuromorphic hardware, with our rows",
        caption="The paper’s Table 1 and, below each half, this project twice: as it would be on "
        "the chip (energy and latency modelled from the spikes of our runs) and as the simulation "
        "on a processor (measured latency, energy not measured). Accuracy of the paper and ours: "
        "the best of three runs in any half epoch, chosen by the test images themselves, by "
        "argmax and by potential; ours is the median over all triples of our seeds. The columns "
        "“mean” give the mean of the runs at the last epoch. Energy times latency is computed "
        "here, for the paper’s numbers, too. The row with graded errors goes beyond the paper "
        "(docs/learning.md): one test, after the last epoch, from the table "
        "learning/mnist_fine_graded_circuit.csv; its time is not measured here.",
        element="Table 1",
        numbers=literature,
        completed=with_graded_errors,
    ),
    Entry(
        name="table_accuracy",
        group=PAPER,
        title="Test accuracy on MNIST over seeds",
        caption="By argmax, the authors’ readout (the first output that spikes, silence counts as "
        "class 0), by potential, and by spikes, where a silent output is wrong and k spiking "
        "outputs count 1/k. The mean of the seeds at the last epoch, and the best of three runs "
        "in any half epoch (median over all triples of seeds, chosen by the test images "
        "themselves), each with the range that contains 95 % of all triples, and the lowest and "
        "the highest seed.",
        element="Table 1, accuracy",
        numbers=accuracy,
    ),
    Entry(
        name=CROSS_CHECK,
        group=PAPER,
        title="The spiking circuit compared with the algorithm in integers",
        caption="For each seed, the circuit’s run and the oracle’s: weights at the end of training "
        "and all scores of all evaluations, compared exactly.",
        numbers=cross_check,
    ),
    Entry(
        name="table_cost_per_phase",
        group=PAPER,
        title="Energy and time of a sample by phase",
        caption="Modelled: operations counted from the spikes of our runs (mean of the seeds, "
        "last evaluation; inference: forward part of the same samples), times costs per operation "
        "of Davies et al. (2018), in our own placement; operations alone, with the learning "
        "engine visiting the synapses of neurons that fire. Measured: the paper’s Table 1, for a "
        "whole sample. The contributions that the operations leave out are fitted in the table "
        "after the next.",
        element="Table 1, energy and latency",
        numbers=cost_per_phase,
    ),
    Entry(
        name="table_cost_per_operation",
        group=PAPER,
        title="Energy of a sample by kind of operation",
        caption="Modelled, as in the table by phase.",
        numbers=cost_per_operation,
    ),
    *COST_FIT,
    Entry(
        name="table_resources",
        group=PAPER,
        title="Neurons, synapses and cores",
        caption="For both circuits, in our own placement on one chip; cores also by the rule of "
        "the authors’ code, which gives the number stated in the paper.",
        element="Table 1, network",
        numbers=resources,
    ),
]
