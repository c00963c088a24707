"""The objects that write to a variable of a network, and so what is known of its values."""

from __future__ import annotations

import re
from typing import Any

from synfire_bp.dense.internals import ArrayVariable, code_runners, parse_statement

__all__ = ["n_writers"]


def n_writers(synapses: Any, variable: ArrayVariable) -> int | None:
    """Return the number of objects that write to a variable of synapses in a run; None: unknown.

    The code of all existing objects is searched, whatever name they use for the variable.
    """
    equation = synapses.equations.get(variable.name)
    if equation is None or equation.type != "parameter":
        return None
    return sum(_writes(runner, variable) for runner in code_runners())


def _writes(runner: Any, variable: ArrayVariable) -> bool:
    try:
        variables = getattr(runner, "variables", None) or runner.group.variables
    except ReferenceError:  # its group was deleted, so it never runs
        return False
    names = {name for name, known in variables.items() if known is variable}
    if not names:
        return False
    if getattr(runner, "target_var", None) is variable:  # a summed variable
        return True
    texts = (getattr(runner, name, None) for name in ("abstract_code", "code"))
    lines = (line for text in texts if text for line in re.split(r"[;\n]", str(text)))
    code = filter(None, (line.partition("#")[0].strip() for line in lines))
    return any(parse_statement(line)[0] in names for line in code)
