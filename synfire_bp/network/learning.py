"""A learning rule as Brian2 code: variables and statements of a learning synapse.

The rule itself is `synfire_bp.circuit.rule`.  Terms with a factor x0 run when the presynaptic
neuron fires, after its spike was delivered; x0 is 1 there, and y0 and r1 are variables of the
postsynaptic cell.  Terms with a factor y0 run when the postsynaptic neuron fires, at the synapses
whose presynaptic neuron does not.  Only terms with a flag u_k require a pass over all synapses, in
the phases of that flag, which replaces the other two.  Each synapse is therefore changed once in a
phase, from its state at the start of the phase.

A rule of coincidences alone is written out.  Any other rule is a function of the variables that it
reads (`synfire_bp.network.rule_functions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from synfire_bp.circuit.accumulator import PARTS
from synfire_bp.circuit.products import Product
from synfire_bp.circuit.rule import LARGEST_TAG, LARGEST_TRACE, Rule
from synfire_bp.errors import RuleError
from synfire_bp.network.eligibility import (
    ELIGIBLE_SYNAPSE,
    FADING_SYNAPSE,
    end_of_sample,
    remembered,
)
from synfire_bp.network.lines import NO_LINES, Lines

__all__ = [
    "CHIP_STEP",
    "COARSE_SYNAPSE",
    "LEARNING_SYNAPSE",
    "OWN_BOUNDS",
    "Clocking",
    "LearningCode",
    "learning_code",
    "learning_equations",
    "trace_equations",
    "trace_impulses",
    "trace_step",
]

LEARNING_SYNAPSE = """
    lowest  : integer (shared, constant)  # weights are clipped to this range
    highest : integer (shared, constant)  # up to this
"""
"""Variables of a learning synapse besides its weight and the coefficients of its rule."""

OWN_BOUNDS = LEARNING_SYNAPSE.replace("shared, constant", "constant")
"""The same, where every synapse has its own range."""

NUMBERED = """
    number : integer (constant)          # of the synapse; its stream of random numbers
"""

COARSE_SYNAPSE = """
    coarse : integer (shared, constant)  # weights go in steps of this, a power of two
    dice   : integer (shared, constant)  # seed
"""
"""Further variables if the weight is too coarse for the rule, whose change is then rounded
stochastically."""

COUNTED = """
    counted : integer (shared, constant)  # phases before this run, up to where flags come again
"""
"""Its variable where flags are counted from the first phase of the training."""

UPTAKE = """
    takes_up = u{k} * int(phase_post == 0) : integer (shared)  # the reward of phase 0 meets a flag
"""
"""Whether its weight takes the content of its tag in this phase."""

TRACE = """
    trace_{name}   : integer
    impulse_{name} : integer (shared, constant)  # what a spike adds
    kept_{name}    : integer (shared, constant)  # what a phase leaves, of 2^24
    dice_{name}    : integer (shared, constant)  # seed
"""
"""Variables of a cell for a trace of its spikes."""


TAG_BOUNDED_BEFORE = (
    f"bounded(tag, -{LARGEST_TAG} - {{change}}, {LARGEST_TAG} - {{change}}) + {{change}}"
)
BOUNDED_BEFORE = "bounded(w, lowest - {change}, highest - {change}) + {change}"
"""A change that all synapses share, as ``bounded(w + change, lowest, highest)``: it stays within
the 16 bits of a weight, so twice as many synapses are changed at once."""


@dataclass(frozen=True)
class Clocking:
    """How phases are recognised from the time steps of a simulation.

    Attributes
    ----------
    phase : str
        The number of the present phase since the run began.
    begins, ends : str or None
        Whether a phase begins or ends in this step, 0 or 1; None: in every step.
    """

    phase: str
    begins: str | None = None
    ends: str | None = None


CHIP_STEP = Clocking("(t_in_timesteps + 1)")
"""A phase is a time step."""


def learning_equations(
    rule: Rule,
    *,
    coarse: bool = False,
    own_bounds: bool = False,
    numbered: bool = False,
    clocking: Clocking = CHIP_STEP,
) -> str:
    """Return the equations of a learning synapse: its range and the rule's coefficients.

    Parameters
    ----------
    rule : Rule
        The rule.
    coarse : bool
        Whether weights have larger steps than the rule's smallest change.
    own_bounds : bool
        Whether every synapse has its own range.
    numbered : bool
        Whether synapses are numbered already.
    clocking : Clocking
        How phases are recognised.
    """
    equations = OWN_BOUNDS if own_bounds else LEARNING_SYNAPSE
    if coarse or rule.rounds:
        equations += NUMBERED * (not numbered) + COARSE_SYNAPSE
    if rule.dt is not None:
        equations += "\ntag : integer"
    if rule.eligible is not None:
        equations += ELIGIBLE_SYNAPSE + FADING_SYNAPSE * rule.eligible.in_phases
    if rule.remains:
        equations += f"\ntag : integer  # collected, in parts of a step: less than {PARTS}"
    counted = clocking.phase
    if rule.collected is not None:
        equations += COUNTED
        counted = "(t_in_timesteps - 1 + counted)"
    for k in rule.periods:
        equations += f"\nu{k} = int({counted} % {2**k} == 0) : integer (shared)"
    if rule.collected is not None:
        return equations + UPTAKE.format(k=rule.periods[0]) + _coefficients(rule)
    if (now := _learns_now(rule, clocking)) is not None:
        equations += f"\nlearns_now = {now} : integer (shared)"
    return equations + _coefficients(rule)


def _coefficients(rule: Rule) -> str:
    return "".join(
        f"\n{name} : integer (shared, constant)  # a constant of the rule"
        for name in rule.coefficients()
    )


@dataclass(frozen=True)
class LearningCode:
    """A rule as statements; each synapse executes at most one of them in a phase.

    Attributes
    ----------
    pre : str
        Where the presynaptic neuron fires, after its spike was delivered.
    post : str
        Where the postsynaptic neuron fires and the presynaptic one does not.
    every : str
        For all synapses, at the end of a phase.
    """

    pre: str = ""
    post: str = ""
    every: str = ""


def learning_code(
    rule: Rule, *, coarse: bool = False, lines: Lines = NO_LINES, clocking: Clocking = CHIP_STEP
) -> LearningCode:
    """Return the code of learning synapses.

    With `coarse` weights, dw is rounded stochastically to a multiple of their step, which preserves
    its mean; a variant's `lines` change dw before that.  If every product has a factor `y0`, so has
    the statement: it does nothing where the target did not fire.
    """

    def code(x0: str, y0: str, *where: str) -> str:
        at = " * ".join(filter(None, where)) or None
        if not rule.by_coincidence:
            return _changed(rule, _called(rule, {"x0": x0, "y0": y0}, lines), coarse, at)
        change = _written_out(rule, lines)
        if rule.remains:
            return _collected(change, at)
        if coarse or rule.rounds or lines.change or lines.own_bounds:
            return _changed(rule, {"dw": change}, coarse, at)
        return _set("w", BOUNDED_BEFORE.format(change=change), at)

    if rule.collected is not None:
        return _taken_at_once(rule, lines)
    at_target = "int(fired_post)" if all("y0" in p.flags for p in rule.spiking) else ""
    if rule.eligible is not None:
        taken_up = remembered(_written_out(rule, lines), rule.eligible)
        return LearningCode(
            pre=_set("eligible", taken_up, at_target or None), every=end_of_sample(lines.modulation)
        )
    if rule.by_events:
        return LearningCode(pre=code("1", "int(fired_post)", at_target))
    if clocking.ends is not None:  # spikes of a phase are processed one after the other
        return LearningCode(every=code("int(fired_pre)", "int(fired_post)", "learns_now"))
    else_now = "(1 - learns_now)" if rule.timed else ""
    pre = post = ""
    if any("x0" in product.flags for product in rule.spiking):
        pre = code("1", "int(fired_post)", at_target, else_now)
    if any("x0" not in product.flags for product in rule.spiking):
        post = code("0", "1", "int(not fired_pre)", else_now)
    every = code("int(fired_pre)", "int(fired_post)", "learns_now") if rule.timed else ""
    return LearningCode(pre, post, every)


def _learns_now(rule: Rule, clocking: Clocking) -> str | None:
    """Return the expression, 0 or 1, for whether all synapses are visited now; None: never."""
    if rule.by_events:
        return None
    if clocking.ends is not None:
        return clocking.ends
    if not rule.timed:
        return None
    idle = " * ".join(f"(1 - {' * '.join(sorted(product.flags))})" for product in rule.timed)
    return f"1 - {idle}"


def trace_equations(rule: Rule | None) -> str:
    """Return the equations of a cell for the traces of its spikes."""
    names = () if rule is None else rule.traces
    return "".join(TRACE.format(name=name) for name, _ in names)


def trace_step(rule: Rule, *, spikes: str = "int(fired)", clocking: Clocking = CHIP_STEP) -> str:
    """Return the statements by which traces decay and take up a number of `spikes`.

    They decay where a phase begins.
    """
    lines = []
    for name, _ in rule.traces:
        trace = f"trace_{name}"
        left = f"faded({trace}, kept_{name}, i, dice_{name} + t_in_timesteps)"
        if clocking.begins is not None:
            left = f"{trace} + {clocking.begins} * ({left} - {trace})"
        added = f" + impulse_{name} * {spikes}" if spikes else ""
        lines.append(f"{trace} = bounded({left}{added}, 0, {LARGEST_TRACE})")
    return "\n".join(lines)


def trace_impulses(rule: Rule) -> str:
    """Return the statements by which traces take up a spike, where their cells fire."""
    return "\n".join(
        f"trace_{name} = bounded(trace_{name} + impulse_{name}, 0, {LARGEST_TRACE})"
        for name, _ in rule.traces
    )


def _written_out(rule: Rule, lines: Lines) -> str:
    """Return dw of a coincidence, its terms in full."""
    return _terms(zip(rule.coefficients(), rule.products, strict=True), lines)


def _terms(gains: Iterable[tuple[str, Product]], lines: Lines) -> str:
    unit = [str(lines.reward_unit)] if lines.reward_unit > 1 else []
    names = {"r1": "r1_post"}
    terms = []
    for gain, product in gains:
        flags = {factor.name for factor in product.factors} - {"x0", "y0"}
        terms.append(
            " * ".join([gain, *(names[flag] for flag in sorted(flags)), *([] if flags else unit)])
        )
    return lines.changed(f"({' + '.join(terms)})")


def _called(rule: Rule, reads: Mapping[str, str], lines: Lines) -> dict[str, str]:
    """Return dw and dt as calls of their functions."""
    names = {"r1": "r1_post", "t": "tag"} | dict(reads)
    names |= {
        name: f"trace_{name}_{'pre' if name[0] == 'x' else 'post'}" for name, _ in rule.traces
    }
    gains = list(rule.coefficients())
    calls = {}
    for target, total in rule.sums.items():
        own, gains = gains[: len(total.products)], gains[len(total.products) :]
        if lines.reward_unit > 1:
            own = [
                _in_units(*pair, lines.reward_unit)
                for pair in zip(own, total.products, strict=True)
            ]
        arguments = [*own, *(names.get(name, name) for name in total.variables)]
        calls[target] = f"rule_{target}({', '.join(arguments)})"
    calls["dw"] = lines.changed(calls["dw"])
    return calls


def _in_units(gain: str, product: Product, unit: int) -> str:
    """Return a constant such that every product is in the units of a graded reward."""
    rewards = [factor for factor in product.factors if factor.name == "r1"]
    if len(rewards) > 1 or any(factor.plus for factor in rewards):
        raise RuleError(
            f"the product {product.text} holds r1 in brackets or more than once; where the reward "
            "is graded (reward.grade, reward.noise) a product holds it once or not at all"
        )
    return gain if rewards else f"{unit} * {gain}"


def _changed(rule: Rule, changes: dict[str, str], coarse: bool, where: str | None) -> str:
    """Return the statements that apply changes, each computed as if before the other."""
    statements = []
    reads = {target: set(total.variables) for target, total in rule.sums.items()}
    order = list(changes)
    if "dt" in changes and "w" in reads["dt"]:
        order.reverse()  # the tag sees the old weight …
        if "t" in reads["dw"]:  # … and the weight the old tag
            statements = [f"change_{target} = {code}" for target, code in changes.items()]
            changes = {target: f"change_{target}" for target in changes}
    for target in order:
        change = changes[target]
        if target == "dt":
            variable, new = "tag", f"bounded(tag + {change}, -{LARGEST_TAG}, {LARGEST_TAG})"
        else:
            if coarse or rule.rounds:
                change = f"in_steps({change}, coarse, number, dice + t_in_timesteps)"
            variable, new = "w", f"bounded(w + {change}, lowest, highest)"
        statements.append(_set(variable, new, where))
    return "\n".join(statements)


def _collected(change: str, where: str | None) -> str:
    """Return the statements of a tag that collects changes: the weight takes the whole steps."""
    return "\n".join(
        (
            _set("w", f"followed(w, tag, {change}, lowest, highest)", where),
            _set("tag", f"remainder_of(tag, {change})", where),
        )
    )


def _taken_at_once(rule: Rule, lines: Lines) -> LearningCode:
    """Return the statements of a tag that collects changes and is emptied into the weight.

    They are the rules for weight and tag simplified for a circuit, in which spikes coincide in
    other phases than the one in which weights are changed.
    """
    assert rule.dt is not None
    gains = list(rule.coefficients())[len(rule.products) :]
    change = _terms(zip(gains[:-1], rule.dt.products[:-1], strict=True), lines)
    taken = "taken_up(tag, coarse, number, dice + t_in_timesteps)"
    return LearningCode(
        pre=_set("tag", TAG_BOUNDED_BEFORE.format(change=change), "int(fired_post)"),
        every="\n".join(
            (
                f"w += takes_up * (bounded(w + {taken}, lowest, highest) - w)",
                "tag += takes_up * (-tag)",
            )
        ),
    )


def _set(variable: str, new: str, where: str | None) -> str:
    return (
        f"{variable} = {new}" if where is None else f"{variable} += {where} * ({new} - {variable})"
    )
