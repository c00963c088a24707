"""
Your own variant as a plug-in
=============================

A *variant* drops one assumption of the circuit. Every hidden unit of the paper's network sees the
whole image; in the cortex a cell sees a patch of it, its receptive field. We write a variant in
which each hidden unit has synapses from one square of pixels only, prove that the spiking circuit
still computes the algorithm exactly, and measure what it costs.
"""

# %%
# The variant
# -----------
# A variant is one class. Its fields become keys of model files, with checks and error messages.
# Each method takes an object and returns it changed:
#
# - ``network``: what Brian2 simulates. ``own_bounds`` gives every learning synapse a lowest and a
#   highest weight of its own; outside of the square both are 0, so there is no synapse.
# - ``algorithm``: the same for the algorithm in integers, which also starts from weights within
#   these bounds.
#
# ``layout.spread`` lays one matrix per weight layer out over all the copies of the weights that
# the circuit has.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from pydantic import Field

import synfire_bp as sb


@sb.variant("receptive_field")  # the name of its section in model files
class ReceptiveField(sb.Variant):
    """What a hidden unit sees of the image."""

    summary = "A hidden unit sees a square of pixels. null: the whole image."
    side: int = Field(default=4, ge=1, description="Side of the square, pixels.")

    def network(self, network):
        """Return the training network with bounds for each synapse."""
        if not network.learns:  # the inference network has no bounds
            return network
        return network.adding(sb.Lines(own_bounds=True), self._numbers)

    def _numbers(self, circuit, layout, at):
        highest = layout.spread(self._highest(circuit.sizes, circuit.weight_limit))
        return {"plastic.lowest": -highest, "plastic.highest": highest}

    def algorithm(self, algorithm):
        """Return the algorithm with the same bounds."""
        highest = self._highest(algorithm.sizes, algorithm.limit)
        lowest = tuple(-matrix for matrix in highest)

        def start(weights, algorithm):
            return tuple(
                np.clip(w, *ends) for w, *ends in zip(weights, lowest, highest, strict=True)
            )

        return algorithm.changing(sb.Changes(lowest, highest)).starting(start)

    def _highest(self, sizes, limit):
        """Return the largest weight of every synapse, a matrix (n_pre, n_post) per layer."""
        n_in, n_hidden, n_out = sizes
        width = int(np.sqrt(n_in))  # of the image, which is square
        places = width - self.side + 1  # of the square, along a row
        row, column = np.divmod(np.arange(n_in), width)
        top, left = np.divmod(np.arange(n_hidden) % places**2, places)
        seen = (
            (row[:, None] >= top) & (row[:, None] < top + self.side)
            & (column[:, None] >= left) & (column[:, None] < left + self.side)
        )  # fmt: skip
        both = np.where(seen, limit, 0), np.full((n_hidden, n_out), limit)
        return tuple(matrix.astype(np.int16) for matrix in both)


# %%
# Saved as a file of its own, ``receptive_field.py``, this class is a plug-in for every command:
#
# .. code-block:: sh
#
#    synfire-bp train digits --plugin receptive_field.py --set receptive_field.side=4
#
# In a script the decorator is enough.

# %%
# Is it exact?
# ------------
# :func:`~synfire_bp.verify` shows the same images to the spiking circuit, compiled from your
# lines, and to the algorithm in integers, and compares every copy of every weight. It is the test
# that a variant has to pass.

common = ["network.sizes=[64, 50, 10]", "training.epochs=12", "training.evaluate_every=12"]
found = sb.verify(
    sb.Experiment.from_file("digits", [*common, "receptive_field.side=4"]), samples=300
)
for row in found.projections:
    print(f"{row.projection:6} {row.different} of {row.compared:,} weights differ")

# %%
# What it costs
# -------------
# The integers train five sizes of the square with three seeds each. 8 pixels are the whole image.

temporary = tempfile.TemporaryDirectory()
sides, seeds = (2, 3, 4, 6, 8), (0, 1, 2)
runs = {}
for side in sides:
    for seed in seeds:
        changed = [*common, f"receptive_field.side={side}", f"training.seed={seed}"]
        experiment = sb.Experiment.from_file("digits", changed)
        out = Path(temporary.name) / f"side{side}_seed{seed}"
        runs[side, seed] = sb.train(experiment, engine="oracle", out=out)

figure = plt.figure(figsize=(7.2, 3.6), layout="constrained")
fields, curve = figure.subfigures(1, 2, width_ratios=(1, 1.25))
panels = fields.subplots(4, 4)
w1 = runs[4, 0].weights["w1"]
for unit, axes in enumerate(panels.flat):
    image = axes.imshow(w1[:, unit].reshape(8, 8), cmap="RdBu", vmin=-254, vmax=254)
    axes.set(xticks=[], yticks=[])
fields.suptitle("W1 of 16 hidden units, side 4", fontsize=10)
fields.colorbar(image, ax=panels, label="weight units", ticks=[-254, 0, 254], location="bottom")

axes = curve.subplots()
styles = {
    "accuracy_potential": ("o", "black", "by potential"),
    "accuracy_spikes": ("D", "#d55e00", "by spikes"),
}
for column, (marker, colour, label) in styles.items():
    scores = np.array([[100 * runs[s, seed].last_test[column] for seed in seeds] for s in sides])
    axes.plot(sides, np.median(scores, axis=1), color=colour, lw=1, label=f"{label}, median")
    axes.plot(np.repeat(sides, len(seeds)), scores.ravel(), marker, color=colour, mfc="none",
              ls="", label=f"{label}, a seed")  # fmt: skip
axes.set(xlabel="side of the square (pixels)", ylabel="test accuracy (%)", xticks=sides)
axes.legend(loc="lower right", frameon=False, fontsize=9)
plt.show()

# %%
# Left: the squares, each unit's in its place. Right: what a patch costs. A hidden unit fires if
# its inputs add up to more than 512, and few weights are that large: four pixels rarely do it,
# and the network stays nearly silent. A square of 6 pixels is nearly as good as the whole image.
#
# A sweep takes ``receptive_field.side`` like any other key (:doc:`the last tutorial
# <plot_8_sensitivity>`). :doc:`/extending` has all that a variant can change: populations and
# gates, random numbers, guarantees that it gives up, and how to make a package of it.
