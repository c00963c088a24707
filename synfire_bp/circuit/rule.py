"""Learning rules of the plastic synapses: what a rule may contain in a circuit, and its meaning.

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
phase.  Every product that changes a weight pairs a presynaptic spike (or its trace) with a
postsynaptic one, or applies in every 2^k-th phase (`u_k`).  The sum is rounded away from zero to a
whole number, and then stochastically to an even one such that the mean is preserved, because
weights are even.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP, Accumulator
from synfire_bp.circuit.eligibility import Eligibility
from synfire_bp.circuit.products import (
    Factor,
    Product,
    SumOfProducts,
    Trace,
)
from synfire_bp.circuit.reader import read_rule, shown
from synfire_bp.circuit.rule_checks import (
    LARGEST_TAG,
    LARGEST_TRACE,
    READS,
    check_reads,
    checked,
)
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
"""Factors in the products of a rule that the algorithm in integers can follow; all are 0 or 1."""

_SPIKES = frozenset({"x0", "y0"})


@dataclass(frozen=True)
class Rule:
    """The learning rule of every plastic synapse, as read by `parse_rule`.

    Attributes
    ----------
    dw : SumOfProducts
        Change of the weight.
    dt : SumOfProducts or None
        Change of the synapse's tag; None: it has no tag.
    traces : tuple of (str, Trace)
        The traces of spikes, by name in alphabetical order.
    fine : Accumulator or None
        A tag collects fractions of the rule's change, and the weight follows.  If the weight takes
        the whole tag at intervals, `dw` and `dt` describe this; otherwise dw is the change that is
        collected.
    collected : tuple of (int, int)
        Changes by a coincidence of spikes with reward, and without, if `dw` and `dt` are those of
        such an accumulator; None: they are as written.
    eligible : Eligibility or None
        A trace accumulates dw, and a reward at the end of a sample turns it into a change; None:
        the weight takes dw at once.

    Raises
    ------
    RuleError
        By `parse_rule`, which makes it, by `accumulating` and by `remembering`.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> rule = sb.parse_rule("dw = 4*r1*x0*y0 - 2*x0*y0")
    >>> rule.change(x0=1, y0=1, r1=1), rule.by_coincidence
    (2, True)
    """

    dw: SumOfProducts
    dt: SumOfProducts | None = None
    traces: tuple[tuple[str, Trace], ...] = ()
    fine: Accumulator | None = None
    collected: tuple[int, int] | None = None
    eligible: Eligibility | None = None

    def accumulating(self, fine: Accumulator) -> Rule:
        """Return the rule whose changes are collected in fractions.

        Raises
        ------
        RuleError
            If it is of more than coincidences, or a change is too large for a tag.
        """
        self._refuse_more_than_coincidences("an accumulator collects")
        for change in self.coincidence():
            fine.check(change)
        if fine.every is None:
            return replace(self, fine=fine)
        whole = " + ".join(
            "*".join([str(p.constant * PARTS), *map(str, p.factors)]) for p in self.products
        )
        dw, dt = (
            checked(read_rule(text, (target,), READS))
            for text, target in zip(
                fine.taken(whole.replace("+ -", "- ")), ("dw", "dt"), strict=True
            )
        )
        return Rule(dw, dt, fine=fine, collected=self.coincidence())

    def in_epoch(self, epoch: int) -> Rule:
        """Return the rule with its constants in an epoch, if tags are taken as a whole.

        The last product of its dt is what the weight takes.
        """
        if self.fine is None or self.fine.every is None or self.dt is None:
            return self
        share = Fraction(self.fine.share(epoch), PARTS)
        *collected, taken = self.dt.products
        products = (*(replace(one, constant=one.constant * share) for one in collected), taken)
        return replace(self, dt=replace(self.dt, products=products))

    def remembering(self, eligible: Eligibility) -> Rule:
        """Return the rule whose changes wait in a trace for their reward.

        Raises
        ------
        RuleError
            If it is of more than coincidences, a change is too large for a trace, or an accumulator
            collects it.
        """
        if self.fine is not None:
            raise RuleError(
                "learning.accumulator and learning.eligibility are both given: a weight follows "
                "one of them; remove one"
            )
        self._refuse_more_than_coincidences("an eligibility trace accumulates")
        for change in self.coincidence():
            eligible.check(change)
        return replace(self, eligible=eligible)

    def _refuse_more_than_coincidences(self, takes: str) -> None:
        if not self.by_coincidence:
            raise RuleError(
                f"{takes} only what coincidences add: products of x0*y0, with or without r1, and "
                f"even numbers; the rule is '{shown(self.text)}'"
                + (" with a tag of its own" if self.dt is not None else "")
            )

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
        """The rules, by their target: "dw", and "dt" if there is a tag."""
        return {"dw": self.dw} | ({} if self.dt is None else {"dt": self.dt})

    @property
    def variables(self) -> frozenset[str]:
        """All variables that are read, flags u_k included."""
        return frozenset(name for total in self.sums.values() for name in total.variables)

    @property
    def periods(self) -> tuple[int, ...]:
        """The k of every flag u_k, in ascending order."""
        return tuple(sorted(int(name[1:]) for name in self.variables if name[0] == "u"))

    @property
    def timed(self) -> tuple[Product, ...]:
        """The products that are applied by flags u_k alone, independent of spikes."""
        return tuple(p for p in self._all_products if not p.flags & _SPIKES)

    @property
    def spiking(self) -> tuple[Product, ...]:
        """The products that are applied at a spike: all others."""
        return tuple(p for p in self._all_products if p.flags & _SPIKES)

    @property
    def _all_products(self) -> Iterator[Product]:
        return (product for total in self.sums.values() for product in total.products)

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
        """Whether a sample leaves some state for the next one that no checkpoint holds.

        That is a trace, a tag with a rule of its own, or a count; not what `fine` collects.
        """
        kept = self.traces or self.dt is not None or self.periods or self.eligible is not None
        return self.fine is None and bool(kept)

    @property
    def remains(self) -> bool:
        """Whether less than a whole step remains in the tag of an accumulator."""
        return self.fine is not None and self.fine.every is None

    @property
    def rounds(self) -> bool:
        """Whether dw can be odd, so that it is rounded stochastically."""
        moves = any(product.constant for product in self.products)
        return moves and self.dw.grain % WEIGHT_STEP != 0

    @property
    def bare(self) -> Rule:
        """A rule of the same structure, whatever the constants, impulses and time constants."""
        return replace(
            self,
            dw=_bare(self.dw, rounds=self.rounds, plain=self.by_coincidence),
            dt=None if self.dt is None else _bare(self.dt),
            traces=tuple((name, Trace(1)) for name, _ in self.traces),
            fine=self.fine and Accumulator(every=self.fine.every),
            collected=self.collected and (0, 0),
            eligible=self.eligible and self.eligible.bare,
        )

    def coefficients(self, epoch: int = 0) -> dict[str, int]:
        """Return the constants as whole numbers, by the names that they have in Brian2 code.

        They count in the smallest fraction of their rule, 2^-`fraction_bits`; where an accumulator
        collects them, in parts of a step, as many as it takes in this epoch of the training; where
        a trace takes them up, in parts of a step, too.
        """
        if self.remains:
            assert self.fine is not None
            return {
                f"gain_{k}": self.fine.gain(epoch, int(product.constant))
                for k, product in enumerate(self.products)
            }
        if self.eligible is not None:
            return {
                f"gain_{k}": self.eligible.impulse(int(product.constant))
                for k, product in enumerate(self.products)
            }
        values = {}
        for target, total in self.in_epoch(epoch).sums.items():
            name = "gain" if target == "dw" else "gain_of_tag"
            for k, product in enumerate(total.products):
                values[f"{name}_{k}"] = int(product.constant * 2**total.fraction_bits)
        return values

    def coincidence(self) -> tuple[int, int]:
        """Return the change by a coincidence of spikes with reward, and without.

        Raises
        ------
        RuleError
            If weights change in other ways, which the algorithm in integers (`synfire_bp.oracle`)
            cannot follow.
        """
        if self.collected is not None:
            return self.collected
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
    """Return a sum of products with standard constants and as many bits after the binary point."""
    unit = Fraction(1, 2**total.fraction_bits)
    constant = unit if rounds else Fraction(WEIGHT_STEP)

    def bare(product: Product) -> Product:
        factors = tuple(sorted(set(product.factors), key=str)) if plain else product.factors
        return Product(constant, factors, "")

    return replace(total, text="", products=tuple(bare(product) for product in total.products))


def _is_even(constant: Fraction) -> bool:
    return constant.denominator == 1 and constant.numerator % WEIGHT_STEP == 0


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
        The traces: x1 and x2 of presynaptic, y1, y2 and y3 of postsynaptic spikes.

    Returns
    -------
    Rule
        Weights, tag and traces count in whole numbers, time constants in time steps.

    Raises
    ------
    RuleError
        If a text is not a sum of products (the message points to the position), a product would
        change weights without a pair of spikes or traces, a trace or tag that is read does not
        exist, or a constant is too large.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> sb.parse_rule("dw = 4*r1*x0*y0 - 2*x0*y0").coincidence()
    (2, -2)
    """
    if isinstance(text, str) and "=" not in text and text.strip() in RULES:
        if tag is not None or traces:
            raise RuleError(
                f"the rule '{text}' has a name, and its own tag and traces; give no others"
            )
        return RULES[text.strip()]
    dw = checked(read_rule(_whole_rule(text), ("dw",), READS))
    dt = None if tag is None else checked(read_rule(tag, ("dt",), READS))
    rule = Rule(dw, dt, tuple(sorted((traces or {}).items(), key=lambda item: item[0])))
    check_reads(rule)
    return rule


def _whole_rule(text: str) -> str:
    """Return a rule's text, or say that it is neither a rule nor a name."""
    if isinstance(text, str) and re.fullmatch(r"\s*[A-Za-z][\w.-]*\s*", text):
        try:
            RULES.find(text.strip())
        except SynfireError as error:
            raise RuleError(f"{error}; or write a rule, such as '{PAPER_RULE}'") from None
    return text


RULES: Registry[Rule] = Registry("rule")
"""Rules by the name that model files may use instead of a text."""


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

    Returns
    -------
    Rule
        The registered rule.

    Raises
    ------
    RuleError
        If it cannot be read.
    SynfireError
        If the name is taken.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> _ = sb.rule("bold", "dw = 8*r1*x0*y0 - 4*x0*y0")
    >>> sb.Experiment.from_file("digits", ["learning.rule=bold"]).learning.parsed().text
    'dw = 8*r1*x0*y0 - 4*x0*y0'
    """
    if not name or not all(c.isalnum() or c in "_-." for c in name):
        raise RuleError(
            f"'{shown(name)}' is not a name for a rule; use letters, digits, _, - and ."
        )
    found = parse_rule(text, tag, traces)
    RULES.register(name, found, module=str(sys._getframe(1).f_globals.get("__name__", "")))
    return found


rule = register_rule  # its public name, `synfire_bp.rule`

register_rule("paper", PAPER_RULE)
