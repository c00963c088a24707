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


def test_layers_of_graded_errors_are_told_by_hand_on_one_sample():
    w1, w2 = np.array([[600, 200, 900]]), np.array([[100, 30], [-40, 60], [8, 8]])
    grades = sb.circuit.grades.ErrorGrades(  # e of the first unit is counted once, of others twice
        sb.circuit.grades.Grade(16, most=1), (sb.circuit.grades.Grade(64, most=2),)
    )
    one = sb.Algorithm((1, 3, 2), box=(-512, 1536), grades=grades)
    # a2 = 108, 38: the first lacks 404, more than one step; the second is right
    found = depth.layers(np.array([[1]]), np.array([0]), (w1, w2), one).iloc[0]
    assert (found.error_median, found.learning_percent) == (40, 100)
    # e = 100, -40, 8: two steps, less one and one
    wanted = (2 * 100 + 40 + 8) / (np.sqrt(6) * np.sqrt(100**2 + 40**2 + 8**2))
    assert found.cosine == pytest.approx(wanted, abs=1e-4)


def test_every_network_is_trained_with_graded_errors_too():
    networks = [{case.sizes for case in depth.CASES if case.model == name} for name in
                ("mnist_fine", "mnist_fine_graded")]  # fmt: skip
    assert networks[0] == networks[1]


def test_a_case_is_a_model_whose_fractions_last_as_long_as_the_training():
    deep = next(case for case in depth.CASES if case.threshold == (200, 200, 30))
    experiment = deep.experiment(4)
    assert experiment.network.sizes == deep.sizes and experiment.training.seed == 4
    assert experiment.learning.accumulator.epochs * 5 == experiment.training.epochs == 30


def test_the_figure_shows_every_training_of_the_table():
    table = pd.DataFrame(
        {
            "model": [*(3 * ["mnist_fine"]), "mnist_fine_graded", "mnist"],
            "network": ["400-400-10", "400-400-10", "400-400-200-10", "400-400-10", "400-400-10"],
            "threshold": ["0", "30", "200, 30", "0", "0"],
            "spikes_percent": [96.0, 97.0, 98.0, 97.5, 95.0],
            "potential_percent": [98.0, 98.2, 98.4, 98.6, 97.0],
        }
    )
    axes = depth.draw(table).axes[0]
    shown = {
        marker: sorted(y for line in axes.lines if line.get_marker() == marker
                       for y in line.get_ydata())
        for marker in "oD"
    }  # fmt: skip
    assert shown == {"o": [96.0, 97.0, 98.0, 98.0, 98.2, 98.4], "D": [97.5, 98.6]}
