"""Everything that a sweep's values could be refused for, found before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from synfire_bp.data.datasets import binary, check_fits, read_images
from synfire_bp.data.images import Images
from synfire_bp.engines.base import training_split
from synfire_bp.engines.registry import check_engine
from synfire_bp.errors import SweepError, SynfireError
from synfire_bp.model.experiment import Experiment
from synfire_bp.model.model import assemble
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.designs import PlannedRun, describe, planned_runs
from synfire_bp.sweep.explain import first_line
from synfire_bp.training.schedule import refuse_many_tests

__all__ = ["fit_runs", "refuse_unfit"]

_TOLD = 5  # runs that a message lists
_Found = tuple[PlannedRun, SynfireError]
_Reader = Callable[[str, str | None], Images]


def fit_runs(sweep: Sweep) -> list[PlannedRun]:
    """Return all runs of a sweep, as `planned_runs` does, once nothing refuses any of them.

    Raises
    ------
    SweepError
        As of `planned_runs` and `refuse_unfit`, or if there is not enough memory for so many runs.
    """
    try:
        planned = planned_runs(sweep)
        refuse_unfit(sweep, planned)
    except MemoryError:
        seeds = len(sweep.seed_values or [0])
        raise SweepError(
            f"{sweep.name}: there is not enough memory to plan the design '{sweep.design.kind}' "
            f"with {len(sweep.parameters):,} parameters and {seeds:,} seeds; reduce "
            f"{'steps or values' if sweep.design.kind == 'grid' else 'samples'}, or seeds"
        ) from None
    return planned


def refuse_unfit(sweep: Sweep, planned: Sequence[PlannedRun]) -> None:
    """Refuse a sweep of which the model, the circuit, the chip or the data refuse a run.

    Raises
    ------
    SweepError
        With the first few such runs, what they set, and why that cannot be.
    """
    found: list[_Found] = []
    fit: list[tuple[PlannedRun, Experiment]] = []
    for run in planned:
        try:
            fit.append((run, run.experiment(sweep.base)))
        except SynfireError as error:
            found.append((run, error))
    found += _of_structure(fit, sweep.engine)
    found += _of_data(fit)
    if not found:
        return
    found.sort(key=lambda pair: pair[0].run)
    lines = [
        f"run {run.run} ({describe(run.sets)}): {first_line(str(error))}"
        for run, error in found[:_TOLD]
    ]
    more = [f"and {len(found) - _TOLD} more"] if len(found) > _TOLD else []
    head = f"{sweep.name}: {len(found)} of {len(planned)} runs cannot be done:"
    raise SweepError("\n".join([head, *lines, *more]))


def _of_structure(fit: Sequence[tuple[PlannedRun, Experiment]], engine: str) -> Iterator[_Found]:
    """Yield runs that the engine, the circuit or the chip refuse; each structure is asked once."""
    asked: dict[str, SynfireError | None] = {}
    for run, experiment in fit:
        values = experiment.model_dump(mode="json", exclude={"dataset", "training"})
        key = json.dumps(values, sort_keys=True)
        if key not in asked:
            asked[key] = _refusal(_check_structure, engine, experiment)
        if error := asked[key]:
            yield run, error


def _check_structure(engine: str, experiment: Experiment) -> None:
    check_engine(engine, assemble(experiment))


def _of_data(fit: Sequence[tuple[PlannedRun, Experiment]]) -> Iterator[_Found]:
    """Yield runs that their images do not fit, or leave without a pixel, or that test too often."""
    images = lru_cache(maxsize=1)(lambda name, path: read_images(name, path=path))
    alike: dict[tuple[Any, ...], list[tuple[PlannedRun, Experiment]]] = {}
    for run, experiment in fit:
        used = experiment.dataset.preprocessing()
        ends = experiment.network.sizes[0], experiment.network.sizes[-1]
        key = (experiment.dataset.name, experiment.dataset.path, used.crop, used.shrink, used.scale,
               used.shift, ends, experiment.training.samples)  # fmt: skip
        alike.setdefault(key, []).append((run, experiment))
    for group in alike.values():
        for run, experiment in group:  # with the images of the group, which are read once
            if error := _refusal(_check_schedule, experiment, images):
                yield run, error
        # what the highest threshold leaves on, a lower one does as well
        highest = max((experiment for _, experiment in group), key=_threshold)
        if _refusal(_check_data, highest, images) is None:
            continue
        asked: dict[float, SynfireError | None] = {}
        for run, experiment in group:
            threshold = _threshold(experiment)
            if threshold not in asked:
                asked[threshold] = _refusal(_check_data, experiment, images)
            if error := asked[threshold]:
                yield run, error


def _check_data(experiment: Experiment, images: _Reader) -> None:
    used = experiment.dataset
    dataset = binary(images(used.name, used.path), used.preprocessing())
    check_fits(dataset, experiment.network.sizes[0], experiment.network.sizes[-1])
    training_split(experiment, dataset)


def _check_schedule(experiment: Experiment, images: _Reader) -> None:
    used, plan = experiment.dataset, experiment.training
    n = plan.samples or len(images(used.name, used.path).train_labels)
    refuse_many_tests(n, plan.epochs, plan.evaluate_every)


def _threshold(experiment: Experiment) -> float:
    return experiment.dataset.preprocessing().threshold


def _refusal(check: Callable[..., None], *arguments: Any) -> SynfireError | None:
    try:
        check(*arguments)
    except SynfireError as error:
        return error
    except MemoryError as error:
        return SweepError(f"not enough memory for it here ({error}); choose smaller network.sizes")
    return None
