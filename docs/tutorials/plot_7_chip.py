"""
What the chip makes of it
=========================

The paper's network ran on Intel's Loihi. Nobody needs one to know what the chip can hold of a network, what it computes,
how many cores it takes and what a sample costs: ``synfire_bp.loihi`` answers from the chip's public
description. We put a trained network to the four questions.
"""

# %%
# A trained network
# -----------------
# The spikes of a run are what its costs are counted from, so the circuit trains here, not the oracle.

import tempfile
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb
from synfire_bp.loihi import SPECS, SignMode, constrain, place, predict, quantise_weight

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
# ``constrain`` returns what the chip would hold, and a table of all that had to change. Of this circuit nothing
# has to; of weights that are no even numbers of 8 bits, something has.

loihi = SPECS["loihi1"]
_, report = constrain(run.model.circuit, loihi)
print(f"{len(report)} entries of the circuit had to change")
weights, report = constrain(np.array([[3.7, -300.0], [254.0, 255.0]]), loihi)
print(report.to_string())

# %%
# A chip with coarser weights: 8 bits are steps of 2, 4 bits steps of 32. The trained weights are rounded to them,
# and the network answers the test images without learning anything more.

data = sb.load_dataset("digits")
test = sb.oracle.Samples.of(data.test.inputs, data.test.labels, 10)


def accuracy(weights):
    """Return the share of test images whose digit has the highest potential, in percent."""
    answers = sb.oracle.answer(test, weights).potentials.argmax(axis=1)
    return 100 * float(np.mean(answers == data.test.labels))
