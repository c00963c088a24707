"""The check of a user's own neurons: names and units, before anything is compiled."""

from __future__ import annotations

import re
from typing import Any

from brian2 import (
    Equations,
    NeuronGroup,
    StateUpdateMethod,
    get_dimensions,
    have_same_dimensions,
    ms,
    second,
    volt,
)

from synfire_bp.dense.internals import (
    ArrayVariable,
    EquationError,
    brian_ast,
    check_units_statements,
    get_identifiers,
    get_unit_for_display,
    parse_expression_dimensions,
)
from synfire_bp.errors import ExperimentError
from synfire_bp.physical.equations import LIF_EQUATION, SHARED, SYNAPTIC
from synfire_bp.physical.plain import plain

__all__ = ["check_custom", "check_method"]


def check_custom(
    synapse: str, equations: str, *, threshold: str | None = None, reset: str | None = None
) -> None:
    """Check names and units of custom code before anything is compiled.

    Raises
    ------
    ExperimentError
        With the line, the error there, and what would be right.
    """
    group = _group(synapse, equations)
    if threshold is not None:
        _check_threshold(group, plain(threshold))
    if reset is not None:
        _check_reset(group, plain(reset))


def check_method(synapse: str, equations: str, method: str) -> None:
    """Check that Brian2 can integrate the equations by a method.

    Raises
    ------
    ExperimentError
        If not.
    """
    group = _group(synapse, equations)
    try:
        StateUpdateMethod.apply_stateupdater(group.equations, group.variables, method)
    except Exception as error:  # the exceptions of Brian2's integrators have no common class
        raise ExperimentError(
            f"cannot integrate these equations by {method} ({_first(error)}); try rk2"
        ) from None


def _group(synapse: str, text: str) -> NeuronGroup:
    """Return a group of one cell with a user's equations, checked."""
    text = plain(text)
    if "xi" in get_identifiers(text) or re.search(r"\bxi_\w+", text):
        raise ExperimentError(
            "noise xi has no seed of its own in a compiled program; set neuron.membrane_noise"
        )
    own = _own(text)
    given = Equations(SHARED + SYNAPTIC[synapse])
    for name in own.names:
        if name in given.names or name in _TAKEN:
            raise ExperimentError(
                f"{_line(text, name)}defines '{name}', which the circuit provides; use another name"
            )
    if "v" not in own or not have_same_dimensions(own["v"].dim, get_dimensions(volt)):
        found = f"; here it is in {_unit(own['v'].dim)}" if "v" in own else ""
        raise ExperimentError(
            f"must define v, the membrane potential, in volt{found}; an example: {LIF_EQUATION}"
        )
    group = _made(text, own + given)
    for name in own.names:
        expression = own[name].expr
        if expression is not None:
            _check_names(group, str(expression), _line(text, name))
    for name in own.names:
        expression = own[name].expr
        if expression is None:
            continue
        variables = group.resolve_all(get_identifiers(str(expression)), {})
        try:
            found = parse_expression_dimensions(str(expression), variables)
        except Exception as error:
            raise ExperimentError(f"{_line(text, name)}{_first(error)}") from None
        expected, said = own[name].dim, _unit(own[name].dim)
        if own[name].type == "differential equation":
            expected = expected / get_dimensions(second)
            said = f"{said} per second" if said != "no unit" else "1 per second"
        if not have_same_dimensions(found, expected):
            raise ExperimentError(
                f"{_line(text, name)}{name} is declared in {_unit(own[name].dim)}, so its "
                f"right-hand side must be in {said}, but is in {_unit(found)}"
            )
    return group


def _own(text: str) -> Equations:
    try:
        return Equations(text)
    except (EquationError, ValueError, SyntaxError, TypeError) as error:
        raise ExperimentError(f"cannot be read as Brian2 equations: {_explained(error)}") from None


def _made(text: str, equations: Equations) -> NeuronGroup:
    try:
        group = NeuronGroup(
            1, equations, threshold="False", refractory="refractory_time", dt=0.1 * ms,
            method=lambda *_: "", name="custom_neuron*",
        )  # fmt: skip
        group._network = "none"  # it is only inspected; Brian2 would warn that it never ran
        return group
    except Exception as error:
        raise ExperimentError(f"cannot be made into neurons: {_explained(error)}") from None


def _check_threshold(group: NeuronGroup, condition: str) -> None:
    _check_names(group, condition, "")
    variables = group.resolve_all(get_identifiers(condition), {})
    try:
        parse_expression_dimensions(condition, variables)
        kind = brian_ast(condition, variables).dtype
    except Exception as error:
        raise ExperimentError(f"'{condition}': {_first(error)}") from None
    if kind != "boolean":
        raise ExperimentError(
            f"'{condition}' is a number, but must be a condition, true or false, such as "
            "v + gate > theta"
        )


def _check_reset(group: NeuronGroup, statements: str) -> None:
    for n, line in enumerate(statements.splitlines(), start=1):
        if not line.strip():
            continue
        where = f"line {n} ('{line.strip()}'): "
        _check_names(group, line, where)
        variables = group.resolve_all(get_identifiers(line), {})
        try:
            check_units_statements(line.strip(), variables)
        except Exception as error:
            raise ExperimentError(f"{where}{_first(error)}") from None
        target = re.match(r"\s*(\w+)\s*[-+*/]?=[^=]", line)
        variable = variables.get(target[1]) if target else None
        if not isinstance(variable, ArrayVariable) or variable.read_only or variable.scalar:
            raise ExperimentError(f"{where}must set a variable of the neuron, such as v = closed")


def _check_names(group: NeuronGroup, code: str, where: str) -> None:
    for name in sorted(get_identifiers(code) - {"and", "or", "not", "True", "False"}):
        try:
            group.resolve_all({name}, {})
        except KeyError:
            known = [*(n for n in group.equations.names if n not in _HIDDEN)]
            raise ExperimentError(
                f"{where}unknown name '{name}'; known are {', '.join(known)}, and Brian2's units, "
                "constants and functions"
            ) from None


def _line(text: str, name: str) -> str:
    """Return which line of the equations defines a name."""
    pattern = re.compile(rf"^\s*(?:d{re.escape(name)}\s*/\s*dt|{re.escape(name)})\s*[=:]")
    for n, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f"line {n} ('{line.strip()}'): "
    return ""


def _unit(dimensions: Any) -> str:
    unit = get_unit_for_display(dimensions)
    return "no unit" if str(unit) == "1" else str(unit)


def _explained(error: BaseException) -> str:
    """Return Brian2's error message, with the reason that it gives in the cause."""
    said = _first(error)
    cause = error.__cause__
    return f"{said}: {_first(cause)}" if cause is not None and str(cause).strip() else said


def _first(error: BaseException) -> str:
    return " ".join(str(error).strip('"').split()) or type(error).__name__


_TAKEN = {
    "fired", "phase", "step_in_phase", "sample", "r1", "moment", "recording", "record_from",
    "record_until", "noise", "refractory_time", "quantum",
}  # fmt: skip
_HIDDEN = {"refractory_time"}
