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

from synfire_bp.loihi.authors import place_as_authors
from synfire_bp.model import assemble
from synfire_bp.runs import Run

from .reported import STUDY, PaperNumbers, Reported
from .results import READOUTS, accuracies, simulated_ms, split_rows
from .sides import Sides, processors, samples_an_epoch, tested_images
from .triples import LEAST, STATISTICS, Statistic
from .verdicts import ABOUT, Verdict, accuracy_tolerance, judge, judge_range, not_comparable

__all__ = ["COLUMNS", "Row", "compare", "foreign"]

COLUMNS = (
    "group", "key", "what", "how", "unit", "paper", "ours", "low", "high", "difference",
    "tolerance", "verdict", "why", "source", "status",
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
    low, high : float
        Ends of the range of ours, if it has one.
    """

    group: str
    key: str
    what: str
    how: str
    ours: float | None
    verdict: Verdict
    paper: float | None = None
    unit: str = ""
    low: float = np.nan
    high: float = np.nan


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
        row.group, row.key, row.what, row.how, number.unit, theirs, ours, row.low, row.high,
        ours - theirs, tolerance, row.verdict.word, row.verdict.why, number.source, number.status,
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


_BRACKETS = "that footnote b means the potential is our reading"
_ALSO_BEST = f"{_BRACKETS}; whether it is a best of three too is open"
_ACCURACIES: tuple[tuple[str, str, str, str], ...] = (
    ("text.accuracy_mean", "argmax", "mean", ""),
    (f"{_TRAINING}.accuracy", "argmax", "best", ""),
    (f"{_TRAINING}.accuracy_potential", "potential", "best", _ALSO_BEST),
    (f"{_TRAINING}.accuracy_potential", "potential", "mean", _ALSO_BEST),
    (f"{_INFERENCE}.accuracy", "argmax", "best", "every test is one of the four-phase circuit"),
    (f"{_INFERENCE}.accuracy_potential", "potential", "best", _ALSO_BEST),
)
"""Number of the paper, readout, statistic of three runs (`triples.STATISTICS`), what is open."""


def _accuracy(sides: Sides) -> Iterator[Row]:
    group = "MNIST, test accuracy"
    for key, readout, name, why in _ACCURACIES:
        what = f"inference, by {readout}" if key.startswith(_INFERENCE) else f"by {readout}"
        if not sides.mnist:
            yield _missing(group, key, what, sides.missing)
            continue
        yield _accuracy_row(sides, group, key, what, readout, STATISTICS[name], why)


def _accuracy_row(
    sides: Sides, group: str, key: str, what: str, readout: str, statistic: Statistic, why: str
) -> Row:
    rows = sides.accuracy[sides.accuracy["readout"] == readout]
    outcome, theirs = statistic.of(rows[statistic.column].tolist()), sides.paper.value(key)
    how = f"{statistic.what} (seeds: {len(rows)})"
    share = f"{100 * outcome.reaching(theirs):.0f} % of all triples of our seeds come to {theirs:g}"
    why = "; ".join(filter(None, (share, why)))
    if sides.other_protocol:
        verdict = not_comparable(sides.other_protocol)
    elif len(rows) < LEAST:
        verdict = not_comparable(f"a range of triples needs {LEAST} seeds; there are {len(rows)}")
    else:
        verdict = judge_range(outcome.value, outcome.low, outcome.high, theirs, why=why)
    return Row(group, key, what, how, outcome.value, verdict, low=outcome.low, high=outcome.high)


def _cores(sides: Sides, group: str) -> Row:
    key, what = "text.cores_training", "cores of the training network"
    if not sides.mnist:
        return _missing(group, key, what, sides.missing)
    ours = place_as_authors(assemble(sides.mnist[0].experiment).circuit).n_cores
    same = judge(ours, sides.paper.value(key), 0)
    verdict = same if ours == sides.paper.value(key) else not_comparable("another network")
    return Row(group, key, what, "our circuit, placed by the authors’ rule", ours, verdict)


def _cost(sides: Sides) -> Iterator[Row]:
    group = "Energy and time of a sample"
    yield _cores(sides, group)
    parts = (
        ("training", _TRAINING, "text.latency_training", "train"),
        ("inference", _INFERENCE, "text.latency_inference", "test"),
    )
    for mode, prefix, text, split in parts:
        energy, latency = f"{prefix}.energy", f"{prefix}.latency"
        names = {energy: "energy", latency: "time", text: "time, as in the text"}
        names |= {"text.energy_delay": "energy times time"} if mode == "training" else {}
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
            (
                "text.energy_delay" if mode == "training" else "",
                "energy times time",
                mj * ms,
                product,
                "µJ s",
            ),
        )
        for key, name, ours, paper, unit in modelled:
            paper = sides.paper.value(key) if key else paper
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
        f"{_times(ours, theirs)} what was measured on the chip; operations of our spikes alone, in "
        "our own placement; with what they leave out fitted, and in the authors’ placement: "
        "table_cost_fit"
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


def _fashion_text(sides: Sides) -> Iterator[Row]:
    group = "Fashion-MNIST, as in the text"
    part = "the whole data set is not at hand; the paper does not say which readout and protocol"
    for key, what in (
        ("text.fashion", "test accuracy, binarised"),
        ("text.fashion_conventional", "a conventional network of the same size"),
    ):
        yield _missing(group, key, what, part)


def _reduced(sides: Sides) -> Iterator[Row]:
    group = "MNIST reduced to 10 × 10 pixels"
    runs, why_not = sides.reduced()
    if not runs:
        yield _missing(group, "reduced.inputs", "inputs", why_not)
        yield _missing(group, "reduced.accuracy", "test accuracy, about", why_not)
        return
    inputs, theirs = runs[0].experiment.network.sizes[0], sides.paper.value("reduced.inputs")
    yield Row(group, "reduced.inputs", "inputs", "setting of our runs", inputs,
              judge(inputs, theirs, 0))  # fmt: skip
    table, about = accuracies(runs), sides.paper.value("reduced.accuracy")
    for readout in READOUTS:
        last = table.loc[table["readout"] == readout, "last"]
        how = f"mean at epoch {runs[0].experiment.training.epochs} (seeds: {len(runs)})"
        verdict = judge(last.mean(), about, ABOUT, why="which readout and epoch is not said")
        yield Row(group, "reduced.accuracy", f"test accuracy, by {readout}", how,
                  float(last.mean()), verdict, low=last.min(), high=last.max())  # fmt: skip


def _missing(group: str, key: str, what: str, why: str) -> Row:
    return Row(group, key, what, "", None, not_comparable(why))


_PARTS = (_accuracy, _reduced, _cost, _protocol, _fashion_text, _fashion)
