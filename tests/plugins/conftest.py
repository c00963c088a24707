"""The laboratory's package, installed, and commands that are run as a user runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LAB = Path(__file__).parent / "lab"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Install the package into a folder of its own; returns that."""
    place = tmp_path_factory.mktemp("lab")
    shutil.copytree(LAB, place / "source")  # pip leaves things behind
    target = place / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--target", target, place / "source"],
        check=True,
    )  # fmt: skip
    return target


@pytest.fixture(scope="session")
def command():
    """Run `synfire-bp` in a process of its own: folder, packages besides, words."""

    def run(folder, packages, *words, **variables):
        environment = {k: v for k, v in os.environ.items() if k != "SYNFIRE_BP_PLUGINS"}
        environment["PYTHONPATH"] = os.pathsep.join(map(str, [*packages, ROOT]))
        return subprocess.run(
            [sys.executable, "-m", "synfire_bp", *map(str, words)],
            cwd=folder, env=environment | variables, capture_output=True, text=True, timeout=600,
        )  # fmt: skip

    return run
