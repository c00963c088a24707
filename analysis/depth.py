"""Depth that learns: ``python -m analysis.depth [--seeds 5] [--runs runs/depth]``.

Trains networks of one to three hidden layers by the algorithm in integers, with the sign of every
error (threshold 0), with `errors.hidden_threshold` and with graded errors (`mnist_fine_graded`),
all cases of a seed together, and what is there already not again.  It writes into
`figures/learning/`:

- `depth.csv`: a row per training, with the accuracy at its last test;
- `depth_layers.csv`: a row per hidden layer of the cases that are not the paper's rule, with what
  its units do on the first training images: how many fire, how many are inside the box, how large
  the errors are that come back, and the cosine between what moves the weights and the exact
  gradient;
- `depth.png`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from synfire_bp.circuit.grades import Grade
from synfire_bp.circuit.numbers import FULL, HALF
from synfire_bp.data.datasets import Split
from synfire_bp.errors import Interrupted, RunDirectoryError, SynfireError
from synfire_bp.model import Experiment, assemble
from synfire_bp.oracle import Algorithm
from synfire_bp.runs import PROVENANCE, Run
from synfire_bp.training import dataset_of, train

from .shared import style
from .shared.entry import Entry
from .shared.output import save, save_csv
from .shared.panels import Given, in_grid

__all__ = ["CASES", "ENTRY", "Case", "draw", "layers", "main", "numbers"]

_SHOWN = 2000
"""Training images that the layers are looked at with."""


@dataclass(frozen=True)
class Case:
    """A network of a shipped model."""

    model: str
    sizes: tuple[int, ...]
    threshold: tuple[int, ...] = ()
    epochs: int = 30

    @property
    def name(self) -> str:
        """Name of the run's folder, without its seed."""
        least = "-".join(map(str, self.threshold)) or "0"
        return f"{self.model}_{self.network}_threshold_{least}"

    @property
    def network(self) -> str:
        """Sizes as they are written."""
        return "-".join(map(str, self.sizes))

    def experiment(self, seed: int) -> Experiment:
        """Return what is trained: with one test, in the end."""
        changes = [
            f"network.sizes={list(self.sizes)}",
            "network.initial_spread=0.5",
            f"training={{epochs: {self.epochs}, evaluate_every: {self.epochs}, seed: {seed}}}",
            "record.samples=0",
        ]
        if self.threshold:
            changes.append(f"errors.hidden_threshold={list(self.threshold)}")
        accumulator = Experiment.from_file(self.model).learning.accumulator
        if accumulator is not None:
            each = self.epochs // len(accumulator.fractions)
            changes.append(f"learning.accumulator.epochs={each}")
        return Experiment.from_file(self.model, changes)


_FINE = (
    Case("mnist_fine", (400, 400, 10)),
    Case("mnist_fine", (400, 400, 10), (30,)),
    Case("mnist_fine", (400, 200, 100, 10)),
    Case("mnist_fine", (400, 200, 100, 10), (200, 30)),
    Case("mnist_fine", (400, 400, 200, 10)),
    Case("mnist_fine", (400, 400, 200, 10), (200, 30)),
    Case("mnist_fine", (400, 400, 300, 200, 10)),
    Case("mnist_fine", (400, 400, 300, 200, 10), (200, 200, 30)),
)
_GRADED = (
    Case("mnist_fine_graded", (400, 400, 10)),
    Case("mnist_fine_graded", (400, 200, 100, 10)),
    Case("mnist_fine_graded", (400, 400, 200, 10)),
    Case("mnist_fine_graded", (400, 400, 300, 200, 10)),
)
_PLAIN = (
    Case("mnist", (400, 400, 10), epochs=20),
    Case("mnist", (400, 200, 100, 10), epochs=20),
    Case("mnist", (400, 400, 200, 10), epochs=20),
    Case("mnist", (400, 200, 100, 10), (200, 30), epochs=20),
)
CASES = (*_FINE, *_GRADED, *_PLAIN)
"""What is compared; `mnist` is the paper's rule, with initial weights of half the size, too."""


def numbers(runs: Sequence[tuple[Case, Run]]) -> pd.DataFrame:
    """Return one row per training: case, seed, and in percent what its last test found."""
    rows = []
    for case, run in runs:
        test = run.last_test
        rows.append(
            {
                "model": case.model,
                "network": case.network,
                "hidden_layers": len(case.sizes) - 2,
                "threshold": ", ".join(map(str, case.threshold)) or "0",
                "epochs": case.epochs,
                "seed": run.experiment.training.seed,
                "spikes_percent": round(100 * test["accuracy_spikes"], 4),
                "argmax_percent": round(100 * test["accuracy_argmax"], 4),
                "potential_percent": round(100 * test["accuracy_potential"], 4),
            }
        )
    return pd.DataFrame(rows)


# -- what the layers do ------------------------------------------------------------------------


def layers(
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    weights: Sequence[NDArray[np.integer]],
    algorithm: Algorithm,
) -> pd.DataFrame:
    """Return what the units of each hidden layer do while samples are shown, without learning.

    Parameters
    ----------
    inputs : integer array, shape (n, n_in)
        Binary patterns.
    labels : integer array, shape (n,)
        0 … n_out-1.
    weights : sequence of integer arrays
        W_1 … W_L.
    algorithm : Algorithm
        Its margin, its box, and its thresholds or grades count.

    Returns
    -------
    DataFrame
        A row per hidden layer: `active_percent` and `in_box_percent` of its units, `never_percent`
        that fire for no sample, `at_limit_percent` of the weights into it, the quartiles of |e|
        inside the box, `learning_percent` of the units inside it that learn from a wrong sample,
        and `cosine` of the angle between all changes of the weights into it, summed over the
        samples, and the exact gradient: e itself on its way back, in the same boxes.
    """
    h, a = [inputs.astype(float)], []  # whole numbers all the same, and multiplied much faster
    for matrix in weights:
        a.append(h[-1] @ matrix.astype(float))
        h.append((a[-1] > HALF).astype(float))
    error = _output_error(a[-1], labels, algorithm)
    wrong, exact, rows = error.any(axis=1), error, []
    for layer in range(len(weights) - 2, -1, -1):
        back = weights[layer + 1].astype(float).T
        box = (a[layer] > 0) & (a[layer] <= FULL)
        e, exact = error @ back, (exact @ back) * box
        error = _hidden_error(e, layer, algorithm) * box
        quartiles = np.quantile(abs(e[wrong][box[wrong]]), [0.25, 0.5, 0.75])
        rows.append(
            {
                "layer": layer + 1,
                "active_percent": 100 * h[layer + 1].mean(),
                "never_percent": 100 * (h[layer + 1].max(axis=0) == 0).mean(),
                "in_box_percent": 100 * box.mean(),
                "at_limit_percent": 100 * (abs(weights[layer]) == algorithm.limit).mean(),
                "error_lower_quartile": quartiles[0],
                "error_median": quartiles[1],
                "error_upper_quartile": quartiles[2],
                "learning_percent": 100 * (error[wrong] != 0).sum() / max(box[wrong].sum(), 1),
                "cosine": _cosine(h[layer].T @ error, h[layer].T @ exact),
            }
        )
    return pd.DataFrame(rows[::-1]).round(4)


def _output_error(
    a: NDArray[np.float64], labels: NDArray[np.integer], algorithm: Algorithm
) -> NDArray[np.float64]:
    target = np.arange(a.shape[1]) == np.asarray(labels)[:, None]
    lower, upper = algorithm.box
    lacks, too_much = HALF + algorithm.margin - a, a - HALF + algorithm.margin
    grades = algorithm.grades
    if grades is None:
        plus, minus = (lacks >= 0).astype(float), (too_much > 0).astype(float)
    else:
        plus, minus = (_counted(distance, grades.output) for distance in (lacks, too_much))
    return plus * (target & (a > lower)) - minus * (~target & (a <= upper))


def _hidden_error(e: NDArray[np.float64], layer: int, algorithm: Algorithm) -> NDArray[np.float64]:
    if algorithm.grades is not None:
        grade = algorithm.grades.hidden[layer]
        return _counted(e, grade) - _counted(-e, grade)
    least = algorithm.hidden_thresholds[layer] if algorithm.hidden_thresholds else 0
    return np.sign(e) * (abs(e) > least)


def _counted(distance: NDArray[np.float64], grade: Grade) -> NDArray[np.float64]:
    """Return the begun steps of what lies above 0."""
    return np.clip(np.ceil(distance / grade.step), 0, grade.most)


def _cosine(one: NDArray, other: NDArray) -> float:
    lengths = np.linalg.norm(one) * np.linalg.norm(other)
    return float((one * other).sum() / lengths) if lengths else float("nan")


def _looked_at(case: Case, run: Run, shown: Split) -> pd.DataFrame:
    algorithm = assemble(run.experiment).algorithm
    weights = [run.weights[name] for name in algorithm.names]
    found = layers(shown.inputs[:_SHOWN], shown.labels[:_SHOWN], weights, algorithm)
    found.insert(0, "model", case.model)
    found.insert(1, "network", case.network)
    found.insert(2, "threshold", ", ".join(map(str, case.threshold)) or "0")
    found.insert(3, "seed", run.experiment.training.seed)
    return found


# -- the figure --------------------------------------------------------------------------------


_KINDS = (
    (-0.26, "sign of every error", "o", False),
    (0.0, "signs above a threshold", "o", True),
    (0.26, "graded errors", "D", True),
)
"""How far beside a network's place it is drawn, its words, its marker and whether that is full."""


def _kinds(table: pd.DataFrame) -> pd.Series:
    """Return which of the kinds each training is."""
    signs = table.threshold.astype(str).map(
        lambda least: _KINDS[0][1] if least == "0" else _KINDS[1][1]
    )
    return signs.where(table.model != "mnist_fine_graded", _KINDS[2][1])


@style.applied()
def draw(table: pd.DataFrame, *, axes: Given = None) -> Figure:
    """Return the accuracies of all networks, errors as signs or graded; table of `numbers`."""
    table = table[table.model != "mnist"]
    networks = list(dict.fromkeys(table.network))
    panels = in_grid(axes, 1, 1, style.SINGLE_COLUMN, 76)
    axes = panels[0]
    for place, network in enumerate(networks):
        for shift, kind, marker, filled in _KINDS:
            rows = table[(table.network == network) & (_kinds(table) == kind)]
            for readout in ("spikes", "potential"):
                values = rows[f"{readout}_percent"]
                colour = style.READOUT_COLOURS[f"accuracy_{readout}"]
                x = np.full(len(values), place + shift)
                fill = colour if filled else "none"
                axes.plot(x, values, marker, ms=3, mec=colour, mfc=fill, mew=0.7)
                if len(values):
                    ends = [place + shift - 0.1, place + shift + 0.1]
                    axes.plot(ends, 2 * [values.median()], color=colour, lw=1)
    axes.set_xticks(range(len(networks)), [_in_two_lines(name) for name in networks])
    axes.set_ylabel("test accuracy (%)")
    axes.set_xlabel("network")
    dot: dict[str, Any] = {"marker": "o", "ls": "", "ms": 3}
    handles = [
        Line2D([], [], color=style.READOUT_COLOURS[f"accuracy_{name}"], label=f"by {name}", **dot)
        for name in ("spikes", "potential")
    ]
    handles += [
        Line2D([], [], mfc="0.3" if filled else "none", mec="0.3", mew=0.7, label=kind,
               **dot | {"marker": marker})
        for _, kind, marker, filled in _KINDS
    ]  # fmt: skip
    handles.append(Line2D([], [], color="0.3", lw=1, label="median"))
    panels.legend(handles, ncols=2)
    return panels.figure


def _in_two_lines(network: str) -> str:
    first, *hidden, last = network.split("-")
    return f"{first}-{'-'.join(hidden[:1])}-\n{'-'.join([*hidden[1:], last])}"


def _of_finished(runs: Path) -> pd.DataFrame:
    """Return the table of the finished trainings below a folder of runs."""
    folder = runs / "depth"
    places = [(case, place) for case in CASES for place in sorted(folder.glob(f"{case.name}_s*"))]
    found = [(case, run) for case, place in places if (run := Run.open(place)).finished]
    if not found:
        raise RunDirectoryError(
            f"{folder}: holds no finished training; make them with: python -m analysis.depth"
        )
    return numbers(found)


ENTRY = Entry(
    name="depth",
    group="learning",
    title="Depth that learns",
    caption="Test accuracy on MNIST of networks of one to three hidden layers, trained by the "
    "algorithm in integers with several seeds each: by the sign of every error, by that of errors "
    "above a threshold alone, or by graded errors.",
    numbers=_of_finished,
    draw=draw,
)


# -- the command -------------------------------------------------------------------------------


def _trained(folder: Path, seeds: int) -> Iterator[tuple[Case, Run]]:
    """Yield the runs, all cases of a seed together; train what is missing."""
    for seed in range(seeds):
        for case in CASES:
            place, wanted = folder / f"{case.name}_s{seed}", case.experiment(seed)
            if (place / PROVENANCE).exists() and (run := Run.open(place)).finished:
                if run.experiment.fingerprint() != wanted.fingerprint():
                    raise SynfireError(f"{place}: is a run of another model; remove it")
            else:
                print(place.name, flush=True)
                run = train(wanted, engine="oracle", out=place, resume=place.exists())
            yield case, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing and write tables and figure; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument("--runs", type=Path, default=Path("runs/depth"))
    parser.add_argument("--out", type=Path, default=Path("figures/learning"))
    options = parser.parse_args(arguments)
    try:
        runs = list(_trained(options.runs, options.seeds))
        table = numbers(runs)
        shown = dataset_of(_FINE[0].experiment(0)).train
        looked_at = [_looked_at(case, run, shown) for case, run in runs if case not in _PLAIN]
    except (SynfireError, Interrupted) as error:
        print(f"depth: {error}", file=sys.stderr)
        return 1
    save(draw(table), table, options.out, "depth")
    save_csv(options.out / "depth_layers.csv", pd.concat(looked_at, ignore_index=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
