"""The synapses of a circuit, one by one, as its rows say."""

from __future__ import annotations

from synfire_bp.circuit import PlasticProjection


def every_synapse(circuit):
    """Yield (presynaptic cell, postsynaptic cell, plastic) of every synapse."""
    for row in (*circuit.plastic, *circuit.projections):
        pre, post = circuit.slices[row.pre], circuit.slices[row.post]
        plastic = isinstance(row, PlasticProjection)
        one_to_one = not plastic and pre.stop - pre.start == post.stop - post.start
        for i in range(pre.start, pre.stop):
            for j in range(post.start, post.stop):
                if not one_to_one or i - pre.start == j - post.start:
                    yield i, j, plastic
