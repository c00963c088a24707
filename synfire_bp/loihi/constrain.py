"""Conversion of circuits, weights, neuron parameters and learning rules to the chip's formats.

`constrain` returns what the chip can represent, and a table of every change that this takes:
numbers that were *rounded* (they lay within the format's range, but between its steps), *clipped*
(moved to the end of the range) or *refused* (the chip cannot represent them).  An object with a
refused part is returned as None.  ``strict=True`` raises instead of changing anything::

    circuit, report = constrain(sb.backprop_circuit((400, 400, 10)), SPECS["loihi1"])
    report.empty                                     # True: the paper's circuit fits

A circuit's numbers, and weights, are in units of 2^6; neuron parameters are the chip's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.products import SumOfProducts
from synfire_bp.circuit.rule import Rule
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.changes import Change, clipped_and_rounded, refused, table
from synfire_bp.loihi.circuit_formats import bias_format, constrain_circuit
from synfire_bp.loihi.formats import (
    bias_mantissa_exponent,
    effective_weight,
    mantissa_exponent,
    quantise_weight,
    rounded,
    threshold_mantissa,
    weight_range,
    weight_step,
)
from synfire_bp.loihi.rule_formats import factor_misfits
from synfire_bp.loihi.spec import LoihiSpec, SignMode

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NeuronParameters", "constrain"]

UNIT = 2**6
"""Weights and thresholds count in units of this."""


@dataclass(frozen=True)
class NeuronParameters:
    """Parameters of a population in the chip's own units: a number, or an array of one per neuron.

    Attributes
    ----------
    threshold : int or array
        The neuron spikes if its voltage is greater.  In the voltage's units: the mantissa times
        2^6, 65536 in the circuit.
    bias : int or array
        Added in every step, in the voltage's units.
    current_decay, voltage_decay : int or array
        0 … 4096; the default decays completely within a step, as in the circuit's neurons.
    refractory : int or array
        Refractory delay in steps; 1 lets a neuron spike in the next step.
    delay : int or array
        Extra delay of its spikes in steps.
    """

    threshold: ArrayLike
    bias: ArrayLike = 0
    current_decay: ArrayLike = 4096
    voltage_decay: ArrayLike = 4096
    refractory: ArrayLike = 1
    delay: ArrayLike = 0


Outcome: TypeAlias = tuple[Any, list[Change]]
"""The representable version, and what changed."""


def constrain(
    what: Any,
    spec: LoihiSpec,
    *,
    strict: bool = False,
    sign_mode: SignMode = SignMode.MIXED,
    exponent: int = 0,
    rng: np.random.Generator | None = None,
) -> tuple[Any, pd.DataFrame]:
    """Return what the chip can represent of something, and a report of every change.

    Parameters
    ----------
    what : Circuit, Rule, NeuronParameters, array, mapping or sequence
        A circuit.  A learning rule.  Weights in units of 2^6: one array, a sequence of arrays, or a
        mapping from names (or plastic projections) to arrays.  Neuron parameters: a
        `NeuronParameters`, a mapping from its fields to numbers or arrays, or a mapping from names
        of populations to either.
    spec : LoihiSpec
        The chip.
    strict : bool
        Raise if anything has to change.
    sign_mode, exponent
        Format of the weights; the default is that of the circuit's learning weights.
    rng : Generator, optional
        Needed for weights and neuron parameters if `spec.rounding` is "stochastic".

    Returns
    -------
    what : the type of `what`, or None
        The representable version: the very same object if nothing changed.  Changed numbers keep a
        whole-number dtype and become int64 otherwise.  An object with a refused part is None: the
        circuit, rule, array or `NeuronParameters`, which may be an entry of a mapping or sequence.
    report : DataFrame
        One row per object and change; an array has one row for all its clipped and one for all its
        rounded entries.  Columns: see `synfire_bp.loihi.changes.Change`.  Empty if everything fits.

    Raises
    ------
    HardwareError
        If `what` is none of these things or holds something other than numbers; with `strict`, if
        anything has to change: the message names every object, its value and the limit.

    Notes
    -----
    Decays, refractory delays and delays that are not whole are rounded to the nearest whole number.

    A circuit's fixed weights follow from its closing bias.  If that does not fit, the largest
    smaller one that fits is used.  A fixed weight for which no closing bias fits, a delay that is
    too long and a threshold that is too high are refused, because with other values the circuit
    would compute something else.  `weight_limit`, where plastic weights stop, belongs to the
    dynamics and is not checked here: the chip's own mixed weights go down to -256.
    """
    become, changes = _Constraint(spec, sign_mode, exponent, rng).apply(what)
    if strict and changes:
        raise HardwareError("\n".join(map(str, changes)))
    return (become if changes else what), table(changes)


@dataclass(frozen=True)
class _Constraint:
    spec: LoihiSpec
    sign_mode: SignMode
    exponent: int
    rng: np.random.Generator | None

    def apply(self, what: Any, name: str = "") -> Outcome:
        """Constrain anything; the report uses `name` for an object without a name of its own."""
        if isinstance(what, Circuit):
            return constrain_circuit(what, self.spec)
        if isinstance(what, Rule):
            return _rule(what, self.spec)
        if isinstance(what, NeuronParameters):
            values = {field.name: getattr(what, field.name) for field in fields(what)}
            become, changes = self.neurons(values, name or "neurons")
            lost = any(value is None for value in become.values())
            return (None if lost else replace(what, **become)), changes
        if isinstance(what, np.ndarray):
            return self.weights(what, name or "weights")
        if isinstance(what, Mapping):
            if any(key in FORMATS for key in what):
                return self.neurons(what, name or "neurons")
            # plastic projections have a name
            named = {key: str(getattr(key, "name", key)) for key in what}
            outcomes = {key: self.apply(value, named[key]) for key, value in what.items()}
            changes = [change for _, some in outcomes.values() for change in some]
            return {key: value for key, (value, _) in outcomes.items()}, changes
        if isinstance(what, list | tuple):
            several = [self.apply(entry, f"{name}w{k}") for k, entry in enumerate(what, start=1)]
            changes = [change for _, some in several for change in some]
            entries = [value for value, _ in several]
            return (tuple(entries) if isinstance(what, tuple) else entries), changes
        raise HardwareError(
            f"cannot constrain {f'{name} = ' if name else ''}{what!r}: it must be a circuit, a "
            "learning rule, arrays of weights, or neuron parameters, which are named "
            f"{', '.join(FORMATS)}"
        )

    def weights(self, weights: NDArray, name: str) -> Outcome:
        """Constrain the weights of one projection."""
        _check_numbers(weights, f"{name}: weight")
        if unknown := _not_finite(weights, name, "weight"):
            return None, [unknown]
        mantissas = quantise_weight(weights, self.exponent, self.sign_mode, self.spec, self.rng)
        ends = weight_range(self.spec, self.sign_mode)
        low, high = self._in_units(ends).tolist()
        limit = (
            f"{self.sign_mode.value} mantissas {ends[0]} … {ends[1]} in steps of "
            f"{weight_step(self.spec, self.sign_mode)}, times 2^{self.exponent}"
        )
        became = self._in_units(mantissas)
        changes = list(clipped_and_rounded(name, "weight", weights, became, (low, high), limit))
        return (_like(weights, became) if changes else weights), changes

    def _in_units(self, mantissa: ArrayLike) -> NDArray[np.int64]:
        return effective_weight(mantissa, self.exponent, bits=self.spec.accumulator_bits) // UNIT

    def neurons(self, parameters: Mapping[str, Any], name: str) -> tuple[dict, list[Change]]:
        """Constrain the parameters of one population."""
        become: dict[str, Any] = {}
        changes: list[Change] = []
        for parameter, value in parameters.items():
            if parameter not in FORMATS:
                raise HardwareError(
                    f"{name}: no parameter '{parameter}'; known are {', '.join(FORMATS)}"
                )
            numbers = np.asarray(value)
            _check_numbers(numbers, f"{name}: {parameter}")
            if unknown := _not_finite(numbers, name, parameter):
                become[parameter] = None
                changes.append(unknown)
                continue
            became, ends, limit = FORMATS[parameter](numbers, self.spec, self.rng)
            changed = list(clipped_and_rounded(name, parameter, numbers, became, ends, limit))
            become[parameter] = _like(numbers, became) if changed else value
            changes += changed
        return become, changes


def _check_numbers(array: NDArray, what: str) -> None:
    if array.dtype.kind not in "iuf":
        raise HardwareError(f"{what} is {array.tolist()!r}; must be a number or array of numbers")


def _not_finite(array: NDArray, name: str, parameter: str) -> Change | None:
    unknown = array[~np.isfinite(array)]
    if not unknown.size:
        return None
    return refused(name, parameter, float(unknown[0]), "finite numbers only", unknown.size)


def _like(original: NDArray, became: NDArray) -> Any:
    """Return the changed numbers as the originals were: scalar, or of a whole-number dtype."""
    if original.ndim == 0:
        return int(became)
    if original.dtype.kind == "f":
        return became
    # a wider dtype only if rounding up, or an exponent, needs it
    lowest, highest = (int(became.min()), int(became.max())) if became.size else (0, 0)
    limits = np.iinfo(original.dtype)
    return (
        became.astype(original.dtype) if limits.min <= lowest <= highest <= limits.max else became
    )


# -- neuron parameters ---------------------------------------------------------------------------

Formatted: TypeAlias = tuple[NDArray[np.int64], tuple[int, int], str]
"""The represented numbers, the ends of the range, and the chip's format in words."""
Format: TypeAlias = Callable[[NDArray, LoihiSpec, "np.random.Generator | None"], Formatted]


def _threshold(value: NDArray, spec: LoihiSpec, rng: np.random.Generator | None) -> Formatted:
    high = spec.largest_threshold
    became = threshold_mantissa(value, spec, rng) * UNIT
    return became, (0, high), f"0 … {high} in steps of {UNIT}"


def _bias(value: NDArray, spec: LoihiSpec, rng: np.random.Generator | None) -> Formatted:
    mantissa, exponent = bias_mantissa_exponent(value, spec, rng)
    low, high = spec.bias_limits
    last = spec.bias_exponents[1]
    return mantissa << exponent, (low << last, high << last), bias_format(spec)


def _whole_within(ends_of: Callable[[LoihiSpec], tuple[int, int]]) -> Format:
    def formatted(value: NDArray, spec: LoihiSpec, rng: np.random.Generator | None) -> Formatted:
        low, high = ends_of(spec)
        return rounded(np.clip(value, low, high), "nearest"), (low, high), f"{low} … {high}"

    return formatted


FORMATS: dict[str, Format] = {
    "threshold": _threshold,
    "bias": _bias,
    "current_decay": _whole_within(lambda spec: (0, spec.decay_unit)),
    "voltage_decay": _whole_within(lambda spec: (0, spec.decay_unit)),
    "refractory": _whole_within(lambda spec: spec.refractory),
    "delay": _whole_within(lambda spec: (0, spec.longest_delay)),
}
"""The format of each field of `NeuronParameters`."""

# -- learning rules ------------------------------------------------------------------------------


def _rule(rule: Rule, spec: LoihiSpec) -> Outcome:
    changes = [change for total in rule.sums.values() for change in _constants(total, spec)]
    most = 2**spec.trace_bits - 1
    for name, trace in rule.traces:
        if trace.impulse > most:
            changes.append(refused(f"trace {name}", "impulse", trace.impulse, f"0 … {most}"))
    return (None if changes else rule), changes


def _constants(total: SumOfProducts, spec: LoihiSpec) -> Iterator[Change]:
    """Yield the constants that the learning engine does not have."""
    (first, last), half = spec.constant_exponents, 2**spec.constant_bits
    for product in total.products:
        constant = float(product.constant)
        mantissa, exponent = mantissa_exponent(
            constant, spec.constant_bits, (first, last), rounding="nearest"
        )
        nearest = float(mantissa * 2.0**exponent)
        factors = "*".join(sorted(map(str, product.factors)))
        where = f"rule '{total.text}'"
        if nearest != constant:
            limit = f"{-half} … {half - 1} times 2^{first} … 2^{last} (nearest: {nearest:g})"
            yield refused(where, f"constant of {factors}", constant, limit)
        for what, value, limit in factor_misfits(product, spec):
            yield refused(where, f"{what} in {factors}", value, limit)
