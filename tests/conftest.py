"""What several test modules share: the programs compiled in a session, and small experiments."""

from __future__ import annotations

import os

import hypothesis
import numpy as np
import pytest
from small import SMALL

from synfire_bp.model import Experiment

hypothesis.settings.register_profile("untimed", deadline=None)  # no test asserts a time
hypothesis.settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def program_cache(tmp_path_factory):
    """The folder of compiled programs: shared by the session, and by nothing outside of it."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # one for all the processes of the session
        folder = tmp_path_factory.getbasetemp().parent / "programs"
        folder.mkdir(exist_ok=True)
    else:
        folder = tmp_path_factory.mktemp("programs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNFIRE_BP_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def small_npz(tmp_path_factory):
    """Write an npz data set of random binary patterns with random labels; returns its path."""

    def write(sizes=SMALL, *, n_train=40, n_test=20, seed=0, active=0.5):
        rng = np.random.default_rng(seed)
        arrays = {}
        for split, n in (("train", n_train), ("test", n_test)):
            arrays[f"x_{split}"] = 255 * (rng.random((n, sizes[0])) < active).astype(np.uint8)
            arrays[f"y_{split}"] = rng.integers(0, sizes[-1], n)
            # every class occurs, whatever is drawn
            arrays[f"y_{split}"][: sizes[-1]] = np.arange(sizes[-1])[:n]
        path = tmp_path_factory.mktemp("data") / "random.npz"
        np.savez(path, **arrays)
        return path

    return write


@pytest.fixture(scope="session")
def experiment(small_npz):
    """Make an experiment on a small npz data set; overrides are those of the command line."""

    def make(*overrides, sizes=SMALL, path=None, name="small", **data):
        values = {
            "name": name,
            "dataset": {"name": "npz", "path": str(path or small_npz(sizes, **data))},
            "network": {"sizes": list(sizes)},
            "training": {"epochs": 1},
        }
        return Experiment.from_dict(values, overrides=overrides)

    return make
