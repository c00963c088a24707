"""A network of ours in Brian2's runtime mode behaves as anybody's Brian2 network."""

from __future__ import annotations

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest
from brian2 import (
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    StateMonitor,
    Synapses,
    ms,
    prefs,
)

import synfire_bp as sb
from synfire_bp.dense.internals import NumpyCodeObject
from synfire_bp.errors import CircuitError

NUMPY = {"codeobj_class": NumpyCodeObject}
SMALL = "network.sizes=[64, 12, 10]"
KINDS = {
    "integers": ("digits",),
    "chip": ("digits", "hardware=loihi1"),
    "millivolts": ("variants/digits_lif",),
    "noise": ("variants/digits_lif_noise",),
    "dice": ("variants/digits_release",),
}
"""Models that differ in what a network is made of."""


def model(kind):
    name, *overrides = KINDS[kind]
    return sb.assemble(sb.Experiment.from_file(name, [SMALL, *overrides]))


def matrices(net):
    return {row.name: matrix for row, matrix in net.weights().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def digits():
    return sb.load_dataset("digits")


@pytest.fixture
def cython():
    before = prefs.codegen.target
    prefs.codegen.target = "cython"
    yield
    prefs.codegen.target = before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "chip"])
def test_a_restored_network_runs_to_the_same_end(kind, digits):
    net = sb.build_network(model(kind), digits)
    net.network.store()
    net.run(4)
    weights, counts, spikes = matrices(net), net.spike_counts(), net.recorder.num_events
    assert net.samples_run == 4
    net.network.restore()
    assert net.samples_run == 0
    net.run(4)
    assert_same(matrices(net), weights)
    np.testing.assert_array_equal(net.spike_counts(), counts)
    assert net.recorder.num_events == spikes > 0


def test_a_network_restored_in_the_middle_goes_on_as_it_did(digits):
    net = sb.build_network(model("integers"), digits)
    net.run(2)
    net.network.store("after two")
    net.run(3)
    weights = matrices(net)
    net.network.restore("after two")
    net.run(3)
    assert_same(matrices(net), weights)
    straight = sb.build_network(model("integers"), digits)
    straight.run(5)
    assert_same(matrices(straight), weights)


def test_what_a_network_has_stored_another_one_of_the_same_model_restores(digits, tmp_path):
    first, second = (sb.build_network(model("integers"), digits) for _ in range(2))
    first.run(2)
    first.network.store(filename=str(tmp_path / "state"))
    second.network.restore(filename=str(tmp_path / "state"))
    for net in (first, second):
        net.run(2)
    assert_same(matrices(second), matrices(first))


def test_a_sample_that_was_begun_by_hand_is_shown_to_its_end(digits):
    net = sb.build_network(model("integers"), digits)
    net.network.run(18 * ms)  # the step before, one sample, and five phases of the next
    assert net.samples_run == 1
    net.run(1)
    assert net.network.t == 25 * ms
    straight = sb.build_network(model("integers"), digits)
    straight.run(2)
    assert_same(matrices(net), matrices(straight))


def test_more_samples_than_were_given_are_refused_before_anything_runs(digits):
    net = sb.build_network(model("integers"), digits, order=[3, 1, 2])
    with pytest.raises(CircuitError, match=r"6 more samples .* of the 3 given, 0 have been"):
        net.run(6)
    assert net.network.t == 0 * ms
    net.run(3)
    with pytest.raises(CircuitError, match=r"1 more samples .* of the 3 given, 3 have been"):
        net.run(1)
    net.run(0)
    assert net.network.t == 37 * ms


@pytest.mark.parametrize("wrong", [-1, 2.5, "3", None])
def test_run_takes_a_number_of_samples(wrong, digits):
    net = sb.build_network(model("integers"), digits)
    with pytest.raises(CircuitError, match="a number of samples, 0 or more, not"):
        net.run(wrong)


def test_a_state_monitor_in_brian2s_default_code_records_a_weight(digits):
    net = sb.build_network(model("integers"), digits)
    weight = StateMonitor(net.plastic, "w", record=[0, 700, 1400], when="end")
    net.network.add(weight)
    net.run(3)
    assert weight.w.shape == (3, 37)
    np.testing.assert_array_equal(weight.w[:, -1], net.plastic.w[[0, 700, 1400]])


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_variable_can_be_monitored(kind, digits):
    net = sb.build_network(model(kind), digits)
    monitors = {}
    for group in (net.cells, net.plastic, net.fixed, net.census, net.output):
        names = [
            name
            for name, variable in group.variables.items()
            if getattr(variable, "array", False) and not name.startswith("_")
            if name not in ("t", "dt", "t_in_timesteps", "N", "i", "delay")
            if variable.owner is not None and variable.owner.name == group.name
        ]
        record = True if group in (net.census, net.output) else [0, 1]
        monitors[group.name] = StateMonitor(group, names, record=record, **NUMPY)
    net.network.add(*monitors.values())
    net.run(1)
    assert {"arriving", "weight", "w", "total"} & {
        name for monitor in monitors.values() for name in monitor.record_variables
    }
    steps = round(float(net.network.t / net.cells.clock.dt))
    for monitor in monitors.values():
        for name in monitor.record_variables:
            assert getattr(monitor, f"{name}_").shape[-1] == steps, name


def test_what_is_handed_out_outlives_the_network(digits):
    net = sb.build_network(model("integers"), digits)
    net.run(3)
    weights, counts = matrices(net), net.spike_counts()
    before = {name: matrix.tolist() for name, matrix in weights.items()}, counts.tolist()
    net.run(3)
    del net
    gc.collect()
    other = sb.build_network(model("integers"), digits, order=np.arange(50, 60))
    other.run(10)
    assert ({name: matrix.tolist() for name, matrix in weights.items()}, counts.tolist()) == before
    assert all(matrix.flags.owndata for matrix in weights.values())


def test_names_in_ones_own_code_are_looked_up_where_run_is_called(digits):
    net = sb.build_network(model("integers"), digits)
    growth = 7
    mine = NeuronGroup(1, "x : integer", name="mine", dt=1 * ms, **NUMPY)
    mine.run_regularly("x += growth", dt=1 * ms, **NUMPY)
    net.network.add(mine)
    net.run(1)
    assert mine.x[0] == 13 * growth


def test_statements_of_ones_own_run_regularly_on_cells_and_synapses(digits):
    net = sb.build_network(model("integers"), digits, learn=False)
    net.network.add(
        net.cells.run_regularly("bias = bias - 30000 * int(i == 5)", when="start", order=-3,
                                clock=net.cells.clock, name="quieten", **NUMPY),
        net.plastic.run_regularly("w = 0", when="start", order=-3, clock=net.cells.clock,
                                  name="lesion", **NUMPY),
    )  # fmt: skip
    net.run(2)
    assert not net.plastic.w[:].any()
    assert net.cells.bias[5] < -30000
    assert (net.readout.potential[:] == 0).all()


@pytest.mark.parametrize("dt", [1, 0.5, 0.3])
def test_a_stimulus_with_its_own_clock_makes_a_population_fire_in_the_next_step(dt, digits):
    net = sb.build_network(model("integers"), digits)
    silent = sb.build_network(model("integers"), digits)
    times = [round(4.4 / dt) * dt] * ms
    touch = SpikeGeneratorGroup(1, [0], times, dt=dt * ms, name="touch", **NUMPY)
    onto = Synapses(touch, net["h"], on_pre="arriving_post += 30000", name="onto", **NUMPY)
    onto.connect(j="5")
    net.network.add(touch, onto)
    seen = [SpikeMonitor(network["h"], **NUMPY) for network in (net, silent)]
    for network, monitor in zip((net, silent), seen, strict=True):
        network.network.add(monitor)
        network.run(1)
    own = [
        set(zip(monitor.i[:].tolist(), np.rint(monitor.t / ms).astype(int).tolist(), strict=True))
        for monitor in seen
    ]
    assert own[0] - own[1] >= {(5, int(np.floor(float(times[0] / ms)) + 1))}


def test_networks_of_one_process_do_not_touch_each_other(digits):
    alone = [sb.build_network(model("integers"), digits, order=np.arange(k, k + 4)) for k in (0, 9)]
    for net in alone:
        net.run(4)
    one, other = (
        sb.build_network(model("integers"), digits, order=np.arange(k, k + 4)) for k in (0, 9)
    )
    mine = NeuronGroup(2, "v : 1", threshold="v > 1", reset="v = 0", name="cells", dt=1 * ms,
                       **NUMPY)  # fmt: skip
    apart = Network(mine)
    for _ in range(2):
        one.run(2)
        apart.run(1 * ms)
        other.run(2)
    assert_same(matrices(one), matrices(alone[0]))
    assert_same(matrices(other), matrices(alone[1]))


def _final_weights(start: int) -> dict[str, list]:
    net = sb.build_network(
        model("integers"), sb.load_dataset("digits"), order=np.arange(start, start + 3)
    )
    net.run(3)
    return {name: matrix.tolist() for name, matrix in matrices(net).items()}


def test_a_spawned_process_computes_the_same(tmp_path):
    # the function has to be importable: as a module of its own, not as part of the suite
    (tmp_path / "spawned_network.py").write_text(Path(__file__).read_text())
    code = f"""
    import multiprocessing, sys
    sys.path.insert(0, {str(tmp_path)!r})
    from spawned_network import _final_weights
    if __name__ == "__main__":
        with multiprocessing.get_context("spawn").Pool(2) as pool:
            there = pool.map(_final_weights, [0, 5])
        print(there == [_final_weights(0), _final_weights(5)])
    """
    script = tmp_path / "script.py"
    script.write_text(dedent(code))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr[-2000:]


def test_trainings_in_two_threads_compute_what_they_do_one_after_the_other(tmp_path):
    def weights(seed, folder):
        experiment = sb.Experiment.from_file(
            "digits",
            [SMALL, f"training.seed={seed}", "training.samples=60", "training.epochs=1",
             "training.evaluate_every=1", "record.samples=0"],
        )  # fmt: skip
        run = sb.train(experiment, engine="circuit", out=folder, quiet=True)
        return [matrix.tolist() for matrix in run.weights.values()]

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(weights, (1, 2), (tmp_path / "a", tmp_path / "b")))
    assert together == [weights(1, tmp_path / "c"), weights(2, tmp_path / "d")]
    assert together[0] != together[1]


def in_a_process(code):
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_a_device_that_was_set_before_is_named_and_does_not_disturb_trainings(tmp_path):
    said = in_a_process(f"""
        import brian2
        brian2.set_device("cpp_standalone", build_on_run=False)
        import synfire_bp as sb
        data, experiment = sb.load_dataset("digits"), sb.Experiment.from_file("digits", [
            "network.sizes=[64, 12, 10]", "training.samples=60", "training.epochs=1",
            "training.evaluate_every=1", "record.samples=0"])
        try:
            sb.build_network(sb.assemble(experiment), data)
        except sb.errors.CircuitError as error:
            print(error)
        runs = [sb.train(experiment, engine=name, out={str(tmp_path)!r} + "/" + name, quiet=True)
                for name in ("circuit", "oracle")]
        there, here = (run.weights for run in runs)
        print([bool((there[name] == here[name]).all()) for name in there])
        print(type(brian2.get_device()).__name__)
        brian2.set_device("runtime")
        net = sb.build_network(sb.assemble(experiment), data)
        net.run(1)
        print(net.samples_run)
        brian2.set_device("cpp_standalone", build_on_run=False)
        try:
            net.run(1)
        except sb.errors.CircuitError as error:
            print(error)
    """)
    complaint, equal, device, shown, later = said.strip().splitlines()
    assert later == complaint
    assert "call brian2.set_device('runtime') before" in complaint
    assert "CPPStandaloneDevice" in complaint and device == "CPPStandaloneDevice"
    assert equal == "[True, True, True, True]" and shown == "1"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "chip"])
def test_cython_computes_what_numpy_does(kind, digits, cython):
    net = sb.build_network(model(kind), digits)
    net.run(3)
    prefs.codegen.target = "numpy"
    other = sb.build_network(model(kind), digits)
    other.run(3)
    assert_same(matrices(net), matrices(other))
    np.testing.assert_array_equal(net.spike_counts(), other.spike_counts())
