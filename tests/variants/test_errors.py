"""A margin around the threshold of the output and a box of other edges: rows, integers, circuit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit import VOLTAGE_LIMIT
from synfire_bp.circuit.reference import firing_table, simulate
from synfire_bp.errors import CircuitError, ExperimentError, SynfireError
from synfire_bp.oracle import Algorithm, Samples, learn

BOTH = "errors={margin: 256, box: [-512, 1536]}"
ONES = ((0, (0, 1024)), (256, (0, 1024)), (0, (-512, 1536)), (320, (-256, 1024)))


def model(*overrides):
    return sb.assemble(sb.Experiment.from_file("digits", list(overrides)))


def learnt_by_hand(x, label, w1, w2, margin, box):
    """Return the weights after one sample, from the definitions alone."""
    a1 = x @ w1
    h, inside = a1 > 512, (a1 > 0) & (a1 <= 1024)
    a2 = h @ w2
    t = np.arange(len(a2)) == label
    plus = t & (a2 <= 512 + margin) & (a2 > box[0])
    minus = ~t & (a2 > 512 - margin) & (a2 <= box[1])
    d = plus.astype(int) - minus.astype(int)
    e = w2 @ d
    new2 = np.clip(w2 + 2 * np.outer(h, d), -254, 254)
    new1 = np.clip(w1 + 2 * np.outer(x, np.sign(e) * inside), -254, 254)
    return new1, new2


def a_case(seed, n=30):
    """Return inputs, labels and weights with sums in all ranges."""
    rng = np.random.default_rng(seed)
    inputs = (rng.random((n, 12)) < 0.5).astype(np.uint8)
    weights = [2 * rng.integers(-127, 128, shape) for shape in ((12, 8), (8, 3))]
    weights[1] += 2 * rng.integers(0, 60)
    return inputs, rng.integers(0, 3, n), [np.clip(w, -254, 254).astype(np.int16) for w in weights]


@pytest.mark.parametrize(("margin", "box"), ONES)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_integers_learn_by_the_definition(margin, box, seed):
    inputs, labels, weights = a_case(seed)
    expected = [w.astype(int) for w in weights]
    for x, label in zip(inputs.astype(int), labels, strict=True):
        expected = learnt_by_hand(x, label, *expected, margin, box)
    samples = Samples.of(inputs, labels, n_out=3)
    learn(samples, weights, np.arange(len(labels)), Algorithm((12, 8, 3), margin=margin, box=box))
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("margin", "box"), ONES)
@pytest.mark.parametrize("sizes", [(12, 8, 3), (12, 8, 6, 3)])
def test_the_rows_do_what_the_integers_do(margin, box, sizes):
    said = f"errors={{margin: {margin}, box: {list(box)}}}"
    one = model(f"network.sizes={[64, *sizes[1:-1], 10]}", said)
    rng = np.random.default_rng(1)
    inputs = (rng.random((40, 64)) < 0.5).astype(np.uint8)
    labels = rng.integers(0, 10, 40)
    weights = [np.clip(2 * w, -254, 254).astype(np.int16) for w in one.start]
    before = [w.copy() for w in weights]
    copies = [
        row.sign * (weights[row.layer].T if row.transposed else weights[row.layer])
        for row in one.circuit.plastic
    ]
    patterns = {"input": inputs[None], "target": np.eye(10, dtype=int)[labels][None]}
    _, left = simulate(one.circuit, copies, patterns)
    learn(Samples.of(inputs, labels, n_out=10), weights, np.arange(40), one.algorithm)
    assert any((w != start).any() for w, start in zip(weights, before, strict=True))
    for row, copy in zip(one.circuit.plastic, left, strict=True):
        wanted = weights[row.layer].T if row.transposed else weights[row.layer]
        np.testing.assert_array_equal(copy[0], row.sign * wanted, err_msg=row.name)


@pytest.mark.parametrize("beside", [(), ("hardware.symmetric=true",)])
def test_the_circuit_equals_the_integers(beside):
    found = sb.verify(sb.Experiment.from_file("digits", [BOTH, *beside]), samples=300)
    assert found.exact
    assert {"h→o+", "h→o-"} <= {row.projection for row in found.projections if row.learnt}


def test_neurons_in_millivolts_open_to_these_thresholds_too():
    assert sb.verify(sb.Experiment.from_file("variants/digits_lif", [BOTH]), samples=60).exact


def test_without_a_margin_and_with_the_papers_box_the_circuit_is_the_papers():
    assert model("errors={}").circuit == model().circuit


def test_another_box_changes_two_gates_and_adds_nothing():
    paper, wide = model().circuit, model("errors.box=[-512, 1536]").circuit
    assert wide.population_sizes == paper.population_sizes
    changed = set(wide.gates) - set(paper.gates)
    assert {(row.opens, row.threshold) for row in changed} == {("o<", -512), ("o>", 1536)}
    roles = {row.name: row.role for row in wide.populations}
    assert roles["o<"].endswith("above -512") and roles["o>"].endswith("above 1536")


def test_a_margin_adds_two_populations_that_fire_with_the_edges_of_the_box():
    circuit = model("errors.margin=256").circuit
    table = firing_table(circuit)
    assert table["o+"] == table["o-"] == table["o<"] == (3, 5, 9)
    assert circuit.fixed_weights["+256"].value == 256
    assert circuit.fixed_weights["-256"].value == -256


def test_every_gate_lifts_to_its_threshold_by_weights_that_the_chip_has():
    circuit = model(BOTH).circuit
    for row in circuit.gates:
        if isinstance(row, sb.rows.Gate):
            lift = sum(circuit.fixed_weights[name].value for name in row.weights)
            assert 8192 + 1024 - lift == row.threshold
    assert max(abs(w.value) for w in circuit.fixed_weights.values()) < VOLTAGE_LIMIT


def test_inference_answers_as_without():
    assert model(BOTH).inference.circuit == model().inference.circuit


def test_a_threshold_that_no_weight_gives_is_refused_by_a_row_too():
    with pytest.raises(CircuitError, match="'o' in phase 3: threshold 211 cannot be gated"):
        _ = sb.rows.Gate(3, "o", threshold=211).own_weight


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "{margin: 301}",
            r"margin: 301 is not .* nearest margins that are: 300 and 302",
        ),
        ("{margin: -2}", "errors.margin.*0 or greater"),
        ("{margin: 514}", "errors.margin.*512 or less"),
        ("{margin: 256, box: [400, 1024]}", r"must hold 512 - margin .* \(256 ... 768\)"),
        ("{box: [1024, 0]}", r"box: 1024 ... 0 goes down; must be \[0, 1024\]"),
        ("{box: [-1026, 1024]}", "wider than -1024 ... 2048"),
        (
            "{box: [-511, 1024]}",
            "-1023 is not .* nearest edges that are: -512 and -508",
        ),
        ("{box: [0]}", "box: has 1 entries, but must have 2"),
        ("{margin: 1.5}", "errors.margin.*whole number"),
    ],
)
def test_what_no_gate_can_have_is_refused_with_what_would_be_right(section, said):
    with pytest.raises(ExperimentError, match=said):
        sb.Experiment.from_file("digits", [f"errors={section}"])


def test_pools_that_shunt_are_refused():
    with pytest.raises(ExperimentError, match=r"set gating\.opening to balance"):
        sb.Experiment.from_file("variants/digits_pools_shunting", [BOTH])


LEAST = "errors={margin: 256, box: [-512, 1536], hidden_threshold: [200, 30]}"


def learnt_deep_by_hand(x, label, weights, least):
    """Return the weights after one sample, from the definitions alone, for any number of layers."""
    h, a = [x], []
    for w in weights:
        a.append(h[-1] @ w)
        h.append((a[-1] > 512).astype(int))
    t = np.arange(len(a[-1])) == label
    d = (t & (h[-1] == 0) & (a[-1] > 0)).astype(int) - (~t & (h[-1] == 1) & (a[-1] <= 1024))
    new = []
    for layer in range(len(weights) - 1, -1, -1):
        w = weights[layer]
        new.append(np.clip(w + 2 * np.outer(h[layer], d), -254, 254))
        if layer:
            e, below = w @ d, a[layer - 1]
            d = np.where(abs(e) > least[layer - 1], np.sign(e), 0) * ((below > 0) & (below <= 1024))
    return new[::-1]


@pytest.mark.parametrize("least", [(0, 0), (200, 30), (30, 0), (64, 128)])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_errors_up_to_a_hidden_threshold_teach_nothing_and_go_no_further_back(least, seed):
    rng = np.random.default_rng(seed)
    inputs, labels = (rng.random((30, 12)) < 0.5).astype(np.uint8), rng.integers(0, 3, 30)
    shapes = ((12, 8), (8, 6), (6, 3))
    weights = [(2 * rng.integers(-90, 128, shape)).astype(np.int16) for shape in shapes]
    expected = [w.astype(int) for w in weights]
    for x, label in zip(inputs.astype(int), labels, strict=True):
        expected = learnt_deep_by_hand(x, label, expected, least)
    samples = Samples.of(inputs, labels, n_out=3)
    learn(samples, weights, np.arange(30), Algorithm((12, 8, 6, 3), hidden_thresholds=least))
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("sizes", [(16,), (16, 12), (20, 16, 12)])
def test_rows_with_hidden_thresholds_do_what_the_integers_do(sizes):
    least = [200, 64, 30][-len(sizes) :]
    one = model(f"network.sizes={[64, *sizes, 10]}", f"errors.hidden_threshold={least}")
    rng = np.random.default_rng(2)
    inputs, labels = (rng.random((40, 64)) < 0.5).astype(np.uint8), rng.integers(0, 10, 40)
    weights = [np.clip(2 * w, -254, 254).astype(np.int16) for w in one.start]
    without = [w.copy() for w in weights]
    copies = [
        row.sign * (weights[row.layer].T if row.transposed else weights[row.layer])
        for row in one.circuit.plastic
    ]
    patterns = {"input": inputs[None], "target": np.eye(10, dtype=int)[labels][None]}
    _, left = simulate(one.circuit, copies, patterns)
    samples = Samples.of(inputs, labels, n_out=10)
    learn(samples, weights, np.arange(40), one.algorithm)
    learn(samples, without, np.arange(40), Algorithm((64, *sizes, 10)))
    assert (weights[0] != without[0]).any()
    for row, copy in zip(one.circuit.plastic, left, strict=True):
        wanted = weights[row.layer].T if row.transposed else weights[row.layer]
        np.testing.assert_array_equal(copy[0], row.sign * wanted, err_msg=row.name)


@pytest.mark.parametrize(
    "beside",
    [
        (),
        ("feedback=kolen_pollack",),
        ("feedback=direct_feedback_alignment",),
        ("learning.accumulator={fractions: [0.5, 0.25]}",),
    ],
)
def test_the_circuit_with_hidden_thresholds_equals_the_integers(beside):
    sizes = "network.sizes=[64, 20, 16, 10]"
    experiment = sb.Experiment.from_file("variants/digits_deep", [sizes, LEAST, *beside])
    assert sb.verify(experiment, samples=200).exact


def test_a_hidden_threshold_changes_two_gates_of_each_hidden_layer_and_adds_nothing():
    deep = "network.sizes=[64, 20, 16, 10]"
    paper, raised = model(deep).circuit, model(deep, "errors.hidden_threshold=[200, 0]").circuit
    assert raised.population_sizes == paper.population_sizes
    changed = set(raised.gates) - set(paper.gates)
    assert [(row.opens, row.threshold) for row in changed] == 2 * [("h1T", 200)]


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ("[200]", "hidden_threshold: has 1 entries, but network.sizes has 2 hidden layers"),
        ("[201, 30]", "311 is not .* nearest thresholds that are: 200 and 202"),
        ("[-2, 30]", "hidden_threshold.*0 or greater"),
        ("[200, 1538]", "hidden_threshold.*1536 or less"),
        ("[200, 0.5]", "hidden_threshold.*whole number"),
    ],
)
def test_hidden_thresholds_that_do_not_fit_are_refused(thresholds, said):
    with pytest.raises(ExperimentError, match=said):
        sb.Experiment.from_file(
            "variants/digits_deep", [f"errors={{hidden_threshold: {thresholds}}}"]
        )


@pytest.mark.parametrize("given", [(30,), (30, -2)])
def test_an_algorithm_with_thresholds_of_other_layers_is_refused(given):
    with pytest.raises(SynfireError, match="must be 2, one for each hidden layer, of 0 or more"):
        Algorithm((4, 3, 3, 2), hidden_thresholds=given)


def test_the_shipped_deep_model_has_a_threshold_for_each_hidden_layer():
    deep = sb.assemble(sb.Experiment.from_file("mnist_fine_deep"))
    assert deep.algorithm.hidden_thresholds == (200, 30)
    assert {row.threshold for row in deep.circuit.gates if getattr(row, "opens", "") == "h2T"} == {
        30,
        512,
    }
