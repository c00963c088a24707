"""Fine accumulators: fractions of a step are collected, and the weight follows in whole ones."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit.accumulator import Accumulator
from synfire_bp.errors import ExperimentError, RuleError, SynfireError
from synfire_bp.oracle import Algorithm, Samples, learn

FALLING = "learning.accumulator={fractions: [0.5, 0.25], epochs: 1}"
SMALL = "network.sizes=[64, 20, 10]"


def experiment(*overrides, name="digits"):
    return sb.Experiment.from_file(name, list(overrides))


def by_hand(inputs, labels, weights, share):
    """Return weights and tags after all samples, from the definitions alone."""
    w1, w2 = (w.astype(int) for w in weights)
    t1, t2 = np.zeros_like(w1), np.zeros_like(w2)

    def follow(w, t):
        steps = np.fix(t / 32).astype(int)
        return np.clip(w + 2 * steps, -254, 254), t - 32 * steps

    for x, label in zip(inputs.astype(int), labels, strict=True):
        a1 = x @ w1
        h = (a1 > 512).astype(int)
        a2 = h @ w2
        o, t = a2 > 512, np.arange(len(a2)) == label
        d = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024)).astype(int)
        d1 = np.sign(w2 @ d) * ((a1 > 0) & (a1 <= 1024))
        w2, t2 = follow(w2, t2 + share * np.outer(h, d))
        w1, t1 = follow(w1, t1 + share * np.outer(x, d1))
    return (w1, w2), (t1, t2)


def a_case(seed, n=60):
    rng = np.random.default_rng(seed)
    weights = [2 * rng.integers(-127, 128, shape) for shape in ((12, 8), (8, 3))]
    weights[1] += 2 * rng.integers(0, 60)
    inputs = (rng.random((n, 12)) < 0.5).astype(np.uint8)
    return inputs, rng.integers(0, 3, n), [np.clip(w, -254, 254).astype(np.int16) for w in weights]


@given(seed=st.integers(0, 2**32), share=st.integers(1, 32), cut=st.integers(1, 59))
@settings(max_examples=30, deadline=None)
def test_the_integers_collect_by_the_definition_wherever_the_samples_are_cut(seed, share, cut):
    inputs, labels, weights = a_case(seed)
    expected, left = by_hand(inputs, labels, weights, share)
    algorithm = Algorithm((12, 8, 3), fine=Accumulator((1, share), epochs=3))
    samples, tags = Samples.of(inputs, labels, n_out=3), algorithm.no_tags()
    for order in (np.arange(cut), np.arange(cut, 60)):
        learn(samples, weights, order, algorithm, epoch=4, tags=tags)
    for found, wanted in zip((*weights, *tags), (*expected, *left), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "beside",
    [
        (),
        ("errors={margin: 256, box: [-512, 1536]}",),
        ("network.sizes=[64, 20, 15, 10]",),
        ("gating.replay=1",),
        ("feedback=feedback_alignment",),
    ],
    ids=["alone", "margin", "deep", "replay", "feedback"],
)
def test_the_circuit_equals_the_integers_across_epochs_of_other_fractions(beside):
    found = sb.verify(experiment(SMALL, FALLING, *beside), samples=200, epochs=2)
    assert found.exact
    assert all(row.learnt for row in found.projections if "hT" not in row.projection)


def test_a_whole_fraction_is_the_rule_itself():
    data, whole = sb.load_dataset("digits"), "learning.accumulator={fractions: [1]}"
    order = np.arange(400)
    ends = []
    for overrides in ((SMALL,), (SMALL, whole)):
        model = sb.assemble(experiment(*overrides))
        with closing(sb.OracleEngine(model, data)) as engine:
            ends.append(engine.train(model.start, order).weights)
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_training_that_was_stopped_and_resumed_ends_with_the_same_bits(tmp_path):
    model = experiment(SMALL, FALLING, "training.epochs=2", "training.samples=300")
    whole = sb.train(model, engine="oracle", out=tmp_path / "whole")
    again = tmp_path / "again"
    calls = 0
    train = sb.OracleEngine.train

    def interrupted(self, *arguments, **named):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return train(self, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sb.OracleEngine, "train", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sb.train(model, engine="oracle", out=again)
    resumed = sb.train(model, engine="oracle", out=again, resume=True)
    for name, matrix in whole.weights.items():
        np.testing.assert_array_equal(matrix, resumed.weights[name])


@pytest.mark.parametrize("engine", ["circuit", "oracle"])
def test_what_is_collected_outlives_a_pause_so_that_bits_do_not_hang_on_tests(engine, tmp_path):
    quarter = "learning.accumulator={fractions: [0.25]}"
    ends = []
    for every in (1, 0.125):
        overrides = (quarter, "training.epochs=1", "training.samples=240", "record.samples=0")
        model = experiment(SMALL, *overrides, f"training.evaluate_every={every}")
        ends.append(sb.train(model, engine=engine, out=tmp_path / str(every)).weights)
    for name, matrix in ends[0].items():
        np.testing.assert_array_equal(matrix, ends[1][name])
    start = sb.assemble(model).start
    assert (ends[0]["w1"] != start[0]).any()


def test_both_engines_leave_the_same_tags():
    model, data = sb.assemble(experiment(SMALL, FALLING)), sb.load_dataset("digits")
    left = []
    for make in (sb.OracleEngine, sb.CircuitEngine):
        with closing(make(model, data)) as engine:
            left.append(dict(engine.train(model.start, np.arange(150)).tags))
    assert left[0].keys() == left[1].keys() == {"w1", "w2"}
    for name, tag in left[0].items():
        assert tag.any()
        np.testing.assert_array_equal(tag, left[1][name])


def test_the_schedule_counts_in_parts_of_a_step_from_its_epoch_on():
    fine = experiment("learning.accumulator={fractions: [1, 0.5, 0.03125], epochs: 6}")
    rule = fine.learning.parsed()
    assert [rule.coefficients(n) for n in (0, 5, 6, 11, 12, 99)] == [
        *2 * [{"gain_0": 64, "gain_1": -32}],
        *2 * [{"gain_0": 32, "gain_1": -16}],
        *2 * [{"gain_0": 2, "gain_1": -1}],
    ]


@pytest.mark.parametrize(
    ("fractions", "said"),
    [
        ("[0.3]", r"entry 0 is 0\.3, no multiple of 1/32 .* nearest is 0\.3125"),
        ("[1, 0]", r"entry 1 is 0(\.0)?, no multiple .* nearest is 0\.03125"),
        ("[1.5]", r"entry 0 is 1\.5, no multiple .* nearest is 1"),
        ("[-1]", r"nearest is 0\.03125"),
        ("[.nan]", "fractions"),
        ("[]", "is empty, but must have one fraction or more"),
        ("0.5", "fractions"),
        ("['half']", "fractions"),
        ("[1], epochs: 0", "epochs"),
    ],
)
def test_a_schedule_that_is_none_is_refused_with_what_would_be_right(fractions, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(f"learning.accumulator={{fractions: {fractions}}}")


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (("learning.rule=dw = 32*r1*x0*y0 - 16*x0*y0",), "takes? the tag to 287 of 255"),
        (("learning.rule=dw = 3*r1*x0*y0 - 2*x0*y0",), "even numbers"),
        (("learning.rule=dw = u3*t", "learning.tag=dt = 2*r1*x0*y0 - u3*t"), "tag of its own"),
    ],
)
def test_a_rule_whose_changes_cannot_be_collected_is_refused(beside, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(*beside, "learning.accumulator={fractions: [1]}")


@pytest.mark.parametrize(
    "beside", ["synapses={levels: 15}", "synapses={soft_bounds: true}", "reward.grade=0.5"]
)
def test_what_becomes_of_a_change_on_its_way_is_refused_beside_accumulators(beside):
    with pytest.raises(SynfireError, match=r"learning\.accumulator collects"):
        sb.assemble(experiment(FALLING, beside))


@pytest.mark.parametrize(
    ("name", "beside"), [("digits", "hardware=loihi1"), ("variants/digits_lif", SMALL)]
)
def test_neurons_that_cannot_follow_are_refused(name, beside):
    with pytest.raises(SynfireError, match=r"digits\w*: learning\.accumulator: "):
        sb.assemble(experiment(FALLING, beside, name=name))


def test_a_rule_is_checked_when_it_is_made():
    with pytest.raises(RuleError, match=r"each 1 \.\.\. 32 parts"):
        Accumulator((33,))
