"""Rivals on the same footing: other ways to learn the same images, counted alike.

    synfire-bp rival                 # those that there are
    synfire-bp rival drtp --seed 3   # one run, into runs/rivals/drtp/s3

A module of this package is a rival, or a part of one; all of them are imported, so that a new one
is its module and its model file and nothing else.
"""

from importlib import import_module
from pkgutil import iter_modules

from synfire_bp.rivals.base import RIVALS, Outcome, Rival, rival
from synfire_bp.rivals.cost import Operations
from synfire_bp.rivals.file import list_rivals, read_rival

__all__ = [
    "RIVALS",
    "Operations",
    "Outcome",
    "Rival",
    "list_rivals",
    "read_rival",
    "rival",
]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
