"""From whole numbers to milliseconds, millivolts, picoamperes and nanosiemens.

Time.  A phase lasts `phase` ms.  A gate's pulse opens a population in the middle of the phase, for
`window` ms, and is sent one phase earlier by the gating chain.  A spike arrives at its synapses
`delay` ms after it was fired.  The delay is chosen such that the postsynaptic potential (with
spread delays: the mean) is at its peak when the next pulse comes.  Populations integrate while they
are closed, and all decide at the same time, when the pulse comes; spikes therefore stay in step
from phase to phase.

Size.  A weight w moves the membrane by w quanta at the time of the pulse.  A tonic hyperpolarising
current holds a closed population 8192 quanta below rest; a gate's pulse acts at the spike
initiation zone (the axon's initial segment): for the length of the window it adds 8704 quanta, or
another number given by its weights, to the membrane potential that is compared with the threshold.
Sums of weights are even, and the threshold lies one unit, which is half a step of the sums, above
the chip's: 1025 instead of 1024.  The same sums therefore exceed it, and no sum comes close to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import CLOSING, FULL
from synfire_bp.circuit.paper import backprop_circuit
from synfire_bp.physical.membrane import Membrane

__all__ = ["CUT", "SYNAPTIC_TIME", "Mapping", "Timing", "fit"]

CUT = 2
"""Number of standard deviations at which delays are cut off."""
SYNAPTIC_TIME = 0.25
"""Time constant of synapses in ms, if a model file gives none."""
SHORTEST_PHASE = 8
"""Shortest possible phase, in time steps."""
FAINTEST = 0.2
"""Least fraction of its peak that a postsynaptic potential may have when the pulse comes."""
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Timing:
    """Times within a phase, in time steps.

    Attributes
    ----------
    phase : int
        Length of a phase.
    gate : int
        Time of the pulse within a phase.
    window : int
        Length of the pulse.
    arrival : int
        Mean time from a spike to its arrival at a synapse.
    """

    phase: int
    gate: int
    window: int
    arrival: int

    @classmethod
    def of(cls, neuron: Membrane) -> Timing:
        """Return the timing of a section that fits its phase."""
        phase = round(neuron.phase / neuron.dt)
        lead = _best_lead(neuron, phase)
        delay = None if neuron.delay is None else round(neuron.delay / neuron.dt)
        return cls(
            phase,
            phase // 2,
            round(neuron.window / neuron.dt),
            phase - lead if delay is None else delay,
        )

    @property
    def lead(self) -> int:
        """Mean number of steps by which a spike arrives before the gate's pulse."""
        return self.phase - self.arrival


@dataclass(frozen=True)
class Mapping:
    """Physical size of a weight unit.

    Attributes
    ----------
    volt : float
        Height of a postsynaptic potential when the gate's pulse comes, in V.
    jump : float
        Change of the membrane potential by a spike at a delta synapse, in V.
    current : float
        Size of an exponential current when a spike arrives, in A.
    excitation, inhibition : float
        Size of a conductance when a spike arrives, in S.
    left : float
        What remains one phase later of a sum of 9216, the largest at which a closed population
        stays silent, in weight units.  Below 1, half a step between even sums, it changes no
        decision.
    """

    volt: float
    jump: float
    current: float
    excitation: float
    inhibition: float
    left: float

    @classmethod
    def of(cls, neuron: Membrane) -> Mapping:
        """Return the map of a section that fits its phase."""
        timing = Timing.of(neuron)
        response = _response(neuron, timing.phase)
        at_gate = float(_expected(neuron, response)[timing.lead])
        volt = neuron.quantum * 1e-3
        resistance = neuron.resistance * 1e6
        current = volt / (resistance * at_gate)
        closed = closed_potential(neuron)
        later = float(response[timing.lead + timing.phase])
        return cls(
            volt,
            volt / at_gate,
            current,
            current / ((neuron.excitatory_reversal - closed) * 1e-3),
            current / ((closed - neuron.inhibitory_reversal) * 1e-3)
            if closed > neuron.inhibitory_reversal
            else 0.0,
            (CLOSING + FULL) * later / at_gate,
        )


def closed_potential(neuron: Membrane, closing: int = CLOSING) -> float:
    """Return the potential at which the tonic current holds a closed population, in mV."""
    return neuron.resting - closing * neuron.quantum


def _response(neuron: Membrane, phase: int) -> NDArray[np.float64]:
    """Return the postsynaptic potential over two phases after an arrival, step by step.

    Response to a unit jump, or to a current that alone would hold the membrane one unit higher.  A
    spike arrives after the membrane's step and before the threshold.
    """
    keeps = exp(-neuron.dt / neuron.membrane_time)
    steps = np.arange(2 * phase + 1)
    if neuron.synapse == "delta":
        return np.asarray(keeps**steps)
    of_synapse = exp(-neuron.dt / (neuron.synaptic_time or SYNAPTIC_TIME))
    response = np.zeros(steps.size)
    for step in steps[1:]:
        drive = of_synapse ** (step - 1)
        response[step] = drive + (response[step - 1] - drive) * keeps
    return response


def _expected(neuron: Membrane, response: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean potential of synapses with spread delays, by the lead of the mean delay."""
    if not neuron.delay_spread:
        return response
    farthest = int(np.rint(CUT * neuron.delay_spread / neuron.dt))
    offsets = np.arange(-farthest, farthest + 1)
    weight = np.exp(-0.5 * (offsets * neuron.dt / neuron.delay_spread) ** 2)
    padded = np.concatenate([np.zeros(farthest), response, np.zeros(farthest)])
    return np.asarray(np.convolve(padded, weight / weight.sum(), mode="valid"))


def _best_lead(neuron: Membrane, phase: int) -> int:
    """Return the lead of arriving spikes before the pulse at which their mean potential is largest.

    It is early enough that the last spike arrives before the pulse ends.
    """
    last = int(np.ceil((CUT * neuron.delay_spread - neuron.window) / neuron.dt - _ROUNDING))
    earliest = max(last, 0)
    mean = _expected(neuron, _response(neuron, phase))[earliest : phase + 1]
    return earliest + int(np.argmax(mean)) if mean.size else earliest


def fit(neuron: Membrane) -> list[str]:
    """Return what does not fit into a phase, or cannot be combined; empty if there is nothing."""
    ratio = neuron.phase / neuron.dt
    if abs(ratio - round(ratio)) > _ROUNDING * ratio:
        nearest = neuron.phase / max(round(ratio), SHORTEST_PHASE)
        return [
            f"dt: is {neuron.dt:g} ms, of which a phase of {neuron.phase:g} ms does not hold a "
            f"whole number ({ratio:.4g}); {nearest:.6g} would fit"
        ]
    if round(ratio) < SHORTEST_PHASE:
        return [
            f"dt: is {neuron.dt:g} ms, so a phase of {neuron.phase:g} ms has {round(ratio)} steps; "
            f"it needs {SHORTEST_PHASE}: at most {neuron.phase / SHORTEST_PHASE:g} ms"
        ]
    return [*_window(neuron), *_constants(neuron), *_reversals(neuron)] or _arrivals(neuron)


def _window(neuron: Membrane) -> list[str]:
    steps = neuron.window / neuron.dt
    longest = ((round(neuron.phase / neuron.dt) + 1) // 2 - 1) // 2 * neuron.dt
    if round(steps) < 1 or abs(steps - round(steps)) > _ROUNDING * steps:
        return [f"window: is {neuron.window:g} ms, but must be a multiple of dt, {neuron.dt:g} ms"]
    if neuron.window > longest * (1 + _ROUNDING):
        return [
            f"window: is {neuron.window:g} ms, {neuron.window - longest:.4g} ms too long for a "
            f"phase of {neuron.phase:g} ms: the learning of phase 5 has to follow the pulse before "
            f"phase 6 begins; at most {longest:g}"
        ]
    if neuron.refractory < neuron.window:
        return [
            f"refractory: is {neuron.refractory:g} ms, {neuron.window - neuron.refractory:.4g} ms "
            f"too short: a cell of phase 1 could fire twice in a pulse of {neuron.window:g} ms"
        ]
    return []


def _constants(neuron: Membrane) -> list[str]:
    synaptic = None if neuron.synapse == "delta" else neuron.synaptic_time or SYNAPTIC_TIME
    return [
        f"{name}: is {value:g} ms, {value - neuron.phase:.4g} ms longer than a phase: a sum of "
        f"phase 2 would last into phase 3; at most {neuron.phase:g}"
        for name, value in (("membrane_time", neuron.membrane_time), ("synaptic_time", synaptic))
        if value is not None and value > neuron.phase
    ]


def _reversals(neuron: Membrane) -> list[str]:
    if neuron.synapse != "conductance":
        return []
    closed = closed_potential(neuron)
    top = neuron.resting + (FULL + 1) * neuron.quantum
    said = []
    if neuron.inhibitory_reversal >= closed:
        said.append(
            f"inhibitory_reversal: is {neuron.inhibitory_reversal:g} mV, but must lie below the "
            f"potential of a closed population, {closed:g} mV (resting - {CLOSING} quanta), or "
            "inhibition would excite; lower it, or make the quantum smaller"
        )
    if neuron.excitatory_reversal <= top:
        said.append(
            f"excitatory_reversal: is {neuron.excitatory_reversal:g} mV, but must lie above the "
            f"threshold, {top:g} mV"
        )
    return said


def _arrivals(neuron: Membrane) -> list[str]:
    timing = Timing.of(neuron)
    delay, spread = timing.arrival * neuron.dt, CUT * neuron.delay_spread
    phases = backprop_circuit((1, 1, 1))
    sender, taker = phases.plastic[0].pre, phases.plastic[0].post
    sent, taken = phases.forward_phase(sender), phases.forward_phase(taker)
    said = f"a spike of {sender} in phase {sent} arrives at {taker}"
    by = f"delay: {delay:g} ms" + (f" with a delay_spread of {neuron.delay_spread:g} ms: " if spread
                                    else ": ")  # fmt: skip
    slack = _ROUNDING * neuron.phase
    if (late := delay + spread - neuron.phase - neuron.window) > slack:
        return [
            f"{by}{said} up to {delay + spread:g} ms later, {late:.4g} ms after the pulse of phase "
            f"{taken} has ended ({neuron.phase + neuron.window:g} ms later)"
        ]
    if (early := neuron.window - (delay - spread)) > slack:
        return [
            f"{by}{said} as soon as {delay - spread:.4g} ms later, {early:.4g} ms before the pulse "
            f"of phase {sent} has ended"
        ]
    if (lasts := neuron.refractory - (delay - spread)) > slack:
        return [
            f"refractory: is {neuron.refractory:g} ms, but hT, which fires in phase 5, takes its "
            f"inputs of phase 6 from {delay - spread:g} ms on: {lasts:.4g} ms too long"
        ]
    response = _expected(neuron, _response(neuron, timing.phase))
    peak, lead = _best_lead(neuron, timing.phase), timing.lead
    if lead < 0 or response[lead] < FAINTEST * response[peak]:
        best = (timing.phase - peak) * neuron.dt
        share = 0.0 if lead < 0 else response[lead] / response[peak]
        return [
            f"delay: is {delay:g} ms; when the pulse of phase {taken} comes, the postsynaptic "
            f"potential has {100 * share:.2g} % of its peak, and must have at least "
            f"{100 * FAINTEST:g} %; best is {best:g} ms"
        ]
    return []
