"""Messages are in the words of whoever called: Python's arguments, or a shell's options."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import synfire_bp as sb
from synfire_bp.errors import SynfireError, at_a_shell, to_caller
from synfire_bp.variants import VARIANTS

HOME = Path(sb.__file__).parent
OPTION = re.compile(r"(?<![\w-])--[a-z]")

NOT_MESSAGES = {
    "sweep/processes.py", "bench/benchmark.py", "program/program.py", "runs/provenance.py",
    "bench/peers/environments.py",
}  # fmt: skip
"""Modules that make commands for other programs."""
OTHERS = re.compile(r"--version|dask worker ADDRESS --nthreads|see --plugin and load_plugin")
"""Options of other programs; the schema of model files, which names both ways."""


def options_named(tree):
    """Yield line and text of every literal with an option that is not what a shell is told."""
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "to_caller":
            skipped |= {id(inner) for inner in ast.walk(node.args[0])}
        if isinstance(node, ast.Expr):
            skipped.add(id(node.value))  # a docstring
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        if (
            isinstance(text, str)
            and id(node) not in skipped
            and OPTION.search(OTHERS.sub("", text))
        ):
            yield node.lineno, text


def test_no_message_of_the_package_names_an_option_to_code_in_python():
    found = [
        f"{file.relative_to(HOME)}:{line}: {text}"
        for file in sorted(HOME.rglob("*.py"))
        if file.relative_to(HOME).parts[0] != "cli"
        and str(file.relative_to(HOME)) not in NOT_MESSAGES
        for line, text in options_named(ast.parse(file.read_text()))
    ]
    assert found == []


def test_options_are_found_where_they_are_named():
    tree = ast.parse('"""--resume"""\nraise E(f"{x}: add --resume" + to_caller("--out", "out"))\n')
    assert list(options_named(tree)) == [(2, ": add --resume")]


@pytest.fixture
def run(experiment, tmp_path):
    return sb.train(experiment("training.epochs=2"), engine="oracle", out=tmp_path / "run")


def said(call):
    with pytest.raises(SynfireError) as caught:
        call()
    return str(caught.value)


def cases(run, tmp_path, experiment):
    """Return what goes wrong by its name: the call, what Python is told, what a shell is told."""
    this, there = experiment("training.epochs=2"), str(run.path)
    other = experiment("training.epochs=2", "training.seed=5")
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "else").write_text("")
    return {
        "the same again": (
            lambda: sb.train(this, engine="oracle", out=there),
            "pass resume=True to continue",
            "add --resume to continue",
        ),
        "another experiment": (
            lambda: sb.train(other, engine="oracle", out=there),
            "holds another experiment; pass another folder as out",
            "holds another experiment; choose another --out",
        ),
        "another engine": (
            lambda: sb.train(this, out=there, resume=True),
            "pass another folder as out",
            "choose another --out",
        ),
        "fewer epochs": (
            lambda: sb.train(experiment(), engine="oracle", out=there, resume=True),
            "pass another folder as out",
            "choose another --out",
        ),
        "a file": (
            lambda: sb.train(this, engine="oracle", out=tmp_path / "file"),
            "out must name a folder",
            "--out must name a folder",
        ),
        "a folder with something else": (
            lambda: sb.train(this, engine="oracle", out=tmp_path / "full"),
            "pass another folder as out",
            "choose another --out",
        ),
        "no spikes": (
            lambda: run.spikes,
            "sb.train(run.experiment.changed(['record.samples=3']), out=",
            "--set record.samples=3 --out",
        ),
        "no run": (
            lambda: sb.Run("nowhere").metrics,
            "sb.train(sb.Experiment.from_file(MODEL), out='nowhere')",
            "synfire-bp train MODEL --out nowhere",
        ),
        "no run to test": (
            lambda: sb.test("nowhere"),
            "sb.train(sb.Experiment.from_file(MODEL), out='nowhere')",
            "synfire-bp train MODEL --out nowhere",
        ),
        "a plug-in that is not there": (
            lambda: sb.load_plugin("no_such_module_at_all"),
            "sb.load_plugin('path/to/no_such_module_at_all.py')",
            "--plugin path/to/no_such_module_at_all.py",
        ),
        "a plug-in that is required": (
            lambda: sb.Experiment.from_yaml("{name: a, base: digits, requires: nobody}"),
            "name its module or file with sb.load_plugin",
            "name its module or file with --plugin",
        ),
        "a section of a plug-in": (
            lambda: sb.Experiment.from_yaml("{name: a, base: digits, zzzzzzzzzz: {}}"),
            "load that with sb.load_plugin",
            "load that with --plugin",
        ),
    }


NAMES = (
    "the same again", "another experiment", "another engine", "fewer epochs", "a file",
    "a folder with something else", "no spikes", "no run", "no run to test",
    "a plug-in that is not there", "a plug-in that is required", "a section of a plug-in",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_python_is_told_arguments_and_a_shell_options(name, run, tmp_path, experiment):
    call, to_python, to_shell = cases(run, tmp_path, experiment)[name]
    in_python = said(call)
    assert to_python in in_python
    assert not OPTION.search(in_python)
    with at_a_shell():
        assert to_shell in said(call)
    assert to_caller("--x", "x") == "x"


def test_a_training_that_breaks_an_invariant_can_go_on(experiment, tmp_path):
    from synfire_bp.training.course import how_to_go_on

    assert how_to_go_on(Path("runs/x")) == "go on with resume=True and out='runs/x'"
    with at_a_shell():
        assert how_to_go_on(Path("runs/x")) == "go on with --resume and --out runs/x"


def test_a_path_is_taken_for_a_run(run, experiment):
    assert sb.test(str(run.path), engine="oracle").score == sb.test(run, engine="oracle").score
    assert sb.Run(str(run.path)).metrics.equals(run.metrics)
    assert sb.Run(run.path) == sb.Run(str(run.path))
    with pytest.raises(SynfireError, match="takes a Run, or the path of its directory, not int"):
        sb.test(3)
    with pytest.raises(SynfireError, match="split is 'both'; must be 'test' or 'train'"):
        sb.test(run, split="both")


def test_a_folder_that_is_no_run_is_called_so(tmp_path):
    for name in ("metrics", "weights", "experiment", "activity", "spikes", "spike_counts"):
        with pytest.raises(SynfireError, match="is not a run directory"):
            getattr(sb.Run(tmp_path), name)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_a_summary_of_a_variant_is_whole_sentences_and_says_what_null_is(name):
    assert re.fullmatch(r"[A-Z][^.]+\. (.+\. )?null: [^.]+\.", VARIANTS[name].summary)
