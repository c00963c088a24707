"""Brian2 code of neurons and synapses in physical units.  No brian2 here: code is text.

A custom neuron can use these, all per cell unless shared:

    E_L, theta (volt), R (ohm), tau_m (second)   shared numbers: rest, threshold, membrane I_tonic
    (amp)    the tonic current that closes a population I_syn (amp)      current of exponential or
    conductance synapses; 0 for delta synapses, which
                     change `v` themselves
    closed (volt)    where the tonic current holds the membrane gate (volt)      what the gate's
    pulse adds at the spike initiation zone

It defines `v` in volt.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CELLS", "LIF", "NOISE", "SHARED", "SYNAPTIC", "UNITS", "NeuronCode", "delivery"]

LIF_EQUATION = "dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m : volt (unless refractory)"

SHARED = """
    E_L       : volt (shared, constant)    # rest
    theta     : volt (shared, constant)    # threshold
    R         : ohm (shared, constant)     # of the membrane
    tau_m     : second (shared, constant)  # its time constant
    I_tonic   : amp (constant)             # closes a population
    closed    : volt (constant)            # where that holds the membrane
    gate      : volt                       # what a pulse adds where spikes start
"""

CELLS = """
    fired        : boolean                      # in this phase
    refractory_time : second (shared, constant)
    noise        : volt (constant)              # standard deviation in a time step
    quantum      : volt (shared, constant)      # a weight unit
    moment       : integer (shared, constant)   # seed of noise
"""
"""Variables that every cell has in addition to its membrane."""

SYNAPTIC = {
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
"""Size of a weight unit; parameters of synapses."""

NOISE = """
    synaptic_noise : 1 (shared, constant)
    number         : integer (constant)
"""
"""Further variables of noisy synapses."""


@dataclass(frozen=True)
class NeuronCode:
    """Everything that a program is built from: code of neurons and synapses, and times in steps.

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
        Whether there is any noise.
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
    def phase_ms(self) -> float:
        """Model time of a phase, in ms."""
        return self.phase * self.dt

    @property
    def cells(self) -> str:
        """All equations of a cell's membrane."""
        return "\n".join((self.equations, SHARED, SYNAPTIC[self.synapse]))


LIF = {"equations": LIF_EQUATION, "threshold": "v + gate > theta", "reset": "v = closed"}
"""The leaky integrate-and-fire neuron, written as a custom one."""


def delivery(code: NeuronCode, weight: str) -> str:
    """Return the effect of an arriving spike, as Brian2 code."""
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
