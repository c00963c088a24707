"""Models that people use, built of any class of synapses, to be compared.

Each is a function of the class and of the number of neurons on either side, and returns the objects
of a network.  Nothing is random, so that two programs can be compared bit by bit: sources fire by a
pattern in which 2 % of them spike in a step, all weights differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import NeuronGroup, TimedArray, ms

__all__ = ["MODELS", "STEP", "ModelOfSynapses"]

STEP = 0.1 * ms
WEIGHT = "0.0003 * (1 + (3*i + 7*j) % 11)"
Objects = list[Any]


@dataclass(frozen=True)
class ModelOfSynapses:
    """One model.

    Attributes
    ----------
    build : callable
        (class of synapses, number of neurons) -> objects of a network.
    what : str
        As a figure calls it.
    prefs : mapping
        Brian2's preferences under which it is built.
    """

    build: Callable[[type, int], Objects]
    what: str
    prefs: Mapping[str, Any] = field(default_factory=dict)


def _source(n: int) -> NeuronGroup:
    """Return neurons of which one in fifty fires in each step."""
    return NeuronGroup(
        n, "s : 1", threshold="(7*i + 3*t_in_timesteps) % 50 == 0", reset="s = 0.9*s + 0.1",
        name="source",
    )  # fmt: skip


def _target(n: int, more: str = "", **kwds: Any) -> NeuronGroup:
    """Return leaky neurons that their input makes fire now and then."""
    return NeuronGroup(
        n, f"dv/dt = (0.2 - v) / (20*ms) : 1\n{more}", threshold="v > 1", reset="v = 0",
        method="exact", name="target", **kwds,
    )  # fmt: skip


def _plain(kind: type, n: int, model: str = "w : 1", on_pre: str = "v_post += w") -> Objects:
    source, target = _source(n), _target(n)
    synapses = kind(source, target, model, on_pre=on_pre, name="synapses")
    synapses.connect()
    synapses.w = WEIGHT
    return [source, target, synapses]


def _static(kind: type, n: int) -> Objects:
    return _plain(kind, n)


def _stdp(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    synapses = kind(
        source, target,
        """
        w : 1
        dApre/dt = -Apre / (20*ms) : 1 (event-driven)
        dApost/dt = -Apost / (20*ms) : 1 (event-driven)
        """,
        on_pre="v_post += w\nApre += 0.0001\nw = clip(w + Apost, 0, 0.01)",
        on_post="Apost -= 0.000105\nw = clip(w + Apre, 0, 0.01)",
        name="synapses",
    )  # fmt: skip
    synapses.connect()
    synapses.w = WEIGHT
    return [source, target, synapses]


def _short_term(kind: type, n: int) -> Objects:
    return _plain(
        kind, n,
        """
        w : 1
        du/dt = -u / (50*ms) : 1 (event-driven)
        dx/dt = (1 - x) / (100*ms) : 1 (event-driven)
        """,
        "u += 0.3*(1 - u)\nv_post += w*u*x\nx -= u*x",
    )  # fmt: skip


def _multisynaptic(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    synapses = kind(source, target, "w : 1", on_pre="v_post += w", multisynaptic_index="k",
                    name="synapses")  # fmt: skip
    synapses.connect(n=2)
    synapses.w = f"{WEIGHT} * (k + 1) / 3"
    return [source, target, synapses]


def _delays(kind: type, n: int) -> Objects:
    objects = _plain(kind, n)
    objects[-1].delay = "((i + j // 16) % 10) * 0.1*ms"
    return objects


def _refractory(kind: type, n: int) -> Objects:
    source = _source(n)
    target = NeuronGroup(
        n, "dv/dt = (0.2 - v) / (20*ms) : 1 (unless refractory)", threshold="v > 1", reset="v = 0",
        refractory=2 * ms, method="exact", name="target",
    )  # fmt: skip
    synapses = kind(source, target, "w : 1", on_pre="v_post += w", name="synapses")
    synapses.connect()
    synapses.w = WEIGHT
    return [source, target, synapses]


def _summed(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n, "total : 1")
    synapses = kind(source, target, "w : 1\ntotal_post = w*s_pre : 1 (summed)",
                    on_pre="v_post += w", name="synapses")  # fmt: skip
    synapses.connect()
    synapses.w = WEIGHT
    return [source, target, synapses]


def _timed(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    gain = TimedArray(np.linspace(0.5, 1.5, 64), dt=1 * ms, name="gain")
    synapses = kind(source, target, "w : 1", on_pre="v_post += w*gain(t)",
                    namespace={"gain": gain}, name="synapses")  # fmt: skip
    synapses.connect()
    synapses.w = WEIGHT
    return [source, target, synapses]


def _conditional(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    synapses = kind(source, target, "w : 1", on_pre="v_post += w", name="synapses")
    synapses.connect("abs(i - j) < N_pre // 4")
    synapses.w = WEIGHT
    return [source, target, synapses]


def _subgroups(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    first = kind(source[: n // 2], target[n // 4 :], "w : 1", on_pre="v_post += w", name="first")
    second = kind(source[n // 2 :], target, "w : 1", on_pre="v_post += w", name="second")
    for synapses in (first, second):
        synapses.connect()
        synapses.w = WEIGHT
    return [source, target, first, second]


def _ordered(kind: type, n: int) -> Objects:
    source, target = _source(n), _target(n)
    after = kind(source, target, "w : 1", on_pre="v_post += w", order=2, name="after")
    before = kind(source, target, "w : 1", on_pre="v_post = 0.9999*v_post + w", order=1,
                  name="before")  # fmt: skip
    for synapses in (after, before):
        synapses.connect()
        synapses.w = WEIGHT
    return [source, target, after, before]


MODELS: dict[str, ModelOfSynapses] = {
    "static": ModelOfSynapses(_static, "static weights"),
    "stdp": ModelOfSynapses(_stdp, "STDP, pre and post"),
    "short_term": ModelOfSynapses(_short_term, "short-term plasticity"),
    "multisynaptic": ModelOfSynapses(_multisynaptic, "two synapses a pair"),
    "delays": ModelOfSynapses(_delays, "ten delays"),
    "refractory": ModelOfSynapses(_refractory, "refractory targets"),
    "summed": ModelOfSynapses(_summed, "summed variable"),
    "timed_array": ModelOfSynapses(_timed, "TimedArray"),
    "conditional": ModelOfSynapses(_conditional, "connect(condition)"),
    "subgroups": ModelOfSynapses(_subgroups, "subgroups"),
    "order": ModelOfSynapses(_ordered, "two objects in order"),
    "float32": ModelOfSynapses(
        _static, "float32", {"core.default_float_dtype": np.float32}
    ),
    "openmp": ModelOfSynapses(
        _static, "OpenMP, 2 threads", {"devices.cpp_standalone.openmp_threads": 2}
    ),
}  # fmt: skip
"""By name."""
