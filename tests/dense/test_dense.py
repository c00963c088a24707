"""`DenseSynapses` are Brian2's own `Synapses`, bit for bit, and say so where they are not by rows.

The networks are random, or made to catch what rows could get wrong (`dense_networks.py`,
`dense_scenes.py`).  Each lies in a C++ program beside its double with stock Synapses.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import dense_program
import numpy as np
import pytest
from brian2 import (
    BrianLogger,
    Function,
    Network,
    NeuronGroup,
    Synapses,
    defaultclock,
    get_device,
    ms,
    prefs,
    set_device,
)
from brian2.core.base import BrianObjectException
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices
from brian2.utils.logger import catch_logs
from dense_networks import FIXED, Case, Side, random_case
from dense_scenes import SCENES

from synfire_bp import backprop_circuit
from synfire_bp.circuit.rule import PAPER_RULE, parse_rule
from synfire_bp.dense import DenseSynapses, RowCodeObject
from synfire_bp.network import MEMORYLESS, NO_LINES, STEP

BrianLogger.suppress_name("unused_brian_object")  # many are looked at, and not run

N_RANDOM = 12
SLOW_PROGRAMS = range(1000, 1300, 30)
RANDOM_CASES = [random_case(number) for number in range(N_RANDOM)]
IN_RUNTIME_MODE = {
    "two flags of a lonely target", "a synaptic variable between two loops", "a condition",
    "several statements in a line", "refractory targets", "late and early synapses of one neuron",
    "pre and post traces",
}  # fmt: skip


class Results:
    """What a program found, by side and case."""

    def __init__(self, folder: Path):
        self.by_rows = json.loads((folder / "by_rows.json").read_text())
        self.rows, self.stock = (self._read(folder / f"{name}.npz") for name in ("rows", "stock"))

    @staticmethod
    def _read(path: Path) -> dict[str, dict[str, np.ndarray]]:
        with np.load(path) as arrays:
            return by_case(arrays)


def by_case(arrays) -> dict[str, dict[str, np.ndarray]]:
    found: dict[str, dict[str, np.ndarray]] = {}
    for key, values in arrays.items():
        case, _, name = key.partition("/")
        found.setdefault(case, {})[name] = values
    return found


def run_program(folder: Path, cases: range, *, scenes: bool = False) -> Results:
    done = subprocess.run(
        [sys.executable, dense_program.__file__, str(folder), str(cases.start), str(cases.stop),
         *(["scenes"] if scenes else [])],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return Results(folder)


def assert_same(
    found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], what: str, sizes: bool = True
) -> None:
    """Equal whole numbers, flags and spike trains; floats within 1e-12 of each other."""
    assert found.keys() == wanted.keys()
    for name, expected in wanted.items():
        assert found[name].dtype.kind == expected.dtype.kind
        assert not sizes or found[name].dtype == expected.dtype
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(
                found[name], expected, rtol=1e-12, atol=0, err_msg=f"{name} of {what}"
            )
        else:
            np.testing.assert_array_equal(found[name], expected, err_msg=f"{name} of {what}")


# -- equal to stock Synapses ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Results:
    return run_program(tmp_path_factory.mktemp("dense"), range(N_RANDOM), scenes=True)


@pytest.mark.parametrize("case", RANDOM_CASES, ids=lambda case: case.name)
def test_rows_equal_stock_synapses_in_a_random_network(program, case):
    assert_same(program.rows[case.name], program.stock[case.name], str(case))


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.name)
def test_rows_equal_stock_synapses_where_they_might_not(program, case):
    assert_same(program.rows[case.name], program.stock[case.name], str(case))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_this_packages_templates_equal_those_of_brian2(program, scene):
    name = scene.__name__
    assert_same(program.rows[name], program.stock[name], name)


def test_all_these_networks_are_generated_by_rows(program):
    by_rows = {f"{name}_{p}": is_so for name, pathways in program.by_rows.items()
               for p, is_so in pathways.items()}  # fmt: skip
    assert len(by_rows) > N_RANDOM + len(FIXED)
    others = [name for name, is_so in by_rows.items() if not is_so]
    with_post = [n for n, case in enumerate(RANDOM_CASES + FIXED) if case.post_code]
    assert others == [f"case{n:03d}_post" for n in with_post]


def test_these_networks_are_busy(program):
    """Or their equality would mean little."""
    idle = set()
    for case, variables in program.stock.items():
        for name, values in variables.items():
            assert len(values) > 0 or not name.endswith("spikes.i"), f"{name} of {case}"
        pairs = [
            (values, variables[name.replace("start", "synapses")])
            for name, values in variables.items()
            if name.startswith("start.")
        ]
        if pairs and all(np.array_equal(a.astype(b.dtype), b) for a, b in pairs):
            idle.add(case)
    cases = [case for case in RANDOM_CASES + FIXED if case.name != "no synapse"]
    assert idle == {case.name for case in cases if writes_only_targets(case)}
    drawn = {case.name for case in RANDOM_CASES}  # the fixed ones are idle on purpose
    assert len(idle & drawn) < N_RANDOM / 3


def writes_only_targets(case: Case) -> bool:
    codes = [*case.code.values(), *filter(None, [case.post_code])]
    lines = [line for code in codes for line in re.split("[;\n]", code)]
    written = {line.split()[0] for line in lines} - {"here", "most", "count", "count64"}
    return all(name.endswith("_post") for name in written)


@pytest.mark.slow
@pytest.mark.parametrize("first", SLOW_PROGRAMS)
def test_rows_equal_stock_synapses_in_hundreds_of_random_networks(tmp_path, first):
    cases = range(first, first + SLOW_PROGRAMS.step)
    results = run_program(tmp_path, cases)
    assert all(all(pathways.values()) for pathways in results.by_rows.values())
    for case in map(random_case, cases):
        assert_same(results.rows[case.name], results.stock[case.name], str(case))


# -- what is by rows, and what is said where it is not --------------------------------------------


@pytest.fixture
def standalone(tmp_path):
    """C++ standalone mode, for code that is generated and not compiled."""
    dt = defaultclock.dt
    set_device("cpp_standalone", build_on_run=False, directory=str(tmp_path))
    defaultclock.dt = 1 * ms
    yield get_device()
    get_device().reinit()
    set_device("runtime")
    defaultclock.dt = dt


TARGET = "count : integer\nfired : boolean\nreal : 1"


def pair(n_target=4, **kwds):
    source = NeuronGroup(3, "count : integer", threshold="True", **kwds)
    return source, NeuronGroup(n_target, TARGET, threshold="False", **kwds)


def connected(*calls, n_target=4, **kwds):
    """Return DenseSynapses and the log lines about its code."""
    model = "w : 1\nq : integer\nscale : integer (shared)"
    kwds = {"on_pre": "count_post += q", "name": "projection"} | kwds
    with catch_logs(logging.INFO, ("brian2", "synfire_bp")) as logs:
        synapses = DenseSynapses(*pair(n_target), model, **kwds)
        for call in calls or ({},):
            synapses.connect(**call)
    return synapses, said(logs)


def said(logs):
    return [text for _, name, text in logs if name.endswith("not_by_rows")]


PRE, POST = np.repeat([0, 1, 2], 4), np.tile([0, 1, 2, 3], 3)
UNCERTAIN = "connect() was called with a condition, a probability or a generator"
RANDOM = "draws random numbers, whose order only Brian2's own code keeps"
NEITHER = "which is neither synaptic nor postsynaptic"

CONNECTIONS = {
    "a condition": ({"condition": "i != j"}, UNCERTAIN),
    "a probability": ({"p": 0.5}, UNCERTAIN),
    "a probability of given pairs": ({"i": PRE, "j": POST, "p": 0.5}, UNCERTAIN),
    "a probability by formula": ({"p": "0.5 + 0.1*i"}, UNCERTAIN),
    "a generator": ({"j": "k for k in range(N_post)"}, UNCERTAIN),
    "a generator of sources": ({"i": "k for k in range(N_pre)"}, UNCERTAIN),
    "several at once": ({"n": 2}, UNCERTAIN),
    "sparse pairs": ({"i": PRE[::2], "j": POST[::2]},
                     "1.0 targets lie next to each other on average, less than 4"),
    "pairs in disorder": ({"i": PRE[::-1].copy(), "j": POST[::-1].copy()}, "1.0 targets lie next"),
    "a pair": ({"i": 1, "j": 2}, "1.0 targets lie next"),
}  # fmt: skip
CODE = {
    "a write to the source": ("count_pre += 1", f"'count_pre += 1' writes 'count_pre', {NEITHER}"),
    "a write behind a semicolon": ("q += 1; count_pre -= q  # why", f"'count_pre', {NEITHER}"),
    "a write to a shared variable": ("scale += 1", f"'scale += 1' writes 'scale', {NEITHER}"),
    "random numbers": ("# noise\nw = rand()", f"'w = rand()' {RANDOM}"),
    "random numbers in a temporary": ("x = randn()\nw += x", f"'x = randn()' {RANDOM}"),
    "random whole numbers": ("q += poisson(3)", f"'q += poisson(3)' {RANDOM}"),
    "the index of the target": ("q += _postsynaptic_idx", "reads _postsynaptic_idx"),
}  # fmt: skip


@pytest.mark.parametrize("rows", [None, True])
@pytest.mark.parametrize(("call", "reason"), CONNECTIONS.values(), ids=CONNECTIONS)
def test_connections_that_may_not_form_rows_are_brian2s_unless_rows_are_asked_for(
    standalone, call, reason, rows
):
    synapses, lines = connected(call, rows=rows)
    assert synapses.by_rows == {"pre": rows is True}
    assert len(lines) == (rows is None)
    for line in lines:
        assert line.startswith(f"'projection_pre' uses Brian2's own code: {reason}")


@pytest.mark.parametrize("rows", [None, True])
@pytest.mark.parametrize(("code", "reason"), CODE.values(), ids=CODE)
def test_code_that_does_not_qualify_is_brian2s_all_the_same(standalone, code, reason, rows):
    synapses, lines = connected(on_pre=code, rows=rows)
    assert synapses.by_rows == {"pre": False}
    (line,) = lines
    assert line.startswith("'projection_pre' uses Brian2's own code: ")
    assert reason in line


def test_rows_can_be_declined(standalone):
    synapses, lines = connected(rows=False)
    assert synapses.by_rows == {"pre": False}
    assert lines == ["'projection_pre' uses Brian2's own code: rows=False"]


@pytest.mark.parametrize(
    "calls",
    [[{}], [{"condition": True}], [{"i": PRE, "j": POST}],
     [{"i": PRE.tolist(), "j": POST.tolist()}],
     [{"i": 1, "j": np.arange(4)}, {}], [{"i": [0], "j": [3]}, {}, {}, {}]],
    ids=["all", "True", "pairs", "lists", "one row and all", "mostly all"],
)  # fmt: skip
def test_rows_of_four_targets_are_found_without_asking(standalone, calls):
    synapses, lines = connected(*calls, n_target=4 if len(calls) < 4 else 6)
    assert synapses.by_rows == {"pre": True}
    if len(calls) < 4:
        assert lines == []
    else:  # the first pair alone is no row
        assert "1.0 targets lie next to each other" in lines[0]
        assert lines[1:] == ["'projection_pre' is by rows after all"]


def test_three_targets_are_no_row(standalone):
    synapses, (line,) = connected(n_target=3)
    assert synapses.by_rows == {"pre": False}
    assert line.endswith("3.0 targets lie next to each other on average, less than 4")


def test_each_pathway_is_decided_for_itself(standalone):
    synapses, lines = connected(
        on_pre={"good": "count_post += q", "bad": "count_pre += q"}, on_post="q += 1"
    )
    assert synapses.by_rows == {"good": True, "bad": False, "post": False}
    assert [line.split("'")[1] for line in lines] == ["projection_bad", "projection_post"]
    assert "it reacts to postsynaptic spikes" in lines[1]


def test_a_reason_is_given_once(standalone):
    sparse = {"i": [0, 1], "j": [1, 0]}
    synapses, lines = connected(sparse, sparse)
    assert len(lines) == 1
    with catch_logs(logging.INFO, ("brian2", "synfire_bp")) as logs:
        Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert said(logs) == []


def test_code_that_is_changed_after_connecting_is_looked_at_again(standalone):
    synapses, _ = connected()
    assert synapses.by_rows == {"pre": True}
    synapses.pre.code = "count_pre += q"
    with catch_logs(logging.INFO, ("brian2", "synfire_bp")) as logs:
        Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert synapses.by_rows == {"pre": False}
    assert len(said(logs)) == 1
    assert "peek()" in synapses.pre.codeobj.code.cpp_file


def test_other_devices_get_brian2s_code(standalone, monkeypatch, tmp_path):
    class OtherDevice(CPPStandaloneDevice):
        """As that of brian2cuda, which generates other code."""

    monkeypatch.setitem(all_devices, "other", OtherDevice())
    set_device("other", build_on_run=False, directory=str(tmp_path))
    synapses, (line,) = connected(rows=True)
    assert synapses.by_rows == {"pre": False}
    assert "OtherDevice does not generate C++ standalone code" in line


def test_a_codeobj_class_that_is_asked_for_is_used(standalone):
    class MyCodeObject(CPPStandaloneCodeObject):
        pass

    synapses, (line,) = connected(rows=True, codeobj_class=MyCodeObject)
    assert synapses.by_rows == {"pre": False}
    assert line.endswith("codeobj_class is MyCodeObject")
    Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert type(synapses.pre.codeobj) is MyCodeObject


@pytest.mark.parametrize("codeobj_class", [None, RowCodeObject])
def test_a_pathway_that_falls_back_fills_the_queue_that_it_reads(standalone, codeobj_class):
    synapses, _ = connected({"i": 1, "j": 2}, codeobj_class=codeobj_class)
    Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert "projection_pre.peek()" in synapses.pre.codeobj.code.cpp_file
    assert "projection_pre.push(" in synapses.pre._pushspikes_codeobj.code.cpp_file


def test_plain_synapses_refuse_row_code_objects(standalone):
    """Their code would read a queue that nobody fills."""
    source, target = pair()
    synapses = Synapses(source, target, on_pre="count_post += 1", codeobj_class=RowCodeObject)
    synapses.connect()
    with pytest.raises(BrianObjectException) as caught:
        Network(source, target, synapses).run(1 * ms)
    cause = caught.value.__cause__
    assert isinstance(cause, TypeError)
    assert "use DenseSynapses, or leave codeobj_class out" in str(cause)


def test_names_in_a_condition_are_looked_up_where_connect_is_called(standalone):
    synapses, _ = connected()
    limit = 2  # noqa: F841
    synapses.connect(condition="i + j < limit")
    with pytest.raises(KeyError, match="other_limit"):
        synapses.connect(condition="i + j < other_limit")


# -- the code that is generated -------------------------------------------------------------------


def loops(pathway):
    """Return, for each loop over a row, what stands before it."""
    code = pathway.codeobj.code.cpp_file
    parts = re.split(r"for \(size_t _k = 0; _k < _length; _k\+\+\)", code)
    return [part.rstrip().splitlines()[-1].strip() for part in parts[:-1]]


@pytest.mark.parametrize(("sizes", "together"), [((4, 4, 4), False), ((40, 40, 4), True)], ids=str)
def test_the_plastic_synapses_of_a_circuit_learn_in_a_loop_that_is_skipped_where_nobody_fired(
    standalone, sizes, together
):
    functions = {}
    for name, n_arguments in (("present_sample", 1), ("input_pattern", 2), ("target_pattern", 2)):
        functions[name] = Function(
            None, arg_units=[1] * n_arguments, return_unit=1, return_type="integer",
            arg_types=["integer"] * n_arguments,
        )  # fmt: skip
        functions[name].implementations.add_implementation("cpp", "", name=name)
    net = MEMORYLESS.build(
        backprop_circuit(sizes), parse_rule(PAPER_RULE), NO_LINES, functions,
        codeobj_class=RowCodeObject, by_rows=True,
    )  # fmt: skip
    net.network.run(STEP)
    code = net.plastic.pre.codeobj.code.cpp_file
    arriving, learning = code.split("if (_rows.any(_ptr_array_cells_fired, _run))")
    assert ("_rows.add(_group, _ptr_array_cells_arriving, _ptr_array_plastic_w, 1," in arriving
            if together else "arriving_post += w;" in arriving)  # fmt: skip
    assert "bounded(w" not in arriving
    assert "bounded(w" in learning
    assert "arriving_post" not in learning
    assert ("_rows.groups(8)" in code) == together
    assert "_rows.bands()" not in code
    for synapses in (net.fixed, net.network["count"]):
        assert "_rows.bands()" in synapses.pre.codeobj.code.cpp_file
    assert net.plastic.by_rows == net.fixed.by_rows == {"pre": True}
    (emit,) = (o for o in net.network.objects if o.name == "emit_input")
    assert re.search(r"const int _N = _lio_1 \? N : 0;", emit.codeobj.code.cpp_file)


def test_a_program_builds_with_the_flags_that_brian2_has_of_itself(tmp_path):
    """C++ 11, where this package asks for 17."""
    code = """
        import sys
        from brian2 import Network, NeuronGroup, ms, set_device
        from synfire_bp.dense import DenseSynapses, RowCodeObject
        set_device("cpp_standalone", directory=sys.argv[1])
        source = NeuronGroup(40, "", threshold="i % 2 == 0", codeobj_class=RowCodeObject)
        target = NeuronGroup(40, "count : integer\\nv : 1", codeobj_class=RowCodeObject)
        synapses = DenseSynapses(source, target, "q : integer\\nw : 1",
                                 on_pre={"whole": "count_post += q", "real": "v_post += w"})
        synapses.connect()
        synapses.q, synapses.w = "i", "0.5"
        Network(source, target, synapses).run(0.3*ms)
        print(synapses.by_rows, target.count[:].sum(), target.v[:].sum())
    """
    done = subprocess.run([sys.executable, "-c", dedent(code), str(tmp_path / "program")],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.split("\n")[-2] == "{'whole': True, 'real': True} 45600 1200.0"


def test_synapses_may_lead_to_synapses_whose_number_is_not_known_yet(standalone):
    inner = Synapses(*pair(4), "w : 1", on_pre="w_post += 0", name="inner")
    inner.connect()
    with catch_logs(logging.INFO, ("brian2", "synfire_bp")) as logs:
        outer = DenseSynapses(inner.source, inner, "q : 1", on_pre="w_post += q", name="outer")
        outer.connect()
    assert outer.by_rows == {"pre": False}
    assert "its targets are synapses, whose number is not known before" in said(logs)[0]


EVEN = {
    "count_post += q": True,
    "count_post += 2 * q": True,
    "count_post += q\nq += int(fired_post) * 2": False,
    "count_post += q * q": False,
}


@pytest.mark.parametrize(("code", "kept"), EVEN.items(), ids=EVEN)
def test_rows_that_nobody_writes_are_looked_at_for_being_the_same_everywhere(
    standalone, code, kept
):
    synapses, _ = connected(on_pre=code, n_target=40)
    Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert ("_rows.add_all(0, " in synapses.pre.codeobj.code.cpp_file) == kept


SPLIT = {
    "q += int(fired_post) * 2\ncount_post += 1": ["if (_rows", ""],
    "q += 1\nw += int(fired_post) * (2 - w)\nq -= int(fired_post)": ["", "if (_rows"],
    "w = int(fired_post) * 0.5 + int(not fired_post) * w": ["if (_rows"],
    "q += int(fired_post) * int(q > 3)": ["if (_rows"],
    "q += int(fired_post or q > 3) * 2": [""],
    "q += int(not fired_post) * 2": [""],
    "q += int(fired_post) * 2 + 1": [""],
    "fired_post = q > 0\nq += int(fired_post)": [""],
    "x = 2 * q\ncount_post += x\nq += int(fired_post) * x": [""],
}  # fmt: skip


@pytest.mark.parametrize(("code", "wanted"), SPLIT.items(), ids=SPLIT)
def test_a_loop_is_skipped_only_if_all_of_it_does_nothing_without_the_flag(
    standalone, code, wanted
):
    synapses, _ = connected(on_pre=code)
    Network(synapses.source, synapses.target, synapses).run(1 * ms)
    found = loops(synapses.pre)
    assert ["if (_rows" if "_rows.any" in line else "" for line in found] == wanted


# -- runtime mode ---------------------------------------------------------------------------------


def test_in_runtime_mode_it_is_brian2s_own_code_without_a_word(monkeypatch):
    monkeypatch.setitem(prefs, "codegen.target", "numpy")
    synapses, lines = connected(rows=True)
    Network(synapses.source, synapses.target, synapses).run(1 * ms)
    assert synapses.by_rows == {"pre": False}
    assert lines == []
    assert not isinstance(synapses.pre.codeobj, CPPStandaloneCodeObject)


def test_in_runtime_mode_the_results_are_those_of_stock_synapses_and_of_the_program(
    program, monkeypatch
):
    monkeypatch.setitem(prefs, "codegen.target", "numpy")
    defaultclock.dt = 1 * ms
    found = {}
    for name in ("rows", "stock"):
        side = Side(name, RANDOM_CASES + FIXED, compiled=False, only=IN_RUNTIME_MODE)
        side.run()
        found[name] = by_case(side.results())
        assert found[name].keys() == IN_RUNTIME_MODE
    for case in IN_RUNTIME_MODE:
        assert_same(found["rows"][case], found["stock"][case], case)
        program_found = {x: y for x, y in program.rows[case].items() if not x.startswith("start.")}
        assert_same(found["rows"][case], program_found, case, sizes=False)
