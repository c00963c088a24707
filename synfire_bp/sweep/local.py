"""Worker processes of this machine: started, watched, and replaced, whatever happens to them.

Each is a Python of its own that runs `synfire_bp.sweep.local_worker`.  One that ends, or that the
scheduler has not heard of for long, is replaced by a new one; none outlives this process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import IO

from synfire_bp.errors import SweepError
from synfire_bp.registry import script_of
from synfire_bp.sweep.explain import first_line

__all__ = ["LocalWorkers"]

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
               "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS")  # fmt: skip
_STARTING = 300.0  # seconds that a machine under load may take to start one
_SILENT = 60.0  # seconds out of the scheduler's sight after which one is replaced
_IN_VAIN = 3  # more starts in a row than there are workers, none of which came to work

# nothing is imported before the path is that of this process: not even from the current folder
_START = (
    "import sys; sys.path[:] = sys.argv.pop(1).split('\\n'); "
    "from synfire_bp.sweep.local_worker import main; main(*sys.argv[1:])"
)


@dataclass
class _Worker:
    """A process, what it says, and when it was started or seen by the scheduler."""

    name: str
    process: subprocess.Popen
    said: IO[bytes]
    at: float
    seen: bool = False

    def end(self) -> None:
        """Kill it, if it runs."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.said.close()

    def why(self) -> str:
        """Return its last words, or how it ended."""
        self.said.seek(0)
        lines = self.said.read().decode(errors="replace").strip().splitlines()
        code = self.process.returncode
        silent = f"killed by signal {-code}" if code and code < 0 else f"exit code {code}"
        return first_line(lines[-1]) if lines else f"{silent}, without a message"


class LocalWorkers:
    """So many worker processes, one thread each; use it in a `with` statement.

    Parameters
    ----------
    count : int
        How many.
    scheduler : str
        Address of the scheduler that they work for.
    """

    def __init__(self, count: int, scheduler: str):
        self.count = count
        """How many there are, those that start included."""
        self._scheduler = scheduler
        self._scratch = tempfile.TemporaryDirectory(
            prefix="synfire-bp-sweep-", ignore_cleanup_errors=True
        )
        self._in_vain, self._n_started = 0, 0
        self._workers: list[_Worker] = []
        try:
            for _ in range(count):
                self._workers.append(self._started())
        except BaseException:
            self.close()
            raise

    def tend(self, known: Collection[str]) -> None:
        """Replace workers that ended or do not answer.

        Parameters
        ----------
        known : collection of str
            Names of those that the scheduler knows now.

        Raises
        ------
        SweepError
            If they end as soon as they are started.
        """
        now = time.monotonic()
        for place, worker in enumerate(self._workers):
            if worker.name in known:
                worker.at, worker.seen, self._in_vain = now, True, 0
            ended = worker.process.poll() is not None
            if ended or now - worker.at > (_SILENT if worker.seen else _STARTING):
                worker.process.kill()
                worker.process.wait()
                self._in_vain += not worker.seen
                if self._in_vain >= len(self._workers) + _IN_VAIN:
                    raise SweepError(f"worker processes end while starting: {worker.why()}")
                worker.end()
                self._workers[place] = self._started()

    def close(self) -> None:
        """End them all, and remove what they left."""
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._scratch.cleanup()

    def __enter__(self) -> LocalWorkers:
        """Return the workers."""
        return self

    def __exit__(self, *_: object) -> None:
        """End them all."""
        self.close()

    def _started(self) -> _Worker:
        self._n_started += 1
        name = f"local-{self._n_started}"
        path = "\n".join(os.path.abspath(entry) for entry in sys.path)
        said = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the worker has ended)
        try:
            # its own session: Ctrl-C at the terminal reaches this process alone; its standard
            # input, which nobody writes to, ends with this process
            process = subprocess.Popen(
                [sys.executable, "-c", _START, path, self._scheduler, name, self._scratch.name,
                 *_script()],
                env={**os.environ, **{variable: "1" for variable in _ONE_THREAD}},
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            said.close()
            raise SweepError(
                f"no worker process can be started: {error.strerror or error}; end other "
                "processes, or ask for fewer workers"
            ) from None
        return _Worker(name, process, said, time.monotonic())


def _script() -> list[str]:
    """Return the script that runs here, if it registers what its trainings may need."""
    script = script_of("__main__")
    return [os.path.abspath(script.file)] if script is not None and script.file else []
