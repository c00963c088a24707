"""Other simulators beside this package: who is asked, what is said of them, what is worth a ratio.

No other simulator is installed here: interpreters are stand-ins that hand back what a test tells.
"""

from __future__ import annotations

import inspect
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.peers import main as write_table
from analysis.prose import peers as page
from synfire_bp.bench import Measure, bench_peers, peers_report
from synfire_bp.bench.peers import (
    CONTENDERS,
    OURS,
    Contender,
    Outcome,
    Wanted,
    comparison,
    contenders,
    drawn_task,
    environments,
)
from synfire_bp.bench.peers.environments import NotInstalled, found_python, interpreter
from synfire_bp.bench.report import Table
from synfire_bp.cli import main
from synfire_bp.errors import ExperimentError, Interrupted

SCRIPTS = Path(contenders.SCRIPTS)
PYTHON = sys.executable
VARIABLE = "SYNFIRE_BP_NOBODY_PYTHON"
WANTED = Wanted(VARIABLE, ("3.10",), ("nobody==1.0",))

STAND_IN = """#!{python}
import importlib.util, json, sys
sys.path[:0] = {path!r}
from given import read
spec = importlib.util.spec_from_file_location("task", {task!r})
sys.modules["task"] = module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
given = read(sys.argv[4])
task = module.PeerTask(*given.weights, given.thresholds, given.patterns, given.learns,
                given.before, given.samples)
hidden, output, weights = task.expected()
ms = 2.0 if "ours" in sys.argv[3] else 6.0
result = dict(ms=ms, hidden=hidden, output=output, weights=weights, versions=dict(nobody="1.0"))
{change}
open(sys.argv[5], "w").write(json.dumps(result))
"""


def stand_in(file, change=""):
    """Write an interpreter that hands back what has to come of a task, or something else."""
    root = Path(contenders.__file__).parents[3]
    path = [".", str(root), *sys.path]
    text = STAND_IN.format(
        python=PYTHON, path=path, change=change, task=inspect.getsourcefile(drawn_task)
    )
    file.write_text(text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


@pytest.fixture
def us(monkeypatch, tmp_path):
    """Have this interpreter be a stand-in, too: nothing is compiled."""
    monkeypatch.setattr(comparison.sys, "executable", stand_in(tmp_path / "here"))


@pytest.fixture
def peer(monkeypatch, tmp_path):
    """Return what makes a peer whose interpreter is a stand-in."""

    def made(change=""):
        monkeypatch.setenv(VARIABLE, stand_in(tmp_path / "there", change))
        return {OURS: CONTENDERS[OURS], "nobody": Contender("run_lava.py", WANTED)}

    return made


@pytest.fixture
def run(experiment, tmp_path, us):
    """Return what measures contenders."""

    def measured(who, **options):
        who = {name: replace(contender, times=1) for name, contender in who.items()}
        given = {"samples": 3, "repeats": 2, "out": tmp_path / "out", **options}
        return bench_peers(experiment(), contenders=who, **given)

    return measured


# -- the task ----------------------------------------------------------------------------------


def test_the_first_samples_stay_the_same_when_there_are_more():
    few, many = (
        drawn_task((40, 20, 10), 1, learns=False, before=1, samples=n).patterns for n in (2, 30)
    )
    np.testing.assert_array_equal(few, many[:3])


def test_a_quarter_of_sources_and_hidden_neurons_spike_and_some_output_neurons():
    task = drawn_task((400, 400, 10), 1, learns=False, before=10, samples=40)
    found = task.expected()
    assert 90 < np.count_nonzero(task.patterns, axis=1).mean() < 110
    assert 80 < sum(found.hidden) / 50 < 120 and sum(found.output) > 50
    assert found.weights is None


def test_what_learns_is_stepped_by_hand():
    task = drawn_task((30, 12, 5), 3, learns=True, before=2, samples=6)
    weights, counts, silent = task.first.copy(), np.zeros(12, int), np.zeros(12, bool)
    for sample in range(8):
        x, fired = task.patterns[sample], silent
        for _step in range(2):
            total = x @ weights
            for i in np.flatnonzero(x):
                for j in range(12):
                    change = 16 * fired[j] - 2
                    weights[i, j] = min(max(weights[i, j] + change, -256), 254)
            fired = total > task.thresholds[0]
            counts += fired
    assert np.any(weights != task.first)
    found = task.expected()
    assert found.hidden == tuple(counts)
    assert found.weights == contenders_digest(weights)


def contenders_digest(weights):
    sys.path.insert(0, str(SCRIPTS))
    try:
        import given
    finally:
        sys.path.remove(str(SCRIPTS))
    assert given.IMPULSE == 8
    return given.zlib.crc32(np.ascontiguousarray(weights, dtype="<i4").tobytes())


def test_an_outcome_names_what_is_not_the_same():
    one = Outcome((1, 2), (3,), 7)
    assert one.differs(one) == ""
    assert one.differs(Outcome((1, 2), (4,), 8)) == "output, weights"


def test_layers_of_which_the_chip_cannot_add_up_the_spikes_are_refused():
    with pytest.raises(ExperimentError, match="adds up"):
        drawn_task((200_000, 10, 10), 1, learns=False, before=1, samples=1).expected()


# -- what is found -----------------------------------------------------------------------------


def test_a_peer_with_the_same_spikes_has_a_ratio_and_a_file_holds_the_result(run, peer, tmp_path):
    result = run(peer())
    for task, said in (("static", "the same spikes"), ("learning", "the same spikes and weights")):
        cost = result.tasks[task]["nobody"]
        assert cost.outcome == said
        assert cost.ms == Measure.of([6.0, 6.0]) and cost.times_ours == Measure.of([3.0, 3.0])
        assert cost.versions == {"nobody": "1.0"}
    stored = json.loads((tmp_path / "out" / "bench_peers.json").read_text())
    assert stored == json.loads(result.json())
    assert stored["machine"]["blas"] and stored["tasks"]["static"][OURS]["samples"] == 3


@pytest.mark.parametrize(
    ("change", "task", "said"),
    [
        ("result['hidden'] = [0]", "static", "differs: hidden"),
        ("result['weights'] = 5", "learning", "differs: weights"),
    ],
)
def test_a_time_for_another_computation_has_no_ratio(run, peer, change, task, said):
    cost = run(peer(change)).tasks[task]["nobody"]
    assert cost.outcome == said and cost.times_ours is None and cost.ms is not None


def test_if_ours_computes_something_else_nobody_has_a_ratio(run, peer, tmp_path, monkeypatch):
    monkeypatch.setattr(
        comparison.sys, "executable", stand_in(tmp_path / "wrong", "result['output'] = []")
    )
    costs = run(peer()).tasks["static"]
    assert costs[OURS].outcome == "differs: output"
    assert costs["nobody"].outcome == "the same spikes" and costs["nobody"].times_ours is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sys.exit('no luck')", "does not run: no luck"),
        ("import nobody_has_this", "does not run: ModuleNotFoundError: No module named"),
        ("result.pop('hidden')", "does not run: no result (KeyError)"),
    ],
)
def test_a_peer_that_fails_stands_in_the_table_with_the_reason(run, peer, change, said):
    result = run(peer(change))
    cost = result.tasks["static"]["nobody"]
    assert cost.outcome.startswith(said) and cost.ms is None
    assert result.tasks["static"][OURS].outcome == "the same spikes"


def test_a_peer_that_never_ends_is_ended(run, peer, monkeypatch):
    who = peer("import time; time.sleep(600)")
    monkeypatch.setattr(contenders, "_LONGEST", 15.0 if os.environ.get("CI") else 8.0)
    cost = run({"nobody": who["nobody"]}).tasks["static"]["nobody"]
    assert cost.outcome.startswith("does not run: not done within")


def test_a_peer_that_does_not_learn_stands_only_beside_fixed_weights(run, peer):
    who = peer()
    tasks = run(who | {"nobody": replace(who["nobody"], learns=False)}).tasks
    assert "nobody" in tasks["static"] and "nobody" not in tasks["learning"]


def test_contenders_take_turns_after_a_run_of_each_that_is_not_timed(run, peer, monkeypatch):
    seen, real = [], comparison.show

    def watched(contender, python, task, folder):
        seen.append((contender.script, task.learns))
        return real(contender, python, task, folder)

    monkeypatch.setattr(comparison, "show", watched)
    run(peer())
    turn = [("run_ours.py", False), ("run_lava.py", False), ("run_ours.py", True),
            ("run_lava.py", True)]  # fmt: skip
    assert seen == 3 * turn


def test_stopping_it_leaves_no_file(run, peer, monkeypatch, tmp_path):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "show", stopped)
    with pytest.raises(Interrupted, match="nothing was written"):
        run(peer())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_network_of_other_than_three_layers_is_refused(experiment, tmp_path):
    deep = experiment("network.sizes=[12, 8, 6, 3]")
    with pytest.raises(ExperimentError, match="4 layers"):
        bench_peers(deep, out=tmp_path)


# -- the report --------------------------------------------------------------------------------


def test_the_report_leads_with_ratios_and_ends_with_machine_blas_and_versions(run, peer):
    result = run(peer("result['weights'] = weights and 5"))
    busy = replace(result, machine=replace(result.machine, load=3.0))
    fixed, learning, sentence, versions, caution = peers_report(busy)
    assert caution.startswith("Caution: the machine was busy (load 3.0")
    assert isinstance(fixed, Table) and fixed.heads[1] == "times synfire_bp"
    assert fixed.rows[1] == (
        "nobody", "3", "3 … 3", "6", "6 … 6", "3", "the same spikes"
    )  # fmt: skip
    assert learning.rows[1][1] == "" and learning.rows[1][-1] == "differs: weights"
    assert result.machine.cpu in sentence and f"NumPy's BLAS: {result.machine.blas}" in sentence
    assert "nobody: nobody 1.0" in versions


def test_the_table_of_the_page_is_made_from_the_result(run, peer, tmp_path, capsys):
    who = peer("result['weights'] = weights and 5")
    gone = Contender("run_lava.py", replace(WANTED, variable="PATH"))  # names no program
    run(who | {"gone": gone})
    out = tmp_path / "figures"
    assert write_table([str(tmp_path / "out"), "--out", str(out)]) == 0
    text = page.text(pd.read_csv(out / "peers.csv"))
    assert "| nobody | 3 (3 … 3) | 6 (6 … 6) | the same spikes |" in text
    assert "| nobody |  | 6 (6 … 6) | differs: weights |" in text
    assert "| gone |  |  | not installed: PATH is " in text
    assert "of 2 rounds" in text and "nobody: nobody 1.0" in text
    assert write_table([str(tmp_path / "none"), "--out", str(out)]) == 1
    assert "no such benchmark" in capsys.readouterr().err


# -- environments ------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(VARIABLE, raising=False)
    return tmp_path / "cache" / "peers"


@pytest.fixture
def steps(monkeypatch):
    """Have venv and pip be done by nobody: make the interpreter, and note the commands."""
    noted = []

    def done(command, seconds, folder=None, path=None):
        noted.append(command)
        if "venv" in command:
            python = Path(command[-1], "bin", "python")
            python.parent.mkdir(parents=True)
            python.touch()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(environments, "found_python", lambda versions: "some_python")
    monkeypatch.setattr(environments, "run_bounded", done)
    return noted


def test_an_environment_is_made_once_and_anew_when_other_packages_are_wanted(cache, steps):
    python = interpreter("nobody", WANTED)
    assert python == str(cache / "nobody" / "bin" / "python")
    assert steps[0] == ["some_python", "-m", "venv", str(cache / "nobody")]
    assert steps[1][:4] == [python, "-m", "pip", "install"] and steps[1][-1] == "nobody==1.0"
    assert interpreter("nobody", WANTED) == python and len(steps) == 2
    interpreter("nobody", replace(WANTED, packages=("nobody==2.0",)))
    assert len(steps) == 4


def test_what_pip_refuses_is_told_in_a_line_and_nothing_half_made_stays(cache, steps, monkeypatch):
    make = environments.run_bounded

    def refused(command, seconds, folder=None, path=None):
        done = make(command, seconds)
        said = "ERROR: No matching distribution found for nobody==1.0\n\nhint: see above\n"
        done.returncode, done.stderr = int("pip" in command), said
        return done

    monkeypatch.setattr(environments, "run_bounded", refused)
    with pytest.raises(NotInstalled, match=r"^No matching distribution found for nobody==1\.0$"):
        interpreter("nobody", WANTED)
    assert not (cache / "nobody").exists()


def test_an_installation_that_takes_too_long_or_is_stopped_leaves_nothing(
    cache, steps, monkeypatch
):
    make = environments.run_bounded
    for what, becomes in (
        (subprocess.TimeoutExpired("pip", 1), NotInstalled),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ):

        def breaks(command, seconds, folder=None, path=None, what=what):
            if "pip" in command:
                raise what
            return make(command, seconds)

        monkeypatch.setattr(environments, "run_bounded", breaks)
        with pytest.raises(becomes):
            interpreter("nobody", WANTED)
        assert not (cache / "nobody").exists()


def test_a_python_that_is_not_here_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    with pytest.raises(NotInstalled, match=r"needs Python 3\.1 or 3\.2, which is not here"):
        found_python(("3.1", "3.2"))


def test_the_python_that_runs_this_is_taken_if_it_will_do():
    assert found_python(("3.1", "{}.{}".format(*sys.version_info))) == sys.executable


def test_a_variable_that_names_no_program_is_said_to(monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    with pytest.raises(NotInstalled, match=f"{VARIABLE} is /nowhere/python, which is no program"):
        interpreter("nobody", WANTED)


def test_what_is_not_installed_stands_in_the_table(run, monkeypatch):
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    result = run({OURS: CONTENDERS[OURS], "nobody": Contender("run_lava.py", WANTED)})
    cost = result.tasks["learning"]["nobody"]
    assert cost.outcome.startswith("not installed: ") and cost.ms is None
    assert cost.outcome in {row[-1] for row in next(peers_report(result)).rows}


def test_every_contender_has_its_script():
    assert {one.script for one in CONTENDERS.values()} == {
        file.name for file in SCRIPTS.glob("run_*.py")
    }


# -- the command -------------------------------------------------------------------------------


@pytest.fixture
def command(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["synfire-bp", "bench", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code or 0, *capsys.readouterr()

    return run


def test_peers_and_variants_at_once_are_refused(command):
    code, _, err = command("mnist", "--peers", "--variants")
    assert code == 1 and "--variants and --peers are two benchmarks" in err


def test_the_command_prints_tables_or_json(us, monkeypatch, tmp_path, command):
    monkeypatch.setenv(VARIABLE, "/nowhere/python")
    who = {OURS: replace(CONTENDERS[OURS], times=1), "nobody": Contender("run_lava.py", WANTED)}
    monkeypatch.setitem(bench_peers.__kwdefaults__, "contenders", who)
    asked = ["digits", "--peers", "--samples", 2, "--repeats", 1, "--out", tmp_path, "--quiet"]
    code, out, _ = command(*asked)
    assert code == 0 and "not installed: " in out
    code, out, _ = command(*asked, "--json")
    assert code == 0 and set(json.loads(out)["tasks"]) == {"static", "learning"}


@pytest.mark.slow
def test_ours_and_stock_brian2_spike_and_learn_as_numpy_works_out(experiment, tmp_path):
    who = {name: replace(CONTENDERS[name], times=1) for name in (OURS, "Brian2")}
    result = bench_peers(experiment(), samples=20, repeats=1, out=tmp_path, contenders=who)
    for task in result.tasks.values():
        assert [cost.outcome.partition(" and")[0] for cost in task.values()] == [
            "the same spikes"
        ] * 2
