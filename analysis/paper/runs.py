"""Make the runs of the paper's protocol that are missing: ``python -m analysis.paper.runs``.

Twenty seeds of MNIST, 60 epochs each through the spiking circuit, and the algorithm in integers
with the same seeds as cross-check, weight by weight; the test set through the four-phase inference
circuit; the same seeds with the paper's gates alone, whose stray spikes are counted; MNIST of
10x10 pixels; Fashion-MNIST, whole where its files are, else the part of it that lies in the data
folder;
an untrained network for the raster.  What is finished is kept, what was stopped goes on from its
checkpoint.  One bar shows the whole.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import synfire_bp as sb
from synfire_bp.errors import SynfireError, at_a_shell
from synfire_bp.files import reason
from synfire_bp.runs import Run, write_atomically

from ..shared.fashion import fashion_part, whole_fashion
from ..shared.trainings import Task, train_all
from .protocol import MNIST_10X10, PAPER_GATES, RECORDED

__all__ = ["CROSS_CHECK", "INFERENCE", "main", "plan"]

INFERENCE, CROSS_CHECK = "inference.json", "cross_check.json"


def plan(seeds: int, epochs: int | None = None) -> list[Task]:
    """Return the trainings of the protocol, the long ones first."""
    length = () if epochs is None else (f"training.epochs={epochs}",)
    changes = [(f"training.seed={seed}", *length) for seed in range(seeds)]
    tasks = [
        Task(f"mnist-seed{seed}", "mnist", "circuit", (*change, f"record.samples={RECORDED}"))
        for seed, change in enumerate(changes)
    ]
    tasks += [
        Task(f"mnist-oracle-seed{seed}", "mnist", "oracle", change)
        for seed, change in enumerate(changes)
    ]
    small = [
        Task(f"{MNIST_10X10}-seed{seed}", "mnist_10x10", "circuit", change)
        for seed, change in enumerate(changes[:5])
    ]
    gates = ("network.paper_gates=true", "record.samples=0")
    strays = [
        Task(f"{PAPER_GATES}-seed{seed}", "mnist", "circuit", (*change, *gates), keep_going=True)
        for seed, change in enumerate(changes)
    ]
    whole, part = whole_fashion(), fashion_part()
    for seed, change in enumerate(changes[:3]):
        if whole:
            tasks.append(Task(f"fashion_mnist-seed{seed}", "fashion_mnist", "circuit", change))
        elif part is not None:
            data = ("name=fashion_mnist_part", "dataset.name=npz", f"dataset.path={part}")
            name = f"fashion_mnist_part-seed{seed}"
            tasks.append(Task(name, "fashion_mnist", "circuit", (*change, *data)))
    few = ("training.epochs=1", "training.samples=3", "record.samples=3")
    tasks += [*small, *strays]
    return [*tasks, Task("mnist-untrained", "mnist", "circuit", few)]


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Make what is missing; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.runs", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/paper"), help="folder (runs/paper)")
    parser.add_argument("--seeds", type=int, default=20, help="seeds of MNIST (20)")
    parser.add_argument("--epochs", type=int, help="epochs of each training (the models')")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    options = parser.parse_args(arguments)
    try:
        options.runs.mkdir(parents=True, exist_ok=True)
        train_all(plan(options.seeds, options.epochs), options.runs, max(1, options.jobs))
        return 0 if _check_and_test(options.runs, options.seeds) else 1
    except OSError as error:
        complaint: object = f"{options.runs}: {reason(error)}"
    except SynfireError as error:
        complaint = error
    except KeyboardInterrupt:
        complaint = "stopped; the same command goes on from here"
    print(f"paper_runs: {complaint}", file=sys.stderr)
    return 1


def _check_and_test(folder: Path, seeds: int) -> bool:
    """Compare circuit and oracle, test through the inference circuit; return whether all equal."""
    differences, scores = {}, {}
    for seed in range(seeds):
        circuit, oracle = (
            Run.open(folder / name) for name in (f"mnist-seed{seed}", f"mnist-oracle-seed{seed}")
        )
        differences[f"seed{seed}"] = {
            name: {
                "weights": int(matrix.size),
                "different": int(np.count_nonzero(matrix != oracle.weights[name])),
            }
            for name, matrix in circuit.weights.items()
        }
        scores[f"seed{seed}"] = sb.test(circuit, engine="circuit").score.row()
    for name, content in ((CROSS_CHECK, differences), (INFERENCE, scores)):
        write_atomically(folder / name, (json.dumps(content, indent=1) + "\n").encode())
    different = sum(entry["different"] for seed in differences.values() for entry in seed.values())
    print(f"circuit against oracle, {seeds} seeds: {different} weights different")
    return different == 0


if __name__ == "__main__":
    sys.exit(main())
