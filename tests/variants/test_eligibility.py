"""Traces that wait for a reward: from the definition, in integers, in the circuit; refusals."""

from __future__ import annotations

from contextlib import closing
from math import exp

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synfire_bp as sb
from synfire_bp.circuit.eligibility import Eligibility
from synfire_bp.dice import chances, moments
from synfire_bp.errors import ExperimentError, RuleError, SynfireError
from synfire_bp.oracle import Algorithm, Samples, learn
from synfire_bp.oracle.answers import all_rewards
from synfire_bp.oracle.eligible import Memory
from synfire_bp.oracle.rewards import Rewards

SMALL = "network.sizes=[64, 20, 10]"
TRACE = "learning.eligibility={tau: 3, gain: 0.5}"
FADES = "learning.eligibility={tau_phases: 24, gain: 0.5}"
BELIEVED = "{answer: believed, wrong: 0, explore: 0.3"
TRIED = "{answer: tried, wrong: 0, expected: run"


def experiment(*overrides, name="digits"):
    return sb.Experiment.from_file(name, list(overrides))


def a_case(seed, n=60):
    rng = np.random.default_rng(seed)
    weights = [2 * rng.integers(-127, 128, shape) for shape in ((12, 8), (8, 3))]
    weights[1] += 2 * rng.integers(0, 60)
    inputs = (rng.random((n, 12)) < 0.5).astype(np.uint8)
    return inputs, rng.integers(0, 3, n), [np.clip(w, -254, 254).astype(np.int16) for w in weights]


def course_of(tried, rewards, gain):
    """Return a course of given answers and rewards."""
    bare = Rewards().course(tried, seed=0, n_phases=12, n_out=3, gain=gain)
    return bare._replace(pays=np.stack([rewards, rewards], axis=1).astype(np.int64))


PHASES = ((7, 11), (5, 9))  # in which W1 and W2 grow and shrink: the paper's


def by_hand(inputs, tried, rewards, weights, gain, tau=0, tau_phases=None):
    """Return the weights after all samples, from the definitions alone, in Python's integers."""
    w = [matrix.astype(object) for matrix in weights]
    trace, rest = ([0 * matrix for matrix in w] for _ in range(2))
    kept = round(2**24 * exp(-1 / tau)) if tau else 0
    left = [(2**24, 2**24)] * 2
    if tau_phases:
        kept = round(2**24 * exp(-12 / tau_phases))
        left = [[round(2**24 * exp((p - 11) / tau_phases)) for p in both] for both in PHASES]

    def portion(values, parts, of):
        return np.vectorize(lambda v: (1 if v * parts >= 0 else -1) * (abs(v * parts) // of),
                            otypes=[object])(values)  # fmt: skip

    for x, answer, reward in zip(inputs.astype(int), tried, rewards, strict=True):
        a1 = (x @ w[0]).astype(int)
        h = (a1 > 512).astype(int)
        a2 = (h @ w[1]).astype(int)
        o, t = a2 > 512, np.arange(3) == answer
        d = (t & ~o & (a2 > 0)).astype(int) - (o & ~t & (a2 <= 1024)).astype(int)
        d1 = np.sign((w[1] @ d).astype(int)) * ((a1 > 0) & (a1 <= 1024))
        for layer, change in enumerate((np.outer(x, d1), np.outer(h, d))):
            for sign, part in zip((1, -1), left[layer], strict=True):
                trace[layer] += portion(4096 * sign * (change == sign), part, 2**24)
            rest[layer] = rest[layer] + portion(trace[layer], int(reward) * gain, 4096)
            steps = portion(rest[layer], 1, 4096)
            rest[layer] = rest[layer] - 4096 * steps
            w[layer] = np.clip(w[layer] + 2 * steps, -254, 254)
            trace[layer] = portion(trace[layer], kept, 2**24)
    return w


@given(
    seed=st.integers(0, 2**32),
    tau=st.sampled_from(
        [{"tau": 0}, {"tau": 0.7}, {"tau": 3}, {"tau": 50}, {"tau_phases": 2}, {"tau_phases": 30}]
    ),
    gain=st.integers(1, 16),
)
@settings(max_examples=30, deadline=None)
def test_the_integers_learn_by_the_definition(seed, tau, gain):
    inputs, labels, weights = a_case(seed)
    rng = np.random.default_rng(seed)
    tried, rewards = rng.integers(0, 3, 60), rng.integers(-512, 513, 60)
    expected = by_hand(inputs, tried, rewards, weights, gain, **tau)
    eligible = Eligibility(**tau, gain=gain)
    algorithm = Algorithm((12, 8, 3), eligible=eligible, learning_phases=PHASES)
    samples = Samples.of(inputs, labels, n_out=3)
    memory = Memory(course_of(tried, rewards, gain))
    for order in (np.arange(23), np.arange(23, 60)):
        learn(samples, weights, order, algorithm, memory=memory)
    for found, wanted in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found, wanted.astype(int))


def test_a_coincidence_has_decayed_once_for_each_phase_until_the_reward():
    fades = Eligibility(tau_phases=10.0)
    for phase in range(12):
        trace = 1.0
        for _ in range(phase + 1, 12):  # in each phase that comes after it
            trace *= exp(-1 / 10)
        assert fades.left(phase) / 2**24 == pytest.approx(trace, abs=1e-7)
    trace = 1.0
    for _ in range(12):
        trace *= exp(-1 / 10)
    assert fades.kept() / 2**24 == pytest.approx(trace, abs=1e-7)


def test_a_trace_of_its_own_sample_with_a_reward_at_once_is_the_papers_rule():
    data, order, ends = sb.load_dataset("digits"), np.arange(1000), []
    for overrides in ((SMALL,), (SMALL, "learning.eligibility={tau: 0}")):
        model = sb.assemble(experiment(*overrides))
        with closing(sb.OracleEngine(model, data)) as engine:
            ends.append(engine.train(model.start, order))
    for one, other in zip(ends[0].weights, ends[1].weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert ends[0].score == ends[1].score


@pytest.mark.parametrize(
    "overrides",
    [
        (TRACE,),
        (TRACE, f"reward={TRIED}, delay_samples: 2, mistaken: 0.1, spread: 0.5}}"),
        (TRACE, "reward={answer: tried, wrong: -0.5, expected: answer, average: 7}"),
        (TRACE, "reward={delay_samples: 1, mistaken: 0.2}"),
        (TRACE, "reward={answer: tried, expected: run}", "network.sizes=[64, 20, 15, 10]"),
        ("learning.eligibility={tau: 4000}", "errors={margin: 256, box: [-512, 1536]}"),
        (FADES,),
        (FADES, f"reward={BELIEVED}, expected: belief, delay_samples: 2}}", "errors={margin: 256}"),
        (FADES, f"reward={BELIEVED}, mistaken: 0.2}}", "network.sizes=[64, 20, 15, 10]"),
    ],
    ids=[
        "trace", "late", "answer", "told", "deep", "margin", "fades", "belief", "believed deep",
    ],
)  # fmt: skip
def test_the_circuit_equals_the_integers(overrides):
    found = sb.verify(experiment(SMALL, *overrides), samples=200)
    assert found.exact
    assert any(row.learnt for row in found.projections)


def test_the_network_in_runtime_mode_tries_what_it_believes():
    overrides = ("learning.eligibility={tau_phases: 48}", f"reward={BELIEVED}, expected: belief}}")
    model = sb.assemble(experiment(SMALL, *overrides))
    data, order = sb.load_dataset("digits"), np.arange(40)
    net = sb.build_network(model, data)
    net.run(40)
    with closing(sb.OracleEngine(model, data)) as engine:
        learnt = engine.train(model.start, order).weights
    for row, matrix in net.weights().items():
        held = row.sign * (matrix.T if row.transposed else matrix)
        np.testing.assert_array_equal(held, learnt[row.layer])
    assert any((w != start).any() for w, start in zip(learnt, model.start, strict=True))


def believed_by_hand(inputs, labels, weights, explore, seed):
    """Return answers tried and rewards of weights that do not learn, from the definitions alone."""
    tried, rewards = [], []
    for k, x in enumerate(inputs.astype(int)):
        fired = np.flatnonzero(((x @ weights[0] > 512).astype(int) @ weights[1]) > 512)
        begins = 1 + 14 * k
        explores = chances(-6, moments(seed, "answers explored") + begins) < explore
        among = np.arange(3) if explores or not fired.size else fired
        share = int(chances(-3, moments(seed, "answers tried") + begins)) // 1024 / 2**14
        tried.append(among[int(share * len(among))])
        rewards.append(4096 if tried[-1] == labels[k] else -4096)
    return tried, rewards


@pytest.mark.parametrize("explore", [0, 2**22, 2**24])
def test_the_answer_that_fires_is_tried_or_one_of_several_or_any(explore):
    inputs, labels, weights = a_case(3, n=200)
    tried, rewards = believed_by_hand(inputs, labels, weights, explore, seed=11)
    algorithm = Algorithm(
        (12, 8, 3), n_phases=14, eligible=Eligibility(), potentiation=0, depression=0,
        rewards=Rewards(answer="believed", explore=explore),
    )  # fmt: skip
    memory = Memory.of(algorithm, labels, moment=11)
    samples = Samples.of(inputs, labels, n_out=3)
    learn(samples, weights, np.arange(200), algorithm, memory=memory)
    assert memory.course.tried.tolist() == tried
    assert all_rewards(memory.course).tolist() == rewards
    assert len(set(tried)) == 3


def test_each_kind_of_belief_has_an_average_of_its_own():
    told = np.zeros(4000, dtype=int)
    kinds = Rewards(answer="believed", wrong=0, expected="belief", rate=400)
    course = kinds.course(told, seed=0, n_phases=14, n_out=10)
    sure = np.arange(4000) % 2
    course.sure[:] = sure
    course.tried[:] = 1 - sure  # the sure ones are right, the others wrong
    rewards = all_rewards(course)
    assert abs(rewards[-100:]).max() <= 16  # both as expected
    assert rewards[1] > 3000  # the first right one was not


@pytest.mark.parametrize("delay", [0, 1, 5])
def test_a_late_reward_is_that_of_an_earlier_sample(delay):
    labels = np.random.default_rng(1).integers(0, 10, 400)
    kinds = dict(answer="tried", right=16, wrong=-16, expected="run")
    at_once = Rewards(**kinds).course(labels, seed=3, n_phases=12, n_out=10)
    late = Rewards(**kinds, delay=delay).course(labels, seed=3, n_phases=12, n_out=10)
    np.testing.assert_array_equal(late.tried, at_once.tried)
    rewards = all_rewards(late)
    np.testing.assert_array_equal(rewards[delay:], all_rewards(at_once)[: 400 - delay])
    assert not rewards[:delay].any()


def test_answers_are_tried_uniformly_and_rewarded_if_they_are_right():
    labels = np.random.default_rng(1).integers(0, 10, 20_000)
    course = Rewards(answer="tried", wrong=0).course(labels, seed=0, n_phases=12, n_out=10)
    counts = np.bincount(course.tried, minlength=10)
    assert abs(counts - 2000).max() < 5 * np.sqrt(2000)  # five standard deviations
    np.testing.assert_array_equal(all_rewards(course), 4096 * (course.tried == labels))


@pytest.mark.parametrize("expected", ["run", "answer"])
def test_what_is_left_of_an_expected_reward_has_the_mean_0(expected):
    labels = np.random.default_rng(1).integers(0, 10, 20_000)
    kinds = Rewards(answer="tried", wrong=0, expected=expected)
    reward = all_rewards(kinds.course(labels, seed=0, n_phases=12, n_out=10)) / 4096
    assert abs(reward.mean()) < 0.01
    assert reward.std() == pytest.approx(0.3, rel=0.15)  # sqrt(0.1 * 0.9)


def test_mistakes_and_a_spread_have_the_size_that_they_are_given():
    labels = np.zeros(20_000, dtype=int)
    wrong = Rewards(mistaken=2**24 // 4).course(labels, seed=0, n_phases=12, n_out=10)
    assert (all_rewards(wrong) == -4096).mean() == pytest.approx(0.25, abs=0.02)
    noisy = all_rewards(Rewards(spread=8).course(labels, seed=0, n_phases=12, n_out=10)) / 4096
    assert noisy.min() == 0.5
    assert noisy.max() == 1.5
    assert noisy.mean() == pytest.approx(1, abs=0.01)


def test_training_learns_from_answers_that_are_tried(tmp_path):
    model = experiment("training.epochs=12", SMALL, name="variants/digits_tried_answer")
    run = sb.train(model, engine="oracle", out=tmp_path / "run")
    assert run.last_test["accuracy_potential"] > 0.4  # chance: 0.1


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (("learning.eligibility={tau: -1}",), r"learning\.eligibility\.tau.*0 or greater"),
        (("learning.eligibility={tau: 4001}",), r"learning\.eligibility\.tau.*4000 or less"),
        (("learning.eligibility={tau: 1, gain: 0.3}",), r"learning\.eligibility\.gain.*multiple"),
        (("learning.eligibility={}",), r"learning\.eligibility.*neither is given; give one"),
        (("learning.eligibility={tau: 1, tau_phases: 12}",), "1 and 12 are given; give one"),
        (("learning.eligibility={tau_phases: 0}",), r"tau_phases.*greater than 0"),
        (("learning.eligibility={tau_phases: 48001}",), r"tau_phases.*48000 or less"),
        ((TRACE, "reward.explore=0.2"), "explore: is 0.2, but answer is told"),
        ((TRACE, "reward={answer: believed, explore: 1.1}"), r"reward\.explore.*1 or less"),
        ((TRACE, "reward={answer: tried, expected: belief}"), "belief .*but answer is tried"),
        ((TRACE, "learning.rule=dw = 3*r1*x0*y0 - 2*x0*y0"), "even numbers"),
        ((TRACE, "learning.rule=dw = 18*r1*x0*y0 - 20*x0*y0"), "16 weight units at most"),
        ((TRACE, "learning.accumulator={fractions: [1]}"), "learning.accumulator too: a weight"),
        (("reward.delay_samples=2",), r"delay_samples: what is rewarded .* learning\.eligibility"),
        ((TRACE, "reward.delay=2"), "delay: with learning.eligibility, r1 sets"),
        ((TRACE, "reward.grade=0.5"), "grade: with learning.eligibility"),
        ((TRACE, "reward.delay_samples=1001"), r"reward\.delay_samples.*1000 or less"),
        ((TRACE, "reward.expected=answer"), "but answer is told"),
        ((TRACE, "reward.wrong=0.3"), r"reward\.wrong.*multiple"),
    ],
)
def test_what_makes_no_sense_is_refused_with_key_and_limit(beside, said):
    with pytest.raises(ExperimentError, match=said):
        experiment(*beside)


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ("hardware=loihi1", r"learning\.eligibility: the chip's learning engine"),
        ("synapses={levels: 15}", r"learning\.eligibility"),
        ("synapses={update_probability: 0.5}", r"learning\.eligibility"),
        ("gating.replay=1", "shown again"),
        ("feedback=feedback_alignment", r"feedback\.kind"),
        ("feedback={kind: kolen_pollack, decay: 0.01}", r"learning\.eligibility"),
    ],
)
def test_what_cannot_follow_a_trace_is_refused_before_any_engine(beside, said):
    with pytest.raises(SynfireError, match=said):
        sb.assemble(experiment(TRACE, beside))


def test_neurons_in_millivolts_are_refused():
    with pytest.raises(SynfireError, match=r"learning\.eligibility: neurons in physical units"):
        sb.assemble(experiment(TRACE, name="variants/digits_lif"))


@pytest.mark.parametrize(
    "name", ["eligibility", "tried_answer", "distal_reward", "believed_answer"]
)
def test_the_shipped_models_are_exact(name):
    assert sb.verify(experiment(SMALL, name=f"variants/digits_{name}"), samples=100).exact


def test_a_trace_is_checked_when_it_is_made():
    with pytest.raises(RuleError, match=r"0 \.\.\. 4000"):
        Eligibility(tau=5000)
    with pytest.raises(RuleError, match=r"1 \.\.\. 16"):
        Eligibility(gain=17)
    with pytest.raises(RuleError, match="two time constants"):
        Eligibility(tau=1, tau_phases=12)
    with pytest.raises(RuleError, match="48000 at most"):
        Eligibility(tau_phases=50_000)
    with pytest.raises(SynfireError, match="one for each of 2 weight layers"):
        Algorithm((12, 8, 3), eligible=Eligibility(tau_phases=12))
    with pytest.raises(SynfireError, match="must be one of told, tried, believed"):
        Rewards(answer="guessed")
    with pytest.raises(SynfireError, match="needs answers that are believed"):
        Rewards(answer="tried", expected="belief")


def test_runs_with_a_reward_of_before_go_on():
    late = experiment(name="variants/digits_late_reward").decisive()
    assert {key for key in late if key.startswith("reward.")} == {
        "reward.delay", "reward.flip", "reward.grade", "reward.noise"
    }  # fmt: skip
    tried = experiment(TRACE, "reward={answer: tried}").decisive()
    assert tried["reward.answer"] == "tried"
    assert tried["learning.eligibility"] == {"tau": 3, "gain": 0.5}
    assert "reward.explore" not in tried
