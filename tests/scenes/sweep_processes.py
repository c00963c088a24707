"""Sweeps, schedulers and workers as processes of their own, to be killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from synfire_bp.errors import SweepError
from synfire_bp.sweep import read_sweep


@contextlib.contextmanager
def process(*arguments, **options):
    """Run a command in a group of its own, and leave nothing of it behind."""
    with subprocess.Popen(
        [sys.executable, "-m", *map(str, arguments)], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True, **options,
    ) as started:  # fmt: skip
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)


def sweeping(file, out, *more):
    return process("synfire_bp", "sweep", file, "--out", out, "--workers", "2", *more)


def rows(out):
    try:
        return len(read_sweep(out)[0])
    except SweepError:
        return 0


def await_rows(started, out, wanted):
    end = time.monotonic() + 120
    while rows(out) < wanted:
        assert started.poll() is None, started.stdout.read()
        assert time.monotonic() < end, "no progress"
        time.sleep(0.02)


def kill_a_worker(out):
    pid = int(read_sweep(out)[0]["worker"].iloc[-1].rpartition(":")[2])
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid):
    """Return the processes below one."""
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout
    pairs = [tuple(map(int, line.split())) for line in found.splitlines()[1:]]
    below = {child for child, parent in pairs if parent == pid}
    for child in set(below):
        below |= children(child)
    return below


def alive(pid):
    with contextlib.suppress(OSError):
        return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[0] != "Z"
    return False


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


QUIET = os.environ | {"DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error"}


def scheduling(port):
    return process("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port,
                   "--no-dashboard", env=QUIET)  # fmt: skip


@contextlib.contextmanager
def working(port):
    """Start a worker of a cluster; yield its process and its folder."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        process("distributed.cli.dask_worker", f"tcp://127.0.0.1:{port}", "--nthreads", "1",
                "--no-dashboard", "--death-timeout", "60", "--local-directory", folder,
                env=QUIET) as started,
    ):  # fmt: skip
        yield started, folder


@contextlib.contextmanager
def cluster(port):
    """Start a Dask scheduler and two workers, as on a cluster."""
    with scheduling(port) as scheduler, working(port), working(port):
        yield f"tcp://127.0.0.1:{port}", scheduler
