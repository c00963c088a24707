"""The chip's compartments and synapses in Brian2: the chip's description, to the last bit.

`simulate` transcribes the description into loops over Python's whole numbers; it shares nothing
with the code under test.  Random networks are compared with it in Brian2's runtime mode, in C++
standalone mode (many of them in one program, by this file run as a script) and, if that is
installed, with another emulator, brian2-loihi.
"""

from __future__ import annotations

import ctypes
import math
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from random import Random

import brian2
import numpy as np
import pytest
from brian2 import Network, SpikeMonitor, StateMonitor, ms
from hypothesis import HealthCheck, Phase, given, settings
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
FIXED = range(12)
"""Numbers of the random networks that every mode runs."""
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


CONVENTIONS = [
    Chip(offset, arrival) for offset in (0, 1) for arrival in ("next_step", "same_step")
]


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


def random_net(random: Random, chip: Chip) -> Net:
    """Draw a network; the long lists come from a stream of their own, so that few draws make it."""
    stream = Random(random.getrandbits(32))
    loud = random.random() < 0.5  # runs over its bits
    populations = [
        [random_neuron(random, chip, loud) for _ in range(random.randint(1, 6))]
        for _ in range(random.randint(1, 3))
    ]
    n_inputs, rate = random.randint(1, 3), random.choice([0.02, 0.1, 0.4, 1.0])
    input_spikes = [
        (step, source)
        for step in range(STEPS)
        for source in range(n_inputs)
        if stream.random() < rate
    ]
    net = Net(chip, populations, n_inputs, input_spikes, [])
    for n in range(random.randint(1, 4)):
        source = None if n == 0 else random.choice([None, *range(len(populations))])
        net.projections.append(random_projection(random, stream, net, source, loud))
    return net


def random_neuron(random: Random, chip: Chip, loud: bool) -> Neuron:
    unit = 2**chip.decay_bits
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
    delays = [stream.randint(0, longest) for _ in pairs]
    return Projection(
        source,
        target,
        sign_mode,
        random.choice([8, 8, random.randint(1, 8)]),
        random.randint(4, 7) if loud else random.randint(-8, 3),
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
    left = math.floor(Fraction(abs(x) * kept, 2**bits))
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
    cells = [(p, j, cell) for p, cells in enumerate(net.populations) for j, cell in enumerate(cells)]
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
            u[n] = within(current + q, chip.current_bits, chip.current_overflow)
            trace.overflows[n] += u[n] != current + q
            trace.corners[f"current: {chip.current_overflow}"] += u[n] != current + q
            voltage = left_of(v[n], cell.voltage_decay, chip.voltage_decay_offset, chip.decay_bits)
            voltage += u[n] + cell.bias * 2**cell.bias_exponent
            compared[n] = within(voltage, chip.voltage_bits, chip.voltage_overflow)
            trace.corners[f"voltage: {chip.voltage_overflow}"] += compared[n] != voltage
            over = compared[n] > cell.threshold * 2**6
            trace.corners["at the threshold"] += compared[n] == cell.threshold * 2**6 != 0
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
            self.states.append(StateMonitor(group, ["u", "v", "v_compared"], record=True))
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
                [np.asarray(self.groups[g].overflows[:])[at] for g, at in homes]
            )
            spikes, begin = [], 0
            for g, at in homes:
                cell, time = np.asarray(self.spikes[g].i[:]), np.asarray(self.spikes[g].t[:] / ms)
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


def emulate(nets: dict[int, Net], run) -> dict[int, dict[str, np.ndarray]]:
    """Put networks into one Brian2 network, those of every other chip apart, and run it."""
    emulations = {
        chip: Emulation([nets[number] for number in numbers], apart=n % 2 == 1)
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


@pytest.fixture(autouse=True)
def no_compiler():
    """Runtime mode without Cython: what is tested here does not use it."""
    before = brian2.prefs.codegen.target
    brian2.prefs.codegen.target = "numpy"
    yield
    brian2.prefs.codegen.target = before


# -- one compiled program for many networks -------------------------------------------------------


def main(folder: Path, first: int, last: int) -> None:
    """Build and run a program with the networks FIRST … LAST-1 and the scenes; leave results."""
    from dense_networks import build

    brian2.set_device("cpp_standalone", build_on_run=False)
    flags = ["-w", "-O3", "-march=native", "-std=c++17"]  # those of the circuits' programs
    brian2.prefs["codegen.cpp.extra_compile_args_gcc"] = flags
    brian2.seed(1)
    scenes = [Learning(), Noise()]

    def run(objects: list) -> None:
        objects = objects + [thing for scene in scenes for thing in scene.objects]
        Network(objects).run(STEPS * ms)
        build(folder / "program")
        brian2.device.run(str(folder / "program"), "results", run_args=[], with_output=False)

    found = emulate({number: fixed_net(number) for number in range(first, last)}, run)
    for scene in scenes:
        np.savez(folder / f"{type(scene).__name__}.npz", **scene.results())
    for number, arrays in found.items():
        np.savez(folder / f"{number}.npz", **arrays)


def compiled(folder: Path, numbers: range) -> Path:
    command = [sys.executable, __file__, str(folder), str(numbers.start), str(numbers.stop)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The folder with the results of the compiled program."""
    return compiled(tmp_path_factory.mktemp("emulation"), FIXED)


# -- equal to the description ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixed():
    """The fixed networks, and what they should do."""
    nets = {number: fixed_net(number) for number in FIXED}
    return nets, {number: simulate(net) for number, net in nets.items()}


def test_the_fixed_networks_reach_every_corner_of_the_description(fixed):
    nets, expected = fixed
    for chips in (CONVENTIONS, {net.chip for net in nets.values()} - set(CONVENTIONS)):
        corners = sum((expected[n].corners for n, net in nets.items() if net.chip in chips), Counter())
        print(corners)
    assert set(CONVENTIONS) <= {net.chip for net in nets.values()}


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


class Learning: objects=()
class Noise: objects=()
if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
