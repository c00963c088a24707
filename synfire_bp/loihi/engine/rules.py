"""Learning rules of the chip's engine: sums of products within its limits.

The language is that of `synfire_bp.circuit.products`; here `x0`, `y0` and `r0` are spikes in a
learning epoch, `w` is the mantissa of the weight, `d` the delay in steps, and a rule is evaluated
once per learning epoch.  Every product holds `x0`, `y0` or a flag `u_k`, which determines when it
is applied.
"""

from __future__ import annotations

from synfire_bp.circuit.products import (
    LONGEST_PERIOD,
    TARGETS,
    TRACES,
    VARIABLES,
    WIDEST,
    Factor,
    Product,
    SumOfProducts,
)
from synfire_bp.circuit.reader import read_rule, shown
from synfire_bp.errors import HardwareError, RuleError
from synfire_bp.loihi.rule_formats import product_misfits, rule_bounds
from synfire_bp.loihi.spec import LoihiSpec

__all__ = [
    "TARGETS",
    "TRACES",
    "VARIABLES",
    "Factor",
    "Product",
    "SumOfProducts",
    "parse_sum_of_products",
]


def parse_sum_of_products(text: str, spec: LoihiSpec) -> SumOfProducts:
    """Read a rule such as ``dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3)``.

    Raises
    ------
    RuleError
        If the text is not such a rule, or a product of it holds none of x0, y0 and flags u_k; the
        message points to the position, or names the product.
    HardwareError
        If a constant does not fit the engine's mantissa and exponent, the period of a flag is too
        long, or the numbers in the rule's computation would be too long.
    """
    rule = read_rule(text)
    for product in rule.products:
        where = f"rule '{shown(text)}': the product {product.text}"
        if not product.flags:
            raise RuleError(
                f"{where} holds none of x0, y0 and the flags u0 … u{LONGEST_PERIOD}; every product "
                "must hold one, because it determines when the product is applied"
            )
        for what, _, limit in product_misfits(product, spec):
            raise HardwareError(f"{where} has {what}; the engine has {limit}")
    bounds = rule_bounds(spec)
    if rule.largest(bounds) * 2**rule.fraction_bits >= 2**WIDEST:
        alone = {p: SumOfProducts(rule.target, text, (p,)).largest(bounds) for p in rule.products}
        most = max(alone, key=alone.__getitem__)
        raise HardwareError(
            f"rule '{shown(text)}' can reach a magnitude of {float(rule.largest(bounds)):.3g} with "
            f"{rule.fraction_bits} bits after the binary point, most of it from the product "
            f"{most.text}; the engine is emulated within {WIDEST} bits in all"
        )
    return rule
