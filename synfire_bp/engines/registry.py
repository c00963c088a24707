"""The engines, by the names that the command line uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from synfire_bp.data.datasets import Dataset
from synfire_bp.engines.base import Engine
from synfire_bp.engines.circuit import CircuitEngine
from synfire_bp.engines.oracle import OracleEngine
from synfire_bp.errors import SynfireError
from synfire_bp.model.model import Model
from synfire_bp.registry import Registry

__all__ = ["ENGINES", "EngineKind", "check_engine", "engine", "make_engine"]


class EngineKind(Protocol):
    """A class of engines."""

    name: str

    def __call__(self, model: Model, dataset: Dataset) -> Engine:
        """Make an engine, ready to train and test."""

    def check(self, model: Model) -> None:
        """Raise SynfireError if it cannot run a model, before anything is loaded for it."""


ENGINES: Registry[EngineKind] = Registry("engine")
"""Engines by the name that the command line uses."""

_NEEDED = ("check", "train", "test", "close")

E = TypeVar("E", bound=EngineKind)


def engine(name: str) -> Callable[[E], E]:
    """Register a class of engines under a name, which becomes its `name`.

    Parameters
    ----------
    name : str
        What ``engine=`` and ``--engine`` call it.

    Returns
    -------
    callable
        Decorates a class with `check`, `train`, `test` and `close` (`Engine`), which is made of a
        `Model` and a `Dataset`.

    Raises
    ------
    SynfireError
        If the name is taken, or the class lacks what an engine needs.

    Examples
    --------
    >>> import synfire_bp as sb
    >>> @sb.engine("twice")
    ... class Twice(sb.OracleEngine):
    ...     # shows every sample twice
    ...     def train(self, weights, order, **kwds):
    ...         return super().train(weights, order.repeat(2), **kwds)
    >>> Twice.name
    'twice'
    """

    def register(kind: E) -> E:
        if missing := [need for need in _NEEDED if not callable(getattr(kind, need, None))]:
            raise SynfireError(
                f"engine '{name}' ({getattr(kind, '__name__', kind)}) has no "
                f"{', '.join(missing)}; an engine is a class with {', '.join(_NEEDED)}"
            )
        kind.name = name
        ENGINES.register(name, kind)
        return kind

    return register


ENGINES.register("circuit", CircuitEngine)
ENGINES.register("oracle", OracleEngine)


def make_engine(name: str, model: Model, dataset: Dataset) -> Engine:
    """Return an engine by name.

    Raises
    ------
    SynfireError
        If there is no engine of this name, or it cannot run this model.
    """
    check_engine(name, model)
    return ENGINES[name](model, dataset)


def check_engine(name: str, model: Model) -> None:
    """Check that an engine can run a model, before anything is loaded or compiled for it.

    Raises
    ------
    SynfireError
        If there is no engine of this name, or it cannot run this model.
    """
    ENGINES.find(name).check(model)
