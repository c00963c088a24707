"""Compare and time DenseSynapses with Brian2's Synapses: ``python -m analysis.dense.runs``.

Each model of `analysis.dense.models` becomes two programs, one of each class, which are run in
turn.  Every array that they leave is compared byte by byte.  What is finished is kept: the table
lies below `runs/dense/`.  Exit code 0: all were compared and are equal; 1: not so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from synfire_bp.files import write_atomically
from synfire_bp.program.compiler import FLAGS
from synfire_bp.progress import WorkProgress

__all__ = ["FOLDER", "TABLE", "compare", "main"]

FOLDER = "dense"
"""Folder of the study among the runs, and of its figures."""
TABLE = "dense_speed.csv"
KINDS = ("stock", "rows")
STEPS = {1000: 2000, 5000: 300}
"""Time steps by the number of neurons; others: 500."""


def build(model: str, n: int, kind: str, folder: Path) -> None:
    """Generate and compile one program; print which pathways are by rows (a process of its own)."""
    from brian2 import Network, Synapses, defaultclock, device, prefs, set_device

    from synfire_bp.dense import DenseSynapses

    from .models import MODELS, STEP

    set_device("cpp_standalone", build_on_run=False, directory=str(folder))
    prefs["codegen.cpp.extra_compile_args_gcc"] = list(FLAGS)
    for name, value in MODELS[model].prefs.items():
        prefs[name] = value
    defaultclock.dt = STEP
    objects = MODELS[model].build(DenseSynapses if kind == "rows" else Synapses, n)
    Network(*objects).run(STEPS.get(n, 500) * STEP)
    by_rows = {
        name: whether
        for thing in objects
        if isinstance(thing, DenseSynapses)
        for name, whether in thing.by_rows.items()
    }
    device.build(directory=str(folder), run=False, with_output=False)
    (folder / "by_rows.json").write_text(json.dumps(by_rows))


def compare(model: str, n: int, repeats: int, workplace: Path) -> dict[str, Any]:
    """Return a row of the table: seconds a step of both classes, and whether they are equal.

    Raises
    ------
    RuntimeError
        If a program cannot be built or run.
    """
    for kind in KINDS:
        command = [sys.executable, "-m", __package__ + ".runs", "--build", model, str(n), kind]
        _done([*command, str(workplace / kind)])
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(repeats):
        for kind in KINDS:
            seconds[kind].append(_run(workplace / kind))
    left = [_arrays(workplace / kind / "results") for kind in KINDS]
    differ = sorted(name for name in left[0].keys() | left[1].keys()
                    if left[0].get(name) != left[1].get(name))  # fmt: skip
    steps = STEPS.get(n, 500)
    stock, rows = (1000 * median(seconds[kind]) / steps for kind in KINDS)
    by_rows = json.loads((workplace / "rows" / "by_rows.json").read_text())
    return {
        "model": model, "neurons": n, "repeats": repeats, "stock_ms": stock, "rows_ms": rows,
        "speed_up": stock / rows, "slowest": min(_ratios(seconds)),
        "fastest": max(_ratios(seconds)),
        "by_rows": sum(by_rows.values()), "pathways": len(by_rows),
        "arrays": len(left[0]), "different": len(differ),
    }  # fmt: skip


def _ratios(seconds: dict[str, list[float]]) -> list[float]:
    return [stock / rows for stock, rows in zip(seconds["stock"], seconds["rows"], strict=True)]


def _done(command: Sequence[str], **kwds: Any) -> None:
    done = subprocess.run(command, capture_output=True, text=True, **kwds)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _run(folder: Path) -> float:
    """Run a program; return the seconds that its network ran."""
    _done([str(folder / "main"), "--results_dir", "results/"], cwd=folder)
    return float((folder / "results" / "last_run_info.txt").read_text().split()[0])


def _arrays(results: Path) -> dict[str, bytes]:
    """Return every array that a program has left, by its name."""
    return {file.name: file.read_bytes() for file in results.iterdir() if file.name.startswith("_")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare what is missing; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__package__}.runs", description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="(runs)")
    parser.add_argument("--neurons", type=int, nargs="+", default=[1000, 5000], help="on each side")
    parser.add_argument("--models", nargs="+", help="only these")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each program, in turn")
    parser.add_argument("--build", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.build:
        model, n, kind, folder = options.build
        build(model, int(n), kind, Path(folder))
        return 0
    from .models import MODELS

    place = options.runs / FOLDER / TABLE
    place.parent.mkdir(parents=True, exist_ok=True)
    table = pd.read_csv(place) if place.exists() else pd.DataFrame(columns=["model", "neurons"])
    known = set(zip(table["model"], table["neurons"], strict=True))
    wanted = [
        (model, n) for n in options.neurons for model in options.models or MODELS
        if (model, n) not in known
    ]  # fmt: skip
    with WorkProgress() as progress:
        progress.begin("comparing", len(wanted))
        for number, (model, n) in enumerate(wanted, start=1):
            with tempfile.TemporaryDirectory() as workplace:
                try:
                    row = compare(model, n, options.repeats, Path(workplace))
                except RuntimeError as error:
                    print(f"{model}, {n} neurons: {error}", file=sys.stderr)
                    return 1
            table = _with(table, row)
            text = table.to_csv(index=False, float_format="%.5g")
            write_atomically(place, text.encode())
            progress.reached(number)
    print(table.to_string(index=False))
    return int(bool(table["different"].any()))


def _with(table: pd.DataFrame, row: dict[str, Any]) -> pd.DataFrame:
    more = pd.DataFrame([row])
    return more if table.empty else pd.concat([table, more], ignore_index=True)


if __name__ == "__main__":
    sys.exit(main())
