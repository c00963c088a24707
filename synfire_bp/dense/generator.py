"""The C++ of this package's templates: rows of synapses, steps and thresholds of neurons.

A statement that does nothing where some flag of the target is not set, such as ``w +=
int(fired_post) * (...)``, is recognised from the code; it is run only if the flag is set for some
target of the row.  This requires a separate loop, and is therefore done only if no synapse can see
what another one has written.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np

from synfire_bp.dense.internals import (
    ArrayVariable,
    AuxiliaryVariable,
    CPPCodeGenerator,
    CPPNodeRenderer,
    Function,
    Statement,
    get_identifiers,
    stripped_deindented_lines,
    word_substitute,
)
from synfire_bp.dense.statements import (
    adds_whole_numbers,
    does_nothing,
    factors,
    has_memory,
    may_fail_or_round,
    product,
)
from synfire_bp.dense.writers import n_writers

__all__ = ["ROWS", "TARGET_INDEX", "RowGenerator", "RowLoop"]

ROWS = "synapses_rows"
"""The template of a pathway that is generated row by row."""
TARGET_INDEX = "_postsynaptic_idx"
SOURCE_INDEX = "_presynaptic_idx"

_PUSH = "synapses_push_spikes"
_NARROW, _WIDE = 2, 4
"""Bytes of a number, at the most, of which sums are taken; and at least, that they are added to."""
_NEURONS_AT_ONCE = 128
_LONG_RUN = 32.0
"""Length from which on it is worth looking for runs with the same targets, to combine them."""
_ROWS_AT_ONCE = 4
"""Number of rows combined, if the compiler is to unroll the loop over them."""
_ROWS_IN_A_SUM = 8
"""Number of rows that are summed at once; `Group::most` in rows.h."""


@dataclass(frozen=True)
class RowSum:
    """A loop that adds whole numbers: ``target += factor * source``, in C++ names.

    `alone`: nothing else writes to `source`.  `kept`: nothing writes to it at all, so if a run
    holds the same number everywhere, this number is kept until all runs have been visited.
    """

    target: str
    source: str
    factor: str
    alone: bool
    kept: bool


@dataclass(frozen=True)
class RowLoop:
    """A loop over one run of synapses.

    It runs if `flags` (a C++ array) is set for any of its targets.  Runs may be processed
    `together`, target by target, if the loop writes to targets only; by `Rows::add` if it is only a
    `sum`.
    """

    code: str
    flags: str | None
    together: bool = False
    sum: RowSum | None = None


def _fits(factors: list[str], size: int) -> bool:
    """Return whether C++ has a number of so many bytes, times these, in 32 bits.

    If not, a wider target would reveal whether it was computed in 32 bits.
    """
    return all(map(str.isdigit, factors)) and prod(map(int, factors)) <= 2 ** (32 - 8 * size)


class _BothSides(CPPNodeRenderer):
    """Renders `and` and `or` without a branch, so that loops vectorise."""

    def render_BoolOp(self, node: ast.BoolOp) -> str:
        sign = "&" if isinstance(node.op, ast.And) else "|"
        return f" {sign} ".join(f"bool({self.render_node(value)})" for value in node.values)


class RowGenerator(CPPCodeGenerator):
    """C++ for the templates of this package.

    In a pathway by rows, the target index is counted, and the index of the source, which all
    synapses of a run share, is loaded once for each run.  A statement that does nothing without
    some flag is skipped where the flag is not set.

    Raises
    ------
    TypeError
        If it is asked to generate the spike queue of synapses that are not `DenseSynapses`.
    """

    class_name = "cpp"
    _all_at_once = False
    _before_loop: Mapping[str, AuxiliaryVariable] = MappingProxyType({})

    def translate_to_read_arrays(
        self, read: Iterable[str], write: Iterable[str], indices: Iterable[str]
    ) -> list[str]:
        """Read all arrays but those of the indices of target and source: the template has them."""
        if self.template_name == ROWS:
            indices = set(indices) - {TARGET_INDEX, SOURCE_INDEX}
        return super().translate_to_read_arrays(read, write, indices)

    def translate_statement_sequence(
        self, sc_statements: dict, ve_statements: dict
    ) -> tuple[dict, dict, dict]:
        """Translate, and add what this package's templates need to their variables."""
        if self.template_name == _PUSH and self.owner.template != ROWS:
            raise TypeError(
                f"'{self.owner.name}' belongs to plain Synapses, whose code does not read the "
                "queue of a RowCodeObject; use DenseSynapses, or leave codeobj_class out"
            )
        self._before_loop = self._made_by(sc_statements.get(None, []))
        scalar, vector, keywords = super().translate_statement_sequence(
            sc_statements, ve_statements
        )
        if self.template_name == ROWS:
            keywords["row_target_index"] = TARGET_INDEX
            keywords["row_source_index"] = SOURCE_INDEX
            keywords["row_sources"] = self._sources(ve_statements[None])
            loops, apart = self._loops(ve_statements[None], vector[None])
            commutes = self._commutes(sc_statements[None], ve_statements[None])
            keywords["band_code"] = vector[None] if commutes else ""
            mean = self.owner.mean_longer_run if commutes else self.owner.mean_run
            if not (apart and mean >= _LONG_RUN and any(loop.together for loop in loops)):
                keywords |= {"row_loops": loops, "row_sums": [], "rows_at_once": 1}
            else:
                kept = [loop for loop in loops if loop.sum and loop.sum.kept]
                others = [loop for loop in loops if loop not in kept]
                at_once = _ROWS_IN_A_SUM if any(loop.sum for loop in others) else _ROWS_AT_ONCE
                keywords["row_sums"] = [loop.sum for loop in kept]
                keywords |= {"row_loops": others, "rows_at_once": at_once}
                first = others[0].sum if others else None
                keywords["sum_together"] = first if first and first.alone else None
        if self.template_name == "stateupdate":
            keywords["idle_without"] = self._idle_without(sc_statements[None], ve_statements[None])
            keywords["neurons_apart"] = self._neurons_apart(ve_statements[None])
        if self.template_name == "threshold":
            alone = self._sees_others(ve_statements[None])
            keywords["neurons_at_once"] = 1 if alone else _NEURONS_AT_ONCE
            keywords["never_without"] = self._never_without(
                sc_statements[None], ve_statements[None]
            )
        return scalar, vector, keywords

    def translate_statement(self, statement: Statement) -> str:
        """Translate; flags are computed without Brian2's branches, so that loops vectorise.

        A branch skips a factor of a flag that is not set, even if it is infinite or a division by
        zero; the branches are therefore kept if a flag is used as a number, unless all numbers are
        whole and nothing is divided.
        """
        of_step = self.template_name == "stateupdate"
        if of_step and (code := self._elapsed(statement)):
            return code
        whole = of_step and self._is_whole(statement)
        logical = "int" not in get_identifiers(statement.expr)
        flag = statement.op == ":=" and statement.dtype in (bool, np.bool_) and logical
        if flag or whole:
            statement = copy(statement)
            statement.used_boolean_variables = None
        self._all_at_once = whole and not has_memory([statement.expr], self.variables)
        code = super().translate_statement(statement)
        self._all_at_once = False
        return code

    def translate_expression(self, expression: str) -> str:
        """Translate; where it makes no difference, `and` and `or` evaluate both of their sides."""
        if not self._all_at_once:
            return super().translate_expression(expression)
        expression = word_substitute(expression, self.func_name_replacements)
        return _BothSides(auto_vectorise=self.auto_vectorise).render_expr(expression).strip()

    def _elapsed(self, statement: Statement) -> str | None:
        """Return C++ of ``x = timestep(a, b) >= n`` that converts no time to a whole number.

        A loop that tests whether a neuron is refractory then vectorises.
        """
        test = ast.parse(statement.expr, mode="eval").body
        if not (
            statement.op == "="
            and isinstance(test, ast.Compare)
            and isinstance(test.ops[0], ast.GtE)
            and len(test.ops) == 1
            and isinstance(test.left, ast.Call)
            and ast.unparse(test.left.func) == "timestep"
            and isinstance(test.comparators[0], ast.Name)
        ):
            return None
        time, step, steps = (
            self.translate_expression(ast.unparse(part))
            for part in (*test.left.args, test.comparators[0])
        )
        return f"{statement.var} = synfire_elapsed({time}, {step}, {steps});"

    def _neurons_apart(self, statements: list[Statement]) -> bool:
        """Return whether no neuron reads or writes what another one writes."""
        if has_memory([statement.expr for statement in statements], self.variables):
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
            thing = self.variables.get(name, self._before_loop.get(name))
            if isinstance(thing, Function):
                return getattr(thing, "_return_type", "") in ("integer", "boolean", "highest")
            dtype = getattr(thing, "dtype", None)
            return dtype is not None and np.dtype(dtype).kind in "bui"

        if any(map(may_fail_or_round, ast.walk(ast.parse(statement.expr, mode="eval")))):
            return False
        names = get_identifiers(statement.expr) - {"and", "or", "not", "True", "False"}
        return np.dtype(statement.dtype).kind in "bui" and all(map(whole, names | {statement.var}))

    def _known(self, scalar: list[Statement]) -> dict[str, Any]:
        """Return the variables, including those that the statements before the loop define."""
        return self.variables | self._made_by(scalar)

    @staticmethod
    def _made_by(scalar: list[Statement]) -> dict[str, AuxiliaryVariable]:
        return {s.var: AuxiliaryVariable(s.var, dtype=s.dtype, scalar=True) for s in scalar}

    def _idle_without(self, scalar: list[Statement], vector: list[Statement]) -> str | None:
        """Return a shared whole number without which no statement does anything.

        It is a factor of what is added: ``x += number * (...)``.
        """
        if any(statement.op != ":=" for statement in scalar):
            return None
        shared = {s.var for s in scalar if np.issubdtype(s.dtype, np.integer)}
        known = self._known(scalar)
        found = [factors(s, known) & shared for s in vector]
        common = set.intersection(*found) if found else set()
        return min(common, default=None)

    def _never_without(self, scalar: list[Statement], vector: list[Statement]) -> str | None:
        """Return a shared flag that a threshold's condition requires in any case."""
        if len(vector) != 1 or has_memory([vector[0].expr], self.variables):
            return None
        condition = ast.parse(vector[0].expr, mode="eval").body
        if not (isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.And)):
            return None
        shared = {s.var for s in scalar if np.dtype(s.dtype) == np.dtype(bool)}
        flags = {part.id for part in condition.values if isinstance(part, ast.Name)}
        return min(flags & shared, default=None)

    def _sees_others(self, statements: list[Statement]) -> bool:
        """Return whether a neuron's threshold depends on the spike of a neuron before it.

        It can, by a linked variable, if it reads what a spike sets.
        """
        set_by_spikes = [self.owner.variables.get(name) for name in ("not_refractory", "lastspike")]
        return any(
            self.variables[name] in set_by_spikes and self.variable_indices[name] != "_idx"
            for name in self.array_read_write(statements)[0]
        )

    def _commutes(self, scalar: list[Statement], statements: list[Statement]) -> bool:
        """Return whether synapses may be visited in any order.

        They may if they only add whole numbers to their targets, and read nothing that is added to.
        """
        known = self._known(scalar)
        written = [self.variables.get(statement.var) for statement in statements]
        return (
            bool(statements)
            and self._separable(statements)
            and all(
                adds_whole_numbers(statement, known)
                and self.variable_indices[statement.var] == TARGET_INDEX
                and not any(known.get(name) in written for name in get_identifiers(statement.expr))
                for statement in statements
            )
        )

    def _sources(self, statements: list[Statement]) -> str | None:
        """Return the array of the source of each synapse, in C++; None if no statement needs it."""
        needed = SOURCE_INDEX in self.arrays_helper(statements)[2]
        return self.get_array_name(self.variables[SOURCE_INDEX]) if needed else None

    def _loops(self, statements: list[Statement], whole: Any) -> tuple[list[RowLoop], bool]:
        """Split statements into loops, one after the other, if this makes no difference.

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
            {name for name in write if self.variable_indices[name] == TARGET_INDEX}
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
                sum=self._sum(block, written),
            )
            for (flag, block), written_here, (_, write, _) in zip(
                loops, at_targets, touched, strict=True
            )
        ], apart

    def _sum(self, statements: list[Statement], written: list[ArrayVariable]) -> RowSum | None:
        """Return the sum that a loop computes if it adds whole numbers to those of the targets.

        The numbers have 16 bits or less, or nothing writes them.  `written` are the variables that
        the whole code of the pathway writes.
        """
        if len(statements) != 1:
            return None
        statement = statements[0]
        whole = np.issubdtype(statement.dtype, np.signedinteger)
        if statement.op != "+=" or not whole or np.dtype(statement.dtype).itemsize < _WIDE:
            return None
        added, others = [], []
        for factor in product(ast.parse(statement.expr, mode="eval").body):
            variable = self.variables.get(factor)
            is_array = isinstance(variable, ArrayVariable) and not variable.scalar
            if is_array and self.variable_indices[factor] == "_idx":
                added.append(variable)
            elif factor.isdigit() or (
                isinstance(variable, ArrayVariable)
                and variable.scalar
                and np.issubdtype(variable.dtype, np.integer)
            ):
                others.append(factor)
            else:
                return None
        if len(added) != 1 or not np.issubdtype(added[0].dtype, np.signedinteger):
            return None
        source, writers = added[0], n_writers(self.owner, added[0])
        size, wide = np.dtype(source.dtype).itemsize, np.dtype(statement.dtype).itemsize > _WIDE
        if wide and not _fits(others, size):
            return None
        kept = writers == 0 and size <= np.dtype(statement.dtype).itemsize
        if size > _NARROW and not kept:
            return None
        return RowSum(
            self.get_array_name(self.variables[statement.var]),
            self.get_array_name(source),
            " * ".join(others) or "1",
            alone=writers == int(source in written),
            kept=kept,
        )

    def _separable(self, statements: list[Statement]) -> bool:
        """Return whether all synapses of a run may execute one statement before the next.

        The targets of a run differ, so they may if they share no temporaries and no function with
        internal state, and if each variable that is written has only one name and belongs to the
        synapse or its target.  In ``v_post += w; x += v_pre``, within one group, a synapse reads
        what another one has written.
        """
        if any(statement.op == ":=" for statement in statements):
            return False
        if has_memory([statement.expr for statement in statements], self.variables):
            return False
        read, write, _, _ = self.arrays_helper(statements)
        names = defaultdict(set)
        for name in read | write:
            names[self.variables[name]].add(name)
        return all(
            names[self.variables[name]] == {name}
            and self.variable_indices[name] in ("_idx", TARGET_INDEX)
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
                and self.variable_indices[flag] == TARGET_INDEX
                and all(
                    does_nothing(statement, expression)
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
