"""A C++ program with networks by rows and their doubles, compiled and run.

    python dense_program.py DIRECTORY FIRST LAST [scenes]

holds the random cases FIRST … LAST-1, and the fixed ones and the scenes if asked.  It leaves in
DIRECTORY `rows.npz` and `stock.npz`, every final array and spike train by case, and `by_rows.json`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from brian2 import defaultclock, device, ms, prefs, set_device
from dense_networks import FIXED, Side, random_case
from dense_scenes import SCENES

from synfire_bp.program import compiler

FLAGS = list(compiler.FLAGS)  # those of the circuits' programs


def build(directory: Path) -> None:
    """Compile: the many small sources as two, which takes a fraction of the time."""
    device.build(directory=str(directory), compile=False, run=False)
    sources = sorted(f"code_objects/{file.name}" for file in directory.glob("code_objects/*.cpp"))
    for n, name in enumerate(sources):  # what they define for themselves must not clash
        code = (directory / name).read_text()
        code = code.replace("namespace {", f"namespace support_{n} {{", 1)
        code = code.replace(
            "using namespace brian;", f"using namespace brian; using namespace support_{n};", 1
        )
        (directory / name).write_text(code)
    parts = ["part_0.cpp", "part_1.cpp"]
    for n, part in enumerate(parts):
        included = "".join(f'#include "{name}"\n' for name in sources[n::2])
        (directory / part).write_text('#include "common.h"\n' + included)
    headers = ("objects.h", "brianlib/common_math.h", "brianlib/stdint_compat.h")
    (directory / "common.h").write_text(
        "".join(f'#include "{name}"\n' for name in headers)
        + "#include <climits>\n#include <cmath>\n#include <ctime>\n#include <fstream>\n"
        "#include <iostream>\n"
    )
    makefile = (directory / "makefile").read_text()
    for name in sources:
        makefile = makefile.replace(f" {name} ", " ")
    makefile = makefile.replace("SRCS =", f"SRCS = {' '.join(parts)} ", 1)
    # what moves arrays about is long and runs once
    makefile += "\nobjects.o main.o: OPTIMISATIONS += -O0\n"
    makefile += "objects.o: OPTIMISATIONS += -fno-exceptions\n"
    (directory / "makefile").write_text(makefile)
    (directory / "make.deps").touch()
    subprocess.run(["make", "-j2"], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def main(directory: Path, first: int, last: int, scenes: bool) -> None:
    set_device("cpp_standalone", build_on_run=False)
    prefs["codegen.cpp.extra_compile_args_gcc"] = FLAGS
    defaultclock.dt = 1 * ms
    cases = [random_case(number) for number in range(first, last)] + (FIXED if scenes else [])
    sides = [Side("rows", cases), Side("stock", cases)]
    for side in sides:
        side.play(SCENES if scenes else [])
        side.run()
    build(directory / "program")
    device.run(str(directory / "program"), "results", run_args=[], with_output=False)
    for side in sides:
        start = {f"{c}/start.{x}": y for c, xs in side.start.items() for x, y in xs.items()}
        np.savez(directory / f"{side.name}.npz", **side.results(), **start)
    (directory / "by_rows.json").write_text(json.dumps(sides[0].by_rows))
    shutil.rmtree(directory / "program")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "scenes" in sys.argv[4:])
