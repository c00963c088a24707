"""Neurons in physical units: equal to the integer circuit where they should be, and never silent
about what does not fit.

All circuits are 12-8-3, and most share two compiled programs: what differs is numbers.
"""

from __future__ import annotations

from contextlib import closing
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit.layout import PlasticLayout
from synfire_bp.circuit.reference import simulate
from synfire_bp.circuit.weights import as_copy
from synfire_bp.engines import CircuitEngine, OracleEngine
from synfire_bp.engines import circuit as engine
from synfire_bp.errors import ExperimentError, SynfireError
from synfire_bp.model import Experiment, assemble
from synfire_bp.network.chance import _normal
from synfire_bp.physical import neurons as physical_neurons
from synfire_bp.physical.network import build_physical_network
from synfire_bp.physical.numbers import physical_numbers
from synfire_bp.training import dataset_of
from synfire_bp.training.verification import verify
from synfire_bp.variants.neuron import Neuron

LIF = "dv/dt = (E_L - v + R*(I_tonic + I_syn))/tau_m : volt (unless refractory)"
SPIKES = {"threshold": "v + gate > theta", "reset": "v = closed"}
CUSTOM = {"kind": "custom", "equations": LIF, **SPIKES}
NO_R = "dv/dt = (E_L - v + I_syn)/tau_m : volt"
SPREAD = {"delay": 4.5, "delay_spread": 2.0, "window": 1.0}


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(engine.build_programs)
        patch.setattr(engine, "build_programs", lambda specs: build(tuple(specs)))
        yield


@pytest.fixture(scope="module")
def data(small_npz):
    return small_npz(n_train=60, active=0.4)


@pytest.fixture(scope="module")
def model(experiment, data):
    def make(*overrides):
        return experiment("neuron=lif", *overrides, path=data)

    return make


def trained(experiment, order, *, shown_before=0, weights=None, copies=None, record=False):
    with closing(CircuitEngine(assemble(experiment), dataset_of(experiment), ["train"])) as machine:
        return machine.train(
            assemble(experiment).start if weights is None else weights, np.asarray(order),
            shown_before=shown_before, copies=copies, record=record,
        )  # fmt: skip


def assert_same_weights(one, other):
    for row, matrix in one.copies.items():
        np.testing.assert_array_equal(matrix, other.copies[row], err_msg=row.name)


# ----------------------------------------------------------------------------------------------
# Exactness
# ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        ("neuron.membrane_time=0.1", "neuron.quantum=0.001", "neuron.relay=520"),
        ("neuron.membrane_time=0.3", "neuron.delay=4.75"),
    ],
)
def test_short_time_constants_learn_exactly_what_the_algorithm_learns(model, overrides):
    result = verify(model("training.seed=3", *overrides), epochs=2)
    assert result.exact
    assert all(row.learnt for row in result.projections)


@pytest.mark.slow
def test_exponential_synapses_learn_exactly_too(model):
    short = ("neuron.synapse=exponential", "neuron.membrane_time=0.4", "neuron.synaptic_time=0.1")
    result = verify(model(*short), epochs=2)
    assert result.exact and all(row.learnt for row in result.projections)


def test_a_long_memory_changes_what_is_learnt(model):
    slow = model("neuron.membrane_time=3")
    assert "long" in slow.neuron.disturbance
    with pytest.raises(SynfireError, match="time constants are long"):
        verify(slow)
    weights, data = assemble(slow).start, dataset_of(slow)
    order = np.tile(np.arange(40), 2)
    exact = OracleEngine(assemble(model()), data).train(weights, order)
    with closing(CircuitEngine(assemble(slow), data, ["train"])) as machine:
        learnt = machine.train(weights, order)
    assert any((a != b).any() for a, b in zip(exact.weights, learnt.weights, strict=True))


def test_spikes_fall_into_the_phases_of_the_circuit(model):
    experiment, n = model(), 8
    samples, circuit = dataset_of(experiment).train, sb.backprop_circuit((12, 8, 3))
    targets = np.arange(3) == samples.labels[:n, None]
    fired, _ = simulate(
        circuit,
        [as_copy(row, assemble(experiment).start) for row in circuit.plastic],
        {"input": samples.inputs[None, :n].astype(int), "target": targets[None].astype(int)},
    )
    segment = trained(experiment, range(n), record=True)
    by_phase = fired[0].reshape(n * circuit.n_phases, -1)
    for name, place in circuit.slices.items():
        expected = by_phase[:, place]
        i, phase = segment.recorded[name]
        found = np.zeros_like(expected)
        found[phase, i] = True
        np.testing.assert_array_equal(found, expected, err_msg=name)
        counts = expected.reshape(n, circuit.n_phases, -1).sum(axis=(0, 2))
        np.testing.assert_array_equal(segment.spike_counts[name], counts, err_msg=name)
    answers = by_phase[circuit.forward_phase("o") :: circuit.n_phases, circuit.slices["o"]]
    np.testing.assert_array_equal(segment.potentials > 512, answers)


def test_the_inference_circuit_answers_like_the_oracle(model):
    experiment = model()
    data, weights = dataset_of(experiment), assemble(experiment).start
    with closing(CircuitEngine(assemble(experiment), data)) as machine:
        found = machine.test(weights, "test")
    assert found.score == OracleEngine(assemble(experiment), data).test(weights, "test").score
    assert not found.strays


def test_a_custom_neuron_with_the_built_in_equations_is_the_built_in_one(model):
    # one whose membrane remembers: equal bits then say something
    slow = model("neuron.membrane_time=2")
    values = slow.model_dump(mode="json")
    values["neuron"] |= CUSTOM
    custom = Experiment.from_dict(values)
    assert custom.neuron.kind == "custom" and assemble(custom).algorithm.obstacles
    assert_same_weights(trained(slow, range(40)), trained(custom, range(40)))


def test_runtime_mode_does_what_the_compiled_program_does(model):
    experiment = model("neuron.membrane_time=2")
    samples = dataset_of(experiment).train
    net = build_physical_network(
        sb.backprop_circuit((12, 8, 3)), experiment.neuron, weights=assemble(experiment).start,
        inputs=samples.inputs, labels=samples.labels,
    )  # fmt: skip
    net.run(2)
    compiled = trained(experiment, range(2), record=True)
    circuit = {name: counts.sum() for name, counts in compiled.spike_counts.items()}
    found = dict(zip(net.circuit.slices, net.spike_counts().sum(axis=1), strict=True))
    assert found == circuit
    for row, matrix in net.weights().items():
        copy = compiled.copies[row]
        np.testing.assert_array_equal(matrix, row.sign * (copy.T if row.transposed else copy))


# ----------------------------------------------------------------------------------------------
# Chance
# ----------------------------------------------------------------------------------------------

NOISY = (
    "neuron.membrane_time=1.5", "neuron.membrane_noise=0.3", "neuron.synaptic_noise=0.2",
    "neuron.delay_spread=0.25", "neuron.delay=4.5",
)  # fmt: skip


def test_the_same_seed_gives_the_same_bits_and_another_one_does_not(model):
    first, again = (trained(model(*NOISY), range(30)) for _ in range(2))
    assert_same_weights(first, again)
    other = model(*NOISY, "training.seed=1")
    moved = trained(other, range(30), weights=assemble(model()).start)
    assert any((moved.copies[row] != matrix).any() for row, matrix in first.copies.items())


def test_a_training_cut_where_it_may_pause_ends_with_the_same_bits(model, monkeypatch):
    monkeypatch.setattr(physical_neurons.PhysicalNeurons, "block", 10)
    noisy = model(*NOISY)
    whole = trained(noisy, range(30), record=True)
    begun = trained(noisy, range(20), record=True)
    rest = trained(
        noisy, range(20, 30), shown_before=20, weights=begun.weights, copies=begun.differing_copies
    )
    assert_same_weights(whole, rest)
    assert begun.score + rest.score == whole.score
    assert max(step.max(initial=0) for _, step in whole.recorded.values()) >= 29 * 12


def test_a_disturbed_model_trains_and_tests_into_a_run_directory(model, tmp_path):
    run = sb.train(model("neuron.delay_spread=0.5", "record.samples=5"), out=tmp_path / "run")
    assert run.finished and set(run.spikes) >= {"x", "h", "o"}
    assert sb.test(run).samples == 20
    with pytest.raises(SynfireError, match="the algorithm does not know"):
        sb.test(run, engine="oracle")


def test_normal_numbers_have_mean_0_and_variance_1():
    drawn = _normal(np.arange(200_000), 12345)
    assert abs(drawn.mean()) < 0.01 and abs(drawn.var() - 1) < 0.02
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.01


# ----------------------------------------------------------------------------------------------
# The map
# ----------------------------------------------------------------------------------------------


@given(
    st.sampled_from(["delta", "exponential", "conductance"]), st.floats(0.2, 4), st.floats(0.1, 2)
)
@settings(max_examples=30)
def test_a_weight_moves_the_membrane_by_its_quanta_when_the_pulse_comes(synapse, membrane, time):
    synaptic = {} if synapse == "delta" else {"synaptic_time": time}
    neuron = Neuron(
        synapse=synapse, membrane_time=membrane, quantum=2**-10, refractory=1.0, **synaptic
    )
    of, timing = neuron.mapping, neuron.timing
    v, current = (of.jump, 0.0) if synapse == "delta" else (0.0, of.current * 1e8)
    for _ in range(timing.lead):
        keeps = np.exp(-neuron.dt / membrane)
        v = current + (v - current) * keeps
        current *= np.exp(-neuron.dt / time)
    assert v == pytest.approx(neuron.quantum * 1e-3)


def test_the_documented_potentials():
    neuron = Neuron()
    assert neuron.quantum * 1024 == 4.0
    assert neuron.resting - neuron.quantum * 8192 == -86.0


# ----------------------------------------------------------------------------------------------
# Bad input
# ----------------------------------------------------------------------------------------------


def test_spread_delays_arrive_before_the_pulse_ends_and_the_same_in_both_circuits(model):
    neuron = Neuron(delay_spread=1.0, refractory=1.0)
    late, early = [], {}
    for circuit in (sb.backprop_circuit((12, 8, 3)), sb.inference_circuit((12, 8, 3))):
        layout = PlasticLayout(circuit)
        values = physical_numbers(circuit, layout, neuron, assemble(model()).start)
        delay = np.rint(values["plastic.delay"] * 1e3 / neuron.dt).astype(int) + 1
        late.append(delay.max() - neuron.timing.phase - neuron.timing.window)
        first = circuit.slices["x"], circuit.slices["h"]
        here = [(at >= place.start) & (at < place.stop) for at, place in
                zip((layout.pre, layout.post), first, strict=True)]  # fmt: skip
        early[circuit.n_phases] = delay[here[0] & here[1]]
    assert max(late) <= 0
    assert np.unique(early[12]).size > 4
    np.testing.assert_array_equal(early[12], early[4])


def complaint(neuron, **more):
    values = {"name": "a", "dataset": {"name": "digits"}, "network": {"sizes": [64, 8, 10]},
              "training": {"epochs": 1}, "neuron": neuron, **more}  # fmt: skip
    with pytest.raises(ExperimentError) as error:
        Experiment.from_dict(values)
    return str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"equations": NO_R}, ("equations: line 1", "I_syn", "A")),
        ({"equations": f"{LIF}\ndu/dt = -u*mV/tau_m : 1"}, ("line 2", "u is declared in no unit")),
        ({"equations": f"{LIF}\nu = v*tau_m : volt"}, ("line 2", "must be in V")),
        ({"equations": "dv/dt = (E_L - v)/tau : volt"}, ("line 1", "unknown name 'tau'", "tau_m")),
        ({"equations": "dv/dt = (E_L - v/tau_m : volt"}, ("cannot be read",)),
        ({"equations": "v : 1"}, ("must define v", "no unit")),
        ({"equations": f"{LIF}\ngate = 1*mV : volt"}, ("'gate'", "another name")),
        ({"equations": "dv/dt = (E_L - v)/tau_m + xi*mV/ms**.5 : volt"}, ("membrane_noise",)),
        ({"equations": "dv/dt = -v**2/volt/tau_m : volt"}, ("neuron.method", "try rk2")),
        ({"threshold": "v + gate"}, ("threshold", "is a number")),
        ({"threshold": "v > 3"}, ("threshold", "unit")),
        ({"threshold": "v > thet"}, ("unknown name 'thet'",)),
        ({"reset": "v = 3"}, ("reset: line 1", "unit")),
        ({"reset": "v = closed\nq += 1*mV"}, ("line 2", "unknown name 'q'")),
        ({"reset": "theta = 1*mV"}, ("must set a variable of the neuron",)),
        ({"reset": None}, ("reset: is missing",)),
    ],
)  # fmt: skip
def test_custom_code_is_checked_before_anything_is_compiled(change, said):
    message = complaint({**CUSTOM, **change})
    assert all(part in message for part in said), message


@pytest.mark.parametrize(
    ("neuron", "said"),
    [
        ({"membrane_time": 7.0}, ("membrane_time", "2 ms longer than a phase", "phase 3")),
        ({"synapse": "exponential", "synaptic_time": 9.0}, ("synaptic_time", "4 ms longer")),
        ({"refractory": 6.0}, ("phase 6", "1 ms too long")),
        ({"refractory": 0.5, "window": 1.0}, ("0.5 ms too short",)),
        (SPREAD, ("2.5 ms after the pulse of phase 2",)),
        ({"delay": 0.5, "window": 1.0}, ("0.5 ms before the pulse of phase 1",)),
        ({"delay": 5.0, "synapse": "exponential"}, ("phase 2", "best is 4.75 ms")),
        ({"dt": 0.3}, ("whole number", "0.294118")),
        ({"dt": 1.0}, ("5 steps", "0.625 ms")),
        ({"window": 2.5}, ("1.5 ms too long", "phase 5", "at most 1")),
        ({"window": 0.3}, ("multiple of dt",)),
        ({"membrane_noise": -1.0}, ("neuron.membrane_noise", "0 or greater")),
        ({"synaptic_noise": -1.0}, ("neuron.synaptic_noise", "0 or greater")),
        ({"delay_spread": -1.0}, ("neuron.delay_spread", "0 or greater")),
        ({"synapse": "conductance"}, ("inhibitory_reversal", "-86 mV")),
        ({"synaptic_time": 1.0}, ("no effect on delta",)),
        ({"threshold": "v > theta"}, ("neuron.kind: custom",)),
        ("lifs", ("did you mean lif?",)),
    ],
)
def test_what_does_not_fit_is_refused_with_the_phase_and_by_how_much(neuron, said):
    message = complaint(neuron)
    assert all(part in message for part in said), message


def test_neurons_in_physical_units_run_on_no_chip():
    assert "remove 'neuron' or 'hardware'" in complaint("lif", hardware="loihi1")


def test_a_gating_chain_of_pools_is_refused(model, tmp_path):
    with pytest.raises(ExperimentError, match=r"has no pools, but here 4 neurons per link"):
        sb.train(model("gating.pool=4"), out=tmp_path / "run")
