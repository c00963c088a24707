"""Reads a learning rule from its text.

    rule     = target "=" ["+" | "-"] product {("+" | "-") product}
    product  = part {"*" part}
    part     = constant | variable | "(" variable {("+" | "-") constant} ")"
    constant = number | "2^" ["-"] number

In brackets the variable may also follow constants.  A message points to the position in the text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from fractions import Fraction

from synfire_bp.circuit.products import (
    TARGETS,
    VARIABLES,
    WIDEST,
    Factor,
    Product,
    SumOfProducts,
    known_variables,
)
from synfire_bp.errors import RuleError

__all__ = ["read_rule", "shown"]

_LONGEST_TEXT = 2000
_LONGEST_SHOWN = 200


def read_rule(
    text: str, targets: Collection[str] = tuple(TARGETS), variables: Collection[str] = VARIABLES
) -> SumOfProducts:
    """Read a rule such as ``dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3)``.

    Parameters
    ----------
    text : str
        The rule.
    targets : collection of str
        Targets that it may change, of `TARGETS`.
    variables : collection of str
        Variables that it may read, of `VARIABLES`, besides flags u_k.

    Raises
    ------
    RuleError
        If the text is not such a rule; the message points at the place.
    """
    example = f"{next(iter(targets))} = 2^-2*x1*y0"
    if not isinstance(text, str):
        raise RuleError(f"a rule is a text such as '{example}', not {text!r:.60}")
    left, equals, right = text.partition("=")
    target = left.strip()
    if not equals or target not in targets:
        *others, last = (f"'{name} ='" for name in targets)
        begins = f"{', '.join(others)} or {last}" if others else last
        raise RuleError(f"rule '{shown(text)}' must begin with {begins}, as in '{example}'")
    if not right.strip():
        raise RuleError(f"rule '{shown(text)}' has nothing after '{target} ='")
    if len(text) > _LONGEST_TEXT:
        raise RuleError(
            f"rule '{shown(text)}' has {len(text)} characters; at most {_LONGEST_TEXT} are allowed"
        )
    return SumOfProducts(target, text, tuple(_Reader(text, len(left) + 1, variables).products()))


def shown(text: str) -> str:
    """Return a text as messages show it, shortened if it is long."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?!\w))|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*^()]))", re.ASCII
)
_LONGEST_NUMBER = 9


class _Reader:
    """Reads the right side of a rule, token by token."""

    def __init__(self, text: str, start: int, variables: Collection[str]) -> None:
        self.text = text
        self.variables = variables
        self.end = len(text.rstrip())
        self.tokens: list[tuple[str, str, int]] = []
        while start < self.end:
            match = _TOKEN.match(text, start)
            if match is None:
                start += len(text[start:]) - len(text[start:].lstrip())
                word = re.match(r"\w+|.", text[start:], re.ASCII)
                raise self.fault(
                    f"cannot read '{word.group() if word else text[start]}' here; constants are "
                    "whole numbers and powers of two, such as 3*2^-4",
                    start,
                )
            kind = str(match.lastgroup)
            self.tokens.append((kind, match[kind], match.start(kind)))
            start = match.end()
        self.tokens.append(("end", "", self.end))
        self.next = 0

    def fault(self, what: str, where: int | None = None) -> RuleError:
        where = self.place if where is None else where
        if len(self.text) > _LONGEST_SHOWN:
            return RuleError(f"rule '{shown(self.text)}', character {where + 1}: {what}")
        line = self.text.replace("\n", " ")
        return RuleError(f"rule '{self.text}': {what}\n  {line}\n  {' ' * where}^")

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
        if name not in self.variables and not re.fullmatch(r"u[0-9]{1,4}", name):
            known = known_variables(self.variables)
            raise self.fault(f"unknown factor '{shown(name)}'; known are {known}", where)
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
            raise self.fault("brackets without a variable; they must hold one, as in (w+3)", begin)
        if plus.denominator != 1:
            raise self.fault(f"{plus} is added; a number added to a variable must be whole", begin)
        if plus and name.startswith("u"):
            raise self.fault(f"nothing can be added to the flag {name}", begin)
        return Factor(name, int(plus))
