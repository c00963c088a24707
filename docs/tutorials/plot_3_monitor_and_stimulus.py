"""
Put your own monitor and stimulus into the network
==================================================

:func:`~synfire_bp.build_network` gives any model as plain Brian2 objects, to which you add your
own. We make a trained network fire a wrong answer: a spike generator drives the output unit of
the digit 3, whatever the image, for forty samples. The network learns all the while. Monitors
show how it unlearns the answer that it was made to give, and what this does to a real 3.
"""

# %%
# A trained network
# -----------------
# The algorithm in integers, the *oracle*, trains the weights that the spiking circuit would get,
# bit for bit, in seconds. The network starts from them.

import tempfile
from pathlib import Path

import brian2 as b2
import matplotlib.pyplot as plt
import numpy as np

import synfire_bp as sb

b2.prefs.codegen.target = "numpy"  # for a hundred samples faster than compiling
temporary = tempfile.TemporaryDirectory()
experiment = sb.Experiment.from_file("digits", ["network.sizes=[64, 50, 10]", "training.epochs=12"])
run = sb.train(experiment, engine="oracle", out=Path(temporary.name) / "digits")
data = sb.load_dataset("digits")

before, driven, after = 20, 40, 40  # samples
net = sb.build_network(
    run.model,
    data,
    weights=(run.weights["w1"], run.weights["w2"]),
    order=np.arange(before + driven + after),
)
print(net)

# %%
# A monitor
# ---------
# All synapses that learn are one object, ``net.plastic``. ``net.between("h", "o")`` says which of
# them lead from ``h`` to ``o``: a matrix (hidden unit, output unit) of their numbers. One column
# of it are the weights onto output unit 3. The monitor looks once a sample, at its end.

unit = 3
weights = b2.StateMonitor(
    net.plastic,
    "w",
    record=net.between("h", "o")[:, unit],
    dt=net.circuit.n_phases * net.phase_time,
    when="end",
)

# %%
# A stimulus
# ----------
# Of a spike that is sent in a phase the target knows in the next one. Output units are open in
# phase 3, so our spikes start in phase 2; ``net.when(sample, phase)`` is the time at which that
# begins. What arrives adds to ``arriving_post``, in weight units: 2,048 is more than the
# threshold of 1,024. The copy of the unit that tells whether its potential is above 0, ``o<``, is
# left alone.

times = net.when(np.arange(before, before + driven), 2)
stimulus = b2.SpikeGeneratorGroup(1, np.zeros(driven, dtype=int), times, clock=net.cells.clock)
touch = b2.Synapses(stimulus, net["o"], on_pre="arriving_post += 2048", clock=net.cells.clock)
touch.connect(i=0, j=unit)

net.network.add(weights, stimulus, touch)
net.run(before + driven + after)

# %%
# What it has done
# ----------------
# ``net.recording()`` has the spikes by population. The potential of the unit without the stimulus
# is computed from the weights that the monitor has seen: the sum over the hidden units that fired
# in phase 2.

recording = net.recording()
n, n_phases = net.samples_run, net.circuit.n_phases


def fired_in(population, phase):
    """Return who of a population fired in a phase: array (samples, neurons) of 0 and 1."""
    neurons, times = recording.spikes[population]
    steps = np.round(times - recording.first).astype(int)  # a phase is 1 ms
    found = np.zeros((n, net[population].N), dtype=int)
    at = steps % n_phases == phase
    found[steps[at] // n_phases, neurons[at]] = 1
    return found


hidden = fired_in("h", 2)
events = {"o": fired_in("o", 3), "d-": fired_in("d-", 4), "d+": fired_in("d+", 4)}
held = weights.w[:, :n].T.astype(int)  # at the start of each sample, (samples, hidden units)
potential = (hidden * held).sum(axis=1)
is_three = data.train.labels[:n] == unit

figure, (top, middle, bottom) = plt.subplots(
    3, 1, figsize=(7.2, 6.8), sharex=True, height_ratios=(0.9, 2, 1.6), layout="constrained"
)
shown = np.arange(n)
for axes in (top, middle, bottom):
    axes.axvspan(before - 0.5, before + driven - 0.5, color="#de8f05", alpha=0.18, lw=0)
for row, fired in enumerate(events.values()):
    at = shown[fired[:, unit] == 1]
    top.plot(at, np.full(len(at), row), "|k", markersize=9)
top.set_ylim(len(events) - 0.4, -0.6)
top.set_yticks(range(len(events)), [f"{name} fires" for name in events])
middle.axhline(512, color="0.3", ls="--", lw=1, label="needed to fire")
middle.axhline(0, color="0.6", lw=0.8, label="needed to learn")
middle.plot(
    shown[~is_three], potential[~is_three], "o", ms=4, color="#0173b2", label="another digit"
)
middle.plot(shown[is_three], potential[is_three], "D", ms=6, color="#d55e00", label=f"a {unit}")
middle.set(ylabel=f"sum of inputs of unit {unit}\n(weight units)")
bottom.plot(shown, held - held[0], color="0.75", lw=0.8)
bottom.plot(shown, (held - held[0]).mean(axis=1), color="black", lw=2)
bottom.set(xlabel="sample", ylabel=f"change of the weights\nonto unit {unit} (weight units)")
bottom.plot([], [], color="0.75", label="a weight")
bottom.plot([], [], color="black", lw=2, label="mean of the weights")
bottom.plot([], [], "|k", markersize=9, label="a spike")
bottom.fill_between([], [], color="#de8f05", alpha=0.18, label="stimulated")
figure.legend(loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %%
# In the shaded samples unit 3 fires whatever the image. ``d-`` objects, and the weights of the
# hidden units that were active shrink by 2, but only where the unit's own sum is above 0: below,
# its box derivative is 0, and a false answer that did not come from its weights teaches them
# nothing. So the sums of other digits sink out of that range, and those of a real 3 sink with
# them. While the stimulus lasts nobody notices, since the unit fires anyway. Then a 3 is missed,
# ``d+`` fires, and the weights begin to grow again.
#
# More about variables, clocks and stimuli: :doc:`/brian2`. Next: :doc:`your own images
# <plot_4_own_images>`.
