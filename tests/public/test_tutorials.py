"""The tutorials: each says what it is about, ends in a picture, and needs nothing private."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import synfire_bp as sb

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
SCRIPTS = sorted(FOLDER.glob("plot_*.py"))
ALLOWED = {
    "brian2", "matplotlib", "numpy", "pandas", "pathlib", "tempfile", "dataclasses",
    "PIL", "SALib", "pydantic",
}  # fmt: skip
"""What a tutorial may import besides this package: what its extras bring."""

OURS = {"synfire_bp", "synfire_bp.loihi", "synfire_bp.sweep"}
"""Where the public names of this package are."""

AS_A_READER_RUNS_IT = """
import runpy, sys, warnings
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
shown = []
def show():
    shown[:] = [len(plt.figure(number).axes) for number in plt.get_fignums()]
    plt.close("all")
plt.show = show
warnings.filterwarnings("error", module="__main__")
if __name__ == "__main__":
    runpy.run_path(sys.argv[1], run_name="__main__")
    print("axes of the last picture:", *shown)
"""


@pytest.fixture(params=SCRIPTS, ids=lambda script: script.stem)
def script(request):
    """One of the tutorials."""
    return request.param


def imported(tree):
    """Yield (module, name) of everything that a script imports; a whole module has no name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)


def test_the_tutorials_are_numbered_without_a_gap():
    numbers = [int(script.stem.split("_")[1]) for script in SCRIPTS]
    assert numbers in (list(range(1, len(SCRIPTS) + 1)), list(range(2, len(SCRIPTS) + 2)))
    assert len(SCRIPTS) >= 7


def test_a_tutorial_has_a_title_and_says_what_it_is_about(script):
    title, line, empty, *rest = ast.get_docstring(ast.parse(script.read_text())).splitlines()
    assert len(title) > 10
    assert line == "=" * len(title)
    assert not empty
    assert len(" ".join(rest)) > 150


def test_a_tutorial_imports_nothing_private(script):
    for module, name in imported(ast.parse(script.read_text())):
        if module.split(".")[0] == "synfire_bp":
            assert module in OURS
            package = sys.modules.get(module) or getattr(sb, module.partition(".")[2])
            assert name is None or name in package.__all__
        else:
            assert module.split(".")[0] in ALLOWED


def test_a_tutorial_uses_no_name_with_an_underscore(script):
    tree = ast.parse(script.read_text())
    private = {
        node.attr for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_")
        and not (isinstance(node.value, ast.Name) and node.value.id == "self")
    }  # fmt: skip
    assert private == set()


def test_the_last_thing_that_a_tutorial_does_is_to_show_a_picture(script):
    statements = ast.parse(script.read_text()).body
    assert ast.unparse(statements[-1]) == "plt.show()"
    assert "plt.subplots" in (text := script.read_text()) or "plt.figure" in text


def test_a_page_that_a_tutorial_points_to_exists(script):
    docs = FOLDER.parent
    for part in script.read_text().split(":doc:`")[1:]:
        target = part.partition("`")[0].rpartition("<")[2].rstrip(">")
        if target.startswith("/"):
            assert (docs / f"{target[1:]}.md").is_file(), target
        else:
            assert (FOLDER / f"{target}.py").is_file(), target


@pytest.mark.slow
def test_a_tutorial_runs_in_an_empty_folder_and_leaves_it_empty(script, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", AS_A_READER_RUNS_IT, str(script)],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    *_, last = done.stdout.splitlines()
    assert last.startswith("axes of the last picture: ")
    if script.stem != "plot_1_circuit":
        assert list(tmp_path.iterdir()) == []
