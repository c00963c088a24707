"""Number formats and arithmetic of Intel's Loihi: each of its numbers as a field to vary.

The defaults are those of the chip.  A what-if study changes one field::

    narrow = replace(SPECS["loihi1"], weight_bits=4)

Ranges are written as `(lowest, highest)`, both included.  Bits are counted without the sign.

Sources, named in the description of each field:

[D] Davies et al. (2018), IEEE Micro 38(1), 82-99: the chip's public description.
[R] Renner et al. (2024), Nat. Commun. 15, 9691: Methods.
[O] Orchard et al. (2021), IEEE Workshop on Signal Processing Systems, 254-259: Loihi 2.
[N] nengo-loihi 1.1, [B] brian2-loihi 0.5, [L] Lava's fixed-point LIF: three public emulators.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal, get_args

from synfire_bp.errors import HardwareError

__all__ = ["SPECS", "LoihiSpec", "Overflow", "Rounding", "SignMode"]

Rounding = Literal["toward_zero", "nearest", "stochastic"]
Overflow = Literal["wrap", "saturate"]
InputArrival = Literal["next_step", "same_step"]
Range = tuple[int, int]


class SignMode(Enum):
    """Signs that the weights of one projection may have."""

    MIXED = "mixed"
    EXCITATORY = "excitatory"
    INHIBITORY = "inhibitory"


@dataclass(frozen=True)
class LoihiSpec:
    """Number formats and conventions of a chip; the defaults are Loihi 1.

    Attributes
    ----------
    weight_bits : int
        1 … 8: bits of the mantissa of a weight, including the sign of mixed weights.  With fewer
        bits, the low ones are lost: the mantissa has steps of 2^(8 - bits), twice that if mixed [D,
        N, B].
    fixed_weight_bits : int
        1 … 8: the same for a circuit's weights that never learn.  Each projection has its own
        format on the chip, so a study of learning weights need not change the others [D].
    mixed_limits, excitatory_limits, inhibitory_limits : (int, int)
        Range of the mantissa in each sign mode [N, B; R for the circuit's mixed weights].
    symmetric : bool
        Limit mixed mantissas to the same magnitude on both sides, ±254.  The chip does not do this;
        with it, the circuit's copies W and -W cannot drift apart at the limits.
    weight_exponents : (int, int)
        Range of a weight's exponent [D, N, B].
    threshold_bits : int
        Bits of the threshold's mantissa, which counts in units of 2^6 [D, N, B].
    bias_bits : int
        Bits of the bias' mantissa; two's complement, so -4096 … 4095 [D, N].  -4096·2^7 is the
        closing bias of the circuit, -8192·2^6 [R].
    bias_exponents : (int, int)
        Range of the bias' exponent [D, N].
    decay_bits : int
        Decays are fractions of 2^bits, 0 … 2^bits: with 4096 a state decays completely within a
        step [D, B].
    refractory : (int, int)
        Range of the refractory delay in steps.  1 lets a neuron spike in the next step [D, B].
    delay_bits : int
        Bits of a synapse's extra delay, in addition to the step that every spike takes; the longest
        is 2^bits - 2, 62 steps [D, N].
    accumulator_bits : int
        Bits of the sum of arriving weights; also the limit of one effective weight [D, B].
    current_bits, voltage_bits : int
        Bits of the synaptic current and of the voltage [D, N, L].
    trace_bits, tag_bits : int
        Bits of the learning engine's traces and synaptic tags; traces have no sign [D].
    constant_bits : int
        Bits of the mantissa of a constant in a learning rule: 4 with its sign, -8 … 7 [D].
    constant_exponents : (int, int)
        Range of the exponent of such a constant [B].
    payload_bits : int
        Bits of the number that a graded spike carries, without its sign: 0, since the spikes of
        Loihi 1 have no payload [D].  Those of Loihi 2 have up to 32 bits [O].
    rounding : {"toward_zero", "nearest", "stochastic"}
        How a weight, a bias or a threshold is rounded to a mantissa: the chip drops bits [B].
        "nearest" rounds halves away from zero.
    current_decay_offset : int
        The current keeps (4096 - decay - offset) / 4096 of itself, and never less than 0.  The
        default is 1 as in Lava (`ds_offset`) and nengo-loihi, which were used alongside chips; it
        is 0 in brian2-loihi.  With a decay of 4096, the circuit's, the two are the same [L, N; B].
    voltage_decay_offset : int
        The same for the voltage: 0 in all three [L, N, B].
    current_overflow : {"wrap", "saturate"}
        What happens to a current that exceeds its bits: two's complement wraps around [N, L].
    voltage_overflow : {"wrap", "saturate"}
        What happens to a voltage that exceeds its bits: it stays at ±(2^23 - 1) [N, L].
    input_arrival : {"next_step", "same_step"}
        When an input spike scheduled for step n acts: in n + 1 [N] or in n itself [B].  A neuron's
        spike acts in n + 1 either way.

    Raises
    ------
    HardwareError
        If a field is not a value that a chip of this kind could have.
    """

    weight_bits: int = 8
    fixed_weight_bits: int = 8
    mixed_limits: Range = (-256, 254)
    excitatory_limits: Range = (0, 255)
    inhibitory_limits: Range = (-255, 0)
    symmetric: bool = False
    weight_exponents: Range = (-8, 7)
    threshold_bits: int = 17
    bias_bits: int = 12
    bias_exponents: Range = (0, 7)
    decay_bits: int = 12
    refractory: Range = (1, 64)
    delay_bits: int = 6
    accumulator_bits: int = 21
    current_bits: int = 23
    voltage_bits: int = 23
    trace_bits: int = 7
    tag_bits: int = 8
    constant_bits: int = 3
    constant_exponents: Range = (-7, 9)
    payload_bits: int = 0
    rounding: Rounding = "toward_zero"
    current_decay_offset: int = 1
    voltage_decay_offset: int = 0
    current_overflow: Overflow = "wrap"
    voltage_overflow: Overflow = "saturate"
    input_arrival: InputArrival = "next_step"

    def __post_init__(self) -> None:
        for name, (low, high) in _WHOLE.items():
            _check_whole(name, getattr(self, name), low, high)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        if not isinstance(self.symmetric, bool):
            raise HardwareError(f"symmetric is {self.symmetric!r}; must be true or false")
        for name, options in _OPTIONS.items():
            value = getattr(self, name)
            if value not in options:
                raise HardwareError(f"{name} is {value!r}; must be one of {', '.join(options)}")

    def weight_limits(self, sign_mode: SignMode) -> Range:
        """Return the range of the mantissa in a sign mode, with all of its bits."""
        if sign_mode is SignMode.EXCITATORY:
            return self.excitatory_limits
        if sign_mode is SignMode.INHIBITORY:
            return self.inhibitory_limits
        low, high = self.mixed_limits
        if self.symmetric:
            high = min(-low, high)
            low = -high
        return low, high

    @property
    def bias_limits(self) -> Range:
        """Range of the bias' mantissa: -4096 … 4095."""
        return -(2**self.bias_bits), 2**self.bias_bits - 1

    @property
    def largest_threshold(self) -> int:
        """Largest threshold, in the voltage's units: (2^17 - 1)·2^6."""
        return (2**self.threshold_bits - 1) * 2**6

    @property
    def decay_unit(self) -> int:
        """Decay that leaves nothing of a state after a step: 4096."""
        return int(2**self.decay_bits)

    @property
    def longest_delay(self) -> int:
        """Longest extra delay in steps: 62."""
        return int(2**self.delay_bits - 2)

    @property
    def input_limit(self) -> int:
        """Magnitude of the input of a step beyond which it wraps around, in 2^6: 2^15."""
        return int(2**self.accumulator_bits // 2**6)

    @property
    def voltage_limit(self) -> int:
        """Largest magnitude of a voltage that saturates: 2^23 - 1."""
        return int(2**self.voltage_bits - 1)


# Allowed values of the fields.  Sums of two states, and decayed ones, must stay within 64 bits.
_WHOLE = {
    "weight_bits": (1, 8),
    "fixed_weight_bits": (1, 8),
    "threshold_bits": (1, 31),
    "bias_bits": (1, 31),
    "decay_bits": (1, 16),
    "delay_bits": (1, 16),
    "accumulator_bits": (7, 31),
    "current_bits": (1, 31),
    "voltage_bits": (1, 31),
    "trace_bits": (1, 15),
    "tag_bits": (1, 15),
    "constant_bits": (1, 15),
    "payload_bits": (0, 31),
    "current_decay_offset": (0, 1),
    "voltage_decay_offset": (0, 1),
}
_RANGES = {
    "mixed_limits": (-256, 256),
    "excitatory_limits": (0, 256),
    "inhibitory_limits": (-256, 0),
    "weight_exponents": (-8, 16),
    "bias_exponents": (0, 16),
    "constant_exponents": (-16, 16),
    "refractory": (1, 4096),
}
_OPTIONS = {
    "rounding": get_args(Rounding),
    "current_overflow": get_args(Overflow),
    "voltage_overflow": get_args(Overflow),
    "input_arrival": get_args(InputArrival),
}


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise HardwareError(f"{name} is {value!r}; must be a whole number within {low} … {high}")


def _check_range(name: str, value: object, low: int, high: int) -> None:
    ends = value if isinstance(value, tuple) and len(value) == 2 else ()
    whole = all(isinstance(end, int) and not isinstance(end, bool) for end in ends)
    if not ends or not whole or not low <= ends[0] <= ends[1] <= high:
        raise HardwareError(
            f"{name} is {value!r}; must be a pair (lowest, highest) of whole numbers within "
            f"{low} … {high}"
        )
    if name.endswith("_limits") and not ends[0] <= 0 <= ends[1]:
        raise HardwareError(f"{name} is {value!r}; 0 must lie between them")


SPECS = {
    "loihi1": LoihiSpec(),
    "loihi1_symmetric": LoihiSpec(symmetric=True),
}
"""Chips by name, as in `hardware:` of a model file.  The second one does not exist as hardware."""
