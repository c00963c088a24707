"""Where the process begins that generates code: alone, with the import path that it is handed.

Run by its path, in Python's isolated mode::

    python -I isolated.py DIRECTORY < pickled (import path, folder of synfire_bp), ProgramSpec

Neither the current folder nor PYTHONPATH can put a file in the place of a module.  This package is
the very one that asks, even if another one is installed.
"""

from __future__ import annotations

import os
import pickle
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

NO_ROOM = 74
"""Exit code: the folder cannot be written; standard error says why, and nothing else."""


def _begin() -> None:
    path, home = pickle.load(sys.stdin.buffer)
    sys.path[:] = path
    spec = PathFinder.find_spec("synfire_bp", [home])
    assert spec is not None and spec.loader is not None
    package = sys.modules["synfire_bp"] = module_from_spec(spec)
    spec.loader.exec_module(package)
    from synfire_bp.program.generate import generate

    generate(pickle.load(sys.stdin.buffer), Path(sys.argv[1]))


if __name__ == "__main__":
    try:
        _begin()
    except OSError as error:
        from synfire_bp.program.compiler import REFUSED

        cut = error.errno is None and "written" in str(error)  # how NumPy says it
        if not cut and error.errno not in REFUSED:
            raise
        print(os.strerror(error.errno or REFUSED[0]), file=sys.stderr)
        sys.exit(NO_ROOM)
