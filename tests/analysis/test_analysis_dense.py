"""The study of DenseSynapses: every model gives what Brian2's Synapses give."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from brian2 import Network, StateMonitor, Synapses, prefs

from analysis.dense import runs, speed
from analysis.dense.models import MODELS, STEP
from synfire_bp.dense import DenseSynapses
from synfire_bp.errors import RunDirectoryError

FALL_BACK = {"multisynaptic", "conditional"}
"""Models none of whose pathways is by rows."""


def in_runtime_mode(model, kind):
    """Return what a target's potential does, in NumPy, without compiling."""
    before = {name: prefs[name] for name in ("codegen.target", *MODELS[model].prefs)}
    try:
        for name, value in MODELS[model].prefs.items():
            prefs[name] = value
        prefs["codegen.target"] = "numpy"
        objects = MODELS[model].build(kind, 24)
        potential = StateMonitor(objects[1], "v", record=True)
        for thing in (*objects, potential):
            thing.clock.dt = STEP
        Network(*objects, potential).run(60 * STEP)
        return np.array(potential.v)
    finally:
        for name, value in before.items():
            prefs[name] = value


@pytest.mark.parametrize("model", [name for name in MODELS if name != "openmp"])
def test_a_model_computes_the_same_in_runtime_mode(model):
    ours, stock = (in_runtime_mode(model, kind) for kind in (DenseSynapses, Synapses))
    assert ours.shape == (24, 60) and np.ptp(ours[:, -1]) > 0
    np.testing.assert_array_equal(ours, stock)


@pytest.mark.slow
@pytest.mark.parametrize("model", list(MODELS))
def test_a_model_leaves_the_same_bytes_as_a_program(model, tmp_path):
    row = runs.compare(model, 120, 1, tmp_path)
    assert row["arrays"] > 10 and row["different"] == 0
    assert (row["by_rows"] == 0) == (model in FALL_BACK)
    assert row["stock_ms"] > 0 and row["rows_ms"] > 0


def table(tmp_path, **changes):
    row = {
        "model": "static", "neurons": 1000, "repeats": 3, "stock_ms": 8.0, "rows_ms": 2.0,
        "speed_up": 4.0, "slowest": 3.5, "fastest": 4.5, "by_rows": 1, "pathways": 1,
        "arrays": 20, "different": 0,
    }  # fmt: skip
    other = row | {"model": "conditional", "by_rows": 0, "speed_up": 1.0, "slowest": 0.9}
    place = tmp_path / runs.FOLDER / runs.TABLE
    place.parent.mkdir()
    pd.DataFrame([row | changes, other]).to_csv(place, index=False)
    return speed.numbers(tmp_path)


def test_the_figure_marks_models_that_run_brian2s_own_code(tmp_path):
    numbers = table(tmp_path)
    assert numbers["what"].tolist() == ["connect(condition)", "static weights"]
    (axes,) = speed.draw(numbers).axes
    filled = {
        line.get_fillstyle(): line.get_xdata().tolist()
        for line in axes.lines
        if line.get_marker() == "o" and len(line.get_xdata())
    }
    assert filled == {"full": [4.0], "none": [1.0]}


def test_a_missing_table_and_an_unknown_model_are_named(tmp_path):
    with pytest.raises(RunDirectoryError, match=r"make it with: python -m analysis\.dense\.runs"):
        speed.numbers(tmp_path)
    with pytest.raises(RunDirectoryError, match="model 'magic' is not known"):
        table(tmp_path, model="magic")
