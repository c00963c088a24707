"""How Brian2 code gets samples in runtime mode; a compiled program reads them from files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.cpp import in_python
from synfire_bp.errors import CircuitError

__all__ = ["PATTERNS", "sample_functions"]

PATTERNS = {"input": "input_pattern", "target": "target_pattern"}
"""Source to the function that gives its pattern."""


def sample_functions(
    circuit: Circuit,
    inputs: NDArray[np.integer],
    labels: NDArray[np.integer],
    order: NDArray[np.integer],
    steps_per_sample: int,
) -> dict[str, Function]:
    """Return the functions by which Brian2 code gets samples, in runtime mode.

    Raises
    ------
    CircuitError
        If samples or order do not fit the circuit.
    """
    inputs, labels, order = np.asarray(inputs), np.asarray(labels), np.asarray(order)
    if inputs.ndim != 2 or inputs.shape[1] != circuit.sizes[0]:
        raise CircuitError(
            f"inputs have shape {inputs.shape}; this circuit needs (n, {circuit.sizes[0]})"
        )
    n_out = circuit.sizes[-1]
    if not np.isin(inputs, (0, 1)).all():
        raise CircuitError("inputs must be 0 or 1")
    if labels.shape != inputs.shape[:1]:
        raise CircuitError(f"labels have shape {labels.shape}; expected {inputs.shape[:1]}")
    for name, values, end in (("label", labels, n_out), ("order entry", order, len(inputs))):
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise CircuitError(
                f"each {name} must be a whole number, 0 … {end - 1}, in an array of one dimension; "
                f"given: {values.dtype}, shape {values.shape}"
            )
        outside = values[(values < 0) | (values >= end)]
        if outside.size:
            raise CircuitError(f"{name} {outside[0]} is outside 0 … {end - 1}")
    if not order.size:
        raise CircuitError("order is empty; it must name the samples to be shown")
    patterns = {"input": inputs, "target": np.eye(n_out, dtype=int)[labels]}

    def pattern(source: str) -> Function:
        def emitted(sample: int, unit: NDArray) -> NDArray:
            shown = 0 <= sample < len(order)
            return patterns[source][order[sample], unit].astype(int) if shown else 0 * unit

        function = Function(emitted, arg_units=[1, 1], return_unit=1, return_type="integer")
        return in_python(function, emitted)

    def present(step: int) -> NDArray:
        return (np.asarray(step) - 1) // steps_per_sample

    functions = {name: pattern(source) for source, name in PATTERNS.items()}
    functions |= _answers(np.zeros((len(order), n_out), dtype=bool))
    functions["present_sample"] = in_python(
        Function(present, arg_units=[1], return_unit=1, return_type="integer"), present
    )
    return functions


def _answers(given: NDArray[np.bool_]) -> dict[str, Function]:
    """Return the functions by which an environment records answers and tries believed ones.

    `given` has a row for each sample and a column for each output.
    """

    def note(sample: int, unit: NDArray, n_out: int, fired: NDArray, now: int) -> NDArray:
        if now and 0 <= sample < len(given):
            given[sample, unit] = fired
        return fired

    def believed(sample: int, n_out: int, drawn: int, explores: int) -> int:
        if not 0 <= sample < len(given):
            return 0
        among = np.flatnonzero(given[sample])
        if explores or not among.size:
            among = np.arange(n_out)
        return int(among[int(drawn) // 1024 * among.size // 16384])

    def sure(sample: int, explores: int) -> int:
        if explores or not 0 <= sample < len(given):
            return 0
        return int(given[sample].sum() == 1)

    calls: dict[str, Callable[..., Any]] = {
        "note_answer": note,
        "believed_answer": believed,
        "sure_answer": sure,
    }
    return {
        name: in_python(
            Function(
                call, arg_units=[1] * n, return_unit=1, return_type="integer",
                stateless=name != "note_answer",
            ),
            call,
        )
        for (name, call), n in zip(calls.items(), (5, 4, 2), strict=True)
    }  # fmt: skip
