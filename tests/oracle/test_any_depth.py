"""The oracle at any depth, with all that a variant may do otherwise, against plain NumPy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_oracle import Plain

import synfire_bp as sb
from synfire_bp.errors import SynfireError
from synfire_bp.oracle import SEMANTICS, Algorithm, Changes, Decay, Samples, answer, forward, learn
from synfire_bp.oracle.algorithm import SOFT_STEPS

WHOLE = 2**16


def drawn(shapes, rng, step=2, limit=254):
    """Weights with which all layers are active, some above and some below their thresholds."""
    reach = limit // step * step
    return [
        step * (np.clip(rng.normal(800 / max(a, 3), 420 / a**0.5, (a, b)), -reach, reach) // step)
        .astype(np.int64)
        for a, b in shapes
    ]  # fmt: skip


def bounds(shapes, rng, step, limit, signs):
    """Lowest and highest weights; with `signs` those of a row have one sign."""
    reach = limit // step * step
    low, high = ([np.full(s, sign * reach, np.int16) for s in shapes] for sign in (-1, 1))
    for below, above in zip(low, high, strict=True) if signs else ():
        inhibitory = rng.random(len(below)) < 0.2
        below[~inhibitory], above[inhibitory] = 0, 0
    return tuple(low), tuple(high)


def counts_of(learnt):
    named = dict(vars(learnt))
    return dict(vars(named.pop("score"))) | named


def both(algorithm, weights, inputs, labels, order, *, shown=0, moment=0, parts=1):
    """Train twice from the same weights; assert that everything is equal; return the plain one."""
    n, names = algorithm.n_layers, algorithm.names
    changes, decay = algorithm.changes, algorithm.decay
    learning = len(names) * (True,) if algorithm.learns is None else algorithm.learns
    plain = Plain(
        *weights[:n], semantics=algorithm.semantics, limit=algorithm.limit,
        up=algorithm.potentiation, down=algorithm.depression,
        back=zip(algorithm.feedback, weights[n:], strict=True), direct=algorithm.direct,
        still=[name for name, learns in zip(names, learning, strict=True) if not learns],
        every=0 if decay is None else decay.every, keep=0 if decay is None else decay.keep,
        decays=[] if decay is None else [
            name for k, name in enumerate(names)
            if (name != "w1" if decay.matrices is None else decay.matrices[k])
        ],
        changes=changes, returning=algorithm.returning, showings=algorithm.showings,
        n_phases=algorithm.n_phases, shown=shown, moment=moment,
    )  # fmt: skip
    for k in order:
        plain.learn(inputs[k], labels[k])
    held = [w.astype(np.int16) for w in weights]
    samples = Samples.of(inputs, labels, algorithm.sizes[-1])
    done, counted = 0, None
    for part in np.array_split(order, parts):
        later = (moment + done * algorithm.n_phases) % 2**31
        found = learn(samples, held, part, algorithm, shown=shown + done, moment=later)
        done += len(part)
        counts = counts_of(found)
        if counted is None:
            counted = counts
        else:
            for name, count in counts.items():
                if name in ("weight_changes", "among"):
                    counted[name] = tuple(map(sum, zip(counted[name], count, strict=True)))
                else:
                    counted[name] += count
    for name, ours, theirs in zip(names, held, plain.matrices, strict=True):
        assert np.count_nonzero(ours != theirs) == 0, name
    assert counted == plain.counts()
    return plain


@settings(max_examples=150)
@given(data=st.data())
def test_everything_at_once_learns_what_vectors_in_numpy_learn(data):
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    sizes = tuple(draw(st.lists(st.integers(1, 9), min_size=3, max_size=6)))
    n = len(sizes) - 1
    forward = list(pairwise(sizes))
    direct = draw(st.booleans()) and draw(st.booleans())
    places = tuple(range(1, n))
    feedback = places if direct else tuple(k for k in places if draw(st.booleans()))
    back = [(sizes[k], sizes[-1]) if direct else forward[k] for k in feedback]
    learns = [draw(st.booleans()) or draw(st.booleans()) for _ in range(n + len(back))]
    learns[n:] = [learn and not direct for learn in learns[n:]]
    step, limit = draw(st.sampled_from([2, 2, 8, 64])), draw(st.sampled_from([254, 100]))
    changes = None
    if draw(st.booleans()):
        low, high = bounds(forward, rng, step, limit, draw(st.booleans()))
        changes = Changes(
            low, high, draw(st.booleans()), draw(st.sampled_from([0, 0.3, 0.9, 1.0])), step,
            draw(st.sampled_from(SOFT_STEPS)),
        )  # fmt: skip
    weights = drawn([*forward, *back], rng, step, limit)
    if changes is not None:
        weights[:n] = [np.clip(w, *ends) for w, *ends in zip(weights, low, high, strict=False)]
    decay = None
    if draw(st.booleans()):
        which = draw(st.none() | st.tuples(*(st.booleans() for _ in weights)))
        decay = Decay(draw(st.integers(1, 9)), draw(st.integers(0, WHOLE)), which)
    returning = None
    if not feedback and draw(st.booleans()):
        returning = tuple(rng.integers(0, 2, shape, dtype=np.int16) for shape in forward)
    algorithm = Algorithm(
        sizes, n_phases=draw(st.integers(12, 40)), limit=limit,
        potentiation=draw(st.sampled_from([2, 2, 6])),
        depression=draw(st.sampled_from([-2, -2, -4])),
        semantics=draw(st.sampled_from(SEMANTICS)), feedback=feedback, direct=direct,
        learns=draw(st.sampled_from([tuple(learns), None] if not direct else [tuple(learns)])),
        decay=decay, changes=changes, returning=returning, showings=draw(st.integers(1, 3)),
    )  # fmt: skip
    inputs = (rng.random((12, sizes[0])) < 0.8).astype(np.uint8)
    labels, order = rng.integers(0, sizes[-1], 12), rng.integers(0, 12, 20)
    both(
        algorithm, weights, inputs, labels, order,
        shown=draw(st.integers(0, 20)), moment=draw(st.integers(0, 2**31 - 1)),
        parts=draw(st.integers(1, 3)),
    )  # fmt: skip


SIZES = (30, 20, 12, 9, 4)


def piece(name, rng):
    """What a variant does otherwise in a network of SIZES, and which matrices then stay."""
    shapes = list(pairwise(SIZES))
    ends = {
        reach: tuple(tuple(np.full(s, sign * reach, np.int16) for s in shapes) for sign in (-1, 1))
        for reach in (254, 248)
    }
    return {
        "the paper's": ({}, ()),
        "the authors' shortcut": ({"semantics": "numpy"}, ()),
        "only the output learns": ({"learns": (False, False, False, True)}, ("w1", "w2", "w3")),
        "fixed feedback": (
            {"feedback": (1, 2, 3), "learns": (*4 * (True,), *3 * (False,))}, ("b2", "b3", "b4"),
        ),
        "feedback that learns": ({"feedback": (1, 2, 3)}, ()),
        "one matrix of its own": ({"feedback": (2,)}, ()),
        "feedback from the output": (
            {"feedback": (1, 2, 3), "direct": True, "learns": (*4 * (True,), *3 * (False,))},
            ("b2", "b3", "b4"),
        ),
        "decay": ({"decay": Decay(7, 60_000), "feedback": (1, 2, 3)}, ()),
        **{
            f"soft bounds, {steps}": (
                {"changes": Changes(*ends[254], soft=True, soft_steps=steps)}, ()
            )
            for steps in SOFT_STEPS
        },
        "fewer levels": ({"changes": Changes(*ends[248], step=8)}, ()),
        "rare updates": ({"changes": Changes(*ends[254], probability=0.3)}, ()),
        "one sign per cell": ({"changes": Changes(*bounds(shapes, rng, 2, 254, True))}, ()),
        "samples shown again": ({"showings": 2}, ()),
        "a half comes back": (
            {"returning": tuple(rng.integers(0, 2, s, dtype=np.int16) for s in shapes)}, (),
        ),
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", [
    "the paper's", "the authors' shortcut", "only the output learns", "fixed feedback",
    "feedback that learns", "one matrix of its own", "feedback from the output", "decay",
    *(f"soft bounds, {steps}" for steps in SOFT_STEPS), "fewer levels", "rare updates",
    "one sign per cell", "samples shown again", "a half comes back",
])  # fmt: skip
def test_each_piece_makes_a_difference_in_four_weight_layers(name):
    """Every matrix that may learn does, and something ends otherwise than in the paper's."""
    rng = np.random.default_rng(3)
    given, still = piece(name, rng)
    algorithm = Algorithm(SIZES, **given)
    step = 2 if algorithm.changes is None else algorithm.changes.step
    weights = drawn(algorithm.shapes, rng, step, 248)
    if algorithm.changes is not None:
        ends = algorithm.changes.lowest, algorithm.changes.highest
        weights[:4] = [np.clip(*three) for three in zip(weights, *ends, strict=False)]
    inputs = (rng.random((40, SIZES[0])) < 0.6).astype(np.uint8)
    labels, order = rng.integers(0, SIZES[-1], 40), rng.integers(0, 40, 300)
    plain = both(algorithm, weights, inputs, labels, order)
    papers = both(Algorithm(SIZES), weights[:4], inputs, labels, order)
    for label, before, after in zip(algorithm.names, weights, plain.matrices, strict=True):
        assert (before != after).any() == (label not in still), label
    if name != "the paper's":
        assert any((a != b).any() for a, b in zip(papers.matrices, plain.matrices, strict=False))


@pytest.mark.parametrize("semantics", SEMANTICS)
def test_weights_that_outgrow_16_bits_learn_the_same(semantics):
    rng = np.random.default_rng(8)
    algorithm = Algorithm((20, 12, 8, 3), limit=60_000, potentiation=32_766, semantics=semantics)
    weights = drawn(algorithm.shapes, rng)
    inputs = (rng.random((30, 20)) < 0.7).astype(np.uint8)
    labels = rng.integers(0, 3, 30)
    samples, held = Samples.of(inputs, labels, 3), [w.astype(np.int32) for w in weights]
    learn(samples, held, np.arange(30), algorithm)
    plain = Plain(*weights, limit=60_000, up=32_766, semantics=semantics)
    for x, label in zip(inputs, labels, strict=True):
        plain.learn(x, label)
    assert max(abs(w).max() for w in plain.matrices) > 2**15
    for ours, theirs in zip(held, plain.matrices, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("sizes", [(70_000, 5, 4, 2), (6, 70_000, 2)])
def test_layers_too_wide_for_16_bits_are_answered_and_learnt_from(sizes):
    rng = np.random.default_rng(5)
    weights = [w.astype(np.int16) for w in drawn(list(pairwise(sizes)), rng)]
    wide = sizes.index(70_000)
    weights[wide] = rng.choice(np.array([-2, 0, 0, 2, 2], np.int16), weights[wide].shape)
    inputs, labels = (rng.random((9, sizes[0])) < 0.5).astype(np.uint8), np.arange(9) % 2
    inputs[:, 65_536:] = 1
    plain = Plain(*weights)
    for x, label in zip(inputs, labels, strict=True):
        plain.learn(x, label)
    samples = Samples.of(inputs, labels, 2)
    assert np.array_equal(answer(samples, weights).potentials[0], plain.potentials[0])
    learn(samples, weights, np.arange(9), Algorithm(sizes))
    for ours, theirs in zip(weights, plain.matrices, strict=True):
        assert np.array_equal(ours, theirs)


@settings(max_examples=30)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=7),
    seed=st.integers(0, 2**32),
)
def test_answers_are_the_potentials_and_spikes_of_the_plain_algorithm(sizes, seed):
    rng = np.random.default_rng(seed)
    weights = [w.astype(np.int16) for w in drawn(list(pairwise(sizes)), rng)]
    inputs = (rng.random((9, sizes[0])) < 0.8).astype(np.uint8)
    plain = Plain(*weights, up=0, down=0)
    for x in inputs:
        plain.learn(x, 0)
    outputs = answer(Samples.of(inputs, np.zeros(9, int), sizes[-1]), weights)
    assert np.array_equal(outputs.potentials, plain.potentials)
    assert np.array_equal(outputs.spikes, plain.o)
    again = forward(inputs, *weights)
    assert np.array_equal(again.potentials, plain.potentials)


def test_matrices_that_neither_learn_nor_decay_may_be_read_only():
    rng = np.random.default_rng(2)
    algorithm = Algorithm((10, 8, 7, 3), feedback=(1, 2), learns=(False, True, True, False, True))
    weights = [w.astype(np.int16) for w in drawn(algorithm.shapes, rng)]
    inputs = (rng.random((20, 10)) < 0.8).astype(np.uint8)
    samples = Samples.of(inputs, rng.integers(0, 3, 20), 3)
    for k in (0, 3):
        weights[k].flags.writeable = False
    learn(samples, weights, np.arange(20), algorithm)
    weights[4].flags.writeable = False
    with pytest.raises(SynfireError, match="b3 is read-only"):
        learn(samples, weights, np.arange(20), algorithm)
    decaying = Algorithm((10, 8, 7, 3), learns=(False, False, True), decay=Decay(5, 0))
    forward_only = weights[:3]
    forward_only[1].flags.writeable = False
    with pytest.raises(SynfireError, match="w2 is read-only"):
        learn(samples, forward_only, np.arange(20), decaying)


# -- what is refused ------------------------------------------------------------------------------

TWO = {"sizes": (4, 3, 2)}
DEEP = {"sizes": (4, 3, 3, 2)}
EVEN = tuple(np.zeros(s, np.int16) for s in ((4, 3), (3, 2)))
ABOVE = tuple(w + 2 for w in EVEN)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"sizes": (4, 2)}, r"sizes are \(4, 2\); must be three or more layers"),
        ({"sizes": (4, 0, 2)}, "three or more layers of one unit or more"),
        (TWO | {"semantics": "exact"}, "'exact' is unknown; use one of circuit, numpy"),
        (TWO | {"showings": 0}, "showings is 0; must be 1 or more"),
        (TWO | {"n_phases": 0}, "n_phases is 0; must be 1 or more"),
        (TWO | {"limit": -2}, "limit is -2; must be 0 or more"),
        (TWO | {"feedback": (0,)}, r"feedback is \(0,\); must be weight layers of \(1,\)"),
        (DEEP | {"feedback": (2, 1)}, "in rising order"),
        (DEEP | {"feedback": (1, 1)}, "in rising order"),
        (DEEP | {"direct": True}, r"direct needs feedback matrices, .* \(1, 2\); there are none"),
        (DEEP | {"direct": True, "feedback": (2,)}, r"there are \(2,\)"),
        (DEEP | {"direct": True, "feedback": (1, 2)}, "does not learn: no rule fits it"),
        (TWO | {"learns": (True,)}, "learns has 1 entries; must be one for each: w1, w2"),
        (
            TWO | {"feedback": (1,), "decay": Decay(1, 0, (True, True))},
            "decay.matrices has 2 entries; must be one for each: w1, w2, b2",
        ),
        (TWO | {"feedback": (1,), "returning": EVEN}, "use one of the two variants"),
        (DEEP | {"changes": Changes(EVEN, ABOVE)}, r"bounds are \(4, 3\), \(3, 2\); must be"),
    ],
)
def test_an_algorithm_that_contradicts_itself_is_refused(given, said):
    with pytest.raises(SynfireError, match=said):
        Algorithm(**given)


def test_errors_come_back_through_weights_that_two_variants_leave_open():
    some = (np.ones((4, 3)), np.array([[1, 0], [1, 1], [0, 1]]))
    other = (np.ones((4, 3)), np.array([[1, 1], [0, 1], [0, 1]]))
    both_open = Algorithm((4, 3, 2)).returning_through(some).returning_through(other)
    assert both_open.returning[1].tolist() == [[1, 0], [0, 1], [0, 1]]
    shapes = r"must be \(4, 3\), \(3, 2\)"
    for wrong, said in (
        (some[:1], shapes),
        ((some[0], some[1].T), shapes),
        ((some[0], 2 * some[1]), "the matrix of w2 holds 2; must be 0 or 1"),
    ):
        with pytest.raises(SynfireError, match=said):
            Algorithm((4, 3, 2)).returning_through(wrong)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: Decay(0, 0), "every is 0 samples; must be 1 or more"),
        (lambda: Decay(1, WHOLE + 1), f"keep is {WHOLE + 1} of {WHOLE}"),
        (lambda: Changes(EVEN, ABOVE, probability=1.5), "probability is 1.5; must be 0 … 1"),
        (lambda: Changes(EVEN, ABOVE, step=6), "step is 6; must be a power of two"),
        (lambda: Changes(EVEN, ABOVE[:1]), "must be alike"),
        (lambda: Changes(ABOVE, EVEN), "lowest weight of w1 is not below its highest one"),
        (lambda: Changes(EVEN, EVEN, soft=True), "w1 is not below"),
        (lambda: Changes(EVEN, ABOVE, soft_steps="inward"), "'inward'; must be one of to_bound, "),
    ],
)
def test_numbers_that_no_weight_can_follow_are_refused(made, said):
    with pytest.raises(SynfireError, match=said):
        made()


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(4, 3), (3, 2)], r"feedback matrices are missing; must be \(3, 2\)"),
        ([(4, 3), (3, 2), (2, 3)], r"feedback matrices are \(2, 3\); must be \(3, 2\)"),
        ([(4, 3), (3, 2), (3, 2), (3, 2)], r"are \(3, 2\), \(3, 2\); must be \(3, 2\)"),
        ([(4, 4), (4, 2), (3, 2)], r"weights \(4, 4\), \(4, 2\), samples of 4 inputs and 2"),
    ],
)
def test_weights_that_do_not_fit_the_algorithm_are_refused(shapes, said):
    samples = Samples.of(np.ones((1, 4), np.uint8), np.array([0]), 2)
    weights = [np.zeros(shape, np.int16) for shape in shapes]
    with pytest.raises(SynfireError, match=said):
        learn(samples, weights, np.arange(1), Algorithm((4, 3, 2), feedback=(1,)))


def test_samples_of_another_size_are_refused():
    samples = Samples.of(np.ones((1, 5), np.uint8), np.array([0]), 2)
    with pytest.raises(SynfireError, match="samples of 5 inputs and 2 classes; expected"):
        learn(samples, [w.copy() for w in EVEN], np.arange(1), Algorithm((4, 3, 2)))
    with pytest.raises(SynfireError, match="expected two or more matrices"):
        answer(samples, EVEN)


# -- names of earlier releases --------------------------------------------------------------------


def test_the_functions_of_earlier_releases_warn_and_learn_the_same():
    rng = np.random.default_rng(1)
    sizes = (12, 8, 7, 3)
    inputs = (rng.random((40, 12)) < 0.7).astype(np.uint8)
    samples = Samples.of(inputs, rng.integers(0, 3, 40), 3)
    order = np.arange(40)

    deep = [w.astype(np.int16) for w in drawn(list(pairwise(sizes)), rng)]
    expected = [w.copy() for w in deep]
    with pytest.warns(DeprecationWarning, match="train_samples is now synfire_bp.oracle.learn"):
        found = sb.oracle.train_samples(samples, deep, order)
    assert found == learn(samples, expected, order, Algorithm(sizes))
    assert all(map(np.array_equal, deep, expected))
    with pytest.warns(DeprecationWarning, match="synfire_bp.oracle.answer"):
        outputs = sb.oracle.forward_samples(samples, deep)
    assert np.array_equal(outputs.potentials, answer(samples, deep).potentials)

    two = [w.astype(np.int16) for w in drawn([(12, 8), (8, 3)], rng)]
    expected = [w.copy() for w in two]
    with pytest.warns(DeprecationWarning):
        result = sb.oracle.train_samples(samples, w1=two[0], w2=two[1], order=order, showings=2)
    learnt = learn(samples, expected, order, Algorithm((12, 8, 3), showings=2))
    assert all(map(np.array_equal, two, expected))
    assert (result.score, result.weight_changes) == (learnt.score, learnt.weight_changes)
    assert result.hidden_active == learnt.hidden_spikes / (40 * 8)
    with pytest.warns(DeprecationWarning):
        outputs = sb.oracle.forward_samples(samples, *two)
    assert np.array_equal(outputs.potentials, answer(samples, two).potentials)


@pytest.mark.parametrize("old", ["deep_oracle", "deep_kernels", "oracle_kernels"])
def test_modules_of_earlier_releases_can_be_imported_with_a_warning(old):
    import importlib
    import sys

    sys.modules.pop(f"synfire_bp.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"synfire_bp.{old} has moved"):
        module = importlib.import_module(f"synfire_bp.{old}")
    if old == "deep_oracle":
        assert module.train_samples is sb.oracle.train_samples
        assert module.forward_samples is sb.oracle.forward_samples
    else:
        assert callable(module.learn) and callable(module.answer)


def test_weights_to_start_from_come_from_one_starter_after_the_other():
    first = Algorithm((4, 3, 2)).starting(lambda _, made: EVEN)
    assert first.drawn() is EVEN
    doubled = first.starting(lambda weights, made: tuple(2 * w for w in weights))
    for found, even in zip(doubled.drawn(), EVEN, strict=True):
        np.testing.assert_array_equal(found, 2 * even)


@pytest.mark.parametrize(
    ("drawn", "said"),
    [(EVEN[:1], r"start from \(4, 3\); must be \(4, 3\), \(3, 2\): w1, w2"), ((), "from nothing")],
)
def test_weights_to_start_from_of_other_shapes_are_refused(drawn, said):
    with pytest.raises(SynfireError, match=said):
        Algorithm((4, 3, 2)).starting(lambda _, made: drawn).drawn()
