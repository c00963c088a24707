"""Brian2 functions of a learning rule: its sums of products, and the decay of its traces."""

from __future__ import annotations

from typing import Any

from brian2 import Function

from synfire_bp.circuit import eligibility
from synfire_bp.circuit.eligibility import STEP_PARTS, WHOLE_REWARD
from synfire_bp.circuit.rule import Rule
from synfire_bp.cpp import add_cpp, once
from synfire_bp.dice import CERTAIN
from synfire_bp.loihi.engine.arithmetic import change_function
from synfire_bp.network.chance import faded, in_steps, whole
from synfire_bp.network.functions import bounded
from synfire_bp.network.tag_functions import followed, remainder_of, taken_up

__all__ = ["rule_functions", "trace_functions"]


def rule_functions(rule: Rule | None) -> dict[str, Function]:
    """Return the functions that the code of a learning synapse calls.

    For a rule of more than coincidences these are `rule_dw` and `rule_dt`, each of its constants
    and then of what it reads, in alphabetical order.
    """
    functions = {"bounded": bounded, "in_steps": in_steps}
    if rule is not None and rule.eligible is not None:
        functions |= {"granted": _granted, "trace_left": _trace_left, "steps_of": _steps_of}
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


def _whole(pyfunc: Any, name: str, arguments: str, result: str) -> Function:
    function = whole(pyfunc, arguments.count(",") + 1)
    signature = f"static inline int32_t {name}({arguments})"
    add_cpp(function, name, once(f"{signature}\n{{\n    return int32_t({result});\n}}"))
    return function


_granted = _whole(
    eligibility.granted, "granted", "int32_t trace, int32_t reward",
    f"int64_t(trace) * reward / {WHOLE_REWARD}",
)  # fmt: skip
_trace_left = _whole(
    eligibility.faded, "trace_left", "int32_t trace, int32_t kept",
    f"int64_t(trace) * kept / {CERTAIN}",
)  # fmt: skip
_steps_of = _whole(
    eligibility.whole_steps, "steps_of", "int32_t remainder", f"remainder / {STEP_PARTS}"
)
