"""In a notebook: a bar that is one output, and the notebook that stands in docs/notebooks."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import types
from pathlib import Path

import pytest

import synfire_bp as sb
from synfire_bp import progress

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "inside_the_circuit.ipynb"


class Cell:
    """The outputs of a cell: what was shown first, and what took its place."""

    def __init__(self):
        self.outputs, self.updates = [], []

    def display(self, bundle, raw, display_id):
        assert raw and display_id
        self.outputs.append(bundle)
        return types.SimpleNamespace(update=lambda bundle, raw: self.updates.append(bundle))


@pytest.fixture
def cell(monkeypatch):
    """As in a notebook, whose clock a test moves."""
    shown, package = Cell(), types.ModuleType("IPython")
    package.display = types.ModuleType("IPython.display")
    package.display.display = shown.display
    monkeypatch.setitem(sys.modules, "IPython", package)
    monkeypatch.setitem(sys.modules, "IPython.display", package.display)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    shown.now = 1000.0
    clock = types.SimpleNamespace(monotonic=lambda: shown.now)
    monkeypatch.setattr(progress, "time", clock)
    return shown


def test_a_notebook_has_one_bar_with_rate_and_time_left(cell, capsys):
    with progress.WorkProgress() as bar:
        bar._bar.get_time = lambda: cell.now
        bar.begin("small <b>", 1000)
        for done in (100, 200, 300):
            cell.now += 10
            bar.reached(done)
        assert len(cell.outputs) == 1
        assert cell.updates[-1]["text/plain"] == (
            "small <b>: 300 of 1,000 samples, 10/s, 1:10 left"
        )
        assert 'small &lt;b&gt; <progress value="300" max="1000"' in cell.updates[-1]["text/html"]
        bar.note("a [bracketed] line")
    assert cell.updates[-1]["text/plain"] == "small <b>: 300 of 1,000 samples in 0:30"
    captured = capsys.readouterr()
    assert captured.out == "a [bracketed] line\n"
    assert captured.err == ""


def test_a_notebook_is_not_flooded(cell):
    with progress.WorkProgress() as bar:
        bar.begin("small", 100_000)
        for done in range(100_000):
            cell.now += 0.001  # a hundred seconds in all
            bar.reached(done)
    assert len(cell.outputs) == 1
    assert 350 <= len(cell.updates) <= 402


def test_a_notebook_shows_a_download_in_bytes(cell):
    with progress.DownloadProgress("train-images.gz") as bar:
        bar.total = 2_000_000
        cell.now += 1
        bar.update(500_000)
    assert cell.outputs[0]["text/plain"].startswith("train-images.gz: 500,000 of 2,000,000 bytes")


def test_who_asks_for_quiet_has_it_in_a_notebook_too(cell, capsys, experiment, tmp_path):
    sb.train(experiment(), engine="oracle", out=tmp_path / "quiet", quiet=True)
    assert (cell.outputs, capsys.readouterr().out) == ([], "")
    sb.train(experiment(), engine="oracle", out=tmp_path / "shown")
    assert len(cell.outputs) == 1
    assert "epoch 1: train" in capsys.readouterr().out


def test_outside_of_a_notebook_nothing_is_shown_unless_it_is_asked_for(
    experiment, tmp_path, capsys
):
    sb.train(experiment(), engine="oracle", out=tmp_path / "run")
    sb.test(tmp_path / "run", engine="oracle")
    assert capsys.readouterr() == ("", "")
    sb.train(experiment(), engine="oracle", out=tmp_path / "told", quiet=False)
    assert "epoch 1: train" in capsys.readouterr().err


# ---------------------------------------------------------------- docs/notebooks


def cells():
    return [one for one in json.loads(NOTEBOOK.read_text())["cells"] if one["cell_type"] == "code"]


def test_the_notebook_has_twelve_cells_and_is_committed_without_outputs():
    assert len(cells()) == 12
    for one in cells():
        assert (one["outputs"], one["execution_count"]) == ([], None)


@pytest.mark.slow
def test_the_notebook_runs_and_its_cells_can_be_run_twice(tmp_path, monkeypatch):
    if any(importlib.util.find_spec(name) is None for name in ("nbconvert", "ipykernel")):
        pytest.skip("needs nbconvert and ipykernel: pip install 'synfire_bp[notebook]'")
    import nbformat
    from nbconvert.preprocessors import ExecutePreprocessor

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    notebook.cells = [  # the first cells of each part again, as somebody who tries things does
        again for one in notebook.cells if one.cell_type == "code" for again in (one, one.copy())
    ]
    ExecutePreprocessor(timeout=900, kernel_name="python3").preprocess(
        notebook, {"metadata": {"path": str(tmp_path)}}
    )
    texts = [
        output.data["text/plain"]
        for one in notebook.cells
        for output in one.outputs
        if output.output_type == "execute_result"
    ]
    assert any(text.startswith("<Verification equal") for text in texts)
    assert any(text.startswith("<Run runs/notebook: digits, circuit, finished") for text in texts)
    assert not [output for one in notebook.cells for output in one.outputs
                if output.output_type == "stream" and output.name == "stderr"]  # fmt: skip
    trained = notebook.cells[4].outputs
    assert sum(output.output_type == "display_data" for output in trained) == 1  # one bar
    assert any("5,752 of 5,752 samples in" in output.data["text/plain"] for output in trained
               if output.output_type == "display_data")  # fmt: skip
    fired = notebook.cells[-1].outputs[0].data["text/plain"]
    rows = [row.strip(" [],").split(", ") for row in fired.removeprefix("array(").splitlines()]
    assert all(row[:5] == ["1"] * 5 for row in rows[2:7])  # the five that were stimulated
    assert any(row[:5] != ["1"] * 5 for row in (*rows[:2], *rows[7:]))
