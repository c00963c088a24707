"""The chip's compartments and synapses as Brian2 models, exact to the last bit.

    spec = SPECS["loihi1"]
    neurons = LoihiNeurons(100, spec=spec, threshold=200, current_decay=410, voltage_decay=128)
    stimulus = LoihiInput(100, indices, steps, spec=spec)
    synapses = LoihiSynapses(stimulus, neurons, spec=spec, sign_mode=SignMode.EXCITATORY)
    synapses.connect(i=..., j=...)
    synapses.set_weights(mantissas)

They are Brian2 objects like any others (monitors, subgroups, `Network`), and run in Brian2's
runtime mode and in C++ standalone.  A time step of Brian2 is a time step of the chip; all state
variables are whole numbers.  In each step, a compartment (current-based leaky integrate-and-fire)::

    q  = sum of the effective weights that arrived                  21 bits and sign
    u  = decayed(u) + q                                             23 bits, wraps around
    v  = decayed(v) + u + bias (+ noise)                            saturates
    v  = 0 while refractory
    spike if v > threshold (strictly); then v = 0, refractory again
    decayed(x) = sign(x) * floor(|x| * (4096 - decay - offset) / 4096)

A spike sent in step n by a compartment acts in step n + 1, or later by its synapse's delay; one of
a `LoihiInput` in n + 1 or in n itself, as the spec's `input_arrival` says.  Sources: LOIHI.md's,
named in `synfire_bp.loihi.spec`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Clock, Function, NeuronGroup, SpikeGeneratorGroup, get_device, ms
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.device import RuntimeDevice
from numpy.typing import ArrayLike, NDArray

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.formats import effective_weight, quantise_weight
from synfire_bp.loihi.spec import LoihiSpec, SignMode
from synfire_bp.standalone.dense import DenseSynapses, RowCodeObject

__all__ = [
    "COMPARTMENT",
    "STEP",
    "LoihiInput",
    "LoihiNeurons",
    "LoihiSynapses",
    "compartment_functions",
    "compartment_step",
]

STEP = 1 * ms
"""Model time of one chip step; nothing depends on it."""

COMPARTMENT = """
    arriving   : integer             # effective weights that arrived since the last step
    u          : integer             # synaptic current
    v          : integer             # voltage, after the reset
    v_compared : integer             # voltage as it was held against the threshold
    resting    : integer             # steps for which the neuron is still refractory
    fired      : boolean             # whether the neuron spikes in this step
    overflows  : integer             # steps in which the current ran over its bits
    bias       : integer (constant)  # mantissa times 2^exponent
    theta      : integer (constant)  # threshold: mantissa times 2^6
    u_kept     : integer (constant)  # 4096 - current decay - offset
    v_kept     : integer (constant)  # 4096 - voltage decay - offset
    rests      : integer (constant)  # refractory delay
"""

NOISE = """
    noise_offset   : integer (constant)
    noise_exponent : integer (constant)
"""


def compartment_step(noise: str | None = None) -> str:
    """Return what a compartment does at the start of a time step, as Brian2 code."""
    draw = {
        None: "",
        "u": " + noise(noise_offset, noise_exponent, rand())",
        "v": " + noise(noise_offset, noise_exponent, rand())",
    }[noise]
    return f"""
    u = decayed(u, u_kept) + input_held(arriving)
    overflows += int(abs(u) > largest_current)
    u = current_held(u)
    resting -= int(resting > 0)
    v_compared = int(resting == 0) * voltage_held(decayed(v, v_kept) + u + bias{draw})
    fired = v_compared > theta
    v = int(not fired) * v_compared
    resting += int(fired) * (rests - resting)
    arriving = 0
    """


# ----------------------------------------------------------------------------------------------
# The chip's arithmetic in Brian2 code.  C++ beside the functions of `formats`, by which runtime
# mode computes; a test compares the two over their whole range.
# ----------------------------------------------------------------------------------------------


def compartment_functions(spec: LoihiSpec) -> dict[str, Any]:
    """Return the functions and constants that `compartment_step` uses, for Brian2's namespace."""
    return {
        "decayed": _decayed(spec.decay_bits),
        "input_held": _held("input_held", spec.accumulator_bits, "wrap"),
        "current_held": _held("current_held", spec.current_bits, spec.current_overflow),
        "voltage_held": _held("voltage_held", spec.voltage_bits, spec.voltage_overflow),
        "noise": _noise(),
        "largest_current": 2**spec.current_bits - 1,
    }


def _whole_function(pyfunc: Callable, name: str, code: str, n_arguments: int) -> Function:
    function = Function(
        pyfunc,
        arg_units=[1] * n_arguments,
        return_unit=1,
        return_type="integer",
    )
    function.implementations.add_implementation("cpp", code, name=name)
    return function


def _decayed(bits: int) -> Function:
    def decayed(x: NDArray, kept: NDArray) -> NDArray:
        return np.sign(x) * ((np.abs(x).astype(np.int64) * kept) >> bits)

    code = f"""
    static inline int32_t decayed(int64_t x, int64_t kept)
    {{
        const int64_t left = ((x < 0 ? -x : x) * kept) >> {bits};
        return int32_t(x < 0 ? -left : left);
    }}
    """
    return _whole_function(decayed, "decayed", code, 2)


def _held(name: str, bits: int, overflow: str) -> Function:
    half, limit = 2**bits, 2**bits - 1
    if overflow == "wrap":

        def held(x: NDArray) -> NDArray:
            return (np.asarray(x).astype(np.int64) + half) % (2 * half) - half

        body = f"return int32_t(((x + {half}) & {2 * half - 1}) - {half});"
    else:

        def held(x: NDArray) -> NDArray:
            return np.clip(x, -limit, limit)

        body = f"return int32_t(x < -{limit} ? -{limit} : x > {limit} ? {limit} : x);"
    return _whole_function(held, name, f"static inline int32_t {name}(int64_t x) {{ {body} }}", 1)


def _noise() -> Function:
    """Uniform in -127 … 127, plus 64 times an offset, times 2^(exponent - 7), rounded down."""

    def noise(offset: NDArray, exponent: NDArray, drawn: NDArray) -> NDArray:
        whole = np.floor(np.asarray(drawn) * 255) - 127 + 64 * offset
        return np.floor(whole * 2.0 ** (exponent - 7)).astype(np.int64)

    code = """
    static inline int32_t noise(int32_t offset, int32_t exponent, double drawn)
    {
        const double whole = std::floor(drawn * 255) - 127 + 64 * offset;
        return int32_t(std::floor(std::ldexp(whole, exponent - 7)));
    }
    """
    return _whole_function(noise, "noise", code, 3)


# ----------------------------------------------------------------------------------------------
# Objects
# ----------------------------------------------------------------------------------------------


def _code_class() -> type:
    return NumpyCodeObject if isinstance(get_device(), RuntimeDevice) else RowCodeObject


class LoihiNeurons(NeuronGroup):
    """Compartments of the chip.

    Parameters
    ----------
    n : int
        How many.
    spec : LoihiSpec
        The chip.
    threshold : int or array
        Mantissa; the threshold is this times 2^6.
    bias, bias_exponent : int or array
        The bias is mantissa times 2^exponent.
    current_decay, voltage_decay : int or array
        0 (keeps all) … 4096 (forgets all in a step).
    refractory : int or array
        1 … 64 steps; 1 lets a neuron spike in the next step.
    noise : {None, "u", "v"}
        What noise is added to: the current of the step, or the voltage.
    noise_offset, noise_exponent : int
        Of the noise.
    **kwds
        As of `brian2.NeuronGroup`.

    Raises
    ------
    HardwareError
        If a parameter is not one that the chip can hold.
    """

    def __init__(
        self,
        n: int,
        *,
        spec: LoihiSpec,
        threshold: ArrayLike,
        bias: ArrayLike = 0,
        bias_exponent: ArrayLike = 0,
        current_decay: ArrayLike = 4096,
        voltage_decay: ArrayLike = 4096,
        refractory: ArrayLike = 1,
        noise: str | None = None,
        noise_offset: ArrayLike = 0,
        noise_exponent: ArrayLike = 0,
        equations: str = "",
        **kwds: Any,
    ) -> None:
        unit = spec.decay_unit
        parameters = {
            "threshold": _within("threshold", threshold, 0, 2**spec.threshold_bits - 1),
            "bias": _within("bias", bias, *spec.bias_limits),
            "bias_exponent": _within("bias_exponent", bias_exponent, *spec.bias_exponents),
            "current_decay": _within("current_decay", current_decay, 0, unit),
            "voltage_decay": _within("voltage_decay", voltage_decay, 0, unit),
            "refractory": _within("refractory", refractory, *spec.refractory),
        }
        if noise not in (None, "u", "v"):
            raise HardwareError(f"noise is {noise!r}; must be 'u', 'v' or None")
        _within("noise_exponent", noise_exponent, 0, 23)
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        super().__init__(
            n,
            COMPARTMENT + (NOISE if noise else "") + equations,
            threshold="fired",
            reset="",
            clock=clock,
            codeobj_class=kwds.pop("codeobj_class", _code_class()),
            namespace=compartment_functions(spec) | kwds.pop("namespace", {}),
            **kwds,
        )
        _remember(self, spec=spec)
        kept = {
            "u_kept": (parameters["current_decay"], spec.current_decay_offset),
            "v_kept": (parameters["voltage_decay"], spec.voltage_decay_offset),
        }
        self.theta = np.broadcast_to(parameters["threshold"] * 2**6, n)
        self.bias = np.broadcast_to(parameters["bias"] * 2 ** parameters["bias_exponent"], n)
        for name, (decay, offset) in kept.items():
            setattr(self, name, np.broadcast_to(np.maximum(unit - decay - offset, 0), n))
        self.rests = np.broadcast_to(parameters["refractory"], n)
        if noise:
            self.noise_offset = np.broadcast_to(np.asarray(noise_offset), n)
            self.noise_exponent = np.broadcast_to(np.asarray(noise_exponent), n)
        self.run_regularly(
            compartment_step(noise),
            clock=clock,
            when="start",
            name=f"{self.name}_step",
            codeobj_class=self.codeobj_class,
        )


class LoihiInput(SpikeGeneratorGroup):
    """Spikes from outside the chip.

    Parameters
    ----------
    n : int
        Sources.
    indices, steps : integer arrays
        Which source spikes in which time step.
    spec : LoihiSpec
        Its `input_arrival` says when a spike of step n acts: in n + 1, or in n itself.
    """

    def __init__(
        self, n: int, indices: ArrayLike, steps: ArrayLike, *, spec: LoihiSpec, **kwds: Any
    ) -> None:
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        at = np.asarray(steps, dtype=np.int64) * STEP
        early = {"when": "start", "order": -10} if spec.input_arrival == "same_step" else {}
        super().__init__(n, np.asarray(indices), at, clock=clock, **early, **kwds)
        _remember(self, spec=spec)


class LoihiSynapses(DenseSynapses):
    """Synapses of one projection, in one format of weights.

    Parameters
    ----------
    source : LoihiNeurons, LoihiInput or a subgroup of these
        Presynaptic side.
    target : LoihiNeurons or a subgroup
        Postsynaptic side.
    spec : LoihiSpec
        The chip.
    sign_mode : SignMode
        Signs that the weights may have.
    exponent : int
        Of all weights: -8 … 7.
    **kwds
        As of `DenseSynapses`.

    Notes
    -----
    Per synapse: `w`, the mantissa, and `weight`, the effective weight that is delivered: the
    mantissa times 2^exponent, rounded down, times 2^6.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        *,
        spec: LoihiSpec,
        sign_mode: SignMode = SignMode.MIXED,
        exponent: int = 0,
        equations: str = "",
        **kwds: Any,
    ) -> None:
        _within("exponent", exponent, *spec.weight_exponents)
        super().__init__(
            source,
            target,
            """
            w      : integer  # mantissa
            weight : integer  # effective weight
            """
            + equations,
            on_pre=kwds.pop("on_pre", "arriving_post += weight"),
            clock=kwds.pop("clock", None) or source.clock,
            codeobj_class=kwds.pop("codeobj_class", _code_class()),
            **kwds,
        )
        _remember(self, spec=spec, sign_mode=sign_mode, exponent=exponent)
        origin = getattr(source, "source", source)
        if isinstance(origin, LoihiInput) and spec.input_arrival == "same_step":
            for pathway in self._pathways:
                pathway.when, pathway.order = "start", -5

    def set_weights(self, mantissas: ArrayLike, *, strict: bool = False) -> None:
        """Set the weights, in the order of the synapses, as the projection's format holds them.

        Raises
        ------
        HardwareError
            If `strict` and a mantissa is not one of the format.
        """
        wanted = np.asarray(mantissas, dtype=np.int64)
        held = quantise_weight(wanted, 0, self.sign_mode, self.spec)
        if strict and (changed := np.flatnonzero(held != wanted)).size:
            first = int(wanted.ravel()[changed[0]])
            raise HardwareError(
                f"{self.name}: weight {first} is not one of the format {self.sign_mode.value}; "
                f"nearest kept is {int(held.ravel()[changed[0]])}"
            )
        self.w = held
        self.weight = effective_weight(held, self.exponent, bits=self.spec.accumulator_bits)

    def set_delays(self, steps: ArrayLike) -> None:
        """Set the extra delays in steps, on top of the one that every spike takes.

        Raises
        ------
        HardwareError
            If a delay is longer than the chip's.
        """
        extra = _within("delay", steps, 0, self.spec.longest_delay)
        self.pre.delay = extra * self.source.clock.dt


def _remember(thing: Any, **values: Any) -> None:
    """Set attributes that are no state variables of a Brian2 object."""
    for name, value in values.items():
        thing.add_attribute(name)
        setattr(thing, name, value)


def _within(name: str, values: ArrayLike, low: int, high: int) -> NDArray[np.int64]:
    given = np.asarray(values)
    outside = given[(given < low) | (given > high) | (given != np.round(given))]
    if outside.size:
        raise HardwareError(
            f"{name} is {outside.ravel()[0]}; must be a whole number within {low} ... {high}"
        )
    return given.astype(np.int64)
