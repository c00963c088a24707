"""What a sample costs in other simulators, beside this package: ``bench --peers``.

All show the same network the same samples (`synfire_bp.bench.peers.task`), each in processes of its
own, on one core, in turns.  A process shows some samples first and then times others, so that no
start is timed.  What comes of all of them is compared with what NumPy works out: a time for another
computation is worth nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from synfire_bp.bench.measuring import Measure, one_core
from synfire_bp.bench.peers.contenders import CONTENDERS, OURS, Contender, DoesNotRun, Shown, show
from synfire_bp.bench.peers.environments import NotInstalled, interpreter
from synfire_bp.bench.peers.task import PeerTask, drawn_task
from synfire_bp.bench.result import Machine, ratio
from synfire_bp.bench.setting import load_average, refuse_too_few, result_folder, untimed
from synfire_bp.errors import ExperimentError, Interrupted
from synfire_bp.files import json_bytes, write_atomically
from synfire_bp.model.experiment import Experiment
from synfire_bp.progress import WorkProgress

__all__ = ["RESULT", "PeerBench", "PeerCost", "bench_peers"]

RESULT = "bench_peers.json"
TASKS = {"static": False, "learning": True}
"""Name of a task, to whether its first weights learn."""


@dataclass(frozen=True)
class PeerCost:
    """What a sample costs one contender.

    Attributes
    ----------
    samples : int
        Timed in each round.
    ms : Measure or None
        Of a sample; None: it did not run.
    times_ours : Measure or None
        Its time over ours, round by round; None: it, or ours, did not run, computed something else,
        or is lost in noise.
    outcome : str
        What came of its samples, beside what has to come of them; or why it did not run.
    versions : dict
        Package to version.
    """

    samples: int
    ms: Measure | None
    times_ours: Measure | None
    outcome: str
    versions: dict[str, str]


@dataclass(frozen=True)
class PeerBench:
    """The result, as `bench_peers.json` holds it: task to contender to cost."""

    schema: Literal[1]
    sizes: tuple[int, int, int]
    seed: int
    repeats: int
    machine: Machine
    started: str
    seconds: float
    tasks: dict[str, dict[str, PeerCost]]

    def json(self) -> str:
        """Return the result as the file holds it."""
        return json_bytes(asdict(self), indent=1).decode()


def bench_peers(
    experiment: Experiment,
    *,
    samples: int = 20,
    repeats: int = 5,
    out: str | Path = "runs/bench",
    quiet: bool = True,
    contenders: Mapping[str, Contender] = CONTENDERS,
) -> PeerBench:
    """Measure what a sample of the forward part of a circuit costs in other simulators.

    An interpreter that has a simulator is named by a variable of the environment, such as
    SYNFIRE_BP_LAVA_PYTHON; without it, an environment is made in the cache, by pip.

    Parameters
    ----------
    experiment : Experiment
        Its three layers, and its seed, are those of the network.
    samples : int
        Timed in each round; compiled programs show 400 times as many, or 100 times with learning.
    repeats : int
        Rounds, of which medians are taken.
    out : path
        Folder of the result.
    quiet : bool
        Show no progress.
    contenders : mapping
        Name to simulator; this package's own is "synfire_bp".

    Raises
    ------
    ExperimentError
        If a number is too small, or the network does not have three layers.
    Interrupted
        On Ctrl-C; nothing is written then.
    SynfireError
        For bad input of any other kind; see `synfire_bp.errors`.
    """
    refuse_too_few(samples, repeats)
    sizes = _three(experiment)
    folder, begun, load = result_folder(out), time.perf_counter(), load_average()
    started = datetime.now(timezone.utc).isoformat(timespec="seconds")
    seed = experiment.training.seed
    try:
        with (
            tempfile.TemporaryDirectory(prefix="synfire-peers-") as place,
            WorkProgress(quiet) as progress,
        ):
            pythons = _interpreters(contenders, progress)
            entries = [
                _Entry(task, name, contender, pythons[name], Path(place, name),
                       _task(sizes, seed, learns, contender.samples(samples, learns)))
                for task, learns in TASKS.items()
                for name, contender in contenders.items()
                if contender.learns or not learns
            ]  # fmt: skip
            for entry in entries:
                progress.note(f"{entry.name}, {entry.task}: first run")
                entry.show()
            progress.begin("measuring", repeats * len(entries))
            with one_core() as core:
                for number in range(repeats * len(entries)):
                    entries[number % len(entries)].show(timed=True)
                    progress.reached(number + 1)
    except KeyboardInterrupt:
        raise Interrupted("the benchmark was stopped; nothing was written") from None
    result = PeerBench(
        1, sizes, seed, repeats, Machine.here(core, load), started,
        round(time.perf_counter() - begun, 1), _costs(entries),
    )  # fmt: skip
    write_atomically(folder / RESULT, result.json().encode())
    return result


def _three(experiment: Experiment) -> tuple[int, int, int]:
    sizes = tuple(experiment.network.sizes)
    if len(sizes) != 3:
        raise ExperimentError(
            f"{experiment.name}: has {len(sizes)} layers; other simulators are shown networks of 3"
        )
    return sizes


def _task(sizes: tuple[int, int, int], seed: int, learns: bool, samples: int) -> PeerTask:
    return drawn_task(sizes, seed, learns=learns, before=untimed(samples), samples=samples)


def _interpreters(
    contenders: Mapping[str, Contender], progress: WorkProgress
) -> dict[str, str | NotInstalled]:
    found: dict[str, str | NotInstalled] = {}
    for name, contender in contenders.items():
        found[name] = sys.executable
        if contender.wanted is not None:
            progress.note(f"{name}: looking for its environment, or making one")
            try:
                found[name] = interpreter(name, contender.wanted)
            except NotInstalled as error:
                found[name] = error
                progress.note(f"{name}: not installed: {error}")
    return found


@dataclass
class _Entry:
    """A contender with a task, and what was found so far; `failed` says why it shows no more."""

    task: str
    name: str
    contender: Contender
    python: str | NotInstalled
    folder: Path
    given: PeerTask
    rounds: list[float] = field(default_factory=list)
    failed: str = ""
    last: Shown | None = None
    differs: str = ""

    def __post_init__(self) -> None:
        self.expected = self.given.expected()
        if isinstance(self.python, NotInstalled):
            self.failed = f"not installed: {self.python}"

    def show(self, *, timed: bool = False) -> None:
        """Show the samples once more."""
        if self.failed or isinstance(self.python, NotInstalled):
            return
        try:
            self.last = show(self.contender, self.python, self.given, self.folder)
        except DoesNotRun as error:
            self.failed = f"does not run: {error}"
            return
        self.differs = self.differs or self.expected.differs(self.last.outcome)
        if timed:
            self.rounds.append(self.last.ms)

    @property
    def outcome(self) -> str:
        """What came of its samples."""
        if self.failed:
            return self.failed
        if self.differs:
            return f"differs: {self.differs}"
        return "the same spikes" + " and weights" * self.given.learns

    @property
    def ms(self) -> Measure | None:
        """Time of a sample."""
        return None if self.failed else Measure.of(self.rounds)

    @property
    def comparable(self) -> Measure | None:
        """Time of a sample, if it is one of the computation that was asked for."""
        return None if self.differs else self.ms


def _costs(entries: list[_Entry]) -> dict[str, dict[str, PeerCost]]:
    ours = {entry.task: entry.comparable for entry in entries if entry.name == OURS}
    costs: dict[str, dict[str, PeerCost]] = {task: {} for task in TASKS}
    for entry in entries:
        mine, theirs = ours.get(entry.task), entry.comparable
        costs[entry.task][entry.name] = PeerCost(
            entry.given.samples, entry.ms, ratio(theirs, mine) if theirs and mine else None,
            entry.outcome, entry.last.versions if entry.last else {},
        )  # fmt: skip
    return costs
