"""The learning engine's arithmetic in Brian2 code: C++, and for runtime mode NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from synfire_bp.circuit.products import Factor, SumOfProducts
from synfire_bp.cpp import whole_function
from synfire_bp.loihi.engine.engine import LearningEngine
from synfire_bp.loihi.formats import effective_weight, weight_step
from synfire_bp.loihi.rule_formats import rule_bounds
from synfire_bp.loihi.spec import LoihiSpec, SignMode

__all__ = [
    "LONGEST_CHANGE",
    "added_function",
    "change_function",
    "faded_function",
    "learning_functions",
]

LONGEST_CHANGE = 2**30
"""Changes are clipped to this; all formats are narrower."""


def learning_functions(
    engine: LearningEngine, sign_mode: SignMode, exponent: int
) -> dict[str, Function]:
    """Return the functions that the code of a synapse and its traces uses.

    `faded(x, kept, drawn)`, `in_steps(change, drawn)`, `added(x, change, low, high)`,
    `effective(w)`, and for each rule ("dw") a function ("rule_dw") of the variables that it reads,
    in alphabetical order.  `drawn` is uniform between 0 and 1.
    """
    functions = {
        "faded": faded_function(),
        "in_steps": _in_steps(weight_step(engine.spec, sign_mode)),
        "added": added_function(),
        "effective": _effective(exponent, engine.spec),
    }
    bounds = rule_bounds(engine.spec)
    for target, rule in engine.rules.items():
        functions[f"rule_{target}"] = change_function(rule, bounds)
    return functions


def faded_function() -> Function:
    """Return x·kept, rounded down, or up with the probability of the fraction."""

    def faded(x: NDArray, kept: float, drawn: NDArray) -> NDArray:
        left = np.asarray(x) * kept
        below = np.floor(left)
        return (below + (drawn < left - below)).astype(np.int64)

    code = """
    static inline int32_t faded(int32_t x, double kept, double drawn)
    {
        const double left = x * kept;
        const double below = std::floor(left);
        return int32_t(below) + (drawn < left - below);
    }
    """
    return whole_function(faded, "faded", code, 3)


def _in_steps(step: int) -> Function:
    """Return whole steps for a change: one more with a probability given by the remainder."""

    def in_steps(change: NDArray, drawn: NDArray) -> NDArray:
        size = np.abs(np.asarray(change, dtype=np.int64))
        return np.sign(change) * (size // step + (np.asarray(drawn) * step < size % step)) * step

    code = f"""
    static inline int32_t in_steps(int32_t change, double drawn)
    {{
        const int32_t size = change < 0 ? -change : change;
        const int32_t steps = size / {step} + (drawn * {step} < size % {step});
        return change < 0 ? -steps * {step} : steps * {step};
    }}
    """
    return whole_function(in_steps, "in_steps", code, 2)


def added_function() -> Function:
    """Return x + change, clipped to low … high."""

    def added(x: NDArray, change: NDArray, low: int, high: int) -> NDArray:
        return np.clip(np.asarray(x, dtype=np.int64) + change, low, high)

    code = """
    static inline int32_t added(int32_t x, int32_t change, int32_t low, int32_t high)
    {
        const int32_t sum = x + change;
        return sum < low ? low : sum > high ? high : sum;
    }
    """
    return whole_function(added, "added", code, 4)


def _effective(exponent: int, spec: LoihiSpec) -> Function:
    """As `formats.effective_weight`."""
    limit = 2**spec.accumulator_bits - 2**6

    def effective(w: NDArray) -> NDArray:
        return effective_weight(np.asarray(w), exponent, bits=spec.accumulator_bits)

    shifted = f"w * {2**exponent}" if exponent >= 0 else f"w >> {-exponent}"
    code = f"""
    static inline int32_t effective(int64_t w)
    {{
        const int64_t arriving = ({shifted}) * 64;
        return int32_t(arriving < -{limit} ? -{limit} : arriving > {limit} ? {limit} : arriving);
    }}
    """
    return whole_function(effective, "effective", code, 1)


def change_function(rule: SumOfProducts, bounds: Mapping[str, int] | None = None) -> Function:
    """Return the function of a rule's change, computed exactly in fixed-point arithmetic.

    Parameters
    ----------
    rule : SumOfProducts
        The rule; the function is called "rule_dw", and takes `rule.variables` in their order.
    bounds : mapping of str to int, optional
        The largest magnitude of every variable: the constants are then part of the function.
        Without it, they are its first arguments, times 2^`fraction_bits`.
    """
    bits, n_gains = rule.fraction_bits, 0 if bounds is not None else len(rule.products)
    scaled = [int(p.constant * 2**bits) for p in rule.products]
    above = 2**bits - 1

    def change(*arguments: NDArray) -> NDArray:
        wide = [np.asarray(argument, dtype=np.int64) for argument in arguments]
        values = dict(zip(rule.variables, wide[n_gains:], strict=True))
        total: Any = np.int64(0)
        for constant, product in zip(wide[:n_gains] or scaled, rule.products, strict=True):
            result: Any = constant
            for factor in product.factors:
                value = values[factor.variable]
                signed = np.sign(value) if factor.name != factor.variable else value
                result = result * (signed + factor.plus)
            total = total + result
        return np.sign(total) * np.minimum((np.abs(total) + above) >> bits, LONGEST_CHANGE)

    narrow = bounds is not None and (rule.largest(bounds) + 1) * 2**bits < 2**31
    whole = "int32_t" if narrow else "int64_t"
    gains = [f"gain_{k}" for k in range(n_gains)]
    terms = [
        "*".join([gain, *map(_in_cpp, p.factors)])
        for gain, p in zip(gains or [f"{whole}({c})" for c in scaled], rule.products, strict=True)
    ]
    arguments = ", ".join(f"{whole} {name}" for name in [*gains, *rule.variables])
    code = f"""
    static inline int32_t rule_{rule.target}({arguments})
    {{
        const {whole} total = {" + ".join(terms)};
        const {whole} size = ((total < 0 ? -total : total) + {above}) >> {bits};
        const int32_t held = int32_t(size < {LONGEST_CHANGE} ? size : {LONGEST_CHANGE});
        return total < 0 ? -held : held;
    }}
    """
    n_arguments, name = n_gains + len(rule.variables), f"rule_{rule.target}"
    return whole_function(change, name, code, n_arguments, guarded=bounds is None)


def _in_cpp(factor: Factor) -> str:
    name = factor.variable
    value = name if factor.name == name else f"(int({name} > 0) - int({name} < 0))"
    return f"({value} + {factor.plus})" if factor.plus else value
