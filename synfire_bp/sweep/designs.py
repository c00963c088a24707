"""Which points of a parameter space a sweep tries: designs of SALib and scipy.stats.qmc.

A design is drawn in the unit cube and carried over to values parameter by parameter
(`Parameter.at`), so that a logarithmic range, whole numbers, or a list of texts can take part in
any of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SweepError
from synfire_bp.model.yaml_text import shown
from synfire_bp.sweep.definition import Sweep
from synfire_bp.sweep.keys import SEED, override
from synfire_bp.sweep.sections import DesignSection

if TYPE_CHECKING:
    from synfire_bp.model.experiment import Experiment

__all__ = ["PlannedRun", "describe", "planned_runs", "salib_problem", "unit_points", "varied"]


@dataclass(frozen=True)
class PlannedRun:
    """One training of a sweep.

    Attributes
    ----------
    run : int
        Its number, from 0: position in the design, seeds innermost.
    point : int
        Number of the design's point, from 0.
    values : dict
        Parameter name to value, as the tables have it.
    sets : dict
        Key of the model file to what it becomes.
    unit : tuple of float
        The point in the unit cube; empty for grids and lists.
    """

    run: int
    point: int
    values: dict[str, Any]
    sets: dict[str, Any]
    unit: tuple[float, ...] = ()

    def experiment(self, base: Experiment) -> Experiment:
        """Return what is trained.

        Raises
        ------
        ExperimentError
            If the model refuses a value.
        """
        return base.changed([override(key, value) for key, value in self.sets.items()])


def planned_runs(sweep: Sweep) -> list[PlannedRun]:
    """Return all trainings of a sweep, in the order of its design.

    The same sweep gives the same list.

    Raises
    ------
    SweepError
        If the design cannot be drawn.
    """
    points = _points(sweep)
    runs: list[PlannedRun] = []
    for number, (values, unit) in enumerate(points):
        sets: dict[str, Any] = {}
        for name, value in values.items():
            parameter = sweep.parameters.get(name)
            sets |= parameter.sets(name, value) if parameter else {name: value}
        for with_seed in [{**sets, SEED: seed} for seed in sweep.seed_values or []] or [sets]:
            runs.append(PlannedRun(len(runs), number, values, with_seed, unit))
    return runs


def varied(sweep: Sweep) -> list[str]:
    """Return the names of what is varied, in the order of the file, without the seeds."""
    if sweep.design.points is None:
        return list(sweep.parameters)
    return list(dict.fromkeys(key for point in sweep.design.points for key in point))


def unit_points(design: DesignSection, names: Sequence[str]) -> NDArray[np.float64]:
    """Draw a design in the unit cube.

    Parameters
    ----------
    design : DesignSection
        Any kind but grid and list.
    names : sequence of str
        The parameters.

    Returns
    -------
    float64 array, shape (points, parameters)
        0 ... 1.
    """
    n, d, seed = design.samples or 0, len(names), design.seed
    if design.kind == "random":
        return np.random.Generator(np.random.PCG64(seed)).random((n, d))
    if design.kind in ("latin_hypercube", "sobol"):
        from scipy.stats import qmc

        if design.kind == "sobol":
            return qmc.Sobol(d, rng=np.random.default_rng(seed)).random(n)
        return qmc.LatinHypercube(d, rng=np.random.default_rng(seed)).random(n)
    problem = salib_problem(names)
    if design.kind == "saltelli":
        from SALib.sample import sobol

        return sobol.sample(problem, n, calc_second_order=design.second_order, seed=seed)
    from SALib.sample import morris

    return morris.sample(problem, n, num_levels=design.num_levels, seed=seed)


def salib_problem(names: Sequence[str]) -> dict[str, Any]:
    """Return the unit cube of some parameters, as SALib wants it."""
    return {"num_vars": len(names), "names": list(names), "bounds": [[0.0, 1.0]] * len(names)}


def _points(sweep: Sweep) -> list[tuple[dict[str, Any], tuple[float, ...]]]:
    """Return the values of every point, and where it lies in the unit cube."""
    design, parameters = sweep.design, sweep.parameters
    if design.points is not None:
        names = varied(sweep)
        for number, point in enumerate(design.points):
            if absent := [name for name in names if name not in point]:
                raise SweepError(
                    f"{sweep.name}: design: point {number} does not set {absent[0]}, which other "
                    "points set; every point must set the same keys"
                )
        return [({name: point[name] for name in names}, ()) for point in design.points]
    if design.kind == "grid":
        grids = [parameter.grid() for parameter in parameters.values()]
        return [
            (dict(zip(parameters, values, strict=True)), ()) for values in itertools.product(*grids)
        ]
    if design.kind in ("saltelli", "morris") and len(parameters) < 2:
        raise SweepError(
            f"{sweep.name}: design: '{design.kind}' compares parameters, but there is only one; "
            "use kind: grid or random"
        )
    return [
        (
            {name: p.at(float(u)) for (name, p), u in zip(parameters.items(), row, strict=True)},
            tuple(float(u) for u in row),
        )
        for row in unit_points(design, list(parameters))
    ]


def describe(sets: Mapping[str, Any]) -> str:
    """Return the entries that a run sets, for messages."""
    return ", ".join(f"{key}={shown(value)}" for key, value in sets.items()) or "no change"
