"""Run networks in brian2-loihi: ``python peer_brian2_loihi.py NETWORKS.npz RESULTS.npz``.

An input spike acts there in its own step: here, one step later than it is said to.
"""

from __future__ import annotations

import platform
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import brian2_loihi
import numpy as np
from brian2 import StateMonitor, prefs
from peer_networks import INPUT, Net, Projection, load, save_results

SIGN_MODES = {"mixed": 1, "excitatory": 2, "inhibitory": 3}


class Made:
    """A network in brian2-loihi's classes, with monitors."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.groups = [
            brian2_loihi.LoihiNeuronGroup(
                len(population.biases),
                refractory=population.refractory,
                threshold_v_mant=population.threshold,
                decay_v=population.voltage_decay,
                decay_I=population.current_decay,
            )
            for population in net.populations
        ]
        assert not any(any(population.biases) for population in net.populations)
        steps, sources = np.array(net.spikes, dtype=int).reshape(-1, 2).T
        stimulus = brian2_loihi.LoihiSpikeGeneratorGroup(net.n_inputs, sources, steps + 1)
        self.synapses = [self.connected(stimulus, projection) for projection in net.projections]
        # as the chip's u: what arrived is in, what decays not yet out
        self.currents = [
            StateMonitor(group, "I", record=True, when="groups", order=-1) for group in self.groups
        ]
        self.voltages = [brian2_loihi.LoihiStateMonitor(group, "v") for group in self.groups]
        self.spikes = [brian2_loihi.LoihiSpikeMonitor(group) for group in self.groups]
        self.objects = [
            *self.groups, stimulus, *self.synapses, *self.currents, *self.voltages, *self.spikes
        ]  # fmt: skip

    def connected(self, stimulus: object, projection: Projection) -> object:
        """Return the synapses of a projection."""
        learning = {"dw": projection.rule.partition("=")[2].replace(" ", "")}
        for name, trace in projection.traces.items():
            # it loses one in tau of its value in each step
            learning |= {f"imp_{name}": trace.impulse, f"tau_{name}": 10**18 if trace.keeps else 1}
        made = brian2_loihi.LoihiSynapses(
            stimulus if projection.source == INPUT else self.groups[projection.source],
            self.groups[projection.target],
            delay=projection.delay,
            w_exp=projection.exponent,
            sign_mode=SIGN_MODES[projection.sign_mode],
            num_weight_bits=projection.weight_bits,
            **(learning if projection.rule else {}),
        )
        weights = np.array(projection.weights)
        pre, post = np.indices(weights.shape)
        made.connect(i=pre.ravel(), j=post.ravel())
        made.w = weights.ravel()
        return made

    def results(self) -> dict[str, np.ndarray]:
        """Return what the network did."""
        steps = self.net.steps
        spikes = [np.zeros((steps + 1, len(group)), dtype=bool) for group in self.groups]
        for seen, monitor in zip(spikes, self.spikes, strict=True):
            seen[np.rint(monitor.t_ * 1000).astype(int), monitor.i] = True
        found = {
            "u": np.concatenate([monitor.I for monitor in self.currents]).T[:steps],
            "v": np.concatenate([monitor.v for monitor in self.voltages]).T[:steps],
            "spikes": np.concatenate(spikes, axis=1)[:steps],
        }
        for n, (projection, made) in enumerate(
            zip(self.net.projections, self.synapses, strict=True)
        ):
            if projection.rule:
                shape = np.shape(projection.weights)
                found[f"w{n}"] = made.get_states(["w"])["w"].reshape(shape).astype(int)
        return found


def main(networks: Path, results: Path) -> None:
    """Run all networks, as parts of one."""
    prefs.codegen.target = "numpy"
    sys.setrecursionlimit(100_000)  # its equations hold the rule many times, one in the other
    nets = load(networks)
    made = [Made(net) for net in nets]
    # one step more, in which what was sent in the last one is learnt from
    steps = max(net.steps for net in nets) + 1
    brian2_loihi.LoihiNetwork([thing for each in made for thing in each.objects]).run(steps)
    versions = {name: version(name) for name in ("brian2-loihi", "brian2", "numpy")}
    save_results(
        results,
        [each.results() for each in made],
        versions | {"python": platform.python_version()},
    )


if __name__ == "__main__":
    threading.stack_size(2**30)  # for the recursion; that of the main thread is given
    with ThreadPoolExecutor(1) as pool:
        pool.submit(main, Path(sys.argv[1]), Path(sys.argv[2])).result()
