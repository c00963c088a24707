"""Programs in the cache: damaged ones are compiled anew, those in use stay, one build is enough.

The program is compiled once; after that, what generates and what compiles are stand-ins that copy
it, and note that they were called.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from tally_program import Tally

from synfire_bp.errors import BuildError, SimulationError
from synfire_bp.program import SampleFiles, build, build_programs, generator
from synfire_bp.program.cache import BUILDING, KNOWN, Cleared, clear, entries
from synfire_bp.program.locks import OwnedFolder
from synfire_bp.registry import Plugin

SPEC = Tally(n_inputs=5, steps_per_sample=3)
RNG = np.random.default_rng(0)
INPUTS, ORDER, WEIGHT = RNG.random((6, 5)) < 0.5, np.array([4, 0, 0, 5]), np.arange(1, 6)
TOTAL = (WEIGHT * np.repeat(INPUTS[ORDER], 3, axis=0).sum(axis=0)).tolist()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """The folder of a program that is really compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNFIRE_BP_CACHE", str(tmp_path_factory.mktemp("compiled")))
        (program,) = build_programs([SPEC])
        yield program.folder


class Builds:
    """Stand-ins for what generates and compiles; notes each call in a file."""

    def __init__(self, compiled, log, patch):
        self._compiled, self._log = compiled, log
        patch.setattr(build, "generate_apart", self._generate)
        patch.setattr(build, "compile_sources", self._compile)

    def _generate(self, spec, workplace, scratch):
        ignored = shutil.ignore_patterns("main", "*.lock", "digests.json", "about.json", "used")
        shutil.copytree(self._compiled, workplace, ignore=ignored, dirs_exist_ok=True)
        (workplace / ".lock").unlink(missing_ok=True)

    def _compile(self, workplace, scratch):
        with self._log.open("a") as log:
            log.write("compiled\n")
        shutil.copy(self._compiled / "main", workplace / "main")

    @property
    def made(self):
        return self._log.read_text().count("compiled") if self._log.exists() else 0


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "programs"
    monkeypatch.setenv("SYNFIRE_BP_CACHE", str(folder))
    return folder


@pytest.fixture
def builds(compiled, cache, tmp_path, monkeypatch):
    return Builds(compiled, tmp_path / "log", monkeypatch)


def run(program, **how):
    with SampleFiles(INPUTS.astype(np.uint8), np.zeros(6, int)) as samples:
        numbers = {"units.weight": WEIGHT.astype(np.int32)}
        return program.run(numbers, samples, ORDER, **how).arrays["total"].tolist()


def built():
    (program,) = build_programs([SPEC])
    return program


# -- damaged --------------------------------------------------------------------------------------


def cut(file):
    file.write_bytes(file.read_bytes()[:100])


def flip(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


DAMAGES = [
    pytest.param(name, do, id=f"{name} {how}")
    for name, how, do in [
        ("program.json", "cut", cut),
        ("program.json", "missing", Path.unlink),
        ("about.json", "flipped", flip),
        ("digests.json", "cut", cut),
        ("main", "empty", lambda file: file.write_bytes(b"")),
        ("main", "cut", cut),
        ("main", "flipped", flip),
        ("main", "of another processor", lambda file: shutil.copy("/proc/version", file)),
        ("main", "not executable", lambda file: file.chmod(0o644)),
        ("main", "missing", Path.unlink),
    ]
]


@pytest.mark.parametrize(("name", "do"), DAMAGES)
def test_a_damaged_program_is_compiled_anew_and_that_is_said_once(builds, name, do):
    before = built()
    do(before.folder / name)
    before.close()
    with pytest.warns(UserWarning) as said:
        program = built()
    (warning,) = said
    assert f"{program.folder}: this compiled program is damaged ({name}" in str(warning.message)
    assert builds.made == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(program) == run(built()) == TOTAL
    assert builds.made == 2
    assert {path.name for path in program.folder.parent.iterdir()} == {program.folder.name, KNOWN}


def test_a_damaged_array_that_the_program_reads_is_found(builds):
    folder = built().folder
    (folder / "static_arrays" / "more").write_bytes(bytes(8))
    build.seal(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built()
    flip(folder / "static_arrays" / "more")
    with pytest.warns(UserWarning, match=r"is damaged \(static_arrays/more was changed\)"):
        built()


def test_a_program_without_digests_is_not_trusted(builds):
    folder = built().folder
    (folder / "digests.json").unlink()
    flip(folder / "main")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it may be an older version's
        assert run(built()) == TOTAL
    assert builds.made == 2


@pytest.mark.parametrize("content", [b"", b"..", b"\xff\xfe", b"0123456789abcdef01234567"])
def test_a_damaged_index_costs_nothing_but_time(builds, cache, content):
    folder = built().folder
    (index,) = (file for file in (cache / KNOWN).iterdir() if file.suffix != ".lock")
    index.write_bytes(content)
    assert built().folder == folder
    assert builds.made == 1
    assert index.read_text() == folder.name


def test_the_list_of_programs_shows_no_damaged_description(builds):
    folder = built().folder
    assert [entry.about for entry in entries()] == [{"counts": 5}]
    (folder / "about.json").write_text("[]")
    assert [entry.about for entry in entries()] == [{}]


# -- in use ---------------------------------------------------------------------------------------


def test_a_program_in_use_is_not_removed(builds, cache):
    first, second = built(), built()
    assert clear() == Cleared(removed=0, in_use=1)
    first.close()
    assert clear() == Cleared(removed=0, in_use=1)
    assert run(second) == TOTAL
    second.close()
    assert clear() == Cleared(removed=1, in_use=0)
    assert not any(cache.iterdir())
    assert clear() == Cleared(removed=0, in_use=0)


def test_a_program_that_nobody_has_any_more_can_be_removed(builds):
    program = built()
    del program
    assert clear() == Cleared(removed=1, in_use=0)


def test_a_program_that_is_run_again_is_in_use_again(builds):
    program = built()
    program.close()
    assert run(program) == TOTAL
    assert clear() == Cleared(removed=0, in_use=1)


@pytest.mark.parametrize("what", ["its folder", "the whole cache"])
def test_a_program_removed_by_hand_is_made_anew_by_its_next_run(builds, cache, what):
    program = built()
    assert run(program) == TOTAL
    shutil.rmtree(program.folder if what == "its folder" else cache)
    with pytest.warns(UserWarning, match="was removed while it was in use; it is compiled again"):
        assert run(program) == TOTAL
    assert builds.made == 2
    assert clear() == Cleared(removed=0, in_use=1)  # the new one


def test_a_program_damaged_between_two_runs_is_made_anew(builds):
    program = built()
    assert run(program) == TOTAL
    flip(program.folder / "main")
    with pytest.warns(UserWarning, match=r"is damaged \(main was changed\)"):
        assert run(program) == TOTAL


def test_a_program_replaced_by_another_process_is_gone_on_with(builds):
    program, other = built(), built()
    shutil.copytree(program.folder, program.folder.with_name("copy"))
    shutil.rmtree(program.folder)
    program.folder.with_name("copy").rename(program.folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(program) == run(other) == TOTAL
    assert clear() == Cleared(removed=0, in_use=1)


def test_a_program_of_another_machine_is_made_anew_when_it_does_not_start(builds):
    program = built()
    (program.folder / "main").write_bytes(b"\x7fELF of nowhere")
    build.seal(program.folder)  # as if it had been compiled there
    with pytest.warns(UserWarning, match=r"main: cannot be executed here: .*compiled again"):
        assert run(program) == TOTAL


def test_without_locks_programs_are_built_run_and_removed(builds, cache, tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    # not where programs that have locks run at the same time, and take this one's folder for left
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("fcntl.flock", none)
    cache.mkdir()
    with OwnedFolder(BUILDING, cache) as others:  # who builds there may be at work
        program = built()
        assert run(program) == TOTAL
        assert clear() == Cleared(removed=1, in_use=0)
        assert others.path.exists()
    with pytest.warns(UserWarning, match="was removed while it was in use"):
        assert run(program) == TOTAL


# -- one build ------------------------------------------------------------------------------------


def _build_and_tell(told):
    os.close(told[0])
    os.write(told[1], f"{run(built())}\n".encode())
    os._exit(0)


@pytest.mark.parametrize("killed", [False, True], ids=["all live", "a builder is killed"])
def test_eight_processes_on_an_empty_cache_build_once(builds, cache, tmp_path, monkeypatch, killed):
    begun, stuck = tmp_path / "begun", tmp_path / "stuck"
    compile_now = build.compile_sources

    def compile_sources(workplace, scratch):
        with begun.open("a") as file:
            file.write(f"{os.getpid()}\n")
        while stuck.exists():
            time.sleep(0.01)
        compile_now(workplace, scratch)

    monkeypatch.setattr(build, "compile_sources", compile_sources)
    stuck.touch()
    fork, told = multiprocessing.get_context("fork"), os.pipe()
    crew = [fork.Process(target=_build_and_tell, args=(told,)) for _ in range(8)]
    for one in crew:
        one.start()
    os.close(told[1])
    while not begun.exists() or not begun.read_text().endswith("\n"):
        time.sleep(0.01)
    if killed:
        os.kill(int(begun.read_text()), signal.SIGKILL)
    stuck.unlink()
    for one in crew:
        one.join()
    with os.fdopen(told[0]) as answers:
        assert answers.read().splitlines() == [str(TOTAL)] * (7 if killed else 8)
    assert builds.made == 1
    assert len(begun.read_text().splitlines()) == (2 if killed else 1)
    assert {entry.folder for entry in entries()} | {cache / KNOWN} == set(cache.iterdir())


# -- what the system refuses ----------------------------------------------------------------------


def test_a_cache_from_which_nothing_may_be_executed_is_named(builds, cache, monkeypatch):
    class Status:
        f_flag = os.ST_NOEXEC

    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda _: Status)
        with pytest.raises(BuildError, match=r"noexec.*; set SYNFIRE_BP_CACHE to a folder elsewh"):
            built()
    assert entries() == [] and not list(cache.glob("building-*"))

    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    program = built()
    monkeypatch.setattr(subprocess, "Popen", refused)
    with pytest.raises(SimulationError, match=r"main: cannot be executed.*set SYNFIRE_BP_CACHE"):
        run(program)


@pytest.mark.parametrize("step", ["generate_apart", "compile_sources", "seal"])
def test_a_full_cache_is_named_and_nothing_is_left(builds, cache, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(build, step, full)
    with pytest.raises(BuildError, match=r"No space left on device; set SYNFIRE_BP_CACHE"):
        built()
    assert {path.suffix for path in cache.rglob("*") if path.is_file()} == {".lock"}


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch):
    def unknown(_):
        raise KeyError("getpwuid(): uid not found")

    for name in ("SYNFIRE_BP_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    for ask in (entries, clear, built):
        with pytest.raises(BuildError, match=r"set SYNFIRE_BP_CACHE .*XDG_CACHE_HOME, or HOME"):
            ask()


# -- apart from the current folder ----------------------------------------------------------------


def test_nothing_in_the_current_folder_is_imported_while_code_is_generated(tmp_path, monkeypatch):
    """Neither for `python -m`, which puts it first, nor for a prompt, for which '' stands."""
    here, ran = tmp_path / "here", tmp_path / "ran"
    here.mkdir()
    for module in ("queue", "random", "sympy", "gmpy2", "sitecustomize", "synfire_bp"):
        (here / f"{module}.py").write_text(f"open({str(ran)!r}, 'w')\nraise SystemExit('no')\n")
    (here / "brian_preferences").write_text("codegen.target = 'none of them'\n")
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(str(here))
    monkeypatch.syspath_prepend("")
    workplace, scratch = tmp_path / "workplace", tmp_path / "scratch"
    scratch.mkdir()
    generator.generate_apart(SPEC, workplace, scratch)
    assert (workplace / "program.json").exists()
    assert not ran.exists()


@pytest.mark.parametrize("named", ["", "here", ":here", "elsewhere:"])
def test_the_current_folder_is_searched_only_if_it_is_named(tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", re.sub(r"\bhere\b", str(tmp_path), named))
    monkeypatch.syspath_prepend(str(tmp_path))
    searched = generator._import_path()
    assert (str(tmp_path) in searched) == (named in ("here", ":here"))
    assert "" not in searched


def test_of_a_disk_that_is_full_the_last_line_is_told_whatever_logging_said_before():
    text = os.strerror(errno.ENOSPC)
    said = f"WARNING it cannot log [brian2.x]\n--- Logging error ---\n{text}\n"
    assert generator._refused(said) == (errno.ENOSPC, text)


def test_plug_ins_and_scripts_beside_their_modules_are_found_last(tmp_path, monkeypatch):
    script = tmp_path / "script.py"
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    plugins = [
        Plugin("one", None, "one", str(tmp_path / "one" / "one.py"), "one"),
        Plugin("two", None, "two.deep", str(tmp_path / "two" / "two" / "deep" / "__init__.py"), ""),
    ]
    monkeypatch.setattr(generator, "plugins", lambda: plugins)
    monkeypatch.syspath_prepend(str(tmp_path))
    searched = generator._import_path()
    wanted = [str(tmp_path / "one"), str(tmp_path / "two"), str(tmp_path)]
    assert [one for one in searched[-4:] if one in wanted] == wanted
    assert len(searched) == len(set(searched))
