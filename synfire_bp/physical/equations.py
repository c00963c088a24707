"""Brian2 code of neurons and synapses in physical units, and the check of a user's own.

What a custom neuron finds there, all per cell unless shared:

    E_L, theta (volt), R (ohm), tau_m (second)   shared numbers: rest, threshold, membrane
    I_tonic (amp)    the tonic current that closes a population
    I_syn (amp)      what exponential or conductance synapses send; 0 for delta synapses, which
                     move `v` themselves
    closed (volt)    where the tonic current holds the membrane
    gate (volt)      what the gate's pulse adds where spikes start

It defines `v` in volt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from brian2 import Equations, NeuronGroup, StateUpdateMethod, ms, second
from brian2.core.variables import ArrayVariable
from brian2.equations.equations import EquationError
from brian2.equations.unitcheck import check_units_statements
from brian2.parsing.bast import brian_ast
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.units import get_dimensions, have_same_dimensions, volt
from brian2.utils.stringtools import get_identifiers

from synfire_bp.errors import ExperimentError

__all__ = ["LIF", "NeuronCode", "check_custom", "check_method", "delivery"]

_LIF = "dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m : volt (unless refractory)"

_SHARED = """
    E_L       : volt (shared, constant)    # rest
    theta     : volt (shared, constant)    # threshold
    R         : ohm (shared, constant)     # of the membrane
    tau_m     : second (shared, constant)  # its time constant
    I_tonic   : amp (constant)             # closes a population
    closed    : volt (constant)            # where that holds the membrane
    gate      : volt                       # what a pulse adds where spikes start
"""

_SYNAPTIC = {
    "delta": "I_syn = 0*amp : amp",
    "exponential": """
    dI_syn/dt = -I_syn/tau_s : amp
    tau_s : second (shared, constant)
    """,
    "conductance": """
    I_syn = g_e*(E_e - v) + g_i*(E_i - v) : amp
    dg_e/dt = -g_e/tau_s : siemens
    dg_i/dt = -g_i/tau_s : siemens
    tau_s : second (shared, constant)
    E_e : volt (shared, constant)
    E_i : volt (shared, constant)
    """,
}

UNITS = {
    "delta": "jump : volt (shared, constant)",
    "exponential": "current : amp (shared, constant)",
    "conductance": """
    excitation : siemens (shared, constant)
    inhibition : siemens (shared, constant)
    """,
}
"""What a weight unit is; synapses have these numbers."""

NOISE = """
    synaptic_noise : 1 (shared, constant)
    number         : integer (constant)
"""
"""What noisy synapses have besides."""


@dataclass(frozen=True)
class NeuronCode:
    """What a program is built from: the code of neurons and synapses, and times in steps.

    Numbers (time constants, sizes, delays, noise) are given when the program runs.

    Attributes
    ----------
    synapse : str
        delta, exponential or conductance.
    equations, threshold, reset, method : str
        Brian2 code.
    phase, gate, window : int
        As in `Timing`.
    dt : float
        Time step in ms.
    noisy_synapses, noisy_membrane : bool
        Whether there is noise at all.
    """

    synapse: str
    equations: str
    threshold: str
    reset: str
    method: str
    phase: int
    gate: int
    window: int
    dt: float
    noisy_synapses: bool
    noisy_membrane: bool

    @property
    def cells(self) -> str:
        """All equations of a cell's membrane."""
        return "\n".join((self.equations, _SHARED, _SYNAPTIC[self.synapse]))


LIF = {"equations": _LIF, "threshold": "v + gate > theta", "reset": "v = closed"}
"""The leaky integrate-and-fire neuron, in the words of a custom one."""


def delivery(code: NeuronCode, weight: str) -> str:
    """Return what a synapse does when a spike arrives."""
    noise = " * (1 + synaptic_noise*normal(number, moment_post + t_in_timesteps))"
    sent = weight + noise * code.noisy_synapses
    if code.synapse == "delta":
        return f"v_post += {sent}*jump"
    if code.synapse == "exponential":
        return f"I_syn_post += {sent}*current"
    return (
        f"g_e_post += int({weight} > 0)*{sent}*excitation\n"
        f"g_i_post -= int({weight} < 0)*{sent}*inhibition"
    )


# ----------------------------------------------------------------------------------------------
# A user's own equations
# ----------------------------------------------------------------------------------------------


def check_custom(
    synapse: str, equations: str, *, threshold: str | None = None, reset: str | None = None
) -> None:
    """Check names and units of custom code before anything is compiled.

    Raises
    ------
    ExperimentError
        With the line, what is wrong there, and what would be right.
    """
    group = _group(synapse, equations)
    if threshold is not None:
        _check_threshold(group, threshold)
    if reset is not None:
        _check_reset(group, reset)


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
    except Exception as error:  # what Brian2's integrators raise has no common class
        raise ExperimentError(
            f"cannot integrate these equations by {method} ({_first(error)}); try rk2"
        ) from None


def _group(synapse: str, text: str) -> NeuronGroup:
    """Return a group of one cell with a user's equations, checked."""
    if "xi" in get_identifiers(text) or re.search(r"\bxi_\w+", text):
        raise ExperimentError(
            "noise xi has no seed of its own in a compiled program; set neuron.membrane_noise"
        )
    own = _own(text)
    given = Equations(_SHARED + _SYNAPTIC[synapse])
    for name in own.names:
        if name in given.names or name in _TAKEN:
            raise ExperimentError(
                f"{_line(text, name)}defines '{name}', which the circuit gives; use another name"
            )
    if "v" not in own or not have_same_dimensions(own["v"].dim, get_dimensions(volt)):
        found = f"; here it is in {_unit(own['v'].dim)}" if "v" in own else ""
        raise ExperimentError(
            f"must define v, the membrane potential, in volt{found}; an example: {_LIF}"
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
        group._network = "none"  # it is only looked at; Brian2 would warn that it never ran
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
    for n, line in enumerate(statements.strip().splitlines(), start=1):
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
                f"{where}unknown name '{name}'; there are {', '.join(known)}, and Brian2's units, "
                "constants and functions"
            ) from None


def _line(text: str, name: str) -> str:
    """Say which line of the equations defines a name."""
    pattern = re.compile(rf"^\s*(?:d{re.escape(name)}\s*/\s*dt|{re.escape(name)})\s*[=:]")
    for n, line in enumerate(text.splitlines(), start=1):
        if pattern.match(line):
            return f"line {n} ('{line.strip()}'): "
    return ""


def _unit(dimensions: Any) -> str:
    from brian2.units.fundamentalunits import get_unit_for_display

    unit = get_unit_for_display(dimensions)
    return "no unit" if str(unit) == "1" else str(unit)


def _explained(error: BaseException) -> str:
    """Return what Brian2 said, with the reason that it puts into the cause."""
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
