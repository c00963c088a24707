"""Effect of renewing all copies of the weights at the start of each epoch, as the authors did.

The authors reset all eight matrices from W1 and W2 at the start of each epoch, so copies can drift
apart only within an epoch (`training.renew_copies`).  The study trains pairs on the emulated chip
with its own limits, with 8 weight bits and with fewer: copies kept or renewed, with the same seed,
and identical to the bit in the first epoch.

    python -m analysis.chip.renewal --runs runs                # the trainings that are missing
    python -m analysis renewed_copies                          # the table, from the pairs there are
    python -m analysis.chip.renewal --into docs/chip.md        # its text, from the table alone
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from synfire_bp.circuit import backprop_circuit
from synfire_bp.errors import RunDirectoryError, SynfireError, at_a_shell
from synfire_bp.runs import EXPERIMENT, Run

from ..shared.entry import Entry
from ..shared.markdown import markdown, print_or_insert
from ..shared.output import needed_table
from ..shared.trainings import Task, train_all
from .study import FOLDER as GROUP

__all__ = ["BEGIN", "END", "ENTRY", "FOLDER", "main", "numbers", "plan", "summary", "text"]

BEGIN = "<!-- begin of the renewed copies: python -m analysis.chip.renewal --into docs/chip.md -->"
END = "<!-- end of the renewed copies -->"

FOLDER = "chip_renewal"
"""Folder of the trainings among the runs."""
MODEL = "mnist_loihi1"
SEEDS = (0, 1, 2)
EPOCHS = 5
BITS = (7, 4, 8, 6)
WAYS = {"kept": "false", "renewed": "true"}

_READOUTS = ["accuracy_argmax", "accuracy_potential"]
_MAKE = "make the trainings with: python -m analysis.chip.renewal"


def plan() -> list[Task]:
    """Return the trainings, in pairs."""
    return [
        Task(f"bits{bits}-{way}-seed{seed}", MODEL, "circuit", changes, keep_going=True)
        for bits in BITS
        for seed in SEEDS
        for way, renewed in WAYS.items()
        for changes in [
            (
                f"hardware.weight_bits={bits}", f"training.renew_copies={renewed}",
                "network.paper_gates=true",  # the authors' circuit, with the authors' protocol
                f"training.epochs={EPOCHS}", "training.evaluate_every=1",
                f"training.seed={seed}",
            )
        ]
    ]  # fmt: skip


# ----------------------------------------------------------------------------------------------
# Results of the trainings
# ----------------------------------------------------------------------------------------------


def numbers(runs: Path) -> pd.DataFrame:
    """Return the results of all complete pairs: one row per training and epoch.

    Returns
    -------
    DataFrame
        `bits`, `seed`, `way` ("kept" or "renewed"), `epoch`; on the test set `accuracy_argmax`
        (the authors' convention) and `accuracy_potential` in percent; `unequal_weights` at the end
        of the epoch, of all copies but each layer's first, and `unequal_percent` of these;
        `stray_spikes` in the epoch; `model`, `sizes`, `samples` (in an epoch).

    Raises
    ------
    RunDirectoryError
        If there is no pair, or a run is of another experiment.
    """
    tables, planned = [], {task.name: task for task in plan()}
    for bits, seed in ((bits, seed) for bits in sorted(BITS, reverse=True) for seed in SEEDS):
        names = {way: f"bits{bits}-{way}-seed{seed}" for way in WAYS}
        pair = {way: _finished(runs / FOLDER, planned[name]) for way, name in names.items()}
        for way, run in pair.items():
            if run is not None and None not in pair.values():
                tables.append(_of_run(run).assign(bits=bits, seed=seed, way=way))
    if not tables:
        raise RunDirectoryError(f"{runs / FOLDER}: no pair of trainings is complete; {_MAKE}")
    table = pd.concat(tables, ignore_index=True)
    first = ["bits", "seed", "way", "epoch"]
    return table[[*first, *(name for name in table if name not in first)]]


def _finished(folder: Path, task: Task) -> Run | None:
    """Return the run of a task, if its training is finished."""
    path = folder / task.name
    if not (path / EXPERIMENT).exists():
        return None
    run = Run.open(path)
    if run.experiment.fingerprint() != task.experiment.fingerprint():
        raise RunDirectoryError(f"{path}: holds another experiment; move it away; {_MAKE}")
    return run if run.finished and run.experiment.training.epochs == EPOCHS else None


def _of_run(run: Run) -> pd.DataFrame:
    tests = run.metrics.loc[run.metrics["split"] == "test", ["epoch", *_READOUTS]]
    tests = tests.assign(**{name: 100 * tests[name] for name in _READOUTS})
    activity = run.activity[["epoch", "samples", "unequal_weights", "stray_spikes"]]
    table = tests.merge(activity, on="epoch", validate="one_to_one")
    sizes = run.experiment.network.sizes
    circuit = backprop_circuit((sizes[0], sizes[1], sizes[2]))
    firsts = sizes[0] * sizes[1] + sizes[1] * sizes[2]
    others = circuit.n_plastic_synapses - firsts
    about = {"model": run.experiment.name, "sizes": "-".join(map(str, sizes))}
    return table.assign(unequal_percent=100 * table["unequal_weights"] / others, **about)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return, by weight bits, the differences after the last epoch: renewed minus kept.

    Returns
    -------
    DataFrame
        `bits`, `pairs`; for each readout, of the last epoch, `…_kept` and `…_renewed` (median over
        the seeds), `…_added` (mean of the paired differences, points), `…_low` and `…_high` (95 %,
        Student's t; missing for one pair); `unequal_kept` and `unequal_renewed` (percent of the
        copies, median), `unequal_first` (after one epoch); `same` (whether all rows of kept and
        renewed are equal).
    """
    return pd.DataFrame(
        [{"bits": bits, **_added(group)} for bits, group in table.groupby("bits")]
    ).sort_values("bits", ascending=False, ignore_index=True)


def _added(group: pd.DataFrame) -> dict[str, object]:
    last = group[group["epoch"] == group["epoch"].max()]
    row: dict[str, object] = {"pairs": group["seed"].nunique()}
    for readout in _READOUTS:
        ways = last.pivot(index="seed", columns="way", values=readout)
        added = (ways["renewed"] - ways["kept"]).to_numpy()
        name = readout.removeprefix("accuracy_")
        low, high = _interval(added)
        row |= {
            f"{name}_kept": ways["kept"].median(), f"{name}_renewed": ways["renewed"].median(),
            f"{name}_added": added.mean(), f"{name}_low": low, f"{name}_high": high,
        }  # fmt: skip
    for way in WAYS:
        row[f"unequal_{way}"] = last.loc[last["way"] == way, "unequal_percent"].median()
    row["unequal_first"] = group.loc[group["epoch"] == 1, "unequal_percent"].median()
    kept, renewed = (
        group[group["way"] == way].drop(columns="way").reset_index(drop=True) for way in WAYS
    )
    return row | {"same": kept.equals(renewed)}


def _interval(added: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the mean of paired differences; nothing for a single one."""
    if len(added) < 2:
        return float("nan"), float("nan")
    if not added.std():
        return float(added[0]), float(added[0])
    low, high = stats.t.interval(0.95, len(added) - 1, added.mean(), stats.sem(added))
    return float(low), float(high)


# ----------------------------------------------------------------------------------------------
# In words
# ----------------------------------------------------------------------------------------------


def text(table: pd.DataFrame) -> str:
    """Return the results as Markdown: a table, and a sentence for each number of bits."""
    about = table.iloc[0].to_dict()
    short = summary(table).to_dict("records")
    rows = [
        [
            f"{row['bits']}", f"{row['pairs']}",
            *(cell for readout in ("argmax", "potential") for cell in _cells(row, readout)),
            *(f"{row[f'unequal_{when}']:.1f}" for when in ("first", *WAYS)),
        ]
        for row in short
    ]  # fmt: skip
    heads = [
        "weight bits", "pairs", "argmax, kept", "argmax, renewed", "difference",
        "potential, kept", "potential, renewed", "difference", "unequal after one epoch (%)",
        "unequal at the end, kept (%)", "unequal at the end, renewed (%)",
    ]  # fmt: skip
    parts = [
        f"Model `{about['model']}`, {about['sizes']}, {int(table['epoch'].max())} epochs of "
        f"{about['samples']:,} samples on the chip with its own limits. Accuracy on the test set "
        "after the last epoch, in percent, by argmax (the authors' convention) and by potential: "
        "median of the seeds. Difference: renewed minus kept, mean of the pairs in percentage "
        "points, with its 95 % interval (Student's t; none for a single pair). Unequal: copies "
        "that differ from their layer's first copy.",
        markdown(heads, rows),
        "\n".join(_sentence(row) for row in short),
    ]
    return "\n\n".join(parts) + "\n"


def _cells(row: Mapping[Hashable, Any], readout: str) -> tuple[str, str, str]:
    """Return the accuracy, kept and renewed, and the difference."""
    kept, renewed, added, low, high = (
        row[f"{readout}_{what}"] for what in (*WAYS, "added", "low", "high")
    )
    interval = "" if np.isnan(low) else f" ({low:+.2f} … {high:+.2f})"
    return f"{kept:.2f}", f"{renewed:.2f}", f"{added:+.2f}{interval}"


def _sentence(row: Mapping[Hashable, Any]) -> str:
    pairs = "1 pair" if row["pairs"] == 1 else f"{row['pairs']} pairs"
    if row["same"] and not row["unequal_kept"]:
        said = "no copy ever differed, so kept and renewed are the same to the bit"
    else:
        said = (
            f"{row['unequal_first']:.0f} % of the copies differ after one epoch; renewing leaves "
            f"{row['unequal_renewed']:.0f} % instead of {row['unequal_kept']:.0f} % at the end of "
            "the last epoch. It changes the accuracy by "
            + " and by ".join(
                f"{row[f'{readout}_added']:+.1f} points by {readout} "
                f"({_verdict(row[f'{readout}_low'], row[f'{readout}_high'])})"
                for readout in ("argmax", "potential")
            )
        )
    return f"- *{row['bits']} bits* ({pairs}): {said}."


def _verdict(low: float, high: float) -> str:
    if np.isnan(low):
        return "a single pair, so nothing is known of other seeds"
    return "not distinguishable from 0" if low <= 0 <= high else "distinguishable from 0"


ENTRY = Entry(
    name="renewed_copies",
    group=GROUP,
    title="Copies renewed each epoch, or kept",
    caption="All copies of the weights renewed at the start of each epoch, as in the authors' "
    "protocol, or kept: test accuracy and number of copies that differ, epoch by epoch, on the "
    "emulated chip with its own limits.",
    numbers=numbers,
)


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the trainings, or write the text of the committed table; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.renewal",
        description="Copies renewed each epoch, or kept: run missing trainings, or, with --into, "
        "put the text of the table into a page.",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the runs (runs)")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time (1)")
    parser.add_argument(
        "--table", type=Path, default=Path("figures", GROUP, f"{ENTRY.name}.csv"),
        help="the table that the text is made from (figures/chip/renewed_copies.csv)",
    )  # fmt: skip
    parser.add_argument("--into", type=Path, help="Markdown file with the two comments")
    options = parser.parse_args(arguments)
    if options.into is not None:
        make = f"python -m analysis {ENTRY.name}"
        return print_or_insert(
            lambda: text(needed_table(options.table, make)), options.into, BEGIN, END
        )
    try:
        folder = options.runs.expanduser() / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        train_all(plan(), folder, max(1, options.jobs))
    except (SynfireError, OSError, KeyboardInterrupt) as error:
        print(error or "stopped; the same command goes on", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
