"""Networks that do not fit `dense_networks.Case`: each a scene, played by both sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from brian2 import Clock, NeuronGroup, SpikeGeneratorGroup, linked_var, ms
from dense_networks import BIG, Side, counting


def thresholds(side: Side) -> None:
    """Groups of all sizes about a block of 128, in which all, none or some neurons fire."""
    for n in (1, 7, 8, 127, 128, 129, 300):
        group = side.group(
            f"fires{n}", n, "", threshold="(i * (t_in_timesteps // 9) + t_in_timesteps) % 3 == 0",
            refractory="2*ms" if n % 2 else False,
        )  # fmt: skip
        side.observe(side.record(group), *([(group, "lastspike")] if n % 2 else []))


def threshold_with_random_numbers(side: Side) -> None:
    """Random numbers are drawn for the same neurons, in the same order."""
    group = side.group("random", 150, "", threshold="rand() < 0.3", refractory="3*ms")
    side.observe(side.record(group))


def threshold_with_infinities(side: Side) -> None:
    """A flag that is used as a number: 0 times infinity."""
    group = side.group("infinite", 150, "bound : 1\nup : boolean", threshold="int(up)*bound >= 0")
    group.bound = np.where(np.arange(150) % 2, np.inf, -1.0)
    group.up = np.arange(150) % 3 == 0
    side.observe(side.record(group))


def threshold_that_sees_other_spikes(side: Side) -> None:
    """A spike lets the next neuron fire in the same step, by a link to the time of the spike."""
    group = side.group(
        "cascade", 150, "before : second (linked)", refractory="4*ms",
        threshold="(i + 31 * t_in_timesteps) % 41 == 0 or t - before < 0.5*ms and i % 7 > 0",
    )  # fmt: skip
    group.before = linked_var(group, "lastspike", index=np.maximum(np.arange(150) - 1, 0))
    side.observe(side.record(group), (group, "lastspike"))


def operations(side: Side) -> None:
    """Steps with a shared factor that is zero at times."""
    model = """
        active = t_in_timesteps % 3 == 0 : boolean (shared)
        never = t_in_timesteps < 0 : boolean (shared)
        count : integer
        real : 1
        half : 1
        big : integer
        calls : integer
        drawn : integer
        rest : integer
        guarded : integer
        valid : boolean
        divisor : integer
    """
    group = side.group("operated", 9, model, dtype=dict.fromkeys(("big", "calls"), np.int64),
                       namespace={"counted": counting()})  # fmt: skip
    group.real = np.where(np.arange(9) % 2, np.inf, 0.5)
    group.half = 0.5
    group.divisor = np.arange(9) // 2
    group.valid = np.arange(9) > 2
    group.big = np.full(9, BIG)
    for name, code in {
        "whole": "count += int(active) * 3 * (i + 1)",
        "fractions": "real += int(active) * real",
        "rounded": "big += int(never) * half",
        "called": "calls += int(active) * counted(1)",
        "drawing": "drawn += int(active) * int(rand() * 1000)",
        "remainder": "rest += (int(active) * 5 + i) % 7",
        "two": "count -= int(active) * i\nrest += int(active) * 2",
        "one_of_two": "count -= int(active) * i\nrest += 1",
        "divided": "guarded += int(valid) * ((count + 1) % divisor - count // divisor)",
        "flagged": "rest += int(valid) * (divisor - rest)",
    }.items():
        side.operate(group, code, name)
    names = ("count", "real", "big", "calls", "drawn", "rest", "guarded")
    side.observe(*((group, name) for name in names))


def operations_with_flags(side: Side) -> None:
    """`and` and `or`: of flags and whole numbers, and where it counts which sides are looked at."""
    model = """
        open = t_in_timesteps % 3 == 0 : boolean (shared)
        count : integer
        divisor : integer
        real : 1
        up : boolean
        low : boolean
        odd : boolean
        above : boolean
        called : boolean
    """
    group = side.group("logical", 150, model, namespace={"counted": counting()})
    group.count = np.arange(150)
    group.divisor = np.arange(150) % 3
    group.real = np.where(np.arange(150) % 2, np.inf, -1.0)
    for name, code in {
        "switched": "here = up or (count % 5 == 1 and open)\n"
        "up = (here and count % 7 > 2) or not (low or open and here)",
        "lowered": "low = not up and (count > 3 or open) and t_in_timesteps % 4 > 0",
        "counting_up": "count = (count + 1 + int(up or low) * 2 + int(open and up)) % 101",
        "odd_ones": "odd = divisor > 0 and count % divisor > 0 or low",
        "compared": "above = real > 0 and up or real * 0 == 0",
        "calling": "called = up and counted(1) % 2 == 1 or low",
    }.items():
        side.operate(group, code, name)
    side.observe(*((group, name) for name in ("count", "up", "low", "odd", "above", "called")))


def operations_on_neighbours(side: Side) -> None:
    """A step in which a neuron reads what the one before it has just written."""
    group = side.group("chained", 150, "count : integer\nbefore : integer (linked)")
    group.count = np.arange(150)
    group.before = linked_var(group, "count", index=np.maximum(np.arange(150) - 1, 0))
    side.operate(group, "count = (before + 3 * count) % 997", "chaining")
    side.observe((group, "count"))


def other_sources(side: Side) -> None:
    """Sources that are no NeuronGroup, or emit another event than a spike."""
    step, neuron = np.nonzero(np.random.default_rng(3).random((45, 12)) < 0.2)
    source = SpikeGeneratorGroup(12, neuron, step * ms, name=f"given_{side.name}")
    side.objects.append(source)
    events = side.group("eventful", 8, "", threshold="False",
                        events={"shout": "(i + t_in_timesteps) % 3 == 0"})  # fmt: skip
    target = side.group("told", 6, "count : integer\nreal : 1")
    code = "count_post = (2 * count_post + i + 3 * j) % 997\nreal_post = 0.5 * real_post + 0.1 * i"
    side.connect("given_all", source, target, on_pre=code, delay=2 * ms)
    side.connect("telling", events, target, on_pre=code, on_event="shout")
    side.observe((target, "count"), (target, "real"))


def spikes_of_a_step_in_disorder(side: Side) -> None:
    """Generated spikes whose times differ within a step; only some neurons have targets."""
    neuron = np.tile([3, 7, 15, 12, 5], 8)
    times = np.repeat(np.arange(8), 5) * 5 + np.tile(np.arange(5), 8) * 0.1 + 3
    source = SpikeGeneratorGroup(20, neuron, times * ms, name=f"disordered_{side.name}")
    side.objects.append(source)
    target = side.group("addressed", 40, "count : integer")
    some = np.arange(2, 14)
    synapses = side.connect(
        "some", source, target, "q : integer", on_pre="count_post += q",
        connect=[{"i": np.repeat(some, 40), "j": np.tile(np.arange(40), some.size)}],
    )  # fmt: skip
    synapses.q = np.arange(480)
    one_to_one = side.connect(
        "paired", source, target, "q : integer", on_pre="count_post += q",
        connect=[{"i": np.arange(20), "j": np.arange(20) + 5}],
    )  # fmt: skip
    one_to_one.q = np.arange(20)
    side.observe((target, "count"))


def products_in_32_bits(side: Side) -> None:
    """What is added to 64 bits was multiplied in 32, without a sign where a factor has none."""
    source = side.group("counting", 20, "", threshold="(i + t_in_timesteps) % 3 == 0")
    model = "total : integer\nscaled : integer"
    target = side.group("wide", 40, model, dtype=dict.fromkeys(("total", "scaled"), np.int64))
    pairs = [{"i": np.repeat(np.arange(20), 40), "j": np.tile(np.arange(40), 20)}]
    unsigned = side.connect(
        "unsigned", source, target, "q : integer\nfactor : integer (shared)",
        on_pre="total_post += factor * q", connect=pairs,
        dtype={"q": np.int16, "factor": np.uint32},
    )  # fmt: skip
    unsigned.q = np.arange(800) - 400
    unsigned.factor = 3
    fits = side.connect("fits", source, target, "q : integer", on_pre="scaled_post += 65536 * q",
                        connect=pairs, dtype={"q": np.int16})  # fmt: skip
    fits.q = np.arange(800) * 80 - 32000
    side.observe((target, "total"), (target, "scaled"))


def slow_sources(side: Side) -> None:
    """Sources that take a step for every two of their targets."""
    clock = Clock(dt=2 * ms, name=f"slow_clock_{side.name}")
    source = side.group("slow", 6, "", threshold="(i + t_in_timesteps) % 4 == 0", clock=clock)
    target = side.group("quick", 5, "count : integer", threshold="(i + t_in_timesteps) % 3 == 0")
    synapses = side.connect("slowly", source, target, "q : integer", on_pre="count_post += q")
    synapses.q = np.arange(30)
    synapses.delay = np.arange(30) % 7 * ms
    side.operate(target, "count = (3 * count + 1) % 997", "quickly")
    side.observe((target, "count"))


def sums_and_links(side: Side) -> None:
    """Summed variables beside, and targets with variables that belong to other groups."""
    model = "total : integer\ncount : integer\nup : boolean\nlinked : integer (linked)"
    other = side.group("linked_to", 7, "elsewhere : integer", threshold="i % 2 == 0")
    target = side.group("summed", 7, model, threshold="(i + t_in_timesteps) % 4 == 0")
    side.operate(target, "up = (i + t_in_timesteps + count) % 3 == 0", "flags")
    target.linked = linked_var(other, "elsewhere")
    synapses = side.connect(
        "summing", other, target, "q : integer\ntotal_post = q : integer (summed)",
        on_pre="linked_post += 1\nq += int(up_post) * (elsewhere_pre - q)\ncount += total_post",
    )  # fmt: skip
    side.observe((target, "total"), (target, "count"), (other, "elsewhere"), (synapses, "q"))


def synapses_onto_synapses(side: Side) -> None:
    """The targets of a spike may be synapses."""
    source = side.group("modulating", 5, "", threshold="(i + t_in_timesteps) % 4 == 0")
    target = side.group("modulated", 6, "real : 1")
    inner = side.connect("inner", source, target, "w : 1\nq : integer", on_pre="real_post += w")
    side.connect(
        "outer", source, inner, on_pre="w_post = 0.5 * w_post + 0.1\nq_post += 1 + i",
        connect=[{"i": np.repeat(np.arange(5), 30), "j": np.tile(np.arange(30), 5)}], delay=2 * ms,
    )  # fmt: skip
    side.observe((target, "real"), (inner, "w"), (inner, "q"))


# -- scenes of two runs; each returns what is done between them ----------------------------------

ADDS = "count_post = (2 * count_post + q) % 997\nreal_post = 0.5 * real_post + 0.1 * q"


def _two_groups(side: Side, n_target: int = 5, **kwds) -> tuple[NeuronGroup, NeuronGroup]:
    source = side.group(f"{side.scene}_source", 6, "", **kwds,
                        threshold="(5 * i + t_in_timesteps) % 4 == 0")  # fmt: skip
    target = side.group(
        f"{side.scene}_target", n_target, "count : integer\nreal : 1\nup : boolean", **kwds
    )
    target.up = np.arange(n_target) % 3 > 0
    side.observe((target, "count"), (target, "real"))
    return source, target


def delays_change(side: Side) -> Callable[[], None]:
    """New delays hold for new spikes; what is under way arrives when it was to.

    Rows are wide, so that they are taken together; a synapse may then be due twice in a step.
    """
    synapses = side.connect(
        side.scene, *_two_groups(side, 40), "q : integer",
        on_pre={"own": ADDS, "common": f"{ADDS}\nq += int(up_post) * 3", "slowed": ADDS,
                "hurried": ADDS},
        delay={"common": 7 * ms, "slowed": 0 * ms, "hurried": 3 * ms},
    )  # fmt: skip
    rng = np.random.default_rng(5)
    synapses.q = rng.integers(1, 9, 240)
    synapses.own.delay = rng.integers(0, 8, 240) * ms
    side.observe((synapses, "q"))

    def between():
        synapses.own.delay = rng.integers(0, 12, 240) * ms
        synapses.common.delay = 3 * ms
        synapses.slowed.delay = 2 * ms
        synapses.hurried.delay = 0 * ms

    return between


def synapses_are_added(side: Side) -> Callable[[], None]:
    """Rows stay rows, and spikes under way, if the synapses become sparse between two runs."""
    dense = {"i": np.repeat(np.arange(6), 5), "j": np.tile(np.arange(5), 6)}
    synapses = side.connect(
        side.scene, *_two_groups(side), "q : integer", on_pre=ADDS, delay=5 * ms, rows=None,
        connect=[dense],
    )  # fmt: skip
    synapses.q = np.arange(30)

    def between():
        synapses.connect(i=[5, 0, 0, 3, 3, 3, 1], j=[2, 1, 3, 0, 0, 4, 4])
        synapses.q = np.arange(37)[::-1].copy()

    return between


def _time_step_changes(side: Side, to: float) -> Callable[[], None]:
    clock = Clock(dt=1 * ms, name=f"{side.scene}_clock_{side.name}")
    groups = _two_groups(side, clock=clock)
    synapses = side.connect(side.scene, *groups, "q : integer", on_pre=ADDS, clock=clock)
    rng = np.random.default_rng(5)
    synapses.q = rng.integers(1, 9, 30)
    synapses.delay = rng.integers(0, 8, 30) * ms

    def between():
        clock.dt = to * ms

    return between


def _bands_under_way(side: Side) -> tuple:
    clock = Clock(dt=1 * ms, name=f"{side.scene}_clock_{side.name}")
    source = side.group(
        f"{side.scene}_from", 20, "", threshold="(i + t_in_timesteps) % 3 == 0", clock=clock
    )
    target = side.group(f"{side.scene}_to", 20, "count : integer", clock=clock)
    synapses = side.connect(
        side.scene, source, target, "q : integer", on_pre="count_post += q", clock=clock,
        connect=[{"i": np.arange(20), "j": np.arange(20)}, {"i": np.arange(20), "j": 3}],
    )  # fmt: skip
    synapses.q = np.arange(40)
    synapses.delay = 6 * ms
    side.operate(target, "count = (2 * count) % 997", f"{side.scene}_step", clock=clock)
    side.observe((target, "count"))
    return synapses, clock


def delays_of_bands_change(side: Side) -> Callable[[], None]:
    """What is under way in a band arrives when it was sent to."""
    synapses, _ = _bands_under_way(side)

    def between():
        synapses.delay = 2 * ms

    return between


def time_step_of_bands_shrinks(side: Side) -> Callable[[], None]:
    """What is under way in a band arrives at its time, counted in other steps."""
    _, clock = _bands_under_way(side)

    def between():
        clock.dt = 0.5 * ms

    return between


def synapses_are_written_from_outside(side: Side) -> None:
    """Numbers that were small grow, by code that is not the synapses' own."""
    source = side.group("speaking", 12, "", threshold="(i + t_in_timesteps) % 2 == 0")
    target = side.group("hearing", 40, "count : integer")
    inner = side.connect("heard", source, target, "q : integer", on_pre="count_post += q",
                         dtype={"q": np.int16})  # fmt: skip
    inner.q = np.arange(480)
    side.operate(inner, "q += 150", "growing", when="end")
    outer_source = side.group("amplifying", 4, "", threshold="t_in_timesteps % 7 == 3")
    second = side.connect("heard_too", source, target, "q : integer", on_pre="count_post += q",
                          dtype={"q": np.int16})  # fmt: skip
    side.connect(
        "amplified", outer_source, second, on_pre="q_post += 1 + 1000 * i",
        connect=[{"i": np.repeat(np.arange(4), 480), "j": np.tile(np.arange(480), 4)}],
    )  # fmt: skip
    side.observe((target, "count"), (inner, "q"), (second, "q"))


def even_rows_change(side: Side) -> Callable[[], None]:
    """What was the same number for all targets is not any more, and the other way round."""
    source = side.group("shouting", 12, "", threshold="(i + t_in_timesteps) % 2 == 0")
    target = side.group("reached", 40, "count : integer")
    synapses = side.connect("shout", source, target, "q : integer", on_pre="count_post += q")
    numbers = np.where(np.arange(480) % 80 < 40, np.arange(480) // 40, np.arange(480))
    synapses.q = numbers
    synapses.delay = 2 * ms
    side.observe((target, "count"), (synapses, "q"))

    def between():
        synapses.q = numbers[::-1]

    return between


def the_same_spikes_come_again(side: Side) -> Callable[[], None]:
    """Sums that were taken before: they hold until a synapse learns, or is set between two runs."""
    source = side.group("repeating", 24, "", threshold="(i + t_in_timesteps // 6) % 3 > 0")
    model = """
        count : integer
        total : integer
        down : boolean
    """
    target = side.group("taught", 90, model, dtype={"total": np.int64})
    side.operate(
        target, "down = (i * t_in_timesteps) % 7 == 1 and t_in_timesteps % 9 == 4", "downs"
    )
    to_two = [{"i": np.repeat(np.arange(24), 40), "j": np.tile(np.arange(first, first + 40), 24)}
              for first in (0, 45)]  # fmt: skip
    learning = side.connect(
        "learning", source, target, "q : integer",
        on_pre="count_post += q\nq += int(down_post) * (1 + i % 3)", connect=to_two,
        dtype={"q": np.int16},
    )  # fmt: skip
    large = side.connect(
        "large", source, target, "q : integer",
        on_pre="total_post += 3 * q\nq -= int(down_post) * (1 + j % 5)", connect=to_two,
        dtype={"q": np.int16},
    )  # fmt: skip
    learning.q = np.arange(1920) % 97 - 40
    large.q = np.where(np.arange(1920) % 2, 32000 - np.arange(1920), np.arange(1920) - 30000)
    side.observe((target, "count"), (target, "total"), (learning, "q"), (large, "q"))

    def between():
        learning.q = np.arange(1920)[::-1] % 89 - 40

    return between


def shared_condition(side: Side) -> None:
    """A threshold that a shared flag closes in most steps."""
    model = "open = t_in_timesteps % 5 == 2 : boolean (shared)\ncount : integer"
    group = side.group("shut", 300, model, threshold="(i + t_in_timesteps) % 3 == 0 and open")
    other = side.group("ajar", 300, model, threshold="open and (not (i % 4 == 1) or open)")
    side.observe(side.record(group), side.record(other))


def time_step_shrinks(side: Side) -> Callable[[], None]:
    """What is under way arrives at its time, counted in other steps."""
    return _time_step_changes(side, 0.5)


def time_step_grows(side: Side) -> Callable[[], None]:
    """What is under way arrives as it does in Brian2, which loses some of it."""
    return _time_step_changes(side, 2.5)


SCENES = [
    thresholds, threshold_with_random_numbers, threshold_with_infinities,
    threshold_that_sees_other_spikes, operations, operations_with_flags,
    operations_on_neighbours,
    other_sources, spikes_of_a_step_in_disorder, products_in_32_bits, slow_sources,
    sums_and_links, synapses_onto_synapses,
    delays_change, synapses_are_added, time_step_shrinks, time_step_grows,
    delays_of_bands_change, time_step_of_bands_shrinks, synapses_are_written_from_outside,
    even_rows_change, the_same_spikes_come_again, shared_condition,
]  # fmt: skip
