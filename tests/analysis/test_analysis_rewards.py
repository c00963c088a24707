"""The map of late rewards and the tables of scalar ones, from trainings in integers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from analysis import rewards


def test_a_training_ends_as_that_of_the_command(tmp_path):
    experiment = sb.Experiment.from_file(
        "variants/digits_distal_reward", ["network.sizes=[64, 8, 10]", "training.epochs=2"]
    )
    last = sb.train(experiment, engine="oracle", out=tmp_path / "run").last_test
    found = rewards.trained(experiment)
    for name in ("spikes", "potential"):
        assert found[f"{name}_percent"] == pytest.approx(100 * last[f"accuracy_{name}"], abs=1e-4)


def test_a_cell_is_the_mean_of_its_seeds_within_its_interval():
    accuracies = np.array([80.0, 82.0, 84.0, 86.0, 88.0])
    table = pd.DataFrame(
        {"reward": "told", "tau": 2, "delay": 1, "seed": range(5),
         "spikes_percent": accuracies - 10, "potential_percent": accuracies}
    )  # fmt: skip
    cell = rewards.cells(table).iloc[0]
    assert (cell.seeds, cell.mean_percent, cell.spikes_mean_percent) == (5, 84.0, 74.0)
    assert 80 < cell.low_percent < 84 < cell.high_percent < 88


def test_the_map_has_a_panel_for_each_reward_and_a_number_in_each_cell():
    named = pd.DataFrame([case for case, _ in rewards._map_cases()])
    figure = rewards.draw(named.assign(spikes_percent=50.0, potential_percent=60.0))
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert len(panels) == named.reward.nunique()
    for axes in panels:
        assert {text.get_text() for text in axes.texts} == {"60"}
        assert len(axes.texts) == named.tau.nunique() * named.delay.nunique()


@pytest.mark.parametrize("name", [rewards.MAP, rewards.TABLE, rewards.MNIST])
def test_every_case_is_a_model_that_the_integers_follow(name):
    model, cases = rewards._CASES[name]
    for _, overrides in list(cases())[:: 1 if name == rewards.MNIST else 7]:
        experiment = sb.Experiment.from_file(model, list(overrides))
        assert not sb.assemble(experiment).algorithm.obstacles


def test_what_is_no_study_is_refused(capsys):
    with pytest.raises(SystemExit):
        rewards.main(["everything"])
    assert "unknown: everything; known: late_reward" in capsys.readouterr().err
