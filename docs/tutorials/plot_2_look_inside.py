"""
Train and look inside
=====================

A training leaves a *run directory*: accuracies, weights before and after, and the spikes of the
last samples. We train the whole spiking circuit on the 8 × 8 digits of scikit-learn and look at
three things: who fired, what the weights have become, and the potential that decides whether a
neuron fires.
"""

# %%
# Train
# -----
# :class:`~synfire_bp.Experiment` is a model file with what you change of it. The circuit is
# compiled to C++ once, which takes half a minute, and kept; then an epoch of 1,438 images takes a
# fraction of a second. ``record.samples`` says how many samples at the end of the training leave
# their spikes.

import tempfile
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb

temporary = tempfile.TemporaryDirectory()  # gone when Python ends; your own runs get a real folder
folder = Path(temporary.name)

experiment = sb.Experiment.from_file(
    "digits", ["network.sizes=[64, 50, 10]", "training.epochs=12", "record.samples=40"]
)
run = sb.train(experiment, engine="circuit", out=folder / "digits")
print(run)

# %%
# Every table of a run is a pandas data frame. An answer is right *by spikes* if the output unit
# of the digit fires (and counts less if others fire as well), and *by potential* if that unit has
# the highest potential, whether it fires or not.

tests = run.metrics[run.metrics.split == "test"]
print(tests[["epoch", "accuracy_spikes", "accuracy_potential"]].tail(3).to_string(index=False))

# %%
# Rasters
# -------
# ``run.recording`` has the recorded spikes by population, in milliseconds of model time: a time
# step, and so a phase, is 1 ms. With it comes what explains them, such as the labels of the
# samples. An error is rare at the end of a training; we show four samples around one.

recording = run.recording
errors = np.concatenate([recording.spikes[name][1] for name in ("d+", "d-")])
n_shown, period = 4, recording.period
last = recording.n_samples - n_shown
first = int(np.clip(np.sort(errors)[0] // period - 1, 0, last)) if errors.size else last
digits = recording.samples["label"]

figure, panels = plt.subplots(
    4, 1, figsize=(7.2, 6.2), sharex=True, height_ratios=(3, 1.3, 1.3, 1.3), layout="constrained"
)
colours = {"h": "black", "o": "black", "t": "black", "d+": "#0173b2", "d-": "#d55e00"}
for axes, names in zip(panels, (["h"], ["o"], ["t"], ["d+", "d-"]), strict=True):
    for name in names:
        neurons, times = recording.spikes[name]
        axes.plot(times, neurons, "|", color=colours[name], markersize=5)
    for start in recording.starts[first : first + n_shown]:
        axes.axvline(start - 0.5, color="0.7", lw=0.8)
    size = recording.circuit.population_sizes[names[0]]
    axes.set(ylabel=f"{', '.join(names)} (unit)", ylim=(size - 0.5, -0.5))
for start, digit in zip(recording.starts[first:], digits[first : first + n_shown], strict=False):
    panels[0].text(start + period / 2, -2, f"a {digit}", ha="center")
panels[-1].set(xlabel="time (ms), a line where a sample starts")
panels[-1].set_xlim(first * period - 0.5, (first + n_shown) * period - 0.5)
for name, label in (("h", "a spike"), ("d+", "a spike of d+"), ("d-", "a spike of d-")):
    panels[-1].plot([], [], "|", color=colours[name], markersize=9, label=label)
figure.legend(loc="outside lower center", ncols=3, frameon=False)
plt.show()

# %%
# Within each sample the hidden layer ``h`` answers first (phase 2), the output ``o`` one phase
# later, together with the target ``t``. Where they differ, ``d+`` fires for the digit that was
# missed and ``d-`` for one that should have been silent. ``h`` fires again in phases 5 and 9,
# from its memory: there W2 learns if an error, repeated by ``o``, meets these spikes. Where the
# error has come back to the hidden layer, ``h`` fires in 7 or 11, too, together with the image,
# and W1 learns. Without an error all of this meets no partner, and no weight changes.

# %%
# Weights
# -------
# ``run.weights`` holds both matrices now and at the start, as whole numbers from -254 to 254. A
# column of W1 is what one hidden unit looks for in the image. We draw the eight units that have
# changed most.

w1, w2 = run.weights["w1"], run.weights["w2"]
change = w1.astype(int) - run.weights["w1_init"]
most = np.argsort(-np.abs(change).sum(axis=0))[:8]
rows = {"at the start": run.weights["w1_init"], "trained": w1, "change": change}

figure, panels = plt.subplots(3, 8, figsize=(7.2, 3.1), layout="constrained")
for line, (name, matrix) in zip(panels, rows.items(), strict=True):
    for axes, number in zip(line, most, strict=True):
        image = axes.imshow(matrix[:, number].reshape(8, 8), cmap="RdBu", vmin=-254, vmax=254)
        axes.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
for axes, number in zip(panels[0], most, strict=True):
    axes.set_title(f"unit {number}", fontsize=9)
figure.colorbar(image, ax=panels, label="weight units", ticks=[-254, 0, 254])
plt.show()

# %%
# Where the image is always empty, nothing ever changes: only a pixel that is on moves its
# weights.

# %%
# A potential
# -----------
# Spikes are recorded, potentials are not: there are too many. For these we show one image to the
# trained network again, as plain Brian2 objects (:func:`~synfire_bp.build_network`), with a
# Brian2's ``StateMonitor`` on one output neuron.

b2.prefs.codegen.target = "numpy"  # for a few samples faster than compiling
data = sb.load_dataset("digits")
answers = sb.oracle.answer(sb.oracle.Samples.of(data.train.inputs, data.train.labels, 10), (w1, w2))
missed = ~answers.spikes[np.arange(len(data.train)), data.train.labels]
shown = int(np.flatnonzero(missed & (answers.potentials.max(axis=1) > 0))[0])
digit = int(data.train.labels[shown])

net = sb.build_network(run.model, data, weights=(w1, w2), order=np.array([shown]))
potential = b2.StateMonitor(net["o"], "v", record=[digit], when="after_thresholds")
net.network.add(potential)
net.run(1)

step = np.round((potential.t - net.when(0)) / net.phase_time).astype(int)  # its phase
value = potential.v[0]

figure, axes = plt.subplots(figsize=(7.2, 3.4), layout="constrained")
axes.vlines(step, 1024, value, color="0.7", lw=1)
axes.axhline(1024, color="#d55e00", ls="--", label="threshold")
axes.plot(step, value, "o", color="black", label=f"potential of output unit {digit}")
fires = value > 1024
axes.plot(step[fires], value[fires], "o", ms=13, mfc="none", mec="#0173b2", label="it fires")
axes.set(xlabel="phase", ylabel="potential (weight units)", xlim=(-0.5, 11.5), xticks=range(12))
figure.legend(loc="outside upper center", ncols=3, frameon=False)
plt.show()

# %%
# A neuron forgets everything within a step, so each point stands alone. The bias of -8,192 keeps
# the neuron closed, and a gate that blocks it takes off as much again (phases 0, 6 and 10). In
# phase 3 a gate opens it: it then starts from 512, half of the threshold, and fires if the sum of
# its inputs exceeds the other half. For this image the sum does not suffice. So ``d+`` fires in
# phase 4 and drives the unit in phase 5, where a gate opens it again: with the memory of ``h``,
# which fires at the same time, it makes the weights grow. Which gate opens what is in the tables
# of ``synfire-bp describe digits``.
#
# ``synfire-bp watch RUN`` shows every spike of a run in the browser, phase by phase
# (:doc:`/watch`). Next: :doc:`put your own monitor and stimulus into the network
# <plot_3_monitor_and_stimulus>`. What else Brian2 can do with these objects: :doc:`/brian2`.
