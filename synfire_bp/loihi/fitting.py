"""Energy and time of a sample, fitted to the paper's measurements: fits and predictions.

The paper measured four numbers: energy and time of a sample, in training and in inference.  Three
parameters are fitted to them (`fit`; they are named in `synfire_bp.loihi.parameters`).  A fit to
three of the four numbers determines all three parameters and predicts the fourth number
(`leave_one_out`).  The other parameters are drawn from their ranges (`drawn`), which gives every
prediction a band.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import qmc

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.costs import EnergyTable
from synfire_bp.loihi.counting import (
    OPERATIONS,
    SpikeCounts,
    Visits,
    forward_counts,
    operations,
)
from synfire_bp.loihi.energy import MEASURED, farthest_seconds
from synfire_bp.loihi.parameters import FITTED_NAMES, RANGES, Parameters
from synfire_bp.loihi.placement import Placement, learns

__all__ = [
    "QUANTITIES",
    "Fit",
    "Outcome",
    "Workload",
    "band",
    "drawn",
    "fit",
    "leave_one_out",
    "measured",
]

QUANTITIES = ("training energy", "training time", "inference energy", "inference time")
"""Quantities that the paper measured for a sample, in J and s."""

_DAVIES = EnergyTable()
_BEGIN = (0.5, 0.02, 0.3)
"""Starting point of a fit, as fractions of the ranges."""


# ----------------------------------------------------------------------------------------------
# The model, as fast arithmetic
# ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """Energy and time of a sample in one mode, in J and s; `dynamic`: energy of operations."""

    dynamic: float
    joules: float
    seconds: float


class _Mode:
    """Operations of a circuit in a placement, as arrays: gives the cost for any parameters."""

    def __init__(self, placement: Placement, counts: SpikeCounts, samples: int):
        def counted(visits: Visits) -> pd.DataFrame:
            return operations(placement.circuit, counts, placement, samples, visits=visits)

        fewest, most = counted("coincidences"), counted("all")
        costs, rest = _DAVIES.costs(), list(OPERATIONS[2:])
        self.cores, self.resources = placement.n_cores, placement.resources
        self.phases = placement.circuit.n_phases
        self.learns = learns(placement.circuit)
        self.synaptic = _by_phase(fewest.synaptic_operations)
        self.together, self.every = (_by_phase(one.learning_updates) for one in (fewest, most))
        self.rest_joules = sum(float(fewest[name].sum()) * costs[name].joules for name in rest)
        in_core = rest[:3]  # neurons and the spikes that they send
        self.rest_seconds = sum(
            (costs[name].seconds * _by_phase(fewest[name]) for name in in_core),
            np.zeros_like(self.synaptic),
        )
        apart = farthest_seconds(fewest, placement, _DAVIES)
        self.fixed_seconds = float(apart.sum()) + self.phases * _DAVIES.barrier_seconds(
            placement.n_tiles
        )

    def outcome(self, p: Parameters) -> Outcome:
        """Return energy and time of a sample; as `synfire_bp.loihi.energy.energy`, but faster."""
        visits = self.together + p.visited * (self.every - self.together)
        busy = (
            self.rest_seconds
            + p.synaptic_seconds * self.synaptic
            + p.learning_seconds * visits
        )  # fmt: skip
        step = p.management + self.learns * p.prelearning
        seconds = busy.max(axis=1).sum() + self.fixed_seconds + self.phases * step + p.host
        dynamic = (
            self.rest_joules
            + p.synaptic_joules * self.synaptic.sum()
            + p.learning_joules * visits.sum()
        )
        total = dynamic + p.static_power * seconds
        return Outcome(float(dynamic), float(total), float(seconds))


def _by_phase(column: pd.Series) -> NDArray[np.float64]:
    """Return a column of operations as an array, shape (n_phases, n_cores)."""
    return column.unstack("core").to_numpy(dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Workload:
    """The chip's operations for a sample, in training and in inference.

    Make one with `Workload.of`.
    """

    training: _Mode
    inference: _Mode

    @classmethod
    def of(
        cls, training: Placement, inference: Placement, counts: SpikeCounts, samples: int
    ) -> Workload:
        """Count the operations of a training sample, and of its forward part.

        Parameters
        ----------
        training, inference : Placement
            Of the two circuits.
        counts : mapping
            Population name to spikes per phase of the training circuit, as in `operations`.
        samples : int
            Number of samples that were counted.

        Raises
        ------
        HardwareError
            If the spikes belong to other circuits.
        """
        forward = forward_counts(inference.circuit, counts, samples)
        return cls(_Mode(training, counts, samples), _Mode(inference, forward, samples))

    def outcomes(self, parameters: Parameters) -> dict[str, Outcome]:
        """Return energy and time of a sample, by mode: "training", "inference"."""
        return {mode: getattr(self, mode).outcome(parameters) for mode in ("training", "inference")}

    def values(self, parameters: Parameters) -> dict[str, float]:
        """Return the model's values of the four `QUANTITIES`, in J and s."""
        outcomes = self.outcomes(parameters)
        return {
            f"{mode} {what}": getattr(outcomes[mode], name)
            for mode in outcomes
            for what, name in (("energy", "joules"), ("time", "seconds"))
        }

    def ratios(self, parameters: Parameters) -> dict[str, float]:
        """Return modelled divided by measured value, for each of the `QUANTITIES`."""
        theirs = measured()
        return {name: value / theirs[name] for name, value in self.values(parameters).items()}


def measured() -> dict[str, float]:
    """Return the four `QUANTITIES` as the paper measured them, in J and s."""
    return {
        name: getattr(MEASURED[name.split()[0]], "joules" if "energy" in name else "seconds")
        for name in QUANTITIES
    }


# ----------------------------------------------------------------------------------------------
# Fits
# ----------------------------------------------------------------------------------------------


def fit(
    workload: Workload, used: Sequence[str] = QUANTITIES, start: Parameters | None = None
) -> Parameters:
    """Fit the `FITTED_NAMES` to measured numbers: least squares of the ratios' logarithms.

    Parameters
    ----------
    workload : Workload
        Workload of the measured network.
    used : sequence of str
        Which of the `QUANTITIES` are used.
    start : Parameters, optional
        Values of the parameters that are not fitted; default: only the published costs.

    Raises
    ------
    HardwareError
        If a quantity is unknown, or none is used.
    """
    if not used or set(used) - set(QUANTITIES):
        raise HardwareError(
            f"a fit uses {', '.join(used) or 'nothing'}; must be some of {', '.join(QUANTITIES)}"
        )
    start, theirs = start or Parameters(), measured()
    scale = np.array([RANGES[name].high for name in FITTED_NAMES])

    def at(x: NDArray[np.float64]) -> Parameters:
        return replace(start, **dict(zip(FITTED_NAMES, (x * scale).tolist(), strict=True)))

    def off(x: NDArray[np.float64]) -> list[float]:
        values = workload.values(at(x))
        return [float(np.log(values[name] / theirs[name])) for name in used]

    found = least_squares(off, _BEGIN, bounds=(0, 1), xtol=1e-12, ftol=1e-12)
    return at(found.x)


@dataclass(frozen=True)
class Fit:
    """A fit: the numbers that it used, and the resulting parameters."""

    used: tuple[str, ...]
    parameters: Parameters

    @property
    def predicted(self) -> tuple[str, ...]:
        """The quantities that it did not use, and predicts."""
        return tuple(name for name in QUANTITIES if name not in self.used)


def leave_one_out(workload: Workload, start: Parameters | None = None) -> Iterator[Fit]:
    """Yield a fit to all four numbers, then one without each of them, which it predicts."""
    for left_out in (None, *QUANTITIES):
        used = tuple(name for name in QUANTITIES if name != left_out)
        yield Fit(used, fit(workload, used, start))


def drawn(n: int, seed: int = 0) -> Iterator[Parameters]:
    """Yield `n` draws of the parameters that are not fitted, from their ranges (Sobol points).

    Costs of operations are drawn uniformly on a logarithmic scale, the others uniformly.  A band
    over these draws shows how much a prediction depends on unknown parameters; it is not a
    confidence interval.
    """
    names = [field.name for field in fields(Parameters) if field.name not in FITTED_NAMES]
    for point in qmc.Sobol(len(names), seed=seed).random(n):
        values: dict[str, float] = {}
        for name, share in zip(names, point.tolist(), strict=True):
            of = RANGES[name]
            values[name] = (
                of.low * (of.high / of.low) ** share
                if of.factor
                else of.low + share * (of.high - of.low)
            )
        yield Parameters(**values)


def band(
    values: Sequence[Mapping[str, float]], low: float = 0.05, high: float = 0.95
) -> dict[str, tuple[float, float]]:
    """Return, for each key, the quantiles `low` and `high` of several mappings' values."""
    return {
        name: tuple(np.quantile([one[name] for one in values], (low, high)).tolist())
        for name in values[0]
    }
