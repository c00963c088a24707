"""The circuit with neurons in physical units: continuous time, millivolts, a membrane that leaks.

`section` is the section `neuron` of a model file, `mapping` the way from weight units to mV, pA and
nS, `equations` the Brian2 code, `network` the builder and `engine` what trains and tests.  No
brian2 is imported here.
"""

from synfire_bp.physical.section import NeuronSection

__all__ = ["NeuronSection"]
