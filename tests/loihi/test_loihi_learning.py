"""The chip's learning engine: its rules, its rounding, and networks that learn by it.

All networks are one program, which is run twice: in Brian2's runtime mode, and in C++ standalone
by a process of its own (``python test_loihi_learning.py DIRECTORY``).  Expected values come from a
transcription of the engine in plain Python that shares no code with it: rules are evaluated by
Python itself, in fractions.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synfire_bp.circuit.rule import PAPER_RULE, parse_rule
from synfire_bp.errors import HardwareError, RuleError
from synfire_bp.loihi import (
    SPECS,
    LearningEngine,
    LoihiSpec,
    SignMode,
    Trace,
    parse_sum_of_products,
)
from synfire_bp.loihi.rule_formats import rule_bounds

CHIP = SPECS["loihi1"]
MOST = {"x1": 127, "x2": 127, "y1": 127, "y2": 127, "y3": 127, "r1": 127, "t": 255, "d": 62}
FLAGS = ("x0", "y0", "r0", "u0", "u1", "u3")
RANGES = (
    {name: (0, most) for name, most in MOST.items()}
    | {"t": (-255, 255), "w": (-256, 255)}
    | dict.fromkeys(FLAGS, (0, 1))
)
"""Every variable that the rules drawn here read, with what it can be."""


def sgn(x):
    return (x > 0) - (x < 0)


def evaluated(text, values):
    """Return the right side of a rule as Python reads it, in fractions."""
    code = text.partition("=")[2].replace("2^", "Fraction(2)**")
    return Fraction(eval(code, {"Fraction": Fraction, "sgn": sgn}, dict(values)))


def away_from_zero(x):
    return math.ceil(x) if x > 0 else math.floor(x)


def drawn_constant(rng, *, whole=False, step=1):
    mantissa, exponent = rng.integers(1, 8), rng.integers(0 if whole else -7, 4)
    return f"{mantissa}*2^{min(exponent + step.bit_length() - 1, 9)}"


def drawn_rule(rng, target, names, *, whole=False, step=1, n_products=None):
    """Draw a rule that reads some of `names`; its constants are multiples of `step` if `whole`."""
    triggers = [name for name in names if name in ("x0", "y0") or name.startswith("u")]
    text = f"{target} ="
    for k in range(n_products or rng.integers(1, 5)):
        factors = [str(rng.choice(triggers)), drawn_constant(rng, whole=whole, step=step)]
        for name in rng.choice(names, rng.integers(0, 3)):
            plus = rng.choice(["", "+3", "-8", "+2^4"]) if not name.startswith("u") else ""
            factors.append(f"({name}{plus})" if plus else str(name))
        rng.shuffle(factors)
        text += f" {rng.choice(['+', '-']) if k else '-'} " + "*".join(factors)
    return text


# ==================================================================================================
# What the engine is to do, in plain Python
# ==================================================================================================


@dataclass
class Scene:
    """A small projection with random spikes, in which no step of the engine is left to chance."""

    name: str
    rules: dict[str, str]
    epoch: int = 1
    traces: dict[str, Trace] = field(default_factory=dict)
    sign_mode: SignMode = SignMode.MIXED
    exponent: int = 0
    spec: LoihiSpec = CHIP
    n_pre: int = 3
    n_post: int = 4
    delayed: bool = False
    rewarded: bool = True
    relayed: bool = False  # the sources are a slice of a group of neurons
    number: int = 0

    def __post_init__(self):
        rng = np.random.default_rng([7, self.number])
        draw = lambda n: rng.random((STEPS, n)) < 0.3  # noqa: E731
        self.pre, self.reward, self.drive = draw(self.n_pre), draw(1), draw(self.n_post)
        if self.relayed:
            self.pre[0] = False  # a neuron needs a step to spike
        self.i, self.j = (grid.ravel() for grid in np.indices((self.n_pre, self.n_post)))
        self.step = step_of(self.spec.weight_bits, self.sign_mode)
        self.low, self.high = range_of(self.spec.weight_bits, self.sign_mode)
        grid = np.arange(self.low, self.high + 1, self.step)
        self.w = rng.choice(grid, self.i.size)
        extra = self.delayed or "dd" in self.rules or any("d" in r for r in self.reads())
        self.d = rng.integers(0, 7 if extra else 1, self.i.size)

    def reads(self):
        """Return what each rule reads, by a look at its text."""
        return [set(re.findall(r"[a-z]\d?", r.partition("=")[2])) for r in self.rules.values()]

    @property
    def n_relays(self):
        return self.n_pre if self.relayed else 0

    def engine(self):
        return LearningEngine(self.spec, **self.rules, epoch=self.epoch, traces=self.traces)


STEPS = 48


def step_of(bits, sign_mode):
    return 2 ** (8 - bits + (sign_mode is SignMode.MIXED))


def range_of(bits, sign_mode):
    low, high = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}[
        sign_mode.value
    ]
    step = step_of(bits, sign_mode)
    grid = [k * step for k in range(-256, 257) if low <= k * step <= high]
    return grid[0], grid[-1]


def expected(scene):
    """Return all variables of each synapse at the end of every step, and what arrives when.

    That is {name: (steps, synapses)} and (steps, postsynaptic neurons).
    """
    n = scene.i.size
    w, t, d = scene.w.tolist(), [0] * n, scene.d.tolist()
    traces = defaultdict(int)  # (name, number of its neuron) -> value
    seen = defaultdict(list)
    u = np.zeros((STEPS + 70, scene.n_post), dtype=np.int64)
    fired = np.zeros_like(scene.drive)  # the drive makes a neuron spike one step later
    fired[1:] = scene.drive[:-1]
    early = scene.spec.input_arrival == "same_step"
    spikes = {"x": scene.pre, "y": fired, "r": scene.reward & scene.rewarded}
    cells = {"x": scene.i, "y": scene.j, "r": 0 * scene.i}
    for step in range(STEPS):
        if step % scene.epoch == 0:
            for name, neuron in traces:
                trace = scene.traces.get(name)
                if trace is None or trace.tau == 0:  # flags, for one
                    traces[name, neuron] = 0
        for k in range(n):
            if scene.pre[step, scene.i[k]]:
                arriving = math.floor(w[k] * Fraction(2) ** scene.exponent) * 64
                u[step + (not early) + d[k], scene.j[k]] += arriving
        for side, there in spikes.items():
            for neuron in np.flatnonzero(there[step]):
                traces[f"{side}0", neuron] = 1
                for name, trace in scene.traces.items():
                    if name[0] == side:
                        traces[name, neuron] = min(traces[name, neuron] + trace.impulse, 127)
        epochs, rest = divmod(step + 1, scene.epoch)
        for k in range(n if rest == 0 else 0):
            values = {"w": w[k], "t": t[k], "d": d[k]}
            values |= {f"u{p}": int(epochs % 2**p == 0) for p in range(10)}
            for side, number in product("xyr", "0123"):
                values[side + number] = traces[side + number, cells[side][k]]
            change = {
                target: away_from_zero(evaluated(text, values))
                for target, text in scene.rules.items()
            }
            dw = change.get("dw", 0)
            assert dw % scene.step == 0, "left to chance"
            w[k] = min(max(w[k] + dw, scene.low), scene.high)
            t[k] = min(max(t[k] + change.get("dt", 0), -255), 255)
            d[k] = min(max(d[k] + change.get("dd", 0), 0), 62)
        for name, values in {"w": w, "tag": t, "d": d}.items():
            seen[name].append(list(values))
        for side, number in product("xyr", "0123"):
            name = side + number
            seen[name].append([traces[name, cell] for cell in cells[side]])
    arrived = u[:STEPS]
    arrived[1:] += DRIVE * scene.drive[:-1]
    return {name: np.array(values) for name, values in seen.items()}, arrived


DRIVE = 254 * 2**6 * 2**6
"""What arrives from the input that makes a postsynaptic neuron spike."""

HELD = {"x1": Trace(20, None), "x2": Trace(9, 0), "y1": Trace(31, None), "y2": Trace(127, 0),
        "y3": Trace(3, 0), "r1": Trace(40, 0)}  # fmt: skip
"""Traces that leave nothing to chance: they keep everything, or nothing."""

WHOLE = SignMode.EXCITATORY
"""With 8 bits its weights go in steps of 1."""


def drawn_scene(number):
    """Draw a scene; the same number is the same scene for ever.  All weight bits occur."""
    rng = np.random.default_rng([4, number])
    bits = 1 + number % 8
    sign_mode = list(SignMode)[int(rng.integers(3))]
    step = step_of(bits, sign_mode)
    names = ["x0", "y0", "u0", "u1", "u2", "r0", "w", *HELD]
    rules = {"dw": drawn_rule(rng, "dw", names, whole=step > 1, step=step)}
    if rng.random() < 0.5:
        rules["dt"] = drawn_rule(rng, "dt", [*names, "t", "sgn(w)"])
    if rng.random() < 0.5:
        rules["dd"] = drawn_rule(rng, "dd", [*names, "d"])
    return Scene(
        f"drawn {number}", rules, epoch=int(rng.integers(1, 5)), traces=HELD, sign_mode=sign_mode,
        exponent=int(rng.integers(-3, 2)), delayed=bool(rng.random() < 0.3), number=number,
        spec=replace(
            CHIP, weight_bits=bits, input_arrival=str(rng.choice(["next_step", "same_step"]))
        ),
    )  # fmt: skip


COINCIDENCE = "dw = 2^6*x0*y0 - 2^6*x0"
SCENES = [
    Scene("the paper's rule", {"dw": PAPER_RULE}, traces={"r1": Trace(1, 0)}),
    Scene("the paper's rule, every synapse visited", {"dw": PAPER_RULE + " + 0*y0"},
          traces={"r1": Trace(1, 0)}),
    Scene("weight, tag and delay", {
        "dw": "dw = 2^-3*x1*y0 - 2^-2*x0*y1*sgn(w) + 3*r1*x0*y0 - u3*(w+3) + 2^-1*u1*t",
        "dt": "dt = x0 - u2*t + 2^-7*y0*y2*w + 7*y0*sgn(t)",
        "dd": "dd = x0*y0 - 3*u2*r0 + 2^-5*u1*(x2-8)*(d+1)",
    }, epoch=3, traces=HELD, sign_mode=WHOLE),
    Scene("three weight bits at events", {"dw": COINCIDENCE}, exponent=-2, delayed=True,
          spec=replace(CHIP, weight_bits=3), relayed=True),
    Scene("input of the same step", {
        "dw": "dw = 2*x0*y2 - 2*y0*(w+6) + 2*r0*x0", "dd": "dd = 2*x0 - 3*y0",
    }, epoch=2, traces=HELD, spec=replace(CHIP, input_arrival="same_step")),
    Scene("tags alone", {"dt": "dt = -2*u0*y1 - 2^9*x0*y0*r0"}, traces=HELD),
    Scene("no reward", {"dw": "dw = 2*x0*(r1+3)*(r0+2)"}, rewarded=False),
]  # fmt: skip
N_DRAWN = 8
ALL_SCENES = {s.name: s for s in [*SCENES, *map(drawn_scene, range(N_DRAWN))]}
COMPILED = [scene.name for scene in SCENES]
"""Drawn scenes are not compiled: their rules are, in the tables."""

# ==================================================================================================
# The networks
# ==================================================================================================

REPETITIONS = 10_000
EPOCHS = 12
LONG = {"x1": Trace(100, 9.0), "x2": Trace(37, 3.3), "y1": Trace(127, 25.0), "y2": Trace(50, 1.7),
        "y3": Trace(11, 60.0), "r1": Trace(64, 5.5)}  # fmt: skip
CHANCE_RULE = "dw = 2^5*x0 + 5*x0 - 3*2^4*y0"
CHANCE_BITS = 4
EVERY = {"x": 5, "y": 7}
"""Steps from one spike of a neuron to the next."""
REWARDED = (3, 4, 14)

TABLE_ROWS = 300
TABLES = [
    (bits, mode, exponent)
    for (bits, mode), exponent in zip(
        [(1, "mixed"), (2, "excitatory"), (4, "inhibitory"), (7, "mixed"), (8, "excitatory"),
         (8, "mixed")], [-8, -3, 0, 1, 4, 7], strict=True,
    )
]  # fmt: skip


def table_engine(number):
    """Return an engine with three rules drawn for the number."""
    rng = np.random.default_rng([5, number])
    bits = TABLES[number][0]
    names = [*RANGES, "sgn(w)", "sgn(t)"]
    rules = {target: drawn_rule(rng, target, names, n_products=5) for target in ("dw", "dt", "dd")}
    traces = {name: Trace(1) for name in HELD}
    return LearningEngine(replace(CHIP, weight_bits=bits), **rules, traces=traces)


def table_values(number):
    """Return random values of all variables, extremes among them."""
    rng = np.random.default_rng([6, number])
    values = {
        name: rng.choice([low, high, *rng.integers(low, high + 1, 9)], TABLE_ROWS)
        for name, (low, high) in RANGES.items()
    }
    values["change"] = rng.choice([0, 1, -1, 2**30, *rng.integers(-600, 600, 50)], TABLE_ROWS)
    values["drawn"] = rng.random(TABLE_ROWS)
    values["kept"] = rng.choice([0.0, 0.5, 0.75, 1.0, 0.3, 0.9], TABLE_ROWS)
    return values


class Board:
    """All networks of this module, by Brian2's present device."""

    def __init__(self, scenes, *, tables=False, chance=False):
        from brian2 import Network

        self.observed, self.by_rows, self.objects = {}, {}, []
        if scenes:
            self.add_scenes([ALL_SCENES[name] for name in scenes])
        for number in range(len(TABLES) if tables else 0):
            self.add_table(number)
        if chance:
            self.add_chance()
        self.network = Network(*self.objects)

    def run(self, number):
        from brian2 import seed

        from synfire_bp.loihi.emulation import STEP

        seed(number)
        self.network.run(STEPS * STEP)

    def results(self):
        return {name: np.array(read()) for name, read in self.observed.items()}

    def add_scenes(self, scenes):
        """Add scenes; they share a group of neurons, each with a slice of its own."""
        from brian2 import StateMonitor

        from synfire_bp.loihi import LoihiInput, LoihiNeurons, LoihiPlasticSynapses, LoihiSynapses

        # what drives the targets of each scene, and its sources if they are neurons
        driven = [
            part for s in scenes for part in (s.drive, np.roll(s.pre, -1, 0)[:, : s.n_relays])
        ]
        step, neuron = np.nonzero(np.hstack(driven))
        n = sum(scene.n_post + scene.n_relays for scene in scenes)
        drive = LoihiInput(n, neuron, step, spec=CHIP, name="drive")
        cells = LoihiNeurons(n, spec=CHIP, threshold=2**13, name="cells")
        driving = LoihiSynapses(drive, cells, spec=CHIP, exponent=6, name="driving")
        driving.connect(i=np.arange(n), j=np.arange(n))
        driving.set_weights(np.full(n, 254))
        u = StateMonitor(cells, "u", record=True, when="end", name="currents")
        self.objects += [drive, cells, driving, u]
        begin = 0
        for k, scene in enumerate(scenes):
            mine = slice(begin, begin + scene.n_post)
            begin = mine.stop + scene.n_relays
            if scene.relayed:
                source = cells[mine.stop : begin]
            else:
                step, neuron = np.nonzero(scene.pre)
                source = LoihiInput(scene.n_pre, neuron, step, spec=scene.spec, name=f"in{k}")
                self.objects.append(source)
            reward = None
            if scene.rewarded:  # what is made and not used may be gone when the program is built
                reward = LoihiInput(1, [0] * int(scene.reward.sum()), np.flatnonzero(scene.reward),
                                    spec=CHIP, name=f"reward{k}")  # fmt: skip
                self.objects.append(reward)
            synapses = LoihiPlasticSynapses(
                source, cells[mine], engine=scene.engine(), sign_mode=scene.sign_mode,
                exponent=scene.exponent, delayed=scene.delayed, name=f"scene{k}",
                reward=reward,
            )  # fmt: skip
            synapses.connect(i=scene.i, j=scene.j)
            synapses.set_weights(scene.w, strict=True)
            synapses.set_delays(scene.d)
            names = [v for v in ("w", "tag", "d", *HELD, "x0", "y0", "r0")
                     if v in synapses.variables]  # fmt: skip
            seen = StateMonitor(synapses, names, record=np.arange(scene.i.size), when="end",
                                name=f"seen{k}")  # fmt: skip
            self.objects += [synapses, seen]
            self.by_rows[scene.name] = lambda s=synapses: s.by_rows
            self.observed[f"{scene.name}/u"] = lambda mine=mine: u.u[mine].T
            for name in names:
                read = lambda seen=seen, name=name: getattr(seen, name)[:].T  # noqa: E731
                self.observed[f"{scene.name}/{name}"] = read

    def add_table(self, number):
        """Add a group that applies the engine's functions to a table of values."""
        from brian2 import NeuronGroup

        from synfire_bp.loihi.emulation import STEP
        from synfire_bp.loihi.emulation.objects import code_class
        from synfire_bp.loihi.engine import learning_functions

        _, mode, exponent = TABLES[number]
        engine, values = table_engine(number), table_values(number)
        values["tag"] = values.pop("t")
        outcomes = {
            "steps": "in_steps(change, drawn)",
            "sum": "added(w, change, -50, 60)",
            "arriving": "effective(w)",
            "left": "faded(x1, kept, drawn)",
        }
        for target, rule in engine.rules.items():
            arguments = ["tag" if name == "t" else name for name in rule.variables]
            outcomes[target] = f"rule_{target}({', '.join(arguments)})"
        real = ("drawn", "kept")
        model = "".join(f"{v} : {'1' if v in real else 'integer'}\n" for v in values)
        model += "".join(f"is_{name} : integer\n" for name in outcomes)
        table = NeuronGroup(
            TABLE_ROWS, model, name=f"table{number}", dt=STEP, codeobj_class=code_class(),
            namespace=learning_functions(engine, SignMode(mode), exponent),
            dtype={name: np.float64 for name in real},
        )  # fmt: skip
        for name, value in values.items():
            setattr(table, name, value)
        table.run_regularly("\n".join(f"is_{n} = {c}" for n, c in outcomes.items()), dt=STEP,
                            codeobj_class=code_class(), name=f"table{number}_fill")  # fmt: skip
        self.objects.append(table)
        for name in outcomes:
            read = lambda name=name: getattr(table, f"is_{name}")[:]  # noqa: E731
            self.observed[f"table {number}/{name}"] = read

    def add_chance(self):
        """Add 10,000 neurons that do the same, with traces and weights rounded at random."""
        from brian2 import StateMonitor

        from synfire_bp.loihi import LoihiInput, LoihiNeurons, LoihiPlasticSynapses

        neurons = {
            side: LoihiNeurons(
                REPETITIONS, spec=CHIP, threshold=0, bias=4095, bias_exponent=7, refractory=every,
                name=f"{side}_neurons",
            )
            for side, every in EVERY.items()
        }  # fmt: skip
        reward = LoihiInput(1, [0] * len(REWARDED), REWARDED, spec=CHIP, name="chance_reward")
        engine = LearningEngine(
            replace(CHIP, weight_bits=CHANCE_BITS), dw=CHANCE_RULE, epoch=2, traces=LONG
        )
        synapses = LoihiPlasticSynapses(
            neurons["x"], neurons["y"], engine=engine, reward=reward, name="chance"
        )
        synapses.connect(i=np.arange(REPETITIONS), j=np.arange(REPETITIONS))
        parts = {"pre_traces": ["x1", "x2"], "post_traces": ["y1", "y2", "y3", "r1"]}
        for part, names in [*parts.items(), ("", ["w"])]:
            source = getattr(synapses, part) if part else synapses
            record = np.arange(REPETITIONS)
            seen = StateMonitor(source, names, record=record, when="end", clock=synapses.clock,
                                name=f"chance_seen_{part}")  # fmt: skip
            self.objects.append(seen)
            for name in names:
                self.observed[f"chance/{name}"] = lambda s=seen, v=name: getattr(s, v)[:, 1:24:2].T
        self.objects += [*neurons.values(), reward, synapses]


def compile_joined(directory):
    """Compile the many small sources as a few: starting the compiler takes longer than they do."""
    sources = sorted(f"code_objects/{file.name}" for file in directory.glob("code_objects/*.cpp"))
    for n, name in enumerate(sources):  # what they define for themselves must not clash
        code = (directory / name).read_text()
        code = code.replace("namespace {", f"namespace support_{n} {{", 1)
        code = code.replace(
            "using namespace brian;", f"using namespace brian; using namespace support_{n};"
        )
        (directory / name).write_text(code)
    parts = [f"part_{n}.cpp" for n in range(2)]
    for n, part in enumerate(parts):
        (directory / part).write_text("".join(f'#include "{s}"\n' for s in sources[n::2]))
    makefile = (directory / "makefile").read_text()
    for name in sources:
        makefile = makefile.replace(f" {name} ", " ")
    makefile = makefile.replace("SRCS =", f"SRCS = {' '.join(parts)} ", 1)
    # what moves arrays about is long and runs once
    makefile += "\nobjects.o main.o: OPTIMISATIONS += -O0\n"
    (directory / "makefile").write_text(makefile)
    (directory / "make.deps").touch()
    subprocess.run(["make", "-j2"], cwd=directory, check=True, stdout=subprocess.DEVNULL)


def standalone(directory):
    """Build and run everything in C++; leave the results, and those of a second run."""
    from brian2 import device, prefs, set_device

    set_device("cpp_standalone", build_on_run=False)
    prefs["codegen.cpp.extra_compile_args_gcc"] = ["-w", "-O1", "-std=c++17"]
    board = Board(COMPILED, tables=True, chance=True)
    board.run(SEED)
    device.build(directory=str(directory / "program"), compile=False, run=False)
    compile_joined(directory / "program")
    for name in ("first", "second"):
        device.run(str(directory / "program"), "results", run_args=[], with_output=False)
        np.savez(directory / f"{name}.npz", **board.results())
    paper = board.by_rows["the paper's rule"]()
    (directory / "by_rows").write_text("".join(f"{k} {v}\n" for k, v in paper.items()))


SEED = 4
"""Of 84 comparisons with 3 standard errors one or more fail by chance at a fifth of all seeds."""

MODES = ("runtime", "standalone")


@pytest.fixture(scope="module", autouse=True)
def no_compiler():
    """Runtime mode without Cython, which nothing here needs and which takes long to compile."""
    import brian2

    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Folder of what the C++ program left."""
    folder = tmp_path_factory.mktemp("learning")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, __file__, str(folder)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def results(program):
    """Results of all networks, by mode."""
    board = Board(ALL_SCENES, tables=True, chance=True)
    board.run(SEED)
    with np.load(program / "first.npz") as file:
        return {"runtime": board.results(), "standalone": dict(file)}


# ==================================================================================================
# Rules
# ==================================================================================================


@st.composite
def rules(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    target = str(rng.choice(["dw", "dt", "dd"]))
    return drawn_rule(
        rng, target, [*RANGES, "sgn(w)", "sgn(t)"], n_products=draw(st.integers(1, 5))
    )


@st.composite
def situations(draw):
    return {
        name: draw(st.integers(low, high) | st.sampled_from([low, high]))
        for name, (low, high) in RANGES.items()
    }


@given(text=rules(), values=situations())
def test_any_rule_means_what_its_arithmetic_says(text, values):
    rule = parse_sum_of_products(text, CHIP)
    value = evaluated(text, values)
    assert rule.value(**values) == value
    assert rule.change(**values) == away_from_zero(value)
    assert abs(value) <= rule.largest(rule_bounds(CHIP))
    assert rule.change(**values) % rule.grain == 0


@given(text=rules())
def test_a_rule_does_nothing_without_a_flag_that_all_its_products_hold(text):
    rule = parse_sum_of_products(text, CHIP)
    written = re.split(r" [+-] ", text.partition("=")[2].strip())
    for flag in ("x0", "y0"):
        held = [flag in re.split(r"[*\s-]", part) for part in written]
        assert rule.always(flag) == all(held)


SPELLINGS = {
    "dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3) + u2*t": "dw = 2^-2*x1*y0 - 2^-4*x0*y1*(w+3) + u2*t",
    "dw=+ 4*2^-2 * y0": "dw = y0",
    "dw = 2*2*x0*2^1": "dw = 8*x0",
    "dt = (x0)*(3+w)": "dt = x0*w + 3*x0",
    "dd = x0*(-4+d+2)": "dd = x0*d - 2*x0",
    "dw = -\n x0 * sgn( w )": "dw = -1*x0*sgn(w)",
    "dw = x0*x0*u03*r0": "dw = x0*u3*r0",
    "dw = -8*2^9*x0": "dw = -4096*x0",
    "dt = u0*(x1+2^6)": "dt = u0*(x1+64)",
}


@pytest.mark.parametrize(("written", "plain"), SPELLINGS.items())
def test_a_rule_can_be_written_in_several_ways(written, plain):
    rule, rng = parse_sum_of_products(written, CHIP), np.random.default_rng(0)
    for _ in range(20):
        values = {name: int(rng.integers(low, high + 1)) for name, (low, high) in RANGES.items()}
        values |= {"u2": int(rng.integers(2)), "x0": 1}
        assert rule.value(**values) == evaluated(plain, values)


def test_what_is_not_named_is_0():
    rule = parse_sum_of_products("dw = 3*x0*(y1+2) + u1*w", CHIP)
    assert rule.change() == 0
    assert rule.change(x0=1) == 6
    assert rule.change(u1=1, w=-5) == -5


@given(mantissa=st.integers(-8, 7), exponent=st.integers(-7, 9))
def test_every_constant_of_the_format_can_be_written(mantissa, exponent):
    sign = "-" if mantissa < 0 else ""
    rule = parse_sum_of_products(f"dw = {sign}{abs(mantissa)}*2^{exponent}*x0", CHIP)
    assert rule.value(x0=1) == mantissa * Fraction(2) ** exponent


def test_whole_constants_are_held_or_refused():
    held = {m * 2**e for m in range(-8, 8) for e in range(10)}
    for constant in range(-160, 161):
        factor = f"{'-' if constant < 0 else ''}{abs(constant)}"
        for text in (f"dw = {factor}*y0*x1", f"dw = y0*(x1{constant:+d})"):
            if constant in held:
                parse_sum_of_products(text, CHIP)
            else:
                with pytest.raises(HardwareError, match=rf"the constant {constant};"):
                    parse_sum_of_products(text, CHIP)


UNREADABLE = {
    "empty": ("", "must begin with 'dw ='"),
    "another target": ("dx = x0", "must begin with 'dw =', 'dt =' or 'dd ='"),
    "no target": ("x0*y0", "must begin with"),
    "nothing": ("dw = ", "nothing after 'dw ='"),
    "no text": (3, "a rule is a text"),
    "an unknown factor": ("dw = x0*z1", "unknown factor 'z1'; known are x0"),
    "a trace that is not": ("dw = x0*x3", "unknown factor 'x3'"),
    "another case": ("dw = X0", "unknown factor 'X0'"),
    "the sign of a trace": ("dw = x0*sgn(x1)", r"unknown factor 'sgn\(x1\)'"),
    "a sign of nothing": ("dw = x0*sgn(", "sgn is followed by a variable"),
    "a sign without brackets": ("dw = x0*sgn*w", "sgn is followed by a variable"),
    "an open sign": ("dw = x0*sgn(w", r"'\)' is missing after sgn"),
    "a double plus": ("dw = x0 ++ y0", r"a factor is missing before '\+'"),
    "a double times": ("dw = x0**y0", r"a factor is missing before '\*'"),
    "a trailing plus": ("dw = x0 +", "ends where a factor should follow"),
    "a trailing times": ("dw = x0* ", "ends where a factor should follow"),
    "no operator": ("dw = 2 x0", r"'\*', '\+' or '-' is missing before 'x0'"),
    "a closing bracket": ("dw = x0)", r"is missing before '\)'"),
    "an open bracket": ("dw = x0*(w+3", r"brackets hold a variable plus a constant"),
    "an empty bracket": ("dw = x0*()", r"a factor is missing before '\)'"),
    "a bracket of a constant": ("dw = x0*(3)", "brackets without a variable"),
    "two variables in a bracket": ("dw = x0*(w+t)", "cannot be added to another"),
    "a variable taken away": ("dw = x0*(3-w)", "cannot have a minus in front"),
    "a product in a bracket": ("dw = x0*(2*w)", "brackets hold a variable plus"),
    "a fraction added": ("dw = x0*(w+2^-1)", "1/2 is added; .* must be whole"),
    "something added to a flag": ("dw = u1*(u2+1)", "nothing can be added to the flag u2"),
    "a decimal": ("dw = 0.5*x0", r"cannot read '\.' here"),
    "a number stuck to a factor": ("dw = 2x0", "cannot read '2x0' here"),
    "a power of 3": ("dw = 3^2*x0", "only powers of 2"),
    "a power of a variable": ("dw = x0*x1^2", r"is missing before '\^'"),
    "no exponent": ("dw = 2^*x0", "a whole number is missing"),
    "an exponent beyond all": ("dw = 2^99999*x0", "exponent 99999 is beyond 62"),
    "a number beyond all": ("dw = 12345678901*x0", "more than 9 digits"),
    "a division": ("dw = x0/2", "cannot read '/' here"),
    "no trigger": ("dw = x0 - 2*x1*w", r"the product -2\*x1\*w holds none of x0, y0 and the flags"),
    "a bare constant": ("dw = x0*y0 + 2", "the product 2 holds none"),
    "a trigger with something added": ("dw = (x0+1)*w", r"the product \(x0\+1\)\*w holds none"),
    "only reward": ("dt = r0*r1", r"the product r0\*r1 holds none"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_rule_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(RuleError, match=message) as caught:
        parse_sum_of_products(text, CHIP)
    assert str(text) in str(caught.value)


TOO_MUCH = {
    "a mantissa of 9": ("dw = x0 - 9*y0*x1", r"product -9\*y0\*x1 has the constant -9; the engine "
                        r"has mantissas -8 … 7 \(3 bits and a sign\) times 2\^-7 … 2\^9"),
    "8 is 4 times 2, 15 is not": ("dw = 8*x0 + 5*3*x0", "the constant 15"),
    "a fraction too fine": ("dw = 2^-8*x0", "the constant 1/256"),
    "a fraction with too many bits": ("dw = 9*2^-7*x0", "the constant 9/128"),
    "too large": ("dw = 2^13*x0", "the constant 8192"),
    "an added constant": ("dw = x0*(w-9)", r"the factor \(w-9\), which adds the constant -9; the "
                          r"engine has mantissas -8 … 7 \(3 bits and a sign\) times 2\^0 … 2\^9"),
    "a flag of long period": ("dw = u10*w", "has the flag u10; the engine has u0 … u9"),
    "too long numbers": ("dw = x0 + y0*x1*x1*x1*x1*x1*x1*x1*w*w",
                         r"can reach .* most of it from the product y0\*x1\*.*within 62 bits"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_rule_that_the_engine_cannot_hold_is_refused(text, message):
    with pytest.raises(HardwareError, match=message) as caught:
        parse_sum_of_products(text, CHIP)
    assert text in str(caught.value)


def test_wider_constants_of_another_chip_hold_what_this_one_refuses():
    wide = replace(CHIP, constant_bits=4)
    assert parse_sum_of_products("dw = 9*x0*(w-9)", wide).change(x0=1, w=10) == 9


@pytest.mark.parametrize(
    ("text", "culprit"),
    [("dw = 2*x0*z1", "z1"), ("dw = 2*x0 ? y0", "?"), ("dw=2*x0  y0", "y0"),
     ("dw = x0*(w+t)", "t)"), ("dw = x0*(w+2^-1)", "w+2"), ("dw = x0*3^2", "3^2")],
)  # fmt: skip
def test_a_mark_points_at_the_place_that_cannot_be_read(text, culprit):
    with pytest.raises(RuleError) as caught:
        parse_sum_of_products(text, CHIP)
    _, quoted, mark = str(caught.value).splitlines()
    assert quoted.strip() == text
    assert quoted[mark.index("^") :].startswith(culprit)


def test_a_value_of_an_unknown_variable_is_refused():
    rule = parse_sum_of_products("dw = x0", CHIP)
    with pytest.raises(RuleError, match="no variable 'x5'"):
        rule.value(x5=1)


IMPOSSIBLE = {
    "an impulse of 128": ({"traces": {"x1": Trace(128, 3)}}, "x1: the impulse is 128; .* 0 … 127"),
    "half an impulse": ({"traces": {"x1": Trace(0.5, 3)}}, "x1: the impulse is 0.5"),
    "a negative time constant": ({"traces": {"y2": Trace(5, -1)}}, "y2: the time constant is -1"),
    "no number": ({"traces": {"y2": Trace(5, math.nan)}}, "y2: the time constant is nan"),
    "an unknown trace": ({"traces": {"x0": Trace(5, 3)}}, "no trace 'x0'; known are x1, x2"),
    "a tuple": ({"traces": {"x1": (5, 3)}}, r"x1 is \(5, 3\); must be a Trace"),
    "an epoch of nothing": ({"epoch": 0}, "learning epoch is 0 steps"),
    "half a step": ({"epoch": 0.5}, "learning epoch is 0.5 steps"),
    "a constant": ({"dt": "dt = 11*x0"}, "the constant 11"),
}


@pytest.mark.parametrize(("given", "message"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_engine_that_cannot_be_is_refused(given, message):
    with pytest.raises(HardwareError, match=message):
        LearningEngine(CHIP, **given)


def test_a_rule_cannot_read_a_trace_that_there_is_not():
    with pytest.raises(RuleError, match=r"y3 is read, but the trace has no impulse.*\"y3\": Trace"):
        LearningEngine(CHIP, dw="dw = x0*y3", traces={"y1": Trace(1, 1)})


def test_a_rule_given_for_another_target_is_refused():
    with pytest.raises(RuleError, match="'dt = x0' is given as dw"):
        LearningEngine(CHIP, dw="dt = x0")


def test_synapses_without_delays_refuse_one_and_a_reward_is_a_whole_group():
    from synfire_bp.loihi import LoihiInput, LoihiNeurons, LoihiPlasticSynapses

    source = LoihiInput(3, [], [], spec=CHIP)
    target = LoihiNeurons(2, spec=CHIP, threshold=1)
    engine = LearningEngine(CHIP, dw=PAPER_RULE)
    synapses = LoihiPlasticSynapses(source, target, engine=engine)
    synapses.connect(i=[0, 1], j=[0, 1])
    synapses.set_delays([0, 0])
    with pytest.raises(HardwareError, match=r"5 steps of delay.*delayed=True"):
        synapses.set_delays([0, 5])
    delayed = LoihiPlasticSynapses(source, target, engine=engine, delayed=True)
    delayed.connect(i=[0, 1], j=[0, 1])
    with pytest.raises(HardwareError, match="63"):
        delayed.set_delays([0, 63])
    with pytest.raises(HardwareError, match=r"reward of .* is a subgroup"):
        LoihiPlasticSynapses(source, target, engine=engine, reward=target[1:])
    with pytest.raises(HardwareError, match="exponent"):
        LoihiPlasticSynapses(source, target, engine=engine, exponent=8)


# ==================================================================================================
# The engine's functions
# ==================================================================================================


def by_hand(number):
    """Return what the functions are to make of a table of values."""
    bits, mode, exponent = TABLES[number]
    step, engine = step_of(bits, SignMode(mode)), table_engine(number)
    rows = table_values(number)
    outcome = defaultdict(list)
    for row in zip(*rows.values(), strict=True):
        v = {name: value.item() for name, value in zip(rows, row, strict=True)}
        quotient, remainder = divmod(abs(v["change"]), step)
        more = Fraction(v["drawn"]) < Fraction(remainder, step)
        outcome["steps"].append(sgn(v["change"]) * (quotient + more) * step)
        outcome["sum"].append(min(max(v["w"] + v["change"], -50), 60))
        arriving = math.floor(v["w"] * Fraction(2) ** exponent) * 64
        outcome["arriving"].append(min(max(arriving, 64 - 2**21), 2**21 - 64))
        left = v["x1"] * v["kept"]
        outcome["left"].append(math.floor(left) + (v["drawn"] < left - math.floor(left)))
        for target in ("dw", "dt", "dd"):
            change = away_from_zero(evaluated(getattr(engine, target), v))
            outcome[target].append(min(max(change, -(2**30)), 2**30))
    return outcome


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("number", range(len(TABLES)))
def test_rules_and_rounding_equal_exact_arithmetic(results, mode, number):
    for name, values in by_hand(number).items():
        found = results[mode][f"table {number}/{name}"]
        np.testing.assert_array_equal(found, values, err_msg=name)
        assert len(set(values)) > 1  # or equality would mean little


# ==================================================================================================
# Networks in which nothing is left to chance
# ==================================================================================================


@pytest.mark.parametrize(
    ("mode", "name"),
    [("runtime", name) for name in ALL_SCENES] + [("standalone", name) for name in COMPILED],
)
def test_synapses_learn_step_for_step_as_in_plain_python(results, mode, name):
    seen, arrived = expected(ALL_SCENES[name])
    observed = {
        key.partition("/")[2]: values
        for key, values in results[mode].items()
        if key.startswith(f"{name}/")
    }
    assert {"w", "u"} <= set(observed)
    np.testing.assert_array_equal(observed.pop("u"), arrived, err_msg="arriving")
    for variable, values in observed.items():
        np.testing.assert_array_equal(values, seen[variable], err_msg=variable)
    targets = {"dw": "w", "dt": "tag", "dd": "d"}
    learnt = [observed[targets[target]] for target in ALL_SCENES[name].rules]
    assert all((values != values[0]).any() for values in learnt)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [name for name in ALL_SCENES if "paper" in name])
def test_the_paper_rule_changes_weights_as_the_circuit_rule_does(results, mode, name):
    scene, rule = ALL_SCENES[name], parse_rule(PAPER_RULE)
    fired = np.zeros_like(scene.drive)
    fired[1:] = scene.drive[:-1]
    found = results[mode][f"{name}/w"]
    before = np.vstack([scene.w, found[:-1]])
    for step in range(STEPS):
        changes = [
            rule.change(x0=scene.pre[step, i], y0=fired[step, j], r1=scene.reward[step, 0])
            for i, j in zip(scene.i, scene.j, strict=True)
        ]
        assert found[step].tolist() == np.clip(before[step] + changes, -256, 254).tolist()


def test_the_paper_rule_is_compiled_row_by_row(program):
    paths = dict(line.split() for line in (program / "by_rows").read_text().splitlines())
    assert paths == {"pre": "True", "learn": "True"}


# ==================================================================================================
# Stochastic rounding
# ==================================================================================================


def chances_of_a_trace(name):
    """Return the exact probability of 0 … 127 at the end of each epoch, shape (epochs, 128)."""
    trace, side = LONG[name], name[0]
    p, found = np.eye(128)[0], []
    for epoch in range(EPOCHS):
        left = np.arange(128) * math.exp(-2 / trace.tau)
        below = np.floor(left).astype(int)
        faded = np.bincount(below, p * (1 - (left - below)), minlength=129)
        p = (faded + np.bincount(below + 1, p * (left - below), minlength=129))[:128]
        for step in (2 * epoch, 2 * epoch + 1):
            if (step in REWARDED) if side == "r" else step % EVERY[side] == 0:
                moved = np.minimum(np.arange(128) + trace.impulse, 127)
                p = np.bincount(moved, p, minlength=128)
        found.append(p)
    return np.arange(128), np.array(found)


def chances_of_a_weight():
    """Return weights and their exact probability at the end of each epoch."""
    step = step_of(CHANCE_BITS, SignMode.MIXED)
    low, high = range_of(CHANCE_BITS, SignMode.MIXED)
    grid = np.arange(low, high + 1, step)
    p, found = (grid == 0).astype(float), []
    for epoch in range(EPOCHS):
        steps = (2 * epoch, 2 * epoch + 1)
        flags = {side + "0": int(any(n % EVERY[side] == 0 for n in steps)) for side in "xy"}
        change = away_from_zero(evaluated(CHANCE_RULE, flags))
        quotient, remainder = divmod(abs(change), step)
        after = np.zeros_like(p)
        for steps_taken, chance in (
            (quotient, 1 - remainder / step),
            (quotient + 1, remainder / step),
        ):
            moved = np.clip(grid + sgn(change) * steps_taken * step, low, high)
            np.add.at(after, (moved - low) // step, p * chance)
        p = after
        found.append(p)
    return grid, np.array(found)


def moments(values, p):
    """Return mean, variance and fourth central moment."""
    mean = (values * p).sum()
    return mean, *(((values - mean) ** k * p).sum() for k in (2, 4))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [*LONG, "w"])
@pytest.mark.parametrize("epoch", [4, 8, EPOCHS - 1])
def test_means_and_variances_are_those_of_stochastic_rounding(results, mode, name, epoch):
    values, chances = chances_of_a_weight() if name == "w" else chances_of_a_trace(name)
    found = results[mode][f"chance/{name}"][epoch]
    assert found.shape == (REPETITIONS,)
    mean, variance, fourth = moments(values, chances[epoch])
    assert variance > 0.05
    assert abs(found.mean() - mean) <= 3 * math.sqrt(variance / REPETITIONS)
    error = math.sqrt((fourth - variance**2) / REPETITIONS)
    assert abs(found.var(ddof=1) - variance) <= 3 * error


@pytest.mark.parametrize("mode", MODES)
def test_values_that_stochastic_rounding_cannot_reach_do_not_occur(results, mode):
    for name in (*LONG, "w"):
        values, chances = chances_of_a_weight() if name == "w" else chances_of_a_trace(name)
        for epoch in range(EPOCHS):
            possible = values[chances[epoch] > 0]
            assert np.isin(results[mode][f"chance/{name}"][epoch], possible).all()


@pytest.mark.parametrize("mode", MODES)
def test_traces_and_weights_are_rounded_independently(results, mode):
    last = [results[mode][f"chance/{name}"][-1].astype(float) for name in (*LONG, "w")]
    correlations = np.corrcoef(last)[np.triu_indices(len(last), 1)]
    assert np.abs(correlations).max() <= 4 / math.sqrt(REPETITIONS)
    for one in last:  # of neighbouring neurons
        assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) <= 4 / math.sqrt(REPETITIONS)


def test_the_same_seed_gives_the_same_numbers(results, program):
    with np.load(program / "second.npz") as second:
        for name, values in results["standalone"].items():
            np.testing.assert_array_equal(values, second[name])
    found = []
    for number in (SEED, SEED, SEED + 1):
        board = Board([], chance=True)
        board.run(number)
        found.append(board.results())
    for name, values in found[0].items():
        np.testing.assert_array_equal(values, found[1][name])
        assert (values != found[2][name]).any()


if __name__ == "__main__":
    standalone(Path(sys.argv[1]))
