"""Write the C++ project of a network into a folder.

Runs as a process of its own::

    python -m synfire_bp.program.generate DIRECTORY < pickled ProgramSpec

Beside Brian2's sources it leaves `program.json`, which says in which file of the results each
variable will lie, and what its values are.
"""

from __future__ import annotations

import json
import pickle
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from brian2 import Function, device, ms, prefs, set_device
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject

from synfire_bp.dense.codeobject import RowCodeObject
from synfire_bp.dense.generator import RowGenerator
from synfire_bp.errors import BuildError
from synfire_bp.program.program import MANIFEST
from synfire_bp.program.spec import ProgramSpec, Result

LONGEST_RUN = 10**9 * ms
"""The program ends itself after its last sample, always before this."""

_FUNCTIONS = {"present_sample": 1, "input_pattern": 2, "target_pattern": 2}

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
"""What every generated source includes; compiled once for all (it halves the build time)."""

_COMPILE_ARGS = ["-w", "-O3", "-march=native", "-std=c++17"]


_PARTS = 2


class ProgramGenerator(RowGenerator):
    """As RowGenerator; what every source needs stands once, in `common.h`."""

    universal_support_code = ""


class PlainProgramGenerator(CPPCodeGenerator):
    """As Brian2's own, without what stands in `common.h`."""

    class_name = "cpp"
    universal_support_code = ""


class PlainProgramCodeObject(CPPStandaloneCodeObject):
    """Code objects of a program, by Brian2's own templates."""

    generator_class = PlainProgramGenerator


class ProgramCodeObject(RowCodeObject):
    """Code objects of a program."""

    generator_class = ProgramGenerator
    without_rows = PlainProgramCodeObject


def generate(spec: ProgramSpec, directory: Path) -> None:
    """Write sources, static arrays, makefile and manifest for `spec` into `directory`."""
    set_device("cpp_standalone", build_on_run=False, directory=str(directory))
    prefs["codegen.cpp.extra_compile_args_gcc"] = _COMPILE_ARGS
    prefs["codegen.cpp.headers"] = ['"samples.h"']
    directory.mkdir(parents=True, exist_ok=True)
    header = resources.files("synfire_bp.program") / "samples.h"
    with resources.as_file(header) as path:
        shutil.copy(path, directory / "samples.h")

    net = spec.build(_compiled_functions(), None if spec.stock else ProgramCodeObject)
    device.insert_code(
        "before_start", f"synfire::open_samples(args, {spec.n_inputs}, {spec.steps_per_sample});"
    )
    net.network.run(LONGEST_RUN)
    device.build(directory=str(directory), compile=False, run=False)
    (directory / "common.h").write_text(_COMMON_HEADERS)
    if net.delayed:
        _take_delays_from_the_command_line(directory / "main.cpp", net.delayed)
    if not spec.stock:
        _ask_the_time_less_often(directory / "network.cpp")
        _join_sources(directory)
    with (directory / "makefile").open("a") as makefile:
        makefile.write("\ncommon.h.gch: common.h\n\t$(CXX) $(CXXFLAGS) -x c++-header $< -o $@\n")
    (directory / MANIFEST).write_text(json.dumps(_manifest(net.results), indent=1))


def _join_sources(directory: Path) -> None:
    """Compile the many small sources as a few: starting the compiler takes longer than they do."""
    with (directory / "common.h").open("a") as common:
        common.write(f"namespace {{\n{CPPCodeGenerator.universal_support_code}\n}}\n")
    sources = sorted(f"code_objects/{file.name}" for file in directory.glob("code_objects/*.cpp"))
    parts = [f"part_{n}.cpp" for n in range(_PARTS)]
    for n, part in enumerate(parts):
        included = "".join(f'#include "{name}"\n' for name in sources[n::_PARTS])
        (directory / part).write_text(included)
    makefile = (directory / "makefile").read_text()
    for name in sources:
        makefile = makefile.replace(f" {name} ", " ")
    (directory / "makefile").write_text(makefile.replace("SRCS =", f"SRCS = {' '.join(parts)} ", 1))


def _ask_the_time_less_often(source: Path) -> None:
    """Take a system call in every step, for a time limit that is not used, out of the main loop."""
    code = source.read_text()
    asking = re.search(r"current = std::clock\(\);\s*elapsed_realtime = [^;]*;", code)
    end = "    _last_run_time = elapsed_realtime;"
    if asking is None or end not in code:
        raise BuildError("Brian2's network.cpp is not the one that this version knows")
    code = code.replace(asking.group(), "").replace(end, f"    {asking.group()}\n{end}")
    source.write_text(code)


def _take_delays_from_the_command_line(source: Path, pathways: Sequence[str]) -> None:
    """Prepare queues of spikes again once the numbers of the run have been read."""
    code = source.read_text()
    prepared = re.findall(rf"_before_run_(?:{'|'.join(pathways)})_push_spikes\(\);", code)
    read = "set_from_command_line(args);"
    if len(prepared) != len(pathways) or code.count(read) != 1:
        raise BuildError("Brian2's main.cpp is not the one that this version knows")
    source.write_text(code.replace(read, "\n".join((read, *prepared))))


def _compiled_functions() -> dict[str, Function]:
    functions = {}
    for name, n_arguments in _FUNCTIONS.items():
        function = Function(
            pyfunc=None, arg_units=[1] * n_arguments, return_unit=1, return_type="integer",
            arg_types=["integer"] * n_arguments,
            stateless=name != "present_sample",  # which may end the run
        )  # fmt: skip
        function.implementations.add_implementation("cpp", code="", name=name)
        functions[name] = function
    return functions


def _manifest(results: Mapping[str, Result]) -> dict[str, dict[str, Any]]:
    """Say where the values of each variable that is read back will lie, and what they are."""
    return {
        name: {
            "file": device.get_array_filename(result.variable),
            "dtype": result.variable.dtype.__name__,
            "size": result.size,
            "kind": result.kind,
            "step": result.step,
        }
        for name, result in results.items()
    }


if __name__ == "__main__":
    generate(pickle.load(sys.stdin.buffer), Path(sys.argv[1]).resolve())
