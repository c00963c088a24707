"""Code objects that use this package's templates before Brian2's."""

from __future__ import annotations

from brian2.codegen.targets import codegen_targets
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from synfire_bp.dense.generator import RowGenerator

__all__ = ["RowCodeObject"]


class RowCodeObject(CPPStandaloneCodeObject):
    """Code objects of C++ standalone mode, with the templates of this package before Brian2's.

    The `codeobj_class` of a NeuronGroup, whose threshold and step then vectorise better, or of
    `DenseSynapses`.
    """

    templater = CPPStandaloneCodeObject.templater.derive("synfire_bp.dense")
    generator_class = RowGenerator
    without_rows: type | None = None
    """Who generates the pathways of `DenseSynapses` that are not by rows; None: Brian2 as it is."""


codegen_targets.add(RowCodeObject)
