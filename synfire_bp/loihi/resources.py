"""Resources of one chip: its cores, their capacity, and where they lie.

Cores lie in tiles, tiles in a grid.  Core 0 … 3 make tile 0; tiles are numbered along the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import ceil

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.rows import PlasticProjection, Projection
from synfire_bp.errors import HardwareError

__all__ = ["LIMITS", "ChipResources", "check_positive"]

LIMITS = ("compartments", "input axons", "output axons", "synaptic memory")
"""Limits that can fill a core; columns of `Placement.cores`."""


@dataclass(frozen=True)
class ChipResources:
    """Resources of one chip.  The defaults are those of Loihi 1.

    Sources: [D] Davies et al. (2018), IEEE Micro 38(1), 82-99.  [A] assumed here: we know of no
    public number; each can be varied in a what-if study.

    Attributes
    ----------
    cores : int
        Neuromorphic cores [D].
    compartments, input_axons, output_axons : int
        Per core [D].
    synaptic_memory : int
        Bytes per core: 128 KB [D].
    cores_per_tile : int
        128 cores in 32 tiles, the largest number in the table of barrier times [D].
    tile_columns : int
        Tiles in a row of the grid: 8 x 4 tiles [A].  Determines the hops between tiles.
    learning_synapse_bits : int
        Memory of a synapse that learns, all to all: its 8-bit weight, and 8 more bits for the state
        of the learning engine (tag, delay, share of the list's header) [A]. 8 would be the weight
        alone; weight, delay and tag at full width (9 + 6 + 9 bits) would be 24.
    dense_synapse_bits : int
        Memory of a synapse that does not learn, all to all: its 8-bit weight and a bit for its
        share of the list's header; the position in the list gives the target [A].
    single_synapse_bits : int
        Memory of a single synapse, as in one-to-one projections and gates: 8 bits of weight, 6 of
        delay, 10 to address one of 1,024 compartments [A].

    Raises
    ------
    HardwareError
        If a field is not a positive whole number.
    """

    cores: int = 128
    compartments: int = 1024
    input_axons: int = 4096
    output_axons: int = 4096
    synaptic_memory: int = 128 * 1024
    cores_per_tile: int = 4
    tile_columns: int = 8
    learning_synapse_bits: int = 16
    dense_synapse_bits: int = 9
    single_synapse_bits: int = 24

    def __post_init__(self) -> None:
        for field in fields(self):
            check_positive(f"chip: {field.name}", getattr(self, field.name))

    @property
    def limits(self) -> tuple[int, ...]:
        """Capacity of a core for each of the `LIMITS`; memory in bits."""
        return (self.compartments, self.input_axons, self.output_axons, 8 * self.synaptic_memory)

    def tiles(self, cores: int) -> int:
        """Return the number of tiles of the first `cores` cores."""
        return ceil(cores / self.cores_per_tile)

    def hops(
        self, source: NDArray[np.integer] | int, target: NDArray[np.integer] | int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many hops a spike takes from core to core: east-west, and north-south.

        Along the row first, then along the column; none within a tile.
        """
        tile, other = (np.asarray(core) // self.cores_per_tile for core in (source, target))
        columns = self.tile_columns
        east_west = np.abs(tile % columns - other % columns)
        north_south = np.abs(tile // columns - other // columns)
        return east_west.astype(np.int64), north_south.astype(np.int64)

    def synapse_bits(self, projection: Projection | PlasticProjection, learning: bool) -> int:
        """Return the memory of one synapse of a projection, in bits."""
        if isinstance(projection, Projection):
            return self.single_synapse_bits
        return self.learning_synapse_bits if learning else self.dense_synapse_bits


def check_positive(what: str, value: object) -> None:
    """Refuse a value that is not a positive whole number.

    Raises
    ------
    HardwareError
        With a message that begins with `what`.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise HardwareError(f"{what} is {value!r}; must be a whole number of 1 or more")
