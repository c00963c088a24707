"""What a training sample costs in other circuits, beside a plain one: ``bench --variants``.

Every model trains on the same samples, on one core, in turns (`synfire_bp.bench.measuring`), by the
engine ``circuit``.  A ratio is taken round by round, so that a machine that is busy for a while
moves both of its sides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from synfire_bp.bench.measuring import Measure, Timing, in_turns, one_core
from synfire_bp.bench.result import Machine, ratio
from synfire_bp.bench.setting import (
    first_samples,
    load_average,
    refuse_too_few,
    result_folder,
    untimed,
)
from synfire_bp.engines.base import training_split
from synfire_bp.engines.registry import make_engine
from synfire_bp.errors import ExperimentError, Interrupted
from synfire_bp.files import json_bytes, write_atomically
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.library import list_models
from synfire_bp.model.model import assemble
from synfire_bp.progress import WorkProgress
from synfire_bp.training.data import dataset_of

__all__ = ["RESULT", "VariantBench", "VariantCost", "bench_variants", "variants_of"]

RESULT = "bench_variants.json"


@dataclass(frozen=True)
class VariantCost:
    """What a sample costs one model.

    Attributes
    ----------
    ms, start_ms : Measure
        As in `synfire_bp.bench.result.Cost`.
    times_plain : Measure or None
        Its time over that of the plain model; None: lost in noise.
    """

    ms: Measure
    start_ms: Measure
    times_plain: Measure | None


@dataclass(frozen=True)
class VariantBench:
    """The result, as `bench_variants.json` holds it; `plain` is the model that others stand beside.

    `compiling_s` is the time in which the programs of all models were compiled, or found.
    """

    schema: Literal[1]
    plain: str
    samples: int
    before: int
    repeats: int
    machine: Machine
    started: str
    compiling_s: float
    costs: dict[str, VariantCost]

    def json(self) -> str:
        """Return the result as the file holds it."""
        return json_bytes(asdict(self), indent=1).decode()


def variants_of(plain: str) -> list[str]:
    """Return the names of the shipped models that vary a shipped one, such as "mnist"."""
    return [name for name in list_models() if name.startswith(f"variants/{plain}_")]


def bench_variants(
    plain: Experiment,
    others: Sequence[Experiment],
    *,
    samples: int = 1000,
    repeats: int = 5,
    out: str | Path = "runs/bench",
    quiet: bool = True,
) -> VariantBench:
    """Measure what a training sample costs in a plain model and in others.

    Programs are taken from the cache, and compiled where it has none.

    Parameters
    ----------
    plain : Experiment
        What the others are compared with.
    others : sequence of Experiment
        Models of any kind whose data have as many inputs.
    samples : int
        Samples timed in each round, after a fifth as many that are not.
    repeats : int
        Rounds, of which medians are taken.
    out : path
        Folder of the result.
    quiet : bool
        Show no progress.

    Raises
    ------
    ExperimentError
        If a number is too small, or two models have the same name.
    BuildError
        If there is no compiler.
    Interrupted
        On Ctrl-C; nothing is written then.
    SynfireError
        For bad input of any other kind; see `synfire_bp.errors`.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> from synfire_bp.bench import bench_variants
    >>> small = ["network.sizes=[64, 8, 10]"]
    >>> plain = sb.Experiment.from_file("digits", small)
    >>> levels = sb.Experiment.from_file("variants/digits_levels", small)
    >>> list(bench_variants(plain, [levels], samples=10, repeats=2).costs)
    ['digits', 'digits_levels']
    """
    refuse_too_few(samples, repeats)
    experiments = _by_name([plain, *others])
    folder, before = result_folder(out), untimed(samples)
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    load = load_average()
    try:
        with ExitStack() as stack:
            progress = stack.enter_context(WorkProgress(quiet))
            begun = time.perf_counter()
            machines = {}
            for name, experiment in experiments.items():
                progress.note(f"{name}: compiling")
                machines[name] = _prepared(experiment, before + samples, stack)
            compiling = time.perf_counter() - begun
            progress.begin("measuring", repeats * len(machines) * (2 * before + samples))
            with one_core() as core:
                times = in_turns(
                    machines, before=before, samples=samples, repeats=repeats,
                    progress=progress.reached,
                )  # fmt: skip
    except KeyboardInterrupt:
        raise Interrupted("the benchmark was stopped; nothing was written") from None
    result = VariantBench(
        1, plain.name, samples, before, repeats, Machine.here(core, load), started,
        round(compiling, 1), _costs(times, plain.name),
    )  # fmt: skip
    write_atomically(folder / RESULT, result.json().encode())
    return result


def _by_name(experiments: Iterable[Experiment]) -> dict[str, Experiment]:
    found: dict[str, Experiment] = {}
    for experiment in experiments:
        if experiment.name in found:
            raise ExperimentError(
                f"{experiment.name}: two of the models have this name; give each its own"
            )
        found[experiment.name] = experiment
    return found


def _prepared(experiment: Experiment, most: int, stack: ExitStack) -> Callable[[int], object]:
    """Return what trains a model on its first n samples, up to `most`, its programs compiled."""
    dataset, model = dataset_of(experiment, quiet=True), assemble(experiment)
    order = first_samples(model, len(training_split(model, dataset)), most)
    engine = stack.enter_context(closing(make_engine("circuit", model, dataset)))
    return lambda n: engine.train(model.start, order[:n])


def _costs(times: Mapping[str, Timing], plain: str) -> dict[str, VariantCost]:
    return {
        name: VariantCost(timing.ms, timing.start_ms, ratio(timing.ms, times[plain].ms))
        for name, timing in times.items()
    }
