"""Sweeps on worker processes: whatever is killed, the table is that of an undisturbed one."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("distributed")

from sweep_processes import (
    alive,
    await_rows,
    children,
    cluster,
    free_port,
    kill_a_worker,
    rows,
    sweeping,
)
from sweep_scenes import assert_same_tables

from synfire_bp.errors import Interrupted, SweepError
from synfire_bp.sweep import Sweep, estimate, read_sweep, run_sweep

N_RUNS = 36


def test_whatever_is_killed_on_the_way_no_row_is_lost_and_none_is_other(scene, tmp_path):
    file, expected = scene
    out = tmp_path / "out"
    with sweeping(file, out) as started:
        await_rows(started, out, 4)
        kill_a_worker(out)
        await_rows(started, out, 10)
        below = children(started.pid)
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
        end = time.monotonic() + 30
        while any(map(alive, below)) and time.monotonic() < end:
            time.sleep(0.05)
        assert not any(map(alive, below))  # workers do not outlive their sweep
    kept, _ = read_sweep(out)
    assert 10 <= len(kept) < N_RUNS
    with sweeping(file, out) as started:
        said, _ = started.communicate(timeout=120)
        assert started.returncode == 0, said
    tables = read_sweep(out)
    assert_same_tables(tables, expected)
    done_before = tables[0][tables[0]["run"].isin(kept["run"])]
    assert done_before["started"].tolist() == kept["started"].tolist()  # not done again


def test_ctrl_c_stops_the_sweep_and_keeps_what_is_done(scene, tmp_path):
    file, _ = scene
    out, sweep = tmp_path / "out", Sweep.from_file(file)

    def press():
        while rows(out) < 3:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    pressing = threading.Thread(target=press)
    pressing.start()
    with pytest.raises(
        Interrupted, match=r"stopped after \d+ of 36 runs; the same command continues"
    ):
        run_sweep(sweep, out, workers=2)
    pressing.join()
    assert 3 <= rows(out) < N_RUNS


@pytest.mark.slow
def test_ctrl_c_at_a_terminal_reaches_all_processes_and_only_the_sweep_answers(scene, tmp_path):
    file, _ = scene
    with sweeping(file, tmp_path / "out") as started:
        await_rows(started, tmp_path / "out", 5)
        os.killpg(started.pid, signal.SIGINT)
        said, _ = started.communicate(timeout=60)
    assert started.returncode == 130, said
    assert re.search(r"stopped after \d+ of 36 runs", said)
    assert "Traceback" not in said


def test_a_cluster_by_address_gives_the_same_table_though_its_scheduler_is_killed(scene, tmp_path):
    file, expected = scene
    out = tmp_path / "out"
    with (
        cluster(free_port()) as (address, scheduler),
        sweeping(file, out, "--scheduler", address) as started,
    ):
        await_rows(started, out, 6)
        scheduler.kill()
        said, _ = started.communicate(timeout=120)
        assert started.returncode == 1, said
        assert "the scheduler is gone" in said
        assert "Traceback" not in said
    assert 6 <= rows(out) < N_RUNS
    with cluster(free_port()) as (address, _):
        run_sweep(Sweep.from_file(file), out, scheduler=address)
    assert_same_tables(read_sweep(out), expected)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_kills_at_random_moments(scene, tmp_path, seed):
    file, expected = scene
    rng, out = random.Random(seed), tmp_path / "out"
    for _ in range(4):
        with sweeping(file, out) as started:
            await_rows(started, out, min(rows(out) + 1, N_RUNS))
            time.sleep(rng.uniform(0, 0.5))
            if rng.random() < 0.5:
                kill_a_worker(out)
                time.sleep(rng.uniform(0, 1))
            started.kill()
        if rows(out) == N_RUNS:
            break
    with sweeping(file, out) as started:
        said, _ = started.communicate(timeout=120)
        assert started.returncode == 0, said
    assert_same_tables(read_sweep(out), expected)


# ---------------------------------------------------------------- what a worker cannot do


def test_a_run_that_never_ends_in_time_is_a_failed_row_after_its_retries(scene, tmp_path):
    file, _ = scene
    sweep = Sweep.from_file(file, ["training.epochs=100000", "seeds=1", "design.samples=2"])
    result = run_sweep(sweep, tmp_path / "out", workers=2, time_limit=0.05, retries=1)
    assert (result.done, result.failed) == (2, 2)
    assert not result.complete
    assert result.why.startswith("run 0: given up after 2 attempts: not finished within the time")
    runs, epochs = read_sweep(tmp_path / "out")
    assert runs["status"].tolist() == ["failed", "failed"]
    assert runs["attempts"].tolist() == [2, 2]
    assert all("given up after 2 attempts: not finished within" in e for e in runs["error"])
    assert epochs.empty
    again = run_sweep(sweep, tmp_path / "out", workers=2)
    assert again.done == 0  # a failed row is a row
    assert not again.complete  # and is no run that is there


def test_a_run_that_hears_nothing_ends_with_its_process():
    script = (
        "from synfire_bp.sweep import worker\n"
        "worker._GRACE = 0.1\n"
        "with worker._watched(0.1):\n"
        "    sum(range(10**11))\n"  # one call in C: no other thread of Python runs
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert time.monotonic() - start < 60


def test_a_scheduler_that_is_not_there_is_said(scene, tmp_path):
    file, _ = scene
    sweep = Sweep.from_file(file)
    with pytest.raises(SweepError, match="neither a scheduler file nor an address"):
        run_sweep(sweep, tmp_path / "a", scheduler="nowhere.json")


def test_a_dry_run_counts_and_measures(scene, tmp_path):
    file, _ = scene
    found = estimate(Sweep.from_file(file), tmp_path / "none", workers=2, budget=0.1)
    assert (found.planned, found.missing) == (N_RUNS, N_RUNS)
    assert found.per_run > 0
    assert found.seconds == pytest.approx(18 * found.per_run)
    assert not (tmp_path / "none").exists()
