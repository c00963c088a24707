"""Start the process that generates code, and hand it what it may import."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

from synfire_bp.errors import BuildError
from synfire_bp.program import isolated
from synfire_bp.program.compiler import REFUSED, last_lines
from synfire_bp.program.spec import ProgramSpec
from synfire_bp.registry import plugins, script_of

__all__ = ["generate_apart"]

_HOME = Path(__file__).parents[2]
"""The folder of this package."""


def generate_apart(spec: ProgramSpec, workplace: Path, scratch: Path) -> None:
    """Write the C++ project of a spec into a folder, in a process of its own.

    Parameters
    ----------
    spec : ProgramSpec
        What is generated.
    workplace : Path
        Where it is written to.
    scratch : Path
        Current folder of the process, and the one for its temporary files.

    Raises
    ------
    BuildError
        If generating fails; the message ends as the process's own does.
    OSError
        If there is no room.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", isolated.__file__, str(workplace)],
        input=pickle.dumps((_import_path(), str(_HOME))) + pickle.dumps(spec),
        env={**os.environ, "TMPDIR": str(scratch), **_home(scratch)},
        cwd=scratch,
        capture_output=True,
    )
    said = done.stderr.decode(errors="replace")
    if done.returncode == isolated.NO_ROOM:
        raise OSError(*_refused(said))
    if done.returncode:
        raise BuildError(f"generating the C++ code failed:\n{last_lines(said)}")


def _refused(said: str) -> tuple[int, str]:
    by_text = {os.strerror(number): number for number in REFUSED}
    return by_text.get(said.strip(), REFUSED[0]), said.strip()


def _home(scratch: Path) -> dict[str, str]:
    """Give a user without a home one for the moment: what is imported may look there."""
    try:
        Path.home()
    except RuntimeError:
        return {"HOME": str(scratch)}
    return {}


def _import_path() -> list[str]:
    """Return what modules are searched in: the places of plug-ins last, the current folder not.

    Unless the path names it, or plug-ins lie there.
    """
    started_in = _started_in()
    path = [os.path.abspath(folder) for folder in sys.path if folder and folder != started_in]
    homes = [_folder_of(plugin.module, plugin.file) for plugin in plugins() if plugin.file]
    if (script := script_of("__main__")) is not None:
        homes.append(os.path.dirname(script.file) or os.getcwd())
    if started_in is not None and not _by_module():  # a script's own modules
        homes.append(started_in)
    return list(dict.fromkeys([*path, *homes, str(_HOME)]))


def _started_in() -> str | None:
    """Return the folder that Python put first when it started; None: it did not, or PYTHONPATH."""
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    file = getattr(sys.modules.get("__main__"), "__file__", None)
    folder = os.getcwd() if _by_module() or file is None else os.path.dirname(os.path.abspath(file))
    return None if folder in named else folder


def _by_module() -> bool:
    """Whether Python was started as `python -m`."""
    return getattr(sys.modules.get("__main__"), "__spec__", None) is not None


def _folder_of(module: str, file: str) -> str:
    """Return the folder that a module is imported from."""
    place = Path(file)
    inside = module.count(".") + (place.stem == "__init__")
    return str(place.parents[inside])
