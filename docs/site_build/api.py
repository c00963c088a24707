"""The reference of the Python interface: every public name, by the package that it is from."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import GenericAlias, ModuleType

import synfire_bp

from .pages import escaped, heading, indented

__all__ = ["module_page", "page", "public_modules", "public_names"]

_PACKAGE = synfire_bp.__name__
_MORE = ("sweep",)
"""Packages whose own public names are part of the interface, as `synfire_bp.sweep.run_sweep`."""


def page() -> Iterator[str]:
    """Yield the lines of the page with all public names; each has a page of its own."""
    yield from heading("Python")
    yield from (
        f"``import {_PACKAGE} as sb``; what stands here is public: it stays as it is, unless the",
        "changelog says otherwise.",
        "",
    )
    modules = public_modules()
    by_package: dict[str, list[str]] = {}
    for name in synfire_bp.__all__:
        if name not in modules and not name.startswith("__"):
            by_package.setdefault(_package(name), []).append(name)
    for package, names in sorted(by_package.items()):
        pages = [f"{_PACKAGE}.{name}" for name in names if not _alias(name)]
        yield from _group(package, pages)
        for name in filter(_alias, names):
            yield from (f".. py:data:: {_PACKAGE}.{name}", "")
            yield from indented(_told_below(name))
    for name in _MORE:
        module = _module(name)
        yield from _group(module.__name__, [f"{module.__name__}.{one}" for one in module.__all__])
    yield from heading("Modules", 1)
    yield from (".. toctree::", "", *(f"   {_PACKAGE}.{name}" for name in modules), "")


def module_page(name: str) -> Iterator[str]:
    """Yield the lines of the page of a public module, without what is public outside of it too."""
    module = getattr(synfire_bp, name)
    members = [one for one in module.__all__ if one not in synfire_bp.__all__]
    yield from heading(f"{_PACKAGE}.{name}")
    yield from (f".. automodule:: {module.__name__}", f"   :members: {', '.join(members)}")


def public_names() -> set[str]:
    """Return the names that have a page."""
    return {"index", *synfire_bp.__all__, *(one for name in _MORE for one in _module(name).__all__)}


def public_modules() -> list[str]:
    """Return the public names that are modules."""
    public = synfire_bp.__all__
    return [name for name in public if isinstance(getattr(synfire_bp, name), ModuleType)]


def _module(name: str) -> ModuleType:
    return import_module(f"{_PACKAGE}.{name}")


def _package(name: str) -> str:
    """Return the package, or module, of the ground floor that a public name is from."""
    where = synfire_bp._WHERE[name]
    return f"{_PACKAGE}.{where.partition('.')[0]}"


def _alias(name: str) -> bool:
    """Whether a public name is an alias of a type, such as dict[str, float]."""
    return isinstance(getattr(synfire_bp, name), GenericAlias)


def _told_below(name: str) -> list[str]:
    """Return the text that stands below an alias where it is defined."""
    from sphinx.pycode import ModuleAnalyzer

    module = f"{_PACKAGE}.{synfire_bp._WHERE[name]}"
    return ModuleAnalyzer.for_module(module).find_attr_docs()["", name]


def _group(module: str, names: list[str]) -> Iterator[str]:
    yield from heading(module.removeprefix(f"{_PACKAGE}."), 1)
    told = inspect.getdoc(import_module(module)) or ""
    yield from (escaped(told.partition("\n")[0]), "")
    yield from _summary(names)


def _summary(names: list[str]) -> Iterator[str]:
    yield from (".. autosummary::", "   :toctree: .", "   :nosignatures:", "")
    yield from indented(names)
    yield ""
