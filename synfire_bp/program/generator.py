"""Start the process that generates code, and hand it what it may import."""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path

from synfire_bp.errors import BuildError
from synfire_bp.program import isolated
from synfire_bp.program.compiler import REFUSED, last_lines, run_child
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
    done = run_child(
        [sys.executable, "-I", "-X", "utf8", isolated.__file__, str(workplace)],
        given=pickle.dumps((_import_path(), str(_HOME))) + pickle.dumps(spec),
        env={**os.environ, "TMPDIR": str(scratch), **_home(scratch)},
        cwd=scratch,
    )
    said = done.stderr.decode(errors="replace")
    if done.returncode == isolated.NO_ROOM:
        raise OSError(*_refused(said))
    if done.returncode:
        raise BuildError(f"generating the C++ code failed:\n{last_lines(said)}")


def _refused(said: str) -> tuple[int, str]:
    by_text = {os.strerror(number): number for number in REFUSED}
    text = said.strip().splitlines()[-1]  # logging complains before
    return by_text.get(text, REFUSED[0]), text


def _home(scratch: Path) -> dict[str, str]:
    """Give a user without a home one for the moment: what is imported may look there."""
    try:
        Path.home()
    except RuntimeError:
        return {"HOME": str(scratch)}
    return {}


def _import_path() -> list[str]:
    """Return where modules are searched for: not in the current folder, unless PYTHONPATH names it.

    The folders of plug-ins and of the script that runs come last: a file of theirs takes no
    module's place.
    """
    here, script = _here(), _script_folder()
    named = {os.path.abspath(one) for one in os.environ.get("PYTHONPATH", "").split(":") if one}
    path = [os.path.abspath(one) if os.path.exists(one) else one for one in sys.path if one]
    path = [one for one in path if one in named or one not in (here, script)]
    last = [_folder_of(plugin.module, plugin.file) for plugin in plugins() if plugin.file]
    if script_of("__main__") is not None:  # what is registered at a prompt may use files there
        last.append(script or here)
    return list(dict.fromkeys([*path, *last, *filter(None, [script]), str(_HOME)]))


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # it was removed
        return ""


def _script_folder() -> str | None:
    """Return where the script lies that runs; None: it is a prompt, or `python -m`."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return None
    return os.path.dirname(os.path.abspath(file))


def _folder_of(module: str, file: str) -> str:
    """Return the folder that a module is imported from."""
    place = Path(file)
    inside = module.count(".") + (place.stem == "__init__")
    return str(place.parents[inside])
