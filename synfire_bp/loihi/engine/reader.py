"""Reads a learning rule from its text, and refuses what the chip's engine cannot hold.

    rule     = target "=" ["+" | "-"] product {("+" | "-") product}
    product  = part {"*" part}
    part     = constant | variable | "(" variable {("+" | "-") constant} ")"
    constant = number | "2^" ["-"] number

In brackets the variable may also stand behind constants.  A message points at the place in the
text, or names the product.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from synfire_bp.errors import HardwareError, RuleError
from synfire_bp.loihi.engine.rules import (
    LONGEST_PERIOD,
    TARGETS,
    VARIABLES,
    WIDEST,
    Factor,
    Product,
    SumOfProducts,
    known_variables,
)
from synfire_bp.loihi.spec import LoihiSpec

__all__ = ["parse_sum_of_products"]


def parse_sum_of_products(text: str, spec: LoihiSpec) -> SumOfProducts:
    """Read a rule such as ``dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3)``.

    Raises
    ------
    RuleError
        If the text is not such a rule, or a product of it holds none of x0, y0 and flags u_k; the
        message points at the place, or names the product.
    HardwareError
        If a constant does not fit the engine's mantissa and exponent, the period of a flag is too
        long, or the numbers that the rule makes would be too long.
    """
    if not isinstance(text, str):
        raise RuleError(f"a rule is a text such as 'dw = 2^-2*x1*y0', not {text!r}")
    left, equals, right = text.partition("=")
    target = left.strip()
    if not equals or target not in TARGETS:
        raise RuleError(
            f"rule '{text}' must begin with 'dw =', 'dt =' or 'dd =', as in 'dw = 2^-2*x1*y0'"
        )
    if not right.strip():
        raise RuleError(f"rule '{text}' has nothing after '{target} ='")
    rule = SumOfProducts(target, text, tuple(_Reader(text, len(left) + 1).products()))
    for product in rule.products:
        _check_product(product, f"rule '{text}': the product {product.text}", spec)
    if rule.largest(spec) * 2**rule.fraction_bits >= 2**WIDEST:
        most = max(rule.products, key=lambda p: SumOfProducts(target, text, (p,)).largest(spec))
        raise HardwareError(
            f"rule '{text}' can reach a magnitude of {float(rule.largest(spec)):.3g} with "
            f"{rule.fraction_bits} bits behind the point, most of it by the product {most.text}; "
            f"the engine is emulated within {WIDEST} bits in all"
        )
    return rule


def _check_product(product: Product, where: str, spec: LoihiSpec) -> None:
    if not any(factor.is_trigger for factor in product.factors):
        raise RuleError(
            f"{where} holds none of x0, y0 and the flags u0 … u{LONGEST_PERIOD}; every product "
            "must, because it says when the product is applied"
        )
    first, whole = spec.constant_exponents[0], max(spec.constant_exponents[0], 0)
    if not _fits(product.constant, spec, first):
        raise HardwareError(
            f"{where} has the constant {product.constant}; the engine has {_format(spec, first)}"
        )
    for factor in product.factors:
        if not _fits(Fraction(factor.plus), spec, whole):
            raise HardwareError(
                f"{where} has the factor {factor}, which adds the constant {factor.plus}; "
                f"the engine has {_format(spec, whole)}"
            )
        if factor.period is not None and factor.period > LONGEST_PERIOD:
            raise HardwareError(
                f"{where} has the flag {factor}; the engine has u0 … u{LONGEST_PERIOD}"
            )


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


_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?!\w))|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*^()]))")
_LONGEST_NUMBER = 9


class _Reader:
    """Reads the right side of a rule, token by token."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.end = len(text.rstrip())
        self.tokens: list[tuple[str, str, int]] = []
        while start < self.end:
            match = _TOKEN.match(text, start)
            if match is None:
                start += len(text[start:]) - len(text[start:].lstrip())
                raise self.fault(f"cannot read '{text[start]}' here", start)
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            start = match.end()
        self.tokens.append(("end", "", self.end))
        self.next = 0

    def fault(self, what: str, where: int | None = None) -> RuleError:
        where = self.place if where is None else where
        return RuleError(f"rule '{self.text}': {what}\n  {self.text}\n  {' ' * where}^")

    @property
    def kind(self) -> str:
        return self.tokens[self.next][0]

    @property
    def token(self) -> str:
        return self.tokens[self.next][1]

    @property
    def place(self) -> int:
        return self.tokens[self.next][2]

    def take(self) -> str:
        self.next += 1
        return self.tokens[self.next - 1][1]

    def taken(self, *signs: str) -> bool:
        """Take the next token if it is one of these signs."""
        if self.kind == "sign" and self.token in signs:
            self.next += 1
            return True
        return False

    def products(self) -> Iterator[Product]:
        """Read everything."""
        minus = self.token == "-"
        self.taken("+", "-")
        while True:
            yield self.product(-1 if minus else 1)
            if self.kind == "end":
                return
            minus = self.token == "-"
            if not self.taken("+", "-"):
                raise self.fault(f"'*', '+' or '-' is missing before '{self.token}'")

    def product(self, sign: int) -> Product:
        begin = self.place
        constant, factors = Fraction(sign), []
        while True:
            if self.kind == "number":
                constant *= self.constant()
            elif self.taken("("):
                factors.append(self.bracket())
            else:
                factors.append(Factor(self.name()))
            if not self.taken("*"):
                break
        written = self.text[begin : self.place].strip()
        return Product(constant, tuple(factors), f"-{written}" if sign < 0 else written)

    def constant(self) -> Fraction:
        """Read a whole number or a power of two."""
        where = self.place
        base = self.number()
        if not self.taken("^"):
            return Fraction(base)
        if base != 2:
            raise self.fault(f"only powers of 2 can be written, not of {base}", where)
        minus = self.taken("-")
        return Fraction(2) ** (-self.exponent() if minus else self.exponent())

    def number(self) -> int:
        if self.kind != "number":
            raise self.fault("a whole number is missing here")
        if len(self.token) > _LONGEST_NUMBER:
            raise self.fault(f"the number has more than {_LONGEST_NUMBER} digits")
        return int(self.take())

    def exponent(self) -> int:
        where, exponent = self.place, self.number()
        if exponent > WIDEST:
            raise self.fault(f"the exponent {exponent} is beyond {WIDEST}", where)
        return exponent

    def name(self) -> str:
        """Read a variable, the sign of one, or a flag."""
        if self.kind == "end":
            raise self.fault("the rule ends where a factor should follow")
        if self.kind == "sign":
            raise self.fault(f"a factor is missing before '{self.token}'")
        where, name = self.place, self.take()
        if name == "sgn":
            if not self.taken("(") or self.kind != "name":
                raise self.fault("sgn is followed by a variable in brackets, as in sgn(w)")
            name = f"sgn({self.take()})"
            if not self.taken(")"):
                raise self.fault("')' is missing after sgn and its variable")
        if name not in VARIABLES and not re.fullmatch(r"u\d{1,4}", name):
            raise self.fault(f"unknown factor '{name}'; known are {known_variables()}", where)
        return f"u{int(name[1:])}" if name.startswith("u") else name

    def bracket(self) -> Factor:
        """Read a variable and constants added to it, up to ')'."""
        begin = self.place
        name, plus = None, Fraction(0)
        minus = self.taken("-")
        while True:
            if self.kind == "number":
                plus += -self.constant() if minus else self.constant()
            elif self.kind == "name" and (name is not None or minus):
                what = "have a minus in front" if minus else "be added to another"
                raise self.fault(f"a variable in brackets cannot {what}")
            else:
                name = self.name()
            if self.taken(")"):
                break
            minus = self.token == "-"
            if not self.taken("+", "-"):
                raise self.fault("brackets hold a variable plus a constant, as in (w+3)")
        if name is None:
            raise self.fault("brackets without a variable; they hold one, as in (w+3)", begin)
        if plus.denominator != 1:
            raise self.fault(f"{plus} is added; what is added to a variable must be whole", begin)
        if plus and name.startswith("u"):
            raise self.fault(f"nothing can be added to the flag {name}", begin)
        return Factor(name, int(plus))
