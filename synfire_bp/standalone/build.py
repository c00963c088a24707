"""Generate, compile and keep programs.

A program is kept in the user's cache folder (or `SYNFIRE_BP_CACHE`) under the hash of all that was
generated for it, of the compiler and of the processor: what is found there is what would be
compiled.  It is built beside its place and moved there in one step, so builds that run at the same
time cannot disturb each other.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pooch

from synfire_bp.circuit import Circuit
from synfire_bp.errors import BuildError
from synfire_bp.standalone.program import MANIFEST, Program

__all__ = ["ProgramSpec", "build_programs", "cache_folder"]

_LINES_OF_LOG = 15


@dataclass(frozen=True)
class ProgramSpec:
    """What a program is built from.

    Attributes
    ----------
    circuit : Circuit
        Training or inference circuit.
    rule : str or None
        Text of the learning rule; None: the weights do not learn.
    """

    circuit: Circuit
    rule: str | None


def cache_folder() -> Path:
    """Return the folder of the compiled programs."""
    chosen = os.environ.get("SYNFIRE_BP_CACHE")
    return Path(chosen) if chosen else Path(pooch.os_cache("synfire_bp")) / "programs"


def build_programs(specs: Sequence[ProgramSpec]) -> list[Program]:
    """Return a compiled program for each spec, compiling what is not there yet, side by side.

    Raises
    ------
    BuildError
        If there is no C++ compiler or no make, if generating or compiling fails, or if the cache
        folder cannot be written.
    """
    compiler = _compiler()
    with ThreadPoolExecutor(max_workers=max(1, len(specs))) as pool:
        return list(pool.map(lambda spec: _build(spec, compiler), specs))


def _command() -> str:
    return os.environ.get("CXX", "").strip() or "g++"


def _compiler() -> str:
    """Return what names the compiler and its version, or say that there is none."""
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


def _build(spec: ProgramSpec, compiler: str) -> Program:
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
    except OSError as error:
        raise BuildError(
            f"cannot write to the folder of compiled programs, {cache}: {error.strerror}; "
            "set SYNFIRE_BP_CACHE to a folder that can be written"
        ) from error
    try:
        _generate(spec, workplace)
        place = cache / _key(workplace, compiler)
        if not (place / MANIFEST).exists():
            _compile(workplace)
            try:
                workplace.rename(place)
            except OSError:
                if not (place / MANIFEST).exists():  # else: another process was faster
                    raise
        return Program(place)
    except OSError as error:
        raise BuildError(f"cannot build in {workplace}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _generate(spec: ProgramSpec, workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "synfire_bp.standalone.generate", str(workplace)],
        input=pickle.dumps(spec),
        capture_output=True,
    )
    if done.returncode:
        raise BuildError(
            "generating the C++ code failed:\n" + _last_lines(done.stderr.decode(errors="replace"))
        )


def _compile(workplace: Path) -> None:
    command = _command()
    # a build from nothing needs no list of what depends on what
    (workplace / "make.deps").touch()
    for arguments in (
        [f"CXX={command}", "common.h.gch"],
        [f"CXX={command} -include common.h", f"-j{os.cpu_count() or 1}"],
    ):
        done = subprocess.run(["make", *arguments], cwd=workplace, capture_output=True, text=True)
        if done.returncode:
            raise BuildError("compiling the C++ code failed:\n" + _last_lines(done.stderr))
    for path in [*workplace.rglob("*.o"), *workplace.glob("*.gch")]:
        path.unlink()


def _key(workplace: Path, compiler: str) -> str:
    digest = hashlib.sha256(compiler.encode())
    digest.update(_processor().encode())
    for path in sorted(workplace.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(workplace)).encode())
            digest.update(path.read_bytes().replace(str(workplace).encode(), b""))
    return digest.hexdigest()[:24]


def _processor() -> str:
    """Name the processor: programs are compiled for the very one (-march=native)."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_LINES_OF_LOG:])
