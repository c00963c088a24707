"""The page about Brian2 runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from brian2 import ms, prefs

PAGE = Path(__file__).parents[2] / "docs" / "brian2.md"


def test_the_code_of_the_page_runs_and_does_what_the_page_says():
    names: dict = {}
    target = prefs.codegen.target
    prefs.codegen.target = "numpy"  # or minutes of compiling
    try:
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            exec(compile(block, str(PAGE), "exec"), names)
    finally:
        prefs.codegen.target = target
    assert names["weight"].w.shape[0] == 2
    net = names["net"]
    assert net.samples_run == 5
    h = net["h"].start
    at = np.rint(net.recorder.t / ms).astype(int)
    assert 41 in at[net.recorder.i == h + 5]  # touched at 40.4 ms
    assert net.cells.theta[5] == net.cells.theta[4] + 12
