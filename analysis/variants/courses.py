"""The courses of the study's runs: one row per run and test, read from runs or from the tables.

The figures of the study are drawn from two tables, of the variants and of the disturbances.  They
are made from the run directories, and are committed in `figures/variants/`: wherever a folder of
runs is asked for, the folder `figures` gives the same numbers without any run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from synfire_bp.errors import RunDirectoryError
from synfire_bp.model import Experiment
from synfire_bp.runs import Run

from ..shared.output import found_table
from .study import FOLDER, Group, disturbance_groups, variant_groups

__all__ = ["DISTURBANCES", "VARIANTS", "disturbance_courses", "never_fired", "variant_courses"]

VARIANTS, DISTURBANCES = "variants", "disturbances"
"""Names of the two tables, and of the figures that are drawn from them."""


def variant_courses(runs: Path) -> pd.DataFrame:
    """Return what every variant did: one row per training and test.

    Parameters
    ----------
    runs : Path
        The folder of all runs, or that of the figures, which holds the table that was made of them.

    Returns
    -------
    DataFrame
        `dataset`, `variant`, `engine`, `seed`, `epoch`; `accuracy_spikes`, `accuracy_argmax` and
        `accuracy_potential` on the test set, and `silent`, its samples without an output spike, in
        percent; `never_fired`, output units that fired for none of them; `angle_degrees` between
        the feedback weights and W2, where they are not the same; `stray_spikes` and
        `unequal_weights` since the test before; `ms_per_sample`, median of the training;
        `parameters`, all that decides the training but its seed and its length, as JSON; `commit`
        of the code that trained.  What the run did not record is NaN.

    Raises
    ------
    RunDirectoryError
        If a run is missing or unfinished; the message names the command that makes it.
    """
    return _courses(runs, VARIANTS, variant_groups())


def disturbance_courses(runs: Path) -> pd.DataFrame:
    """Return what every disturbance did in the end: `key`, `what`, `level`, and as of variants.

    One row per training: of its last test, `stray_spikes` of the whole training.
    """
    found = _gathered(runs, DISTURBANCES)
    if found is not None:
        return found
    courses = _courses(runs, DISTURBANCES, disturbance_groups())
    of_training = ["key", "level", "seed"]
    strays = courses.groupby(of_training)["stray_spikes"].transform("sum")
    last = courses["epoch"] == courses.groupby(of_training)["epoch"].transform("max")
    return courses.assign(stray_spikes=strays)[last].reset_index(drop=True)


def _gathered(runs: Path, table: str) -> pd.DataFrame | None:
    """Return a table that was made of runs before, if the folder of all runs holds one."""
    folder = runs / FOLDER
    return found_table(folder, table)


def _courses(runs: Path, table: str, groups: Sequence[Group]) -> pd.DataFrame:
    found = _gathered(runs, table)
    if found is not None:
        return found
    if not groups:
        raise RunDirectoryError("no model of the study was found; is models/variants/ there?")
    parts = [_named(_course(run), group) for group in groups for run in _runs(runs, group)]
    return pd.concat(parts, ignore_index=True)


def _named(course: pd.DataFrame, group: Group) -> pd.DataFrame:
    for place, (name, value) in enumerate(group.about.items()):
        course.insert(place, name, value)
    return course


def _runs(runs: Path, group: Group) -> Iterator[Run]:
    folder = runs / FOLDER
    for seed in group.seeds:
        path = folder / f"{group.name}-seed{seed}"
        if not path.exists():
            raise RunDirectoryError(
                f"{path}: no such run; make it with: python -m {__package__}.runs --runs {folder}"
            )
        run = Run.open(path)
        if not run.finished:
            raise RunDirectoryError(
                f"{path}: the training is unfinished; go on with: python -m {__package__}.runs "
                f"--runs {folder}"
            )
        if run.experiment.name != Experiment.from_file(group.model).name:
            raise RunDirectoryError(
                f"{path}: is a run of the model '{run.experiment.name}'; move it away"
            )
        yield run


def _course(run: Run) -> pd.DataFrame:
    metrics = run.metrics
    tests = metrics.loc[metrics["split"] == "test"].set_index("epoch")
    trained = metrics.loc[metrics["split"] == "train"].set_index("epoch")
    activity = run.activity.set_index("epoch")
    nothing = pd.Series(float("nan"), tests.index)
    per_sample = 1000 * trained["seconds"] / trained["samples"]
    n_out = run.experiment.network.sizes[-1]
    percent = ("accuracy_spikes", "accuracy_argmax", "accuracy_potential", "silent")
    table = pd.DataFrame(
        {
            "engine": run.engine,
            "seed": run.experiment.training.seed,
            **{name: (100 * tests[name]).round(6) for name in percent},
            "never_fired": activity.get("warnings", nothing).map(
                lambda said: never_fired(said, n_out)
            ),
            "angle_degrees": activity.get("angle_b2", nothing).round(3),
            "stray_spikes": activity["stray_spikes"],
            "unequal_weights": activity["unequal_weights"],
            "ms_per_sample": round(float(per_sample.median()), 4),
            "parameters": _parameters(run.experiment),
            "commit": run.provenance.get("commit"),
        }
    )
    return table.rename_axis("epoch").reset_index()


def never_fired(said: object, n_out: int) -> float:
    """Return how many output units never fired in a test, by what activity.csv warns of.

    NaN for runs of older versions, which did not warn.  Where nothing fires in a layer or the gates
    before, no output unit does.
    """
    if not isinstance(said, str):
        return float("nan")
    units = re.search(r"(?:^|; )o\[(.*?)\] silent", said)
    if units is None:
        return float(n_out) if re.search(r" silent(?:;|$)", said) else 0.0
    more = re.search(r" and (\d+) more$", units[1])
    return units[1].count(",") + 1.0 + (int(more[1]) if more else 0)


def _parameters(experiment: Experiment) -> str:
    deciding = experiment.decisive().items()
    said = {key: value for key, value in deciding if value is not None and key != "training.seed"}
    return json.dumps(said, sort_keys=True)
