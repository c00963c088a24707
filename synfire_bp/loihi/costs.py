"""Energy and time of each operation of the chip, and of a step and a sample besides operations.

Davies et al. (2018) give the costs of operations.  The further costs of a step or a sample are not
public; these terms are 0 here unless they are given, and `synfire_bp.loihi.fitting` fits them to
the paper's measurements.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.counting import OPERATIONS

__all__ = ["Cost", "EnergyTable"]

Pair = tuple[float, float]


class Cost(NamedTuple):
    """Energy and time of one operation."""

    joules: float
    seconds: float


@dataclass(frozen=True)
class EnergyTable:
    """Costs of operations, as (joules, seconds): pre-silicon estimates at 0.75 V.

    Source: Davies et al. (2018), IEEE Micro 38(1), 82-99.

    Attributes
    ----------
    synaptic_operations : (float, float)
        One synapse passes one spike on; the table gives the least energy and the longest time.
    learning_updates : (float, float)
        One synapse visited by the learning engine (pairwise STDP).
    active_updates, inactive_updates : (float, float)
        One neuron for one step.
    spikes_in_tile : (float, float)
        One spike for one core.
    hops_east_west, hops_north_south : (float, float)
        One spike from one tile to the next.
    barrier : (float, float)
        Seconds that a mesh-wide barrier takes over 1 tile and over 32; linear in between [assumed].
        The table has no energy for it.
    management : (float, float)
        One time step, besides operations and barrier: the x86 cores' share, and spikes that are
        sent in and read out. 0: left out, since no such number is public.
    prelearning : (float, float)
        Further management in each step of a circuit that learns.
    host : (float, float)
        One sample, besides its steps.
    static_power : float
        Watts that the chip draws all the time.
    """

    synaptic_operations: Pair = (23.6e-12, 3.5e-9)
    learning_updates: Pair = (120e-12, 6.1e-9)
    active_updates: Pair = (81e-12, 8.4e-9)
    inactive_updates: Pair = (52e-12, 5.3e-9)
    spikes_in_tile: Pair = (1.7e-12, 2.1e-9)
    hops_east_west: Pair = (3.0e-12, 4.1e-9)
    hops_north_south: Pair = (4.0e-12, 6.5e-9)
    barrier: Pair = (113e-9, 465e-9)
    management: Pair = (0.0, 0.0)
    prelearning: Pair = (0.0, 0.0)
    host: Pair = (0.0, 0.0)
    static_power: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            for value in np.atleast_1d(getattr(self, field.name)):
                if not (np.isfinite(value) and value >= 0):
                    raise HardwareError(
                        f"energy table: {field.name} is {getattr(self, field.name)}; must be "
                        "finite and not negative"
                    )

    def costs(self) -> dict[str, Cost]:
        """Return the cost of each of the `OPERATIONS`."""
        return {name: Cost(*getattr(self, name)) for name in OPERATIONS}

    def barrier_seconds(self, tiles: int) -> float:
        """Return the time of one barrier over so many tiles."""
        one, all_of_them = self.barrier
        return one + (all_of_them - one) * (tiles - 1) / 31

    def step(self, learns: bool) -> Cost:
        """Return the cost of a time step besides operations and barrier."""
        joules, seconds = np.add(self.management, np.multiply(learns, self.prelearning))
        return Cost(float(joules), float(seconds))
