"""Plug-ins from outside: found, loaded whole or not at all, and asked for by model files.

Three ways lead here: an installed package announces itself by an entry point (group
``synfire_bp.plugins``), somebody names a module or a file (``--plugin``, `load_plugin`), or the
environment variable SYNFIRE_BP_PLUGINS does, from which the processes that a command starts know
what it had loaded.  A model file never imports code: it says what must be there (`requires`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from synfire_bp.errors import PluginError, SynfireError, to_caller
from synfire_bp.files import expanded, quoted
from synfire_bp.registry import (
    LEFT_OUT,
    LOADING,
    Plugin,
    added_by,
    adding,
    all_or_nothing,
    forget,
    imported_beside,
    note_plugin,
    plain,
    plugins,
)

__all__ = [
    "CHECKS",
    "GROUP",
    "VARIABLE",
    "Broken",
    "broken_plugins",
    "how_to_load",
    "load_known",
    "load_plugin",
    "unmet",
]

GROUP = "synfire_bp.plugins"
"""The entry points by which installed packages announce themselves."""

VARIABLE = "SYNFIRE_BP_PLUGINS"
"""Environment variable: what is loaded besides, modules and files, with ':' between them."""

CHECKS: list[Callable[[], object]] = []
"""What is asked after a plug-in has registered its things: it raises if they cannot be used."""

_LONGEST = 300  # characters of what somebody else's error says


@dataclass(frozen=True)
class Broken:
    """An installed plug-in that could not be loaded: its name, version, module, and why."""

    name: str
    version: str | None
    module: str
    why: str
    distribution: str | None = None


_BROKEN: dict[str, Broken] = {}
_DIGESTS: dict[str, str] = {}  # of each plug-in's source files when it was loaded


def broken_plugins() -> tuple[Broken, ...]:
    """Return the installed plug-ins that could not be loaded."""
    plugins()  # loads them
    return tuple(_BROKEN.values())


def load_plugin(named: str | Path) -> Plugin:
    r"""Load a plug-in, whole or not at all, here and in every process that this one starts.

    One that is loaded already is not loaded a second time, unless its source files were changed
    since: then it is loaded anew, and what it registered before is replaced.

    Parameters
    ----------
    named : str or Path
        A module, installed or in the current folder; the name of an installed plug-in; or the
        path of a Python file.

    Returns
    -------
    Plugin
        What was loaded.

    Raises
    ------
    PluginError
        If it is not there, raises on import, registers nothing, or something that cannot be.  The
        message names plug-in, file, line and cure, and nothing of it stays registered; one that
        fails when it is loaded anew stays as it was.

    Examples
    --------
    >>> from pathlib import Path
    >>> text = "import synfire_bp as sb\nsb.rule('slow', 'dw = 2*r1*x0*y0 - 2*x0*y0 + 2*r1*x0*y0')"
    >>> _ = Path("slow_rule.py").write_text(text)
    >>> import synfire_bp as sb
    >>> sb.load_plugin("slow_rule.py").name
    'slow_rule'
    """
    named = str(named)
    if os.pathsep in named or not named.strip(". "):
        raise PluginError(
            f"plug-in '{named}': give a module's name or the path of a Python file, without "
            f"'{os.pathsep}' in it"
        )
    loaded = _loaded(named)
    if loaded is None:
        if broken := next((one for one in _BROKEN.values() if plain(named) in _names(one)), None):
            raise PluginError(broken.why)
        loaded = _load(_target(named))
    elif loaded.file and loaded.digest() != _DIGESTS.get(loaded.name):
        loaded = _load_anew(loaded)
    known = [part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    if loaded.reference not in known:
        os.environ[VARIABLE] = os.pathsep.join([*known, loaded.reference])
    return loaded


def how_to_load(named: str) -> str:
    """Return how a module, or the path of a file, is loaded as a plug-in."""
    return to_caller(f"--plugin {quoted(named)}", f"sb.load_plugin({named!r})")


def load_known() -> None:
    """Load what is installed, and what the environment names.

    An installed plug-in that is broken costs a line on standard error, since what is asked for may
    not need it; one that the environment names is an error.
    """
    left_out = {plain(name.strip()) for name in os.environ.get(LEFT_OUT, "").split(",")}
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        if plain(entry.name) in left_out:
            continue
        about = entry.dist
        version = None if about is None else about.version
        distribution = None if about is None else about.name
        try:
            module = _module_of(entry, distribution)
            _load(_Target(entry.name, module, None, version, distribution))
        except PluginError as error:
            name = f"{entry.name} of {distribution}" if entry.name in _BROKEN else entry.name
            _BROKEN[name] = Broken(entry.name, version, entry.value, str(error), distribution)
            first = str(error).splitlines()[0]
            print(f"synfire-bp: warning: {first}; it is left out", file=sys.stderr)
    for named in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        load_plugin(named)


def _module_of(entry: metadata.EntryPoint, distribution: str | None) -> str:
    """Return the module that an entry point names.

    Raises
    ------
    PluginError
        If it names none, or another installed package has a plug-in of this name.
    """
    try:
        module = entry.module
    except Exception:  # importlib's own is about a match object
        raise PluginError(
            f"plug-in '{entry.name}' of {distribution} names no module: '{entry.value:.60}'; mend "
            f"its entry point, or remove it: pip uninstall {distribution}"
        ) from None
    other = next((one for one in plugins() if one.name == entry.name), None)
    if other is not None and other.distribution not in (None, distribution):
        raise PluginError(
            f"plug-in '{entry.name}' of {distribution} has the name of a plug-in of "
            f"{other.distribution}; uninstall one of the two"
        )
    return module


def unmet(requirement: str) -> str | None:
    """Return why a model file's requirement is not met; None if it is.

    Parameters
    ----------
    requirement : str
        Such as "lab" or "lab>=1.2": a plug-in's name, its module or its distribution, and versions.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        asked = Requirement(requirement)
    except InvalidRequirement:
        return f"'{requirement:.60}' is not a plug-in and version, such as lab or lab>=1.2"
    if asked.url or asked.extras or asked.marker:
        return f"'{requirement:.60}' says more than a plug-in and version, such as lab or lab>=1.2"
    found = _loaded(asked.name)
    if found is None:
        if broken := next(
            (one for one in _BROKEN.values() if plain(asked.name) in _names(one)), None
        ):
            return f"'{requirement}' is installed, but broken: {broken.why}"
        there = ", ".join(one.name for one in plugins()) or "none"
        return (
            f"the plug-in '{requirement}' is not loaded (loaded are: {there}); install it (pip "
            f"install '{requirement}'), or name its module or file with "
            f"{to_caller('--plugin', 'sb.load_plugin')}"
        )
    if asked.specifier and found.version is None:
        return (
            f"'{requirement}' asks for a version, but {found} has none; give its module a "
            "__version__, or ask for its name alone"
        )
    if found.version is not None and not asked.specifier.contains(found.version, prereleases=True):
        return (
            f"'{requirement}' asks for another version than the loaded {found}; install it: pip "
            f"install '{requirement}'"
        )
    return None


# ---------------------------------------------------------------- one plug-in


@dataclass(frozen=True)
class _Target:
    """What is to be imported; `file` if it was named by its file."""

    name: str
    module: str
    file: Path | None = None
    version: str | None = None
    distribution: str | None = None


def _names(broken: Broken) -> set[str]:
    return {plain(broken.name), plain(broken.module), plain(broken.distribution or broken.name)}


def _loaded(named: str) -> Plugin | None:
    """Return the loaded plug-in of this name, module, distribution or file."""
    file = str(expanded(named).resolve()) if _is_file(named) else None
    return next((one for one in plugins() if file == one.file or plain(named) in one.names), None)


def _is_file(named: str) -> bool:
    return named.endswith(".py") or os.sep in named


def _target(named: str) -> _Target:
    """Return what a name or a path stands for."""
    if not _is_file(named):
        if Path(named).is_file():
            raise PluginError(f"plug-in {named}: is not a Python file (the name must end in .py)")
        return _Target(named, named)
    file = expanded(named).resolve()
    if file.is_dir():
        file = file / "__init__.py"
    if not file.is_file():
        raise PluginError(
            f"plug-in {named}: no such file; give the path of a Python file, or a module's name"
        )
    module = file.parent.name if file.stem == "__init__" else file.stem
    if not module.isidentifier():
        raise PluginError(
            f"plug-in {named}: '{module}' cannot be a module's name; call the file something like "
            f"{file.with_stem(''.join(c if c.isalnum() else '_' for c in file.stem)).name}"
        )
    return _Target(module, module, file)


def _load(target: _Target) -> Plugin:
    """Import a plug-in; on any error nothing of it stays."""
    with LOADING:
        return _whole(target)


def _load_anew(plugin: Plugin) -> Plugin:
    """Import a plug-in whose files were changed; on any error it stays as it was."""
    file = Path(plugin.file)
    top = plugin.module.partition(".")[0]
    beside = {top, *(other.stem for other in imported_beside(file) if file.stem != "__init__")}
    by_file = _is_file(plugin.reference)
    target = _Target(
        plugin.name, plugin.module, file if by_file else None,
        plugin.version if plugin.distribution else None, plugin.distribution,
    )  # fmt: skip
    with LOADING:
        old = {name: one for name, one in sys.modules.items() if name.partition(".")[0] in beside}
        try:
            with all_or_nothing():
                forget(plugin.name)
                for name in old:
                    del sys.modules[name]
                importlib.invalidate_caches()
                return _whole(target)
        except BaseException:
            sys.modules.update(old)
            raise


def _whole(target: _Target) -> Plugin:
    before, path = set(sys.modules), list(sys.path)
    environment = os.environ.get(VARIABLE)
    if target.module.partition(".")[0] in ("synfire_bp", "analysis"):
        raise PluginError(f"plug-in '{target.module}': is this package itself, or has its name")
    try:
        with all_or_nothing(), adding(target.name):
            plugin = _imported(target)
            note_plugin(plugin)
            if not added_by(plugin.name):
                raise PluginError(
                    f"{plugin} registers nothing; is it the right module? A plug-in uses "
                    "sb.variant, sb.dataset, sb.engine or sb.figure"
                )
            for check in CHECKS:
                check()
    except BaseException as error:
        explained = _explained(target, error)
        home = target.file.parent if target.file is not None else Path.cwd()
        folders = {*sys.path, str(home)} - {*path} | {str(home)}
        sys.path[:] = path
        if environment is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = environment
        top = target.module.partition(".")[0]
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if name.partition(".")[0] == top or str(Path(file).parent) in folders:
                del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise explained from None
    _DIGESTS[plugin.name] = plugin.digest() if plugin.file else ""
    return plugin


def _imported(target: _Target) -> Plugin:
    with _findable(target) as found_here:
        module = importlib.import_module(target.module)
    file = Path(getattr(module, "__file__", None) or "").resolve()
    if target.file is not None and file != target.file:
        raise PluginError(
            f"plug-in {target.file}: another module is called '{target.module}' already ({file}); "
            "give the file another name"
        )
    version = target.version or getattr(module, "__version__", None)
    if version is None and target.file is None:
        try:
            version = metadata.version(target.module)
        except metadata.PackageNotFoundError:
            version = None
    return Plugin(
        target.name,
        None if version is None else str(version),
        target.module,
        str(file),
        str(file) if found_here else target.module,
        target.distribution,
    )


@contextmanager
def _findable(target: _Target) -> Iterator[bool]:
    """Let Python find a module beside its file, or in the current folder; yield if it has to.

    The folder is the last one to be looked into: it must not hide what is installed.
    """
    top = target.module.partition(".")[0]
    if target.file is not None:
        levels = 2 if target.file.stem == "__init__" else 1
        folder = str(target.file.parents[levels - 1])
    elif top in sys.modules or importlib.util.find_spec(top) is not None:
        yield False
        return
    else:
        folder = os.getcwd()
    if folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
    yield True


def _explained(target: _Target, error: BaseException) -> PluginError:
    """Return what is wrong with a plug-in: its name, file and line, and what to do."""
    if isinstance(error, PluginError):
        return error
    top = target.module.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name in (top, target.module):
        return PluginError(
            f"plug-in '{target.name}': there is no module '{target.module}', neither installed nor "
            f"in {os.getcwd()}; install it (pip install {target.name}), or name its file, such as "
            f"{how_to_load(f'path/to/{top}.py')}"
        )
    where = f"plug-in '{target.name}' ({_place(target, error)})"
    if isinstance(error, SynfireError):
        return PluginError(f"{where}: {error}. Nothing of it is registered")
    said = f"{type(error).__name__}: {error}".replace("\n", " ")[:_LONGEST]
    gone = f", or remove it: pip uninstall {target.distribution}" if target.distribution else ""
    return PluginError(f"{where} raises on import: {said}; fix it there{gone}")


def _place(target: _Target, error: BaseException) -> str:
    """Return the file and line of the plug-in's own code that an error comes from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    home = target.file
    if home is None:
        try:
            spec = importlib.util.find_spec(target.module)
        except Exception:  # what is broken may not even be found
            spec = None
        home = Path(spec.origin) if spec is not None and spec.origin else None
    if home is None:
        return f"module {target.module}"
    inside = home.parent if home.stem == "__init__" else home
    lines = [
        f"{frame.filename}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename) == home or inside in Path(frame.filename).parents
    ]
    return lines[-1] if lines else str(home)
