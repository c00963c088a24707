"""Show samples to a network in `synfire_bp.loihi`: ``python run_ours.py TASK.npz RESULT.json``."""

import sys

import numpy as np
from brian2 import Network, SpikeMonitor
from compiled import begin, timed
from given import IMPULSE, RULE, read, write

from synfire_bp.loihi import (
    SPECS,
    LearningEngine,
    LoihiInput,
    LoihiNeurons,
    LoihiPlasticSynapses,
    LoihiSynapses,
    Trace,
)

CHIP = SPECS["loihi1"]


def main(task, result):
    """Run the network."""
    given = read(task)
    begin()
    n_inputs, *sizes = given.sizes
    steps, sources = given.spikes()
    stimulus = LoihiInput(n_inputs, sources, steps, spec=CHIP)
    groups = [
        LoihiNeurons(size, spec=CHIP, threshold=threshold)
        for size, threshold in zip(sizes, given.thresholds)
    ]
    synapses = []
    for number, (source, target) in enumerate(zip([stimulus, groups[0]], groups)):
        if given.learns and number == 0:
            traces = {"x1": Trace(1, 0), "y1": Trace(IMPULSE, 0)}
            engine = LearningEngine(CHIP, dw=f"dw = {RULE}", traces=traces)
            made = LoihiPlasticSynapses(source, target, engine=engine)
        else:
            made = LoihiSynapses(source, target, spec=CHIP)
        made.connect()
        made.set_weights(given.weights[number].ravel())
        synapses.append(made)
    counts = [SpikeMonitor(group, record=False) for group in groups]
    seconds = timed(given, Network(stimulus, groups, synapses, counts))
    learnt = np.reshape(synapses[0].w, given.weights[0].shape) if given.learns else None
    write(
        result, given, seconds, tuple(np.array(monitor.count) for monitor in counts), learnt,
        ("synfire_bp", "brian2", "numpy"),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
