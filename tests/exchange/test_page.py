"""The examples of docs/exchange.md, run one after the other as a reader would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import synfire_bp as sb

PAGE = Path(__file__).parents[2] / "docs" / "exchange.md"


@pytest.mark.parametrize("package", ["neo", "elephant", "pynwb", "nir", "spyx", "xarray"])
def test_every_package_of_the_page_is_in_an_extra(package):
    extras = (PAGE.parents[1] / "setup.cfg").read_text().partition("[options.extras_require]")[2]
    assert re.search(rf"^    {package} >=", extras, re.MULTILINE)
    assert package in PAGE.read_text().lower()


@pytest.mark.slow
def test_the_examples_run(tmp_path, monkeypatch):
    for package in ("elephant", "pynwb", "spyx", "xarray"):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 7
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    run = sb.Run.open("runs/exchange")
    assert names["errors"].sizes == {"epoch": 2, "population": 2}
    assert (
        names["errors"].sum() == run.spike_counts.query("population in ('d+', 'd-')").spikes.sum()
    )
    assert Path("exchange.nwb").stat().st_size > 0
    assert Path("exchange.nir").stat().st_size > 0
