"""Trainings behind explanations of docs/variants.md: bounds, reward, pools, signs and updates.

Each is a list of cases beside the undisturbed circuit, with the same seeds.  The command trains
what is missing, one after the other, and writes one table a study, a row per training::

    python -m analysis.variants.explained [soft_bounds late_reward …] [--runs runs/explained]

It writes figures/variants/soft_bounds.csv, late_reward.csv and so on; their Markdown comes from
these files by `analysis.variants.explained_tables`.  Exit code 0: all written; 1: something failed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from synfire_bp.errors import Interrupted, SynfireError, at_a_shell
from synfire_bp.model import Experiment
from synfire_bp.runs import PROVENANCE, Run
from synfire_bp.training import train

from ..shared.output import save

__all__ = ["NONE", "STUDIES", "Case", "Study", "main", "numbers"]

NONE = "undisturbed"
"""The case that is the circuit itself."""


@dataclass(frozen=True)
class Case:
    """What is changed in the study's model, and by which columns its rows are told apart."""

    columns: dict[str, str | float]
    changes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Part of the run's folder."""
        return "-".join(str(value).replace("/", "_") for value in self.columns.values())


@dataclass(frozen=True)
class Study:
    """Cases that are trained alike, and compared.

    Attributes
    ----------
    engine : str
        Of all its trainings.
    cases : tuple of Case
        Each has `dataset` among its columns; that is also the model.
    epochs, seeds : dict
        By data set: epochs of a training, and how many seeds.
    """

    engine: str
    cases: tuple[Case, ...]
    epochs: dict[str, int]
    seeds: dict[str, int]
    also: tuple[str, ...] = field(default=("record.samples=0",))

    def trainings(self) -> Iterator[tuple[int, Case]]:
        """Return the seed and the case of each training, all cases of a seed together."""
        for seed in range(max(self.seeds.values())):
            for case in self.cases:
                if seed < self.seeds[str(case.columns["dataset"])]:
                    yield seed, case

    def experiment(self, case: Case, seed: int) -> Experiment:
        """Return what is trained."""
        dataset = str(case.columns["dataset"])
        epochs = self.epochs[dataset]  # one test, in the end
        plan = (f"training.epochs={epochs}", f"training.evaluate_every={epochs}")
        return Experiment.from_file(
            dataset, overrides=(*plan, f"training.seed={seed}", *self.also, *case.changes)
        )


def _soft(steps: str) -> tuple[str, ...]:
    return ("synapses.soft_bounds=true", "synapses.shared=true", f"synapses.soft_steps={steps}")


def _pool(pool: int, opening: str, loss: float) -> Case:
    columns: dict[str, str | float] = {
        "dataset": "digits", "opening": opening, "pool": pool, "cell_failure": loss,
    }  # fmt: skip
    changes = (f"gating.pool={pool}", f"gating.opening={opening}", f"gating.cell_failure={loss}")
    return Case(columns, changes)


_DALE = ("synapses.dale=0.2", "network.closing=16384")
_SHARED = "synapses.shared=true"

STUDIES = {
    "soft_bounds": Study(
        "oracle",
        tuple(
            Case({"dataset": dataset, "bounds": bounds}, _soft(bounds) if bounds != "hard" else ())
            for dataset in ("digits", "mnist")
            for bounds in ("hard", "to_bound", "outward", "alike")
        ),
        epochs={"digits": 20, "mnist": 5},
        seeds={"digits": 20, "mnist": 3},
    ),
    "late_reward": Study(
        "circuit",
        tuple(
            Case({"dataset": "digits", "reward": name}, changes)
            for name, changes in (
                (NONE, ()),
                ("1 phase late", ("reward.delay=1",)),
            )
        ),
        epochs={"digits": 10},
        seeds={"digits": 5},
    ),
    "fewer_synapses": Study(
        "oracle",
        tuple(
            Case({"dataset": "digits", "synapses": name}, changes)
            for name, changes in (
                (NONE, ()),
                ("a fifth of the cells inhibitory, as drawn", _DALE),
                ("a fifth of the cells inhibitory, balanced", (*_DALE, "synapses.balanced=true")),
                ("half of the updates", ("synapses.update_probability=0.5", _SHARED)),
            )
        ),
        epochs={"digits": 40},
        seeds={"digits": 10},
    ),
    "graded_reward": Study(
        "circuit",
        (
            Case({"dataset": "digits", "reward": NONE}),
            Case({"dataset": "digits", "reward": "three quarters"}, ("reward.grade=0.75",)),
        ),
        epochs={"digits": 10},
        seeds={"digits": 5},
    ),
    "pools": Study(
        "circuit",
        (
            Case({"dataset": "digits", "opening": NONE, "pool": 1, "cell_failure": 0.0}),
            *(_pool(1, "balance", loss) for loss in (0.001, 0.01)),
            *(
                _pool(pool, opening, loss)
                for pool in (16, 64)
                for opening in ("balance", "shunting")
                for loss in (0.001, 0.01)
            ),
        ),
        epochs={"digits": 10},
        seeds={"digits": 5},
    ),
}  # fmt: skip


def numbers(study: Study, runs: Path) -> pd.DataFrame:
    """Train what is missing of a study; return what came of it.

    Returns
    -------
    DataFrame
        One row per training: the columns of its case; `seed`, `epoch` (the last one), `engine`;
        `accuracy_potential` on the test set, percent; `stray_spikes` in the whole training and
        `unequal_weights` in the end; of W1 and W2 each, `…_fallen` and `…_risen`: percent of the
        weights that are lower and higher than at the start, and `…_size`: mean magnitude.
    """
    rows = []
    for seed, case in study.trainings():
        run = _run(study, case, seed, runs)
        rows.append({**case.columns, "seed": seed, "engine": run.engine, **_outcome(run)})
        print(f"{run.path.name}: {rows[-1]['accuracy_potential']:.2f} %", flush=True)
    return pd.DataFrame(rows)


def _run(study: Study, case: Case, seed: int, runs: Path) -> Run:
    """Return a finished training, which is made if it is not there."""
    path, experiment = runs / f"{case.name}-seed{seed}", study.experiment(case, seed)
    if (path / PROVENANCE).exists():
        run = Run.open(path)
        if run.finished and run.experiment.fingerprint() == experiment.fingerprint():
            return run
    return train(experiment, engine=study.engine, out=path, resume=True, keep_going=True)


def _outcome(run: Run) -> dict[str, float]:
    tests = run.metrics[run.metrics["split"] == "test"]
    found: dict[str, float] = {
        "epoch": int(tests["epoch"].iloc[-1]),
        "accuracy_potential": round(100 * tests["accuracy_potential"].iloc[-1], 4),
        "stray_spikes": int(run.activity["stray_spikes"].sum()),
        "unequal_weights": int(run.activity["unequal_weights"].iloc[-1]),
    }
    for name in ("w1", "w2"):
        now, before = run.weights[name].astype(int), run.weights[f"{name}_init"].astype(int)
        found |= {
            f"{name}_fallen": round(100 * float((now < before).mean()), 3),
            f"{name}_risen": round(100 * float((now > before).mean()), 3),
            f"{name}_size": round(float(abs(now).mean()), 2),
        }
    return found


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Make the tables; return the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__package__}.explained",
        description="Trainings behind explanations of docs/variants.md.",
    )
    parser.add_argument("names", nargs="*", metavar="STUDY", help=f"of {', '.join(STUDIES)} (all)")
    parser.add_argument("--runs", type=Path, default=Path("runs", "explained"))
    parser.add_argument("--out", type=Path, default=Path("figures"), help="(figures)")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(STUDIES):
        parser.error(f"unknown study '{min(unknown)}'; known: {', '.join(STUDIES)}")
    try:
        for name in options.names or STUDIES:
            table = numbers(STUDIES[name], options.runs / name)
            files = save(None, table, options.out / "variants", name)
            print(f"{name}: {', '.join(map(str, files))}")
    except (SynfireError, Interrupted) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
