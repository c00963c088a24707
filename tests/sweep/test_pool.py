"""The loop that hands tasks to a crew, and the crew of processes."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass

import pytest

from synfire_bp.sweep import (
    Command,
    Crew,
    Ended,
    Processes,
    samples_done,
    training_command,
    work_through,
)


@dataclass(frozen=True)
class Sheep:
    name: str
    size: int = 1


class Shepherds(Crew):
    """Two of them; each task ends when it is looked at for the second time."""

    def __init__(self):
        self.log, self.under_way, self.most, self.dismissed = [], {}, 0, 0

    def has_room(self):
        return len(self.under_way) < 2

    def start(self, task):
        self.log.append(task.name)
        self.under_way[task] = 0
        self.most = max(self.most, len(self.under_way))

    def ended(self):
        done = [task for task, looks in self.under_way.items() if looks]
        self.under_way = {task: 1 for task in self.under_way if task not in done}
        return [Ended(task, task.name.upper()) for task in done]

    def reached(self):
        return sum(task.size // 2 for task in self.under_way)

    def dismiss(self):
        self.dismissed += 1


class Bar:
    def __init__(self):
        self.seen = []

    def begin(self, what, total, done=0):
        self.what, self.total, self.first = what, total, done

    def reached(self, done):
        self.seen.append(done)


FLOCK = [Sheep("a", 10), Sheep("b", 20), Sheep("c", 30)]


def herded(take, *, crew=None, bar=None, stop=lambda: False, done=0):
    crew, bar = crew or Shepherds(), bar or Bar()
    whole = work_through(FLOCK, crew, take, what="sheep", done=done, progress=bar, stop=stop)
    return crew, bar, whole


def test_all_tasks_are_done_so_many_at_a_time_and_the_bar_reaches_the_whole():
    taken = []

    def take(ended):
        taken.extend(ended)
        return ()

    crew, bar, whole = herded(take, done=40)
    assert whole
    assert crew.log == ["a", "b", "c"]
    assert [(one.task.name, one.result) for one in taken] == [("a", "A"), ("b", "B"), ("c", "C")]
    assert crew.most == 2
    assert crew.dismissed == 1
    assert (bar.what, bar.total, bar.first) == ("sheep", 100, 40)
    # half of a and b; all of them; half of c; all
    assert bar.seen == [55, 70, 85, 100]


def test_a_task_that_is_given_back_is_done_again_before_those_that_wait():
    strayed = []

    def take(ended):
        again = [one.task for one in ended if one.task.name == "a" and not strayed]
        strayed.extend(again)
        return again

    crew, bar, whole = herded(take)
    assert whole
    assert crew.log == ["a", "b", "a", "c"]
    assert bar.seen[-1] == 60
    assert max(bar.seen) == 60


def test_a_request_to_stop_ends_the_loop_and_dismisses_the_crew():
    requested = []

    def take(ended):
        requested.extend(ended)
        return ()

    crew, bar, whole = herded(take, stop=lambda: bool(requested))
    assert not whole
    assert crew.log == ["a", "b"]
    assert crew.dismissed == 1
    assert bar.seen[-1] == 30


def test_what_is_raised_over_a_task_ends_the_loop_and_dismisses_the_crew():
    def take(ended):
        if ended:
            raise ValueError("no wool")
        return ()

    crew = Shepherds()
    with pytest.raises(ValueError, match="no wool"):
        herded(take, crew=crew)
    assert crew.dismissed == 1


# ---------------------------------------------------------------- processes


def until_ended(crew, n):
    end, found = time.monotonic() + 60, []
    while len(found) < n:
        assert time.monotonic() < end
        found += crew.ended()
    return found


def test_processes_run_side_by_side_in_one_thread_each_and_a_failure_says_why(tmp_path):
    tell = (
        "import os, pathlib; pathlib.Path({!r}).write_text("
        "f'{{os.environ[\"OMP_NUM_THREADS\"]}} {{os.getsid(0)}}')"
    )
    commands = [
        Command("well", ("-c", tell.format(str(tmp_path / "said"))), 10),
        Command("loud", ("-c", "import sys; sys.exit('no luck')"), 10),
        Command("mute", ("-c", "import os; os._exit(3)"), 10),
    ]
    crew = Processes(3)
    for command in commands:
        assert crew.has_room()
        crew.start(command)
    assert not crew.has_room()
    problems = {one.task.name: one.problem for one in until_ended(crew, 3)}
    assert problems == {
        "well": None,
        "loud": "no luck",
        "mute": "ended with exit code 3, without a message",
    }
    threads, session = (tmp_path / "said").read_text().split()
    assert threads == "1"
    assert int(session) != os.getsid(0)  # Ctrl-C at this terminal does not reach it
    assert crew.has_room()


@pytest.mark.parametrize(("at_once", "left"), [(False, "asked"), (True, "")])
def test_processes_under_way_are_asked_to_stop_or_killed_and_do_not_outlive_their_crew(
    tmp_path, at_once, left
):
    file = tmp_path / "file"
    script = (
        "import pathlib, signal, sys, time\n"
        f"file = pathlib.Path({str(file)!r})\n"
        "def end(*_):\n"
        "    file.write_text('asked')\n"
        "    sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "file.touch()\n"
        "time.sleep(100)\n"
    )
    crew = Processes(1, at_once=at_once)
    crew.start(Command("slow", ("-c", script), 1))
    process = crew._running[0].process
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    crew.dismiss()
    assert process.returncode is not None
    assert file.read_text() == left


def test_what_is_stored_already_is_not_counted_again(tmp_path):
    assert samples_done(tmp_path) == 0
    (tmp_path / "provenance.json").write_text(json.dumps({"samples_done": 30}))
    command = training_command("x", "digits", "oracle", ["training.seed=3"], tmp_path, 100)
    assert (command.before, command.size, command.reached()) == (30, 70, 0)
    (tmp_path / "provenance.json").write_text(json.dumps({"samples_done": 80}))
    assert command.reached() == 50
    (tmp_path / "provenance.json").write_text("{")  # as it is written anew
    assert command.reached() == 0
    words = " ".join(command.arguments)
    assert words.startswith("-m synfire_bp train digits --engine oracle --set training.seed=3")
    assert "--resume" in words
    assert sys.executable not in words
