"""Show samples to a network in brian2-loihi: ``python run_brian2_loihi.py TASK.npz RESULT.json``.

An input spike acts there in its own step: here, one step later than it is said to.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import brian2_loihi
import numpy as np
from brian2 import NetworkOperation, SpikeMonitor, ms
from given import IMPULSE, RULE, read, write


def connected(given, number, source, target):
    """Return a projection."""
    learning = {}
    if given.learns and number == 0:
        # a trace loses one in tau of its value in each step
        learning = {
            "dw": RULE.replace(" ", ""), "imp_x1": 1, "tau_x1": 1, "imp_y1": IMPULSE, "tau_y1": 1
        }  # fmt: skip
    synapses = brian2_loihi.LoihiSynapses(source, target, sign_mode=1, **learning)
    weights = given.weights[number]
    pre, post = np.indices(weights.shape)
    synapses.connect(i=pre.ravel(), j=post.ravel())
    synapses.w = weights.ravel()
    return synapses


def main(task, result):
    """Run the network."""
    sys.setrecursionlimit(100_000)  # its equations hold the rule many times, one in the other
    given = read(task)
    n_inputs, *sizes = given.sizes
    steps, sources = given.spikes()
    stimulus = brian2_loihi.LoihiSpikeGeneratorGroup(n_inputs, sources, steps + 1)
    groups = [
        brian2_loihi.LoihiNeuronGroup(
            size, refractory=1, threshold_v_mant=threshold, decay_v=4096, decay_I=4096
        )
        for size, threshold in zip(sizes, given.thresholds)
    ]
    synapses = [
        connected(given, number, source, target)
        for number, (source, target) in enumerate(zip([stimulus, groups[0]], groups))
    ]
    counts = [SpikeMonitor(group, record=False) for group in groups]
    stamps = []
    watch = NetworkOperation(
        lambda: stamps.append(time.perf_counter()), dt=given.steps * ms, when="start"
    )
    objects = [stimulus, *groups, *synapses, *counts, watch]
    # one step more, in which the last stamp is taken
    total = given.before + given.samples
    brian2_loihi.LoihiNetwork(objects).run(total * given.steps + 1)
    learnt = None
    if given.learns:
        learnt = synapses[0].get_states(["w"])["w"].reshape(given.weights[0].shape)
    write(
        result, given, stamps[total] - stamps[given.before],
        tuple(np.array(monitor.count) for monitor in counts), learnt,
        ("brian2-loihi", "brian2", "numpy"),
    )  # fmt: skip


if __name__ == "__main__":
    threading.stack_size(2**30)  # for the recursion; that of the main thread is given
    with ThreadPoolExecutor(1) as pool:
        pool.submit(main, *sys.argv[1:]).result()
