"""
What the chip makes of it
=========================

The paper's network ran on Intel's Loihi. Nobody needs one to know what the chip can hold of a
network, what it computes, how many cores it takes and what a sample costs: ``synfire_bp.loihi``
answers from the chip's public description. We put a trained network to the four questions.
"""

# %%
# A trained network
# -----------------
# The spikes of a run are what its costs are counted from, so the circuit trains here, not the
# oracle.

import tempfile
from dataclasses import replace
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb
from synfire_bp.loihi import SPECS, constrain, place, predict

b2.prefs.codegen.target = "numpy"  # for a few samples faster than compiling
temporary = tempfile.TemporaryDirectory()
experiment = sb.Experiment.from_file(
    "digits", ["network.sizes=[64, 50, 10]", "training.epochs=12", "record.samples=40"]
)
run = sb.train(experiment, engine="circuit", out=Path(temporary.name) / "digits")
w1, w2 = run.weights["w1"], run.weights["w2"]

# %%
# What it can hold
# ----------------
# ``constrain`` returns what the chip would hold, and a table of all that had to change. Of this
# circuit nothing has to; of weights that are no even numbers of 8 bits, something has.

loihi = SPECS["loihi1"]
_, report = constrain(run.model.circuit, loihi)
print(f"{len(report)} entries of the circuit had to change")
weights, report = constrain(np.array([[3.7, -300.0], [254.0, 255.0]]), loihi)
print(report.to_string())

# %%
# A chip with coarser weights: 8 bits are steps of 2, 4 bits steps of 32. The trained weights are
# rounded to them, and the network answers the test images without learning anything more.

data = sb.load_dataset("digits")
test = sb.oracle.Samples.of(data.test.inputs, data.test.labels, 10)


def accuracy(weights):
    """Return the share of test images whose digit has the highest potential, in percent."""
    answers = sb.oracle.answer(test, weights).potentials.argmax(axis=1)
    return 100 * float(np.mean(answers == data.test.labels))


bits = np.arange(2, 9)
rounded = []
for n in bits:
    narrow = replace(loihi, weight_bits=int(n))
    rounded.append(accuracy(constrain((w1, w2), narrow)[0]))
    print(f"{n} bits: {rounded[-1]:.1f} %")

# %%
# What it computes
# ----------------
# ``hardware: loihi1`` in a model file runs the circuit on an emulation of the chip, with its
# number formats, its order of operations and its limits. ``symmetric`` lets weights end at ±254,
# as in the integers. For two samples, spike for spike:

order = np.arange(2)
fired = []
for hardware in ([], ["hardware.chip=loihi1", "hardware.symmetric=true"]):
    model = sb.assemble(experiment.changed(hardware))
    net = sb.build_network(model, data, weights=(w1, w2), order=order)
    net.run(len(order))
    recorder = net.recorder
    fired.append(
        set(zip(np.array(recorder.i).tolist(), np.array(recorder.t).tolist(), strict=True))
    )
print(f"{len(fired[0])} spikes; {len(fired[0] ^ fired[1])} differ on the chip")

# %%
# How many cores, and what a sample costs
# ---------------------------------------
# ``place`` deals out the neurons to cores, ``predict`` counts the operations behind a run's
# spikes and multiplies them by the published energy and time of each. These are operations alone;
# :doc:`/chip` tells what else the chip spends, and how well that agrees with what was measured.

training, inference = place(run.model.circuit), place(run.model.inference.circuit)
costs = predict(training, inference, run.spike_counts, run.metrics)
print(f"cores: {training.n_cores}; what would be used up first: {training.binding}")
print(training.utilisation["used"].to_string())
nanojoules, microseconds = 1e9 * costs.training.joules, 1e6 * costs.training.seconds
print(f"a training sample: {nanojoules:.0f} nJ, {microseconds:.0f} µs")

# %%
# The picture: coarser weights, and where in a sample the energy goes.

figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.6), layout="constrained")
left.plot(bits, rounded, "o-", color="black", label="rounded after the training")
left.axhline(accuracy((w1, w2)), color="#d55e00", ls="--", label="as trained")
left.set(xlabel="bits of a weight", ylabel="test accuracy by potential (%)", ylim=(0, 100))
left.legend(loc="lower right", frameon=False)

phases = costs.training.phases
learns = np.array([bool(phase.learning) for phase in run.model.circuit.phases])
for chosen, colour, label in (
    (~learns, "#0173b2", "other phases"),
    (learns, "#de8f05", "phases that learn"),
):
    right.bar(
        np.flatnonzero(chosen), 1e9 * phases.joules.to_numpy()[chosen], color=colour, label=label
    )
right.set(xlabel="phase", ylabel="energy of a training sample (nJ)", xticks=range(12))
right.set_ylim(0, 1.4e9 * phases.joules.max())
right.legend(loc="upper center", frameon=False)
plt.show()

# %%
# Left: 8 bits are what the network was trained with; with fewer, rounding alone takes its toll. A
# network that *learns* with few bits rounds each step at random and does otherwise:
# ``hardware.weight_bits``, and the study in :doc:`/chip`. Right: energy goes where many synapses
# deliver a spike. In phases 1, 7 and 11 the image is on, and each of its pixels reaches all
# hidden units three times: ``h``, ``h<`` and ``h>``.
