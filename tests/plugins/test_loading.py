"""Plug-ins that are missing, broken or contradict something, and how they reach other processes."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import re
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import synfire_bp as sb
from synfire_bp import registry
from synfire_bp.data.datasets import SOURCES
from synfire_bp.errors import ExperimentError, InvariantError, PluginError, SynfireError
from synfire_bp.model.plugins import VARIABLE
from synfire_bp.sweep import Processes, training_command
from synfire_bp.variants import VARIANTS

DOTS = """
    import numpy as np
    import synfire_bp as sb

    __version__ = "0.3"

    @sb.dataset("dots")
    def dots():
        x, y = np.eye(4).reshape(4, 2, 2), np.arange(4)
        return x, y, x, y
"""

VARIANT = """
    from pydantic import Field
    import synfire_bp as sb

    @sb.variant("{name}")
    class Mine(sb.Variant):
        summary = "{summary}"
        amount: float = Field(0.5, description="{description}")
"""

MODEL = """
name: dotted
dataset: {name: dots}
network: {sizes: [4, 3, 4]}
training: {epochs: 2}
"""


@pytest.fixture
def untouched(monkeypatch):
    """Take back what a test loads: entries, modules, paths, what other processes load."""
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)

    class Undo(Exception):
        pass

    with pytest.raises(Undo), registry.all_or_nothing():
        yield
        raise Undo
    for name in set(sys.modules) - before:
        if "." not in name and name.startswith("mine"):
            del sys.modules[name]


@pytest.fixture
def write(tmp_path, untouched):
    """Write a plug-in into a file; returns its path."""

    def written(text, name="mine"):
        file = tmp_path / f"{name}.py"
        file.write_text(textwrap.dedent(text))
        return str(file)

    return written


def everything():
    return [(name, tuple(one._entries)) for name, one in enumerate(registry._registries())]


def refused(named):
    """Return why a plug-in is refused; nothing of it must stay."""
    before, modules, path = everything(), set(sys.modules), list(sys.path)
    with pytest.raises(PluginError) as caught:
        sb.load_plugin(named)
    assert everything() == before
    assert not any(name.startswith("mine") for name in set(sys.modules) - modules)
    assert sys.path == path
    assert os.environ[VARIABLE] == ""
    said = str(caught.value)
    assert len(said) < 700
    return said


# ---------------------------------------------------------------- loading


def test_a_file_is_loaded_once_and_known_by_its_name_and_version(write):
    file = write(DOTS)
    plugin = sb.load_plugin(file)
    assert (plugin.name, plugin.version, plugin.file) == ("mine", "0.3", file)
    assert sb.load_plugin(file) == plugin
    assert sb.load_plugin("mine") == plugin
    assert registry.added_by("mine") == {"data set": ["dots"]}
    assert sb.load_dataset("dots").n_in == 4
    assert sb.Experiment.from_dict(
        {"name": "x", "requires": ["mine>=0.2"], "dataset": {"name": "dots"},
         "network": {"sizes": [4, 3, 4]}, "training": {"epochs": 1}}
    ).requires == ("mine>=0.2",)  # fmt: skip


def test_a_module_in_the_current_folder_is_found(write, monkeypatch, tmp_path):
    write(DOTS, "mine_here")
    monkeypatch.chdir(tmp_path)
    assert sb.load_plugin("mine_here").reference == str(tmp_path / "mine_here.py")


def test_a_script_that_calls_a_decorator_is_known_by_its_module(untouched, tmp_path):
    @sb.dataset("own_dots")
    def own_dots():
        """Four dots."""

    plugin = SOURCES.plugin("own_dots")
    assert plugin.module == __name__
    assert SOURCES.plugin("digits") is None


def test_code_that_changes_makes_another_program(write):
    file = write(DOTS)
    sb.load_plugin(file)
    before = registry.foreign_sources()
    write(DOTS + "\n# another line\n")
    after = registry.foreign_sources()
    assert after != before
    write("# what lines call", "mine_functions")
    assert registry.foreign_sources() not in (before, after)


# ---------------------------------------------------------------- bad input


def test_a_plug_in_that_is_not_there(untouched, tmp_path):
    said = refused("mine_nowhere")
    assert "no module 'mine_nowhere'" in said
    assert "pip install mine_nowhere" in said
    assert "sb.load_plugin('path/to/mine_nowhere.py')" in said
    assert "no such file" in refused(str(tmp_path / "mine.py"))


def test_one_that_raises_on_import(write):
    file = write(DOTS + "\n    1 / 0\n")
    said = refused(file)
    assert f"'mine' ({file}:12)" in said
    assert "ZeroDivisionError: division by zero; fix it there" in said
    assert "dots" not in SOURCES
    said = refused(write("def broken(:\n", "mine_syntax"))
    assert "mine_syntax.py:1" in said
    assert "SyntaxError" in said
    assert "No module named 'absent'" in refused(write("import absent\n", "mine_needy"))
    assert "SystemExit" in refused(write("raise SystemExit(3)\n", "mine_exit"))


def test_one_that_registers_a_name_twice(write):
    twice = DOTS + '\n    sb.dataset("dots")(dots)\n'
    assert ":12): data set 'dots' is registered already" in refused(write(twice))
    said = refused(write(DOTS.replace('"dots"', '"digits"'), "mine_digits"))
    assert "data set 'digits' is registered already" in said
    assert "use another name" in said
    first = write(DOTS, "mine_first")
    sb.load_plugin(first)
    with pytest.raises(PluginError, match=f"by plug-in 'mine_first' 0.3 .{first}"):
        sb.load_plugin(write(DOTS, "mine_second"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"summary": " "}, "variant 'own' (Mine) has no summary; add one, such as"),
        ({"description": ""}, "the field 'amount' has no description; add one with its unit"),
        ({"name": "Own"}, "begins with a small letter"),
        ({"name": "training"}, "a section cannot have this name"),
        ({"name": "dataset"}, "a section cannot have this name"),
        ({"name": "fingerprint"}, "a section cannot have this name"),
    ],
)
def test_a_variant_that_nobody_could_use(write, values, words):
    given = {"name": "own", "summary": "What.", "description": "How much, no unit."} | values
    file = write(VARIANT.format(**given))
    said = refused(file)
    assert words in said
    assert file in said
    assert "Nothing of it is registered" in said
    assert sb.Experiment.from_file("digits").name == "digits"


def test_one_that_registers_nothing_or_what_cannot_be(write):
    assert "registers nothing" in refused(write("import synfire_bp\n"))
    engine = 'import synfire_bp as sb\n@sb.engine("lame")\nclass Lame:\n    def train(self): ...\n'
    assert "engine 'lame' (Lame) has no check, test, close" in refused(write(engine, "mine_lame"))
    figure = (
        "import synfire_bp as sb\n"
        '@sb.figure("f", title="", caption="C.", numbers=len)\ndef draw(table): ...\n'
    )
    assert "figure 'f' has no title" in refused(write(figure, "mine_figure"))
    data = 'import synfire_bp as sb\n@sb.dataset("d")\nclass Data: ...\n'
    assert "derive it from sb.Source" in refused(write(data, "mine_data"))


def test_a_file_with_the_name_of_another_module(write):
    assert "another module is called 'json' already" in refused(write(DOTS, "json"))
    assert "call the file something like my_dots.py" in refused(write(DOTS, "my-dots"))


def test_a_data_set_that_is_none(untouched):
    def register(made):
        sb.dataset("faulty")(made)
        with pytest.raises(SynfireError) as caught:
            sb.load_dataset("faulty")
        del SOURCES._entries["faulty"]
        return str(caught.value)

    assert "returns int; must be four arrays" in register(lambda: 3)
    assert "raises ZeroDivisionError" in register(lambda: 1 / 0)
    assert "lacks y_train" in register(lambda: {"x_train": 0, "x_test": 0, "y_test": 0})
    assert "x_train has shape" in register(lambda: (0, 0, 0, 0))


def test_sections_that_nothing_would_act_on_are_refused():
    class Mine(sb.Variant):
        summary = "Not registered."

    with pytest.raises(ExperimentError, match=r'with @sb\.variant\("mine"\) above it'):

        class Other(sb.Experiment):
            mine: Mine | None = None

    class Noted(sb.Experiment):
        note: str = ""

    assert "mine" not in VARIANTS


@pytest.mark.parametrize("requirement", ["", "lab ==", "https://x"])
def test_a_requirement_that_is_none(requirement):
    with pytest.raises(ExperimentError, match="is not a plug-in and version, such as lab"):
        sb.Experiment.from_file("digits", [f"requires=[{json.dumps(requirement)}]"])


def test_a_version_that_a_plug_in_does_not_have(write):
    sb.load_plugin(write(DOTS.replace("__version__", "version"), "mine_plain"))
    with pytest.raises(ExperimentError, match="has none; give its module a __version__"):
        sb.Experiment.from_file("digits", ['requires=["mine-plain>=1"]'])


BREAKS = """
    from dataclasses import replace
    import synfire_bp as sb
    from synfire_bp.errors import SynfireError

    @sb.variant("own")
    class Own(sb.Variant):
        summary = "Copies that drift apart, and that says that they do not."

    @sb.engine("drifting")
    class Drifting(sb.OracleEngine):
        def __init__(self, model, dataset):
            super().__init__(model, dataset)
            self.circuit = model.circuit

        def train(self, weights, order, **options):
            segment = super().train(weights, order, **options)
            row = self.circuit.plastic[1]
            return replace(segment, copies={row: segment.weights[row.layer] + 2})
"""


def test_a_guarantee_that_is_broken_without_being_given_up_names_who_did_it(write, tmp_path):
    file = write(BREAKS)
    sb.load_plugin(file)
    small = ["training.samples=20", "training.epochs=1", "own={}", "record.samples=0"]
    experiment = sb.Experiment.from_file("digits", small)
    with pytest.raises(InvariantError) as caught:
        sb.train(experiment, engine="drifting", out=tmp_path / "run")
    said = str(caught.value)
    assert f"the section 'own' of plug-in 'mine' ({file})" in said
    assert "Guarantees(copies_equal=False)" in said


# ---------------------------------------------------------------- installed ones that are broken


def test_a_broken_installed_plug_in_stops_nothing_that_does_not_need_it(command, tmp_path):
    site = tmp_path / "site"
    about = site / "sick-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sick\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[synfire_bp.plugins]\nsick = sick_module\n")
    (site / "sick_module.py").write_text("import synfire_bp as sb\nraise RuntimeError('oh')\n")
    said = command(tmp_path, [site], "describe", "digits")
    assert said.returncode == 0
    (line,) = said.stderr.splitlines()
    assert line.startswith("synfire-bp: warning: plug-in 'sick'")
    assert "sick_module.py:2) raises on import: RuntimeError: oh" in line
    listed = command(tmp_path, [site], "plugins")
    assert "BROKEN sick 1.0" in listed.stdout
    assert "pip uninstall sick" in listed.stdout
    needed = command(tmp_path, [site], "describe", "digits", "--plugin", "sick")
    assert needed.returncode == 1
    assert "RuntimeError: oh" in needed.stderr
    (tmp_path / "model.yaml").write_text("name: x\nbase: digits\nrequires: [sick]\n")
    needed = command(tmp_path, [site], "describe", "model.yaml")
    assert needed.returncode == 1
    assert "'sick' is installed, but broken" in needed.stderr
    assert "Traceback" not in needed.stderr
    assert command(tmp_path, [site], "--version").stderr == ""


def announced(site, name, entries, module=None):
    """Write what pip leaves of an installed package with these entry points."""
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[synfire_bp.plugins]\n{entries}\n")
    if module is not None:
        (site / f"{module}.py").write_text(textwrap.dedent(DOTS).replace("dots", module))


def test_installed_packages_that_announce_nonsense_or_the_same_name_cost_a_line(command, tmp_path):
    site = tmp_path / "site"
    announced(site, "weird", "weird = a b c:::")
    announced(site, "one", "twin = one_module", "one_module")
    announced(site, "two", "twin = two_module", "two_module")
    said = command(tmp_path, [site], "data", "list")
    assert said.returncode == 0, said.stderr
    assert "plug-in 'weird' of weird names no module: 'a b c:::'" in said.stderr
    assert "plug-in 'twin' of" in said.stderr
    assert "uninstall one of the two" in said.stderr
    assert len(said.stderr.splitlines()) == 2
    assert ("one_module" in said.stdout) != ("two_module" in said.stdout)


# ---------------------------------------------------------------- methods that fail

SICK = """
    import synfire_bp as sb

    @sb.variant("mine")
    class Mine(sb.Variant):
        summary = "Mine."

        {method}
"""

METHODS = {
    "circuit": ("def circuit(self, circuit): return None", "it returned None, not a Circuit"),
    "network": ("def network(self, network): return 1 / 0", "ZeroDivisionError"),
    "algorithm": ("def algorithm(self, algorithm): raise KeyError('x')", "KeyError: 'x'"),
    "guarantees": ("guarantees = property(lambda self: 3)", "3 is no Guarantees"),
    "fits": ("def fits(self, others): return others['nothing'].sizes", "KeyError: 'nothing'"),
    "unknown group": (
        "network = lambda self, n: n.adding(sb.Lines(), lambda *_: {'plastik.z': 1})",
        "'plastik.z' is not a number of a network.*cells, plastic",
    ),
    "too many numbers": (
        "network = lambda self, n: n.adding(sb.Lines(), lambda *_: {'cells.z': [1, 2]})",
        "cells.z has 2 values; must have",
    ),
    "a word": (
        "network = lambda self, n: n.adding(sb.Lines(), lambda *_: {'cells.z': 'hello'})",
        "cells.z is 'hello'; must be a number",
    ),
    "weights": (
        "algorithm = lambda self, a: a.starting(lambda *_: 3)",
        "starting weights of a variant.*TypeError",
    ),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_method_that_fails_is_told_with_file_and_line(write, name):
    method, message = METHODS[name]
    file = write(SICK.format(method=method))
    sb.load_plugin(file)
    with pytest.raises(PluginError, match=message) as caught:
        model = sb.assemble(sb.Experiment.from_file("digits", ["mine={}"]))
        model.network.numbers(model.start, sb.Moment())
    assert re.search(rf"\({re.escape(file)}(:\d+)?\)", str(caught.value))


# ---------------------------------------------------------------- once more, and at once


def test_a_plug_in_that_failed_half_way_is_loaded_whole_when_it_is_mended(tmp_path, untouched):
    package = tmp_path / "mine_pair"
    package.mkdir()
    (package / "__init__.py").write_text("from mine_pair import first, second\n")
    (package / "first.py").write_text(textwrap.dedent(DOTS).replace('"dots"', '"first"'))
    (package / "second.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        sb.load_plugin(str(package))
    assert "first" not in SOURCES
    assert not any(name.startswith("mine_pair") for name in sys.modules)
    (package / "second.py").write_text(textwrap.dedent(DOTS).replace('"dots"', '"second"'))
    importlib.invalidate_caches()
    sb.load_plugin(str(package))
    assert {"first", "second"} <= set(SOURCES)


def test_plug_ins_loaded_in_threads_keep_what_is_theirs(write):
    files = [write(DOTS.replace("dots", f"dots{k}"), name=f"mine{k}") for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sb.load_plugin, files))
    for k in range(8):
        assert registry.added_by(f"mine{k}") == {"data set": [f"dots{k}"]}


def test_a_file_is_known_by_what_it_imports_from_beside_it(write):
    helper = write("SIZE = 1")
    other = write("OTHER = 1", name="mine_other")
    file = write("from mine import SIZE\n" + textwrap.dedent(DOTS), name="mine_dots")
    plugin = sb.load_plugin(file)
    before = plugin.digest()
    Path(other).write_text("OTHER = 2")
    assert plugin.digest() == before
    Path(helper).write_text("SIZE = 2")
    assert plugin.digest() != before


NAMES = {
    "a path of two": ("a:b.py", "without ':' in it"),
    "nothing": ("", "give a module's name"),
    "a dot": (".", "give a module's name"),
    "this package": ("synfire_bp", "is this package itself"),
}


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_name_a_plug_in_is_refused(untouched, name):
    given, message = NAMES[name]
    assert message in refused(given)


def test_a_name_with_a_path_in_it_is_refused(write):
    assert "is no name for a data set" in refused(write(DOTS.replace('"dots"', '"a/../b"')))


REQUIRED = {
    "a place": ("lab @ https://example.org/lab.zip", "says more than a plug-in and version"),
    "extras": ("lab[more]", "says more than a plug-in and version"),
    "nonsense": ("=1", "is not a plug-in and version"),
}


@pytest.mark.parametrize("name", REQUIRED)
def test_what_a_model_file_cannot_require_is_refused(untouched, name):
    given, message = REQUIRED[name]
    with pytest.raises(ExperimentError, match=message):
        sb.Experiment.from_yaml(f"name: x\nbase: digits\nrequires: ['{given}']\n")


def test_a_model_file_may_require_one_plug_in_without_a_list(write):
    sb.load_plugin(write(DOTS))
    one = sb.Experiment.from_yaml("name: x\nbase: digits\nrequires: mine\n")
    assert one.requires == ("mine",)
    many = "[" + ", ".join(["mine"] * 51) + "]"
    with pytest.raises(ExperimentError, match="requires") as caught:
        sb.Experiment.from_yaml(f"name: x\nbase: digits\nrequires: {many}\n")
    assert len(str(caught.value)) < 500


# ---------------------------------------------------------------- other processes


def test_processes_that_this_one_starts_load_the_same(write, tmp_path):
    file = write(DOTS)
    sb.load_plugin(file)
    model = tmp_path / "model.yaml"
    model.write_text(MODEL)
    task = training_command("dots", str(model), "oracle", [], tmp_path / "run", 8)
    crew = Processes(1)
    crew.start(task)
    ended = []
    while not ended:
        ended = crew.ended()
    assert [one.problem for one in ended] == [None]
    run = sb.Run.open(tmp_path / "run")
    assert [one["name"] for one in run.provenance["plugins"]] == ["mine"]
    assert run.experiment.dataset.name == "dots"


def test_a_pickled_experiment_is_read_where_the_plug_in_is_loaded_too(write, tmp_path):
    sb.load_plugin(write(VARIANT.format(name="own", summary="W.", description="Much.")))
    experiment = sb.Experiment.from_file("digits", ["own.amount=0.25"])
    code = "import pickle, sys; sys.stdout.write(str(pickle.load(sys.stdin.buffer).own.amount))"
    done = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(experiment), capture_output=True
    )
    assert done.stdout == b"0.25", done.stderr


def test_a_file_that_changed_since_the_training_is_not_gone_on_with(write, tmp_path):
    file = write(DOTS.replace("__version__", "version"))
    sb.load_plugin(file)
    experiment = sb.Experiment.from_yaml(MODEL)
    sb.train(experiment, engine="oracle", out=tmp_path / "run")
    sb.train(experiment, engine="oracle", out=tmp_path / "run", resume=True)
    write(DOTS.replace("__version__", "version") + "\n# other\n")
    with pytest.raises(PluginError, match=r"was changed since"):
        sb.train(experiment, engine="oracle", out=tmp_path / "run", resume=True)
    with pytest.warns(UserWarning, match="was changed since"):
        assert sb.Run.open(tmp_path / "run").experiment.name == "dotted"
