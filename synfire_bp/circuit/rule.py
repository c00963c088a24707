"""Learning rules of the plastic synapses: what a rule may say in a circuit, and what it means.

The paper's rule is ``dw = 4*r1*x0*y0 - 2*x0*y0``: in every step in which the presynaptic neuron
(`x0`) and the postsynaptic neuron (`y0`) fire together, the weight grows by 2 if the reward
signal `r1` is on, and shrinks by 2 if it is not.  A rule is read from its text and checked;
`synfire_bp.network.learning` turns it into Brian2 code.  Nothing about it is hard-coded elsewhere.

Other rules are written in the same language (`synfire_bp.circuit.products`), with traces of spikes
and a second rule for a tag that each synapse keeps::

    parse_rule("dw = 2^-2*r1*x0*y1 - 2^-3*x1*y0",
               traces={"x1": Trace(impulse=40, tau=24), "y1": Trace(impulse=40, tau=24)})
    parse_rule("dw = u3*t", tag="dt = 4*r1*x0*y0 - 2*x0*y0 - u3*t")

A rule is evaluated in every phase of a sample, with the weights, the tag and the traces of that
phase.  Whatever changes a weight pairs a presynaptic spike (or its trace) with a postsynaptic one,
or comes every 2^k-th phase (`u_k`).  Its sum is rounded away from zero to a whole number, and then
at random to an even one, such that the mean is kept: weights are even.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from synfire_bp.circuit.numbers import WEIGHT_LIMIT
from synfire_bp.circuit.products import (
    LONGEST_PERIOD,
    TRACES,
    WIDEST,
    Factor,
    Product,
    SumOfProducts,
    Trace,
)
from synfire_bp.circuit.reader import read_rule, shown
from synfire_bp.errors import RuleError, SynfireError
from synfire_bp.registry import Registry

__all__ = [
    "FACTORS",
    "LARGEST_TAG",
    "LARGEST_TRACE",
    "PAPER_RULE",
    "RULES",
    "Product",
    "Rule",
    "Trace",
    "named_rule",
    "parse_rule",
    "register_rule",
]

PAPER_RULE = "dw = 4*r1*x0*y0 - 2*x0*y0"
"""The rule of every plastic synapse (paper: Methods)."""

FACTORS = {
    "x0": "the presynaptic neuron fired in this step",
    "y0": "the postsynaptic neuron fired in this step",
    "r1": "the reward signal",
}
"""What the products of a rule contain that the algorithm in integers follows; all are 0 or 1."""

LARGEST_TRACE = 127
LARGEST_TAG = 255

_READS = ("x0", "x1", "x2", "y0", "y1", "y2", "y3", "r1", "w", "t", "sgn(w)", "sgn(t)")
_BOUNDS = {name: LARGEST_TRACE for name in TRACES if name != "r1"} | {
    "w": WEIGHT_LIMIT,
    "t": LARGEST_TAG,
}
_PRE, _POST = ("x0", "x1", "x2"), ("y0", "y1", "y2", "y3")
_WEIGHT_STEP = 2  # mixed-sign weights are even
_LARGEST_CONSTANT = 2**24


@dataclass(frozen=True)
class Rule:
    """What every plastic synapse does, as read by `parse_rule`.

    Attributes
    ----------
    dw : SumOfProducts
        What the weight changes by.
    dt : SumOfProducts or None
        What the synapse's tag changes by; None: it has no tag.
    traces : tuple of (str, Trace)
        The traces of spikes that there are, by name in alphabetical order.
    """

    dw: SumOfProducts
    dt: SumOfProducts | None = None
    traces: tuple[tuple[str, Trace], ...] = ()

    @property
    def text(self) -> str:
        """The rule for the weight, as it was written."""
        return self.dw.text

    @property
    def products(self) -> tuple[Product, ...]:
        """The products of the rule for the weight."""
        return self.dw.products

    @property
    def sums(self) -> dict[str, SumOfProducts]:
        """The rules, by what they change: "dw", and "dt" if there is a tag."""
        return {"dw": self.dw} | ({} if self.dt is None else {"dt": self.dt})

    @property
    def variables(self) -> frozenset[str]:
        """All that is read, flags u_k included."""
        return frozenset(name for total in self.sums.values() for name in total.variables)

    @property
    def periods(self) -> tuple[int, ...]:
        """The k of every flag u_k, in rising order."""
        return tuple(sorted(int(name[1:]) for name in self.variables if name[0] == "u"))

    def change(self, **values: int) -> int:
        """Return dw for given variables, rounded away from zero; those not named are 0."""
        return self.dw.change(**values)

    @cached_property
    def by_coincidence(self) -> bool:
        """Whether weights change, by even numbers, where both neurons fire, and only there.

        The algorithm in integers (`synfire_bp.oracle`) then computes the same.
        """
        plain = {Factor(name) for name in FACTORS}
        return (
            self.dt is None
            and not self.traces
            and {"x0", "y0"} <= self.dw.triggers
            and all(set(p.factors) <= plain and _is_even(p.constant) for p in self.products)
        )

    @property
    def by_events(self) -> bool:
        """Whether nothing changes at a synapse whose presynaptic neuron is silent."""
        return all("x0" in total.triggers for total in self.sums.values())

    @property
    def keeps(self) -> bool:
        """Whether something of a sample is left for the next one: a trace, a tag, a count."""
        return bool(self.traces or self.dt is not None or self.periods)

    @property
    def rounds(self) -> bool:
        """Whether dw can be odd, so that it is rounded at random."""
        moves = any(product.constant for product in self.products)
        return moves and self.dw.grain % _WEIGHT_STEP != 0

    @property
    def bare(self) -> Rule:
        """A rule of the same structure, whatever the constants, impulses and time constants."""
        return replace(
            self,
            dw=_bare(self.dw, rounds=self.rounds, plain=self.by_coincidence),
            dt=None if self.dt is None else _bare(self.dt),
            traces=tuple((name, Trace(1)) for name, _ in self.traces),
        )

    def coefficients(self) -> dict[str, int]:
        """Return the constants as whole numbers, by the names that they have in Brian2 code.

        They count in the smallest fraction of their rule, 2^-`fraction_bits`.
        """
        values = {}
        for target, total in self.sums.items():
            name = "gain" if target == "dw" else "gain_of_tag"
            for k, product in enumerate(total.products):
                values[f"{name}_{k}"] = int(product.constant * 2**total.fraction_bits)
        return values

    def coincidence(self) -> tuple[int, int]:
        """Return what a coincidence of spikes adds with reward, and without.

        Raises
        ------
        RuleError
            If weights change otherwise: the algorithm in integers (`synfire_bp.oracle`) then has
            no equal.
        """
        if not self.by_coincidence:
            what = ""
            if self.dt is not None:
                what = f" with the tag '{shown(self.dt.text)}'"
            elif self.traces:
                what = f" with traces ({', '.join(name for name, _ in self.traces)})"
            raise RuleError(
                f"the oracle cannot follow the rule '{shown(self.text)}'{what}: it knows products "
                "of x0*y0, with and without r1, and even numbers, and neither traces nor tags; "
                "only the engine 'circuit' trains it"
            )
        return self.change(x0=1, y0=1, r1=1), self.change(x0=1, y0=1)


def _bare(total: SumOfProducts, *, rounds: bool = True, plain: bool = False) -> SumOfProducts:
    """Return a sum of products with standard constants, and the same places behind the point."""
    unit = Fraction(1, 2**total.fraction_bits)
    constant = unit if rounds else Fraction(_WEIGHT_STEP)

    def bare(product: Product) -> Product:
        factors = tuple(sorted(set(product.factors), key=str)) if plain else product.factors
        return Product(constant, factors, "")

    return replace(total, text="", products=tuple(bare(product) for product in total.products))


def _is_even(constant: Fraction) -> bool:
    return constant.denominator == 1 and constant.numerator % _WEIGHT_STEP == 0


def parse_rule(
    text: str, tag: str | None = None, traces: Mapping[str, Trace] | None = None
) -> Rule:
    """Read a rule such as ``dw = 4*r1*x0*y0 - 2*x0*y0``, or the name of one in `RULES`.

    Parameters
    ----------
    text : str
        The rule for the weight, ``dw = …``; or a name, which stands for tag and traces as well.
    tag : str, optional
        The rule for a tag that each synapse keeps, ``dt = …``; it starts from 0.
    traces : mapping of str to Trace, optional
        The traces that there are: x1 and x2 of presynaptic, y1, y2 and y3 of postsynaptic spikes.

    Raises
    ------
    RuleError
        If a text is no sum of products (the message points at the place), a product would change
        weights without a pair of spikes or traces, a trace or a tag is read that there is not, or
        a constant is too large.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.parse_rule("dw = 4*r1*x0*y0 - 2*x0*y0").coincidence()
    (2, -2)
    """
    if isinstance(text, str) and "=" not in text and text.strip() in RULES:
        if tag is not None or traces:
            raise RuleError(
                f"the rule '{text}' has a name, and with it its own tag and traces; give none "
                "besides"
            )
        return RULES[text.strip()]
    dw = _checked(read_rule(_whole_rule(text), ("dw",), _READS))
    dt = None if tag is None else _checked(read_rule(tag, ("dt",), _READS))
    rule = Rule(dw, dt, tuple(sorted((traces or {}).items(), key=lambda item: item[0])))
    _check_reads(rule)
    return rule


def _whole_rule(text: str) -> str:
    """Return a rule's text, or say that it is neither a rule nor a name."""
    if isinstance(text, str) and re.fullmatch(r"\s*[A-Za-z][\w.-]*\s*", text):
        try:
            RULES.find(text.strip())
        except SynfireError as error:
            raise RuleError(f"{error}; or write a rule, such as '{PAPER_RULE}'") from None
    return text


def _checked(total: SumOfProducts) -> SumOfProducts:
    """Return a sum of products without those that are 0, or refuse it."""
    kept = tuple(product for product in total.products if product.constant)
    total = replace(total, products=kept or total.products[:1])
    for product in total.products:
        where = f"rule '{shown(total.text)}': the product {shown(product.text)}"
        _check_pair(product, where)
        _check_size(product, where)
    bits = total.fraction_bits
    if total.largest(_BOUNDS) * 2**bits >= 2**WIDEST:
        raise RuleError(
            f"rule '{shown(total.text)}' can reach a magnitude of "
            f"{float(total.largest(_BOUNDS)):.3g} with {bits} bits behind the point; it is "
            f"computed within {WIDEST} bits in all"
        )
    return total


def _check_pair(product: Product, where: str) -> None:
    """Refuse a product that says nowhere when it is applied, or sees one neuron alone."""
    if not product.flags:
        raise RuleError(
            f"{where} lacks x0 or y0; every product must hold one of them, or a flag u_k, because "
            "that says when it is applied"
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
                "in brackets: it would change each copy of a weight in phases of its own, and they "
                f"would drift apart; multiply it by {spike}"
            )


def _check_size(product: Product, where: str) -> None:
    bits = product.constant.denominator.bit_length() - 1
    if abs(product.constant) * 2**bits > _LARGEST_CONSTANT or bits > 24:
        raise RuleError(
            f"{where} has the constant {shown(str(product.constant))}; constants are within "
            f"±{_LARGEST_CONSTANT}, with at most 24 bits before and behind the point together"
        )
    for factor in product.factors:
        if factor.period is not None and factor.period > LONGEST_PERIOD:
            raise RuleError(f"{where} has the flag {factor}; there are u0 … u{LONGEST_PERIOD}")
        if abs(factor.plus) > _LARGEST_CONSTANT:
            raise RuleError(f"{where} adds {factor.plus}; at most {_LARGEST_CONSTANT} can be")


def _check_reads(rule: Rule) -> None:
    """Refuse what is read and is not there, and traces that cannot be."""
    for name, trace in rule.traces:
        if not isinstance(trace, Trace):
            raise RuleError(f"trace {name} is {trace!r:.60}; must be a Trace(impulse, tau)")
        if name not in _BOUNDS or name in ("w", "t"):
            known = ", ".join(trace for trace in TRACES if trace != "r1")
            raise RuleError(f"there is no trace '{name}'; there are {known}")
        _check_trace(name, trace)
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


def _check_trace(name: str, trace: Trace) -> None:
    impulse, tau = trace.impulse, trace.tau
    if isinstance(impulse, bool) or not isinstance(impulse, int) or not 0 <= impulse <= 127:
        raise RuleError(
            f"trace {name}: the impulse is {impulse!r}; must be a whole number within "
            f"0 … {LARGEST_TRACE}"
        )
    number = isinstance(tau, int | float) and not isinstance(tau, bool)
    if tau is not None and not (number and 0 <= tau < float("inf")):
        raise RuleError(
            f"trace {name}: the time constant is {tau!r}; must be a number of phases from 0, or "
            "none for a trace that does not decay"
        )


RULES: Registry[Rule] = Registry("rule")
"""Rules by the name that model files may use in the place of a text."""


def register_rule(
    name: str, text: str, *, tag: str | None = None, traces: Mapping[str, Trace] | None = None
) -> Rule:
    """Register a learning rule under a name, for ``learning: {rule: name}`` in model files.

    Parameters
    ----------
    name : str
        Letters, digits, '_', '-' and '.'.
    text, tag, traces
        As of `parse_rule`.

    Raises
    ------
    RuleError
        If it cannot be read.
    SynfireError
        If the name is taken.
    """
    if not name or not all(c.isalnum() or c in "_-." for c in name):
        raise RuleError(f"'{shown(name)}' is no name for a rule; use letters, digits, _, - and .")
    found = parse_rule(text, tag, traces)
    RULES.register(name, found, module=str(sys._getframe(1).f_globals.get("__name__", "")))
    return found


def named_rule(text: str) -> bool:
    """Return whether a text is the name of a rule."""
    return text.strip() in RULES


register_rule("paper", PAPER_RULE)
