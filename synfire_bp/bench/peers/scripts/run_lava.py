"""Show samples to Lava's fixed-point models: ``python run_lava.py TASK.npz RESULT.json``."""

import sys
import time

import numpy as np
from given import IMPULSE, RULE, read, write
from lava.magma.core.learning.learning_rule import Loihi2FLearningRule
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.variable import Var
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi1SimCfg
from lava.proc.dense.process import Dense, LearningDense
from lava.proc.io.source import RingBuffer
from lava.proc.lif.models import PyLifModelBitAcc
from lava.proc.lif.process import LIF
from lava.utils.weightutils import SignMode


class CountedLIF(LIF):
    """Lava's cells, which count their spikes: its monitors take ten times as long."""

    def __init__(self, **kwds):
        super().__init__(**kwds)
        self.count = Var(shape=kwds["shape"], init=0)


class CountedLIFModel(PyLifModelBitAcc):
    """Lava's model, as it is."""

    implements_process = CountedLIF
    count: np.ndarray = LavaPyType(np.ndarray, np.int32, precision=32)

    def run_spk(self):
        """Take a step, and count."""
        super().run_spk()
        self.count += self.s_out_buff.astype(np.int32)


def connected(given, number):
    """Return a projection; matrices are [post][pre] there."""
    common = {"weights": given.weights[number].T, "sign_mode": SignMode.MIXED}
    if given.learns and number == 0:
        rule = Loihi2FLearningRule(
            dw=RULE, x1_impulse=1, x1_tau=0, y1_impulse=IMPULSE, y1_tau=0, t_epoch=1, rng_seed=1
        )
        return LearningDense(learning_rule=rule, **common)
    return Dense(**common)


def main(task, result):
    """Run the network."""
    given = read(task)
    n_inputs, *sizes = given.sizes
    spikes = np.zeros((n_inputs, (given.before + given.samples) * given.steps), dtype=int)
    steps, sources = given.spikes()
    spikes[sources, steps] = 1
    stimulus = RingBuffer(data=spikes)
    # its current forgets all at 4095
    groups = [
        CountedLIF(shape=(size,), du=4095, dv=4096, vth=threshold)
        for size, threshold in zip(sizes, given.thresholds)
    ]
    synapses = [connected(given, number) for number in (0, 1)]
    for source, made, target in zip([stimulus, groups[0]], synapses, groups):
        source.s_out.connect(made.s_in)
        made.a_out.connect(target.a_in)
    if given.learns:
        groups[0].s_out.connect(synapses[0].s_in_bap)
    config = Loihi1SimCfg(select_tag="fixed_pt")
    try:
        for samples in (given.before, given.samples):
            begin = time.perf_counter()
            groups[0].run(condition=RunSteps(num_steps=samples * given.steps), run_cfg=config)
            seconds = time.perf_counter() - begin
        counts = tuple(group.count.get() for group in groups)
        learnt = synapses[0].weights.get().T if given.learns else None
    finally:
        groups[0].stop()
    write(result, given, seconds, counts, learnt, ("lava-nc", "numpy"))


if __name__ == "__main__":
    main(*sys.argv[1:])
