"""`DenseSynapses` are Brian2's own `Synapses`, bit for bit, and say so where they are not by rows.

`dense_networks.py` builds the networks: random ones, and ones made to catch what rows could get
wrong.  Each lies in a C++ program beside its double with stock Synapses.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import dense_networks
import numpy as np
import pytest
from brian2 import (
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
from dense_networks import FIXED, SCENES, SCENES_OF_TWO_RUNS, Side, random_case

from synfire_bp import backprop_circuit
from synfire_bp.network import STEP, build_program_network
from synfire_bp.plasticity import PAPER_RULE
from synfire_bp.standalone.dense import DenseSynapses, RowCodeObject

N_RANDOM = 16
SLOW_PROGRAMS = range(1000, 1300, 30)
ON_POST = "pre and post traces"
"""The one case with a pathway that is not by rows."""


class Results:
    """What a program found, by side and case."""

    def __init__(self, folder: Path):
        self.by_rows = json.loads((folder / "by_rows.json").read_text())
        self.rows, self.stock = (self._read(folder / f"{name}.npz") for name in ("rows", "stock"))

    @staticmethod
    def _read(path: Path) -> dict[str, dict[str, np.ndarray]]:
        found: dict[str, dict[str, np.ndarray]] = {}
        with np.load(path) as arrays:
            for key, values in arrays.items():
                case, _, name = key.partition("/")
                found.setdefault(case, {})[name] = values
        return found


def run_program(folder: Path, cases: range, *, scenes: bool = False) -> Results:
    done = subprocess.run(
        [sys.executable, dense_networks.__file__, str(folder), str(cases.start), str(cases.stop),
         *(["scenes"] if scenes else [])],
        capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return Results(folder)


def assert_same(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], what: str) -> None:
    """Equal whole numbers, flags and spike trains; floats within 1e-12 of each other."""
    assert found.keys() == wanted.keys()
    for name, expected in wanted.items():
        assert found[name].dtype == expected.dtype
        if expected.dtype.kind == "f" and not name.startswith("spikes"):
            np.testing.assert_allclose(
                found[name], expected, rtol=1e-12, atol=0, err_msg=f"{name} of {what}"
            )
        else:
            np.testing.assert_array_equal(found[name], expected, err_msg=f"{name} of {what}")


# -- equal to stock Synapses ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def program(tmp_path_factory) -> Results:
    return run_program(tmp_path_factory.mktemp("dense"), range(N_RANDOM), scenes=True)


@pytest.mark.parametrize("number", range(N_RANDOM))
def test_rows_equal_stock_synapses_in_a_random_network(program, number):
    case = random_case(number)
    assert_same(program.rows[case.name], program.stock[case.name], str(case))


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.name)
def test_rows_equal_stock_synapses_where_they_might_not(program, case):
    assert_same(program.rows[case.name], program.stock[case.name], str(case))


@pytest.mark.parametrize("scene", [*SCENES, *SCENES_OF_TWO_RUNS], ids=lambda scene: scene.__name__)
def test_this_packages_templates_equal_those_of_brian2(program, scene):
    cases = [name for name in program.stock if name.startswith(scene.__name__.replace("_", " "))]
    assert cases
    for name in cases:
        assert_same(program.rows[name], program.stock[name], name)


def test_all_these_networks_are_generated_by_rows(program):
    assert program.by_rows.pop(ON_POST) == {"pre": True, "post": False}
    assert len(program.by_rows) >= N_RANDOM + len(FIXED) - 1
    assert all(all(pathways.values()) for pathways in program.by_rows.values())


def test_these_networks_are_busy(program):
    """Or their equality would mean little."""
    idle = []
    for name, variables in program.stock.items():
        if "spikes.i" in variables:
            assert len(variables["spikes.i"]) > 0, name
        started = {key[6:]: values for key, values in variables.items() if key.startswith("start.")}
        if started and all(
            np.array_equal(values, variables[f"synapses.{key}"]) for key, values in started.items()
        ):
            idle.append(name)
    random = [name for name in idle if name.startswith("random")]
    assert len(random) < N_RANDOM / 2  # the others write to their targets alone
    assert set(idle) - set(random) == {case.name for case in FIXED if not case.writes_synapses}


@pytest.mark.slow
@pytest.mark.parametrize("first", SLOW_PROGRAMS)
def test_rows_equal_stock_synapses_in_hundreds_of_random_networks(tmp_path, first):
    cases = range(first, first + SLOW_PROGRAMS.step)
    results = run_program(tmp_path, cases)
    for case in map(random_case, cases):
        assert all(results.by_rows[case.name].values())
        assert_same(results.rows[case.name], results.stock[case.name], str(case))
