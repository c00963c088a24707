"""Every number that the paper reports of its own work, with ours beside it and a verdict.

A number that we have no run for stays in the table, not comparable, with the reason.  The works
that the paper compares itself with are in the literature table (`analysis.paper.tables`): there is
nothing of theirs to reproduce.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from synfire_bp.model import assemble
from synfire_bp.runs import Run

from .reported import STUDY, PaperNumbers, Reported
from .results import simulated_ms, split_rows
from .sides import Sides, processors, samples_an_epoch, tested_images
from .verdicts import Verdict, accuracy_tolerance, judge, not_comparable

__all__ = ["COLUMNS", "Row", "compare", "foreign"]

COLUMNS = (
    "group", "key", "what", "how", "unit", "paper", "ours", "difference", "tolerance", "verdict",
    "why", "source", "status",
)  # fmt: skip

_TRAINING, _INFERENCE = f"table1.training.{STUDY}", f"table1.inference.{STUDY}"
_MODELLED = "modelled"
_SIMULATED = "simulated"
_PIXELS = {0.5: "threshold05", 0.4: "threshold04", 0.6: "threshold06"}
"""Part of a key by threshold of a pixel."""
_FASHION_COLUMNS = {
    "exact": "exact",
    "accuracy": "accuracy_argmax",
    "accuracy_potential": "accuracy_potential",
}
_FASHION_WORDS = {
    "exact": "all outputs right",
    "accuracy": "by argmax",
    "accuracy_potential": "by potential",
}


@dataclass(frozen=True)
class Row:
    """One number of ours beside one of the paper's.

    Attributes
    ----------
    group : str
        Heading that it stands under.
    key : str
        The paper's number; empty if it follows from others (`paper`).
    what, how : str
        What is compared; how ours came about.
    ours : float or None
        In the paper's unit; None if there is none.
    verdict : Verdict
        What follows.
    paper : float or None
        Instead of a key.
    unit : str
        Instead of a key's.
    """

    group: str
    key: str
    what: str
    how: str
    ours: float | None
    verdict: Verdict
    paper: float | None = None
    unit: str = ""


def compare(runs: Path, paper: PaperNumbers) -> pd.DataFrame:
    """Set our numbers beside the paper's.

    Parameters
    ----------
    runs : Path
        The folder of all runs.
    paper : PaperNumbers
        The paper's numbers.

    Returns
    -------
    DataFrame
        One row per comparison, columns `COLUMNS`; `ours`, `difference` (ours minus the paper's)
        and `tolerance` are missing where there is none.
    """
    sides = Sides(runs, paper)
    rows = [row for part in _PARTS for row in part(sides)]
    return pd.DataFrame([_record(row, paper) for row in rows], columns=list(COLUMNS))


def foreign(key: str) -> bool:
    """Return whether a number is of a work that the paper compares itself with."""
    return key.startswith("table1.") and key.split(".")[2] != STUDY


def _record(row: Row, paper: PaperNumbers) -> tuple:
    number = paper.numbers[row.key] if row.key else _derived(row)
    theirs = np.nan if number.value is None else float(number.value)
    ours = np.nan if row.ours is None else float(row.ours)
    tolerance = np.nan if row.verdict.tolerance is None else row.verdict.tolerance
    return (
        row.group, row.key, row.what, row.how, number.unit, theirs, ours, ours - theirs, tolerance,
        row.verdict.word, row.verdict.why, number.source, number.status,
    )  # fmt: skip


def _derived(row: Row) -> Reported:
    return Reported("", row.paper, row.unit, "derived from Table 1", row.what, "confirmed")


# ----------------------------------------------------------------------------------------------
# Groups of rows
# ----------------------------------------------------------------------------------------------


def _protocol(sides: Sides) -> Iterator[Row]:
    group = "Protocol"
    settings: dict[str, tuple[str, Callable[[Run], float]]] = {
        "inputs": ("inputs", lambda run: run.experiment.network.sizes[0]),
        "hidden": ("hidden units", lambda run: run.experiment.network.sizes[1]),
        "outputs": ("outputs", lambda run: run.experiment.network.sizes[2]),
        "epochs": ("epochs", lambda run: run.experiment.training.epochs),
        "samples": ("training samples an epoch", samples_an_epoch),
        "evaluate_every": ("tested every", lambda run: run.experiment.training.evaluate_every),
        "steps_training": (
            "time steps of a training sample",
            lambda run: assemble(run.experiment).circuit.n_phases,
        ),
        "steps_inference": (
            "time steps of an inference sample",
            lambda run: assemble(run.experiment).inference.circuit.n_phases,
        ),
    }  # fmt: skip
    for name, (what, setting) in settings.items():
        key = f"protocol.{name}"
        if not sides.mnist:
            yield _missing(group, key, what, sides.missing)
            continue
        ours, theirs = setting(sides.mnist[0]), sides.paper.value(key)
        same = judge(ours, theirs, 0)
        verdict = same if ours == theirs else not_comparable("another protocol than the paper’s")
        yield Row(group, key, what, "setting of our runs", ours, verdict)
    key = "protocol.runs"
    if not sides.mnist:
        yield _missing(group, key, "training runs", sides.missing)
        return
    n = len(sides.mnist)
    verdict = judge(n, sides.paper.value(key), 0)
    yield Row(group, key, "training runs", "finished runs, one per seed", n, verdict)


_STATISTICS: dict[str, tuple[str, str, Callable[[pd.Series], float]]] = {
    "last epoch, median": ("last", "", pd.Series.median),
    "best epoch, median": (
        "best",
        "best epoch: chosen by the test images themselves",
        pd.Series.median,
    ),
    "best epoch, best seed": (
        "best",
        "best epoch: chosen by the test images themselves",
        pd.Series.max,
    ),
}
_OPEN = "whether the paper means the last epoch or the best is open"
_BRACKETS = "that footnote b means the potential is our reading"


def _accuracy(sides: Sides) -> Iterator[Row]:
    group = "MNIST, test accuracy"
    names = {"argmax": "accuracy", "potential": "accuracy_potential"}
    for readout, name in names.items():
        what = f"by {readout}"
        for how, (column, why, statistic) in _STATISTICS.items():
            key = f"{_TRAINING}.{name}"
            if not sides.mnist:
                yield _missing(group, key, what, sides.missing)
                break
            why = "; ".join(filter(None, (_OPEN, why, _BRACKETS * (readout == "potential"))))
            yield _accuracy_row(sides, group, key, what, how, column, readout, statistic, why)
    for readout, name in names.items():
        how = "last epoch, median"
        what, key = f"inference, by {readout}", f"{_INFERENCE}.{name}"
        if not sides.mnist:
            yield _missing(group, key, what, sides.missing)
            continue
        why = "every test of a run is inference by the four-phase circuit"
        column, _, statistic = _STATISTICS[how]
        yield _accuracy_row(sides, group, key, what, how, column, readout, statistic, why)
    key, what = "preprint.accuracy", "by argmax, first preprint"
    if not sides.mnist:
        yield _missing(group, key, what, sides.missing)
        return
    how = "last epoch, median"
    yield _accuracy_row(sides, group, key, what, how, "last", "argmax", pd.Series.median,
                        "recalled, not confirmed")  # fmt: skip


def _accuracy_row(
    sides: Sides, group: str, key: str, what: str, how: str, column: str, readout: str,
    statistic: Callable[[pd.Series], float], why: str,
) -> Row:  # fmt: skip
    table = sides.accuracy
    ours = float(statistic(table.loc[table["readout"] == readout, column]))
    how = f"{how} (seeds: {len(sides.mnist)})"
    if sides.other_protocol:
        return Row(group, key, what, how, ours, not_comparable(sides.other_protocol))
    theirs = sides.paper.value(key)
    tolerance = accuracy_tolerance(theirs, tested_images(sides.mnist[0]))
    return Row(group, key, what, how, ours, judge(ours, theirs, tolerance, why=why))


def _cost(sides: Sides) -> Iterator[Row]:
    group = "Energy and time of a sample"
    parts = (
        ("training", _TRAINING, "text.latency_training", "train"),
        ("inference", _INFERENCE, "text.latency_inference", "test"),
    )
    for mode, prefix, text, split in parts:
        energy, latency = f"{prefix}.energy", f"{prefix}.latency"
        names = {energy: "energy", latency: "time", text: "time, as in the text"}
        if sides.chip is None:
            for key, name in names.items():
                yield _missing(group, key, f"{mode}: {name}", sides.missing)
            continue
        mj, ms = sides.chip.energy_mj(mode), sides.chip.time_ms(mode)
        theirs = {key: sides.paper.value(key) for key in names}
        product = theirs[energy] * theirs[latency]
        modelled = (
            (energy, names[energy], mj, theirs[energy], ""),
            (latency, names[latency], ms, theirs[latency], ""),
            (text, names[text], ms, theirs[text], ""),
            ("", "energy times time", mj * ms, product, "µJ s"),
        )
        for key, name, ours, paper, unit in modelled:
            verdict = _model(ours, paper, sides.other_protocol)
            yield Row(group, key, f"{mode}: {name}", _MODELLED, ours, verdict, paper, unit)
        cpu = simulated_ms(sides.mnist, split)
        why = (
            f"{_times(cpu, theirs[latency])} what was measured on the chip; ours is the time of "
            f"the simulation on one core of {processors(sides.mnist)}"
        )
        yield Row(group, latency, f"{mode}: time", _SIMULATED, cpu, not_comparable(why))


def _model(ours: float, theirs: float, other_protocol: str) -> Verdict:
    why = (
        f"{_times(ours, theirs)} what was measured on the chip; a model of our spikes in our own "
        "placement, without static power, host, input and output"
    )
    return not_comparable("; ".join(filter(None, (why, other_protocol))))


def _times(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2g} times"


def _fashion(sides: Sides) -> Iterator[Row]:
    group = "Fashion-MNIST, test images (authors’ NumPy shortcut)"
    runs, why_not = sides.fashion(0.5)
    settings: dict[str, tuple[str, Callable[[Run], float]]] = {
        "inputs": ("inputs", lambda run: run.experiment.network.sizes[0]),
        "hidden": ("hidden units", lambda run: run.experiment.network.sizes[1]),
        "outputs": ("outputs", lambda run: run.experiment.network.sizes[2]),
        "epochs": ("epochs", lambda run: run.experiment.training.epochs),
    }
    for name, (what, setting) in settings.items():
        key = f"fashion.{name}"
        if not runs:
            yield _missing(group, key, what, why_not)
            continue
        ours, theirs = setting(runs[0]), sides.paper.value(key)
        same = judge(ours, theirs, 0)
        verdict = same if ours == theirs else not_comparable("another protocol than the authors’")
        yield Row(group, key, what, "setting of our runs", ours, verdict)
    for threshold, part in _PIXELS.items():
        runs, why_not = sides.fashion(threshold)
        for name, column in _FASHION_COLUMNS.items():
            key = f"fashion.{part}.{name}"
            what = f"threshold {threshold:g}, {_FASHION_WORDS[name]}"
            if not runs:
                yield _missing(group, key, what, why_not)
                continue
            yield _fashion_row(sides.paper, group, key, what, runs, column)


def _fashion_row(
    paper: PaperNumbers, group: str, key: str, what: str, runs: tuple[Run, ...], column: str
) -> Row:
    theirs, epochs = paper.value(key), paper.value("fashion.epochs")
    run = runs[0]
    tests = [split_rows(one) for one in runs]
    at = min(epochs, run.experiment.training.epochs)
    until = [table.loc[table["epoch"] <= at + 1e-9, column] for table in tests]
    ours = float(100 * np.median([values.iloc[-1] for values in until]))
    how = f"epoch {at:g}, median (seeds: {len(runs)})"
    sizes = tuple(paper.value(f"fashion.{name}") for name in ("inputs", "hidden", "outputs"))
    unlike = []
    if run.experiment.dataset.name != "fashion-mnist":
        unlike.append(
            f"trained on {samples_an_epoch(run):,} and tested on {tested_images(run):,} images "
            "of 60,000 and 10,000"
        )
    elif samples_an_epoch(run) != 60_000:
        unlike.append(f"trained on {samples_an_epoch(run):,} of 60,000 images")
    if tuple(run.experiment.network.sizes) != sizes:
        unlike.append(f"network {'-'.join(map(str, run.experiment.network.sizes))}")
    if at != epochs:
        unlike.append(f"{at:g} instead of {epochs:g} epochs")
    if unlike:
        return Row(group, key, what, how, ours, not_comparable("; ".join(unlike)))
    tolerance = accuracy_tolerance(theirs, tested_images(run))
    why = "ours: the spiking circuit, which learns W1 through W2 before its update"
    return Row(group, key, what, how, ours, judge(ours, theirs, tolerance, why=why))


def _reduced(sides: Sides) -> Iterator[Row]:
    group = "MNIST reduced to 10 × 10 pixels"
    why = "not run: the paper’s protocol has no such network; how it was reduced is not known"
    yield Row(group, "reduced.inputs", "inputs", "", None, not_comparable(why))
    yield Row(group, "reduced.accuracy", "test accuracy, about", "", None, not_comparable(why))


_OWN: dict[str, tuple[str, str, str, Callable[[pd.Series], float]]] = {
    "accuracy_last_low": ("argmax", "last", "lowest seed", pd.Series.min),
    "accuracy_last_high": ("argmax", "last", "highest seed", pd.Series.max),
    "accuracy_best_low": ("argmax", "best", "lowest seed", pd.Series.min),
    "accuracy_best_high": ("argmax", "best", "highest seed", pd.Series.max),
    "accuracy_best_mean": ("argmax", "best", "mean of the seeds", pd.Series.mean),
    "potential_last_low": ("potential", "last", "lowest seed", pd.Series.min),
    "potential_last_high": ("potential", "last", "highest seed", pd.Series.max),
}


def _own(sides: Sides) -> Iterator[Row]:
    group = "Spread over seeds (algorithm in integers, earlier)"
    settings = {
        "seeds": lambda: len(sides.mnist),
        "epochs": lambda: sides.mnist[0].experiment.training.epochs,
    }
    for name, setting in settings.items():
        key = f"own.{name}"
        if not sides.mnist:
            yield _missing(group, key, name, sides.missing)
            continue
        ours, theirs = setting(), sides.paper.value(key)
        same = judge(ours, theirs, 0)
        verdict = same if ours == theirs else not_comparable(f"another number of {name}")
        yield Row(group, key, name, "our runs", ours, verdict)
    for name, (readout, column, who, statistic) in _OWN.items():
        key, what = f"own.{name}", f"by {readout}, {column} epoch, {who}"
        if not sides.mnist:
            yield _missing(group, key, what, sides.missing)
            continue
        how = "the spiking circuit"
        why = "ours was tested each half epoch, the earlier each epoch" * (column == "best")
        yield _accuracy_row(sides, group, key, what, how, column, readout, statistic, why)


def _missing(group: str, key: str, what: str, why: str) -> Row:
    return Row(group, key, what, "", None, not_comparable(why))


_PARTS = (_accuracy, _cost, _protocol, _fashion, _reduced, _own)
