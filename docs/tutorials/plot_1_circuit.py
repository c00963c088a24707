"""
The circuit in ten minutes, phase by phase
==========================================

One training sample takes the circuit twelve time steps, its *phases*. In each of them a ring of
neurons, the synfire chain, opens some populations and closes others, so that each spike arrives
where backpropagation needs it. We show a small network one image that it gets wrong, watch every
spike of it, and do the same sum by hand.
"""

# %%
# The phases
# ----------
# The circuit is a table of rows: populations, phases, projections and gates. Nothing is
# simulated yet.

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb

circuit = sb.backprop_circuit((64, 50, 10))  # pixels, hidden units, digits
for phase in circuit.phases:
    print(f"{phase.index:2}  {phase.meaning}")

# %%
# Synapses learn in four of the twelve phases. With the reward signal on, two neurons that fire
# together strengthen their synapse by 2 (phases 5 and 7); with it off, they weaken it by 2
# (phases 9 and 11). The rule never sees which layer it serves, only who fires when:

experiment = sb.Experiment.from_file(
    "digits", ["network.sizes=[64, 50, 10]", "training.epochs=1", "training.samples=500"]
)
print(experiment.learning.rule)

# %%
# A population fires only where a gate opens it. Which phases these are follows from the rows:

fires = sb.firing_table(circuit)
for name in ("x", "h", "o", "t", "d+", "d-", "c", "hT"):
    print(f"{name:3} may fire in phases {', '.join(map(str, fires[name]))}")

# %%
# A network that has learnt a little
# ----------------------------------
# The algorithm in integers, the *oracle*, trains the same weights as the spiking circuit, bit
# for bit, and is done at once. We take its weights after 500 images and look for an image that
# is answered with a wrong digit: there ``d+``, the error of a unit that should have fired, and
# ``d-``, that of one that should not, are both at work.

run = sb.train(experiment, engine="oracle", out="runs/circuit")
w1, w2 = run.weights["w1"], run.weights["w2"]
data = sb.load_dataset("digits")
x, labels = data.train.inputs.astype(int), data.train.labels
targets = np.eye(10, dtype=bool)[labels]

a1 = x @ w1  # the sums that arrive at the hidden units, in weight units
h = a1 > 512  # half of the threshold of 1024: the gate adds the other half
a2 = h @ w2.astype(int)
o = a2 > 512
d_plus = targets & ~o & (a2 > 0)
d_minus = o & ~targets & ~(a2 > 1024)
shown = int(np.flatnonzero(d_plus.any(axis=1) & d_minus.any(axis=1))[0])
print(f"image {shown} is a {labels[shown]}, and the network answers {np.flatnonzero(o[shown])}")

# %%
# Every spike of one sample
# -------------------------
# ``build_network`` gives plain Brian2 objects: :class:`brian2.NeuronGroup`,
# :class:`brian2.Synapses` and a :class:`brian2.Network` to which you can add your own. Time
# step 0 only starts the ring; the sample begins one step later.

b2.prefs.codegen.target = "numpy"  # for one sample faster than compiling
net = sb.build_network(sb.assemble(experiment), data, weights=(w1, w2), order=np.array([shown]))
net.run(1)
recording = net.recording()

order = ["x", "m_x", "h", "h<", "h>", "c", "m_h", "hT", "o", "o<", "o>", "t", "d+", "d-", "oT"]
figure, axes = plt.subplots(figsize=(7.2, 6.4), layout="constrained")
for phase in circuit.phases:
    if phase.learning:
        shade = "#0173b2" if phase.learning == "potentiation" else "#de8f05"
        axes.axvspan(phase.index - 0.5, phase.index + 0.5, color=shade, alpha=0.18, lw=0)
for row, name in enumerate(order):
    for phase in fires[name]:
        axes.add_patch(plt.Rectangle((phase - 0.45, row - 0.4), 0.9, 0.8, fill=False, ec="0.6"))
    neurons, times = recording.spikes[name]
    phases = np.round((times - recording.first) / (recording.period / circuit.n_phases))
    across = phases + 0.8 * (neurons / circuit.population_sizes[name] - 0.5)
    axes.plot(across, np.full(len(across), row), "|", color="black", markersize=9)
axes.plot([], [], "|k", markersize=9, label="a spike")
axes.plot([], [], "s", mfc="none", mec="0.6", markersize=10, label="may fire")
axes.fill_between([], [], color="#0173b2", alpha=0.18, label="coincidences strengthen")
axes.fill_between([], [], color="#de8f05", alpha=0.18, label="coincidences weaken")
axes.set(xticks=range(12), xlabel="phase (time steps)", ylabel="population", xlim=(-0.6, 11.6))
axes.set_yticks(range(len(order)), order)
axes.invert_yaxis()
figure.legend(loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# Within a frame, neurons stand from left to right. Read it downwards as the paper's Fig. 2
# does: the image (phase 1) excites the hidden layer (2) and the output layer (3), where ``t``
# fires as well. ``d+`` and ``d-`` compare the two (4). Then the memory of ``h`` and the error
# meet in ``o`` and ``hT``: the weights of the output layer grow (5) and, for ``d-``, shrink
# (9). The error passes back to ``hT`` (6 and 10), through the box derivative ``c``, and meets
# the memory of the image in 7 and 11.

# %%
# The same by hand
# ----------------
# The four lines of the algorithm: error, error passed back, two outer products. The circuit
# that has fired its spikes holds the same weights, in each of its copies.

error = d_plus[shown].astype(int) - d_minus[shown]
box = (a1[shown] > 0) & ~(a1[shown] > 1024)
back = np.sign(w2.astype(int) @ error) * box
by_hand = (
    np.clip(w1 + 2 * np.outer(x[shown], back), -254, 254),
    np.clip(w2 + 2 * np.outer(h[shown], error), -254, 254),
)
for projection, weights in net.weights().items():
    expected = by_hand[projection.layer] * projection.sign
    expected = expected.T if projection.transposed else expected
    print(f"{projection.name:6} {(weights != expected).sum()} of {weights.size:,} weights differ")

# %%
# What this one image has changed: each pixel that is on moves the weights to the hidden units
# that were blamed.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(7.2, 3.4), width_ratios=(1, 2.4), layout="constrained"
)
left.imshow(x[shown].reshape(8, 8), cmap="gray_r")
left.set(title=f"image: a {labels[shown]}", xticks=[], yticks=[])
change = by_hand[0] - w1
drawn = right.imshow(change, cmap="RdBu", vmin=-2, vmax=2, aspect="auto", interpolation="nearest")
right.set(title="change of W1", xlabel="hidden unit", ylabel="pixel")
figure.colorbar(drawn, ax=right, ticks=[-2, 0, 2], label="weight units")
plt.show()
# sphinx_gallery_thumbnail_number = 1
