"""A setup of e-prop as a file that `run_nest.py` takes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np

from synfire_bp.rivals.eprop.lesson import Pattern

NEST = "SYNFIRE_BP_NEST_PYTHON"
"""Environment variable: the interpreter of an environment with nest-simulator 3.10."""


def nest_python():
    """Return NEST's interpreter; None if nobody names one."""
    return os.environ.get(NEST)


def write(setup, file):
    """Write a setup for NEST."""
    lesson, weights = setup.lesson, setup.weights
    pattern = isinstance(lesson.wanted, Pattern)
    given = {
        "cells": setup.cells.model_dump(),
        "readout": setup.readout.model_dump(),
        "learning": setup.learning.model_dump(),
        "lesson": {
            "steps": lesson.steps,
            "window": lesson.window,
            "intervals": lesson.intervals,
            "n_in": lesson.n_in,
            "n_out": lesson.wanted.n_out,
            "pattern": pattern,
        },
    }
    target = {"signal": lesson.wanted.signal} if pattern else {"labels": lesson.wanted.labels}
    np.savez(
        file,
        given=json.dumps(given),
        times=lesson.times,
        neurons=lesson.neurons,
        inputs=weights.inputs,
        recurrent=weights.recurrent,
        readout=weights.readout,
        feedback=weights.feedback,
        **target,
    )


def by_nest(setup, folder: Path):
    """Return the arrays that NEST leaves of a setup."""
    write(setup, folder / "setup.npz")
    script = Path(__file__).with_name("run_nest.py")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [nest_python(), str(script), str(folder / "setup.npz"), str(folder / "result.npz")],
        capture_output=True,
        text=True,
        env=clean,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(folder / "result.npz"))
