"""Sums of products: the one language of learning rules, for the circuit and for the chip's engine.

    dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3) + u2*t

A product is a constant (whole numbers and powers of two) times `VARIABLES`, each as it is or in
brackets with a whole constant added, and flags `u0`, `u1`, …: `u_k` is set in every 2^k-th step in
which the rule is evaluated.  `dw` changes the weight, `dt` the tag and `dd` the delay, all computed
from the values before.

A sum of products is exact, and independent of Brian2 and of any chip::

    rule = read_rule("dw = 2^-2*x1*y0 - x0*y1")
    rule.value(x1=5, y0=1)         # Fraction(5, 4)
    rule.change(x1=5, y0=1)        # 2: away from zero

`synfire_bp.circuit.reader` reads them.  The limits for plastic synapses of a circuit are in
`synfire_bp.circuit.rule`, those of the chip's engine in `synfire_bp.loihi.rule_formats`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction

from synfire_bp.errors import RuleError

__all__ = [
    "LONGEST_PERIOD",
    "TARGETS",
    "TRACES",
    "VARIABLES",
    "WIDEST",
    "Factor",
    "Product",
    "SumOfProducts",
    "Trace",
    "known_variables",
]

TARGETS = {"dw": "weight", "dt": "tag", "dd": "delay"}
"""What a rule may change."""

VARIABLES = {
    "x0": "presynaptic spike",
    "x1": "presynaptic trace",
    "x2": "presynaptic trace",
    "y0": "postsynaptic spike",
    "y1": "postsynaptic trace",
    "y2": "postsynaptic trace",
    "y3": "postsynaptic trace",
    "r0": "reward spike",
    "r1": "reward",
    "w": "weight",
    "t": "tag",
    "d": "delay in steps",
    "sgn(w)": "sign of the weight: -1, 0 or 1",
    "sgn(t)": "sign of the tag: -1, 0 or 1",
}
"""Variables that a product may contain besides its constant and flags u_k."""

TRACES = ("x1", "x2", "y1", "y2", "y3", "r1")

LONGEST_PERIOD = 9
"""The largest k of a flag u_k."""

WIDEST = 62
"""Most bits of a rule's value, fraction included: 64-bit code is then exact."""


def known_variables(names: Collection[str] = tuple(VARIABLES)) -> str:
    """Return what a product may contain, in words."""
    known = (f"{name} ({what})" for name, what in VARIABLES.items() if name in names)
    return ", ".join(known) + ", and flags u_k"


@dataclass(frozen=True)
class Trace:
    """A trace of spikes: `impulse` is added at a spike, and the trace decays exponentially.

    Attributes
    ----------
    impulse : int
        0 … 127.  The trace saturates at 127.
    tau : float or None
        Time constant in steps: T steps leave exp(-T/tau) of the trace, with stochastic rounding
        that preserves the mean. 0: nothing is left after a step.  None: no decay.

    Raises
    ------
    RuleError
        By `parse_rule`, if a number is out of its range.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> traces = {"x1": sb.Trace(impulse=40, tau=24)}
    >>> rule = sb.parse_rule("dw = 2^-2*r1*x1*y0 - 2^-3*x1*y0", traces=traces)
    >>> rule.change(x1=40, y0=1, r1=1)
    5
    """

    impulse: int
    tau: float | None = None

    def misfit(self, most: int, unit: str) -> str | None:
        """Return what is invalid: an impulse beyond `most`, or a time constant not in `unit`."""
        impulse, tau = self.impulse, self.tau
        whole = isinstance(impulse, int) and not isinstance(impulse, bool)
        if not whole or not 0 <= impulse <= most:
            return f"the impulse is {impulse!r}; must be a whole number within 0 … {most}"
        number = isinstance(tau, int | float) and not isinstance(tau, bool)
        if tau is None or (number and 0 <= tau < math.inf):
            return None
        return (
            f"the time constant is {tau!r}; must be a number of {unit} from 0, or None for a trace "
            "that does not decay"
        )

    def kept(self, steps: int = 1) -> float:
        """Return the fraction of the trace that is left after a number of steps."""
        if self.tau is None:
            return 1.0
        return math.exp(-steps / self.tau) if self.tau else 0.0


@dataclass(frozen=True)
class Factor:
    """A variable or a flag u_k, plus a constant."""

    name: str
    plus: int = 0

    def __str__(self) -> str:
        return f"({self.name}{self.plus:+d})" if self.plus else self.name

    @property
    def is_trigger(self) -> bool:
        """Whether this factor determines when a product is applied."""
        return not self.plus and (self.name in ("x0", "y0") or self.period is not None)

    @property
    def period(self) -> int | None:
        """The k of a flag u_k."""
        return int(self.name[1:]) if self.name.startswith("u") else None

    @property
    def variable(self) -> str:
        """The variable that is read: `w` of ``sgn(w)``."""
        return self.name[4:-1] if self.name.startswith("sgn") else self.name


@dataclass(frozen=True)
class Product:
    """A constant times factors; `text` is how it was written."""

    constant: Fraction
    factors: tuple[Factor, ...]
    text: str

    @property
    def flags(self) -> frozenset[str]:
        """Its factors x0, y0 and u_k: without any one of them it is 0."""
        return frozenset(factor.name for factor in self.factors if factor.is_trigger)

    def value(self, values: Mapping[str, int]) -> Fraction:
        """Return the product for given variables; those not named are 0."""
        result = self.constant
        for factor in self.factors:
            value = values.get(factor.variable, 0)
            if factor.name != factor.variable:
                value = (value > 0) - (value < 0)
            result *= int(value) + factor.plus
        return result


@dataclass(frozen=True)
class SumOfProducts:
    """A rule for the weight ("dw"), the tag ("dt") or the delay ("dd"), as read from its text."""

    target: str
    text: str
    products: tuple[Product, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables that the rule reads, including flags u_k, once each, in alphabetical order."""
        return tuple(sorted({f.variable for p in self.products for f in p.factors}))

    @property
    def fraction_bits(self) -> int:
        """Number of bits after the binary point that a sum of its products can have."""
        return max(p.constant.denominator.bit_length() - 1 for p in self.products)

    @property
    def grain(self) -> int:
        """A whole number, at least 1, of which every change that the rule can make is a multiple.

        All variables are whole; so that is the greatest common divisor of the constants, if that
        is whole.
        """
        scale = 2**self.fraction_bits
        divisor = math.gcd(*(int(p.constant * scale) for p in self.products))
        return max(divisor // scale, 1) if divisor % scale == 0 else 1

    @property
    def triggers(self) -> frozenset[str]:
        """Flags of which at least one must be set for the rule to do anything."""
        return frozenset.intersection(*(p.flags for p in self.products))

    def always(self, name: str) -> bool:
        """Return whether the rule does nothing where the flag `name` ("x0", "y0") is not set."""
        return name in self.triggers

    def value(self, **values: int) -> Fraction:
        """Return the sum of products for given variables; those not named are 0.

        Raises
        ------
        RuleError
            If there is no such variable.
        """
        for name in values:
            if name not in VARIABLES and not re.fullmatch(r"u[0-9]{1,9}", name):
                raise RuleError(
                    f"rule '{self.text}' has no variable '{name}'; there are {known_variables()}"
                )
        return sum((p.value(values) for p in self.products), Fraction(0))

    def change(self, **values: int) -> int:
        """Return `value` rounded away from zero to a whole number."""
        exact = self.value(**values)
        return math.ceil(exact) if exact > 0 else math.floor(exact)

    def largest(self, bounds: Mapping[str, int]) -> Fraction:
        """Return a bound on the magnitude of the sum of products.

        Parameters
        ----------
        bounds : mapping of str to int
            The largest magnitude of each variable; 1 for those not named.
        """
        return sum(
            (
                abs(p.constant) * math.prod(bounds.get(f.name, 1) + abs(f.plus) for f in p.factors)
                for p in self.products
            ),
            Fraction(0),
        )
