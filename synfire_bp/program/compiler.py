"""The C++ compiler: which one it is, what it is told, for which processor it compiles."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from synfire_bp.errors import BuildError

__all__ = ["compile_sources", "compiler_version", "last_lines", "processor"]

_LINES_OF_LOG = 15


def _command() -> str:
    return os.environ.get("CXX", "").strip() or "g++"


def compiler_version() -> str:
    """Return what names the compiler and its version.

    Raises
    ------
    BuildError
        If there is no compiler or no make, or the compiler does not run.
    """
    command = _command()
    for needed in (command.split()[0], "make"):
        if shutil.which(needed) is None:
            raise BuildError(
                f"the circuit is compiled to C++, but '{needed}' is not on the PATH; install a "
                "C++17 compiler and make (Debian: apt install g++ make), set CXX to yours, or "
                "run the algorithm alone with --engine oracle"
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
    command = _command()
    # a build from nothing needs no list of what depends on what
    (workplace / "make.deps").touch()
    for arguments in (
        [f"CXX={command}", "common.h.gch"],
        [f"CXX={command} -include common.h", f"-j{os.cpu_count() or 1}"],
    ):
        done = subprocess.run(["make", *arguments], cwd=workplace, capture_output=True, text=True)
        if done.returncode:
            raise BuildError("compiling the C++ code failed:\n" + last_lines(done.stderr))
    for path in [*workplace.rglob("*.o"), *workplace.glob("*.gch")]:
        path.unlink()


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
