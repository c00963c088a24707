"""The learning of a synapse: rule, phases, traces and accumulators."""

from __future__ import annotations

from collections.abc import Iterator

from synfire_bp.circuit.accumulator import PARTS, WEIGHT_STEP
from synfire_bp.circuit.eligibility import GAINS
from synfire_bp.circuit.rule_checks import LARGEST_TAG
from synfire_bp.description.structure import Part, facts
from synfire_bp.description.task import plural
from synfire_bp.dice import CERTAIN
from synfire_bp.errors import RuleError
from synfire_bp.model.model import Model

__all__ = ["learning_part", "phases_of"]

_SPIKING = ("potentiation", "depression")


def learning_part(model: Model) -> Part:
    """Return rule, phases, traces, accumulator and eligibility of a model."""
    return Part("Learning", facts(_learning(model)))


def phases_of(phases: tuple[int, ...]) -> str:
    """Return some phases in words.

    Examples
    --------
    >>> phases_of((5, 7)), phases_of((0,)), phases_of(())
    ('phases 5, 7', 'phase 0', 'no phase')
    """
    if not phases:
        return "no phase"
    return f"phase{'s' * (len(phases) > 1)} {', '.join(map(str, phases))}"


def _learning(model: Model) -> Iterator[tuple[str, str]]:
    rule = model.rule
    yield "rule", rule.text
    if rule.dt is not None:
        yield "tag", rule.dt.text
    yield from _coincidence(model)
    yield from _phases(model)
    for name, trace in rule.traces:
        decay = "no decay" if trace.tau is None else f"time constant {trace.tau:g} phases"
        yield f"trace {name}", f"{trace.impulse} a spike, {decay}"
    yield from _accumulator(model)
    yield from _eligibility(model)
    yield "errors come back through", _way_back(model)


def _coincidence(model: Model) -> Iterator[tuple[str, str]]:
    """Yield what happens to a weight where both of its neurons fire."""
    try:
        rewarded, otherwise = model.rule.coincidence()
    except RuleError:
        return
    yield (
        "where both neurons fire",
        (f"{rewarded:+d} weight units while r1 is 1, {otherwise:+d} while it is 0"),
    )


def _phases(model: Model) -> Iterator[tuple[str, str]]:
    circuit, lines = model.circuit, model.network.lines
    yield (
        "reward signal",
        f"r1 is 1 in {phases_of(circuit.reward_phases)}, otherwise 0"
        + (f"; then r1 = {lines.rewarded('r1')}" if lines.reward else ""),
    )
    for kind in (*_SPIKING, "uptake"):
        phases = tuple(phase.index for phase in circuit.phases if phase.learning == kind)
        if phases:
            yield f"{kind} in", phases_of(phases)


def _accumulator(model: Model) -> Iterator[tuple[str, str]]:
    section, fine = model.experiment.learning.accumulator, model.rule.fine
    if section is None or fine is None:
        return
    fractions = ", ".join(f"{share / PARTS:g}" for share in fine.shares)
    bits = LARGEST_TAG.bit_length() + 1
    yield (
        f"accumulator ({section.kind})",
        f"a tag of {bits} bits collects {fractions} of the change given by the rule, "
        f"{plural(fine.epochs, 'epoch')} each; the last one stays",
    )
    change = max(map(abs, model.rule.coincidence()))
    turns = "; ".join(
        f"from epoch {epoch + 1} on {fine.gain(epoch, change)} parts" for epoch in fine.turns
    )
    yield (
        "what a tag counts in",
        f"{fine.per_step} parts are a step of the weight, {WEIGHT_STEP} weight units; a change of "
        f"{change} adds: {turns}",
    )
    if fine.every is None:
        yield "when weights follow", "as soon as a tag holds a whole step; the remainder stays"
        return
    n = model.circuit.n_phases
    met = phases_of(fine.met(model.circuit.reward_phases, n))
    yield (
        "when weights follow",
        f"every {fine.every} phases a flag is set; where it coincides with the reward, in {met} of "
        f"every {plural(fine.samples(n), 'sample')}, the whole tag is added to the weight, rounded "
        "at random, and the tag starts from 0",
    )


def _eligibility(model: Model) -> Iterator[tuple[str, str]]:
    section, eligible = model.experiment.learning.eligibility, model.rule.eligible
    if section is None or eligible is None:
        return
    kept = eligible.kept(model.circuit.n_phases)
    lasts = (
        f"a trace of {section.said} accumulates the change given by the rule; a sample leaves "
        f"{kept / CERTAIN:.4g} of it"
        if kept
        else "a trace accumulates the change given by the rule and lasts for its own sample"
    )
    yield "eligibility", lasts
    yield (
        "when weights follow",
        f"at the end of each sample they take {eligible.gain / GAINS:g} of reward x trace, in "
        f"whole steps of {WEIGHT_STEP}",
    )
    if not model.network.lines.modulation:
        yield "reward of a sample", "always 1"


def _way_back(model: Model) -> str:
    """Return through which matrices errors come back."""
    circuit = model.circuit
    further = {circuit.n_weight_layers + n: one for n, one in enumerate(circuit.further)}
    said: dict[str, list[str]] = {}
    for row in circuit.plastic:
        if row.layer in further:
            matrix = further[row.layer]
            own = f"{matrix.name.upper()}, a separate matrix ({matrix.pre} to {matrix.post})"
            said.setdefault(own, []).append(row.name)
        elif row.transposed:
            said.setdefault(f"copies of W{row.layer + 1}", []).append(row.name)
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in said.items()) or "nothing"
