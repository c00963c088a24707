"""Interpreters that have another simulator: named, or an environment that is made for it.

Other simulators need other versions of Python and NumPy than this package.  Each has an environment
of its own in the folder of the compiled programs, unless a variable names an interpreter.  One that
was not finished is made anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from synfire_bp.files import reason, write_atomically
from synfire_bp.program.cache import cache_folder
from synfire_bp.program.locks import take

__all__ = ["NotInstalled", "Wanted", "found_python", "interpreter", "last_line", "run_bounded"]

FOLDER = "peers"
_DONE = "installed.json"
_LOOK = 30.0
"""Seconds in which an interpreter must tell its version."""
_INSTALL = 1800.0
"""Seconds in which pip must be done."""
_LONGEST = 160
"""Characters of a reason."""


class NotInstalled(Exception):
    """There is no interpreter for a peer; says why in a line."""


@dataclass(frozen=True)
class Wanted:
    """What a peer needs.

    Attributes
    ----------
    variable : str
        Of the environment; names an interpreter that has the peer.
    pythons : tuple of str
        Versions of Python that it runs with, the best one first.
    packages : tuple of str
        What pip is told to install: what was tried.
    """

    variable: str
    pythons: tuple[str, ...]
    packages: tuple[str, ...]


def interpreter(name: str, wanted: Wanted) -> str:
    """Return an interpreter that has a peer; its environment is made if there is none.

    Raises
    ------
    NotInstalled
        If it cannot be had.
    BuildError
        If nobody says where compiled programs are.
    """
    if named := os.environ.get(wanted.variable):
        if (path := shutil.which(os.path.expanduser(named))) is None:
            raise NotInstalled(f"{wanted.variable} is {named}, which is no program")
        return path
    folder = cache_folder() / FOLDER / name
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = take(folder.with_name(f"{name}.lock"))
    except OSError as error:
        raise NotInstalled(f"{folder.parent}: {reason(error)}") from None
    if lock is None:
        return _made(folder, wanted)
    with closing(lock):
        return _made(folder, wanted)


def _made(folder: Path, wanted: Wanted) -> str:
    """Return the interpreter of an environment that holds what is wanted."""
    python = folder / "bin" / "python"
    if not (python.exists() and _holds(folder, wanted)):
        base = found_python(wanted.pythons)
        try:
            _make(folder, base, wanted)
        except OSError as error:
            raise NotInstalled(f"{folder}: {reason(error)}") from None
    return str(python)


def _holds(folder: Path, wanted: Wanted) -> bool:
    try:
        return json.loads((folder / _DONE).read_text()) == list(wanted.packages)
    except (OSError, ValueError):
        return False


def _make(folder: Path, base: str, wanted: Wanted) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    try:
        _step([base, "-m", "venv", str(folder)])
        _step([*pip, "--prefer-binary", *wanted.packages])
        write_atomically(folder / _DONE, json.dumps(wanted.packages).encode())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _step(command: Sequence[str]) -> None:
    try:
        done = run_bounded(command, _INSTALL)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"not done within {_INSTALL / 60:.0f} minutes") from None
    if done.returncode:
        raise NotInstalled(last_line(done.stderr or done.stdout))


def found_python(versions: Sequence[str]) -> str:
    """Return an interpreter of one of these versions: this one, one on PATH, or one of pyenv's.

    Raises
    ------
    NotInstalled
        If there is none.
    """
    for version in versions:
        for python in _candidates(version):
            if _is(python, version):
                return python
    raise NotInstalled(f"needs Python {' or '.join(versions)}, which is not here")


def _candidates(version: str) -> Iterator[str]:
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        yield sys.executable
    for folder in os.get_exec_path():
        if os.access(python := Path(folder, f"python{version}"), os.X_OK):
            yield str(python)
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for one in sorted(Path(root, "versions").glob(f"{version}.*"), reverse=True):
        yield str(one / "bin" / "python")


def _is(python: str, version: str) -> bool:
    """Whether it is of this version, and can make environments."""
    ask = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
    try:
        done = run_bounded([python, "-c", ask], _LOOK)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == version


def run_bounded(
    command: Sequence[str], seconds: float, folder: Path | None = None, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end; with all that it started it is ended if it takes too long.

    Parameters
    ----------
    command : sequence of str
        What is run.
    seconds : float
        How long it may take.
    folder : Path, optional
        Where it works.
    path : str, optional
        Its PYTHONPATH; without one it has none.

    Raises
    ------
    subprocess.TimeoutExpired
        If it takes longer.
    OSError
        If it cannot be started.
    """
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = path
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe,
        text=True, errors="replace", start_new_session=True,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException:
            _end(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and those that it started, which are a session of their own."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def last_line(text: str) -> str:
    """Return the last line that says something: of pip, that of its error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    said = (errors or lines or ["no message"])[-1].removeprefix("ERROR: ")
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
