"""Spike-timing-dependent plasticity as a rival: with a reward, and alone with a readout.

    sections       what a model file says of cells and learning
    showing        images as spike trains, one after the other, in milliseconds
    reward         pairs of spikes leave an eligibility trace, and one number says if it was right
    unsupervised   neurons compete, and get labels after they have learnt

The networks themselves, as Brian2 objects in mV and ms: `reward_network`, `unsupervised_network`.
"""

from importlib import import_module

for _module in ("reward", "unsupervised"):
    import_module(f"{__name__}.{_module}")
