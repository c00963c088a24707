"""Figures of sweeps: their numbers, from sweeps whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("SALib")

from analysis.__main__ import main
from analysis.shared.output import saved_table
from analysis.sweeps import cost as sweep_cost
from analysis.sweeps import effects as sweep_effects
from analysis.sweeps import indices as sweep_indices
from analysis.sweeps import seeds as sweep_seeds
from analysis.sweeps import sensitivity
from analysis.sweeps import table as sweep_table
from analysis.sweeps.tables import load_sweep
from synfire_bp.sweep import Sweep, SweepStore, planned_runs
from synfire_bp.sweep.worker import FAILED, OK, Outcome

FIGURES = Path(__file__).parents[2] / "figures" / "sweeps"

RANGES = """\
name: known
model: digits
parameters:
  dataset.threshold: {low: 0.0, high: 1.0}
  dataset.scale: {low: 0.001, high: 1.0}
  network.initial_spread: {low: 0.0, high: 1.0}
record: [silent_outputs]
"""
A, B, C = "dataset.threshold", "dataset.scale", "network.initial_spread"


def made(path, text, answer, *, epochs=(1.0,), shut=None, failed=()):
    """Write a sweep of which `answer(values, seed)` tells the accuracy by potential."""
    sweep = Sweep.from_yaml(text)
    planned = planned_runs(sweep)
    outcomes = []
    for run in planned:
        if run.run in failed:
            row = {"status": FAILED, "error": "no", "epoch_rows": 0}
            outcomes.append(Outcome(run.run, FAILED, row))
            continue
        seed = run.sets.get("training.seed", 0)
        good = answer(run.values, seed)
        rows = []
        for n, epoch in enumerate(epochs):
            row = {"epoch": epoch, "split": "test", "samples": 9, "exact": 0.0, "mse": 0.0,
                   "seconds": 0.0, "accuracy_spikes": good / 2,
                   "accuracy_potential": good * (n + 1) / len(epochs)}  # fmt: skip
            if shut is not None:
                row["shut"] = shut(seed)[n]
                row["silent_outputs"] = sum(share == 1 for share in row["shut"])
            rows.append(row)
        end = {k: rows[-1][k] for k in ("accuracy_spikes", "accuracy_potential", "exact", "mse")}
        silent = rows[-1].get("silent_outputs", 0)
        about = {"status": OK, "seed": seed, "silent_outputs": silent, "epoch_rows": len(rows),
                 "never_fired": silent}  # fmt: skip
        outcomes.append(Outcome(run.run, OK, {**about, **end}, rows))
    with SweepStore.open(path, sweep, planned) as store:
        store.append(outcomes)
    return path


def linear(values, seed):
    return 0.5 + (2 * values[A] + values[B]) / 10


def test_sobol_indices_of_a_sum_are_the_shares_of_its_terms(tmp_path):
    text = RANGES + "design: {kind: saltelli, samples: 256, seed: 0}\n"
    tables = load_sweep(made(tmp_path / "s", text, linear, failed=[7]))
    numbers = sweep_indices.sobol_numbers(tables)
    assert set(numbers["base_points"]) == {255}  # the one with a failed run is left out
    for kind in ("first", "total"):
        rows = numbers[(numbers["kind"] == kind) & (numbers["outcome"] == "accuracy_potential")]
        found = rows.set_index("parameter")["index"]
        assert found[A] == pytest.approx(0.8, abs=0.05)
        assert found[B] == pytest.approx(0.2, abs=0.05)
        assert found[C] == pytest.approx(0.0, abs=0.02)
        width = rows.set_index("parameter")["confidence"]
        assert 0 < width[A] < 0.3
    assert sweep_indices.morris_numbers(tables) is None
    assert sweep_indices.pair_numbers(tables) is None
    assert sweep_effects.map_numbers(tables) is None


def test_second_order_indices_find_the_pair_that_works_together(tmp_path):
    text = RANGES + "design: {kind: saltelli, samples: 256, second_order: true, seed: 0}\n"

    def product(values, seed):  # no effect of either alone
        return 0.5 + (values[A] - 0.5) * (values[C] - 0.5)

    tables = load_sweep(made(tmp_path / "s", text, product))
    numbers = sweep_indices.pair_numbers(tables)
    numbers = numbers[numbers["outcome"] == "accuracy_potential"]
    found = numbers.set_index(["parameter", "other"])["index"]
    assert found[A, C] == pytest.approx(1, abs=0.15)
    assert found[A, B] == pytest.approx(0, abs=0.15)
    assert found[B, C] == pytest.approx(0, abs=0.15)


def test_morris_effects_of_a_sum_are_its_slopes_and_have_no_spread(tmp_path):
    text = RANGES + "design: {kind: morris, samples: 10, seed: 0}\n"
    numbers = sweep_indices.morris_numbers(load_sweep(made(tmp_path / "s", text, linear)))
    rows = numbers[numbers["outcome"] == "accuracy_potential"].set_index("parameter")
    assert rows["mu_star"][A] == pytest.approx(20)  # points over the whole range
    assert rows["mu_star"][B] == pytest.approx(10, rel=0.01)
    assert rows["mu_star"][C] == pytest.approx(0, abs=1e-9)
    assert rows["sigma"].max() < 0.1


def test_main_effects_and_interactions_are_means_of_the_runs(tmp_path):
    text = """\
name: grid
model: digits
parameters:
  network.weight_limit: [100, 200]
  learning.rule: ["dw = 4*r1*x0*y0 - 2*x0*y0", "dw = 8*r1*x0*y0 - 4*x0*y0"]
design: {kind: grid}
seeds: 4
"""

    def answer(values, seed):
        strong = values["learning.rule"].startswith("dw = 8")
        return 0.5 + 0.1 * (values["network.weight_limit"] == 200) * (1 + strong) + 0.01 * seed

    tables = load_sweep(made(tmp_path / "s", text, answer))
    effects = sweep_effects.effect_numbers(tables)
    rows = effects[effects["outcome"] == "accuracy_potential"].set_index("value")
    assert rows["mean"][100] == pytest.approx(50 + 1.5)
    assert rows["mean"][200] == pytest.approx(50 + 15 + 1.5)
    assert rows["runs"].tolist() == [8] * 4
    assert (rows["low"] < rows["mean"]).all()
    assert (rows["mean"] < rows["high"]).all()
    pairs = sweep_effects.interaction_numbers(tables)
    assert set(pairs["parameter"]) == {"network.weight_limit"}
    found = pairs.set_index(["value", "part"])["mean"]
    assert found[200, "high"] - found[200, "low"] == pytest.approx(10)
    assert found[100, "high"] - found[100, "low"] == pytest.approx(0)
    heat = sweep_effects.map_numbers(tables)
    assert len(heat) == 2 * 4
    at = heat[(heat["x"] == 200) & (heat["outcome"] == "accuracy_potential")]
    assert sorted(at["mean"]) == pytest.approx([61.5, 71.5])
    assert at["lowest"].min() == pytest.approx(60)


def test_parts_of_a_range_are_eighths_of_it(tmp_path):
    text = RANGES + "design: {kind: latin_hypercube, samples: 64, seed: 0}\n"
    tables = load_sweep(made(tmp_path / "s", text, linear))
    rows = sweep_effects.effect_numbers(tables)
    rows = rows[(rows["parameter"] == A) & (rows["outcome"] == "accuracy_potential")]
    assert rows["value"].tolist() == pytest.approx([(n + 0.5) / 8 for n in range(8)])
    assert rows["runs"].tolist() == [8] * 8
    assert np.polyfit(rows["value"], rows["mean"], 1)[0] == pytest.approx(20, abs=4)


SEEDS = "name: seeds\nmodel: digits\ndesign: {kind: grid}\nseeds: 6\nrecord: [silent_outputs]\n"


def collapsing(seed):
    """Return, for three tests, the share of each unit: seed 1 loses unit 2, seed 4's comes back."""
    if seed == 1:
        return [[0.1, 0.0, 1.0]] * 3
    return [[0.1, 0.0, 1.0 if seed == 4 and test == 0 else 0.2] for test in range(3)]


@pytest.fixture
def seeds(tmp_path):
    def answer(values, seed):
        return 0.86 if seed == 1 else 0.95 + 0.001 * seed

    return made(tmp_path / "s", SEEDS, answer, epochs=(1.0, 2.0, 3.0), shut=collapsing)


def test_the_collapse_is_told_by_units_that_stay_silent_and_units_that_come_back(seeds):
    tables = load_sweep(seeds)
    numbers = sweep_seeds.collapse_numbers(tables)
    silent = numbers[numbers["unit"] >= 0]
    assert set(silent["seed"]) == {1, 4}
    lost = silent[silent["seed"] == 1]
    assert lost["unit"].tolist() == [2, 2, 2]
    assert lost["ends_silent"].all()
    assert lost["accuracy_potential"].tolist() == pytest.approx([86] * 3)
    back = silent[silent["seed"] == 4]
    assert back["shut"].tolist() == [1, 0.2, 0.2]
    assert not back["ends_silent"].any()
    assert sorted(numbers[numbers["unit"] < 0]["seed"]) == [0, 2, 3, 5]
    spread = sweep_seeds.spread_numbers(tables)
    assert spread[spread["silent"] > 0]["seed"].unique().tolist() == [1]
    assert sweep_effects.silence_numbers(tables) is None  # nothing but the seed is varied


def test_a_fan_holds_the_percentiles_of_the_runs(seeds):
    fan = sweep_seeds.fan_numbers(load_sweep(seeds))
    last = fan[(fan["epoch"] == 3) & (fan["outcome"] == "accuracy_potential")].iloc[0]
    ends = [95.0, 86.0, 95.2, 95.3, 95.4, 95.5]
    assert last["runs"] == 6
    assert last["median"] == pytest.approx(np.median(ends))
    assert last["p5"] == pytest.approx(np.percentile(ends, 5))
    first = fan[(fan["epoch"] == 1) & (fan["outcome"] == "accuracy_potential")].iloc[0]
    assert first["median"] == pytest.approx(np.median(ends) / 3)


def test_the_share_of_silent_runs_is_counted_at_each_value(tmp_path):
    text = SEEDS.replace("design:", "parameters: {network.weight_limit: [100, 200]}\ndesign:")

    def shut(seed):
        return collapsing(seed)[:1]

    tables = load_sweep(made(tmp_path / "s", text, lambda values, seed: 0.9, shut=shut))
    numbers = sweep_effects.silence_numbers(tables).set_index("value")
    assert numbers["silent_runs"].tolist() == [2, 2]  # seeds 1 and 4 of six
    assert numbers["share"].tolist() == pytest.approx([100 / 3] * 2)
    # Wilson's interval of 2 in 6
    assert numbers["low"].tolist() == pytest.approx([9.7] * 2, abs=0.1)
    assert numbers["high"].tolist() == pytest.approx([70.0] * 2, abs=0.1)


# ---------------------------------------------------------------- files and the command


def test_every_figure_is_drawn_with_its_numbers_beside_it(seeds, tmp_path, capsys):
    out = tmp_path / "figures"
    assert main(["sensitivity", str(seeds), "--out", str(out)]) == 0
    names = {"spread", "fan", "collapse"}
    out = out / "sweeps" / "seeds"
    drawn = {f"{name}.{kind}" for name in names for kind in ("png", "csv")}
    tables = {"sweep.yaml", "runs.parquet", "tests.parquet"}
    assert {file.name for file in out.iterdir()} == drawn | tables
    for name in names:
        assert (out / f"{name}.png").stat().st_size > 5000
    kind = sweep_seeds.fan_numbers(load_sweep(seeds))
    pd.testing.assert_frame_equal(pd.read_csv(out / "fan.csv"), kind)


def test_points_and_lines_are_the_numbers(seeds):
    tables = load_sweep(seeds)
    collapse = sweep_seeds.collapse_numbers(tables)
    figure = sweep_seeds.draw_collapse(collapse)
    left, right = figure.axes
    drawn = sorted(float(y) for line in left.lines for y in line.get_ydata())
    ends = tables.runs
    assert drawn == pytest.approx(sorted([*ends["accuracy_spikes"], *ends["accuracy_potential"]]))
    courses = sorted(tuple(line.get_ydata()) for line in right.lines)
    assert courses == [(100.0, 20.0, 20.0), (100.0, 100.0, 100.0)]
    fan = sweep_seeds.fan_numbers(tables)
    axes = sweep_seeds.draw_fan(fan).axes[1]
    of_potential = fan[fan["outcome"] == "accuracy_potential"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), of_potential["median"])


def test_all_kinds_of_figures_can_be_drawn(tmp_path):
    kept = {"sweep.yaml", "runs.parquet"}
    kinds = {"saltelli, samples: 8, second_order: true": kept | {"sobol", "pairs", "order",
                                                                 "effects", "interactions"},
             "morris, samples: 4": kept | {"morris", "effects", "interactions"}}  # fmt: skip
    for n, (design, expected) in enumerate(kinds.items()):
        text = RANGES + f"design: {{kind: {design}}}\n"
        drawn = sensitivity.draw_sweep(made(tmp_path / f"s{n}", text, linear), tmp_path / "f")
        assert {name.removeprefix("known/") for name, _ in drawn} == expected


def test_what_cannot_be_drawn_is_said(tmp_path, capsys):
    assert main(["sensitivity", str(tmp_path)]) == 1
    assert "is not a folder of a sweep" in capsys.readouterr().err
    made(tmp_path / "s", SEEDS, linear, failed=range(6))
    assert main(["sensitivity", str(tmp_path / "s")]) == 1
    assert "no run of this sweep is done yet; 6 failed" in capsys.readouterr().err


# ---------------------------------------------------------------- what is established


def test_the_order_of_indices_is_established_where_they_are_far_apart(tmp_path):
    text = RANGES + "design: {kind: saltelli, samples: 256, seed: 0}\n"

    def answer(values, seed):  # A decides most; B and C as much as each other
        return 0.5 + (4 * values[A] + values[B] + values[C]) / 20

    tables = load_sweep(made(tmp_path / "s", text, answer))
    order = sweep_indices.order_numbers(tables)
    total = order[(order["outcome"] == "accuracy_potential") & (order["kind"] == "total")]
    said = {frozenset(pair): what for *pair, what in
            total[["parameter", "other", "verdict"]].itertuples(index=False)}  # fmt: skip
    assert said[frozenset({A, B})] == said[frozenset({A, C})] == "higher"
    assert said[frozenset({B, C})] == "not distinguishable"
    assert set(total.loc[total["verdict"] == "higher", "parameter"]) == {A}
    indices = sweep_indices.sobol_numbers(tables)
    assert indices["established"].tolist() == (indices["low"] > 0).tolist()


def test_an_index_of_what_has_no_effect_is_not_established(tmp_path):
    text = RANGES + "design: {kind: saltelli, samples: 256, seed: 0}\n"
    indices = sweep_indices.sobol_numbers(load_sweep(made(tmp_path / "s", text, linear)))
    first = indices[indices["kind"] == "first"].set_index(["outcome", "parameter"])
    told = first.loc["accuracy_potential"]["established"]
    assert told[A] and told[B] and not told[C]


SPREAD = """\
name: half
model: digits
parameters:
  network.initial_spread: [0.5, 1.0]
design: {kind: grid}
seeds: 8
"""


@pytest.fixture
def halved(tmp_path):
    """A sweep in which seeds 2 and 5 collapse with the whole spread, and half costs a point."""

    def answer(values, seed):
        whole = values[C] == 1.0
        lost = 0.1 if whole and seed in (2, 5) else 0
        return 0.95 + 0.005 * seed - 0.01 * (not whole) + 0.0001 * (seed % 3) * whole - lost

    return made(tmp_path / "half", SPREAD, answer)


def test_the_cost_of_a_value_is_told_by_pairs_with_and_without_collapses(halved):
    numbers = sweep_cost.cost_numbers(load_sweep(halved))
    assert set(numbers["reference"]) == {1.0}  # what the model has by itself
    counted = numbers[numbers["what"] == "collapsed"].set_index("value")
    assert counted["hits"].to_dict() == {0.5: 0, 1.0: 2}
    # Wilson's interval of 0 and of 2 in 8
    assert counted["high"].to_dict() == pytest.approx({0.5: 32.44, 1.0: 59.07}, abs=0.02)
    assert counted["only_reference"][0.5] == 2 and counted["only_value"][0.5] == 0
    assert counted["p"][0.5] == pytest.approx(2 * 0.5**2)
    found = numbers[numbers["outcome"] == "accuracy_potential"].set_index("what")
    extra = np.array([0, 1, 2, 0, 1, 2, 0, 1]) / 100
    assert found["estimate"]["difference"] == pytest.approx(1.5 - extra.mean(), abs=1e-3)
    kept = np.delete(-1 - extra, [2, 5])
    assert found["runs"]["difference_kept"] == 6
    assert found["estimate"]["difference_kept"] == pytest.approx(kept.mean(), abs=1e-3)
    assert found["verdict"]["difference_kept"] == "lower"


def test_a_design_without_pairs_has_no_cost(seeds, tmp_path):
    assert sweep_cost.cost_numbers(load_sweep(seeds)) is None
    text = RANGES + "design: {kind: latin_hypercube, samples: 8, seed: 0}\n"
    assert sweep_cost.cost_numbers(load_sweep(made(tmp_path / "s2", text, linear))) is None


def test_rates_and_differences_are_drawn_with_their_intervals(halved):
    numbers = sweep_cost.cost_numbers(load_sweep(halved))
    left, right = sweep_cost.draw_cost(numbers).axes
    assert len(right.containers) == 4  # two readouts, with and without collapses
    (spot, *_), *_ = left.containers
    assert spot.get_ydata().tolist() == pytest.approx([0, 25])


# ---------------------------------------------------------------- from the committed tables


@pytest.mark.parametrize(
    "design",
    ["saltelli, samples: 8, second_order: true", "morris, samples: 4", "sobol, samples: 16"],
)
def test_the_tables_beside_the_figures_give_all_numbers_again(design, tmp_path):
    text = RANGES + f"design: {{kind: {design}, seed: 0}}\n"
    path = made(tmp_path / "s", text, linear, failed=[3])
    sensitivity.draw_sweep(path, tmp_path / "figures")
    first, again = load_sweep(path), load_sweep(tmp_path / "figures" / "sweeps" / "known")
    assert again.failed == 1 and len(again.runs) == len(first.runs)
    assert_same_numbers(first, again)


def test_so_do_those_of_a_sweep_with_many_tests(seeds, halved, tmp_path):
    for path in (seeds, halved):
        sensitivity.draw_sweep(path, tmp_path / "figures")
        first = load_sweep(path)
        assert_same_numbers(first, load_sweep(tmp_path / "figures" / "sweeps" / first.sweep.name))


def assert_same_numbers(first, again):
    for kind, figure in sensitivity.FIGURES.items():
        numbers, twice = figure.numbers(first), figure.numbers(again)
        assert (numbers is None) == (twice is None), kind
        if numbers is not None:
            pd.testing.assert_frame_equal(numbers, twice, check_dtype=False)


LARGE = {"sobol": pytest.mark.slow}  # 16,384 runs
KEPT = [
    pytest.param(name, marks=LARGE.get(name, ()))
    for name in sorted(path.parent.name for path in FIGURES.glob("*/runs.parquet"))
]


@pytest.mark.parametrize("name", KEPT)
def test_the_committed_numbers_are_made_of_the_committed_runs(name):
    tables = load_sweep(FIGURES / name)
    for kind, figure in sensitivity.FIGURES.items():
        made_again, committed = figure.numbers(tables), saved_table(FIGURES / name, kind)
        assert (made_again is None) == (committed is None), kind
        if committed is not None:
            pd.testing.assert_frame_equal(committed, made_again, check_dtype=False)


def test_the_tables_of_a_page_say_what_is_not_established(halved, tmp_path, capsys):
    figures = tmp_path / "figures"
    assert sweep_table.main(["--figures", str(figures)]) == 1
    assert "synfire-bp sweep half_spread" in capsys.readouterr().err
    text = RANGES + "design: {kind: saltelli, samples: 64, second_order: true, seed: 0}\n"
    sobol = made(tmp_path / "sobol", text.replace("known", "sobol"), linear)
    definition = halved / "sweep.yaml"
    definition.write_text(definition.read_text().replace("name: half", "name: half_spread"))
    sensitivity.draw_sweep(halved, figures)
    assert sweep_table.main(["--figures", str(figures)]) == 0
    assert "`sobol`: not run yet." in capsys.readouterr().out
    sensitivity.draw_sweep(sobol, figures)
    page = tmp_path / "page.md"
    page.write_text(f"{sweep_table.BEGIN}\n{sweep_table.END}\n")
    assert sweep_table.main(["--figures", str(figures), "--into", str(page)]) == 0
    lines = page.read_text().splitlines()
    rates = next(line for line in lines if line.startswith("| 1 |"))
    assert "2 of 8 = 25.0 %" in rates
    cost = next(line for line in lines if line.startswith("| by potential, initial spread 0.5"))
    assert "; 8 pairs" in cost and "; 6 pairs" in cost
    indices = lines[[line.startswith("**Sobol indices**") for line in lines].index(True) :]
    threshold, spread = (next(line for line in indices if line.startswith(f"| {name} |"))
                         for name in ("pixel threshold", "initial spread"))  # fmt: skip
    assert "initial spread" in threshold and "not distinguishable from 0" in spread
