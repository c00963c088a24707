"""The trainings behind explanations, and the tables that are made of what they measured."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from analysis.variants import explained
from analysis.variants import explained_tables as tables
from analysis.variants.explained import STUDIES
from synfire_bp.errors import RunDirectoryError


def cells(text):
    """Return the rows of the Markdown table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def measured(**columns):
    """Return ten trainings: accuracies 90 … 99 beside 91 … 100 with hard bounds."""
    outcome = {"epoch": 5, "w1_size": 60.0, "w2_size": 50.0}
    return [
        {**columns, **outcome, "seed": seed, "bounds": bounds, "accuracy_potential": better + seed}
        for bounds, better in (("hard", 91.0), ("alike", 90.0))
        for seed in range(10)
    ]


def test_soft_bounds_are_compared_with_hard_ones_seed_by_seed():
    rows = cells(tables.soft_bounds(pd.DataFrame(measured(dataset="digits"))))
    by_bounds = {row[1]: row for row in rows}
    assert by_bounds["hard"][2:6] == ["5", "10", "95.5 (91.0 … 100.0)", ""]
    assert by_bounds["`alike`"][4:6] == ["94.5 (90.0 … 99.0)", "-1.0 in all of them"]


def test_a_difference_whose_interval_contains_zero_is_not_distinguishable():
    rows = pd.DataFrame(measured(dataset="digits"))
    soft = rows["bounds"] == "alike"
    rows.loc[soft, "accuracy_potential"] += [0, 2, 0, 2, 0, 2, 0, 2, 0, 2]
    text = tables.soft_bounds(rows)
    (said,) = [row[5] for row in cells(text) if row[1] == "`alike`"]
    assert said.startswith("+0.0 (-")
    assert said.endswith("not distinguishable")
    few = pd.DataFrame(measured(dataset="digits"))
    few = few[few["seed"] < 4]
    assert [row[5] for row in cells(tables.soft_bounds(few)) if row[5]] == ["-1.0"]


def test_pools_are_counted_with_both_ways_of_opening():
    rows = pd.DataFrame(
        {
            "opening": opening, "pool": pool, "cell_failure": 0.01, "epoch": 10, "seed": seed,
            "accuracy_potential": 20.0 + seed if opening == "balance" else 91.0,
            "stray_spikes": 12_000 if opening == "balance" else 0, "unequal_weights": 0,
        }
        for opening in ("balance", "shunting") for pool in (16, 64) for seed in (0, 1, 2)
    )  # fmt: skip
    text = tables.pools(rows)
    assert "10 epochs" in text
    assert cells(text)[1] == ["balance", "64", "0.01", "3", "21.0 (20.0 … 22.0)", "12,000", "0"]
    assert cells(text)[3] == ["shunting", "64", "0.01", "3", "91.0 (91.0 … 91.0)", "0", "0"]


def test_a_missing_table_names_the_command_that_makes_it(tmp_path, capsys):
    with pytest.raises(RunDirectoryError, match=r"explained pools"):
        tables.TABLES[2].made(tmp_path)
    assert tables.main(["--figures", str(tmp_path)]) == 1
    assert "analysis.variants.explained soft_bounds" in capsys.readouterr().err


def test_a_study_is_trained_once(tmp_path, monkeypatch):
    whole = STUDIES["soft_bounds"]
    study = replace(
        whole, cases=(whole.cases[0], whole.cases[3]), epochs={"digits": 1}, seeds={"digits": 1}
    )
    table = explained.numbers(study, tmp_path)
    assert table["bounds"].tolist() == ["hard", "alike"]
    assert table["epoch"].tolist() == [1, 1]
    assert (table["accuracy_potential"] > 30).all()
    shares = table[["w1_fallen", "w1_risen", "w2_fallen", "w2_risen"]]
    assert ((shares > 0) & (shares < 100)).all(axis=None)
    monkeypatch.delattr(explained, "train")
    pd.testing.assert_frame_equal(explained.numbers(study, tmp_path), table)


def test_every_study_has_undisturbed_trainings_with_the_same_seeds():
    for name, study in STUDIES.items():
        seeds = {}
        for seed, case in study.trainings():
            seeds.setdefault(case.name, set()).add(seed)
        first = study.cases[0]
        assert not first.changes, name
        same = first.columns["dataset"]
        assert all(
            seeds[case.name] == seeds[first.name]
            for case in study.cases
            if case.columns["dataset"] == same
        ), name
