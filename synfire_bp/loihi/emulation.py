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
a `LoihiInput` in n + 1 or in n itself, as the spec's `input_arrival` says.  Compartments take
their step at the start of Brian2's, before a `StateMonitor` looks: record n holds step n.  Sources:
LOIHI.md's, named in `synfire_bp.loihi.spec`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from brian2 import Clock, Function, NeuronGroup, SpikeGeneratorGroup, get_device, ms
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.devices.device import RuntimeDevice
from numpy.typing import ArrayLike, NDArray

from synfire_bp.dense.synapses import DenseSynapses, RowCodeObject
from synfire_bp.errors import HardwareError
from synfire_bp.loihi.formats import effective_weight, quantise_weight
from synfire_bp.loihi.spec import LoihiSpec, SignMode

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
    overflows += int(u != current_held(u))
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


_MOST_BITS = 28
"""Of a state: voltage, current, bias and noise then add up within 32 bits."""


def compartment_functions(spec: LoihiSpec) -> dict[str, Any]:
    """Return the functions that `compartment_step` uses, for Brian2's namespace.

    Raises
    ------
    HardwareError
        If a state of the chip has more bits than are emulated.
    """
    for name in ("accumulator_bits", "current_bits", "voltage_bits"):
        if (bits := getattr(spec, name)) > _MOST_BITS:
            raise HardwareError(f"{name} is {bits}; at most {_MOST_BITS} can be emulated")
    return {
        "decayed": _decayed(spec.decay_bits),
        "input_held": _held("input_held", spec.accumulator_bits, "wrap"),
        "current_held": _held("current_held", spec.current_bits, spec.current_overflow),
        "voltage_held": _held("voltage_held", spec.voltage_bits, spec.voltage_overflow),
        "noise": _noise(),
    }


def _whole_function(pyfunc: Callable, name: str, code: str, n_arguments: int) -> Function:
    function = Function(
        pyfunc,
        arg_units=[1] * n_arguments,
        return_unit=1,
        return_type="integer",
    )
    function.implementations.add_implementation("cpp", code, name=name)
    # else Brian2 formats each result, as text, for a message about its units
    function.implementations.add_numpy_implementation(pyfunc, discard_units=True)
    return function


def _decayed(bits: int) -> Function:
    def decayed(x: NDArray, kept: NDArray) -> NDArray:
        return np.sign(x) * ((np.abs(x).astype(np.int64) * kept) >> bits)

    # |x| = high·2^bits + low: no product is longer than 32 bits, and loops vectorise
    code = f"""
    static inline int32_t decayed(int32_t x, uint32_t kept)
    {{
        const uint32_t size = uint32_t(x < 0 ? -x : x);
        const uint32_t low = size & {2**bits - 1}u;
        const int32_t left = int32_t((size >> {bits}) * kept + ((low * kept) >> {bits}));
        return x < 0 ? -left : left;
    }}
    """
    return _whole_function(decayed, "decayed", code, 2)


def _held(name: str, bits: int, overflow: str) -> Function:
    half, limit = 2**bits, 2**bits - 1
    if overflow == "wrap":

        def held(x: NDArray) -> NDArray:
            return (np.asarray(x).astype(np.int64) + half) % (2 * half) - half

        body = f"return int32_t((uint32_t(x) + {half}u) & {2 * half - 1}u) - {half};"
    else:

        def held(x: NDArray) -> NDArray:
            return np.clip(x, -limit, limit)

        body = f"return x < -{limit} ? -{limit} : x > {limit} ? {limit} : x;"
    code = f"static inline int32_t {name}(int32_t x) {{ {body} }}"
    return _whole_function(held, name, code, 1)


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
    noise_offset, noise_exponent : int or array
        -255 … 255 and 0 … 23.  Noise is uniform in -127 … 127, plus offset times 64, the sum times
        2^(exponent - 7), rounded down.
    equations : str
        Further Brian2 equations.
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
        arithmetic = compartment_functions(spec)
        owner, unit = _named(self, kwds), spec.decay_unit
        ranges = {
            "threshold": (threshold, (0, 2**spec.threshold_bits - 1)),
            "bias": (bias, spec.bias_limits),
            "bias_exponent": (bias_exponent, spec.bias_exponents),
            "current_decay": (current_decay, (0, unit)),
            "voltage_decay": (voltage_decay, (0, unit)),
            "refractory": (refractory, spec.refractory),
            "noise_offset": (noise_offset, (-255, 255)),
            "noise_exponent": (noise_exponent, (0, 23)),
        }
        given = {
            name: _spread(f"{owner}: {name}", _within(f"{owner}: {name}", values, *limits), n)
            for name, (values, limits) in ranges.items()
        }
        if noise not in (None, "u", "v"):
            raise HardwareError(f"{owner}: noise is {noise!r}; must be 'u', 'v' or None")
        most = 2**_MOST_BITS
        theta = given["threshold"] * 2**6
        whole_bias = given["bias"] * 2 ** given["bias_exponent"]
        _within(f"{owner}: threshold in units of the voltage", theta, 0, 2**31 - 1)
        _within(f"{owner}: bias times 2^exponent", whole_bias, -most, most)
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        super().__init__(
            n,
            COMPARTMENT + (NOISE if noise else "") + equations,
            threshold="fired",
            reset="",
            clock=clock,
            codeobj_class=kwds.pop("codeobj_class", _code_class()),
            namespace=arithmetic | kwds.pop("namespace", {}),
            **kwds,
        )
        _remember(self, spec=spec)
        self.theta, self.bias, self.rests = theta, whole_bias, given["refractory"]
        for name, decay, offset in (
            ("u_kept", given["current_decay"], spec.current_decay_offset),
            ("v_kept", given["voltage_decay"], spec.voltage_decay_offset),
        ):
            setattr(self, name, np.maximum(unit - decay - offset, 0))
        if noise:
            self.noise_offset, self.noise_exponent = given["noise_offset"], given["noise_exponent"]
        self.run_regularly(
            compartment_step(noise),
            clock=clock,
            when="start",
            order=-1,
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
    **kwds
        As of `brian2.SpikeGeneratorGroup`.

    Raises
    ------
    HardwareError
        If there is no such source, or no such step.
    """

    def __init__(
        self, n: int, indices: ArrayLike, steps: ArrayLike, *, spec: LoihiSpec, **kwds: Any
    ) -> None:
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        owner = _named(self, kwds)
        sources = _within(f"{owner}: index", indices, 0, n - 1)
        at = _within(f"{owner}: step", steps, 0, 2**31 - 1) * clock.dt
        early = {"when": "start", "order": -10} if spec.input_arrival == "same_step" else {}
        super().__init__(n, sources, at, clock=clock, **early, **kwds)
        _remember(self, spec=spec)


class LoihiSynapses(DenseSynapses):
    """Synapses of one projection, in one format of weights.

    Parameters
    ----------
    source : LoihiNeurons, a subgroup of these, or LoihiInput
        Presynaptic side.
    target : LoihiNeurons or a subgroup
        Postsynaptic side.
    spec : LoihiSpec
        The chip.
    sign_mode : SignMode
        Signs that the weights may have.
    exponent : int
        Of all weights: -8 … 7.
    equations : str
        Further Brian2 equations.
    **kwds
        As of `DenseSynapses`.

    Raises
    ------
    HardwareError
        If the exponent is not one of the chip's.

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
        _within(f"{_named(self, kwds)}: exponent", exponent, *spec.weight_exponents)
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

    def set_weights(
        self,
        mantissas: ArrayLike,
        *,
        strict: bool = False,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Set the weights, in the order of the synapses, as the projection's format holds them.

        Parameters
        ----------
        mantissas : int or array of int
            Within the limits of the sign mode.  Bits that the format does not have are rounded
            away as the spec says.
        strict : bool
            Do not round.
        rng : Generator, optional
            Needed if `spec.rounding` is "stochastic".

        Raises
        ------
        HardwareError
            If a mantissa is beyond the limits or, if `strict`, not one of the format; if there are
            not as many as synapses.
        """
        limits = self.spec.weight_limits(self.sign_mode)
        name = f"{self.name}: weight"
        wanted = _spread(name, _within(name, mantissas, *limits), self._n_synapses())
        unscaled = wanted * 2.0**self.exponent
        held = quantise_weight(unscaled, self.exponent, self.sign_mode, self.spec, rng)
        if strict and (changed := np.flatnonzero(held != wanted)).size:
            first = changed[0]
            raise HardwareError(
                f"{name} {wanted[first]} is not one of the format "
                f"{self.sign_mode.value}; it would be held as {held[first]}"
            )
        self.w = held
        self.weight = effective_weight(held, self.exponent, bits=self.spec.accumulator_bits)

    def set_delays(self, steps: ArrayLike) -> None:
        """Set the extra delays in steps, on top of the one that every spike takes.

        Raises
        ------
        HardwareError
            If a delay is longer than the chip's, or there are not as many as synapses.
        """
        name = f"{self.name}: delay"
        extra = _within(name, steps, 0, self.spec.longest_delay)
        self.pre.delay = _spread(name, extra, self._n_synapses()) * self.source.clock.dt

    def _n_synapses(self) -> int:
        try:
            return len(self)
        except NotImplementedError:  # standalone mode, in which the run makes them
            if self._not_dense is not None:
                raise HardwareError(
                    f"{self.name}: how many weights or delays to set is not known before a run in "
                    f"standalone mode, for {self._not_dense}; connect with arrays i and j"
                ) from None
            return self._n_connected


def _remember(thing: Any, **values: Any) -> None:
    """Set attributes that are no state variables of a Brian2 object."""
    for name, value in values.items():
        thing.add_attribute(name)
        setattr(thing, name, value)


def _named(thing: Any, kwds: dict[str, Any]) -> str:
    """Return what to call an object that is not made yet."""
    kind = type(thing).__name__
    return f"{kind} '{kwds['name']}'" if kwds.get("name") else kind


def _within(name: str, values: ArrayLike, low: int, high: int) -> NDArray[np.int64]:
    given = np.asarray(values)
    if given.size and given.dtype.kind not in "iuf":
        raise HardwareError(f"{name} is {values!r}; must be a whole number")
    outside = given[~((given >= low) & (given <= high) & (given == np.round(given)))]
    if outside.size:
        raise HardwareError(f"{name} is {outside[0]}; must be a whole number within {low} … {high}")
    return given.astype(np.int64)


def _spread(name: str, values: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    if values.size not in (1, n):
        raise HardwareError(f"{name} has {values.size} values; must have 1 or {n}")
    return np.broadcast_to(values.ravel(), n)
