"""E-prop (Bellec et al. 2020): recurrent spiking networks that learn forwards in time.

    sections   what a model file says of cells, readout and learning
    lesson     what is shown: input spikes and targets, interval by interval
    network    the network as Brian2 objects
    simulation a lesson run to its end, in a compiled program or in Brian2's runtime mode
    pattern, evidence, rows   the rivals: generate a pattern, weigh evidence, read MNIST row by row

Each synapse keeps an eligibility trace, from what its two neurons do; a learning signal, the error
of the readout times fixed weights, turns the traces into a gradient, and at the end of an interval
(or of several) the weights move against it.  Dynamics, order of events and normalisation are those
that NEST documents for its models `eprop_iaf_bsshslm_2020`, `eprop_iaf_adapt_bsshslm_2020`,
`eprop_readout_bsshslm_2020` and `eprop_synapse_bsshslm_2020`; tests/rivals/peers compares.
"""

from importlib import import_module

for _module in ("pattern", "evidence", "rows"):
    import_module(f"{__name__}.{_module}")
