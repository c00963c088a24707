"""Show samples to a network in Brian2, C++ standalone: ``run_stock.py TASK.npz RESULT.json``.

What Brian2 has for it: synapses that add to the sum of their target, neurons that forget it.
"""

import sys

import numpy as np
from brian2 import Clock, Network, NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms
from compiled import begin, timed
from given import IMPULSE, read, write

DELIVER = "total_post += w"
LEARN = f"w = clip(w + {2 * IMPULSE} * int(fired_post) - 2, -256, 254)"


def main(task, result):
    """Run the network."""
    given = read(task)
    begin()
    clock = Clock(dt=1 * ms)
    n_inputs, *sizes = given.sizes
    steps, sources = given.spikes()
    stimulus = SpikeGeneratorGroup(n_inputs, sources, steps * ms, clock=clock)
    groups = []
    for size, threshold in zip(sizes, given.thresholds):
        group = NeuronGroup(
            size, "total : integer\nfired : boolean", threshold="fired", reset="", clock=clock
        )
        step = f"fired = total > {threshold}\ntotal = 0"
        group.run_regularly(step, clock=clock, when="start")
        groups.append(group)
    synapses = []
    for number, (source, target) in enumerate(zip([stimulus, groups[0]], groups)):
        code = DELIVER + (f"\n{LEARN}" if given.learns and number == 0 else "")
        made = Synapses(source, target, "w : integer", on_pre=code, clock=clock)
        made.connect()
        made.w = given.weights[number].ravel()
        synapses.append(made)
    counts = [SpikeMonitor(group, record=False) for group in groups]
    seconds = timed(given, Network(stimulus, groups, synapses, counts))
    learnt = np.reshape(synapses[0].w, given.weights[0].shape) if given.learns else None
    write(
        result, given, seconds, tuple(np.array(monitor.count) for monitor in counts), learnt,
        ("brian2", "numpy"),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
