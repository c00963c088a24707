"""Properties of a Brian2 statement derived from its text: where it does nothing, what it may do.

`RowGenerator` uses them to decide how a loop may be run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synfire_bp.dense.internals import Function, Statement, brian_ast, get_identifiers

__all__ = [
    "adds_whole_numbers",
    "does_nothing",
    "factors",
    "has_memory",
    "may_fail_or_round",
    "product",
]


def has_memory(expressions: Iterable[str], variables: Mapping[str, Any]) -> bool:
    """Return whether it matters how often, and in which order, expressions are evaluated."""
    names = set().union(*(get_identifiers(expression) for expression in expressions))
    functions = [variables.get(name) for name in names]
    return any(isinstance(f, Function) and not f.stateless for f in functions)


def may_fail_or_round(node: ast.AST) -> bool:
    """Return whether part of an expression is a fraction, or may divide by zero."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, float)
    if not isinstance(node, ast.BinOp) or isinstance(node.op, (ast.Add, ast.Sub, ast.Mult)):
        return False
    by_number = isinstance(node.right, ast.Constant) and bool(node.right.value)
    return not (isinstance(node.op, (ast.Mod, ast.FloorDiv)) and by_number)


def does_nothing(statement: Statement, expression: str) -> bool:
    """Return whether a statement changes nothing if what it adds or sets is this expression."""
    if statement.op in ("+=", "-="):
        # adding 0.0 rounds a large whole number
        zeros = ("0",) if np.issubdtype(statement.dtype, np.integer) else ("0", "0.0")
        return expression.strip() in zeros
    return statement.op == "=" and expression.strip() == statement.var


def adds_whole_numbers(statement: Statement, variables: Mapping[str, Any]) -> bool:
    """Return whether a statement adds a whole number to one, and it does not matter how often."""
    return (
        statement.op in ("+=", "-=")
        and np.issubdtype(statement.dtype, np.integer)
        and brian_ast(statement.expr, variables).dtype == "integer"
        and not has_memory([statement.expr], variables)
    )


def factors(statement: Statement, variables: Mapping[str, Any]) -> set[str]:
    """Return the names that are factors of what a statement adds; none unless all are whole."""
    if not adds_whole_numbers(statement, variables):
        return set()
    parts = product(ast.parse(statement.expr, mode="eval").body)
    return {part for part in parts if part.isidentifier()}


def product(node: ast.expr) -> list[str]:
    """Return the factors of a product of names and whole numbers; else one that is neither."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*product(node.left), *product(node.right)]
    return [ast.unparse(node)]
