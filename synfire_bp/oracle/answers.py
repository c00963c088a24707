"""Tried answers and their rewards, sample by sample (compiled).

An answer that the network believes in is known only when it has answered, and so is the reward.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synfire_bp.circuit.numbers import HALF
from synfire_bp.oracle.passes import compiled
from synfire_bp.oracle.rewards import AVERAGE_PARTS, RATES, Course

__all__ = ["all_rewards", "reward", "tried"]


@compiled
def tried(course, k, output):  # type: ignore[no-untyped-def]
    """Return the answer that sample number k of a course leads the output to."""
    if course.believed:
        n_fired = 0
        for j in range(output.size):
            n_fired += output[j] > HALF
        of_all = course.explores[k] or n_fired == 0
        course.sure[k] = n_fired == 1 and not of_all
        course.tried[k] = _chosen(course.drawn[k], of_all, n_fired, output)
    return course.tried[k]


@compiled
def _chosen(drawn, of_all, n_fired, output):  # type: ignore[no-untyped-def]
    """Return one at random of the units that fire, or of all."""
    place = drawn // 1024 * (output.size if of_all else n_fired) // 16384
    answer = 0
    for j in range(output.size):
        if of_all or output[j] > HALF:
            if place == 0:
                answer = j
            place -= 1
    return answer


@compiled
def reward(course, k):  # type: ignore[no-untyped-def]
    """Return what comes at the end of sample number k, gain included; expectations follow it."""
    about = k - course.delay
    if about < 0:
        return 0
    answer = course.tried[about]
    come = course.pays[about, 1 if answer == course.told[about] else 0]
    surprise = come
    if course.expected.size:
        place = course.sure[about] if course.by_belief else 0
        if course.by_answer:
            place = answer
        surprise -= course.expected[place] // AVERAGE_PARTS
        more = come * AVERAGE_PARTS - course.expected[place]
        course.expected[place] += more * course.rate // RATES
    return surprise * course.gain


@compiled
def _fill(course, rewards):  # type: ignore[no-untyped-def]
    for k in range(rewards.size):
        rewards[k] = reward(course, k)


def all_rewards(course: Course) -> NDArray[np.int64]:
    """Return the rewards of a course whose answers are known, int64, shape (n,)."""
    rewards = np.zeros(len(course.told), dtype=np.int64)
    _fill(course._replace(expected=course.expected.copy()), rewards)
    return rewards
