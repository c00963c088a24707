"""How much faster one checkout is than another: ``python -m analysis.speed BEFORE AFTER``.

Both measure the same things in turns, before, after, before, after, …, each in a process of its
own, on one core and with a cache of its own; so a machine that is busy for a while moves both.
What is told is processor time.  That of a sample is a slope between two numbers of samples, as in
`synfire_bp.bench.measuring`; the weights that each checkout ends with are noted beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from synfire_bp.errors import SynfireError, at_a_shell

from .shared.output import save_csv

__all__ = ["TABLE", "main"]

TABLE = "before_after.csv"

SAMPLES = {
    "mnist": 4000,
    "mnist_loihi1": 2000,
    "variants/mnist_feedback_alignment": 2000,
    "variants/mnist_gate_failure": 2000,
    "variants/mnist_levels": 2000,
    "variants/mnist_release": 2000,
    "variants/mnist_pools": 200,
    "variants/digits_lif": 200,
    "variants/digits_lif_conductance": 100,
    "variants/digits_lif_noise": 100,
}
"""Models to the number of samples between which the slope is taken."""

INFERENCE = {"inference, mnist": "mnist"}
"""Models of which all images are tested; the slope is taken between test and training images."""

_TRAIN = ["train", "mnist", "--epochs", "1", "--samples", "1", "--set", "training.evaluate_every=1"]
_COMPILED_ANEW = "train mnist --epochs 1 --samples 1, not compiled before"
COMMANDS = {
    "--version": ["--version"],
    "--help": ["--help"],
    "train mnist --epochs 1 --samples 1": _TRAIN,
    _COMPILED_ANEW: _TRAIN,
}
"""Whole commands; what they compile is in the cache but for one."""

_SAMPLE = """
import json, resource, sys, zlib
from functools import partial
import numpy as np
import synfire_bp as sb
from synfire_bp.engines.registry import make_engine
from synfire_bp.training.data import dataset_of
from synfire_bp.training.schedule import epoch_order

def spent():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime

def main(name, samples):
    model = sb.assemble(sb.Experiment.from_file(name))
    data = dataset_of(model.experiment, quiet=True)
    engine = make_engine("circuit", model, data)
    n = len(sb.training_split(model, data))
    if samples:
        shown = [samples // 5, samples // 5 + samples]
        epochs = range(1 + shown[1] // n)
        order = np.concatenate([epoch_order(model.seed, epoch, n) for epoch in epochs])
        engine.train(model.start, order[:2])
        shows = [partial(engine.train, model.start, order[:many]) for many in shown]
    else:
        shown = [len(data.test), n]
        shows = [partial(engine.test, model.start, split) for split in ("test", "train")]
    seconds = []
    for show in shows:
        begin = spent()
        done = show()
        seconds.append(spent() - begin)
    engine.close()
    digest = zlib.crc32(b"".join(w.tobytes() for w in done.weights)) if samples else None
    print(json.dumps([1000 * (seconds[1] - seconds[0]) / (shown[1] - shown[0]), digest]))

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
"""


@at_a_shell()
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the table; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {__spec__.name}", description=__doc__)
    parser.add_argument("before", type=Path, help="a checkout")
    parser.add_argument("after", type=Path, help="another one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="models and commands; default: all")
    parser.add_argument("--out", type=Path, default=Path("figures/bench"))
    options = parser.parse_args(arguments)
    trees = {"before": options.before.resolve(), "after": options.after.resolve()}
    try:
        _refuse(trees, options.only)
        rows = list(_measured(trees, options.rounds, options.only))
        save_csv(options.out / TABLE, pd.DataFrame(rows))
    except SynfireError as error:
        print(f"speed: {error}", file=sys.stderr)
        return 1
    return 0


def _refuse(trees: dict[str, Path], only: Sequence[str] | None) -> None:
    """Refuse what is no checkout, and what is not measured."""
    for tree in trees.values():
        if not (tree / "synfire_bp" / "__init__.py").is_file():
            raise SynfireError(f"{tree}: is no checkout: there is no synfire_bp/__init__.py in it")
    known = [*SAMPLES, *INFERENCE, *COMMANDS]
    if unknown := [what for what in only or () if what not in known]:
        raise SynfireError(f"'{unknown[0]}' is not measured; known are {', '.join(known)}")


def _measured(
    trees: dict[str, Path], rounds: int, only: Sequence[str] | None
) -> Iterator[dict[str, object]]:
    with tempfile.TemporaryDirectory(prefix="synfire-speed-") as place:
        for what in [*SAMPLES, *INFERENCE, *COMMANDS]:
            if only and what not in only:
                continue
            for number in range(-1, rounds):  # the first one compiles, and is not noted
                for which, tree in trees.items():
                    value, digest = _one(what, tree, Path(place) / which)
                    row = {"what": what, "which": which, "commit": _commit(tree), "round": number}
                    print(f"{what}, {which}: {value:.4g}", file=sys.stderr)
                    if number >= 0:
                        yield row | {"ms": value, "weights": digest}


def _one(what: str, tree: Path, place: Path) -> tuple[float, int | None]:
    """Return the ms of a sample, or of processor time of a command, and what it ended with."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    place.mkdir(exist_ok=True)
    cache = place / "cache"
    environment["SYNFIRE_BP_CACHE"] = str(cache)
    if what == _COMPILED_ANEW:
        shutil.rmtree(cache, ignore_errors=True)
    if what in SAMPLES or what in INFERENCE:
        name = INFERENCE.get(what, what)
        command = [sys.executable, "-c", _SAMPLE, name, str(SAMPLES.get(what, 0))]
        done = _run(command, environment, place)
        value, digest = json.loads(done)
        return value, digest
    out = ["--out", str(place / "run"), "--quiet"] if what.startswith("train") else []
    shutil.rmtree(place / "run", ignore_errors=True)
    before = os.times()
    _run([sys.executable, "-m", "synfire_bp", *COMMANDS[what], *out], environment, place)
    after = os.times()
    spent = after.children_user + after.children_system
    return 1000 * (spent - before.children_user - before.children_system), None


def _run(command: Sequence[str], environment: dict[str, str], place: Path) -> str:
    done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True)
    if done.returncode:
        raise SynfireError(f"{' '.join(command[-3:])}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def _commit(tree: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(tree), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
