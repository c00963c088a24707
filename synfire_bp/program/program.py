"""A compiled network: run it on samples, with numbers, and read back what it did.

What is read back, and what each array is, says the program's manifest (`program.json`).
"""

from __future__ import annotations

import contextlib
import errno
import json
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from synfire_bp.errors import SimulationError
from synfire_bp.files import LOCK, reason
from synfire_bp.program.digests import MAIN, MANIFEST, MISSING, damage, unseal
from synfire_bp.program.locks import Lock, OwnedFolder, take

__all__ = ["Program", "ProgramResult", "SampleFiles"]

_SAMPLES, _RUN = "synfire-samples-", "synfire-run-"


def _temporary(prefix: str) -> OwnedFolder:
    """Return a folder of one's own among the temporary files."""
    try:
        return OwnedFolder(prefix, Path(tempfile.gettempdir()))
    except OSError as error:
        raise SimulationError(
            f"cannot make a temporary folder: {reason(error)}; set TMPDIR to a folder with space"
        ) from error


class SampleFiles:
    """Samples on disk, in the form in which programs read them; removed on exit.

    Parameters
    ----------
    inputs : uint8 array, shape (n, n_in)
        Binary patterns, one byte a pixel.
    labels : integer array, shape (n,)
        Labels.

    Raises
    ------
    SimulationError
        If they cannot be written.
    """

    def __init__(self, inputs: NDArray[np.uint8], labels: NDArray[np.integer]):
        self._owned = _temporary(_SAMPLES)
        self.folder = self._owned.path
        try:
            np.ascontiguousarray(inputs, dtype=np.uint8).tofile(self.folder / "inputs.u8")
            np.ascontiguousarray(labels, dtype=np.int32).tofile(self.folder / "labels.i32")
        except OSError as error:
            self.close()
            raise SimulationError(
                f"cannot write the samples to {self.folder}: {reason(error)}; set TMPDIR to a "
                "folder with space"
            ) from error

    def close(self) -> None:
        """Remove the files."""
        self._owned.close()

    def __enter__(self) -> SampleFiles:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the files."""
        self.close()


@dataclass(frozen=True)
class ProgramResult:
    """What a program did.

    Attributes
    ----------
    samples : int
        Samples shown; fewer than asked for if it was stopped (always after a whole one).
    arrays : dict
        Final values by the names of `synfire_bp.program.ProgramNetwork.results`; of the kind
        "samples", with the shape (samples, …).
    """

    samples: int
    arrays: dict[str, NDArray]


_READ = ("int16", "int32", "float64", "bool")
"""Types of arrays that variables of a program can have."""


class _Unfit(SimulationError):
    """A program that this machine does not execute."""


class Program:
    """A compiled network in its folder, which is not removed while this object is in use.

    Parameters
    ----------
    folder : Path
        Where it is.
    again : callable, optional
        Compiles it anew if it is removed or damaged all the same; if left out, an error says so.
    lock : Lock, optional
        On its folder, shared with others that use it.
    """

    def __init__(
        self, folder: Path, again: Callable[[], Program] | None = None, lock: Lock | None = None
    ):
        self.folder = folder
        self._again, self._lock = again, lock

    @classmethod
    def found(cls, folder: Path, again: Callable[[], Program]) -> Program | None:
        """Return the program in a folder; None if there is none, or it is damaged."""
        program = cls(folder, again)
        return program if program._held() else None

    def run(
        self,
        numbers: Mapping[str, NDArray | float],
        samples: SampleFiles,
        order: NDArray[np.integer],
        *,
        progress: Callable[[int], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> ProgramResult:
        """Show samples to the network, starting from silence.

        Parameters
        ----------
        numbers : mapping
            Values of variables by "object.variable".
        samples : SampleFiles
            The samples.
        order : integer array
            Which of them is shown when.
        progress : callable, optional
            Called with the number of samples done, about ten times a second.
        stop : callable, optional
            Asked as often; when it is true the program ends after its present sample.

        Raises
        ------
        SimulationError
            If a number is of a wrong type, the program fails, or its results cannot be written or
            read.
        BuildError
            If it was removed or damaged, and cannot be compiled anew.
        """
        if len(order) == 0:
            raise SimulationError("the program was given no sample to show")
        given = numbers, samples, order, progress, stop
        if self._again is None:
            return self._in_workplace(*given)
        if not self._held():
            self._renew(self._again)
        try:
            return self._in_workplace(*given)
        except _Unfit as unfit:
            warnings.warn(f"{unfit}; it is compiled again", stacklevel=2)
            unseal(self.folder)
        except SimulationError:
            if self._held():
                raise
        self._renew(self._again)
        return self._in_workplace(*given)

    def close(self) -> None:
        """Let it be removed; it is taken hold of again when it runs."""
        if self._lock is not None:
            self._lock.close()

    def _held(self) -> bool:
        """Take hold of the folder if need be; return whether the program in it is whole."""
        if self._lock is None or not self._lock.is_on(self.folder / LOCK):
            self.close()
            try:
                self._lock = take(self.folder / LOCK, shared=True, make=False)
            except FileNotFoundError:
                return False
            except OSError:  # a cache that can only be read, by all of its users
                self._lock = None
        return damage(self.folder) is None

    def _renew(self, again: Callable[[], Program]) -> None:
        if damage(self.folder) == MISSING:
            warnings.warn(
                f"{self.folder}: this compiled program was removed while it was in use; it is "
                "compiled again",
                stacklevel=3,
            )
        self.close()
        other = again()
        self.folder, self._lock = other.folder, other._lock

    def _in_workplace(
        self,
        numbers: Mapping[str, NDArray | float],
        samples: SampleFiles,
        order: NDArray[np.integer],
        progress: Callable[[int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> ProgramResult:
        try:
            manifest = json.loads((self.folder / MANIFEST).read_bytes())
        except (OSError, ValueError) as error:
            raise SimulationError(
                f"{self.folder / MANIFEST}: cannot be read ({error}); remove that folder, and "
                "start again"
            ) from None
        with _temporary(_RUN) as workplace:
            try:
                return self._run(manifest, workplace.path, numbers, samples, order, progress, stop)
            except OSError as error:
                raise SimulationError(
                    f"cannot use the working folder {workplace.path}: {reason(error)}; set "
                    "TMPDIR to a folder with space"
                ) from error

    def _run(
        self,
        manifest: dict[str, dict],
        workplace: Path,
        numbers: Mapping[str, NDArray | float],
        samples: SampleFiles,
        order: NDArray[np.integer],
        progress: Callable[[int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> ProgramResult:
        results = workplace / "results"
        results.mkdir()
        shown = workplace / "samples"
        shown.mkdir()
        for name in ("inputs.u8", "labels.i32"):
            (shown / name).symlink_to(samples.folder / name)
        np.ascontiguousarray(order, dtype=np.int32).tofile(shown / "order.i32")
        settings = []
        for ours, value in numbers.items():
            name = manifest["settable"].get(ours, ours)
            if isinstance(value, np.ndarray):
                if value.dtype.name not in _READ:  # the program would take it for something else
                    raise SimulationError(
                        f"{ours} is an array of {value.dtype}; give int32 for a variable that is "
                        "declared integer, float64 for one that is declared float"
                    )
                path = workplace / f"{ours}.dat"
                value.tofile(path)
                settings.append(f"{name}={path}")
            else:
                settings.append(f"{name}={value}")
        command = [
            str(self.folder / MAIN), "--results_dir", f"{results}/", "--samples", str(shown),
            *settings,
        ]  # fmt: skip
        entries = manifest["results"]
        stopped = _execute(command, self.folder, workplace, progress, stop)
        arrays = {name: _read(results, name, entry) for name, entry in entries.items()}
        done = _in_samples(arrays, entries, workplace.parent)
        if done != len(order) and not stopped:
            raise SimulationError(f"the circuit ended after {done} of {len(order)} samples")
        return ProgramResult(done, arrays)


def _execute(
    command: list[str],
    folder: Path,
    workplace: Path,
    progress: Callable[[int], None] | None,
    stop: Callable[[], bool] | None,
) -> bool:
    """Run the program; when asked to stop, let it finish its sample.  Return whether asked."""
    stopped = False
    complaints = workplace / "stderr"
    with complaints.open("wb") as stderr:
        process = _started(command, folder, stderr)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if not line.strip().isdigit():  # Brian2 prints what it could not read or write
                with complaints.open("a", encoding="utf-8") as log:
                    log.write(line)
            elif progress is not None:
                progress(int(line))
            if not stopped and stop is not None and stop():
                stopped = True
                process.send_signal(signal.SIGINT)
        code = process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()
    said = complaints.read_text(encoding="utf-8", errors="replace").strip()
    if code or said:
        how = f"killed by {_signal_name(-code)}" if code < 0 else f"exit code {code}"
        raise SimulationError(f"the compiled circuit failed ({how}): {said or 'no message'}")
    return stopped


def _started(command: list[str], folder: Path, stderr: IO[bytes]) -> subprocess.Popen[str]:
    try:
        # A session of its own: Ctrl-C at the terminal reaches only this process, which passes it on
        return subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=stderr, encoding="utf-8",
            errors="replace", start_new_session=True,
        )  # fmt: skip
    except PermissionError as error:
        raise SimulationError(
            f"{command[0]}: cannot be executed: {reason(error)}; set SYNFIRE_BP_CACHE to a folder "
            "on a file system that lets programs run (one not mounted noexec)"
        ) from None
    except OSError as error:
        if error.errno in (errno.ENOEXEC, errno.ENOENT):  # of another processor, or none
            raise _Unfit(f"{command[0]}: cannot be executed here: {reason(error)}") from None
        raise


def _signal_name(number: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _read(results: Path, name: str, entry: dict) -> NDArray:
    dtype = {"bool_": np.dtype(np.bool_)}.get(entry["dtype"]) or np.dtype(entry["dtype"])
    values = np.fromfile(results / entry["file"], dtype=dtype)
    if entry["size"] is not None and values.size != entry["size"]:
        raise SimulationError(
            f"the circuit left {values.size} values of {name} instead of {entry['size']}; is the "
            f"disk of {results} full?"
        )
    return values


def _in_samples(arrays: dict[str, NDArray], manifest: Mapping[str, dict], disk: Path) -> int:
    """Give arrays the form that their kind asks for; return how many samples were shown."""
    last = next(name for name, entry in manifest.items() if entry["kind"] == "last sample")
    done = int(arrays.pop(last)[0]) + 1
    for name, entry in manifest.items():
        if entry["kind"] == "steps":  # the first sample begins in step 1
            arrays[name] = np.rint(arrays[name] / entry["step"]).astype(np.int64) - 1
        elif entry["kind"] == "samples":
            if done == 0 or arrays[name].size % done:
                raise SimulationError(
                    f"the circuit showed {done} samples but left {arrays[name].size} values of "
                    f"{name}; is the disk of {disk} full?"
                )
            arrays[name] = arrays[name].reshape(done, -1)
    return done
