"""Fine accumulators: fractions of a step are collected, and the weight follows."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit.accumulator import Accumulator
from synfire_bp.dice import mixed
from synfire_bp.errors import ExperimentError, RuleError, SynfireError
from synfire_bp.oracle import Algorithm, Samples, learn

FALLING = "learning.accumulator={fractions: [0.5, 0.25], epochs: 1}"
CHIP = "learning.accumulator={kind: loihi1, fractions: [0.5, 0.25], epochs: 1}"
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
        up1, up2 = errors_by_hand(x, label, w1, w2)
        w2, t2 = follow(w2, t2 + share * up2)
        w1, t1 = follow(w1, t1 + share * up1)
    return (w1, w2), (t1, t2)


def errors_by_hand(x, label, w1, w2):
    """Return where weights go up and down for a sample, 1 and -1, from the definitions alone."""
    a1 = x @ w1
    h = (a1 > 512).astype(int)
    a2 = h @ w2
    o, t = a2 > 512, np.arange(len(a2)) == label
    d = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024)).astype(int)
    d1 = np.sign(w2 @ d) * ((a1 > 0) & (a1 <= 1024))
    return np.outer(x, d1), np.outer(h, d)


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


def taken_by_hand(w, t, first_number, moment):
    """Return a weight and its tag after it took up t/32 as the chip's engine rounds."""
    number = np.arange(first_number, first_number + w.size).reshape(w.shape)
    size = -(-np.abs(t) // 32)  # away from zero
    odd = size % 2 * np.where(mixed(number, moment) % 2 == 0, 1, -1)
    return np.clip(w + np.sign(t) * (size + odd), -254, 254), np.zeros_like(t)


@given(seed=st.integers(0, 2**32), share=st.integers(1, 32), cut=st.integers(1, 59))
@settings(max_examples=30, deadline=None)
def test_weights_take_up_what_tags_hold_by_the_definition(seed, share, cut):
    inputs, labels, weights = a_case(seed)
    w, t = [m.astype(int) for m in weights], [np.zeros(m.shape, int) for m in weights]
    for n, (x, label) in enumerate(zip(inputs.astype(int), labels, strict=True)):
        if n % 8 == 0:  # 32 phases and 12 share a factor of 4
            numbers = (0, w[0].size)
            pairs = [taken_by_hand(*one, 1000 + 12 * n + 1)
                     for one in zip(w, t, numbers, strict=True)]  # fmt: skip
            w, t = ([pair[k] for pair in pairs] for k in (0, 1))
        dw = errors_by_hand(x, label, *w)
        t = [np.clip(a + 2 * share * b, -255, 255) for a, b in zip(t, dw, strict=True)]
    algorithm = Algorithm((12, 8, 3), fine=Accumulator((share,), every=32))
    samples, tags = Samples.of(inputs, labels, n_out=3), algorithm.no_tags()
    for begin, end in ((0, cut), (cut, 60)):
        learn(samples, weights, np.arange(begin, end), algorithm, shown=begin,
              moment=1000 + 12 * begin, tags=tags)  # fmt: skip
    for found, wanted in zip((*weights, *tags), (*w, *t), strict=True):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    "beside",
    [
        (FALLING,),
        (FALLING, "errors={margin: 256, box: [-512, 1536]}"),
        (FALLING, "network.sizes=[64, 20, 15, 10]"),
        (FALLING, "gating.replay=1"),
        (FALLING, "feedback=feedback_alignment"),
        (CHIP,),
        (CHIP, "hardware={chip: loihi1, symmetric: true}", "errors={margin: 256}"),
        (CHIP, "gating.replay=1", "learning.accumulator.every=16"),
    ],
    ids=lambda beside: "-".join(one.split("=")[0].split(".")[-1] for one in beside),
)
def test_the_circuit_equals_the_integers_across_epochs_of_other_fractions(beside):
    found = sb.verify(experiment(SMALL, *beside), samples=200, epochs=2)
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
@pytest.mark.parametrize("kind", ["programmable", "loihi1"])
def test_what_is_collected_outlives_a_pause_so_that_bits_do_not_hang_on_tests(
    engine, kind, tmp_path
):
    quarter = f"learning.accumulator={{kind: {kind}, fractions: [0.25]}}"
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
        ("[1], every: 64", "remove it, or set kind: loihi1"),
        ("[1], kind: loihi1, every: 48", r"every 48 phases; must be a power of two, 16 \.\.\. 512"),
        ("[1], kind: loihi1, every: 8", r"power of two, 16 \.\.\. 512"),
        ("[1], kind: loihi2", "kind"),
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
    with pytest.raises(SynfireError, match=r"learning\.accumulator (collects|needs)"):
        sb.assemble(experiment(FALLING, beside))


@pytest.mark.parametrize(
    ("name", "beside"), [("digits", "hardware=loihi1"), ("variants/digits_lif", SMALL)]
)
def test_neurons_that_cannot_follow_are_refused(name, beside):
    with pytest.raises(SynfireError, match=r"digits\w*: learning\.accumulator: "):
        sb.assemble(experiment(FALLING, beside, name=name))


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ("reward.delay=1", r"phase 0 alone, .*meet in 8 of 12"),
        ("reward.flip=0.1", "reward is disturbed"),
        ("network.sizes=[64, 20, 15, 10]", r"meet in 0, .* of 19; remove reward or layers"),
    ],
)
def test_a_flag_that_meets_the_reward_elsewhere_is_refused(beside, said):
    with pytest.raises(ExperimentError, match=said):
        sb.assemble(experiment(CHIP, beside))


def test_the_chip_is_asked_for_the_constants_of_every_epoch():
    fractions = "learning.accumulator={kind: loihi1, fractions: [1, 0.53125], epochs: 1}"
    with pytest.raises(SynfireError, match=r"x0\*y0 is 68, but the chip has -8 "):
        sb.assemble(experiment(fractions, "hardware=loihi1"))
    sb.assemble(experiment(fractions))


def test_the_rule_of_the_chip_collects_fractions_and_takes_up_a_thirty_second():
    rule = experiment(CHIP, "learning.accumulator.every=128").learning.parsed()
    assert rule.text == "dw = 2^-5*u7*r1*t"
    assert rule.dt.text == "dt = 128*r1*x0*y0 - 64*x0*y0 - u7*r1*t"
    gains = {"gain_0": 1, "gain_of_tag_2": -1}
    assert rule.coefficients(0) == gains | {"gain_of_tag_0": 64, "gain_of_tag_1": -32}
    assert rule.coefficients(1) == gains | {"gain_of_tag_0": 32, "gain_of_tag_1": -16}


def test_a_rule_is_checked_when_it_is_made():
    with pytest.raises(RuleError, match=r"each 1 \.\.\. 32 parts"):
        Accumulator((33,))


def test_an_accumulator_and_an_eligibility_trace_are_refused_by_their_own_keys():
    with pytest.raises(SynfireError) as caught:
        sb.Experiment.from_file("digits", [FALLING, "learning.eligibility={tau: 0}"])
    said = str(caught.value)
    assert "learning.eligibility: is given, and learning.accumulator too" in said
    assert "learning.rule" not in said
