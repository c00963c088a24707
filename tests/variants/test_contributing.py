"""The variant that CONTRIBUTING.md shows: complete, exact, and careful beside others."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import synfire_bp as sb
from synfire_bp.errors import SynfireError
from synfire_bp.registry import Registry
from synfire_bp.variants import base

PAGE = Path(__file__).parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def shown(monkeypatch):
    """Register the variant of the page, for one test."""
    registry = Registry("variant", position=lambda kind: kind.position)
    for name, kind in base.VARIANTS.items():
        registry.register(name, kind)
    monkeypatch.setattr(base.VARIANTS, "_entries", dict(registry))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)
    module = ModuleType("shown_variant")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)


def experiment(*overrides):
    sizes = "network.sizes=[64, 20, 10]"
    return sb.Experiment.from_file("digits", [sizes, "connectivity.share=0.5", *overrides])


def test_the_variant_of_the_page_is_exact(shown):
    result = sb.verify(experiment(), samples=150)
    assert result.exact
    assert all(row.learnt for row in result.projections)


def test_what_does_not_exist_stays_at_0(shown, tmp_path):
    run = sb.train(
        experiment("training.epochs=1", "record.samples=0"), engine="oracle", out=tmp_path / "run"
    )
    missing = run.weights["w1_init"] == 0
    assert 0.4 < missing.mean() < 0.6
    silent = missing & (run.weights["w1"] == 0)
    assert silent.mean() > 0.4
    model = sb.assemble(experiment())
    reach = model.algorithm.changes.highest[0]
    np.testing.assert_array_equal(run.weights["w1"][reach == 0], 0)


def test_two_variants_that_say_how_weights_change_are_refused(shown):
    with pytest.raises(SynfireError, match="two variants of this model say how weights change"):
        sb.assemble(experiment("synapses.dale=0.3"))
