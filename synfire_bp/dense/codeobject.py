"""Code objects that use this package's templates before Brian2's."""

from __future__ import annotations

from synfire_bp.dense.generator import RowGenerator
from synfire_bp.dense.internals import CPPStandaloneCodeObject, codegen_targets

__all__ = ["RowCodeObject"]


class RowCodeObject(CPPStandaloneCodeObject):
    """Code objects of C++ standalone mode, with the templates of this package before Brian2's.

    The `codeobj_class` of a NeuronGroup, whose threshold and step then vectorise better, or of
    `DenseSynapses`.
    """

    templater = CPPStandaloneCodeObject.templater.derive("synfire_bp.dense")
    generator_class = RowGenerator


codegen_targets.add(RowCodeObject)
