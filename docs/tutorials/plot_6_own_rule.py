"""
Your own learning rule with a trace
===================================

In the paper's circuit the reward signal comes in the very step in which the spikes that it judges
coincide. Dopamine does not: it comes later. If the reward comes one phase late, the paper's rule
forgets instead of learning. We write a rule whose synapses remember a coincidence for one phase,
an *eligibility trace*, watch one synapse do so, and train.
"""

# %%
# Three rules
# -----------
# A rule is a sum of products: ``x0`` and ``y0`` are 1 if the presynaptic and the postsynaptic
# neuron fire in this phase, ``r1`` is the reward signal, ``t`` a tag that each synapse has for
# itself. ``u0`` is 1 in every phase: it says that a product holds at all times, without a spike.
# The language is in :doc:`/rules`.
#
# The paper's rule gives +2 to spikes that coincide under reward and -2 to others. Ours splits
# this in two: -2 at once, and 4 later if the tag says that there was a coincidence one phase ago:
#
# .. code-block:: text
#
#    dw = 4*u0*r1*t - 2*x0*y0
#    dt = x0*y0 - u0*t          (a new coincidence is noted, the old one is forgotten)

import tempfile
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb

b2.prefs.codegen.target = "numpy"  # for a few samples faster than compiling

common = ["network.sizes=[64, 50, 10]", "training.epochs=8", "record.samples=0"]
late = "reward.delay=1"
tagged = ["learning.rule=dw = 4*u0*r1*t - 2*x0*y0", "learning.tag=dt = x0*y0 - u0*t"]
experiments = {
    "reward in time, the paper's rule": sb.Experiment.from_file("digits", common),
    "reward late, the paper's rule": sb.Experiment.from_file("digits", [*common, late]),
    "reward late, with a trace": sb.Experiment.from_file("digits", [*common, late, *tagged]),
}
in_time, too_late, traced = experiments

# %%
# One synapse
# -----------
# :func:`~synfire_bp.build_network` gives the untrained circuit as Brian2 objects. We show it one
# image under each rule, and watch the synapse from a hidden unit that fires to the output unit
# that should have fired and did not.

data = sb.load_dataset("digits")
w1, w2 = sb.initial_weights((64, 50, 10), seed=0)
samples = sb.oracle.Samples.of(data.train.inputs, data.train.labels, 10)
potentials = sb.oracle.answer(samples, (w1, w2)).potentials
of_target = potentials[np.arange(len(data.train)), data.train.labels]
shown = int(np.flatnonzero((of_target > 0) & (of_target <= 512))[0])  # silent, and able to learn
target = int(data.train.labels[shown])
hidden = int(np.flatnonzero(data.train.inputs[shown].astype(int) @ w1 > 512)[0])

watched = {}
for name, experiment in experiments.items():
    model = sb.assemble(experiment)
    net = sb.build_network(model, data, weights=(w1, w2), order=np.array([shown]))
    variables = ["w", "tag"] if experiment.learning.tag else ["w"]
    synapse = net.between("h", "o")[hidden, target]
    monitor = b2.StateMonitor(net.plastic, variables, record=[synapse], when="end")
    net.network.add(monitor)
    net.run(1)
    watched[name] = {
        "weight": monitor.w[0, 1:].astype(int),  # step 0 only starts the gating chain
        "tag": monitor.tag[0, 1:] if experiment.learning.tag else np.zeros(12),
        "reward": sorted(model.circuit.reward_phases),
    }

styles = dict(zip(experiments, (("black", "o"), ("#d55e00", "s"), ("#0173b2", "D")), strict=True))


def draw_synapse(above, below):
    """Draw weight, tag and reward, phase by phase."""
    for name, (colour, marker) in styles.items():
        weight = watched[name]["weight"]
        above.step(
            range(12), weight - int(w2[hidden, target]), where="post", color=colour, label=name
        )
        above.plot(range(12), weight - int(w2[hidden, target]), marker, color=colour, ms=4)
    rewards = {"reward in time": in_time, "reward late": traced}
    for row, name in enumerate(rewards.values()):
        on = watched[name]["reward"]
        below.plot(on, np.full(len(on), row), "s", color="0.4", ms=7)
    on = np.flatnonzero(watched[traced]["tag"])
    below.plot(on, np.full(len(on), 2), "D", color="#0173b2", ms=6)
    below.set_yticks(range(3), [*rewards, "tag is 1"])
    below.set(ylim=(2.6, -0.6), xlabel="phase", xticks=range(12))
    above.set(ylabel="change of the weight\n(weight units)")


figure, panels = plt.subplots(
    2, 1, figsize=(7.2, 4.2), sharex=True, height_ratios=(2, 1), layout="constrained"
)
draw_synapse(*panels)
panels[0].legend(frameon=False, fontsize=9)
plt.show()

# %%
# The image is on in phase 1; in phase 5 the output unit repeats its error ``d+`` while ``h``
# repeats its memory. In time, the reward makes +2 of this. One phase late, the paper's rule sees
# a coincidence without reward, -2, and then a reward without a coincidence: nothing. With the
# tag, the reward finds what it belongs to, and +4 makes +2 of the -2.

# %%
# A training
# ----------
# Rules with tags are trained by the spiking circuit, compiled once. The algorithm in integers,
# which is faster, follows rules whose products are all of ``x0*y0``, such as the paper's. It
# knows no late reward, but one phase late ``r1`` is never on when spikes coincide (a sample has
# none that do in phases 6 and 8), so its product is always 0 and can be left out.

temporary = tempfile.TemporaryDirectory()
trained = {
    in_time: (experiments[in_time], "oracle"),
    too_late: (experiments[in_time].changed(["learning.rule=dw = -2*x0*y0"]), "oracle"),
    traced: (experiments[traced], "circuit"),
}
runs = {
    name: sb.train(experiment, engine=engine, out=Path(temporary.name) / str(number))
    for number, (name, (experiment, engine)) in enumerate(trained.items())
}

figure, panels = plt.subplot_mosaic(
    [["weight", "curve"], ["when", "curve"]],
    figsize=(7.2, 4.0), width_ratios=(1.1, 1), height_ratios=(2, 1), layout="constrained",
)  # fmt: skip
panels["when"].sharex(panels["weight"])
draw_synapse(panels["weight"], panels["when"])
panels["weight"].tick_params(labelbottom=False)
for name, (colour, marker) in styles.items():
    tests = runs[name].metrics.query("split == 'test'")
    panels["curve"].plot(
        tests.epoch, 100 * tests.accuracy_potential, color=colour, marker=marker, ms=4
    )
panels["curve"].set(xlabel="epoch", ylabel="test accuracy by potential (%)", ylim=(0, 100))
panels["curve"].set_xticks(range(1, 9))
figure.legend(
    *panels["weight"].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=2,
    frameon=False,
)
plt.show()

# %%
# Left: the synapse again. Right: late reward teaches nothing with the paper's rule, which weakens
# every synapse that takes part in an error; with a trace the network learns about as well as with
# the reward in time.
#
# A tag can last longer than a phase, and neurons can have traces, too: ``x1`` and ``y1`` grow
# with each spike and decay with a time constant, ``learning.traces={y1: {impulse: 30, tau: 6}}``.
# A rule gets a name of its own with :func:`synfire_bp.rule`. :doc:`/rules` has the whole
# language, and :doc:`/rewards` rewards that come samples later.
