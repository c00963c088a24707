"""The section `hardware` of a model file: the chip that the circuit is run on, emulated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from synfire_bp.errors import SynfireError
from synfire_bp.loihi.spec import SPECS, LoihiSpec
from synfire_bp.network.neurons import Compartments
from synfire_bp.network.plan import NetworkPlan
from synfire_bp.oracle.algorithm import Algorithm
from synfire_bp.section import unit
from synfire_bp.variants.base import Guarantees, Variant, variant

if TYPE_CHECKING:
    from synfire_bp.model.model import Model

__all__ = ["Hardware"]


@variant("hardware")
class Hardware(Variant):
    """The chip that the circuit is run on, emulated; `hardware: loihi1` is the chip as it is."""

    summary = "Chip to emulate: loihi1, or a section with chip and options. null: none."
    word = "chip"
    acts_last = True  # what is drawn is rounded to what the chip has
    position = 0

    chip: Literal["loihi1"] = Field(
        default="loihi1", description="Which chip: loihi1 (Davies et al. 2018)."
    )
    weight_bits: int = Field(
        default=8,
        ge=2,
        le=8,
        description="Bits of a learning weight. With fewer than 8, weights change in steps of "
        "2^(9 - bits), and the change given by the rule is rounded stochastically (the chip: 1 "
        "... 8; with 1 there is no positive weight).",
        json_schema_extra=unit("bits"),
    )
    symmetric: bool = Field(
        default=False,
        description="Weights end at plus and minus 254, so that copies W and -W stay equal. The "
        "chip's own limits are -256 and 254.",
    )

    def spec(self) -> LoihiSpec:
        """Return the chip with these knobs."""
        return replace(SPECS[self.chip], weight_bits=self.weight_bits, symmetric=self.symmetric)

    def network(self, network: NetworkPlan) -> NetworkPlan:
        """Return the network built of the chip's compartments."""
        return replace(network, neurons=Compartments(self.spec()))

    def algorithm(self, algorithm: Algorithm) -> Algorithm:
        """Return the algorithm, which follows a chip whose weights end at plus and minus 254."""
        if self._exact:
            return algorithm
        return algorithm.cannot(
            SynfireError(
                "the oracle clips weights at ±254 and does not include the chip; use the engine "
                "'circuit', set hardware.symmetric=true (and 8 weight bits), or remove 'hardware'"
            )
        )

    def described(self, model: Model) -> Iterator[tuple[str, str]]:
        """Yield the chip, and what its weights are."""
        yield "chip", f"{self.chip}, emulated to the last bit"
        lowest, highest = model.network.neurons.weight_bounds(model.circuit)
        ends = "alike, so that W and -W stay equal" if self.symmetric else "the chip's own limits"
        yield (
            "weights of the chip",
            f"{self.weight_bits} bits, steps of {2 ** (9 - self.weight_bits)}, {lowest} ... "
            f"{highest} ({ends})",
        )

    @property
    def _exact(self) -> bool:
        return self.symmetric and self.weight_bits == 8

    @property
    def guarantees(self) -> Guarantees:
        """Copies W and -W may drift apart, where limits or rounding differ."""
        return Guarantees(copies_equal=self._exact)
