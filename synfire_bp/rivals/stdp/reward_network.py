"""The network of reward-modulated STDP as Brian2 objects.

At the beginning of each interval the image before it is judged: the classes compare their spikes,
the judge tells the reward, and all synapses take it times their eligibility, which decays in
continuous time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from brian2 import (
    Network,
    NeuronGroup,
    StateMonitor,
    Synapses,
    TimedArray,
    linked_var,
    ms,
    mV,
)
from numpy.typing import NDArray

from synfire_bp.rivals.simulated import Task
from synfire_bp.rivals.stdp.sections import TryingCells, TryingLearning
from synfire_bp.rivals.stdp.showing import Lesson, Showing, input_group

__all__ = ["Built", "Found", "Setup", "build", "task"]


@dataclass(frozen=True, eq=False)
class Setup:
    """All that decides a simulation, but the seed of its spikes and noise.

    Attributes
    ----------
    showing, cells, learning : sections
        As in a model file.
    lesson : Lesson
        What is shown.
    classes : int
        How many there are.
    weights : float array, shape (n_in, n_cells)
        What it starts from, mV.
    """

    showing: Showing
    cells: TryingCells
    learning: TryingLearning
    lesson: Lesson
    classes: int
    weights: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Built:
    """The Brian2 objects, to be run for `steps` time steps."""

    network: Network
    steps: int
    won: StateMonitor
    reward: StateMonitor
    input_counts: StateMonitor
    synapses: Synapses


@dataclass(frozen=True, eq=False)
class Found:
    """What a simulation left.

    Attributes
    ----------
    answers : int array, shape (n,)
        The class with most spikes, of each image; -1: all were silent.
    spikes, input_spikes : float arrays, shape (n,)
        Of the cells and of the inputs, in each image's interval.
    reward : float array, shape (n,)
        Less its running mean, after each image; 0 where nothing is learnt.
    weights : float array, shape (n_in, n_cells)
        Afterwards, mV.
    """

    answers: NDArray[np.int64]
    spikes: NDArray[np.float64]
    input_spikes: NDArray[np.float64]
    reward: NDArray[np.float64]
    weights: NDArray[np.float64]


_CELLS = """
dv/dt = (E_L - v)/tau_m + learns(t)*noise*sqrt(2/tau_m)*xi : volt (unless refractory)
drecent/dt = -recent/tau_post : 1
reward : 1
judged : 1 (linked)
class_of : integer (constant)
"""
_SYNAPSES = """
w : 1
deligible/dt = -eligible/tau_e : 1 (event-driven)
"""
_REWARDED = "w = clip(w + rate*reward_post*eligible, -limit, limit)"
_JUDGED = """
previous = int(t_in_timesteps > 0)*learns(t - 0.5*interval)
reward = previous*({right} - expected)
expected = expected + share*reward
"""
_FIRST, _SCORES, _COMPARES, _JUDGES, _RESTS = range(5)
"""Order of what happens at the beginning of an interval."""


def build(setup: Setup) -> Built:
    """Return the network of a setup, for the device that is set."""
    numbers = _numbers(setup)
    inputs = input_group(setup.showing, setup.lesson, numbers)
    classes, judge = _judged(setup, numbers)
    cells = _cells(setup, numbers, judge)
    synapses = Synapses(
        inputs, cells, _SYNAPSES,
        on_pre="v_post += w*mV\neligible -= depression*recent_post",
        on_post={"post": "eligible += recent_pre", "rewarded": _REWARDED},
        on_event={"rewarded": "reward_comes"}, namespace=numbers, name="plastic",
    )  # fmt: skip
    synapses.connect()
    synapses.w = setup.weights.reshape(-1)
    lateral = Synapses(
        cells, cells, on_pre="v_post -= inhibition", namespace=numbers, name="lateral"
    )
    lateral.connect(condition="class_of_pre != class_of_post")
    votes = Synapses(cells, classes, on_pre="count_post += 1", name="votes")
    votes.connect(condition="class_of_pre == j")
    seen = NeuronGroup(1, "count : 1", name="seen", method="exact")
    counts = Synapses(inputs, seen, on_pre="count_post += 1", name="counts")
    counts.connect()
    at: dict[str, Any] = {"dt": setup.showing.interval * ms, "when": "start"}
    seen.run_regularly("count = 0", order=_RESTS, name="seen_rest", **at)
    won = StateMonitor(classes, ["won", "told"], record=True, order=_RESTS, name="won", **at)
    reward = StateMonitor(judge, ["reward"], record=True, order=_RESTS, name="told", **at)
    input_counts = StateMonitor(seen, ["count"], record=True, order=_FIRST, name="shown", **at)
    network = Network(
        inputs, cells, synapses, lateral, classes, judge, votes, seen, counts, won, reward,
        input_counts,
    )  # fmt: skip
    steps = len(setup.lesson) * setup.showing.steps + 1  # the last image is judged, too
    return Built(network, steps, won, reward, input_counts, synapses)


def _numbers(setup: Setup) -> dict[str, Any]:
    """Return the numbers that the lines name."""
    cells, learning = setup.cells, setup.learning
    return {
        "E_L": cells.resting * mV,
        "theta": cells.threshold * mV,
        "tau_m": cells.membrane_time * ms,
        "noise": cells.noise * mV,
        "inhibition": cells.inhibition * mV,
        "tau_post": learning.trace_time * ms,
        "tau_e": learning.eligibility_time * ms,
        "depression": learning.depression,
        "rate": learning.rate,
        "share": learning.expectation,
        "limit": learning.weight_limit,
        "interval": setup.showing.interval * ms,
    }


def _cells(setup: Setup, numbers: dict[str, Any], judge: NeuronGroup) -> NeuronGroup:
    n = setup.weights.shape[1]
    cells = NeuronGroup(
        n, _CELLS, threshold="v > theta", reset="v = E_L\nrecent += 1",
        refractory=setup.cells.refractory * ms, method="euler", namespace=numbers,
        events={"reward_comes": "t_in_timesteps % interval_steps == 0 and t_in_timesteps > 0"},
        name="cells",
    )  # fmt: skip
    cells.v = setup.cells.resting * mV
    cells.class_of = np.arange(n) // setup.cells.per_class
    cells.judged = linked_var(judge, "reward", index=np.zeros(n, np.int64))
    cells.run_regularly(
        "reward = judged", dt=setup.showing.interval * ms, when="start", order=_RESTS,
        name="cells_reward",
    )  # fmt: skip
    return cells


def _judged(setup: Setup, numbers: dict[str, Any]) -> tuple[NeuronGroup, NeuronGroup]:
    """Return the classes, which compare their spikes, and the judge."""
    n, k = setup.classes, range(setup.classes)
    at: dict[str, Any] = {"dt": setup.showing.interval * ms, "when": "start"}
    model = "count : 1\nscore : 1\nwon : 1\ntold : 1\n"
    model += "".join(f"score_{one} : 1 (linked)\n" for one in k)
    classes = NeuronGroup(n, model, name="classes", method="exact", namespace=numbers)
    for one in k:
        index = np.full(n, one, np.int64)
        setattr(classes, f"score_{one}", linked_var(classes, "score", index=index))
    greater = " + ".join(f"int(score_{one} > score)" for one in k)
    classes.run_regularly("score = count + 0.5*rand()", order=_SCORES, name="scores", **at)
    compared = f"won = int(({greater}) == 0)*int(count > 0)\ntold = count\ncount = 0"
    classes.run_regularly(compared, order=_COMPARES, name="compares", **at)
    own = numbers | {
        "label": TimedArray(setup.lesson.labels.astype(float), dt=setup.showing.interval * ms)
    }
    model = "reward : 1\nexpected : 1\n" + "".join(f"won_{one} : 1 (linked)\n" for one in k)
    judge = NeuronGroup(1, model, name="judge", method="exact", namespace=own)
    judge.expected = 1 / n  # chance
    for one in k:
        setattr(judge, f"won_{one}", linked_var(classes, "won", index=np.array([one])))
    right = " + ".join(f"won_{one}*int(abs(asked - {one}) < 0.5)" for one in k)
    asked = f"asked = label(t - 0.5*interval)\n{_JUDGED.format(right=f'({right})')}"
    judge.run_regularly(asked, order=_JUDGES, name="judges", **at)
    return classes, judge


def _read(setup: Setup, built: Built) -> Found:
    won, told = (np.array(getattr(built.won, name))[:, 1:].T for name in ("won", "told"))
    matrix = np.zeros_like(setup.weights)
    matrix[np.asarray(built.synapses.i), np.asarray(built.synapses.j)] = np.asarray(
        built.synapses.w
    )
    return Found(
        answers=np.where(won.any(axis=1), won.argmax(axis=1), -1),
        spikes=told.sum(axis=1),
        input_spikes=np.array(built.input_counts.count)[0, 1:],
        reward=np.array(built.reward.reward)[0, 1:],
        weights=matrix,
    )


def task(dt: float) -> Task[Setup, Built, Found]:
    """Return how it is run, with time steps of `dt` ms."""
    return Task(build, _read, dt)
