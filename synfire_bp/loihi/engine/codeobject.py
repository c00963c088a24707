"""Code objects that run once per learning epoch."""

from __future__ import annotations

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.generator import RowGenerator
from synfire_bp.dense.internals import NumpyCodeObject, Statement
from synfire_bp.loihi.emulation.objects import code_class

__all__ = ["EpochCodeObject", "EpochGenerator", "epoch_class"]


class EpochGenerator(RowGenerator):
    """C++ code that runs once per epoch: in the other steps the loop is skipped."""

    def _idle_without(self, scalar: list[Statement], vector: list[Statement]) -> str | None:
        if any(statement.var == "acts" for statement in scalar):
            return "acts"
        return super()._idle_without(scalar, vector)


class EpochCodeObject(RowCodeObject):
    """Code objects that run once per epoch; their statements have the flag `acts` as a factor."""

    generator_class = EpochGenerator


def epoch_class() -> type:
    """Return the class of code objects for the present device."""
    return NumpyCodeObject if code_class() is NumpyCodeObject else EpochCodeObject
