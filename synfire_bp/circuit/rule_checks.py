"""What a learning rule of a circuit may not contain; it is refused when it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from synfire_bp.circuit.numbers import WEIGHT_LIMIT
from synfire_bp.circuit.products import (
    LONGEST_PERIOD,
    TRACES,
    WIDEST,
    Product,
    SumOfProducts,
    Trace,
)
from synfire_bp.circuit.reader import shown
from synfire_bp.errors import RuleError

if TYPE_CHECKING:
    from synfire_bp.circuit.rule import Rule

__all__ = ["LARGEST_TAG", "LARGEST_TRACE", "READS", "check_reads", "checked"]

LARGEST_TRACE = 127
LARGEST_TAG = 255

READS = ("x0", "x1", "x2", "y0", "y1", "y2", "y3", "r1", "w", "t", "sgn(w)", "sgn(t)")
BOUNDS = {name: LARGEST_TRACE for name in TRACES if name != "r1"} | {
    "w": WEIGHT_LIMIT,
    "t": LARGEST_TAG,
}
_PRE, _POST = ("x0", "x1", "x2"), ("y0", "y1", "y2", "y3")
_LARGEST_CONSTANT = 2**24


def checked(total: SumOfProducts) -> SumOfProducts:
    """Return a sum of products without those that are 0, or refuse it."""
    kept = tuple(product for product in total.products if product.constant)
    total = replace(total, products=kept or total.products[:1])
    for product in total.products:
        where = f"rule '{shown(total.text)}': the product {shown(product.text)}"
        _check_pair(product, where)
        _check_size(product, where)
    bits = total.fraction_bits
    if total.largest(BOUNDS) * 2**bits >= 2**WIDEST:
        raise RuleError(
            f"rule '{shown(total.text)}' can reach a magnitude of "
            f"{float(total.largest(BOUNDS)):.3g} with {bits} bits after the binary point; it is "
            f"computed within {WIDEST} bits in all"
        )
    return total


def _check_pair(product: Product, where: str) -> None:
    """Refuse a product without a factor for when it is applied, or with only one of the neurons."""
    if not product.flags:
        raise RuleError(
            f"{where} lacks x0 or y0; every product must hold one of them, or a flag u_k, because "
            "that determines when it is applied"
        )
    sides = {"x0": (_PRE, "presynaptic"), "y0": (_POST, "postsynaptic")}
    read = {factor.name for factor in product.factors}
    if not read & {*_PRE, *_POST}:
        return  # a flag u_k alone: all copies of a weight change at the same time
    plain = {factor.name for factor in product.factors if not factor.plus}
    for spike, (names, what) in sides.items():
        if not plain & set(names):
            raise RuleError(
                f"{where} lacks {spike}, or a trace of {what} spikes ({', '.join(names[1:])}), not "
                "in brackets: it would change the copies of a weight in different phases, and "
                f"they would drift apart; multiply it by {spike}"
            )


def _check_size(product: Product, where: str) -> None:
    bits = product.constant.denominator.bit_length() - 1
    if abs(product.constant) * 2**bits > _LARGEST_CONSTANT or bits > 24:
        raise RuleError(
            f"{where} has the constant {shown(str(product.constant))}; constants are within "
            f"±{_LARGEST_CONSTANT}, with at most 24 bits before and after the binary point together"
        )
    for factor in product.factors:
        if factor.period is not None and factor.period > LONGEST_PERIOD:
            raise RuleError(f"{where} has the flag {factor}; known are u0 … u{LONGEST_PERIOD}")
        if abs(factor.plus) > _LARGEST_CONSTANT:
            raise RuleError(f"{where} adds {factor.plus}; at most {_LARGEST_CONSTANT} is allowed")


def check_reads(rule: Rule) -> None:
    """Refuse variables that are read but do not exist, and impossible traces."""
    for name, trace in rule.traces:
        if not isinstance(trace, Trace):
            raise RuleError(f"trace {name} is {trace!r:.60}; must be a Trace(impulse, tau)")
        if name not in BOUNDS or name in ("w", "t"):
            known = ", ".join(trace for trace in TRACES if trace != "r1")
            raise RuleError(f"there is no trace '{name}'; known are {known}")
        if (misfit := trace.misfit(LARGEST_TRACE, "phases")) is not None:
            raise RuleError(f"trace {name}: {misfit}")
    there = {name for name, _ in rule.traces}
    if rule.dt is not None and "t" not in rule.dw.variables:
        raise RuleError(
            f"rule '{shown(rule.text)}' never reads the tag t, which '{shown(rule.dt.text)}' "
            "changes; write t into it, or leave learning.tag out"
        )
    for total in rule.sums.values():
        where = f"rule '{shown(total.text)}'"
        for name in total.variables:
            if name in TRACES and name != "r1" and name not in there:
                raise RuleError(
                    f"{where}: {name} is read, but there is no such trace; give its impulse and "
                    f"time constant (learning.traces: {{{name}: {{impulse: 40, tau: 24}}}})"
                )
            if name == "t" and rule.dt is None:
                raise RuleError(
                    f"{where}: the tag t is read, but nothing changes it; give a rule for it "
                    "(learning.tag: dt = …)"
                )
        if max(abs(p.constant) for p in total.products) * 2**total.fraction_bits >= 2**30:
            raise RuleError(
                f"{where}: its constants differ too much in size; written as whole numbers of the "
                "smallest fraction they must have at most 30 bits"
            )
