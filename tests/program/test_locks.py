"""Temporary folders belong to whoever has locked them, and are removed once nobody has."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from synfire_bp.errors import SimulationError
from synfire_bp.files import LOCK
from synfire_bp.program import SampleFiles
from synfire_bp.program.locks import OwnedFolder, remove_abandoned

PREFIX = "mine-"
OWNER = """
import sys
from pathlib import Path
from synfire_bp.program.locks import OwnedFolder
owned = OwnedFolder(sys.argv[1], Path(sys.argv[2]))
print(owned.path, flush=True)
sys.stdin.read()
"""
APART = ("unshare", "--user", "--pid", "--fork", "--kill-child", "--mount-proc")
"""In a container, so to speak: no process inside has a number outside that it knows of."""


def may_unshare():
    try:
        return subprocess.run([*APART, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture(
    params=[
        pytest.param((), id="here"),
        pytest.param(
            APART, id="elsewhere",
            marks=pytest.mark.skipif(not may_unshare(), reason="no PID namespaces here"),
        ),
    ]
)  # fmt: skip
def owner(request, tmp_path):
    """A process that owns a folder of `tmp_path`, and that folder."""
    command = [*request.param, sys.executable, "-c", OWNER, PREFIX, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as process:
        yield process, tmp_path / os.path.basename(process.stdout.readline().strip())
        process.kill()


def test_a_folder_stays_while_its_owner_lives_and_goes_when_it_was_killed(owner, tmp_path):
    process, folder = owner
    with OwnedFolder(PREFIX, tmp_path) as ours:
        assert folder.is_dir() and folder != ours.path
        process.kill()
        process.communicate()
    assert folder.is_dir() and not ours.path.exists()
    with OwnedFolder(PREFIX, tmp_path) as ours:
        assert list(tmp_path.iterdir()) == [ours.path]
    assert not any(tmp_path.iterdir())


def left_behind(parent, name=f"{PREFIX}left", *, machine=None, days=0):
    """Leave a folder as an owner does that was killed."""
    with OwnedFolder(PREFIX, parent) as owned:
        folder = shutil.copytree(owned.path, parent / name)
    if machine is not None:
        (folder / LOCK).write_text(machine)
    ago = folder.stat().st_mtime - days * 24 * 3600
    os.utime(folder, (ago, ago))
    return folder


@pytest.mark.parametrize(
    ("how", "stays"),
    [
        ({}, False),
        ({"machine": "another"}, True),  # whose locks may not be seen here
        ({"machine": "another", "days": 31}, False),
        ({"name": "synfire-new-x"}, True),  # between being made and being locked
        ({"name": "synfire-new-x", "days": 2}, False),
        ({"name": "others-x", "days": 99}, True),
    ],
)
def test_only_what_is_certainly_abandoned_is_removed(tmp_path, how, stays):
    folder = left_behind(tmp_path, **how)
    remove_abandoned(tmp_path, PREFIX)
    assert folder.exists() == stays


def test_a_folder_without_a_lock_is_nobodys_to_remove_unless_it_is_empty(tmp_path):
    folder = left_behind(tmp_path)
    (folder / LOCK).rename(folder / "letter")
    remove_abandoned(tmp_path, PREFIX)
    assert folder.exists()
    (folder / "letter").unlink()
    remove_abandoned(tmp_path, PREFIX)
    assert not folder.exists()


class Killed(BaseException):
    """In the place of SIGKILL."""


@pytest.mark.parametrize("step", range(8))
def test_what_is_left_of_a_removal_that_was_killed_is_removed_by_the_next(
    tmp_path, monkeypatch, step
):
    owned, steps = OwnedFolder(PREFIX, tmp_path), iter(range(99))
    (owned.path / "results").mkdir()
    for name in ("a", "b", "results/c", "results/d"):
        (owned.path / name).write_text("x")
    with monkeypatch.context() as patch:
        for one in (os.unlink, os.rmdir):

            def until_killed(*arguments, one=one, **options):
                if next(steps) >= step:
                    raise Killed
                one(*arguments, **options)

            patch.setattr(os, one.__name__, until_killed)
        if step < 7:  # five files, two folders
            with pytest.raises(Killed):
                owned.close()
        else:
            owned.close()
    owned._lock.close()
    assert owned.path.exists() == (step < 7)
    remove_abandoned(tmp_path, PREFIX)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP])
def test_where_there_are_no_locks_nothing_is_taken_for_abandoned(tmp_path, monkeypatch, number):
    def none(*_):
        raise OSError(number, os.strerror(number))

    folder = left_behind(tmp_path)
    monkeypatch.setattr(fcntl, "flock", none)
    with OwnedFolder(PREFIX, tmp_path) as ours:
        assert set(tmp_path.iterdir()) == {folder, ours.path}
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("problem", ["there is none", "it is full"])
def test_temporary_files_that_cannot_be_written_name_their_variable(tmp_path, monkeypatch, problem):
    if problem == "it is full":

        def full(**_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(tempfile, "mkdtemp", full)
    else:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(SimulationError, match="set TMPDIR to a folder with space"):
        SampleFiles(np.ones((4, 12)), np.zeros(4, int))
