"""The tables of docs/physical.md: who is exact, and what memory, delays and noise cost."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from analysis.variants import exactness, physical_table, time_step

FIGURES = Path(__file__).parents[2] / "figures" / "variants"


@pytest.mark.slow
def test_a_short_memory_changes_no_weight():
    [row] = exactness.numbers(20, exactness.CASES[:1]).to_dict("records")
    assert row["left"] < 1
    # three copies of 64 x 400 weights, five of 400 x 10
    assert (row["samples"], row["compared"], row["different"]) == (20, 96_800, 0)


def test_the_committed_table_has_a_row_for_each_kind_of_neurons():
    table = pd.read_csv(FIGURES / "table_exactness.csv")
    assert table["neurons"].tolist() == [case.neurons for case in exactness.CASES]
    assert set(table["samples"]) == {exactness.SAMPLES}
    guaranteed = (table["left"] < 1) & ~table["changes"].str.contains("noise", na=False)
    assert guaranteed.sum() >= 2 and not table["different"][guaranteed].any()
    assert f"| {table['different'][3]:,} of 96,800 |" in exactness.table(table)


def test_disturbances_are_medians_with_their_range_and_others_are_left_out():
    runs = pd.DataFrame(
        {
            "key": ["neuron.noise"] * 3 + ["reward.flip"],
            "what": ["noise (mV)"] * 3 + ["flips"],
            "level": [0.1, 0.1, 0.1, 0.5],
            "accuracy_potential": [80.0, 70, 90, 1],
            "stray_spikes": [0, 0, 0, 7],
            "unequal_weights": [0, 1000, 3, 7],
        }
    )
    rows = physical_table.table(runs).splitlines()[2:]
    assert rows == ["| noise (mV): 0.1 | 80.0 (70.0 … 90.0) | 0 | 2 of 3 |"]


def test_the_figure_of_the_time_step_has_a_line_for_what_is_largest_and_for_the_median():
    table = pd.read_csv(FIGURES / "time_step.csv")
    (axes,) = time_step.draw(table).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert len(lines) == 2 * table.synapse.nunique() + 1
    of_conductance = table[table.synapse == "conductance"]
    assert list(lines["conductance, largest"].get_ydata()) == of_conductance.largest.tolist()


@pytest.mark.slow
def test_delta_and_exponential_synapses_have_the_same_potentials_in_any_time_step():
    table = time_step.numbers(3, steps=(0.5,), finest=0.25)
    exact = table[table.synapse != "conductance"]
    assert len(table) == 3 and exact.largest.tolist() == [0, 0]
    assert exact.compared.tolist() == [30, 30] and (table.spread > 100).all()
