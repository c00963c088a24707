"""Generate, compile and keep programs.

A program is kept in the cache (`synfire_bp.program.cache`) under the hash of all that was
generated for it, of the compiler and of the processor: what is found there is what would be
compiled, and its digests prove that it still is.  It is built beside its place and moved there in
one step, so builds that run at the same time cannot disturb each other.  Numbers (weights, biases,
thresholds, coefficients of the learning rule, samples) are no part of a program: it is given them
when it runs.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import platform
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

from synfire_bp.errors import BuildError
from synfire_bp.files import LOCK, reason
from synfire_bp.program.cache import BUILDING, KNOWN, NAME, USED, cache_folder
from synfire_bp.program.compiler import compile_sources, compiler_version, processor, stopped_by
from synfire_bp.program.digests import ABOUT, MISSING, UNSEALED, damage, seal
from synfire_bp.program.generator import generate_apart
from synfire_bp.program.locks import OwnedFolder, take
from synfire_bp.program.program import Program
from synfire_bp.program.spec import ProgramSpec, written_out
from synfire_bp.registry import foreign_sources

__all__ = ["build_programs"]

_BUSY = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""What the system says that has nothing left but disk."""


def build_programs(specs: Sequence[ProgramSpec]) -> list[Program]:
    """Return a compiled program for each spec, compiling what is not there yet, side by side.

    A program that was damaged is compiled anew, with a warning.

    Raises
    ------
    BuildError
        If there is no C++ compiler, if generating or compiling fails, or if the cache
        folder cannot be written, or its programs not be executed.
    """
    compiler = compiler_version()
    given_up = threading.Event()
    with stopped_by(given_up.is_set), ThreadPoolExecutor(max_workers=max(1, len(specs))) as pool:
        try:
            return list(pool.map(lambda spec: _build(spec.bare(), compiler), specs))
        except BaseException:  # Ctrl-C reaches this thread alone
            given_up.set()
            raise


def _build(spec: ProgramSpec, compiler: str) -> Program:
    cache = cache_folder()
    asked = _digest(written_out(spec), *_origin(), foreign_sources(), compiler, processor())
    known, again = cache / KNOWN / asked, partial(_build, spec, compiler)
    if program := _found(_place(cache, known), again):
        return program
    with _alone(known):  # another process may be at it: wait for what it builds
        return _found(_place(cache, known), again) or _built(spec, compiler, known, again)


def _found(place: Path, again: partial[Program]) -> Program | None:
    program = Program.found(place, again)
    if program is not None:
        with suppress(OSError):  # in a cache that can only be read nobody notes when
            (place / USED).touch()
    return program


def _built(spec: ProgramSpec, compiler: str, known: Path, again: partial[Program]) -> Program:
    cache = known.parents[1]
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with OwnedFolder(BUILDING, cache) as folder:
            _refuse_noexec(folder.path)
            built, scratch = folder.path / "program", folder.path / "scratch"
            for part in (built, scratch):
                part.mkdir(mode=0o700)
            generate_apart(spec, built, scratch)
            place = cache / _key(built, compiler)
            if not (program := Program.found(place, again)):
                _tell_of_damage(place)
                compile_sources(built, scratch)
                (built / ABOUT).write_text(json.dumps(spec.about()), encoding="utf-8")
                seal(built)
                program = _moved(built, place, again)
        _note(known, place.name)
    except OSError as error:
        raise _unusable(cache, error) from error
    return program


def _tell_of_damage(place: Path) -> None:
    if (why := damage(place)) not in (None, MISSING, UNSEALED):
        warnings.warn(
            f"{place}: this compiled program is damaged ({why}); it is compiled again", stacklevel=2
        )


def _moved(built: Path, place: Path, again: partial[Program]) -> Program:
    """Move what was built to its place, unless another process was faster."""
    lock = take(built / LOCK, shared=True)  # before anybody can remove it
    try:
        built.rename(place)
    except OSError:
        if program := Program.found(place, again):
            return program
        place.rename(built.with_name("damaged"))
        built.rename(place)
    return Program(place, again, lock)


def _unusable(cache: Path, error: OSError) -> BuildError:
    if error.errno in _BUSY:
        return BuildError(f"cannot build the compiled circuit: {reason(error)}")
    return BuildError(
        f"cannot write to the folder of compiled programs, {cache}: {reason(error)}; "
        "set SYNFIRE_BP_CACHE to a folder that can be written"
    )


def _refuse_noexec(folder: Path) -> None:
    if os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise BuildError(
            f"nothing may be executed in the folder of compiled programs, {folder.parent} (its "
            "file system is mounted noexec); set SYNFIRE_BP_CACHE to a folder elsewhere"
        )


@contextmanager
def _alone(known: Path) -> Iterator[None]:
    """Keep out other processes that build the same, where the file system knows locks."""
    lock = None
    with suppress(OSError):  # a folder that cannot be written is complained of by the build
        known.parent.mkdir(parents=True, exist_ok=True)
        lock = take(known.with_suffix(".lock"))
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _place(cache: Path, known: Path) -> Path:
    """Return where that should be which was built for what is asked."""
    with suppress(OSError, ValueError):
        if re.fullmatch(NAME, key := known.read_text(encoding="ascii").strip()):
            return cache / key
    return cache / KNOWN / "nothing"


def _note(known: Path, key: str) -> None:
    known.parent.mkdir(exist_ok=True)
    beside = known.with_name(f"{known.name}.{os.getpid()}-{threading.get_ident()}")
    beside.write_text(key, encoding="ascii")
    beside.replace(known)


@lru_cache(maxsize=1)
def _origin() -> tuple[str, ...]:
    """Return what generates the code: this package's sources, and versions of what it uses."""
    package = Path(__file__).parents[1]
    sources = [path for path in sorted(package.rglob("*")) if path.suffix in (".py", ".h", ".cpp")]
    contents = (
        f"{path.relative_to(package)}\n{path.read_text(encoding='utf-8')}" for path in sources
    )
    versions = (metadata.version(name) for name in ("brian2", "numpy"))
    return *versions, platform.python_version(), *contents


def _digest(*texts: str) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(f"{len(text)}\n{text}".encode(errors="surrogatepass"))
    return digest.hexdigest()[:24]


def _key(built: Path, compiler: str) -> str:
    digest = hashlib.sha256(compiler.encode(errors="surrogatepass"))
    digest.update(processor().encode())
    for path in sorted(built.rglob("*")):
        if path.is_file():
            digest.update(os.fsencode(path.relative_to(built)))
            digest.update(path.read_bytes().replace(os.fsencode(built), b""))
    return digest.hexdigest()[:24]
