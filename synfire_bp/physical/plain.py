"""Clean-up of a user's own Brian2 code: comments are removed, and excessive code is refused.

Units and constants are computed where Brian2 reads equations, so evaluating nested powers might
never end, and a sum of thousands of terms would be nested too deeply for it.
"""

from __future__ import annotations

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterator
from itertools import accumulate

from synfire_bp.errors import ExperimentError

__all__ = ["plain"]

_LONGEST = 5_000
_DEEPEST = 100
_LARGEST_EXPONENT = 20

_OPERATIONS: dict[type[ast.AST], Callable[..., float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_FLAGS = re.compile(r"\(\s*[A-Za-z_][A-Za-z_ ,]*\)\s*$")
"""Flags that may follow a unit, such as (unless refractory)."""


def plain(code: str) -> str:
    """Return Brian2 code without its comments; every line stays in its place.

    A comment reaches to the end of its line, as Brian2 reads it; a backslash does not continue it.

    Raises
    ------
    ExperimentError
        If the code is too long or nested too deep, has characters that no code has, or powers that
        are too large to compute.
    """
    if len(code) > _LONGEST:
        raise ExperimentError(f"has {len(code):,} characters; at most {_LONGEST:,} are allowed")
    lines = [line.partition("#")[0].rstrip(" \t\r") for line in code.split("\n")]
    for n, line in enumerate(lines, start=1):
        if found := re.search(r"[^\t -~]|\\", line):
            raise ExperimentError(
                f"line {n}: the character {found[0]!a} is not allowed in code; use the "
                "letters a to z, digits and operators"
            )
        for piece in _pieces(line):
            _refuse_excess(piece, n)
    return "\n".join(lines)


def _pieces(line: str) -> Iterator[str]:
    """Yield the parts of a line that may be expressions or units."""
    for piece in re.split(r"(?<![=<>!])[=:;](?!=)", line):
        yield _FLAGS.sub("", piece).strip().rstrip("+-*/") or "0"


def _refuse_excess(piece: str, n: int) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(piece, mode="eval").body
    except (RecursionError, MemoryError):
        raise ExperimentError(f"line {n}: is nested too deep; use shorter expressions") from None
    except (SyntaxError, ValueError):
        if "**" in piece:
            raise ExperimentError(
                f"line {n} ('{piece[:40]}'): a power must be on one line, together with all of its "
                "expression"
            ) from None
        return  # Brian2 says what is wrong, or it goes on in the next line
    if _depth(tree) > _DEEPEST or _brackets(piece) > _DEEPEST:
        raise ExperimentError(
            f"line {n}: has expressions within expressions, or a sum of terms, more than "
            f"{_DEEPEST} deep; use shorter ones"
        )
    _constant(tree, n)


def _depth(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _brackets(piece: str) -> int:
    return max(accumulate((sign == "(") - (sign == ")") for sign in piece))


def _constant(node: ast.AST, n: int) -> float | None:
    """Return the value of an expression that contains only numbers; None for any other."""
    if isinstance(node, ast.Constant) and isinstance(number := node.value, (int, float)):
        return _within_measure(lambda: float(number), n)
    parts = [_constant(child, n) for child in ast.iter_child_nodes(node)
             if isinstance(child, ast.expr)]  # fmt: skip
    operation = getattr(node, "op", None)
    if (
        isinstance(operation, ast.Pow)
        and parts[1] is not None
        and abs(parts[1]) > _LARGEST_EXPONENT
    ):
        raise ExperimentError(
            f"line {n}: an exponent is {parts[1]:g}; the largest allowed is {_LARGEST_EXPONENT}"
        )
    compute = None if operation is None else _OPERATIONS.get(type(operation))
    if compute is None or any(part is None for part in parts):
        return None
    return _within_measure(lambda: compute(*parts), n)


def _within_measure(compute: Callable[[], float], n: int) -> float | None:
    try:
        value = compute()
        if not isinstance(value, complex) and abs(value) < 1e300:
            return value
    except ZeroDivisionError:
        return None  # Brian2 says so
    except OverflowError:
        pass
    raise ExperimentError(f"line {n}: a constant is too large, or is not a real number")
