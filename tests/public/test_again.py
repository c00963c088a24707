"""Cells can be run twice: what is defined again takes the place of what it was before."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap

import pytest

import synfire_bp as sb
from synfire_bp import registry
from synfire_bp.errors import PluginError, RunDirectoryError, SynfireError
from synfire_bp.model.plugins import VARIABLE

CELL = """
    import numpy as np
    from pydantic import Field
    import synfire_bp as sb

    @sb.variant("mine")
    class Mine{number}(sb.Variant):
        summary = "Nothing at all. null: nothing."
        amount: float = Field({number}, description="No unit.")

    @sb.dataset("dots")
    def dots():
        return np.eye(4).reshape(4, 2, 2), np.arange(4), np.eye(4).reshape(4, 2, 2), np.arange(4)

    @sb.engine("same")
    class Same(sb.OracleEngine):
        number = {number}

    sb.rule("bold", "dw = {even}*r1*x0*y0 - 4*x0*y0")

    @sb.figure("sketch", title="A", caption="{number}", numbers=lambda runs: None)
    def sketch(table):
        return {number}
"""


def cell(number):
    return textwrap.dedent(CELL).format(number=number, even=2 * number)


def python(code, *arguments, cwd):
    """Run code that was typed in, as a notebook's cells and Python's prompt run it."""
    environment = {**os.environ, VARIABLE: "", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *(arguments or ["-c", code])], cwd=cwd, env=environment,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture
def untouched(monkeypatch):
    """Take back what a test registers and imports."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    class Undo(Exception):
        pass

    with pytest.raises(Undo), registry.all_or_nothing():
        yield
        raise Undo
    for name in set(sys.modules) - before:
        if name.startswith("again_"):
            del sys.modules[name]


ASKED = """
from synfire_bp.engines.registry import ENGINES
from synfire_bp.runs.figure import FIGURES
text = "{name: a, base: digits, mine: {}}"
print(
    sb.Experiment.from_yaml(text).mine.amount, ENGINES["same"].number, FIGURES["sketch"].caption,
    sb.parse_rule("bold").change(x0=1, y0=1, r1=1), len(sb.load_dataset("dots").train),
)
"""


def test_a_cell_that_registers_is_run_twice_and_what_it_says_last_holds(tmp_path):
    ended = python(cell(4) + cell(4) + ASKED + cell(5) + ASKED, cwd=tmp_path)
    assert ended.stderr == ""
    assert ended.stdout == "4.0 4 4 4 4\n5.0 5 5 6 4\n"


def test_a_script_that_registers_a_name_twice_is_refused(tmp_path):
    (tmp_path / "script.py").write_text(cell(4) + cell(5).replace("class Same", "class Other"))
    ended = python("", "script.py", cwd=tmp_path)
    assert "variant 'mine' is registered already" in ended.stderr


def test_a_name_of_this_package_stays_taken_in_a_notebook(tmp_path):
    ended = python(cell(4).replace('"dots"', '"digits"'), cwd=tmp_path)
    assert "data set 'digits' is registered already" in ended.stderr


def test_the_figures_of_a_cell_are_drawn_as_they_were_defined_last(tmp_path):
    look = "from analysis.figures import FIGURES, take_in_plugins\ntake_in_plugins()\n"
    look += "print(FIGURES['sketch'].draw(None))\n"
    ended = python(cell(4) + look + cell(5) + look, cwd=tmp_path)
    assert ended.stderr == ""
    assert ended.stdout == "4\n5\n"


def test_a_module_is_loaded_anew(tmp_path, untouched):
    file = tmp_path / "again_module.py"
    file.write_text(cell(4).replace("Mine4", "Mine"))
    sys.path.append(str(tmp_path))
    module = importlib.import_module("again_module")
    file.write_text(cell(4).replace("Mine4", "Mine").replace("Field(4", "Field(77"))
    importlib.invalidate_caches()
    importlib.reload(module)
    assert sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine.amount == 77


def test_a_plug_in_is_loaded_twice_and_anew_when_its_file_was_changed(tmp_path, untouched):
    file = tmp_path / "again_plugin.py"
    file.write_text(cell(4))
    first = sb.load_plugin(file)
    kind = type(sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine)
    assert sb.load_plugin(file) == first
    assert type(sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine) is kind
    file.write_text(cell(66))
    assert sb.load_plugin(file).name == "again_plugin"
    assert sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine.amount == 66
    assert [one.name for one in sb.plugins()].count("again_plugin") == 1


def test_what_stands_beside_a_plug_in_is_loaded_anew_with_it(tmp_path, untouched):
    (tmp_path / "again_beside.py").write_text("NUMBER = 3\n")
    file = tmp_path / "again_outer.py"
    file.write_text(
        "from again_beside import NUMBER\n" + cell(4).replace("Field(4", "Field(NUMBER")
    )
    sb.load_plugin(file)
    (tmp_path / "again_beside.py").write_text("NUMBER = 1234\n")
    sb.load_plugin(file)
    assert sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine.amount == 1234


def test_a_plug_in_that_fails_when_it_is_loaded_anew_stays_as_it_was(tmp_path, untouched):
    file = tmp_path / "again_broken.py"
    file.write_text(cell(4))
    sb.load_plugin(file)
    file.write_text(cell(5) + "\n1 / 0\n")
    with pytest.raises(PluginError, match="division by zero; fix it there"):
        sb.load_plugin(file)
    assert sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine.amount == 4
    assert "again_broken" in [one.name for one in sb.plugins()]
    file.write_text(cell(6))
    sb.load_plugin(file)
    assert sb.Experiment.from_yaml("{name: a, base: digits, mine: {}}").mine.amount == 6


def test_a_rule_of_another_module_is_not_replaced(untouched):
    sb.rule("again", "dw = 4*r1*x0*y0 - 2*x0*y0")
    with pytest.raises(SynfireError, match="'again' is registered already"):
        sb.rule("again", "dw = 8*r1*x0*y0 - 4*x0*y0")


def test_a_training_cell_is_run_twice_with_resume(experiment, tmp_path):
    two, out = experiment("training.epochs=2"), tmp_path / "run"
    first = sb.train(two, engine="oracle", out=out, resume=True)
    tables = {name: (out / name).read_bytes() for name in ("metrics.csv", "weights.npz")}
    again = sb.train(two, engine="oracle", out=out, resume=True)
    assert {name: (out / name).read_bytes() for name in tables} == tables
    assert again.metrics.equals(first.metrics)
    longer = sb.train(experiment("training.epochs=3"), engine="oracle", out=out, resume=True)
    assert longer.metrics.epoch.max() == 3


def test_without_resume_a_training_is_not_taken_for_one_that_was_asked_for(experiment, tmp_path):
    sb.train(experiment(), engine="oracle", out=tmp_path / "run")
    with pytest.raises(RunDirectoryError, match=r"pass resume=True to continue it"):
        sb.train(experiment(), engine="oracle", out=tmp_path / "run")


def test_a_network_is_built_twice_and_both_run_on_their_own(experiment):
    model = sb.assemble(experiment())
    data = sb.load_dataset("npz", path=model.experiment.dataset.path)
    first, second = sb.build_network(model, data), sb.build_network(model, data)
    first.run(3)
    second.run(3)
    assert (first.spike_counts() == second.spike_counts()).all()
    first.run(1)
    assert (first.samples_run, second.samples_run) == (4, 3)
