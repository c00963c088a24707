"""Row-wise C++ for dense projections, by Brian2's own extension points.

Stock Brian2 pushes every synapse of every spike through a queue and then finds its target by an
index array.  In an all-to-all projection stored row by row the targets of one spike lie next to
each other: no queue of synapses, no index to load, and a loop that the compiler vectorises.

    synapses = DenseSynapses(source, target, "w : 1", on_pre="v_post += w")
    synapses.connect()

is ordinary Brian2: any model and any `on_pre` code.  In C++ standalone mode the pathways of such
an object are generated from `templates/` by `RowGenerator`; in runtime mode, and where a pathway
does not qualify, it is Brian2's own code, and a log line says why.

A pathway qualifies if it reacts to presynaptic spikes, writes nothing but synaptic and postsynaptic
variables, and its synapses form rows (see `DenseSynapses`).  Delays may differ between synapses.

A statement that does nothing where some flag of the target is down, as
``w += int(fired_post) * (...)``, is found out from the code itself; it is run only where the flag
is up for any target of the row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Synapses, get_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.codegen.statements import Statement
from brian2.codegen.targets import codegen_targets
from brian2.core.variables import ArrayVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.parsing.statements import parse_statement
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.logger import get_logger
from brian2.utils.stringtools import get_identifiers, stripped_deindented_lines

__all__ = ["DenseSynapses", "RowCodeObject"]

logger = get_logger(__name__)

_TEMPLATE = "synapses_rows"
_TARGET_INDEX = "_postsynaptic_idx"
_SHORTEST_RUN = 4.0
"""Mean number of neighbouring targets from which on rows are worth it."""


@dataclass(frozen=True)
class RowLoop:
    """A loop over one run of synapses; `flags` (a C++ array) must be up at any of its targets."""

    code: str
    flags: str | None


class RowGenerator(CPPCodeGenerator):
    """C++ for the templates of this package.

    Of a pathway by rows, the target index is counted, not loaded.  A statement that does nothing
    without some flag is left out where the flag is down.
    """

    class_name = "cpp"

    def translate_to_read_arrays(
        self, read: Iterable[str], write: Iterable[str], indices: Iterable[str]
    ) -> list[str]:
        """Read all arrays but that of the target index, which the template counts."""
        if self.template_name == _TEMPLATE:
            indices = set(indices) - {_TARGET_INDEX}
        return super().translate_to_read_arrays(read, write, indices)

    def translate_statement_sequence(
        self, sc_statements: dict, ve_statements: dict
    ) -> tuple[dict, dict, dict]:
        """Translate; for rows, add `row_loops` to the template's variables."""
        scalar, vector, keywords = super().translate_statement_sequence(
            sc_statements, ve_statements
        )
        if self.template_name == _TEMPLATE:
            keywords["row_target_index"] = _TARGET_INDEX
            keywords["row_loops"] = self._loops(ve_statements[None], vector[None])
        if self.template_name == "stateupdate":
            keywords["idle_without"] = self._idle_without(sc_statements[None], ve_statements[None])
        return scalar, vector, keywords

    def translate_statement(self, statement: Statement) -> str:
        """Translate; flags are computed without Brian2's branches, so that loops vectorise."""
        if statement.op == ":=" and statement.dtype in (bool, np.bool_):
            statement = copy(statement)
            statement.used_boolean_variables = None
        return super().translate_statement(statement)

    def _idle_without(self, scalar: list[Statement], vector: list[Statement]) -> str | None:
        """Return a shared whole number without which no statement does anything.

        It is a factor of what is added: ``x += number * (...)``.
        """
        if any(statement.op != ":=" for statement in scalar):
            return None
        shared = {s.var for s in scalar if np.issubdtype(s.dtype, np.integer)}
        factors = [_factors(s) & shared if s.op in ("+=", "-=") else set() for s in vector]
        common = set.intersection(*factors) if factors else set()
        return min(common, default=None)

    def _loops(self, statements: list[Statement], whole: Any) -> list[RowLoop]:
        """Split statements into loops.

        Targets within a run differ, and nothing but synaptic and postsynaptic variables is
        written, so each synapse sees its statements in the same order and surroundings.
        """
        if any(statement.op == ":=" for statement in statements):
            return [RowLoop(whole, None)]  # they share temporaries
        loops: list[tuple[str | None, list[Statement]]] = []
        written = {statement.var for statement in statements}
        for statement in statements:
            flag = self._flag(statement, written)
            if not loops or loops[-1][0] != flag:
                loops.append((flag, []))
            loops[-1][1].append(statement)
        return [
            RowLoop(
                self._loop_code(block), self.get_array_name(self.variables[flag]) if flag else None
            )
            for flag, block in loops
        ]

    def _flag(self, statement: Statement, written: set[str]) -> str | None:
        """Return a flag of the target without which the statement does nothing."""
        cases = statement.boolean_simplified_expressions if statement.used_boolean_variables else {}
        for flag in statement.used_boolean_variables or ():
            variable = self.variables.get(flag)
            if (
                flag not in written
                and isinstance(variable, ArrayVariable)
                and self.variable_indices[flag] == _TARGET_INDEX
                and all(
                    _does_nothing(statement, expression)
                    for case, expression in cases.items()
                    if not dict(case)[flag]
                )
            ):
                return flag
        return None

    def _loop_code(self, statements: list[Statement]) -> str:
        read, write, indices, conditional = self.arrays_helper(statements)
        read = {
            name for name in read if not (self.variables[name].scalar and name not in write)
        }  # these are read before the loop
        lines = self.translate_to_read_arrays(read, write, indices)
        lines += self.translate_to_declarations(read, write, indices)
        lines += self.translate_to_statements(statements, conditional)
        lines += self.translate_to_write_arrays(write)
        return stripped_deindented_lines("\n".join(lines))


def _does_nothing(statement: Statement, expression: str) -> bool:
    if statement.op in ("+=", "-="):
        return expression.strip() in ("0", "0.0")
    return statement.op == "=" and expression.strip() == statement.var


def _factors(statement: Statement) -> set[str]:
    """Return the names that what a statement adds is a multiple of; none unless it is whole."""
    names: set[str] = set()

    def collect(node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            collect(node.left)
            collect(node.right)

    if np.issubdtype(statement.dtype, np.integer):
        collect(ast.parse(statement.expr, mode="eval").body)
    return names


class RowCodeObject(CPPStandaloneCodeObject):
    """Code objects of C++ standalone mode, with the templates of this package before Brian2's."""

    templater = CPPStandaloneCodeObject.templater.derive("synfire_bp.standalone")
    generator_class = RowGenerator


codegen_targets.add(RowCodeObject)


class DenseSynapses(Synapses):
    """Synapses whose pathways are generated row by row where they qualify.

    Takes the arguments of `brian2.Synapses`, and:

    Parameters
    ----------
    rows : bool, optional
        True: rows whatever the pattern of connections (right, but slow for a sparse one).  False:
        never.  By default, rows if `connect` was called without a condition, or with indices in
        which targets lie next to each other, on average at least four.
    """

    def __init__(self, *args: Any, rows: bool | None = None, **kwds: Any) -> None:
        self._rows = rows
        self._n_runs = self._n_connected = 0
        self._not_dense: str | None = None
        super().__init__(*args, **kwds)

    def connect(self, *args: Any, **kwds: Any) -> None:
        """Add synapses, as in `brian2.Synapses`, and decide how their pathways are generated."""
        kwds.setdefault("level", 0)
        super().connect(*args, **(kwds | {"level": kwds["level"] + 1}))
        self._note_density(*args, **kwds)
        if isinstance(get_device(), CPPStandaloneDevice):
            for pathway in self._pathways:
                reason = self._obstacle(pathway)
                self._generate(pathway, by_rows=reason is None)
                if reason is not None:
                    logger.info(f"'{pathway.name}' uses Brian2's own code: {reason}",
                                name_suffix="not_by_rows")  # fmt: skip

    @property
    def by_rows(self) -> dict[str, bool]:
        """Whether each pathway is generated row by row, by name."""
        return {pathway.objname: pathway.template == _TEMPLATE for pathway in self._pathways}

    def _note_density(
        self, condition: Any = None, i: Any = None, j: Any = None, p: Any = 1.0, n: Any = 1,
        **_: Any,
    ) -> None:  # fmt: skip
        numbers = (int, np.integer, np.ndarray, list, tuple)
        if condition is None and isinstance(i, numbers) and isinstance(j, numbers) and n == 1:
            pre, post = np.broadcast_arrays(np.ravel(i), np.ravel(j))
            neighbours = (np.diff(pre) == 0) & (np.diff(post) == 1)
            self._n_connected += pre.size
            self._n_runs += int(pre.size - neighbours.sum())
        elif condition in (None, True, "True") and i is None and j is None and (p, n) == (1.0, 1):
            self._n_connected += len(self.source) * len(self.target)
            self._n_runs += len(self.source)
        else:
            self._not_dense = "connect() was called with a condition, a probability or a generator"

    def _obstacle(self, pathway: SynapticPathway) -> str | None:
        """Return why a pathway cannot or should not be generated by rows."""
        if self._rows is False:
            return "rows=False"
        if pathway.prepost != "pre":
            return "it reacts to postsynaptic spikes, whose synapses do not lie next to each other"
        for line in pathway.code.splitlines():
            code = line.partition("#")[0].strip()
            if not code:
                continue
            name, operator, expression, _ = parse_statement(code)
            if operator == ":=":
                continue
            variable = self.variables.get(name)
            if isinstance(variable, ArrayVariable) and (
                self.variables.indices[name] not in ("_idx", _TARGET_INDEX)
            ):
                return f"'{code}' writes '{name}', which is neither synaptic nor postsynaptic"
            shared = get_identifiers(expression) & {"rand", "randn", "poisson", "binomial"}
            if shared:
                return f"'{code}' draws random numbers, whose order belongs to Brian2's own code"
        if self._rows:
            return None
        if self._not_dense:
            return self._not_dense
        mean = self._n_connected / max(self._n_runs, 1)
        if mean < _SHORTEST_RUN:
            return (
                f"{mean:.1f} targets lie next to each other on average, less than {_SHORTEST_RUN:g}"
            )
        return None

    def _generate(self, pathway: SynapticPathway, *, by_rows: bool) -> None:
        own = self.codeobj_class
        rows = own if own is not None and issubclass(own, RowCodeObject) else RowCodeObject
        pathway.template = _TEMPLATE if by_rows else "synapses"
        pathway.codeobj_class = rows if by_rows else None
