"""Brian2 lines of a reward that comes at the end of a sample (`synfire_bp.oracle.rewards`).

All of it is shared by all cells: one number for the whole network, as a neuromodulator is.
"""

from __future__ import annotations

from synfire_bp.circuit.circuit import Circuit
from synfire_bp.circuit.eligibility import GAINS, WHOLE_REWARD
from synfire_bp.dice import moments
from synfire_bp.network.lines import Lines
from synfire_bp.network.numbers import Moment, Numbers
from synfire_bp.oracle.rewards import (
    ANSWERS,
    AVERAGE_PARTS,
    EXPLORING,
    GRADES,
    MISTAKES,
    NOISE,
    RATES,
    Rewards,
)

__all__ = ["reward_lines", "reward_numbers"]

_GRADE = WHOLE_REWARD // GAINS // GRADES
"""What a grade of the reward counts in, before the gain."""

_DICE = "chance(-3, answer_dice + 1 + {n} * {sample})"
_EXPLORES = "int(chance(-6, explore_dice + 1 + {n} * {sample}) < reward_explore)"
_TRIED = {
    "told": "0",
    "tried": _DICE + " // 1024 * {n_out} // 16384",
    "believed": f"believed_answer({{sample}}, {{n_out}}, {_DICE}, {_EXPLORES})",
}
"""The answer to a sample: drawn at random, or what the environment saw."""

_CELLS = """
    answer_dice  : integer (shared, constant)  # seeds
    explore_dice : integer (shared, constant)
    mistake_dice : integer (shared, constant)
    noise_dice   : integer (shared, constant)
    reward_late     : integer (shared, constant)  # samples
    reward_wrong    : integer (shared, constant)  # in grades
    reward_right    : integer (shared, constant)
    reward_mistaken : integer (shared, constant)  # of 2^24
    reward_explore  : integer (shared, constant)  # of 2^24
    reward_spread   : integer (shared, constant)  # in grades
    average_rate    : integer (shared, constant)
    modulation      : integer (shared)
    reward_about = sample - reward_late : integer (shared)
    tried        = {tried} : integer (shared)
    tried_then   = {tried_then} : integer (shared)
    right_then   = {right_then} : integer (shared)
    taken_wrong  = int(chance(-4, mistake_dice + 1 + {n} * reward_about) < reward_mistaken) : integer (shared)
    taken_right  = right_then + taken_wrong * (1 - 2 * right_then) : integer (shared)
    deviation    = chance(-5, noise_dice + 1 + {n} * reward_about) * (2 * reward_spread + 1) // certain - reward_spread : integer (shared)
    reward_now   = {grade} * (reward_wrong + taken_right * (reward_right - reward_wrong) + deviation) : integer (shared)
    reward_comes = int(phase == {last} and reward_about >= 0) : integer (shared)
"""  # noqa: E501


_SEEN = """
    seen      : integer  # of an output: whether it fires now
    sure_then = sure_answer(reward_about, {explores}) : integer (shared)
"""

_ANSWERED = "seen = note_answer(sample, i, {n_out}, int(fired), int(phase == {phase}))"
"""The environment sees who fires, in the phase in which the output answers."""


def reward_lines(rewards: Rewards, circuit: Circuit) -> Lines:
    """Return the lines of a reward, for the training circuit.

    What depends on a number that a model file gives is a number here, too, and compiles no program
    anew.
    """
    n_out, n = circuit.sizes[-1], circuit.n_phases
    answers = {
        when: _TRIED[rewards.answer].format(n=n, sample=when, n_out=n_out)
        for when in ("sample", "reward_about")
    }
    seen = _SEEN.format(explores=_EXPLORES.format(n=n, sample="reward_about"))
    told, believed = rewards.answer == "told", rewards.answer == "believed"
    names = _averages(rewards, n_out)
    cells = _CELLS.format(
        n=n, last=n - 1, grade=_GRADE, tried=answers["sample"], tried_then=answers["reward_about"],
        right_then="1" if told else "target_pattern(reward_about, tried_then)",
    )  # fmt: skip
    return Lines(
        cells=cells + seen * believed + "".join(f"\n{name} : integer (shared)" for name in names),
        step="\n".join(_steps(names)),
        modulation="modulation_post",
        taught="" if told else "int(i == tried)",
        answered=_ANSWERED.format(n_out=n_out, phase=circuit.forward_phase("o")) * believed,
        functions=("synfire_bp.network.chance:chance", "synfire_bp.network.chance:certain"),
    )


def _averages(rewards: Rewards, n_out: int) -> dict[str, str]:
    """Return the variables that hold what is expected, and whether each is meant now."""
    if rewards.expected == "answer":
        return {f"expected_{k}": f"int(tried_then == {k})" for k in range(n_out)}
    if rewards.expected == "belief":
        return {"expected_doubt": "(1 - sure_then)", "expected_sure": "sure_then"}
    return {"expected": "1"} if rewards.expected == "run" else {}


def _steps(averages: dict[str, str]) -> list[str]:
    """Return what happens in each step: the reward less what was expected, which then follows."""
    expected = " + ".join(f"{name} * {meant}" for name, meant in averages.items()) or "0"
    return [
        f"modulation = reward_comes * (reward_now - ({expected}) // {AVERAGE_PARTS})",
        *(
            f"{name} += reward_comes * {meant}"
            f" * ((reward_now * {AVERAGE_PARTS} - {name}) * average_rate // {RATES})"
            for name, meant in averages.items()
        ),
    ]


def reward_numbers(rewards: Rewards, circuit: Circuit, at: Moment) -> Numbers:
    """Return the numbers of these lines."""
    n_out = circuit.sizes[-1]
    first = rewards.first_expected(n_out)
    return {
        "cells.answer_dice": moments(at.seed, ANSWERS),
        "cells.explore_dice": moments(at.seed, EXPLORING),
        "cells.mistake_dice": moments(at.seed, MISTAKES),
        "cells.noise_dice": moments(at.seed, NOISE),
        "cells.reward_late": rewards.delay,
        "cells.reward_wrong": rewards.wrong,
        "cells.reward_right": rewards.right,
        "cells.reward_mistaken": rewards.mistaken,
        "cells.reward_explore": rewards.explore,
        "cells.reward_spread": rewards.spread,
        "cells.average_rate": rewards.rate,
        **{
            f"cells.{name}": int(value)
            for name, value in zip(_averages(rewards, n_out), first, strict=True)
        },
    }
