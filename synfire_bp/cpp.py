"""Functions for Brian2 code whose C++ is written once: for compiled programs and for Cython.

Cython takes the same C++ text as it stands, so both compute the same.  NumPy has its own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from brian2 import Function

__all__ = ["add_cpp", "in_python", "once", "whole_function"]

_SIGNATURE = re.compile(r"static inline (\w+)\s+(\w+)\(([^)]*)\)")
_IN_CYTHON = {
    "int16_t": "short",
    "int32_t": "int",
    "uint32_t": "unsigned int",
    "int64_t": "long long",
    "double": "double",
}


def once(code: str) -> str:
    """Guard C++ code: sources that need it may be compiled as one."""
    name = f"SYNFIRE_{zlib.crc32(code.encode()):08X}"
    return f"#ifndef {name}\n#define {name}\n{code}\n#endif\n"


def whole_function(
    pyfunc: Callable,
    name: str,
    code: str,
    n_arguments: int,
    *,
    guarded: bool = False,
) -> Function:
    """Return a Brian2 function of numbers without units whose result is whole.

    `guarded`: its C++ may stand in several sources that are compiled as one.
    """
    function = Function(
        pyfunc,
        arg_units=[1] * n_arguments,
        return_unit=1,
        return_type="integer",
    )
    add_cpp(function, name, once(code) if guarded else code)
    # else Brian2 formats each result, as text, for a message about its units
    function.implementations.add_numpy_implementation(pyfunc, discard_units=True)
    return function


def add_cpp(
    function: Function,
    name: str,
    code: str,
    dependencies: Mapping[str, tuple[Function, str]] | None = None,
) -> None:
    """Give a function its C++, for standalone programs and for Cython.

    Parameters
    ----------
    function : Function
        It computes the same with NumPy.
    name : str
        What the C++ calls it.
    code : str
        Its definition: ``static inline int32_t name(int32_t x, …) { … }``, and what that needs.
        If it may stand in several sources that are compiled as one: guarded by `once`.
    dependencies : mapping, optional
        Functions that it calls: name to the function and its C++.
    """
    needed = dict(dependencies or {})
    function.implementations.add_implementation(
        "cpp", code, name=name, dependencies={key: other for key, (other, _) in needed.items()}
    )
    text = "".join(other for _, other in needed.values()) + code
    function.implementations.add_implementation("cython", _cython(name, text), name=name)


def _cython(name: str, code: str) -> str:
    """Return Cython that includes C++ as it stands, and declares a function of it."""
    result, arguments = next(
        (found[1], found[3]) for found in _SIGNATURE.finditer(code) if found[2] == name
    )
    declared = ", ".join(
        f"{_IN_CYTHON[argument.split()[0]]} {argument.split()[1]}"
        for argument in arguments.replace("\n", " ").split(",")
    )
    lines = ["#include <cmath>", "#include <cstdint>", *code.strip().splitlines()]
    included = "\n".join(f"    {line}" for line in lines)
    return (
        "cdef extern from *:\n"
        f'    """\n{included}\n    """\n'
        f"    {_IN_CYTHON[result]} {name}({declared})\n"
    )


def in_python(function: Function, call: Callable[..., Any]) -> Function:
    """Let Cython code call a function of Python, once for each element: right, and slow."""
    function.implementations.add_implementation("cython", call)
    return function
