"""Generate, compile and keep programs.

A program is kept in the cache (`synfire_bp.program.cache`) under the hash of all that was
generated for it, of the compiler and of the processor: what is found there is what would be
compiled.  It is built beside its place and moved there in one step, so builds that run at the same
time cannot disturb each other.  Numbers (weights, biases, thresholds, coefficients of the learning
rule, samples) are no part of a program: it is given them when it runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pickle
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from synfire_bp.errors import BuildError
from synfire_bp.files import reason
from synfire_bp.program.cache import ABOUT, BUILDING, KNOWN, USED, cache_folder
from synfire_bp.program.compiler import compile_sources, compiler_version, last_lines, processor
from synfire_bp.program.program import MANIFEST, Program
from synfire_bp.program.spec import ProgramSpec, written_out
from synfire_bp.registry import foreign_sources

__all__ = ["build_programs"]


def build_programs(specs: Sequence[ProgramSpec]) -> list[Program]:
    """Return a compiled program for each spec, compiling what is not there yet, side by side.

    Raises
    ------
    BuildError
        If there is no C++ compiler, if generating or compiling fails, or if the cache
        folder cannot be written.
    """
    compiler = compiler_version()
    with ThreadPoolExecutor(max_workers=max(1, len(specs))) as pool:
        return list(pool.map(lambda spec: _build(spec, compiler), specs))


def _build(spec: ProgramSpec, compiler: str) -> Program:
    cache, spec = cache_folder(), spec.bare()
    asked = _digest(written_out(spec), *_origin(), foreign_sources(), compiler, processor())
    known = cache / KNOWN / asked
    if program := _known_program(cache, known):
        return program
    with _alone(known):  # another process may be at it: wait for what it builds
        return _known_program(cache, known) or _built(spec, compiler, cache, known)


def _built(spec: ProgramSpec, compiler: str, cache: Path, known: Path) -> Program:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f"{BUILDING}{os.getpid()}-", dir=cache))
    except OSError as error:
        raise BuildError(
            f"cannot write to the folder of compiled programs, {cache}: {reason(error)}; "
            "set SYNFIRE_BP_CACHE to a folder that can be written"
        ) from error
    try:
        _generate(spec, workplace)
        place = cache / _key(workplace, compiler)
        if not (place / MANIFEST).exists():
            compile_sources(workplace)
            (workplace / ABOUT).write_text(json.dumps(spec.about()))
            try:
                workplace.rename(place)
            except OSError:
                if not (place / MANIFEST).exists():  # else: another process was faster
                    raise
        _note(known, place.name)
        return Program(place)
    except OSError as error:
        raise BuildError(f"cannot build in {workplace}: {reason(error)}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


@contextmanager
def _alone(known: Path) -> Iterator[None]:
    """Keep out other processes that build the same, where the file system knows locks."""
    lock = None
    with suppress(OSError):  # a folder that cannot be written is complained of by the build
        known.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(known.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if lock is not None:
            os.close(lock)


def _known_program(cache: Path, known: Path) -> Program | None:
    """Return the program that was built for what is asked, if it is still there."""
    try:
        place = cache / known.read_text().strip()
        if not (place / MANIFEST).exists():
            return None
        (place / USED).touch()
    except OSError:
        return None
    return Program(place)


def _note(known: Path, key: str) -> None:
    known.parent.mkdir(exist_ok=True)
    beside = known.with_name(f"{known.name}.{os.getpid()}-{threading.get_ident()}")
    beside.write_text(key)
    beside.replace(known)


@lru_cache(maxsize=1)
def _origin() -> tuple[str, ...]:
    """Return what generates the code: this package's sources, and versions of what it uses."""
    package = Path(__file__).parents[1]
    sources = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".h", ".cpp")]
    contents = (f"{path.relative_to(package)}\n{path.read_text()}" for path in sources)
    versions = (metadata.version(name) for name in ("brian2", "numpy"))
    return *versions, platform.python_version(), *contents


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\n{text}".encode())
    return digest.hexdigest()[:24]


def _generate(spec: ProgramSpec, workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "synfire_bp.program.generate", str(workplace)],
        input=pickle.dumps(spec),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # plug-ins, too
        capture_output=True,
    )
    if done.returncode:
        raise BuildError(
            "generating the C++ code failed:\n" + last_lines(done.stderr.decode(errors="replace"))
        )


def _key(workplace: Path, compiler: str) -> str:
    digest = hashlib.sha256(compiler.encode())
    digest.update(processor().encode())
    for path in sorted(workplace.rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(workplace)).encode())
            digest.update(path.read_bytes().replace(str(workplace).encode(), b""))
    return digest.hexdigest()[:24]
