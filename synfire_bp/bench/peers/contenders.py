"""Who is measured: this package, stock Brian2, and other simulators of the chip.

The scripts lie in the folder `scripts`; each runs in the interpreter of its contender.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synfire_bp.bench.peers.environments import Wanted, last_line, run_bounded
from synfire_bp.bench.peers.task import Outcome, PeerTask
from synfire_bp.files import reason

__all__ = ["CONTENDERS", "OURS", "Contender", "DoesNotRun", "Shown", "show"]

SCRIPTS = Path(__file__).parent / "scripts"
OURS = "synfire_bp"
_LONGEST = 900.0
"""Seconds in which a contender must have shown its samples."""
_COMPILED = 400


class DoesNotRun(Exception):
    """A contender failed; says why in a line."""


@dataclass(frozen=True)
class Contender:
    """A simulator.

    Attributes
    ----------
    script : str
        What shows samples in it; a file of `scripts`.
    wanted : Wanted or None
        What its interpreter must have; None: it runs in that of this package.
    times : int
        Times as many samples as are asked for are shown, since they take so little time; a quarter
        of these with learning, which takes longer, and whose weights come to their limits.
    learns : bool
        Whether it has the rule of the task with learning.
    """

    script: str
    wanted: Wanted | None = None
    times: int = 1
    learns: bool = True

    def samples(self, asked: int, learns: bool) -> int:
        """Return how many samples are timed if so many are asked for."""
        return asked * (max(1, self.times // 4) if learns else self.times)


CONTENDERS: Mapping[str, Contender] = {
    OURS: Contender("run_ours.py", times=_COMPILED),
    "Brian2": Contender("run_stock.py", times=_COMPILED),
    "brian2-loihi": Contender(
        "run_brian2_loihi.py",
        Wanted(
            "SYNFIRE_BP_BRIAN2_LOIHI_PYTHON", ("3.11", "3.12", "3.10"),
            ("brian2-loihi==0.5.2", "Brian2==2.9.0", "numpy<2.4", "Cython==3.3.1"),
        ),
    ),
    "nengo-loihi": Contender(
        "run_nengo_loihi.py",
        Wanted(
            "SYNFIRE_BP_NENGO_LOIHI_PYTHON", ("3.10", "3.9"),
            ("nengo-loihi==1.1.0", "nengo==4.1.0", "numpy==1.26.4"),
        ),
        learns=False,
    ),
    "Lava": Contender(
        "run_lava.py",
        Wanted(
            "SYNFIRE_BP_LAVA_PYTHON", ("3.10",),
            ("lava-nc==0.10.0", "numpy==1.26.4", "networkx==2.8.7"),
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """What a process found: ms for each of the timed samples, what came of all, versions."""

    ms: float
    outcome: Outcome
    versions: dict[str, str]


def show(contender: Contender, python: str, task: PeerTask, folder: Path) -> Shown:
    """Show the samples of a task in a process of its own.

    Parameters
    ----------
    contender : Contender
        The simulator.
    python : str
        Interpreter that has it.
    task : PeerTask
        The network, and its samples.
    folder : Path
        Where it works; what it compiles stays there for the next time.

    Raises
    ------
    DoesNotRun
        If it fails, takes too long, or hands back something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for script in SCRIPTS.glob("*.py"):
        # apart from all else: Lava looks at every file beside the one that it runs
        shutil.copy(script, folder)
    (folder / "task.npz").write_bytes(task.npz())
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [python, "-W", "ignore", contender.script, "task.npz", result.name]
    try:
        done = run_bounded(command, _LONGEST, folder, None if contender.wanted else _path())
    except subprocess.TimeoutExpired:
        raise DoesNotRun(f"not done within {_LONGEST / 60:.0f} minutes") from None
    except OSError as error:
        raise DoesNotRun(f"{python}: {reason(error)}") from None
    if done.returncode:
        raise DoesNotRun(last_line(done.stderr))
    try:
        return _read(json.loads(result.read_text()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DoesNotRun(f"no result ({type(error).__name__})") from None


def _path() -> str:
    """Return where the interpreter of this package finds it, wherever it works."""
    places = [str(Path(__file__).parents[3]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.pathsep.join(places)


def _read(found: Mapping[str, Any]) -> Shown:
    outcome = Outcome(tuple(found["hidden"]), tuple(found["output"]), found["weights"])
    return Shown(float(found["ms"]), outcome, dict(found["versions"]))
