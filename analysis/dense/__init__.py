"""DenseSynapses beside Brian2's Synapses: the same results, and how much faster."""
