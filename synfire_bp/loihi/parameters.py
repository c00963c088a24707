"""Parameters of the cost of a sample on the chip that are not public, each with its range.

The number of operations times the costs of Davies et al. (2018) gives less than all four numbers
that the paper measured.  The other contributions are not public; a handful of parameters describes
them:

    visited      share of synapses visited by the learning engine, from coincidences alone to all
    static_power power that the chip draws all the time
    management   time of a step besides its operations; prelearning: further time where it learns
    host         time of a sample besides its steps
    learning_…   cost of a visit; synaptic_…: of a synaptic operation

The number of cores is a parameter, too; it is given by a `Placement`.
"""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.loihi.costs import EnergyTable
from synfire_bp.loihi.energy import MEASURED

__all__ = ["FITTED", "FITTED_NAMES", "RANGES", "Parameters", "Range"]

_DAVIES = EnergyTable()


@dataclass(frozen=True)
class Parameters:
    """Costs that the chip's public description does not give, or gives as a bound only.

    With the defaults, only operations cost anything.  Units: J, s, W.

    Attributes
    ----------
    visited : float
        Synapses that the learning engine visits in a step.  0: those whose two neurons fire
        together; 1: every learning synapse; linear in between.
    static_power : float
        Power that the chip draws all the time.  It includes the power of the x86 cores while they
        manage: the two cannot be distinguished, since management takes nearly all the time of an
        inference sample.
    management : float
        Time of a step besides its operations and the barrier.
    prelearning : float
        Further management time in each step of a circuit that learns.
    host : float
        Time of a sample besides its steps.
    learning_joules, learning_seconds : float
        Cost of a visit of the learning engine to a synapse.
    synaptic_joules, synaptic_seconds : float
        Cost of a synaptic operation.
    """

    visited: float = 0.0
    static_power: float = 0.0
    management: float = 0.0
    prelearning: float = 0.0
    host: float = 0.0
    learning_joules: float = _DAVIES.learning_updates[0]
    learning_seconds: float = _DAVIES.learning_updates[1]
    synaptic_joules: float = _DAVIES.synaptic_operations[0]
    synaptic_seconds: float = _DAVIES.synaptic_operations[1]

    def table(self) -> EnergyTable:
        """Return the costs as `synfire_bp.loihi.energy.energy` takes them, without `visited`."""
        return EnergyTable(
            synaptic_operations=(self.synaptic_joules, self.synaptic_seconds),
            learning_updates=(self.learning_joules, self.learning_seconds),
            management=(0.0, self.management),
            prelearning=(0.0, self.prelearning),
            host=(0.0, self.host),
            static_power=self.static_power,
        )


@dataclass(frozen=True)
class Range:
    """The range of a parameter, and its reason.

    Attributes
    ----------
    low, high : float
        Ends, in J, s or W.
    why : str
        Reason for the range.
    factor : bool
        Whether values are drawn uniformly on a logarithmic scale, because the ends are multiples
        of the published cost.
    """

    low: float
    high: float
    why: str
    factor: bool = False


_TRAINING, _INFERENCE = MEASURED["training"], MEASURED["inference"]
_STEPS = {"training": 12, "inference": 4}

RANGES = {
    "visited": Range(0.0, 1.0, "from coincidences alone to every synapse in every step"),
    "static_power": Range(
        0.0, _TRAINING.joules / _TRAINING.seconds, "at most the power measured in training; the "
        "power measured in inference allows no more than 14.7 mW",
    ),
    "management": Range(
        0.0, _TRAINING.seconds / _STEPS["training"], "at most the measured time of a training "
        "step; the time measured in inference allows no more than 42.5 µs",
    ),
    "prelearning": Range(
        0.0, _INFERENCE.seconds / _STEPS["inference"], "assumed: at most the longest management "
        "time that inference allows",
    ),
    "host": Range(
        0.0, _INFERENCE.seconds, "at most the measured time of an inference sample; the paper "
        "subtracts the host's phase, so 0 is most likely",
    ),
    "learning_joules": Range(60e-12, 240e-12, "assumed: half to twice the published 120 pJ", True),
    "learning_seconds": Range(3.05e-9, 12.2e-9, "assumed: half to twice the published 6.1 ns",
                              True),
    "synaptic_joules": Range(
        23.6e-12, 47.2e-12, "the published 23.6 pJ is a minimum; up to twice that is assumed", True
    ),
    "synaptic_seconds": Range(
        1.75e-9, 3.5e-9, "the published 3.5 ns is a maximum; down to half of it is assumed", True
    ),
}  # fmt: skip
"""Range of each parameter."""

FITTED_NAMES = ("visited", "static_power", "management")
"""Parameters that are fitted; the others keep their defaults, or are drawn for a band."""

FITTED = Parameters(visited=0.79, static_power=7.4e-3, management=41e-6)
"""Fitted to training energy, inference energy and inference time in the authors' placement.

Training time is then predicted.  Two digits, since no more are known; made from the spikes of the
runs named in ``figures/paper/table_cost_parameters.csv``.
"""
