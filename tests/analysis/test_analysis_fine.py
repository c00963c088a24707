"""The study of the fine models: what is trained, and what its tables and its picture tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synfire_bp as sb
from analysis.fine import outcomes, steps, study
from synfire_bp.errors import RunDirectoryError


def test_all_switches_together_are_mnist_fine():
    together = study.Case("all", switches=tuple(study.SWITCHES)).task(3).experiment
    assert together.decisive() == study.ALL.task(3).experiment.decisive()


def test_each_step_adds_to_the_one_before_and_each_switch_is_alone_and_left_out():
    added = [case.switches for case in study.ORDER[1:-2]]
    assert added == [tuple(study.SWITCHES)[:n] for n in range(len(study.SWITCHES))]
    names = {case.switches for case in study.steps()}
    for switch in study.SWITCHES:
        assert (switch,) in names
        assert tuple(name for name in study.SWITCHES if name != switch) in names


def test_every_training_of_the_study_is_a_model_that_can_be_built():
    first = [task for task in study.plan() if task.name.endswith("seed0")]
    for task in first:
        epochs = sb.assemble(task.experiment).experiment.training.epochs
        assert epochs == (study.EARLY_EPOCHS if "-early-" in task.name else 60)
    assert len({task.name for task in study.plan()}) == len(study.plan())


def table(gains: dict[str, float], seeds: int = 6) -> pd.DataFrame:
    """Return accuracies in which each switch adds a constant, and seeds differ."""
    rows = []
    for case in study.steps():
        on = study.SWITCHES if case in (study.ALL, study.GRADED) else case.switches
        for seed in range(seeds):
            value = 95 + 0.1 * seed + sum(gains[name] for name in on)
            rows.append({"case": case.name, "seed": seed, "spikes_percent": value,
                         "argmax_percent": value, "potential_percent": value + 1})  # fmt: skip
    return pd.DataFrame(rows)


def test_effects_are_differences_of_pairs_whatever_the_seeds_add():
    gains = {"accumulator": 0.5, "margin": 0.25, "box": 0.0, "shift": -0.125}
    found = steps.effects(table(gains))
    for row in found.itertuples():
        assert row.difference == pytest.approx(gains[row.switch], abs=1e-3)
        assert row.pairs == 6
    assert set(found[found["switch"] == "margin"]["verdict"]) == {"higher"}
    assert set(found[found["switch"] == "shift"]["verdict"]) == {"lower"}


def test_the_picture_shows_every_training_of_the_steps_also_those_below_its_axis():
    numbers = table(dict.fromkeys(study.SWITCHES, 0.5))
    numbers.loc[numbers["case"] == "base", "spikes_percent"] = 60.0
    axes = steps.draw(numbers).axes[0]
    marks = [line for line in axes.lines if line.get_marker() in "o<"]
    assert sum(len(line.get_xdata()) for line in marks) == 2 * 6 * len(study.ORDER)
    below = [line for line in marks if line.get_marker() == "<"]
    assert sum(len(line.get_xdata()) for line in below) == 6


def test_a_run_that_is_missing_is_told_of_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"paper-seed0: .*analysis\.fine\.runs"):
        steps.numbers(tmp_path)


def test_collapses_are_counted_by_what_the_last_tests_say(tmp_path, monkeypatch):
    changes = ("training.epochs=1", "training.samples=30", "record.samples=0")
    digits = ("network.sizes=[64, 8, 10]", *changes)

    def training(model: str, seed: int) -> study.Task:
        return study.Task(f"s{seed}", model, "oracle", (*digits, f"training.seed={seed}"))

    monkeypatch.setattr(outcomes, "many_seeds", lambda: [(training, "digits", range(3))])
    for seed in range(3):
        task = training("digits", seed)
        sb.train(task.experiment, engine="oracle", out=tmp_path / "fine" / task.name, quiet=True)
    found = outcomes.collapses(tmp_path).iloc[0]
    runs = [sb.Run.open(tmp_path / "fine" / f"s{seed}") for seed in range(3)]
    potential = [100 * run.last_test["accuracy_potential"] for run in runs]
    # thirty samples leave output units that never fire: every run is a collapse
    assert all(" silent" in run.activity["warnings"].iloc[-1] for run in runs)
    assert found["collapsed"] == 3
    assert (found["seeds"], found["potential"]) == (3, round(np.median(potential), 3))
    assert found["rate"] == pytest.approx(100 * found["collapsed"] / 3)
