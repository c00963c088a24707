"""Run networks in nengo-loihi's emulator: ``python peer_nengo_loihi.py NETWORKS.npz RESULTS.npz``.

Its blocks are filled with whole numbers, without the step that makes them from real ones: that is
nengo's own choice of scales.  Weights do pass its `discretize_weights`.
"""

from __future__ import annotations

import platform
import sys
import warnings
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from peer_networks import INPUT, Net, Population, Projection, load, save_results

LEAD = 3
"""Silent steps before a network that learns: its epochs of 2 and 4 steps then begin with ours."""


def block_of(population: Population) -> object:
    """Return a block with the parameters of a population."""
    from nengo_loihi.block import LoihiBlock

    n = len(population.biases)
    block = LoihiBlock(n)
    cells, whole = block.compartment, lambda value: np.full(n, value, dtype=np.int32)
    cells.decay_u, cells.decay_v = whole(population.current_decay), whole(population.voltage_decay)
    cells.scale_u = cells.scale_v = False
    cells.vth = whole(population.threshold * 2**6)
    cells.bias = np.array(population.biases, dtype=np.int32) * 2**population.bias_exponent
    cells.refract_delay = whole(population.refractory)
    cells.vmin, cells.vmax = -(2**23) + 1, 2**23 - 1
    cells.enable_noise = np.full(n, bool(population.noise))
    cells.noise_at_membrane = int(population.noise == "v")
    cells.noise_offset, cells.noise_exp = population.noise_offset, population.noise_exponent
    return block


def synapse_of(projection: Projection) -> object:
    """Return synapses with the weights of a projection; of the sign mode mixed, with 8 bits."""
    from nengo_loihi.block import Synapse
    from nengo_loihi.builder.discretize import array_to_int, discretize_weights

    assert (projection.sign_mode, projection.weight_bits) == ("mixed", 8)
    synapse = Synapse(len(projection.weights))
    synapse.set_weights(np.array(projection.weights, dtype=np.float32))
    if projection.rule:
        trace = projection.traces["x1"]
        synapse.set_learning(
            tracing_tau=2**62 if trace.keeps else 1, tracing_mag=trace.impulse,
            wgt_exp=projection.exponent,
        )  # fmt: skip
        synapse.tracing_tau = 2**62 if trace.keeps else 1e-3
        # dw = 2·x1·error
        synapse._lr_int, synapse._lr_exp = 1, 3
    synapse.format(weight_exp=projection.exponent)
    for weights in synapse.weights:
        array_to_int(weights, discretize_weights(synapse.synapse_cfg, weights))
    return synapse


def run(net: Net) -> dict[str, np.ndarray]:
    """Return what a network does."""
    from nengo_loihi.block import Axon
    from nengo_loihi.emulator import EmulatorInterface
    from nengo_loihi.inputs import SpikeInput

    lead = LEAD if any(projection.rule for projection in net.projections) else 0
    blocks = [block_of(population) for population in net.populations]
    stimulus = SpikeInput(net.n_inputs)
    spiking: dict[int, list[int]] = {}
    for step, source in net.spikes:
        spiking.setdefault(step + lead + 1, []).append(source)  # its steps begin with 1
    for step, sources in spiking.items():
        stimulus.add_spikes(step, np.array(sources))
    synapses = []
    for projection in net.projections:
        axon = Axon(len(projection.weights))
        axon.target = synapse_of(projection)
        blocks[projection.target].add_synapse(axon.target)
        (stimulus if projection.source == INPUT else blocks[projection.source]).add_axon(axon)
        synapses.append(axon.target)
    model = SimpleNamespace(blocks=blocks, inputs=[stimulus], probes=[], dt=0.001)
    emulator = EmulatorInterface(model, seed=1)
    cells = emulator.compartment
    if net.noise:
        rows = iter(np.array(net.noise, dtype=np.int32))
        cells.noise._uniform = lambda rng: next(rows, rng.randint(-127, 128, sum(net.sizes)))
    seen: dict[str, list] = {"u": [], "v": [], "spikes": []}
    for step in range(net.steps + lead + 1):  # one more: what is sent in the last is learnt from
        # its synapses do in this step, of number step + 1, what ours do in step - lead - 1
        at = step - lead - 1
        if net.errors and at >= 0:
            for errors in emulator.synapses.pes_errors.values():
                errors[:] = net.errors[at]
        emulator.step()
        for name, state in zip(seen, (cells.current, cells.voltage, cells.spiked), strict=True):
            seen[name].append(state.copy())
    found = {name: np.array(states)[lead : lead + net.steps] for name, states in seen.items()}
    for n, (projection, synapse) in enumerate(zip(net.projections, synapses, strict=True)):
        if projection.rule:
            found[f"w{n}"] = np.concatenate(synapse.weights) >> (6 + projection.exponent)
    return found


def main(networks: Path, results: Path) -> None:
    """Run all networks."""
    warnings.simplefilter("ignore")  # one for each overflow
    found = [run(net) for net in load(networks)]
    versions = {name: version(name) for name in ("nengo-loihi", "nengo", "numpy")}
    save_results(results, found, versions | {"python": platform.python_version()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
