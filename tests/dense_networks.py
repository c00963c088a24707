"""Networks with `DenseSynapses`, each beside its double with stock `Synapses`, in one C++ program.

    python dense_networks.py DIRECTORY FIRST LAST [scenes]

builds and runs a program with the random cases FIRST … LAST-1, with the fixed cases and scenes if
asked, and leaves in DIRECTORY `rows.npz` and `stock.npz`: every final array and spike train, by
case.  The two sides share nothing but the numbers they start from.

All cases of a side lie in one group of target neurons, each in a slice of its own, so that the
program has few objects beside the synapses.  What the neurons do depends on what arrives: a wrong
synapse makes wrong spikes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from brian2 import (
    Clock,
    Function,
    Network,
    NeuronGroup,
    SpikeGeneratorGroup,
    SpikeMonitor,
    Synapses,
    defaultclock,
    device,
    linked_var,
    ms,
    prefs,
    seed,
    set_device,
)

from synfire_bp.standalone.dense import DenseSynapses, RowCodeObject

STEPS = 60
N_DRIVERS = 23
FLAGS = ["-w", "-O3", "-march=native", "-std=c++17"]  # those of the circuits' programs
BIG = 2**53 + 1  # the first whole number that a double cannot hold

NEURON = """
    real : 1
    real32 : 1
    dheld/dt = -held / (10*ms) : 1 (unless refractory)
    count : integer
    count16 : integer
    count64 : integer
    up : boolean
    low : boolean
    gain : integer (shared)
    doubled = 2 * count + 1 : integer
    odd = count % 2 == 1 : boolean
"""
NEURON_TYPES = {"real32": np.float32, "count16": np.int16, "count64": np.int64}
STEP = """
    gain = (gain + 1) % 5
    up = (7 * i + 5 * t_in_timesteps + count) % 3 == 0
    low = (5 * i + 3 * t_in_timesteps + count16) % 4 == 0
    count = count % 1009
    count64 = count64 % 1000003
    real = clip(real, -2, 2)
    real32 = clip(real32, -2, 2)
    held = clip(held, -2, 2)
"""
FIRES = "(11 * i + 3 * t_in_timesteps + count) % 4 == 0"

SYNAPSE = """
    w : 1
    w32 : 1
    q : integer
    q16 : integer
    q64 : integer
    on : boolean
    scale : integer (shared)
"""
SYNAPSE_TYPES = {"w32": np.float32, "q16": np.int16, "q64": np.int64}
TRACE = "drecent/dt = -recent / (4*ms) : 1 (event-driven)"
TRACE_CODE = "recent += 0.5\nw = clip(w + 0.25 * recent - 0.3, -1, 1)\nreal_post += recent"

STATEMENTS = [
    "real_post += w",
    "real_post -= 0.5 * w32",
    "real_post = 0.5 * real_post + w",
    "real32_post += w32",
    "held_post += 0.25 * w",
    "held_post = w",
    "count_post += q",
    "count_post -= q16",
    "count_post = (count_post + q) % 97",
    "count16_post += q16",
    "count64_post += q64",
    "count += 1",
    "count64 += q * gain_post",
    "w = clip(w + 0.125 * real_post, -1, 1)",
    "w *= 0.75",
    "w = clip(w + 0.25 * real_pre, -1, 1)",
    "w32 = 0.5 * w32 + 0.25",
    "w += int(up_post) * (clip(w + 0.25, -1, 1) - w)",
    "w = int(up_post) * 0.5 + int(not up_post) * w",
    "w32 += int(low_post) * 0.125",
    "q += int(up_post) * ((q + 3 * gain_post) % 11 - q)",
    "q -= int(low_post) * 2",
    "q = int(up_post) * (q + count_pre % 3) + int(not up_post) * q",
    "q = (q + count_pre - count_post) % 13",
    "q16 += int(up_post and low_post) * 3",
    "q16 += int(up) * (q % 3) - int(low_post)",
    "q64 = int(low_post) * (q64 + count_pre) + int(not low_post) * q64",
    "q64 += count_pre",
    "q64 += (i + 2 * j) % 5 + t_in_timesteps",
    "q64 += int(t - lastspike_post > 3.5*ms)",
    "q64 += scale * q",
    "q += doubled_post % 5 - int(odd_post)",
    "q += int(not_refractory_post) - int(not_refractory_pre)",
    "on = up_post",
    "on = not on",
    "up_post = q > 0",
    "low_post = not low_post",
    "q += int(on)",
    "count_post += int(on and up_post) * q",
    "count_post += int(up_pre) * q",
    "here = (count_post + q) % 5\ncount_post += here\nq = here",
    "most = clip(count_post, -9, 9)\nq64 += int(up_post) * most",
]


@dataclass
class Case:
    """One Synapses object on a slice of the targets.

    `connect` holds the arguments of each call; `delays`, per pathway, None, a number of steps for
    the keyword, or a seed for delays set per synapse after connecting.
    """

    name: str
    code: dict[str, str]
    size: int = 9
    recurrent: bool = False
    first_source: int = 0
    connect: list[dict] = field(default_factory=lambda: [{}])
    delays: dict[str, float | None] = field(default_factory=dict)
    delay_seed: int | None = None
    model: str = SYNAPSE
    post_code: str | None = None
    rows: bool | None = True


def random_case(number: int) -> Case:
    """Draw a case; the same number is the same case for ever."""
    rng = np.random.default_rng(number)
    size = int(rng.choice([1, 2, 5, 8, 16, 33]))
    recurrent = bool(rng.random() < 0.4)
    first = 0 if recurrent else int(rng.choice([0, 0, 7]))
    n_source = size if recurrent else N_DRIVERS - first
    pathways = ["pre"] if rng.random() < 0.7 else ["early", "late"]
    traced = bool(rng.random() < 0.2)
    code = {}
    for pathway in pathways:
        lines = list(rng.choice(STATEMENTS, rng.integers(1, 5), replace=False))
        if traced:
            lines.insert(rng.integers(len(lines) + 1), TRACE_CODE)
        code[pathway] = "\n".join(lines)
    kind = rng.choice(["none", "keyword", "synapse"], p=[0.3, 0.3, 0.4])
    steps = [0, 1, 2, 2.4, 2.6, 3.5, 7]
    keyword = {p: float(rng.choice(steps)) for p in pathways} if kind == "keyword" else {}
    connect = [_connections(rng, n_source, size) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    return Case(
        f"random {number}", code, size, recurrent, first, connect, keyword,
        delay_seed=int(rng.integers(1000)) if kind == "synapse" else None,
        model=SYNAPSE + (TRACE if traced else ""),
        rows=None if connect == [{}] and size >= 4 else True,
    )  # fmt: skip


def _connections(rng: np.random.Generator, n_source: int, n_target: int) -> dict:
    kind = rng.choice(["all", "sorted", "shuffled", "sparse", "multiple"])
    if kind == "all":
        return {}
    pre, post = (grid.ravel() for grid in np.indices((n_source, n_target)))
    if kind == "shuffled":
        order = rng.permutation(pre.size)
    elif kind == "sparse":
        order = np.flatnonzero(rng.random(pre.size) < 0.4)
    elif kind == "multiple":
        order = rng.integers(pre.size, size=pre.size)
    else:
        order = np.arange(pre.size)
    order = order if order.size else np.array([0])
    return {"i": pre[order], "j": post[order]}


FIXED = [
    Case("two flags of one target", {
        "pre": "q += int(up_post) * 1\nq16 += int(low_post) * 1\nq64 += int(up_post) * 5"}),
    Case("two flags of one target, each alone", {
        "pre": "q += int(up_post) * 1\nq16 += int(low_post) * 1"}, connect=[
            {"i": [0, 1, 2, 3], "j": [4, 4, 5, 5]}]),
    Case("a flag that the code writes", {
        "pre": "up_post = q > 3\nq += int(up_post) * 2 + 1\nq64 += int(up_post) * 1"}),
    Case("a flag that the code writes by its other name", {
        "pre": "q64 += int(up) * 1\nup_post = not up_post"}),
    Case("a flag that another pathway writes", {
        "early": "low_post = not low_post\nq64 += int(low_post) * 1",
        "late": "q += int(low_post) * 3"}, delays={"early": 2.0, "late": 1.0}),
    Case("a flag of the source in one group", {
        "pre": "q += int(up_pre) * 1\nup_post = not up_post"}, recurrent=True),
    Case("the source is among the targets", {
        "pre": "count_post += 1\nq += int(up_post) * count_pre\nq64 += count_pre"},
        recurrent=True),
    Case("a variable by two names", {
        "pre": "count += 1\nq64 += int(up_post) * count_post"}),
    Case("a synaptic variable between two loops", {
        "pre": "q += 1\nq64 += int(up_post) * q\nq = q % 7\ncount_post += q"}),
    Case("a function with a memory", {
        "pre": "q64 += counted(1)\nq += int(up_post) * 3\ncount64_post += counted(0)"}),
    Case("a float added to a large whole number", {
        "pre": "big += int(up_post) * 0.5 * w"}, model=SYNAPSE + "big : integer\n"),
    Case("an infinite weight where the flag is down", {
        "pre": "w32 += int(up_post and low_post) * (1 / (w - w))\nq += int(up_post) * 1"}),
    Case("a factor that is infinite", {"pre": "real_post += int(up_post) * huge"},
         model=SYNAPSE + "huge : 1\n"),
    Case("several statements in a line", {"pre": "q += 1; count_post += q  # both"}),
    Case("event-driven traces", {
        "pre": "recent += 1\nw += int(up_post) * (clip(w + recent, -1, 1) - w)\nreal_post += recent"},
        model=SYNAPSE + TRACE),
    Case("pre and post traces", {"pre": "recent += 1\nreal_post += w"},
         post_code="w = clip(w + 0.125 * recent, -1, 1)\ncount_post += 1", recurrent=True,
         model=SYNAPSE + TRACE),
    Case("refractory targets", {
        "pre": "held_post += 0.5\nq += int(up_post) * 1\nheld_post += int(low_post) * w"},
        recurrent=True),
    Case("a target of size one", {"pre": "count_post += 1\nq += int(up_post) * 3"}, size=1),
    Case("one source", {"pre": "count_post += 1\nq += int(up_post) * 3"}, first_source=22),
    Case("no synapse", {"pre": "count_post += 1"}, connect=[{"condition": False}]),
    Case("late and early synapses of one neuron", {
        "pre": "real_post = 0.5 * real_post + w\ncount_post = (2 * count_post + q) % 997"},
        delay_seed=4, connect=[{}, {}]),
]  # fmt: skip
"""Cases made to catch what rows, split loops, or a flag looked up once a step could get wrong."""


def counting() -> Function:
    """Return a function that returns 1, 2, … at its calls; each code object counts for itself."""
    function = Function(
        None, arg_units=[1], return_unit=1, return_type="integer", arg_types=["integer"],
        stateless=False,
    )  # fmt: skip
    function.implementations.add_implementation(
        "cpp",
        """
        static int64_t calls = 0;
        static inline int64_t counted(int64_t) { return ++calls; }
        """,
        name="counted",
    )
    return function


class Side:
    """All objects of one side, and what is to be compared of them."""

    def __init__(self, name: str, cases: list[Case], scenes: bool):
        self.name = name
        self.rows = name == "rows"
        self.synapses = DenseSynapses if self.rows else Synapses
        self.codeobj_class = RowCodeObject if self.rows else None
        self.objects: list = []
        self.observed: dict[str, dict] = {}
        self.by_rows: dict[str, dict[str, bool]] = {}
        if cases:
            self._pool(cases)
        for scene in SCENES if scenes else ():
            scene(self)
        once, self.objects = self.objects, []
        between = [scene(self) for scene in SCENES_OF_TWO_RUNS] if scenes else []
        self.once, self.twice, self.between = once, self.objects, between

    def run(self) -> None:
        """Run all that is run once, then all that is run twice."""
        seed(1)
        if self.once:
            Network(*self.once).run(STEPS * ms)
        if self.twice:
            network = Network(*self.twice)
            network.run(STEPS / 4 * ms)
            for change in self.between:
                change()
            network.run(STEPS / 4 * ms)

    def observe(self, case, owner, variable=None, place=slice(None)):
        """Have a variable, or the spikes of a monitor, compared."""
        name = variable or "spikes"
        if variable and isinstance(owner, Synapses):
            name = f"synapses.{variable}"
        self.observed.setdefault(case, {})[name] = (owner, variable, place)

    def group(self, name, n, model, **kwds):
        """Add a group."""
        group = NeuronGroup(
            n, model, name=f"{name}_{self.name}", codeobj_class=self.codeobj_class, **kwds
        )
        self.objects.append(group)
        return group

    def operate(self, group, code, name, **kwds):
        """Run code of a group regularly."""
        operation = group.run_regularly(
            code, name=f"{name}_{self.name}", codeobj_class=self.codeobj_class, **kwds
        )
        self.objects.append(operation)

    def connect(self, name, *args, rows=True, connect=({},), **kwds):
        """Add synapses of this side's class."""
        if self.rows:
            kwds["rows"] = rows
        synapses = self.synapses(*args, name=f"{name}_{self.name}", **kwds)
        for call in connect:
            synapses.connect(**call)
        self.objects.append(synapses)
        return synapses

    def monitor(self, group):
        """Record spikes."""
        monitor = SpikeMonitor(group, name=f"{group.name}_spikes")
        self.objects.append(monitor)
        return monitor

    def _pool(self, cases: list[Case]) -> None:
        rng = np.random.default_rng(0)
        groups = {}
        for name, n in (("drivers", N_DRIVERS), ("targets", sum(case.size for case in cases))):
            groups[name] = group = self.group(
                name, n, NEURON, dtype=NEURON_TYPES, threshold=FIRES, refractory="2*ms"
            )
            self.operate(group, STEP, f"step_{name}")
            group.count = rng.integers(0, 1000, n)
            group.count16 = rng.integers(-20, 20, n)
            group.real = rng.uniform(-1, 1, n)
        spikes = {name: self.monitor(group) for name, group in groups.items()}
        begin = 0
        for n, case in enumerate(cases):
            target = groups["targets"][begin : begin + case.size]
            source = target if case.recurrent else groups["drivers"][case.first_source :]
            synapses = self._case(n, case, source, target)
            place = slice(begin, begin + case.size)
            for name in _stored(NEURON):
                self.observe(case.name, groups["targets"], name, place)
            for name in _stored(case.model):
                self.observe(case.name, synapses, name)
            self.observe(case.name, spikes["targets"], place=place)
            begin += case.size

    def _case(self, n: int, case: Case, source, target) -> Synapses:
        on_pre = case.code["pre"] if list(case.code) == ["pre"] else case.code
        synapses = self.connect(
            f"case{n:03d}", source, target, case.model, on_pre=on_pre, on_post=case.post_code,
            delay={name: steps * ms for name, steps in case.delays.items()},
            namespace={"counted": counting()}, dtype=dict(SYNAPSE_TYPES) | {"big": np.int64},
            rows=case.rows, connect=case.connect,
        )  # fmt: skip
        self.by_rows[case.name] = getattr(synapses, "by_rows", {})
        n_synapses = _count(case, source, target)
        if not n_synapses:
            return synapses
        rng = np.random.default_rng(1)
        synapses.w = rng.uniform(-0.5, 0.5, n_synapses)
        synapses.w32 = rng.uniform(-0.5, 0.5, n_synapses)
        synapses.q = rng.integers(-5, 9, n_synapses)
        synapses.q16 = rng.integers(-5, 9, n_synapses)
        synapses.q64 = rng.integers(-5, 9, n_synapses)
        synapses.scale = 3
        if "big" in case.model:
            synapses.big = np.full(n_synapses, BIG)
        if "huge" in case.model:
            synapses.huge = np.where(rng.random(n_synapses) < 0.5, np.inf, 0.5)
        if case.delay_seed is not None:
            rng = np.random.default_rng(case.delay_seed)
            for pathway in case.code:
                getattr(synapses, pathway).delay = rng.integers(0, 60, n_synapses) / 10 * ms
        return synapses

    def results(self) -> dict[str, np.ndarray]:
        """Return all that is compared, as "case/variable"."""
        found = {}
        for case, variables in self.observed.items():
            for name, (owner, variable, place) in variables.items():
                if variable is None:
                    i, t = np.asarray(owner.i[:]), np.asarray(owner.t[:] / ms)
                    mine = (i >= (place.start or 0)) & (i < (place.stop or len(owner.source)))
                    found[f"{case}/{name}.i"] = i[mine]
                    found[f"{case}/{name}.t"] = t[mine]
                else:
                    found[f"{case}/{name}"] = np.asarray(getattr(owner, variable)[:])[place]
        return found


def _stored(model: str) -> list[str]:
    names = re.findall(r"^\s*(?:d(\w+)/dt = |(\w+) : )", model, flags=re.MULTILINE)
    shared = re.findall(r"^\s*(\w+) : .*shared", model, flags=re.MULTILINE)
    return [a or b for a, b in names if (a or b) not in shared]


def _count(case: Case, source, target) -> int:
    sizes = [
        0 if "condition" in call else len(call["i"]) if call else len(source) * len(target)
        for call in case.connect
    ]
    return sum(sizes)


# -- scenes: what does not fit the pool of targets ------------------------------------------------


def thresholds(side: Side) -> None:
    """Groups of all sizes about a block of 128, in which all, none or some neurons fire."""
    for n in (1, 7, 8, 127, 128, 129, 300):
        group = side.group(
            f"fires{n}", n, "", threshold="(i * (t_in_timesteps // 9) + t_in_timesteps) % 3 == 0",
            refractory="2*ms" if n % 2 else False,
        )  # fmt: skip
        side.observe(f"threshold of {n}", group, "lastspike" if n % 2 else "i")
        side.observe(f"threshold of {n}", side.monitor(group))


def threshold_with_random_numbers(side: Side) -> None:
    """Random numbers are drawn for the same neurons, in the same order."""
    group = side.group("random", 150, "", threshold="rand() < 0.3", refractory="3*ms")
    side.observe("random threshold", side.monitor(group))


def threshold_with_infinities(side: Side) -> None:
    """A flag that is used as a number: 0 times infinity."""
    group = side.group("infinite", 150, "bound : 1\nup : boolean", threshold="int(up)*bound >= 0")
    group.bound = np.where(np.arange(150) % 2, np.inf, -1.0)
    group.up = np.arange(150) % 3 == 0
    side.observe("threshold with infinities", side.monitor(group))


def threshold_that_sees_other_spikes(side: Side) -> None:
    """A spike lets the next neuron fire in the same step, by a link to the time of the spike."""
    group = side.group(
        "cascade", 150, "before : second (linked)", refractory="4*ms",
        threshold="(i + 31 * t_in_timesteps) % 41 == 0 or t - before < 0.5*ms and i % 7 > 0",
    )  # fmt: skip
    group.before = linked_var(group, "lastspike", index=np.maximum(np.arange(150) - 1, 0))
    side.observe("threshold that sees other spikes", group, "lastspike")
    side.observe("threshold that sees other spikes", side.monitor(group))


def operations(side: Side) -> None:
    """Steps with a shared factor that is zero at times."""
    model = """
        active = t_in_timesteps % 3 == 0 : boolean (shared)
        count : integer
        real : 1
        big : integer
        calls : integer
        drawn : integer
        rest : integer
    """
    group = side.group("operated", 9, model, dtype=dict.fromkeys(("big", "calls"), np.int64),
                       namespace={"counted": counting()})  # fmt: skip
    group.real = np.where(np.arange(9) % 2, np.inf, 0.5)
    group.big = np.full(9, BIG)
    for name, code in {
        "whole": "count += int(active) * 3 * (i + 1)",
        "fractions": "real += int(active) * real",
        "rounded": "big += int(active) * 0.5 * count",
        "called": "calls += int(active) * counted(1)",
        "drawing": "drawn += int(active) * int(rand() * 1000)",
        "remainder": "rest += (int(active) * 5 + i) % 7",
        "two": "count -= int(active) * i\nrest += int(active) * 2",
        "one_of_two": "count -= int(active) * i\nrest += 1",
    }.items():
        side.operate(group, code, name)
    for name in ("count", "real", "big", "calls", "drawn", "rest"):
        side.observe("operations", group, name)


def other_sources(side: Side) -> None:
    """Sources that are no NeuronGroup, or emit another event than a spike."""
    step, neuron = np.nonzero(np.random.default_rng(3).random((45, 12)) < 0.2)
    source = SpikeGeneratorGroup(12, neuron, step * ms, name=f"given_{side.name}")
    side.objects.append(source)
    events = side.group("eventful", 8, "", threshold="False",
                        events={"shout": "(i + t_in_timesteps) % 3 == 0"})  # fmt: skip
    target = side.group("told", 6, "count : integer\nreal : 1")
    code = "count_post = (2 * count_post + i + 3 * j) % 997\nreal_post = 0.5 * real_post + 0.1 * i"
    one = side.connect("given_all", source, target, on_pre=code, delay=2 * ms, connect=[{}])
    two = side.connect("telling", events, target, on_pre=code, on_event="shout", connect=[{}])
    side.by_rows["other sources"] = {**getattr(one, "by_rows", {}), **getattr(two, "by_rows", {})}
    side.observe("other sources", target, "count")
    side.observe("other sources", target, "real")


def sums_and_links(side: Side) -> None:
    """Summed variables beside, and targets with variables that belong to other groups."""
    model = "total : integer\ncount : integer\nup : boolean\nlinked : integer (linked)"
    other = side.group("linked_to", 7, "elsewhere : integer", threshold="i % 2 == 0")
    target = side.group("summed", 7, model, threshold="(i + t_in_timesteps) % 4 == 0")
    side.operate(target, "up = (i + t_in_timesteps + count) % 3 == 0", "flags")
    target.linked = linked_var(other, "elsewhere")
    synapses = side.connect(
        "summing", other, target, "q : integer\ntotal_post = q : integer (summed)",
        on_pre="linked_post += 1\nq += int(up_post) * (elsewhere_pre - q)\ncount_post += total_post",
        connect=[{}],
    )  # fmt: skip
    side.by_rows["sums and links"] = getattr(synapses, "by_rows", {})
    for name in ("total", "count"):
        side.observe("sums and links", target, name)
    side.observe("sums and links", other, "elsewhere")
    side.observe("sums and links", synapses, "q")


def synapses_onto_synapses(side: Side) -> None:
    """The targets of a spike may be synapses."""
    source = side.group("modulating", 5, "", threshold="(i + t_in_timesteps) % 4 == 0")
    target = side.group("modulated", 6, "real : 1")
    inner = side.connect("inner", source, target, "w : 1\nq : integer", on_pre="real_post += w",
                         connect=[{}])  # fmt: skip
    outer = side.connect(
        "outer", source, inner, on_pre="w_post = 0.5 * w_post + 0.1\nq_post += 1 + i",
        connect=[{"i": np.repeat(np.arange(5), 30), "j": np.tile(np.arange(30), 5)}], delay=2 * ms,
    )  # fmt: skip
    side.by_rows["synapses onto synapses"] = getattr(outer, "by_rows", {})
    side.observe("synapses onto synapses", target, "real")
    side.observe("synapses onto synapses", inner, "w")
    side.observe("synapses onto synapses", inner, "q")


SCENES = [
    thresholds, threshold_with_random_numbers, threshold_with_infinities,
    threshold_that_sees_other_spikes, operations, other_sources, sums_and_links,
    synapses_onto_synapses,
]  # fmt: skip

# -- scenes of two runs; each returns what is done between them ----------------------------------

ADDS = "count_post = (2 * count_post + q) % 997\nreal_post = 0.5 * real_post + 0.1 * q"


def _two_groups(side: Side, name: str, **kwds) -> tuple[NeuronGroup, NeuronGroup]:
    source = side.group(f"{name}_source", 6, "", threshold="(5 * i + t_in_timesteps) % 4 == 0",
                        **kwds)  # fmt: skip
    target = side.group(f"{name}_target", 5, "count : integer\nreal : 1", **kwds)
    side.observe(name, target, "count")
    side.observe(name, target, "real")
    return source, target


def delays_change(side: Side):
    """New delays hold for new spikes; what is under way arrives when it was to."""
    name = "delays change"
    source, target = _two_groups(side, "delays_change")
    synapses = side.connect("delays_change", source, target, "q : integer", connect=[{}], on_pre={
        "own": ADDS, "common": ADDS}, delay={"common": 7 * ms})  # fmt: skip
    rng = np.random.default_rng(5)
    synapses.q = rng.integers(1, 9, 30)
    synapses.own.delay = rng.integers(0, 8, 30) * ms
    side.by_rows[name] = getattr(synapses, "by_rows", {})

    def between():
        synapses.own.delay = rng.integers(0, 12, 30) * ms
        synapses.common.delay = 2 * ms

    return between


def synapses_are_added(side: Side):
    """Synapses that are added between two runs leave rows rows, and spikes under way."""
    name = "synapses are added"
    source, target = _two_groups(side, "synapses_are_added")
    synapses = side.connect("synapses_are_added", source, target, "q : integer", on_pre=ADDS,
                            delay=5 * ms, rows=None, connect=[{"i": np.repeat(np.arange(6), 5),
                            "j": np.tile(np.arange(5), 6)}])  # fmt: skip
    synapses.q = np.arange(30)
    side.by_rows[name] = getattr(synapses, "by_rows", {})

    def between():
        synapses.connect(i=[5, 0, 0, 3, 3, 3, 1], j=[2, 1, 3, 0, 0, 4, 4])
        synapses.q = np.arange(37)[::-1].copy()

    return between


def time_step_changes(side: Side, name="time_step_changes", dt=0.5):
    """What is under way arrives at its time, counted in other steps."""
    clock = Clock(dt=1 * ms, name=f"{name}_clock_{side.name}")
    source, target = _two_groups(side, name, clock=clock)
    synapses = side.connect(name, source, target, "q : integer", on_pre=ADDS, clock=clock,
                            connect=[{}])  # fmt: skip
    rng = np.random.default_rng(5)
    synapses.q = rng.integers(1, 9, 30)
    synapses.delay = rng.integers(0, 8, 30) * ms
    side.by_rows[name] = getattr(synapses, "by_rows", {})

    def between():
        clock.dt = dt * ms

    return between


def time_step_grows(side: Side):
    """As Brian2, with its losses."""
    return time_step_changes(side, "time_step_grows", 2.5)


SCENES_OF_TWO_RUNS = [delays_change, synapses_are_added, time_step_changes, time_step_grows]


# -- the program ----------------------------------------------------------------------------------


def build(directory: Path) -> None:
    """Compile: the many small sources as two, which takes a fraction of the time."""
    device.build(directory=str(directory), compile=False, run=False)
    sources = sorted(f"code_objects/{file.name}" for file in directory.glob("code_objects/*.cpp"))
    for n, name in enumerate(sources):  # what they define for themselves must not clash
        code = (directory / name).read_text()
        code = code.replace("namespace {", f"namespace support_{n} {{", 1)
        code = code.replace(
            "using namespace brian;", f"using namespace brian; using namespace support_{n};", 1
        )
        (directory / name).write_text(code)
    parts = ["part_0.cpp", "part_1.cpp"]
    for n, part in enumerate(parts):
        included = "".join(f'#include "{name}"\n' for name in sources[n::2])
        (directory / part).write_text('#include "common.h"\n' + included)
    headers = ("objects.h", "brianlib/common_math.h", "brianlib/stdint_compat.h")
    (directory / "common.h").write_text(
        "".join(f'#include "{name}"\n' for name in headers)
        + "#include <climits>\n#include <cmath>\n#include <ctime>\n#include <fstream>\n"
        "#include <iostream>\n"
    )
    makefile = (directory / "makefile").read_text()
    for name in sources:
        makefile = makefile.replace(f" {name} ", " ")
    makefile = makefile.replace("SRCS =", f"SRCS = {' '.join(parts)} ", 1)
    # what moves arrays about is long and runs once
    makefile += "\nobjects.o main.o: OPTIMISATIONS += -O0\n"
    (directory / "makefile").write_text(makefile)
    (directory / "make.deps").touch()
    subprocess.run(["make", "-j2"], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def main(directory: Path, first: int, last: int, scenes: bool) -> None:
    set_device("cpp_standalone", build_on_run=False)
    prefs["codegen.cpp.extra_compile_args_gcc"] = FLAGS
    prefs["codegen.cpp.extra_compile_args"] = FLAGS
    defaultclock.dt = 1 * ms
    cases = [random_case(number) for number in range(first, last)] + (FIXED if scenes else [])
    sides = [Side("rows", cases, scenes), Side("stock", cases, scenes)]
    for side in sides:
        side.run()
    build(directory / "program")
    device.run(str(directory / "program"), "results", run_args=[], with_output=False)
    for side in sides:
        np.savez(directory / f"{side.name}.npz", **side.results())
    (directory / "by_rows.json").write_text(json.dumps(sides[0].by_rows))
    shutil.rmtree(directory / "program")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "scenes" in sys.argv[4:])
