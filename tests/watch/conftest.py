"""A small run to watch, and its page: made once."""

from __future__ import annotations

import pytest
from watch_pages import held

import synfire_bp as sb

ATTACK = "<!--<script>document.title = 1"


@pytest.fixture(scope="session")
def watched(experiment, tmp_path_factory):
    """A run of the oracle, 120 samples in all, in a folder whose name attacks whoever shows it."""
    made = experiment("training.epochs=3")
    return sb.train(made, engine="oracle", out=tmp_path_factory.mktemp("runs") / ATTACK)


@pytest.fixture(scope="session")
def page(watched):
    """Its page: four samples at four stops of the training."""
    return sb.watch_run(watched, samples=[0, 3, 11, 39], checkpoints=4)


@pytest.fixture(scope="session")
def about(page):
    return held(page)
