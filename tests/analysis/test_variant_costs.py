"""The table of what a sample costs in each variant: from the benchmark's file to the page."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from analysis import variant_costs
from analysis.prose import variant_costs as page


def bench(plain, other):
    def cost(ms, ratios):
        times = (
            None
            if ratios is None
            else {"median": sorted(ratios)[len(ratios) // 2], "rounds": ratios}
        )
        return {"ms": {"median": sorted(ms)[len(ms) // 2], "rounds": ms}, "times_plain": times}

    costs = {"tiny": cost(plain, [1.0 for _ in plain]), "tiny_slow": cost(*other)}
    return {"schema": 1, "plain": "tiny", "costs": costs}


@pytest.fixture
def written(tmp_path):
    def write(result):
        (tmp_path / "bench_variants.json").write_text(json.dumps(result))
        out = tmp_path / "out"
        code = variant_costs.main([str(tmp_path), "--out", str(out)])
        return code, out / variant_costs.TABLE

    return write


def test_every_round_of_every_model_is_written_and_the_page_tells_median_and_spread(written):
    code, file = written(bench([1.0, 2.0, 3.0], ([2.0, 5.0, 9.0], [2.0, 2.5, 3.0])))
    assert code == 0
    rows = pd.read_csv(file)
    assert rows.ms.tolist() == [1, 2, 3, 2, 5, 9]
    lines = page.table(rows).splitlines()
    assert "| tiny (plain) | 1 |  |" in lines
    assert "| tiny_slow | 2.5 | 2.0 … 3.0 |" in lines


def test_a_ratio_that_is_lost_in_noise_is_said_to_be_not_clear(written):
    _, file = written(bench([1.0, 2.0, 3.0], ([0.1, 5.0, 9.0], None)))
    assert "| tiny_slow | not clear |  |" in page.table(pd.read_csv(file))


def test_a_missing_benchmark_is_told_with_the_command_that_makes_it(tmp_path, capsys):
    assert variant_costs.main([str(tmp_path)]) == 1
    assert "synfire-bp bench mnist --variants --out" in capsys.readouterr().err


@pytest.mark.parametrize(
    "spoilt",
    [
        {"schema": 1},
        {"schema": 1, "plain": 3, "costs": [1]},
        {"schema": 1, "plain": "tiny", "costs": {}},
        {"schema": 1, "plain": "a", "costs": {"a": {"ms": {"rounds": [1, 2]},
                                                    "times_plain": {"rounds": [1]}}}},
        {"schema": 1, "plain": "a", "costs": {"a": {"ms": {"rounds": ["a", None]},
                                                    "times_plain": None}}},
        [],
    ],
)  # fmt: skip
def test_a_damaged_benchmark_is_told_in_a_line_and_nothing_is_written(written, spoilt, capsys):
    code, file = written(spoilt)
    assert code == 1 and not file.exists()
    assert "bench_variants.json: cannot be read (" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_told(tmp_path, capsys):
    (tmp_path / "bench_variants.json").write_text(json.dumps(bench([1.0], ([2.0], None))))
    (tmp_path / "file").touch()
    assert variant_costs.main([str(tmp_path), "--out", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
