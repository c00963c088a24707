"""Rules beyond the paper's: traces, tags, weights and flags, each as Python itself evaluates it."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, ms
from rules_by_hand import learnt

import synfire_bp as sb
from synfire_bp.dense.internals import NumpyCodeObject
from synfire_bp.engines import CircuitEngine
from synfire_bp.loihi import (
    SPECS,
    LearningEngine,
    LoihiInput,
    LoihiNeurons,
    LoihiPlasticSynapses,
    LoihiSynapses,
)
from synfire_bp.loihi.emulation import STEP
from synfire_bp.network.neurons import first_seed
from synfire_bp.training.data import dataset_of

SAMPLES = 12
WHOLE = 2**24

RULES = {
    "x1": dict(rule="dw = 4*x1*y0 - 2*x0*y0", x1=(3, 12.0)),
    "x2": dict(rule="dw = 2^-2*x2*y0*r1 - 2^-3*x0*y0", x2=(25, 5.5)),
    "y1": dict(rule="dw = 2*r1*x0*y1 - 3*x0*y0", y1=(2, None)),
    "y2": dict(rule="dw = x0*y2 - 2*x0*y0", y2=(4, 0)),
    "y3": dict(rule="dw = - x0*y3 + 6*r1*x0*y0", y3=(1, 30.0)),
    "two traces": dict(rule="dw = 2^-4*x1*y0 - 2^-4*x0*y1", x1=(40, 8.0), y1=(40, 16.0)),
    "weight": dict(rule="dw = 4*r1*x0*y0 - 2*x0*y0 - 2^-4*w*x0*y0"),
    "weight in brackets": dict(rule="dw = 2^-5*x0*y0*(w-100) - 2*r1*x0*y0*(y1+3)", y1=(1, 2.0)),
    "sign of the weight": dict(rule="dw = 2*x0*y0*sgn(w) - x0*y0"),
    "tag": dict(rule="dw = 2^-3*u4*t", tag="dt = 32*r1*x0*y0 - 16*x0*y0 - u4*t"),
    "sign of the tag": dict(
        rule="dw = 2*x0*y1*sgn(t)", tag="dt = x0*y1 - 2*r1*x0*y0", y1=(2, None)
    ),
    "each reads the other": dict(
        rule="dw = x0*y1*t", tag="dt = x0*y1*sgn(w) - 2^-2*x0*y1*t", y1=(1, 3.0)
    ),
    "flags": dict(rule="dw = u0*x0*y0 - 3*u3*sgn(w)"),
    "constants": dict(rule="dw = 2*2^-1*3*x0*y0 - 2^2*x0*y0*r1"),
}  # fmt: skip


def model(experiment, rule, tag=None, **traces):
    listed = ", ".join(f"{k}: {{impulse: {i}, tau: {_null(t)}}}" for k, (i, t) in traces.items())
    return experiment(
        f"learning.rule={rule}",
        *([] if tag is None else [f"learning.tag={tag}"]),
        *([f"learning.traces={{{listed}}}"] if traces else []),
        "training.seed=3",
        active=0.7,
    )


def _null(tau):
    return "null" if tau is None else tau


def kept(tau):
    return WHOLE if tau is None else round(WHOLE * np.exp(-1 / tau)) if tau else 0


def by_hand(resolved, spikes, start, rule, tag=None, **traces):
    return learnt(
        resolved.circuit, spikes, start, rule, tag=tag, seed=first_seed(3),
        traces=[(name, impulse, kept(tau)) for name, (impulse, tau) in traces.items()],
    )  # fmt: skip


def fired(net, steps):
    spikes = np.zeros((steps, net.circuit.n_cells), bool)
    spikes[np.rint(net.recorder.t / ms).astype(int), net.recorder.i[:]] = True
    return spikes


@pytest.mark.parametrize("name", RULES)
def test_a_network_learns_what_the_text_of_its_rule_says(experiment, name):
    written = model(experiment, **RULES[name])
    resolved = sb.assemble(written)
    net = sb.build_network(resolved, dataset_of(written))
    start = net.weights()
    net.run(SAMPLES)
    wanted = by_hand(resolved, fired(net, SAMPLES * net.circuit.n_phases + 1), start, **RULES[name])
    found = net.weights()
    moved = 0
    for row, matrix in wanted.items():
        np.testing.assert_array_equal(found[row], matrix, err_msg=f"{name}: {row.name}")
        moved += int((matrix != start[row]).sum())
    assert moved > 20  # or equality would mean nothing


@pytest.mark.parametrize(
    "name",
    [
        "two traces",
        pytest.param("weight in brackets", marks=pytest.mark.slow),
        "each reads the other",
        pytest.param("tag", marks=pytest.mark.slow),
    ],
)
def test_a_compiled_program_learns_what_the_network_does(experiment, name):
    written = model(experiment, **RULES[name])
    resolved = sb.assemble(written)
    data = dataset_of(written)
    net = sb.build_network(resolved, data)
    net.run(SAMPLES)
    with closing(CircuitEngine(resolved, data, uses=["train"])) as engine:
        segment = engine.train(resolved.start, np.arange(SAMPLES))
    for row, matrix in net.weights().items():
        held = row.sign * (matrix.T if row.transposed else matrix)
        np.testing.assert_array_equal(segment.copies[row], held, err_msg=f"{name}: {row.name}")


DETERMINISTIC = {
    "coincidences": dict(rule="dw = 4*r1*x0*y0 - 2*x0*y0"),
    "traces": dict(rule="dw = 2*x1*y0 - 2*x0*y1 + 4*r1*x0*y0", x1=(1, None), y1=(1, 0)),
    "weight": dict(rule="dw = 4*r1*x0*y0 - 2*x0*y0*sgn(w)"),
    "tag": dict(rule="dw = 2*u3*sgn(t)", tag="dt = 4*r1*x0*y0 - 2*x0*y0 - u3*t"),
}


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_the_chips_engine_learns_the_same_from_the_same_spikes(experiment, name):
    """Spikes of a projection in the circuit, shown to synapses of the chip's learning engine."""
    about = DETERMINISTIC[name]
    written = model(experiment, **about)
    resolved = sb.assemble(written)
    circuit = resolved.circuit
    net = sb.build_network(resolved, dataset_of(written))
    row = next(row for row in circuit.plastic if row.layer == 0 and row.sign > 0)
    start = net.weights()[row]
    net.run(SAMPLES)
    spikes = fired(net, SAMPLES * circuit.n_phases + 1)
    traces = {k: sb.Trace(*value) for k, value in about.items() if k not in ("rule", "tag")}
    engine = LearningEngine(SPECS["loihi1"], dw=about["rule"], dt=about.get("tag"), traces=traces)
    pre, post = (spikes[:, circuit.slices[name]] for name in (row.pre, row.post))
    found = on_the_chip(engine, pre, post, start, circuit.reward_phases)
    np.testing.assert_array_equal(found, net.weights()[row])
    assert (found != start).any()


def on_the_chip(engine, pre, post, start, reward_phases):
    """Return what synapses of the learning engine learn, given who fires when."""
    chip = engine.spec
    step, cell = np.nonzero(pre)
    source = LoihiInput(pre.shape[1], cell, step, spec=chip)
    n = post.shape[1]
    step, cell = np.nonzero(post)
    drive = LoihiInput(n, cell, step - 1, spec=chip)  # neurons need a step to fire
    target = LoihiNeurons(n, spec=chip, threshold=2**13)
    driving = LoihiSynapses(drive, target, spec=chip, exponent=6)
    driving.connect(i=np.arange(n), j=np.arange(n))
    driving.set_weights(np.full(n, 254))
    # so small that they make no neuron fire
    synapses = LoihiPlasticSynapses(source, target, engine=engine, exponent=-6)
    synapses.connect()
    synapses.set_weights(start.ravel())
    if "r1" in engine.variables:
        rewarded = " + ".join(f"int((t_in_timesteps + 11) % 12 == {k})" for k in reward_phases)
        synapses.post_traces.run_regularly(
            f"r1 = {rewarded}", when="start", order=-5, clock=synapses.clock,
            codeobj_class=NumpyCodeObject,
        )  # fmt: skip
    seen = SpikeMonitor(target, codeobj_class=NumpyCodeObject)
    network = Network(source, drive, target, driving, synapses, seen)
    network.run(len(pre) * STEP)
    assert len(seen.i) == post.sum()
    fired = np.zeros_like(post)
    fired[np.rint(seen.t / STEP).astype(int), seen.i] = True
    np.testing.assert_array_equal(fired, post)
    return np.array(synapses.w).reshape(start.shape)


MILLIVOLTS = {
    "traces": dict(rule="dw = 2*x1*y0 - 2*x0*y1 + 4*r1*x0*y0", x1=(1, 0), y1=(1, None)),
    "tag": DETERMINISTIC["tag"],
}


@pytest.mark.parametrize("name", MILLIVOLTS)
def test_neurons_in_millivolts_learn_the_same(experiment, name):
    """Without noise they fire as the memoryless ones do, phase by phase."""
    written = model(experiment, **MILLIVOLTS[name])
    data = dataset_of(written)
    found = {}
    for kind, overrides in {"memoryless": [], "millivolts": ["neuron={kind: lif}"]}.items():
        net = sb.build_network(sb.assemble(written.changed(overrides)), data)
        net.run(4)
        found[kind] = {row.name: matrix for row, matrix in net.weights().items()}
    for row, matrix in found["memoryless"].items():
        np.testing.assert_array_equal(found["millivolts"][row], matrix, err_msg=row)


def test_a_program_of_neurons_in_millivolts_learns_what_their_network_does(experiment):
    about = dict(rule="dw = 4*r1*x0*y0 - 2*x0*y1 - 2^-2*x0*y0", y1=(1, 20.0))
    written = model(experiment, **about).changed(["neuron={kind: lif}"])
    resolved, data = sb.assemble(written), dataset_of(written)
    net = sb.build_network(resolved, data)
    net.run(4)
    with closing(CircuitEngine(resolved, data, uses=["train"])) as engine:
        segment = engine.train(resolved.start, np.arange(4))
    for row, matrix in net.weights().items():
        held = row.sign * (matrix.T if row.transposed else matrix)
        np.testing.assert_array_equal(segment.copies[row], held, err_msg=row.name)
