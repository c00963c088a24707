"""What the cost of a sample on the chip hangs on and is not public: parameters with ranges.

Operations times the costs of Davies et al. (2018) stay below all that the paper measured.  What a
chip does besides is not public, so it is a handful of named numbers:

    visited      how many synapses the learning engine visits, from coincidences alone to every one
    static_power what the chip draws all the time
    management   what a step takes besides its operations; prelearning: once more where it learns
    host         what a sample takes besides its steps
    learning_…   cost of a visit; synaptic_…: of a synaptic operation

The number of cores is one, too; it is a `Placement`.
"""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.loihi.costs import EnergyTable
from synfire_bp.loihi.energy import MEASURED

__all__ = ["FITTED", "FITTED_NAMES", "RANGES", "Parameters", "Range"]

_DAVIES = EnergyTable()


@dataclass(frozen=True)
class Parameters:
    """What the chip's public description leaves open, or gives as a bound only.

    The defaults are operations alone.  Units: J, s, W.

    Attributes
    ----------
    visited : float
        Synapses that the learning engine visits in a step: 0, those whose neurons fire together;
        1, every learning synapse; a straight line in between.
    static_power : float
        Drawn all the time.  What the x86 cores draw while they manage is in it: the two cannot be
        told apart, since management fills nearly all the time of an inference sample.
    management : float
        Time of a step besides operations and barrier.
    prelearning : float
        The same, once more in each step of a circuit that learns.
    host : float
        Time of a sample besides its steps.
    learning_joules, learning_seconds : float
        A visit of the learning engine to a synapse.
    synaptic_joules, synaptic_seconds : float
        A synaptic operation.
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
        """Return the costs, for `synfire_bp.loihi.energy.energy`; `visited` is not among them."""
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
    """Within what a parameter may lie, and why.

    Attributes
    ----------
    low, high : float
        Ends, in J, s or W.
    why : str
        What says so.
    factor : bool
        It is drawn evenly on a logarithmic scale: the ends are factors of the published cost.
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
        0.0, _TRAINING.joules / _TRAINING.seconds, "at most all power measured in training; that "
        "measured in inference leaves no more than 14.7 mW",
    ),
    "management": Range(
        0.0, _TRAINING.seconds / _STEPS["training"], "at most all time measured of a training "
        "step; that measured in inference leaves no more than 42.5 µs",
    ),
    "prelearning": Range(
        0.0, _INFERENCE.seconds / _STEPS["inference"], "at most as long as management can be in "
        "inference; assumed",
    ),
    "host": Range(
        0.0, _INFERENCE.seconds, "at most all time measured of an inference sample; the paper "
        "subtracts the host's phase, so 0 is most likely",
    ),
    "learning_joules": Range(60e-12, 240e-12, "half to twice the published 120 pJ; assumed", True),
    "learning_seconds": Range(3.05e-9, 12.2e-9, "half to twice the published 6.1 ns; assumed",
                              True),
    "synaptic_joules": Range(
        23.6e-12, 47.2e-12, "the published 23.6 pJ is the least; up to twice that, assumed", True
    ),
    "synaptic_seconds": Range(
        1.75e-9, 3.5e-9, "the published 3.5 ns is the longest; down to half of it, assumed", True
    ),
}  # fmt: skip
"""Of every parameter."""

FITTED_NAMES = ("visited", "static_power", "management")
"""What is fitted; the other parameters keep their defaults, or are drawn for a band."""

FITTED = Parameters(visited=0.79, static_power=7.4e-3, management=41e-6)
"""Fitted to training energy, inference energy and inference time in the authors' placement.

Training time is then predicted.  Two digits, since more are not known; from the spikes of the runs
that ``figures/paper/table_cost_parameters.csv`` names.
"""
