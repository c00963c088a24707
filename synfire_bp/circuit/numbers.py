"""The numbers of the circuit, in units of the chip's 2^6 (paper: Methods)."""

from __future__ import annotations

from dataclasses import dataclass

from synfire_bp.errors import CircuitError

__all__ = [
    "CLOSING",
    "EXPONENTS",
    "FULL",
    "FixedWeight",
    "HALF",
    "LARGEST_MANTISSA",
    "LONGEST_EXTRA_DELAY",
    "STRONGEST_BLOCK",
    "VOLTAGE_LIMIT",
    "WEAKEST_BLOCK",
    "WEIGHT_LIMIT",
    "fixed_weights",
]

FULL = 1024
"""Firing threshold of every neuron: it spikes if its sum is greater (not equal)."""


HALF = 512
"""Threshold of the step activation: half of the full one."""


CLOSING = 8192
"""Magnitude of the bias that keeps a population closed."""


WEIGHT_LIMIT = 254
"""Largest magnitude of a plastic weight."""


LARGEST_MANTISSA = 255


EXPONENTS = range(-8, 8)


WEAKEST_BLOCK, STRONGEST_BLOCK = 64, LARGEST_MANTISSA * 2 ** EXPONENTS[-1]
"""Magnitudes that a block of its own strength may have, in weight units."""


LONGEST_EXTRA_DELAY = 62


VOLTAGE_LIMIT = (2**23 - 1) // 2**6
"""Largest sum that the chip's 23-bit voltage holds, in units of 2^6."""


@dataclass(frozen=True)
class FixedWeight:
    """A weight in the chip's format: an 8-bit mantissa times a power of two.

    Attributes
    ----------
    name : str
        What the weight does, as in the paper's tables.
    mantissa : int
        Signed, magnitude at most 255.
    exponent : int
        -8 ... 7.
    """

    name: str
    mantissa: int
    exponent: int

    @property
    def value(self) -> int:
        """The weight, `mantissa * 2**exponent`; whole by construction."""
        return int(self.mantissa * 2**self.exponent)

    @classmethod
    def from_value(cls, name: str, value: int) -> FixedWeight:
        """Write `value` with the finest exponent whose mantissa still fits.

        Raises
        ------
        CircuitError
            If no mantissa of 8 bits and exponent of the chip give the value.
        """
        for exponent in range(EXPONENTS.stop):
            mantissa, rest = divmod(abs(value), 2**exponent)
            if mantissa <= LARGEST_MANTISSA:
                if rest:
                    break
                return cls(name, mantissa if value >= 0 else -mantissa, exponent)
        raise CircuitError(
            f"fixed weight '{name}' = {value} is not a mantissa of at most {LARGEST_MANTISSA} "
            f"times a power of two up to 2^{EXPONENTS[-1]}, as the chip needs"
        )


def fixed_weights(closing: int = CLOSING) -> dict[str, FixedWeight]:
    """Return the table of fixed weights for a closing bias of magnitude `closing`.

    `open` opens a closed population to the half threshold, `half` in addition to threshold 0,
    `cancel` to the full threshold; `block` closes it further.

    Raises
    ------
    CircuitError
        If the chip cannot hold one of the weights.
    """
    if closing <= 0:
        raise CircuitError(f"closing bias is {closing}, but must be positive")
    cancel = FixedWeight.from_value("cancel", closing)
    relay = FULL - HALF + 8
    values = {
        "relay": relay,
        "inhibition": -relay,
        "open": closing + HALF,
        "half": HALF,
        "ring": 9280,
    }
    return {name: FixedWeight.from_value(name, value) for name, value in values.items()} | {
        "cancel": cancel,
        "block": FixedWeight("block", 1 - cancel.mantissa, cancel.exponent),
    }
