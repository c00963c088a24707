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

    q  = sum of the effective weights that arrived (+ noise)        21 bits and sign, wraps around
    u  = decayed(u) + q                                             23 bits, wraps around
    v  = decayed(v) + u + bias (or + noise here)                    saturates
    v  = 0 while refractory
    spike if v > threshold (strictly); then v = 0, refractory again
    decayed(x) = sign(x) * floor(|x| * (4096 - decay - offset) / 4096)

A spike sent in step n by a compartment acts in step n + 1, or later by its synapse's delay; a spike
of a `LoihiInput` acts in n + 1 or in n itself, depending on the spec's `input_arrival`.
Compartments are updated at the start of a Brian2 step, before a `StateMonitor` records: record n
holds step n.  The sources are named in `synfire_bp.loihi.spec`.
"""

from synfire_bp.loihi.emulation.arithmetic import compartment_functions
from synfire_bp.loihi.emulation.compartment import COMPARTMENT, compartment_step
from synfire_bp.loihi.emulation.neurons import LoihiInput, LoihiNeurons
from synfire_bp.loihi.emulation.objects import STEP
from synfire_bp.loihi.emulation.synapses import LoihiSynapses

__all__ = [
    "COMPARTMENT",
    "STEP",
    "LoihiInput",
    "LoihiNeurons",
    "LoihiSynapses",
    "compartment_functions",
    "compartment_step",
]
