"""A circuit's numbers in the chip's formats: its closing bias, weights, threshold and delays.

All are in units of 2^6, as in `synfire_bp.circuit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.numbers import FULL, FixedWeight, fixed_weights
from synfire_bp.errors import CircuitError
from synfire_bp.loihi.changes import Change, refused, single
from synfire_bp.loihi.formats import (
    bias_mantissa_exponent,
    effective_weight,
    weight_range,
    weight_step,
)
from synfire_bp.loihi.spec import LoihiSpec, SignMode

__all__ = ["bias_format", "constrain_circuit"]

UNIT = 2**6

FOLLOWING = {"open", "cancel", "block"}
"""Fixed weights that follow from the closing bias."""


def constrain_circuit(circuit: Circuit, spec: LoihiSpec) -> tuple[Circuit | None, list[Change]]:
    """Return the circuit that the chip can represent, None if there is none, and what changed."""
    closing, changes = _closing(circuit, spec)
    weight_limit, more = _weight_limit(circuit, spec)
    changes += [*more, *_threshold(spec), *_delays(circuit, spec), *_payloads(circuit, spec)]
    if any(change.action == "refused" for change in changes):
        return None, changes
    return replace(circuit, closing=closing, weight_limit=weight_limit), changes


def bias_format(spec: LoihiSpec, unit: int = 1) -> str:
    """Return in words which biases the chip has, in some unit of the voltage."""
    (low, high), (first, last) = spec.bias_limits, spec.bias_exponents
    return (
        f"{(low << last) // unit} … {(high << last) // unit} "
        f"(mantissas {low} … {high} times 2^{first} … 2^{last}"
        f"{f', over {unit}' if unit > 1 else ''})"
    )


# -- closing bias and fixed weights --------------------------------------------------------------


def _closing(circuit: Circuit, spec: LoihiSpec) -> tuple[int, list[Change]]:
    """Return the largest closing bias, up to the circuit's own, that the chip can hold.

    It has to fit the format of biases, and the fixed weights that follow from it have to fit the
    format of weights.
    """
    closing, weights = circuit.closing, circuit.fixed_weights
    held = {mode: _values(spec, mode) for mode in (SignMode.EXCITATORY, SignMode.INHIBITORY)}
    missing = {name: row for name, row in weights.items() if row.value not in held[_mode(row)]}
    if not missing and _bias_fits(closing, spec):
        return closing, []
    if missing.keys() <= FOLLOWING:  # otherwise no closing bias helps
        for lower in sorted(held[SignMode.EXCITATORY], reverse=True):
            follow = _fixed_weights(lower) if 0 < lower < closing else {}
            fits = all(row.value in held[_mode(row)] for row in follow.values())
            if follow and fits and _bias_fits(lower, spec):
                return lower, list(_lowered(circuit, follow, lower, spec))
    changes = []
    for name, row in missing.items():
        nearest = min(held[_mode(row)], key=lambda value: abs(value - row.value))
        limit = f"{_weight_format(spec, _mode(row))} (nearest: {nearest})"
        changes.append(refused("circuit", f"weight '{name}'", row.value, limit))
    if not _bias_fits(closing, spec):
        limit = bias_format(spec, UNIT)
        changes += [refused(name, "bias", -closing, limit) for name in _biased(circuit)]
    return closing, changes


def _lowered(
    circuit: Circuit, follow: Mapping[str, FixedWeight], closing: int, spec: LoihiSpec
) -> Iterator[Change]:
    """Yield the changes due to a smaller closing bias: bias of every population, and weights."""
    largest = (-spec.bias_limits[0] << spec.bias_exponents[1]) // UNIT
    action = "clipped" if circuit.closing > largest else "rounded"
    for name in _biased(circuit):
        yield single(name, "bias", -circuit.closing, -closing, action, bias_format(spec, UNIT))
    for name, row in circuit.fixed_weights.items():
        if name in follow and follow[name].value != row.value:
            limit = f"a closing bias of {closing}, from which this weight follows"
            yield single(
                "circuit", f"weight '{name}'", row.value, follow[name].value, action, limit
            )


def _biased(circuit: Circuit) -> Iterator[str]:
    return (name for name in circuit.population_sizes if circuit.bias(name))


def _bias_fits(closing: int, spec: LoihiSpec) -> bool:
    exact = replace(spec, rounding="toward_zero")
    mantissa, exponent = bias_mantissa_exponent(-closing * UNIT, exact)
    return bool(mantissa << exponent == -closing * UNIT)


def _fixed_weights(closing: int) -> dict[str, FixedWeight]:
    """Return the fixed weights for a closing bias; none if the bias is not possible."""
    try:
        return fixed_weights(closing)
    except CircuitError:
        return {}


def _mode(row: FixedWeight) -> SignMode:
    # a fixed projection has weights of one sign, and therefore the finer format
    return SignMode.EXCITATORY if row.value >= 0 else SignMode.INHIBITORY


def _values(spec: LoihiSpec, sign_mode: SignMode) -> set[int]:
    """Return every fixed weight that a sign mode can represent, at any exponent."""
    fixed = replace(spec, weight_bits=spec.fixed_weight_bits)
    low, high = weight_range(fixed, sign_mode)
    mantissas = np.arange(low, high + 1, weight_step(fixed, sign_mode))
    first, last = spec.weight_exponents
    exponents = np.arange(first, last + 1)[:, np.newaxis]
    arriving = effective_weight(mantissas, exponents, bits=spec.accumulator_bits)
    return set((arriving // UNIT).ravel().tolist())


def _weight_format(spec: LoihiSpec, sign_mode: SignMode) -> str:
    fixed = replace(spec, weight_bits=spec.fixed_weight_bits)
    low, high = weight_range(fixed, sign_mode)
    first, last = spec.weight_exponents
    return (
        f"{sign_mode.value} mantissas {low} … {high} in steps of {weight_step(fixed, sign_mode)}, "
        f"times 2^{first} … 2^{last}"
    )


# -- plastic weights, threshold, delays ----------------------------------------------------------


def _weight_limit(circuit: Circuit, spec: LoihiSpec) -> tuple[int, list[Change]]:
    """Return the largest magnitude, up to the circuit's own, of mixed weights in both signs."""
    (low, high), step = weight_range(spec, SignMode.MIXED), weight_step(spec, SignMode.MIXED)
    value, largest = circuit.weight_limit, min(-low, high)
    became = min(value, largest) // step * step
    limit = f"mixed mantissas {low} … {high} in steps of {step}"
    action = "clipped" if value > largest else "rounded"
    changes = [
        single(row.name, "weight limit", value, became, action, limit)
        if became
        else refused(row.name, "weight limit", value, limit)
        for row in circuit.plastic
        if became != value
    ]
    return became, changes


def _threshold(spec: LoihiSpec) -> Iterator[Change]:
    largest = spec.largest_threshold // UNIT
    if largest < FULL:
        yield refused("circuit", "threshold", FULL, f"0 … {largest}")


def _delays(circuit: Circuit, spec: LoihiSpec) -> Iterator[Change]:
    for row in circuit.projections:
        if row.extra_delay > spec.longest_delay:
            name = f"{row.pre}→{row.post}"
            yield refused(name, "extra delay", row.extra_delay, f"0 … {spec.longest_delay}")


def _payloads(circuit: Circuit, spec: LoihiSpec) -> Iterator[Change]:
    """Yield the populations whose spikes need a larger payload than the chip's can carry."""
    most = max(2**spec.payload_bits - 1, 1)
    has = (
        f"payloads of {spec.payload_bits} bits and a sign"
        if spec.payload_bits
        else ("spikes without a payload")
    )
    for name, largest in circuit.payloads.items():
        signed = circuit.grades[name][1].most > 1
        if largest > most or (signed and not spec.payload_bits):
            yield refused(name, "graded spike", largest, has)
