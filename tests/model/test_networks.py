"""Any model as Brian2 objects: what a user's own monitors and stimuli find there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from brian2 import NeuronGroup, SpikeGeneratorGroup, SpikeMonitor, Synapses, ms

import synfire_bp as sb
from synfire_bp.data.datasets import Split
from synfire_bp.dense.internals import NumpyCodeObject
from synfire_bp.engines import OracleEngine
from synfire_bp.errors import CircuitError, SynfireError
from synfire_bp.model import list_models
from synfire_bp.network.objects import STEP

NUMPY = {"codeobj_class": NumpyCodeObject}
SMALL = "network.sizes=[64, 12, 10]"


def model(name, *overrides):
    return sb.assemble(sb.Experiment.from_file(name, overrides))


@pytest.fixture(scope="module")
def digits():
    return sb.load_dataset("digits")


def test_a_network_learns_what_the_algorithm_learns(digits):
    kolen_pollack = model("variants/digits_kolen_pollack", SMALL)
    net = sb.build_network(kolen_pollack, digits)
    net.run(25)
    learnt = OracleEngine(kolen_pollack, digits).train(kolen_pollack.start, np.arange(25)).weights
    for row, matrix in net.weights().items():
        held = row.sign * (matrix.T if row.transposed else matrix)
        np.testing.assert_array_equal(held, learnt[row.layer], err_msg=row.name)


def test_the_inference_network_shows_test_samples_and_learns_nothing(digits):
    plain = model("digits", SMALL)
    net = sb.build_network(plain, digits, learn=False)
    before = {row.name: matrix for row, matrix in net.weights().items()}
    net.run(8)
    potentials = np.asarray(net.readout.potential[:]).reshape(8, 10)
    expected = sb.oracle.forward(digits.test.inputs[:8], *plain.start).potentials
    np.testing.assert_array_equal(potentials, expected)
    for row, matrix in net.weights().items():
        np.testing.assert_array_equal(matrix, before[row.name])


def test_weights_and_order_may_be_ones_own(digits):
    plain = model("digits", SMALL)
    weights = tuple(np.zeros_like(matrix) for matrix in plain.start)
    net = sb.build_network(plain, digits, weights=weights, order=[7, 7])
    net.run(2)
    assert (np.asarray(net.readout.potential[:]) == 0).all()
    shown = net.recorder.i[:][net.recorder.i[:] < 64]
    assert set(shown) == set(np.flatnonzero(digits.train.inputs[7]))


@pytest.mark.parametrize("name", ["digits", "variants/digits_lif", "variants/digits_pools"])
def test_monitors_and_stimuli_of_ones_own_go_into_the_network(digits, name):
    net = sb.build_network(model(name, SMALL), digits)
    spikes = SpikeMonitor(net["h"], **NUMPY)
    listener = NeuronGroup(1, "heard : integer", name="listener", dt=STEP, **NUMPY)
    ears = Synapses(net["x"], listener, on_pre="heard_post += 1", name="ears", **NUMPY)
    ears.connect()
    source = SpikeGeneratorGroup(1, [0], [3 * ms], name="stimulus", dt=STEP, **NUMPY)
    touch = Synapses(source, listener, on_pre="heard_post += 1000", name="touch", **NUMPY)
    touch.connect()
    net.network.add(spikes, listener, ears, source, touch)
    net.run(2)
    counts = dict(zip(net, net.spike_counts(), strict=True))
    assert spikes.num_spikes == counts["h"].sum() > 0
    # those of the last phase may still be on their way
    assert 1000 < listener.heard[0] <= 1000 + counts["x"].sum()


def test_what_does_not_go_together_is_said(digits):
    with pytest.raises(SynfireError, match="a model needs data, such as"):
        sb.build_network(model("digits"))
    with pytest.raises(SynfireError, match="inputs given with a model; pass its data"):
        sb.build_network(model("digits"), digits, inputs=digits.train.inputs)
    with pytest.raises(SynfireError, match="there is no argument 'samples'"):
        sb.build_network(model("digits"), digits, samples=1)
    with pytest.raises(CircuitError, match="order is empty; it must name the samples"):
        sb.build_network(model("digits"), digits, order=[])
    with pytest.raises(CircuitError, match="a number of samples, 0 or more, not True"):
        sb.build_network(model("digits"), digits).run(True)
    with pytest.raises(CircuitError, match=r"this circuit needs \(n, 400\)"):
        sb.build_network(model("mnist"), digits)
    with pytest.raises(SynfireError, match="data is 'digits'; give a data set"):
        sb.build_network(model("digits"), "digits")
    with pytest.raises(SynfireError, match=r"data is <Split of .*; give a data set"):
        sb.build_network(model("digits"), digits.train)


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_every_shipped_model_runs_20_samples_with_a_monitor_and_a_stimulus(name, digits):
    shipped = model(name)
    n_in, n_out = shipped.circuit.sizes[0], shipped.n_out
    rng = np.random.default_rng(0)
    inputs = (rng.random((20, n_in)) < 0.2).astype(np.uint8)
    drawn = Split(inputs, rng.integers(0, n_out, 20))
    shown = digits if n_in == 64 else replace(digits, train=drawn)
    net = sb.build_network(shipped, shown, order=np.arange(20))
    spikes = SpikeMonitor(net["x"], **NUMPY)
    source = SpikeGeneratorGroup(1, [0], [2 * ms], name="stimulus", dt=STEP, **NUMPY)
    listener = NeuronGroup(1, "heard : integer", name="listener", dt=STEP, **NUMPY)
    touch = Synapses(source, listener, on_pre="heard_post += 1", name="touch", **NUMPY)
    touch.connect()
    net.network.add(spikes, source, listener, touch)
    net.run(20)
    assert spikes.num_spikes > 0
    assert listener.heard[0] == 1
