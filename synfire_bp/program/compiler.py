"""The C++ compiler: which one it is, what it is told, for which processor it compiles."""

from __future__ import annotations

import errno
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from synfire_bp.errors import BuildError, Interrupted, engine_named
from synfire_bp.program.digests import MAIN

__all__ = [
    "FLAGS",
    "REFUSED",
    "SOURCES",
    "compile_sources",
    "compiler_version",
    "last_lines",
    "processor",
    "run_child",
    "stopped_by",
]

FLAGS = ("-w", "-O3", "-march=native", "-std=c++17", "-fno-trapping-math")
"""For every source of a program; nobody looks at flags of floating point, so branches can be
computed on both sides."""
SOURCES = ("by_rows.cpp", "others.cpp")
"""Of a program: all that uses rows of synapses, and all else."""
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""What the system says of a disk that is full, or cannot be written."""
_LINES_OF_LOG = 15

_LOOKS_EVERY = 0.2
"""Seconds after which it is looked whether somebody asked to stop."""
_STOPS: list[Callable[[], bool]] = []


def _command() -> str:
    return os.environ.get("CXX", "").strip() or "g++"


def compiler_version() -> str:
    """Return what names the compiler and its version.

    Raises
    ------
    BuildError
        If there is no compiler, or the compiler does not run.
    """
    command = _command()
    if shutil.which(command.split()[0]) is None:
        raise BuildError(
            f"the circuit is compiled to C++, but '{command.split()[0]}' is not on the PATH; "
            "install a C++17 compiler (Debian: apt install g++), set CXX to yours, or run the "
            f"algorithm alone with {engine_named('oracle')}"
        )
    try:
        version = subprocess.run(
            [*command.split(), "--version"], capture_output=True, check=True
        ).stdout.decode(errors="replace")
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"the C++ compiler '{command}' does not run: {error}") from error
    return f"{command}\n{version}"


def compile_sources(workplace: Path, scratch: Path) -> None:
    """Compile what was generated into `main`, and remove what is needed for that alone.

    Parameters
    ----------
    workplace : Path
        Where the sources are.
    scratch : Path
        For the compiler's temporary files.

    Raises
    ------
    BuildError
        If the compiler complains; the message ends as its own does.
    OSError
        If it has no room.
    """
    objects = [f"{source}.o" for source in SOURCES]

    def compiled(source: str, result: str) -> None:
        _call([*_command().split(), *FLAGS, "-I.", "-c", source, "-o", result], workplace, scratch)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(pool.map(compiled, SOURCES, objects))
    _call([*_command().split(), *objects, "-o", MAIN], workplace, scratch)
    for name in objects:
        (workplace / name).unlink()


@contextmanager
def stopped_by(asked: Callable[[], bool]) -> Iterator[None]:
    """End what generates and compiles here, in whichever thread, once it is asked for."""
    _STOPS.append(asked)
    try:
        yield
    finally:
        _STOPS.remove(asked)


def run_child(
    command: Sequence[str], *, given: bytes | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run a process that builds a part of a program, to its end or until it is asked to stop.

    Parameters
    ----------
    command : sequence of str
        What is run.
    given : bytes, optional
        Its standard input.
    **options
        As of `subprocess.Popen`.

    Raises
    ------
    Interrupted
        If it was asked to stop (`stopped_by`); the process and its children are ended.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, **options
    ) as process:
        while True:
            try:
                out, err = process.communicate(given, timeout=_LOOKS_EVERY)
            except subprocess.TimeoutExpired:
                given = None  # it has it
                if any(asked() for asked in tuple(_STOPS)):
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    raise Interrupted("stopped while a circuit was compiled") from None
            else:
                return subprocess.CompletedProcess(command, process.returncode, out, err)


def _call(command: Sequence[str], folder: Path, scratch: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(scratch), "LC_ALL": "C"}
    done = run_child(command, cwd=folder, env=environment)
    if done.returncode == 0:
        return
    said = done.stderr.decode(errors="replace")
    for refusal in REFUSED:
        if os.strerror(refusal) in said:
            raise OSError(refusal, os.strerror(refusal))
    raise BuildError("compiling the C++ code failed:\n" + last_lines(said))


def processor() -> str:
    """Name the processor: programs are compiled for the very one (-march=native)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def last_lines(text: str) -> str:
    """Return the end of what a process has said."""
    return "\n".join(text.strip().splitlines()[-_LINES_OF_LOG:])
