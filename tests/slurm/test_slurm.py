"""A sweep on a real Slurm, of two nodes on this machine, of which one job is cancelled."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from little_slurm import jobs, little_slurm, what_lacks

pytest.importorskip("dask_jobqueue")

from sweep_scenes import assert_same_tables, undisturbed

from synfire_bp.errors import SweepError
from synfire_bp.sweep import read_sweep

SWEEP = """\
name: slurm
model: digits
fixed: {training.epochs: 40}
parameters:
  network.sizes[1]: [8, 16]
  network.weight_limit: {low: 120, high: 254, multiple_of: 2, steps: 3}
design: {kind: grid}
seeds: 6
"""
N_RUNS = 36


def workers(out):
    """Return who did the runs that are stored, in their order."""
    try:
        return read_sweep(out)[0].sort_values("started")["worker"].tolist()
    except SweepError:
        return []


def job_of(worker):
    """Return the number of the job that a worker is."""
    content = Path("/proc", worker.rpartition(":")[2], "environ").read_text()
    return next(
        int(part.partition("=")[2]) for part in content.split("\0") if "SLURM_JOB_ID=" in part
    )


@pytest.mark.slow
@pytest.mark.skipif(what_lacks() is not None, reason=f"no Slurm: {what_lacks()}")
def test_a_sweep_on_slurm_survives_a_cancelled_job_with_the_tables_of_this_machine(tmp_path):
    file, out = tmp_path / "sweep.yaml", tmp_path / "out"
    file.write_text(SWEEP)
    script = Path(__file__).with_name("sweep_on_slurm.py")
    with little_slurm() as environment:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        with subprocess.Popen(
            [sys.executable, script, file, out], env=environment | {"PYTHONPATH": path},
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ) as sweeping:  # fmt: skip
            end = time.monotonic() + 300
            while len(set(workers(out))) < 2:  # both nodes are at work
                assert sweeping.poll() is None, sweeping.stdout.read()
                assert time.monotonic() < end, "no second worker"
                time.sleep(0.1)
            at, cancelled = jobs(environment), job_of(workers(out)[-1])
            subprocess.run(["scancel", str(cancelled)], env=environment, check=True)
            done, later = len(workers(out)), set()
            while sweeping.poll() is None:
                later |= {*jobs(environment)} - {*at}
                assert time.monotonic() < end + 300, "no end"
                time.sleep(0.5)
            said = sweeping.stdout.read()
        assert sweeping.returncode == 0, said
        assert f"{N_RUNS} runs, 0 failed" in said
        assert "Traceback" not in said
    assert cancelled in at
    assert done < N_RUNS
    # with pytest -s: the log that docs/sweeps.md tells of
    print(f"jobs {at}, {cancelled} cancelled after {done} runs, submitted again as {later}")
    print(said, Counter(workers(out)))
    tables = read_sweep(out)
    assert_same_tables(tables, undisturbed(file, tmp_path / "here"))
