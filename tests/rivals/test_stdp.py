"""STDP as a rival: step by step by its equations in NumPy, and what it answers."""

from __future__ import annotations

import numpy as np
import pytest

from synfire_bp.errors import ExperimentError, SimulationError, SynfireError
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals import read_rival
from synfire_bp.rivals.simulated import Task, simulated
from synfire_bp.rivals.stdp import reward_network, unsupervised_network
from synfire_bp.rivals.stdp.showing import Lesson
from synfire_bp.rivals.stdp.unsupervised import assigned, told

EVERY_STEP = ("showing.rate=1000.0", "showing.image=40.0", "showing.pause=10.0")  # nothing is drawn


def lesson(n, learnt, n_in, classes):
    rng = np.random.default_rng(4)
    inputs = (rng.random((n, n_in)) < 0.5).astype(np.uint8)
    return Lesson(inputs, rng.integers(classes, size=n), np.arange(n) < learnt)


def reward_by_hand(model, shown, weights):
    """Return answers, rewards and weights of neurons without noise, one of each class."""
    cells, learning, showing = model.cells, model.learning, model.showing
    n_in, n = weights.shape
    w, e = weights.copy(), np.zeros((n_in, n))
    v, pre, post = np.full(n, cells.resting), np.zeros(n_in), np.zeros(n)
    spiked, counts = np.full(n, -1000), np.zeros(n)
    expected, answers, rewards = 1 / n, [], []
    for step in range(len(shown) * showing.steps + 1):
        image, within = divmod(step, showing.steps)
        judged = within == 0 and step > 0
        if judged:
            assert np.sum(counts == counts.max()) == 1 or counts.max() == 0  # or it would be drawn
            answers.append(counts.argmax() if counts.max() else -1)
            reward = shown.learns[image - 1] * ((answers[-1] == shown.labels[image - 1]) - expected)
            expected += learning.expectation * reward
            rewards.append(reward)
            counts[:] = 0
        free = step - spiked >= cells.refractory
        v[free] += (cells.resting - v[free]) / cells.membrane_time
        pre *= np.exp(-1 / showing.trace_time)
        post *= 1 - 1 / learning.trace_time
        e *= np.exp(-1 / learning.eligibility_time)
        fires = free & (v > cells.threshold)
        on = shown.inputs[image] > 0 if image < len(shown) else np.zeros(n_in, bool)
        on = on & (within < showing.image_steps)
        spiked[fires] = step
        listens = free & ~fires
        v[listens] += on @ w[:, listens]
        e -= np.outer(on, learning.depression * post)
        v[listens] -= cells.inhibition * fires.sum()
        e += np.outer(pre, fires)
        if judged:
            limit = learning.weight_limit
            w = np.clip(w + learning.rate * rewards[-1] * e, -limit, limit)
        counts += fires
        v[fires] = cells.resting
        post += fires
        pre += on
    return answers, rewards, w


def test_reward_modulated_stdp_follows_its_equations():
    model = read_rival(
        "reward_stdp", [*EVERY_STEP, "cells.noise=0.0", "learning.rate=0.05",
                        "cells.inhibition=2.0", "learning.depression=0.4",
                        "learning.weight_limit=9.0"]
    )  # fmt: skip
    shown = lesson(12, 9, 10, 3)
    weights = np.random.default_rng(2).random((10, 3)) * 0.4
    answers, rewards, after = reward_by_hand(model, shown, weights)
    setup = reward_network.Setup(model.showing, model.cells, model.learning, shown, 3, weights)
    found = simulated(reward_network.task(1.0), setup, compiled=False)
    assert found.answers.tolist() == answers
    assert len(set(answers)) > 1 and {r > 0 for r in rewards[:9]} == {True, False}
    np.testing.assert_allclose(found.reward, rewards, atol=1e-12)
    np.testing.assert_allclose(found.weights, after, rtol=1e-9)
    assert found.input_spikes.tolist() == (40 * shown.inputs.sum(axis=1)).tolist()


def test_unsupervised_stdp_keeps_sums_and_learns_only_where_it_is_told():
    model = read_rival("stdp", [*EVERY_STEP, "cells.count=6", "learning.weight_sum=12.0"])
    weights = np.random.default_rng(6).random((20, 6)) * 0.3

    def found(n, learnt):
        setup = unsupervised_network.Setup(
            model.showing, model.cells, model.learning, lesson(n, learnt, 20, 3), weights
        )
        return simulated(unsupervised_network.task(1.0), setup, compiled=False)

    learnt, longer, nothing = found(6, 6), found(9, 6), found(6, 0)
    assert learnt.counts.sum() > 10  # or it proves nothing
    np.testing.assert_allclose(learnt.weights.sum(axis=0), 12, rtol=1e-9)
    np.testing.assert_allclose(longer.weights, learnt.weights)
    np.testing.assert_allclose(longer.thresholds, learnt.thresholds, rtol=1e-6)
    assert learnt.thresholds.max() == pytest.approx(
        model.cells.adaptation * learnt.counts.sum(axis=0).max(), rel=1e-3
    )
    assert (nothing.weights == weights).all() and not nothing.thresholds.any()


def test_neurons_get_the_class_that_they_fire_most_for_on_average():
    counts = np.array([[4, 0, 0, 1], [2, 0, 0, 1], [0, 5, 0, 1], [9, 6, 0, 2]])
    labels = assigned(counts, np.array([0, 0, 1, 1]), 3)
    assert labels.tolist() == [1, 1, -1, 1]
    answers = told(np.array([[3, 1, 7, 0], [0, 0, 9, 0]]), np.array([2, 0, -1, 2]), 3)
    assert answers.tolist() == [2, -1]


def test_samples_that_are_held_back_are_neither_learnt_from_nor_test_samples():
    changes = ["dataset={name: digits}", "training.held_back=38", "training.samples=null"]
    data = read_rival("stdp", changes).images()
    whole = read_rival("stdp", [*changes[:1], "training.samples=null"]).images()
    assert len(data.train) == len(whole.train) - 38
    assert (data.test.inputs == whole.train.inputs[-38:]).all()


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("stdp", ["showing.image=20.5"], "showing.image is 20.5 ms; must be a whole number of ste"),
        ("reward_stdp", ["cells.per_class=0"], "cells.per_class: is 0, but must be 1 or greater"),
    ],
)
def test_what_cannot_be_shown_or_built_is_refused(name, changes, said):
    with pytest.raises(ExperimentError, match=said):
        read_rival(name, changes)


def test_more_images_for_labels_or_held_back_than_there_are_is_refused():
    digits = ["dataset={name: digits}", "training.samples=100"]
    with pytest.raises(SynfireError, match=r"learning.labelling is 101, but there are 100 train"):
        read_rival("stdp", [*digits, "learning.labelling=101"]).run(WorkProgress(quiet=True))
    with pytest.raises(SynfireError, match=r"training.held_back is 1,438, but digits has 1,438"):
        read_rival("stdp", [*digits, "training.held_back=1438"]).images()


def test_what_brian2_refuses_in_the_process_of_a_rival_is_one_error_in_a_line():
    with pytest.raises(SimulationError) as caught:
        simulated(Task(refused, refused, 1.0), None)
    assert str(caught.value) == "the simulation of a rival failed: ValueError: units do not fit"


def refused(*_):
    """Stand for Brian2, which refuses a network."""
    raise ValueError("units do not fit\nin line 3")


def test_both_rivals_count_an_image_by_its_spikes_and_synapses():
    showing = read_rival("reward_stdp").showing
    counted = showing.operations((5, 3), 4.0, 2.0, inhibits=1, visited=7.0)
    assert (counted.spikes, counted.synaptic) == (6, 4 * 3 + 2 * 1)
    assert (counted.learning, counted.neurons) == (7 + 15, 3 * showing.steps)
    assert counted.all_learning == 15 * showing.steps
