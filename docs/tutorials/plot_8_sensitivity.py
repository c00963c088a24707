"""
A sensitivity study, from file to picture
=========================================

Which of a model's parameters matter, alone and together? A *sweep* trains a model many times with
other parameters and keeps every result. We ask how the accuracy on the digits depends on the size
of the hidden layer, on the spread of the initial weights, and on the brightness above which a
pixel is on, and draw the Sobol indices of the three.
"""

# %%
# The file
# --------
# A sweep is a file: a model, what is the same in all runs, what is varied, and a design. A
# Saltelli design of 64 base points and three parameters makes 64 × (3 + 2) = 320 trainings. The
# seed of the training, which draws initial weights and the order of the images, is the same in
# all of them.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from SALib.analyze import sobol

import synfire_bp as sb

text = """
name: tutorial
description: Hidden units, initial spread and threshold of the digits after 2 epochs.
model: digits
engine: oracle
fixed: {training.epochs: 2, training.evaluate_every: 2}
record: []
parameters:
  network.sizes[1]: {low: 10, high: 200, integer: true, log: true}
  network.initial_spread: {low: 0.25, high: 2, log: true}
  dataset.threshold: {low: 0.2, high: 0.8}
design: {kind: saltelli, samples: 64, seed: 0}
"""
temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
(folder / "tutorial.yaml").write_text(text)

# %%
# The runs
# --------
# ``synfire-bp sweep tutorial.yaml`` does the same. Every value is checked before the first
# training starts; a process for each core does them. A sweep that was stopped goes on where it
# was.

sweep = sb.sweep.Sweep.from_file(folder / "tutorial.yaml")
result = sb.sweep.run_sweep(sweep, folder / "runs")
runs, epochs = sb.sweep.read_sweep(folder / "runs")
print(f"{len(runs)} runs; all ended well: {result.complete}")
print(runs[[*sweep.parameters, "accuracy_potential"]].head(3).to_string(index=False))

# %%
# The indices
# -----------
# The *first-order* index of a parameter is the share of the variance of the accuracy that it
# explains alone, the *total* index that of everything in which it takes part. What the total has
# more is interaction. SALib computes both, with 95 % intervals from resampled base points. The
# rows of ``runs`` are in the order of the design.

names = list(sweep.parameters)
accuracy = 100 * runs["accuracy_potential"].to_numpy()
silent = runs["never_fired"].to_numpy() == 10  # output units that fired for no test image
indices = sobol.analyze(
    sb.sweep.salib_problem(names), accuracy, calc_second_order=False, num_resamples=500, seed=1
)
labels = {
    "network.sizes[1]": "hidden units",
    "network.initial_spread": "spread of the initial\nweights (paper: 1)",
    "dataset.threshold": "threshold of a pixel\n(of full brightness)",
}
ticks = {"network.sizes[1]": [10, 30, 100], "network.initial_spread": [0.25, 0.5, 1, 2]}

figure = plt.figure(figsize=(7.2, 5.8), layout="constrained")
above, below = figure.subfigures(2, 1)
for axes, name in zip(above.subplots(1, 3, sharey=True), names, strict=True):
    axes.plot(runs[name][~silent], accuracy[~silent], "o", ms=4, mfc="none", color="#0173b2")
    axes.plot(runs[name][silent], accuracy[silent], "x", ms=4, color="#d55e00")
    axes.set(xlabel=labels[name])
    if name in ticks:
        axes.set_xscale("log")
        axes.set_xticks(ticks[name], ticks[name])
        axes.minorticks_off()
    if name == names[0]:
        axes.set(ylabel="test accuracy\nby potential (%)")
marks = ["a training", "a training whose output units are all silent"]
above.legend(marks, loc="outside upper center", ncols=2, frameon=False)

axes = below.subplots()
places = np.arange(len(names))
for shift, key, colour, marker, label in (
    (-0.12, "S1", "#0173b2", "o", "first order, with 95 % interval"),
    (0.12, "ST", "#d55e00", "D", "total, with 95 % interval"),
):
    axes.errorbar(indices[key], places + shift, xerr=indices[f"{key}_conf"], fmt=marker,
                  color=colour, capsize=3, label=label)  # fmt: skip
axes.axvline(0, color="0.7", lw=0.8)
axes.set(xlabel="Sobol index (share of the variance)", ylim=(2.5, -0.5))
axes.set_yticks(places, [labels[name].replace("\n", " ").split(" (")[0] for name in names])
below.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# Above: every training. Those that ended silent started from small weights. Below: the indices.
# Hidden units and spread matter most, and in part together: their total indices are above those
# of first order, though by less than the intervals are wide. What an interval does not tell from
# 0 may as well be chance. ``synfire-bp sweep tutorial.yaml --set design.samples=512`` narrows the
# intervals in minutes, and ``python -m analysis sensitivity runs/sweeps/tutorial`` draws indices,
# effects and maps of any sweep.
#
# :doc:`/sweeps` has all designs, what a table holds, and how to use a cluster.
