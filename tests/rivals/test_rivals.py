"""Rivals: what they compute is what is written of them, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from synfire_bp.errors import ExperimentError, RunDirectoryError, SynfireError
from synfire_bp.progress import WorkProgress
from synfire_bp.rivals import Operations, list_rivals, read_rival
from synfire_bp.rivals.backprop import gradients
from synfire_bp.rivals.drtp import Network, train_on
from synfire_bp.rivals.eprop.lesson import Lesson, Pattern
from synfire_bp.rivals.store import free_folder, read_summary, write_run

QUIET = WorkProgress(quiet=True)
DIGITS = (
    "dataset={name: digits}",
    "network.sizes=[64, 20, 10]",
    "training={epochs: 2, samples: 200}",
)


@pytest.mark.parametrize("name", list_rivals())
def test_every_shipped_rival_can_be_read(name):
    assert read_rival(name).name == name


def test_gradients_are_those_of_finite_differences():
    rng = np.random.default_rng(1)
    shapes = ((6, 5), (5,), (5, 3), (3,))
    parameters = tuple(rng.normal(size=shape) for shape in shapes)
    inputs = rng.integers(2, size=(7, 6)).astype(np.uint8)
    labels = rng.integers(3, size=7)

    def loss(changed):
        w1, b1, w2, b2 = changed
        outputs = np.maximum(inputs @ w1 + b1, 0) @ w2 + b2
        chance = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)
        return -np.log(chance[np.arange(7), labels]).mean()

    for place, found in enumerate(gradients(parameters, inputs, labels)):
        for index in np.ndindex(found.shape):
            up, down = ([one.copy() for one in parameters] for _ in range(2))
            up[place][index] += 1e-6
            down[place][index] -= 1e-6
            assert found[index] == pytest.approx((loss(up) - loss(down)) / 2e-6, abs=1e-7)


def test_random_targets_move_weights_as_plain_numpy_does():
    rng = np.random.default_rng(2)
    inputs = rng.integers(2, size=(60, 30)).astype(np.uint8)
    labels = rng.integers(4, size=60)
    net = Network.drawn((30, 12, 4), 3, 1.0, 254)
    w1, w2 = net.w1.astype(int), net.w2.astype(int)
    t1, t2 = np.zeros_like(w1), np.zeros_like(w2)
    signs = net.projection.astype(int)
    train_on(net, inputs, labels, np.arange(60), parts=12, margin=128, box=(-512, 1536), limit=254)
    for x, label in zip(inputs.astype(int), labels, strict=True):
        a1 = x @ w1
        h = (a1 > 512).astype(int)
        a2 = h @ w2
        d1 = signs[label] * ((a1 > 0) & (a1 <= 1024))
        target = np.arange(4) == label
        inside = (a2 > -512) & (a2 <= 1536)
        d2 = (inside & target & (a2 <= 640)).astype(int) - (inside & ~target & (a2 > 384))
        for w, t, pre, d in ((w1, t1, x, d1), (w2, t2, h, d2)):
            t += 12 * np.outer(pre, d)
            steps = np.trunc(t / 32).astype(int)
            t -= 32 * steps
            w[:] = np.clip(w + 2 * steps, -254, 254)
    assert (net.w1 == w1).all() and (net.w2 == w2).all()
    assert (w1 != Network.drawn((30, 12, 4), 3, 1.0, 254).w1).any()  # or it proves nothing


@pytest.mark.parametrize("name", ["backprop", "drtp"])
def test_the_same_seed_gives_the_same_weights_and_a_run_comes_once(name, tmp_path):
    model = read_rival(name, DIGITS)
    first, again = model.run(QUIET), model.run(QUIET)
    assert first.samples == 400
    assert all((first.arrays[key] == again.arrays[key]).all() for key in first.arrays)
    write_run(free_folder(tmp_path / "run"), model, first)
    summary = read_summary(tmp_path / "run")
    assert summary["seed"] == 0 and summary["last"]["epoch"] == 2
    assert summary["joules"] == first.operations.joules()
    with pytest.raises(RunDirectoryError, match="holds the run of a rival already"):
        free_folder(tmp_path / "run")


def test_energy_is_operations_times_the_published_costs():
    counted = Operations(spikes=1, synaptic=10, learning=100, neurons=1000, all_learning=2000)
    spike = 81 - 52 + 1.7  # pJ: Davies et al. (2018)
    assert counted.joules() == pytest.approx(1e-12 * (236 + 12_000 + 52_000 + spike))
    more = counted.joules(visits_all=True) - counted.joules()
    assert more == pytest.approx(1e-12 * 120 * 1900)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("drpt", (), "did you mean drtp"),
        ("drtp", ("learning.margin=600",), "learning.margin: is 600, but must be 512 or less"),
        ("eprop_pattern", ("cells.regular=0",), "cells.regular and cells.adaptive are both 0"),
        ("backprop", ("learning.stepp=1",), "learning.stepp: unknown key"),
        ("reward_stdp", ("rival=drtp",), 'rival: is set to "drtp", but .* of reward_stdp'),
    ],
)
def test_what_is_wrong_in_a_model_file_is_named(name, changes, said):
    with pytest.raises(ExperimentError, match=said):
        read_rival(name, changes)


def test_a_network_that_does_not_fit_the_images_is_refused():
    with pytest.raises(SynfireError, match=r"network.sizes is \[50, 20, 10\], but digits has 64"):
        read_rival("drtp", [*DIGITS, "network.sizes=[50, 20, 10]"]).run(QUIET)


def test_a_lesson_refuses_spikes_where_the_network_is_at_rest():
    with pytest.raises(SynfireError, match="arrives in step 10, the first of an interval"):
        spikes = np.array([3, 10]), np.array([0, 0])
        Lesson(10, 10, 2, *spikes, 1, Pattern(np.zeros((10, 1))))


@pytest.mark.parametrize("names", [["curve.csv"], ["curve.csv", "learnt.npz"], ["notes.txt"]])
def test_a_folder_with_files_of_others_is_refused_even_if_their_names_are_ours(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(RunDirectoryError, match=f"holds '{names[0]}'.*which no run of a rival"):
        free_folder(tmp_path)


def test_what_a_killed_rival_left_is_written_over(tmp_path):
    for name in ("rival.yaml", "curve.csv", ".learnt.npz.123.tmp"):
        (tmp_path / name).write_text("")
    assert free_folder(tmp_path) == tmp_path
