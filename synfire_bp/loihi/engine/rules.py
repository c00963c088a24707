"""Learning rules of the chip's engine: sums of products for the weight, the tag and the delay.

    dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3) + u2*t

A product is a constant (whole numbers and powers of two, which must make a 4-bit mantissa times a
power of two) times `VARIABLES`, each as it is or in brackets with a constant added, and the flags
`u0`, `u1`, …: `u_k` is up in every 2^k-th learning epoch.  Every product holds `x0`, `y0` or such a
flag, or nothing would say when it is applied.  `dw` changes the weight's mantissa, `dt` the tag and
`dd` the delay, once per learning epoch and all three from what was there before.

A rule is exact and knows nothing of Brian2::

    rule = parse_sum_of_products("dw = 2^-2*x1*y0 - x0*y1", SPECS["loihi1"])
    rule.value(x1=5, y0=1)         # Fraction(5, 4)
    rule.change(x1=5, y0=1)        # 2: away from zero

`LearningEngine` is a set of rules with the traces that they read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from synfire_bp.errors import HardwareError, RuleError
from synfire_bp.loihi.spec import LoihiSpec

__all__ = [
    "TARGETS",
    "TRACES",
    "VARIABLES",
    "Factor",
    "LearningEngine",
    "Product",
    "SumOfProducts",
    "Trace",
    "parse_sum_of_products",
]

TARGETS = {"dw": "weight", "dt": "tag", "dd": "delay"}
"""What a rule may change."""

VARIABLES = {
    "x0": "presynaptic spike in this epoch",
    "x1": "presynaptic trace",
    "x2": "presynaptic trace",
    "y0": "postsynaptic spike in this epoch",
    "y1": "postsynaptic trace",
    "y2": "postsynaptic trace",
    "y3": "postsynaptic trace",
    "r0": "reward spike in this epoch",
    "r1": "reward trace",
    "w": "mantissa of the weight",
    "t": "tag",
    "d": "delay in steps",
    "sgn(w)": "sign of the weight: -1, 0 or 1",
    "sgn(t)": "sign of the tag: -1, 0 or 1",
}
"""What a product may contain beside its constant and flags u_k."""

TRACES = ("x1", "x2", "y1", "y2", "y3", "r1")

LONGEST_PERIOD = 9
"""The largest k of a flag u_k."""

WIDEST = 62
"""Bits within which a rule has to stay, fraction included: the emulation then is exact."""


# -- what a rule is --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Factor:
    """A variable or a flag u_k, plus a constant."""

    name: str
    plus: int = 0

    def __str__(self) -> str:
        return f"({self.name}{self.plus:+d})" if self.plus else self.name

    @property
    def is_trigger(self) -> bool:
        """Whether a product with this factor says when it is applied."""
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
        """What the rule reads, flags u_k included, each once and in alphabetical order."""
        return tuple(sorted({f.variable for p in self.products for f in p.factors}))

    @property
    def fraction_bits(self) -> int:
        """How many bits behind the point a sum of its products can have."""
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

    def always(self, name: str) -> bool:
        """Return whether the rule does nothing where the flag `name` ("x0", "y0") is down."""
        return all(Factor(name) in p.factors for p in self.products)

    def value(self, **values: int) -> Fraction:
        """Return the sum of products for given variables; those not named are 0.

        Raises
        ------
        RuleError
            If there is no such variable.
        """
        for name in values:
            _check_name(name, f"rule '{self.text}'")
        return sum((p.value(values) for p in self.products), Fraction(0))

    def change(self, **values: int) -> int:
        """Return `value` rounded away from zero to a whole number."""
        exact = self.value(**values)
        return math.ceil(exact) if exact > 0 else math.floor(exact)

    def largest(self, spec: LoihiSpec) -> Fraction:
        """Return what no sum of products can exceed in magnitude on this chip."""
        return sum(
            (
                abs(p.constant) * math.prod(_largest(f, spec) + abs(f.plus) for f in p.factors)
                for p in self.products
            ),
            Fraction(0),
        )


def _largest(factor: Factor, spec: LoihiSpec) -> int:
    if factor.name in TRACES:
        return int(2**spec.trace_bits - 1)
    if factor.name == "t":
        return int(2**spec.tag_bits - 1)
    if factor.name == "w":
        ranges = (spec.mixed_limits, spec.excitatory_limits, spec.inhibitory_limits)
        return max(abs(end) for ends in ranges for end in ends)
    return spec.longest_delay if factor.name == "d" else 1


@dataclass(frozen=True)
class Trace:
    """A trace of spikes: `impulse` is added at a spike, and the trace decays exponentially.

    Attributes
    ----------
    impulse : int
        0 … 127.  The trace saturates at 127.
    tau : float or None
        Time constant in steps: a learning epoch of T steps leaves exp(-T/tau) of the trace, rounded
        at random so that the mean is kept.  0: nothing outlasts an epoch.  None: no decay.
    """

    impulse: int
    tau: float | None = None

    def kept(self, epoch: int) -> float:
        """Return the part of the trace that a learning epoch of so many steps leaves."""
        if self.tau is None:
            return 1.0
        return math.exp(-epoch / self.tau) if self.tau else 0.0


@dataclass(frozen=True)
class LearningEngine:
    """What the synapses of a projection learn by.

    Attributes
    ----------
    spec : LoihiSpec
        The chip.
    dw, dt, dd : str, optional
        Rules for the weight, the tag and the delay; see `parse_sum_of_products`.
    epoch : int
        Steps of a learning epoch.  The first begins with the first step.
    traces : mapping from "x1", "x2", "y1", "y2", "y3", "r1" to Trace
        The traces that there are; a rule can read no others, but for `r1`, which without a
        `Trace` is what it is set to.

    Raises
    ------
    RuleError
        If a rule cannot be read, or reads a trace that there is not.
    HardwareError
        If the chip's engine cannot hold a rule or a trace.
    """

    spec: LoihiSpec
    dw: str | None = None
    dt: str | None = None
    dd: str | None = None
    epoch: int = 1
    traces: Mapping[str, Trace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.epoch, bool) or not isinstance(self.epoch, int) or self.epoch < 1:
            raise HardwareError(
                f"a learning epoch is {self.epoch!r} steps; must be a whole number from 1"
            )
        for name, trace in self.traces.items():
            _check_trace(name, trace, self.spec)
        for target, rule in self.rules.items():
            for name in rule.variables:
                if name in TRACES and name not in self.traces and name != "r1":
                    raise RuleError(
                        f"rule '{rule.text}': {name} is read, but the trace has no impulse and no "
                        f'time constant; give traces={{"{name}": Trace(impulse, tau)}}'
                    )
            if rule.target != target:
                raise RuleError(f"rule '{rule.text}' is given as {target}")

    @cached_property
    def rules(self) -> dict[str, SumOfProducts]:
        """The rules, by what they change: "dw", "dt", "dd"."""
        texts = {"dw": self.dw, "dt": self.dt, "dd": self.dd}
        return {
            target: parse_sum_of_products(text, self.spec)
            for target, text in texts.items()
            if text is not None
        }

    @property
    def variables(self) -> frozenset[str]:
        """All that the rules read."""
        return frozenset(name for rule in self.rules.values() for name in rule.variables)


def _check_trace(name: str, trace: Trace, spec: LoihiSpec) -> None:
    if name not in TRACES:
        raise HardwareError(f"there is no trace '{name}'; there are {', '.join(TRACES)}")
    if not isinstance(trace, Trace):
        raise HardwareError(f"trace {name} is {trace!r}; must be a Trace(impulse, tau)")
    impulse, tau, most = trace.impulse, trace.tau, 2**spec.trace_bits - 1
    whole = not isinstance(impulse, bool) and isinstance(impulse, int)
    if not whole or not 0 <= impulse <= most:
        raise HardwareError(
            f"trace {name}: the impulse is {impulse!r}; must be a whole number within 0 … {most}"
        )
    if tau is not None and not (isinstance(tau, int | float) and 0 <= tau < math.inf):
        raise HardwareError(
            f"trace {name}: the time constant is {tau!r}; must be a number of steps from 0, or "
            "None for a trace that does not decay"
        )


# -- reading ---------------------------------------------------------------------------------------


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


def _check_name(name: str, where: str) -> None:
    if name not in VARIABLES and not re.fullmatch(r"u\d+", name):
        raise RuleError(f"{where} has no variable '{name}'; there are {_known()}")


def _known() -> str:
    return ", ".join(f"{name} ({what})" for name, what in VARIABLES.items()) + ", and flags u_k"


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
            raise self.fault(f"unknown factor '{name}'; known are {_known()}", where)
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
