"""The fit of energy and time, in tables and in words: all follows from the committed spikes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.paper import cost_fit
from analysis.paper.reported import read_reported
from synfire_bp.loihi.fitting import QUANTITIES
from synfire_bp.loihi.parameters import FITTED, FITTED_NAMES, RANGES, Parameters

CHECKOUT = Path(__file__).parents[2]
FIGURES = CHECKOUT / "figures" / "paper"


@pytest.fixture(scope="module")
def fits():
    return pd.read_csv(FIGURES / "table_cost_fit.csv")


@pytest.fixture(scope="module")
def parameters():
    return pd.read_csv(FIGURES / "table_cost_parameters.csv")


def ratios(fits, placement, name):
    group = fits[(fits["placement"] == placement) & (fits["fit"] == name)]
    return group.set_index("quantity")["ratio"]


def test_the_committed_fit_follows_from_the_committed_spikes(fits, parameters):
    spikes = pd.read_csv(FIGURES / "table_sparsity.csv")
    anew = cost_fit.cost_fit(spikes, draws=0)
    names = ["placement", "cores", "fit", "quantity", "used", "unit"]
    assert anew[names].to_dict("records") == fits[names].to_dict("records")
    for column in ("measured", "model", "ratio"):
        np.testing.assert_allclose(anew[column], fits[column], rtol=0.01, err_msg=column)
    values = cost_fit.cost_parameters(spikes, draws=0)
    np.testing.assert_allclose(values["value"], parameters["value"], rtol=0.01)


@pytest.mark.parametrize("name", ["to all four", cost_fit.CHOSEN])
def test_all_four_numbers_are_within_a_factor_of_two_in_one_set_of_parameters(fits, name):
    found = ratios(fits, "authors", name)
    assert set(found.index) == set(QUANTITIES)
    assert found.between(0.5, 2).all()


def test_what_is_left_out_is_predicted_and_what_is_used_is_met(fits):
    theirs = fits[fits["placement"] == "authors"]
    for quantity in QUANTITIES:
        group = theirs[theirs["fit"] == f"without {quantity}"].set_index("quantity")
        assert group["used"].to_dict() == {
            other: "predicted" if other == quantity else "fitted to" for other in QUANTITIES
        }
    chosen = ratios(fits, "authors", cost_fit.CHOSEN).drop("training time")
    assert chosen.to_numpy() == pytest.approx(1, rel=1e-3)


def test_total_energy_is_dynamic_and_static_together(fits):
    energy = fits[fits["unit"] == "mJ"]
    assert (energy["dynamic"] + energy["other"]).to_numpy() == pytest.approx(energy["model"])
    bare = energy[energy["used"] == "-"]
    assert (bare["other"] == 0).all()


def test_measured_numbers_are_the_reported_ones(fits):
    paper = read_reported()
    theirs = fits.drop_duplicates("quantity").set_index("quantity")["measured"]
    expected = {
        "training energy": paper.value("table1.training.renner2024.energy"),
        "training time": paper.value("text.latency_training"),
        "inference energy": paper.value("table1.inference.renner2024.energy"),
        "inference time": paper.value("table1.inference.renner2024.latency"),
    }
    assert theirs.to_dict() == pytest.approx(expected)


def test_the_parameters_used_elsewhere_are_the_fitted_ones_to_two_digits(parameters):
    scales = {"": 1.0, "mW": 1e-3, "µs": 1e-6, "pJ": 1e-12, "ns": 1e-9}
    rows = parameters.fillna({"unit": ""}).set_index("parameter")
    assert rows.loc["cores", ["low", "value", "high"]].tolist() == [9, 81, 128]
    rows = rows.drop("cores")
    assert set(rows.index) == set(RANGES) == set(vars(Parameters()))
    for name, row in rows.iterrows():
        assert getattr(FITTED, name) == pytest.approx(scales[row["unit"]] * row["value"], rel=0.03)
        assert row["how"] == ("fitted" if name in FITTED_NAMES else "kept")


def test_docs_hold_the_text_of_the_committed_tables(fits, parameters):
    page = (CHECKOUT / "docs" / "chip.md").read_text(encoding="utf-8")
    _, _, rest = page.partition(cost_fit.BEGIN)
    inside, _, _ = rest.partition(cost_fit.END)
    assert inside.strip() == cost_fit.text(fits, parameters).strip()


def test_no_text_says_that_static_power_alone_explains_the_difference():
    for page in ("README.md", "docs/chip.md", "synfire_bp/loihi/cost_summary.py"):
        text = " ".join((CHECKOUT / page).read_text(encoding="utf-8").split())
        assert "alone would explain" not in text, page
