"""Everything that is used of Brian2 beyond its documented interface, collected in one place.

A release of Brian2 can change any of this without notice.  All modules of this package therefore
import these names from here, and `tests/dense/test_internals.py` tests what is expected of each:
with a new version of Brian2, run that file first.

Known to work: Brian2 2.9, 2.10 and 2.11.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.codegen.runtime.numpy_rt import NumpyCodeObject
from brian2.codegen.statements import Statement
from brian2.codegen.targets import codegen_targets
from brian2.codegen.translation import get_identifiers_recursively
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, AuxiliaryVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import RuntimeDevice
from brian2.equations.equations import EquationError, SingleEquation
from brian2.equations.unitcheck import check_units_statements
from brian2.groups.group import CodeRunner
from brian2.parsing.bast import brian_ast
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.rendering import CPPNodeRenderer
from brian2.parsing.statements import parse_statement
from brian2.synapses.synapses import SynapticPathway
from brian2.units.fundamentalunits import get_unit_for_display
from brian2.utils.logger import get_logger
from brian2.utils.stringtools import (
    get_identifiers,
    stripped_deindented_lines,
    word_substitute,
)

__all__ = [
    "ArrayVariable",
    "AuxiliaryVariable",
    "CPPCodeGenerator",
    "CPPNodeRenderer",
    "CPPStandaloneCodeObject",
    "CPPStandaloneDevice",
    "CodeRunner",
    "EquationError",
    "Function",
    "NumpyCodeObject",
    "RuntimeDevice",
    "SingleEquation",
    "Statement",
    "SynapticPathway",
    "brian_ast",
    "check_units_statements",
    "code_runners",
    "codegen_targets",
    "get_identifiers",
    "get_identifiers_recursively",
    "get_logger",
    "get_unit_for_display",
    "has_queue",
    "parse_expression_dimensions",
    "parse_statement",
    "settable_name",
    "source_files",
    "stripped_deindented_lines",
    "support_code_apart",
    "word_substitute",
]


def code_runners() -> list[CodeRunner]:
    """Return all objects that run code: pathways, thresholds, operations, of all networks."""
    references = tuple(CodeRunner.__instances__())
    return [runner for reference in references if (runner := reference()) is not None]


def has_queue(pathway: SynapticPathway) -> bool:
    """Return whether the code that queues a pathway's spikes has been generated already."""
    return pathway._pushspikes_codeobj is not None


def settable_name(variable: ArrayVariable) -> str:
    """Return the name by which a compiled program sets a variable from its command line.

    Brian2 2.11 has "plastic._pre_delay" where those before it had "plastic.delay".
    """
    return f"{variable.owner.name}.{variable.name}"


def source_files(device: CPPStandaloneDevice) -> list[str]:
    """Return the sources of a project that `device.build` has written, relative to its folder."""
    return sorted(device.writer.source_files)


@contextmanager
def support_code_apart() -> Iterator[str]:
    """Remove from generated sources the functions that each of them would define, and return these.

    Sources that are compiled together would define them several times.
    """
    whole = CPPCodeGenerator.universal_support_code
    CPPCodeGenerator.universal_support_code = ""
    try:
        yield whole
    finally:
        CPPCodeGenerator.universal_support_code = whole
