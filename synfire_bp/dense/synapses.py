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
Synapses are visited in Brian2's own order, so floating point sums are the same to the last bit.

A statement that does nothing where some flag of the target is down, as
``w += int(fired_post) * (...)``, is found out from the code itself; it is run only where the flag
is up for any target of the row.  That takes a loop for itself, which is why it is done only if
no synapse can see what another one has written.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import Synapses, get_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.codegen.statements import Statement
from brian2.codegen.targets import codegen_targets
from brian2.codegen.translation import get_identifiers_recursively
from brian2.core.functions import Function
from brian2.core.variables import ArrayVariable, AuxiliaryVariable
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.parsing.bast import brian_ast
from brian2.parsing.statements import parse_statement
from brian2.synapses.synapses import SynapticPathway
from brian2.utils.logger import get_logger
from brian2.utils.stringtools import get_identifiers, stripped_deindented_lines

__all__ = ["DenseSynapses", "RowCodeObject"]

logger = get_logger(__name__)

_TEMPLATE = "synapses_rows"
_PUSH = "synapses_push_spikes"
_TARGET_INDEX = "_postsynaptic_idx"
_RANDOM = {"rand", "randn", "poisson"}
_NEURONS_AT_ONCE = 128
_SHORTEST_RUN = 4.0
"""Mean number of neighbouring targets from which on rows are worth it."""
_LONG_RUN = 32.0
"""From which on it is worth to look for runs with the same targets, to take them together."""
_ROWS_AT_ONCE = 4
"""How many; `Group::most` in rows.h."""


@dataclass(frozen=True)
class RowLoop:
    """A loop over one run of synapses.

    `flags` (a C++ array) must be up at any of its targets.  Runs may be taken `together`, target
    by target, if the loop writes to targets only.
    """

    code: str
    flags: str | None
    together: bool = False


class RowGenerator(CPPCodeGenerator):
    """C++ for the templates of this package.

    Of a pathway by rows, the target index is counted, not loaded.  A statement that does nothing
    without some flag is left out where the flag is down.

    Raises
    ------
    TypeError
        If it is to generate the spike queue of synapses that are no `DenseSynapses`.
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
        """Translate, and add what this package's templates need to their variables."""
        if self.template_name == _PUSH and self.owner.template != _TEMPLATE:
            raise TypeError(
                f"'{self.owner.name}' belongs to plain Synapses, whose code does not read the "
                "queue of a RowCodeObject; use DenseSynapses, or leave codeobj_class out"
            )
        scalar, vector, keywords = super().translate_statement_sequence(
            sc_statements, ve_statements
        )
        if self.template_name == _TEMPLATE:
            keywords["row_target_index"] = _TARGET_INDEX
            loops, apart = self._loops(ve_statements[None], vector[None])
            worthwhile = self.owner.mean_run >= _LONG_RUN and any(loop.together for loop in loops)
            keywords["row_loops"] = loops
            keywords["rows_at_once"] = _ROWS_AT_ONCE if apart and worthwhile else 1
        if self.template_name == "stateupdate":
            keywords["idle_without"] = self._idle_without(sc_statements[None], ve_statements[None])
            keywords["neurons_apart"] = self._neurons_apart(ve_statements[None])
        if self.template_name == "threshold":
            alone = self._sees_others(ve_statements[None])
            keywords["neurons_at_once"] = 1 if alone else _NEURONS_AT_ONCE
        return scalar, vector, keywords

    def translate_statement(self, statement: Statement) -> str:
        """Translate; flags are computed without Brian2's branches, so that loops vectorise.

        A branch leaves out what is multiplied by a flag that is down, even if it is infinite or a
        division by zero; so the branches stay if a flag is used as a number, unless all numbers are
        whole and nothing is divided.
        """
        logical = "int" not in get_identifiers(statement.expr)
        flag = statement.op == ":=" and statement.dtype in (bool, np.bool_) and logical
        if flag or (self.template_name == "stateupdate" and self._is_whole(statement)):
            statement = copy(statement)
            statement.used_boolean_variables = None
        return super().translate_statement(statement)

    def _neurons_apart(self, statements: list[Statement]) -> bool:
        """Return whether no neuron reads or writes what another one writes."""
        if _has_memory([statement.expr for statement in statements], self.variables):
            return False
        read, write, indices, _ = self.arrays_helper(statements)
        reached: dict[str, set[str]] = {}
        for name in read | write | indices:
            array = self.get_array_name(self.variables[name])
            reached.setdefault(array, set()).add(self.variable_indices[name])
        return all(reached[self.get_array_name(self.variables[name])] == {"_idx"} for name in write)

    def _is_whole(self, statement: Statement) -> bool:
        """Return whether a statement computes with whole numbers and flags, without dividing."""

        def whole(name: str) -> bool:
            thing = self.variables.get(name)
            if isinstance(thing, Function):
                return getattr(thing, "_return_type", "") in ("integer", "boolean", "highest")
            dtype = getattr(thing, "dtype", None)
            return dtype is not None and np.dtype(dtype).kind in "bui"

        if any(map(_may_fail_or_round, ast.walk(ast.parse(statement.expr, mode="eval")))):
            return False
        names = get_identifiers(statement.expr) - {"and", "or", "not", "True", "False"}
        return np.dtype(statement.dtype).kind in "bui" and all(map(whole, names | {statement.var}))

    def _idle_without(self, scalar: list[Statement], vector: list[Statement]) -> str | None:
        """Return a shared whole number without which no statement does anything.

        It is a factor of what is added: ``x += number * (...)``.
        """
        if any(statement.op != ":=" for statement in scalar):
            return None
        shared = {s.var for s in scalar if np.issubdtype(s.dtype, np.integer)}
        known = self.variables | {
            s.var: AuxiliaryVariable(s.var, dtype=s.dtype, scalar=True) for s in scalar
        }
        factors = [_factors(s, known) & shared for s in vector]
        common = set.intersection(*factors) if factors else set()
        return min(common, default=None)

    def _sees_others(self, statements: list[Statement]) -> bool:
        """Return whether a neuron's threshold depends on the spike of a neuron before it.

        It can, by a linked variable, if it reads what a spike sets.
        """
        set_by_spikes = [self.owner.variables.get(name) for name in ("not_refractory", "lastspike")]
        return any(
            self.variables[name] in set_by_spikes and self.variable_indices[name] != "_idx"
            for name in self.array_read_write(statements)[0]
        )

    def _loops(self, statements: list[Statement], whole: Any) -> tuple[list[RowLoop], bool]:
        """Split statements into loops, one after the other, if nobody can tell the difference.

        Return also whether a loop may run over several runs with the same targets before the next
        loop does: none touches what another one writes at the targets.
        """
        if not self._separable(statements):
            return [RowLoop(whole, None)], False
        loops: list[tuple[str | None, list[Statement]]] = []
        written = [self.variables[statement.var] for statement in statements]
        for statement in statements:
            flag = self._flag(statement, written)
            if not loops or loops[-1][0] != flag:
                loops.append((flag, []))
            loops[-1][1].append(statement)
        touched = [self.array_read_write(block) for _, block in loops]
        at_targets = [
            {name for name in write if self.variable_indices[name] == _TARGET_INDEX}
            for _, write, _ in touched
        ]
        apart = not any(
            written_here & (read | write)
            for n, written_here in enumerate(at_targets)
            for m, (read, write, _) in enumerate(touched)
            if n != m
        )
        return [
            RowLoop(
                self._loop_code(block),
                self.get_array_name(self.variables[flag]) if flag else None,
                together=written_here == write,
            )
            for (flag, block), written_here, (_, write, _) in zip(
                loops, at_targets, touched, strict=True
            )
        ], apart

    def _separable(self, statements: list[Statement]) -> bool:
        """Return whether all synapses of a run may take one statement before they take the next.

        The targets of a run differ.  So they may if they share no temporaries and no function
        with a memory, and if what is written is reached by one name only and lies at the synapse
        or its target.  In ``v_post += w; x += v_pre``, within one group, a synapse reads what
        another one has written.
        """
        if any(statement.op == ":=" for statement in statements):
            return False
        if _has_memory([statement.expr for statement in statements], self.variables):
            return False
        read, write, _, _ = self.arrays_helper(statements)
        names = defaultdict(set)
        for name in read | write:
            names[self.variables[name]].add(name)
        return all(
            names[self.variables[name]] == {name}
            and self.variable_indices[name] in ("_idx", _TARGET_INDEX)
            for name in write
        )

    def _flag(self, statement: Statement, written: list[ArrayVariable]) -> str | None:
        """Return a flag of the target without which the statement does nothing."""
        cases = statement.boolean_simplified_expressions if statement.used_boolean_variables else {}
        for flag in statement.used_boolean_variables or ():
            variable = self.variables.get(flag)
            if (
                isinstance(variable, ArrayVariable)
                and variable not in written  # under whatever name
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


def _has_memory(expressions: Iterable[str], variables: Mapping[str, Any]) -> bool:
    """Return whether it matters how often, and in which order, expressions are evaluated."""
    names = set().union(*(get_identifiers(expression) for expression in expressions))
    functions = [variables.get(name) for name in names]
    return any(isinstance(f, Function) and not f.stateless for f in functions)


def _may_fail_or_round(node: ast.AST) -> bool:
    """Return whether a part of an expression is a fraction, or divides by what may be zero."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if not isinstance(node, ast.BinOp) or isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
        return False
    by_number = isinstance(node.right, ast.Constant) and bool(node.right.value)
    return not (isinstance(node.op, (ast.Mod, ast.FloorDiv)) and by_number)


def _does_nothing(statement: Statement, expression: str) -> bool:
    if statement.op in ("+=", "-="):
        # adding 0.0 rounds a large whole number
        zeros = ("0",) if np.issubdtype(statement.dtype, np.integer) else ("0", "0.0")
        return expression.strip() in zeros
    return statement.op == "=" and expression.strip() == statement.var


def _factors(statement: Statement, variables: Mapping[str, Any]) -> set[str]:
    """Return the names that what a statement adds is a multiple of; none unless all is whole."""
    if statement.op not in ("+=", "-=") or not np.issubdtype(statement.dtype, np.integer):
        return set()
    added = brian_ast(statement.expr, variables)
    if added.dtype != "integer" or _has_memory([statement.expr], variables):
        return set()

    def collect(node: ast.expr) -> set[str]:
        if isinstance(node, ast.Name):
            return {node.id}
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return collect(node.left) | collect(node.right)
        return set()

    return collect(added)


class RowCodeObject(CPPStandaloneCodeObject):
    """Code objects of C++ standalone mode, with the templates of this package before Brian2's.

    The `codeobj_class` of a NeuronGroup, whose threshold and step then vectorise better, or of
    `DenseSynapses`.
    """

    templater = CPPStandaloneCodeObject.templater.derive("synfire_bp.dense")
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
        self._said: dict[str, str | None] = {}
        super().__init__(*args, **kwds)

    def connect(
        self, condition: Any = None, i: Any = None, j: Any = None, p: Any = 1.0, n: Any = 1,
        skip_if_invalid: bool = False, namespace: Any = None, level: int = 0,
    ) -> None:  # fmt: skip
        """Add synapses, as in `brian2.Synapses`, and decide how their pathways are generated."""
        super().connect(condition, i, j, p, n, skip_if_invalid, namespace, level=level + 1)
        self._note_density(condition, i, j, p, n)
        self._decide()

    def before_run(self, run_namespace: Any) -> None:
        """Prepare a run; the code of a pathway may have been changed since `connect`."""
        super().before_run(run_namespace)
        self._decide()

    @property
    def by_rows(self) -> dict[str, bool]:
        """Whether each pathway is generated row by row, by name."""
        return {pathway.objname: pathway.template == _TEMPLATE for pathway in self._pathways}

    def _decide(self) -> None:
        if not isinstance(get_device(), CPPStandaloneDevice):
            return
        for pathway in self._pathways:
            if pathway._pushspikes_codeobj is not None:
                continue  # it has a queue, with spikes under way
            reason = self._obstacle(pathway)
            self._generate(pathway, by_rows=reason is None)
            if reason != self._said.get(pathway.name):
                says = f"uses Brian2's own code: {reason}" if reason else "is by rows after all"
                logger.info(f"'{pathway.name}' {says}", name_suffix="not_by_rows")
            self._said[pathway.name] = reason

    def _note_density(self, condition: Any, i: Any, j: Any, p: Any, n: Any) -> None:
        certain = isinstance(p, (int, float)) and p == 1 and n == 1
        numbers = (int, np.integer, np.ndarray, list, tuple)
        if certain and condition is None and isinstance(i, numbers) and isinstance(j, numbers):
            pre, post = np.broadcast_arrays(np.ravel(i), np.ravel(j))
            neighbours = (np.diff(pre) == 0) & (np.diff(post) == 1)
            self._n_connected += pre.size
            self._n_runs += int(pre.size - neighbours.sum())
        elif certain and condition in (None, True, "True") and i is None and j is None:
            self._n_connected += len(self.source) * len(self.target)
            self._n_runs += len(self.source)
        else:
            self._not_dense = "connect() was called with a condition, a probability or a generator"

    def _obstacle(self, pathway: SynapticPathway) -> str | None:
        """Return why a pathway cannot or should not be generated by rows."""
        if self._rows is False:
            return "rows=False"
        if type(get_device()) is not CPPStandaloneDevice:
            return f"{type(get_device()).__name__} generates other code than C++ standalone mode"
        if self.codeobj_class is not None and not issubclass(self.codeobj_class, RowCodeObject):
            return f"codeobj_class is {self.codeobj_class.__name__}"
        if pathway.prepost != "pre":
            return "it reacts to postsynaptic spikes, whose synapses do not lie next to each other"
        for line in re.split(r"[;\n]", pathway.code):
            code = line.partition("#")[0].strip()
            if code and (reason := self._obstacle_in(code)):
                return f"'{code}' {reason}"
        if self._rows:
            return None
        if self._not_dense:
            return self._not_dense
        if self.mean_run < _SHORTEST_RUN:
            return (
                f"{self.mean_run:.1f} targets lie next to each other on average, less than "
                f"{_SHORTEST_RUN:g}"
            )
        return None

    @property
    def mean_run(self) -> float:
        """Mean number of targets that lie next to each other; 0 if it is not known."""
        return 0.0 if self._not_dense else self._n_connected / max(self._n_runs, 1)

    def _obstacle_in(self, statement: str) -> str | None:
        name, _, expression, _ = parse_statement(statement)
        used = get_identifiers_recursively([expression], self.variables)
        if used & _RANDOM:
            return "draws random numbers, whose order belongs to Brian2's own code"
        if _TARGET_INDEX in used:
            return f"reads {_TARGET_INDEX}, which rows do not load"
        if isinstance(self.variables.get(name), ArrayVariable) and (
            self.variables.indices[name] not in ("_idx", _TARGET_INDEX)
        ):
            return f"writes '{name}', which is neither synaptic nor postsynaptic"
        return None

    def _generate(self, pathway: SynapticPathway, *, by_rows: bool) -> None:
        own = self.codeobj_class
        is_of_rows = own is not None and issubclass(own, RowCodeObject)
        pathway.template = _TEMPLATE if by_rows else "synapses"
        if by_rows:
            pathway.codeobj_class = own if is_of_rows else RowCodeObject
        else:
            pathway.codeobj_class = None if is_of_rows else own
