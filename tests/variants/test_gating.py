"""What gates: pools, failures, jitter, noise, replay.

Most of it is looked at in plain NumPy or in Brian2's runtime mode; two programs are compiled, one
with all of the chain's troubles, whose probabilities are numbers, and one that replays.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plans import lines_of, numbers_of

import synfire_bp as sb
from synfire_bp.circuit import FULL, backprop_circuit, inference_circuit
from synfire_bp.circuit.layout import fixed_synapses
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.dice import CERTAIN
from synfire_bp.engines import CircuitEngine, OracleEngine
from synfire_bp.engines import circuit as engines
from synfire_bp.errors import CircuitError, ExperimentError, Interrupted, SynfireError
from synfire_bp.model import Experiment, assemble
from synfire_bp.network import build_network
from synfire_bp.training import dataset_of
from synfire_bp.training.interrupt import StopRequest
from synfire_bp.training.verification import verify
from synfire_bp.variants.gating import Gating
from synfire_bp.variants.gating.pools import POOLS, ChainCircuit, link_weight, random_links
from synfire_bp.variants.gating.replay import backwards, repeated

SIZES = (12, 8, 3)
TINY = 6e-8
"""The smallest probability: the lines are there, and nothing happens."""
TROUBLES = ("failure", "early", "late", "noise", "cell_failure", "link_failure")
MODELS = sorted((Path(__file__).parents[2] / "models" / "variants").glob("*.yaml"))


@pytest.fixture(scope="module", autouse=True)
def built_once():
    """Generate the code of a circuit once: even to find it compiled takes two seconds."""
    with pytest.MonkeyPatch.context() as patch:
        build = cache(engines.build_programs)
        patch.setattr(engines, "build_programs", lambda specs: build(tuple(specs)))
        yield


def troubled(p, **others):
    """Return overrides for everything that may go wrong in a chain of pools of four."""
    chosen = dict.fromkeys(TROUBLES, p) | others
    pool = ["gating.pool=4", "gating.link_probability=0.5"]
    return [*pool, *(f"gating.{name}={value}" for name, value in chosen.items())]


# -- the rows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("closing", [8192, 16384, 32128])
def test_an_intact_pool_delivers_what_a_single_gate_does(pool, closing):
    plain = backprop_circuit(SIZES, closing=closing)
    chain = ChainCircuit.of(plain, pool=pool)
    delivered = {}
    for circuit in (plain, chain):
        names = circuit.gate_names
        gates = {number for number, row in enumerate(circuit.projections)
                 if row.pre in names and row.post not in names}  # fmt: skip
        table = fixed_synapses(circuit)
        sums = {}
        for number in gates:
            row, inside = circuit.projections[number], table["projection"] == number
            post = table["post"][inside] - circuit.slices[row.post].start
            total = np.bincount(post, table["weight"][inside])
            sums.setdefault((row.pre, row.post), []).append((row.weight.name, total.tolist()))
        delivered[circuit] = {place: sorted(found) for place, found in sums.items()}
    assert delivered[chain] == delivered[plain]


@given(st.integers(1, 64), st.floats(0.01, 1))
def test_a_quorum_of_links_is_enough(in_links, quorum):
    weight = link_weight(in_links, quorum)
    needed = max(1, int(np.ceil(quorum * in_links - 1e-9)))
    assert needed * weight.value > FULL
    assert abs(weight.mantissa) <= 255
    # and no smaller weight of the chip would be
    assert needed * (weight.mantissa - 1) * 2**weight.exponent <= FULL


@given(st.sampled_from(POOLS), st.data())
def test_random_links_give_every_neuron_as_many(pool, data):
    in_links = data.draw(st.integers(1, pool))
    seed = data.draw(st.integers(0, 99))
    pre, post = random_links(pool, in_links, seed)
    assert np.bincount(post, minlength=pool).tolist() == [in_links] * pool
    assert len(set(zip(pre, post, strict=True))) == pre.size
    assert np.array_equal(random_links(pool, in_links, seed)[0], pre)


def test_a_pool_must_divide_the_weights():
    with pytest.raises(CircuitError, match=r"pool of 3 .* use one of 1, 2, 4"):
        ChainCircuit.of(backprop_circuit(SIZES), pool=3)


@pytest.fixture(scope="module")
def shown():
    """Random weights, patterns, and the spikes of the paper's circuit on them."""
    rng = np.random.default_rng(2)
    circuit = backprop_circuit(SIZES)
    w1, w2 = (2 * rng.integers(-127, 128, shape) for shape in ((12, 8), (8, 3)))
    matrices = {0: w1, 1: w2}
    plastic = [
        row.sign * (matrices[row.layer].T if row.transposed else matrices[row.layer])
        for row in circuit.plastic
    ]
    patterns = {
        "input": rng.integers(0, 2, (1, 30, 12)),
        "target": np.eye(3, dtype=int)[rng.integers(0, 3, (1, 30))],
    }
    return circuit, plastic, patterns, *simulate(circuit, plastic, patterns)


@pytest.mark.parametrize(("pool", "in_links"), [(4, 4), (8, 3)])
def test_a_chain_of_intact_pools_does_what_the_ring_does(shown, pool, in_links):
    circuit, plastic, patterns, fired, learnt = shown
    chain = ChainCircuit.of(circuit, pool=pool, in_links=in_links)
    assert chain.rows_alone() == circuit
    assert firing_table(chain) == firing_table(circuit)
    assert chain.n_cells == circuit.n_cells + circuit.n_phases * (pool - 1)
    again, weights = simulate(chain, plastic, patterns)
    for name, place in circuit.slices.items():
        expected = fired[..., place]
        size = chain.population_sizes[name]
        assert np.array_equal(again[..., chain.slices[name]],
                              np.broadcast_to(expected, (*expected.shape[:-1], size)))  # fmt: skip
    assert all(map(np.array_equal, weights, learnt))
    assert any(not np.array_equal(after, before[None]) for after, before in
               zip(learnt, plastic, strict=True))  # fmt: skip


def test_a_replayed_sample_is_the_sample_shown_again(shown):
    circuit, plastic, patterns, *_ = shown
    twice = repeated(circuit, 1)
    fired, learnt = simulate(twice, plastic, patterns)
    again = {name: np.repeat(values, 2, axis=1) for name, values in patterns.items()}
    expected, weights = simulate(circuit, plastic, again)
    expected = expected.reshape(1, 30, 24, -1)
    for row in circuit.populations:
        assert np.array_equal(fired[..., twice.slices[row.name]],
                              expected[..., circuit.slices[row.name]]), row.name  # fmt: skip
    assert all(map(np.array_equal, learnt, weights))
    assert not fired[..., 12:, twice.slices["input"]].any()
    table = firing_table(twice)
    assert table["r_x"] == (8,)
    assert table["r_t"] == (4,)


def test_a_memory_longer_than_the_longest_delay_is_refused():
    circuit = backprop_circuit(SIZES)
    rests = tuple(replace(circuit.phases[8], index=12 + k, learning="") for k in range(60))
    slow = replace(circuit, phases=(*circuit.phases, *rests))
    with pytest.raises(
        CircuitError, match=r"memory of 'x' has to last 65 steps.* longest .* is 63"
    ):
        repeated(slow, 1)


def test_backwards_only_x_and_its_memory_fire():
    table = firing_table(backwards(backprop_circuit(SIZES)))
    fires = {name for name, phases in table.items() if phases and name[0] != "g"}
    assert fires == {"input", "target", "x", "m_x"}


# -- what goes wrong, as often as it should (Brian2's runtime mode) -----------------------------


def spikes_of(section, samples=40, seed=5, **numbers):
    """Run samples with all inputs on, one target; return spikes (sample, phase, cell), circuit.

    `numbers` replace those of the cells.
    """
    circuit = section.circuit(backprop_circuit(SIZES))
    net = build_network(
        circuit, weights=(np.full((12, 8), 100), np.full((8, 3), 100)),
        inputs=np.ones((samples, 12), dtype=int), labels=np.zeros(samples, dtype=int), rule=None,
        lines=lines_of(section, circuit),
        more=numbers_of(section, circuit, seed)
        | {f"cells.{name}": value for name, value in numbers.items()},
    )  # fmt: skip
    net.run(samples)
    fired = np.zeros((samples * circuit.n_phases, circuit.n_cells), dtype=bool)
    step = np.round(np.asarray(net.recorder.t_[:]) * 1000).astype(int) - 1
    fired[step, net.recorder.i[:]] = True
    return fired.reshape(samples, circuit.n_phases, -1), circuit


def assert_about(share, p, n):
    """Check that a share of n trials is p, within four standard deviations."""
    assert abs(share - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_gates_fail_together_and_as_often_as_they_should():
    fired, circuit = spikes_of(Gating(failure=0.3))
    x = fired[:, 1, circuit.slices["x"]]
    assert (x.all(axis=1) == x.any(axis=1)).all()
    opened = [x.any(axis=1), fired[:, 7, circuit.slices["x"]].any(axis=1)]
    assert 0 < x.any(axis=1).mean() < 1
    # the memory of x takes three gates: x, m_x, x again
    assert_about(opened[0].mean(), 0.7, 40)
    assert_about(opened[1].mean(), 0.7**3, 40)
    assert (fired[:, :, circuit.slices["g3"]].sum(axis=1) == 1).all()  # the chain goes on


def test_a_pulse_comes_early_or_late_but_once():
    section = Gating(early=0.25, late=0.25)
    fired, circuit = spikes_of(section)
    table, numbers = fixed_synapses(circuit), numbers_of(section, circuit, 5)
    start, end = numbers["fixed.gate_from"], numbers["fixed.gate_to"]
    for gate in range(len(circuit.gates)):
        of_gate = np.flatnonzero(numbers["fixed.gate_number"] == gate)
        of_gate = of_gate[[circuit.projections[p].pre in circuit.gate_names
                           for p in table["projection"][of_gate]]]  # fmt: skip
        parts = sorted(set(zip(start[of_gate], end[of_gate], strict=True)))
        assert [parts[0][0], parts[-1][1]] == [0, CERTAIN]
        assert len(parts) == 3
        assert all(a[1] == b[0] for a, b in pairwise(parts))
    # x gets its input in phase 1; a gate that is early or late opens it for nothing
    assert_about(fired[:, 1, circuit.slices["x"]].any(axis=1).mean(), 0.5, 40)


def test_late_pulses_open_a_phase_later():
    fired, circuit = spikes_of(Gating(late=1.0), samples=2)
    assert not fired[..., circuit.slices["x"]].any()  # the input has gone
    fired, circuit = spikes_of(Gating(jitter=1e-3), samples=2)
    assert fired[:, 1, circuit.slices["x"]].all()


def test_neurons_of_the_chain_miss_spikes_and_fire_by_themselves():
    fired, circuit = spikes_of(Gating(pool=8, cell_failure=0.1, quorum=0.3))
    chain = [fired[:, k - 1, circuit.slices[f"g{k}"]] for k in range(1, 12)]
    n = sum(volley.size for volley in chain)
    assert_about(np.mean([volley.mean() for volley in chain]), 0.9, n)
    fired, circuit = spikes_of(Gating(pool=8, noise=0.01, quorum=1.0))
    quiet = fired[:, 5, circuit.slices["g1"].start : circuit.slices["g4"].stop]
    assert_about(quiet.mean(), 0.01, quiet.size)


def without_the_chain(fired, circuit):
    """Who fired of all cells but those of the chain."""
    return fired[..., : circuit.slices["g0"].start]


@pytest.mark.parametrize("pool", [2, 16, 64])
def test_gates_that_shunt_open_what_a_single_gate_opens(pool):
    """All three thresholds and the blocks: the same spikes in every phase."""
    plain = without_the_chain(*spikes_of(Gating(), samples=4))
    shunted = without_the_chain(*spikes_of(Gating(pool=pool, opening="shunting"), samples=4))
    assert np.array_equal(shunted, plain)
    assert plain.any()


def test_lost_spikes_move_no_threshold_if_gates_shunt():
    plain = without_the_chain(*spikes_of(Gating()))
    trouble = {"pool": 16, "cell_failure": 0.05, "noise": 0.002}
    balanced, shunted = (
        without_the_chain(*spikes_of(Gating(**trouble, opening=opening)))
        for opening in ("balance", "shunting")
    )
    assert not np.array_equal(balanced, plain)
    assert np.array_equal(shunted, plain)


def test_a_pulse_that_too_few_carry_opens_nothing():
    section = Gating(pool=8, opening="shunting")
    opened, circuit = spikes_of(section, samples=2, votes_needed=8)
    shut, _ = spikes_of(section, samples=2, votes_needed=9)
    assert opened[:, 1, circuit.slices["x"]].all()
    sources = circuit.slices["target"].stop
    assert without_the_chain(shut, circuit)[..., :sources].any()
    assert not without_the_chain(shut, circuit)[..., sources:].any()


def test_a_quorum_of_a_pool_is_what_a_shunting_gate_needs():
    circuit = Gating(pool=16, quorum=0.3, opening="shunting").circuit(backprop_circuit(SIZES))
    numbers = numbers_of(Gating(pool=16, quorum=0.3, opening="shunting"), circuit, 1)
    assert numbers["cells.votes_needed"] == 5  # of 4.8
    pulses = {name: numbers[f"cells.pulse_{name}"] for name in ("open", "half", "cancel", "block")}
    assert pulses == {"open": 8704, "half": 512, "cancel": 8192, "block": -8128}


def test_a_chain_that_died_starts_anew_with_the_next_sample():
    died, circuit = spikes_of(Gating(cell_failure=0.2, restart=False), samples=20)
    anew, _ = spikes_of(Gating(cell_failure=0.2), samples=20)
    last = circuit.slices["g10"]
    per_sample = [fired[:, 9, last].any(axis=1) for fired in (died, anew)]
    assert not per_sample[0][-5:].any()
    assert not per_sample[1].all()
    assert per_sample[1][-10:].any()
    assert_about(per_sample[1].mean(), 0.8**11, 20)


@pytest.mark.parametrize("trouble", [{"failure": 0.3}, {"cell_failure": 0.1, "pool": 4}])
def test_what_goes_wrong_hangs_on_the_moment_not_on_where_a_run_began(trouble):
    section = Gating(**trouble)
    assert section.guarantees.samples_apart
    whole, _ = spikes_of(section, samples=12)
    later, _ = spikes_of(section, samples=6, seed=5 + 6 * 12)
    assert np.array_equal(whole[6:], later)
    assert not np.array_equal(whole[:6], later)


def test_lost_cells_never_fire():
    fired, circuit = spikes_of(Gating(pool=8, lost_cells=0.25, noise=0.1), samples=10)
    chain = fired[..., circuit.slices["g0"].start : circuit.slices["g11"].stop]
    assert (~chain.any(axis=(0, 1))).sum() == 24  # the others fire by themselves, if not driven


def test_inference_stays_as_it_is():
    plain = inference_circuit(SIZES)
    assert Gating(failure=0.5, pool=4, replay=2).circuit(plain) == plain


# -- training ------------------------------------------------------------------------------------


def test_with_nothing_gone_wrong_it_is_exactly_the_circuit(experiment, small_npz):
    plain = experiment(path=small_npz())
    lucky = experiment(*troubled(TINY), path=plain.dataset.path)
    dataset, weights, order = dataset_of(plain), assemble(plain).start, np.arange(40)
    expected = OracleEngine(assemble(plain), dataset).train(weights, order)
    with closing(CircuitEngine(assemble(lucky), dataset, uses=["train"])) as engine:
        found = engine.train(weights, order)
    assert len(found.copies) == 8
    for row, matrix in found.copies.items():
        assert np.array_equal(matrix, expected.weights[row.layer]), row.name
        assert not np.array_equal(matrix, weights[row.layer]), row.name
    assert found.score == expected.score
    assert found.strays == ()


def test_gates_that_shunt_learn_exactly_what_the_circuit_does_in_spite_of_losses(
    experiment, small_npz
):
    plain = experiment(path=small_npz())
    lossy = ["gating.pool=16", "gating.cell_failure=0.02", "gating.opening=shunting"]
    pools = experiment(*lossy, path=plain.dataset.path)
    dataset, weights, order = dataset_of(plain), assemble(plain).start, np.arange(40)
    expected = OracleEngine(assemble(plain), dataset).train(weights, order)
    with closing(CircuitEngine(assemble(pools), dataset, uses=["train"])) as engine:
        found = engine.train(weights, order)
    for row, matrix in found.copies.items():
        assert np.array_equal(matrix, expected.weights[row.layer]), row.name
    assert found.score == expected.score
    assert found.strays == ()


@pytest.mark.parametrize("replays", [1])
def test_replay_equals_the_algorithm_on_repeated_samples(experiment, replays):
    found = verify(experiment(f"gating.replay={replays}"), epochs=2)
    assert found.exact, found
    assert min(row.learnt for row in found.projections) > 0


@pytest.mark.parametrize(
    "beside",
    [
        ("synapses.update_probability=0.5", "synapses.shared=true"),
        ("feedback=kolen_pollack", "feedback.decay=0.05", "feedback.every=7"),
    ],
    ids=["dice of a sample", "decay between samples"],
)
def test_what_is_counted_in_samples_does_not_count_replays(experiment, beside):
    found = verify(experiment("gating.replay=1", *beside), epochs=2)
    assert found.exact, found
    assert min(row.learnt for row in found.projections) > 0


def test_more_layers_replay_too(experiment):
    model = experiment("gating.replay=1", sizes=(12, 20, 12, 3), active=0.7)
    found = verify(model, epochs=2)
    assert found.exact, found
    assert min(row.learnt for row in found.projections) > 0
    once = verify(experiment(sizes=(12, 20, 12, 3), active=0.7), epochs=2)
    learnt = [[row.learnt for row in result.projections] for result in (found, once)]
    assert learnt[0] != learnt[1]


def test_the_algorithm_shows_each_sample_again():
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(0, 2, (20, 12)), rng.integers(0, 3, 20)
    samples = sb.oracle.Samples.of(inputs, labels, 3)
    order = rng.permutation(20)
    twice, plain = sb.initial_weights(SIZES, 1), sb.initial_weights(SIZES, 1)
    once = sb.oracle.Algorithm(SIZES)
    score = sb.oracle.learn(samples, twice, order, replace(once, showings=2)).score
    sb.oracle.learn(samples, plain, np.repeat(order, 2), once)
    assert all(map(np.array_equal, twice, plain))
    assert score.samples == 20
    alone = sb.initial_weights(SIZES, 1)
    correct = 0
    for k in order:
        first = sb.oracle.learn(samples, alone, np.array([k]), once).score
        sb.oracle.learn(samples, alone, np.array([k]), once)
        correct += first.correct_argmax
    assert score.correct_argmax == correct


def test_strays_are_counted_and_a_resumed_training_ends_with_the_same_bits(experiment, tmp_path):
    overrides = [*troubled(0.03), "training.epochs=3"]
    model = experiment(*overrides, n_train=300)
    whole = sb.train(model, out=tmp_path / "whole")
    assert whole.activity["stray_spikes"].sum() > 0
    assert whole.activity["unequal_weights"].iloc[-1] > 0

    calls, train = [], CircuitEngine.train

    def cut_short(engine, weights, order, **options):  # in the middle of the second epoch
        calls.append(len(order))
        return train(engine, weights, order[:100] if len(calls) == 2 else order, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CircuitEngine, "train", cut_short)
        patch.setattr(StopRequest, "__call__", lambda request: len(calls) == 2)
        with pytest.raises(Interrupted, match="stopped after 300 of 900 samples"):
            sb.train(model, out=tmp_path / "parts")
    parts = sb.train(model, out=tmp_path / "parts", resume=True)
    for name, weights in whole.weights.items():
        assert np.array_equal(parts.weights[name], weights)
    assert parts.activity.equals(whole.activity)
    assert parts.spike_counts.equals(whole.spike_counts)


def test_the_same_failures_for_a_seed_and_others_for_another(experiment):
    section = experiment(*troubled(0.1)).gating
    circuit = section.circuit(backprop_circuit(SIZES))
    numbers = [numbers_of(section, circuit, seed) for seed in (3, 3, 4)]
    assert numbers[0]["fixed.gate_dice"] == numbers[1]["fixed.gate_dice"]
    assert numbers[0]["fixed.gate_dice"] != numbers[2]["fixed.gate_dice"]


@pytest.mark.parametrize("override", ["gating.failure=0.1", "gating.order=reverse"])
def test_the_algorithm_says_that_it_cannot_follow(experiment, override, tmp_path):
    with pytest.raises(SynfireError, match=r"algorithm in integers .*use the engine 'circuit'"):
        sb.train(experiment(override), engine="oracle", out=tmp_path / "run")


# -- what a model file may say -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("failure: 1.5", "gating.failure: is 1.5, but must be 1 or less"),
        ("noise: -0.1", "gating.noise: is -0.1, but must be 0 or greater"),
        ("failure: 1.0e-9", "smallest probability besides 0"),
        ("late: 0.6, early: 0.5", "gating.late: is 0.6, but a pulse fails .* early .0.5. or late"),
        ("jitter: 0.2, early: 0.1", "gating.jitter: is 0.2, but early is given"),
        ("jitter: 5.0, failure: 0.5", "gating.jitter: is 5 steps: 0.92 of the pulses"),
        ("pool: 3", "gating.pool: is 3, but .* must be one of 1, 2, 4, 8, 16, 32, 64"),
        ("pool: 8, link_probability: 0.1", "gating.link_probability: .* must be 0.125 or more"),
        ("quorum: 0.0", "gating.quorum: is 0.0, but must be greater than 0"),
        ("replay: 16", "gating.replay: is 16, but must be 15 or less"),
        ("replay: 1, order: reverse", "gating.order: is reverse, but replay needs"),
        ("order: backward", "gating.order: .* must be one of forward, reverse"),
        ("failre: 0.1", "unknown key; did you mean failure"),
    ],
)
def test_bad_input_is_refused_where_it_stands(line, complaint):
    text = (
        "name: bad\ndataset: {name: digits}\nnetwork: {sizes: [64, 40, 10]}\n"
        f"training: {{epochs: 1}}\ngating: {{{line}}}\n"
    )
    with pytest.raises(
        ExperimentError, match=rf"bad\.yaml:5: {complaint}|bad\.yaml:5: .*{complaint}"
    ):
        Experiment.from_yaml(text, "bad.yaml")


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model_files_load_and_are_named_as_their_file(path):
    assert Experiment.from_file(path).name == path.stem


def test_gates_that_shunt_are_refused_on_the_emulated_chip(experiment):
    with pytest.raises(ExperimentError, match=r"gating: opening: the emulated chip's synapses add"):
        experiment("hardware=loihi1", "gating.pool=4", "gating.opening=shunting")


def test_where_a_training_pauses_counts_only_if_samples_reach_on(experiment):
    plain, late = (
        [
            experiment(*gating, f"training.evaluate_every={every}").fingerprint()
            for every in (0.5, 1)
        ]
        for gating in ((), ("gating.late=0.1",))
    )
    assert plain[0] == plain[1]
    assert late[0] != late[1]
