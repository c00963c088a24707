"""Write the C++ project of a network into a folder.

Runs in a process of its own (`synfire_bp.program.isolated`).  Beside Brian2's sources it leaves
`program.json`, which says in which file of the results each variable will lie, and what its values
are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from brian2 import Function, device, ms, prefs, set_device

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.internals import (
    ArrayVariable,
    settable_name,
    source_files,
    support_code_apart,
)
from synfire_bp.program.compiler import FLAGS, SOURCES
from synfire_bp.program.digests import MANIFEST
from synfire_bp.program.spec import ProgramSpec, Result

LONGEST_RUN = 10**9 * ms
"""The program ends itself after its last sample, always before this."""

_FUNCTIONS = {
    "present_sample": 1,
    "input_pattern": 2,
    "target_pattern": 2,
    "note_answer": 5,
    "believed_answer": 4,
    "sure_answer": 2,
}
_WITH_EFFECT = ("present_sample", "note_answer")
"""The first may end the run, the second is remembered."""

_HEADER, _CLOCK = "samples.h", "processor_time.cpp"
"""What this package adds to the sources that Brian2 writes; the second not to stock programs."""

_COMMON_HEADERS = """
#include "objects.h"
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include <climits>
#include <cmath>
#include <ctime>
#include <fstream>
#include <iostream>
#include "samples.h"
"""
"""What every generated source includes."""
_COMMON = "common.h"

_ROWS = "push_spikes"
"""In the name or text of a source that uses rows of synapses, whose code is long."""

_ARRAYS = "objects.cpp"
_PLAIN = f"""
#pragma GCC push_options
#pragma GCC optimize ("O0")
#include "{_ARRAYS}"
#pragma GCC pop_options
"""
"""What allocates, reads and writes arrays, once: optimised, it takes a fifth of the build."""


def generate(spec: ProgramSpec, directory: Path) -> None:
    """Write sources, static arrays and manifest for `spec` into `directory`."""
    set_device("cpp_standalone", build_on_run=False, directory=str(directory))
    prefs["codegen.cpp.extra_compile_args_gcc"] = list(FLAGS)  # in the makefile, so in the key
    prefs["codegen.cpp.headers"] = ['"samples.h"']
    directory.mkdir(parents=True, exist_ok=True)
    for name in (_HEADER,) if spec.stock else (_HEADER, _CLOCK):
        with resources.as_file(resources.files("synfire_bp.program") / name) as path:
            shutil.copy(path, directory / name)
    with support_code_apart() as support_code:
        net = spec.build(_compiled_functions(), None if spec.stock else RowCodeObject)
        device.insert_code(
            "before_start",
            f"synfire::open_samples(args, {spec.n_inputs}, {spec.steps_per_sample});",
        )
        device.apply_run_args()  # before queues of spikes are made: delays may be among them
        net.network.run(LONGEST_RUN)
        device.build(directory=str(directory), compile=False, run=False)
    _write(directory / _COMMON, f"{_COMMON_HEADERS}namespace {{\n{support_code}\n}}\n")
    sources = [*source_files(device), *([] if spec.stock else [_CLOCK])]
    _join(sources, directory)
    _write(directory / MANIFEST, json.dumps(_manifest(net.results, net.settable), indent=1))


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _join(sources: Sequence[str], directory: Path) -> None:
    """Join many sources to two of about the same length: reading headers takes longest."""
    by_rows = [name for name in sources if _ROWS in name + (directory / name).read_text("utf-8")]
    others = [name for name in sources if name not in (*by_rows, _ARRAYS)]
    first, second = (directory / name for name in SOURCES)
    _write(first, _including([_COMMON, *by_rows]))
    _write(second, _including([_COMMON]) + _PLAIN + _including(others))


def _including(names: Sequence[str]) -> str:
    return "".join(f'#include "{name}"\n' for name in names)


def _compiled_functions() -> dict[str, Function]:
    functions = {}
    for name, n_arguments in _FUNCTIONS.items():
        function = Function(
            pyfunc=None, arg_units=[1] * n_arguments, return_unit=1, return_type="integer",
            arg_types=["integer"] * n_arguments,
            stateless=name not in _WITH_EFFECT,
        )  # fmt: skip
        function.implementations.add_implementation("cpp", code="", name=name)
        functions[name] = function
    return functions


def _manifest(
    results: Mapping[str, Result], settable: Mapping[str, ArrayVariable]
) -> dict[str, dict[str, Any]]:
    """Say where the values of each variable that is read back will lie, and what they are.

    And say how Brian2 calls the numbers of a run that have other names here.
    """
    return {
        "results": {
            name: {
                "file": device.get_array_filename(result.variable),
                "dtype": result.variable.dtype.__name__,
                "size": result.size,
                "kind": result.kind,
                "step": result.step,
            }
            for name, result in results.items()
        },
        "settable": {name: settable_name(variable) for name, variable in settable.items()},
    }
