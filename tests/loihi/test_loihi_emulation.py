"""The chip's compartments and synapses in Brian2: the chip's description, to the last bit.

`simulate` transcribes the description into loops over Python's whole numbers; it shares nothing
with the code under test.  Random networks are compared with it in Brian2's runtime mode, in C++
standalone mode (many of them in one program, by this file run as a script) and, if that is
installed, with another emulator, brian2-loihi.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from random import Random

import brian2
import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, ms
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from synfire_bp.errors import HardwareError
from synfire_bp.loihi import SPECS, LoihiSpec, SignMode, decay, saturate, wrap
from synfire_bp.loihi.emulation import (
    LoihiInput,
    LoihiNeurons,
    LoihiSynapses,
    compartment_functions,
)

STEPS = 1000
FIXED = range(12, 22)
"""Numbers of the random networks that every mode runs; they reach every corner, as a test says."""
TOGETHER = 4
"""Random networks in one run, on one chip: a step of Brian2 costs the same for one or many."""

# -- networks, as plain numbers -------------------------------------------------------------------


@dataclass(frozen=True)
class Chip:
    """What differs between chips; fields as of `LoihiSpec`."""

    current_decay_offset: int
    input_arrival: str
    voltage_decay_offset: int = 0
    current_overflow: str = "wrap"
    voltage_overflow: str = "saturate"
    decay_bits: int = 12
    accumulator_bits: int = 21
    current_bits: int = 23
    voltage_bits: int = 23

    @property
    def spec(self) -> LoihiSpec:
        return LoihiSpec(**asdict(self))


CONVENTIONS = [Chip(offset, arrival) for offset in (0, 1) for arrival in ("next_step", "same_step")]


@dataclass(frozen=True)
class Neuron:
    threshold: int
    current_decay: int
    voltage_decay: int
    refractory: int = 1
    bias: int = 0
    bias_exponent: int = 0


@dataclass
class Projection:
    """From a population, or from the input (None); all lists by synapse."""

    source: int | None
    target: int
    sign_mode: str
    weight_bits: int
    exponent: int
    pre: list[int]
    post: list[int]
    mantissas: list[int] = field(repr=False)
    delays: list[int]
    by_rows: bool | None = None


@dataclass
class Net:
    chip: Chip
    populations: list[list[Neuron]]
    n_inputs: int
    input_spikes: list[tuple[int, int]] = field(repr=False)  # step, source
    projections: list[Projection]

    @property
    def n_cells(self) -> int:
        return sum(map(len, self.populations))


LIMITS = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}


def random_chip(random: Random) -> Chip:
    """Draw a chip that differs from Loihi in more than the conventions."""
    return Chip(
        random.randint(0, 1),
        random.choice(["next_step", "same_step"]),
        random.randint(0, 1),
        random.choice(["wrap", "saturate"]),
        random.choice(["wrap", "saturate"]),
        random.choice([1, 7, 12, 16]),
        random.choice([7, 12, 16, 21, 28]),
        random.choice([8, 14, 20, 28]),
        random.choice([8, 14, 20, 28]),
    )


def random_net(random: Random, chip: Chip, *, populations: int = 3, cells: int = 6) -> Net:
    """Draw a network; the long lists come from a stream of their own, so that few draws make it."""
    stream = Random(random.getrandbits(32))
    loud = random.random() < 0.5  # runs over its bits
    groups = [
        [random_neuron(random, chip, loud) for _ in range(random.randint(1, cells))]
        for _ in range(random.randint(1, populations))
    ]
    n_inputs, rate = random.randint(1, 4), random.choice([0.02, 0.1, 0.4, 1.0])
    input_spikes = [
        (step, source)
        for step in range(STEPS)
        for source in range(n_inputs)
        if stream.random() < rate
    ]
    net = Net(chip, groups, n_inputs, input_spikes, [])
    for n in range(random.randint(1, 3)):
        source = None if n == 0 else random.choice([None, *range(len(groups))])
        net.projections.append(random_projection(random, stream, net, source, loud))
    return net


def random_neuron(random: Random, chip: Chip, loud: bool) -> Neuron:
    unit = 2**chip.decay_bits
    if random.random() < 0.15:  # without input, the voltage is the threshold, or one more
        if random.random() < 0.5:
            bias = random.randint(1, 4095)
            return Neuron(bias, unit, unit, bias=bias, bias_exponent=6)
        units = random.randint(1, 63)
        return Neuron(units, unit, unit, bias=64 * units + 1)
    decays = [0, 1, unit - 1, unit, random.randint(0, unit), int(unit ** random.random())]
    return Neuron(
        threshold=min(int(2 ** random.uniform(0, 17)), 2**17 - 1),
        current_decay=random.choice(decays[:2] + decays[-1:] if loud else decays),
        voltage_decay=random.choice(decays),
        refractory=random.choice([1, 1, 2, random.randint(1, 64)]),
        bias=random.choice([0, 0, -4096, 4095, random.randint(-200, 200)]),
        bias_exponent=random.randint(0, 7),
    )


def random_projection(
    random: Random, stream: Random, net: Net, source: int | None, loud: bool
) -> Projection:
    target = random.randrange(len(net.populations))
    n_pre = net.n_inputs if source is None else len(net.populations[source])
    pairs = [(i, j) for i in range(n_pre) for j in range(len(net.populations[target]))]
    kind = random.choice(["all", "all", "shuffled", "some", "several between two neurons"])
    if kind == "shuffled":
        stream.shuffle(pairs)
    elif kind == "some":
        pairs = [pair for pair in pairs if stream.random() < 0.5] or pairs[:1]
    elif kind == "several between two neurons":
        pairs = [stream.choice(pairs) for _ in range(2 * len(pairs))]
    sign_mode = random.choice(list(LIMITS))
    low, high = LIMITS[sign_mode]
    longest = random.choice([0, 3, 62])
    delays = [stream.choice([0, longest, stream.randint(0, longest)]) for _ in pairs]
    return Projection(
        source,
        target,
        sign_mode,
        random.choice([8, 8, random.randint(1, 8)]),
        random.randint(6, 7) if loud else random.choice([-8, *[random.randint(-8, 3)] * 3]),
        [i for i, _ in pairs],
        [j for _, j in pairs],
        [stream.choice([low, high, stream.randint(low, high)]) for _ in pairs],
        delays if random.random() < 0.5 else delays[:1] * len(pairs),
        random.choice([None, True]),
    )


def fixed_net(number: int) -> Net:
    """Return a network that is the same for ever; a third lie on chips that are not Loihi's."""
    random = Random(number)
    chip = CONVENTIONS[number % 6] if number % 6 < 4 else random_chip(random)
    return random_net(random, chip)


# -- the description of the chip, step by step ----------------------------------------------------


@dataclass
class Trace:
    """What a network did; [step][cell], populations one after the other."""

    u: list[list[int]] = field(default_factory=list)
    v: list[list[int]] = field(default_factory=list)
    compared: list[list[int]] = field(default_factory=list)
    spikes: list[tuple[int, int]] = field(default_factory=list)
    overflows: list[int] = field(default_factory=list)
    corners: Counter = field(default_factory=Counter)


def left_of(x: int, lost: int, offset: int, bits: int) -> int:
    kept = max(2**bits - lost - offset, 0)
    left = abs(x) * kept // 2**bits
    return left if x > 0 else -left


def around(x: int, bits: int) -> int:
    """Two's complement: one sign and `bits` bits."""
    while x >= 2**bits:
        x -= 2 ** (bits + 1)
    while x < -(2**bits):
        x += 2 ** (bits + 1)
    return x


def within(x: int, bits: int, overflow: str) -> int:
    if overflow == "wrap":
        return around(x, bits)
    return max(-(2**bits - 1), min(2**bits - 1, x))


def delivered(mantissa: int, projection: Projection, chip: Chip) -> int:
    """Drop the bits that the weight does not have, apply the exponent, go down to a whole 2^6."""
    step = 2 ** (8 - projection.weight_bits + (projection.sign_mode == "mixed"))
    kept = step * (abs(mantissa) // step) * (1 if mantissa > 0 else -1)
    limit = 2**chip.accumulator_bits - 2**6
    weight = math.floor(kept * Fraction(2) ** projection.exponent) * 2**6
    return max(-limit, min(limit, weight))


def simulate(net: Net) -> Trace:
    chip, trace = net.chip, Trace()
    cells = [
        (p, j, cell) for p, cells in enumerate(net.populations) for j, cell in enumerate(cells)
    ]
    synapses = defaultdict(list)
    for at in net.projections:
        for i, j, mantissa, delay in zip(at.pre, at.post, at.mantissas, at.delays, strict=True):
            weight = delivered(mantissa, at, chip)
            synapses[at.source, i].append(((at.target, j), weight, delay))
    inputs = defaultdict(list)
    for step, source in net.input_spikes:
        inputs[step].append(source)
    arriving = defaultdict(int)
    u, v, silent = ([0] * len(cells) for _ in range(3))
    trace.overflows = [0] * len(cells)
    for step in range(STEPS):
        for source in inputs[step]:
            for target, weight, delay in synapses[None, source]:
                arriving[step + (chip.input_arrival == "next_step") + delay, target] += weight
        compared = [0] * len(cells)
        for n, (p, j, cell) in enumerate(cells):
            total = arriving.pop((step, (p, j)), 0)
            q = around(total, chip.accumulator_bits)
            trace.corners["input wrapped"] += q != total
            current = left_of(u[n], cell.current_decay, chip.current_decay_offset, chip.decay_bits)
            plain = left_of(u[n], cell.current_decay, 0, chip.decay_bits)
            trace.corners["current offset"] += current != plain
            u[n] = within(current + q, chip.current_bits, chip.current_overflow)
            trace.overflows[n] += u[n] != current + q
            trace.corners[f"current: {chip.current_overflow}"] += u[n] != current + q
            voltage = left_of(v[n], cell.voltage_decay, chip.voltage_decay_offset, chip.decay_bits)
            plain = left_of(v[n], cell.voltage_decay, 0, chip.decay_bits)
            trace.corners["voltage offset"] += voltage != plain
            voltage += u[n] + cell.bias * 2**cell.bias_exponent
            compared[n] = within(voltage, chip.voltage_bits, chip.voltage_overflow)
            trace.corners[f"voltage: {chip.voltage_overflow}"] += compared[n] != voltage
            theta = cell.threshold * 2**6
            over = compared[n] > theta
            trace.corners["at the threshold"] += compared[n] == theta != 0
            trace.corners["one over the threshold"] += compared[n] == theta + 1
            trace.corners["over, but refractory"] += over and silent[n] > 1
            # the delay counts from the spike: with 1, the next step is free again
            silent[n] = max(silent[n] - 1, 0)
            if silent[n]:
                compared[n], over = 0, False
            v[n] = 0 if over else compared[n]
            if over:
                silent[n] = cell.refractory
                trace.spikes.append((step, n))
                trace.corners["spikes"] += 1
                for target, weight, delay in synapses[p, j]:
                    arriving[step + 1 + delay, target] += weight
        trace.u.append(list(u))
        trace.v.append(list(v))
        trace.compared.append(compared)
    return trace


# -- the same networks in Brian2 ------------------------------------------------------------------


class Emulation:
    """Networks on one chip as Brian2 objects.

    Together, their cells are parts of one group and their inputs of one; apart, every population
    has a group of its own.
    """

    def __init__(self, nets: list[Net], *, apart: bool = False):
        self.nets, self.spec = nets, nets[0].chip.spec
        assert {net.chip for net in nets} == {nets[0].chip}
        self.objects: list = []
        names = [(n, p) for n, net in enumerate(nets) for p in range(len(net.populations))]
        groups = [[name] for name in names] if apart else [names]
        self.homes: dict[tuple[int, int], tuple[int, slice]] = {}
        self.groups, self.states, self.spikes = [], [], []
        for members in groups:
            cells: list[Neuron] = []
            for n, p in members:
                begin = len(cells)
                cells += nets[n].populations[p]
                self.homes[n, p] = len(self.groups), slice(begin, len(cells))
            parameters = {
                name: [getattr(cell, name) for cell in cells]
                for name in Neuron.__dataclass_fields__
            }
            group = LoihiNeurons(len(cells), spec=self.spec, **parameters)
            self.groups.append(group)
            self.states.append(
                StateMonitor(group, ["u", "v", "v_compared"], record=True, name="a_monitor*")
            )
            self.spikes.append(SpikeMonitor(group))
        self.objects += [*self.groups, *self.states, *self.spikes]
        self._connect(apart)

    def _connect(self, apart: bool) -> None:
        firsts = np.cumsum([0] + [net.n_inputs for net in self.nets])
        shared = None if apart else self._input(self.nets, firsts)
        self.synapses = []
        for n, net in enumerate(self.nets):
            stimulus = self._input([net], [0]) if apart else shared
            for at in net.projections:
                pre = np.array(at.pre)
                if at.source is None:
                    source = stimulus
                    pre += 0 if apart else firsts[n]
                else:
                    source = self._population(n, at.source)
                synapses = LoihiSynapses(
                    source,
                    self._population(n, at.target),
                    spec=replace(self.spec, weight_bits=at.weight_bits),
                    sign_mode=SignMode(at.sign_mode),
                    exponent=at.exponent,
                    rows=at.by_rows,
                )
                synapses.connect(i=pre, j=np.array(at.post))
                synapses.set_weights(at.mantissas)
                synapses.set_delays(at.delays[0] if len(set(at.delays)) == 1 else at.delays)
                self.synapses.append(synapses)
        self.objects += self.synapses

    def _population(self, n: int, p: int):
        group, place = self.homes[n, p]
        whole = place == slice(0, len(self.groups[group]))
        return self.groups[group] if whole else self.groups[group][place]

    def _input(self, nets: list[Net], firsts: Iterable[int]) -> LoihiInput:
        spikes = [
            (step, first + source)
            for net, first in zip(nets, firsts, strict=False)
            for step, source in net.input_spikes
        ]
        steps, sources = np.array(spikes, dtype=int).reshape(-1, 2).T
        n_inputs = sum(net.n_inputs for net in nets)
        stimulus = LoihiInput(n_inputs, sources, steps, spec=self.spec)
        self.objects.append(stimulus)
        return stimulus

    def results(self) -> list[dict[str, np.ndarray]]:
        """Return the arrays that `assert_equal` compares, per network."""
        found = []
        for n, net in enumerate(self.nets):
            homes = [self.homes[n, p] for p in range(len(net.populations))]
            arrays = {
                name: np.concatenate([getattr(self.states[g], name)[at] for g, at in homes]).T
                for name in ("u", "v", "v_compared")
            }
            arrays["overflows"] = np.concatenate(
                [np.array(self.groups[g].overflows[:])[at] for g, at in homes]
            )
            spikes, begin = [], 0
            for g, at in homes:
                cell, time = np.array(self.spikes[g].i[:]), np.array(self.spikes[g].t[:] / ms)
                mine = (at.start <= cell) & (cell < at.stop)
                spikes.append([np.rint(time[mine]), cell[mine] - at.start + begin])
                begin += at.stop - at.start
            steps, cells = np.concatenate(spikes, axis=1).astype(int)
            order = np.lexsort((cells, steps))
            found.append(arrays | {"spikes": np.stack([steps, cells], axis=1)[order]})
        return found


def assert_equal(found: dict[str, np.ndarray], expected: Trace, net: Net) -> None:
    for name, wanted in {
        "spikes": np.array(expected.spikes, dtype=int).reshape(-1, 2),
        "u": expected.u,
        "v_compared": expected.compared,
        "v": expected.v,
        "overflows": expected.overflows,
    }.items():
        np.testing.assert_array_equal(found[name], wanted, err_msg=f"{name} of {net}")


def by_chip(nets: dict[int, Net]) -> dict[Chip, list[int]]:
    numbers = defaultdict(list)
    for number, net in nets.items():
        numbers[net.chip].append(number)
    return numbers


def emulate(nets: dict[int, Net], run: Callable[[list], None]) -> dict[int, dict[str, np.ndarray]]:
    """Put networks into one Brian2 network, those of every other chip apart, and run it."""
    emulations = {
        chip: Emulation([nets[number] for number in numbers], apart=n == 1)
        for n, (chip, numbers) in enumerate(by_chip(nets).items())
    }
    run([thing for emulation in emulations.values() for thing in emulation.objects])
    return {
        number: found
        for chip, numbers in by_chip(nets).items()
        for number, found in zip(numbers, emulations[chip].results(), strict=True)
    }


def run_here(objects: list) -> None:
    Network(objects).run(STEPS * ms)


@pytest.fixture(scope="module", autouse=True)
def no_compiler():
    """Runtime mode without Cython, which nothing here needs and which takes long to compile."""
    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    # many objects are made to be looked at only
    brian2.BrianLogger.suppress_name("unused_brian_object")
    yield
    brian2.prefs.codegen.target = before


# -- scenes: what monitors show of more than one network ------------------------------------------


class Learning:
    """Synapses whose weights grow by 2 at every spike, and monitors as a user would place them."""

    START = ((10, -20, 30, 0), (4, 4, -4, 90), (-100, 6, 0, 2))
    INPUT = tuple((step, i) for i in range(3) for step in range(i, 900, 31 + i))

    def __init__(self):
        spec = SPECS["loihi1"]
        steps, sources = np.array(self.INPUT).T
        self.stimulus = LoihiInput(3, sources, steps, spec=spec)
        self.neurons = LoihiNeurons(
            4, spec=spec, threshold=40, voltage_decay=0, refractory=2, name="learners"
        )
        self.synapses = LoihiSynapses(
            self.stimulus,
            self.neurons,
            spec=spec,
            exponent=-1,
            on_pre="arriving_post += weight\nw += 2\nweight = 32 * w",
        )
        self.synapses.connect()
        self.synapses.set_weights(self.START)
        self.weights = StateMonitor(self.synapses, ["w", "weight"], record=range(12))
        self.states = StateMonitor(self.neurons, ["u", "v"], record=True)
        self.spikes = SpikeMonitor(self.neurons)
        self.objects = [
            self.stimulus, self.neurons, self.synapses, self.weights, self.states, self.spikes
        ]  # fmt: skip

    def results(self) -> dict[str, np.ndarray]:
        return {
            "w": self.weights.w,
            "weight": self.weights.weight,
            "u": self.states.u,
            "v": self.states.v,
            "spike steps": np.rint(np.array(self.spikes.t / ms)).astype(int),
            "spike cells": np.array(self.spikes.i[:]),
            "final w": np.array(self.synapses.w[:]),
        }


class Noise:
    """Neurons that forget at once, so that their voltage is the noise; and one that rests."""

    SETTINGS = ((0, 7), (3, 7), (-2, 10), (1, 5), (0, 0), (-200, 16), (0, 16))
    CELLS = 100

    def __init__(self):
        spec = SPECS["loihi1"]
        quiet = {"spec": spec, "threshold": 2**17 - 1}
        each = {"noise_exponent": 7}
        self.groups = {
            "u": LoihiNeurons(self.CELLS, noise="u", **quiet, **each),
            "v": LoihiNeurons(self.CELLS, noise="v", **quiet, **each),
            "scaled": LoihiNeurons(
                self.CELLS * len(self.SETTINGS),
                noise="v",
                noise_offset=np.repeat([offset for offset, _ in self.SETTINGS], self.CELLS),
                noise_exponent=np.repeat([exponent for _, exponent in self.SETTINGS], self.CELLS),
                **quiet,
            ),
            "filtered": LoihiNeurons(
                self.CELLS, noise="u", current_decay=100, spec=spec, threshold=2**17 - 1,
                noise_exponent=12,
            ),
            "wrapped": LoihiNeurons(self.CELLS, noise="u", noise_exponent=23, **quiet),
            "resting": LoihiNeurons(
                1, spec=spec, threshold=100, bias=4095, bias_exponent=7, refractory=5, noise="u",
                noise_exponent=10,
            ),
        }  # fmt: skip
        self.states = {
            name: StateMonitor(group, ["u", "v", "v_compared"], record=True)
            for name, group in self.groups.items()
        }
        self.objects = [*self.groups.values(), *self.states.values()]

    def results(self) -> dict[str, np.ndarray]:
        return {
            f"{name}.{variable}": getattr(states, variable)
            for name, states in self.states.items()
            for variable in ("u", "v", "v_compared")
        }


# -- one compiled program for many networks -------------------------------------------------------


def main(folder: Path, first: int, last: int) -> None:
    """Build and run a program with the networks FIRST … LAST-1 and the scenes; leave results."""
    from dense_program import FLAGS, build

    brian2.set_device("cpp_standalone", build_on_run=False)
    brian2.prefs["codegen.cpp.extra_compile_args_gcc"] = FLAGS
    brian2.seed(1)
    scenes = [Learning(), Noise()]

    def run(objects: list) -> None:
        run_here(objects + [thing for scene in scenes for thing in scene.objects])
        build(folder / "program")
        brian2.device.run(str(folder / "program"), "results", run_args=[], with_output=False)

    found = emulate({number: fixed_net(number) for number in range(first, last)}, run)
    for scene in scenes:
        np.savez(folder / f"{type(scene).__name__}.npz", **scene.results())
    for number, arrays in found.items():
        np.savez(folder / f"{number}.npz", **arrays)
    shutil.rmtree(folder / "program")


def compiled(folder: Path, numbers: range) -> Path:
    command = [sys.executable, __file__, str(folder), str(numbers.start), str(numbers.stop)]
    tests = Path(__file__).parents[1]
    path = os.pathsep.join([str(tests.parent), str(tests / "scenes")])
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder with the results of the compiled program."""
    return compiled(tmp_path_factory.mktemp("emulation"), FIXED)


@pytest.fixture(scope="module", params=["runtime", "standalone"])
def scenes(request):
    """What the scenes left in each mode."""
    if request.param == "standalone":
        folder = request.getfixturevalue("program")
        return {scene: dict(np.load(folder / f"{scene.__name__}.npz")) for scene in SCENES}
    brian2.seed(1)
    made = [scene() for scene in SCENES]
    run_here([thing for scene in made for thing in scene.objects])
    return {type(scene): scene.results() for scene in made}


SCENES = (Learning, Noise)

# -- equal to the description ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixed():
    """The fixed networks, and what they should do."""
    nets = {number: fixed_net(number) for number in FIXED}
    return nets, {number: simulate(net) for number, net in nets.items()}


def test_the_fixed_networks_reach_every_corner_of_the_description(fixed):
    nets, expected = fixed
    loihi, others = Counter(), Counter()
    for number, net in nets.items():
        (loihi if net.chip in CONVENTIONS else others).update(expected[number].corners)
    on_loihi = (
        "spikes", "at the threshold", "one over the threshold", "over, but refractory",
        "current offset", "input wrapped", "current: wrap", "voltage: saturate",
    )  # fmt: skip
    assert min(loihi[corner] for corner in on_loihi) > 0, loihi
    elsewhere = ("spikes", "voltage offset", "current: saturate", "voltage: wrap")
    assert min(others[corner] for corner in elsewhere) > 0, others
    assert set(CONVENTIONS) <= {net.chip for net in nets.values()}
    projections = [at for net in nets.values() for at in net.projections]
    assert {at.sign_mode for at in projections} == set(LIMITS)
    assert min(at.weight_bits for at in projections) < 8
    assert {-8, 7} <= {at.exponent for at in projections}
    assert {0, 62} <= {delay for at in projections for delay in at.delays}
    assert {True, False} == {at.source is None for at in projections}
    assert {True, None} == {at.by_rows for at in projections}


def test_runtime_mode_does_what_the_description_says(fixed):
    nets, expected = fixed
    found = emulate(nets, run_here)
    for number, net in nets.items():
        assert_equal(found[number], expected[number], net)


def test_standalone_mode_does_what_the_description_says(fixed, program):
    nets, expected = fixed
    for number, net in nets.items():
        with np.load(program / f"{number}.npz") as found:
            assert_equal(found, expected[number], net)


CHIPS = st.sampled_from(CONVENTIONS) | st.randoms().map(random_chip)
RANDOMS = st.lists(st.randoms(), min_size=TOGETHER, max_size=TOGETHER)
# each example runs four networks; to shrink one would take minutes
EXAMPLES = {"deadline": None, "phases": [Phase.explicit, Phase.reuse, Phase.generate]}


def check(chip: Chip, randoms: list[Random], apart: bool) -> None:
    nets = [random_net(random, chip) for random in randoms]
    emulation = Emulation(nets, apart=apart)
    run_here(emulation.objects)
    for net, found in zip(nets, emulation.results(), strict=True):
        assert_equal(found, simulate(net), net)


@settings(max_examples=5, **EXAMPLES)
@given(chip=CHIPS, randoms=RANDOMS, apart=st.booleans())
def test_random_networks_do_what_the_description_says(chip, randoms, apart):
    check(chip, randoms, apart)


@pytest.mark.slow
@settings(max_examples=55, **EXAMPLES)
@given(chip=CHIPS, randoms=RANDOMS, apart=st.booleans())
def test_hundreds_of_random_networks_do_what_the_description_says(chip, randoms, apart):
    check(chip, randoms, apart)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1200, 40))
def test_hundreds_of_networks_in_standalone_mode_do_what_the_description_says(first, tmp_path):
    numbers = range(first, first + 40)
    compiled(tmp_path, numbers)
    for number in numbers:
        net = fixed_net(number)
        with np.load(tmp_path / f"{number}.npz") as found:
            assert_equal(found, simulate(net), net)


# -- monitors -------------------------------------------------------------------------------------


def test_monitors_show_weights_currents_voltages_and_spikes_of_each_step(scenes):
    found = scenes[Learning]
    w = [mantissa for row in Learning.START for mantissa in row]
    arriving, v, silent = [0] * 4, [0] * 4, [0] * 4
    spikes = []
    for step in range(STEPS):
        # what a monitor sees in a step: neurons after it, synapses before its spikes
        assert found["w"][:, step].tolist() == w
        assert found["weight"][:, step].tolist() == [mantissa // 2 * 64 for mantissa in w]
        u, arriving = arriving, [0] * 4
        for j in range(4):
            silent[j] = max(silent[j] - 1, 0)
            v[j] = 0 if silent[j] else v[j] + u[j]
            if v[j] > 40 * 64:
                v[j], silent[j] = 0, 2
                spikes.append((step, j))
        assert found["u"][:, step].tolist() == u
        assert found["v"][:, step].tolist() == v
        for i in range(3):
            if (step, i) in Learning.INPUT:
                for j in range(4):
                    arriving[j] += w[4 * i + j] // 2 * 64
                    w[4 * i + j] += 2
    assert len({cell for _, cell in spikes}) > 1
    assert list(zip(found["spike steps"], found["spike cells"], strict=True)) == spikes
    assert found["final w"].tolist() == w


@pytest.mark.parametrize("sign_mode", LIMITS)
@pytest.mark.parametrize("exponent", [-8, -1, 0, 7])
def test_every_weight_delivers_what_the_description_says(sign_mode, exponent):
    low, high = LIMITS[sign_mode]
    mantissas = list(range(low, high + 1))
    at = [0] * len(mantissas)
    for bits in (8, 3):
        chip = CONVENTIONS[0]
        cell = LoihiNeurons(1, spec=chip.spec, threshold=100)
        synapses = LoihiSynapses(
            cell,
            cell,
            spec=replace(chip.spec, weight_bits=bits),
            sign_mode=SignMode(sign_mode),
            exponent=exponent,
        )
        synapses.connect(i=at, j=at)
        synapses.set_weights(mantissas)
        like = Projection(0, 0, sign_mode, bits, exponent, at, at, mantissas, at)
        expected = [delivered(mantissa, like, chip) for mantissa in mantissas]
        assert synapses.weight[:].tolist() == expected


# -- the arithmetic in C++ ------------------------------------------------------------------------

ODD = replace(
    SPECS["loihi1"], decay_bits=16, accumulator_bits=28, current_bits=28, voltage_bits=28,
    current_overflow="saturate", voltage_overflow="wrap",
)  # fmt: skip
"""A chip with the longest numbers that are emulated."""


ARGUMENTS = {
    "decayed": "ii",
    "input_held": "i",
    "current_held": "i",
    "voltage_held": "i",
    "noise": "iid",
}
TYPES = {"i": ("int32_t", np.int32), "d": ("double", np.float64)}


class Arithmetic:
    """The functions of a chip as Brian2 pastes them into C++, and those of runtime mode."""

    def __init__(self, spec: LoihiSpec, folder: Path):
        self.spec = spec
        self.python = compartment_functions(spec)
        cpp = brian2.devices.cpp_standalone.codeobject.CPPStandaloneCodeObject
        lines = ["#include <cmath>", "#include <cstddef>", "#include <cstdint>"]
        lines += [self.python[name].implementations[cpp].get_code(None) for name in ARGUMENTS]
        for name, arguments in ARGUMENTS.items():
            given = "".join(f"const {TYPES[a][0]}* a{n}, " for n, a in enumerate(arguments))
            call = f"{name}({', '.join(f'a{n}[k]' for n in range(len(arguments)))})"
            lines.append(
                f'extern "C" void all_{name}({given}int32_t* out, size_t n)'
                f"{{ for (size_t k = 0; k < n; k++) out[k] = {call}; }}"
            )
        source, library = folder / "arithmetic.cpp", folder / "arithmetic.so"
        source.write_text("\n".join(lines))
        compiler = os.environ.get("CXX") or "g++"
        flags = ["-O3", "-march=native", "-std=c++17", "-shared", "-fPIC"]
        subprocess.run([*compiler.split(), *flags, source, "-o", library], check=True)
        self.cpp = ctypes.CDLL(str(library))

    def __call__(self, name: str, *arguments: np.ndarray) -> np.ndarray:
        """Return what C++ computes, after a look that runtime mode computes the same."""
        kinds = [TYPES[kind][1] for kind in ARGUMENTS[name]]
        given = [
            np.ascontiguousarray(a, dtype=kind) for a, kind in zip(arguments, kinds, strict=True)
        ]
        out = np.empty(given[0].shape, dtype=np.int32)
        pointers = [a.ctypes.data_as(ctypes.c_void_p) for a in (*given, out)]
        getattr(self.cpp, f"all_{name}")(*pointers, ctypes.c_size_t(out.size))
        np.testing.assert_array_equal(self.python[name].pyfunc(*given), out)
        return out


@pytest.fixture(scope="module", params=["Loihi", "odd"])
def arithmetic(request, tmp_path_factory):
    spec = SPECS["loihi1"] if request.param == "Loihi" else ODD
    return Arithmetic(spec, tmp_path_factory.mktemp("arithmetic"))


def blocks(limit: int) -> Iterator[np.ndarray]:
    """Yield all whole numbers within ±limit; of more than 2^26, a million and those at the ends."""
    stride = 1 if limit <= 2**25 else limit // 2**19 + 1
    size = 2**21 * stride
    for begin in range(-limit, limit + 1, size):
        yield np.arange(begin, min(begin + size, limit + 1), stride, dtype=np.int32)
    yield np.arange(limit - 2**16, limit + 1, dtype=np.int32)


def test_decay_in_cpp_is_that_of_formats_for_every_state(arithmetic):
    bits = arithmetic.spec.decay_bits
    unit, largest = 2**bits, 2**arithmetic.spec.current_bits
    kept = 2 * unit // 3
    for x in blocks(largest):
        expected = decay(x, unit - kept, bits=bits)
        np.testing.assert_array_equal(arithmetic("decayed", x, np.full_like(x, kept)), expected)


def test_decay_in_cpp_is_that_of_formats_for_every_decay(arithmetic):
    bits = arithmetic.spec.decay_bits
    unit, largest = 2**bits, 2**arithmetic.spec.current_bits
    rng = np.random.default_rng(0)
    ends = np.array([0, 1, unit - 1, unit, unit + 1, largest - 1, largest])
    states = np.concatenate([ends, -ends, rng.integers(-largest, largest, 2**19 // unit)])
    x, kept = (grid.ravel() for grid in np.meshgrid(states, np.arange(unit + 1)))
    np.testing.assert_array_equal(arithmetic("decayed", x, kept), decay(x, unit - kept, bits=bits))


def test_overflow_in_cpp_is_that_of_formats(arithmetic):
    spec = arithmetic.spec
    current = 2**spec.current_bits + 2**spec.accumulator_bits
    voltage = 2**spec.voltage_bits + 2**spec.current_bits + 2**20
    rules = {"wrap": wrap, "saturate": saturate}
    for name, bits, rule, limit in (
        # as far as whole numbers of 32 bits reach
        ("input_held", spec.accumulator_bits, "wrap", 2**31 - 1),
        ("current_held", spec.current_bits, spec.current_overflow, current),
        ("voltage_held", spec.voltage_bits, spec.voltage_overflow, voltage),
    ):
        for x in blocks(limit):
            np.testing.assert_array_equal(arithmetic(name, x), rules[rule](x, bits), err_msg=name)


def noise_of(k: int, offset: int, exponent: int) -> int:
    return math.trunc((k + 64 * offset) * Fraction(2) ** (exponent - 7))


def test_noise_in_cpp_is_one_of_255_values_by_its_formula(arithmetic):
    cases = [
        (k, offset, exponent)
        for k in range(-127, 128)
        for offset in (-255, -3, 0, 1, 255)
        for exponent in range(24)
    ]
    k, offset, exponent = np.array(cases).T
    expected = [noise_of(*case) for case in cases]
    smallest, largest = (k + 127) / 255, np.nextafter((k + 128) / 255, 0)
    for drawn in (smallest + 1e-12, (k + 127.5) / 255, largest - 1e-12):
        np.testing.assert_array_equal(arithmetic("noise", offset, exponent, drawn), expected)
    ends = np.array([0.0, np.nextafter(1, 0)])
    found = arithmetic("noise", np.zeros(2), np.full(2, 7), ends)
    assert found.tolist() == [-127, 127]


# -- noise ----------------------------------------------------------------------------------------


def assert_uniform(values: np.ndarray, offset: int, exponent: int, bits: int = 30) -> None:
    """Compare with 255 equally likely draws; several may give the same value."""
    weights = Counter(around(noise_of(k, offset, exponent), bits) for k in range(-127, 128))
    counted = Counter(values.ravel().tolist())
    assert counted.keys() <= weights.keys()
    expected = np.array(list(weights.values())) * values.size / 255
    if len(weights) > 1:
        assert chisquare([counted[value] for value in weights], expected).pvalue > 1e-3


@pytest.mark.parametrize("target", ["u", "v"])
def test_noise_is_uniform_in_255_values_and_enters_where_it_is_said_to(scenes, target):
    found = scenes[Noise]
    assert_uniform(found[f"{target}.v"], 0, 7)
    entered = found["u.v"] if target == "u" else np.zeros_like(found["v.v"])
    np.testing.assert_array_equal(found[f"{target}.u"], entered)


def test_noise_of_the_current_decays_as_the_current_does(scenes):
    u = scenes[Noise]["filtered.u"].astype(np.int64)
    kept = 4096 - 100 - SPECS["loihi1"].current_decay_offset
    left = np.sign(u[:, :-1]) * ((np.abs(u[:, :-1]) * kept) >> 12)
    assert_uniform(u[:, 1:] - left, 0, 12)
    assert u[:, -1].std() > 2 * u[:, 0].std()  # it adds up


def test_noise_of_the_current_wraps_around_in_the_accumulator_as_inputs_do(scenes):
    u = scenes[Noise]["wrapped.u"]
    assert np.abs(u).max() <= 2**21 < 127 * 2**16
    assert_uniform(u, 0, 23, bits=21)


def test_noise_is_shifted_by_its_offset_and_scaled_by_its_exponent(scenes):
    v = scenes[Noise]["scaled.v"].reshape(len(Noise.SETTINGS), Noise.CELLS, STEPS)
    for values, (offset, exponent) in zip(v, Noise.SETTINGS, strict=True):
        assert_uniform(values, offset, exponent)


def test_noise_of_two_steps_or_two_neurons_has_nothing_in_common(scenes):
    noise, others = (scenes[Noise][name] / 127 for name in ("u.v", "v.v"))
    variance = noise.var()
    for one, other in (
        (noise[:, 1:], noise[:, :-1]),
        (noise[1:], noise[:-1]),
        (noise, others),
    ):
        correlation = (one * other).mean() / variance
        assert abs(correlation) < 4 / math.sqrt(one.size)


def test_noise_does_not_wake_a_resting_neuron(scenes):
    found = scenes[Noise]
    spiking = np.flatnonzero(found["resting.v_compared"][0])
    assert spiking.tolist() == list(range(0, STEPS, 5))
    assert not found["resting.v"].any()


# -- bad input ------------------------------------------------------------------------------------

PARAMETERS = {
    "threshold": (0, 2**17 - 1),
    "bias": (-4096, 4095),
    "bias_exponent": (0, 7),
    "current_decay": (0, 4096),
    "voltage_decay": (0, 4096),
    "refractory": (1, 64),
    "noise_offset": (-255, 255),
    "noise_exponent": (0, 23),
}


def neurons(n: int = 3, **parameters) -> LoihiNeurons:
    return LoihiNeurons(n, **{"spec": SPECS["loihi1"], "threshold": 100} | parameters)


def synapses(sign_mode: str = "mixed", exponent: int = 0, spec=SPECS["loihi1"], **kwds):
    group = neurons(name="cells*")
    made = LoihiSynapses(
        group, group, spec=spec, sign_mode=SignMode(sign_mode), exponent=exponent, **kwds
    )
    made.connect()
    return made


def refused(*words: object):
    """Expect a HardwareError that says all words, in this order."""
    return pytest.raises(HardwareError, match=".*".join(re.escape(str(word)) for word in words))


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_beyond_the_chip_is_refused_by_name_value_and_limit(name):
    low, high = PARAMETERS[name]
    neurons(**{name: low}), neurons(**{name: [low, high, high]})
    for bad in (low - 1, high + 1, low + 0.5, math.nan, math.inf):
        for value in (bad, [low, bad, high]):
            with refused("LoihiNeurons 'hidden'", name, bad, low, high):
                neurons(name="hidden", **{name: value})


def test_parameters_that_are_no_numbers_or_too_many_are_refused():
    with refused("LoihiNeurons: threshold", "'high'", "whole number"):
        neurons(threshold="high")
    with refused("LoihiNeurons: bias", "2 values", "1 or 3"):
        neurons(bias=[1, 2])
    with refused("noise", "'w'", "'u', 'v' or None"):
        neurons(noise="w")


def test_a_chip_whose_numbers_are_too_long_to_emulate_is_refused():
    for name in ("accumulator_bits", "current_bits", "voltage_bits"):
        with refused(name, 29, 28):
            neurons(spec=replace(SPECS["loihi1"], **{name: 29}))
    wide = replace(SPECS["loihi1"], threshold_bits=31, bias_bits=31)
    for name in ("threshold", "bias"):
        with refused(f"LoihiNeurons: {name}", 2**31 - 1):
            neurons(spec=wide, **{name: 2**31 - 1})


@pytest.mark.parametrize("sign_mode", LIMITS)
def test_a_weight_beyond_the_sign_mode_is_refused(sign_mode):
    low, high = LIMITS[sign_mode]
    made = synapses(sign_mode, name=f"{sign_mode}*")
    made.set_weights([low, high, 0] * 3, strict=True)
    assert made.w[:].tolist() == [low, high, 0] * 3
    for bad in (low - 1, high + 1, 0.5):
        with refused(made.name, "weight", bad, low, high):
            made.set_weights([low, 0, bad] * 3)
    assert made.w[:].tolist() == [low, high, 0] * 3


def test_a_weight_with_more_bits_than_the_format_is_rounded_or_refused_if_asked():
    made = synapses(spec=replace(SPECS["loihi1"], weight_bits=5))  # in steps of 16
    made.set_weights([-31, -17, -16, -15, 0, 15, 16, 31, 254])
    assert made.w[:].tolist() == [-16, -16, -16, 0, 0, 0, 16, 16, 240]
    with refused(made.name, "weight", -31, "mixed", -16):
        made.set_weights([-31] * 9, strict=True)


def test_weights_are_rounded_as_the_chip_says():
    nearest = synapses(spec=replace(SPECS["loihi1"], weight_bits=5, rounding="nearest"))
    nearest.set_weights([-31, -9, -8, -7, 0, 7, 8, 31, 254])
    assert nearest.w[:].tolist() == [-32, -16, -16, 0, 0, 0, 16, 32, 240]
    drawn = synapses(spec=replace(SPECS["loihi1"], weight_bits=5, rounding="stochastic"))
    with refused("rng"):
        drawn.set_weights(4)
    drawn.set_weights(4, rng=np.random.default_rng(0))
    assert set(drawn.w[:]) == {0, 16}  # one of four is rounded up


def test_an_exponent_a_delay_or_a_number_of_weights_beyond_the_chip_is_refused():
    for exponent in (-9, 8, 0.5):
        with refused("LoihiSynapses 'far'", "exponent", exponent, -8, 7):
            synapses(exponent=exponent, name="far")
    made = synapses(name="near*")
    made.set_delays(62)
    for delay in (-1, 63, [0] * 8 + [63], 1.5):
        with refused(made.name, "delay", np.max(delay), 0, 62):
            made.set_delays(delay)
    for wrong in ([1] * 8, [[0, 0], [0, 0]]):
        with refused(made.name, "weight", np.size(wrong), "1 or 9"):
            made.set_weights(wrong)
        with refused(made.name, "delay", np.size(wrong), "1 or 9"):
            made.set_delays(wrong)


def test_an_input_that_does_not_exist_is_refused():
    for index, step, words in ((3, 0, (3, 0, 2)), (-1, 0, (-1, 0, 2)), (0, -1, (-1, 0))):
        with refused("LoihiInput 'stimulus'", *words):
            LoihiInput(3, [0, index], [5, step], spec=SPECS["loihi1"], name="stimulus")


# -- equal to brian2-loihi ------------------------------------------------------------------------

NOT_EMULATED = ["input wrapped", "current: wrap", "voltage: saturate"]


SIGN_MODES = {"mixed": 1, "excitatory": 2, "inhibitory": 3}


def net_of_both(number: int) -> Net:
    """Draw a network that brian2-loihi can have: no bias, parameters by group."""
    size = (1, 1) if number % 2 else (2, 4)
    net = random_net(Random(number), Chip(0, "same_step"), populations=size[0], cells=size[1])
    net.populations = [
        [replace(cells[0], bias=0, bias_exponent=0)] * len(cells) for cells in net.populations
    ]
    for at in net.projections:
        at.delays = at.delays[:1] * len(at.delays)
    return net


def other_emulator(b2l, net: Net) -> tuple[list, Callable[[], dict[str, np.ndarray]]]:
    """Return a network in brian2-loihi's classes, and what takes its results."""
    groups = [
        b2l.LoihiNeuronGroup(
            len(cells),
            refractory=cells[0].refractory,
            threshold_v_mant=cells[0].threshold,
            decay_v=cells[0].voltage_decay,
            decay_I=cells[0].current_decay,
        )
        for cells in net.populations
    ]
    steps, sources = np.array(net.input_spikes, dtype=int).reshape(-1, 2).T
    stimulus = b2l.LoihiSpikeGeneratorGroup(net.n_inputs, sources, steps)
    projections = []
    for at in net.projections:
        made = b2l.LoihiSynapses(
            stimulus if at.source is None else groups[at.source],
            groups[at.target],
            delay=at.delays[0],
            w_exp=at.exponent,
            sign_mode=SIGN_MODES[at.sign_mode],
            num_weight_bits=at.weight_bits,
        )
        made.connect(i=np.array(at.pre), j=np.array(at.post))
        made.w = np.array(at.mantissas)
        projections.append(made)
    # as the chip's u: what arrived is in, what decays not yet out
    currents = [StateMonitor(g, "I", record=True, when="groups", order=-1) for g in groups]
    voltages = [b2l.LoihiStateMonitor(group, "v") for group in groups]
    spikes = [b2l.LoihiSpikeMonitor(group) for group in groups]

    def results() -> dict[str, np.ndarray]:
        begins = np.cumsum([0] + [len(group) for group in groups])
        found = [
            (step, begin + cell)
            for begin, monitor in zip(begins, spikes, strict=False)
            for step, cell in zip(np.rint(monitor.t_ * 1000).astype(int), monitor.i, strict=True)
        ]
        return {
            "u": np.concatenate([monitor.I for monitor in currents]).T,
            "v": np.concatenate([monitor.v for monitor in voltages]).T,
            "spikes": np.array(sorted(found), dtype=int).reshape(-1, 2),
        }

    return [*groups, stimulus, *projections, *currents, *voltages, *spikes], results


@pytest.fixture
def b2l():
    """The other emulator, which sets the time step of everything else."""
    before = brian2.defaultclock.dt
    yield pytest.importorskip(
        "brian2_loihi", reason="brian2-loihi is not installed: pip install '.[conformance]'"
    )
    brian2.defaultclock.dt = before


@pytest.mark.parametrize("count", [20, pytest.param(150, marks=pytest.mark.slow)])
def test_networks_do_what_they_do_in_brian2_loihi(b2l, count):
    # it lets numbers grow without end: only networks that stay within their bits
    nets = []
    for number in itertools.count():
        net = net_of_both(number)
        corners = simulate(net).corners
        if corners["spikes"] and not any(corners[corner] for corner in NOT_EMULATED):
            nets.append(net)
        if len(nets) == count:
            break
    emulation = Emulation(nets)
    run_here(emulation.objects)
    others = [other_emulator(b2l, net) for net in nets]
    b2l.LoihiNetwork([thing for objects, _ in others for thing in objects]).run(STEPS)
    for net, ours, (_, theirs) in zip(nets, emulation.results(), others, strict=True):
        for name, expected in theirs().items():
            np.testing.assert_array_equal(ours[name], expected, err_msg=f"{name} of {net}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
