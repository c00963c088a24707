"""The C++ compiler: which one it is, what it is told, for which processor it compiles."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from synfire_bp.errors import BuildError, engine_named

__all__ = ["FLAGS", "SOURCES", "compile_sources", "compiler_version", "last_lines", "processor"]

FLAGS = ("-w", "-O3", "-march=native", "-std=c++17")
"""For every source of a program."""
SOURCES = "sources.txt"
"""Beside the sources: their list, one a line."""
_LINES_OF_LOG = 15


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
            [*command.split(), "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise BuildError(f"the C++ compiler '{command}' does not run: {error}") from error
    return f"{command}\n{version}"


def compile_sources(workplace: Path) -> None:
    """Compile what was generated into `main`, and remove what is needed for that alone.

    Raises
    ------
    BuildError
        If the compiler complains; the message ends as its own does.
    """
    compile_only = [*_command().split(), *FLAGS, "-I.", "-c"]
    _call([*compile_only, "-x", "c++-header", "common.h", "-o", "common.h.gch"], workplace)
    sources = (workplace / SOURCES).read_text().split()
    objects = [f"{source}.o" for source in sources]

    def compiled(source: str, result: str) -> None:
        _call([*compile_only, "-include", "common.h", source, "-o", result], workplace)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        list(pool.map(compiled, sources, objects))
    _call([*_command().split(), *objects, "-o", "main"], workplace)
    for name in (*objects, "common.h.gch"):
        (workplace / name).unlink()


def _call(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise BuildError("compiling the C++ code failed:\n" + last_lines(done.stderr))


def processor() -> str:
    """Name the processor: programs are compiled for the very one (-march=native)."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def last_lines(text: str) -> str:
    """Return the end of what a process has said."""
    return "\n".join(text.strip().splitlines()[-_LINES_OF_LOG:])
