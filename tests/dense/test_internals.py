"""What this package takes from inside Brian2: each test says which internal broke, and how.

Run this file first with a Brian2 that is new to this package.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import synfire_bp.dense.internals as internals

ROOT = Path(__file__).parents[2]


def in_a_process(code: str) -> str:
    """Run code in a process of its own: a device can be built once."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(code)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def imported_from_inside(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("brian2."):
            found.add(node.module)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("brian2.")}
    return found


def test_only_one_module_imports_from_inside_brian2():
    sources = [*ROOT.glob("synfire_bp/**/*.py"), *ROOT.glob("analysis/**/*.py")]
    inside = {path.relative_to(ROOT).as_posix() for path in sources if imported_from_inside(path)}
    assert inside == {"synfire_bp/dense/internals.py"}


@pytest.mark.parametrize("name", sorted(internals.__all__))
def test_every_internal_is_there(name):
    assert hasattr(internals, name)


PROJECT = """
    import sys, tempfile
    from pathlib import Path
    from brian2 import *
    import synfire_bp.dense.internals as internals
    folder = Path(tempfile.mkdtemp())
    set_device("cpp_standalone", build_on_run=False, directory=str(folder))
    cells = NeuronGroup(3, "x : 1\\nk : integer", threshold="x > 1", name="cells")
    pathways = {"first": "x_post += w", "second": "k_post += 1"}
    links = Synapses(cells, cells, "w : 1", on_pre=pathways, name="links")
    links.connect()
    first = links.first.variables["delay"]
    net = Network(cells, links)
"""


def test_everything_that_runs_code_is_found_and_tells_its_code_and_its_variables():
    said = in_a_process(
        PROJECT
        + """
    again = links.run_regularly("w = 2 * w", name="again")
    w = links.variables["w"]
    for runner in internals.code_runners():
        variables = getattr(runner, "variables", None) or runner.group.variables
        code = [getattr(runner, name, None) for name in ("abstract_code", "code")]
        print(runner.name, any(known is w for known in variables.values()), code[0])
    """
    )
    wanted = {"again True w = 2 * w", "links_first True x_post += w",
              "links_second True k_post += 1"}  # fmt: skip
    assert wanted <= {line.strip() for line in said.splitlines()}


def test_a_pathway_tells_whether_its_queue_has_been_generated():
    said = in_a_process(
        PROJECT
        + """
    print(internals.has_queue(links.first))
    net.run(1 * ms)
    print(internals.has_queue(links.first))
    """
    )
    assert said.split() == ["False", "True"]


def test_variables_and_delays_are_settable_by_the_names_that_we_say():
    said = in_a_process(
        PROJECT
        + """
    net.run(1 * ms)
    device.build(directory=str(folder), compile=False, run=False)
    code = (folder / "objects.cpp").read_text()
    for variable in (cells.variables["x"], links.variables["w"], first):
        print(f'name == "{internals.settable_name(variable)}"' in code)
    """
    )
    assert said.split() == ["True"] * 3


def test_the_sources_of_a_project_are_those_that_its_makefile_compiles():
    said = in_a_process(
        PROJECT
        + """
    net.run(1 * ms)
    device.build(directory=str(folder), compile=False, run=False)
    listed = internals.source_files(device)
    made = next(line for line in (folder / "makefile").read_text().splitlines()
                if line.startswith("SRCS ="))
    print(sorted(made.removeprefix("SRCS =").split()) == listed)
    print([(folder / name).exists() for name in listed].count(False) == 0)
    print([n.startswith("code_objects/") for n in listed].count(True) > 2, "main.cpp" in listed)
    """
    )
    assert said.split() == ["True"] * 4


def test_numbers_of_the_command_line_are_set_before_queues_of_spikes_are_made():
    said = in_a_process(
        PROJECT
        + """
    device.apply_run_args()
    net.run(1 * ms)
    device.build(directory=str(folder), compile=False, run=False)
    main = (folder / "main.cpp").read_text()
    main = main[main.index("int main("):]
    print(main.count("set_from_command_line(args);"))
    print(main.index("set_from_command_line(args);")
          < main.index(f"_before_run_{links.first.name}_push_spikes();"))
    """
    )
    assert said.split() == ["1", "True"]


def test_support_code_can_stand_apart_from_every_source():
    before, begin, rest = PROJECT.partition("cells =")
    inside = begin + rest.replace("\n", "\n    ")
    said = in_a_process(
        f"""{before}with internals.support_code_apart() as support:
        {inside}
        net.run(1 * ms)
        device.build(directory=str(folder), compile=False, run=False)
    print("_brian_floordiv(T1" in support)
    texts = [path.read_text() for path in folder.glob("code_objects/*.cpp")]
    print(len(texts) > 2, ["_brian_floordiv(T1" in text for text in texts].count(True))
    print(bool(internals.CPPCodeGenerator.universal_support_code))
    """
    )
    assert said.split() == ["True", "True", "0", "True"]
