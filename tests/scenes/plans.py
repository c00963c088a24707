"""What a variant adds to a training network, alone: its lines and its numbers."""

from __future__ import annotations

from synfire_bp.circuit import PAPER_RULE, parse_rule
from synfire_bp.network import Moment, NetworkPlan


def planned(section, circuit):
    """The training network of a circuit with one variant."""
    return section.network(NetworkPlan(circuit, parse_rule(PAPER_RULE)))


def lines_of(section, circuit):
    """The Brian2 lines that the variant adds."""
    return planned(section, circuit).lines


def numbers_of(section, circuit, seed, shown=0):
    """The numbers of these lines."""
    plan, given = planned(section, circuit), {}
    for source in plan.sources:
        given |= source(circuit, plan.layout, Moment(seed, shown))
    return given
