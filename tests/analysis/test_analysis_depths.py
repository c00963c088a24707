"""What `analysis.depth` tells of the layers of a network, and the trainings that it compares."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from analysis import depth


def test_layers_are_told_by_hand_on_one_sample():
    w1 = np.array([[600, 200, -40, 2000]])  # fires; is inside the box; is below it; is above it
    w2 = np.array([[100, 30], [-40, 60], [8, 8], [500, 500]])  # a2 = 600, 530: the second is wrong
    algorithm = sb.Algorithm((1, 4, 2), hidden_thresholds=(40,))
    found = depth.layers(np.array([[1]]), np.array([0]), (w1, w2), algorithm).iloc[0]
    assert (found.active_percent, found.never_percent, found.in_box_percent) == (50, 50, 50)
    # e = -30, -60 inside the box; only the second exceeds 40
    assert (found.error_median, found.learning_percent) == (45, 50)
    assert found.cosine == pytest.approx(60 / np.hypot(30, 60), abs=1e-4)


def test_a_case_is_a_model_whose_fractions_last_as_long_as_the_training():
    deep = next(case for case in depth.CASES if case.threshold == (200, 200, 30))
    experiment = deep.experiment(4)
    assert experiment.network.sizes == deep.sizes and experiment.training.seed == 4
    assert experiment.learning.accumulator.epochs * 5 == experiment.training.epochs == 30


def test_the_figure_shows_every_training_of_the_table():
    table = pd.DataFrame(
        {
            "model": "mnist_fine",
            "network": ["400-400-10", "400-400-10", "400-400-200-10"],
            "threshold": ["0", "30", "200, 30"],
            "spikes_percent": [96.0, 97.0, 98.0],
            "potential_percent": [98.0, 98.2, 98.4],
        }
    )
    axes = depth.draw(table).axes[0]
    shown = [y for line in axes.lines if line.get_marker() == "o" for y in line.get_ydata()]
    assert sorted(shown) == [96.0, 97.0, 98.0, 98.0, 98.2, 98.4]
