"""The Brian2 code of a model: equations with units as Brian2 renders them, and their numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from brian2 import Equations, Quantity

from synfire_bp.dense.internals import SingleEquation, get_unit_for_display
from synfire_bp.description.structure import Block, Part
from synfire_bp.loihi.printed import Table
from synfire_bp.model.model import Model
from synfire_bp.network.code import ObjectCode, meanings
from synfire_bp.network.numbers import Moment, Numbers

__all__ = ["equations_part"]

_GROUPS = {
    "neurons": "cells",
    "fixed synapses": "fixed",
    "learning synapses": "plastic",
    "gates' pulses": "pulses",
}
"""Names under which the numbers of a network's objects are given."""


MOST_SYNAPSES = 4_000_000
"""With more of them it would take too long to draw their weights, only to tell of them."""


def equations_part(model: Model) -> Part:
    """Return the equations of the training network, object by object."""
    plan = model.network
    written = plan.neurons.written(plan.circuit, plan.rule, plan.lines)
    if not written:
        kind = type(plan.neurons).__name__
        return Part(
            "Equations", (f"The neurons of this model ({kind}) do not state their Brian2 code.",)
        )
    blocks: list[Block] = []
    numbers: Numbers = {}
    if plan.circuit.n_plastic_synapses <= MOST_SYNAPSES:
        numbers = plan.numbers(model.start, Moment(training_seed=model.seed))
    else:
        blocks.append(
            f"Initial values are left out: there are {plan.circuit.n_plastic_synapses:,} learning "
            f"synapses, more than {MOST_SYNAPSES:,}."
        )
    return Part(
        "Equations", (*blocks, *(block for code in written for block in _of(code, numbers)))
    )


def _of(code: ObjectCode, numbers: Numbers) -> Iterator[Block]:
    group, meaning = _GROUPS.get(code.name, code.name), meanings(code.equations)
    rows = [
        (*_rendered(one), _value(numbers.get(f"{group}.{name}"), one), meaning.get(name, ""))
        for name, one in Equations(code.equations).items()
    ]
    heads = ("equation", "unit", "", "at the start", "meaning")
    yield Table(f"Variables of {code.name}", heads, rows, left=5)
    yield Table(f"Code of {code.name}", ("when", "statements"), _happens(code), left=2)


def _happens(code: ObjectCode) -> list[tuple[str, str]]:
    return [
        (when, "\n".join(line.strip() for line in text.strip().splitlines()))
        for when, text in code.happens
    ]


def _rendered(one: SingleEquation) -> tuple[str, str, str]:
    """Return left and right side of an equation, its unit and its flags, as Brian2 has them."""
    left = f"d{one.varname}/dt" if one.type == "differential equation" else one.varname
    right = "" if one.expr is None else f" = {one.expr}"
    unit = one.var_type if one.var_type != "float" else str(get_unit_for_display(one.dim))
    return f"{left}{right}", unit, ", ".join(one.flags)


def _value(value: object, one: SingleEquation) -> str:
    """Return a number of the network with its unit; of many their least and greatest."""
    if value is None:
        return ""
    array = np.asarray(value)
    ends = sorted({array.min().item(), array.max().item()}) if array.size else []
    return " ... ".join(_shown(end, one) for end in ends)


def _shown(value: float, one: SingleEquation) -> str:
    if one.var_type != "float":
        return f"{int(value)}"
    return str(Quantity.with_dimensions(value, one.dim)) if not _plain(one) else f"{value:g}"


def _plain(one: SingleEquation) -> bool:
    return str(get_unit_for_display(one.dim)) == "1"
