"""Limits of the chip's engine for a learning rule: constants, periods and lengths of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from synfire_bp.circuit.products import LONGEST_PERIOD, TRACES, Product
from synfire_bp.loihi.spec import LoihiSpec

__all__ = ["factor_misfits", "product_misfits", "rule_bounds"]


def rule_bounds(spec: LoihiSpec) -> dict[str, int]:
    """Return the largest magnitude of every variable that a rule reads."""
    ranges = (spec.mixed_limits, spec.excitatory_limits, spec.inhibitory_limits)
    bounds = dict.fromkeys(TRACES, int(2**spec.trace_bits - 1))
    bounds["t"] = int(2**spec.tag_bits - 1)
    bounds["w"] = max(abs(end) for ends in ranges for end in ends)
    bounds["d"] = spec.longest_delay
    return bounds


def product_misfits(product: Product, spec: LoihiSpec) -> Iterator[tuple[str, float, str]]:
    """Yield what exceeds the engine's limits in a product: in words, a number, what would fit."""
    constant, first = product.constant, spec.constant_exponents[0]
    if not _fits(constant, spec, first):
        yield f"the constant {constant}", float(constant), _format(spec, first)
    yield from factor_misfits(product, spec)


def factor_misfits(product: Product, spec: LoihiSpec) -> Iterator[tuple[str, float, str]]:
    """Yield likewise the factors of a product that the engine cannot hold."""
    whole = max(spec.constant_exponents[0], 0)
    for factor in product.factors:
        if not _fits(Fraction(factor.plus), spec, whole):
            about = f"the factor {factor}, which adds the constant {factor.plus}"
            yield about, factor.plus, _format(spec, whole)
        if factor.period is not None and factor.period > LONGEST_PERIOD:
            yield f"the flag {factor}", factor.period, f"u0 … u{LONGEST_PERIOD}"


def _fits(constant: Fraction, spec: LoihiSpec, first: int) -> bool:
    half = 2**spec.constant_bits
    mantissas = (constant / Fraction(2) ** e for e in range(first, spec.constant_exponents[1] + 1))
    return not constant or any(m.denominator == 1 and -half <= m < half for m in mantissas)


def _format(spec: LoihiSpec, first: int) -> str:
    half = 2**spec.constant_bits
    return (
        f"mantissas {-half} … {half - 1} ({spec.constant_bits} bits and a sign) times "
        f"2^{first} … 2^{spec.constant_exponents[1]}"
    )
