"""A worker process of this machine: does tasks for one scheduler, until its sweep ends.

It is started by `synfire_bp.sweep.local`, and ends at once when the process that started it does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import shutil
import sys
import threading
import types

from synfire_bp.errors import SweepError, SynfireError

__all__ = ["main", "refuse_in_worker"]

_is_worker = False


def refuse_in_worker() -> None:
    """Refuse to run a sweep in a process that only imports the script that does.

    Raises
    ------
    SweepError
        It says what the script needs.
    """
    # while a process that multiprocessing spawned imports the script
    imported = getattr(multiprocessing.current_process(), "_inheriting", False)
    if _is_worker or imported:
        raise SweepError(
            "processes that a sweep starts import this script, and would run the sweep again; "
            'put what runs it under: if __name__ == "__main__":'
        )


def main(scheduler: str, name: str, scratch: str, script: str | None = None) -> None:
    """Work until the scheduler goes.

    Parameters
    ----------
    scheduler : str
        Its address.
    name : str
        What the scheduler calls this worker.
    scratch : str
        A folder for its files; removed if the process that started it is gone.
    script : str, optional
        Imported first: registers what trainings need.
    """
    global _is_worker
    _is_worker = True
    threading.Thread(target=_end_with_parent, args=(scratch,), daemon=True).start()
    try:
        if script is not None:
            _import(script)
        asyncio.run(_work(scheduler, name, scratch))
    except SynfireError as error:
        sys.exit(str(error))
    except Exception as error:  # its last words; what starts it tells them
        sys.exit(f"{type(error).__name__}: {error}")


async def _work(scheduler: str, name: str, scratch: str) -> None:
    import dask
    from distributed import Worker

    memory = ("terminate", "pause", "spill", "target")
    settings = {f"distributed.worker.memory.{name}": False for name in memory} | {
        "distributed.worker.profile.enabled": False,
        "distributed.admin.system-monitor.interval": "5s",
        "distributed.logging.distributed": "critical",
    }
    with dask.config.set(settings):
        async with Worker(
            scheduler, name=name, nthreads=1, memory_limit=0, local_directory=scratch
        ) as worker:
            await worker.finished()


def _end_with_parent(scratch: str) -> None:
    while os.read(0, 1):
        pass
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def _import(script: str) -> None:
    """Import a script as a module, as multiprocessing does."""
    module = types.ModuleType("__mp_main__")
    module.__dict__.update(runpy.run_path(script, run_name="__mp_main__"))
    sys.modules["__main__"] = sys.modules["__mp_main__"] = module
