"""Networks that are compared with other emulators of the chip, as plain numbers.

This file is read by each of them in an environment of its own: it needs nothing but NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

Format = tuple[str, int, int]
"""Sign mode, weight bits, exponent."""
Rule = Callable[["np.random.Generator", "Projection"], "tuple[str, dict[str, Trace]]"]

__all__ = [
    "INPUT",
    "LIMITS",
    "Net",
    "Population",
    "Projection",
    "Trace",
    "Within",
    "draw",
    "draw_errors",
    "draw_learning",
    "formats",
    "load",
    "rule_for_brian2_loihi",
    "rule_for_lava",
    "save",
    "save_results",
    "step_of",
]

INPUT = -1
LIMITS = {"mixed": (-256, 254), "excitatory": (0, 255), "inhibitory": (-255, 0)}


@dataclass(frozen=True)
class Population:
    """Compartments with the same parameters but for their biases (mantissas)."""

    threshold: int
    current_decay: int
    voltage_decay: int
    biases: list[int]
    bias_exponent: int = 0
    refractory: int = 1
    noise: str = ""  # "u", "v"
    noise_offset: int = 0
    noise_exponent: int = 0


@dataclass(frozen=True)
class Trace:
    """A trace that leaves nothing to chance: it keeps all of its value in a step, or nothing."""

    impulse: int
    keeps: bool


@dataclass(frozen=True)
class Projection:
    """All to all; `weights` are mantissas, [pre][post].  With a rule, it learns."""

    source: int  # a population, or INPUT
    target: int
    sign_mode: str
    weight_bits: int
    exponent: int
    weights: list[list[int]]
    delay: int = 0
    rule: str = ""
    traces: dict[str, Trace] = field(default_factory=dict)
    epoch: int = 1


@dataclass(frozen=True)
class Net:
    """A network with all that reaches it from outside.

    `spikes`: (step, source).  `noise`: what is drawn for each cell at each step, -127 … 127, before
    offset and exponent; empty if no population has noise.  `errors`: for each step and each of the
    second half of the targets of the projection that learns; the first half has the negative.
    """

    steps: int
    n_inputs: int
    spikes: list[tuple[int, int]]
    populations: list[Population]
    projections: list[Projection]
    noise: list[list[int]] = field(default_factory=list)
    errors: list[list[int]] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        """Cells of each population."""
        return [len(population.biases) for population in self.populations]


@dataclass(frozen=True)
class Within:
    """What networks are drawn within: what the other emulator has, and means the same by."""

    steps: int = 300
    current_decays: tuple[int, int] = (0, 4095)
    voltage_decays: tuple[int, int] = (0, 4096)
    refractory: int = 64
    biased: bool = True
    formats: tuple[Format, ...] = (("mixed", 8, 0),)
    whole_weights: bool = False  # mantissa times 2^exponent, and the mantissa's lowest bits
    delay: int = 62
    noise: tuple[str, ...] = ("",)
    lowest_mixed: int = -256


def formats(
    count: int,
    exponents: tuple[int, int],
    sign_modes: Sequence[str] = tuple(LIMITS),
    weight_bits: tuple[int, int] = (1, 8),
) -> tuple[Format, ...]:
    """Draw formats of weights, with each sign mode equally often; always the same ones.

    Networks of a study share a few, as one object can then hold the synapses of many.
    """
    rng = np.random.default_rng(len(sign_modes) * 100 + count)
    return tuple(
        (
            sign_modes[n % len(sign_modes)],
            int(rng.integers(*weight_bits, endpoint=True)),
            int(rng.integers(*exponents, endpoint=True)),
        )
        for n in range(count)
    )


def step_of(sign_mode: str, bits: int) -> int:
    """Return the step of a mantissa."""
    return int(2 ** (8 - bits + (sign_mode == "mixed")))


def draw(rng: np.random.Generator, within: Within) -> Net:
    """Draw a network: one to three populations, one to five projections."""
    sizes = rng.integers(1, 7, rng.integers(1, 4))
    n_inputs = int(rng.integers(1, 5))
    spikes = rng.random((within.steps, n_inputs)) < rng.choice([0.05, 0.2, 0.6])
    populations = [draw_population(rng, within, int(size)) for size in sizes]
    # each population has a source, so that all hang together; then there are more
    ends = [(int(rng.integers(INPUT, target)), target) for target in range(len(sizes))]
    ends += [
        (int(rng.integers(INPUT, len(sizes))), int(rng.integers(len(sizes))))
        for _ in range(rng.integers(3))
    ]
    projections = []
    for source, target in ends:
        n_pre = n_inputs if source == INPUT else int(sizes[source])
        projections.append(draw_projection(rng, within, source, target, n_pre, int(sizes[target])))
    noise = []
    if any(population.noise for population in populations):
        noise = rng.integers(-127, 128, (within.steps, sizes.sum())).tolist()
    return Net(
        within.steps, n_inputs, np.argwhere(spikes).tolist(), populations, projections, noise
    )


def draw_population(rng: np.random.Generator, within: Within, size: int) -> Population:
    """Draw parameters; ends of the ranges, and slow decays, are likely."""
    low, high = within.current_decays
    slow = drawn_slow(rng), drawn_slow(rng)
    biased = within.biased and rng.random() < 0.5
    noise = str(rng.choice(within.noise))
    return Population(
        threshold=int(2 ** rng.uniform(0, 16)),
        current_decay=int(rng.choice([low, high, rng.integers(low, high + 1), slow[0]])),
        voltage_decay=int(rng.choice([*within.voltage_decays, rng.integers(4097), slow[1]])),
        biases=rng.integers(-300, 1000, size).tolist() if biased else [0] * size,
        bias_exponent=int(rng.integers(8)) if biased else 0,
        refractory=min(int(rng.choice([1, 1, 2, rng.integers(1, 65)])), within.refractory),
        noise=noise,
        noise_offset=int(rng.integers(-20, 21)) if noise else 0,
        noise_exponent=int(rng.integers(1, 24 if noise == "u" else 16)) if noise else 0,
    )


def drawn_slow(rng: np.random.Generator) -> int:
    """Return a decay that is small more often than not."""
    return int(4095 ** rng.random())


def draw_projection(
    rng: np.random.Generator, within: Within, source: int, target: int, n_pre: int, n_post: int
) -> Projection:
    """Draw weights over the whole of their format."""
    sign_mode, bits, exponent = within.formats[rng.integers(len(within.formats))]
    low, high = LIMITS[sign_mode]
    if sign_mode == "mixed":
        low = max(low, within.lowest_mixed)
    step = max(step_of(sign_mode, bits), 2 ** max(-exponent, 0)) if within.whole_weights else 1
    weights = rng.integers(-(-low // step), high // step, (n_pre, n_post), endpoint=True) * step
    return Projection(
        source, target, sign_mode, bits, exponent, weights.tolist(),
        delay=int(rng.choice([0, rng.integers(within.delay + 1)])),
    )  # fmt: skip


# -- networks that learn --------------------------------------------------------------------------


def draw_learning(rng: np.random.Generator, within: Within, rule_of: Rule) -> Net:
    """Draw inputs that drive one or two populations, and synapses beside them that learn."""
    sizes = rng.integers(1, 6, rng.integers(1, 3))
    n_inputs = int(rng.integers(2, 5))
    spikes = rng.random((within.steps, n_inputs)) < rng.choice([0.1, 0.3])
    populations = [
        replace(draw_population(rng, within, int(size)), threshold=int(2 ** rng.uniform(4, 10)))
        for size in sizes
    ]
    projections = []
    for target in range(len(sizes)):
        drive = Within(formats=(("excitatory", 8, 0),), delay=0)
        n_post = int(sizes[target])
        projections.append(draw_projection(rng, drive, INPUT, target, n_inputs, n_post))
        source = INPUT if target == 0 else int(rng.integers(INPUT, target))
        n_pre = n_inputs if source == INPUT else int(sizes[source])
        projection = draw_projection(rng, within, source, target, n_pre, n_post)
        rule, traces = rule_of(rng, projection)
        projections.append(replace(projection, rule=rule, traces=traces, delay=0))
    return Net(within.steps, n_inputs, np.argwhere(spikes).tolist(), populations, projections)


def traces_of(rng: np.random.Generator, most: int) -> dict[str, Trace]:
    """Draw all traces; those that keep what they have grow by little."""
    traces = {}
    for name in ("x1", "x2", "y1", "y2", "y3"):
        keeps = bool(rng.random() < 0.5)
        traces[name] = Trace(int(rng.integers(1, 5 if keeps else most)), keeps)
    return traces


def term(rng: np.random.Generator, flags: Sequence[str], exponents: tuple[int, int]) -> str:
    """Draw one product of a power of two, a flag and a trace."""
    trace = rng.choice(["x1", "x2", "y1", "y2", "y3"])
    return f"2^{rng.integers(*exponents, endpoint=True)}*{rng.choice(flags)}*{trace}"


def rule_for_brian2_loihi(
    rng: np.random.Generator, projection: Projection
) -> tuple[str, dict[str, Trace]]:
    """Draw a rule of up to three products; the weight's step divides what they make."""
    lowest = int(np.log2(step_of(projection.sign_mode, projection.weight_bits)))
    lowest = lowest or -4  # every change is held
    rule = "dw ="
    for n in range(rng.integers(1, 4)):
        product = term(rng, ["x0", "y0", "u0", "u1", "u3"], (lowest, lowest + 1))
        product += str(rng.choice(["", "*y2", "*(w-2)"])) if lowest > 0 else ""
        rule += f" {rng.choice(['+', '-']) if n else '-'} {product}"
    return rule, traces_of(rng, 20)


def rule_for_lava(rng: np.random.Generator, projection: Projection) -> tuple[str, dict[str, Trace]]:
    """Draw a rule of one product, or two, with one trace each: with more, it drops bits."""
    flags = ["x0", "y0", f"u{rng.integers(4)}"]
    terms = [term(rng, flags, (1, 2)) for _ in range(rng.choice([1, 1, 2]))]
    rule = " ".join(f"{rng.choice(['+', '-'])} {product}" for product in terms)
    return f"dw = {rule.removeprefix('+ ')}", traces_of(rng, 10)


def draw_errors(rng: np.random.Generator, within: Within) -> Net:
    """Draw inputs that drive an even number of cells, and learn from errors (nengo-loihi's PES).

    A source spikes at most once in a learning epoch, of which nengo-loihi counts no more.
    """
    n_inputs, half = int(rng.integers(2, 5)), int(rng.integers(1, 4))
    epochs = rng.random((within.steps // 2, n_inputs)) < 0.4
    late = rng.integers(0, 2, epochs.shape)
    spikes = [(2 * int(k) + int(late[k, i]), int(i)) for k, i in np.argwhere(epochs)]
    population = replace(
        draw_population(rng, within, 2 * half), threshold=int(2 ** rng.uniform(4, 10))
    )
    drive, learns = (draw_projection(rng, within, INPUT, 0, n_inputs, 2 * half) for _ in range(2))
    keeps = bool(rng.random() < 0.5)
    trace = Trace(int(rng.integers(1, 3 if keeps else 20)), keeps)
    learns = replace(learns, rule="dw = 2*u1*x1*(r1-2^6)", traces={"x1": trace}, epoch=2)
    errors = rng.integers(-3, 4, (within.steps, half))
    return Net(
        within.steps, n_inputs, sorted(spikes), [population], [drive, learns],
        errors=errors.tolist(),
    )  # fmt: skip


# -- files ----------------------------------------------------------------------------------------


def save(file: Path, nets: list[Net]) -> None:
    """Write networks, as text in an npz file."""
    np.savez_compressed(file, nets=json.dumps([asdict(net) for net in nets]))


def load(file: Path) -> list[Net]:
    """Read networks."""
    with np.load(file) as found:
        return [_net(plain) for plain in json.loads(str(found["nets"]))]


def _net(plain: dict) -> Net:
    projections = [
        replace(
            Projection(**projection),
            traces={name: Trace(**trace) for name, trace in projection["traces"].items()},
        )
        for projection in plain.pop("projections")
    ]
    populations = [Population(**population) for population in plain.pop("populations")]
    return Net(**plain, populations=populations, projections=projections)


def save_results(file: Path, results: list[dict], versions: dict[str, str]) -> None:
    """Write what networks did.

    For each: `u`, `v` after the reset, `spikes` (steps, cells); `w0`, …, the mantissas of the
    projections that learn, at the end (pre, post).
    """
    arrays = {f"{k}/{name}": a for k, result in enumerate(results) for name, a in result.items()}
    np.savez_compressed(file, versions=json.dumps(versions), **arrays)
