"""Show samples to a network in nengo-loihi's emulator: ``run_nengo_loihi.py TASK.npz RESULT.json``.

Its blocks are filled with whole numbers, without the step that makes them from real ones: that is
nengo's own choice of scales.  Weights do pass its `discretize_weights`.
"""

import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np
from given import read, write
from nengo_loihi.block import Axon, LoihiBlock, Synapse
from nengo_loihi.builder.discretize import array_to_int, discretize_weights
from nengo_loihi.emulator import EmulatorInterface
from nengo_loihi.inputs import SpikeInput


def block_of(size, threshold):
    """Return neurons; their current forgets all at 4095."""
    block = LoihiBlock(size)
    cells = block.compartment
    for name, value in (
        ("decay_u", 4095), ("decay_v", 4096), ("vth", threshold * 2**6), ("bias", 0),
        ("refract_delay", 1), ("enable_noise", 0),
    ):  # fmt: skip
        setattr(cells, name, np.full(size, value, dtype=np.int32))
    cells.enable_noise = cells.enable_noise.astype(bool)
    cells.scale_u = cells.scale_v = False
    cells.vmin, cells.vmax = -(2**23) + 1, 2**23 - 1
    return block


def synapse_of(matrix):
    """Return synapses with these weights."""
    synapse = Synapse(len(matrix))
    synapse.set_weights(matrix.astype(np.float32))
    synapse.format(weight_exp=0)
    for weights in synapse.weights:
        array_to_int(weights, discretize_weights(synapse.synapse_cfg, weights))
    return synapse


def main(task, result):
    """Run the network."""
    warnings.simplefilter("ignore")
    given = read(task)
    n_inputs, *sizes = given.sizes
    blocks = [block_of(*each) for each in zip(sizes, given.thresholds)]
    stimulus = SpikeInput(n_inputs)
    steps, sources = given.spikes()
    for step in np.unique(steps):
        stimulus.add_spikes(int(step) + 1, sources[steps == step])  # its steps begin with 1
    for source, matrix, target in zip([stimulus, blocks[0]], given.weights, blocks):
        axon = Axon(len(matrix))
        axon.target = synapse_of(matrix)
        target.add_synapse(axon.target)
        source.add_axon(axon)
    model = SimpleNamespace(blocks=blocks, inputs=[stimulus], probes=[], dt=0.001)
    emulator = EmulatorInterface(model, seed=1)
    counts = np.zeros(sum(sizes), dtype=int)
    for samples in (given.before, given.samples):
        begin = time.perf_counter()
        for _ in range(samples * given.steps):
            emulator.step()
            counts += emulator.compartment.spiked
        seconds = time.perf_counter() - begin
    split = tuple(np.split(counts, [sizes[0]]))
    write(result, given, seconds, split, None, ("nengo-loihi", "nengo", "numpy"))


if __name__ == "__main__":
    main(*sys.argv[1:])
