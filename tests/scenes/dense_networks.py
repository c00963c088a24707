"""Networks with `DenseSynapses`, and their doubles with stock `Synapses`: random and fixed ones.

All cases of a side lie in one group of target neurons, each in a slice of its own, so that a
program has few objects beside the synapses.  What the neurons do depends on what arrives: a wrong
synapse makes wrong spikes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass, field

import numpy as np
from brian2 import Function, Network, NeuronGroup, SpikeMonitor, Synapses, ms, seed

from synfire_bp.dense import DenseSynapses, RowCodeObject

STEPS = 60
N_DRIVERS = 23
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
    never : boolean
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
    the keyword, or a seed for delays set per synapse after connecting.  `even` has every second
    source speak to all its targets alike.
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
    even: bool = False


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


ONE_TO_ONE = [{"i": np.arange(N_DRIVERS), "j": np.arange(N_DRIVERS)}]
BANDED = [
    *ONE_TO_ONE,
    {"i": np.arange(N_DRIVERS), "j": np.full(N_DRIVERS, 4)},
    {"i": np.arange(1, N_DRIVERS), "j": np.arange(N_DRIVERS - 1)},
    {"i": np.arange(N_DRIVERS), "j": np.arange(N_DRIVERS)[::-1]},
    {"i": np.repeat(np.arange(5, 20), 2), "j": np.repeat(np.arange(15), 2)},
    {"i": np.arange(0, N_DRIVERS, 2), "j": np.arange(0, N_DRIVERS, 2)},
]
"""One to one, all to one, shifted, mirrored, twice each, every other one."""

EVEN = [
    {"i": np.repeat(np.arange(N_DRIVERS), n), "j": np.tile(np.arange(first, first + n), N_DRIVERS)}
    for first, n in ((0, 20), (20, 20), (0, 40), (3, 5), (0, 20))
]
"""Several runs of one neuron, to the same and to other targets, long and short ones."""

LONELY = [{"i": [0, 1, 2, 3, 11, 17], "j": [4, 4, 5, 5, 7, 2]}]

FIXED = [
    Case("two flags of one target", {
        "pre": "q += int(up_post) * 1\nq16 += int(low_post) * 1\nq64 += int(up_post) * 5"}),
    Case("two flags of a lonely target", {
        "pre": "q += int(up_post) * 1\nq16 += int(low_post) * 1"}, connect=LONELY),
    Case("a flag that the code writes", {
        "pre": "up_post = q % 2 == 0\nq += 1\nq64 += int(up_post) * 1"}, size=1),
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
        "pre": "big += int(never_post) * 0.5 * w"}, model=SYNAPSE + "big : integer\n",
        connect=LONELY),
    Case("an infinite weight where the flag is down", {
        "pre": "w32 += int(up_post and low_post) * (1 / (w - w))\nq += int(up_post) * 1"},
        connect=LONELY),
    Case("a factor that is infinite", {"pre": "real_post += int(up_post) * huge"},
         model=SYNAPSE + "huge : 1\n"),
    Case("several statements in a line", {"pre": "q += 1; count_post += q  # both"}),
    Case("event-driven traces", {
        "pre": "recent += 1\nw += int(up_post) * (clip(recent, -1, 1) - w)\nreal_post += recent"},
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
    Case("a condition", {"pre": "count_post += q\nq += int(up_post) * 3"}, recurrent=True,
         connect=[{"condition": "i != j"}, {"condition": "(i + j) % 3 == 0"}]),
    Case("part of a group onto all of it", {
        "pre": "count_post += 1\nq += int(up_post) * count_pre\nq64 += i + 10 * j"},
        recurrent=True, first_source=4),
    Case("delays and numbers of synapses in the code", {
        "early": "q += int(delay / (0.1*ms) + 0.5) % 7\nq64 += N_incoming + N_outgoing",
        "late": "q += int(delay / (0.1*ms) + 0.5) % 7 - int(up_post)"},
        connect=[{}, {"i": [1, 2], "j": [3, 3]}], delays={"early": 2.0}, delay_seed=3),
    Case("a clock-driven variable and shared ones", {
        "pre": "fading += w\nw += int(up_post) * (clip(fading, -1, 1) - w)\nq64 += twice * gain"},
        model=SYNAPSE + "dfading/dt = -fading / (5*ms) : 1 (clock-driven)\n"
        "twice = 2 * scale : integer (shared)\n"),
    Case("late and early synapses of one neuron", {
        "pre": "real_post = 0.5 * real_post + w\ncount_post = (2 * count_post + q) % 997"},
        delay_seed=4, connect=[{}, {}]),
    Case("wide rows", {"pre": "count_post += q\nq += int(up_post) * 3"}, size=40),
    Case("wide rows onto two variables", {
        "pre": "real_post = 0.5 * real_post + w\nw += int(up_post) * (clip(2 * w, -1, 1) - w)\n"
        "count_post = (2 * count_post + q) % 997"}, size=40, delays={"pre": 2.0},
        connect=[{}, {}]),
    Case("wide rows whose loops meet at a target", {
        "pre": "count_post += q\nq64 += int(up_post) * count_post"}, size=40),
    Case("wide rows where a flag is up", {
        "pre": "count_post = int(up_post) * (2 * count_post + q) % 997 + int(not up_post) * "
        "count_post\nq += 1\ncount64_post += int(up_post) * q64"}, size=40),
    Case("wide rows in one group", {
        "pre": "count_post += q\nq += int(up_post) * count_pre"}, size=40, recurrent=True),
    Case("wide rows of which some are late", {
        "pre": "real_post = 0.5 * real_post + w\nq += int(up_post) * 3"}, size=40, delay_seed=6),
    Case("one to one", {"pre": "count_post += q"}, size=N_DRIVERS, connect=ONE_TO_ONE),
    Case("one to one, late", {"pre": "count_post += q - 2"}, size=N_DRIVERS, connect=ONE_TO_ONE,
         delays={"pre": 5.0}),
    Case("many bands", {"pre": "count_post += q\ncount64_post -= q64 * (i + 2 * j) + count_pre"},
         size=N_DRIVERS, connect=BANDED, delays={"pre": 3.0}),
    Case("many bands of part of a group", {"pre": "count_post += q"}, size=N_DRIVERS,
         first_source=7, connect=[
             {"i": np.arange(16), "j": np.arange(16)}, {"i": np.arange(16), "j": np.full(16, 2)}]),
    Case("bands and rows", {"pre": "count_post += q"}, size=N_DRIVERS, connect=[*BANDED, {}]),
    Case("bands of two pathways", {"early": "count_post += q", "late": "count_post -= q16"},
         size=N_DRIVERS, connect=BANDED, delays={"early": 1.0}, delay_seed=8),
    Case("bands whose flags decide", {"pre": "count_post += int(up_post and low_pre) * q"},
         size=N_DRIVERS, connect=BANDED),
    Case("bands that learn", {"pre": "count_post += q\nq += int(up_post) * 2"}, size=N_DRIVERS,
         connect=BANDED),
    Case("one to one in one group, which reads what it writes", {"pre": "count_post += count_pre"},
         size=N_DRIVERS, connect=BANDED, recurrent=True),
    Case("one to one, fractions added to whole numbers", {"pre": "count_post += 3.6 * w"},
         size=N_DRIVERS, connect=BANDED),
    Case("one to one where the order counts", {"pre": "count_post = (2 * count_post + q) % 997"},
         size=N_DRIVERS, connect=BANDED),
    Case("wide rows of 16 bits", {"pre": "count_post += q16"}, size=300),
    Case("wide rows of 16 bits that grow out of a sum", {
        "pre": "count_post += q16\nq16 += int(up_post) * 700"}, size=300),
    Case("wide rows of 16 bits that shrink out of a sum", {
        "pre": "count_post += q16\nq16 -= int(up_post) * 1100"}, size=40),
    Case("wide rows of 16 bits that another pathway writes", {
        "early": "count_post += scale * q16", "late": "q16 += int(low_post) * 900"}, size=40),
    Case("wide rows of 16 bits that spikes of the targets write", {
        "pre": "count_post += 3 * q16"}, size=40, post_code="q16 += 800"),
    Case("wide rows of 16 bits onto 64", {"pre": "count64_post += 1000 * q16 * scale"}, size=40),
    Case("wide rows of 16 bits onto 16", {"pre": "count16_post += q16"}, size=40),
    Case("wide rows of 16 bits taken away", {"pre": "count_post -= q16"}, size=40),
    Case("even rows", {"pre": "count_post += q"}, size=40, even=True),
    Case("even rows of 16 bits", {"pre": "count_post += 2 * q16 * scale"}, size=300, even=True),
    Case("even rows of 64 bits", {"pre": "count64_post += q64"}, size=40, even=True),
    Case("even rows of 64 bits onto 32", {"pre": "count_post += q64"}, size=40, even=True),
    Case("even rows, several from each source", {"pre": "count_post += q"}, size=40, even=True,
         connect=EVEN),
    Case("even rows, several from each source, late", {"pre": "count_post += q"}, size=40,
         even=True, connect=EVEN, delays={"pre": 3.0}),
    Case("even rows, each synapse late by itself", {"pre": "count_post += q"}, size=40, even=True,
         delay_seed=9),
    Case("even rows onto two variables", {
        "pre": "count_post += q\ncount64_post += q64\nq16 += int(up_post) * 3"}, size=40,
        even=True),
    Case("even rows, twice onto one variable", {
        "pre": "count_post += q\nq16 += int(up_post) * 1\ncount64_post += 3 * q"}, size=40,
        even=True),
    Case("even rows that are read while they are added to", {
        "pre": "count_post += q\nq64 += int(up_post) * count_post"}, size=40, even=True),
    Case("even rows of two pathways", {"early": "count_post += q", "late": "count_post += 2 * q"},
         size=40, even=True, delays={"early": 1.0, "late": 2.0}),
    Case("even rows that spikes of the targets write", {"pre": "count_post += q"}, size=40,
         even=True, post_code="q += 1"),
    Case("even rows in one group", {"pre": "count_post += q"}, size=40, even=True, recurrent=True),
    Case("even rows beside bands", {"pre": "count_post += q"}, size=40, even=True,
         connect=[*ONE_TO_ONE, {}]),
]  # fmt: skip
"""Cases made to catch what rows, split loops, rows taken together, or a flag looked up once a step
could get wrong."""


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

    def __init__(
        self, name: str, cases: list[Case], *, compiled: bool = True, only: Container | None = None
    ):
        """Build cases; of those that are not in `only` the neurons alone, so that none moves."""
        self.name = name
        self.rows = name == "rows"
        self.compiled = compiled
        self.codeobj_class = RowCodeObject if self.rows and compiled else None
        self.objects: list = []
        self.once: list = []
        self.twice: list = []
        self.between: list[Callable[[], None]] = []
        self.observed: dict[str, dict] = {}
        self.start: dict[str, dict[str, np.ndarray]] = {}
        self.by_rows: dict[str, dict[str, bool]] = {}
        if cases:
            self._pool(cases, only)
        self.once, self.objects = self.objects, []

    @property
    def synapse_types(self) -> dict[str, type]:
        """Types of synaptic variables; runtime mode has no short ones from Brian2 2.10 on."""
        short = np.int16 if self.compiled else np.int32
        return {name: short if of is np.int16 else of for name, of in SYNAPSE_TYPES.items()}

    def play(self, scenes: list[Callable]) -> None:
        """Add scenes that are run once, and, if they return what is done then, once more."""
        for scene in scenes:
            self.scene = scene.__name__
            change = scene(self)
            if change is None:
                self.once += self.objects
            else:
                self.twice += self.objects
                self.between.append(change)
            self.objects = []

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

    def observe(self, *variables: tuple) -> None:
        """Have variables of groups of a scene, as (group, name), compared."""
        for owner, variable in variables:
            key = f"{owner.name.replace(f'_{self.name}', '')}.{variable or 'spikes'}"
            self.observed.setdefault(self.scene, {})[key] = (owner, variable, slice(None))

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
        kwds["name"] = f"{name}_{self.name}"
        synapses = DenseSynapses(*args, rows=rows, **kwds) if self.rows else Synapses(*args, **kwds)
        for call in connect:
            synapses.connect(**call)
        self.objects.append(synapses)
        if self.rows:
            self.by_rows[synapses.name.removesuffix("_rows")] = synapses.by_rows
        return synapses

    def record(self, group):
        """Record spikes; returns what `observe` takes."""
        monitor = SpikeMonitor(group, name=f"{group.name}_spikes")
        self.objects.append(monitor)
        return monitor, None

    def _pool(self, cases: list[Case], only: Container | None) -> None:
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
        spikes = self.record(groups["targets"])
        targets, end = groups["targets"], 0
        for n, case in enumerate(cases):
            begin, end = end, end + case.size
            if only is not None and case.name not in only:
                continue
            place, target = slice(begin, end), targets[begin:end]
            source = (target if case.recurrent else groups["drivers"])[case.first_source :]
            synapses = self._case(n, case, source, target)
            self.observed[case.name] = {
                **{name: (targets, name, place) for name in _stored(NEURON)},
                **{f"synapses.{name}": (synapses, name, slice(None))
                   for name in _stored(case.model)},
                "spikes": (*spikes, place),
            }  # fmt: skip

    def _case(self, n: int, case: Case, source, target) -> Synapses:
        on_pre = case.code["pre"] if list(case.code) == ["pre"] else case.code
        synapses = self.connect(
            f"case{n:03d}", source, target, case.model, on_pre=on_pre, on_post=case.post_code,
            delay={name: steps * ms for name, steps in case.delays.items()},
            namespace={"counted": counting()}, dtype=self.synapse_types | {"big": np.int64},
            rows=case.rows, connect=case.connect,
            codeobj_class=self.codeobj_class if n % 2 else None,
        )  # fmt: skip
        n_synapses = _count(case, len(source), len(target))
        if not n_synapses:
            return synapses
        rng = np.random.default_rng(1)
        start = {name: np.zeros(n_synapses) for name in _stored(case.model)}
        start |= {name: rng.uniform(-0.5, 0.5, n_synapses) for name in ("w", "w32")}
        start |= {name: rng.integers(-5, 9, n_synapses) for name in ("q", "q16", "q64")}
        if case.even:
            pre = np.concatenate([
                call["i"] if "i" in call else np.repeat(np.arange(len(source)), len(target))
                for call in case.connect
            ])  # fmt: skip
            for name in ("q", "q16", "q64"):
                alike = start[name][pre]  # the first numbers, one for each source
                start[name] = np.where(pre % 2, start[name], alike)
        if "big" in start:
            start["big"] = np.full(n_synapses, BIG)
        if "huge" in start:
            start["huge"] = np.where(rng.random(n_synapses) < 0.5, np.inf, 0.5)
        for name, values in start.items():
            if values.any():
                setattr(synapses, name, values)
        synapses.scale = 3
        self.start[case.name] = start
        if case.delay_seed is not None:
            rng = np.random.default_rng(case.delay_seed)
            for pathway in sorted(set(case.code) - set(case.delays)):
                getattr(synapses, pathway).delay = rng.integers(0, 60, n_synapses) / 10 * ms
        return synapses

    def results(self) -> dict[str, np.ndarray]:
        """Return all that is compared, as "case/variable"."""
        found = {}
        for case, variables in self.observed.items():
            for name, (owner, variable, place) in variables.items():
                if variable is None:
                    i, t = np.array(owner.i[:]), np.array(owner.t[:] / ms)
                    mine = (i >= (place.start or 0)) & (i < (place.stop or len(owner.source)))
                    found[f"{case}/{name}.i"] = i[mine]
                    found[f"{case}/{name}.t"] = t[mine]
                else:
                    found[f"{case}/{name}"] = np.array(getattr(owner, variable)[:])[place]
        return found


def _stored(model: str) -> list[str]:
    """Return the names of what equations keep for each neuron or synapse."""
    names = re.findall(r"^\s*(?:d(\w+)/dt = |(\w+) : )(?!.*shared)", model, flags=re.MULTILINE)
    return [differential or other for differential, other in names]


def _count(case: Case, n_source: int, n_target: int) -> int:
    """Return the number of synapses, which a program does not know before it has run."""
    i, j = np.indices((n_source, n_target))
    number = 0
    for call in case.connect:
        condition = eval(str(call.get("condition", True)), {"i": i, "j": j})
        number += len(call["i"]) if "i" in call else np.count_nonzero(condition | (i < 0))
    return number
