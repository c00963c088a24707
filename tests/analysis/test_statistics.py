"""Rates and paired differences with their intervals: what claims rest on."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.shared.statistics import Estimate, collapsed, mean_difference, rate, verdict


def test_the_interval_of_many_even_differences_is_that_of_the_normal_distribution():
    drawn = np.random.default_rng(3).normal(0.4, 2.0, 400)
    found = mean_difference(drawn)
    half = 1.96 * drawn.std(ddof=1) / 20
    assert found.value == pytest.approx(drawn.mean()) and found.n == 400
    assert found.low == pytest.approx(drawn.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(drawn.mean() + half, abs=0.1 * half)


def test_the_interval_leans_to_the_side_of_a_rare_large_difference():
    found = mean_difference([0.1, -0.1, 0.0, 0.2, -0.2, 0.1, 0.0, -0.1, 0.0, 10.0])
    assert found.high - found.value > 1.5 * (found.value - found.low)


def test_the_same_differences_give_the_same_interval():
    differences = [0.3, 1.0, -0.2, 0.4, 0.6]
    assert mean_difference(differences) == mean_difference(differences)


def test_a_pair_with_a_missing_run_does_not_count():
    found = mean_difference([1.0, np.nan, 2.0, 3.0, 4.0, 5.0])
    assert found.n == 5 and found.value == pytest.approx(3)


def test_fewer_than_five_pairs_have_no_interval_and_no_verdict():
    found = mean_difference([-1.0, -1.1, -1.2, -1.3])
    assert np.isnan([found.low, found.high]).all() and found.verdict == "not known"
    assert mean_difference([]).n == 0


def test_what_is_equal_with_every_seed_is_called_equal():
    assert mean_difference([0.0] * 7) == Estimate(0, 0, 0, 7)
    assert mean_difference([0.0] * 7).verdict == "equal"
    assert mean_difference([-2.0] * 7).verdict == "lower"


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.1, 0.2, "not distinguishable"), (0.1, 0.2, "higher"), (-2.0, -0.1, "lower"),
     (0.0, 0.3, "not distinguishable")],
)  # fmt: skip
def test_a_difference_is_told_from_0_only_if_its_interval_does_not_hold_it(low, high, said):
    assert verdict((low + high) / 2, low, high) == said


@pytest.mark.parametrize(
    ("hits", "runs", "low", "high"),
    # Wilson 1927, as in Brown, Cai & DasGupta 2001: z²/(n + z²) = 16.1 % for 0 of 20
    [(0, 20, 0.0, 16.11), (20, 20, 83.89, 100.0), (8, 10, 49.02, 94.33)],
)
def test_a_rate_has_wilsons_interval(hits, runs, low, high):
    found = rate(hits, runs)
    assert found.value == pytest.approx(100 * hits / runs)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_a_collapse_is_far_below_the_median_or_has_a_unit_that_never_fires():
    potential = pd.Series([97.0, 97.1, 92.2, 91.9, 97.2, 97.0])
    never = pd.Series([0.0, 1.0, 0.0, 0.0, np.nan, 0.0])
    assert collapsed(potential, never).tolist() == [False, True, False, True, False, False]
