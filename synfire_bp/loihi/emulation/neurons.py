"""The chip's compartments, and spikes from outside the chip, as Brian2 objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2 import Clock, NeuronGroup, SpikeGeneratorGroup
from numpy.typing import ArrayLike, NDArray

from synfire_bp.errors import HardwareError
from synfire_bp.loihi.emulation.arithmetic import MOST_BITS, compartment_functions
from synfire_bp.loihi.emulation.checks import named, spread, within
from synfire_bp.loihi.emulation.compartment import COMPARTMENT, NOISE, compartment_step
from synfire_bp.loihi.emulation.objects import STEP, code_class, remember
from synfire_bp.loihi.spec import LoihiSpec

__all__ = ["LoihiInput", "LoihiNeurons"]


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
        0 (no decay) … 4096 (complete decay within a step).
    refractory : int or array
        1 … 64 steps; 1 lets a neuron spike in the next step.
    noise : {None, "u", "v"}
        Where noise is added: to the current, together with the inputs of a step, or to the voltage.
    noise_offset, noise_exponent : int or array
        -255 … 255 and 0 … 23.  Noise is uniform in -127 … 127, plus offset times 64, the sum times
        2^(exponent - 7), rounded toward zero.
    equations : str
        Further Brian2 equations.
    **kwds
        Further arguments of `brian2.NeuronGroup`.

    Raises
    ------
    HardwareError
        If the chip cannot hold a parameter.
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
        arithmetic, owner = compartment_functions(spec), named(self, kwds)
        given = _checked(
            owner, n, spec, threshold=threshold, bias=bias, bias_exponent=bias_exponent,
            current_decay=current_decay, voltage_decay=voltage_decay, refractory=refractory,
            noise_offset=noise_offset, noise_exponent=noise_exponent,
        )  # fmt: skip
        if noise not in (None, "u", "v"):
            raise HardwareError(f"{owner}: noise is {noise!r}; must be 'u', 'v' or None")
        theta = given["threshold"] * 2**6
        whole_bias = given["bias"] * 2 ** given["bias_exponent"]
        within(f"{owner}: threshold in units of the voltage", theta, 0, 2**31 - 1)
        within(f"{owner}: bias times 2^exponent", whole_bias, -(2**MOST_BITS), 2**MOST_BITS)
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        super().__init__(
            n,
            COMPARTMENT + (NOISE if noise else "") + equations,
            threshold="fired",
            reset="",
            clock=clock,
            codeobj_class=kwds.pop("codeobj_class", code_class()),
            namespace=arithmetic | kwds.pop("namespace", {}),
            **kwds,
        )
        remember(self, spec=spec)
        self.theta, self.bias, self.rests = theta, whole_bias, given["refractory"]
        for name, decay, offset in (
            ("u_kept", given["current_decay"], spec.current_decay_offset),
            ("v_kept", given["voltage_decay"], spec.voltage_decay_offset),
        ):
            setattr(self, name, np.maximum(spec.decay_unit - decay - offset, 0))
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


def _checked(
    owner: str, n: int, spec: LoihiSpec, **given: ArrayLike
) -> dict[str, NDArray[np.int64]]:
    """Return the parameters of `n` compartments, one number each.

    Raises
    ------
    HardwareError
        If one of them is out of its range.
    """
    ranges = {
        "threshold": (0, 2**spec.threshold_bits - 1),
        "bias": spec.bias_limits,
        "bias_exponent": spec.bias_exponents,
        "current_decay": (0, spec.decay_unit),
        "voltage_decay": (0, spec.decay_unit),
        "refractory": spec.refractory,
        "noise_offset": (-255, 255),
        "noise_exponent": (0, 23),
    }
    return {
        name: spread(f"{owner}: {name}", within(f"{owner}: {name}", given[name], *limits), n)
        for name, limits in ranges.items()
    }


class LoihiInput(SpikeGeneratorGroup):
    """Spikes from outside the chip.

    Parameters
    ----------
    n : int
        Sources.
    indices, steps : integer arrays
        Which source spikes in which time step.
    spec : LoihiSpec
        Its `input_arrival` determines when a spike of step n acts: in n + 1, or in n itself.
    **kwds
        Further arguments of `brian2.SpikeGeneratorGroup`.

    Raises
    ------
    HardwareError
        If there is no such source, or no such step.
    """

    def __init__(
        self, n: int, indices: ArrayLike, steps: ArrayLike, *, spec: LoihiSpec, **kwds: Any
    ) -> None:
        clock = kwds.pop("clock", None) or Clock(dt=STEP)
        owner = named(self, kwds)
        sources = within(f"{owner}: index", indices, 0, n - 1)
        at = within(f"{owner}: step", steps, 0, 2**31 - 1) * clock.dt
        early = {"when": "start", "order": -10} if spec.input_arrival == "same_step" else {}
        super().__init__(n, sources, at, clock=clock, **early, **kwds)
        remember(self, spec=spec)
