"""What is released: one version, a wheel that the sdist builds too, what CI and conda are told."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import synfire_bp as sb

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(PROJECT / "setup.cfg")
    return parser


@pytest.fixture(scope="module")
def workflow():
    return yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())


@pytest.fixture(scope="module")
def recipe():
    return yaml.safe_load((PROJECT / "recipe" / "recipe.yaml").read_text())


def lines(text):
    """Return what a list of setup.cfg holds, without comments."""
    return [line for line in text.strip().splitlines() if not line.lstrip().startswith("#")]


def targets():
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([\w-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


# ---------------------------------------------------------------- version


def test_the_version_stands_in_the_package_and_is_repeated_where_it_must_be(setup, recipe):
    assert re.fullmatch(r"\d+\.\d+\.\d+", sb.__version__)
    assert setup["metadata"]["version"] == "attr: synfire_bp.__version__"
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert citation["version"] == sb.__version__
    assert recipe["context"]["version"] == sb.__version__


def test_every_package_of_the_clone_is_installed(setup):
    of_analysis = {
        ".".join(("synfire_bp", *found.parent.relative_to(PROJECT).parts))
        for found in (PROJECT / "analysis").rglob("__init__.py")
    }
    others = {
        ".".join(found.parent.relative_to(PROJECT).parts)
        for found in (PROJECT / "synfire_bp").rglob("__init__.py")
    }
    assert of_analysis | others <= set(setup["options"]["packages"].split())


def test_the_changelog_begins_with_this_version():
    headings = re.findall(r"^## (\S+)", (PROJECT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings == [sb.__version__, "0.1.0"]


# ---------------------------------------------------------------- continuous integration


def test_ci_runs_what_the_script_runs_on_every_python_of_the_classifiers(workflow, setup):
    check = workflow["jobs"]["check"]
    script = (PROJECT / ".ci" / "run").read_text()
    runs = [step["run"] for step in check["steps"] if "run" in step]
    assert runs == re.findall(r"^make .*$", script, re.MULTILINE)
    classifiers = re.findall(r":: (3\.\d+)$", setup["metadata"]["classifiers"], re.MULTILINE)
    assert check["strategy"]["matrix"]["python"] == classifiers
    assert {name.split("-")[0] for name in check["strategy"]["matrix"]["os"]} == {"ubuntu", "macos"}
    assert setup["options"]["python_requires"] == f">={classifiers[0]}"


def test_every_step_of_ci_is_a_target_of_the_makefile(workflow):
    runs = [
        shlex.split(step["run"])
        for job in workflow["jobs"].values()
        for step in job["steps"]
        if "run" in step
    ]
    assert all(len(words) == 2 and words[0] == "make" for words in runs)
    assert {words[1] for words in runs} == {"test", "lint", "docs", "dist"} <= targets()


# ---------------------------------------------------------------- conda


def test_the_recipe_requires_what_the_package_requires(recipe, setup):
    def requirement(line):
        name, bounds = re.match(r"([\w-]+)\s*(.*)", line).groups()
        return name.lower(), frozenset(bounds.replace(" ", "").split(","))

    required = {}
    for line in lines(setup["options"]["install_requires"]):
        name, bounds = requirement(line.partition(";")[0])
        required[name] = required.get(name, frozenset()) | bounds  # markers: a recipe has none
    run = dict(map(requirement, recipe["requirements"]["run"]))
    assert run.pop("python") == {">=${{python_min}}"}
    assert {name for name in run if name not in required} == {"cxx-compiler", "make"}
    assert {name: run[name] for name in required} == required
    assert f">={recipe['context']['python_min']}" == setup["options"]["python_requires"]
    scripts = lines(setup["options.entry_points"]["console_scripts"])
    assert recipe["build"]["python"]["entry_points"] == scripts


# ---------------------------------------------------------------- sdist and wheel


def built(what, source, into):
    """Build an sdist or a wheel of a folder, with this Python's setuptools; returns its path."""
    into.mkdir()
    code = f"import setuptools.build_meta as b; b.build_{what}({str(into)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=source, capture_output=True, text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )  # fmt: skip
    if "No module named 'setuptools'" in done.stderr:
        pytest.skip("no setuptools to build with")
    assert done.returncode == 0, done.stderr[-2000:]
    (file,) = into.iterdir()
    return file


def contents(wheel):
    """Return the bytes of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_sdist_builds_the_same_wheel_as_the_sources(tmp_path):
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.png", "*.svg", "*.parquet", "*.csv")
    for name in ("synfire_bp", "models", "analysis", "figures", "docs"):
        shutil.copytree(PROJECT / name, source / name, ignore=ignored)
    for file in PROJECT.iterdir():
        if file.is_file():
            shutil.copy(file, source)
    wheel = built("wheel", source, tmp_path / "wheel")
    sdist = built("sdist", source, tmp_path / "sdist")
    assert sdist.name == f"synfire_bp-{sb.__version__}.tar.gz"
    shutil.unpack_archive(sdist, tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert (unpacked / "CHANGELOG.md").is_file()
    again = built("wheel", unpacked, tmp_path / "again")
    assert again.name == wheel.name == f"synfire_bp-{sb.__version__}-py3-none-any.whl"
    expected, found = contents(wheel), contents(again)
    assert set(found) == set(expected)
    assert [name for name in expected if found[name] != expected[name]] == []
