"""The table of what learning beyond the paper reaches, from runs."""

from __future__ import annotations

import pandas as pd
import pytest

import synfire_bp as sb
from analysis import learning


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    made = []
    for seed in (3, 1):
        small = ["network.sizes=[64, 8, 10]", "training.epochs=1", f"training.seed={seed}"]
        experiment = sb.Experiment.from_file("digits", small)
        made.append(sb.train(experiment, engine="oracle", out=place / f"s{seed}"))
    return made


def test_every_run_is_a_row_with_its_last_test(runs, tmp_path):
    assert learning.main([*(str(run.path) for run in runs), "--out", str(tmp_path)]) == 0
    table = pd.read_csv(tmp_path / "digits.csv")
    assert table.seed.tolist() == [1, 3]
    last = runs[1].metrics.query("split == 'test'").iloc[-1]
    assert table.potential_percent[0] == pytest.approx(100 * last.accuracy_potential, abs=1e-4)
    assert table.spikes_percent[0] == pytest.approx(100 * last.accuracy_spikes, abs=1e-4)


def test_a_seed_that_comes_twice_is_refused(runs, tmp_path, capsys):
    path = str(runs[0].path)
    assert learning.main([path, path, "--out", str(tmp_path)]) == 1
    assert "two of the runs have the seed 3" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_is_no_run_is_told(tmp_path, capsys):
    assert learning.main([str(tmp_path / "none"), "--out", str(tmp_path)]) == 1
    assert "learning: " in capsys.readouterr().err
