"""Run networks in Lava's fixed-point models: ``python peer_lava.py NETWORKS.npz RESULTS.npz``."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from lava.proc.dense.process import DelayDense, Dense, LearningDense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.models import PyLifModelBitAcc
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode
from peer_networks import INPUT, Net, Population, Projection, load, save_results


class SeenLIF(LIF):
    """Lava's cells, which keep what they do: their monitors take ten times as long."""

    def __init__(self, *, steps: int, **kwds) -> None:
        super().__init__(**kwds)
        self.seen = Var(shape=(3, steps, *kwds["shape"]), init=0)


class SeenLIFModel(PyLifModelBitAcc):
    """Lava's model, as it is."""

    implements_process = SeenLIF
    seen: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=32)

    def run_spk(self) -> None:
        """Take a step, and keep its outcome."""
        super().run_spk()
        self.seen[:, self.time_step - 1] = self.u, self.v, self.s_out_buff


def cells_of(population: Population, steps: int) -> LIF:
    """Return a population."""
    assert population.refractory == 1
    return SeenLIF(
        steps=steps,
        shape=(len(population.biases),),
        du=population.current_decay,
        dv=population.voltage_decay,
        vth=population.threshold,
        bias_mant=np.array(population.biases),
        bias_exp=np.full(len(population.biases), population.bias_exponent),
    )


def synapses_of(projection: Projection) -> Dense:
    """Return synapses; their matrices are [post][pre]."""
    weights = np.array(projection.weights).T
    common = {
        "weights": weights,
        "weight_exp": projection.exponent,
        "num_weight_bits": projection.weight_bits,
        "sign_mode": SignMode[projection.sign_mode.upper()],
    }
    if projection.rule:
        settings = {"dw": projection.rule.partition("=")[2].strip(), "t_epoch": projection.epoch}
        for name, trace in projection.traces.items():
            settings |= {
                f"{name}_impulse": trace.impulse, f"{name}_tau": 2**62 if trace.keeps else 0
            }  # fmt: skip
        return LearningDense(learning_rule=Loihi2FLearningRule(**settings, rng_seed=1), **common)
    if projection.delay:
        delays = np.full(weights.shape, projection.delay)
        return DelayDense(delays=delays, max_delay=projection.delay, **common)
    return Dense(**common)


def run(net: Net) -> dict[str, np.ndarray]:
    """Return what a network does."""
    spikes = np.zeros((net.n_inputs, net.steps), dtype=int)
    for step, source in net.spikes:
        spikes[source, step] = 1
    stimulus = RingBuffer(data=spikes)
    groups = [cells_of(population, net.steps) for population in net.populations]
    made = [synapses_of(projection) for projection in net.projections]
    for projection, synapses in zip(net.projections, made, strict=True):
        source = stimulus if projection.source == INPUT else groups[projection.source]
        source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(groups[projection.target].a_in)
        if projection.rule:
            groups[projection.target].s_out.connect(synapses.s_in_bap)
    first = groups[0]
    try:
        first.run(
            condition=RunSteps(num_steps=net.steps), run_cfg=Loihi1SimCfg(select_tag="fixed_pt")
        )
        u, v, spikes = np.concatenate([group.seen.get() for group in groups], axis=2)
        found = {"u": u, "v": v, "spikes": spikes.astype(bool)}
        for n, (projection, synapses) in enumerate(zip(net.projections, made, strict=True)):
            if projection.rule:
                found[f"w{n}"] = synapses.weights.get().T
    finally:
        first.stop()
    return found


def main(networks: Path, results: Path) -> None:
    """Run all networks, one after the other."""
    found = [run(net) for net in load(networks)]
    versions = {name: version(name) for name in ("lava-nc", "numpy")}
    save_results(results, found, versions | {"python": platform.python_version()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
