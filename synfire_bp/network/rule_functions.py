"""Brian2 functions of a learning rule: its sums of products, and the decay of its traces."""

from __future__ import annotations

from brian2 import Function

from synfire_bp.circuit.rule import Rule
from synfire_bp.loihi.engine.arithmetic import change_function
from synfire_bp.network.chance import faded, in_steps
from synfire_bp.network.functions import bounded
from synfire_bp.network.tag_functions import followed, remainder_of, taken_up

__all__ = ["rule_functions", "trace_functions"]


def rule_functions(rule: Rule | None) -> dict[str, Function]:
    """Return the functions that the code of a learning synapse calls.

    For a rule of more than coincidences these are `rule_dw` and `rule_dt`, each of its constants
    and then of what it reads, in alphabetical order.
    """
    functions = {"bounded": bounded, "in_steps": in_steps}
    if rule is not None and rule.fine is not None:
        return functions | {
            "followed": followed, "remainder_of": remainder_of, "taken_up": taken_up,
        }  # fmt: skip
    if rule is not None and not rule.by_coincidence:
        for target, total in rule.sums.items():
            functions[f"rule_{target}"] = change_function(total)
    return functions


def trace_functions(rule: Rule | None) -> dict[str, Function]:
    """Return the functions that the code of traces calls."""
    return {"faded": faded, "bounded": bounded} if rule is not None and rule.traces else {}
