"""Tables and weights of a run as an xarray dataset."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import SynfireError


@pytest.fixture(scope="module")
def run(tmp_path_factory, experiment):
    path = tmp_path_factory.mktemp("dataset") / "run"
    return sb.train(experiment("training.epochs=2"), engine="circuit", out=path)


def test_without_the_package_the_message_names_the_extra(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    pattern = r"package 'xarray', which is not installed.*pip install 'synfire_bp\[xarray\]'"
    with pytest.raises(SynfireError, match=pattern):
        run.to_xarray()


def test_spikes_are_counted_by_epoch_population_and_phase(run):
    pytest.importorskip("xarray")
    spikes = run.to_xarray().spikes
    assert spikes.dims == ("epoch", "population", "phase")
    assert spikes.population.values.tolist() == list(run.model.circuit.population_sizes)
    assert spikes.sum() == run.spike_counts["spikes"].sum()
    # each gate fires once per sample, one phase before the one that it opens
    np.testing.assert_array_equal(spikes.sel(population="g7", phase=6), [40, 40])
    assert spikes.sel(population="g7").sum() == 80


def test_weights_have_the_names_of_their_layers(run):
    pytest.importorskip("xarray")
    dataset = run.to_xarray()
    assert dataset.w1.dims == ("input", "hidden")
    assert dataset.w2_init.dims == ("hidden", "output")
    np.testing.assert_array_equal(dataset.w1, run.weights["w1"])
    assert dataset.w1.dtype == np.int16
    assert dataset.attrs["engine"] == "circuit"


def test_metrics_have_a_value_for_each_epoch_and_split(run):
    pytest.importorskip("xarray")
    exact = run.to_xarray().exact
    table = run.metrics.set_index(["epoch", "split"])["exact"]
    assert exact.sel(epoch=2, split="test") == table[2.0, "test"]
    assert exact.sizes == {"epoch": 2, "split": 2}


def test_a_run_of_the_oracle_has_no_counts_but_all_else(tmp_path, experiment):
    pytest.importorskip("xarray")
    dataset = sb.train(experiment(), engine="oracle", out=tmp_path / "run").to_xarray()
    assert "spikes" not in dataset
    assert {"w1", "w2", "mse"} <= set(dataset)
