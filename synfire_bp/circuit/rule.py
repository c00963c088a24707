"""Learning rules, written as the chip writes them: a sum of products.

The paper's rule is ``dw = 4*r1*x0*y0 - 2*x0*y0``: in every step in which the presynaptic neuron
(`x0`) and the postsynaptic neuron (`y0`) fire together, the weight grows by 2 if the reward
signal `r1` is on, and shrinks by 2 if it is not.  A rule is read from its text and checked;
`synfire_bp.network.learning` turns it into Brian2 code.  Nothing about it is hard-coded elsewhere.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from synfire_bp.errors import RuleError

__all__ = ["FACTORS", "PAPER_RULE", "Product", "Rule", "parse_rule"]

PAPER_RULE = "dw = 4*r1*x0*y0 - 2*x0*y0"
"""The rule of every plastic synapse (paper: Methods)."""

FACTORS = {
    "x0": "the presynaptic neuron fired in this step",
    "y0": "the postsynaptic neuron fired in this step",
    "r1": "the reward signal",
}
"""What a product may contain; all are 0 or 1."""

_WEIGHT_STEP = 2  # mixed-sign weights are even


@dataclass(frozen=True)
class Product:
    """One product of a rule: a whole number times flags."""

    coefficient: int
    factors: frozenset[str]


@dataclass(frozen=True)
class Rule:
    """A learning rule for the weight, as read by `parse_rule`."""

    text: str
    products: tuple[Product, ...]

    def change(self, **flags: int) -> int:
        """Return dw for given flags; those not named are 0."""
        on = {name for name, value in flags.items() if value}
        return sum(p.coefficient for p in self.products if p.factors <= on)

    @property
    def structure(self) -> tuple[tuple[str, ...], ...]:
        """The factors of each product: what a program is built for; coefficients are numbers."""
        return tuple(tuple(sorted(product.factors)) for product in self.products)

    @property
    def bare(self) -> str:
        """A rule of the same structure, whatever the coefficients and the spelling."""
        return "dw = " + " + ".join("*".join(["2", *factors]) for factors in self.structure)

    def coefficients(self) -> dict[str, int]:
        """Return the coefficients by the names that they have in Brian2 code."""
        return {f"gain_{k}": product.coefficient for k, product in enumerate(self.products)}

    def coincidence(self) -> tuple[int, int]:
        """Return what a coincidence of spikes adds with reward, and without.

        Raises
        ------
        RuleError
            If the rule changes weights without a coincidence: the algorithm in integers
            (`synfire_bp.oracle`) then has no equal.
        """
        alone = [p for p in self.products if not {"x0", "y0"} <= p.factors]
        if alone:
            raise RuleError(
                f"rule '{self.text}' changes weights without a coincidence of x0 and y0, which "
                "the oracle cannot follow; run it with the engine 'circuit'"
            )
        return self.change(x0=1, y0=1, r1=1), self.change(x0=1, y0=1)


_TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?!\w))|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+*]))")


def parse_rule(text: str) -> Rule:
    """Read a rule such as ``dw = 4*r1*x0*y0 - 2*x0*y0``.

    Every product holds `x0` (a weight is touched when its presynaptic neuron fires), any of the
    other `FACTORS`, and whole even numbers (weights have steps of 2).

    Raises
    ------
    RuleError
        If the text is not such a sum of products; the message points at the place.
    """
    if not isinstance(text, str):
        raise RuleError(f"a rule is a text such as '{PAPER_RULE}', not {text!r}")
    left, equals, right = text.partition("=")
    if not equals or left.strip() != "dw":
        raise RuleError(f"rule '{text}' must begin with 'dw =', for example '{PAPER_RULE}'")
    products = _sum_of_products(text, len(left) + 1)
    if not right.strip() or not products:
        raise RuleError(f"rule '{text}' has nothing after 'dw ='; an example: '{PAPER_RULE}'")
    for product in products:
        shown = "*".join([str(product.coefficient), *sorted(product.factors)])
        if "x0" not in product.factors:
            raise RuleError(
                f"rule '{text}': the product {shown} does not contain x0; every product must, "
                "because a weight is touched when its presynaptic neuron fires"
            )
        if product.coefficient % _WEIGHT_STEP:
            raise RuleError(
                f"rule '{text}': the product {shown} has an odd coefficient; the weights are "
                f"even and move in steps of {_WEIGHT_STEP}"
            )
    return Rule(text, tuple(products))


def _sum_of_products(text: str, start: int) -> list[Product]:
    products: list[Product] = []
    position, sign = start, 1
    expects_factor, first = True, True
    coefficient = 1
    factors: set[str] = set()

    def fault(what: str, where: int) -> RuleError:
        return RuleError(f"rule '{text}': {what}\n  {text}\n  {' ' * where}^")

    end = len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            where = position + len(text[position:]) - len(text[position:].lstrip())
            raise fault(
                f"cannot read '{text[where]}' here; a rule is a sum of products of whole numbers "
                f"and {', '.join(FACTORS)}",
                where,
            )
        token, where = match.group().strip(), match.end() - len(match.group().strip())
        position = match.end()
        if match["sign"]:
            if token == "*":
                if expects_factor:
                    raise fault("'*' needs a factor before it", where)
                expects_factor = True
            else:
                if expects_factor and not first:
                    raise fault(f"'{token}' follows an operator", where)
                if not first:
                    products.append(Product(sign * coefficient, frozenset(factors)))
                sign, coefficient, factors = (1 if token == "+" else -1), 1, set()
                expects_factor = True
        elif not expects_factor:
            raise fault(f"'*', '+' or '-' is missing before '{token}'", where)
        else:
            if match["number"]:
                coefficient *= int(token)
            elif token in FACTORS:
                factors.add(token)
            else:
                raise fault(
                    f"unknown factor '{token}'; known are "
                    + ", ".join(f"{name} ({what})" for name, what in FACTORS.items()),
                    where,
                )
            expects_factor = False
        first = False
    if not first and expects_factor:
        raise fault("the rule ends where a factor should follow", end)
    if not first:
        products.append(Product(sign * coefficient, frozenset(factors)))
    return products
