"""A little of `make stress`: nothing hangs, gives a traceback, or a result that is not right."""

from __future__ import annotations

import pytest
from flips import flips
from kills import KINDS, kills
from mutated import mutated
from sweeps import killed_sweeps
from tally import Tally, show, write


def faults(tallies):
    return [fault for tally in tallies for fault in tally.faults]


def test_mutated_files_are_read_or_refused_at_once(tmp_path):
    tallies = mutated(50, tmp_path)
    assert [tally.tried for tally in tallies] == [40, 5, 5]
    assert faults(tallies) == []


@pytest.mark.stress
def test_many_mutated_files_are_read_or_refused_at_once(tmp_path):
    assert faults(mutated(300, tmp_path, seed=1)) == []


@pytest.mark.stress
def test_flipped_bits_are_noticed_and_mended(tmp_path):
    assert faults(flips(45, tmp_path)) == []


@pytest.mark.stress
@pytest.mark.parametrize("kind", KINDS)
def test_killed_trainings_end_with_the_same_bits(tmp_path, kind):
    assert faults(kills(2, tmp_path, kinds=(kind,))) == []


@pytest.mark.stress
def test_sweeps_lose_no_row_with_a_process(tmp_path):
    assert faults([killed_sweeps(4, tmp_path / "sweeps")]) == []


def test_a_tally_counts_outcomes_and_tells_faults(tmp_path):
    tally = Tally("flipped bit, x")
    for outcome in ("refused", "refused", "survived", "wrong"):
        tally.note(outcome, "byte 3")
    assert tally.faults == ["flipped bit, x: wrong: byte 3"]
    assert show([tally]).splitlines()[-1] == tally.faults[0]
    write([tally], tmp_path / "new" / "stress.csv")
    assert (tmp_path / "new" / "stress.csv").read_text().splitlines() == [
        "what,tried,refused,survived,tracebacks,hangs,wrong",
        '"flipped bit, x",4,2,1,0,0,1',
    ]
