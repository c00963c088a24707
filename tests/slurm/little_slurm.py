"""A Slurm on this machine: one controller and two nodes of one core each, in a temporary folder.

    python tests/slurm/little_slurm.py COMMAND …

sets it up, runs the command with it (sbatch, squeue, scancel, … find it by SLURM_CONF), and takes
it down again.  It needs Debian's packages slurm-wlm and munge, and root; neither systemd nor
cgroups.
"""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CONF = """\
ClusterName=little
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={port1} CPUs=1 RealMemory=2000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={port2} CPUs=1 RealMemory=2000
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""
DAEMONS = ("munged", "slurmctld", "slurmd")
_WAIT = 60.0  # seconds that the nodes may take to be idle


def what_lacks() -> str | None:
    """Return why there can be no Slurm here; None if there can."""
    if missing := [name for name in DAEMONS if _daemon(name) is None]:
        return f"{', '.join(missing)}: not installed (Debian: slurm-wlm, munge)"
    return None if os.getuid() == 0 else "needs root"


@contextlib.contextmanager
def little_slurm():
    """Start the daemons; yield the environment for commands; leave nothing behind."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-")))
        folder.chmod(0o755)  # whoever uses munge's socket must get to it
        port, port1, port2 = _free_ports(3)
        conf = CONF.format(folder=folder, host=platform.node(), port=port, port1=port1, port2=port2)
        (folder / "slurm.conf").write_text(conf)
        (folder / "state").mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o600)
        environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf")}

        def start(name, *arguments):
            stack.enter_context(_running([_daemon(name), *arguments], environment, folder / name))

        start("munged", "--foreground", "--key-file", key, "--socket", folder / "munge.socket",
              "--pid-file", folder / "munged.pid", "--log-file", folder / "munged.log",
              "--seed-file", folder / "munge.seed")  # fmt: skip
        _until(lambda: (folder / "munge.socket").exists(), "munged to listen", folder)
        start("slurmctld", "-D")
        for node in ("n1", "n2"):
            start("slurmd", "-D", "-N", node)
        _until(lambda: _idle(environment) == 2, "two idle nodes", folder)
        try:
            yield environment
        finally:  # jobs first: they are no children of the daemons
            subprocess.run(["scancel", "--user", "root"], env=environment, timeout=60)
            with contextlib.suppress(TimeoutError):
                _until(lambda: not jobs(environment), "jobs to end", folder)


def jobs(environment):
    """Return the numbers of the jobs that run."""
    said = subprocess.run(
        ["squeue", "--noheader", "--states", "running", "--format", "%i"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return [int(line) for line in said.stdout.split()]


@contextlib.contextmanager
def _running(command, environment, log):
    with open(f"{log}.out", "ab") as out:
        process = subprocess.Popen(
            list(map(str, command)), env=environment, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _idle(environment):
    said = subprocess.run(
        ["sinfo", "--noheader", "--Node", "--states", "idle", "--format", "%N"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return len(said.stdout.split())


def _until(true, what, folder):
    end = time.monotonic() + _WAIT
    while not true():
        if time.monotonic() > end:
            logs = [*folder.glob("*.log"), *folder.glob("*.out")]
            said = "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)
            raise TimeoutError(f"waited in vain for {what}\n{said}")
        time.sleep(0.2)


def _daemon(name):
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


if __name__ == "__main__":
    if lacking := what_lacks():
        sys.exit(lacking)
    with little_slurm() as slurm:
        sys.exit(subprocess.run(sys.argv[1:], env=slurm).returncode)
