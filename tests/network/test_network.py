"""The circuit in Brian2's runtime mode: spike for spike the rows, weight for weight the algorithm.

`synfire_bp.circuit.reference` steps the rows of the circuit in plain NumPy, without Brian2; the
oracle knows neither phases nor spikes.
"""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from brian2 import Network, NeuronGroup, Subgroup, Synapses

from synfire_bp import backprop_circuit, inference_circuit
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.circuit.weights import as_copy
from synfire_bp.dense.internals import CodeRunner
from synfire_bp.errors import CircuitError, RuleError
from synfire_bp.network import STEP, build_network
from synfire_bp.oracle import forward, train_epoch

SIZES = (6, 5, 3)
N = 12
SEED = 2


class Samples:
    """Random patterns and labels, weights, and an order."""

    def __init__(self, weights, n=N, seed=SEED):
        rng = np.random.default_rng(seed)
        self.weights = tuple(matrix.astype(np.int16) for matrix in weights)
        self.inputs = rng.integers(0, 2, (n, len(self.weights[0]))).astype(np.uint8)
        self.labels = rng.integers(0, self.weights[1].shape[1], n)
        self.order = rng.permutation(n)

    @classmethod
    def tiny(cls):
        """With weights by which even few inputs reach all four ranges of a sum."""
        rng = np.random.default_rng(SEED)
        w1 = rng.choice(np.arange(40, 255, 2), SIZES[:2])
        return cls((w1, np.add([252, 152, 8], rng.choice([-24, -12, -4, 0, 2], SIZES[1:]))))

    @classmethod
    def wide(cls, sizes, n, seed):
        """With weights of the whole range, more positive than negative."""
        rng = np.random.default_rng(seed)
        return cls(
            [rng.choice(np.arange(-120, 255, 2), shape) for shape in pairwise(sizes)], n, seed
        )

    def shown(self):
        return {"inputs": self.inputs, "labels": self.labels, "order": self.order}


def expected_spikes(circuit, samples):
    """Step the rows of the circuit in plain NumPy; returns (steps, cells) and the weights."""
    targets = np.arange(circuit.sizes[2]) == samples.labels[:, None]
    patterns = {"input": samples.inputs[samples.order], "target": targets[samples.order]}
    fired, plastic = simulate(
        circuit,
        [as_copy(row, samples.weights) for row in circuit.plastic],
        {source.name: patterns[source.name][None].astype(int) for source in circuit.sources},
        **({} if circuit.reward_phases else {"potentiation": 0, "depression": 0}),
    )
    return fired[0].reshape(-1, circuit.n_cells), [weights[0] for weights in plastic]


def used_phases(circuit, spikes):
    """Return, per population, the phases in which it fired."""
    per_phase = spikes.reshape(-1, circuit.n_phases, circuit.n_cells).any(axis=0)
    return {
        name: tuple(np.flatnonzero(per_phase[:, at].any(axis=1)).tolist())
        for name, at in circuit.slices.items()
    }


def recorded_spikes(net):
    """Return (steps, cells) of what the recorder of a network holds; step 0 is phase 0."""
    steps = np.round(np.asarray(net.recorder.t) / float(STEP)).astype(int) - 1
    spikes = np.zeros((net.samples_run * net.circuit.n_phases, net.circuit.n_cells), dtype=bool)
    spikes[steps, np.asarray(net.recorder.i)] = True
    assert spikes.sum() == len(steps)  # no neuron spikes twice in a step
    return spikes


@pytest.fixture(scope="module")
def samples():
    return Samples.tiny()


@pytest.fixture(scope="module")
def trained(samples):
    """A training network after all its samples."""
    net = build_network(backprop_circuit(SIZES), weights=samples.weights, **samples.shown())
    net.run(N)
    return net


# -- what it does ---------------------------------------------------------------------------------


def test_the_network_fires_spike_for_spike_as_its_rows_say(trained, samples):
    expected, _ = expected_spikes(trained.circuit, samples)
    assert np.array_equal(recorded_spikes(trained), expected)
    # every population took part, in each of its phases
    assert used_phases(trained.circuit, expected) == firing_table(trained.circuit)


def test_every_copy_of_the_weights_is_that_of_the_rows(trained, samples):
    _, expected = expected_spikes(trained.circuit, samples)
    found = trained.weights()
    assert list(found) == list(trained.circuit.plastic)
    for matrix, wanted in zip(found.values(), expected, strict=True):
        assert np.array_equal(matrix, wanted)


def test_every_copy_of_the_weights_is_that_of_the_algorithm(trained, samples):
    w1, w2 = (w.copy() for w in samples.weights)
    result = train_epoch(samples.inputs, samples.labels, w1, w2, samples.order)
    assert min(result.weight_changes) > 0
    for row, matrix in trained.weights().items():
        assert np.array_equal(matrix, as_copy(row, (w1, w2))), row.name


def test_the_readout_is_that_of_the_algorithm_for_each_sample_as_it_was_shown(trained, samples):
    w1, w2 = (w.copy() for w in samples.weights)
    spikes, potentials = [], []
    for k in samples.order:
        answer = forward(samples.inputs[[k]], w1, w2)
        spikes.append(answer.spikes[0])
        potentials.append(answer.potentials[0])
        train_epoch(samples.inputs, samples.labels, w1, w2, np.array([k]))
    assert np.unique(spikes, axis=0).shape[0] > 2
    shape = (N, SIZES[2])
    assert np.array_equal(np.reshape(trained.readout.fired[:], shape), spikes)
    assert np.array_equal(np.reshape(trained.readout.potential[:], shape), potentials)


def test_the_census_counts_the_recorded_spikes(trained):
    spikes = recorded_spikes(trained).reshape(N, trained.circuit.n_phases, -1).sum(axis=0)
    by_population = [spikes[:, at].sum(axis=1) for at in trained.circuit.slices.values()]
    assert np.array_equal(trained.spike_counts(), by_population)


def test_populations_fire_in_their_phases_and_in_no_other(trained):
    allowed = firing_table(trained.circuit)
    for name, counts in zip(trained, trained.spike_counts(), strict=True):
        assert set(np.flatnonzero(counts)) <= set(allowed[name]), name


def test_the_rows_without_brian2_equal_the_algorithm_and_fill_their_phases():
    """Over a few random circuits each population uses every phase that it may fire in."""
    sizes = (20, 12, 4)
    circuit, spikes = backprop_circuit(sizes), []
    for seed in range(5):
        samples = Samples.wide(sizes, 150, seed)
        fired, plastic = expected_spikes(circuit, samples)
        spikes.append(fired)
        w1, w2 = (w.copy() for w in samples.weights)
        result = train_epoch(samples.inputs, samples.labels, w1, w2, samples.order)
        assert min(result.weight_changes) > 0
        for row, matrix in zip(circuit.plastic, plastic, strict=True):
            assert np.array_equal(matrix, as_copy(row, (w1, w2))), row.name
    assert used_phases(circuit, np.concatenate(spikes)) == firing_table(circuit)


def test_a_spike_that_triggers_learning_arrives_with_the_weight_from_before():
    # all hidden units fire (a1 = 600); output 0 sums to 300, below its target
    w1, w2 = np.full((6, 5), 100), np.full((5, 3), -2)
    w2[:, 0] = [100, 100, 100, 0, 0]  # 2 after learning: units 3, 4 would then see an error
    net = build_network(backprop_circuit(SIZES), weights=(w1, w2),
                        inputs=np.ones((1, 6), np.uint8), labels=np.array([0]))  # fmt: skip
    net.run(1)
    changes = {row.name: matrix - as_copy(row, (w1, w2)) for row, matrix in net.weights().items()}
    assert changes["h→o"].tolist() == [[2, 0, 0]] * 5
    for name in ("x→h", "x→h<", "x→h>"):
        assert changes[name].tolist() == [[2, 2, 2, 0, 0]] * 6


def test_running_in_parts_is_running_in_one(trained, samples):
    net = build_network(backprop_circuit(SIZES), weights=samples.weights, **samples.shown())
    for part in (1, 4, N - 5):
        net.run(part)
    assert np.array_equal(recorded_spikes(net), recorded_spikes(trained))
    assert np.array_equal(net.plastic.w[:], trained.plastic.w[:])


def test_the_inference_network_answers_as_the_algorithm_and_learns_nothing(samples):
    net = build_network(inference_circuit(SIZES), weights=samples.weights, **samples.shown())
    net.run(N)
    expected, _ = expected_spikes(net.circuit, samples)
    assert np.array_equal(recorded_spikes(net), expected)
    answer = forward(samples.inputs[samples.order], *samples.weights)
    assert answer.spikes.any()
    assert np.array_equal(np.reshape(net.readout.fired[:], answer.spikes.shape), answer.spikes)
    assert np.array_equal(
        np.reshape(net.readout.potential[:], answer.potentials.shape), answer.potentials
    )
    for row, matrix in net.weights().items():
        assert np.array_equal(matrix, as_copy(row, samples.weights))


def test_without_a_rule_the_training_network_learns_nothing(samples):
    circuit = backprop_circuit(SIZES)
    net = build_network(circuit, weights=samples.weights, rule=None, **samples.shown())
    net.run(4)
    for row, matrix in net.weights().items():
        assert np.array_equal(matrix, as_copy(row, samples.weights))


def test_the_rule_decides_what_a_coincidence_adds(samples):
    rule = "dw = 12*r1*x0*y0 - 6*x0*y0"
    net = build_network(
        backprop_circuit(SIZES), weights=samples.weights, rule=rule, **samples.shown()
    )
    net.run(6)
    w1, w2 = (w.copy() for w in samples.weights)
    train_epoch(samples.inputs, samples.labels, w1, w2, samples.order[:6],
                potentiation=6, depression=-6)  # fmt: skip
    assert np.any(w1 != samples.weights[0])
    for row, matrix in net.weights().items():
        assert np.array_equal(matrix, as_copy(row, (w1, w2)))


# -- the ring -------------------------------------------------------------------------------------


def test_the_ring_is_kicked_once_and_one_gate_fires_in_each_step(trained, samples):
    at = trained.circuit.slices
    fresh = build_network(trained.circuit, weights=samples.weights, **samples.shown())
    arriving = np.asarray(fresh.cells.arriving[:])
    assert np.flatnonzero(arriving).tolist() == [at["g0"].start]
    assert arriving.sum() == 145 * 2**6
    gates = recorded_spikes(trained)[:, at["g0"].start : at["g11"].stop]
    assert np.array_equal(gates.argmax(axis=1), (np.arange(12 * N) + 1) % 12)
    assert np.array_equal(gates.sum(axis=1), np.ones(12 * N))


def test_without_the_kick_only_the_sources_fire(samples):
    net = build_network(backprop_circuit(SIZES), weights=samples.weights, **samples.shown())
    net.cells.arriving = 0
    net.run(3)
    total = dict(zip(net, net.spike_counts().sum(axis=1), strict=True))
    assert {name for name, spikes in total.items() if spikes} == {"input", "target"}
    for row, matrix in net.weights().items():
        assert np.array_equal(matrix, as_copy(row, samples.weights))


# -- the equations --------------------------------------------------------------------------------

CLOCK = {"phase", "sample", "t", "t_in_timesteps", "i", "recording"}
"""Names by which an equation could know the time or who it is."""


def names_in(code):
    words = re.findall(r"[A-Za-z_]\w*", str(code))
    return {re.sub("_(pre|post)$", "", word) for word in words} & CLOCK


def expressions_knowing(group, wanted="phase"):
    """Return the variables of a group that are computed from the phase."""
    return {
        name for name, equation in group.equations.items()
        if equation.expr is not None and wanted in names_in(equation.expr.code)
    }  # fmt: skip


def operations_on_cells(net):
    """Return name to (code, subgroup or cells) of everything that runs in each step on cells."""
    found = {}
    for thing in net.network.objects:
        group = getattr(thing, "group", None)
        if type(thing) is CodeRunner and getattr(group, "source", group).name == net.cells.name:
            found[thing.name] = thing.abstract_code, group
    return found


def test_the_phase_enters_the_cells_only_through_the_reward(trained):
    cells = trained.cells
    assert expressions_knowing(cells) == {"r1"}
    assert {phase for phase in re.findall(r"phase == (\d+)", cells.equations["r1"].expr.code)} == {
        "5",
        "7",
    }
    assert names_in(cells.events["spike"]) == set()
    assert set(cells.event_codes.values()) == {""}  # no reset that could know it
    assert cells.equations.diff_eq_names == set()  # nor an equation of motion


def test_the_phase_enters_the_synapses_only_through_the_reward(trained):
    for synapses in (trained.fixed, trained.plastic):
        assert all(equation.expr is None for equation in synapses.equations.values())
        assert [pathway.prepost for pathway in synapses._pathways] == ["pre"]
        assert names_in(synapses.pre.code) == set()
    assert "r1_post" in trained.plastic.pre.code
    assert "r1" not in trained.fixed.pre.code


def test_the_phase_drives_no_cells_but_the_sources(trained):
    """Of all that runs in each step on cells, only what drives the two sources reads the phase."""
    acting = operations_on_cells(trained)
    assert set(acting) == {"present", "step", "emit_input", "emit_target"}
    assert names_in(acting["step"][0]) == set()
    written = re.findall(r"(\w+) [-+*]?= ", acting["present"][0])
    assert written == ["sample"]  # which only the sources' patterns and the recorder read
    for name in ("input", "target"):
        code, group = acting[f"emit_{name}"]
        at = trained.circuit.slices[name]
        assert "phase" in names_in(code)
        assert re.findall(r"(\w+) [-+*]?= ", code) == ["arriving"]
        assert (group.start, group.stop) == (at.start, at.stop)


def test_observers_read_the_cells_and_write_nothing_to_them(trained):
    to_cells = {
        thing.name for thing in trained.network.objects
        if isinstance(thing, Synapses) and thing.target is trained.cells
    }  # fmt: skip
    assert to_cells == {"fixed", "plastic"}
    others = [thing for thing in trained.network.objects
              if isinstance(thing, NeuronGroup) and thing is not trained.cells]  # fmt: skip
    assert {group.name for group in others} == {"present_spikes", "census", "output"}
    linked = {name for name, equation in trained.cells.equations.items()
              if "linked" in equation.flags}  # fmt: skip
    assert linked == set()


# -- the Brian2 objects ---------------------------------------------------------------------------


def test_a_population_is_a_subgroup_by_its_name(trained):
    assert isinstance(trained.network, Network)
    assert list(trained) == list(trained.circuit.slices)
    for name, at in trained.circuit.slices.items():
        group = trained[name]
        assert isinstance(group, Subgroup)
        assert (group.start, group.stop) == (at.start, at.stop)
        assert np.all(np.asarray(group.bias[:]) == trained.circuit.bias(name))
    assert len(trained["h<"]) == SIZES[1]
    assert len(trained["oT"]) == SIZES[2]


def test_an_unknown_population_is_named_together_with_the_known_ones(trained):
    with pytest.raises(CircuitError, match=r"no population 'h≤'; known are input, .*h<.*g11"):
        trained["h≤"]


def test_the_network_has_three_objects_for_all_projections(trained):
    assert len(trained.plastic) == trained.circuit.n_plastic_synapses
    assert len(trained.fixed) == trained.circuit.n_fixed_synapses
    assert len(trained.cells) == trained.circuit.n_cells


def test_what_is_between_two_populations_are_the_synapses_of_the_one_onto_the_other(trained):
    forward, back = trained.between("h", "o"), trained.between("o", "hT")
    assert (forward.shape, back.shape) == ((5, 3), (3, 5))
    h, o = trained["h"], trained["o"]
    pre, post = np.array(trained.plastic.i[:])[forward], np.array(trained.plastic.j[:])[forward]
    assert (pre == h.start + np.arange(5)[:, None]).all()
    assert (post == o.start + np.arange(3)).all()
    w = np.array(trained.plastic.w[:])
    assert (w[back] == w[forward].T).all()
    with pytest.raises(CircuitError, match=r"no learning synapses lead from 'x' to 'o'; .*h→o"):
        trained.between("x", "o")


def test_the_time_of_a_phase_is_when_its_gate_has_fired_one_step_before(trained):
    i, t = np.array(trained.recorder.i[:]), np.array(trained.recorder.t[:])
    fired = t[i == trained["g3"].start]  # g3 fires in phase 2 of every sample
    assert np.allclose(fired, np.array(trained.when(np.arange(N), 2)))
    grid = trained.when(np.arange(2)[:, None], [0, 4])
    assert np.allclose(np.array(grid / STEP), [[1, 5], [13, 17]])


# -- what it refuses ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.ones((N, 5), np.uint8)}, r"inputs have shape \(12, 5\).*\(n, 6\)"),
        ({"inputs": np.ones(6, np.uint8)}, r"inputs have shape \(6,\)"),
        ({"inputs": np.full((N, 6), 255, np.uint8)}, "inputs must be 0 or 1"),
        ({"labels": np.zeros(N - 1, int)}, r"labels have shape \(11,\).*\(12,\)"),
        ({"labels": np.arange(N) % 4}, "label 3 is outside 0 … 2"),
        ({"labels": np.arange(N) % 3 - 1}, "label -1 is outside 0 … 2"),
        ({"order": np.array([0, N])}, "order entry 12 is outside 0 … 11"),
        ({"order": np.array([-1, 0])}, "order entry -1 is outside 0 … 11"),
        ({"order": [1.5]}, "each order entry must be a whole number, 0 … 11.*float64"),
        ({"order": [np.nan]}, "each order entry must be a whole number"),
        ({"order": [[0, 1], [2, 3]]}, r"an array of one dimension; given: int64, shape \(2, 2\)"),
        ({"labels": np.zeros(N)}, "each label must be a whole number, 0 … 2"),
    ],
)
def test_samples_that_do_not_fit_are_refused(samples, changes, message):
    with pytest.raises(CircuitError, match=message):
        build_network(
            backprop_circuit(SIZES), weights=samples.weights, **(samples.shown() | changes)
        )


def test_weights_of_another_shape_are_refused(samples):
    weights = (samples.weights[0], samples.weights[1].T)
    with pytest.raises(CircuitError, match=r"layer 1 have shape \(3, 5\).*\(6, 5\), \(5, 3\)"):
        build_network(backprop_circuit(SIZES), weights=weights, **samples.shown())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (3, "weights are int; give 2 matrices of whole numbers"),
        ((), "weights are 0 matrices"),
        (np.zeros((6, 5), int), "weights are ndarray"),
        ((np.full((6, 5), 1.5), np.zeros((5, 3), int)), "layer 0 are of type float64"),
        ((np.zeros((6, 5), int), np.full((5, 3), 40_000)), "40000 … 40000, beyond 16 bits"),
    ],
)
def test_weights_that_are_no_matrices_of_whole_numbers_are_refused(samples, weights, message):
    with pytest.raises(CircuitError, match=message):
        build_network(backprop_circuit(SIZES), weights=weights, **samples.shown())


def test_a_rule_that_cannot_be_read_is_refused(samples):
    with pytest.raises(RuleError, match="unknown factor 'z0'"):
        build_network(backprop_circuit(SIZES), weights=samples.weights, rule="dw = 2*x0*z0",
                      **samples.shown())  # fmt: skip
