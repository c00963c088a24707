"""The circuit of any depth against its algorithm, and that against vectors in plain NumPy.

`learn` is written from the description of what the circuit computes and shares nothing with
`synfire_bp.oracle`.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.bench import bench
from synfire_bp.circuit import LONGEST_EXTRA_DELAY, Block, Gate, backprop_circuit
from synfire_bp.circuit.deep import deep_circuit, deep_inference_circuit
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.circuit.weights import as_copy, from_copy
from synfire_bp.engines import CircuitEngine, OracleEngine
from synfire_bp.errors import CircuitError, ExperimentError, HardwareError, SynfireError
from synfire_bp.model import assemble
from synfire_bp.model import model as assembled
from synfire_bp.oracle import Algorithm, Samples, answer
from synfire_bp.oracle import learn as learn_in_integers
from synfire_bp.training.verification import verify

KINDS = ["feedback_alignment", "kolen_pollack", "direct_feedback_alignment"]
SMALL = [(8, 6, 3), (8, 7, 6, 3), (8, 7, 6, 5, 3)]


def learn(weights, x, label, back=None, direct=False, limit=254):
    """Show one sample; return the new weights, the last sums and the errors of all layers.

    `back[l]` stands for the matrix through which the error of layer l + 2 comes back to l + 1.
    """
    units, sums = [x], []
    for w in weights:
        sums.append(units[-1] @ w)
        units.append((sums[-1] > 512).astype(np.int64))
    t, o = (np.arange(sums[-1].size) == label).astype(np.int64), units[-1]
    errors = [t * (1 - o) * (sums[-1] > 0) - o * (1 - t) * (sums[-1] <= 1024)]
    for k in range(len(weights) - 2, -1, -1):
        b = weights[k + 1] if back is None else back[k]
        e = b @ (errors[-1] if direct else errors[0])
        errors.insert(0, np.sign(e) * (sums[k] > 0) * (sums[k] <= 1024))
    new = [
        np.clip(w + 2 * np.outer(h, d), -limit, limit)
        for w, h, d in zip(weights, units, errors, strict=False)
    ]
    return new, sums[-1], errors


def drawn(sizes, rng, cases=None):
    """Weights with which all layers are active, some above and some below their thresholds."""
    lead = () if cases is None else (cases,)
    return [
        2 * (np.clip(rng.normal(800 / max(a, 3), 420 / a**0.5, (*lead, a, b)), -254, 254) // 2)
        .astype(np.int64)
        for a, b in pairwise(sizes)
    ]  # fmt: skip


def samples(sizes, n, rng):
    inputs = (rng.random((n, sizes[0])) < 0.8).astype(np.uint8)
    return inputs, rng.integers(0, sizes[-1], n)


def run(circuit, weights, inputs, labels):
    """Step circuits with given weights, one case each, through samples."""
    cases = len(weights[0])
    targets = np.eye(circuit.sizes[-1], dtype=int)[labels]
    patterns = {
        "input": np.broadcast_to(inputs, (cases, *inputs.shape)),
        "target": np.broadcast_to(targets, (cases, *targets.shape)),
    }
    fired, left = simulate(circuit, [as_copy(r, weights) for r in circuit.plastic], patterns)
    return fired, [from_copy(r, m) for r, m in zip(circuit.plastic, left, strict=True)]


# ---------------------------------------------------------------- circuit and algorithm


@pytest.mark.parametrize("sizes", SMALL)
def test_every_copy_learns_what_the_algorithm_says_and_nobody_else_fires(sizes):
    rng = np.random.default_rng(3)
    circuit = deep_circuit(sizes)
    weights = drawn(sizes, rng, cases=2)
    inputs, labels = samples(sizes, 40, rng)
    fired, copies = run(circuit, weights, inputs, labels)

    learnt = np.zeros(len(weights), dtype=int)
    for case in range(2):
        expected = [w[case] for w in weights]
        for x, label in zip(inputs.astype(int), labels, strict=True):
            expected, _, _ = learn(expected, x, label)
        for row, matrix in zip(circuit.plastic, copies, strict=True):
            assert np.array_equal(matrix[case], expected[row.layer]), row.name
        learnt += [(new != old[case]).sum() for new, old in zip(expected, weights, strict=True)]
    assert learnt.min() > 10  # in every layer

    allowed = firing_table(circuit)
    for name, place in circuit.slices.items():
        phases = np.flatnonzero(fired[..., place].any(axis=(0, 1, 3)))
        assert set(phases) <= set(allowed[name]), name


def test_with_two_weight_layers_it_learns_what_the_papers_circuit_learns():
    rng = np.random.default_rng(5)
    sizes = (9, 7, 3)
    weights = drawn(sizes, rng, cases=5)
    inputs, labels = samples(sizes, 40, rng)
    papers, deep = backprop_circuit(sizes), deep_circuit(sizes)
    (_, theirs), (_, ours) = (run(c, weights, inputs, labels) for c in (papers, deep))
    assert len(theirs) == len(ours)
    for row, matrix in zip(deep.plastic, ours, strict=True):
        expected = next(m for r, m in zip(papers.plastic, theirs, strict=True)
                        if r.layer == row.layer)  # fmt: skip
        assert np.array_equal(matrix, expected)
        assert (matrix != weights[row.layer]).any()


def fed_back(kind, sizes, rng, cases=None):
    """Feedback matrices of a kind, for deep_circuit and the oracle."""
    lead = () if cases is None else (cases,)
    shapes = list(pairwise(sizes[1:]))
    if kind == "direct_feedback_alignment":
        shapes = [(size, sizes[-1]) for size in sizes[1:-1]]
    return [2 * rng.integers(-60, 60, (*lead, *shape)) for shape in shapes]


def with_kind(kind, sizes):
    """The algorithm with feedback of a kind."""
    depth = len(sizes) - 1
    return Algorithm(
        sizes, feedback=tuple(range(1, depth)), direct=kind.startswith("direct"),
        learns=depth * (True,) + (depth - 1) * (kind == "kolen_pollack",),
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sizes", SMALL[1:2])
def test_errors_that_come_back_otherwise_teach_what_the_algorithm_says(kind, sizes):
    rng = np.random.default_rng(4)
    circuit = deep_circuit(sizes, feedback=kind)
    weights = [*drawn(sizes, rng, cases=2), *fed_back(kind, sizes, rng, cases=2)]
    inputs, labels = samples(sizes, 40, rng)
    fired, copies = run(circuit, weights, inputs, labels)
    depth = len(sizes) - 1
    for case in range(2):
        expected = [w[case].astype(np.int16) for w in weights]
        learn_in_integers(
            Samples.of(inputs, labels, sizes[-1]), expected, np.arange(40), with_kind(kind, sizes)
        )
        for row, matrix in zip(circuit.plastic, copies, strict=True):
            assert np.array_equal(matrix[case], expected[row.layer]), row.name
            changed = (expected[row.layer] != weights[row.layer][case]).any()
            assert changed == (row.layer < depth or kind == "kolen_pollack")
    assert {row.layer for row in circuit.plastic} == set(range(2 * depth - 1))
    allowed = firing_table(circuit)
    for name, place in circuit.slices.items():
        phases = np.flatnonzero(fired[..., place].any(axis=(0, 1, 3)))
        assert set(phases) <= set(allowed[name]), name


def test_an_unknown_feedback_is_refused():
    with pytest.raises(CircuitError, match="must be one of symmetric, feedback_alignment"):
        deep_circuit((4, 4, 3), feedback="random")


def test_longer_than_the_longest_delay_memories_pass_spikes_on():
    sizes = (5, *11 * (3,), 2)
    circuit = deep_circuit(sizes)
    assert {"m_x'", "m_x", "c1'", "c1"} <= {row.name for row in circuit.populations}
    assert max(d for row in circuit.relays for d in row.extra_delays) == LONGEST_EXTRA_DELAY
    rng = np.random.default_rng(0)
    weights = [np.full((1, *w.shape), 250) - 2 * rng.integers(0, 10, w.shape)
               for w in drawn(sizes, rng)]  # fmt: skip
    inputs, labels = np.array([[0, 1, 1, 1, 1]] * 2, np.uint8), np.array([0, 1])
    _, copies = run(circuit, weights, inputs, labels)
    expected = [w[0] for w in weights]
    for x, label in zip(inputs.astype(int), labels, strict=True):
        expected, _, _ = learn(expected, x, label)
    for row, matrix in zip(circuit.plastic, copies, strict=True):
        assert np.array_equal(matrix[0], expected[row.layer]), row.name
    assert all((new != old[0]).any() for new, old in zip(expected, weights, strict=True))


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=6) | st.just([5, 4, 4, 4]),
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(["symmetric", "layered", "direct"]),
)
def test_the_oracle_learns_what_vectors_in_numpy_learn(sizes, seed, kind):
    rng = np.random.default_rng(seed)
    expected = drawn(sizes, rng)
    weights = [w.astype(np.int16) for w in expected]
    shapes = list(pairwise(sizes[1:]))
    if kind == "direct":
        shapes = [(size, sizes[-1]) for size in sizes[1:-1]]
    back = None if kind == "symmetric" else [
        2 * rng.integers(-60, 60, shape, dtype=np.int16) for shape in shapes
    ]  # fmt: skip
    inputs, labels = samples(sizes, 12, rng)
    before = None if back is None else [b.copy() for b in back]
    shown = Samples.of(inputs, labels, sizes[-1])
    answers = answer(shown, weights)
    algorithm = Algorithm(tuple(sizes)) if back is None else with_kind(kind, tuple(sizes))
    result = learn_in_integers(shown, [*weights, *(back or ())], np.arange(12), algorithm)
    first, spikes, wrong = expected, 0, 0
    changes = np.zeros(len(expected), dtype=int)
    for x, label in zip(inputs.astype(int), labels, strict=True):
        new, potentials, errors = learn(expected, x, label, back, kind == "direct")
        changes += [(a != b).sum() for a, b in zip(new, expected, strict=True)]
        spikes, wrong = spikes + (potentials > 512).sum(), wrong + errors[-1].any()
        expected = new
    assert all(np.array_equal(a, b) for a, b in zip(weights, expected, strict=True))
    assert (result.output_spikes, result.samples_with_error) == (spikes, wrong)
    assert result.weight_changes == tuple(changes)
    assert result.score.samples == 12
    if back is not None:
        assert all(np.array_equal(a, b) for a, b in zip(back, before, strict=True))
    for x, potentials in zip(inputs.astype(int), answers.potentials, strict=True):
        assert np.array_equal(potentials, learn(first, x, 0)[1])


def test_with_two_weight_layers_the_oracle_of_any_depth_is_that_of_the_papers_circuit():
    rng = np.random.default_rng(1)
    sizes = (30, 20, 4)
    inputs, labels = samples(sizes, 300, rng)
    shown = Samples.of(inputs, labels, 4)
    weights = [w.astype(np.int16) for w in drawn(sizes, rng)]
    w1, w2 = (w.copy() for w in weights)
    theirs = sb.oracle.train_epoch(inputs, labels, w1, w2, np.arange(300))
    ours = learn_in_integers(shown, weights, np.arange(300), Algorithm(sizes))
    assert np.array_equal(weights[0], w1) and np.array_equal(weights[1], w2)
    assert ours.score == theirs.score
    assert ours.weight_changes == theirs.weight_changes
    assert min(ours.weight_changes) > 0
    assert ours.hidden_spikes == round(theirs.hidden_active * 300 * 20)


def test_feedback_that_learns_changes_as_the_weights_do():
    rng = np.random.default_rng(2)
    sizes = (10, 8, 7, 3)
    weights = [w.astype(np.int16) for w in drawn(sizes, rng)]
    feedback = [w // 4 * 2 for w in weights[1:]]  # far from the limit: nothing is clipped
    inputs, labels = samples(sizes, 8, rng)
    before = [w.copy() for w in weights], [b.copy() for b in feedback]
    learn_in_integers(
        Samples.of(inputs, labels, 3), [*weights, *feedback], np.arange(8),
        Algorithm(sizes, feedback=(1, 2), limit=400),
    )  # fmt: skip
    for w, b, w_0, b_0 in zip(weights[1:], feedback, before[0][1:], before[1], strict=True):
        assert np.array_equal(w - w_0, b - b_0)
        assert (w != w_0).any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": [(10, 8), (7, 3)]}, "shapes do not fit"),
        ({"weights": [(10, 3)]}, "two or more matrices"),
        ({"weights": [(9, 8), (8, 3)]}, "samples of 10 inputs and 3 classes"),
        ({"weights": [(10, 8), (8, 7), (7, 3)], "feedback": [(8, 7)]}, "feedback matrices are"),
        ({"weights": [(10, 8), (8, 7), (7, 3)], "feedback": [(7, 8), (3, 7)]}, "must be"),
        ({"order": [0, 5]}, "order entry 5 is outside 0 … 4"),
        ({"order": [[0]]}, "one dimension"),
        ({"order": [0.5]}, "order must be integers"),
        ({"learn_feedback": True}, "need feedback matrices"),
        ({"learn_feedback": True, "direct": True, "feedback": [(8, 3)]}, "does not learn"),
        (
            {"weights": [(10, 3), (3, 4), (4, 3)], "feedback": [(3, 4), (4, 3)], "direct": True},
            "must be .3, 3., .4, 3. if direct",
        ),
        ({"dtype": np.int8}, "16 bits"),
    ],
)
def test_the_oracle_refuses(change, said):
    shapes = change.get("weights", [(10, 8), (8, 3)])
    weights = [np.zeros(shape, change.get("dtype", np.int16)) for shape in shapes]
    back = [np.zeros(shape, np.int16) for shape in change.get("feedback", [])] or None
    shown = Samples.of(np.zeros((5, 10), np.uint8), np.zeros(5, int), 3)
    with pytest.raises(SynfireError, match=said):
        sb.oracle.train_samples(
            shown, weights, np.array(change.get("order", [0])), feedback=back,
            learn_feedback=change.get("learn_feedback", False), direct=change.get("direct", False),
        )  # fmt: skip


# ---------------------------------------------------------------- rows


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_phases_and_populations_grow_by_the_same_with_every_layer(depth):
    circuit = deep_circuit((depth + 1) * (3,))
    assert circuit.n_phases == 6 * depth + 1
    assert len(circuit.populations) == 8 * (depth - 1) + 9
    assert len(circuit.plastic) == 5 * depth - 2
    assert len(circuit.reward_phases) == depth
    assert len(firing_table(circuit)["g0"]) == 1
    inference = deep_inference_circuit(circuit.sizes)
    assert inference.n_phases == depth + 2
    assert inference.forward_phase("o") == circuit.forward_phase("o") == depth + 1
    assert len(inference.populations) == len(inference.sizes)
    fires = firing_table(inference)
    assert [fires[name] for name in ("x", "h1", "o")] == [(1,), (2,), (depth + 1,)]


def test_what_is_reached_while_it_is_closed_is_closed_once_more():
    circuit = deep_circuit((4, 4, 4, 4))
    fires = firing_table(circuit)
    for row in circuit.plastic:
        for phase in fires[row.pre]:
            gate = circuit.gated(row.post).get((phase + 1) % circuit.n_phases)
            opens = row.post in fires and (phase + 1) % circuit.n_phases in fires[row.post]
            assert isinstance(gate, Gate if opens else Block)
    assert circuit.withstands() == 8192 + 1024 + 8128
    assert backprop_circuit((4, 4, 4)).withstands() == 8192 + 1024


@pytest.mark.parametrize("make", [deep_circuit, deep_inference_circuit])
def test_fewer_than_three_sizes_are_refused(make):
    with pytest.raises(CircuitError, match=r"\(4, 3\) name 2 layers; there must be three or more"):
        make((4, 3))


# ---------------------------------------------------------------- engines

DEEP = (12, 8, 6, 3)


def test_the_compiled_circuit_equals_the_oracle(experiment):
    model = experiment("training.seed=1", sizes=DEEP, n_train=120, n_test=10, active=0.7)
    result = verify(model, epochs=2)
    assert result.exact and result.samples == 240
    assert {row.projection for row in result.projections} >= {"h2→h1T", "h2T→h1T", "oT→h2T"}
    assert all(row.learnt > 0 for row in result.projections)


def test_a_deep_run_is_trained_tested_and_goes_on(experiment, tmp_path):
    model = experiment("training.epochs=2", sizes=DEEP, n_train=120, n_test=30, active=0.7)
    run = sb.train(model, engine="oracle", out=tmp_path / "run")
    assert set(run.weights) == {f"w{n}{end}" for n in (1, 2, 3) for end in ("", "_init")}
    last = run.metrics[run.metrics.split == "test"].iloc[-1]
    assert sb.test(run, engine="oracle").score.row()["accuracy_spikes"] == last.accuracy_spikes
    assert {"changes_w1", "changes_w2", "changes_w3"} <= set(run.activity.columns)
    assert (run.activity.hidden_active <= 1).all() and (run.activity.hidden_active > 0).all()


def test_a_benchmark_of_a_deep_network_is_refused(experiment):
    with pytest.raises(ExperimentError, match=r"network\.sizes has 4 layers; the benchmark"):
        bench(experiment(sizes=DEEP))


def test_three_sizes_are_the_papers_circuit(experiment):
    assert assemble(experiment()).circuit == backprop_circuit((12, 8, 3))


def test_a_depth_that_the_chip_cannot_hold_is_refused(experiment):
    model = experiment("hardware=loihi1", sizes=(12, *30 * (1200,), 3))
    with pytest.raises(HardwareError, match="cores"):
        CircuitEngine(assemble(model), sb.load_dataset("npz", path=model.dataset.path))


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 3, 4])
@pytest.mark.parametrize("draw", [0, 1, 2])
def test_random_sizes_learn_500_samples_like_the_oracle(experiment, monkeypatch, depth, draw):
    """Also two weight layers by the circuit of any depth, beside the paper's circuit's oracle."""
    monkeypatch.setattr(assembled, "backprop_circuit", deep_circuit)
    monkeypatch.setattr(assembled, "inference_circuit", deep_inference_circuit)
    rng = np.random.default_rng([depth, draw])
    sizes = (*(int(n) for n in rng.integers(20, 61, depth)), int(rng.integers(3, 11)))
    model = experiment(sizes=sizes, n_train=500, n_test=10, active=0.6, seed=draw)
    data = sb.load_dataset("npz", path=model.dataset.path)
    weights = tuple(w.astype(np.int16) for w in drawn(sizes, rng))
    order = sb.epoch_order(draw, 0, 500)
    learnt = OracleEngine(assemble(model), data).train(weights, order)
    engine = CircuitEngine(assemble(model), data, uses=["train"])
    segment = engine.train(weights, order)
    engine.close()
    for row, matrix in segment.copies.items():
        assert np.count_nonzero(matrix != learnt.weights[row.layer]) == 0, row.name
    for new, old in zip(learnt.weights, weights, strict=True):
        assert (new != old).any()
    assert segment.strays == ()
    assert segment.score == learnt.score


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_compiled_circuit_with_other_feedback_learns_500_samples_like_the_oracle(
    experiment, monkeypatch, kind
):
    rng = np.random.default_rng(7)
    sizes = (40, 31, 23, 17, 5)
    monkeypatch.setattr(assembled, "deep_circuit", partial(deep_circuit, feedback=kind))
    model = experiment(sizes=sizes, n_train=500, n_test=10, active=0.6)
    data = sb.load_dataset("npz", path=model.dataset.path)
    weights = [*drawn(sizes, rng), *fed_back(kind, sizes, rng)]
    weights = tuple(w.astype(np.int16) for w in weights)
    engine = CircuitEngine(assemble(model), data, uses=["train"])
    segment = engine.train(weights, np.arange(500))
    engine.close()
    expected = [w.copy() for w in weights]
    result = learn_in_integers(
        Samples.of(data.train.inputs, data.train.labels, 5), expected, np.arange(500),
        with_kind(kind, sizes),
    )  # fmt: skip
    for row, matrix in segment.copies.items():
        assert np.count_nonzero(matrix != expected[row.layer]) == 0, row.name
    assert min(result.weight_changes) > 0
    assert segment.strays == ()
    assert segment.score == result.score
