"""Names under which things are registered: variants, data sets, engines, figures.

A thing registers itself where it is defined; whoever needs it asks by name.  Things may come from
outside, from plug-ins: each entry knows who added it, and what a plug-in added can be taken back.
Installed plug-ins are loaded when a registry is asked for the first time (`when_first_asked`).
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import re
import sys
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from synfire_bp.errors import HOME, SynfireError

__all__ = [
    "LEFT_OUT",
    "LOADING",
    "Plugin",
    "Registry",
    "added_by",
    "adding",
    "all_or_nothing",
    "foreign_sources",
    "forget",
    "imported_beside",
    "note_plugin",
    "plain",
    "plugin_of",
    "plugins",
    "script_of",
    "typed_in",
    "when_first_asked",
]

T = TypeVar("T")

LEFT_OUT = "SYNFIRE_BP_WITHOUT"
"""Environment variable: installed plug-ins that are not to be loaded, with ',' between them."""


@dataclass(frozen=True)
class Plugin:
    """Code from outside that registers things.

    Attributes
    ----------
    name : str
        What people call it: of its entry point, else of its module.
    version : str or None
        Of its distribution, else its module's `__version__`.
    module : str
        What is imported.
    file : str
        Where that is.
    reference : str
        What loads it in another process: `--plugin reference`.
    distribution : str or None
        What pip calls it.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> plugin = sb.Plugin("lab", "1.2", "lab_circuits", "/home/me/lab_circuits.py", "lab_circuits")
    >>> sorted(plugin.names)
    ['lab', 'lab-circuits']
    """

    name: str
    version: str | None
    module: str
    file: str
    reference: str
    distribution: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everything that it may be called by, without regard to case, '-', '_' and '.'."""
        called = (self.name, self.module, self.distribution or self.name)
        return frozenset(map(plain, called))

    def digest(self, *, beside: bool = False) -> str:
        """Return the SHA-256 (hex) of its source files.

        Of a single file also those beside it that it imports; `beside`: all that lie there.
        """
        digest = hashlib.sha256()
        file = Path(self.file)
        folder, files = file.parent, imported_beside(file)
        if file.stem == "__init__":
            files = sorted(folder.rglob("*"))
        elif beside:
            files = sorted(folder.glob("*"))
        for source in files:
            if source.suffix in (".py", ".h", ".cpp", ".hpp") and source.is_file():
                digest.update(f"{source.relative_to(folder)}\n".encode() + source.read_bytes())
        return digest.hexdigest()

    def __str__(self) -> str:
        version = "" if self.version is None else f" {self.version}"
        return f"plug-in '{self.name}'{version} ({self.file})"


def imported_beside(file: Path) -> list[Path]:
    """Return a Python file, and those beside it that it imports or names as "module:name"."""
    found, waiting = {file}, [file]
    while waiting:
        with suppress(OSError, SyntaxError, ValueError):
            for node in ast.walk(ast.parse(waiting.pop().read_bytes())):
                for name in _named(node):
                    other = file.with_name(f"{name.partition('.')[0]}.py")
                    if other not in found and other.is_file():
                        found.add(other)
                        waiting.append(other)
    return sorted(found)


def _named(node: ast.AST) -> list[str]:
    """Return the modules that a part of a program imports, or names as "module:name"."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and ":" in node.value:
        name = node.value.partition(":")[0]
        return [name] if name.isidentifier() else []
    return []


def plain(name: str) -> str:
    """Return a name without regard to case, '-', '_' and '.', as pip compares them."""
    return name.replace("_", "-").replace(".", "-").lower()


def typed_in() -> bool:
    """Whether the main module is a notebook or Python's prompt, and no script."""
    return not hasattr(sys.modules.get("__main__"), "__file__")


def _foreign(module: str) -> bool:
    return bool(module) and module.partition(".")[0] not in HOME


def _definition(entry: Any) -> Any:
    """Return the function or class that was decorated."""
    return getattr(entry, "__wrapped__", entry)


def _place(entry: Any) -> str | None:
    """Return where in its module an entry is defined; None: it is a mere value."""
    return getattr(_definition(entry), "__qualname__", None)


class _Origin(NamedTuple):
    """Who added an entry: the plug-in that was being loaded, and the module that defines it."""

    plugin: str | None
    module: str


class Registry(Mapping[str, T], Generic[T]):
    """Things by name, in the order in which they were registered.

    Parameters
    ----------
    kind : str
        What is registered, in words, for messages: "engine".
    position : callable, optional
        Gives an entry's place among the others: smaller ones come first.
    """

    def __init__(self, kind: str, position: Callable[[T], float] | None = None):
        self.kind = kind
        self._position = position
        self._entries: dict[str, T] = {}
        self._origins: dict[str, _Origin] = {}
        _REGISTRIES.append(weakref.ref(self))

    def register(self, name: str, entry: T, module: str | None = None) -> None:
        """Add an entry.

        Parameters
        ----------
        name : str
            What it is asked for by.
        entry : object
            What is added.
        module : str, optional
            Where that is done; the entry's own module if left out.

        Raises
        ------
        SynfireError
            If the name is taken, or is none.

        Notes
        -----
        What is defined again takes the place of what it was before: in a notebook or at Python's
        prompt, where a cell is run twice, and when a module is loaded anew (`importlib.reload`).
        """
        module = str(getattr(entry, "__module__", "") if module is None else module)
        if not isinstance(name, str) or not name:
            raise SynfireError(
                f"a {self.kind} is registered under a name, not under {name!r}; give it as text"
            )
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise SynfireError(
                f"'{name:.60}' is no name for a {self.kind}; use letters, digits, '_', '-' and '.'"
            )
        if name in self._entries and not self._again(name, entry, module):
            raise SynfireError(
                f"{self.kind} '{name}' is registered already, {self._by(name)}; use another name"
                f"{self._instead(name)}"
            )
        self._entries[name] = entry
        # what a plug-in imports of this package is not its own
        self._origins[name] = _Origin(_loading if _foreign(module) else None, module)
        if self._position is not None:
            place = self._position
            self._entries = dict(sorted(self._entries.items(), key=lambda item: place(item[1])))

    def _again(self, name: str, entry: T, module: str) -> bool:
        """Whether an entry is one that is there, defined again."""
        before, origin = self._entries[name], self._origins.get(name)
        if origin is None or origin.module != module or not _foreign(module):
            return False
        if module == "__main__" and typed_in():
            return True
        place, defined = _place(entry), _place(before)
        if place is None:  # a mere value, such as a rule
            return entry == before
        return place == defined and _definition(entry) != _definition(before)

    def replace(self, name: str, entry: T) -> None:
        """Put an entry in the place of the one of this name."""
        self._entries[name] = entry

    def _by(self, name: str) -> str:
        plugin = self.plugin(name)
        return f"as {self._entries[name]!r:.60}" if plugin is None else f"by {plugin}"

    def _instead(self, name: str) -> str:
        plugin = self.plugin(name)
        if plugin is None or plugin.distribution is None:
            return ""
        return f", or leave that plug-in out: {LEFT_OUT}={plugin.name} synfire-bp …"

    def plugin(self, name: str) -> Plugin | None:
        """Return the plug-in, or the script, that added an entry; None: it is of this package."""
        origin = self._origins.get(name)
        if origin is None or name not in self._entries:
            return None
        if origin.plugin is not None:
            return _PLUGINS.get(origin.plugin) or _script(origin.module, origin.plugin)
        if not _foreign(origin.module):
            return None
        return _script(origin.module, origin.module)

    def find(self, name: str) -> T:
        """Return an entry.

        Raises
        ------
        SynfireError
            If there is none of this name; it says which there are.
        """
        if name not in self:
            near = difflib.get_close_matches(name, self._entries, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SynfireError(
                f"{self.kind} '{name}' is unknown{hint}; use one of {', '.join(self._entries)}"
            )
        return self._entries[name]

    def __getitem__(self, name: str) -> T:
        """Return an entry, or raise KeyError."""
        _look()
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        _look()
        return iter(self._entries)

    def __len__(self) -> int:
        """Return how many there are."""
        _look()
        return len(self._entries)


_REGISTRIES: list[weakref.ref[Registry[Any]]] = []
_PLUGINS: dict[str, Plugin] = {}
_loading: str | None = None


def _registries() -> list[Registry[Any]]:
    return [registry for known in _REGISTRIES if (registry := known()) is not None]


# ---------------------------------------------------------------- who added what


LOADING = threading.RLock()
"""Held while a plug-in is loaded: what is registered meanwhile is its own."""


@contextmanager
def adding(plugin: str) -> Iterator[None]:
    """Note that what is registered meanwhile is added by a plug-in of this name."""
    global _loading
    before, _loading = _loading, plugin
    try:
        yield
    finally:
        _loading = before


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """Take back everything that was registered meanwhile, in any registry, if an error comes."""
    before = [(known, dict(known._entries), dict(known._origins)) for known in _registries()]
    noted = dict(_PLUGINS)
    try:
        yield
    except BaseException:
        for registry, entries, origins in before:
            registry._entries, registry._origins = entries, origins
        _PLUGINS.clear()
        _PLUGINS.update(noted)
        raise


def note_plugin(plugin: Plugin) -> None:
    """Remember a plug-in; entries that its modules registered before are its own, too."""
    _PLUGINS[plugin.name] = plugin
    for registry in _registries():
        for name, (of, module) in registry._origins.items():
            inside = module == plugin.module or module.startswith(f"{plugin.module}.")
            if of is None and inside:
                registry._origins[name] = _Origin(plugin.name, module)


def forget(plugin: str) -> None:
    """Take back everything that a plug-in has registered, and the plug-in."""
    _PLUGINS.pop(plugin, None)
    for registry in _registries():
        names = [name for name, origin in registry._origins.items() if origin.plugin == plugin]
        for name in names:
            registry._entries.pop(name, None)
            del registry._origins[name]


def plugins() -> tuple[Plugin, ...]:
    """Return the plug-ins that are loaded, in the order in which they were.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> [plugin.name for plugin in sb.plugins()]
    []
    """
    _look()
    return tuple(_PLUGINS.values())


def added_by(plugin: str) -> dict[str, list[str]]:
    """Return what a plug-in has registered: kind to names."""
    found: dict[str, list[str]] = {}
    for registry in _registries():
        names = [
            name
            for name in registry._entries
            if (origin := registry._origins.get(name)) is not None and origin.plugin == plugin
        ]
        if names:
            found.setdefault(registry.kind, []).extend(names)
    return found


def plugin_of(kind: str, name: str) -> Plugin | None:
    """Return who added an entry of this kind from outside; None: nobody, or there is none."""
    _look()
    found = (registry.plugin(name) for registry in _registries() if registry.kind == kind)
    return next((plugin for plugin in found if plugin is not None), None)


def script_of(module: str) -> Plugin | None:
    """Return a module that registered things without being loaded as a plug-in; None: it did not.

    Such as a script, which calls the decorators itself.
    """
    _look()
    for registry in _registries():
        for name, origin in registry._origins.items():
            if origin.module == module and name in registry._entries:
                return registry.plugin(name)
    return None


def foreign_sources() -> str:
    """Return what changes whenever code from outside does that registered something.

    Also code beside it: lines may call functions of a module there, which is imported late.
    """
    foreign = {
        plugin
        for registry in _registries()
        for name in registry._entries
        if (plugin := registry.plugin(name)) is not None
    }
    return " ".join(sorted(f"{one.name} {one.digest(beside=True)}" for one in foreign if one.file))


def _script(module: str, name: str) -> Plugin | None:
    """Return what a module is that registered things without being loaded as a plug-in."""
    found = sys.modules.get(module)
    file = getattr(found, "__file__", None) or ""
    version = getattr(found, "__version__", None)
    version = version if isinstance(version, str) else None
    return Plugin(name, version, module, str(Path(file).resolve()) if file else "", file or module)


# ---------------------------------------------------------------- loading late

_load: Callable[[], None] | None = None


def when_first_asked(load: Callable[[], None]) -> None:
    """Call `load` before a registry is read for the first time; again if it fails."""
    global _load
    _load = load


def _look() -> None:
    global _load
    if _load is None:
        return
    with LOADING:
        load, _load = _load, None
        if load is None:
            return
        try:
            load()
        except BaseException:
            _load = load
            raise
