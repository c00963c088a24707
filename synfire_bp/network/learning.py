"""A learning rule as Brian2 code: what a learning synapse has, and what it does.

The rule itself is `synfire_bp.circuit.rule`.  The statements run when the presynaptic neuron fires,
after its spike was delivered; x0 is 1 there, y0 and r1 are variables of the postsynaptic cell.
"""

from __future__ import annotations

from synfire_bp.circuit.rule import Rule
from synfire_bp.network.lines import NO_LINES, Lines

__all__ = [
    "COARSE_SYNAPSE",
    "LEARNING_SYNAPSE",
    "OWN_BOUNDS",
    "learning_equations",
    "learning_statement",
]

LEARNING_SYNAPSE = """
    lowest  : integer (shared, constant)  # weights are clipped to this range
    highest : integer (shared, constant)
"""
"""What a learning synapse has beside its weight and the coefficients of its rule."""

OWN_BOUNDS = LEARNING_SYNAPSE.replace("shared, constant", "constant")
"""The same, where every synapse has a range of its own."""

COARSE_SYNAPSE = """
    number : integer (constant)          # of the synapse; its stream of random numbers
    coarse : integer (shared, constant)  # weights go in steps of this, a power of two
    dice   : integer (shared, constant)  # seed
"""
"""What it has besides if its weight is too coarse for the rule, which is then rounded at random."""


def learning_equations(rule: Rule, *, coarse: bool = False, own_bounds: bool = False) -> str:
    """Return the equations of what a learning synapse has: its range, the rule's coefficients."""
    coefficients = "".join(f"\n{name} : integer (shared, constant)" for name in rule.coefficients())
    return (
        (OWN_BOUNDS if own_bounds else LEARNING_SYNAPSE)
        + (COARSE_SYNAPSE if coarse else "")
        + coefficients
    )


def learning_statement(rule: Rule, *, coarse: bool = False, lines: Lines = NO_LINES) -> str:
    """Return the rule as a statement for the time when the presynaptic neuron fires.

    If every product holds `y0`, the statement says so: it does nothing where the target did not
    fire.  With `coarse` weights dw becomes a multiple of their step, at random so that its mean is
    kept.  What a variant's `lines` make of dw comes before that.
    """
    at_target = all("y0" in product.factors for product in rule.products)
    names = {"y0": "int(fired_post)", "r1": "r1_post"}
    skipped = {"x0", "y0"} if at_target else {"x0"}
    unit = [str(lines.reward_unit)] if lines.reward_unit > 1 else []
    terms = [
        " * ".join(
            [
                gain,
                *(names[flag] for flag in sorted(product.factors - skipped)),
                *([] if "r1" in product.factors else unit),
            ]
        )
        for gain, product in zip(rule.coefficients(), rule.products, strict=True)
    ]
    change = lines.changed(f"({' + '.join(terms)})")
    if coarse:
        change = f"in_steps({change}, coarse, number, dice + t_in_timesteps)"
    learnt = f"bounded(w + {change}, lowest, highest)"
    return f"w += int(fired_post) * ({learnt} - w)" if at_target else f"w = {learnt}"
