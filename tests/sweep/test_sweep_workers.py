"""Workers that are killed, vanish, never come, or are started by a script as people write it."""

from __future__ import annotations

import os
import shutil
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
    free_port,
    process,
    rows,
    scheduling,
    sweeping,
    working,
)
from sweep_scenes import assert_same_tables

from synfire_bp.errors import SweepError
from synfire_bp.sweep import Sweep, execution, local, read_sweep, run_sweep
from synfire_bp.sweep import store as sweep_store

N_RUNS = 36


def first(scene, n):
    """Return a sweep of few runs."""
    return Sweep.from_file(scene[0], ["design.samples=1", f"seeds={n}"])


def until(true, what):
    end = time.monotonic() + 120
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


# ---------------------------------------------------------------- on this machine


def test_workers_that_are_killed_as_they_start_are_started_again(scene, tmp_path):
    file, expected = scene
    with sweeping(file, tmp_path / "out") as started:
        killed = set()
        for wanted in (2, 4):  # both, and both again
            until(lambda n=wanted: len(children(started.pid) | killed) >= n, "no workers")
            for pid in children(started.pid) - killed:
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        said, _ = started.communicate(timeout=120)
    assert started.returncode == 0, said
    assert "Traceback" not in said
    assert_same_tables(read_sweep(tmp_path / "out"), expected)


@pytest.mark.slow
def test_workers_do_not_outlive_a_sweep_that_is_killed_as_they_start(scene, tmp_path):
    with sweeping(scene[0], tmp_path / "out") as started:
        until(lambda: len(children(started.pid)) >= 2, "no workers")
        below = children(started.pid)
        started.kill()
        until(lambda: not any(map(alive, below)), "workers outlive their sweep")


def test_workers_that_cannot_start_end_the_sweep_with_their_last_words(
    scene, tmp_path, monkeypatch
):
    monkeypatch.setattr(local, "_START", "import sys; sys.exit('no luck')")
    with pytest.raises(SweepError, match=r"^worker processes end while starting: no luck$"):
        run_sweep(first(scene, 2), tmp_path / "out", workers=2)


def test_a_run_that_kills_its_worker_is_a_row_with_a_reason_and_no_other_is(
    scene, tmp_path, monkeypatch
):
    import sweep_scenes

    monkeypatch.setattr(execution, "run_task", sweep_scenes.dies_with_seed_1)
    result = run_sweep(first(scene, 4), tmp_path / "out", workers=2, retries=1)
    assert (result.done, result.failed, result.complete) == (4, 1, False)
    runs = read_sweep(tmp_path / "out")[0].set_index("seed")
    assert runs["status"].to_dict() == {0: "ok", 1: "failed", 2: "ok", 3: "ok"}
    assert runs["error"][1].startswith("given up after 2 attempts: its worker died (killed, out of")


def test_a_run_beside_one_that_kills_its_worker_is_tried_once(scene, tmp_path, monkeypatch):
    import sweep_scenes

    monkeypatch.setattr(execution, "run_task", sweep_scenes.dies_with_seed_1)
    run_sweep(first(scene, 4), tmp_path / "out", workers=1, retries=2)
    runs = read_sweep(tmp_path / "out")[0].set_index("seed")
    assert runs["attempts"].to_dict() == {0: 1, 1: 3, 2: 1, 3: 1}


SCRIPT = """\
from synfire_bp.sweep import Sweep, run_sweep
{before}
print(run_sweep(Sweep.from_file({file!r}, ["design.samples=1"]), {out!r}, workers=2).complete)
"""


def run_script(tmp_path, file, before=""):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(before=before, file=str(file), out=str(tmp_path / "out")))
    return subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)


def test_a_script_needs_no_main_guard(scene, tmp_path):
    done = run_script(tmp_path, scene[0])
    assert done.stdout == "True\n", done.stderr
    assert rows(tmp_path / "out") == 3


@pytest.mark.slow
def test_a_script_that_workers_import_is_told_that_it_needs_a_main_guard(scene, tmp_path):
    register = """\
import synfire_bp as sb
sb.rule("slow", "dw = 2*r1*x0*y0 - 2*x0*y0 + 2*r1*x0*y0")"""
    done = run_script(tmp_path, scene[0], register)
    last = done.stderr.splitlines()[-1]
    assert 'put what runs it under: if __name__ == "__main__":' in last
    assert done.returncode == 1


# ---------------------------------------------------------------- a cluster by address


@pytest.mark.slow
def test_a_scheduler_that_comes_back_without_its_worker_is_waited_for_aloud(scene, tmp_path):
    file, expected = scene
    out, port, said = tmp_path / "out", free_port(), []
    sweep = ("synfire_bp", "sweep", file, "--out", out, "-q", "--scheduler", f"localhost:{port}")
    with scheduling(port) as scheduler, working(port) as (worker, _), process(*sweep) as started:
        reading = threading.Thread(target=lambda: said.extend(started.stdout))
        reading.start()
        await_rows(started, out, 3)
        os.killpg(worker.pid, signal.SIGKILL)
        scheduler.kill()
        scheduler.wait()
        until(lambda: any("for the scheduler to come back" in line for line in said), said)
        with scheduling(port):
            until(lambda: any("for a worker at the scheduler" in line for line in said), said)
            with working(port):
                started.wait(120)
        reading.join()
    assert started.returncode == 0, said
    assert not any("Traceback" in line for line in said)
    assert_same_tables(read_sweep(out), expected)


@pytest.mark.slow
def test_a_host_that_vanishes_with_its_scratch_folder_costs_no_run(scene, tmp_path):
    file, expected = scene
    out, port = tmp_path / "out", free_port()
    more = ("--scheduler", f"tcp://127.0.0.1:{port}")
    with (
        scheduling(port),
        working(port) as (worker, folder),
        working(port),
        sweeping(file, out, *more) as started,
    ):
        await_rows(started, out, 3)
        os.killpg(worker.pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        said, _ = started.communicate(timeout=120)
    assert started.returncode == 0, said
    assert_same_tables(read_sweep(out), expected)


# ---------------------------------------------------------------- readers


@pytest.mark.slow
def test_two_readers_see_whole_rows_only_while_the_tables_grow(scene, tmp_path, monkeypatch):
    file, expected = scene
    out, sweep = tmp_path / "out", Sweep.from_file(file)
    monkeypatch.setattr(sweep_store, "_MERGE_AT", 3)
    per_run = len(expected[1]) // N_RUNS
    done, seen, wrong = threading.Event(), [], []

    def read():
        while not done.is_set():
            try:
                runs, epochs = read_sweep(out)
            except SweepError as error:  # before there is one
                wrong.extend([error] if "holds no sweep.yaml" not in str(error)
                             and "no such sweep" not in str(error) else [])  # fmt: skip
                continue
            seen.append(len(runs))
            wrong.extend([len(epochs)] if len(epochs) != per_run * len(runs) else [])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        run_sweep(sweep, out, workers=1)
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert not wrong
    assert len(set(seen)) > 3  # while it ran
    assert_same_tables(read_sweep(out), expected)
